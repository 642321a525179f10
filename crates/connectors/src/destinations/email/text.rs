//! The text part of a mail that has only HTML, and the line that lists of mails show.

/// The longest line of a text that is made from HTML, in columns.
const LINE_COLUMNS_MAX: usize = 78;

/// HTML as readable plain text: paragraphs, lists and tables as lines, and the addresses of links
/// by number at the end.
///
/// # Errors
/// If it cannot be laid out.
pub(super) fn text_of_html(html: &str) -> Result<String, html2text::Error> {
    html2text::config::plain()
        .allow_width_overflow()
        .no_table_borders()
        .no_link_wrapping()
        .string_from_read(html.as_bytes(), LINE_COLUMNS_MAX)
}

/// HTML with a hidden text at its beginning, which lists of mails show after the subject.
pub(super) fn with_preheader(html: &str, preheader: &str) -> String {
    let escaped: String = preheader.chars().map(escape).collect();
    let hidden = format!(
        "<div style=\"display:none;max-height:0;overflow:hidden;mso-hide:all\">{escaped}</div>"
    );
    let at = end_of_body_tag(html).unwrap_or_default();
    format!("{}{hidden}{}", &html[..at], &html[at..])
}

fn escape(c: char) -> String {
    match c {
        '&' => "&amp;".to_owned(),
        '<' => "&lt;".to_owned(),
        '>' => "&gt;".to_owned(),
        other => other.to_string(),
    }
}

/// The place after `<body …>`.
fn end_of_body_tag(html: &str) -> Option<usize> {
    let start = html.to_ascii_lowercase().find("<body")?;
    html[start..].find('>').map(|end| start + end + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn html_becomes_text_that_people_can_read() {
        let html = "<html><head><style>p {color: red}</style><title>No</title></head><body>\
            <h1>Hello Jane</h1><p>Your <b>order</b> is on its way.</p>\
            <ul><li>Boots</li><li>Ball &amp; pump</li></ul>\
            <p><a href=\"https://shop.example/o/1\">See it</a></p></body></html>";
        let text = text_of_html(html).unwrap();
        for part in ["Hello Jane", "is on its way.", "Ball & pump", "https://shop.example/o/1"] {
            assert!(text.contains(part), "{part:?} is not in\n{text}");
        }
        for part in ["color", "<p>", "&amp;"] {
            assert!(!text.contains(part), "{part:?} is in\n{text}");
        }
    }

    #[test]
    fn hostile_html_does_no_harm() {
        let deep = "<div><table><tr><td><ul><li>".repeat(2_000) + "x";
        for html in ["", "<", "<p", "\u{0}", "<a href=\"\r\n\">", &deep] {
            text_of_html(html).unwrap();
        }
    }

    #[test]
    fn the_preheader_is_the_first_thing_in_the_body() {
        let html = with_preheader("<html><BODY class=\"a\"><p>x</p></BODY></html>", "<b> & more");
        assert!(html.contains("<BODY class=\"a\"><div style="), "{html}");
        assert!(html.contains(">&lt;b&gt; &amp; more</div><p>x"), "{html}");
        assert!(with_preheader("<p>x</p>", "y").ends_with(">y</div><p>x</p>"));
    }
}
