//! `tastemaker events`: events that no mapping takes, and the presets that come nearest.

use std::collections::BTreeMap;

use anyhow::Result;
use engine::UnmatchedEvent;

use super::Place;
use crate::terminal;

#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    place: Place,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    let opened = args.place.open()?;
    let events = opened.engine.snapshot().unmatched_events.list();
    if args.place.json {
        let output: Vec<_> = events.iter().map(UnmatchedEvent::to_json).collect();
        println!("{}", serde_json::to_string_pretty(&serde_json::json!({ "not_taken": output }))?);
        return Ok(());
    }
    if events.is_empty() {
        println!("Every event so far is taken by a preset.");
        return Ok(());
    }
    let preset_of =
        |event: &UnmatchedEvent| event.suggestion().map_or("none", |suggestion| suggestion.preset);
    let row = |event: &UnmatchedEvent| {
        vec![
            event.type_.word().to_owned(),
            event.event.clone(),
            terminal::grouped(event.count),
            event.last_at.to_string(),
            preset_of(event).to_owned(),
        ]
    };
    let rows: Vec<Vec<String>> = events.iter().map(row).collect();
    println!(
        "These events are in the timelines of users, but no mapping takes them for recommendations:"
    );
    println!(
        "{}",
        terminal::table(&["type", "event", "messages", "latest", "similar preset"], &rows)
    );
    let suggestions = events.iter().filter_map(UnmatchedEvent::suggestion);
    let examples: BTreeMap<_, _> =
        suggestions.map(|suggestion| (suggestion.preset, suggestion)).collect();
    for (preset, suggestion) in examples {
        let (set, example) = (suggestion.set, suggestion.example);
        let since =
            if set > 1 { format!(" (with presets = {set} or more)") } else { String::new() };
        println!("\n{preset}{since} takes messages like this:\n{example}");
    }
    Ok(())
}
