//! Reads tests of properties and traits.

use super::lexer::Token;
use super::parser::{Parsed, Parser};
use crate::condition::{Comparison, DateTest, RelativeTest, Scalar, Test, TextTest};

/// The words with which a test begins, beside the signs.
const OPENINGS: [&str; 11] = [
    "exists", "does", "in", "contains", "starts", "ends", "before", "after", "within", "has",
    "size",
];

impl Parser {
    /// What follows the name of a property or trait.
    pub(super) fn test(&mut self) -> Parsed<Test> {
        if self.take_symbol("=") {
            return Ok(Test::Equals(self.scalar()?));
        }
        if self.take_symbol("!=") {
            return Ok(Test::NotEquals(self.scalar()?));
        }
        if let Some(comparison) = self.comparison() {
            let number = self.number()?;
            return Ok(Test::Number(comparison, number));
        }
        if self.take_word("exists") {
            return Ok(Test::Exists(true));
        }
        if self.take_word("does") {
            self.expect_word("not")?;
            if self.take_word("exist") {
                return Ok(Test::Exists(false));
            }
            self.expect_word("contain")?;
            return Ok(Test::NotContains(self.text("a text")?));
        }
        if self.take_word("in") {
            return Ok(Test::AnyOf(self.list(Self::scalar)?));
        }
        if self.take_word("has") {
            return self.list_test();
        }
        if self.take_word("size") {
            let Some(comparison) = self.comparison() else {
                return Err(self.unexpected("<, <=, > or >=", &[]));
            };
            return Ok(Test::Size(comparison, self.whole_number()?));
        }
        self.text_or_date_test()
    }

    fn text_or_date_test(&mut self) -> Parsed<Test> {
        if self.take_word("contains") {
            if self.take_word("any") {
                self.expect_word("of")?;
                return Ok(Test::ContainsAny(self.list(|parser| parser.text("a text"))?));
            }
            return Ok(Test::Text(TextTest::Contains, self.text("a text")?));
        }
        for (test, words, _) in &TextTest::WORDS[1..] {
            if self.take_words(words) {
                return Ok(Test::Text(*test, self.text("a text")?));
            }
        }
        for (test, words, _) in &RelativeTest::WORDS {
            if self.take_words(words) {
                return Ok(Test::Relative(*test, self.period()?));
            }
        }
        for (test, word) in &DateTest::WORDS {
            if self.take_word(word) {
                return Ok(Test::Date(*test, self.date()?));
            }
        }
        Err(self.unexpected("a test, such as = or contains", &OPENINGS))
    }

    /// Takes two words.
    fn take_words(&mut self, words: &str) -> bool {
        let (first, second) = words.split_once(' ').unwrap_or((words, ""));
        self.is_next_word(second) && self.take_word(first) && self.take_word(second)
    }

    fn list_test(&mut self) -> Parsed<Test> {
        for (word, test) in [("any", Test::HasAny as fn(_) -> _), ("all", Test::HasAll)] {
            if self.take_word(word) {
                self.expect_word("of")?;
                return Ok(test(self.list(Self::scalar)?));
            }
        }
        let item = self.scalar()?;
        if !self.is_next_word("first") || !self.take_word("in") {
            return Ok(Test::Has(item));
        }
        self.expect_word("first")?;
        Ok(Test::HasFirst { item, among: self.whole_number()? })
    }

    fn comparison(&mut self) -> Option<Comparison> {
        let mut words = Comparison::WORDS.into_iter();
        words.find(|(_, sign, _)| self.take_symbol(sign)).map(|(comparison, ..)| comparison)
    }

    fn scalar(&mut self) -> Parsed<Scalar> {
        let scalar = match self.token() {
            Token::Text(text) => Scalar::Text(text.clone()),
            Token::Number(_) => return Ok(Scalar::Number(self.number()?)),
            Token::Word(word) if word == "true" => Scalar::Boolean(true),
            Token::Word(word) if word == "false" => Scalar::Boolean(false),
            _ => return Err(self.unexpected("a text in quotes, a number, true or false", &[])),
        };
        self.advance();
        Ok(scalar)
    }

    fn number(&mut self) -> Parsed<f64> {
        let number = match self.token() {
            Token::Number(number) => number.parse().ok(),
            _ => None,
        };
        let number = number.ok_or_else(|| self.unexpected("a number", &[]))?;
        self.advance();
        Ok(number)
    }
}
