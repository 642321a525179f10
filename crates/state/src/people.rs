//! People by their external ids, as they are looked for in entries, texts and bytes.

use std::collections::BTreeSet;
use std::sync::Arc;

use aho_corasick::AhoCorasick;
use domain::{Message, Rejection};
use profiles::{ExternalIdType, IdentityRules};
use serde_json::Value;

/// The first byte of the shortest string in MessagePack, whose lower five bits are its length.
const MESSAGE_PACK_TEXT: u8 = 0xa0;
/// The longest of these strings, in bytes.
const MESSAGE_PACK_TEXT_BYTES_MAX: usize = 31;

/// Says which external ids are those of certain people.
pub trait People {
    /// Whether an id is theirs.
    fn has(&self, type_: ExternalIdType, id: &str) -> bool;

    /// Whether an id is theirs as an id of whichever type, where callers do not say of which.
    fn has_any(&self, id: &str) -> bool;
}

/// Some people with all their ids.
pub struct NamedPeople {
    ids: BTreeSet<(ExternalIdType, String)>,
    texts: BTreeSet<String>,
    /// How messages name people in their workspace; none where it has no rules.
    rules: Option<Arc<IdentityRules>>,
    /// Finds every form of every id.
    finder: AhoCorasick,
}

impl People for NamedPeople {
    fn has(&self, type_: ExternalIdType, id: &str) -> bool {
        self.texts.contains(id) && self.ids.contains(&(type_, id.to_owned()))
    }

    fn has_any(&self, id: &str) -> bool {
        self.texts.contains(id)
    }
}

impl NamedPeople {
    /// People with these ids.
    ///
    /// # Errors
    /// If the ids are too many or too long to be looked for together.
    pub fn new(
        ids: impl IntoIterator<Item = (ExternalIdType, String)>,
    ) -> Result<Self, TooManyIds> {
        let ids: BTreeSet<(ExternalIdType, String)> = ids.into_iter().collect();
        let texts: BTreeSet<String> = ids.iter().map(|(_, id)| id.clone()).collect();
        let forms: BTreeSet<String> = texts.iter().flat_map(|id| written_forms(id)).collect();
        let finder = AhoCorasick::new(&forms).map_err(|_| TooManyIds)?;
        Ok(Self { ids, texts, rules: None, finder })
    }

    /// The same people, whom messages name by these rules.
    pub fn with_rules(self, rules: Option<Arc<IdentityRules>>) -> Self {
        Self { rules, ..self }
    }

    /// The ids.
    pub fn ids(&self) -> &BTreeSet<(ExternalIdType, String)> {
        &self.ids
    }

    /// Whether the rules find a message's person by one of the ids.
    pub(crate) fn are_found_by(&self, message: &Message) -> bool {
        let found = self.rules.as_ref().and_then(|rules| rules.ids_of(message).into_iter().next());
        found.is_some_and(|id| self.has(id.type_, &id.value))
    }

    /// Whether bytes hold one of the ids, maybe as a part of something longer.
    pub fn may_be_in(&self, bytes: &[u8]) -> bool {
        self.finder.is_match(bytes)
    }

    /// Whether a text names one of the ids as a word of its own.
    pub fn are_named_in(&self, text: &str) -> bool {
        let bytes = text.as_bytes();
        let found = self.finder.find_overlapping_iter(bytes);
        let mut words = found.map(|found| found.range());
        words.any(|word| !continues_left(bytes, word.start) && !continues_right(bytes, word.end))
    }

    /// Whether bytes of any form hold one of the ids whole: as a word of its own, or behind its
    /// length as strings are stored.
    pub fn are_stored_in(&self, bytes: &[u8]) -> bool {
        self.finder.find_overlapping_iter(bytes).any(|found| {
            let (word, len) = (found.range(), found.range().len());
            let before = word.start.checked_sub(1).map(|at| bytes[at]);
            let is_length = before.is_some_and(|byte| {
                usize::from(byte) == len
                    || (len <= MESSAGE_PACK_TEXT_BYTES_MAX && byte == MESSAGE_PACK_TEXT | len as u8)
            });
            is_length || (!continues_left(bytes, word.start) && !continues_right(bytes, word.end))
        })
    }
}

/// The ids are too many or too long to be looked for together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("these ids are too many or too long to be looked for together")]
pub struct TooManyIds;

/// The forms of an id in texts: as it is, and as a string of JSON by the habits of several
/// languages.
fn written_forms(id: &str) -> Vec<String> {
    let json = serde_json::to_string(id).expect("a text is JSON");
    let json = json[1..json.len() - 1].to_owned();
    let escape = |upper: bool| -> String {
        let mut escaped = String::new();
        for character in json.chars() {
            if character.is_ascii() {
                escaped.push(character);
                continue;
            }
            for unit in character.encode_utf16(&mut [0; 2]) {
                escaped.push_str(&match upper {
                    true => format!("\\u{unit:04X}"),
                    false => format!("\\u{unit:04x}"),
                });
            }
        }
        escaped
    };
    let (lower, upper) = (escape(false), escape(true));
    let slashed = [&json, &lower, &upper].map(|form| form.replace('/', "\\/"));
    let mut forms = vec![id.to_owned(), json, lower, upper];
    forms.extend(slashed);
    forms.sort_unstable();
    forms.dedup();
    forms.retain(|form| !form.is_empty());
    forms
}

/// Whether a byte is a part of ids.
fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"_-@+".contains(&byte) || byte >= 0x80
}

/// Whether a byte is a part of ids where they go on behind it.
fn is_joint(byte: u8) -> bool {
    b".:/|~".contains(&byte)
}

fn continues_left(bytes: &[u8], start: usize) -> bool {
    match bytes[..start] {
        [] => false,
        // The letter of an escape, such as that of a line's end.
        [.., b'\\', escaped] if b"nrtbf".contains(&escaped) => false,
        [.., byte] if is_word(byte) => true,
        [.., before, joint] => is_joint(joint) && is_word(before),
        [_] => false,
    }
}

fn continues_right(bytes: &[u8], end: usize) -> bool {
    match bytes[end..] {
        [] => false,
        [byte, ..] if is_word(byte) => true,
        [joint, after, ..] => is_joint(joint) && is_word(after),
        [_] => false,
    }
}

/// What stands in a request in place of the id of somebody who was deleted: without anything there,
/// a filter would let more through.
const DELETED_ID: &str = "(deleted)";

/// A JSON text in which nobody of these people is named.
pub(crate) fn without_ids(text: &str, people: &NamedPeople) -> String {
    fn replace(value: &mut Value, people: &NamedPeople) {
        match value {
            Value::Object(members) => {
                members.values_mut().for_each(|value| replace(value, people));
            }
            Value::Array(values) => values.iter_mut().for_each(|value| replace(value, people)),
            value if is_id(value, people) => *value = DELETED_ID.into(),
            Value::String(text) if people.are_named_in(text) => *value = DELETED_ID.into(),
            _ => {}
        }
    }
    let Ok(mut value) = serde_json::from_str(text) else { return String::new() };
    replace(&mut value, people);
    value.to_string()
}

/// Takes the texts out of a rejection that name people, and says whether there were any.
pub(crate) fn erase_from_rejection(rejection: &mut Rejection, people: &NamedPeople) -> bool {
    let samples = rejection.violations.iter().filter_map(|violation| violation.sample.as_deref());
    let texts = [rejection.excerpt.as_str(), rejection.detail.as_str()];
    if !texts.into_iter().chain(samples).any(|text| people.are_named_in(text)) {
        return false;
    }
    rejection.excerpt.clear();
    if people.are_named_in(&rejection.detail) {
        rejection.detail.clear();
    }
    rejection.message_id = None;
    rejection.violations.iter_mut().for_each(|violation| violation.sample = None);
    true
}

/// Whether a value is one of the ids.
pub(crate) fn is_id(value: &Value, people: &dyn People) -> bool {
    match value {
        Value::String(text) => people.has_any(text),
        Value::Number(number) => people.has_any(&number.to_string()),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn people(ids: &[&str]) -> NamedPeople {
        NamedPeople::new(ids.iter().map(|id| (ExternalIdType::UserId, (*id).to_owned()))).unwrap()
    }

    #[test]
    fn an_id_inside_a_longer_one_is_none() {
        let ann = people(&["ann", "é/1"]);
        for text in ["ann", "\"ann\"", "user ann.", "(ann)", "a: ann, b", "x\\nann", "\\u00e9\\/1"]
        {
            assert!(ann.are_named_in(text), "{text}");
            assert!(ann.are_stored_in(text.as_bytes()), "{text}");
        }
        for text in ["ann2", "joann", "ann-2", "ann@example.com", "ann.b", "a.ann", "anne", "élann"]
        {
            assert!(!ann.are_named_in(text), "{text}");
        }
        // Strings as they are stored: behind their length, and before anything.
        assert!(ann.are_stored_in(b"\x03annq"));
        assert!(ann.are_stored_in(b"\xa3annq"));
        assert!(!ann.are_stored_in(b"\x04ann2"));
    }
}
