//! The HTML of MJML.

use std::panic::{AssertUnwindSafe, catch_unwind};

use mrml::prelude::parser::Error;
use mrml::prelude::render::RenderOptions;

use crate::error::Place;
use crate::html_places::{Excess, Scanner};
use crate::limits::{
    ATTRIBUTES_MAX, ELEMENT_HTML_BYTES, ELEMENTS_DEPTH_MAX, MAIL_BYTES_MAX, MJML_WORK_BYTES_MAX,
};
use crate::parser::suggest;

/// The elements of MJML, for mistakes in their names: the library takes others as HTML.
const MJML_ELEMENTS: [&str; 34] = [
    "mjml",
    "mj-accordion",
    "mj-accordion-element",
    "mj-accordion-text",
    "mj-accordion-title",
    "mj-all",
    "mj-attributes",
    "mj-body",
    "mj-breakpoint",
    "mj-button",
    "mj-carousel",
    "mj-carousel-image",
    "mj-class",
    "mj-column",
    "mj-divider",
    "mj-font",
    "mj-group",
    "mj-head",
    "mj-hero",
    "mj-image",
    "mj-include",
    "mj-navbar",
    "mj-navbar-link",
    "mj-preview",
    "mj-raw",
    "mj-section",
    "mj-social",
    "mj-social-element",
    "mj-spacer",
    "mj-style",
    "mj-table",
    "mj-text",
    "mj-title",
    "mj-wrapper",
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
    match Scanner::find_excess(mjml) {
        Some(Excess::Attributes(offset)) => {
            let what = format!("an element has at most {ATTRIBUTES_MAX} attributes");
            return Err(error(offset, what));
        }
        Some(Excess::Depth(offset)) => {
            let what = format!("elements stand in elements at most {ELEMENTS_DEPTH_MAX} deep");
            return Err(error(offset, what));
        }
        None => {}
    }
    if let Some((offset, name)) = find_unknown_element(mjml) {
        let near = suggest(name, MJML_ELEMENTS.into_iter());
        return Err(error(offset, format!("there is no element {name}{near}")));
    }
    if work_of(mjml) > MJML_WORK_BYTES_MAX {
        let what = "the document has too many elements for attributes of this length; shorten it";
        return Err(error(0, what.to_owned()));
    }
    // The library believes some mistakes impossible.
    let made = catch_unwind(AssertUnwindSafe(|| {
        let parsed = mrml::parse(mjml).map_err(|found| describe(&found, mjml))?;
        let options = RenderOptions { disable_comments: true, ..RenderOptions::default() };
        let made = parsed.element.render(&options);
        made.map_err(|found| (0, format!("the document cannot be made into HTML: {found}")))
    }));
    let html = made
        .unwrap_or_else(|_| Err((0, "the document cannot be made into HTML".to_owned())))
        .map_err(|(offset, what)| error(offset, what))?;
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

fn find_unknown_element(mjml: &str) -> Option<(usize, &str)> {
    let names = mjml.match_indices("<mj").map(|(open, _)| {
        let name = &mjml[open + 1..];
        let is_part = |c: char| c.is_ascii_alphanumeric() || c == '-';
        (open, &name[..name.find(|c| !is_part(c)).unwrap_or(name.len())])
    });
    names.into_iter().find(|(_, name)| !MJML_ELEMENTS.contains(name))
}

/// Bytes that the HTML could have at worst. An element may inherit what stands in the head, and
/// the attributes of the one around it.
fn work_of(mjml: &str) -> usize {
    let mut elements = 0usize;
    let mut ends = TagEnds::of(mjml);
    let mut inherited = mjml.find("</mj-head").unwrap_or(0);
    for (open, _) in mjml.match_indices("<mj") {
        elements += 1;
        inherited = inherited.max(ends.after(open) - open);
    }
    elements.saturating_mul(ELEMENT_HTML_BYTES + inherited)
}

/// Where tags end. It reads a text once, however many tags are not closed.
struct TagEnds<'t> {
    text: &'t str,
    next: usize,
}

impl<'t> TagEnds<'t> {
    fn of(text: &'t str) -> Self {
        Self { text, next: 0 }
    }

    /// The first `>` at or after a place, or the end. Places may not go back.
    fn after(&mut self, place: usize) -> usize {
        if self.next < place || self.next == 0 {
            self.next = self.text[place..].find('>').map_or(self.text.len(), |end| place + end);
        }
        self.next
    }
}
