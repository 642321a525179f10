//! A condition as the parts of a form: each a kind, named fields and parts of its own. The name of
//! a control says where it belongs: `part.0.1.name` is the field `name` of the second part of the
//! first one.

use std::collections::BTreeMap;

use conditions::Condition;
use conditions::limits::{DEPTH_MAX, PARTS_MAX};
use serde_json::{Map, Value, json};

/// The beginning of the names of all controls.
pub(super) const ROOT: &str = "part";

/// Tests with their words, in the order in which they are offered. `size_` is followed by a
/// comparison.
pub(super) const TESTS: [(&str, &str); 26] = [
    ("equals", "is"),
    ("not_equals", "is not"),
    ("any_of", "is one of"),
    ("exists", "exists"),
    ("not_exists", "does not exist"),
    ("more_than", "is more than"),
    ("at_least", "is at least"),
    ("less_than", "is less than"),
    ("at_most", "is at most"),
    ("contains", "contains"),
    ("not_contains", "does not contain"),
    ("contains_any", "contains one of"),
    ("starts_with", "starts with"),
    ("ends_with", "ends with"),
    ("before", "is before (date)"),
    ("after", "is after (date)"),
    ("within_last", "is within the last (period)"),
    ("within_next", "is within the next (period)"),
    ("before_last", "is before the last (period)"),
    ("after_next", "is after the next (period)"),
    ("has", "list has"),
    ("has_any", "list has one of"),
    ("has_all", "list has all of"),
    ("size_at_least", "list has at least so many"),
    ("size_at_most", "list has at most so many"),
    ("size_more_than", "list has more than"),
];
/// The tests of lists of values.
const LIST_TESTS: [&str; 4] = ["any_of", "contains_any", "has_any", "has_all"];
/// The tests whose value is any text.
const TEXT_TESTS: [&str; 12] = [
    "contains",
    "not_contains",
    "contains_any",
    "starts_with",
    "ends_with",
    "before",
    "after",
    "within_last",
    "within_next",
    "before_last",
    "after_next",
    "text",
];

/// A part: a group, a single condition, a test of a property, or one event of two.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Part {
    /// `and`, `or`, `event`, `trait`, `account_trait`, `audience`, `funnel`, `rfm`, `text`; `test`
    /// and `match` below them.
    pub(super) kind: String,
    pub(super) fields: BTreeMap<String, String>,
    pub(super) parts: Vec<Part>,
}

impl Part {
    pub(super) fn new(kind: &str) -> Self {
        let parts = match kind {
            "funnel" => vec![Self::new("match"), Self::new("match")],
            _ => Vec::new(),
        };
        let fields: &[(&str, &str)] = match kind {
            "event" => &[("count", "at_least"), ("times", "1"), ("window", "ever")],
            "funnel" => &[("then", "then"), ("within", "1 day"), ("window", "ever")],
            "rfm" => &[("group", "champions"), ("over", "365 days")],
            "trait" | "account_trait" | "test" => &[("test", "equals")],
            _ => &[],
        };
        let fields = fields.iter().map(|(name, value)| ((*name).into(), (*value).into()));
        Self { kind: kind.to_owned(), fields: fields.collect(), parts }
    }

    /// The value of a field; empty where it has none.
    pub(super) fn field(&self, name: &str) -> &str {
        self.fields.get(name).map_or("", String::as_str)
    }

    fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.fields.insert(name.to_owned(), value.into());
        self
    }

    /// Reads the controls of a form. What is no part of a condition is passed over.
    pub(super) fn from_controls(controls: &[(String, String)]) -> Self {
        let mut root = Self::new("and");
        for (name, value) in controls {
            let mut steps = name.split('.');
            if steps.next() == Some(ROOT) {
                root.set(&steps.collect::<Vec<_>>(), value);
            }
        }
        root
    }

    fn set(&mut self, steps: &[&str], value: &str) {
        match steps {
            ["kind"] => value.clone_into(&mut self.kind),
            [name] => {
                self.fields.insert((*name).to_owned(), value.to_owned());
            }
            // Parts below tests and events of two add two levels to those of a condition.
            [place, rest @ ..] if rest.len() <= DEPTH_MAX + 2 => {
                let Ok(place) = place.parse::<usize>() else { return };
                if place < PARTS_MAX {
                    // They come in their order.
                    self.parts.resize_with(self.parts.len().max(place + 1), Self::default);
                    self.parts[place].set(rest, value);
                }
            }
            _ => {}
        }
    }

    /// Does what a button says: `add KIND PATH` or `remove PATH`, with a path such as `part.0.1`.
    /// Returns the path of a new part.
    pub(super) fn act(&mut self, action: &str) -> Option<String> {
        let words: Vec<&str> = action.split(' ').collect();
        match words[..] {
            ["add", kind, path] => {
                let parent = self.find(path)?;
                parent.parts.push(Self::new(kind));
                Some(format!("{path}.{}", parent.parts.len() - 1))
            }
            ["remove", path] => {
                let (parent, place) = path.rsplit_once('.')?;
                let (parent, place) = (self.find(parent)?, place.parse::<usize>().ok()?);
                if place < parent.parts.len() {
                    parent.parts.remove(place);
                }
                None
            }
            _ => None,
        }
    }

    fn find(&mut self, path: &str) -> Option<&mut Self> {
        let mut steps = path.split('.');
        steps.next().filter(|root| *root == ROOT)?;
        steps.try_fold(self, |part, step| part.parts.get_mut(step.parse::<usize>().ok()?))
    }

    /// The parts of a condition, within a group.
    pub(super) fn from_condition(condition: &Condition) -> Self {
        let part = Self::from_json(&condition.to_json());
        let is_group = matches!(part.kind.as_str(), "and" | "or") && part.field("not").is_empty();
        if is_group { part } else { Self { parts: vec![part], ..Self::new("and") } }
    }

    fn from_json(json: &Value) -> Self {
        let Some((kind, body)) = json.as_object().and_then(|object| object.iter().next()) else {
            return Self::new("and");
        };
        let part = match (kind.as_str(), body) {
            ("not", inner) if inner.get("not").is_none() => {
                return Self::from_json(inner).with("not", "not");
            }
            ("not", inner) => {
                let parts = vec![Self::from_json(inner)];
                return Self { parts, ..Self::new("and") }.with("not", "not");
            }
            ("and" | "or", Value::Array(parts)) => {
                return Self {
                    parts: parts.iter().map(Self::from_json).collect(),
                    ..Self::new(kind)
                };
            }
            ("event", Value::Object(body)) => Self::from_event(body),
            ("funnel", Value::Object(body)) => Self::from_funnel(body),
            ("rfm", Value::Object(body)) => Self::from_rfm(body),
            ("trait" | "account_trait", Value::Object(body)) => Self::from_test(body, kind, "key"),
            ("audience", Value::String(key)) => Some(Self::new("audience").with("key", key)),
            _ => None,
        };
        // What has no controls of its own is shown as text.
        part.filter(|part| part.to_json().ok().as_ref() == Some(json)).unwrap_or_else(|| {
            let text = Condition::from_json(json).map(|own| own.to_string()).unwrap_or_default();
            Self::new("text").with("text", text)
        })
    }

    fn from_event(body: &Map<String, Value>) -> Option<Self> {
        let mut part = Self::new("event").with_event(body)?.with_window(body);
        let count = body.get("count").and_then(Value::as_object);
        if let Some((count, times)) = count.and_then(|own| own.iter().next()) {
            part = part.with("count", count).with("times", times.to_string());
        }
        Some(part)
    }

    fn from_funnel(body: &Map<String, Value>) -> Option<Self> {
        let then = if body.contains_key("then_not") { "then_not" } else { "then" };
        let one = |key: &str| Self::new("match").with_event(body.get(key)?.as_object()?);
        let parts = vec![one("first")?, one(then)?];
        let part = Self { parts, ..Self::new("funnel") };
        Some(part.with("then", then).with("within", text(body.get("within")?)).with_window(body))
    }

    fn from_rfm(body: &Map<String, Value>) -> Option<Self> {
        let part = Self::new("rfm").with_event(body)?.with("group", text(body.get("group")?));
        Some(match body.get("over") {
            Some(over) => part.with("over", text(over)),
            None => part,
        })
    }

    /// Adds the name of an event and the tests of its properties.
    fn with_event(mut self, body: &Map<String, Value>) -> Option<Self> {
        let tests = body.get("where").and_then(Value::as_array).into_iter().flatten();
        let tests = tests.map(|test| Self::from_test(test.as_object()?, "test", "property"));
        self.parts = tests.collect::<Option<_>>()?;
        Some(self.with("name", text(body.get("name")?)))
    }

    fn with_window(self, body: &Map<String, Value>) -> Self {
        let window = body.get("window").and_then(Value::as_object);
        match window.and_then(|window| window.iter().next()) {
            Some((kind, Value::Array(ends))) => {
                let end = |n: usize| ends.get(n).map(text).unwrap_or_default();
                self.with("window", kind).with("from", end(0)).with("to", end(1))
            }
            Some((kind, start)) => self.with("window", kind).with("from", text(start)),
            None => self,
        }
    }

    fn from_test(body: &Map<String, Value>, kind: &str, name_key: &str) -> Option<Self> {
        let name = text(body.get(name_key)?);
        let (test, value) = body.iter().find(|(key, _)| *key != name_key)?;
        let part = Self::new(kind).with("name", name);
        let part = match (test.as_str(), value) {
            ("exists", Value::Bool(false)) => part.with("test", "not_exists"),
            ("exists", _) => part.with("test", "exists"),
            ("size", Value::Object(size)) => {
                let (comparison, number) = size.iter().next()?;
                part.with("test", format!("size_{comparison}")).with("value", number.to_string())
            }
            (test, Value::Array(values)) => {
                let values: Vec<String> = values.iter().map(|own| literal(test, own)).collect();
                part.with("test", test).with("value", values.join(", "))
            }
            (test, value) => part.with("test", test).with("value", literal(test, value)),
        };
        TESTS.iter().any(|(test, _)| *test == part.field("test")).then_some(part)
    }

    /// The JSON form of the condition.
    pub(super) fn to_json(&self) -> Result<Value, String> {
        let json = match self.kind.as_str() {
            "and" | "or" => {
                let mut parts =
                    self.parts.iter().map(Self::to_json).collect::<Result<Vec<_>, _>>()?;
                match parts.len() {
                    0 => return Err("add a condition to each group".to_owned()),
                    1 => parts.remove(0),
                    _ => json!({ (self.kind.as_str()): parts }),
                }
            }
            "event" => json!({ "event": self.event_json()? }),
            "funnel" => json!({ "funnel": self.funnel_json()? }),
            "rfm" => json!({ "rfm": self.rfm_json()? }),
            kind @ ("trait" | "account_trait") => json!({ (kind): self.test_json("key")? }),
            "audience" => json!({ "audience": self.required("key", "choose an audience")? }),
            _ => {
                let condition: Condition =
                    self.field("text").parse().map_err(|error| format!("{error}"))?;
                condition.to_json()
            }
        };
        Ok(if self.field("not").is_empty() { json } else { json!({ "not": json }) })
    }

    fn required(&self, name: &str, otherwise: &str) -> Result<&str, String> {
        match self.field(name).trim() {
            "" => Err(otherwise.to_owned()),
            value => Ok(value),
        }
    }

    fn event_json(&self) -> Result<Value, String> {
        let mut body = self.match_json()?;
        let times = self.number("times")?;
        if (self.field("count"), times) != ("at_least", 1) {
            body.insert("count".to_owned(), json!({ (self.field("count")): times }));
        }
        self.insert_window(&mut body)?;
        Ok(body.into())
    }

    fn funnel_json(&self) -> Result<Value, String> {
        let [first, second] = &self.parts[..] else { return Err("name both events".to_owned()) };
        let mut body = Map::new();
        body.insert("first".to_owned(), first.match_json()?.into());
        body.insert(self.field("then").to_owned(), second.match_json()?.into());
        body.insert("within".to_owned(), self.required("within", "say within which time")?.into());
        self.insert_window(&mut body)?;
        Ok(body.into())
    }

    fn rfm_json(&self) -> Result<Value, String> {
        let mut body = self.match_json()?;
        body.insert("group".to_owned(), self.field("group").into());
        let over = self.required("over", "say over which time")?;
        if over != "365 days" {
            body.insert("over".to_owned(), over.into());
        }
        Ok(body.into())
    }

    /// The name of an event with the tests of its properties.
    fn match_json(&self) -> Result<Map<String, Value>, String> {
        let mut body = Map::new();
        body.insert("name".to_owned(), self.required("name", "name the event")?.into());
        let tests = self.parts.iter().map(|test| test.test_json("property"));
        let tests = tests.collect::<Result<Vec<_>, _>>()?;
        if !tests.is_empty() {
            body.insert("where".to_owned(), tests.into());
        }
        Ok(body)
    }

    fn insert_window(&self, body: &mut Map<String, Value>) -> Result<(), String> {
        let from = || self.required("from", "say since when, as in 30 days");
        let window = match self.field("window") {
            "last" => json!({ "last": from()? }),
            "between" => {
                json!({ "between": [from()?, self.required("to", "say until when, as in 60 days")?] })
            }
            "since" => json!({ "since": from()? }),
            _ => return Ok(()),
        };
        body.insert("window".to_owned(), window);
        Ok(())
    }

    fn test_json(&self, name_key: &str) -> Result<Value, String> {
        let mut body = Map::new();
        let what = if name_key == "key" { "name the trait" } else { "name the property" };
        body.insert(name_key.to_owned(), self.required("name", what)?.into());
        let test = self.field("test");
        let value = || self.required("value", "say with which value");
        let (key, value) = match test {
            "exists" => ("exists", true.into()),
            "not_exists" => ("exists", false.into()),
            _ if test.starts_with("size_") => {
                ("size", json!({ (test.trim_start_matches("size_")): self.number("value")? }))
            }
            _ if LIST_TESTS.contains(&test) => (
                test,
                split_values(value()?).into_iter().map(|own| read_literal(test, own)).collect(),
            ),
            _ => (test, read_literal(test, value()?)),
        };
        body.insert(key.to_owned(), value);
        Ok(body.into())
    }

    fn number(&self, name: &str) -> Result<u32, String> {
        let typed = self.field(name).trim();
        typed.parse().map_err(|_| format!("{typed:?} is no whole number"))
    }
}

/// A text, or the number that stands for one.
fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// A value as it is typed: texts that could be something else stand in quotes.
fn literal(test: &str, value: &Value) -> String {
    match value {
        Value::String(text) if !text.contains(',') && read_literal(test, text) == *value => {
            text.clone()
        }
        other => other.to_string(),
    }
}

/// A value as it was typed: in quotes a text, else a number, true, false or a text.
fn read_literal(test: &str, typed: &str) -> Value {
    let typed = typed.trim();
    match serde_json::from_str(typed) {
        Ok(quoted @ Value::String(_)) => quoted,
        Ok(value @ (Value::Number(_) | Value::Bool(_))) if !TEXT_TESTS.contains(&test) => value,
        _ => typed.into(),
    }
}

/// The values between commas that stand in no quotes.
fn split_values(typed: &str) -> Vec<&str> {
    let (mut is_quoted, mut is_escaped) = (false, false);
    let values = typed.split(|c| {
        let is_end = c == ',' && !is_quoted;
        is_quoted ^= c == '"' && !is_escaped;
        is_escaped = c == '\\' && !is_escaped;
        is_end
    });
    values.map(str::trim).filter(|value| !value.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn controls(part: &Part, path: &str, found: &mut Vec<(String, String)>) {
        found.push((format!("{path}.kind"), part.kind.clone()));
        let fields = part.fields.iter();
        found.extend(fields.map(|(name, value)| (format!("{path}.{name}"), value.clone())));
        for (n, part) in part.parts.iter().enumerate() {
            controls(part, &format!("{path}.{n}"), found);
        }
    }

    #[test]
    fn every_condition_has_parts_that_make_it_again() {
        for text in [
            "did \"Order Completed\"",
            "did not \"Order Completed\" in the last 30 days",
            "did \"A\" at most 2 times where total > 50, currency in (\"EUR\", \"5\", 5) since 2026-03-01",
            "did \"A\" exactly 2 times where x = \"true\", y = true between 1 day and 60 days ago",
            "did \"A\" where p > 1 then not \"B\" within 1 hour in the last 7 days",
            "did \"A\" then \"B\" where q contains \"5\" within 1 day",
            "rfm champions of \"A\" where total > 20 over 180 days",
            "rfm new of \"A\" recency (1 day, 3 days, 7 days, 14 days) frequency (5, 10, 20, 50)",
            "trait email exists and trait plan does not exist",
            "trait list has \"x\" in first 3 or trait list size >= 3 or trait list has any of (\"a, b\", \"c\")",
            "not (trait a = 1 and not in audience vip) and (trait b != \"x\" or trait c within last 7 days)",
            "not not in audience vip",
            "trait size size < 3",
            "trait born before 2000-01-01",
            "account trait plan = \"pro\" or not account trait seats > 5",
        ] {
            let condition: Condition = text.parse().unwrap();
            let part = Part::from_condition(&condition);
            let mut found = Vec::new();
            controls(&part, ROOT, &mut found);
            let read = Part::from_controls(&found);
            assert_eq!(read, part, "{text}");
            let json = read.to_json().unwrap();
            assert_eq!(Condition::from_json(&json).as_ref(), Ok(&condition), "{text}: {json}");
        }
    }

    #[test]
    fn buttons_add_and_remove_parts_and_what_is_missing_is_said() {
        let mut root = Part::new("and");
        assert_eq!(root.to_json().unwrap_err(), "add a condition to each group");
        assert_eq!(root.act("add event part").as_deref(), Some("part.0"));
        assert_eq!(root.to_json().unwrap_err(), "name the event");
        root.parts[0].fields.insert("name".to_owned(), "A".to_owned());
        assert_eq!(root.act("add test part.0").as_deref(), Some("part.0.0"));
        assert_eq!(root.to_json().unwrap_err(), "name the property");
        assert_eq!(root.act("remove part.0.0"), None);
        assert_eq!(root.to_json().unwrap(), json!({ "event": { "name": "A" } }));
        for nonsense in ["add event part.7", "remove part", "remove part.9", "burn part.0", ""] {
            assert_eq!(root.act(nonsense), None, "{nonsense}");
        }
        let far = [(format!("part.{}.kind", usize::MAX), "event".to_owned())];
        assert!(Part::from_controls(&far).parts.is_empty());
    }
}
