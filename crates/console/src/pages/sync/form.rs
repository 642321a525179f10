//! The controls of how a value goes to destinations: what was typed, and the settings it means.

use domain::SyncSettings;
use maud::{Markup, Render, html};
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::pages::settings::{Mistake, Typed};
use crate::ui::form::{Checkbox, Field, InputKind, Select, TextInput, field_group};

const FORMS: [(&str, &str); 3] = [
    ("identify", "A trait of the person (identify)"),
    ("track", "An event (track)"),
    ("both", "Both"),
];
const CHANGES: [(&str, &str); 2] =
    [("order", "Other items, or another order"), ("set", "Other items alone")];
const TIMES: [(&str, &str); 2] =
    [("on_change", "Whenever a value changes"), ("at_times", "At the times of day alone")];
/// The controls, each with the key of the settings that it stands for.
const CONTROLS: [(&str, &str); 9] = [
    ("sync_destinations", "destinations"),
    ("sync_as", "as"),
    ("sync_changes", "changes"),
    ("sync_identifiers", "identifiers"),
    ("sync_with_traits", "with_traits"),
    ("sync_at", "at"),
    ("sync_when", "when"),
    ("sync_detail", "detail"),
    ("sync_paused", "paused"),
];

/// The names of the controls.
pub(in crate::pages) const FIELDS: [&str; 9] = {
    let mut names = [""; 9];
    let mut n = 0;
    while n < names.len() {
        names[n] = CONTROLS[n].0;
        n += 1;
    }
    names
};

/// The controls with what was typed. Lists have some that single values have not.
pub(in crate::pages) fn controls(
    destinations: &[String],
    typed: &Typed,
    mistake: &Mistake,
    is_list: bool,
) -> Markup {
    let chosen: Vec<&str> = typed.all("sync_destinations").collect();
    let destination = |name: &String| {
        let id = format!("field-sync-destination-{name}");
        let field = Field::new("sync_destinations", name).id(&id);
        Checkbox { field, is_checked: chosen.contains(&name.as_str()) }.render_valued(name)
    };
    let select = |name: &'static str, label, options: &[(&str, &str)]| {
        let field = Field::new(name, label).error(mistake.at(name));
        Select { field, options, value: typed.text(name) }.render()
    };
    let text = |name: &'static str, label, hint| {
        let field = Field::new(name, label).optional().hint(hint).error(mistake.at(name));
        TextInput::new(field).kind(InputKind::Code).value(typed.text(name)).render()
    };
    let checkbox = |name: &'static str, label, hint| {
        let field = Field::new(name, label).hint(hint).error(mistake.at(name));
        Checkbox { field, is_checked: typed.optional(name).is_some() }.render()
    };
    html! {
        @if destinations.is_empty() {
            p { "There is no destination yet: add one on the page Destinations first." }
        } @else {
            (field_group("Where it goes", &html! {
                @for name in destinations { (destination(name)) }
                @if let Some(error) = mistake.at("sync_destinations") {
                    p class="field-error" { (error) }
                }
            }))
            div class="fields" {
                (select("sync_as", "What they get", &FORMS))
                (select("sync_when", "When", &TIMES))
                (text("sync_at", "At times of day", "07:00, 19:30+02:00: everybody is compared then; without “+02:00” of UTC"))
                @if is_list { (select("sync_changes", "A list has changed with", &CHANGES)) }
                (text("sync_identifiers", "For which ids", "user_id all, email last; empty: every user id"))
                (text("sync_with_traits", "With further traits", "Keys of traits and audiences: plan, buyers"))
            }
            @if is_list {
                (checkbox("sync_detail", "With scores", "The list goes along once more, with a score for each item"))
            }
            (checkbox("sync_paused", "Paused", "Nothing is sent; what has changed by then is sent afterwards"))
        }
    }
}

/// Settings as the controls have them; the defaults where there are none.
pub(in crate::pages) fn typed_of(sync: Option<&SyncSettings>) -> Vec<(String, String)> {
    let plain = SyncSettings::to(&[]);
    let sync = sync.unwrap_or(&plain);
    let identifiers = sync.identifiers.iter();
    let identifiers = identifiers.map(|one| format!("{} {}", one.type_, word(&one.strategy)));
    let times = sync.at.iter().map(ToString::to_string);
    let mut typed = vec![
        ("sync_as", word(&sync.form)),
        ("sync_changes", word(&sync.changes)),
        ("sync_when", word(&sync.when)),
        ("sync_identifiers", identifiers.collect::<Vec<_>>().join(", ")),
        ("sync_with_traits", sync.with_traits.join(", ")),
        ("sync_at", times.collect::<Vec<_>>().join(", ")),
    ];
    typed.extend(sync.destinations.iter().map(|name| ("sync_destinations", name.clone())));
    typed.extend(sync.detail.then(|| ("sync_detail", "true".to_owned())));
    typed.extend(sync.paused.then(|| ("sync_paused", "true".to_owned())));
    typed.into_iter().map(|(name, text)| (name.to_owned(), text)).collect()
}

/// The word of a choice in JSON.
fn word(choice: &impl Serialize) -> String {
    match serde_json::to_value(choice) {
        Ok(Value::String(word)) => word,
        _ => String::new(),
    }
}

/// The JSON of the settings that were typed; none where no destination is chosen.
pub(in crate::pages) fn parse(typed: &Typed) -> Option<Value> {
    let destinations: Vec<&str> = typed.all("sync_destinations").collect();
    if destinations.is_empty() {
        return None;
    }
    let mut keys = Map::new();
    keys.insert("destinations".to_owned(), destinations.into());
    for name in ["as", "changes", "when"] {
        if let Some(word) = typed.optional(&format!("sync_{name}")) {
            keys.insert(name.to_owned(), word.into());
        }
    }
    for name in ["with_traits", "at"] {
        let texts: Vec<&str> = texts(typed.text(&format!("sync_{name}"))).collect();
        keys.insert(name.to_owned(), texts.into());
    }
    let identifiers = texts(typed.text("sync_identifiers")).map(|text| {
        let (type_, strategy) = text.rsplit_once(' ').unwrap_or((text, "all"));
        json!({ "type": type_.trim(), "strategy": strategy })
    });
    keys.insert("identifiers".to_owned(), identifiers.collect());
    for name in ["detail", "paused"] {
        keys.insert(name.to_owned(), typed.optional(&format!("sync_{name}")).is_some().into());
    }
    Some(Value::Object(keys))
}

/// The texts between commas.
fn texts(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim).filter(|text| !text.is_empty())
}

/// A mistake in the settings beside the control of its key.
pub(in crate::pages) fn placed(mistake: Mistake) -> Mistake {
    CONTROLS.into_iter().fold(mistake, |mistake, (control, key)| {
        mistake.moved_from(&format!("sync/{key}"), control)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_typed_as_they_are_shown() {
        let json = json!({
            "destinations": ["crm", "mail"], "as": "both", "changes": "set", "when": "at_times",
            "identifiers": [{ "type": "email", "strategy": "last" }], "with_traits": ["plan"],
            "at": ["07:00", "19:30+02:00"], "detail": true, "paused": true,
        });
        let settings: SyncSettings = serde_json::from_value(json).expect("settings");
        let typed = Typed(typed_of(Some(&settings)));
        assert_eq!(typed.text("sync_identifiers"), "email last");
        let parsed = parse(&typed).expect("destinations are chosen");
        assert_eq!(serde_json::from_value::<SyncSettings>(parsed).expect("settings"), settings);
        assert_eq!(parse(&Typed(typed_of(None))), None);
    }
}
