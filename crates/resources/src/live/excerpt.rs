//! The beginning of a rejected message.

use std::borrow::Cow;
use std::collections::BTreeMap;

use domain::message::EXCERPT_BYTES_MAX;
use serde_json::value::RawValue;

/// The length from which on an excerpt may have been cut, in bytes: between two characters.
const CUT_BYTES_MIN: usize = EXCERPT_BYTES_MAX - 3;

/// The text of a rejected message as far as it is kept, without write keys.
pub(crate) struct Excerpt {
    /// JSON, unless the message was none. What was cut within is left out, and what was open is
    /// closed.
    pub(crate) text: String,
    /// Whether there was more.
    pub(super) is_cut: bool,
}

impl Excerpt {
    pub(crate) fn new(excerpt: &str) -> Self {
        let text = engine::redact_write_keys(excerpt);
        let is_json = serde_json::from_str::<&RawValue>(&text).is_ok();
        if is_json || excerpt.len() < CUT_BYTES_MIN {
            return Self { text, is_cut: false };
        }
        Self { text: close(&text).unwrap_or(text), is_cut: true }
    }

    /// A member of the message that is a text.
    pub(super) fn text(&self, member: &str) -> Option<String> {
        let members: BTreeMap<Cow<str>, &RawValue> = serde_json::from_str(&self.text).ok()?;
        serde_json::from_str(members.get(member)?.get()).ok()
    }
}

/// JSON without the value that it was cut in, with all brackets closed; none if that is no JSON.
fn close(cut: &str) -> Option<String> {
    let (mut open, mut is_in_text, mut is_escaped) = (String::new(), false, false);
    // The place after the last whole value, and what was open there.
    let mut whole = (0, String::new());
    for (n, byte) in cut.bytes().enumerate() {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' if is_in_text => is_escaped = true,
            b'"' => is_in_text = !is_in_text,
            _ if is_in_text => {}
            b'{' | b'[' => {
                open.push(if byte == b'{' { '}' } else { ']' });
                whole = (n + 1, open.clone());
            }
            b'}' | b']' => {
                open.pop();
                whole = (n + 1, open.clone());
            }
            b',' => whole = (n, open.clone()),
            _ => {}
        }
    }
    let closed = cut[..whole.0].chars().chain(whole.1.chars().rev()).collect::<String>();
    serde_json::from_str::<&RawValue>(&closed).is_ok().then_some(closed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_that_was_cut_anywhere_is_closed_after_its_last_whole_value() {
        let whole = r#"{"a":"x\"},","list":[1,{"b":null},"é"],"c":{"d":true},"e":7}"#;
        for end in 1..whole.len() {
            let Some(cut) = whole.get(..end) else { continue };
            let closed = close(cut).unwrap_or_else(|| panic!("{cut}"));
            assert!(serde_json::from_str::<serde_json::Value>(&closed).is_ok(), "{closed}");
        }
        assert_eq!(close(&whole[..35]).unwrap(), r#"{"a":"x\"},","list":[1,{"b":null}]}"#);
        assert_eq!(close("no JSON, and more"), None);
    }

    #[test]
    fn a_short_text_that_is_no_json_stays_as_it_was_sent() {
        let excerpt = Excerpt::new(r#"{"event": "a", "userId" 7}"#);
        assert_eq!(
            (excerpt.text.as_str(), excerpt.is_cut),
            (r#"{"event": "a", "userId" 7}"#, false)
        );
        let long = format!(r#"{{"event":"a","writeKey":"secret","text":"{}"#, "x".repeat(960));
        let excerpt = Excerpt::new(domain::Rejection::cut_excerpt(&long).as_str());
        assert!(excerpt.is_cut && !excerpt.text.contains("secret"), "{}", excerpt.text);
        assert_eq!(excerpt.text("event").as_deref(), Some("a"));
    }
}
