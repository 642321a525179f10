//! The file of a job as an answer.

use std::io::{Error, Read};
use std::sync::Arc;

use axum::body::Body;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use fs_err::File;
use futures_util::stream;
use tokio::task::spawn_blocking;

use super::JobFile;
use crate::error::ApiError;

/// How much of a file is read at once, in bytes.
const PART_BYTES: usize = 256 * 1_024;

impl JobFile {
    /// The answer that saves the file where the caller wants it. It is read part by part, and stays
    /// until the caller has it.
    ///
    /// # Errors
    /// 503 where it cannot be read.
    pub async fn download(self: Arc<Self>) -> Result<Response, ApiError> {
        let unreadable =
            |error: Error| ApiError::unavailable(format!("the file cannot be read: {error}"));
        let path = self.path.clone();
        let open = move || {
            let file = File::open(path)?;
            let n_bytes = file.metadata()?.len();
            Ok((file, n_bytes))
        };
        let (file, n_bytes) = spawn_blocking(open).await?.map_err(unreadable)?;
        let headers = [
            (header::CONTENT_TYPE, self.media_type.to_owned()),
            (header::CONTENT_LENGTH, n_bytes.to_string()),
            (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{}\"", self.name)),
        ];
        let parts = stream::try_unfold((file, self), |(mut file, own)| async move {
            let read = move || {
                let mut part = Vec::with_capacity(PART_BYTES);
                file.by_ref().take(PART_BYTES as u64).read_to_end(&mut part)?;
                Ok::<_, Error>((part, file))
            };
            let (part, file) = spawn_blocking(read).await.map_err(Error::other)??;
            Ok::<_, Error>(if part.is_empty() { None } else { Some((part, (file, own))) })
        });
        Ok((headers, Body::from_stream(parts)).into_response())
    }
}
