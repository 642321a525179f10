//! Metrics of destinations, as text. They are made when they are asked for, so that those of a
//! destination that was removed are gone.

use std::fmt::Write;
use std::sync::Arc;

use engine::Engine;
use resources::destinations::{self, ShownDelivery};

/// The most destinations of a workspace that have metrics: the first by name.
const DESTINATIONS_SHOWN_MAX: usize = 20;
/// The most reasons of failures of one destination that have a metric.
const REASONS_SHOWN_MAX: usize = 20;

/// A metric of a destination: name, type, and what it is.
const HEADS: [(&str, &str, &str); 7] = [
    ("destination_delivered_total", "counter", "Deliveries that succeeded"),
    ("destination_retried_total", "counter", "Attempts that failed and were repeated"),
    ("destination_failed_total", "counter", "Deliveries that were given up"),
    ("destination_dead_letters", "gauge", "Dead letters"),
    ("destination_oldest_seconds", "gauge", "Age of the oldest message that is not delivered"),
    ("destination_lag_entries", "gauge", "Entries of the journal that are not read yet"),
    ("destination_latency_seconds", "gauge", "From the first attempt to success"),
];

/// The metrics of the destinations of these workspaces.
pub(super) fn text(engines: &[Arc<Engine>]) -> String {
    let mut rows: [String; HEADS.len()] = Default::default();
    for engine in engines {
        let config = engine.config();
        let mut names: Vec<&str> =
            config.outgoing_destinations().map(|destination| destination.name.as_str()).collect();
        names.sort_unstable();
        for name in names.into_iter().take(DESTINATIONS_SHOWN_MAX) {
            let labels = format!(
                "workspace=\"{}\",destination=\"{}\"",
                escaped(engine.id().as_str()),
                escaped(name)
            );
            add(&mut rows, &labels, &destinations::delivery_now(engine, name));
        }
    }
    let mut text = String::new();
    for ((name, type_, help), rows) in HEADS.into_iter().zip(rows) {
        if !rows.is_empty() {
            write!(text, "\n# HELP {name} {help}\n# TYPE {name} {type_}\n{rows}").ok();
        }
    }
    text
}

fn add(rows: &mut [String; HEADS.len()], labels: &str, delivery: &ShownDelivery) {
    let mut row = |n: usize, more: &str, value: f64| {
        writeln!(rows[n], "{}{{{labels}{more}}} {value}", HEADS[n].0).ok();
    };
    row(0, "", delivery.delivered as f64);
    row(1, "", delivery.retried as f64);
    for (reason, n) in delivery.failed.iter().take(REASONS_SHOWN_MAX) {
        row(2, &format!(",reason=\"{}\"", escaped(reason)), *n as f64);
    }
    row(3, "", delivery.dead_letters as f64);
    row(4, "", delivery.oldest_s);
    row(5, "", delivery.lag_entries as f64);
    let quantiles = [("0.5", delivery.latency_p50_ms), ("0.95", delivery.latency_p95_ms)];
    for (quantile, ms) in quantiles {
        if let Some(ms) = ms {
            row(6, &format!(",quantile=\"{quantile}\""), ms as f64 / 1_000.0);
        }
    }
}

/// The value of a label: names of destinations may have quotes.
fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}
