//! A measure by size, with its interval as a band, beside a fixed value. Each size is a link.

use domain::quantity::grouped;
use maud::{Markup, Render, html};

use super::super::{Cell, Column, Table, Unit};
use super::{BOTTOM_PX, HEIGHT_PX, PLOT_PX, Scale, TOP_PX, axis, figure, grid, percent, px, y};

/// The measure of one size.
#[derive(Debug, Clone)]
pub struct SizePoint {
    /// The size.
    pub size: u64,
    /// The measure.
    pub value: f64,
    /// The 95 % interval.
    pub interval: (f64, f64),
    /// What else there is to say, for the table.
    pub detail: String,
    /// Where a click on it leads.
    pub href: String,
    /// Whether it is the chosen one.
    pub is_chosen: bool,
}

/// A line over sizes, each of which stands as far from the next.
pub struct Curve<'a> {
    /// What it measures.
    pub title: &'a str,
    /// In which unit.
    pub unit: Unit<'a>,
    /// What sizes count.
    pub of: &'a str,
    /// What the details of points say.
    pub detail: &'a str,
    /// The points, the smallest first.
    pub points: &'a [SizePoint],
    /// A value that does not depend on the size, with its name.
    pub baseline: (&'a str, f64),
}

/// The width of the drawing in units of its own, stretched to the page.
const WIDTH: f64 = 1_000.0;
/// About how many sizes are named on the axis; half of them on phones.
const N_LABELS: usize = 6;

impl Curve<'_> {
    fn x(&self, n: usize) -> f64 {
        (n as f64 + 0.5) / self.points.len() as f64
    }

    fn corners(&self, scale: &Scale, value: impl Fn(&SizePoint) -> f64) -> Vec<String> {
        let points = self.points.iter().enumerate();
        let corner = |(n, point): (usize, &SizePoint)| {
            format!("{:.1} {:.1}", self.x(n) * WIDTH, y(scale, value(point)))
        };
        points.map(corner).collect()
    }

    fn band(&self, scale: &Scale) -> String {
        let mut corners = self.corners(scale, |point| point.interval.1);
        let lower = self.corners(scale, |point| point.interval.0);
        corners.extend(lower.into_iter().rev());
        format!("M{}Z", corners.join("L"))
    }

    fn summary(&self) -> String {
        let text = |point: &SizePoint| {
            format!("{} for {} {}", self.unit.text(point.value), grouped(point.size), self.of)
        };
        let ends = [self.points.first(), self.points.last()];
        let ends: Vec<String> = ends.into_iter().flatten().map(text).collect();
        let (name, value) = self.baseline;
        format!("{}: {}; {name} {}", self.title, ends.join(", "), self.unit.text(value))
    }

    /// A point with what shows while it is pointed at.
    fn point(&self, scale: &Scale, n: usize, point: &SizePoint) -> Markup {
        let column = 1.0 / self.points.len() as f64;
        let x = percent(self.x(n));
        let anchor = match self.x(n) {
            ..0.25 => "start",
            0.75.. => "end",
            _ => "middle",
        };
        let (low, high) = point.interval;
        html! {
            a href=(point.href) {
                g class=(if point.is_chosen { "chart-day chart-chosen" } else { "chart-day" }) {
                    rect class="chart-hit" x=(percent(column * n as f64)) width=(percent(column))
                        height=(px(TOP_PX + PLOT_PX)) {}
                    line x1=(x) x2=(x) y1=(px(TOP_PX)) y2=(px(TOP_PX + PLOT_PX)) {}
                    circle cx=(x) cy=(px(y(scale, point.value))) r="4" {}
                    text x=(x) y="13" text-anchor=(anchor) {
                        (grouped(point.size)) ": " tspan { (self.unit.text(point.value)) }
                        " (" (self.unit.interval_text(low, high)) ")"
                    }
                }
            }
        }
    }

    fn drawing(&self) -> Markup {
        let (_, baseline) = self.baseline;
        let ends = self.points.iter().flat_map(|point| [point.interval.0, point.interval.1]);
        let scale = Scale::around(ends.chain([baseline]));
        let step = self.points.len().div_ceil(N_LABELS).max(1);
        let last = self.points.len().saturating_sub(1);
        let level = px(y(&scale, baseline));
        html! {
            div class="chart-plot" {
                (axis(&scale, self.unit))
                svg class="chart-area" width="100%" height=(HEIGHT_PX) role="group"
                    aria-label=(self.summary()) {
                    (grid(&scale))
                    svg viewBox={ "0 0 " (WIDTH) " " (HEIGHT_PX) } width="100%" height=(HEIGHT_PX)
                        preserveAspectRatio="none" {
                        path class="chart-band" d=(self.band(&scale)) {}
                        path class="chart-before" d={ "M0 " (level) "L" (WIDTH) " " (level) } {}
                        path class="chart-line" d={ "M" (self.corners(&scale, |point| point.value).join("L")) } {}
                    }
                    @for (n, point) in self.points.iter().enumerate() {
                        @if (last - n).is_multiple_of(step) {
                            @let is_minor = !((last - n) / step).is_multiple_of(2);
                            text class=(if is_minor { "chart-label chart-minor" } else { "chart-label" })
                                x=(percent(self.x(n))) y=(px(HEIGHT_PX - BOTTOM_PX / 3.0))
                                text-anchor="middle" {
                                (Unit::Count("").short(point.size as f64))
                            }
                        }
                    }
                    @for (n, point) in self.points.iter().enumerate() { (self.point(&scale, n, point)) }
                }
            }
        }
    }

    fn table(&self) -> Table<'_> {
        let columns = vec![
            Column::number(self.of),
            Column::number("Value"),
            Column::number("95 % interval"),
            Column::text(self.detail),
        ];
        Table::new(self.title, columns).rows(self.points.iter().map(|point| {
            let (low, high) = point.interval;
            vec![
                Cell::new(html! {
                    a href=(point.href) aria-current=[point.is_chosen.then_some("true")] {
                        (grouped(point.size))
                    }
                }),
                Cell::new(self.unit.text(point.value)),
                Cell::new(self.unit.interval_text(low, high)),
                Cell::new(&*point.detail),
            ]
        }))
    }
}

impl Render for Curve<'_> {
    fn render(&self) -> Markup {
        if self.points.is_empty() {
            return html! { p { (self.title) ": no data" } };
        }
        let legend = html! {
            span class="chart-legend" aria-hidden="true" {
                span class="key key-band" { "95 % interval" }
                span class="key key-before" { (self.baseline.0) }
            }
        };
        figure(self.title, self.unit.name(), &legend, &self.drawing(), &self.table())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_size_is_a_link_in_the_drawing_and_in_the_table() {
        let point = |size: u64, value: f64| SizePoint {
            size,
            value,
            interval: (value / 2.0, value * 1.5),
            detail: "some".to_owned(),
            href: format!("?size={size}"),
            is_chosen: size == 10,
        };
        let curve = Curve {
            title: "Response",
            unit: Unit::Share,
            of: "People",
            detail: "Expected",
            points: &[point(10, 0.5), point(100, 0.25)],
            baseline: ("At random", 0.1),
        };
        let html = curve.render().into_string();
        assert_eq!(html.matches("href=\"?size=100\"").count(), 2, "{html}");
        assert_eq!(html.matches("chart-chosen").count(), 1);
        assert!(html.contains("for 10 People, 25"), "{html}");
        assert!(Curve { points: &[], ..curve }.render().into_string().contains("no data"));
    }
}
