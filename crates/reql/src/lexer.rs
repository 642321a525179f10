//! Cuts the text of an expression into tokens.

use std::fmt;
use std::sync::Arc;

use crate::error::{ErrorKind, ReqlError};
use crate::value::Value;

/// The longest first, so that `<=` is not read as `<`.
const SYMBOLS: [&str; 20] = [
    "==", "!=", "<=", ">=", "<", ">", "+", "-", "*", "/", "%", "&", "(", ")", "{", "}", "[", "]",
    ",", ":",
];

/// A token and the column of its first character.
#[derive(Debug, Clone)]
pub(crate) struct Spanned {
    pub(crate) token: Token,
    pub(crate) column: u32,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Token {
    /// A number or a text.
    Literal(Value),
    /// A name in single quotes.
    Property(Arc<str>),
    /// A keyword or the name of a function, in lower case.
    Word(String),
    Symbol(&'static str),
    End,
}

/// Splits a text into tokens, the last of which is [`Token::End`].
pub(crate) fn tokenize(text: &str) -> Result<Vec<Spanned>, ReqlError> {
    let mut lexer = Lexer { rest: text, column: 1 };
    let mut tokens = Vec::new();
    loop {
        lexer.skip_blanks();
        let column = lexer.column;
        let token = lexer.read_token()?;
        let is_end = token == Token::End;
        tokens.push(Spanned { token, column });
        if is_end {
            return Ok(tokens);
        }
    }
}

struct Lexer<'t> {
    rest: &'t str,
    column: u32,
}

impl<'t> Lexer<'t> {
    /// Takes a number of bytes, which must end where a character ends.
    fn take(&mut self, bytes: usize) -> &'t str {
        let (taken, rest) = self.rest.split_at(bytes);
        self.rest = rest;
        self.column += taken.chars().count() as u32;
        taken
    }

    /// Takes characters as long as the condition holds.
    fn take_while(&mut self, wanted: impl Fn(char) -> bool) -> &'t str {
        self.take(self.rest.find(|c| !wanted(c)).unwrap_or(self.rest.len()))
    }

    /// Skips white space, and comments to the end of their line.
    fn skip_blanks(&mut self) {
        loop {
            self.take_while(char::is_whitespace);
            if !self.rest.starts_with("//") {
                return;
            }
            self.take_while(|c| c != '\n');
        }
    }

    fn read_token(&mut self) -> Result<Token, ReqlError> {
        let Some(first) = self.rest.chars().next() else {
            return Ok(Token::End);
        };
        if first.is_ascii_digit() {
            return Ok(Token::Literal(self.read_number()));
        }
        if first.is_ascii_alphabetic() || first == '_' {
            let word = self.take_while(|c| c.is_ascii_alphanumeric() || c == '_');
            return Ok(Token::Word(word.to_ascii_lowercase()));
        }
        match first {
            '\'' => self.read_property(),
            '"' => self.read_text(),
            _ => {
                if let Some(symbol) =
                    SYMBOLS.into_iter().find(|symbol| self.rest.starts_with(symbol))
                {
                    self.take(symbol.len());
                    return Ok(Token::Symbol(symbol));
                }
                let hint = match first {
                    '=' => "; equality is ==",
                    '!' => "; negation is not",
                    '|' => "; disjunction is or, union is +",
                    _ => "",
                };
                Err(self.error(format!("unexpected character {first:?}{hint}")))
            }
        }
    }

    /// Digits, then perhaps a fraction, then perhaps an exponent; whole numbers beyond 64 bits
    /// become doubles.
    fn read_number(&mut self) -> Value {
        let start = self.rest;
        let mut bytes = self.take_while(|c| c.is_ascii_digit()).len();
        let mut is_whole = true;
        if self.rest.starts_with('.') && self.rest[1..].starts_with(|c: char| c.is_ascii_digit()) {
            is_whole = false;
            bytes += self.take(1).len() + self.take_while(|c| c.is_ascii_digit()).len();
        }
        if self.rest.starts_with(['e', 'E']) {
            let after = self.rest[1..].strip_prefix(['+', '-']).unwrap_or(&self.rest[1..]);
            if after.starts_with(|c: char| c.is_ascii_digit()) {
                is_whole = false;
                let mark = self.rest.len() - after.len();
                bytes += self.take(mark).len() + self.take_while(|c| c.is_ascii_digit()).len();
            }
        }
        let text = &start[..bytes];
        match text.parse() {
            Ok(int) if is_whole => Value::Int(int),
            _ => {
                Value::Double(text.parse().expect("digits with fraction and exponent are a number"))
            }
        }
    }

    fn read_property(&mut self) -> Result<Token, ReqlError> {
        let Some(length) = self.rest[1..].find('\'') else {
            return Err(self.error("the name of a property lacks its closing '"));
        };
        if length == 0 {
            return Err(self.error("the name of a property is empty"));
        }
        let quoted = self.take(length + 2);
        Ok(Token::Property(quoted[1..=length].into()))
    }

    /// A text; a backslash stands for itself unless a quote or another backslash follows.
    fn read_text(&mut self) -> Result<Token, ReqlError> {
        let mut text = String::new();
        let mut characters = self.rest.char_indices().skip(1).peekable();
        while let Some((at, character)) = characters.next() {
            match character {
                '"' => {
                    self.take(at + 1);
                    return Ok(Token::Literal(Value::String(text.into())));
                }
                '\\' => {
                    let escaped = characters.next_if(|(_, next)| matches!(next, '"' | '\\'));
                    text.push(escaped.map_or('\\', |(_, next)| next));
                }
                _ => text.push(character),
            }
        }
        Err(self.error("a text lacks its closing \""))
    }

    fn error(&self, message: impl Into<String>) -> ReqlError {
        ReqlError::new(ErrorKind::Syntax, self.column, message)
    }
}

impl fmt::Display for Token {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Literal(Value::String(_)) => formatter.write_str("a text"),
            Self::Literal(_) => formatter.write_str("a number"),
            Self::Property(name) => write!(formatter, "'{name}'"),
            Self::Word(word) => formatter.write_str(word),
            Self::Symbol(symbol) => formatter.write_str(symbol),
            Self::End => formatter.write_str("the end"),
        }
    }
}
