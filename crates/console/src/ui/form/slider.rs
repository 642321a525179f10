//! A number that is felt rather than known.

use maud::{Markup, Render, html};

use super::Field;

/// A slider with its value beside it, which a script keeps up with the hand.
pub struct Slider<'a> {
    /// Name, label, hint and error.
    pub field: Field<'a>,
    /// The least and the greatest value.
    pub range: (f64, f64),
    /// The distance between values.
    pub step: f64,
    /// The value now.
    pub value: f64,
    /// What the two ends mean: "alike" and "varied".
    pub ends: (&'a str, &'a str),
}

impl Render for Slider<'_> {
    fn render(&self) -> Markup {
        let field = &self.field;
        let (low, high) = self.range;
        // Browsers move a value to the nearest step.
        let steps = (self.value - low) / self.step;
        let is_on_step = (steps - steps.round()).abs() < 1e-6;
        let step = if is_on_step { self.step.to_string() } else { "any".to_owned() };
        field.wrap(&html! {
            div class="slider" {
                input type="range" id=(field.id) name=(field.name) min=(low) max=(high)
                    step=(step) value=(self.value) aria-invalid=[field.invalid()]
                    aria-describedby=[field.described_by()];
                output for=(field.id) { (self.value) }
                div class="slider-ends" aria-hidden="true" {
                    span { (self.ends.0) }
                    span { (self.ends.1) }
                }
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_between_two_steps_stays_where_it_is() {
        let slider = |value| {
            let (field, ends) = (Field::new("diversity", "Variety"), ("alike", "varied"));
            Slider { field, range: (0.0, 1.0), step: 0.05, value, ends }.render().into_string()
        };
        assert!(slider(0.35).contains("step=\"0.05\""), "{}", slider(0.35));
        assert!(slider(0.333).contains("step=\"any\""), "{}", slider(0.333));
    }
}
