//! The links of a text that was made: found by following HTML's tokenizer, and in plain text by
//! their scheme.

use crate::escape;
use crate::html_places::Scanner;

/// Characters after which an address in plain text ends.
const ENDS_OF_ADDRESS: [char; 12] = ['<', '>', '"', '\'', '`', '{', '}', '|', '«', '»', '“', '”'];
/// Characters at the end of an address in plain text that belong to the sentence.
const PUNCTUATION: [char; 8] = ['.', ',', ';', ':', '!', '?', ')', ']'];

/// Replaces the addresses of links in HTML: those of `a` and `area`. `replace` is given each one
/// as a browser reads it, and says what stands in its place; none where it stays. It must give what
/// needs no escaping in an attribute.
pub fn replace_html_links(html: &str, mut replace: impl FnMut(&str) -> Option<String>) -> String {
    let mut replaced = String::with_capacity(html.len());
    let mut written = 0;
    for (start, end) in Scanner::find_links(html) {
        let address = escape::decode_entities(&html[start..end]);
        if let Some(other) = replace(address.trim()) {
            replaced.push_str(&html[written..start]);
            replaced.push_str(&other);
            written = end;
        }
    }
    replaced.push_str(&html[written..]);
    replaced
}

/// Replaces the addresses with http and https in plain text.
pub fn replace_text_links(text: &str, mut replace: impl FnMut(&str) -> Option<String>) -> String {
    let mut replaced = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = find_scheme(rest) {
        let (before, from) = rest.split_at(start);
        let is_end = |c: char| c.is_whitespace() || c.is_control() || ENDS_OF_ADDRESS.contains(&c);
        let address = &from[..from.find(is_end).unwrap_or(from.len())];
        let address = address.trim_end_matches(PUNCTUATION);
        replaced.push_str(before);
        match replace(address) {
            Some(other) => replaced.push_str(&other),
            None => replaced.push_str(address),
        }
        rest = &from[address.len()..];
    }
    replaced.push_str(rest);
    replaced
}

/// Puts HTML at the end of the body of a page, or of a text without one.
pub fn append_to_body(html: &str, addition: &str) -> String {
    let end = Scanner::find_end_of_body(html).unwrap_or(html.len());
    [&html[..end], addition, &html[end..]].concat()
}

/// Where the next address begins.
fn find_scheme(text: &str) -> Option<usize> {
    text.match_indices("://").find_map(|(at, _)| {
        let start = ["https", "http"].into_iter().find_map(|scheme| {
            let start = at.checked_sub(scheme.len())?;
            let is_scheme =
                text.get(start..at).is_some_and(|found| found.eq_ignore_ascii_case(scheme));
            let before = text[..start].chars().next_back();
            (is_scheme && before.is_none_or(|c| !c.is_alphanumeric())).then_some(start)
        })?;
        // Something must follow, or the same place is found for ever.
        text[at + 3..].starts_with(|c: char| c.is_alphanumeric() || c == '[').then_some(start)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marked(address: &str) -> Option<String> {
        address.starts_with("http").then(|| format!("<{address}>"))
    }

    #[test]
    fn links_of_html_are_those_that_a_browser_follows() {
        let check = |html: &str, expected: &str| {
            assert_eq!(replace_html_links(html, marked), expected);
        };
        check(r#"<a href="http://x/?a=1&amp;b=2">x</a>"#, r#"<a href="<http://x/?a=1&b=2>">x</a>"#);
        check("<A class=b HREF = 'https://x' >x", "<A class=b HREF = '<https://x>' >x");
        check("<area href=http://x/y>", "<area href=<http://x/y>>");
        check("<a title='a>b' href='http://x'>", "<a title='a>b' href='<http://x>'>");
        check("<!--[if mso]><a href='http://x'>", "<!--[if mso]><a href='<http://x>'>");
        for same in [
            "<!-- <a href='http://x'> -->",
            "<style><a href='http://x'></style>",
            "<img src='http://x'><link href='http://x'>",
            "<a href='mailto:x'>, <a data-href='http://x'>, a href='http://x'",
            "<a href='http://x",
        ] {
            check(same, same);
        }
    }

    #[test]
    fn links_of_text_end_before_the_sentence_does() {
        let check = |text: &str, expected: &str| {
            assert_eq!(replace_text_links(text, marked), expected);
        };
        check("See https://x.example/a?b=c. Or", "See <https://x.example/a?b=c>. Or");
        check("(http://x/a_b), http://x/.", "(<http://x/a_b>), <http://x/>.");
        check("HTTP://x, http://y\nhttps://z", "HTTP://x, <http://y>\n<https://z>");
        check("«https://x/ü»", "«<https://x/ü>»");
        for same in ["http://", "shop://x", "xhttp://y", "http:// x", "no address"] {
            check(same, same);
        }
    }

    #[test]
    fn an_addition_stands_at_the_end_of_the_body() {
        assert_eq!(append_to_body("<body>x</BODY ></html>", "+"), "<body>x+</BODY ></html>");
        assert_eq!(append_to_body("x<!-- </body> -->", "+"), "x<!-- </body> -->+");
        assert_eq!(append_to_body("", "+"), "+");
    }
}
