//! Signing in and out.

use std::sync::Arc;

use axum::extract::{Form, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::{Extension, Router};
use engine::installation::{Change, SecretHash};
use maud::{Markup, html};
use resources::installation::{change, own_session};
use serde::Deserialize;
use web::App;
use web::access::{Call, Caller, session_cookie, sign_in, sign_visitor_in};
use web::admission::Origin;
use web::error::ApiError;
use web::parameters::Parameters;

use crate::gate::{gated, open, open_page, own};
use crate::local_path::local_path;
use crate::page::bare;
use crate::theme::Theme;
use crate::ui::Button;
use crate::ui::form::{Field, Form as FormElement, InputKind, TextInput};

const CALLS: &[Call] = &[
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
}

/// Visitors of the demo are signed in at once.
async fn show(
    State(app): State<Arc<App>>,
    Extension(origin): Extension<Origin>,
    theme: Theme,
    Parameters(Query { next }): Parameters<Query>,
) -> Result<Response, ApiError> {
    let next = local_path(next.as_deref());
    if let Some(email) = &app.settings.visitor {
        let token = sign_visitor_in(&app.access, email).await?;
        return Ok(lead_in(&token, &origin, next));
    }
    Ok(page(theme, next, "", None).into_response())
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
            let page = page(theme, next, &email, Some(&error.message));
            Ok((error.kind.status(), page).into_response())
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
    let token = SecretHash::of(&own_session(&caller)?.token);
    change(&app, &caller, Change::EndSession { token }).await?;
    let cookie = [(header::SET_COOKIE, session_cookie(None, origin.is_https))];
    Ok((StatusCode::SEE_OTHER, cookie, Redirect::to("/console/-/sign-in")).into_response())
}

fn page(theme: Theme, next: &str, email: &str, error: Option<&str>) -> Markup {
    let body = html! {
        (FormElement {
            action: "/console/-/sign-in",
            csrf: "",
            preview: None,
            body: html! {
                input type="hidden" name="next" value=(next);
                (TextInput::new(Field::new("email", "E-mail address"))
                    .kind(InputKind::Email)
                    .value(email)
                    .autocomplete("username"))
                (TextInput::new(Field::new("password", "Password").error(error))
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
