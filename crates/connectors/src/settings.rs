//! The settings of destinations, with their types.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::is_sealed;

/// The longest value of a setting, in bytes.
const VALUE_BYTES_MAX: usize = 8 * 1_024;

/// The settings of a kind of destination, read from its file.
#[derive(Debug, Clone)]
pub struct SettingsSchema {
    /// The name of the kind for people, and its key in `integrations` of messages.
    pub title: String,
    /// What it does.
    pub about: String,
    /// The settings by key, in order.
    pub settings: Vec<(String, SettingSchema)>,
}

/// A setting.
#[derive(Debug, Clone)]
pub struct SettingSchema {
    /// The name for people.
    pub label: String,
    /// What it is, with its unit.
    pub about: String,
    /// The type of its value.
    pub type_: SettingType,
    /// Whether it must be given.
    pub is_required: bool,
    /// The value where none is given.
    pub default: Option<Value>,
}

/// The type of a setting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SettingType {
    /// A text.
    Text,
    /// A text that is sealed and never shown.
    Secret,
    /// A whole number, within bounds.
    Integer {
        /// The smallest value.
        min: i64,
        /// The largest value.
        max: i64,
    },
    /// True or false.
    Boolean,
    /// One of some words.
    Choice(Vec<String>),
    /// An object of texts.
    Texts,
}

impl SettingType {
    /// The word in files and in the API.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Secret => "secret",
            Self::Integer { .. } => "integer",
            Self::Boolean => "boolean",
            Self::Choice(_) => "choice",
            Self::Texts => "texts",
        }
    }

    /// What is wrong with a value, behind the name of the setting.
    fn check(&self, value: &Value) -> Result<(), String> {
        let text = |value: &Value| match value {
            Value::String(text) if text.len() <= VALUE_BYTES_MAX => Ok(()),
            Value::String(text) => {
                Err(format!("has {} bytes, the limit is {VALUE_BYTES_MAX}", text.len()))
            }
            _ => Err("should be a text".to_owned()),
        };
        match self {
            Self::Text => text(value),
            Self::Secret if is_sealed(value) => Ok(()),
            Self::Secret => text(value),
            Self::Boolean if value.is_boolean() => Ok(()),
            Self::Boolean => Err("should be true or false".to_owned()),
            Self::Integer { min, max } => match value.as_i64() {
                Some(n) if (*min..=*max).contains(&n) => Ok(()),
                _ => Err(format!("should be a whole number from {min} to {max}")),
            },
            Self::Choice(words) => match value.as_str() {
                Some(word) if words.iter().any(|known| known == word) => Ok(()),
                _ => Err(format!("should be one of {}", words.join(", "))),
            },
            Self::Texts => match value.as_object() {
                Some(members) => members.values().try_for_each(text),
                None => Err("should be an object of texts".to_owned()),
            },
        }
    }
}

/// A setting that is missing or wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{setting} {what}")]
pub struct SettingsError {
    /// Its key.
    pub setting: String,
    /// What is wrong with it.
    pub what: String,
}

impl SettingsError {
    /// The mistake of the setting with this key.
    pub(crate) fn new(setting: &str, what: impl Into<String>) -> Self {
        Self { setting: setting.to_owned(), what: what.into() }
    }
}

impl SettingsSchema {
    /// Reads the file of a kind.
    ///
    /// # Panics
    /// If it is no schema: the files are part of the program.
    pub(crate) fn from_file(json: &str) -> Self {
        let file: Value = serde_json::from_str(json).expect("the file is JSON");
        // The order of the file is that of the form.
        let ordered = mapping::Value::from_json(json).expect("the file is JSON");
        let settings = ordered.as_object().and_then(|file| file.get("settings"));
        let settings = settings.and_then(mapping::Value::as_object).expect("it has settings");
        let read = |(key, _)| (String::from(key), read(&file["settings"][key]));
        Self {
            title: text(&file, "title"),
            about: text(&file, "about"),
            settings: settings.iter().map(read).collect(),
        }
    }

    /// The setting of a key.
    pub fn get(&self, key: &str) -> Option<&SettingSchema> {
        self.settings.iter().find(|(other, _)| other == key).map(|(_, setting)| setting)
    }

    /// Whether a setting is a secret.
    pub fn is_secret(&self, key: &str) -> bool {
        self.get(key).is_some_and(|setting| setting.type_ == SettingType::Secret)
    }

    /// Checks settings and puts the defaults in place of absent ones.
    ///
    /// # Errors
    /// The first setting that is unknown, missing or wrong.
    pub fn read(&self, given: &BTreeMap<String, Value>) -> Result<Settings, SettingsError> {
        let keys: Vec<&str> = self.settings.iter().map(|(key, _)| key.as_str()).collect();
        if let Some(unknown) = given.keys().find(|key| self.get(key).is_none()) {
            let nearest = keys.iter().min_by_key(|key| strsim::damerau_levenshtein(key, unknown));
            let hint = nearest.map(|key| format!("; did you mean {key}?")).unwrap_or_default();
            let what = format!("is no setting of this kind ({}){hint}", keys.join(", "));
            return Err(SettingsError::new(unknown, what));
        }
        let mut values = BTreeMap::new();
        for (key, setting) in &self.settings {
            let is_given = |value: &&Value| !value.is_null() && **value != "";
            let value = given.get(key).filter(is_given).or(setting.default.as_ref());
            match value {
                Some(value) => {
                    let wrong = |what| SettingsError { setting: key.clone(), what };
                    setting.type_.check(value).map_err(wrong)?;
                    values.insert(key.clone(), value.clone());
                }
                None if setting.is_required => return Err(SettingsError::new(key, "is missing")),
                None => {}
            }
        }
        Ok(Settings(values))
    }
}

fn read(value: &Value) -> SettingSchema {
    let bound = |key, default| value[key].as_i64().unwrap_or(default);
    let type_ = match text(value, "type").as_str() {
        "text" => SettingType::Text,
        "secret" => SettingType::Secret,
        "integer" => SettingType::Integer { min: bound("min", 0), max: bound("max", i64::MAX) },
        "boolean" => SettingType::Boolean,
        "choice" => {
            let words = value["choices"].as_array().expect("a choice has choices");
            SettingType::Choice(words.iter().map(plain_text).collect())
        }
        "texts" => SettingType::Texts,
        other => panic!("{other:?} is no type of a setting"),
    };
    SettingSchema {
        label: text(value, "label"),
        about: text(value, "about"),
        type_,
        is_required: value["required"].as_bool().unwrap_or_default(),
        default: value.get("default").cloned(),
    }
}

fn text(object: &Value, key: &str) -> String {
    plain_text(&object[key])
}

fn plain_text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// Checked settings, with defaults.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings(BTreeMap<String, Value>);

impl Settings {
    /// A text or a choice; empty where it is absent.
    pub(crate) fn text(&self, key: &str) -> &str {
        self.0.get(key).and_then(Value::as_str).unwrap_or_default()
    }

    /// A number; 0 where it is absent.
    pub(crate) fn integer(&self, key: &str) -> usize {
        let number = self.0.get(key).and_then(Value::as_u64);
        number.and_then(|n| usize::try_from(n).ok()).unwrap_or_default()
    }

    /// Whether it is true; false where it is absent.
    pub(crate) fn flag(&self, key: &str) -> bool {
        self.0.get(key).and_then(Value::as_bool).unwrap_or_default()
    }

    /// An object of texts.
    pub(crate) fn texts(&self, key: &str) -> impl Iterator<Item = (&str, &str)> {
        let members = self.0.get(key).and_then(Value::as_object);
        let members = members.into_iter().flat_map(Map::iter);
        members.map(|(key, value)| (key.as_str(), value.as_str().unwrap_or_default()))
    }

    /// All of them, as JSON.
    pub(crate) fn to_json(&self) -> String {
        serde_json::to_string(&self.0).expect("values are JSON")
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn given(value: Value) -> BTreeMap<String, Value> {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn settings_are_checked_by_type_and_mistakes_name_them() {
        let schema = SettingsSchema::from_file(
            r#"{"title": "T", "about": "A", "settings": {
                "url": {"label": "URL", "type": "text", "required": true},
                "n": {"label": "N", "type": "integer", "min": 1, "max": 9, "default": 3},
                "key": {"label": "Key", "type": "secret"},
                "method": {"label": "M", "type": "choice", "choices": ["POST", "PUT"]},
                "headers": {"label": "H", "type": "texts"}
            }}"#,
        );
        let read = |value| schema.read(&given(value)).map_err(|error| error.to_string());
        let settings = read(json!({"url": "u", "key": {"sealed": "abc"}, "headers": {"a": "b"}}));
        let settings = settings.unwrap();
        assert_eq!((settings.text("url"), settings.integer("n")), ("u", 3));
        assert_eq!(settings.texts("headers").collect::<Vec<_>>(), [("a", "b")]);
        for (value, error) in [
            (json!({}), "url is missing"),
            (json!({"url": ""}), "url is missing"),
            (json!({"url": 5}), "url should be a text"),
            (json!({"url": "u", "n": 10}), "n should be a whole number from 1 to 9"),
            (json!({"url": "u", "method": "GET"}), "method should be one of POST, PUT"),
            (json!({"url": "u", "headers": {"a": 1}}), "headers should be a text"),
            (json!({"url": "u", "key": {"open": "abc"}}), "key should be a text"),
            (
                json!({"url": "u", "metod": "PUT"}),
                "metod is no setting of this kind (url, n, key, method, headers); did you mean method?",
            ),
        ] {
            assert_eq!(read(value).unwrap_err(), error);
        }
    }
}
