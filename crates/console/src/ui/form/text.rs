//! Lines of text and numbers.

use maud::{Markup, Render, html};

use super::Field;

/// What kind of text a line takes, which decides the keyboard of a phone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum InputKind {
    /// Any text.
    #[default]
    Text,
    /// A mail address.
    Email,
    /// A password: never shown again, whatever was typed.
    Password,
    /// Words to look for.
    Search,
    /// An id, key or expression: set in the code font, and not corrected.
    Code,
}

/// A line of text.
pub struct TextInput<'a> {
    field: Field<'a>,
    kind: InputKind,
    value: &'a str,
    autocomplete: Option<&'a str>,
    list: Option<&'a str>,
}

impl<'a> TextInput<'a> {
    /// An empty line of any text.
    pub fn new(field: Field<'a>) -> Self {
        Self { field, kind: InputKind::Text, value: "", autocomplete: None, list: None }
    }

    /// What kind of text it takes.
    pub fn kind(mut self, kind: InputKind) -> Self {
        self.kind = kind;
        self
    }

    /// What stands in it: as stored, or as typed where it was refused.
    pub fn value(mut self, value: &'a str) -> Self {
        self.value = value;
        self
    }

    /// The token by which browsers and password managers fill it: `username`, `new-password`.
    pub fn autocomplete(mut self, token: &'a str) -> Self {
        self.autocomplete = Some(token);
        self
    }

    /// Offers the options of the datalist with this id.
    pub fn suggests(mut self, list: &'a str) -> Self {
        self.list = Some(list);
        self
    }
}

impl Render for TextInput<'_> {
    fn render(&self) -> Markup {
        let (kind, is_code) = match self.kind {
            InputKind::Text => ("text", false),
            InputKind::Email => ("email", false),
            InputKind::Password => ("password", false),
            InputKind::Search => ("search", false),
            InputKind::Code => ("text", true),
        };
        let value = (self.kind != InputKind::Password).then_some(self.value);
        let field = &self.field;
        field.wrap(&html! {
            input type=(kind) class=(if is_code { "input input-code" } else { "input" })
                id=(field.id) name=(field.name) value=[value] required[field.is_required()]
                autocomplete=(self.autocomplete.unwrap_or("off")) list=[self.list]
                spellcheck=[is_code.then_some("false")]
                autocapitalize=[is_code.then_some("off")]
                aria-invalid=[field.invalid()] aria-describedby=[field.described_by()];
        })
    }
}

/// A number with its unit.
pub struct NumberInput<'a> {
    /// Name, label, hint and error.
    pub field: Field<'a>,
    /// As typed, so that a mistake comes back as it was.
    pub value: &'a str,
    /// The unit, shown behind the digits.
    pub unit: &'a str,
}

impl Render for NumberInput<'_> {
    fn render(&self) -> Markup {
        let field = &self.field;
        let unit_id = format!("{}-unit", field.id);
        let described_by = field
            .described_by()
            .map_or_else(|| unit_id.clone(), |others| format!("{unit_id} {others}"));
        field.wrap(&html! {
            div class="input-with-unit" {
                // A text field: number fields lose what they cannot read.
                input class="input input-number" type="text" inputmode="decimal" id=(field.id)
                    name=(field.name) value=(self.value) required[field.is_required()]
                    autocomplete="off" aria-invalid=[field.invalid()]
                    aria-describedby=(described_by);
                span class="input-unit" id=(unit_id) { (self.unit) }
            }
        })
    }
}
