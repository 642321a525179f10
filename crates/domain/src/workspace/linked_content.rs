//! Linked content: answers of external APIs that templates print.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::audience::check_key;

/// The most linked contents of a workspace.
pub const LINKED_CONTENTS_MAX: usize = 20;
/// The longest time that one answer may take, in milliseconds.
pub const LINKED_TIMEOUT_MS_MAX: u32 = 2_000;
/// The largest answer, in bytes.
pub const LINKED_BYTES_MAX: u32 = 262_144;
/// The longest time that an answer may be kept, in seconds: a day.
const CACHE_S_MAX: u32 = 86_400;
/// The longest address, in bytes.
const URL_BYTES_MAX: usize = 2_000;
/// The most headers.
const HEADERS_MAX: usize = 20;
/// The longest value of a header, in bytes.
const HEADER_BYTES_MAX: usize = 4_096;
const TIMEOUT_MS_DEFAULT: u32 = 1_000;
const CACHE_S_DEFAULT: u32 = 300;
const BYTES_DEFAULT: u32 = 65_536;
/// The only member of a value that is sealed.
const SEALED: &str = "sealed";

/// An external API whose answers templates print.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LinkedContent {
    /// The name by which templates ask for it.
    pub name: String,
    /// The address, with parameters of the template in braces behind the host:
    /// `https://api.example/weather?city={city}`.
    pub url: String,
    /// Headers of the request. Their values are sealed.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schema(value_type = Object)]
    pub headers: BTreeMap<String, Value>,
    /// How long an answer may take, in milliseconds, 1 to 2,000.
    #[serde(default = "timeout_ms_by_default")]
    pub timeout_ms: u32,
    /// How long an answer is kept, in seconds, up to 86,400; 0 for not at all.
    #[serde(default = "cache_s_by_default")]
    pub cache_s: u32,
    /// The largest answer, in bytes, 1 to 262,144.
    #[serde(default = "bytes_by_default")]
    pub bytes_max: u32,
}

fn timeout_ms_by_default() -> u32 {
    TIMEOUT_MS_DEFAULT
}

fn cache_s_by_default() -> u32 {
    CACHE_S_DEFAULT
}

fn bytes_by_default() -> u32 {
    BYTES_DEFAULT
}

/// A part of an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UrlPart<'u> {
    /// Text as it is.
    Text(&'u str),
    /// The value of a parameter, percent-encoded.
    Parameter(&'u str),
}

impl LinkedContent {
    /// The parts of the address. Of an address that is not valid, as far as they are.
    pub fn url_parts(&self) -> Vec<UrlPart<'_>> {
        let mut parts = Vec::new();
        let mut rest = self.url.as_str();
        while let Some((text, behind)) = rest.split_once('{') {
            let Some((name, after)) = behind.split_once('}') else { break };
            parts.extend([UrlPart::Text(text), UrlPart::Parameter(name)]);
            rest = after;
        }
        parts.push(UrlPart::Text(rest));
        parts
    }

    /// The parameters that the address has.
    pub fn parameters(&self) -> BTreeSet<&str> {
        let parameter = |part| match part {
            UrlPart::Parameter(name) => Some(name),
            UrlPart::Text(_) => None,
        };
        self.url_parts().into_iter().filter_map(parameter).collect()
    }

    fn validate(&self) -> Result<(), String> {
        check_key(&self.name).map_err(|what| what.replacen("key", "name", 1))?;
        self.check_url()?;
        let bounds = [
            ("timeout_ms", self.timeout_ms, 1, LINKED_TIMEOUT_MS_MAX),
            ("cache_s", self.cache_s, 0, CACHE_S_MAX),
            ("bytes_max", self.bytes_max, 1, LINKED_BYTES_MAX),
        ];
        for (name, value, min, max) in bounds {
            if !(min..=max).contains(&value) {
                return Err(format!("{name} is {value}: it must be {min} to {max}"));
            }
        }
        self.check_headers()
    }

    fn check_url(&self) -> Result<(), String> {
        let url = &self.url;
        let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
        let Some(rest) = rest.filter(|_| url.len() <= URL_BYTES_MAX) else {
            return Err(format!(
                "url must begin with https:// and have up to {URL_BYTES_MAX} bytes"
            ));
        };
        let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
        if host.is_empty() || host.contains(['{', '}', '@']) {
            return Err("url must have its host as it is: parameters stand behind it".to_owned());
        }
        let is_part = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
        for part in self.url_parts() {
            match part {
                UrlPart::Text(text) if text.contains(['{', '}']) => {
                    return Err("url has a brace without its other one".to_owned());
                }
                UrlPart::Parameter(name) if name.is_empty() || !name.bytes().all(is_part) => {
                    let what = "its parameters are of a-z, 0-9 and '_'";
                    return Err(format!("url has {{{name}}}: {what}"));
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn check_headers(&self) -> Result<(), String> {
        if self.headers.len() > HEADERS_MAX {
            return Err(format!("headers are more than {HEADERS_MAX}"));
        }
        let is_token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
        for (name, value) in &self.headers {
            if name.is_empty() || !name.bytes().all(is_token) {
                return Err(format!("headers has {name:?}, which is no name of a header"));
            }
            match value {
                Value::String(text)
                    if text.len() <= HEADER_BYTES_MAX
                        && text.bytes().all(|b| (b' '..=b'~').contains(&b)) => {}
                Value::Object(members)
                    if members.len() == 1 && members.get(SEALED).is_some_and(Value::is_string) => {}
                _ => {
                    let max = HEADER_BYTES_MAX;
                    return Err(format!(
                        "headers.{name} must be printable ASCII text of up to {max} bytes"
                    ));
                }
            }
        }
        Ok(())
    }
}

/// Checks the linked contents of a workspace. Whether an address may be reached is known when it
/// is asked.
///
/// # Errors
/// A sentence that names the linked content and the mistake.
pub(super) fn check_linked_contents(linked: &[LinkedContent]) -> Result<(), String> {
    if linked.len() > LINKED_CONTENTS_MAX {
        return Err(format!(
            "{} linked contents exceed the limit of {LINKED_CONTENTS_MAX}",
            linked.len()
        ));
    }
    for (n, content) in linked.iter().enumerate() {
        content.validate().map_err(|what| format!("linked_content {:?}: {what}", content.name))?;
        if linked[..n].iter().any(|other| other.name == content.name) {
            return Err(format!("two linked contents are named {:?}", content.name));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_url(url: &str) -> LinkedContent {
        serde_json::from_value(serde_json::json!({ "name": "weather", "url": url })).unwrap()
    }

    #[test]
    fn an_address_has_its_parameters_behind_the_host() {
        let content = with_url("https://api.example/{country}/weather?city={city}");
        content.validate().unwrap();
        assert_eq!(content.parameters().into_iter().collect::<Vec<_>>(), ["city", "country"]);
        assert_eq!(content.url_parts().last(), Some(&UrlPart::Text("")));
        for url in [
            "https://{host}/weather",
            "https://api.example{x}/weather",
            "https://me@api.example/",
            "ftp://api.example/",
            "https:///x",
            "https://api.example/{city",
            "https://api.example/city}",
            "https://api.example/{City}",
            "https://api.example/{}",
        ] {
            assert!(with_url(url).validate().is_err(), "{url}");
        }
    }

    #[test]
    fn headers_are_texts_or_sealed() {
        let mut content = with_url("https://api.example/");
        for (value, is_good) in [
            (serde_json::json!("Bearer x"), true),
            (serde_json::json!({ "sealed": "abc" }), true),
            (serde_json::json!("a\r\nb: c"), false),
            (serde_json::json!(7), false),
            (serde_json::json!({ "sealed": 7 }), false),
        ] {
            content.headers = BTreeMap::from([("authorization".to_owned(), value.clone())]);
            assert_eq!(content.validate().is_ok(), is_good, "{value}");
        }
        content.headers = BTreeMap::from([("a b".to_owned(), "x".into())]);
        assert!(content.validate().is_err());
    }
}
