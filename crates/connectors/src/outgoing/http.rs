//! Requests over HTTP.

use std::error::Error;
use std::net::IpAddr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use activation::Failure;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{Client, Method, Response, StatusCode, Url};
use serde_json::Value;

use super::policy::{Reach, Refused};
use super::{Clients, Outgoing, SharedOutgoing};
use crate::DescribedRequest;

/// The most bytes of an answer that are read; the rest is left.
const ANSWER_BYTES_MAX: usize = 1_024 * 1_024;
/// The most bytes of an answer that a failure cites.
const CITED_BYTES_MAX: usize = 200;
/// A larger number of seconds is a Unix time, not a wait: this one is in 2001.
const UNIX_TIME_MIN_S: f64 = 1e9;

/// The type of forms.
const FORM: &str = "application/x-www-form-urlencoded";

/// A request.
#[derive(Debug, Clone)]
pub(crate) struct HttpRequest {
    pub(crate) method: Method,
    pub(crate) url: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl HttpRequest {
    /// A request with a JSON body.
    pub(crate) fn json(method: Method, url: String, body: Vec<u8>) -> Self {
        let mut headers = HeaderMap::new();
        headers.insert("content-type", HeaderValue::from_static("application/json"));
        Self { method, url, headers, body }
    }

    /// A request with the body of a form, whose members may repeat.
    pub(crate) fn form(method: Method, url: String, members: &[(&str, String)]) -> Self {
        let body = serde_urlencoded::to_string(members).expect("members are texts");
        let mut headers = HeaderMap::new();
        headers.insert("content-type", HeaderValue::from_static(FORM));
        Self { method, url, headers, body: body.into_bytes() }
    }

    /// Adds a header, unless it has characters that no header can have.
    pub(crate) fn with_header(mut self, name: &str, value: &str) -> Self {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            self.headers.insert(name, value);
        }
        self
    }

    /// Adds a header that is never shown.
    pub(crate) fn with_secret(mut self, name: &str, value: &str) -> Self {
        if let (Ok(name), Ok(mut value)) =
            (HeaderName::try_from(name), HeaderValue::try_from(value))
        {
            value.set_sensitive(true);
            self.headers.insert(name, value);
        }
        self
    }

    /// Adds the header Authorization in the form Basic.
    pub(crate) fn with_basic(self, user: &str, password: &str) -> Self {
        let credentials = BASE64.encode(format!("{user}:{password}"));
        self.with_secret("authorization", &format!("Basic {credentials}"))
    }

    /// Adds the header Authorization with a token.
    pub(crate) fn with_bearer(self, token: &str) -> Self {
        self.with_secret("authorization", &format!("Bearer {token}"))
    }

    /// For people, without secrets.
    pub(crate) fn describe(&self) -> DescribedRequest {
        let shown = self.headers.iter().filter(|(_, value)| !value.is_sensitive());
        let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
        DescribedRequest {
            method: self.method.to_string(),
            path: self.url.clone(),
            headers: shown.map(|(name, value)| (name.to_string(), text(value))).collect(),
            body: match self.headers.get("content-type").is_some_and(|type_| type_ == FORM) {
                true => described_form(&self.body),
                false => serde_json::from_slice(&self.body).unwrap_or(Value::Null),
            },
        }
    }
}

/// The members of a form as an object; those that repeat as lists.
fn described_form(body: &[u8]) -> Value {
    let members: Vec<(String, String)> = serde_urlencoded::from_bytes(body).unwrap_or_default();
    let mut described = serde_json::Map::new();
    for (name, value) in members {
        match described.get_mut(&name) {
            None => {
                described.insert(name, value.into());
            }
            Some(Value::Array(values)) => values.push(value.into()),
            Some(alone) => *alone = Value::Array(vec![alone.take(), value.into()]),
        }
    }
    described.into()
}

/// An answer.
#[derive(Debug)]
pub(crate) struct HttpResponse {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    /// Up to [`ANSWER_BYTES_MAX`].
    pub(crate) body: Vec<u8>,
}

/// Whether an address leads somewhere: `https://host/path`, or `http` to an allowed network.
///
/// # Errors
/// What is wrong with it, behind its name.
pub(crate) fn check_url(url: &str) -> Result<Url, String> {
    let url = Url::parse(url).map_err(|error| format!("should be an address: {error}"))?;
    match url.scheme() {
        "https" | "http" if !url.username().is_empty() || url.password().is_some() => {
            Err("should have no user and no password in it".to_owned())
        }
        "https" | "http" => Ok(url),
        other => Err(format!("should begin with https:// but begins with {other}:")),
    }
}

impl Outgoing {
    /// Sends a request and reads the answer, whatever its status.
    ///
    /// # Errors
    /// If there is no whole answer in time, or the address may not be reached.
    pub(crate) async fn request(&self, request: HttpRequest) -> Result<HttpResponse, Failure> {
        read(self.send(request, None).await?).await
    }

    /// As [`Outgoing::request`], over HTTP/2 alone.
    ///
    /// # Errors
    /// As [`Outgoing::request`], also where the other end does not speak HTTP/2.
    pub(crate) async fn request_http2(
        &self,
        request: HttpRequest,
    ) -> Result<HttpResponse, Failure> {
        read(self.send_by(&self.http2, request, None).await?).await
    }

    /// Sends a request to an address that may be reached. `time_max` takes the place of the time
    /// that requests have.
    ///
    /// # Errors
    /// If no answer begins in time, or the address may not be reached.
    pub(super) async fn send(
        &self,
        request: HttpRequest,
        time_max: Option<Duration>,
    ) -> Result<Response, Failure> {
        self.send_by(&self.http1, request, time_max).await
    }

    async fn send_by(
        &self,
        clients: &Clients,
        request: HttpRequest,
        time_max: Option<Duration>,
    ) -> Result<Response, Failure> {
        let refuse = |text: String| Failure::Permanent { reason: "refused_address".into(), text };
        let url = check_url(&request.url).map_err(|what| refuse(format!("the address {what}")))?;
        let (client, reach): (&Client, _) = match url.scheme() {
            "https" => (&clients.secure, Reach::PublicAndAllowed),
            _ => (&clients.plain, Reach::AllowedOnly),
        };
        // An address in place of a name is not resolved.
        let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
        if let Ok(address) = host.parse::<IpAddr>() {
            self.policy.check(address, reach).map_err(refuse)?;
        }
        let mut sending =
            client.request(request.method, url).headers(request.headers).body(request.body);
        if let Some(time_max) = time_max {
            sending = sending.timeout(time_max);
        }
        sending.send().await.map_err(|error| failure_of_error(&error))
    }

    /// As [`Outgoing::request`], where every status but 2xx is a failure.
    ///
    /// # Errors
    /// As [`Outgoing::request`], and by the status.
    pub(crate) async fn request_ok(&self, request: HttpRequest) -> Result<HttpResponse, Failure> {
        let response = self.request(request).await?;
        check_status(&response)?;
        Ok(response)
    }
}

/// Reads an answer, up to a limit.
async fn read(mut response: Response) -> Result<HttpResponse, Failure> {
    let (status, headers) = (response.status(), std::mem::take(response.headers_mut()));
    let mut body = Vec::new();
    while body.len() < ANSWER_BYTES_MAX {
        match response.chunk().await {
            Ok(Some(chunk)) => body.extend_from_slice(&chunk),
            Ok(None) => break,
            Err(error) => return Err(failure_of_error(&error)),
        }
    }
    body.truncate(ANSWER_BYTES_MAX);
    Ok(HttpResponse { status, headers, body })
}

/// The failure of a request without an answer.
pub(super) fn failure_of_error(error: &reqwest::Error) -> Failure {
    let mut causes: Vec<&(dyn Error + 'static)> = Vec::new();
    let mut next = error.source();
    while let Some(cause) = next {
        causes.push(cause);
        next = cause.source();
    }
    if let Some(refused) = causes.iter().find_map(|cause| cause.downcast_ref::<Refused>()) {
        return Failure::Permanent {
            reason: "refused_address".to_owned(),
            text: refused.to_string(),
        };
    }
    let text = causes.last().map_or_else(|| error.to_string(), |cause| cause.to_string());
    // A connection that was not made in time is both: nothing was sent.
    if error.is_connect() {
        let reason = "no_connection".to_owned();
        return Failure::Retry { reason, text, after_ms: None, is_outage: true };
    }
    let reason = if error.is_timeout() { "timeout" } else { "broken_connection" };
    Failure::Unknown { reason: reason.to_owned(), text, is_outage: true }
}

/// The failure of an answer that is not 2xx.
///
/// # Errors
/// The failure.
pub(crate) fn check_status(response: &HttpResponse) -> Result<(), Failure> {
    if response.status.is_success() {
        return Ok(());
    }
    let cited = String::from_utf8_lossy(&response.body[..response.body.len().min(CITED_BYTES_MAX)]);
    let after_ms = read_wait_ms(&response.headers);
    Err(failure_of_status(response.status.as_u16(), cited.trim(), after_ms))
}

/// The failure of an answer that is no whole file.
///
/// # Errors
/// The failure.
pub(super) fn check_status_of_file(status: StatusCode) -> Result<(), Failure> {
    match status {
        StatusCode::OK => Ok(()),
        other => Err(failure_of_status(other.as_u16(), "", None)),
    }
}

/// The failure of a status: which may pass (408, 423, 429, 5xx but 501), and which does not.
pub(crate) fn failure_of_status(status: u16, cited: &str, after_ms: Option<u64>) -> Failure {
    let reason = format!("http_{status}");
    let text = match cited {
        "" => format!("answered {status}"),
        cited => format!("answered {status}: {cited}"),
    };
    let is_server = (500..600).contains(&status) && status != 501;
    match status {
        408 | 423 | 429 => Failure::Retry { reason, text, after_ms, is_outage: status != 423 },
        _ if is_server => Failure::Retry { reason, text, after_ms, is_outage: true },
        300..400 => {
            Failure::Permanent { reason, text: format!("{text} (redirects are not followed)") }
        }
        _ => Failure::Permanent { reason, text },
    }
}

/// The failure of an answer, whatever its status, that says to come back later.
pub(crate) fn retry_later(reason: &str, text: String, response: &HttpResponse) -> Failure {
    let after_ms = read_wait_ms(&response.headers);
    Failure::Retry { reason: reason.to_owned(), text, after_ms, is_outage: true }
}

/// How long an answer asks to wait, in milliseconds: `Retry-After`, or `X-RateLimit-Reset`, both in
/// seconds, the latter also as a Unix time. A date is left to the ordinary wait.
fn read_wait_ms(headers: &HeaderMap) -> Option<u64> {
    let seconds = |name: &str| -> Option<f64> {
        let seconds: f64 = headers.get(name)?.to_str().ok()?.trim().parse().ok()?;
        (seconds.is_finite() && seconds >= 0.0).then_some(seconds)
    };
    let seconds = seconds("retry-after").or_else(|| {
        seconds("x-ratelimit-reset").map(|seconds| {
            let now_s = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
            let is_unix_time = seconds > UNIX_TIME_MIN_S;
            if is_unix_time { (seconds - now_s.as_secs_f64()).max(0.0) } else { seconds }
        })
    })?;
    Some((seconds * 1_000.0) as u64)
}

/// The failure of an answer that cannot be understood: nobody knows what was taken.
pub(crate) fn unreadable(what: &str) -> Failure {
    Failure::Unknown {
        reason: "unreadable_answer".to_owned(),
        text: what.to_owned(),
        is_outage: true,
    }
}

/// Sends a request in the background of a sender.
pub(crate) async fn send_ok(outgoing: SharedOutgoing, request: HttpRequest) -> Result<(), Failure> {
    outgoing.request_ok(request).await.map(drop)
}
