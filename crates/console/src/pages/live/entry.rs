//! One entry of the list, and what it did in words.

use domain::{InteractionKind, Timestamp, WeakSignalKind, WorkspaceId};
use maud::{Markup, Render, html};
use resources::live::{Effect, LiveEntry, LiveKind, LiveOutcome};

use crate::page::{Area, item_path};
use crate::pages::people::address;
use crate::ui::{ArrivedEntry, Icon, Tone};

/// The most effects of one entry that a list shows.
const EFFECTS_SHOWN_MAX: usize = 3;
/// The most names of properties or traits, and the most items, of one effect.
const NAMES_SHOWN_MAX: usize = 6;

/// An element of the list.
pub(super) fn render(workspace: &WorkspaceId, entry: &LiveEntry, now: Timestamp) -> Markup {
    let opened = format!("{}/{}", Area::Live.path(workspace), entry.offset);
    let from = match entry.kind {
        LiveKind::Message => entry.source.as_deref().unwrap_or("unknown source"),
        LiveKind::Call => "an API or the console",
        LiveKind::Import => "import",
    };
    let mut facts = vec![from];
    facts.extend(entry.detail.as_deref());
    if entry.is_mapped_anew {
        facts.push("the mappings were changed since: shown is what it would do now");
    } else if entry.outcome == LiveOutcome::Accepted && entry.effects.is_empty() && is_event(entry)
    {
        facts.push("kept in the timeline only: no mapping takes it");
    }
    let n_more = entry.effects.len().saturating_sub(EFFECTS_SHOWN_MAX);
    let what = html! {
        a class="live-event" href=(opened) { (title(entry)) }
        @if let Some(id) = entry.user_id.as_ref().or(entry.anonymous_id.as_ref()) {
            " by " (person(workspace, id, entry))
        }
        @for (n, effect) in entry.effects.iter().take(EFFECTS_SHOWN_MAX).enumerate() {
            (if n == 0 { ": " } else { "; " }) (in_words(workspace, effect, Some(entry)))
        }
        @if n_more > 0 { "; and " (n_more) " more" }
    };
    ArrivedEntry {
        icon: icon(entry),
        tone: tone(entry.outcome),
        what,
        at: entry.received_at,
        now,
        facts: &facts,
        outcome: outcome_label(entry.outcome),
    }
    .render()
}

/// The name of the event or call, with that of the page or screen.
pub(super) fn title(entry: &LiveEntry) -> String {
    let event = entry.event.as_deref().filter(|event| !event.is_empty());
    let event = event.or(entry.type_.map(domain::MessageType::word)).unwrap_or("Message");
    match &entry.name {
        Some(name) => format!("{event}: {name}"),
        None => event.to_owned(),
    }
}

fn is_event(entry: &LiveEntry) -> bool {
    use domain::MessageType::{Page, Screen, Track};
    matches!(entry.type_, Some(Track | Page | Screen))
}

pub(super) fn outcome_label(outcome: LiveOutcome) -> &'static str {
    match outcome {
        LiveOutcome::Accepted => "accepted",
        LiveOutcome::AppliedInPart => "in part",
        LiveOutcome::Duplicate => "duplicate",
        LiveOutcome::Rejected => "rejected",
        LiveOutcome::Refused => "refused",
        LiveOutcome::Unknown => "received",
    }
}

pub(super) fn tone(outcome: LiveOutcome) -> Tone {
    match outcome {
        LiveOutcome::Accepted | LiveOutcome::Unknown => Tone::Neutral,
        LiveOutcome::AppliedInPart | LiveOutcome::Duplicate => Tone::Warning,
        LiveOutcome::Rejected | LiveOutcome::Refused => Tone::Bad,
    }
}

fn icon(entry: &LiveEntry) -> Icon {
    match (entry.outcome, entry.kind, entry.effects.first()) {
        (LiveOutcome::Rejected | LiveOutcome::Refused, ..) => Icon::Error,
        (LiveOutcome::Duplicate, ..) => Icon::Copy,
        (_, LiveKind::Import, _) => Icon::Upload,
        (.., Some(Effect::Interaction { kind, .. })) => match kind {
            InteractionKind::Purchase => Icon::Purchase,
            InteractionKind::Bookmark => Icon::Bookmark,
            InteractionKind::CartAddition => Icon::Add,
            InteractionKind::ViewPortion => Icon::Play,
            InteractionKind::DetailView | InteractionKind::Rating => Icon::View,
        },
        (.., Some(Effect::InteractionsRemoved { .. })) => Icon::Cross,
        (.., Some(Effect::WeakSignals { .. })) => Icon::View,
        (.., Some(Effect::UsersMerged { .. })) => Icon::People,
        (.., Some(Effect::Traits { .. } | Effect::User { .. } | Effect::UserDeleted { .. })) => {
            Icon::Person
        }
        (.., Some(Effect::Item { .. } | Effect::ItemDeleted { .. })) => Icon::Catalog,
        (.., None) => Icon::Live,
    }
}

/// An effect in words, as the rest of a sentence about the one who did it. Without an entry it is
/// the effect of a message that is only tried: its people and items need not exist, so that no
/// link leads to them.
pub(in crate::pages) fn in_words(
    workspace: &WorkspaceId,
    effect: &Effect,
    entry: Option<&LiveEntry>,
) -> Markup {
    let person = |id: &String| match entry {
        Some(entry) => person(workspace, id, entry),
        None => html! { bdi { (id) } },
    };
    let for_other = |id: &String| {
        let is_own = entry.is_some_and(|entry| {
            [&entry.user_id, &entry.anonymous_id].contains(&&Some(id.clone()))
        });
        (!is_own).then(|| html! { " for " (person(id)) })
    };
    html! {
        @match effect {
            Effect::Interaction { kind, item_id, amount, price, value, user_id } => {
                (did(*kind)) " " (item(workspace, item_id, entry))
                @if let Some(amount) = amount { " × " (amount) }
                @if let Some(price) = price { " for " (price) }
                @if let Some(value) = value { " (" (value) ")" }
                (for_other(user_id).unwrap_or_default())
            }
            Effect::InteractionsRemoved { kind, item_id, user_id } => {
                "took back: " (did(*kind)) " " (item(workspace, item_id, entry))
                (for_other(user_id).unwrap_or_default())
            }
            Effect::WeakSignals { kind, item_ids, .. } => {
                (match kind {
                    WeakSignalKind::Click => "clicked on ",
                    WeakSignalKind::ListView => "saw in a list ",
                })
                @for (n, id) in item_ids.iter().take(NAMES_SHOWN_MAX).enumerate() {
                    @if n > 0 { ", " } (item(workspace, id, entry))
                }
                (and_more(item_ids.len()))
            }
            Effect::UsersMerged { target, source } => {
                (person(source)) " is now " (person(target))
            }
            Effect::Traits { names } => { "traits " (list(names)) }
            Effect::Item { item_id, properties } => {
                "item " (item(workspace, item_id, entry)) (with_names(properties))
            }
            Effect::User { user_id, properties } => {
                "person " (person(user_id)) (with_names(properties))
            }
            Effect::ItemDeleted { item_id } => { "item " code { (item_id) } " deleted" }
            Effect::UserDeleted { user_id } => { "person " code { (user_id) } " deleted" }
        }
    }
}

fn did(kind: InteractionKind) -> &'static str {
    match kind {
        InteractionKind::CartAddition => "put into the cart",
        kind => kind.participle(),
    }
}

fn with_names(names: &[String]) -> Markup {
    html! { @if !names.is_empty() { " gets " (list(names)) } }
}

fn list(names: &[String]) -> Markup {
    let shown: Vec<&str> = names.iter().take(NAMES_SHOWN_MAX).map(String::as_str).collect();
    html! { (shown.join(", ")) (and_more(names.len())) }
}

fn and_more(n: usize) -> Markup {
    html! { @if n > NAMES_SHOWN_MAX { " and " (n - NAMES_SHOWN_MAX) " more" } }
}

/// Somebody whom an entry names by a user id, or by the anonymous id that it carries.
pub(super) fn person(workspace: &WorkspaceId, id: &str, entry: &LiveEntry) -> Markup {
    let is = |own: &Option<String>| own.as_deref() == Some(id);
    let is_anonymous = is(&entry.anonymous_id) && !is(&entry.user_id);
    let type_ = if is_anonymous { "anonymous_id" } else { "user_id" };
    let href = address::person(workspace, &format!("{type_}:{id}"), "");
    html! { a href=(href) { bdi { (id) } } }
}

/// An item by its title, with the id behind it.
fn item(workspace: &WorkspaceId, id: &str, entry: Option<&LiveEntry>) -> Markup {
    let Some(entry) = entry else { return html! { bdi { (id) } } };
    let href = item_path(workspace, id);
    match entry.titles.get(id) {
        Some(title) => html! { a href=(href) title=(id) { bdi { (title) } } },
        None => html! { a href=(href) { bdi { (id) } } },
    }
}
