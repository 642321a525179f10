//! Answers that are asked for while somebody waits: small, and soon.

use std::time::Duration;

use activation::Failure;
use reqwest::Method;
use reqwest::header::HeaderMap;

use super::Outgoing;
use super::http::{HttpRequest, failure_of_error, failure_of_status};
use crate::archive::text_of;

/// An answer did not come.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct AnswerError(String);

impl Outgoing {
    /// Asks an address by GET and waits for its answer, at most `time_max` in all. Redirects are
    /// not followed. Headers that cannot be sent are left out.
    ///
    /// # Errors
    /// If the address may not be reached, does not answer 200 in time, or answers with more than
    /// `bytes_max`.
    pub fn ask(
        &self,
        url: &str,
        headers: &[(String, String)],
        time_max: Duration,
        bytes_max: usize,
    ) -> Result<Vec<u8>, AnswerError> {
        let request = HttpRequest {
            method: Method::GET,
            url: url.to_owned(),
            headers: HeaderMap::new(),
            body: Vec::new(),
        };
        let request = request.with_header("accept", "application/json");
        let add = |request: HttpRequest, (name, value): &(String, String)| {
            request.with_secret(name, value)
        };
        let request = headers.iter().fold(request, add);
        let read = async {
            let mut response = self.send(request, Some(time_max)).await?;
            if response.status() != reqwest::StatusCode::OK {
                return Err(failure_of_status(response.status().as_u16(), "", None));
            }
            let mut body = Vec::new();
            while let Some(piece) = response.chunk().await.map_err(|e| failure_of_error(&e))? {
                if body.len() + piece.len() > bytes_max {
                    let text = format!("the answer has more than {bytes_max} bytes");
                    let reason = "too_large".to_owned();
                    return Err(Failure::Permanent { reason, text });
                }
                body.extend_from_slice(&piece);
            }
            Ok(body)
        };
        let late =
            || AnswerError(format!("there was no answer within {} ms", time_max.as_millis()));
        // Around names that are resolved, too, which have no time of their own.
        let read = self.runtime().block_on(async { tokio::time::timeout(time_max, read).await });
        read.map_err(|_| late())?.map_err(|failure| AnswerError(text_of(failure)))
    }
}
