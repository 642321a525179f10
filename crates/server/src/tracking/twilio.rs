//! `POST /v1/twilio/{write_key}/{destination}`: Twilio reports what became of messages that a
//! destination sent, and what people write to its numbers. Each report becomes a message of the
//! source and goes the way of all messages. Twilio's signature stands in place of a token.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, Request, State};
use axum::http::HeaderMap;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use domain::{Arrival, Envelope};
use engine::{ReceiptCall, ReceiptError};

use super::{read_body, source, submit_as_made};
use web::App;
use web::admission::{Key, Origin};
use web::error::{ApiError, ErrorKind};
use web::slow_requests::OfWorkspace;

/// The largest body, in bytes. A text that somebody wrote has 1,600 characters at most.
const REPORT_BYTES_MAX: usize = 64 * 1_024;
const SIGNATURE_HEADER: &str = "x-twilio-signature";
const FORM: &str = "application/x-www-form-urlencoded";
/// What Twilio takes as: send nothing back.
const NO_REPLY: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Response></Response>";

pub(super) fn routes() -> Router<Arc<App>> {
    let take = |State(app): State<Arc<App>>, Path((key, destination)), request: Request| async move {
        take_report(&app, key, destination, request).await
    };
    Router::new().route("/v1/twilio/{write_key}/{destination}", post(take))
}

async fn take_report(
    app: &Arc<App>,
    key: String,
    destination: String,
    request: Request,
) -> Result<Response, ApiError> {
    let (parts, body) = request.into_parts();
    let origin = Origin::from_request(&parts.headers, &parts.extensions, &app.settings.callers);
    let (workspace, source) = match source::find_by_key(app, &key, None) {
        Ok(found) => found,
        Err(error) => {
            if !error.is_unavailable() {
                app.admission.refuse(&origin).await;
            }
            return Err(error);
        }
    };
    let body = read_body(body, REPORT_BYTES_MAX).await?;
    check_type(&parts.headers)?;
    let permit = app.admission.admit(&origin, Key::Public(&source.write_key))?;
    let query = parts.uri.query().map(str::to_owned);
    let signature = parts.headers.get(SIGNATURE_HEADER).and_then(|value| value.to_str().ok());
    let signature = signature.map(str::to_owned);
    let read = workspace.run_with(permit, move |workspace| {
        let call = ReceiptCall::read(query.as_deref(), signature.as_deref(), &body);
        let engine = workspace.engine()?;
        Ok::<_, ApiError>(call.and_then(|call| engine.read_receipt(&destination, &call)))
    });
    let message = match read.await? {
        Ok(message) => message,
        Err(error) => {
            app.admission.refuse(&origin).await;
            return Err(refusal(&error));
        }
    };
    if let Some(message) = message {
        app.admission.take_messages(workspace.id(), &source, 1)?;
        let arrival = Arrival {
            received_at: app.installation.options.clock.now(),
            source: &source.name,
            peer_ip: None,
        };
        let text = message.to_string();
        let checked = source.check_message(&text, None, &Envelope::default(), &arrival);
        submit_as_made(&workspace, std::iter::once(checked.map(Box::new)), false).await?;
    }
    let mut response = ([(CONTENT_TYPE, "text/xml")], NO_REPLY).into_response();
    response.extensions_mut().insert(OfWorkspace(workspace.id().clone()));
    Ok(response)
}

fn check_type(headers: &HeaderMap) -> Result<(), ApiError> {
    let media_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    match media_type.is_some_and(|text| text.starts_with(FORM)) {
        true => Ok(()),
        false => Err(ApiError::bad_request(format!("the body must be {FORM}"))),
    }
}

fn refusal(error: &ReceiptError) -> ApiError {
    let kind = match error {
        ReceiptError::NotTaken(_) => ErrorKind::NotFound,
        ReceiptError::WrongSignature => ErrorKind::Forbidden,
        ReceiptError::WrongForm(_) => ErrorKind::BadRequest,
    };
    ApiError::new(kind, error.to_string())
}
