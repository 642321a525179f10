//! Reads JSON text: whole values, and the members of an object one level deep, whose texts are
//! parsed when they are needed.

use std::borrow::Cow;
use std::fmt;

use super::{Number, Object, Value};

/// How deep arrays and objects may be nested.
const DEPTH_MAX: usize = 128;

/// A text that is no JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReadError {
    /// Where reading stopped, in bytes from the beginning.
    pub at: usize,
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no JSON from byte {} on", self.at)
    }
}

impl std::error::Error for ReadError {}

/// The members of an object with their JSON texts. Of a repeated key the last counts.
#[derive(Debug, Clone, Default)]
pub(crate) struct Members<'a>(pub(crate) Vec<(Cow<'a, str>, &'a str)>);

impl<'a> Members<'a> {
    /// The JSON text of a member.
    pub(crate) fn get(&self, key: &str) -> Option<&'a str> {
        self.0.iter().rev().find(|(name, _)| name == key).map(|(_, text)| *text)
    }
}

pub(super) fn value(text: &str) -> Result<Value<'_>, ReadError> {
    let mut reader = Reader { text, at: 0 };
    let value = reader.value(0)?;
    reader.end()?;
    Ok(value)
}

/// The members of a JSON object.
pub(crate) fn members(text: &str) -> Result<Members<'_>, ReadError> {
    let mut reader = Reader { text, at: 0 };
    reader.skip_space();
    let mut members = Vec::with_capacity(8);
    reader.expect(b'{')?;
    reader.members(|reader, key| {
        reader.skip_space();
        let start = reader.at;
        reader.skip(1)?;
        members.push((key, &text[start..reader.at]));
        Ok(())
    })?;
    reader.end()?;
    Ok(Members(members))
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Reader<'a> {
    fn bytes(&self) -> &'a [u8] {
        self.text.as_bytes()
    }

    fn peek(&self) -> Option<u8> {
        self.bytes().get(self.at).copied()
    }

    fn error<T>(&self) -> Result<T, ReadError> {
        Err(ReadError { at: self.at })
    }

    fn skip_space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn expect(&mut self, byte: u8) -> Result<(), ReadError> {
        if self.peek() != Some(byte) {
            return self.error();
        }
        self.at += 1;
        Ok(())
    }

    fn end(&mut self) -> Result<(), ReadError> {
        self.skip_space();
        if self.at < self.text.len() { self.error() } else { Ok(()) }
    }

    fn word(&mut self, word: &str) -> Result<(), ReadError> {
        if !self.bytes()[self.at..].starts_with(word.as_bytes()) {
            return self.error();
        }
        self.at += word.len();
        Ok(())
    }

    fn value(&mut self, depth: usize) -> Result<Value<'a>, ReadError> {
        self.skip_space();
        if depth >= DEPTH_MAX {
            return self.error();
        }
        match self.peek() {
            Some(b'"') => Ok(Value::String(self.string()?)),
            Some(b'{') => {
                self.at += 1;
                let mut members = Vec::new();
                self.members(|reader, key| {
                    members.push((key, reader.value(depth + 1)?));
                    Ok(())
                })?;
                Ok(Value::Object(members.into_iter().collect::<Object<'a>>()))
            }
            Some(b'[') => {
                self.at += 1;
                let mut items = Vec::new();
                self.items(|reader| {
                    items.push(reader.value(depth + 1)?);
                    Ok(())
                })?;
                Ok(Value::Array(items))
            }
            Some(b't') => self.word("true").map(|()| Value::Bool(true)),
            Some(b'f') => self.word("false").map(|()| Value::Bool(false)),
            Some(b'n') => self.word("null").map(|()| Value::Null),
            _ => self.number(),
        }
    }

    /// Passes over a value without building it.
    fn skip(&mut self, depth: usize) -> Result<(), ReadError> {
        self.skip_space();
        if depth >= DEPTH_MAX {
            return self.error();
        }
        match self.peek() {
            Some(b'"') => self.skip_string().map(|_| ()),
            Some(b'{') => {
                self.at += 1;
                self.members(|reader, _| reader.skip(depth + 1))
            }
            Some(b'[') => {
                self.at += 1;
                self.items(|reader| reader.skip(depth + 1))
            }
            Some(b't') => self.word("true"),
            Some(b'f') => self.word("false"),
            Some(b'n') => self.word("null"),
            _ => self.skip_number(),
        }
    }

    /// The members behind a `{`, each handed on with the reader before its value.
    fn members(
        &mut self,
        mut member: impl FnMut(&mut Self, Cow<'a, str>) -> Result<(), ReadError>,
    ) -> Result<(), ReadError> {
        self.skip_space();
        if self.peek() == Some(b'}') {
            self.at += 1;
            return Ok(());
        }
        loop {
            self.skip_space();
            let key = self.string()?;
            self.skip_space();
            self.expect(b':')?;
            member(self, key)?;
            self.skip_space();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b'}') => {
                    self.at += 1;
                    return Ok(());
                }
                _ => return self.error(),
            }
        }
    }

    fn items(
        &mut self,
        mut item: impl FnMut(&mut Self) -> Result<(), ReadError>,
    ) -> Result<(), ReadError> {
        self.skip_space();
        if self.peek() == Some(b']') {
            self.at += 1;
            return Ok(());
        }
        loop {
            item(self)?;
            self.skip_space();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b']') => {
                    self.at += 1;
                    return Ok(());
                }
                _ => return self.error(),
            }
        }
    }

    /// Passes over a string; returns whether it has escapes.
    fn skip_string(&mut self) -> Result<bool, ReadError> {
        self.expect(b'"')?;
        let mut has_escapes = false;
        loop {
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(has_escapes);
                }
                Some(b'\\') => {
                    has_escapes = true;
                    self.at += 2;
                }
                Some(0x20..) => self.at += 1,
                _ => return self.error(),
            }
        }
    }

    fn string(&mut self) -> Result<Cow<'a, str>, ReadError> {
        let start = self.at;
        if !self.skip_string()? {
            return Ok(Cow::Borrowed(&self.text[start + 1..self.at - 1]));
        }
        match self.text.get(start..self.at).map(serde_json::from_str::<String>) {
            Some(Ok(text)) => Ok(Cow::Owned(text)),
            // Half of a surrogate pair, which serde refuses and JavaScript keeps.
            Some(Err(_)) => unescape(&self.text[start + 1..self.at - 1], start),
            None => self.error(),
        }
    }

    fn number(&mut self) -> Result<Value<'a>, ReadError> {
        let start = self.at;
        self.skip_number()?;
        let written = &self.text[start..self.at];
        let Ok(value) = written.parse::<f64>() else { return self.error() };
        Ok(Value::Number(Number { value, written: Some(written) }))
    }

    fn skip_number(&mut self) -> Result<(), ReadError> {
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        match self.peek() {
            Some(b'0') => self.at += 1,
            Some(b'1'..=b'9') => self.digits()?,
            _ => return self.error(),
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.digits()?;
        }
        Ok(())
    }

    fn digits(&mut self) -> Result<(), ReadError> {
        if !matches!(self.peek(), Some(b'0'..=b'9')) {
            return self.error();
        }
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        Ok(())
    }
}

/// A string with half surrogates, which become the replacement character.
fn unescape(inner: &str, start: usize) -> Result<Cow<'static, str>, ReadError> {
    let mut units: Vec<u16> = Vec::with_capacity(inner.len());
    let mut chars = inner.chars();
    let error = ReadError { at: start };
    while let Some(c) = chars.next() {
        if c != '\\' {
            units.extend(c.encode_utf16(&mut [0; 2]).iter());
            continue;
        }
        units.push(match chars.next() {
            Some('n') => 0x0a,
            Some('t') => 0x09,
            Some('r') => 0x0d,
            Some('b') => 0x08,
            Some('f') => 0x0c,
            Some(c @ ('"' | '\\' | '/')) => c as u16,
            Some('u') => {
                let rest = chars.as_str();
                let digits = rest.get(..4).filter(|digits| !digits.starts_with('+'));
                let unit = digits.and_then(|digits| u16::from_str_radix(digits, 16).ok());
                chars = rest.get(4..).unwrap_or("").chars();
                unit.ok_or(error)?
            }
            _ => return Err(error),
        });
    }
    Ok(Cow::Owned(String::from_utf16_lossy(&units)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_text_is_read_or_refused_as_serde_does() {
        for text in [
            "{}",
            " [1, 2.5e-3 , -0 ] ",
            r#"{"a":{"b":[true,false,null]},"c":"d\n\u00e9\ud83d\ude00"}"#,
            "01",
            "1.",
            "-",
            "+1",
            ".5",
            "1e",
            "[1,]",
            r#"{"a":1,}"#,
            r#"{"a" 1}"#,
            r#"{a:1}"#,
            "tru",
            r#""open"#,
            "\"a\u{1}\"",
            r#""\x""#,
            r#""\"#,
            "[]]",
            "",
            "1 2",
            "nul",
        ] {
            let ours = value(text).ok().map(|value| value.to_json());
            let theirs = serde_json::from_str::<serde_json::Value>(text).ok();
            let theirs =
                theirs.map(|value| Value::from_json(&value.to_string()).unwrap().to_json());
            assert_eq!(ours, theirs, "{text}");
        }
    }

    #[test]
    fn the_last_of_a_repeated_key_counts_and_half_surrogates_are_replaced() {
        assert_eq!(value(r#"{"a":1,"b":2,"a":3}"#).unwrap().to_json(), r#"{"a":3,"b":2}"#);
        assert_eq!(value(r#""a\ud800b""#).unwrap(), Value::text("a\u{fffd}b"));
        assert_eq!(members(r#"{"a":1, "a" : [2] }"#).unwrap().get("a"), Some("[2]"));
    }

    #[test]
    fn deep_nesting_is_refused() {
        let deep = |n: usize| format!("{}{}", "[".repeat(n), "]".repeat(n));
        assert!(value(&deep(DEPTH_MAX)).is_ok());
        assert!(value(&deep(DEPTH_MAX + 1)).is_err());
        assert!(members(&format!(r#"{{"a":{}}}"#, deep(100_000))).is_err());
    }
}
