//! How often values fall between two ends.

use maud::{Markup, Render, html};

use super::super::{Cell, Column, Table, Unit};
use super::{BOTTOM_PX, HEIGHT_PX, PLOT_PX, Scale, TOP_PX, axis, figure, grid, percent, px, y};

/// The values between two ends.
pub struct Bin {
    /// The ends: "1 to 2", "20 or more".
    pub label: String,
    /// How many values there are.
    pub count: u64,
}

/// Columns side by side.
pub struct Histogram<'a> {
    /// What is counted: "People by number of purchases".
    pub title: &'a str,
    /// What the columns hold: "people".
    pub noun: &'a str,
    /// What the ends measure: "Purchases".
    pub of: &'a str,
    /// The columns in order.
    pub bins: &'a [Bin],
}

/// The part of a column that stays free.
const GAP: f64 = 0.12;
/// About how many columns are named on phones; twice as many elsewhere.
const N_LABELS: usize = 12;

impl Render for Histogram<'_> {
    fn render(&self) -> Markup {
        let scale = Scale::around(self.bins.iter().map(|bin| bin.count as f64));
        let most = self.bins.iter().max_by_key(|bin| bin.count);
        let summary = most.map_or_else(
            || format!("{}: no data", self.title),
            |bin| format!("{}: most {} at {}", self.title, self.noun, bin.label),
        );
        let column = 1.0 / self.bins.len().max(1) as f64;
        let step = self.bins.len().div_ceil(N_LABELS).max(1);
        let drawing = html! {
            div class="chart-plot" {
                (axis(&scale, Unit::Count("")))
                svg class="chart-area" width="100%" height=(HEIGHT_PX) role="img"
                    aria-label=(summary) {
                    (grid(&scale))
                    @for (n, bin) in self.bins.iter().enumerate() {
                        @let top = y(&scale, bin.count as f64);
                        @let left = column * n as f64;
                        g class="chart-bin" {
                            rect class="chart-hit" x=(percent(left)) width=(percent(column))
                                height=(px(TOP_PX + PLOT_PX)) {}
                            rect class="chart-column" x=(percent(left + column * GAP / 2.0))
                                width=(percent(column * (1.0 - GAP))) y=(px(top)) rx="2"
                                height=(px(TOP_PX + PLOT_PX - top)) {}
                            text class="chart-count" x=(percent(left + column / 2.0))
                                y=(px(top - 6.0)) text-anchor="middle" {
                                (Unit::Count("").text(bin.count as f64))
                            }
                        }
                        @if n.is_multiple_of(step) {
                            text class=(if !(n / step).is_multiple_of(2) { "chart-label chart-fine" } else { "chart-label" })
                                x=(percent(left + column / 2.0)) text-anchor="middle"
                                y=(px(HEIGHT_PX - BOTTOM_PX / 3.0)) { (bin.label) }
                        }
                    }
                }
            }
        };
        let columns = vec![Column::text(self.of), Column::number(self.noun)];
        let table = Table::new(self.title, columns).rows(self.bins.iter().map(|bin| {
            vec![Cell::new(&bin.label), Cell::new(Unit::Count("").text(bin.count as f64))]
        }));
        figure(self.title, None, &html! {}, &drawing, &table)
    }
}
