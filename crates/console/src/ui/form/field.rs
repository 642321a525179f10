//! What all controls have in common.

use maud::{Markup, html};

/// The name, label, hint and error of one control.
#[derive(Debug, Clone, Default)]
pub struct Field<'a> {
    pub(super) name: &'a str,
    pub(super) id: String,
    label: &'a str,
    hint: Option<&'a str>,
    error: Option<&'a str>,
    is_optional: bool,
}

impl<'a> Field<'a> {
    /// A control with the name under which its value is sent, and its label. Its id is
    /// `field-NAME`.
    pub fn new(name: &'a str, label: &'a str) -> Self {
        Self { name, id: format!("field-{name}"), label, ..Self::default() }
    }

    /// Another id, where a page has two controls of one name.
    pub fn id(mut self, id: &str) -> Self {
        id.clone_into(&mut self.id);
        self
    }

    /// A sentence about what to type.
    pub fn hint(mut self, hint: &'a str) -> Self {
        self.hint = Some(hint);
        self
    }

    /// What is wrong with what was typed, and how to mend it.
    pub fn error(mut self, error: Option<&'a str>) -> Self {
        self.error = error;
        self
    }

    /// May stay empty, which the label says. Fields without it are required.
    pub fn optional(mut self) -> Self {
        self.is_optional = true;
        self
    }

    pub(super) fn is_required(&self) -> bool {
        !self.is_optional
    }

    /// `aria-invalid` of the control.
    pub(super) fn invalid(&self) -> Option<&'static str> {
        self.error.map(|_| "true")
    }

    /// `aria-describedby` of the control.
    pub(super) fn described_by(&self) -> Option<String> {
        let error = self.error.map(|_| format!("{}-error", self.id));
        let hint = self.hint.map(|_| format!("{}-hint", self.id));
        let ids: Vec<String> = error.into_iter().chain(hint).collect();
        (!ids.is_empty()).then(|| ids.join(" "))
    }

    /// Puts label, hint and error around a control. A box to tick stands before its label.
    pub(super) fn wrap(&self, control: &Markup) -> Markup {
        html! {
            div class="field" {
                label class="field-label" for=(self.id) {
                    (self.label)
                    @if self.is_optional { " " span class="field-optional" { "optional" } }
                }
                @if let Some(hint) = self.hint {
                    p class="field-hint" id={ (self.id) "-hint" } { (hint) }
                }
                (control)
                (self.error_line())
            }
        }
    }

    /// As [`Field::wrap`], with the control before the label.
    pub(super) fn wrap_box(&self, control: &Markup) -> Markup {
        html! {
            div class="field field-box" {
                (control)
                div {
                    label class="field-label" for=(self.id) { (self.label) }
                    @if let Some(hint) = self.hint {
                        p class="field-hint" id={ (self.id) "-hint" } { (hint) }
                    }
                    (self.error_line())
                }
            }
        }
    }

    fn error_line(&self) -> Markup {
        html! {
            @if let Some(error) = self.error {
                p class="field-error" id={ (self.id) "-error" } {
                    (super::super::Icon::Error)
                    span { span class="visually-hidden" { "Error: " } (error) }
                }
            }
        }
    }
}
