//! How many segments an SMS has: GSM 03.38, or UCS-2 where it has a character that is not in that
//! alphabet.

use super::SmsSize;

/// Characters of the GSM alphabet that take one place, beside letters and digits of ASCII.
const BASIC: &str = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./:;<=>?¡ÄÖÑÜ§¿äöñüà";
/// Those that take two, of which no segment has one half.
const EXTENSION: &str = "\u{c}^{}\\[~]|€";

/// The places of an SMS that is alone, and of a segment among several.
const GSM_PLACES: (usize, usize) = (160, 153);
/// The same in units of UTF-16.
const UCS2_PLACES: (usize, usize) = (70, 67);

/// The places that a character takes in the GSM alphabet; none if it is not there.
fn gsm_places(c: char) -> Option<usize> {
    match c {
        c if c.is_ascii_alphanumeric() || BASIC.contains(c) => Some(1),
        c if EXTENSION.contains(c) => Some(2),
        _ => None,
    }
}

/// The size of a text as SMS.
pub(super) fn sms_size(text: &str) -> SmsSize {
    let gsm: Option<Vec<usize>> = text.chars().map(gsm_places).collect();
    let is_gsm = gsm.is_some();
    let places = gsm.unwrap_or_else(|| text.chars().map(char::len_utf16).collect());
    let (alone, among_several) = if is_gsm { GSM_PLACES } else { UCS2_PLACES };
    let n_segments = match places.iter().sum::<usize>() <= alone {
        true => 1,
        false => count_segments(&places, among_several),
    };
    SmsSize { n_segments, is_gsm }
}

/// The segments of characters that are not taken apart.
fn count_segments(places: &[usize], segment: usize) -> usize {
    let (mut n_segments, mut filled) = (1, 0);
    for places in places {
        if filled + places > segment {
            (n_segments, filled) = (n_segments + 1, 0);
        }
        filled += places;
    }
    n_segments
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sizes(text: &str) -> (usize, bool) {
        let size = sms_size(text);
        (size.n_segments, size.is_gsm)
    }

    #[test]
    fn segments_are_those_of_the_alphabets() {
        let a = |n: usize| "a".repeat(n);
        assert_eq!(sizes(&a(160)), (1, true));
        assert_eq!(sizes(&a(161)), (2, true));
        assert_eq!(sizes(&a(306)), (2, true));
        assert_eq!(sizes(&a(307)), (3, true));
        assert_eq!(sizes(&"€".repeat(80)), (1, true));
        assert_eq!(sizes(&"€".repeat(81)), (2, true));
        assert_eq!(sizes(&"ж".repeat(70)), (1, false));
        assert_eq!(sizes(&"ж".repeat(71)), (2, false));
        assert_eq!(sizes(&"ж".repeat(134)), (2, false));
        assert_eq!(sizes(&"ж".repeat(135)), (3, false));
        assert_eq!(sizes("Grüße à 5 €, ΔΦ [x]"), (1, true));
        assert_eq!(sizes("ç is not in the alphabet, Ç is"), (1, false));
    }

    #[test]
    fn no_character_is_cut_in_two() {
        // 306 places, which would be two segments.
        let text = format!("{}€{}", "a".repeat(152), "a".repeat(152));
        assert_eq!(sizes(&text), (3, true));
        // 134 units, the same.
        let text = format!("{}😀{}", "ж".repeat(66), "ж".repeat(66));
        assert_eq!(sizes(&text), (3, false));
    }
}
