//! Files that are fetched over HTTP, with the guards of every request.

use std::io::Write;
use std::time::Duration;

use activation::Failure;
use reqwest::Method;
use reqwest::header::HeaderMap;

use super::Outgoing;
use super::http::{HttpRequest, check_status_of_file, failure_of_error};
use crate::archive::text_of;

/// The largest file, in bytes.
pub const DOWNLOAD_BYTES_MAX: u64 = 1_024 * 1_024 * 1_024;
/// How long a download may take.
pub const DOWNLOAD_TIME_MAX: Duration = Duration::from_secs(600);

/// A file could not be fetched.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct DownloadError(String);

impl Outgoing {
    /// Writes what is at an address into `to`, piece by piece, and returns the number of bytes.
    /// `go_on` is asked before each piece. Waits for all of it; redirects are not followed.
    ///
    /// # Errors
    /// If the address may not be reached, does not answer 200 with the whole file in time, has more
    /// than [`DOWNLOAD_BYTES_MAX`], or `go_on` says no.
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
            let sent = self.send(request, Some(DOWNLOAD_TIME_MAX)).await;
            let mut response = sent.map_err(refused)?;
            check_status_of_file(response.status()).map_err(refused)?;
            let mut n_bytes = 0;
            loop {
                if !go_on() {
                    return Err(DownloadError("it was cancelled".to_owned()));
                }
                let piece = response.chunk().await;
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
