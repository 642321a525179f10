//! The form of a replay: what was typed, and what it means.

use std::collections::BTreeSet;

use domain::MessageType;
use maud::{Markup, html};
use resources::places::Place;
use resources::replays::{NewReplay, REPLAY_RATE_DEFAULT};
use web::error::ApiError;

use crate::pages::settings::{Mistake, Typed};
use crate::ui::Button;
use crate::ui::form::{Checkbox, CodeArea, Field, InputKind, NumberInput, Select, TextInput};

/// The fields that mistakes belong to.
pub(super) const FIELDS: [&str; 9] = [
    "to",
    "workspace",
    "from",
    "until",
    "events",
    "sources",
    "users",
    "source",
    "messages_per_second",
];

/// What else an address may hold that fills the form.
pub(super) const CHOICES: [&str; 3] = ["types", "counted", "catalog"];

/// What was typed.
#[derive(Default)]
pub(super) struct TypedReplay {
    to: String,
    /// The id of a new workspace.
    workspace: String,
    takes_catalog: bool,
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
/// How a workspace that is to be made is named in the menu.
const NEW_WORKSPACE: &str = "new_workspace";

impl TypedReplay {
    pub(super) fn read(typed: &Typed) -> Self {
        let text = |name: &str| typed.text(name).to_owned();
        Self {
            to: text("to"),
            workspace: text("workspace"),
            takes_catalog: typed.text("catalog") == "true",
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
        let place =
            |place: &Option<Place>| place.as_ref().map(Place::to_string).unwrap_or_default();
        let names = |names: &BTreeSet<String>| {
            names.iter().map(String::as_str).collect::<Vec<_>>().join("\n")
        };
        let to = match (&request.destination, &request.workspace) {
            (Some(name), _) => format!("{DESTINATION}{name}"),
            (None, _) if request.create_workspace => NEW_WORKSPACE.to_owned(),
            (None, name) => format!("{WORKSPACE}{}", name.as_deref().unwrap_or_default()),
        };
        let new_workspace = request.workspace.clone().filter(|_| request.create_workspace);
        let catalog = if request.catalog { "true" } else { "" };
        let rate = request.messages_per_second.map(|rate| rate.to_string());
        let mut pairs = vec![
            ("to", to),
            ("workspace", new_workspace.unwrap_or_default()),
            ("catalog", catalog.to_owned()),
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

    /// A mistake beside its field: one in a target of the menu belongs to the menu.
    pub(super) fn placed(&self, mistake: Mistake) -> Mistake {
        let targets: &[&str] = match self.to == NEW_WORKSPACE {
            true => &["destination"],
            false => &["destination", "workspace"],
        };
        mistake.moved(targets, "to").among(&FIELDS)
    }

    /// What was asked for.
    ///
    /// # Errors
    /// If something is no number or no type.
    pub(super) fn request(&self, dry_run: bool) -> Result<NewReplay, ApiError> {
        let wrong = |what: String, field: &str| ApiError::invalid(what).at(format!("/{field}"));
        let create_workspace = self.to == NEW_WORKSPACE;
        let (destination, workspace) =
            match (self.to.strip_prefix(DESTINATION), self.to.strip_prefix(WORKSPACE)) {
                _ if create_workspace => (None, Some(self.workspace.clone())),
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
            catalog: self.takes_catalog && workspace.is_some(),
            workspace,
            create_workspace,
            source: optional(&self.source),
            from: Place::typed(&self.from),
            until: Place::typed(&self.until),
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
        may_make_workspaces: bool,
        mistake: &Mistake,
    ) -> Markup {
        let named = |prefix: &'static str, word: &'static str, names: &[String]| {
            let option = move |name: &String| (format!("{prefix}{name}"), format!("{word} {name}"));
            names.iter().map(option).collect::<Vec<_>>()
        };
        let mut targets = vec![(String::new(), "–".to_owned())];
        targets.extend(named(DESTINATION, "Destination", destinations));
        targets.extend(named(WORKSPACE, "Workspace", workspaces));
        if may_make_workspaces {
            targets.push((NEW_WORKSPACE.to_owned(), "A new workspace".to_owned()));
        }
        let has_workspaces = may_make_workspaces || !workspaces.is_empty();
        let targets: Vec<(&str, &str)> =
            targets.iter().map(|(value, label)| (value.as_str(), label.as_str())).collect();
        let rate = REPLAY_RATE_DEFAULT.to_string();
        let text = |name, label, hint, value| {
            let field = Field::new(name, label).optional().hint(hint).error(mistake.at(name));
            TextInput::new(field).kind(InputKind::Code).value(value)
        };
        let lines = |name, label, hint, value| {
            let field = Field::new(name, label).optional().hint(hint).error(mistake.at(name));
            CodeArea { field, value, below: html! {} }
        };
        html! {
            (mistake)
            (Select {
                field: Field::new("to", "To").error(mistake.at("to")),
                options: &targets,
                value: &self.to,
            })
            @if has_workspaces {
                @if may_make_workspaces {
                    (text("workspace", "Id of the new workspace", "Only for a new one. It gets the names of the sources, with new write keys", &self.workspace))
                }
                (text("source", "Source in the other workspace", "Only for one that is there: for messages whose own source it does not have", &self.source))
                (Checkbox {
                    field: Field::new("catalog", "Take the catalog along into the workspace first")
                        .hint("Items that are available now, with their properties, and series and groups. Nothing else is copied: no imported interactions, segments, scenarios, mappings, destinations or settings"),
                    is_checked: self.takes_catalog,
                })
            }
            (text("from", "From", "A time such as 2026-03-01T00:00:00Z, a date, or an offset of the journal such as offset:120. Without it from the beginning", &self.from))
            (text("until", "Until", "Not included. Without it up to now", &self.until))
            (self.types())
            (lines("events", "Events, pages and screens", "Their names, one a line. Without one all", &self.events))
            (lines("sources", "Sources", "Their names, one a line", &self.sources))
            (lines("users", "People", "User ids or anonymous ids, one a line", &self.users))
            (NumberInput {
                field: Field::new("messages_per_second", "At most").optional()
                    .hint("New messages wait behind no more than 2,000 of a replay")
                    .error(mistake.at("messages_per_second")),
                value: if self.rate.is_empty() { &rate } else { &self.rate },
                unit: "messages a second",
            })
            div class="actions" {
                @if self.is_counted {
                    input type="hidden" name="counted" value="true";
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

fn names(text: &str) -> BTreeSet<String> {
    let names = text.lines().map(str::trim).filter(|name| !name.is_empty());
    names.map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use axum::extract::Query;

    use super::*;

    /// The form as a browser sends it again from an address.
    fn sent(query: &str) -> TypedReplay {
        let address = format!("/replays?{query}").parse().unwrap();
        let Query(pairs) = Query::<Vec<(String, String)>>::try_from_uri(&address).unwrap();
        TypedReplay::read(&Typed(pairs))
    }

    #[test]
    fn names_with_commas_stay_whole_on_the_way_through_an_address() {
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let request = NewReplay {
            workspace: Some("copy".to_owned()),
            create_workspace: true,
            catalog: true,
            from: Some(Place::Offset(7)),
            until: Place::typed("2026-03-01"),
            events: names(&["Viewed, then left", "Order Completed"]),
            users: names(&["Doe, Jane", "a,b"]),
            ..NewReplay::default()
        };
        let typed = sent(&TypedReplay::query(&request));
        assert!(typed.is_counted);
        let again = typed.request(false).unwrap();
        let from = Place::typed("offset:7");
        assert_eq!(again, NewReplay { from, ..request });
    }
}
