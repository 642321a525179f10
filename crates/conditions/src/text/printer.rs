//! Writes conditions as text.

use std::fmt::{self, Formatter, Write as _};

use domain::Timestamp;

use super::lexer::{begins_word, continues_word};
use super::parser::KEYWORDS;
use crate::condition::{
    Comparison, Condition, Count, DateTest, EventMatch, Filter, RelativeTest, Rfm, RfmGroup,
    Scalar, Test, TextTest, Window, word_of,
};

pub(super) fn write_condition(f: &mut Formatter<'_>, condition: &Condition) -> fmt::Result {
    match condition {
        Condition::Event(event) => {
            f.write_str(if event.count == Count::Exactly(0) { "did not " } else { "did " })?;
            write_text(f, &event.event.name)?;
            match event.count {
                Count::AtLeast(1) | Count::Exactly(0) => {}
                Count::AtLeast(n) => write_times(f, "at least", n)?,
                Count::AtMost(n) => write_times(f, "at most", n)?,
                Count::Exactly(n) => write_times(f, "exactly", n)?,
            }
            write_filters(f, &event.event)?;
            write_window(f, event.window)
        }
        Condition::Trait(filter) => {
            f.write_str("trait ")?;
            write_filter(f, filter)
        }
        Condition::Account(filter) => {
            f.write_str("account trait ")?;
            write_filter(f, filter)
        }
        Condition::Audience(key) => {
            f.write_str("in audience ")?;
            write_name(f, key)
        }
        Condition::Funnel(funnel) => {
            f.write_str("did ")?;
            write_event(f, &funnel.first)?;
            f.write_str(if funnel.is_absent { " then not " } else { " then " })?;
            write_event(f, &funnel.second)?;
            write!(f, " within {}", funnel.within)?;
            write_window(f, funnel.window)
        }
        Condition::Rfm(rfm) => write_rfm(f, rfm),
        Condition::Recommended(what) => {
            write!(f, "recommended {} ", what.kind.word())?;
            write_text(f, &what.value)
        }
        Condition::All(parts) => write_group(f, parts, " and "),
        Condition::Any(parts) => write_group(f, parts, " or "),
        Condition::Not(part) => {
            f.write_str("not ")?;
            write_part(f, part)
        }
    }
}

fn write_group(f: &mut Formatter<'_>, parts: &[Condition], between: &str) -> fmt::Result {
    for (n, part) in parts.iter().enumerate() {
        if n > 0 {
            f.write_str(between)?;
        }
        write_part(f, part)?;
    }
    Ok(())
}

/// A part of a group or negation: groups get brackets.
fn write_part(f: &mut Formatter<'_>, part: &Condition) -> fmt::Result {
    if !matches!(part, Condition::All(_) | Condition::Any(_)) {
        return write_condition(f, part);
    }
    f.write_char('(')?;
    write_condition(f, part)?;
    f.write_char(')')
}

fn write_rfm(f: &mut Formatter<'_>, rfm: &Rfm) -> fmt::Result {
    write!(f, "rfm {} of ", word_of(RfmGroup::WORDS.iter().copied(), rfm.group))?;
    write_event(f, &rfm.event)?;
    if rfm.over != Rfm::over_by_default() {
        write!(f, " over {}", rfm.over)?;
    }
    if rfm.recency != Rfm::recency_by_default() {
        write!(f, " recency ")?;
        write_list(f, &rfm.recency, |f, bound| write!(f, "{bound}"))?;
    }
    if rfm.frequency != Rfm::FREQUENCY_DEFAULT {
        write!(f, " frequency ")?;
        write_list(f, &rfm.frequency, |f, bound| write!(f, "{bound}"))?;
    }
    Ok(())
}

fn write_event(f: &mut Formatter<'_>, event: &EventMatch) -> fmt::Result {
    write_text(f, &event.name)?;
    write_filters(f, event)
}

fn write_times(f: &mut Formatter<'_>, word: &str, n: u32) -> fmt::Result {
    write!(f, " {word} {n} time{}", if n == 1 { "" } else { "s" })
}

fn write_filters(f: &mut Formatter<'_>, event: &EventMatch) -> fmt::Result {
    for (n, filter) in event.filters.iter().enumerate() {
        f.write_str(if n == 0 { " where " } else { ", " })?;
        write_filter(f, filter)?;
    }
    Ok(())
}

fn write_window(f: &mut Formatter<'_>, window: Window) -> fmt::Result {
    match window {
        Window::Ever => Ok(()),
        Window::Last(period) => write!(f, " in the last {period}"),
        Window::Between { nearest, farthest } => {
            write!(f, " between {nearest} and {farthest} ago")
        }
        Window::Since(start) => {
            f.write_str(" since ")?;
            write_date(f, start)
        }
    }
}

fn write_filter(f: &mut Formatter<'_>, Filter { path, test }: &Filter) -> fmt::Result {
    write_name(f, path)?;
    f.write_char(' ')?;
    match test {
        Test::Exists(true) => f.write_str("exists"),
        Test::Exists(false) => f.write_str("does not exist"),
        Test::Equals(scalar) => write_with(f, "= ", scalar, write_scalar),
        Test::NotEquals(scalar) => write_with(f, "!= ", scalar, write_scalar),
        Test::AnyOf(scalars) => {
            f.write_str("in ")?;
            write_list(f, scalars, write_scalar)
        }
        Test::Number(comparison, number) => write!(f, "{} {number}", sign(*comparison)),
        Test::Text(test, text) => {
            let words = TextTest::WORDS.iter().map(|(test, words, _)| (*test, *words));
            write!(f, "{} ", word_of(words, *test))?;
            write_text(f, text)
        }
        Test::NotContains(text) => {
            f.write_str("does not contain ")?;
            write_text(f, text)
        }
        Test::ContainsAny(texts) => {
            f.write_str("contains any of ")?;
            write_list(f, texts, |f, text| write_text(f, text))
        }
        Test::Date(test, date) => {
            write!(f, "{} ", word_of(DateTest::WORDS.iter().copied(), *test))?;
            write_date(f, *date)
        }
        Test::Relative(test, period) => {
            let words = RelativeTest::WORDS.iter().map(|(test, words, _)| (*test, *words));
            write!(f, "{} {period}", word_of(words, *test))
        }
        Test::Has(item) => write_with(f, "has ", item, write_scalar),
        Test::HasAny(items) => {
            f.write_str("has any of ")?;
            write_list(f, items, write_scalar)
        }
        Test::HasAll(items) => {
            f.write_str("has all of ")?;
            write_list(f, items, write_scalar)
        }
        Test::HasFirst { item, among } => {
            write_with(f, "has ", item, write_scalar)?;
            write!(f, " in first {among}")
        }
        Test::Size(comparison, number) => write!(f, "size {} {number}", sign(*comparison)),
    }
}

fn sign(wanted: Comparison) -> &'static str {
    word_of(Comparison::WORDS.iter().map(|(comparison, sign, _)| (*comparison, *sign)), wanted)
}

fn write_with<T>(
    f: &mut Formatter<'_>,
    before: &str,
    value: &T,
    write: fn(&mut Formatter<'_>, &T) -> fmt::Result,
) -> fmt::Result {
    f.write_str(before)?;
    write(f, value)
}

fn write_list<T>(
    f: &mut Formatter<'_>,
    values: &[T],
    write: fn(&mut Formatter<'_>, &T) -> fmt::Result,
) -> fmt::Result {
    for (n, value) in values.iter().enumerate() {
        f.write_str(if n == 0 { "(" } else { ", " })?;
        write(f, value)?;
    }
    f.write_char(')')
}

fn write_scalar(f: &mut Formatter<'_>, scalar: &Scalar) -> fmt::Result {
    match scalar {
        Scalar::Text(text) => write_text(f, text),
        Scalar::Number(number) => write!(f, "{number}"),
        Scalar::Boolean(truth) => write!(f, "{truth}"),
    }
}

fn write_text(f: &mut Formatter<'_>, text: &str) -> fmt::Result {
    write!(f, "\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

/// A name, without quotes where that is clear.
fn write_name(f: &mut Formatter<'_>, name: &str) -> fmt::Result {
    let is_word = name.starts_with(begins_word) && name.chars().all(continues_word);
    if is_word && !KEYWORDS.contains(&name) { f.write_str(name) } else { write_text(f, name) }
}

/// A day where the instant is its start in UTC.
fn write_date(f: &mut Formatter<'_>, date: Timestamp) -> fmt::Result {
    let text = date.to_string();
    f.write_str(text.strip_suffix("T00:00:00.000Z").unwrap_or(&text))
}
