//! Splits a trigger into tokens.
//!
//! The rules are those of the original, a superset of which nobody wrote down: strings have no
//! escapes, and words and operators count only before certain characters.

use std::collections::VecDeque;

/// A part of a trigger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) kind: Kind,
    /// As written; strings with their quotes, identifiers without backslashes.
    pub(super) text: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Identifier,
    String,
    Number,
    Operator,
    /// `and` or `or`.
    Connective,
    Null,
    Dot,
    ParenLeft,
    ParenRight,
    /// `,`, `[` and `]`: no condition contains them, but they take the place of a token.
    Other,
    /// Behind the last token.
    End,
}

/// A character that starts no token, or a token that breaks off.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct LexicalError;

/// The tokens of a trigger, with paths joined into one identifier.
pub(super) fn tokens(text: &str) -> Result<VecDeque<Token>, LexicalError> {
    let mut lexer = Lexer { chars: text.chars().collect(), at: 0 };
    let mut tokens: Vec<Token> = Vec::new();
    while let Some(token) = lexer.token()? {
        tokens.push(token);
    }
    tokens.push(Token { kind: Kind::End, text: "eos".to_owned() });
    Ok(join_paths(tokens))
}

/// Joins `properties`, `.`, `price` into one identifier.
fn join_paths(tokens: Vec<Token>) -> VecDeque<Token> {
    let mut joined: VecDeque<Token> = VecDeque::with_capacity(tokens.len());
    let mut tokens = tokens.into_iter().peekable();
    while let Some(token) = tokens.next() {
        let is_dot = token.kind == Kind::Dot;
        let last = joined.back_mut().filter(|last| is_dot && last.kind == Kind::Identifier);
        let next = |next: &Token| next.kind == Kind::Identifier;
        match last.map(|last| (last, tokens.next_if(next))) {
            Some((last, Some(next))) => {
                last.text.push('.');
                last.text.push_str(&next.text);
            }
            _ => joined.push_back(token),
        }
    }
    joined
}

struct Lexer {
    chars: Vec<char>,
    at: usize,
}

impl Lexer {
    fn peek(&self) -> Option<char> {
        self.chars.get(self.at).copied()
    }

    fn token(&mut self) -> Result<Option<Token>, LexicalError> {
        while matches!(self.peek(), Some(' ' | '\t' | '\n')) {
            self.at += 1;
        }
        let Some(c) = self.peek() else { return Ok(None) };
        self.at += 1;
        let starts_term = |c: char| c.is_ascii_alphabetic() || c == '(';
        if c == '!' && self.peek().is_some_and(starts_term) {
            return Ok(Some(token(Kind::Operator, "!")));
        }
        let token = match c {
            '!' if self.accept("=") => token(Kind::Operator, "!="),
            '=' => token(Kind::Operator, "="),
            '<' | '>' => {
                let or_equal = if self.accept("=") { "=" } else { "" };
                Token { kind: Kind::Operator, text: format!("{c}{or_equal}") }
            }
            'a' if self.accept("nd") => token(Kind::Connective, "and"),
            'o' if self.accept("r") => token(Kind::Connective, "or"),
            'n' if self.accept("ull") => token(Kind::Null, "null"),
            c if c.is_ascii_alphabetic() || matches!(c, '_' | '\\') => self.identifier(c)?,
            c if c.is_ascii_digit() || matches!(c, '+' | '-') => self.number(c)?,
            '"' | '\'' => self.string(c)?,
            '.' => token(Kind::Dot, "."),
            '(' => token(Kind::ParenLeft, "("),
            ')' => token(Kind::ParenRight, ")"),
            ',' | '[' | ']' => Token { kind: Kind::Other, text: c.to_string() },
            _ => return Err(LexicalError),
        };
        Ok(Some(token))
    }

    /// Passes over `rest` if it follows, and behind it a terminator. At the end of the text a word
    /// that breaks off is consumed all the same.
    fn accept(&mut self, rest: &str) -> bool {
        let start = self.at;
        for expected in rest.chars() {
            let Some(c) = self.peek() else { return false };
            self.at += 1;
            if c != expected && is_terminator(Some(c)) {
                break;
            }
        }
        let taken: String = self.chars[start..self.at].iter().collect();
        if taken == rest && is_terminator(self.peek()) {
            return true;
        }
        self.at = start;
        false
    }

    fn identifier(&mut self, first: char) -> Result<Token, LexicalError> {
        let mut text = String::new();
        let mut next = first;
        loop {
            if next == '\\' {
                next = self.peek().ok_or(LexicalError)?;
                self.at += 1;
            }
            text.push(next);
            let continues = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '\\');
            match self.peek().filter(continues) {
                Some(c) => next = c,
                None => break,
            }
            self.at += 1;
        }
        let behind = self.peek();
        if is_terminator(behind) || matches!(behind, Some('.' | '(' | '=' | '!')) {
            Ok(Token { kind: Kind::Identifier, text })
        } else {
            Err(LexicalError)
        }
    }

    fn number(&mut self, first: char) -> Result<Token, LexicalError> {
        let mut text = first.to_string();
        let mut has_point = false;
        while let Some(c) = self.peek().filter(|c| c.is_ascii_digit() || *c == '.') {
            self.at += 1;
            text.push(c);
            if c == '.' {
                if has_point || is_terminator(self.peek()) {
                    return Err(LexicalError);
                }
                has_point = true;
            }
        }
        Ok(Token { kind: Kind::Number, text })
    }

    /// A string up to the same quote. The closing quote counts as read only before a terminator.
    fn string(&mut self, quote: char) -> Result<Token, LexicalError> {
        let start = self.at;
        while self.peek().ok_or(LexicalError)? != quote {
            self.at += 1;
        }
        let inner: String = self.chars[start..self.at].iter().collect();
        if is_terminator(self.chars.get(self.at + 1).copied()) {
            self.at += 1;
        }
        Ok(Token { kind: Kind::String, text: format!("{quote}{inner}{quote}") })
    }
}

fn token(kind: Kind, text: &str) -> Token {
    Token { kind, text: text.to_owned() }
}

/// The end of the text counts as one.
fn is_terminator(c: Option<char>) -> bool {
    matches!(c, None | Some(' ' | '\t' | '\n' | ',' | ']' | ')'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_split_as_the_original_splits_them() {
        let cases = [
            (r#"type = "track""#, r#"type|=|"track"|eos"#),
            (r#"type="track""#, r#"type|=|"track"|eos"#),
            (r#"properties.a.b>= 5"#, "error"),
            (r#"properties.a.b >= 5"#, "properties.a.b|>=|5|eos"),
            (r#"properties.a.b >=5"#, "properties.a.b|>|=|5|eos"),
            (r#"a != 1"#, "a|!=|1|eos"),
            (r#"a !=1"#, "error"),
            (r#"!contains(event, "x")"#, r#"!|contains|(|event|,|"x"|)|eos"#),
            (r#"!(type = "page")"#, r#"!|(|type|=|"page"|)|eos"#),
            (r#"properties.my\ key = 1"#, "properties.my key|=|1|eos"),
            (r#"\1a = 1"#, "1a|=|1|eos"),
            (r#""a\"b" x"#, r#""a\"|"b"|x|eos"#),
            (r#""a" "b" "#, r#""a"|"b"|eos"#),
            ("\"track\"and \"b\" ", r#""track"|"and "|"b"|eos"#),
            ("\"track\"and \"", r#""track"|"and "|eos"#),
            ("'a\"b'", "'a\"b'|eos"),
            ("type\r= 1", "error"),
            ("a & b", "error"),
            ("1.2.3", "error"),
            ("5. ", "error"),
            ("5.x ", "5.|x|eos"),
            ("+5 -2.5 -", "+5|-2.5|-|eos"),
            ("and or null", "and|or|null|eos"),
            ("order android nulls", "order|android|nulls|eos"),
            ("a.and = 1", "a|.|and|=|1|eos"),
            ("a[0].b", "error"),
            ("a [0] .b", "a|[|0|]|.|b|eos"),
            ("an", "a|eos"),
            ("\"open", "error"),
            ("tr\\", "error"),
            ("", "eos"),
        ];
        for (text, expected) in cases {
            let found = match tokens(text) {
                Ok(tokens) => {
                    tokens.into_iter().map(|token| token.text).collect::<Vec<_>>().join("|")
                }
                Err(LexicalError) => "error".to_owned(),
            };
            assert_eq!(found, expected, "{text:?}");
        }
    }
}
