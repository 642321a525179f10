//! Where files are put: a folder of this machine, or a bucket with S3's API.

use std::fmt;
use std::io::{Read, Seek, SeekFrom, Write};
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
use object_store::{ClientOptions, MultipartUpload, ObjectStoreExt, RetryConfig};

use crate::outgoing::{HttpRequest, SharedOutgoing, check_status, check_url};
use crate::{Settings, SettingsError};

/// The size of the parts of a large file, in bytes; S3 takes no smaller ones than 5 MB.
const PART_BYTES: usize = 8 * 1_024 * 1_024;
/// How much is read back at once, in bytes: less than the guarded client reads of an answer.
const READ_BYTES: usize = 512 * 1_024;

/// Where files are put.
pub(crate) enum Storage {
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
    pub(crate) fn of_settings(
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
    pub(crate) fn describe(&self, file: &str) -> String {
        match self {
            Self::Folder { path, .. } => Path::new(path).join(file).display().to_string(),
            Self::Bucket { name, path, .. } => format!("s3://{name}/{path}{file}"),
        }
    }

    /// Puts a file, in place of one of the same name. Once it is there it is durable.
    ///
    /// # Errors
    /// If it is not known to be there.
    pub(crate) async fn put(&self, file: &str, bytes: Vec<u8>) -> Result<(), Failure> {
        match self {
            Self::Folder { allowed, path } => {
                let file = allowed.join(path).join(file);
                let put = tokio::task::spawn_blocking(move || put_file(&file, &bytes)).await;
                put.expect("it does not panic").map_err(|error| retry("files", &error))
            }
            Self::Bucket { store, path, .. } => {
                let place = object_path(path, file)?;
                store.put(&place, bytes.into()).await.map(drop).map_err(|error| failure(&error))
            }
        }
    }

    /// Puts a file of any size that is there already, in parts, and reads it back.
    ///
    /// # Errors
    /// If it is not known to be there as it is here.
    pub(crate) async fn put_and_verify(&self, file: &str, source: &Path) -> Result<(), Failure> {
        let io_failure = |error: std::io::Error| retry("files", &error);
        match self {
            Self::Folder { allowed, path } => {
                let (target, source) = (allowed.join(path).join(file), source.to_owned());
                let put = tokio::task::spawn_blocking(move || copy_and_verify(&source, &target));
                put.await.expect("it does not panic").map_err(io_failure)
            }
            Self::Bucket { store, path, .. } => {
                let place = object_path(path, file)?;
                let mut source = Pieces::open(source).map_err(io_failure)?;
                let first = source.next(PART_BYTES).map_err(io_failure)?;
                if first.len() < PART_BYTES {
                    store.put(&place, first.into()).await.map_err(|error| failure(&error))?;
                } else {
                    let upload = store.put_multipart(&place).await;
                    let mut upload = upload.map_err(|error| failure(&error))?;
                    let mut part = first;
                    while !part.is_empty() {
                        let put = upload.put_part(part.into()).await;
                        put.map_err(|error| failure(&error))?;
                        part = source.next(PART_BYTES).map_err(io_failure)?;
                    }
                    upload.complete().await.map_err(|error| failure(&error))?;
                }
                source.rewind().map_err(io_failure)?;
                let mut at = 0;
                loop {
                    let here = source.next(READ_BYTES).map_err(io_failure)?;
                    if here.is_empty() {
                        break;
                    }
                    let range = at..at + here.len() as u64;
                    let there = store.get_range(&place, range.clone()).await;
                    if there.map_err(|error| failure(&error))?[..] != here[..] {
                        let what = format!("{file} is other than it was put, at byte {at}");
                        return Err(retry("bucket", &what));
                    }
                    at = range.end;
                }
                let size = store.head(&place).await.map_err(|error| failure(&error))?.size;
                let what = format!("{file} has {size} bytes in the bucket, and {at} here");
                if size == at { Ok(()) } else { Err(retry("bucket", &what)) }
            }
        }
    }
}

fn retry(reason: &str, text: &dyn fmt::Display) -> Failure {
    Failure::Retry {
        reason: reason.to_owned(),
        text: text.to_string(),
        after_ms: None,
        is_outage: true,
    }
}

fn object_path(path: &str, file: &str) -> Result<ObjectPath, Failure> {
    ObjectPath::parse(format!("{path}{file}"))
        .map_err(|error| Failure::Permanent { reason: "path".to_owned(), text: error.to_string() })
}

/// The pieces of a file, one after the other.
struct Pieces(fs_err::File);

impl Pieces {
    fn open(file: &Path) -> std::io::Result<Self> {
        Ok(Self(fs_err::File::open(file)?))
    }

    /// The next bytes, fewer at the end of the file.
    fn next(&mut self, n_bytes: usize) -> std::io::Result<Vec<u8>> {
        let mut piece = Vec::new();
        (&self.0).take(n_bytes as u64).read_to_end(&mut piece)?;
        Ok(piece)
    }

    fn rewind(&mut self) -> std::io::Result<()> {
        self.0.seek(SeekFrom::Start(0)).map(drop)
    }
}

fn copy_and_verify(source: &Path, target: &Path) -> std::io::Result<()> {
    let folder = target.parent().expect("a file is in a folder");
    fs_err::create_dir_all(folder)?;
    let unfinished = target.with_extension("unfinished");
    let mut writer = fs_err::File::create(&unfinished)?;
    std::io::copy(&mut fs_err::File::open(source)?, &mut writer)?;
    writer.sync_all()?;
    let (mut here, mut there) = (Pieces::open(source)?, Pieces::open(&unfinished)?);
    loop {
        let piece = here.next(READ_BYTES)?;
        if there.next(READ_BYTES)? != piece {
            let what = format!("{} is other than it was written", unfinished.display());
            return Err(std::io::Error::other(what));
        }
        if piece.is_empty() {
            break;
        }
    }
    fs_err::rename(&unfinished, target)?;
    fs_err::File::open(folder)?.sync_all()
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
    retry("bucket", error)
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
