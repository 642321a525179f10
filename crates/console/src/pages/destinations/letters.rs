//! Dead letters: what was given up, sent again, changed or dropped.

use axum::Extension;
use axum::extract::Path;
use axum::response::{IntoResponse, Response};
use domain::{Timestamp, WorkspaceId};
use maud::{Markup, Render, html};
use resources::destinations::{
    self, DeadLetterPage, LetterChoice, LetterName, ShownDeadLetter, WholeDeadLetter,
};
use serde_json::Value;
use web::access::Caller;
use web::error::ApiError;
use web::parameters::Parameters;
use web::workspaces::Workspace;

use super::{lead_to, may_change};
use crate::page::{Area, Frame, Page, destination_path, encode};
use crate::pages::settings::{Mistake, Typed, again};
use crate::ui::form::{CodeArea, Field, Form};
use crate::ui::{Button, Callout, Cell, Column, Confirmation, Pagination, RelativeTime, Table};

/// The most dead letters of a page.
pub(super) const SHOWN_MAX: usize = 50;
/// The control that names a dead letter: its offset, a point, and its mapping.
const LETTER: &str = "letter";

/// What the list needs to know beside the letters.
pub(super) struct Shown<'a> {
    pub(super) frame: &'a Frame,
    pub(super) workspace: &'a WorkspaceId,
    pub(super) destination: &'a str,
    pub(super) may_change: bool,
    pub(super) now: Timestamp,
}

impl Shown<'_> {
    /// A page of the dead letters of a destination.
    pub(super) fn list(&self, page: &DeadLetterPage, is_first: bool) -> Markup {
        let own = destination_path(self.workspace, self.destination, "");
        let next = page.next.as_ref().map(|next| format!("{own}?after={}", encode(next)));
        let n = page.dead_letters.len();
        html! {
            section class="section" aria-labelledby="dead-letters" {
                div class="section-head" {
                    h2 id="dead-letters" { "Dead letters" }
                    p { "Deliveries that were given up. Each can be sent again, also changed, or dropped." }
                }
                @if n == 0 && is_first {
                    p class="card" { "There are none: nothing has to be done." }
                } @else {
                    div class="card card-table" { (self.table(&page.dead_letters)) }
                    @if self.may_change && n > 1 { (self.send_all(&page.dead_letters)) }
                    (Pagination {
                        of: "dead letters",
                        shown: &domain::counted(n as u64, "dead letter", "dead letters"),
                        previous: (!is_first).then_some(own.as_str()),
                        next: next.as_deref(),
                    })
                }
            }
        }
    }

    fn table(&self, letters: &[ShownDeadLetter]) -> Table<'_> {
        let mut columns = vec![
            Column::text("Mapping"),
            Column::text("Given up"),
            Column::text("Reason"),
            Column::text("What was answered"),
            Column::number("Attempts"),
        ];
        if self.may_change {
            columns.push(Column::actions("Send again or drop"));
        }
        Table::new("Dead letters", columns).rows(letters.iter().map(|letter| self.row(letter)))
    }

    fn row(&self, letter: &ShownDeadLetter) -> Vec<Cell> {
        let href =
            letter_path(self.workspace, self.destination, "", letter.offset, &letter.mapping);
        let mapping = if letter.mapping.is_empty() { "no mapping" } else { &letter.mapping };
        let first = html! {
            @if self.frame.may_open(&href) { a href=(href) { (mapping) } } @else { (mapping) }
            span class="under" { "entry " (domain::grouped(letter.offset)) }
        };
        let at = Timestamp::parse(&letter.at);
        let mut cells = vec![
            Cell::new(first),
            Cell::new(html! {
                @match at {
                    Some(at) => (RelativeTime { at, now: self.now }),
                    None => (letter.at),
                }
            }),
            Cell::new(html! { code { (letter.reason) } }),
            Cell::new(html! { bdi { (letter.text) } }),
            Cell::new(letter.attempts),
        ];
        if self.may_change {
            cells.push(Cell::new(self.row_actions(letter)));
        }
        cells
    }

    fn row_actions(&self, letter: &ShownDeadLetter) -> Markup {
        let send = destination_path(self.workspace, self.destination, "/dead-letter/send");
        let (offset, mapping) = (letter.offset, letter.mapping.as_str());
        let drop = letter_path(self.workspace, self.destination, "/drop", offset, mapping);
        let body = html! {
            div class="row-actions" {
                (Button::quiet("Send again").named(LETTER, &word(letter)))
                (Button::quiet("Drop").href(&drop))
            }
        };
        Form { action: &send, csrf: &self.frame.csrf, preview: None, body }.render()
    }

    fn send_all(&self, letters: &[ShownDeadLetter]) -> Markup {
        let send = destination_path(self.workspace, self.destination, "/dead-letter/send");
        let body = html! {
            @for letter in letters { input type="hidden" name=(LETTER) value=(word(letter)); }
            div class="actions" { (Button::secondary("Send all of these again")) }
        };
        Form { action: &send, csrf: &self.frame.csrf, preview: None, body }.render()
    }
}

fn word(letter: &ShownDeadLetter) -> String {
    format!("{}.{}", letter.offset, letter.mapping)
}

/// A mapping may have any name, also `..`: it is a parameter.
fn letter_path(
    workspace: &WorkspaceId,
    destination: &str,
    part: &str,
    offset: u64,
    mapping: &str,
) -> String {
    let own = destination_path(workspace, destination, "/dead-letter");
    format!("{own}{part}?offset={offset}&mapping={}", encode(mapping))
}

/// The letters that a form names.
fn named(typed: &Typed) -> Result<Vec<LetterName>, ApiError> {
    let read = |word: &str| {
        let (offset, mapping) = word.split_once('.')?;
        Some(LetterName { offset: offset.parse().ok()?, mapping: mapping.to_owned() })
    };
    let letters: Option<Vec<_>> = typed.all(LETTER).map(read).collect();
    letters.ok_or_else(|| ApiError::bad_request("letter names no dead letter"))
}

pub(super) async fn send(
    Workspace(workspace): Workspace,
    Path((_, name)): Path<(String, String)>,
    typed: Typed,
) -> Result<Response, ApiError> {
    let choice = LetterChoice { dead_letters: named(&typed)?, message: None };
    destinations::retry_letters(&workspace, name.clone(), choice).await?;
    Ok(lead_to(&destination_path(workspace.id(), &name, ""), "sent", &name))
}

pub(super) async fn ask_to_drop(
    frame: Frame,
    Workspace(workspace): Workspace,
    Path((_, name)): Path<(String, String)>,
    Parameters(letter): Parameters<LetterName>,
) -> Result<Response, ApiError> {
    destinations::dead_letter(&workspace, name.clone(), letter.clone()).await?;
    let back = destination_path(workspace.id(), &name, "");
    let body = Confirmation {
        consequences: &[
            "This delivery is not made, and cannot be sent again.",
            "The message stays in the journal, and in the timeline of its person.",
        ],
        action: &letter_path(workspace.id(), &name, "/drop", letter.offset, &letter.mapping),
        csrf: &frame.csrf,
        confirm: "Drop the dead letter",
        back: &back,
    };
    Ok(Page::new(&frame, Area::Destinations, "Drop the dead letter?")
        .below(&name, &back)
        .body(body.render())
        .into_response())
}

pub(super) async fn drop(
    Workspace(workspace): Workspace,
    Path((_, name)): Path<(String, String)>,
    Parameters(letter): Parameters<LetterName>,
) -> Result<Response, ApiError> {
    let choice = LetterChoice { dead_letters: vec![letter], message: None };
    destinations::drop_letters(&workspace, name.clone(), choice).await?;
    Ok(lead_to(&destination_path(workspace.id(), &name, ""), "dropped", &name))
}

pub(super) async fn show(
    Extension(caller): Extension<Caller>,
    frame: Frame,
    Workspace(workspace): Workspace,
    Path((_, name)): Path<(String, String)>,
    Parameters(letter): Parameters<LetterName>,
) -> Result<Response, ApiError> {
    let letter = destinations::dead_letter(&workspace, name.clone(), letter).await?;
    let body = body(&frame, &name, &letter, None, &Mistake::default(), may_change(&caller));
    Ok(page(&frame, &name, body).into_response())
}

fn page<'a>(frame: &'a Frame, name: &str, body: Markup) -> Page<'a> {
    let page = Page::new(frame, Area::Destinations, "Dead letter").body(body);
    match &frame.workspace {
        Some(workspace) => page.below(name, &destination_path(workspace, name, "")),
        None => page,
    }
}

fn body(
    frame: &Frame,
    name: &str,
    letter: &WholeDeadLetter,
    typed: Option<&Typed>,
    mistake: &Mistake,
    may_send: bool,
) -> Markup {
    let Some(workspace) = &frame.workspace else { return html! {} };
    let message = letter.message.as_ref().map(|message| format!("{message:#}"));
    let Some(message) = message else {
        return Callout::info("The message is gone")
            .text("Its entry is no longer in the journal: the dead letter can only be dropped.")
            .render();
    };
    let own = letter_path(workspace, name, "", letter.offset, &letter.mapping);
    let drop = letter_path(workspace, name, "/drop", letter.offset, &letter.mapping);
    let controls = html! {
        (mistake)
        (CodeArea {
            field: Field::new("message", "Message")
                .hint("As its source sent it. What is changed here holds for this delivery only")
                .error(mistake.at("message")),
            value: typed.map_or(message.as_str(), |typed| typed.exact("message")),
            below: html! {},
        })
        @if may_send {
            div class="actions" {
                (Button::primary("Send again"))
                (Button::quiet("Drop").href(&drop))
            }
        }
    };
    let form = Form { action: &own, csrf: &frame.csrf, preview: None, body: controls };
    html! {
        section class="card" {
            h2 { "Entry " (domain::grouped(letter.offset)) ", mapping " bdi { (letter.mapping) } }
            (form.for_those_who(may_send))
        }
    }
}

/// The message to send: none where it was not changed.
fn changed(typed: &Typed, letter: &WholeDeadLetter) -> Result<Option<Value>, ApiError> {
    let message: Value = serde_json::from_str(typed.exact("message")).map_err(|error| {
        ApiError::invalid(format!("This is no JSON: {error}")).at("/message".to_owned())
    })?;
    Ok(Some(message).filter(|message| letter.message.as_ref() != Some(message)))
}

pub(super) async fn send_changed(
    frame: Frame,
    Workspace(workspace): Workspace,
    Path((_, name)): Path<(String, String)>,
    Parameters(letter): Parameters<LetterName>,
    typed: Typed,
) -> Result<Response, ApiError> {
    let whole = destinations::dead_letter(&workspace, name.clone(), letter.clone()).await?;
    let sent = match changed(&typed, &whole) {
        Ok(message) => {
            let choice = LetterChoice { dead_letters: vec![letter], message };
            destinations::retry_letters(&workspace, name.clone(), choice).await
        }
        Err(error) => Err(error),
    };
    let Err(error) = sent else {
        return Ok(lead_to(&destination_path(workspace.id(), &name, ""), "sent", &name));
    };
    let mistake = Mistake::of(error)?.or_at("message").among(&["message"]);
    let body = body(&frame, &name, &whole, Some(&typed), &mistake, true);
    Ok(again(page(&frame, &name, body)))
}
