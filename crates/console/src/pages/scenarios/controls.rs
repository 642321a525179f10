//! The controls of the settings of a list, each with its mistake.

use maud::{Markup, Render};

use super::mistakes::Mistakes;
use crate::ui::form::{Field, InputKind, NumberInput, ReqlField, Select, Slider, TextInput};

/// Controls that may stay empty, each with its mistake.
pub(super) struct Controls<'a>(pub(super) &'a Mistakes);

impl Controls<'_> {
    fn field<'f>(&'f self, name: &'f str, label: &'f str, hint: Option<&'f str>) -> Field<'f> {
        let field = Field::new(name, label).optional().error(self.0.of(name));
        match hint {
            Some(hint) => field.hint(hint),
            None => field,
        }
    }

    pub(super) fn text(&self, name: &str, label: &str, hint: &str, value: &str) -> Markup {
        let field = self.field(name, label, Some(hint));
        TextInput::new(field).kind(InputKind::Code).value(value).render()
    }

    pub(super) fn number(
        &self,
        name: &str,
        label: &str,
        hint: Option<&str>,
        value: &str,
        unit: &str,
    ) -> Markup {
        NumberInput { field: self.field(name, label, hint), value, unit }.render()
    }

    pub(super) fn select(
        &self,
        name: &str,
        label: &str,
        hint: Option<&str>,
        options: &[(&str, &str)],
        value: &str,
    ) -> Markup {
        Select { field: self.field(name, label, hint), options, value }.render()
    }

    pub(super) fn expression(&self, name: &str, label: &str, hint: &str, value: &str) -> Markup {
        let field = Field::new(name, label).optional().hint(hint);
        ReqlField { field, value, mistake: self.0.of_expression(name) }.render()
    }

    /// A share; one that is not set stands at its beginning.
    pub(super) fn slider(
        &self,
        name: &str,
        label: &str,
        value: &str,
        ends: (&str, &str),
    ) -> Markup {
        let field = Field::new(name, label).error(self.0.of(name));
        let value = value.parse::<f64>().unwrap_or(0.0).clamp(0.0, 1.0);
        Slider { field, range: (0.0, 1.0), step: 0.05, value, ends }.render()
    }
}
