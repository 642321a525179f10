//! The controls of a campaign.

use domain::WorkspaceConfig;
use maud::{Markup, Render, html};
use resources::destinations::{self, ShownDestination};
use serde_json::Value;

use super::content::{ContentField, fields};
use super::definition::{
    AFTER, AT, CONTENT, CONTROL, CUT_OFF, EVENT, EXPIRES, GAP, IGNORES_LIMITS, LOCAL_TIME,
    MORE_NAME, MORE_TEXT, NUMBERS, QUIET, QUIET_THEN, START, UNLESS, UNLESS_WHERE, WHERE, unit_of,
};
use super::words;
use crate::pages::settings::{Mistake, Typed};
use crate::ui::form::{
    Checkbox, Choice, CodeArea, Field, InputKind, NumberInput, Select, TextInput, field_group,
};

/// The element that holds the fields of the message: they follow the channel.
pub(super) const CONTENT_ID: &str = "campaign-content";
/// The control of the person for whom the message is shown.
pub(super) const PERSON: &str = "person";
/// How an edit of the channel is told from others.
pub(super) const CHANNEL_EDIT: &str = "channel";

const STARTS: [(&str, &str); 3] =
    [("now", "Now"), ("at", "At a time"), ("event", "After something that people do")];
const PERIODS: [(&str, &str); 4] =
    [("days", "days"), ("hours", "hours"), ("minutes", "minutes"), ("seconds", "seconds")];
const LIMITS: [(&str, &str, &str); 3] = [
    (NUMBERS[0], "A day", "people"),
    (NUMBERS[1], "A run", "people"),
    (NUMBERS[2], "In all", "messages"),
];

/// The form of a campaign.
pub(super) struct Controls<'a> {
    pub(super) config: &'a WorkspaceConfig,
    pub(super) channels: &'a [ShownDestination],
    /// The definition as it is stored; an empty object of a new one.
    pub(super) stored: &'a Value,
    pub(super) is_new: bool,
    pub(super) typed: &'a Typed,
    pub(super) mistake: &'a Mistake,
}

/// The channel that is chosen; the first one where none is.
pub(super) fn chosen<'c>(
    channels: &'c [ShownDestination],
    typed: &Typed,
) -> Option<&'c ShownDestination> {
    let name = typed.text("channel");
    channels.iter().find(|channel| channel.name == name).or(channels.first())
}

impl Controls<'_> {
    fn field<'f>(&'f self, name: &'f str, label: &'f str) -> Field<'f> {
        Field::new(name, label).error(self.mistake.at(name))
    }

    fn text(&self, name: &str, label: &str, hint: &str) -> Markup {
        let field = self.field(name, label).optional().hint(hint);
        TextInput::new(field).value(self.typed.text(name)).render()
    }

    fn number(&self, name: &str, label: &str, unit: &str) -> Markup {
        let field = self.field(name, label).optional();
        NumberInput { field, value: self.typed.text(name), unit }.render()
    }

    /// A number with its unit.
    fn period(&self, name: &str, label: &str, unit_label: &str) -> Markup {
        let unit = unit_of(name);
        html! {
            (TextInput::new(self.field(name, label).optional())
                .kind(InputKind::Code)
                .value(self.typed.text(name)))
            (Select {
                field: Field::new(&unit, unit_label),
                options: &PERIODS,
                value: self.typed.text(&unit),
            })
        }
    }

    /// Name, channel, when and for whom.
    pub(super) fn basics(&self) -> Markup {
        let channels: Vec<(String, String)> = self.channels.iter().map(titled).collect();
        let channels: Vec<(&str, &str)> =
            channels.iter().map(|(name, title)| (name.as_str(), title.as_str())).collect();
        let audiences = self.config.audiences.iter().map(|audience| {
            (audience.key.as_str(), audience.name.as_deref().unwrap_or(&audience.key))
        });
        let audiences: Vec<(&str, &str)> =
            std::iter::once(("", "Everybody")).chain(audiences).collect();
        let channel = chosen(self.channels, self.typed).map_or("", |channel| &channel.name);
        html! {
            (self.mistake)
            div class="fields" {
                @if self.is_new {
                    (TextInput::new(self.field("key", "Key")
                        .hint("Of a-z, 0-9 and _: reports name it so, and it stays as it is"))
                        .kind(InputKind::Code)
                        .value(self.typed.text("key")))
                }
                (self.text("name", "Name", "As people call it"))
                div data-edits=(CHANNEL_EDIT) {
                    (Select {
                        field: self.field("channel", "Channel").hint("What sends the message"),
                        options: &channels,
                        value: channel,
                    })
                }
                (Select {
                    field: self.field("audience", "To").optional().hint("The audience that it is for"),
                    options: &audiences,
                    value: self.typed.text("audience"),
                })
            }
            (field_group("When it sends", &html! { (self.when()) }))
        }
    }

    fn when(&self) -> Markup {
        let stored = &self.stored["start"];
        let is_known = !self.typed.text(START).is_empty() || stored.is_null();
        if !is_known {
            return html! {
                p { (words::when(stored)) "." }
                p class="muted" { "This form does not change it: the admin API does." }
            };
        }
        let chosen = match self.typed.text(START) {
            "" => "now",
            chosen => chosen,
        };
        html! {
            (Choice { name: START, label: "Start", options: &STARTS, value: chosen })
            @if let Some(error) = self.mistake.at(START) { p class="field-error" { (error) } }
            div class="of-start-at" {
                (self.text(AT, "Time", "Such as 2026-06-01 09:00, in UTC; at once where it has passed"))
            }
            div class="of-start-event" {
                div class="fields" {
                    (self.text(EVENT, "Event", "As its messages name it, such as Product Added"))
                    (self.text(WHERE, "With", "Tests of its properties, such as price > 100"))
                    (self.period(AFTER, "How long after it", "Counted in"))
                    (self.text(UNLESS, "Unless they meanwhile do", "Such as Order Completed: who does it within that time gets nothing"))
                    (self.text(UNLESS_WHERE, "That with", "Tests of the properties of that event"))
                }
            }
        }
    }

    /// The fields of the message: those of the kind of the channel, and others that it has.
    pub(super) fn content(&self) -> Markup {
        let kind = chosen(self.channels, self.typed).map_or("", |channel| channel.kind.as_str());
        let known = fields(kind);
        let is_known = |name: &str| known.iter().any(|field| field.name == name);
        let others = self.typed.0.iter().filter_map(|(control, text)| {
            let name = control.strip_prefix(CONTENT)?;
            (!is_known(name) && !text.trim().is_empty()).then_some(name)
        });
        let more = !self.typed.text(MORE_NAME).is_empty()
            || !self.typed.text(MORE_TEXT).is_empty()
            || [MORE_NAME, MORE_TEXT].iter().any(|name| self.mistake.at(name).is_some());
        html! {
            @for field in known { (self.content_field(field.name, field)) }
            @for name in others {
                (self.area(&format!("{CONTENT}{name}"), name, "A field of this campaign"))
            }
            @if let Some(error) = self.mistake.at("content") { p class="field-error" { (error) } }
            details class="more" open[more] {
                summary { "One more field" }
                (TextInput::new(self.field(MORE_NAME, "Name of the field").optional()
                    .hint("As the mappings of the channel read it from the properties"))
                    .kind(InputKind::Code)
                    .value(self.typed.text(MORE_NAME)))
                (self.area(MORE_TEXT, "Its text", "A template"))
            }
        }
    }

    fn content_field(&self, name: &str, field: &ContentField) -> Markup {
        self.area(&format!("{CONTENT}{name}"), field.label, field.hint)
    }

    fn area(&self, name: &str, label: &str, hint: &str) -> Markup {
        let field = self.field(name, label).optional().hint(hint);
        CodeArea { field, value: self.typed.exact(name), below: html! {} }.render()
    }

    /// When and how often it sends.
    pub(super) fn options(&self) -> Markup {
        let then = [("later", "is sent afterwards"), ("discard", "is not sent")];
        let whose = [("workspace", "of the workspace"), ("person", "of the person")];
        let or = |name: &str, otherwise: &'static str| match self.typed.text(name) {
            "" => otherwise.to_owned(),
            text => text.to_owned(),
        };
        let quiet = self
            .field(QUIET, "Quiet hours")
            .optional()
            .hint("One window a line, such as 22:00 to 08:00, or saturday sunday 00:00 to 10:00");
        html! {
            (CodeArea { field: quiet, value: self.typed.exact(QUIET), below: html! {} })
            div class="fields" {
                (Select {
                    field: self.field(QUIET_THEN, "What is due then"),
                    options: &then,
                    value: &or(QUIET_THEN, "later"),
                })
                (Select {
                    field: self.field(LOCAL_TIME, "Hours and days are those"),
                    options: &whose,
                    value: &or(LOCAL_TIME, "workspace"),
                })
                (self.text(CUT_OFF, "Nothing on a day from", "Such as 20:00"))
                (self.period(GAP, "Least time between two to a person", "That is in"))
                (self.period(EXPIRES, "Not sent once it has waited for", "This is in"))
                @for (name, label, unit) in LIMITS { (self.number(name, &format!("At most: {}", label.to_lowercase()), unit)) }
                (self.number(CONTROL, "Control group, which gets nothing", "% of people"))
            }
            (Checkbox {
                field: self.field(IGNORES_LIMITS, "Pass over the limits of the channel")
                    .hint("For what people must get, such as a receipt"),
                is_checked: !self.typed.text(IGNORES_LIMITS).is_empty(),
            })
        }
    }

    /// For whom the message is shown: no part of the campaign.
    pub(super) fn person(&self) -> Markup {
        let field = Field::new(PERSON, "For the person").optional().error(self.mistake.at(PERSON));
        let field = field.hint("Any of the ids; somebody whom it is for if empty");
        TextInput::new(field).kind(InputKind::Code).value(self.typed.text(PERSON)).render()
    }
}

/// A channel with the title of its kind.
fn titled(channel: &ShownDestination) -> (String, String) {
    let kind = destinations::kinds().into_iter().find(|kind| kind.name == channel.kind);
    let title = kind.map_or_else(|| channel.kind.clone(), |kind| kind.title);
    (channel.name.clone(), format!("{} ({title})", channel.name))
}
