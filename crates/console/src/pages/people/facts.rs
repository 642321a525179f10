//! Traits of people and accounts, as tables and texts.

use domain::Timestamp;
use maud::{Markup, html};
use resources::people::{ShownComputedTrait, ShownTrait};
use serde_json::Value;

use crate::ui::{Cell, Column, RelativeTime, Table};

/// How much is shown of the value of a computed trait.
const COMPUTED_CHARS_MAX: usize = 200;

/// The source of a fact.
pub(super) fn source_name(source: &str) -> Markup {
    html! { bdi { (if source.is_empty() { "import or API call" } else { source }) } }
}

/// A text without its quotes; anything else as JSON.
pub(super) fn value_text(one: &ShownTrait) -> String {
    serde_json::from_str::<String>(one.value.get()).unwrap_or_else(|_| one.value.get().to_owned())
}

/// The beginning of a value: a list may have thousands of elements.
pub(super) fn computed_text(value: &Value) -> String {
    let text = match value {
        Value::Null => "no value".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let mut chars = text.chars();
    let shown: String = chars.by_ref().take(COMPUTED_CHARS_MAX).collect();
    if chars.next().is_some() { shown + "…" } else { shown }
}

/// The traits that sources have set.
pub(super) fn traits_table(traits: &[ShownTrait], now: Timestamp) -> Table<'static> {
    let columns = ["Trait", "Value", "Set by", "When"].map(Column::text).into();
    Table::new("Traits", columns).rows(traits.iter().map(|one| {
        vec![
            Cell::new(html! { bdi { (one.key) } }),
            Cell::new(html! { bdi { (value_text(one)) } }),
            Cell::new(source_name(&one.source)),
            Cell::new(RelativeTime { at: one.updated_at, now }),
        ]
    }))
}

/// The values of computed traits.
pub(super) fn computed_table(values: &[ShownComputedTrait], now: Timestamp) -> Table<'static> {
    let columns = ["Computed trait", "Value", "Since"].map(Column::text).into();
    Table::new("Computed traits", columns).rows(values.iter().map(|one| {
        vec![
            Cell::new(html! { bdi { (one.key) } }),
            Cell::new(html! { bdi { (computed_text(&one.value)) } }),
            Cell::new(RelativeTime { at: one.changed_at, now }),
        ]
    }))
}
