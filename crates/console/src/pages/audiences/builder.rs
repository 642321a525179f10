//! The builder: a condition as controls. A script sends the form while somebody works in it, and
//! the answer has the text and these controls anew.

use maud::{Markup, Render, html};
use resources::audience_preview::KnownWords;

use super::parts::{Part, ROOT, TESTS};
use crate::ui::form::{Field, Select, TextInput};
use crate::ui::{Button, Icon};

/// What can be added to a group, by the word of the button's value.
const KINDS: [(&str, &str); 7] = [
    ("event", "What they did"),
    ("trait", "Trait"),
    ("account_trait", "Trait of their account"),
    ("audience", "Audience"),
    ("funnel", "One thing after another"),
    ("rfm", "How recently and often"),
    ("or", "Group"),
];
const COUNTS: [(&str, &str); 3] =
    [("at_least", "at least"), ("at_most", "at most"), ("exactly", "exactly")];
const WINDOWS: [(&str, &str); 4] = [
    ("ever", "at any time"),
    ("last", "in the last"),
    ("between", "between, ago"),
    ("since", "since (date)"),
];
const NEGATIONS: [(&str, &str); 2] = [("", "is true"), ("not", "is not true")];
const GROUPS: [(&str, &str); 2] = [("and", "all of these"), ("or", "one of these")];
const ORDERS: [(&str, &str); 2] = [("then", "then"), ("then_not", "then not")];

/// The controls of a condition.
pub(super) struct Builder<'a> {
    pub(super) root: &'a Part,
    /// The audiences that may be chosen, each with its label.
    pub(super) audiences: &'a [(&'a str, &'a str)],
    /// The path of the part that was just added, which gets the focus.
    pub(super) added: Option<&'a str>,
}

impl Render for Builder<'_> {
    fn render(&self) -> Markup {
        self.part(self.root, ROOT, "Everybody for whom")
    }
}

impl Builder<'_> {
    fn part(&self, part: &Part, path: &str, title: &str) -> Markup {
        let is_root = path == ROOT;
        html! {
            fieldset class="part" data-added[self.added == Some(path)] {
                legend { (title) }
                @if !matches!(part.kind.as_str(), "and" | "or") { (kind(part, path)) }
                div class="part-fields" {
                    @if !is_root { (select(part, path, "not", "This", &NEGATIONS)) }
                    (self.fields(part, path))
                    @if !is_root {
                        (action(&format!("remove {path}"), "Remove", &format!("Remove {title}"), Icon::Cross))
                    }
                }
                (self.below(part, path))
            }
        }
    }

    /// The controls of the part itself.
    fn fields(&self, part: &Part, path: &str) -> Markup {
        match part.kind.as_str() {
            "and" | "or" => html! {
                @let place = format!("{path}.kind");
                (Select { field: Field::new(&place, "Holds"), options: &GROUPS, value: &part.kind })
            },
            "event" => html! {
                (words(part, path, "name", "Event", EVENTS))
                (select(part, path, "count", "Count", &COUNTS))
                (line(part, path, "times", "Times"))
                (window(part, path))
            },
            "funnel" => html! {
                (select(part, path, "then", "Order", &ORDERS))
                (line(part, path, "within", "Within"))
                (window(part, path))
            },
            "rfm" => html! {
                (words(part, path, "name", "Event", EVENTS))
                (select(part, path, "group", "Group", &RFM_GROUPS))
                (line(part, path, "over", "Over"))
            },
            "trait" => test(part, path, "Trait", TRAITS),
            "account_trait" => test(part, path, "Trait of an account", ACCOUNT_TRAITS),
            "audience" => select(part, path, "key", "Audience", self.audiences),
            "match" => words(part, path, "name", "Event", EVENTS),
            "test" => test(part, path, "Property", PROPERTIES),
            _ => line(part, path, "text", "Condition as text"),
        }
    }

    /// The parts of the part, and what can be added to it.
    fn below(&self, part: &Part, path: &str) -> Markup {
        let title = |n: usize, child: &Part| match (part.kind.as_str(), child.kind.as_str()) {
            ("funnel", _) => ["First", "Second"][n.min(1)].to_owned(),
            (_, "test") => format!("Where {}", n + 1),
            (_, kind) => {
                let label = KINDS.iter().find(|(own, _)| *own == kind).map(|(_, label)| *label);
                format!(
                    "{}, part {}",
                    label.unwrap_or(if kind == "and" { "Group" } else { "As text" }),
                    n + 1
                )
            }
        };
        html! {
            @for (n, child) in part.parts.iter().enumerate() {
                @let below = format!("{path}.{n}");
                @match child.kind.as_str() {
                    "test" | "match" => {
                        fieldset class="part" data-added[self.added == Some(&*below)] {
                            legend { (title(n, child)) }
                            (kind(child, &below))
                            div class="part-fields" {
                                (self.fields(child, &below))
                                @if child.kind == "test" {
                                    (action(&format!("remove {below}"), "Remove", "Remove this test", Icon::Cross))
                                }
                            }
                            (self.below(child, &below))
                        }
                    }
                    _ => (self.part(child, &below, &title(n, child))),
                }
            }
            @match part.kind.as_str() {
                "and" | "or" => {
                    div class="actions" role="group" aria-label="Add a condition" {
                        @for (kind, label) in KINDS {
                            (action(&format!("add {kind} {path}"), label, &format!("Add: {label}"), Icon::Add))
                        }
                    }
                }
                "event" | "match" | "rfm" => {
                    div class="actions" {
                        (action(&format!("add test {path}"), "Where", "Where: add a test of a property", Icon::Add))
                    }
                }
                _ => {}
            }
        }
    }
}

/// The groups of recency and frequency with their words.
const RFM_GROUPS: [(&str, &str); 10] = [
    ("champions", "champions"),
    ("loyal", "loyal"),
    ("potential_loyalists", "potential loyalists"),
    ("new", "new"),
    ("promising", "promising"),
    ("need_attention", "need attention"),
    ("about_to_sleep", "about to sleep"),
    ("at_risk", "at risk"),
    ("cannot_lose", "cannot lose"),
    ("hibernating", "hibernating"),
];

const EVENTS: &str = "known-events";
const PROPERTIES: &str = "known-properties";
const TRAITS: &str = "known-traits";
const ACCOUNT_TRAITS: &str = "known-account-traits";

/// The names that fields suggest.
pub(super) fn suggestions(words: &KnownWords) -> Markup {
    html! {
        datalist id=(EVENTS) { @for name in &words.events { option value=(name) {} } }
        @let lists = [
            (PROPERTIES, &words.properties),
            (TRAITS, &words.traits),
            (ACCOUNT_TRAITS, &words.account_traits),
        ];
        @for (id, names) in lists {
            datalist id=(id) {
                @for (name, sample) in names {
                    option value=(name) label=[sample.as_ref().map(|sample| format!("such as {sample}"))] {}
                }
            }
        }
    }
}

fn kind(part: &Part, path: &str) -> Markup {
    html! { input type="hidden" name={ (path) ".kind" } value=(part.kind); }
}

fn line(part: &Part, path: &str, name: &str, label: &str) -> Markup {
    let place = format!("{path}.{name}");
    TextInput::new(Field::new(&place, label)).value(part.field(name)).render()
}

fn words(part: &Part, path: &str, name: &str, label: &str, list: &str) -> Markup {
    let place = format!("{path}.{name}");
    TextInput::new(Field::new(&place, label)).value(part.field(name)).suggests(list).render()
}

fn select(part: &Part, path: &str, name: &str, label: &str, options: &[(&str, &str)]) -> Markup {
    let place = format!("{path}.{name}");
    Select { field: Field::new(&place, label), options, value: part.field(name) }.render()
}

fn window(part: &Part, path: &str) -> Markup {
    let kind = part.field("window");
    html! {
        (select(part, path, "window", "When", &WINDOWS))
        @match kind {
            "last" => { (line(part, path, "from", "Period, as in 30 days")) }
            "between" => {
                (line(part, path, "from", "From, as in 30 days"))
                (line(part, path, "to", "To, as in 60 days"))
            }
            "since" => { (line(part, path, "from", "Date, as in 2026-03-01")) }
            _ => {}
        }
    }
}

fn test(part: &Part, path: &str, label: &str, list: &str) -> Markup {
    let takes_value = !part.field("test").ends_with("exists");
    html! {
        (words(part, path, "name", label, list))
        (select(part, path, "test", "Test", &TESTS))
        @if takes_value { (line(part, path, "value", "Value")) }
    }
}

/// A button that changes the controls.
fn action(action: &str, label: &str, name: &str, icon: Icon) -> Markup {
    Button::quiet(label).icon(icon).previews(action, name).render()
}
