//! Changes of fields in the JSON texts of a message. What is not changed stays as its sender wrote
//! it: the order of members, and the digits of numbers.

use std::collections::BTreeMap;
use std::fmt::Write;

use domain::Message;
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

use super::parts::Members;

/// Values nested deeper are removed where something inside might have to be changed.
const DEPTH_MAX: usize = 128;
/// Where places of fields begin.
const ROOTS: [&str; 3] = ["properties", "traits", "context"];

/// The texts of a message that have fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    /// Properties or traits.
    Body,
    Context,
}

impl Part {
    pub(super) fn of(self, message: &Message) -> Option<&str> {
        match self {
            Self::Body => message.body.as_deref(),
            Self::Context => message.context.as_deref(),
        }
    }

    pub(super) fn of_mut(self, message: &mut Message) -> &mut Option<String> {
        match self {
            Self::Body => &mut message.body,
            Self::Context => &mut message.context,
        }
    }
}

/// What is done to fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Edit {
    /// They are removed.
    Block,
    /// All others are removed.
    Allow,
    /// Their values are hashed.
    Hash,
}

/// Places of fields, as a tree of their steps.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Fields {
    /// Whether a place ends here.
    is_place: bool,
    below: BTreeMap<String, Fields>,
}

/// What becomes of a value.
enum Change {
    Keep,
    Remove,
    Replace(String),
}

impl Fields {
    /// Adds a place. Says what is wrong with one that cannot be read.
    pub(super) fn add(&mut self, place: &str) -> Result<(), String> {
        let steps = split(place);
        if !ROOTS.contains(&steps[0].as_str()) {
            return Err(format!(
                "{place:?} is no place of a field: it must begin with {}",
                ROOTS.join(", ")
            ));
        }
        if steps.iter().any(String::is_empty) {
            return Err(format!("{place:?} has an empty step"));
        }
        let mut fields = self;
        for step in steps {
            fields = fields.below.entry(step).or_default();
        }
        fields.is_place = true;
        Ok(())
    }

    /// The changed text of a part of a message; none where it stays. A part that is removed becomes
    /// `Some(None)`.
    pub(super) fn apply(&self, edit: Edit, part: &str, json: &str) -> Option<Option<String>> {
        let change = match self.below.get(part) {
            Some(fields) => fields.change(edit, json, 0),
            None if edit == Edit::Allow => Change::Remove,
            None => Change::Keep,
        };
        match change {
            Change::Keep => None,
            Change::Remove => Some(None),
            Change::Replace(json) => Some(Some(json)),
        }
    }

    fn change(&self, edit: Edit, json: &str, depth: usize) -> Change {
        if depth > DEPTH_MAX {
            return Change::Remove;
        }
        if self.is_place {
            return match edit {
                Edit::Block => Change::Remove,
                Edit::Allow => Change::Keep,
                Edit::Hash => hash_value(json, depth),
            };
        }
        if json.starts_with('[') {
            return change_elements(json, |element| self.change(edit, element, depth + 1));
        }
        match Members::read(json) {
            Some(members) => self.change_members(edit, &members, depth),
            // A step into a value that has no members: nothing there has the place.
            None if edit == Edit::Allow => Change::Remove,
            None => Change::Keep,
        }
    }

    fn change_members(&self, edit: Edit, members: &Members<'_>, depth: usize) -> Change {
        let mut is_changed = false;
        let mut text = String::from("{");
        for (key, value) in &members.0 {
            let change = match self.below.get(&**key) {
                Some(fields) => fields.change(edit, value.get(), depth + 1),
                None if edit == Edit::Allow => Change::Remove,
                None => Change::Keep,
            };
            is_changed |= !matches!(change, Change::Keep);
            let value = match &change {
                Change::Keep => value.get(),
                Change::Remove => continue,
                Change::Replace(json) => json,
            };
            if text.len() > 1 {
                text.push(',');
            }
            text.push_str(&serde_json::Value::from(&**key).to_string());
            text.push(':');
            text.push_str(value);
        }
        text.push('}');
        if is_changed { Change::Replace(text) } else { Change::Keep }
    }
}

/// Changes each element of a list.
fn change_elements(json: &str, change: impl Fn(&str) -> Change) -> Change {
    let Ok(elements) = serde_json::from_str::<Vec<&RawValue>>(json) else { return Change::Remove };
    let mut is_changed = false;
    let mut kept: Vec<String> = Vec::with_capacity(elements.len());
    for element in elements {
        let change = change(element.get());
        is_changed |= !matches!(change, Change::Keep);
        match change {
            Change::Keep => kept.push(element.get().to_owned()),
            Change::Remove => {}
            Change::Replace(json) => kept.push(json),
        }
    }
    if is_changed { Change::Replace(format!("[{}]", kept.join(","))) } else { Change::Keep }
}

/// A value whose text is hashed; of a list, its elements. Null and the empty text stay.
fn hash_value(json: &str, depth: usize) -> Change {
    if depth > DEPTH_MAX {
        return Change::Remove;
    }
    if json.starts_with('[') {
        return change_elements(json, |element| hash_value(element, depth + 1));
    }
    match serde_json::from_str::<String>(json) {
        Ok(text) if text.is_empty() => Change::Keep,
        Ok(text) => Change::Replace(format!("\"{}\"", hash_text(&text))),
        Err(_) if json == "null" => Change::Keep,
        Err(_) => Change::Replace(format!("\"{}\"", hash_text(json))),
    }
}

/// The SHA-256 of a text, trimmed and in lower case, as lists of e-mail addresses want it: 64
/// hexadecimal digits.
pub(super) fn hash_text(text: &str) -> String {
    let digest = Sha256::digest(text.trim().to_lowercase().as_bytes());
    digest.iter().fold(String::with_capacity(64), |mut hex, byte| {
        // Writing to a string cannot fail.
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

/// The steps of a place: split at points that have no backslash before them.
fn split(place: &str) -> Vec<String> {
    let mut steps = vec![String::new()];
    let mut chars = place.chars();
    while let Some(char) = chars.next() {
        let step = steps.last_mut().expect("there is one from the start");
        match char {
            '.' => steps.push(String::new()),
            '\\' => step.extend(chars.next()),
            _ => step.push(char),
        }
    }
    steps
}
