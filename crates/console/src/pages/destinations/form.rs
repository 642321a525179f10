//! The form of a destination: its controls, made from the settings of its kind, and what was typed
//! into them. The name of a control is the place of its value in the change, without the first `/`.

use std::collections::BTreeMap;

use domain::{AfterCrash, ChannelLimits, DeliverySettings, DestinationRules};
use maud::{Markup, Render, html};
use resources::destinations::{DestinationChange, ShownDestination, ShownKind, ShownSetting};
use serde_json::{Map, Value, json};
use web::error::ApiError;

use crate::pages::settings::{Mistake, Typed};
use crate::ui::form::{
    Checkbox, CodeArea, Field, InputKind, NumberInput, Select, TextInput, field_group,
};

/// Lists of the rules, one entry a line: the control, its label, and what it takes.
const LISTS: [(&str, &str, &str); 6] = [
    ("rules/sources", "Only of these sources", "Names of sources; of all if empty"),
    (
        "rules/consent_categories",
        "Consent categories",
        "A message with consent preferences must allow all of them",
    ),
    (
        "rules/drop",
        "Not delivered",
        "Triggers, such as type = \"track\" and event = \"Debug\": a message that matches one is left out",
    ),
    ("rules/block_fields", "Fields that are removed", "Such as traits.email or context.ip"),
    (
        "rules/allow_fields",
        "The only fields that are kept",
        "Of properties, traits and context; all if empty",
    ),
    (
        "rules/hash_fields",
        "Fields that are hashed",
        "The value becomes the SHA-256 of its text, trimmed and in lower case",
    ),
];
const CONCURRENCY: &str = "delivery/concurrency";
const RATE: &str = "delivery/requests_per_second";
const AFTER_CRASH: &str = "delivery/after_crash";
/// What becomes of a message of which nobody knows whether it was taken: value, label.
const AFTER_CRASH_OPTIONS: [(&str, &str); 3] = [
    ("", "As fits the kind"),
    ("once_at_most", "Given up: nobody gets it twice"),
    ("once_at_least", "Sent again: nobody is left out"),
];
const SAMPLE: &str = "rules/sample_percent";
/// The limits of campaigns: control, label, hint, unit.
const LIMITS: [(&str, &str, &str, &str); 5] = [
    ("limits/per_day", "A day", "No limit if empty", "messages"),
    ("limits/per_week", "A week", "It begins on Monday; no limit if empty", "messages"),
    ("limits/per_month", "A month", "No limit if empty", "messages"),
    ("limits/gap_s", "Between two", "At least so long; no limit if empty", "seconds"),
    ("limits/per_five_minutes", "All people in five minutes", "No limit if empty", "messages"),
];
const MAPPINGS: &str = "mappings";

fn control(setting: &ShownSetting) -> String {
    format!("settings/{}", setting.key)
}

/// The control that removes a secret.
fn removal(setting: &ShownSetting) -> String {
    format!("remove/{}", setting.key)
}

/// The mistake beside its control; above the form where it has none.
pub(super) fn placed(mistake: Mistake, kind: &ShownKind) -> Mistake {
    let settings: Vec<String> = kind.settings.iter().map(control).collect();
    let lists = LISTS.iter().map(|(name, ..)| *name);
    let limits = LIMITS.iter().map(|(name, ..)| *name);
    let others = ["name", MAPPINGS, CONCURRENCY, RATE, AFTER_CRASH, SAMPLE].into_iter();
    let others = others.chain(lists).chain(limits);
    let all: Vec<&str> = settings.iter().map(String::as_str).chain(others).collect();
    mistake.among(&all)
}

/// What the form of a new destination holds.
pub(super) fn of_new(kind: &ShownKind) -> Typed {
    let mut controls = vec![("enabled".to_owned(), "true".to_owned())];
    for setting in &kind.settings {
        if is_chosen(setting) {
            controls.extend(setting.default.as_ref().and_then(|value| filled(setting, value)));
        }
    }
    Typed(controls)
}

/// What the form of a destination holds.
pub(super) fn of_stored(destination: &ShownDestination, kind: &ShownKind) -> Typed {
    let mut controls = Vec::new();
    let mut add = |name: &str, text: String| controls.push((name.to_owned(), text));
    if destination.enabled {
        add("enabled", "true".to_owned());
    }
    let DestinationRules {
        sources,
        consent_categories,
        drop,
        sample_percent,
        block_fields,
        allow_fields,
        hash_fields,
    } = &destination.rules;
    let lists = [
        sources.as_deref().unwrap_or_default(),
        consent_categories,
        drop,
        block_fields,
        allow_fields.as_deref().unwrap_or_default(),
        hash_fields,
    ];
    for ((name, ..), entries) in LISTS.iter().zip(lists) {
        add(name, entries.join("\n"));
    }
    let DeliverySettings { concurrency, requests_per_second, after_crash } = destination.delivery;
    let ChannelLimits { per_day, per_week, per_month, gap_s, per_five_minutes } =
        destination.limits;
    let limits = [per_day, per_week, per_month, gap_s].map(|limit| limit.map(u64::from));
    for ((name, ..), limit) in LIMITS.iter().zip(limits.into_iter().chain([per_five_minutes])) {
        add(name, limit.map(|limit| limit.to_string()).unwrap_or_default());
    }
    add(SAMPLE, sample_percent.map(|share| share.to_string()).unwrap_or_default());
    add(CONCURRENCY, concurrency.map(|n| n.to_string()).unwrap_or_default());
    add(RATE, requests_per_second.map(|rate| rate.to_string()).unwrap_or_default());
    let after_crash = after_crash.map(|after_crash| match after_crash {
        AfterCrash::OnceAtMost => "once_at_most",
        AfterCrash::OnceAtLeast => "once_at_least",
    });
    add(AFTER_CRASH, after_crash.unwrap_or_default().to_owned());
    if !destination.uses_presets {
        add(MAPPINGS, format!("{:#}", Value::Array(destination.mappings.clone())));
    }
    for setting in &kind.settings {
        let stored = destination.settings.get(&setting.key);
        let value = stored.or(setting.default.as_ref().filter(|_| is_chosen(setting)));
        controls.extend(value.and_then(|value| filled(setting, value)));
    }
    Typed(controls)
}

/// A control with the value of a setting; none for a box without a tick, and for a secret.
fn filled(setting: &ShownSetting, value: &Value) -> Option<(String, String)> {
    let text = match (setting.type_.as_str(), value) {
        ("secret", _) | (_, Value::Bool(false) | Value::Null) => return None,
        (_, Value::String(text)) => text.clone(),
        (_, Value::Object(texts)) => {
            let line = |(name, text): (&String, &Value)| {
                format!("{name}: {}", text.as_str().unwrap_or_default())
            };
            texts.iter().map(line).collect::<Vec<_>>().join("\n")
        }
        (_, other) => other.to_string(),
    };
    Some((control(setting), text))
}

/// The change that a form means.
///
/// # Errors
/// What cannot be read, at its control.
pub(super) fn change(typed: &Typed, kind: &ShownKind) -> Result<DestinationChange, ApiError> {
    let mut settings = BTreeMap::new();
    for setting in &kind.settings {
        if let Some(value) = typed_setting(typed, setting)? {
            settings.insert(setting.key.clone(), value);
        }
    }
    let list = |name| lines(typed, name);
    let only = |name| Some(lines(typed, name)).filter(|entries| !entries.is_empty());
    Ok(DestinationChange {
        name: None,
        uses_presets: false,
        kind: Some(kind.name.clone()),
        enabled: !typed.text("enabled").is_empty(),
        settings,
        mappings: Some(typed_mappings(typed)?),
        rules: DestinationRules {
            sources: only("rules/sources"),
            consent_categories: list("rules/consent_categories"),
            drop: list("rules/drop"),
            sample_percent: number(typed, SAMPLE)?,
            block_fields: list("rules/block_fields"),
            allow_fields: only("rules/allow_fields"),
            hash_fields: list("rules/hash_fields"),
        },
        delivery: DeliverySettings {
            concurrency: number(typed, CONCURRENCY)?,
            requests_per_second: number(typed, RATE)?,
            after_crash: match typed.text(AFTER_CRASH) {
                "once_at_most" => Some(AfterCrash::OnceAtMost),
                "once_at_least" => Some(AfterCrash::OnceAtLeast),
                _ => None,
            },
        },
        limits: ChannelLimits {
            per_day: number(typed, LIMITS[0].0)?,
            per_week: number(typed, LIMITS[1].0)?,
            per_month: number(typed, LIMITS[2].0)?,
            gap_s: number(typed, LIMITS[3].0)?,
            per_five_minutes: number(typed, LIMITS[4].0)?,
        },
    })
}

fn number<T: std::str::FromStr>(typed: &Typed, name: &str) -> Result<Option<T>, ApiError> {
    match typed.text(name) {
        "" => Ok(None),
        _ => typed.number(name).map(Some),
    }
}

fn lines(typed: &Typed, name: &str) -> Vec<String> {
    let lines = typed.exact(name).lines().map(str::trim);
    lines.filter(|line| !line.is_empty()).map(str::to_owned).collect()
}

fn typed_setting(typed: &Typed, setting: &ShownSetting) -> Result<Option<Value>, ApiError> {
    let name = control(setting);
    let text = typed.text(&name);
    Ok(match setting.type_.as_str() {
        "boolean" => Some(Value::Bool(!text.is_empty())),
        "secret" if !typed.text(&removal(setting)).is_empty() => Some(Value::Null),
        _ if text.is_empty() => None,
        "integer" => Some(Value::from(typed.number::<i64>(&name)?)),
        "texts" => Some(Value::Object(named_texts(typed, &name)?)),
        _ => Some(Value::from(text)),
    })
}

/// Texts by name, one `name: value` a line.
fn named_texts(typed: &Typed, control: &str) -> Result<Map<String, Value>, ApiError> {
    let read = |line: String| {
        let pair = line.split_once(':').map(|(name, text)| (name.trim(), text.trim()));
        let (name, text) = pair.filter(|(name, _)| !name.is_empty()).ok_or_else(|| {
            ApiError::invalid(format!("“{line}” should be a name, a colon and a value"))
                .at(format!("/{control}"))
        })?;
        Ok((name.to_owned(), Value::from(text)))
    };
    lines(typed, control).into_iter().map(read).collect()
}

fn typed_mappings(typed: &Typed) -> Result<Option<Vec<Value>>, ApiError> {
    match typed.text(MAPPINGS) {
        "" => Ok(None),
        text => serde_json::from_str(text).map(Some).map_err(|error| {
            let what = format!("This is no list of mappings as JSON: {error}");
            ApiError::invalid(what).at(format!("/{MAPPINGS}"))
        }),
    }
}

/// The controls of a destination.
pub(super) struct Controls<'a> {
    pub(super) kind: &'a ShownKind,
    /// The destination as it is; none of a new one.
    pub(super) stored: Option<&'a ShownDestination>,
    pub(super) typed: &'a Typed,
    pub(super) mistake: &'a Mistake,
}

impl Render for Controls<'_> {
    fn render(&self) -> Markup {
        html! {
            (self.mistake)
            @if self.stored.is_none() {
                (TextInput::new(Field::new("name", "Name")
                    .hint("As people call it: “orders to the warehouse”. It stays as it is")
                    .error(self.mistake.at("name")))
                    .value(self.typed.text("name")))
            }
            (Checkbox {
                field: Field::new("enabled", "On")
                    .hint("Messages that come while it is off are not sent later"),
                is_checked: !self.typed.text("enabled").is_empty(),
            })
            (field_group(&self.kind.title, &html! {
                @for setting in &self.kind.settings { (self.setting(setting)) }
            }))
            (field_group("What it gets", &html! {
                @for (name, label, hint) in LISTS { (self.area(name, label, hint)) }
                (self.number(
                    SAMPLE, "Sample", "All messages of this share of people; of all if empty", "%",
                ))
            }))
            (field_group("How much at once", &html! {
                (self.number(CONCURRENCY, "Requests at once", "Up to 64; 8 if empty", "requests"))
                (self.number(
                    RATE, "Limit", "As many as it takes if empty", "requests a second",
                ))
            }))
            (field_group("Messages of campaigns to one person", &html! {
                @for (name, label, hint, unit) in LIMITS { (self.number(name, label, hint, unit)) }
                (self.after_crash())
            }))
            (field_group("Mappings", &html! { (self.mappings()) }))
        }
    }
}

impl Controls<'_> {
    fn setting(&self, setting: &ShownSetting) -> Markup {
        let name = control(setting);
        let default = setting.default.as_ref().filter(|_| !is_chosen(setting));
        let default =
            default.map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned));
        // The text is that of the documentation, where code has its marks.
        let mut hint = setting.about.replace('`', "");
        if let Some(default) = default {
            hint.push_str(&format!(" If empty: {default}."));
        }
        let field = Field::new(&name, &setting.label).hint(&hint).error(self.mistake.at(&name));
        let field = if setting.required { field } else { field.optional() };
        let value = self.typed.text(&name);
        match setting.type_.as_str() {
            "boolean" => Checkbox { field, is_checked: !value.is_empty() }.render(),
            "choice" => {
                let empty = (setting.default.is_none()).then_some(("", "–"));
                let words = setting.choices.iter().map(|word| (word.as_str(), word.as_str()));
                let options: Vec<_> = empty.into_iter().chain(words).collect();
                Select { field, options: &options, value }.render()
            }
            "texts" => {
                hint.push_str(" One “name: value” a line.");
                let field = Field::new(&name, &setting.label).hint(&hint);
                let field = field.error(self.mistake.at(&name)).optional();
                CodeArea { field, value: self.typed.exact(&name), below: html! {} }.render()
            }
            "secret" => self.secret(setting),
            _ => TextInput::new(field).kind(InputKind::Code).value(value).render(),
        }
    }

    /// A secret is never shown: only whether it is set.
    fn secret(&self, setting: &ShownSetting) -> Markup {
        let (name, remove) = (control(setting), removal(setting));
        let about = setting.about.replace('`', "");
        let is_set = self.stored.is_some_and(|stored| {
            stored.settings.get(&setting.key) == Some(&json!({ "is_set": true }))
        });
        let hint = match is_set {
            true => format!("{about} It is set, and stays as it is if this is left empty."),
            false => about,
        };
        let field = Field::new(&name, &setting.label).hint(&hint).error(self.mistake.at(&name));
        let field = if setting.required && !is_set { field } else { field.optional() };
        let label = format!("Remove: {}", setting.label);
        html! {
            (TextInput::new(field).kind(InputKind::Password).autocomplete("new-password"))
            @if is_set && !setting.required {
                (Checkbox {
                    field: Field::new(&remove, &label),
                    is_checked: !self.typed.text(&remove).is_empty(),
                })
            }
        }
    }

    fn number(&self, name: &str, label: &str, hint: &str, unit: &str) -> Markup {
        let field = Field::new(name, label).optional().hint(hint).error(self.mistake.at(name));
        NumberInput { field, value: self.typed.text(name), unit }.render()
    }

    fn after_crash(&self) -> Markup {
        let hint = "Where the process ended while it was handed over, or its answer is lost";
        let field = Field::new(AFTER_CRASH, "When nobody knows whether one was taken");
        let field = field.optional().hint(hint).error(self.mistake.at(AFTER_CRASH));
        let value = self.typed.text(AFTER_CRASH);
        Select { field, options: &AFTER_CRASH_OPTIONS, value }.render()
    }

    fn area(&self, name: &str, label: &str, hint: &str) -> Markup {
        let hint = format!("{hint}. One a line");
        let field = Field::new(name, label).optional().hint(&hint).error(self.mistake.at(name));
        CodeArea { field, value: self.typed.exact(name), below: html! {} }.render()
    }

    fn mappings(&self) -> Markup {
        let n = self.stored.map(|stored| stored.mappings.len() as u64);
        let whose = match self.stored {
            Some(stored) if !stored.uses_presets => "its own",
            _ => "the presets of its kind",
        };
        let count = n.map(|n| format!("{}: {whose}.", domain::counted(n, "mapping", "mappings")));
        let actions = self.kind.actions.join(", ");
        let hint = format!(
            "What messages become there: a list as JSON. The presets if this is left empty. \
             Actions: {actions}"
        );
        let field = Field::new(MAPPINGS, "Mappings").optional().hint(&hint);
        let field = field.error(self.mistake.at(MAPPINGS));
        html! {
            @if let Some(count) = &count { p { (count) } }
            (CodeArea { field, value: self.typed.exact(MAPPINGS), below: html! {} })
        }
    }
}

/// Whether the control always has a value.
fn is_chosen(setting: &ShownSetting) -> bool {
    matches!(setting.type_.as_str(), "boolean" | "choice")
}
