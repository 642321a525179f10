//! The text that a render makes, each value written as its form and place ask.

use percent_encoding::utf8_percent_encode;
use serde_json::Value;

use crate::Form;
use crate::error::RenderError;
use crate::escape;
use crate::filters::{self, Makes};
use crate::html_places::{HtmlPlace, Scanner};
use crate::values::text_of;

/// A value, with what is known of it.
#[derive(Debug, Clone)]
pub(crate) struct Known {
    pub(crate) value: Value,
    /// It comes from a person's profile or event, or was made from something that does.
    pub(crate) from_people: bool,
    /// The notation that its text is in.
    pub(crate) makes: Makes,
}

impl Known {
    pub(crate) fn new(value: Value, from_people: bool) -> Self {
        Self { value, from_people, makes: Makes::Plain }
    }
}

#[derive(Debug)]
enum Writer {
    Html(Box<Scanner>),
    /// Whether a string is open, and whether a backslash was the last.
    Json {
        in_string: bool,
        escaped: bool,
    },
    Url,
    Plain,
    /// What `capture` takes in forms without elements: as it is, to be escaped when it is printed.
    Captured,
}

/// A text in the making.
#[derive(Debug)]
pub(crate) struct Output {
    pub(crate) text: String,
    writer: Writer,
    /// A value from people is in it.
    pub(crate) from_people: bool,
}

impl Output {
    pub(crate) fn new(form: Form) -> Self {
        let writer = match form {
            Form::Html => Writer::Html(Box::new(Scanner::new())),
            Form::Json => Writer::Json { in_string: false, escaped: false },
            Form::Url => Writer::Url,
            Form::Text | Form::Line => Writer::Plain,
        };
        Self { text: String::new(), writer, from_people: false }
    }

    /// What `capture` writes to.
    pub(crate) fn captured(form: Form) -> Self {
        match form {
            Form::Html => Self::new(form),
            _ => Self { text: String::new(), writer: Writer::Captured, from_people: false },
        }
    }

    /// What was captured, as a value.
    pub(crate) fn into_captured(self) -> Result<Known, String> {
        let makes = match &self.writer {
            Writer::Html(scanner) if !scanner.is_in_text() => {
                return Err("capture ends inside of a tag; close it before endcapture".to_owned());
            }
            Writer::Html(_) => Makes::Markup,
            _ => Makes::Plain,
        };
        Ok(Known { value: self.text.into(), from_people: self.from_people, makes })
    }

    /// Writes a text of the template itself.
    pub(crate) fn write(&mut self, text: &str) {
        match &mut self.writer {
            Writer::Html(scanner) => scanner.write(text, &mut self.text),
            Writer::Json { in_string, escaped } => {
                for byte in text.bytes() {
                    match byte {
                        _ if *escaped => *escaped = false,
                        b'\\' if *in_string => *escaped = true,
                        b'"' => *in_string = !*in_string,
                        _ => {}
                    }
                }
                self.text.push_str(text);
            }
            _ => self.text.push_str(text),
        }
    }

    /// Writes a value; `raw` as it is, unless it comes from people.
    pub(crate) fn print(&mut self, known: &Known, raw: bool) -> Result<(), String> {
        let raw = raw && !known.from_people;
        self.from_people |= known.from_people;
        match &mut self.writer {
            Writer::Html(scanner) => {
                let text = text_of(&known.value)?;
                let place = scanner.place();
                let is_markup = known.makes == Makes::Markup && place == HtmlPlace::Text;
                if raw || is_markup {
                    scanner.note_value();
                    scanner.write(&text, &mut self.text);
                    return Ok(());
                }
                let is_escaped = known.makes == Makes::Html;
                let escaped = match place {
                    HtmlPlace::Nowhere(why) => return Err(why.to_owned()),
                    HtmlPlace::Style => escape::css(&text),
                    HtmlPlace::StyleAddress => escape::css_url(&text),
                    _ if is_escaped => text,
                    _ => escape::html(&text),
                };
                scanner.note_value();
                self.text.push_str(&escaped);
            }
            Writer::Json { in_string, .. } => {
                let in_string = *in_string;
                match text_of(&known.value) {
                    Ok(text) if raw => self.write(&text),
                    Ok(text) if !in_string && known.makes == Makes::Json => {
                        self.text.push_str(&text);
                    }
                    Ok(text) if in_string => self.text.push_str(&escape::in_json_string(&text)),
                    Err(what) if in_string => return Err(what),
                    _ => self.text.push_str(&escape::json(&known.value)),
                }
            }
            Writer::Url => {
                let text = text_of(&known.value)?;
                if raw || known.makes == Makes::Url {
                    self.text.push_str(&text);
                } else {
                    self.text.extend(utf8_percent_encode(&text, filters::ENCODED));
                }
            }
            Writer::Plain => self.text.push_str(&escape::plain(&text_of(&known.value)?)),
            Writer::Captured => self.text.push_str(&text_of(&known.value)?),
        }
        Ok(())
    }

    /// The finished text.
    pub(crate) fn finish(self, form: Form) -> Result<String, RenderError> {
        let wrong = |form, what: String| Err(RenderError::Form { form, what });
        match form {
            Form::Html | Form::Text => Ok(self.text),
            Form::Line => Ok(escape::line(&self.text)),
            Form::Json => match serde_json::from_str::<serde::de::IgnoredAny>(&self.text) {
                Ok(_) => Ok(self.text),
                Err(error) => wrong("JSON", error.to_string()),
            },
            Form::Url => {
                let address = self.text.trim();
                if !escape::is_harmless_address(address) {
                    return wrong("address", "its scheme cannot be followed".to_owned());
                }
                if address.contains(|c: char| c.is_whitespace() || c.is_control()) {
                    return wrong("address", "it has white space in it".to_owned());
                }
                Ok(address.to_owned())
            }
        }
    }
}
