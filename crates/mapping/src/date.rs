//! Texts with dates as JavaScript reads them: ISO 8601, and the looser forms that its engine takes.
//! Times without a zone are read as UTC.

use crate::value::{is_space, print_number, read_number};

mod loose;

/// The farthest instants of JavaScript, in milliseconds from 1970.
const MS_MAX: f64 = 8.64e15;

/// Whether a text is accepted as a date: a Unix time, or what can be read as one.
pub(crate) fn is_date_like(text: &str) -> bool {
    let number = read_number(text);
    if print_number(number) == text {
        return (number * 1_000.0).abs() <= MS_MAX;
    }
    is_loose_iso(text) || parse(text).is_some()
}

/// JavaScript's `new Date(text)`, in milliseconds from 1970; none where it is invalid.
pub(crate) fn parse(text: &str) -> Option<f64> {
    parse_iso(text).or_else(|| loose::parse(text)).filter(|ms| ms.abs() <= MS_MAX)
}

/// Whether the text has the form in which the original reads the parts of a date one by one, so
/// that any digits do: `20210901`, `2021/9/1 10:00`.
fn is_loose_iso(text: &str) -> bool {
    let mut rest = Digits(text);
    if rest.take(4, 4).is_none() || text.ends_with(['Z', 'z']) {
        return false;
    }
    rest.skip(&['-', '/'], 1);
    rest.take(1, 2);
    rest.skip(&['-', '/'], 1);
    rest.take(1, 2);
    let is_gap = |c: char| matches!(c, 'T' | 't') || is_space(c);
    rest.0 = rest.0.trim_start_matches(is_gap);
    rest.take(1, 2);
    rest.skip(&[':'], 1);
    rest.take(1, 2);
    rest.skip(&[':'], 1);
    rest.take(1, 2);
    rest.skip(&['.', ':'], 1);
    rest.take(1, usize::MAX);
    rest.0.is_empty()
}

/// The rest of a text, from which digits are taken.
struct Digits<'t>(&'t str);

impl Digits<'_> {
    fn take(&mut self, min: usize, max: usize) -> Option<u64> {
        let n = self.0.bytes().take_while(u8::is_ascii_digit).take(max).count();
        if n < min {
            return None;
        }
        let (digits, rest) = self.0.split_at(n);
        self.0 = rest;
        Some(digits.parse().unwrap_or(u64::MAX))
    }

    fn skip(&mut self, chars: &[char], max: usize) -> bool {
        let n = self.0.chars().take_while(|c| chars.contains(c)).take(max).count();
        // All of them are ASCII.
        self.0 = &self.0[n..];
        n > 0
    }
}

/// The format of the standard: `2021`, `2021-09`, `2021-09-01`, each with a time and a zone behind
/// a `T`, and years with six digits and a sign.
fn parse_iso(text: &str) -> Option<f64> {
    let mut rest = Digits(text);
    let year = match text.as_bytes().first()? {
        sign @ (b'+' | b'-') => {
            rest.0 = &text[1..];
            let year = rest.take(6, 6)? as i64;
            if *sign == b'-' && year == 0 {
                return None;
            }
            if *sign == b'-' { -year } else { year }
        }
        _ => rest.take(4, 4)? as i64,
    };
    let part = |rest: &mut Digits<'_>| {
        if rest.skip(&['-'], 1) { rest.take(2, 2) } else { Some(1) }
    };
    let has_month = rest.0.starts_with('-');
    let month = part(&mut rest)?;
    let day = if has_month { part(&mut rest)? } else { 1 };
    let days = days_of(year, month, day)?;
    if rest.0.is_empty() {
        return Some(days * 86_400_000.0);
    }
    if !rest.skip(&['T', 't'], 1) {
        return None;
    }
    let time = parse_time(&mut rest)?;
    let zone = parse_zone(&mut rest)?;
    rest.0.is_empty().then_some(days * 86_400_000.0 + time - zone)
}

/// Milliseconds of the day.
fn parse_time(rest: &mut Digits<'_>) -> Option<f64> {
    let hour = rest.take(2, 2)?;
    if !rest.skip(&[':'], 1) {
        return None;
    }
    let minute = rest.take(2, 2)?;
    let mut second = 0;
    let mut ms = 0.0;
    if rest.skip(&[':'], 1) {
        second = rest.take(2, 2)?;
        if rest.skip(&['.'], 1) {
            let before = rest.0;
            rest.take(1, usize::MAX)?;
            let digits = &before[..before.len() - rest.0.len()];
            // Digits beyond milliseconds are cut.
            ms = format!("{digits:0<3}")[..3].parse().ok()?;
        }
    }
    let is_midnight = hour == 24 && minute == 0 && second == 0 && ms == 0.0;
    if hour > 23 && !is_midnight || minute > 59 || second > 59 {
        return None;
    }
    Some((hour * 3_600_000 + minute * 60_000 + second * 1_000) as f64 + ms)
}

/// The offset of a zone in milliseconds; 0 where there is none.
fn parse_zone(rest: &mut Digits<'_>) -> Option<f64> {
    if rest.0.is_empty() || rest.skip(&['Z', 'z'], 1) {
        return Some(0.0);
    }
    let sign = if rest.0.starts_with('-') { -1.0 } else { 1.0 };
    if !rest.skip(&['+', '-'], 1) {
        return None;
    }
    let hours = rest.take(2, 2)?;
    rest.skip(&[':'], 1);
    let minutes = rest.take(2, 2)?;
    (hours < 24 && minutes < 60).then_some(sign * (hours * 3_600_000 + minutes * 60_000) as f64)
}

/// Days from 1970 on; none where the calendar has no such day. The day may be up to 31 in every
/// month: the engine carries it into the next.
fn days_of(year: i64, month: u64, day: u64) -> Option<f64> {
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    // Days from 0000-03-01, with years that begin in March.
    let month = month as i64;
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day as i64 - 1;
    let days = era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year;
    Some((days - 719_468) as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_read_as_javascript_reads_them() {
        // Milliseconds as Node.js 20 gives them in UTC; none for "Invalid Date".
        let cases = [
            ("2021-09-01", Some(1630454400000.0)),
            ("2021", Some(1609459200000.0)),
            ("2021-09", Some(1630454400000.0)),
            ("2021-09-01T10:00:00.5Z", Some(1630490400500.0)),
            ("2021-09-01T10:00:00", Some(1630490400000.0)),
            ("2021-02-30", Some(1614643200000.0)),
            ("2021-02-29T10:00", Some(1614592800000.0)),
            ("2021-09-01T10:00:00+0200", Some(1630483200000.0)),
            ("2021-09-01T10:00:00+02", None),
            ("2021-09-01 10:00", Some(1630490400000.0)),
            ("2021-09-01 10:00Z", Some(1630490400000.0)),
            ("2021-09-01 10:00+02", Some(1630483200000.0)),
            ("2021-09-01 10:00 +0200", Some(1630483200000.0)),
            ("Sep 1 2021", Some(1630454400000.0)),
            ("Sep 1, 2021 10:00", Some(1630490400000.0)),
            ("1 September 2021", Some(1630454400000.0)),
            ("Wed, 01 Sep 2021 10:00:00 GMT", Some(1630490400000.0)),
            ("Wed Sep 01 2021 10:00:00 GMT+0200 (CEST)", Some(1630483200000.0)),
            ("9/1/2021", Some(1630454400000.0)),
            ("2021/9/1 10:00", Some(1630490400000.0)),
            ("09-01-2021", Some(1630454400000.0)),
            ("2021-9-1", Some(1630454400000.0)),
            ("2021-09-01T10", None),
            ("2021-09-01T10:00:00,5", None),
            ("20210901", None),
            ("yesterday", None),
            ("1", Some(978307200000.0)),
            ("13", None),
            ("32", Some(1956528000000.0)),
            ("50", Some(-631152000000.0)),
            ("100", Some(-59011459200000.0)),
            ("10:00", None),
            ("Sep 2021", Some(1630454400000.0)),
            ("1 foo 2021", None),
            ("2021-09-01T25:00", None),
            ("2021-09-01T24:00", Some(1630540800000.0)),
            ("2021-09-01t10:00z", Some(1630490400000.0)),
            ("2021-09-01T10:00:00.123456Z", Some(1630490400123.0)),
            ("2021-09-01 10:00 PM", Some(1630533600000.0)),
            ("Sep 1 2021 1:05 PM EST", Some(1630519500000.0)),
            ("2021-09-01T10:00:00 Z", None),
            ("(x) Sep 1 2021", Some(1630454400000.0)),
            ("12/25/95", Some(819849600000.0)),
            ("1995-12-25T", None),
            ("+002021-09-01", Some(1630454400000.0)),
            ("-000001-01-01", Some(-62198755200000.0)),
            ("2021-13-01", None),
            ("2021-09-32", None),
            ("Sep 31 2021", Some(1633046400000.0)),
            ("Sep 32 2021", None),
            ("2021-09-01T10:00:00+02:00", Some(1630483200000.0)),
            ("Aug 9, 1995Z", Some(807926400000.0)),
            ("t 2021", Some(1609459200000.0)),
            ("Septembre 1 2021", Some(1630454400000.0)),
            ("2021-09-01T10:00:00GMT", None),
            ("1609459200x", None),
            ("0", Some(946684800000.0)),
            ("2021-09-01 1:00", Some(1630458000000.0)),
            ("2021.09.01", Some(1630454400000.0)),
            ("01.09.2021", Some(1610150400000.0)),
            ("2021-09-01 10:00:00.25", Some(1630490400250.0)),
            ("2021-09-01 10:00:60", None),
            ("+275760-09-13", Some(8640000000000000.0)),
            ("+275760-09-14", None),
            ("", None),
            ("é 2021", Some(1609459200000.0)),
            ("2021 é", None),
            ("2021-09-01 10::00", Some(1630490400000.0)),
            ("Sep 1 2021 13:05 PM", None),
            ("GMT-8 Sep 1 2021", Some(999907200000.0)),
            ("Sep 1 2021 GMT-8:30", Some(1630485000000.0)),
            ("Sep 1 2021 10:00-12345", None),
        ];
        for (text, ms) in cases {
            assert_eq!(parse(text), ms, "{text:?}");
        }
    }

    #[test]
    fn what_counts_as_a_date() {
        for text in
            ["2021-09-01", "1630490400", "1630490400123", "-5", "0", "20210901", "2021-13-45"]
        {
            assert!(is_date_like(text), "{text:?}");
        }
        for text in ["", " ", "then", "true", "1e20", "2021-13-45Z", "9999999999999998"] {
            assert!(!is_date_like(text), "{text:?}");
        }
    }
}
