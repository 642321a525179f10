//! Numbers as JavaScript prints and reads them.

use std::borrow::Cow;

/// A number of a message or mapping.
#[derive(Debug, Clone)]
pub struct Number<'a> {
    /// Its value. Whole numbers beyond 2^53 lose their last digits here, as in JavaScript.
    pub value: f64,
    /// How the sender wrote it; absent for computed numbers.
    pub(crate) written: Option<&'a str>,
}

impl PartialEq for Number<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value
    }
}

impl<'a> Number<'a> {
    /// A computed number.
    pub fn new(value: f64) -> Self {
        Self { value, written: None }
    }

    /// The number as its sender wrote it, or as JavaScript prints it where it was computed.
    pub fn as_written(&self) -> Cow<'a, str> {
        match self.written {
            Some(text) => Cow::Borrowed(text),
            None => Cow::Owned(print(self.value)),
        }
    }
}

/// JavaScript's `String(number)`: `5`, `0.1`, `1e+21`, `NaN`.
pub(crate) fn print(value: f64) -> String {
    if value.is_nan() {
        return "NaN".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "Infinity" } else { "-Infinity" }.to_owned();
    }
    if value == 0.0 {
        return "0".to_owned();
    }
    let scientific = format!("{:e}", value.abs());
    let (mantissa, exponent) = scientific.split_once('e').expect("{:e} writes an exponent");
    let digits: String = mantissa.chars().filter(char::is_ascii_digit).collect();
    let exponent: i32 = exponent.parse().expect("{:e} writes a whole exponent");
    let sign = if value < 0.0 { "-" } else { "" };
    format!("{sign}{}", lay_out(&digits, exponent))
}

/// Writes the digits of a number whose first digit counts 10^exponent.
fn lay_out(digits: &str, exponent: i32) -> String {
    let n = digits.len() as i32;
    let point = exponent + 1;
    if n <= point && point <= 21 {
        return format!("{digits}{}", "0".repeat((point - n) as usize));
    }
    if 0 < point && point <= 21 {
        let (whole, rest) = digits.split_at(point as usize);
        return format!("{whole}.{rest}");
    }
    if -6 < point && point <= 0 {
        return format!("0.{}{digits}", "0".repeat(-point as usize));
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    let (first, rest) = digits.split_at(1);
    let point = if rest.is_empty() { "" } else { "." };
    format!("{first}{point}{rest}e{sign}{}", exponent.abs())
}

/// JavaScript's `Number(text)`; not a number where it is none.
pub(crate) fn read(text: &str) -> f64 {
    let text = text.trim_matches(is_space);
    if text.is_empty() {
        return 0.0;
    }
    let prefix = text.get(..2).map(str::to_ascii_lowercase);
    let radix = match prefix.as_deref() {
        Some("0x") => 16,
        Some("0o") => 8,
        Some("0b") => 2,
        _ => return read_decimal(text),
    };
    read_whole(&text[2..], radix)
}

fn read_whole(digits: &str, radix: u32) -> f64 {
    let value = digits.chars().try_fold(0.0, |value, digit| {
        digit.to_digit(radix).map(|digit| value * f64::from(radix) + f64::from(digit))
    });
    if digits.is_empty() { f64::NAN } else { value.unwrap_or(f64::NAN) }
}

fn read_decimal(text: &str) -> f64 {
    match text {
        "Infinity" | "+Infinity" => return f64::INFINITY,
        "-Infinity" => return f64::NEG_INFINITY,
        _ => {}
    }
    // Rust also reads "inf" and "nan", which JavaScript does not.
    let is_plain = |c: char| c.is_ascii_digit() || matches!(c, '+' | '-' | '.' | 'e' | 'E');
    if text.chars().all(is_plain) { text.parse().unwrap_or(f64::NAN) } else { f64::NAN }
}

/// White space that JavaScript trims.
pub(crate) fn is_space(c: char) -> bool {
    c.is_whitespace() && c != '\u{85}' || c == '\u{feff}'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_printed_as_javascript_prints_them() {
        let cases = [
            (0.0, "0"),
            (-0.0, "0"),
            (5.0, "5"),
            (-1.5, "-1.5"),
            (0.1 + 0.2, "0.30000000000000004"),
            (2.0 * 1.1, "2.2"),
            (1e21, "1e+21"),
            (123_456_789_012_345_680_000.0, "123456789012345680000"),
            (1e-7, "1e-7"),
            (0.000_001, "0.000001"),
            (1.25e-10, "1.25e-10"),
            (1.5e300, "1.5e+300"),
            (12_345_678_901_234_567_890.0, "12345678901234567000"),
            (f64::NAN, "NaN"),
            (f64::NEG_INFINITY, "-Infinity"),
        ];
        for (value, text) in cases {
            assert_eq!(print(value), text);
        }
    }

    #[test]
    fn texts_are_read_as_javascript_reads_them() {
        let cases = [
            ("", 0.0),
            (" 5 ", 5.0),
            ("\n", 0.0),
            ("+5", 5.0),
            ("-.5", -0.5),
            ("5.", 5.0),
            ("1e3", 1_000.0),
            ("0x1F", 31.0),
            ("0b101", 5.0),
            ("Infinity", f64::INFINITY),
        ];
        for (text, value) in cases {
            assert_eq!(read(text), value, "{text:?}");
        }
        for text in ["n/a", "inf", "nan", "1,5", "1 2", "0x", "-", "--1", "infinity", "."] {
            assert!(read(text).is_nan(), "{text:?}");
        }
    }
}
