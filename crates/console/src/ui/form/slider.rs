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
        field.wrap(&html! {
            div class="slider" {
                input type="range" id=(field.id) name=(field.name) min=(low) max=(high)
                    step=(self.step) value=(self.value) aria-invalid=[field.invalid()]
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
