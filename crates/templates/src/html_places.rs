//! Where in HTML a text stands so far: in an element, an attribute, a style. It follows the
//! tokenizer of the HTML standard as far as values may stand, and knows Outlook's conditional
//! comments.

use crate::escape;
use crate::limits::{ATTRIBUTES_MAX, ELEMENTS_DEPTH_MAX};

/// What a value may do at a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum HtmlPlace {
    Text,
    Attribute,
    Address,
    Style,
    /// An address that MJML writes into a style.
    StyleAddress,
    /// Not even escaped; the reason and the way out.
    Nowhere(&'static str),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Text,
    /// After `<`.
    Open,
    /// After `</`.
    OpenEnd,
    /// After `<!`, with the dashes that follow.
    Bang(u8),
    /// The last dashes of a comment so far; letters of `[if` at its head, 3 when it is
    /// conditional; whether a bracket was the last.
    Comment {
        dashes: u8,
        head: u8,
        bracket: bool,
    },
    Declaration,
    Name,
    Between,
    Attribute,
    AfterAttribute,
    BeforeValue,
    Quoted(u8),
    Unquoted,
    /// In an element whose content has no elements, with the bytes matched of its end.
    RawText(usize),
}

/// Bytes of the name of an element or an attribute that matter.
const NAME_BYTES_MAX: usize = 64;

const RAW_ELEMENTS: [&str; 9] =
    ["script", "style", "mj-style", "textarea", "title", "xmp", "iframe", "noembed", "noframes"];
/// Elements that load or run something by their attributes.
const ACTIVE_ELEMENTS: [&str; 14] = [
    "script",
    "iframe",
    "frame",
    "embed",
    "object",
    "applet",
    "base",
    "link",
    "meta",
    "param",
    "mj-font",
    "mj-include",
    "mj-html-attributes",
    "portal",
];
const ADDRESSES: [&str; 20] = [
    "href",
    "src",
    "srcset",
    "action",
    "formaction",
    "background",
    "poster",
    "cite",
    "data",
    "longdesc",
    "usemap",
    "dynsrc",
    "lowsrc",
    "xlink:href",
    "ping",
    "icon",
    "to",
    "from",
    "values",
    "thumbnails-src",
];
/// Attributes of MJML elements that are texts; all others become styles.
const MJML_TEXTS: [&str; 8] =
    ["alt", "title", "name", "rel", "target", "css-class", "lang", "aria-label"];

/// Elements that have no end.
const VOID_ELEMENTS: [&str; 14] = [
    "area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source",
    "track", "wbr",
];

/// An element beyond a bound, by the place where it begins.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Excess {
    Attributes(usize),
    Depth(usize),
}

/// Follows a text. Give it everything that is not an escaped value.
#[derive(Debug, Clone)]
pub(crate) struct Scanner {
    state: State,
    element: String,
    is_end: bool,
    attribute: String,
    /// Where the value of the attribute begins in the output.
    value_start: usize,
    /// A value stands in the attribute.
    has_value: bool,
    /// Attributes of the element so far.
    attributes: usize,
}

impl Scanner {
    pub(crate) fn new() -> Self {
        Self {
            state: State::Text,
            element: String::new(),
            is_end: false,
            attribute: String::new(),
            value_start: 0,
            has_value: false,
            attributes: 0,
        }
    }

    /// The first element that has more attributes, or stands deeper in others, than the bounds
    /// allow. Elements that are not closed count on.
    pub(crate) fn find_excess(html: &str) -> Option<Excess> {
        let mut scanner = Self::new();
        let (mut depth, mut start, mut at) = (0usize, 0, 0);
        let bytes = html.as_bytes();
        while at < bytes.len() {
            let was = scanner.state;
            let is_read = scanner.step(bytes[at]);
            if was == State::Open && scanner.state == State::Name {
                start = at - 1;
            }
            if scanner.attributes > ATTRIBUTES_MAX {
                return Some(Excess::Attributes(start));
            }
            let ends_tag = is_read
                && bytes[at] == b'>'
                && matches!(
                    was,
                    State::Name
                        | State::Between
                        | State::Attribute
                        | State::AfterAttribute
                        | State::BeforeValue
                        | State::Unquoted
                );
            if ends_tag && scanner.is_end {
                depth = depth.saturating_sub(1);
            } else if ends_tag {
                let closes_itself = at > 0 && bytes[at - 1] == b'/';
                if !closes_itself && !VOID_ELEMENTS.contains(&scanner.element.as_str()) {
                    depth += 1;
                }
                if depth > ELEMENTS_DEPTH_MAX {
                    return Some(Excess::Depth(start));
                }
            }
            if is_read {
                at += 1;
            }
        }
        None
    }

    /// Where the values of `href` of links stand, from their first byte up to the one after them.
    pub(crate) fn find_links(html: &str) -> Vec<(usize, usize)> {
        let (mut links, mut start) = (Vec::new(), None);
        Self::follow(html, |scanner, was, at| {
            let is_value = |state| matches!(state, State::Quoted(_) | State::Unquoted);
            match (is_value(was), is_value(scanner.state)) {
                (false, true) => {
                    let quote = usize::from(matches!(scanner.state, State::Quoted(_)));
                    start = Some(at + quote);
                }
                (true, false) => {
                    let is_link = matches!(scanner.element.as_str(), "a" | "area")
                        && !scanner.is_end
                        && scanner.attribute == "href";
                    links.extend(start.take().filter(|_| is_link).map(|start| (start, at)));
                }
                _ => {}
            }
        });
        links
    }

    /// Where the last end of a body begins.
    pub(crate) fn find_end_of_body(html: &str) -> Option<usize> {
        let (mut open, mut end) = (0, None);
        Self::follow(html, |scanner, was, at| {
            if scanner.state == State::Open {
                open = at;
            }
            let ends_name = was == State::Name && scanner.state != State::Name;
            if ends_name && scanner.is_end && scanner.element == "body" {
                end = Some(open);
            }
        });
        end
    }

    /// Follows a text byte by byte. `look` sees the state before and after each, and its place.
    fn follow(html: &str, mut look: impl FnMut(&Self, State, usize)) {
        let mut scanner = Self::new();
        let (bytes, mut at) = (html.as_bytes(), 0);
        while at < bytes.len() {
            let was = scanner.state;
            let is_read = scanner.step(bytes[at]);
            look(&scanner, was, at);
            at += usize::from(is_read);
        }
    }

    pub(crate) fn place(&self) -> HtmlPlace {
        match self.state {
            State::Text | State::Comment { .. } => HtmlPlace::Text,
            State::RawText(_) => match self.element.as_str() {
                "script" => HtmlPlace::Nowhere("a value cannot stand in a script; remove it"),
                "style" | "mj-style" => HtmlPlace::Style,
                _ => HtmlPlace::Text,
            },
            State::Quoted(_) => self.attribute_place(),
            State::BeforeValue | State::Unquoted => HtmlPlace::Nowhere(
                "the value of an attribute needs quotes; write attribute=\"{{ ... }}\"",
            ),
            _ => HtmlPlace::Nowhere(
                "a value cannot stand in a tag outside of a quoted attribute; move it into one",
            ),
        }
    }

    fn attribute_place(&self) -> HtmlPlace {
        let (element, attribute) = (self.element.as_str(), self.attribute.as_str());
        if attribute.starts_with("on") || attribute == "srcdoc" {
            return HtmlPlace::Nowhere("a value cannot stand in an attribute that runs; remove it");
        }
        if ACTIVE_ELEMENTS.contains(&element) {
            return HtmlPlace::Nowhere(
                "a value cannot stand in an element that loads or runs something; remove it",
            );
        }
        match attribute {
            "style" => HtmlPlace::Style,
            "background-url" => HtmlPlace::StyleAddress,
            attribute if ADDRESSES.contains(&attribute) => HtmlPlace::Address,
            attribute if element.starts_with("mj-") && !MJML_TEXTS.contains(&attribute) => {
                HtmlPlace::Style
            }
            _ => HtmlPlace::Attribute,
        }
    }

    /// Whether the text so far leaves no tag or comment open.
    pub(crate) fn is_in_text(&self) -> bool {
        self.state == State::Text
    }

    /// An escaped value was put at the end of the output.
    pub(crate) fn note_value(&mut self) {
        self.has_value = true;
    }

    /// Puts a text at the end of the output. An attribute whose address a value has made harmful
    /// is `#` instead.
    pub(crate) fn write(&mut self, text: &str, output: &mut String) {
        let bytes = text.as_bytes();
        let (mut at, mut written) = (0, 0);
        while at < bytes.len() {
            let byte = bytes[at];
            if self.state == State::Text {
                // The usual case in one go.
                match text[at..].find('<') {
                    Some(open) => at += open + 1,
                    None => break,
                }
                self.state = State::Open;
                continue;
            }
            // Likewise inside of quotes.
            if let State::Quoted(quote) = self.state
                && byte != quote
            {
                let rest = bytes[at..].iter().position(|byte| *byte == quote);
                at = rest.map_or(bytes.len(), |length| at + length);
                continue;
            }
            if self.state == State::Quoted(byte)
                || (self.state == State::Unquoted && (byte.is_ascii_whitespace() || byte == b'>'))
            {
                output.push_str(&text[written..at]);
                written = at;
                self.check_address(output);
            }
            let at_start = matches!(self.state, State::BeforeValue)
                && !byte.is_ascii_whitespace()
                && byte != b'>';
            if at_start {
                let quote = usize::from(matches!(byte, b'"' | b'\''));
                self.value_start = output.len() + (at - written) + quote;
                self.has_value = false;
            }
            if self.step(byte) {
                at += 1;
            }
        }
        output.push_str(&text[written..]);
    }

    fn check_address(&mut self, output: &mut String) {
        let is_address =
            matches!(self.attribute_place(), HtmlPlace::Address | HtmlPlace::StyleAddress);
        if self.has_value && is_address {
            let is_harmless =
                output.get(self.value_start..).is_some_and(escape::is_harmless_address);
            if !is_harmless {
                output.truncate(self.value_start);
                output.push('#');
            }
        }
        self.has_value = false;
    }

    /// Moves on by one byte; false where the byte is to be read once more in the new state.
    fn step(&mut self, byte: u8) -> bool {
        let is_space = byte.is_ascii_whitespace();
        self.state = match self.state {
            State::Text if byte == b'<' => State::Open,
            State::Text => State::Text,
            State::Open => match byte {
                b'/' => State::OpenEnd,
                b'!' => State::Bang(0),
                b'?' => State::Declaration,
                _ if byte.is_ascii_alphabetic() => return self.begin_element(false),
                _ => {
                    self.state = State::Text;
                    return false;
                }
            },
            State::OpenEnd => match byte {
                b'>' => State::Text,
                _ if byte.is_ascii_alphabetic() => return self.begin_element(true),
                _ => State::Declaration,
            },
            State::Bang(dashes) => match byte {
                b'-' if dashes == 1 => State::Comment { dashes: 2, head: 0, bracket: false },
                b'-' => State::Bang(1),
                b'>' => State::Text,
                _ => State::Declaration,
            },
            State::Comment { dashes, head, bracket } => step_comment(byte, dashes, head, bracket),
            State::Declaration if byte == b'>' => State::Text,
            State::Declaration => State::Declaration,
            State::Name => match byte {
                b'>' => self.end_tag(),
                b'/' => State::Between,
                _ if is_space => State::Between,
                _ => {
                    push_lower(&mut self.element, byte);
                    State::Name
                }
            },
            State::Between | State::AfterAttribute => match byte {
                b'>' => self.end_tag(),
                b'/' => State::Between,
                b'=' if self.state == State::AfterAttribute => State::BeforeValue,
                _ if is_space => self.state,
                _ => {
                    self.attribute.clear();
                    self.attributes += 1;
                    push_lower(&mut self.attribute, byte);
                    State::Attribute
                }
            },
            State::Attribute => match byte {
                b'>' => self.end_tag(),
                b'/' => State::Between,
                b'=' => State::BeforeValue,
                _ if is_space => State::AfterAttribute,
                _ => {
                    push_lower(&mut self.attribute, byte);
                    State::Attribute
                }
            },
            State::BeforeValue => match byte {
                b'"' | b'\'' => State::Quoted(byte),
                b'>' => self.end_tag(),
                _ if is_space => State::BeforeValue,
                _ => State::Unquoted,
            },
            State::Quoted(quote) if byte == quote => State::Between,
            State::Quoted(quote) => State::Quoted(quote),
            State::Unquoted if byte == b'>' => self.end_tag(),
            State::Unquoted if is_space => State::Between,
            State::Unquoted => State::Unquoted,
            State::RawText(matched) => return self.step_raw_text(byte, matched),
        };
        true
    }

    fn begin_element(&mut self, is_end: bool) -> bool {
        self.element.clear();
        self.attributes = 0;
        self.is_end = is_end;
        self.state = State::Name;
        false
    }

    fn end_tag(&self) -> State {
        let is_raw = !self.is_end && RAW_ELEMENTS.contains(&self.element.as_str());
        if is_raw { State::RawText(0) } else { State::Text }
    }

    fn step_raw_text(&mut self, byte: u8, matched: usize) -> bool {
        let name = self.element.as_bytes();
        let next = match matched {
            0 => Some(b'<'),
            1 => Some(b'/'),
            _ => name.get(matched - 2).copied(),
        };
        self.state = match next {
            Some(next) if next == byte.to_ascii_lowercase() => State::RawText(matched + 1),
            None if byte == b'>' || byte == b'/' || byte.is_ascii_whitespace() => {
                self.is_end = true;
                self.state = State::Between;
                return false;
            }
            _ => State::RawText(usize::from(byte == b'<')),
        };
        true
    }
}

fn step_comment(byte: u8, dashes: u8, head: u8, bracket: bool) -> State {
    const CONDITIONAL: &[u8] = b"[if";
    let is_conditional = usize::from(head) == CONDITIONAL.len();
    if byte == b'>' && (dashes >= 2 || (is_conditional && bracket)) {
        return State::Text;
    }
    let head = match CONDITIONAL.get(usize::from(head)) {
        Some(next) if *next == byte.to_ascii_lowercase() => head + 1,
        Some(_) => u8::MAX,
        None => head,
    };
    let dashes = if byte == b'-' { (dashes + 1).min(2) } else { 0 };
    State::Comment { dashes, head, bracket: byte == b']' }
}

fn push_lower(name: &mut String, byte: u8) {
    if name.len() < NAME_BYTES_MAX {
        name.push(char::from(byte.to_ascii_lowercase()));
    }
}
