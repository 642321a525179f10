//! Charts, set by hand in SVG: shapes stretch with the page, texts keep their size, colours are
//! those of the theme, and no style attribute is needed. Behind each is a table with the numbers.

mod bars;
mod curve;
mod histogram;
mod line;
mod scale;
mod sparkline;

pub use bars::{Bar, BarChart};
pub use curve::{Curve, SizePoint};
pub use histogram::{Bin, Histogram};
pub use line::{DayPoint, LineChart};
pub use sparkline::sparkline;

use maud::{Markup, html};

use super::{Table, Unit};
use scale::Scale;

/// The height of the area in which values are drawn, in pixels.
const PLOT_PX: f64 = 180.0;
/// The room above the greatest value, for the text of a day that is pointed at.
const TOP_PX: f64 = 22.0;
/// The room below, for the labels of the horizontal axis.
const BOTTOM_PX: f64 = 26.0;
/// Everything together.
const HEIGHT_PX: f64 = TOP_PX + PLOT_PX + BOTTOM_PX;
/// The width of the vertical axis, in pixels.
const AXIS_PX: f64 = 52.0;

/// The distance of a value from the upper edge, in pixels.
fn y(scale: &Scale, value: f64) -> f64 {
    TOP_PX + (1.0 - scale.share(value)) * PLOT_PX
}

/// A chart with its title, its drawing and the table behind it.
fn figure(
    title: &str,
    unit: Option<&str>,
    legend: &Markup,
    drawing: &Markup,
    table: &Table,
) -> Markup {
    html! {
        figure class="chart" {
            figcaption class="chart-head" {
                span class="chart-title" {
                    (title)
                    @if let Some(unit) = unit { " " span class="chart-unit" { (unit) } }
                }
                (legend)
            }
            (drawing)
            details class="chart-data" {
                summary { "Numbers" span class="visually-hidden" { " of " (title) } }
                (table)
            }
        }
    }
}

/// The vertical axis with its labels, and the lines that go on from them.
fn axis(scale: &Scale, unit: Unit) -> Markup {
    html! {
        svg class="chart-axis" width=(AXIS_PX) height=(HEIGHT_PX) aria-hidden="true" {
            @for tick in &scale.ticks {
                text x=(AXIS_PX - 10.0) y={ (px(y(scale, *tick))) } dy="0.32em" text-anchor="end" {
                    (unit.short(*tick))
                }
            }
        }
    }
}

fn grid(scale: &Scale) -> Markup {
    html! {
        @for tick in &scale.ticks {
            @let y = px(y(scale, *tick));
            line class=(if *tick == 0.0 { "chart-zero" } else { "chart-grid" })
                x1="0" x2="100%" y1=(y) y2=(y) {}
        }
    }
}

/// A length in pixels, short.
fn px(value: f64) -> String {
    format!("{value:.1}")
}

/// A share of the width, short.
fn percent(share: f64) -> String {
    format!("{:.2}%", share * 100.0)
}
