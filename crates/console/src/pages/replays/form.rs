//! The form of a replay: what was typed, and what it means.

use std::collections::BTreeSet;

use domain::MessageType;
use maud::{Markup, html};
use resources::replays::{NewReplay, Place, REPLAY_RATE_DEFAULT};
use web::error::ApiError;

use crate::pages::settings::{Mistake, Typed};
use crate::ui::Button;
use crate::ui::form::{Checkbox, Field, InputKind, NumberInput, Select, TextInput};

/// The fields that mistakes belong to.
pub(super) const FIELDS: [&str; 8] =
    ["to", "from", "until", "events", "sources", "users", "source", "messages_per_second"];

/// What else an address may hold that fills the form.
pub(super) const CHOICES: [&str; 2] = ["types", "counted"];

/// What was typed.
#[derive(Default)]
pub(super) struct TypedReplay {
    to: String,
    from: String,
    until: String,
    types: Vec<String>,
    events: String,
    sources: String,
    users: String,
    source: String,
    rate: String,
    /// Whether it was counted before.
    is_counted: bool,
}

/// How a destination is named in the menu, and a workspace.
const DESTINATION: &str = "destination:";
const WORKSPACE: &str = "workspace:";

impl TypedReplay {
    pub(super) fn read(typed: &Typed) -> Self {
        let text = |name: &str| typed.text(name).to_owned();
        Self {
            to: text("to"),
            from: text("from"),
            until: text("until"),
            types: typed.all("types").map(str::to_owned).collect(),
            events: text("events"),
            sources: text("sources"),
            users: text("users"),
            source: text("source"),
            rate: text("messages_per_second"),
            is_counted: typed.text("counted") == "true",
        }
    }

    /// The query of an address that fills the form with a request that was counted.
    pub(super) fn query(request: &NewReplay) -> String {
        let place = |place: &Option<Place>| match place {
            Some(Place::Offset(offset)) => offset.to_string(),
            Some(Place::Time(time)) => time.clone(),
            None => String::new(),
        };
        let names = |names: &BTreeSet<String>| {
            names.iter().map(String::as_str).collect::<Vec<_>>().join(", ")
        };
        let to = match (&request.destination, &request.workspace) {
            (Some(name), _) => format!("{DESTINATION}{name}"),
            (None, name) => format!("{WORKSPACE}{}", name.as_deref().unwrap_or_default()),
        };
        let rate = request.messages_per_second.map(|rate| rate.to_string());
        let mut pairs = vec![
            ("to", to),
            ("from", place(&request.from)),
            ("until", place(&request.until)),
            ("events", names(&request.events)),
            ("sources", names(&request.sources)),
            ("users", names(&request.users)),
            ("source", request.source.clone().unwrap_or_default()),
            ("messages_per_second", rate.unwrap_or_default()),
            ("counted", "true".to_owned()),
        ];
        pairs.extend(request.types.iter().map(|type_| ("types", type_.word().to_owned())));
        let pairs = pairs.into_iter().filter(|(_, value)| !value.is_empty());
        let pairs = pairs.map(|(name, value)| format!("{name}={}", crate::page::encode(&value)));
        pairs.collect::<Vec<_>>().join("&")
    }

    /// What was asked for.
    ///
    /// # Errors
    /// If something is no number or no type.
    pub(super) fn request(&self, dry_run: bool) -> Result<NewReplay, ApiError> {
        let wrong = |what: String, field: &str| ApiError::invalid(what).at(format!("/{field}"));
        let (destination, workspace) =
            match (self.to.strip_prefix(DESTINATION), self.to.strip_prefix(WORKSPACE)) {
                (Some(name), _) => (Some(name.to_owned()), None),
                (None, Some(name)) => (None, Some(name.to_owned())),
                (None, None) => return Err(wrong("Choose where they go".to_owned(), "to")),
            };
        let of_word = |word: &String| MessageType::ALL.into_iter().find(|one| one.word() == word);
        let optional = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
        let messages_per_second = match self.rate.as_str() {
            "" => None,
            rate => Some(rate.parse().map_err(|_| {
                wrong(format!("“{rate}” is no whole number"), "messages_per_second")
            })?),
        };
        Ok(NewReplay {
            destination,
            workspace,
            source: optional(&self.source),
            from: place(&self.from),
            until: place(&self.until),
            types: self.types.iter().filter_map(of_word).collect(),
            events: names(&self.events),
            sources: names(&self.sources),
            users: names(&self.users),
            messages_per_second,
            dry_run,
        })
    }

    pub(super) fn controls(
        &self,
        destinations: &[String],
        workspaces: &[String],
        mistake: &Mistake,
    ) -> Markup {
        let named = |prefix: &'static str, word: &'static str, names: &[String]| {
            let option = move |name: &String| (format!("{prefix}{name}"), format!("{word} {name}"));
            names.iter().map(option).collect::<Vec<_>>()
        };
        let mut targets = vec![(String::new(), "–".to_owned())];
        targets.extend(named(DESTINATION, "Destination", destinations));
        targets.extend(named(WORKSPACE, "Workspace", workspaces));
        let targets: Vec<(&str, &str)> =
            targets.iter().map(|(value, label)| (value.as_str(), label.as_str())).collect();
        let rate = REPLAY_RATE_DEFAULT.to_string();
        let text = |name, label, hint, value| {
            let field = Field::new(name, label).optional().hint(hint).error(mistake.at(name));
            TextInput::new(field).kind(InputKind::Code).value(value)
        };
        html! {
            (mistake)
            (Select {
                field: Field::new("to", "To").error(mistake.at("to")),
                options: &targets,
                value: &self.to,
            })
            (text("from", "From", "A time such as 2026-03-01T00:00:00Z, or an offset of the journal. Without it from the beginning", &self.from))
            (text("until", "Until", "Not included. Without it up to now", &self.until))
            (self.types())
            (text("events", "Events, pages and screens", "Their names with commas between. Without one all", &self.events))
            (text("sources", "Sources", "Names with commas between", &self.sources))
            (text("users", "People", "User ids or anonymous ids with commas between", &self.users))
            (text("source", "Source in the other workspace", "For messages whose own source it does not have", &self.source))
            (NumberInput {
                field: Field::new("messages_per_second", "At most").optional()
                    .hint("New messages wait behind no more than 2,000 of a replay")
                    .error(mistake.at("messages_per_second")),
                value: if self.rate.is_empty() { &rate } else { &self.rate },
                unit: "messages a second",
            })
            div class="actions" {
                @if self.is_counted {
                    (Button::primary("Start the replay").named("do", "start"))
                    (Button::secondary("Count again").named("do", "count"))
                } @else {
                    (Button::primary("Count what would be sent").named("do", "count"))
                }
            }
        }
    }

    fn types(&self) -> Markup {
        html! {
            fieldset class="checks" {
                legend class="field-label" { "Types: all where none is ticked" }
                @for type_ in MessageType::ALL {
                    ({
                        let word = type_.word();
                        let id = format!("field-types-{word}");
                        Checkbox {
                            field: Field::new("types", word).id(&id),
                            is_checked: self.types.iter().any(|other| other == word),
                        }.render_valued(word)
                    })
                }
            }
        }
    }
}

fn place(text: &str) -> Option<Place> {
    match text.parse() {
        _ if text.is_empty() => None,
        Ok(offset) => Some(Place::Offset(offset)),
        Err(_) => Some(Place::Time(text.to_owned())),
    }
}

fn names(text: &str) -> BTreeSet<String> {
    let names = text.split(',').map(str::trim).filter(|name| !name.is_empty());
    names.map(str::to_owned).collect()
}
