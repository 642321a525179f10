//! Phone numbers in the form of E.164. What is checked is the form alone: tables of the number
//! plans of all countries grow old, and would refuse numbers that people have. The provider says
//! which numbers nobody has.

/// The digits of a number with its country code.
const DIGITS: std::ops::RangeInclusive<usize> = 7..=15;
/// Countries whose numbers have ten digits after the code, all of them.
const TEN_DIGITS: [&str; 2] = ["1", "7"];
/// Italy's numbers keep the zero that others have before a number within the country only.
const KEEPS_ZERO: &str = "39";
/// What people write between digits.
const BETWEEN: &str = " -./()\u{a0}\u{202f}";

/// Whether a text is the code of a country.
pub(super) fn is_country_code(text: &str) -> bool {
    (1..=3).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_digit())
        && !text.starts_with('0')
}

/// A number in the form `+4915112345678`. A number without a country code gets this one.
///
/// # Errors
/// What is wrong, behind the name of the field.
pub(super) fn to_e164(text: &str, country_code: &str) -> Result<String, String> {
    let text = text.trim();
    let text = text.strip_prefix("whatsapp:").unwrap_or(text);
    let (is_international, rest) = match text.strip_prefix('+').or(text.strip_prefix("00")) {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let digits: String = rest.chars().filter(|c| !BETWEEN.contains(*c)).collect();
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return Err("is no phone number, such as +4915112345678".to_owned());
    }
    let digits = match (is_international, country_code) {
        (true, _) => digits,
        (false, "") => {
            return Err(
                "is a phone number without a country code: write it as +49…, or set country_code"
                    .to_owned(),
            );
        }
        (false, KEEPS_ZERO) => format!("{KEEPS_ZERO}{digits}"),
        (false, code) => format!("{code}{}", digits.strip_prefix('0').unwrap_or(&digits)),
    };
    if digits.starts_with('0') {
        return Err("is no phone number: no country code begins with 0".to_owned());
    }
    let n = digits.len();
    if !DIGITS.contains(&n) {
        let (min, max) = (DIGITS.start(), DIGITS.end());
        return Err(format!(
            "is no phone number: it has {n} digits with the country code, not {min} to {max}"
        ));
    }
    if TEN_DIGITS.iter().any(|code| digits.starts_with(code)) && n != 11 {
        return Err(format!(
            "is no phone number: it has {} digits after +{}, not 10",
            n - 1,
            &digits[..1]
        ));
    }
    Ok(format!("+{digits}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_brought_into_one_form() {
        for (text, code, number) in [
            ("+49 151 1234-5678", "", "+4915112345678"),
            ("0049 (151) 12345678", "44", "+4915112345678"),
            ("0151/12345678", "49", "+4915112345678"),
            ("whatsapp:+4915112345678", "", "+4915112345678"),
            ("(201) 555-0123", "1", "+12015550123"),
            ("06 1234 5678", "39", "+390612345678"),
        ] {
            assert_eq!(to_e164(text, code).as_deref(), Ok(number), "{text}");
        }
    }

    #[test]
    fn what_cannot_be_a_number_is_refused() {
        for (text, code, what) in [
            ("", "49", "is no phone number, such as"),
            ("ann@example.com", "49", "is no phone number, such as"),
            ("+", "49", "is no phone number, such as"),
            ("+49 ١٥١ 12345678", "", "is no phone number, such as"),
            ("0151 12345678", "", "without a country code"),
            ("+0151 12345678", "", "begins with 0"),
            ("+49 1511", "", "has 6 digits"),
            ("+4915112345678901", "", "has 16 digits"),
            ("1 201 555 0123", "1", "has 11 digits after +1, not 10"),
        ] {
            let found = to_e164(text, code).unwrap_err();
            assert!(found.contains(what), "{text}: {found}");
        }
    }
}
