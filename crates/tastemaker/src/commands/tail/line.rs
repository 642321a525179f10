//! Entries as lines for people.

use std::fmt::Write;

use owo_colors::{OwoColorize, Stream};
use resources::live::Effect;
use serde::Deserialize;

use crate::terminal::{bold, counted, dim, grouped};

/// The most effects of an entry on its line.
const EFFECTS_SHOWN_MAX: usize = 3;

#[derive(Deserialize)]
struct Shown {
    received_at: String,
    outcome: String,
    detail: Option<String>,
    source: Option<String>,
    event: Option<String>,
    name: Option<String>,
    user_id: Option<String>,
    anonymous_id: Option<String>,
    effects: Vec<Effect>,
}

/// The line of an entry.
pub(super) fn of(entry: &str) -> serde_json::Result<String> {
    let entry: Shown = serde_json::from_str(entry)?;
    let time = entry.received_at.get(11..19).unwrap_or(&entry.received_at);
    let event = plain(entry.event.as_deref().unwrap_or("message"));
    let mut line = format!(
        "{}  {}  {:<12}  {}",
        dim(&plain(time)),
        outcome(&plain(&entry.outcome)),
        plain(entry.source.as_deref().unwrap_or("-")),
        bold(&event)
    );
    let mut add = |text: String| line.push_str(&text);
    if let Some(name) = &entry.name {
        add(format!(" {}", plain(name)));
    }
    if let Some(who) = entry.user_id.as_ref().or(entry.anonymous_id.as_ref()) {
        add(format!(" by {}", plain(who)));
    }
    let shown = entry.effects.iter().take(EFFECTS_SHOWN_MAX).map(|effect| plain(&words(effect)));
    let effects = shown.collect::<Vec<_>>().join("; ");
    if !effects.is_empty() {
        add(format!(": {effects}"));
    }
    if entry.effects.len() > EFFECTS_SHOWN_MAX {
        add(format!("; and {} more", entry.effects.len() - EFFECTS_SHOWN_MAX));
    }
    if let Some(detail) = &entry.detail {
        add(format!("  {}", dim(&plain(detail))));
    }
    Ok(line)
}

/// The line that says how much was passed over.
pub(super) fn missed(data: &str) -> String {
    #[derive(Deserialize)]
    struct Missed {
        entries: u64,
    }
    let n = serde_json::from_str(data).map_or(0, |Missed { entries }| entries);
    format!("too much at once: up to {} messages and calls are not shown", grouped(n))
}

/// A text without characters that control a terminal.
pub(super) fn plain(text: &str) -> String {
    text.chars().map(|char| if char.is_control() { ' ' } else { char }).collect()
}

fn outcome(word: &str) -> String {
    let padded = format!("{word:<15}");
    match word {
        "rejected" | "refused" => {
            padded.if_supports_color(Stream::Stdout, |text| text.red()).to_string()
        }
        "duplicate" | "applied_in_part" => {
            padded.if_supports_color(Stream::Stdout, |text| text.yellow()).to_string()
        }
        "accepted" => padded.if_supports_color(Stream::Stdout, |text| text.green()).to_string(),
        _ => padded,
    }
}

fn words(effect: &Effect) -> String {
    let listed = |names: &[String]| match names.is_empty() {
        true => String::new(),
        false => format!(" ({})", names.join(", ")),
    };
    match effect {
        Effect::Interaction { kind, item_id, amount, price, value, .. } => {
            let mut words = format!("{} {item_id}", kind.participle());
            for (before, number) in [(" × ", amount), (" for ", price), (" at ", value)] {
                if let Some(number) = number {
                    // Writing to a text cannot fail.
                    write!(words, "{before}{number}").ok();
                }
            }
            words
        }
        Effect::InteractionsRemoved { kind, item_id, .. } => {
            format!("took back: {} {item_id}", kind.participle())
        }
        Effect::WeakSignals { kind, item_ids, .. } => {
            format!("{kind} of {}", counted(item_ids.len() as u64, "item", "items"))
        }
        Effect::UsersMerged { target, source } => format!("{source} is now {target}"),
        Effect::Traits { names } => format!("traits{}", listed(names)),
        Effect::Item { item_id, properties } => format!("item {item_id}{}", listed(properties)),
        Effect::User { user_id, properties } => format!("person {user_id}{}", listed(properties)),
        Effect::ItemDeleted { item_id } => format!("item {item_id} deleted"),
        Effect::UserDeleted { user_id } => format!("person {user_id} deleted"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_of_a_source_cannot_control_the_terminal() {
        let entry = r#"{"received_at":"2026-11-29T13:41:28.200Z","outcome":"rejected","detail":"\u001b[2J\n","source":"web","event":"\u001b]0;x\u0007","name":null,"user_id":"u\u009b1","anonymous_id":null,"effects":[{"effect":"item_deleted","item_id":"\r\u001b[A"}]}"#;
        let line = of(entry).unwrap();
        assert!(line.chars().all(|char| !char.is_control()), "{line:?}");
        assert!(line.starts_with("13:41:28  rejected"), "{line:?}");
    }
}
