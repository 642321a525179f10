//! Signing in and out.

use std::sync::Arc;

use axum::extract::{Form, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::{Extension, Router};
use maud::{Markup, html};
use resources::account;
use serde::Deserialize;
use web::App;
use web::access::{Call, Caller, is_host_an_address, session_cookie, sign_in, sign_visitor_in};
use web::admission::Origin;
use web::error::{ApiError, say_when_to_retry};
use web::parameters::Parameters;

use crate::gate::{gated, open, open_page, own};
use crate::local_path::local_path;
use crate::page::bare;
use crate::theme::Theme;
use crate::ui::form::{Field, Form as FormElement, InputKind, TextInput};
use crate::ui::{Button, Callout};

pub(super) const CALLS: &[Call] = &[
    open_page("/console/-/sign-in"),
    open("/console/-/sign-in", "session.create"),
    own("/console/-/sign-out", "session.delete"),
];

pub(super) fn routes(app: &Arc<App>) -> Router<Arc<App>> {
    let routes = Router::new()
        .route("/console/-/sign-in", get(show).post(open_session))
        .route("/console/-/sign-out", post(end));
    gated(app, CALLS, routes)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Query {
    /// The page to be led to.
    next: Option<String>,
    notice: Option<Notice>,
}

/// Why somebody is here.
#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Notice {
    SignedOut,
    SignedOutEverywhere,
    PasswordChosen,
    NotDone,
}

impl Notice {
    fn words(self) -> &'static str {
        match self {
            Self::SignedOut => "You are signed out.",
            Self::SignedOutEverywhere => "You are signed out everywhere.",
            Self::NotDone => {
                "Your session had ended, so the change was not made. Sign in to come back to the \
                 form, and send it again."
            }
            Self::PasswordChosen => "Your password is ready: sign in with it.",
        }
    }
}

/// Visitors of the demo are signed in at once, unless they have just left, or came by a name that
/// others may have given this machine.
async fn show(
    State(app): State<Arc<App>>,
    Extension(origin): Extension<Origin>,
    headers: HeaderMap,
    theme: Theme,
    Parameters(Query { next, notice }): Parameters<Query>,
) -> Result<Response, ApiError> {
    let next = local_path(next.as_deref());
    let visitor = app.settings.visitor.as_ref().filter(|_| is_host_an_address(&headers));
    if let Some(email) = visitor.filter(|_| notice.is_none()) {
        let token = sign_visitor_in(&app.access, email).await?;
        return Ok(lead_in(&token, &origin, next));
    }
    let leads_visitors_in = visitor.is_some();
    let notice = html! {
        @if let Some(notice) = notice { (Callout::info(notice.words()).announced()) }
        @if leads_visitors_in {
            p { a href="/console/-/sign-in" { "Look around as the visitor of the demo" } }
        }
    };
    Ok(page(theme, next, "", &Mistakes::default(), &notice).into_response())
}

#[derive(Deserialize)]
struct Credentials {
    email: String,
    password: String,
    next: Option<String>,
}

async fn open_session(
    State(app): State<Arc<App>>,
    Extension(origin): Extension<Origin>,
    theme: Theme,
    Form(Credentials { email, password, next }): Form<Credentials>,
) -> Result<Response, ApiError> {
    let next = local_path(next.as_deref());
    match sign_in(&app.access, &origin, &email, password).await {
        Ok((_, token)) => {
            origin.trust();
            Ok(lead_in(&token, &origin, next))
        }
        Err(error) if error.kind.status().is_client_error() => {
            let status = error.kind.status();
            let mistakes = match status {
                StatusCode::TOO_MANY_REQUESTS => {
                    Mistakes { above: Some(error.message), ..Mistakes::default() }
                }
                StatusCode::UNAUTHORIZED => {
                    Mistakes { password: Some(error.message), ..Mistakes::default() }
                }
                _ => Mistakes { email: Some(error.message), ..Mistakes::default() },
            };
            let page = page(theme, next, &email, &mistakes, &html! {});
            let mut response = (status, page).into_response();
            if status == StatusCode::TOO_MANY_REQUESTS {
                say_when_to_retry(&mut response);
            }
            Ok(response)
        }
        Err(error) => Err(error),
    }
}

fn lead_in(token: &str, origin: &Origin, next: &str) -> Response {
    let cookie = [(header::SET_COOKIE, session_cookie(Some(token), origin.is_https))];
    (cookie, Redirect::to(next)).into_response()
}

async fn end(
    State(app): State<Arc<App>>,
    Extension(origin): Extension<Origin>,
    Extension(caller): Extension<Caller>,
) -> Result<Response, ApiError> {
    account::sign_out(&app, &caller).await?;
    let cookie = [(header::SET_COOKIE, session_cookie(None, origin.is_https))];
    Ok((cookie, Redirect::to("/console/-/sign-in?notice=signed_out")).into_response())
}

/// What is wrong, by where it is shown.
#[derive(Default)]
struct Mistakes {
    above: Option<String>,
    email: Option<String>,
    password: Option<String>,
}

fn page(theme: Theme, next: &str, email: &str, mistakes: &Mistakes, notice: &Markup) -> Markup {
    let body = html! {
        (notice)
        @if let Some(message) = &mistakes.above { (Callout::error(message).announced()) }
        (FormElement {
            action: "/console/-/sign-in",
            csrf: "",
            preview: None,
            body: html! {
                input type="hidden" name="next" value=(next);
                (TextInput::new(Field::new("email", "E-mail address").error(mistakes.email.as_deref()))
                    .kind(InputKind::Email)
                    .value(email)
                    .autocomplete("username"))
                (TextInput::new(Field::new("password", "Password").error(mistakes.password.as_deref()))
                    .kind(InputKind::Password)
                    .autocomplete("current-password"))
                div class="actions" { (Button::primary("Sign in")) }
            },
        })
        p class="bare-note" {
            "No account yet? An owner of this installation can send you an invitation."
        }
    };
    bare("Sign in", theme, &body)
}
