//! Cuts a source into text, outputs and tags, and what stands in those into tokens.

use std::ops::Range;

use crate::error::{Place, TemplateError};

/// A part of a source. Ranges are what stands between the marks.
#[derive(Debug, Clone)]
pub(crate) enum Piece {
    Text(Range<usize>),
    Output(Range<usize>),
    Tag(Range<usize>),
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Token {
    Name(String),
    Text(String),
    Integer(i64),
    Float(f64),
    Symbol(&'static str),
}

pub(crate) type Spanned = (Token, Range<usize>);

pub(crate) fn error(source: &str, offset: usize, what: impl Into<String>) -> TemplateError {
    TemplateError { place: Place::of(source, offset), what: what.into() }
}

/// Cuts `source` at its marks. White space beside `{%-`, `-%}`, `{{-` and `-}}` is left out, and
/// so is what `comment` encloses; what `raw` encloses is text.
pub(crate) fn cut(source: &str) -> Result<Vec<Piece>, TemplateError> {
    let mut pieces = Vec::new();
    let mut at = 0;
    let mut trim = false;
    while at < source.len() {
        let open = find_open(source, at);
        let mut text = at..open.unwrap_or(source.len());
        if trim {
            text.start = text.end - source[text.clone()].trim_start().len();
            trim = false;
        }
        let Some(open) = open else {
            pieces.push(Piece::Text(text));
            break;
        };
        let is_tag = source[open..].starts_with("{%");
        let mut inner = open + 2;
        if source[inner..].starts_with('-') {
            text.end = text.start + source[text.clone()].trim_end().len();
            inner += 1;
        }
        pieces.push(Piece::Text(text));
        let close = find_close(source, open, inner, is_tag)?;
        let mut end = close;
        if source[inner..close].ends_with('-') {
            end -= 1;
            trim = true;
        }
        at = close + 2;
        if !is_tag {
            pieces.push(Piece::Output(inner..end));
            continue;
        }
        match source[inner..end].trim() {
            name @ ("raw" | "comment") => {
                let (enclosed, after, trims) = find_end(source, open, at, name)?;
                let mut enclosed = at..enclosed;
                if trim {
                    enclosed.start = enclosed.end - source[enclosed.clone()].trim_start().len();
                }
                if name == "raw" {
                    pieces.push(Piece::Text(enclosed));
                }
                at = after;
                trim = trims;
            }
            inline if inline.starts_with('#') => {}
            _ => pieces.push(Piece::Tag(inner..end)),
        }
    }
    Ok(pieces)
}

fn find_open(source: &str, from: usize) -> Option<usize> {
    let bytes = source.as_bytes();
    (from..bytes.len().saturating_sub(1))
        .find(|&at| bytes[at] == b'{' && matches!(bytes[at + 1], b'{' | b'%'))
}

/// Where the closing mark begins. It may stand in quotes, where it closes nothing.
fn find_close(
    source: &str,
    open: usize,
    inner: usize,
    is_tag: bool,
) -> Result<usize, TemplateError> {
    let mark: &[u8] = if is_tag { b"%}" } else { b"}}" };
    let bytes = source.as_bytes();
    let mut quote = None;
    let mut at = inner;
    let is_comment = is_tag && source[inner..].trim_start().starts_with('#');
    while at < bytes.len() {
        match (quote, bytes[at]) {
            (None, _) if bytes[at..].starts_with(mark) => return Ok(at),
            (None, b'{') if !is_comment && matches!(bytes.get(at + 1), Some(b'{' | b'%')) => break,
            (None, byte @ (b'"' | b'\'')) if !is_comment => quote = Some((byte, at)),
            (Some((mark, _)), byte) if mark == byte => quote = None,
            _ => {}
        }
        at += 1;
    }
    if let Some((_, at)) = quote {
        return Err(error(source, at, "the quote is not closed; close it with the same mark"));
    }
    let (start, end) = if is_tag { ("{%", "%}") } else { ("{{", "}}") };
    Err(error(source, open, format!("{start} is not closed; write {end} at its end")))
}

/// The end of what `raw` or `comment` encloses, the end of its closing tag, and whether that one
/// leaves out the white space after it.
fn find_end(
    source: &str,
    open: usize,
    from: usize,
    name: &str,
) -> Result<(usize, usize, bool), TemplateError> {
    let end_name = format!("end{name}");
    let mut at = from;
    while let Some(found) = source[at..].find("{%") {
        let start = at + found;
        let inner = source[start + 2..].trim_start_matches('-').trim_start();
        if let Some(rest) = inner.strip_prefix(end_name.as_str()) {
            let rest = rest.trim_start();
            let trims = rest.starts_with("-%}");
            if let Some(rest) = rest.strip_prefix('-').unwrap_or(rest).strip_prefix("%}") {
                let trimmed_before = source[start + 2..].starts_with('-');
                let end = match trimmed_before {
                    true => from + source[from..start].trim_end().len(),
                    false => start,
                };
                return Ok((end, source.len() - rest.len(), trims));
            }
        }
        at = start + 2;
    }
    Err(error(source, open, format!("{name} is not closed; write {{% {end_name} %}} at its end")))
}

const SYMBOLS: [&str; 19] = [
    "==", "!=", "<>", "<=", ">=", "..", "<", ">", "=", "|", ":", ",", ".", "[", "]", "(", ")", "-",
    "+",
];

/// The tokens of what stands between marks.
pub(crate) fn tokens(source: &str, range: Range<usize>) -> Result<Vec<Spanned>, TemplateError> {
    let mut tokens = Vec::new();
    let mut at = range.start;
    while at < range.end {
        let rest = &source[at..range.end];
        let first = rest.chars().next().unwrap_or(' ');
        if first.is_whitespace() {
            at += first.len_utf8();
            continue;
        }
        let (token, length) = if matches!(first, '"' | '\'') {
            let Some(end) = rest[1..].find(first) else {
                return Err(error(source, at, "the quote is not closed"));
            };
            (Token::Text(rest[1..=end].to_owned()), end + 2)
        } else if first.is_ascii_alphabetic() || first == '_' {
            let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '?');
            let length = rest.find(|c| !is_part(c)).unwrap_or(rest.len());
            (Token::Name(rest[..length].to_owned()), length)
        } else if first.is_ascii_digit()
            || (first == '-' && rest[1..].starts_with(|c: char| c.is_ascii_digit()))
        {
            read_number(source, at, rest)?
        } else if let Some(symbol) = SYMBOLS.iter().find(|symbol| rest.starts_with(**symbol)) {
            (Token::Symbol(symbol), symbol.len())
        } else {
            let what = format!("{first:?} means nothing here; put texts into quotes");
            return Err(error(source, at, what));
        };
        tokens.push((token, at..at + length));
        at += length;
    }
    Ok(tokens)
}

fn read_number(source: &str, at: usize, rest: &str) -> Result<(Token, usize), TemplateError> {
    let digits = |from: usize| {
        rest[from..].find(|c: char| !c.is_ascii_digit()).map_or(rest.len(), |end| from + end)
    };
    let whole = digits(1);
    let has_fraction = rest[whole..].starts_with('.')
        && rest[whole + 1..].starts_with(|c: char| c.is_ascii_digit());
    let length = if has_fraction { digits(whole + 1) } else { whole };
    let text = &rest[..length];
    let token = match has_fraction {
        true => text.parse().ok().filter(|float: &f64| float.is_finite()).map(Token::Float),
        false => text.parse().ok().map(Token::Integer),
    };
    token.map(|token| (token, length)).ok_or_else(|| {
        error(source, at, "the number is too large; whole numbers have at most 18 digits")
    })
}
