#![doc = include_str!("../README.md")]

mod content;
mod error;
mod escape;
mod filters;
mod html_places;
mod lexer;
pub mod limits;
mod links;
mod mail;
mod needs;
mod output;
mod parser;
mod render;
mod syntax;
mod values;

pub use content::{Answer, Content, ContentError, Item, Recorded, Request, Values};
pub use error::{Place, Refusal, RenderError, TemplateError};
pub use links::{append_to_body, replace_html_links, replace_text_links};
pub use mail::{MjmlError, mjml_to_html};
pub use needs::{LinkedCall, Recommendation};
pub use render::Rendered;

use serde::{Deserialize, Serialize};

use crate::syntax::Node;

/// What a text is, which decides how values are written into it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Form {
    /// HTML or MJML: values are escaped for the place where they stand.
    Html,
    /// Plain text of any number of lines, such as an SMS: values bring no control characters.
    Text,
    /// One line of plain text, such as a subject: the whole text has no new lines.
    Line,
    /// JSON, such as the body of a webhook: values are JSON texts, in quotes the inside of one.
    Json,
    /// An address: values are percent-encoded.
    Url,
}

/// A template, parsed. It renders any number of times, from several threads.
#[derive(Debug, Clone)]
pub struct Template {
    source: String,
    form: Form,
    nodes: Vec<Node>,
}

impl Template {
    /// Parses a template.
    ///
    /// # Errors
    ///
    /// The first mistake, with its line and column.
    pub fn parse(source: &str, form: Form) -> Result<Self, TemplateError> {
        Ok(Self { source: source.to_owned(), form, nodes: parser::parse(source)? })
    }

    /// The source that was parsed.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// What the text is.
    pub fn form(&self) -> Form {
        self.form
    }

    /// Renders the message of one person. `content` answers the tags `recommend`, `item` and
    /// `linked`.
    ///
    /// # Errors
    ///
    /// Why this person gets no message: a variable without a value, a refusal by the template, a
    /// bound that is passed, a value that does not fit, or content that failed.
    pub fn render(
        &self,
        values: &Values,
        content: &mut dyn Content,
    ) -> Result<Rendered, RenderError> {
        render::render(self, values, content)
    }

    /// Makes the text of [`Template::render`] again, from what was recorded then.
    ///
    /// # Errors
    ///
    /// When `recorded` is not of this template.
    pub fn render_again(&self, recorded: &Recorded) -> Result<String, RenderError> {
        render::render_again(self, recorded)
    }

    /// The filters of the language, each as it is written.
    pub fn filters() -> impl Iterator<Item = (&'static str, &'static str)> {
        filters::all().iter().map(|filter| (filter.name, filter.usage)).chain([("raw", "raw")])
    }
}
