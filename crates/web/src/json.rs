//! JSON of callers, read by the names and types of a struct. Mistakes are told with their place.

use serde::de::DeserializeOwned;
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
    let value = T::deserialize(tracked).map_err(|error| match error.is_data() {
        true => match pointer(&track.path()) {
            Some(pointer) => wrong(&error).at(pointer),
            None => wrong(&error),
        },
        // Nothing has a place in what is no JSON.
        false => wrong(&error),
    })?;
    text.end().map_err(|error| wrong(&error))?;
    Ok(value)
}

/// None for the whole.
fn pointer(path: &Path) -> Option<String> {
    let mut pointer = String::new();
    for segment in path {
        let name = match segment {
            Segment::Seq { index } => index.to_string(),
            Segment::Map { key } => key.replace('~', "~0").replace('/', "~1"),
            // No part of the text, or no longer known: the place is within the last one known.
            Segment::Enum { .. } | Segment::Unknown => continue,
        };
        pointer.push('/');
        pointer += &name;
    }
    Some(pointer).filter(|pointer| !pointer.is_empty())
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
    }

    #[test]
    fn mistakes_are_told_with_their_place() {
        let lines = [
            r#"{"name": "a", "weights": {"x": [1]}}"#,
            r#"{"name": 7}"#,
            r#"{"name": "a", "weights": {"x/y": [1, "two"]}}"#,
            r#"{"name": "a", "nmae": "b"}"#,
            r#"{}"#,
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
