//! Choices among a few.

use maud::{Markup, Render, html};

use super::Field;

/// One of a list, in a menu. A value that the list does not have is offered too, so that a form
/// that is sent unchanged keeps it.
pub struct Select<'a> {
    /// Name, label, hint and error.
    pub field: Field<'a>,
    /// Values with their labels, in order.
    pub options: &'a [(&'a str, &'a str)],
    /// The value that is chosen.
    pub value: &'a str,
}

impl Render for Select<'_> {
    fn render(&self) -> Markup {
        let field = &self.field;
        let is_known = self.options.iter().any(|(value, _)| *value == self.value);
        field.wrap(&html! {
            select class="input" id=(field.id) name=(field.name) required[field.is_required()]
                aria-invalid=[field.invalid()] aria-describedby=[field.described_by()] {
                @for (value, label) in self.options {
                    option value=(value) selected[*value == self.value] { (label) }
                }
                @if !is_known && !self.value.is_empty() {
                    option value=(self.value) selected { (self.value) }
                }
            }
        })
    }
}

/// Yes or no.
pub struct Checkbox<'a> {
    /// Name, label, hint and error.
    pub field: Field<'a>,
    /// Whether it is ticked.
    pub is_checked: bool,
}

impl Checkbox<'_> {
    /// One of several boxes of one name, each with a value of its own.
    pub fn render_valued(&self, value: &str) -> Markup {
        let field = &self.field;
        field.wrap_box(&html! {
            input type="checkbox" class="box" id=(field.id) name=(field.name) value=(value)
                checked[self.is_checked] aria-invalid=[field.invalid()]
                aria-describedby=[field.described_by()];
        })
    }
}

impl Render for Checkbox<'_> {
    fn render(&self) -> Markup {
        self.render_valued("true")
    }
}

/// One of a few, all in view.
pub struct Choice<'a> {
    /// The name under which the value is sent.
    pub name: &'a str,
    /// What is chosen.
    pub label: &'a str,
    /// Values with their labels, in order.
    pub options: &'a [(&'a str, &'a str)],
    /// The value that is chosen.
    pub value: &'a str,
}

impl Render for Choice<'_> {
    fn render(&self) -> Markup {
        html! {
            fieldset class="choice" {
                legend class="field-label" { (self.label) }
                div class="choice-options" {
                    @for (value, label) in self.options {
                        label class="choice-option" {
                            input type="radio" name=(self.name) value=(value)
                                checked[*value == self.value];
                            span { (label) }
                        }
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_that_is_not_offered_is_kept_and_none_is_no_option() {
        let options = [("", "All"), ("items", "items")];
        let select = |value| {
            let field = Field::new("catalog", "Catalog").optional();
            Select { field, options: &options, value }.render().into_string()
        };
        assert!(select("gone").contains("<option value=\"gone\" selected>gone</option>"));
        assert_eq!(select("items").matches("<option").count(), 2);
        assert_eq!(select("").matches("<option").count(), 2);
    }
}
