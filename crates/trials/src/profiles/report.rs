//! The table of the trial: what was measured beside what is asked.

use std::fmt;

use domain::grouped;

use super::judge::Compared;
use super::{Options, Paced, Rate};

/// The least share of the messages a second that is left beside the definitions.
const INGESTION_SHARE_MIN: f64 = 0.5;
/// The most milliseconds from a message to the list that it changed, for 99 of 100 lists.
const REFRESH_P99_MS_MAX: f64 = 1_000.0;

/// What was measured.
pub struct Report {
    pub(super) options: Options,
    pub(super) filled: Rate,
    pub(super) without: Rate,
    pub(super) with: Rate,
    pub(super) compared: Compared,
    /// How long everybody took to be worked out after the definitions, in seconds.
    pub(super) worked_out_s: f64,
    pub(super) past_read_s: f64,
    /// How long everybody's lists took to be sent, in seconds, and how many they were.
    pub(super) first_sending_s: f64,
    pub(super) n_first_values: u64,
    pub(super) paced: Paced,
    pub(super) memory: Memory,
    pub(super) disk_bytes: u64,
}

/// The memory of the process, of which the trial itself is part.
pub(super) struct Memory {
    pub(super) empty_bytes: u64,
    /// With people and a model, before there are definitions.
    pub(super) at_rest_bytes: u64,
    /// With the definitions worked out and everybody's lists sent.
    pub(super) defined_bytes: u64,
    /// The most during the traffic beside the definitions.
    pub(super) peak_bytes: u64,
}

impl Report {
    fn ingestion_share(&self) -> f64 {
        self.with.per_second() / self.without.per_second()
    }

    /// The latency that this share of the lists does not exceed, in milliseconds.
    fn refresh_ms(&self, share: f64) -> f64 {
        let latencies = &self.paced.latencies_ms;
        latencies[((latencies.len() - 1) as f64 * share) as usize]
    }

    /// What falls short of what is asked.
    pub fn shortfalls(&self) -> Vec<String> {
        let (compared, share) = (&self.compared, self.ingestion_share());
        let n_wrong = compared.n_memberships_wrong + compared.n_values_wrong;
        let p99_ms = self.refresh_ms(0.99);
        let mut found = Vec::new();
        if n_wrong > 0 {
            found.push(format!("{n_wrong} memberships or values are wrong"));
        }
        if share < INGESTION_SHARE_MIN {
            found.push(format!("ingestion beside the definitions is {:.0} %", 100.0 * share));
        }
        if p99_ms > REFRESH_P99_MS_MAX {
            found.push(format!("p99 from message to list is {p99_ms:.0} ms"));
        }
        found
    }

    /// Rows of what, measured, asked.
    fn rows(&self) -> Vec<[String; 3]> {
        let (options, memory, compared) = (&self.options, &self.memory, &self.compared);
        let mib = |bytes: u64| format!("{:.0} MiB", bytes as f64 / 1_048_576.0);
        let each = |bytes: u64| {
            let own = bytes.saturating_sub(memory.empty_bytes);
            format!("{} bytes", grouped(own / options.people))
        };
        let rate = |rate: Rate| format!("{} /s", grouped(rate.per_second() as u64));
        let exact = |n: u64, n_wrong: u64| format!("{n_wrong} of {} wrong", grouped(n));
        let row = |what: &str, measured: String, asked: &str| [what.into(), measured, asked.into()];
        vec![
            row("people", grouped(options.people), ""),
            row("their history, taken at", rate(self.filled), ""),
            row(
                "simulated traffic",
                format!("{} min at {} /s", options.minutes, grouped(options.messages_per_second)),
                "",
            ),
            row("ingestion without definitions", rate(self.without), ""),
            row("ingestion beside them", rate(self.with), ""),
            row("share that is left", format!("{:.0} %", 100.0 * self.ingestion_share()), "50 %"),
            row("memory at rest, no definitions", mib(memory.at_rest_bytes), ""),
            row("of that, per profile", each(memory.at_rest_bytes), ""),
            row("memory with definitions", mib(memory.defined_bytes), ""),
            row("of that, per profile", each(memory.defined_bytes), "bounded"),
            row("peak beside the traffic", mib(memory.peak_bytes), ""),
            row("of that, per profile", each(memory.peak_bytes), "bounded"),
            row("files at the end", mib(self.disk_bytes), ""),
            row(
                "audiences at random instants",
                exact(compared.n_memberships, compared.n_memberships_wrong),
                "0",
            ),
            row(
                "computed traits at the same",
                exact(compared.n_values, compared.n_values_wrong),
                "0",
            ),
            row("everybody worked out in", format!("{:.1} s", self.worked_out_s), ""),
            row("past events read in", format!("{:.1} s", self.past_read_s), ""),
            row(
                "first sending of lists",
                format!("{} in {:.1} s", grouped(self.n_first_values), self.first_sending_s),
                "",
            ),
            row("lists changed at the rate of", rate(self.paced.rate), ""),
            row("lists that came", grouped(self.paced.latencies_ms.len() as u64), ""),
            row("message to list, p50", format!("{:.0} ms", self.refresh_ms(0.5)), ""),
            row("message to list, p99", format!("{:.0} ms", self.refresh_ms(0.99)), "1,000 ms"),
        ]
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "| | measured | asked |\n|---|---:|---:|")?;
        for [what, measured, asked] in self.rows() {
            writeln!(f, "| {what} | {measured} | {asked} |")?;
        }
        Ok(())
    }
}
