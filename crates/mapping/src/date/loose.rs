//! Dates in the looser forms that engines of JavaScript take: `Sep 1, 2021 10:00 PM GMT+2`,
//! `9/1/2021`. The rules are those of V8: numbers are parts of the day unless a colon makes them
//! parts of the time, words count by their first letters, and what is in parentheses is a comment.

use std::iter::Peekable;
use std::str::Chars;

use super::days_of;
use crate::value::is_space;

const MONTHS: [&str; 12] =
    ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
/// Zones with their hours from UTC.
const ZONES: [(&str, i64); 12] = [
    ("ut", 0),
    ("utc", 0),
    ("z", 0),
    ("gmt", 0),
    ("cst", -6),
    ("cdt", -5),
    ("est", -5),
    ("edt", -4),
    ("mst", -7),
    ("mdt", -6),
    ("pst", -8),
    ("pdt", -7),
];

#[derive(Clone, Copy, PartialEq)]
enum Token {
    Number { value: i64, n_digits: usize },
    Month(i64),
    Zone(i64),
    Afternoon(bool),
    Word,
    Sign(i64),
    Symbol(char),
    Space,
    End,
}

pub(super) fn parse(text: &str) -> Option<f64> {
    let mut parser = Parser {
        tokens: Tokens { chars: text.chars().peekable(), next: None },
        day: Vec::new(),
        month: None,
        time: Vec::new(),
        is_afternoon: None,
        zone: Zone::default(),
        has_number: false,
    };
    loop {
        match parser.tokens.next() {
            Token::End => break,
            token => parser.take(token)?,
        }
    }
    Some(parser.days()? * 86_400_000.0 + parser.time_ms()? - parser.zone.ms())
}

struct Tokens<'t> {
    chars: Peekable<Chars<'t>>,
    next: Option<Token>,
}

impl Tokens<'_> {
    fn peek(&mut self) -> Token {
        let token = self.next.take().unwrap_or_else(|| self.read());
        self.next = Some(token);
        token
    }

    fn next(&mut self) -> Token {
        self.next.take().unwrap_or_else(|| self.read())
    }

    fn skip(&mut self, symbol: Token) -> bool {
        let is_next = self.peek() == symbol;
        if is_next {
            self.next = None;
        }
        is_next
    }

    fn read(&mut self) -> Token {
        let Some(c) = self.chars.next() else { return Token::End };
        match c {
            '0'..='9' => self.read_number(c),
            '-' => Token::Sign(-1),
            '+' => Token::Sign(1),
            c if is_space(c) => Token::Space,
            '(' => {
                self.skip_comment();
                Token::Space
            }
            c if c >= 'A' => self.read_word(c),
            c => Token::Symbol(c),
        }
    }

    fn read_number(&mut self, first: char) -> Token {
        let mut digits = first.to_string();
        while let Some(digit) = self.chars.next_if(char::is_ascii_digit) {
            digits.push(digit);
        }
        // Further digits are dropped.
        let significant = digits.trim_start_matches('0');
        let value = significant.get(..significant.len().min(9)).unwrap_or_default();
        Token::Number { value: value.parse().unwrap_or(0), n_digits: digits.len() }
    }

    fn skip_comment(&mut self) {
        let mut depth = 1;
        while depth > 0 {
            match self.chars.next() {
                Some('(') => depth += 1,
                Some(')') => depth -= 1,
                Some(_) => {}
                None => return,
            }
        }
    }

    fn read_word(&mut self, first: char) -> Token {
        let mut word = first.to_ascii_lowercase().to_string();
        while let Some(c) = self.chars.next_if(|c| *c >= 'A' && !is_space(*c)) {
            word.push(c.to_ascii_lowercase());
        }
        if let Some(month) = MONTHS.iter().position(|month| word.starts_with(month)) {
            return Token::Month(month as i64 + 1);
        }
        match word.as_str() {
            "am" => Token::Afternoon(false),
            "pm" => Token::Afternoon(true),
            word => ZONES
                .iter()
                .find(|(zone, _)| *zone == word)
                .map_or(Token::Word, |(_, hours)| Token::Zone(*hours)),
        }
    }
}

struct Parser<'t> {
    tokens: Tokens<'t>,
    /// At most three numbers, whose meaning depends on all of them.
    day: Vec<i64>,
    month: Option<i64>,
    /// Hour, minute, second, millisecond.
    time: Vec<i64>,
    is_afternoon: Option<bool>,
    zone: Zone,
    has_number: bool,
}

#[derive(Default)]
struct Zone {
    sign: Option<i64>,
    hour: Option<i64>,
    minute: Option<i64>,
}

impl Zone {
    fn is_utc(&self) -> bool {
        (self.hour, self.minute) == (Some(0), Some(0))
    }

    fn ms(&self) -> f64 {
        let minutes = self.hour.unwrap_or(0) * 60 + self.minute.unwrap_or(0);
        (self.sign.unwrap_or(0) * minutes * 60_000) as f64
    }
}

impl Parser<'_> {
    fn take(&mut self, token: Token) -> Option<()> {
        match token {
            Token::Number { value, .. } => {
                self.has_number = true;
                self.take_number(value)?;
            }
            Token::Afternoon(is_afternoon) if !self.time.is_empty() => {
                self.is_afternoon = Some(is_afternoon);
            }
            Token::Month(month) => {
                self.month = Some(month);
                self.tokens.skip(Token::Sign(-1));
            }
            Token::Zone(hours) if self.has_number => {
                let sign = if hours < 0 { -1 } else { 1 };
                self.zone = Zone { sign: Some(sign), hour: Some(hours.abs()), minute: Some(0) };
            }
            Token::Word | Token::Zone(_) | Token::Afternoon(_) => {
                let is_number_next = matches!(self.tokens.peek(), Token::Number { .. });
                if self.has_number || is_number_next {
                    return None;
                }
            }
            Token::Sign(sign) if self.zone.is_utc() || !self.time.is_empty() => {
                self.take_offset(sign)?;
            }
            Token::Sign(_) | Token::Symbol(')') if self.has_number => return None,
            _ => {}
        }
        Some(())
    }

    fn take_number(&mut self, n: i64) -> Option<()> {
        if self.tokens.skip(Token::Symbol(':')) {
            if self.tokens.skip(Token::Symbol(':')) {
                if !self.time.is_empty() {
                    return None;
                }
                self.time = vec![n, 0];
                return Some(());
            }
            self.add_time(n)?;
            self.tokens.skip(Token::Symbol('.'));
            return Some(());
        }
        let is_before_point = self.tokens.skip(Token::Symbol('.'));
        if is_before_point && self.expects_time(n) {
            self.add_time(n)?;
            let Token::Number { value, n_digits } = self.tokens.next() else { return None };
            let ms = format!("{value:0>n_digits$}00");
            self.add_time(ms.get(..3)?.parse().ok()?)?;
            self.time.resize(4, 0);
        } else if self.zone.hour.is_some() && self.zone.minute.is_none() && (0..60).contains(&n) {
            self.zone.minute = Some(n);
        } else if self.expects_time(n) {
            self.add_time(n)?;
            self.time.resize(4, 0);
            let is_end = matches!(
                self.tokens.peek(),
                Token::End | Token::Space | Token::Sign(_) | Token::Zone(0)
            );
            if !is_end {
                return None;
            }
        } else {
            if self.day.len() == 3 {
                return None;
            }
            self.day.push(n);
            self.tokens.skip(Token::Sign(-1));
        }
        Some(())
    }

    fn expects_time(&self, n: i64) -> bool {
        match self.time.len() {
            1 | 2 => (0..60).contains(&n),
            3 => (0..1_000).contains(&n),
            _ => false,
        }
    }

    fn add_time(&mut self, n: i64) -> Option<()> {
        if self.time.len() == 4 {
            return None;
        }
        self.time.push(n);
        Some(())
    }

    fn take_offset(&mut self, sign: i64) -> Option<()> {
        self.zone.sign = Some(sign);
        self.has_number = true;
        let (n, n_digits) = match self.tokens.peek() {
            Token::Number { value, n_digits } => {
                self.tokens.next();
                (value, n_digits)
            }
            _ => (0, 0),
        };
        let is_before_colon = self.tokens.peek() == Token::Symbol(':');
        let (hour, minute) = match n_digits {
            _ if is_before_colon => (n, None),
            1 | 2 => (n, Some(0)),
            3 | 4 => (n / 100, Some(n % 100)),
            _ => return None,
        };
        (self.zone.hour, self.zone.minute) = (Some(hour), minute);
        Some(())
    }

    /// Days from 1970 on.
    fn days(&self) -> Option<f64> {
        let mut parts = self.day.clone();
        if parts.is_empty() {
            return None;
        }
        parts.resize(3, 1);
        let is_year_first = !(1..=31).contains(&parts[0]);
        let (year, month, day) = match (self.month, is_year_first) {
            (None, true) => (parts[0], parts[1], parts[2]),
            (None, false) => (parts[2], parts[0], parts[1]),
            (Some(month), true) => (parts[0], month, parts[1]),
            (Some(month), false) => (parts[1], month, parts[0]),
        };
        let year = match year {
            0..=49 => year + 2_000,
            50..=99 => year + 1_900,
            year => year,
        };
        days_of(year, u64::try_from(month).ok()?, u64::try_from(day).ok()?)
    }

    /// Milliseconds of the day.
    fn time_ms(&self) -> Option<f64> {
        let mut parts = self.time.clone();
        parts.resize(4, 0);
        let [mut hour, minute, second, ms] = parts[..] else { return None };
        if let Some(is_afternoon) = self.is_afternoon {
            if !(0..=12).contains(&hour) {
                return None;
            }
            hour = hour % 12 + if is_afternoon { 12 } else { 0 };
        }
        let is_midnight = (hour, minute, second, ms) == (24, 0, 0, 0);
        let is_time = (0..24).contains(&hour)
            && (0..60).contains(&minute)
            && (0..60).contains(&second)
            && (0..1_000).contains(&ms);
        (is_time || is_midnight)
            .then_some((hour * 3_600_000 + minute * 60_000 + second * 1_000 + ms) as f64)
    }
}
