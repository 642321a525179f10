//! A provider whose request and answers the settings describe. The body is an object in the
//! language of mappings, over the message to the person.

use std::sync::LazyLock;

use activation::Failure;
use mapping::{ActionSchema, Mapping, Mode, Path, Payload};
use reqwest::Method;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::{Provider, TextMessage, needed, wrong};
use crate::kind::RequestError;
use crate::outgoing::{HttpRequest, HttpResponse, check_status, retry_later, unreadable};
use crate::{Settings, SettingsError};

/// What the directives of the body make.
const ACTION: &str = r#"{"name": "body", "title": "Body", "about": "The body of the request.",
    "fields": {"body": {"label": "Body", "about": "An object.", "type": "object", "required": true}}}"#;

fn actions() -> &'static [ActionSchema] {
    static ACTIONS: LazyLock<[ActionSchema; 1]> =
        LazyLock::new(|| [ActionSchema::from_file(ACTION)]);
    &*ACTIONS
}

pub(super) struct Custom {
    url: String,
    method: Method,
    headers: Vec<(String, String)>,
    credentials: Credentials,
    repeat_header: String,
    is_form: bool,
    body: Mapping,
    success: Option<(Path, Vec<String>)>,
    code: Option<Path>,
    give_up: Vec<String>,
    repeat: Vec<String>,
    check_url: String,
}

enum Credentials {
    Basic { user: String, password: String },
    Bearer(String),
    Header { name: String, value: String },
}

impl Credentials {
    fn of_settings(settings: &Settings) -> Result<Self, SettingsError> {
        let secret = settings.text("secret").to_owned();
        match (settings.text("secret_header"), settings.text("account")) {
            ("", "") => Ok(Self::Bearer(secret)),
            ("", user) => Ok(Self::Basic { user: user.to_owned(), password: secret }),
            (name, _) if !is_header(name, &secret) => {
                let what = format!("is {name:?}, which with this secret cannot be a header");
                Err(SettingsError::new("secret_header", what))
            }
            (name, _) => Ok(Self::Header { name: name.to_owned(), value: secret }),
        }
    }

    fn put_into(&self, request: HttpRequest) -> HttpRequest {
        match self {
            Self::Basic { user, password } => request.with_basic(user, password),
            Self::Bearer(token) => request.with_bearer(token),
            Self::Header { name, value } => request.with_secret(name, value),
        }
    }
}

fn is_header(name: &str, value: &str) -> bool {
    let probe = HttpRequest::json(Method::POST, String::new(), Vec::new());
    probe.with_secret(name, value).headers.contains_key(name)
}

/// The directives of the body.
fn read_body(text: &str) -> Result<Mapping, SettingsError> {
    let wrong = |what: String| SettingsError::new("body", what);
    let body: &RawValue =
        serde_json::from_str(text).map_err(|error| wrong(format!("is no JSON: {error}")))?;
    if !body.get().starts_with('{') {
        return Err(wrong("should be a JSON object".to_owned()));
    }
    let mapping = format!(
        r#"{{"name": "body", "trigger": "type = \"track\"", "action": "body", "fields": {{"body": {}}}}}"#,
        body.get()
    );
    Mapping::from_json_for(actions(), &mapping).map_err(|problems| {
        let first = problems.first();
        let place = first.map(|problem| problem.place.trim_start_matches("/fields/body"));
        let what = first.map(|problem| problem.what.as_str());
        wrong(format!("{}: {}", place.unwrap_or_default(), what.unwrap_or_default()))
    })
}

/// Words with commas between.
fn list(settings: &Settings, key: &str) -> Vec<String> {
    let words = settings.text(key).split(',').map(str::trim);
    words.filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

/// A place in answers; none where it is not set.
fn path(settings: &Settings, key: &str) -> Option<Path> {
    Some(settings.text(key)).filter(|text| !text.is_empty()).map(Path::new)
}

impl Custom {
    pub(super) fn new(settings: &Settings) -> Result<Self, SettingsError> {
        let headers: Vec<(String, String)> =
            settings.texts("headers").map(|(name, value)| (name.into(), value.into())).collect();
        if let Some((name, _)) = headers.iter().find(|(name, value)| !is_header(name, value)) {
            let what = format!("has {name:?}, which cannot be sent as a header");
            return Err(SettingsError::new("headers", what));
        }
        let repeat_header = settings.text("repeat_header");
        if !repeat_header.is_empty() && !is_header(repeat_header, "id") {
            return Err(SettingsError::new("repeat_header", "cannot be sent as a header"));
        }
        let success = path(settings, "success_path");
        let values = list(settings, "success_values");
        if success.is_some() == values.is_empty() {
            let what = "should be set together with success_path";
            return Err(SettingsError::new("success_values", what));
        }
        let code = path(settings, "code_path");
        let (give_up, repeat) = (list(settings, "give_up_codes"), list(settings, "repeat_codes"));
        if code.is_none() && !(give_up.is_empty() && repeat.is_empty()) {
            let what = "is missing: without it no answer has one of the codes";
            return Err(SettingsError::new("code_path", what));
        }
        Ok(Self {
            url: needed(settings, "url")?,
            method: if settings.text("method") == "PUT" { Method::PUT } else { Method::POST },
            headers,
            credentials: Credentials::of_settings(settings)?,
            repeat_header: repeat_header.to_owned(),
            is_form: settings.text("format") == "form",
            body: read_body(&needed(settings, "body")?)?,
            success: success.map(|path| (path, values)),
            code,
            give_up,
            repeat,
            check_url: settings.text("check_url").to_owned(),
        })
    }

    /// What the body is of a message.
    fn body(&self, message: &TextMessage) -> Result<Value, RequestError> {
        let mut fields = json!(message);
        // Names a person of ours.
        fields.as_object_mut().and_then(|fields| fields.remove("person"));
        let fields = fields.to_string();
        let payload = Payload::of_json(&fields).expect("a message is a JSON object");
        let made = self.body.check(&payload, Mode::Single).map_err(|errors| {
            let what = errors.first().map(|error| error.what.clone()).unwrap_or_default();
            wrong("", format!("the body of the settings cannot be made: {what}"))
        })?;
        let body = made.get("body").map(serde_json::to_value);
        body.and_then(Result::ok).ok_or_else(|| wrong("", "the body of the settings is empty"))
    }
}

/// The members of an object as those of a form.
fn form_of(body: &Value) -> Result<Vec<(&str, String)>, RequestError> {
    let text = |name: &str, value: &Value| match value {
        Value::String(text) => Ok(text.clone()),
        Value::Number(_) | Value::Bool(_) => Ok(value.to_string()),
        _ => {
            Err(wrong("", format!("the body has {name:?}, which is no text and no list of texts")))
        }
    };
    let mut form = Vec::new();
    for (name, value) in body.as_object().into_iter().flatten() {
        match value {
            Value::Null => {}
            Value::Array(values) => {
                for value in values {
                    form.push((name.as_str(), text(name, value)?));
                }
            }
            value => form.push((name.as_str(), text(name, value)?)),
        }
    }
    Ok(form)
}

impl Provider for Custom {
    fn request(&self, message: &TextMessage) -> Result<HttpRequest, RequestError> {
        let body = self.body(message)?;
        let (method, url) = (self.method.clone(), self.url.clone());
        let mut request = match self.is_form {
            true => HttpRequest::form(method, url, &form_of(&body)?),
            false => HttpRequest::json(method, url, body.to_string().into_bytes()),
        };
        for (name, value) in &self.headers {
            request = request.with_header(name, value);
        }
        if !self.repeat_header.is_empty() {
            request = request.with_header(&self.repeat_header, &message.delivery_id);
        }
        Ok(self.credentials.put_into(request))
    }

    fn read_answer(&self, response: &HttpResponse) -> Result<(), Failure> {
        let is_2xx = response.status.is_success();
        if is_2xx && self.success.is_none() && self.code.is_none() {
            return Ok(());
        }
        let answer = std::str::from_utf8(&response.body).unwrap_or_default();
        let answer = Payload::of_json(answer);
        let at = |path: &Path| match &answer {
            Ok(answer) => Some(answer.get(path)).filter(|value| !value.is_nullish()),
            Err(_) => None,
        };
        if is_2xx && let Some((path, values)) = &self.success {
            match at(path) {
                Some(found) if values.iter().any(|value| *value == found.print()) => return Ok(()),
                None if answer.is_err() => {
                    return Err(unreadable("the answer is no JSON object"));
                }
                _ => {}
            }
        }
        let code = self.code.as_ref().and_then(at).map(|code| code.print().into_owned());
        let Some(code) = code.filter(|code| !code.is_empty()) else {
            return match (is_2xx, &self.success) {
                (true, Some((path, _))) => Err(Failure::Permanent {
                    reason: "not_taken".to_owned(),
                    text: format!("the answer has none of success_values at {}", path.text()),
                }),
                _ => check_status(response),
            };
        };
        let text = format!("the provider says {code}");
        let lasting = |text| Failure::Permanent { reason: "provider_error".to_owned(), text };
        if self.repeat.contains(&code) {
            return Err(retry_later("try_later", text, response));
        }
        match self.give_up.contains(&code) || (is_2xx && self.success.is_some()) {
            true => Err(lasting(text)),
            false => check_status(response),
        }
    }

    fn check_request(&self) -> Option<HttpRequest> {
        if self.check_url.is_empty() {
            return None;
        }
        let request = HttpRequest::json(Method::GET, self.check_url.clone(), Vec::new());
        Some(self.credentials.put_into(request))
    }

    fn knows_repeats(&self) -> bool {
        !self.repeat_header.is_empty()
    }
}
