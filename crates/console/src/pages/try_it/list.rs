//! The list with its reasons, and what goes with it.

use std::fmt::Write;

use domain::{Endpoint, Entries, WorkspaceId};
use maud::{Markup, Render, html};
use resources::recommendations::{Preview, PreviewError, PreviewedItem};
use web::error::ApiError;

use super::clients::{Call, code_blocks};
use super::state::{Beside, Trial};
use super::{Tried, Viewer, words};
use crate::page::{Area, item_path, person_path};
use crate::ui::form::{Field, Form, InputKind, ReqlMistake, TextInput};
use crate::ui::{
    Button, Callout, EmptyState, Explanation, Icon, ItemCard, RankDiff, RankedItem, Reason,
};

/// What a trial shows: a fragment of the page, which comes anew while somebody types.
pub(super) struct Shown<'a> {
    pub(super) workspace: &'a WorkspaceId,
    pub(super) viewer: &'a Viewer,
    pub(super) trial: &'a Trial,
    pub(super) tried: &'a Tried,
    /// Why the settings were not kept.
    pub(super) refusal: Option<&'a ApiError>,
}

/// A part of 100.
const PERCENT: f64 = 100.0;

impl Render for Shown<'_> {
    fn render(&self) -> Markup {
        match &self.tried.list {
            Ok(list) => self.list(list),
            Err(error) => self.error(error),
        }
    }
}

impl Shown<'_> {
    fn error(&self, PreviewError { error, mistakes }: &PreviewError) -> Markup {
        html! {
            @for mistake in mistakes.iter() {
                div {
                    (Callout::error(&format!(
                        "{}, column {}: {}", capital(mistake.setting), mistake.column, mistake.message
                    )).announced())
                    @match mistake.setting {
                        "filter" => (ReqlMistake { text: self.trial.filter.trim(), column: mistake.column }),
                        "booster" => (ReqlMistake { text: self.trial.booster.trim(), column: mistake.column }),
                        _ => {}
                    }
                }
            }
            @if mistakes.is_empty() { (Callout::error(&capital(&error.message)).announced()) }
        }
    }

    fn list(&self, list: &Preview) -> Markup {
        html! {
            @if let Some(asked) = &list.why_not {
                @let answer = words::answer(asked);
                div id="why-not" { (Callout::info(&answer.title).text(&answer.text)) }
            }
            @match &self.tried.beside {
                Some(Ok(beside)) => (self.compared(beside, list)),
                Some(Err(error)) => (Callout::warning("Nothing to compare with").text(&error.error.message)),
                None => {}
            }
            section class="card" {
                h2 { "What would be shown, and why" }
                p class="muted" { (self.about(list)) }
                (self.items(list))
            }
            (self.keep())
            (self.calls(list))
        }
    }

    /// Who gets it, by which model.
    fn about(&self, list: &Preview) -> String {
        let mut about = match (list.user_known, &list.source) {
            (Some(false), _) => {
                "Nobody has this id yet: this is what somebody new would see. ".to_owned()
            }
            (None, None) if self.trial.item.is_empty() && self.trial.query.is_empty() => {
                "For somebody new. ".to_owned()
            }
            _ => String::new(),
        };
        if let Some(source) = &list.source {
            _ = write!(about, "It goes with {source}. ");
        }
        if let Some(group) = &list.group {
            _ = write!(about, "In group {group} of the A/B test. ");
        }
        if list.fallback {
            about.push_str(
                "Nothing is known that a choice could follow from: all of it is what is popular. ",
            );
        }
        match &list.model {
            Some(model) => _ = write!(about, "Answered by model {model}."),
            None => about.push_str("There is no model yet: train one to get personal lists."),
        }
        about
    }

    fn items(&self, list: &Preview) -> Markup {
        if list.items.is_empty() {
            return EmptyState {
                icon: Icon::TryIt,
                title: "Nothing to show",
                text: "No item passes these settings. Take the filter or the least relevance back, one by one.",
                next: None,
            }
            .render();
        }
        let is_item = list.endpoint.entries() == Entries::Items;
        html! {
            ol class="recommended recommended-dense" {
                @for item in &list.items {
                    @let href = self.href(list.endpoint, &item.id);
                    li {
                        (ItemCard {
                            id: &item.id,
                            title: item.title.as_deref(),
                            detail: item.title.as_ref().map(|_| item.id.as_str()),
                            picture: None,
                            href: &href,
                            more: is_item.then(|| self.reasons(item)),
                        })
                    }
                }
            }
        }
    }

    fn reasons(&self, item: &PreviewedItem) -> Markup {
        if item.because.is_empty() {
            return html! { p class="muted" { (words::source(item.source.unwrap_or_default())) } };
        }
        let hrefs: Vec<String> =
            item.because.iter().map(|reason| self.item_href(&reason.id)).collect();
        let reasons: Vec<Reason<'_>> = item
            .because
            .iter()
            .zip(&hrefs)
            .map(|(reason, href)| Reason {
                verb: reason.kind.participle(),
                item: reason.title.as_deref().unwrap_or(&reason.id),
                href,
                people: reason.people,
                share: reason.percent / PERCENT,
            })
            .collect();
        let who = if self.trial.user.is_empty() { "people" } else { "this person" };
        Explanation { who, reasons: &reasons }.render()
    }

    fn item_href(&self, id: &str) -> String {
        item_path(self.workspace, id)
    }

    fn href(&self, endpoint: Endpoint, id: &str) -> String {
        match endpoint.entries() {
            Entries::Items => self.item_href(id),
            Entries::Users => person_path(self.workspace, id),
            Entries::Segments => Area::Segments.path(self.workspace),
        }
    }

    fn compared(&self, beside: &Preview, list: &Preview) -> Markup {
        let place = |list: &Preview, id: &str| {
            list.items.iter().position(|item| item.id == id).map(|place| place + 1)
        };
        let only_before = beside.items.iter().filter(|item| place(list, &item.id).is_none());
        let all: Vec<(&PreviewedItem, String)> = list
            .items
            .iter()
            .chain(only_before)
            .map(|item| (item, self.href(list.endpoint, &item.id)))
            .collect();
        let items: Vec<RankedItem<'_>> = all
            .iter()
            .map(|(item, href)| RankedItem {
                title: item.title.as_deref().unwrap_or(&item.id),
                picture: None,
                href,
                before: place(beside, &item.id),
                after: place(list, &item.id),
            })
            .collect();
        let label = match self.trial.beside() {
            Beside::Scenario(name) => format!("Scenario {name}"),
            Beside::Kept(_) => "Settings of before".to_owned(),
            Beside::Defaults | Beside::Nothing => "No settings".to_owned(),
        };
        html! {
            section class="card" {
                h2 { "What moves" }
                (RankDiff { labels: (&label, "These settings"), items: &items })
            }
        }
    }

    fn keep(&self) -> Markup {
        let path = Area::TryIt.path(self.workspace);
        let beside = format!("{path}?{}", self.trial.address_beside_itself());
        let address = self.trial.address();
        let refusal = self.refusal.map(|error| error.message.as_str());
        html! {
            section class="card" {
                h2 { "Go on from here" }
                div class="stack" {
                    div class="actions" {
                        (Button::secondary("Change on, and compare with this").href(&beside))
                    }
                    @if self.viewer.may_keep {
                        (Form {
                            action: &format!("{path}/keep"),
                            csrf: &self.viewer.frame.csrf,
                            preview: None,
                            body: html! {
                                input type="hidden" name="trial" value=(address);
                                (TextInput::new(
                                    Field::new("name", "Keep as scenario")
                                        .hint("A new name, as shops call it: letters, digits, “-”, “_”")
                                        .error(refusal)
                                ).kind(InputKind::Code).value(&self.trial.keep_as))
                                div class="actions" { (Button::secondary("Keep")) }
                            },
                        })
                    } @else {
                        p class="muted" { "Editors can keep these settings as a scenario." }
                    }
                }
            }
        }
    }

    fn calls(&self, list: &Preview) -> Markup {
        let call = Call {
            server: &self.viewer.server,
            workspace: self.workspace,
            endpoint: list.endpoint,
            request: &self.tried.request,
        };
        html! {
            section class="card" {
                h2 { "The same from your shop" }
                (code_blocks(&call))
            }
        }
    }
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}
