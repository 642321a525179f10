//! The HTML of MJML, and the text part of HTML.

use mrml::prelude::parser::Error;
use mrml::prelude::render::RenderOptions;

use crate::error::Place;
use crate::limits::{ELEMENTS_DEPTH_MAX, MAIL_BYTES_MAX};

/// Characters of a line of the text part.
const LINE_CHARS: usize = 78;
/// Elements that have no end.
const VOID_ELEMENTS: [&str; 14] = [
    "area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source",
    "track", "wbr",
];

/// Why an MJML document is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}: {what}")]
pub struct MjmlError {
    /// From 1.
    pub line: usize,
    /// In characters, from 1.
    pub column: usize,
    /// A sentence that names the thing and the way out.
    pub what: String,
}

/// The HTML of an MJML document. Nothing is read from disk or network.
///
/// # Errors
///
/// The first mistake; also for `mj-include`, and for documents beyond the bounds of `limits`.
pub fn mjml_to_html(mjml: &str) -> Result<String, MjmlError> {
    let error = |offset: usize, what: String| {
        let Place { line, column } = Place::of(mjml, offset);
        MjmlError { line, column, what }
    };
    if mjml.len() > MAIL_BYTES_MAX {
        return Err(error(MAIL_BYTES_MAX, format!("MJML has at most {MAIL_BYTES_MAX} bytes")));
    }
    if let Some(offset) = first_too_deep(mjml) {
        let what = format!("elements stand in elements at most {ELEMENTS_DEPTH_MAX} deep");
        return Err(error(offset, what));
    }
    let parsed = mrml::parse(mjml).map_err(|found| {
        let (offset, what) = describe(&found, mjml);
        error(offset, what)
    })?;
    let options = RenderOptions { disable_comments: true, ..RenderOptions::default() };
    let html = parsed
        .element
        .render(&options)
        .map_err(|found| error(0, format!("the document cannot be made into HTML: {found}")))?;
    if html.len() > MAIL_BYTES_MAX {
        return Err(error(0, format!("the HTML would have more than {MAIL_BYTES_MAX} bytes")));
    }
    Ok(html)
}

fn describe(error: &Error, mjml: &str) -> (usize, String) {
    let named = |start: usize, end: usize| mjml.get(start..end).unwrap_or_default().to_owned();
    match error {
        Error::UnexpectedElement { position, .. } => {
            let name = named(position.start, position.end);
            (position.start, format!("{name} does not belong here; move or remove it"))
        }
        Error::UnexpectedToken { position, .. } => {
            let text = named(position.start, position.end);
            (position.start, format!("{text:?} is not expected here; move or remove it"))
        }
        Error::MissingAttribute { name, position, .. } => {
            (position.start, format!("the attribute {name} is missing; add it"))
        }
        Error::InvalidAttribute { position, .. } => {
            let text = named(position.start, position.end);
            (position.start, format!("{text:?} is no attribute that the element takes"))
        }
        Error::InvalidFormat { position, .. } => {
            (position.start, "this is not in the form that its attribute asks for".to_owned())
        }
        Error::EndOfStream { .. } => {
            (mjml.len(), "the document ends inside of an element; close it".to_owned())
        }
        Error::SizeLimit { .. } => (0, "the document is too large".to_owned()),
        Error::ParserError { source, .. } => {
            let at = source.pos();
            let line: usize = mjml
                .split_inclusive('\n')
                .take((at.row as usize).saturating_sub(1))
                .map(str::len)
                .sum();
            (line + (at.col as usize).saturating_sub(1), format!("this is no MJML: {source}"))
        }
        Error::NoRootNode => (0, "the document has no mjml element; begin with <mjml>".to_owned()),
        Error::IncludeLoaderError { position, .. } => {
            let what =
                "mj-include is not available: a template stands alone; write its content here";
            (position.start, what.to_owned())
        }
    }
}

/// The text part of a mail: paragraphs, lists, tables and headings as lines, links with their
/// addresses. What is beyond the bounds of `limits` is given without any layout.
pub fn text_of_html(html: &str) -> String {
    let html = crate::error::prefix(html, MAIL_BYTES_MAX);
    if first_too_deep(html).is_none() {
        let config = html2text::config::plain().no_table_borders().link_footnotes(true);
        if let Ok(text) = config.string_from_read(html.as_bytes(), LINE_CHARS) {
            return tidy(&text);
        }
    }
    tidy(&crate::filters::without_elements(html))
}

/// No white space at the end of lines, and no more than one empty line in a row.
fn tidy(text: &str) -> String {
    let mut tidied = String::with_capacity(text.len());
    let mut was_empty = true;
    for line in text.lines() {
        let line = line.trim_end();
        if line.is_empty() && was_empty {
            continue;
        }
        was_empty = line.is_empty();
        tidied.push_str(line);
        tidied.push('\n');
    }
    tidied.truncate(tidied.trim_end().len());
    tidied
}

/// The first element that stands deeper than the bound. Elements that are not closed count on.
fn first_too_deep(html: &str) -> Option<usize> {
    let mut depth = 0usize;
    let mut at = 0;
    while let Some(open) = html[at..].find('<').map(|open| at + open) {
        let rest = &html[open + 1..];
        at = open + 1;
        if let Some(comment) = rest.strip_prefix("!--") {
            at = comment.find("-->").map_or(html.len(), |end| open + 4 + end);
            continue;
        }
        let is_end = rest.starts_with('/');
        let name = rest.trim_start_matches('/');
        if !name.starts_with(|c: char| c.is_ascii_alphabetic()) {
            continue;
        }
        let length = name.find(|c: char| !c.is_ascii_alphanumeric() && c != '-');
        let name = name[..length.unwrap_or(name.len())].to_ascii_lowercase();
        if is_end {
            depth = depth.saturating_sub(1);
            continue;
        }
        let closes_itself = rest.find('>').is_some_and(|end| rest[..end].ends_with('/'));
        if !VOID_ELEMENTS.contains(&name.as_str()) && !closes_itself {
            depth += 1;
        }
        if depth > ELEMENTS_DEPTH_MAX {
            return Some(open);
        }
    }
    None
}
