//! What went wrong with a request, in words for a page.

use axum::body::to_bytes;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::Response;
use web::error::ApiError;

/// The most bytes of a refusal's text that are shown.
const TEXT_BYTES_MAX: usize = 4 * 1_024;

/// A failed request.
pub(super) struct Failure {
    pub(super) status: StatusCode,
    /// What went wrong, and the way out.
    pub(super) message: String,
    /// Whether a parameter of the address is wrong.
    pub(super) is_of_parameter: bool,
    /// When to come back, and what the address takes.
    pub(super) headers: HeaderMap,
}

/// The response, unless it is a failure that no page shows yet.
pub(super) async fn split(mut response: Response) -> Result<Response, Failure> {
    let status = response.status();
    let kept = [header::RETRY_AFTER, header::ALLOW].into_iter();
    let kept = kept.filter_map(|name| Some((name.clone(), response.headers().get(name)?.clone())));
    let headers: HeaderMap = kept.collect();
    if let Some(error) = response.extensions_mut().remove::<ApiError>() {
        let is_of_parameter = error.parameter.is_some();
        return Err(Failure { status, message: error.message, is_of_parameter, headers });
    }
    let media_type = response.headers().get(header::CONTENT_TYPE);
    let is_page = media_type.is_some_and(|own| own.as_bytes().starts_with(b"text/html"));
    if is_page || !(status.is_client_error() || status.is_server_error()) {
        return Ok(response);
    }
    let text = to_bytes(response.into_body(), TEXT_BYTES_MAX).await.unwrap_or_default();
    let message = words(status, String::from_utf8_lossy(&text).trim());
    Err(Failure { status, message, is_of_parameter: false, headers })
}

/// What layers below the handlers refuse, with the text that they give.
fn words(status: StatusCode, text: &str) -> String {
    match status {
        StatusCode::METHOD_NOT_ALLOWED => "This address takes what a form sends, and has no page \
            of its own. If you have loaded a page again: what the form did is done."
            .to_owned(),
        StatusCode::NOT_FOUND => "There is no page at this address.".to_owned(),
        StatusCode::PAYLOAD_TOO_LARGE => "What was sent is larger than it may be.".to_owned(),
        StatusCode::REQUEST_TIMEOUT => "The request took too long.".to_owned(),
        _ if text.is_empty() => "The server did not take this request.".to_owned(),
        _ => format!("The form was not understood, and nothing was changed: {text}."),
    }
}

impl Failure {
    /// Of an address with a parameter that its page does not read.
    pub(super) fn of_unread_parameter(name: &str) -> Self {
        Self {
            status: StatusCode::BAD_REQUEST,
            message: format!("there is no query parameter {name:?}; this page takes none"),
            is_of_parameter: true,
            headers: HeaderMap::new(),
        }
    }

    pub(super) fn title(&self) -> &'static str {
        match self.status {
            _ if self.is_of_parameter => "This address does not fit",
            StatusCode::UNAUTHORIZED => "Nobody can sign in yet",
            StatusCode::FORBIDDEN => "Not allowed",
            StatusCode::NOT_FOUND => "Nothing here",
            StatusCode::TOO_MANY_REQUESTS => "Too many at once",
            StatusCode::SERVICE_UNAVAILABLE => "Not right now",
            status if status.is_server_error() => "Something went wrong",
            _ => "This did not work",
        }
    }

    /// Whether the same request may do in a moment.
    pub(super) fn is_passing(&self) -> bool {
        self.status.is_server_error() || self.status == StatusCode::TOO_MANY_REQUESTS
    }
}
