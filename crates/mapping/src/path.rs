//! Paths into values: `properties.products[0].sku`.

use std::borrow::Cow;

use crate::value::{Value, utf16_len};

/// How paths pass through values that have no members.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PathRules {
    /// As in JavaScript: a path stops at `0`, `""`, `false` and `null` with that value, and the
    /// characters of a text are its members `0`, `1` ...
    JavaScript,
    /// Such values have no members. The fold of the state reads messages in this way.
    Plain,
}

/// A path, split into its steps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Path {
    /// As it was written, with `$.` if it had it.
    text: String,
    /// Empty for the whole payload.
    steps: Vec<String>,
}

impl Path {
    /// Reads a path. Every text is one: `""`, `.` and `$.` are the whole payload, `[0]`, `['key']`
    /// and `["key"]` are steps, and `[key]` without quotes is a part of the key before it.
    pub fn new(text: &str) -> Self {
        let rest = text.replacen("$.", "", 1);
        let steps = if matches!(rest.as_str(), "" | ".") { Vec::new() } else { split(&rest) };
        Self { text: text.to_owned(), steps }
    }

    /// A path whose text has no `$.` to remove: the name of a property in a trigger, or a
    /// placeholder in a template.
    pub(crate) fn relative(text: &str) -> Self {
        let steps = if matches!(text, "" | ".") { Vec::new() } else { split(text) };
        Self { text: text.to_owned(), steps }
    }

    /// The path as its author wrote it, such as `$.properties.sku`.
    pub fn text(&self) -> &str {
        &self.text
    }

    pub(crate) fn steps(&self) -> &[String] {
        &self.steps
    }

    /// The JSON pointer of the place: `/properties/products/0/sku`.
    pub fn pointer(&self) -> String {
        let escape = |step: &String| format!("/{}", step.replace('~', "~0").replace('/', "~1"));
        self.steps.iter().map(escape).collect()
    }
}

/// Splits at points, at `[` before a digit or quote, and at `]` behind one.
fn split(text: &str) -> Vec<String> {
    let opens = |c: Option<char>| c.is_some_and(|c| matches!(c, '"' | '\'') || c.is_ascii_digit());
    let mut steps = vec![String::new()];
    let mut before = None;
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '.' => steps.push(String::new()),
            '[' if opens(chars.peek().copied()) => steps.push(String::new()),
            ']' if opens(before) => {
                while chars.next_if_eq(&']').is_some() {}
                steps.push(String::new());
            }
            _ => steps.last_mut().expect("there is one from the start").push(c),
        }
        before = Some(c);
    }
    steps.retain(|step| !step.is_empty());
    steps.iter().map(|step| step.replace(['"', '\''], "")).collect()
}

/// The value behind some steps, with texts borrowed from a value that lives as long.
pub(crate) fn walk<'a>(value: &Value<'a>, steps: &[String], rules: PathRules) -> Value<'a> {
    let mut found = Cow::Borrowed(value);
    for step in steps {
        if !found.is_truthy() {
            return match rules {
                PathRules::JavaScript => found.into_owned(),
                PathRules::Plain => Value::Undefined,
            };
        }
        found = match found {
            Cow::Borrowed(value) => step_into(value, step, rules),
            Cow::Owned(value) => Cow::Owned(step_into(&value, step, rules).into_owned()),
        };
    }
    found.into_owned()
}

/// As [`walk`], without copying a value that has no steps left.
pub(crate) fn walk_owned<'a>(value: Value<'a>, steps: &[String], rules: PathRules) -> Value<'a> {
    if steps.is_empty() { value } else { walk(&value, steps, rules) }
}

fn step_into<'v, 'a>(value: &'v Value<'a>, step: &str, rules: PathRules) -> Cow<'v, Value<'a>> {
    let index = || step.parse::<usize>().ok().filter(|index| index.to_string() == step);
    let borrowed = |value: Option<&'v Value<'a>>| match value {
        Some(value) => Cow::Borrowed(value),
        None => Cow::Owned(Value::Undefined),
    };
    match value {
        Value::Object(object) => borrowed(object.get(step)),
        Value::Array(items) if step == "length" => Cow::Owned(Value::number(items.len() as f64)),
        Value::Array(items) => borrowed(index().and_then(|index| items.get(index))),
        Value::String(_) | Value::Instant(_) => {
            let text = value.print();
            if step == "length" {
                return Cow::Owned(Value::number(utf16_len(&text) as f64));
            }
            let char = match rules {
                PathRules::JavaScript => index().and_then(|index| text.chars().nth(index)),
                PathRules::Plain => None,
            };
            Cow::Owned(char.map_or(Value::Undefined, |char| Value::text(char.to_string())))
        }
        _ => Cow::Owned(Value::Undefined),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_of_a_path_finds_its_value() {
        let json = r#"{"a":{"b":[{"c":1},{"c":2}],"s":"x-y-z","n":null,"e":"","z":0,"k k":5},
            "$":"dollar","x[y]":"key","0":"zero"}"#;
        let payload = Value::from_json(json).unwrap();
        let cases = [
            ("$.a.b[1].c", "2"),
            ("a.b.0.c", "1"),
            ("a['b'][1]['c']", "2"),
            (r#"$.a["k k"]"#, "5"),
            ("$.a['k k']", "5"),
            ("$.x[y]", r#""key""#),
            ("$.a.z.q", "0"),
            ("$.a.e.q", r#""""#),
            ("$.a.n.q", "null"),
            ("$.a.s.length", "5"),
            ("$.a.s[0]", r#""x""#),
            ("$.a.b.length", "2"),
            ("$.a.b[2]", "undefined"),
            ("$.a.b[01].c", "undefined"),
            ("$.a.missing.q", "undefined"),
            ("$.$.a.z", "undefined"),
            ("a.$.z", "0"),
            ("$", r#""dollar""#),
            ("..a..z.", "0"),
            ("$.a.s.trim", "undefined"),
            ("$.a.b.1.c.d", "undefined"),
        ];
        for (text, expected) in cases {
            let found = walk(&payload, Path::new(text).steps(), PathRules::JavaScript);
            let found = if found.is_undefined() { "undefined".into() } else { found.to_json() };
            assert_eq!(found, expected, "{text}");
        }
        for whole in ["", ".", "$."] {
            assert_eq!(walk(&payload, Path::new(whole).steps(), PathRules::Plain), payload);
        }
    }

    #[test]
    fn in_plain_paths_scalars_have_no_members() {
        let payload = Value::from_json(r#"{"z":0,"e":"","s":"abc","n":null}"#).unwrap();
        for text in ["z.q", "e.q", "n.q", "s[0]"] {
            let found = walk(&payload, Path::new(text).steps(), PathRules::Plain);
            assert_eq!(found, Value::Undefined, "{text}");
        }
    }

    #[test]
    fn pointers_escape_what_pointers_must() {
        let pointer = |text| Path::new(text).pointer();
        assert_eq!(pointer("$.properties.products[0].sku"), "/properties/products/0/sku");
        assert_eq!(pointer("$.a['b/c~d']"), "/a/b~1c~0d");
    }
}
