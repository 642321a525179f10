//! How a configuration is changed.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use engine::{ConfigChange, ConfigError, Engine, Expected, Resource};
use serde::de::DeserializeOwned;
use serde_json::value::{RawValue, to_raw_value};
use web::App;
use web::error::{ApiError, ErrorKind};
use web::json;
use web::workspaces::RequestedWorkspace;

/// A resource with its revision.
#[derive(Debug, Clone)]
pub struct Revised<T> {
    /// The resource.
    pub value: T,
    /// Its revision: what a later change may expect.
    pub revision: u64,
}

impl<T> Revised<T> {
    /// A resource as it is after a change. The caller lets no other change pass in between.
    pub fn now(engine: &Engine, resource: &Resource, value: T) -> Self {
        let (_, revisions) = engine.revised_config();
        Self { value, revision: revisions.revision(resource) }
    }
}

/// Changes a configuration on a thread that may block. One change runs at a time in the whole
/// server.
///
/// # Errors
/// Those of the change, and 503 where the workspace is closed.
pub async fn configure<T: Send + 'static>(
    app: &Arc<App>,
    workspace: &RequestedWorkspace,
    change: impl FnOnce(&App, &Engine) -> Result<T, ApiError> + Send + 'static,
) -> Result<T, ApiError> {
    let app = Arc::clone(app);
    let change = move |engine: &Engine| {
        let _one_at_a_time = app.configuring.lock();
        change(&app, engine).map_err(located)
    };
    workspace.run(change).await
}

/// Makes or replaces the resource of a change. Returns it as `show` has it then, and whether it is
/// new.
///
/// # Errors
/// If it does not fit the workspace, or the revision is another than expected.
pub(crate) async fn put_resource<T: Send + 'static>(
    app: &Arc<App>,
    workspace: &RequestedWorkspace,
    change: ConfigChange,
    expected: Expected,
    show: impl FnOnce(&Engine) -> T + Send + 'static,
) -> Result<(Revised<T>, bool), ApiError> {
    configure(app, workspace, move |_, engine| {
        let resource = change.resource();
        let is_new = !resource.is_in(&engine.config());
        engine.change_config(change, expected).map_err(|error| put_error(error, expected))?;
        Ok((Revised::now(engine, &resource, show(engine)), is_new))
    })
    .await
}

/// Removes a resource.
///
/// # Errors
/// 404 where the resource is not there, 409 where others need it; also if the revision is another
/// than expected.
pub(crate) async fn remove_resource(
    app: &Arc<App>,
    workspace: &RequestedWorkspace,
    change: ConfigChange,
    expected: Expected,
) -> Result<(), ApiError> {
    configure(app, workspace, move |_, engine| remove(engine, change, expected)).await
}

/// Removes a resource, as [`remove_resource`] does.
pub(crate) fn remove(
    engine: &Engine,
    change: ConfigChange,
    expected: Expected,
) -> Result<(), ApiError> {
    engine.change_config(change, expected).map_err(|error| match error {
        // What is left names something that it would lack.
        ConfigError::Invalid(what) => in_use(format!("it cannot go before what names it: {what}")),
        other => other.into(),
    })
}

/// The error for a resource that cannot go, since another one names it.
pub(crate) fn in_use(what: String) -> ApiError {
    ApiError::new(ErrorKind::InUse, what)
}

/// A body without the keys that only answers have, so that what was read can be put back.
pub(crate) fn without_shown<'b>(body: &'b [u8], shown: &[&str]) -> Cow<'b, [u8]> {
    // What is no object is refused, with the place, by who reads it.
    let keys = serde_json::from_slice::<BTreeMap<String, &RawValue>>(body).ok();
    let Some(mut keys) = keys.filter(|keys| shown.iter().any(|key| keys.contains_key(*key))) else {
        return Cow::Borrowed(body);
    };
    keys.retain(|key, _| !shown.contains(&key.as_str()));
    serde_json::to_vec(&keys).map_or(Cow::Borrowed(body), Cow::Owned)
}

/// Reads a resource from JSON, with or without its name, which stands at `key` and must not be
/// another one. The keys `shown` are those that only answers have.
///
/// # Errors
/// If it is none.
pub(crate) fn parse_named<T: DeserializeOwned>(
    kind: &str,
    key: &str,
    name: &str,
    body: &[u8],
    shown: &[&str],
    name_of: impl Fn(&T) -> &String,
) -> Result<T, ApiError> {
    let subject = format!("{kind} {name:?}");
    let body = &*without_shown(body, shown);
    let wrong = |what: String| ApiError::invalid(format!("{subject}: {what}"));
    let text = |error: serde_json::Error| wrong(error.to_string());
    // Numbers keep their texts.
    let mut keys: BTreeMap<String, Box<RawValue>> = serde_json::from_slice(body).map_err(text)?;
    keys.entry(key.to_owned()).or_insert(to_raw_value(name).map_err(text)?);
    let keys = serde_json::to_vec(&keys).map_err(text)?;
    let resource: T = json::read(&keys, &subject)?;
    if name_of(&resource) == name {
        return Ok(resource);
    }
    let what = format!("{key} is {:?}, but the path says {name:?}", name_of(&resource));
    Err(wrong(what).at(format!("/{key}")))
}

/// An error of a configuration with the place in the body. Its message names the resource and then
/// the key: `scenario "home": diversity is 2, it must be from 0 to 1`.
pub(crate) fn located(error: ApiError) -> ApiError {
    match place(&error.message) {
        Some(place) if error.kind == ErrorKind::Invalid && error.pointer.is_none() => {
            error.at(place)
        }
        _ => error,
    }
}

/// The place of the key that a message names, as a JSON pointer; none where it names none.
pub(crate) fn place(message: &str) -> Option<String> {
    // The weights are the whole body.
    let message = message.strip_prefix("interaction_weights: ").unwrap_or(message);
    let what = after_name(message).unwrap_or(message);
    if what.starts_with("group \"") {
        return Some("/group".to_owned());
    }
    let is_of_key = |c: char| c.is_ascii_alphanumeric() || "_.[]".contains(c);
    let (key, rest) = what.split_at(what.find(|c| !is_of_key(c))?);
    let is_named = [": ", " is ", " has ", " must ", " says ", " should "]
        .iter()
        .any(|verb| rest.starts_with(verb));
    (is_named && key.starts_with(|c: char| c.is_ascii_lowercase()))
        .then(|| format!("/{}", key.replace(['.', '['], "/").replace(']', "")))
}

/// What follows the kind and the name of a resource, which is quoted and escaped.
fn after_name(message: &str) -> Option<&str> {
    let (kind, quoted) = message.split_once(" \"")?;
    let kinds = [
        "source",
        "token",
        "trait",
        "computed trait",
        "scenario",
        "destination",
        "export",
        "feed",
        "campaign",
        "journey",
    ];
    if !kinds.contains(&kind) {
        return None;
    }
    let mut is_escaped = false;
    let end = quoted.find(|c| {
        let is_end = c == '"' && !is_escaped;
        is_escaped = c == '\\' && !is_escaped;
        is_end
    })?;
    quoted[end + 1..].strip_prefix(": ")
}

/// The error of making or replacing a resource, where [`Expected::Absent`] is a precondition.
pub fn put_error(error: ConfigError, expected: Expected) -> ApiError {
    match error {
        ConfigError::AlreadyExists(what) if expected == Expected::Absent => {
            ApiError::precondition_failed(what)
        }
        other => other.into(),
    }
}

/// The error for a name that no resource has: 404, with the existing names.
pub fn unknown_resource(word: &str, name: &str, known: &[impl AsRef<str>]) -> ApiError {
    let known: Vec<&str> = known.iter().map(AsRef::as_ref).collect();
    let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
    ApiError::not_found(format!("no {word} {name:?}; there are: {known}"))
}

#[cfg(test)]
mod tests {
    use super::place;

    #[test]
    fn a_message_tells_its_place() {
        for (message, expected) in [
            ("source \"\": name must be 1 to 256 bytes", Some("/name")),
            ("source \"a\\\": b\": write_key must be printable", Some("/write_key")),
            ("scenario \"home\": promoted.share is 2, it must be", Some("/promoted/share")),
            ("scenario \"home\": filter: column 3: what is this?", Some("/filter")),
            ("scenario \"home\": group \"b\": share is 2", Some("/group")),
            ("scenario \"home\": constraint.0.property must have", Some("/constraint/0/property")),
            ("destination \"r\": settings.databaseId is missing", Some("/settings/databaseId")),
            ("destination \"r\": rules.drop[1]: column 3: what is this?", Some("/rules/drop/1")),
            ("interaction_weights: view is 7, it must be", Some("/view")),
            ("interaction_weights: every weight is 0: nothing would count", None),
            ("weak_signals.click is 7, it must be", Some("/weak_signals/click")),
            ("presets is 9, the sets are 1 to 2", Some("/presets")),
            ("1001 sources exceed the limit of 1000", None),
            ("two sources are named \"a\"", None),
        ] {
            assert_eq!(place(message).as_deref(), expected, "{message}");
        }
    }
}
