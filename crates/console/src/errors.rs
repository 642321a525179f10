//! Errors as pages. Handlers and the gate fail as those of the APIs do.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Redirect, Response};
use maud::{Markup, Render, html};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use web::App;
use web::error::ApiError;

use crate::page::bare;
use crate::theme::Theme;
use crate::ui::{Button, Callout};
use crate::{COMMON, ROOT};

/// Shows the error of an answer as a page: as a fragment to scripts, and as the way to sign in to
/// whoever has not.
pub(crate) async fn show_as_pages(
    State(app): State<Arc<App>>,
    request: Request,
    next: Next,
) -> Response {
    let (mut parts, body) = request.into_parts();
    let theme = Theme::of(&parts.headers);
    let is_page = asks_for_a_page(&parts.headers);
    let target = match (&parts.method, parts.uri.path_and_query()) {
        (&Method::GET, Some(target)) => target.to_string(),
        // A form cannot be sent again by a link.
        _ => ROOT.to_owned(),
    };
    parts.extensions.insert(theme);
    let mut response = next.run(Request::from_parts(parts, body)).await;
    let Some(error) = response.extensions_mut().remove::<ApiError>() else { return response };
    let status = response.status();
    if status == StatusCode::UNAUTHORIZED && is_page && app.access.is_set_up() {
        let target = utf8_percent_encode(&target, NON_ALPHANUMERIC);
        return Redirect::to(&format!("{COMMON}/sign-in?next={target}")).into_response();
    }
    let shown = match is_page {
        true => bare(title(status), theme, &body_of(status, &error)),
        false => Callout::error(&error.message).announced().render(),
    };
    let mut answer = (status, shown).into_response();
    for name in [header::RETRY_AFTER, header::ALLOW] {
        if let Some(value) = response.headers().get(&name) {
            answer.headers_mut().insert(name, value.clone());
        }
    }
    answer
}

/// Whether a request is the browser's own, and not one of a script in a page.
fn asks_for_a_page(headers: &HeaderMap) -> bool {
    match headers.get("sec-fetch-dest") {
        Some(destination) => destination == "document",
        None => true,
    }
}

fn title(status: StatusCode) -> &'static str {
    match status {
        StatusCode::UNAUTHORIZED => "Nobody can sign in yet",
        StatusCode::FORBIDDEN => "Not allowed",
        StatusCode::NOT_FOUND => "Nothing here",
        StatusCode::TOO_MANY_REQUESTS => "Too many at once",
        StatusCode::SERVICE_UNAVAILABLE => "Not right now",
        status if status.is_server_error() => "Something went wrong",
        _ => "This did not work",
    }
}

fn body_of(status: StatusCode, error: &ApiError) -> Markup {
    html! {
        p { (error.message) }
        @if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS {
            p class="bare-note" { "Nothing was lost: try again in a moment." }
        }
        div class="actions" { (Button::primary("To the console").href(ROOT)) }
    }
}
