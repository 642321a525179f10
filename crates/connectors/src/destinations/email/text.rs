//! The text part of a mail that has only HTML, and the line that lists of mails show.

use std::cell::RefCell;

use html5ever::tokenizer::{
    BufferQueue, EndTag, StartTag, Tag, Token, TokenSink, TokenSinkResult, Tokenizer,
};

/// HTML as readable plain text: blocks as paragraphs, items of lists with a star, rows of tables as
/// lines, and the address of a link behind it. It takes the tags as they come and builds no tree,
/// so that its time grows with the length alone, whatever is open within what.
pub(super) fn text_of_html(html: &str) -> String {
    let input = BufferQueue::default();
    input.push_back(html.into());
    let tokenizer = Tokenizer::new(Writer::default(), Default::default());
    while !input.is_empty() {
        // It stops at the end, and after a script, which this sink never says.
        let _ = tokenizer.feed(&input);
    }
    tokenizer.end();
    let text = tokenizer.sink.0.into_inner().text;
    format!("{}\n", text.trim())
}

/// Writes text from tags.
#[derive(Default)]
struct Writer(RefCell<State>);

#[derive(Default)]
struct State {
    text: String,
    /// The line breaks that come before the next word.
    n_breaks: usize,
    /// Whether a space comes before the next word.
    is_spaced: bool,
    /// The element whose content is left out, until its end.
    left_out: Option<String>,
    /// The address of the link that is open, and where its text begins.
    link: Option<(String, usize)>,
    is_preformatted: bool,
}

impl State {
    /// So many line breaks at least before the next word.
    fn break_lines(&mut self, n: usize) {
        self.n_breaks = self.n_breaks.max(n);
        self.is_spaced = false;
    }

    fn write_word(&mut self, word: &str) {
        if !self.text.is_empty() {
            self.text.extend(std::iter::repeat_n('\n', self.n_breaks));
            if self.n_breaks == 0 && self.is_spaced {
                self.text.push(' ');
            }
        }
        (self.n_breaks, self.is_spaced) = (0, false);
        self.text.push_str(word);
    }

    fn write(&mut self, text: &str) {
        if self.left_out.is_some() {
            return;
        }
        if self.is_preformatted {
            for (n, line) in text.split('\n').enumerate() {
                self.n_breaks += usize::from(n > 0);
                if !line.is_empty() {
                    self.write_word(line);
                }
            }
            return;
        }
        self.is_spaced |= text.starts_with(char::is_whitespace);
        for word in text.split_whitespace() {
            self.write_word(word);
            self.is_spaced = true;
        }
        self.is_spaced &= text.ends_with(char::is_whitespace) || text.trim().is_empty();
    }

    fn start(&mut self, name: &str, tag: &Tag) {
        let attribute = |name: &str| {
            let found = tag.attrs.iter().find(|attribute| &*attribute.name.local == name);
            found.map(|attribute| attribute.value.trim().to_owned())
        };
        match name {
            "style" | "script" | "title" if !tag.self_closing => {
                self.left_out = Some(name.to_owned());
            }
            "br" => {
                self.n_breaks += 1;
                self.is_spaced = false;
            }
            "li" => {
                self.break_lines(1);
                self.write_word("*");
                self.is_spaced = true;
            }
            "td" | "th" => self.is_spaced = true,
            "a" => {
                let address = attribute("href").filter(|href| is_address(href));
                self.link = address.map(|href| (href, self.text.len()));
            }
            "img" => {
                let words = attribute("alt").unwrap_or_default();
                self.write(&words);
            }
            _ => {}
        }
    }

    fn end(&mut self, name: &str) {
        if name == "a"
            && let Some((address, begin)) = self.link.take()
            && !self.text[begin..].contains(&address)
        {
            self.is_spaced = true;
            let address = match self.text[begin..].trim().is_empty() {
                true => address,
                false => format!("({address})"),
            };
            self.write_word(&address);
        }
    }

    fn take_tag(&mut self, tag: &Tag) {
        let name = &*tag.name;
        if let Some(left_out) = &self.left_out {
            if tag.kind == EndTag && left_out == name {
                self.left_out = None;
            }
            return;
        }
        let n_breaks = n_breaks_around(name);
        if n_breaks > 0 {
            self.break_lines(n_breaks);
        }
        if name == "pre" {
            self.is_preformatted = tag.kind == StartTag;
        }
        match tag.kind {
            StartTag => self.start(name, tag),
            EndTag => self.end(name),
        }
    }
}
/// How many line breaks there are before and after an element: two make an empty line.
fn n_breaks_around(name: &str) -> usize {
    match name {
        "p" | "h1" | "h2" | "h3" | "h4" | "h5" | "h6" | "ul" | "ol" | "dl" | "table"
        | "blockquote" | "pre" | "hr" => 2,
        "div" | "tr" | "section" | "article" | "header" | "footer" | "main" | "nav" | "aside"
        | "center" | "dt" | "dd" | "figure" | "body" => 1,
        _ => 0,
    }
}

/// Whether people can do something with the address of a link.
fn is_address(href: &str) -> bool {
    let href = href.to_ascii_lowercase();
    ["https:", "http:", "mailto:", "tel:"].iter().any(|scheme| href.starts_with(scheme))
}

impl TokenSink for Writer {
    type Handle = ();

    fn process_token(&self, token: Token, _line: u64) -> TokenSinkResult<()> {
        match token {
            Token::TagToken(tag) => self.0.borrow_mut().take_tag(&tag),
            Token::CharacterTokens(text) => self.0.borrow_mut().write(&text),
            _ => {}
        }
        TokenSinkResult::Continue
    }
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
        let html = "<html><head><style>p > a {color: red}</style><title>No</title></head>\n<body>\
            <h1>Hello\n Jane</h1>\n<p>Your <b>order</b>, &quot;A &amp; B&quot;,<br>is on its way.</p>\
            <ul><li>Boots <li>Ball</ul><script>if (1 < 2) { alert('<p>') }</script>\
            <table><tr><td>Sum</td><td>3&nbsp;€</td></tr><tr><td>Tax<td>1</table>\
            <p><a href=\"https://shop.example/o/1\">See <i>it</i></a>, or \
            <a href='javascript:x'>not</a>. <img src=x alt='Our shop'> \
            <a href=https://shop.example>https://shop.example</a></p><pre>a  b\n c</pre></body>";
        let text = "Hello Jane\n\nYour order, \"A & B\",\nis on its way.\n\n* Boots\n* Ball\n\n\
            Sum 3 €\nTax 1\n\nSee it (https://shop.example/o/1), or not. Our shop \
            https://shop.example\n\na  b\n c\n";
        assert_eq!(text_of_html(html), text);
    }

    #[test]
    fn what_is_no_html_does_no_harm() {
        for html in ["", "<", "<p", "</a>", "<a href=\"\r\n\">", "<script>", "<script/>", "&#0;"] {
            assert!(text_of_html(html).trim().len() <= 3, "{html}");
        }
        assert_eq!(text_of_html("a < b && c"), "a < b && c\n");
    }

    #[test]
    fn time_grows_with_the_length_alone() {
        let begun = std::time::Instant::now();
        for tag in ["<div>", "<b><p>", "<a href=https:x>", "<table><tr><td>", "<li>", "<pre>x", "&"]
        {
            text_of_html(&tag.repeat(400_000 / tag.len()));
        }
        assert!(begun.elapsed().as_secs() < 30, "{:?}", begun.elapsed());
    }

    #[test]
    fn the_preheader_is_the_first_thing_in_the_body() {
        let html = with_preheader("<html><BODY class=\"a\"><p>x</p></BODY></html>", "<b> & more");
        assert!(html.contains("<BODY class=\"a\"><div style="), "{html}");
        assert!(html.contains(">&lt;b&gt; &amp; more</div><p>x"), "{html}");
        assert!(with_preheader("<p>x</p>", "y").ends_with(">y</div><p>x</p>"));
    }
}
