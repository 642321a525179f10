//! A measure of a few kinds of things, as bars beside their names.

use maud::{Markup, Render, html};

use super::super::{Cell, Column, Table, Tone, Unit};
use super::{Scale, figure, percent};

/// One kind.
pub struct Bar<'a> {
    /// Its name.
    pub label: &'a str,
    /// Its measure, not negative.
    pub value: f64,
    /// The 95 % interval.
    pub interval: Option<(f64, f64)>,
    /// Its meaning.
    pub tone: Tone,
}

/// Bars from the left, in the order given.
pub struct BarChart<'a> {
    /// What they measure.
    pub title: &'a str,
    /// In which unit.
    pub unit: Unit<'a>,
    /// The name of the column of kinds: "Kind", "Model".
    pub of: &'a str,
    /// The bars.
    pub bars: &'a [Bar<'a>],
}

impl Render for BarChart<'_> {
    fn render(&self) -> Markup {
        let ends = self.bars.iter().flat_map(|bar| [Some(bar.value), bar.interval.map(|i| i.1)]);
        let scale = Scale::around(ends.flatten());
        let has_interval = self.bars.iter().any(|bar| bar.interval.is_some());
        let legend = html! {
            @if has_interval {
                span class="chart-legend" aria-hidden="true" {
                    span class="key key-whisker" { "95 % interval" }
                }
            }
        };
        // The words and numbers are in the page, so the bars need no name of their own.
        let drawing = html! {
            ul class="bars" {
                @for bar in self.bars {
                    li {
                        span class="bar-label" { (bar.label) }
                        svg class={ "bar " (bar.tone.class()) } aria-hidden="true" {
                            rect class="bar-fill" width=(percent(scale.share(bar.value)))
                                y="3" height="14" rx="2" {}
                            @if let Some((low, high)) = bar.interval {
                                line class="bar-whisker" y1="10" y2="10"
                                    x1=(percent(scale.share(low))) x2=(percent(scale.share(high))) {}
                            }
                        }
                        span class="bar-value" { (self.unit.text(bar.value)) }
                    }
                }
            }
        };
        let mut columns = vec![Column::text(self.of), Column::number("Value")];
        if has_interval {
            columns.push(Column::number("95 % interval"));
        }
        let table = Table::new(self.title, columns).rows(self.bars.iter().map(|bar| {
            let mut cells = vec![Cell::new(bar.label), Cell::new(self.unit.text(bar.value))];
            if has_interval {
                let text = bar.interval.map(|(low, high)| self.unit.interval_text(low, high));
                cells.push(Cell::new(text.unwrap_or_else(|| "–".to_owned())));
            }
            cells
        }));
        figure(self.title, None, &legend, &drawing, &table)
    }
}
