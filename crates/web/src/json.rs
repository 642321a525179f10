//! JSON of callers, read by the names and types of a struct. Mistakes are told with their place.

use serde::de::{DeserializeOwned, IgnoredAny};
use serde_path_to_error::{Path, Segment, Track};

use crate::error::ApiError;

/// Reads JSON. The message of an error begins with `subject`.
///
/// # Errors
/// 400 if it is no JSON, or not of the type: then with the place.
pub fn read<T: DeserializeOwned>(json: &[u8], subject: &str) -> Result<T, ApiError> {
    let wrong = |error: &serde_json::Error| ApiError::invalid(format!("{subject}: {error}"));
    let mut text = serde_json::Deserializer::from_slice(json);
    let mut track = Track::new();
    let tracked = serde_path_to_error::Deserializer::new(&mut text, &mut track);
    let value = T::deserialize(tracked).map_err(|error| {
        // Nothing has a place in what is no JSON. Of a choice that names none of its forms, or
        // several, the parser says that the JSON is wrong.
        let is_json = error.is_data() || serde_json::from_slice::<IgnoredAny>(json).is_ok();
        match is_json.then(|| pointer(&track.path(), &error.to_string())).flatten() {
            Some(pointer) if error.is_syntax() => {
                let what = "an object with one key, which says the form, is wanted here";
                ApiError::invalid(format!("{subject}: {what}: {error}")).at(pointer)
            }
            Some(pointer) => wrong(&error).at(pointer),
            None => wrong(&error),
        }
    })?;
    text.end().map_err(|error| wrong(&error))?;
    Ok(value)
}

/// The place of a mistake: of a field that is missing the one where it would be; none for the
/// whole.
fn pointer(path: &Path, mistake: &str) -> Option<String> {
    let mut pointer = String::new();
    for segment in path {
        let name = match segment {
            Segment::Seq { index } => index.to_string(),
            Segment::Map { key } => escaped(key),
            // The form that a choice names is its only key.
            Segment::Enum { variant } => escaped(variant),
            // No longer known: the place is within the last one known.
            Segment::Unknown => continue,
        };
        pointer.push('/');
        pointer += &name;
    }
    let missing = mistake.strip_prefix("missing field `").and_then(|rest| rest.split('`').next());
    if let Some(name) = missing {
        pointer.push('/');
        pointer += &escaped(name);
    }
    Some(pointer).filter(|pointer| !pointer.is_empty())
}

fn escaped(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde::Deserialize;

    use super::*;

    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only whether it can be read matters")]
    struct Example {
        name: String,
        weights: Option<BTreeMap<String, Vec<f32>>>,
        part: Option<Part>,
    }

    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only whether it can be read matters")]
    struct Part {
        size: u32,
        form: Option<Form>,
    }

    #[derive(Deserialize)]
    #[serde(rename_all = "snake_case")]
    #[expect(dead_code, reason = "only whether it can be read matters")]
    enum Form {
        Round(u32),
        Square(u32),
    }

    #[test]
    fn mistakes_are_told_with_their_place() {
        let lines = [
            r#"{"name": "a", "weights": {"x": [1]}}"#,
            r#"{"name": 7}"#,
            r#"{"name": "a", "weights": {"x/y": [1, "two"]}}"#,
            r#"{"name": "a", "nmae": "b"}"#,
            r#"{}"#,
            r#"{"name": "a", "part": {}}"#,
            r#"{"name": "a", "part": {"size": 1, "form": {}}}"#,
            r#"{"name": "a", "part": {"size": 1, "form": {"round": 1, "square": 2}}}"#,
            r#"{"name": "a", "part": {"size": 1, "form": {"oval": 1}}}"#,
            r#"[]"#,
            r#"{"name": "#,
            r#"{"name": "a"} more"#,
        ]
        .map(|json| match read::<Example>(json.as_bytes(), "wrong") {
            Ok(_) => format!("{json}: fine"),
            Err(error) => format!("{json}: {} {:?}", error.message, error.pointer),
        });
        insta::assert_snapshot!(lines.join("\n"));
    }
}
