//! JSON as it was sent, indented, with the places of mistakes marked.

use std::fmt;

use maud::{Markup, Render, html};
use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, SeqAccess, Visitor};

use super::{Button, Icon};

/// A place in a JSON text, and what is wrong there.
pub struct Mark<'a> {
    /// A JSON pointer: `/properties/price`; empty for the whole.
    pub pointer: &'a str,
    /// What is wrong.
    pub text: &'a str,
}

/// A JSON text. One that cannot be read is shown as it is, with the place where reading ended.
pub struct JsonView<'a> {
    /// The id of the block on its page.
    pub id: &'a str,
    /// What it is: "Message as it was sent".
    pub label: &'a str,
    /// The text.
    pub text: &'a str,
    /// The marked places. Those that are not in the text are listed below it.
    pub marks: &'a [Mark<'a>],
}

/// A value with the fields of objects in the order of the text.
enum Json {
    Null,
    Bool(bool),
    Number(serde_json::Number),
    Text(String),
    Array(Vec<Json>),
    Object(Vec<(String, Json)>),
}

const INDENT: &str = "  ";

impl Render for JsonView<'_> {
    fn render(&self) -> Markup {
        let parsed = serde_json::from_str::<Json>(self.text);
        let missing: Vec<&Mark> = match &parsed {
            Ok(value) => self.marks.iter().filter(|mark| !value.has(mark.pointer)).collect(),
            Err(_) => self.marks.iter().collect(),
        };
        html! {
            figure class="code-block json" {
                figcaption {
                    span { (self.label) }
                    (Button::quiet("Copy").icon(Icon::Copy).copies(self.id))
                }
                pre tabindex="0" role="group" aria-label=(self.label) {
                    code id=(self.id) {
                        @match &parsed {
                            Ok(value) => { (self.value(value, 0, "")) (self.note("")) },
                            Err(error) => (unreadable(self.text, error)),
                        }
                    }
                }
                @if !missing.is_empty() {
                    ul class="json-missing" {
                        @for mark in missing {
                            li { @if !mark.pointer.is_empty() { code { (mark.pointer) } ": " } (mark.text) }
                        }
                    }
                }
            }
        }
    }
}

impl JsonView<'_> {
    /// A value whose first line is indented already, marked where that is asked for.
    fn value(&self, value: &Json, depth: usize, pointer: &str) -> Markup {
        let inner = match value {
            Json::Null => html! { span class="json-word" { "null" } },
            Json::Bool(value) => html! { span class="json-word" { (value) } },
            Json::Number(number) => html! { span class="json-number" { (number.to_string()) } },
            Json::Text(text) => html! { span class="json-text" { (quoted(text)) } },
            Json::Array(values) => {
                let lines = values.iter().enumerate().map(|(n, value)| {
                    let pointer = format!("{pointer}/{n}");
                    (self.value(value, depth + 1, &pointer), self.note(&pointer))
                });
                block("[", "]", depth, lines)
            }
            Json::Object(fields) => {
                let lines = fields.iter().map(|(name, value)| {
                    let escaped = name.replace('~', "~0").replace('/', "~1");
                    let pointer = format!("{pointer}/{escaped}");
                    let line = html! {
                        span class="json-name" { (quoted(name)) } ": "
                        (self.value(value, depth + 1, &pointer))
                    };
                    (line, self.note(&pointer))
                });
                block("{", "}", depth, lines)
            }
        };
        html! {
            @if self.mark(pointer).is_some() { mark { (inner) } } @else { (inner) }
        }
    }

    fn mark(&self, pointer: &str) -> Option<&Mark<'_>> {
        self.marks.iter().find(|mark| mark.pointer == pointer)
    }

    /// What is wrong at a place, for the end of its line.
    fn note(&self, pointer: &str) -> Markup {
        html! { @if let Some(mark) = self.mark(pointer) { (note(mark.text)) } }
    }
}

impl Json {
    fn has(&self, pointer: &str) -> bool {
        let mut value = self;
        pointer.split('/').skip(1).all(|part| {
            let name = part.replace("~1", "/").replace("~0", "~");
            let next = match value {
                Self::Object(fields) => {
                    fields.iter().find(|(own, _)| *own == name).map(|(_, value)| value)
                }
                Self::Array(values) => name.parse().ok().and_then(|n: usize| values.get(n)),
                _ => None,
            };
            next.inspect(|next| value = next).is_some()
        })
    }
}

fn note(text: &str) -> Markup {
    html! { span class="json-mark" { (text) } }
}

/// A list of values, each on a line with a note behind it.
fn block(
    open: &str,
    close: &str,
    depth: usize,
    lines: impl ExactSizeIterator<Item = (Markup, Markup)>,
) -> Markup {
    let n_lines = lines.len();
    html! {
        (open)
        @for (n, (line, note)) in lines.enumerate() {
            "\n" (INDENT.repeat(depth + 1)) (line) @if n + 1 < n_lines { "," } (note)
        }
        @if n_lines > 0 { "\n" (INDENT.repeat(depth)) }
        (close)
    }
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// The text with the character marked at which reading ended.
fn unreadable(text: &str, error: &serde_json::Error) -> Markup {
    let line_start: usize =
        text.split_inclusive('\n').take(error.line().saturating_sub(1)).map(str::len).sum();
    let at = (line_start + error.column().saturating_sub(1)).min(text.len());
    let at = (0..=at).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    let (before, rest) = text.split_at(at);
    let marked_bytes = rest.chars().next().map_or(0, char::len_utf8);
    let (marked, after) = rest.split_at(marked_bytes);
    let (line, after) = after.split_at(after.find('\n').unwrap_or(after.len()));
    html! {
        (before)
        mark { (if marked.trim().is_empty() { "\u{a0}" } else { marked }) }
        (line)
        (note(&error.to_string()))
        (after)
    }
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(JsonVisitor)
    }
}

struct JsonVisitor;

impl<'de> Visitor<'de> for JsonVisitor {
    type Value = Json;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Json, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Json, E> {
        Ok(Json::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Json, E> {
        Ok(Json::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Json, E> {
        Ok(Json::Number(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Json, E> {
        Ok(serde_json::Number::from_f64(value).map_or(Json::Null, Json::Number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Json, E> {
        Ok(Json::Text(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Json, A::Error> {
        let mut values = Vec::new();
        while let Some(value) = sequence.next_element()? {
            values.push(value);
        }
        Ok(Json::Array(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Json, A::Error> {
        let mut fields = Vec::new();
        while let Some(field) = map.next_entry()? {
            fields.push(field);
        }
        Ok(Json::Object(fields))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str, marks: &[Mark]) -> String {
        JsonView { id: "json", label: "Message", text, marks }.render().into_string()
    }

    /// What a reader sees of some HTML.
    fn text_of(html: &str) -> String {
        let code =
            html.split("<code id=\"json\">").nth(1).unwrap().split("</code>").next().unwrap();
        let texts = code.split('<').map(|part| part.split_once('>').map_or(part, |(_, text)| text));
        texts.collect::<String>().replace("&quot;", "\"")
    }

    #[test]
    fn fields_stay_in_the_order_in_which_they_were_sent() {
        let html = shown(r#"{"z": [1, 2.5, true], "a": null, "e": {}}"#, &[]);
        assert_eq!(
            text_of(&html),
            "{\n  \"z\": [\n    1,\n    2.5,\n    true\n  ],\n  \"a\": null,\n  \"e\": {}\n}"
        );
    }

    #[test]
    fn a_mistake_is_marked_where_it_is_and_listed_where_the_field_is_missing() {
        let marks = [
            Mark { pointer: "/properties/pri~1ce", text: "expected a number" },
            Mark { pointer: "/userId", text: "is missing" },
        ];
        let html = shown(r#"{"properties": {"pri/ce": "n/a", "n": 1}}"#, &marks);
        let marked = "<mark><span class=\"json-text\">&quot;n/a&quot;</span></mark>,\
                      <span class=\"json-mark\">expected a number</span>";
        assert!(html.contains(marked), "{html}");
        assert!(html.contains("<code>/userId</code>: is missing"), "{html}");
    }

    #[test]
    fn a_text_that_is_not_json_is_marked_where_reading_ended() {
        assert!(shown("{\"ä\": tru}", &[]).contains("<mark>"));
        assert!(shown("", &[]).contains("EOF while parsing"));
        assert!(
            shown("{\"a\": 1,\n \"b\" 2}", &[]).contains("\n &quot;b&quot; <mark>2</mark>}<span")
        );
    }
}
