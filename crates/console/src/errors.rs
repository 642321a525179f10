//! Errors as pages, in the one place that every answer of the console passes: those of handlers and
//! of the gate, and what is refused before either is asked, such as a form that lacks a field.

mod failure;
mod way_back;

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Redirect, Response};
use domain::WorkspaceId;
use maud::{Markup, Render, html};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use web::App;
use web::access::Caller;
use web::error::ApiError;
use web::parameters::QueryUse;

use self::failure::Failure;
use self::way_back::{WayBack, form_page};
use crate::page::{Frame, Page, PageRights, bare};
use crate::theme::Theme;
use crate::ui::{Button, Callout};
use crate::{COMMON, ROOT, pages};

/// What is needed of a request once its answer is there.
struct Asked {
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    theme: Theme,
}

/// Answers what no page takes.
pub(crate) async fn nothing_here() -> ApiError {
    ApiError::not_found("There is no page at this address.")
}

/// Shows a failed request as a page: as a fragment to scripts, and as the way to sign in to whoever
/// has not. A page that reads no parameters says so, instead of looking like an answer to them.
pub(crate) async fn show_as_pages(
    State(app): State<Arc<App>>,
    request: Request,
    next: Next,
) -> Response {
    let (mut parts, body) = request.into_parts();
    let theme = Theme::of(&parts.headers);
    let (method, uri, headers) = (parts.method.clone(), parts.uri.clone(), parts.headers.clone());
    let asked = Asked { method, uri, headers, theme };
    let query_use = QueryUse::default();
    parts.extensions.insert(theme);
    parts.extensions.insert(query_use.clone());
    let response = next.run(Request::from_parts(parts, body)).await;
    let failed = match asked.unread_parameter(&query_use, &response) {
        Some(name) => Err(Failure::of_unread_parameter(&name)),
        None => failure::split(response).await,
    };
    match failed {
        Ok(response) => response,
        Err(failure) => asked.answer(&app, failure),
    }
}

impl Asked {
    /// The first parameter of an address whose page was made without looking at any.
    fn unread_parameter(&self, query_use: &QueryUse, response: &Response) -> Option<String> {
        let media_type = response.headers().get(header::CONTENT_TYPE)?.as_bytes();
        let is_page = response.status().is_success() && media_type.starts_with(b"text/html");
        if self.method != Method::GET || !is_page || query_use.was_read() {
            return None;
        }
        let pairs: Vec<(String, String)> = serde_urlencoded::from_str(self.uri.query()?).ok()?;
        pairs.into_iter().map(|(name, _)| name).next()
    }

    /// Whether the request is the browser's own, and not one of a script in a page.
    fn is_for_a_page(&self) -> bool {
        self.headers.get("sec-fetch-dest").is_none_or(|destination| destination == "document")
    }

    fn answer(&self, app: &App, failure: Failure) -> Response {
        if failure.status == StatusCode::UNAUTHORIZED
            && self.is_for_a_page()
            && app.access.is_set_up()
        {
            return self.lead_to_sign_in();
        }
        let shown = match self.is_for_a_page() {
            true => self.page(app, &failure),
            false => Callout::error(&failure.message).announced().render(),
        };
        let mut answer = (failure.status, shown).into_response();
        answer.headers_mut().extend(failure.headers);
        answer
    }

    /// A form cannot be sent again by a link: whoever sent one is led to its page, and told.
    fn lead_to_sign_in(&self) -> Response {
        let (next, notice) = match self.method {
            Method::GET => (self.uri.to_string(), ""),
            _ => (form_page(&self.headers, self.uri.path()), "&notice=not_done"),
        };
        let next = utf8_percent_encode(&next, NON_ALPHANUMERIC);
        Redirect::to(&format!("{COMMON}/sign-in?next={next}{notice}")).into_response()
    }

    /// The error within the frame for whoever has signed in, and without it for others.
    fn page(&self, app: &App, failure: &Failure) -> Markup {
        let installation = app.access.installation();
        let Ok(caller) = Caller::identify(installation, &self.headers, app.access.now()) else {
            return bare(failure.title(), self.theme, &body_of(failure, &WayBack::start()));
        };
        let mut frame = Frame::of(app, &caller, None, self.theme, PageRights(pages::may_open));
        let rest = self.uri.path().strip_prefix(ROOT).unwrap_or_default();
        let named = rest.split('/').nth(1).and_then(|id| WorkspaceId::new(id).ok());
        frame.workspace = named.filter(|id| frame.workspaces.contains(id));
        let way_back = WayBack::of(&frame, &self.headers, &self.uri, failure);
        Page::without_area(&frame, failure.title()).body(body_of(failure, &way_back)).render()
    }
}

fn body_of(failure: &Failure, way_back: &WayBack) -> Markup {
    html! {
        p { (failure.message) }
        @if failure.is_passing() {
            p class="bare-note" { "Nothing was lost: try again in a moment." }
        }
        div class="actions" { (Button::primary(way_back.label).href(&way_back.href)) }
    }
}
