//! Filters of texts. Positions and lengths count characters.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use serde_json::Value;

use super::{Outcome, argument, text_of, whole};
use crate::limits::VALUE_BYTES_MAX;

/// What stays as it is in a part of an address.
pub(crate) const ENCODED: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The fewest bytes that an element of a list counts.
const ELEMENT_BYTES: usize = 8;

fn on_text(input: &Value, change: impl FnOnce(&str) -> String) -> Outcome {
    Ok(change(&text_of(input)?).into())
}

pub(super) fn append(input: Value, arguments: &[Value]) -> Outcome {
    Ok((text_of(&input)? + &argument(arguments, 0, "")?).into())
}

pub(super) fn prepend(input: Value, arguments: &[Value]) -> Outcome {
    Ok((argument(arguments, 0, "")? + &text_of(&input)?).into())
}

pub(super) fn capitalize(input: Value, _: &[Value]) -> Outcome {
    on_text(&input, |text| {
        let mut chars = text.chars();
        chars.next().map_or_else(String::new, |first| {
            first.to_uppercase().collect::<String>() + chars.as_str()
        })
    })
}

pub(super) fn downcase(input: Value, _: &[Value]) -> Outcome {
    on_text(&input, str::to_lowercase)
}

pub(super) fn upcase(input: Value, _: &[Value]) -> Outcome {
    on_text(&input, str::to_uppercase)
}

pub(super) fn strip(input: Value, _: &[Value]) -> Outcome {
    on_text(&input, |text| text.trim().to_owned())
}

pub(super) fn lstrip(input: Value, _: &[Value]) -> Outcome {
    on_text(&input, |text| text.trim_start().to_owned())
}

pub(super) fn rstrip(input: Value, _: &[Value]) -> Outcome {
    on_text(&input, |text| text.trim_end().to_owned())
}

pub(super) fn strip_newlines(input: Value, _: &[Value]) -> Outcome {
    on_text(&input, |text| text.replace(['\r', '\n'], ""))
}

pub(super) fn strip_html(input: Value, _: &[Value]) -> Outcome {
    on_text(&input, without_elements)
}

/// What is between tags, without scripts and styles.
fn without_elements(text: &str) -> String {
    // Bytes stay at their places.
    let lower = text.to_ascii_lowercase();
    let mut stripped = String::with_capacity(text.len());
    let mut at = 0;
    while let Some(open) = text[at..].find('<').map(|open| at + open) {
        stripped.push_str(&text[at..open]);
        let end = match &lower[open..] {
            rest if rest.starts_with("<!--") => "-->",
            rest if rest.starts_with("<script") => "</script>",
            rest if rest.starts_with("<style") => "</style>",
            _ => ">",
        };
        match lower[open..].find(end) {
            Some(close) => at = open + close + end.len(),
            None => return stripped,
        }
    }
    stripped + &text[at..]
}

pub(super) fn remove(input: Value, arguments: &[Value]) -> Outcome {
    replaced(&input, &argument(arguments, 0, "")?, "", usize::MAX)
}

pub(super) fn remove_first(input: Value, arguments: &[Value]) -> Outcome {
    replaced(&input, &argument(arguments, 0, "")?, "", 1)
}

pub(super) fn replace(input: Value, arguments: &[Value]) -> Outcome {
    let (from, to) = (argument(arguments, 0, "")?, argument(arguments, 1, "")?);
    replaced(&input, &from, &to, usize::MAX)
}

pub(super) fn replace_first(input: Value, arguments: &[Value]) -> Outcome {
    let (from, to) = (argument(arguments, 0, "")?, argument(arguments, 1, "")?);
    replaced(&input, &from, &to, 1)
}

fn replaced(input: &Value, from: &str, to: &str, most: usize) -> Outcome {
    let text = text_of(input)?;
    if from.is_empty() {
        return Ok(text.into());
    }
    let matches = text.matches(from).take(most).count();
    if text.len().saturating_add(matches.saturating_mul(to.len())) > 2 * VALUE_BYTES_MAX {
        return Err(too_large());
    }
    Ok(text.replacen(from, to, matches).into())
}

pub(super) fn too_large() -> String {
    format!("the value would have more than {VALUE_BYTES_MAX} bytes")
}

pub(super) fn truncate(input: Value, arguments: &[Value]) -> Outcome {
    let (most, end) = (whole(arguments, 0, 50)?, argument(arguments, 1, "...")?);
    let most = usize::try_from(most).unwrap_or(0);
    on_text(&input, |text| {
        if text.chars().count() <= most {
            return text.to_owned();
        }
        let kept = most.saturating_sub(end.chars().count());
        text.chars().take(kept).collect::<String>() + &end
    })
}

pub(super) fn truncatewords(input: Value, arguments: &[Value]) -> Outcome {
    let (most, end) = (whole(arguments, 0, 15)?, argument(arguments, 1, "...")?);
    let most = usize::try_from(most).unwrap_or(0).max(1);
    on_text(&input, |text| {
        if text.split_whitespace().count() <= most {
            return text.to_owned();
        }
        text.split_whitespace().take(most).collect::<Vec<_>>().join(" ") + &end
    })
}

pub(super) fn split(input: Value, arguments: &[Value]) -> Outcome {
    let (text, mark) = (text_of(&input)?, argument(arguments, 0, "")?);
    let count = if mark.is_empty() { text.chars().count() } else { text.matches(&mark).count() };
    if count > VALUE_BYTES_MAX / ELEMENT_BYTES {
        return Err(too_large());
    }
    if text.is_empty() {
        return Ok(Value::Array(Vec::new()));
    }
    Ok(match mark.as_str() {
        "" => text.chars().map(String::from).map(Value::String).collect(),
        mark => text.split(mark).map(Value::from).collect(),
    })
}

/// A part of a text or of a list; a negative start counts from the end.
pub(super) fn slice(input: Value, arguments: &[Value]) -> Outcome {
    let (start, length) = (whole(arguments, 0, 0)?, whole(arguments, 1, 1)?);
    let length = usize::try_from(length).unwrap_or(0);
    let skip = |size: usize| match usize::try_from(start) {
        Ok(start) => Some(start),
        Err(_) => size.checked_sub(usize::try_from(start.unsigned_abs()).ok()?),
    };
    Ok(match input {
        Value::Array(items) => {
            let skip = skip(items.len()).unwrap_or(items.len());
            items.into_iter().skip(skip).take(length).collect()
        }
        input => {
            let text = text_of(&input)?;
            let size = text.chars().count();
            let skip = skip(size).unwrap_or(size);
            text.chars().skip(skip).take(length).collect::<String>().into()
        }
    })
}

pub(super) fn escape(input: Value, _: &[Value]) -> Outcome {
    on_text(&input, crate::escape::html)
}

/// Escaped, with an element for each new line.
pub(super) fn newline_to_br(input: Value, _: &[Value]) -> Outcome {
    on_text(&input, |text| crate::escape::html(text).replace("\r\n", "\n").replace('\n', "<br>\n"))
}

pub(super) fn json(input: Value, _: &[Value]) -> Outcome {
    Ok(crate::escape::json(&input).into())
}

pub(super) fn url_encode(input: Value, _: &[Value]) -> Outcome {
    on_text(&input, |text| utf8_percent_encode(text, ENCODED).to_string())
}

pub(super) fn url_decode(input: Value, _: &[Value]) -> Outcome {
    on_text(&input, |text| {
        percent_decode_str(&text.replace('+', " ")).decode_utf8_lossy().into_owned()
    })
}
