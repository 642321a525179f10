//! Where an invited person chooses a password. The secret of the link stands behind `#`, which
//! browsers keep to themselves: a script puts it into the form; without scripts it is pasted.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Extension, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use maud::{Markup, html};
use resources::accounts;
use web::App;
use web::access::Call;
use web::admission::Origin;
use web::error::ApiError;

use super::settings::Typed;
use crate::gate::{gated, open, open_page};
use crate::page::bare;
use crate::theme::Theme;
use crate::ui::form::{Field, Form, InputKind, TextInput};
use crate::ui::{Button, Callout};

pub(super) const CALLS: &[Call] =
    &[open_page("/console/-/invitation"), open("/console/-/invitation", "invitation.accept")];

pub(super) fn routes(app: &Arc<App>) -> Router<Arc<App>> {
    gated(app, CALLS, Router::new().route("/console/-/invitation", get(show).post(accept)))
}

async fn show(theme: Theme) -> Markup {
    page(theme, "", None)
}

fn page(theme: Theme, token: &str, error: Option<&ApiError>) -> Markup {
    let pointer = error.and_then(|error| error.pointer.as_deref());
    let of_password = error.filter(|_| pointer == Some("/password"));
    let of_link =
        error.filter(|error| pointer.is_none() && error.kind.status() == StatusCode::FORBIDDEN);
    let other = error.filter(|_| of_password.is_none() && of_link.is_none());
    let message = |error: &'_ ApiError| error.message.clone();
    let (of_password, of_link) = (of_password.map(message), of_link.map(message));
    let body = html! {
        @if let Some(error) = other { (Callout::error(&error.message).announced()) }
        (Form {
            action: "/console/-/invitation",
            csrf: "",
            preview: None,
            body: html! {
                div data-from-fragment="" {
                    (TextInput::new(Field::new("token", "The part of your link after #")
                        .error(of_link.as_deref()))
                        .kind(InputKind::Code)
                        .value(token))
                }
                (TextInput::new(Field::new("password", "Choose a password")
                    .hint("At least 12 characters: a few words are good")
                    .error(of_password.as_deref()))
                    .kind(InputKind::Password)
                    .autocomplete("new-password"))
                div class="actions" { (Button::primary("Use this password")) }
            },
        })
        p class="bare-note" { "Then you sign in with your e-mail address and this password." }
    };
    bare("Welcome", theme, &body)
}

async fn accept(
    State(app): State<Arc<App>>,
    Extension(origin): Extension<Origin>,
    theme: Theme,
    typed: Typed,
) -> Result<Response, ApiError> {
    let token = typed.text("token");
    match accounts::accept(&app, &origin, token, typed.exact("password").to_owned()).await {
        Ok(_) => Ok(Redirect::to("/console/-/sign-in?notice=password_chosen").into_response()),
        Err(error) if error.kind.status().is_client_error() => {
            let status = match error.kind.status() {
                StatusCode::TOO_MANY_REQUESTS => StatusCode::TOO_MANY_REQUESTS,
                _ => StatusCode::UNPROCESSABLE_ENTITY,
            };
            Ok((status, page(theme, token, Some(&error))).into_response())
        }
        Err(error) => Err(error),
    }
}
