//! One number that matters, with its uncertainty and what became of it.

use maud::{Markup, Render, html};

use super::chart::sparkline;
use super::{Icon, Tone, Unit};

/// The change beside the period before.
#[derive(Debug, Clone, Copy)]
pub struct Change<'a> {
    /// The relative change: 0.08 for "8 % more".
    pub relative: f64,
    /// What it is beside: "the 14 days before".
    pub beside: &'a str,
    /// Whether more is better, worse or neither: `None`.
    pub more_is_better: Option<bool>,
}

/// Changes below this are called "unchanged": half of the last digit that is shown.
const UNCHANGED_BELOW: f64 = 0.000_5;

/// A number with unit, interval and change.
pub struct StatTile<'a> {
    /// What it counts.
    pub label: &'a str,
    /// Its value; none where there is no data.
    pub value: Option<f64>,
    /// Its unit.
    pub unit: Unit<'a>,
    /// The 95 % interval.
    pub interval: Option<(f64, f64)>,
    /// The change beside another period.
    pub change: Option<Change<'a>>,
    /// The last days, oldest first, as a sparkline.
    pub trend: &'a [f64],
    /// Where to read more.
    pub href: Option<&'a str>,
}

impl Change<'_> {
    fn render(&self) -> Markup {
        let is_unchanged = self.relative.abs() < UNCHANGED_BELOW;
        let is_more = self.relative > 0.0;
        let tone = match self.more_is_better {
            _ if is_unchanged => Tone::Neutral,
            Some(better) if better == is_more => Tone::Good,
            Some(_) => Tone::Bad,
            None => Tone::Neutral,
        };
        let share = Unit::Share.text(self.relative.abs());
        html! {
            p class={ "stat-change " (tone.class()) } {
                @if is_unchanged {
                    strong { "unchanged" } " "
                    span class="stat-beside" { "from " (self.beside) }
                } @else {
                    (if is_more { Icon::Up } else { Icon::Down })
                    strong { (share) (if is_more { " more" } else { " less" }) } " "
                    span class="stat-beside" { "than " (self.beside) }
                }
            }
        }
    }
}

impl Render for StatTile<'_> {
    fn render(&self) -> Markup {
        html! {
            div class="stat" {
                p class="stat-label" {
                    @if let Some(href) = self.href { a href=(href) { (self.label) } }
                    @else { (self.label) }
                }
                @if let Some(value) = self.value {
                    @let (digits, unit) = self.unit.parts(value);
                    p class="stat-value" {
                        (digits)
                        @if !unit.is_empty() { " " span class="stat-unit" { (unit) } }
                    }
                    @if let Some((low, high)) = self.interval {
                        p class="stat-interval" {
                            "between " (self.unit.interval_text(low, high))
                            span class="visually-hidden" { ", with 95 % certainty" }
                        }
                    }
                    @if let Some(change) = &self.change { (change.render()) }
                    @if self.trend.len() > 1 { (sparkline(self.trend)) }
                } @else {
                    p class="stat-value stat-none" { "–" }
                    p class="stat-interval" { "no data in this period" }
                }
            }
        }
    }
}
