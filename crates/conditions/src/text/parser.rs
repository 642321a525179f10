//! Reads tokens into a condition, by descent.

use domain::Timestamp;

use super::lexer::{Spanned, Token, tokenize};
use crate::check::{check, check_filter, check_single};
use crate::condition::{
    Condition, Count, EventCondition, EventMatch, Filter, Funnel, Recommended, RecommendedKind,
    Rfm, RfmGroup, Window,
};
use crate::error::{ConditionError, unknown_word};
use crate::limits::{DEPTH_MAX, TEXT_BYTES_MAX};
use crate::period::Period;

/// The words with which a single condition begins.
const OPENINGS: [&str; 7] = ["did", "trait", "account", "in", "rfm", "recommended", "not"];
/// The words that may follow a single condition, or stand within one behind the name of its event.
const CONTINUATIONS: [&str; 10] =
    ["and", "or", "where", "in", "between", "since", "then", "within", "exactly", "at"];
/// Words that mean something where a name may stand; a name that is one of them is quoted.
pub(super) const KEYWORDS: [&str; 21] = [
    "and",
    "or",
    "not",
    "did",
    "trait",
    "in",
    "audience",
    "rfm",
    "recommended",
    "then",
    "where",
    "within",
    "between",
    "since",
    "ever",
    "at",
    "exactly",
    "over",
    "true",
    "false",
    "of",
];

pub(super) type Parsed<T> = Result<T, ConditionError>;

/// Parses a text.
///
/// # Errors
/// The text is no condition, or over a limit.
pub(super) fn parse(text: &str) -> Parsed<Condition> {
    let mut parser = Parser::new(text)?;
    let condition = parser.disjunction(0)?;
    if *parser.token() != Token::End {
        return Err(parser.unexpected("and, or, or the end", &CONTINUATIONS));
    }
    check(&condition).map_err(|message| ConditionError::new("column 1", message))?;
    Ok(condition)
}

/// Parses tests of an event's properties, separated by commas.
///
/// # Errors
/// The text is no such list, or over a limit.
pub(super) fn parse_filters(text: &str) -> Parsed<Vec<Filter>> {
    let mut parser = Parser::new(text)?;
    let filters = parser.listed_filters()?;
    match parser.token() {
        Token::End => Ok(filters),
        _ => Err(parser.unexpected("a comma, or the end", &[])),
    }
}

pub(super) struct Parser {
    tokens: Vec<Spanned>,
    next: usize,
}

impl Parser {
    fn new(text: &str) -> Parsed<Self> {
        if text.len() > TEXT_BYTES_MAX {
            let message = format!("the text has {} bytes, more than {TEXT_BYTES_MAX}", text.len());
            return Err(ConditionError::new("column 1", message));
        }
        Ok(Self { tokens: tokenize(text)?, next: 0 })
    }

    fn disjunction(&mut self, depth: usize) -> Parsed<Condition> {
        let mut parts = vec![self.conjunction(depth)?];
        while self.take_word("or") {
            parts.push(self.conjunction(depth)?);
        }
        Ok(Condition::any(parts).expect("it has a part"))
    }

    fn conjunction(&mut self, depth: usize) -> Parsed<Condition> {
        let mut parts = vec![self.negation(depth)?];
        while self.take_word("and") {
            parts.push(self.negation(depth)?);
        }
        Ok(Condition::all(parts).expect("it has a part"))
    }

    fn negation(&mut self, depth: usize) -> Parsed<Condition> {
        if depth > DEPTH_MAX {
            return Err(self.error(format!("groups nest deeper than {DEPTH_MAX} levels")));
        }
        if self.take_word("not") {
            return Ok(Condition::Not(Box::new(self.negation(depth + 1)?)));
        }
        if self.take_symbol("(") {
            let inside = self.disjunction(depth + 1)?;
            self.expect_symbol(")")?;
            return Ok(inside);
        }
        let start = self.column();
        let condition = self.single()?;
        check_single(&condition).map_err(|message| error_at(start, message))?;
        Ok(condition)
    }

    fn single(&mut self) -> Parsed<Condition> {
        if self.take_word("did") {
            return self.event_or_funnel();
        }
        if self.take_word("trait") {
            return Ok(Condition::Trait(self.filter()?));
        }
        // No name can stand here, so that one may be "account" elsewhere without quotes.
        if self.take_word("account") {
            self.expect_word("trait")?;
            return Ok(Condition::Account(self.filter()?));
        }
        if self.take_word("in") {
            self.expect_word("audience")?;
            return Ok(Condition::Audience(self.name("the key of an audience")?));
        }
        if self.take_word("rfm") {
            return self.rfm();
        }
        if self.take_word("recommended") {
            let kind = self.one_of("item, brand or category", &RecommendedKind::WORDS)?;
            let value = self.text("its id or name")?;
            return Ok(Condition::Recommended(Recommended { kind, value }));
        }
        Err(self.unexpected("a condition", &OPENINGS))
    }

    fn event_or_funnel(&mut self) -> Parsed<Condition> {
        let is_absent = self.take_word("not");
        let name = self.name("the name of an event")?;
        let count = match is_absent {
            true => Some(Count::Exactly(0)),
            false => self.count()?,
        };
        let event = EventMatch { name, filters: self.filters()? };
        if self.is_word("then") {
            if count.is_some() {
                return Err(self.error("a sequence of events has no count and no \"did not\""));
            }
            return self.funnel(event);
        }
        let count = count.unwrap_or(Count::AtLeast(1));
        let window = self.window()?;
        Ok(Condition::Event(EventCondition { event, count, window }))
    }

    fn funnel(&mut self, first: EventMatch) -> Parsed<Condition> {
        self.expect_word("then")?;
        let is_absent = self.take_word("not");
        let second = self.event()?;
        self.expect_word("within")?;
        let within = self.period()?;
        let window = self.window()?;
        Ok(Condition::Funnel(Funnel { first, second, is_absent, within, window }))
    }

    fn rfm(&mut self) -> Parsed<Condition> {
        let group = self.one_of("a group", &RfmGroup::WORDS)?;
        self.expect_word("of")?;
        let event = self.event()?;
        let mut rfm = Rfm {
            group,
            event,
            over: Rfm::over_by_default(),
            recency: Rfm::recency_by_default(),
            frequency: Rfm::FREQUENCY_DEFAULT,
        };
        if self.take_word("over") {
            rfm.over = self.period()?;
        }
        if self.take_word("recency") {
            rfm.recency = self.four(Self::period)?;
        }
        if self.take_word("frequency") {
            rfm.frequency = self.four(Self::whole_number)?;
        }
        Ok(Condition::Rfm(rfm))
    }

    fn four<T: Copy>(&mut self, read: fn(&mut Self) -> Parsed<T>) -> Parsed<[T; 4]> {
        let start = self.column();
        let bounds = self.list(read)?;
        let n_bounds = bounds.len();
        bounds
            .try_into()
            .map_err(|_| error_at(start, format!("4 bounds are needed, not {n_bounds}")))
    }

    fn event(&mut self) -> Parsed<EventMatch> {
        let name = self.name("the name of an event")?;
        Ok(EventMatch { name, filters: self.filters()? })
    }

    fn count(&mut self) -> Parsed<Option<Count>> {
        let of: fn(u32) -> Count = if self.take_word("exactly") {
            Count::Exactly
        } else if self.take_word("at") {
            if self.take_word("most") {
                Count::AtMost
            } else {
                self.expect_word("least")?;
                Count::AtLeast
            }
        } else {
            return Ok(None);
        };
        let number = self.whole_number()?;
        if !self.take_word("time") {
            self.expect_word("times")?;
        }
        Ok(Some(of(number)))
    }

    fn filters(&mut self) -> Parsed<Vec<Filter>> {
        if self.take_word("where") { self.listed_filters() } else { Ok(Vec::new()) }
    }

    fn listed_filters(&mut self) -> Parsed<Vec<Filter>> {
        let mut filters = vec![self.filter()?];
        while self.take_symbol(",") {
            filters.push(self.filter()?);
        }
        Ok(filters)
    }

    fn filter(&mut self) -> Parsed<Filter> {
        let start = self.column();
        let path = self.name("the name of a property or trait")?;
        let filter = Filter { path, test: self.test()? };
        check_filter(&filter).map_err(|message| error_at(start, message))?;
        Ok(filter)
    }

    fn window(&mut self) -> Parsed<Window> {
        if self.take_word("ever") {
            return Ok(Window::Ever);
        }
        if self.take_word("since") {
            return Ok(Window::Since(self.date()?));
        }
        if self.take_word("between") {
            let one = self.period_before("and")?;
            self.expect_word("and")?;
            let start = self.column();
            let other = self.period()?;
            self.expect_word("ago")?;
            let one = one.with_unit(&self.tokens[self.next - 2].token, start)?;
            return Ok(Window::Between { nearest: one.min(other), farthest: one.max(other) });
        }
        if self.is_word("in") && self.is_next_word("the") {
            self.next += 2;
            self.expect_word("last")?;
            return Ok(Window::Last(self.period()?));
        }
        Ok(Window::Ever)
    }

    /// A period whose unit may stand behind the second period only, as in `30 and 60 days`.
    fn period_before(&mut self, word: &str) -> Parsed<PeriodSoFar> {
        let is_short = matches!(&self.tokens.get(self.next + 1), Some(next)
            if next.token == Token::Word(word.to_owned()));
        match self.token().clone() {
            Token::Number(number) if is_short => {
                self.next += 1;
                Ok(PeriodSoFar::Number(number))
            }
            _ => self.period().map(PeriodSoFar::Whole),
        }
    }

    pub(super) fn period(&mut self) -> Parsed<Period> {
        let start = self.column();
        let Token::Number(number) = self.token().clone() else {
            return Err(self.unexpected("a length of time, such as 30 days", &[]));
        };
        self.next += 1;
        let Token::Word(unit) = self.token().clone() else {
            return Err(self.unexpected("a unit", &crate::period::UNIT_WORDS));
        };
        self.next += 1;
        Period::from_words(&number, &unit).map_err(|message| error_at(start, message))
    }

    pub(super) fn whole_number(&mut self) -> Parsed<u32> {
        let number = match self.token() {
            Token::Number(number) => number.parse().ok(),
            _ => None,
        };
        let number = number.ok_or_else(|| self.unexpected("a whole number", &[]))?;
        self.next += 1;
        Ok(number)
    }

    pub(super) fn date(&mut self) -> Parsed<Timestamp> {
        let Token::Date(date) = *self.token() else {
            return Err(self.unexpected("a date, such as 2026-03-01", &[]));
        };
        self.next += 1;
        Ok(date)
    }

    pub(super) fn text(&mut self, what: &str) -> Parsed<String> {
        let Token::Text(text) = self.token().clone() else {
            return Err(self.unexpected(&format!("{what} in quotes"), &[]));
        };
        self.next += 1;
        Ok(text)
    }

    /// A name, in quotes or not.
    fn name(&mut self, what: &str) -> Parsed<String> {
        let name = match self.token().clone() {
            Token::Text(name) => name,
            Token::Word(word) if !KEYWORDS.contains(&&*word) => word,
            _ => return Err(self.unexpected(what, &[])),
        };
        self.next += 1;
        Ok(name)
    }

    /// The value of the next word in a table.
    fn one_of<T: Copy>(&mut self, what: &str, words: &[(T, &'static str)]) -> Parsed<T> {
        for (value, word) in words {
            if self.take_word(word) {
                return Ok(*value);
            }
        }
        let known: Vec<&str> = words.iter().map(|(_, word)| *word).collect();
        Err(self.unexpected(what, &known))
    }

    /// Values in brackets.
    pub(super) fn list<T>(&mut self, read: fn(&mut Self) -> Parsed<T>) -> Parsed<Vec<T>> {
        self.expect_symbol("(")?;
        let mut values = vec![read(self)?];
        while self.take_symbol(",") {
            values.push(read(self)?);
        }
        self.expect_symbol(")")?;
        Ok(values)
    }

    pub(super) fn token(&self) -> &Token {
        &self.tokens[self.next].token
    }

    pub(super) fn advance(&mut self) {
        self.next += 1;
    }

    fn column(&self) -> usize {
        self.tokens[self.next].column
    }

    fn is_word(&self, word: &str) -> bool {
        matches!(self.token(), Token::Word(found) if found == word)
    }

    pub(super) fn is_next_word(&self, word: &str) -> bool {
        let next = self.tokens.get(self.next + 1).map(|next| &next.token);
        matches!(next, Some(Token::Word(found)) if found == word)
    }

    pub(super) fn take_word(&mut self, word: &str) -> bool {
        let is_it = self.is_word(word);
        self.next += usize::from(is_it);
        is_it
    }

    pub(super) fn take_symbol(&mut self, symbol: &str) -> bool {
        let is_it = matches!(self.token(), Token::Symbol(found) if *found == symbol);
        self.next += usize::from(is_it);
        is_it
    }

    pub(super) fn expect_word(&mut self, word: &str) -> Parsed<()> {
        if self.take_word(word) { Ok(()) } else { Err(self.unexpected(word, &[word])) }
    }

    fn expect_symbol(&mut self, symbol: &str) -> Parsed<()> {
        if self.take_symbol(symbol) { Ok(()) } else { Err(self.unexpected(symbol, &[])) }
    }

    fn error(&self, message: impl Into<String>) -> ConditionError {
        error_at(self.column(), message)
    }

    /// The next token is not what is wanted; `known` are the words that could stand there.
    pub(super) fn unexpected(&self, wanted: &str, known: &[&str]) -> ConditionError {
        match self.token() {
            Token::Word(word) if !known.is_empty() && !KEYWORDS.contains(&&**word) => {
                self.error(unknown_word("word", word, known))
            }
            token => self.error(format!("{token} stands where {wanted} is wanted")),
        }
    }
}

/// A period, or its number without the unit.
enum PeriodSoFar {
    Whole(Period),
    Number(String),
}

impl PeriodSoFar {
    fn with_unit(self, unit: &Token, column: usize) -> Parsed<Period> {
        match (self, unit) {
            (Self::Whole(period), _) => Ok(period),
            (Self::Number(number), Token::Word(unit)) => {
                Period::from_words(&number, unit).map_err(|message| error_at(column, message))
            }
            (Self::Number(number), _) => Err(error_at(column, format!("{number} has no unit"))),
        }
    }
}

fn error_at(column: usize, message: impl Into<String>) -> ConditionError {
    ConditionError::new(format!("column {column}"), message)
}
