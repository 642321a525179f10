//! Parts of pages that are made anew at an interval, as server-sent events.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::response::sse::{Event, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use maud::Markup;
use web::App;
use web::error::ApiError;

/// A stream ends after so many parts. The browser asks again, and the gate looks at its session.
const PARTS_MAX: usize = 60;

/// What a stream sends next.
pub(crate) enum Part {
    /// The part of the page as it is now.
    Fragment(Markup),
    /// The part as it is now, and it stays so.
    Last(Markup),
}

/// Makes a part of a page at each `interval` until it is the last one, making it fails, or the
/// server stops.
pub(crate) fn fragments<F>(
    app: Arc<App>,
    interval: Duration,
    make: impl Fn() -> F + Send + 'static,
) -> Response
where
    F: Future<Output = Result<Part, ApiError>> + Send + 'static,
{
    let state = (app, make, 0_usize, false);
    let events = stream::unfold(state, move |(app, make, n, is_over)| async move {
        if is_over {
            let end = Event::default().event("end").data("-");
            return Some((Ok::<_, Infallible>(end), (app, make, PARTS_MAX, false)));
        }
        if n == PARTS_MAX || app.is_stopping() {
            return None;
        }
        tokio::time::sleep(interval).await;
        let next = make();
        let (html, is_last) = match next.await.ok()? {
            Part::Fragment(html) => (html, false),
            Part::Last(html) => (html, true),
        };
        // Events cannot hold the character itself.
        let html = html.into_string().replace('\r', "&#13;");
        let event = Event::default().event("fragment").data(html);
        Some((Ok(event), (app, make, n + 1, is_last)))
    });
    Sse::new(events).into_response()
}
