//! What a replay would send, and what a back-fill would change or has changed: the pages of their
//! jobs.

use domain::{WorkspaceId, counted, grouped};
use maud::{Markup, Render, html};
use resources::places::Place;
use resources::replays::NewReplay;
use serde_json::Value;
use web::jobs::Job;

use super::form::TypedReplay;
use super::path;
use crate::page::{Area, Frame};
use crate::ui::form::Form;
use crate::ui::{Button, Callout, Cell, Column, Table};

fn number(result: &Value, name: &str) -> u64 {
    result[name].as_u64().unwrap_or_default()
}

/// Counts by name, as rows of a table.
fn counts(result: &Value, name: &str) -> Vec<(String, u64)> {
    let counts = result[name].as_object().into_iter().flatten();
    counts.map(|(name, n)| (name.clone(), n.as_u64().unwrap_or_default())).collect()
}

fn table(title: &'static str, rows: Vec<(String, u64)>) -> Markup {
    if rows.is_empty() {
        return html! {};
    }
    let columns = vec![Column::text("What"), Column::number("Number")];
    let rows = rows
        .into_iter()
        .map(|(name, n)| vec![Cell::new(html! { bdi { (name) } }), Cell::new(grouped(n))]);
    let table = Table::new(title, columns).captioned().rows(rows);
    html! { section class="card card-table" { (table) } }
}

/// What a replay has sent, or would send, in a sentence.
pub(in crate::pages) fn replay_text(result: &Value) -> String {
    let count = |name, one, more| counted(number(result, name), one, more);
    if result.get("messages").is_some() {
        let messages = count("messages", "message", "messages");
        return match result["request"]["destination"].is_string() {
            true => {
                let deliveries = count("deliveries", "delivery", "deliveries");
                format!("{messages} would be sent, as {deliveries}.")
            }
            false => format!("{messages} would be sent."),
        };
    }
    let mut text = count("replayed", "message was", "messages were") + " sent once more";
    if number(result, "items") > 0 {
        text += &format!(", after {} of the catalog", count("items", "item", "items"));
    }
    match number(result, "duplicates") {
        0 => text + ".",
        known => format!("{text}; {} there before.", counted(known, "was", "were")),
    }
}

/// What a replay would send, with the way to start it; nothing for one that was sent.
pub(in crate::pages) fn replay_result(workspace: &WorkspaceId, job: &Job) -> Markup {
    let Some(result) = job.result.as_ref().filter(|result| result.get("messages").is_some()) else {
        return html! {};
    };
    let request: NewReplay = serde_json::from_value(result["request"].clone()).unwrap_or_default();
    let to = format!("{}?{}", path(workspace), TypedReplay::query(&request));
    let examples = result["examples"].as_array().into_iter().flatten();
    html! {
        div class="actions" { (Button::primary("Go on to start it").href(&to)) }
        (table("Messages by type", counts(result, "by_type")))
        (table("Messages by event", counts(result, "by_event")))
        (table("Withheld by the rules", counts(result, "withheld")))
        (table("Mappings that fail", counts(result, "failed")))
        @for example in examples {
            section class="card" {
                h2 { "What entry " (grouped(number(example, "offset"))) " would send" }
                pre class="code" tabindex="0" { (format!("{:#}", example["requests"])) }
            }
        }
    }
}

/// What a back-fill changes, with the way to make it where it was a preview.
pub(in crate::pages) fn back_fill_result(
    frame: &Frame,
    workspace: &WorkspaceId,
    job: &Job,
) -> Markup {
    let Some(result) = &job.result else { return html! {} };
    let action = format!("{}/past", Area::Mappings.path(workspace));
    let is_preview = result["is_preview"] == true;
    let span = html! {
        input type="hidden" name="from" value=(Place::text_of(number(result, "from")));
        input type="hidden" name="until" value=(Place::text_of(number(result, "until")));
        div class="actions" { (Button::primary("Apply to the past").named("do", "apply")) }
    };
    let apply = Form { action: &action, csrf: &frame.csrf, preview: None, body: span };
    let kept = number(result, "merges_kept");
    let others = [
        ("People of whom something changes", "people"),
        ("People who are new", "people_created"),
        ("Ids that belong to one person now", "merges"),
        ("Items that are new", "items_created"),
        ("Items that nothing names any more", "items_removed"),
        ("Clicks and list views that are new", "signals_added"),
        ("Clicks and list views that are gone", "signals_removed"),
    ];
    let others: Vec<(String, u64)> = others
        .into_iter()
        .map(|(title, name)| (title.to_owned(), number(result, name)))
        .filter(|(_, n)| *n > 0)
        .collect();
    let is_nothing = others.is_empty();
    html! {
        @if is_nothing {
            (Callout::info("Nothing differs").text("The past is as these mappings have it."))
        }
        @if kept > 0 {
            (Callout::warning("Some people stay merged").text(
                "Earlier mappings merged them and these do not: a merge cannot be taken back."
            ))
        }
        @if is_preview && !is_nothing && frame.may_open(&action) { (apply.render()) }
        (table("Interactions that are new", counts(result, "added")))
        (table("Interactions that are gone", counts(result, "removed")))
        (table("Interactions with other values", counts(result, "changed")))
        (table("What else changes", others))
        (examples(result))
    }
}

fn examples(result: &Value) -> Markup {
    let examples: Vec<&Value> = result["examples"].as_array().into_iter().flatten().collect();
    if examples.is_empty() {
        return html! {};
    }
    let columns = vec![Column::text("Person"), Column::text("Before"), Column::text("Then")];
    let rows = examples.into_iter().map(|example| {
        let user = example["user_id"].as_str().unwrap_or_default().to_owned();
        vec![
            Cell::new(html! { bdi { (user) } }),
            Cell::new(interaction(&example["before"])),
            Cell::new(interaction(&example["after"])),
        ]
    });
    let table = Table::new("Examples", columns).captioned().rows(rows);
    html! { section class="card card-table" { (table) } }
}

/// An interaction in words: its kind and item, and its value.
fn interaction(interaction: &Value) -> Markup {
    let text = |name: &str| interaction[name].as_str().unwrap_or_default().to_owned();
    html! {
        @if interaction.is_object() {
            (text("kind").replace('_', " ")) " of " bdi { (text("item_id")) }
            @if let Some(value) = interaction["value"].as_f64() { ", " (value) }
            span class="under" { (text("timestamp")) }
        } @else { "–" }
    }
}
