//! The caller's own account: password and sessions.

use std::sync::Arc;

use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::{Extension, Router};
use maud::{Markup, html};
use resources::account::{self, OwnAccount};
use serde::Deserialize;
use web::App;
use web::access::{Call, Caller, session_cookie};
use web::admission::Origin;
use web::error::ApiError;
use web::parameters::Parameters;

use super::settings::{Mistake, Typed, again, role_words, workspaces_text};
use crate::gate::{gated, own, own_page};
use crate::page::{Area, Frame, Page};
use crate::ui::form::{Field, Form, InputKind, TextInput};
use crate::ui::{Button, Callout, RelativeTime};

pub(super) const CALLS: &[Call] = &[
    own_page("/console/-/account"),
    own("/console/-/account", "password.update"),
    own("/console/-/account/sign-out-everywhere", "sessions.delete"),
];

pub(super) fn routes(app: &Arc<App>) -> Router<Arc<App>> {
    let routes = Router::new()
        .route("/console/-/account", get(show).post(set_password))
        .route("/console/-/account/sign-out-everywhere", post(sign_out_everywhere));
    gated(app, CALLS, routes)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Query {
    notice: Option<Notice>,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Notice {
    Saved,
}

async fn show(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    frame: Frame,
    Parameters(Query { notice }): Parameters<Query>,
) -> Response {
    let own = account::read(&app, &caller);
    let page = page(&frame).body(body(&app, &frame, &own, &Mistake::default()));
    match notice {
        Some(Notice::Saved) => {
            let done = Callout::success("Your password is the new one. Other sessions have ended.");
            page.notice(done.announced()).into_response()
        }
        None => page.into_response(),
    }
}

fn page(frame: &Frame) -> Page<'_> {
    Page::new(frame, Area::Settings, "Your account")
}

fn body(app: &App, frame: &Frame, own: &OwnAccount, mistake: &Mistake) -> Markup {
    let now = app.access.now();
    html! {
        section class="card" {
            h2 { (frame.account.name) }
            p { (role_words(own.role)) }
            p { "Workspaces: " (workspaces_text(own.workspaces.as_ref())) }
        }
        @if let Some(session) = &own.session {
            section class="card" {
                h2 { "Password" }
                (mistake)
                (Form {
                    action: "/console/-/account",
                    csrf: &frame.csrf,
                    preview: None,
                    body: html! {
                        (TextInput::new(Field::new("current", "Present password")
                            .error(mistake.at("current").map(|_| "This is not your present password")))
                            .kind(InputKind::Password)
                            .autocomplete("current-password"))
                        (TextInput::new(Field::new("new", "New password")
                            .hint("At least 12 characters. Your other sessions end.")
                            .error(mistake.at("new")))
                            .kind(InputKind::Password)
                            .autocomplete("new-password"))
                        div class="actions" { (Button::primary("Change the password")) }
                    },
                })
            }
            section class="card" {
                h2 { "Sessions" }
                p {
                    "You are signed in "
                    @if session.sessions == 1 { "here only" }
                    @else { "in " (session.sessions) " places" }
                    ", here since " (RelativeTime { at: session.opened_at, now })
                    ". It ends " (RelativeTime { at: session.expires_at, now }) " at the latest."
                }
                (Form {
                    action: "/console/-/account/sign-out-everywhere",
                    csrf: &frame.csrf,
                    preview: None,
                    body: html! {
                        div class="actions" { (Button::secondary("Sign out everywhere")) }
                    },
                })
            }
        }
    }
}

async fn set_password(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    Extension(origin): Extension<Origin>,
    frame: Frame,
    typed: Typed,
) -> Result<Response, ApiError> {
    let (current, new) = (typed.exact("current").to_owned(), typed.exact("new").to_owned());
    match account::set_password(&app, &caller, current, new).await {
        Ok(session) => {
            let cookie = session_cookie(Some(&session.token), origin.is_https);
            let to = Redirect::to("/console/-/account?notice=saved");
            Ok(([(header::SET_COOKIE, cookie)], to).into_response())
        }
        Err(error) => {
            let mistake = Mistake::of(error)?;
            let own = account::read(&app, &caller);
            Ok(again(page(&frame).body(body(&app, &frame, &own, &mistake))))
        }
    }
}

async fn sign_out_everywhere(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    Extension(origin): Extension<Origin>,
) -> Result<Response, ApiError> {
    account::sign_out_everywhere(&app, &caller).await?;
    let cookie = [(header::SET_COOKIE, session_cookie(None, origin.is_https))];
    Ok((cookie, Redirect::to("/console/-/sign-in?notice=signed_out_everywhere")).into_response())
}
