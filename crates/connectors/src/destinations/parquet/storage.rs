//! Where files are put: a folder of this machine, or a bucket with S3's API.

use std::fmt;
use std::io::Write;
use std::path::{Component, Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;

use activation::Failure;
use http_body_util::BodyExt;
use object_store::aws::{AmazonS3, AmazonS3Builder};
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpResponse, HttpResponseBody,
    HttpService,
};
use object_store::path::Path as ObjectPath;
use object_store::{ClientOptions, ObjectStoreExt, RetryConfig};

use crate::outgoing::{HttpRequest, SharedOutgoing, check_status, check_url};
use crate::{Settings, SettingsError};

/// Where files are put.
pub(super) enum Storage {
    /// With the path below the folder that the operator allows.
    Folder { allowed: PathBuf, path: String },
    /// With the path within the bucket; empty or ending with a slash.
    Bucket { store: Box<AmazonS3>, name: String, path: String },
}

impl Storage {
    /// The storage of settings.
    ///
    /// # Errors
    /// If a setting is missing or wrong, or the operator allows no files.
    pub(super) fn of_settings(
        settings: &Settings,
        outgoing: &SharedOutgoing,
    ) -> Result<Self, SettingsError> {
        let path = settings.text("path").trim_matches('/');
        let is_plain = |part: Component<'_>| matches!(part, Component::Normal(_));
        if !Path::new(path).components().all(is_plain) || path.contains(['\0', '\\']) {
            let what = "should be names with / between them, without . and ..";
            return Err(SettingsError::new("path", what));
        }
        if settings.text("storage") == "folder" {
            let what =
                "cannot be `folder`: the operator allows no files, with destinations.files_folder";
            let allowed =
                outgoing.files_folder().ok_or_else(|| SettingsError::new("storage", what))?;
            return Ok(Self::Folder { allowed: allowed.to_owned(), path: path.to_owned() });
        }
        for key in ["bucket", "access_key_id", "secret_access_key"] {
            if settings.text(key).is_empty() {
                return Err(SettingsError::new(key, "is missing: a bucket needs it"));
            }
        }
        let name = settings.text("bucket");
        let is_letter = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-.".contains(&b);
        if !name.bytes().all(is_letter) || name.contains("..") || name.starts_with('.') {
            let what = "should have lower-case letters, digits, dots and hyphens only";
            return Err(SettingsError::new("bucket", what));
        }
        let mut builder = AmazonS3Builder::new()
            .with_bucket_name(name)
            .with_region(settings.text("region"))
            .with_access_key_id(settings.text("access_key_id"))
            .with_secret_access_key(settings.text("secret_access_key"))
            // The dispatcher repeats, and the guarded client decides where http is allowed.
            .with_retry(RetryConfig { max_retries: 0, ..RetryConfig::default() })
            .with_allow_http(true)
            .with_http_connector(Guarded(Arc::clone(outgoing)));
        if !settings.text("endpoint").is_empty() {
            let endpoint = settings.text("endpoint").trim_end_matches('/');
            check_url(endpoint).map_err(|what| SettingsError::new("endpoint", what))?;
            builder = builder.with_endpoint(endpoint);
        }
        let store = builder.build();
        let store = store
            .map_err(|error| SettingsError::new("bucket", format!("is not usable: {error}")))?;
        let path = if path.is_empty() { String::new() } else { format!("{path}/") };
        Ok(Self::Bucket { store: Box::new(store), name: name.to_owned(), path })
    }

    /// For people: `s3://bucket/path/file`, or the path below the allowed folder.
    pub(super) fn describe(&self, file: &str) -> String {
        match self {
            Self::Folder { path, .. } => Path::new(path).join(file).display().to_string(),
            Self::Bucket { name, path, .. } => format!("s3://{name}/{path}{file}"),
        }
    }

    /// Puts a file, in place of one of the same name. Once it is there it is durable.
    ///
    /// # Errors
    /// If it is not known to be there.
    pub(super) async fn put(&self, file: &str, bytes: Vec<u8>) -> Result<(), Failure> {
        match self {
            Self::Folder { allowed, path } => {
                let file = allowed.join(path).join(file);
                let put = tokio::task::spawn_blocking(move || put_file(&file, &bytes)).await;
                put.expect("it does not panic").map_err(|error| Failure::Retry {
                    reason: "files".to_owned(),
                    text: error.to_string(),
                    after_ms: None,
                    is_outage: true,
                })
            }
            Self::Bucket { store, path, .. } => {
                let place = ObjectPath::parse(format!("{path}{file}"));
                let place = place.map_err(|error| Failure::Permanent {
                    reason: "path".to_owned(),
                    text: error.to_string(),
                })?;
                store.put(&place, bytes.into()).await.map(drop).map_err(|error| failure(&error))
            }
        }
    }
}

fn put_file(file: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let folder = file.parent().expect("a file is in a folder");
    fs_err::create_dir_all(folder)?;
    // Readers look for files that end otherwise.
    let unfinished = file.with_extension("unfinished");
    let mut writer = fs_err::File::create(&unfinished)?;
    writer.write_all(bytes)?;
    writer.sync_all()?;
    fs_err::rename(&unfinished, file)?;
    fs_err::File::open(folder)?.sync_all()
}

/// What the guarded client said of a request, or that something else was wrong.
fn failure(error: &object_store::Error) -> Failure {
    let causes = std::iter::successors(std::error::Error::source(error), |cause| cause.source());
    for cause in causes {
        if let Some(Refused(failure)) = cause.downcast_ref::<Refused>() {
            return failure.clone();
        }
    }
    let (reason, text) = ("bucket".to_owned(), error.to_string());
    Failure::Retry { reason, text, after_ms: None, is_outage: true }
}

/// The guarded client as that of the storage.
struct Guarded(SharedOutgoing);

impl fmt::Debug for Guarded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Guarded")
    }
}

impl HttpConnector for Guarded {
    fn connect(&self, _: &ClientOptions) -> object_store::Result<HttpClient> {
        Ok(HttpClient::new(Self(Arc::clone(&self.0))))
    }
}

impl HttpService for Guarded {
    fn call<'s, 'f>(
        &'s self,
        request: object_store::client::HttpRequest,
    ) -> Pin<Box<dyn Future<Output = Result<HttpResponse, HttpError>> + Send + 'f>>
    where
        's: 'f,
        Self: 'f,
    {
        Box::pin(async move {
            let (head, body) = request.into_parts();
            let body = body.collect().await?.to_bytes();
            let sent = self.0.request(HttpRequest {
                method: head.method,
                url: head.uri.to_string(),
                headers: head.headers,
                body: body.into(),
            });
            let refused = |failure| HttpError::new(HttpErrorKind::Unknown, Refused(failure));
            let answer = sent.await.map_err(refused)?;
            check_status(&answer).map_err(refused)?;
            let mut response = HttpResponse::new(HttpResponseBody::from(answer.body));
            *response.status_mut() = answer.status;
            *response.headers_mut() = answer.headers;
            Ok(response)
        })
    }
}

/// A failure on its way through the storage's own errors.
#[derive(Debug, thiserror::Error)]
#[error("{0:?}")]
struct Refused(Failure);
