//! How values are written so that they stay values.

use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use serde_json::Value;

/// Schemes of addresses that a value may bring into a link.
const SCHEMES: [&str; 5] = ["http", "https", "mailto", "tel", "sms"];
/// Schemes that run or hold content, which no `scheme://` makes harmless.
const ACTIVE_SCHEMES: [&str; 8] =
    ["javascript", "data", "vbscript", "livescript", "file", "blob", "filesystem", "view-source"];

/// For the text of an element and for quoted attributes. Control characters, which HTML has no
/// use for, are left out.
pub(crate) fn html(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len() + text.len() / 8);
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            '\t' | '\n' | '\r' => escaped.push(c),
            c if c.is_control() => {}
            c => escaped.push(c),
        }
    }
    escaped
}

/// For styles: letters and digits, and the marks of numbers, colours and names of fonts.
pub(crate) fn css(text: &str) -> String {
    let is_kept =
        |c: &char| c.is_alphanumeric() || matches!(c, ' ' | '#' | '%' | '.' | ',' | '_' | '-');
    text.chars().filter(is_kept).collect()
}

/// For an address in `url(...)` of a style.
pub(crate) fn css_url(text: &str) -> String {
    const QUOTES: &AsciiSet =
        &CONTROLS.add(b' ').add(b'"').add(b'\'').add(b'(').add(b')').add(b'\\').add(b'<').add(b'>');
    html(&utf8_percent_encode(text, QUOTES).to_string())
}

/// A value as a JSON text, which may stand in HTML too.
pub(crate) fn json(value: &Value) -> String {
    let text = value.to_string();
    text.replace('<', "\\u003c").replace('\u{2028}', "\\u2028").replace('\u{2029}', "\\u2029")
}

/// For the inside of a JSON string.
pub(crate) fn in_json_string(text: &str) -> String {
    let quoted = json(&Value::from(text));
    quoted[1..quoted.len() - 1].to_owned()
}

/// For plain text: new lines stay, other control characters and marks that turn the direction of
/// writing are left out.
pub(crate) fn plain(text: &str) -> String {
    text.chars().filter(|c| *c == '\n' || *c == '\t' || !is_invisible_control(*c)).collect()
}

/// For one line of text, such as a subject: white space of any kind is one space.
pub(crate) fn line(text: &str) -> String {
    let spaced: String = text
        .chars()
        .map(|c| if c.is_whitespace() || c.is_control() { ' ' } else { c })
        .filter(|c| !is_invisible_control(*c))
        .collect();
    spaced.split(' ').filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}

fn is_invisible_control(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{2028}'..='\u{202E}' | '\u{2066}'..='\u{2069}' | '\u{FEFF}' | '\u{FFF9}'..='\u{FFFB}')
}

/// Whether an address may be followed: it has no scheme, a well-known one, or an app's own
/// (`shop://`). Entities are read as a browser reads them, and so are white space and case.
pub(crate) fn is_harmless_address(address: &str) -> bool {
    let address: String = decode_entities(address)
        .chars()
        .filter(|c| !c.is_whitespace() && !c.is_control())
        .map(|c| c.to_ascii_lowercase())
        .collect();
    let end = address.find([':', '/', '?', '#']).unwrap_or(address.len());
    let (scheme, rest) = address.split_at(end);
    if !rest.starts_with(':') {
        return true;
    }
    SCHEMES.contains(&scheme) || (rest.starts_with("://") && !ACTIVE_SCHEMES.contains(&scheme))
}

/// Character references of numbers, and the named ones that stand in addresses or can hide a
/// scheme.
pub(crate) fn decode_entities(text: &str) -> String {
    const NAMED: [(&str, char); 6] = [
        ("colon;", ':'),
        ("tab;", '\t'),
        ("newline;", '\n'),
        ("amp;", '&'),
        ("sol;", '/'),
        ("zerowidthspace;", ' '),
    ];
    let mut decoded = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        decoded.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        let named = NAMED.iter().find(|(name, _)| {
            rest.get(..name.len()).is_some_and(|start| start.eq_ignore_ascii_case(name))
        });
        if let Some((name, c)) = named {
            decoded.push(*c);
            rest = &rest[name.len()..];
        } else if let Some((c, length)) = rest.strip_prefix('#').and_then(decode_number) {
            decoded.push(c);
            rest = &rest[1 + length..];
        } else {
            decoded.push('&');
        }
    }
    decoded + rest
}

/// The character of `x3a;` or `58;`, and the bytes that it takes. The semicolon may be missing.
fn decode_number(text: &str) -> Option<(char, usize)> {
    let (digits, radix) = match text.strip_prefix(['x', 'X']) {
        Some(digits) => (digits, 16),
        None => (text, 10),
    };
    let length = digits.find(|c: char| !c.is_digit(radix)).unwrap_or(digits.len());
    let significant = digits[..length].trim_start_matches('0');
    let code = u32::from_str_radix(significant, radix).ok()?;
    let semicolon = usize::from(digits[length..].starts_with(';'));
    Some((char::from_u32(code)?, text.len() - digits.len() + length + semicolon))
}
