//! The shape of the last days, as small as a word.

use maud::{Markup, html};

const WIDTH: f64 = 100.0;
const HEIGHT: f64 = 28.0;
/// The room for half the line at the edges.
const MARGIN: f64 = 2.0;

/// A line through the values from the least to the greatest. It is decoration: the number and the
/// change stand beside it.
pub fn sparkline(values: &[f64]) -> Markup {
    let finite = || values.iter().copied().filter(|value| value.is_finite());
    let low = finite().fold(f64::INFINITY, f64::min);
    let high = finite().fold(f64::NEG_INFINITY, f64::max);
    // Equal values make a line in the middle.
    let range = if high > low { high - low } else { f64::INFINITY };
    let last = values.len().saturating_sub(1).max(1) as f64;
    let points: Vec<String> = values
        .iter()
        .enumerate()
        .filter(|(_, value)| value.is_finite())
        .map(|(n, value)| {
            let share = if range.is_finite() { (value - low) / range } else { 0.5 };
            let y = MARGIN + (1.0 - share) * (HEIGHT - 2.0 * MARGIN);
            format!("{:.1} {y:.1}", n as f64 / last * WIDTH)
        })
        .collect();
    html! {
        svg class="sparkline" viewBox={ "0 0 " (WIDTH) " " (HEIGHT) } preserveAspectRatio="none"
            aria-hidden="true" {
            @if !points.is_empty() {
                path class="sparkline-area" d={ "M0 " (HEIGHT) "L" (points.join("L")) "L" (WIDTH) " " (HEIGHT) "Z" } {}
                path class="sparkline-line" d={ "M" (points.join("L")) } {}
            }
        }
    }
}
