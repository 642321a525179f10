//! Settings of lists with their words, for forms of scenarios and traits.

use serde_json::{Value, json};

/// The kinds of interactions that count for a list.
pub(super) const INTERACTIONS: [(&str, &str); 7] = [
    ("", "Everything"),
    ("detail_view", "Views"),
    ("purchase", "Purchases"),
    ("rating", "Ratings"),
    ("cart_addition", "Additions to the cart"),
    ("bookmark", "Bookmarks"),
    ("view_portion", "Plays"),
];

/// What a field for a fallback says below it.
pub(super) const FALLBACK_HINT: &str = "none, trending, personal, or logics in order: together, newest, trending. Empty: what suits the list";

/// What a field for a mix says below it.
pub(super) const MIX_HINT: &str =
    "In place of one kind: logics with their weights, such as personal 70, newest 30";

/// A fallback as a text: a word, or the logics of a chain with commas.
pub(super) fn fallback_text(fallback: &Value) -> String {
    match fallback {
        Value::Array(logics) => {
            let words = logics.iter().filter_map(Value::as_str);
            words.collect::<Vec<_>>().join(", ")
        }
        word => word.as_str().unwrap_or_default().to_owned(),
    }
}

/// The fallback that a text means, as JSON.
pub(super) fn fallback_of_text(text: &str) -> Value {
    let words: Vec<&str> = text.split(',').map(str::trim).collect();
    match words[..] {
        [word @ ("none" | "trending" | "personal")] => word.into(),
        _ => words.into(),
    }
}

/// The parts of a mix as a text: "personal 70, newest 30".
pub(super) fn mix_text(mix: &Value) -> String {
    let part = |part: &Value| {
        let weight = part.get("weight")?.as_f64()? as f32;
        Some(format!("{} {weight}", part.get("logic")?.as_str()?))
    };
    let parts = mix.as_array().into_iter().flatten().filter_map(part);
    parts.collect::<Vec<_>>().join(", ")
}

/// The mix that a text means, as JSON.
///
/// # Errors
/// A sentence about the part that is no logic with a weight.
pub(super) fn mix_of_text(text: &str) -> Result<Value, String> {
    let part = |part: &str| {
        let (logic, weight) = part.trim().rsplit_once(char::is_whitespace)?;
        let weight: f64 = weight.trim_end_matches('%').replace(',', ".").parse().ok()?;
        Some(json!({ "logic": logic.trim(), "weight": weight }))
    };
    let wrong = |text: &str| format!("“{}” is no logic with a weight: personal 70", text.trim());
    let parts = text.split(',').map(|text| part(text).ok_or_else(|| wrong(text)));
    parts.collect::<Result<Vec<_>, _>>().map(Value::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chains_and_mixes_are_typed_as_they_are_shown() {
        for (text, json) in [
            ("trending", json!("trending")),
            ("newest", json!(["newest"])),
            ("together, newest, trending", json!(["together", "newest", "trending"])),
        ] {
            assert_eq!(
                (fallback_of_text(text), fallback_text(&json)),
                (json.clone(), text.to_owned())
            );
        }
        let json = mix_of_text("personal 70 %, newest 30").unwrap_err();
        assert!(json.contains("personal 70 %"), "{json}");
        let json = mix_of_text("personal 70%, newest 0.5").unwrap();
        assert_eq!(mix_text(&json), "personal 70, newest 0.5");
    }
}
