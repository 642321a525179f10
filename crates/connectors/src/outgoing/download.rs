//! Files that are fetched over HTTP, with the guards of every request.

use std::io::Write;
use std::pin::pin;
use std::time::Duration;

use activation::Failure;
use reqwest::Method;
use reqwest::header::HeaderMap;

use super::Outgoing;
use super::http::{HttpRequest, check_status_of_file, check_url, failure_of_error};
use crate::archive::text_of;

/// The largest file, in bytes.
pub const DOWNLOAD_BYTES_MAX: u64 = 1_024 * 1_024 * 1_024;
/// How long a download may take.
pub const DOWNLOAD_TIME_MAX: Duration = Duration::from_secs(600);
/// How long a download may wait for its answer, and for each piece of it.
pub const DOWNLOAD_PAUSE_MAX: Duration = Duration::from_secs(30);
/// How often it is asked whether to go on.
const ASK_INTERVAL: Duration = Duration::from_millis(200);

/// A file could not be fetched.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct DownloadError(String);

/// Checks the form of an address that a file may be fetched from. Whether it may be reached is
/// known when it is.
///
/// # Errors
/// What is wrong with it, behind its name.
pub fn check_file_url(url: &str) -> Result<(), String> {
    check_url(url).map(drop)
}

impl Outgoing {
    /// Writes what is at an address into `to`, piece by piece, and returns the number of bytes.
    /// `go_on` is asked several times a second. Waits for all of it; redirects are not followed.
    ///
    /// # Errors
    /// If the address may not be reached, does not answer 200 with the whole file in time, pauses
    /// for longer than [`DOWNLOAD_PAUSE_MAX`], has more than [`DOWNLOAD_BYTES_MAX`], or `go_on`
    /// says no.
    pub fn download(
        &self,
        url: &str,
        to: &mut (dyn Write + Send),
        go_on: &(dyn Fn() -> bool + Sync),
    ) -> Result<u64, DownloadError> {
        let request = HttpRequest {
            method: Method::GET,
            url: url.to_owned(),
            headers: HeaderMap::new(),
            body: Vec::new(),
        };
        let refused = |failure: Failure| DownloadError(text_of(failure));
        self.runtime().block_on(async {
            let sent = self.send(request, Some(DOWNLOAD_TIME_MAX));
            let sent = while_going(sent, DOWNLOAD_PAUSE_MAX, go_on).await?;
            let mut response = sent.map_err(refused)?;
            check_status_of_file(response.status()).map_err(refused)?;
            let mut n_bytes = 0;
            loop {
                let piece = response.chunk();
                let piece = while_going(piece, DOWNLOAD_PAUSE_MAX, go_on).await?;
                let Some(piece) = piece.map_err(|error| refused(failure_of_error(&error)))? else {
                    return Ok(n_bytes);
                };
                n_bytes += piece.len() as u64;
                if n_bytes > DOWNLOAD_BYTES_MAX {
                    let what = format!("the file has more than {DOWNLOAD_BYTES_MAX} bytes");
                    return Err(DownloadError(what));
                }
                to.write_all(&piece).map_err(|error| DownloadError(error.to_string()))?;
            }
        })
    }
}

/// Waits for something, up to `pause_max`, and asks meanwhile whether to go on.
async fn while_going<T>(
    work: impl Future<Output = T>,
    pause_max: Duration,
    go_on: &(dyn Fn() -> bool + Sync),
) -> Result<T, DownloadError> {
    let mut work = pin!(work);
    let mut waited = Duration::ZERO;
    while go_on() {
        if waited >= pause_max {
            return Err(DownloadError(format!("nothing came for {} s", pause_max.as_secs())));
        }
        waited += ASK_INTERVAL;
        if let Ok(done) = tokio::time::timeout(ASK_INTERVAL, &mut work).await {
            return Ok(done);
        }
    }
    Err(DownloadError("it was cancelled".to_owned()))
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use super::*;

    #[tokio::test]
    async fn whoever_sends_nothing_is_not_waited_for() {
        let pause_max = Duration::from_secs(1);
        let error = while_going(pending::<()>(), pause_max, &|| true).await.unwrap_err();
        assert_eq!(error.to_string(), "nothing came for 1 s");
        let error = while_going(pending::<()>(), pause_max, &|| false).await.unwrap_err();
        assert_eq!(error.to_string(), "it was cancelled");
    }
}
