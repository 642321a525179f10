//! Cuts the text of a condition into tokens.

use std::fmt;

use domain::Timestamp;

use crate::error::ConditionError;

/// The longest first, so that `<=` is not read as `<`.
const SYMBOLS: [&str; 9] = ["!=", "<=", ">=", "<", ">", "=", "(", ")", ","];

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Token {
    /// A text in double quotes.
    Text(String),
    /// A number as it is written.
    Number(String),
    Date(Timestamp),
    /// A keyword, or a name without quotes.
    Word(String),
    Symbol(&'static str),
    End,
}

/// A token and the column of its first character, from 1.
#[derive(Debug, Clone)]
pub(super) struct Spanned {
    pub(super) token: Token,
    pub(super) column: usize,
}

/// Whether a character may begin a name without quotes.
pub(super) fn begins_word(c: char) -> bool {
    c.is_ascii_alphabetic() || c == '_'
}

/// Whether a character may stand in a name without quotes.
pub(super) fn continues_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '$')
}

/// Cuts a text into tokens, the last of which is [`Token::End`].
pub(super) fn tokenize(text: &str) -> Result<Vec<Spanned>, ConditionError> {
    let mut tokens = Vec::new();
    let mut rest = text;
    loop {
        rest = rest.trim_start();
        let column = text[..text.len() - rest.len()].chars().count() + 1;
        let (token, length) = read_token(rest)
            .map_err(|message| ConditionError::new(format!("column {column}"), message))?;
        rest = &rest[length..];
        let is_end = token == Token::End;
        tokens.push(Spanned { token, column });
        if is_end {
            return Ok(tokens);
        }
    }
}

/// The first token of a text, with its bytes.
fn read_token(rest: &str) -> Result<(Token, usize), String> {
    let Some(first) = rest.chars().next() else { return Ok((Token::End, 0)) };
    if first == '"' {
        return read_text(rest);
    }
    if begins_word(first) {
        let length = rest.find(|c| !continues_word(c)).unwrap_or(rest.len());
        return Ok((Token::Word(rest[..length].to_owned()), length));
    }
    if first.is_ascii_digit() || first == '-' {
        return read_number_or_date(rest);
    }
    match SYMBOLS.into_iter().find(|symbol| rest.starts_with(symbol)) {
        Some(symbol) => Ok((Token::Symbol(symbol), symbol.len())),
        None if first == '\'' => Err("texts stand in double quotes: \"...\"".to_owned()),
        None => Err(format!("unexpected character {first:?}")),
    }
}

/// A text in quotes; a backslash stands for itself unless a quote or another backslash follows.
fn read_text(rest: &str) -> Result<(Token, usize), String> {
    let mut text = String::new();
    let mut characters = rest.char_indices().skip(1).peekable();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return Ok((Token::Text(text), at + 1)),
            '\\' => {
                let escaped = characters.next_if(|(_, next)| matches!(next, '"' | '\\'));
                text.push(escaped.map_or('\\', |(_, next)| next));
            }
            _ => text.push(character),
        }
    }
    Err("a text lacks its closing \"".to_owned())
}

fn read_number_or_date(rest: &str) -> Result<(Token, usize), String> {
    let belongs = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '+' | ':' | '.');
    let length = rest.find(|c| !belongs(c)).unwrap_or(rest.len());
    let word = &rest[..length];
    if word[1..].contains('-') {
        let date = Timestamp::parse(word).ok_or_else(|| {
            format!("{word:?} is no date: write it like 2026-03-01 or 2026-03-01T12:00:00Z")
        })?;
        return Ok((Token::Date(date), length));
    }
    let digits = word.strip_prefix('-').unwrap_or(word);
    let is_number = digits.chars().all(|c| c.is_ascii_digit() || c == '.');
    match word.parse::<f64>() {
        Ok(_) if is_number => Ok((Token::Number(word.to_owned()), length)),
        _ => Err(format!("{word:?} is no number; texts stand in quotes, periods are \"30 days\"")),
    }
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => write!(f, "the text {text:?}"),
            Self::Number(number) => f.write_str(number),
            Self::Date(date) => write!(f, "the date {date}"),
            Self::Word(word) => write!(f, "{word:?}"),
            Self::Symbol(symbol) => write!(f, "{symbol:?}"),
            Self::End => f.write_str("the end"),
        }
    }
}
