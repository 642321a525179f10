//! A measure by day, with its interval as a band.

use domain::Day;
use maud::{Markup, Render, html};

use super::super::relative_time::format;
use super::super::{Cell, Column, Table, Unit};
use super::{BOTTOM_PX, HEIGHT_PX, PLOT_PX, Scale, TOP_PX, axis, figure, grid, percent, px, y};

/// The measure of one day.
#[derive(Debug, Clone, Copy)]
pub struct DayPoint {
    /// The day.
    pub day: Day,
    /// The measure; none where there is no data, which leaves a gap.
    pub value: Option<f64>,
    /// The 95 % interval.
    pub interval: Option<(f64, f64)>,
    /// The measure of the same day in the period before.
    pub before: Option<f64>,
}

/// A line over days, with a band for the interval and a thin line for the period before.
pub struct LineChart<'a> {
    /// What it measures.
    pub title: &'a str,
    /// In which unit.
    pub unit: Unit<'a>,
    /// The days, oldest first, without gaps.
    pub days: &'a [DayPoint],
    /// The name of the period before, where the days have values of it.
    pub before: Option<&'a str>,
}

/// The width of the drawing in units of its own, stretched to the page.
const WIDTH: f64 = 1_000.0;
/// About how many days are named on the axis; half of them on phones.
const N_LABELS: usize = 8;

impl LineChart<'_> {
    fn scale(&self) -> Scale {
        Scale::around(self.days.iter().flat_map(|point| {
            let (low, high) = point.interval.unzip();
            [point.value, point.before, low, high].into_iter().flatten()
        }))
    }

    /// Where a day stands, from 0 to 1: in the middle of its column.
    fn x(&self, n: usize) -> f64 {
        (n as f64 + 0.5) / self.days.len() as f64
    }

    /// A line through the values that are there.
    fn path(&self, scale: &Scale, value: impl Fn(&DayPoint) -> Option<f64>) -> String {
        let mut path = String::new();
        let mut is_down = false;
        for (n, point) in self.days.iter().enumerate() {
            let value = value(point);
            if let Some(value) = value {
                let command = if is_down { 'L' } else { 'M' };
                path += &format!("{command}{:.1} {:.1}", self.x(n) * WIDTH, y(scale, value));
            }
            is_down = value.is_some();
        }
        path
    }

    /// The days between two gaps, through which no line goes: they are drawn as points.
    fn lone(&self, value: impl Fn(&DayPoint) -> Option<f64>) -> Vec<(usize, f64)> {
        let points = self.days.iter().enumerate().map(|(n, point)| (n, value(point)));
        let points: Vec<_> = points.collect();
        let runs = points.chunk_by(|(_, a), (_, b)| a.is_some() && b.is_some());
        let lone = runs.filter_map(|run| match run {
            [(n, Some(value))] => Some((*n, *value)),
            _ => None,
        });
        lone.collect()
    }

    /// The area between the ends of the intervals, one for each run of days that have one.
    fn band(&self, scale: &Scale) -> String {
        let points: Vec<_> = self.days.iter().enumerate().collect();
        let runs = points.chunk_by(|(_, a), (_, b)| a.interval.is_some() == b.interval.is_some());
        let mut path = String::new();
        for run in runs {
            let corner =
                |n: usize, value| format!("{:.1} {:.1}", self.x(n) * WIDTH, y(scale, value));
            let ends = || run.iter().filter_map(|(n, point)| Some((*n, point.interval?)));
            let upper = ends().map(|(n, (_, high))| corner(n, high));
            let lower = ends().rev().map(|(n, (low, _))| corner(n, low));
            let corners: Vec<String> = upper.chain(lower).collect();
            // The interval of a day alone is a line, drawn beside its point.
            if corners.len() > 2 {
                path += &format!("M{}Z", corners.join("L"));
            }
        }
        path
    }

    /// The intervals of days between two that have none, around which there is no area.
    fn lone_intervals(&self) -> Vec<(usize, (f64, f64))> {
        let lone = self.lone(|point| point.interval.map(|(low, _)| low));
        lone.into_iter().filter_map(|(n, _)| Some((n, self.days[n].interval?))).collect()
    }

    /// One sentence for those who do not see the drawing.
    fn summary(&self) -> String {
        let known = || self.days.iter().filter_map(|point| Some((point.day, point.value?)));
        let Some(((first_day, first), (last_day, last))) = known().next().zip(known().next_back())
        else {
            return format!("{}: no data", self.title);
        };
        let least = known().map(|(_, value)| value).fold(f64::INFINITY, f64::min);
        let most = known().map(|(_, value)| value).fold(f64::NEG_INFINITY, f64::max);
        let text = |value| self.unit.text(value);
        format!(
            "{} by day: {} on {}, {} on {}; lowest {}, highest {}",
            self.title,
            text(first),
            short(first_day),
            text(last),
            short(last_day),
            text(least),
            text(most),
        )
    }

    /// What shows while a day is pointed at.
    fn day(&self, scale: &Scale, n: usize, point: &DayPoint) -> Markup {
        let column = 1.0 / self.days.len() as f64;
        let x = percent(self.x(n));
        let anchor = match self.x(n) {
            ..0.25 => "start",
            0.75.. => "end",
            _ => "middle",
        };
        let text = point.value.map_or_else(|| "no data".to_owned(), |value| self.unit.text(value));
        html! {
            g class="chart-day" {
                rect class="chart-hit" x=(percent(column * n as f64)) width=(percent(column))
                    height=(px(TOP_PX + PLOT_PX)) {}
                line x1=(x) x2=(x) y1=(px(TOP_PX)) y2=(px(TOP_PX + PLOT_PX)) {}
                @if let Some(value) = point.value {
                    circle cx=(x) cy=(px(y(scale, value))) r="4" {}
                }
                text x=(x) y="13" text-anchor=(anchor) {
                    (short(point.day)) ": " tspan { (text) }
                    @if let Some((low, high)) = point.interval {
                        " (" (self.unit.interval_text(low, high)) ")"
                    }
                }
            }
        }
    }

    fn drawing(&self) -> Markup {
        let scale = self.scale();
        let step = self.days.len().div_ceil(N_LABELS).max(1);
        let last = self.days.len().saturating_sub(1);
        html! {
            div class="chart-plot" {
                (axis(&scale, self.unit))
                svg class="chart-area" width="100%" height=(HEIGHT_PX) role="img"
                    aria-label=(self.summary()) {
                    (grid(&scale))
                    svg viewBox={ "0 0 " (WIDTH) " " (HEIGHT_PX) } width="100%" height=(HEIGHT_PX)
                        preserveAspectRatio="none" {
                        path class="chart-band" d=(self.band(&scale)) {}
                        @if self.before.is_some() {
                            path class="chart-before" d=(self.path(&scale, |point| point.before)) {}
                        }
                        path class="chart-line" d=(self.path(&scale, |point| point.value)) {}
                    }
                    @for (n, value) in self.lone(|point| point.before) {
                        circle class="chart-point chart-point-before" cx=(percent(self.x(n)))
                            cy=(px(y(&scale, value))) r="2.5" {}
                    }
                    @for (n, (low, high)) in self.lone_intervals() {
                        @let x = percent(self.x(n));
                        line class="chart-interval" x1=(x) x2=(x) y1=(px(y(&scale, high)))
                            y2=(px(y(&scale, low))) {}
                    }
                    @for (n, value) in self.lone(|point| point.value) {
                        circle class="chart-point" cx=(percent(self.x(n)))
                            cy=(px(y(&scale, value))) r="3" {}
                    }
                    // Counted from the last day, which is the one that people look for.
                    @for (n, point) in self.days.iter().enumerate() {
                        @if (last - n).is_multiple_of(step) {
                            @let is_minor = !((last - n) / step).is_multiple_of(2);
                            text class=(if is_minor { "chart-label chart-minor" } else { "chart-label" })
                                x=(percent(self.x(n))) y=(px(HEIGHT_PX - BOTTOM_PX / 3.0))
                                text-anchor="middle" {
                                (short(point.day))
                            }
                        }
                    }
                    @for (n, point) in self.days.iter().enumerate() { (self.day(&scale, n, point)) }
                }
            }
        }
    }

    fn table(&self) -> Table<'_> {
        let mut columns = vec![Column::text("Day"), Column::number("Value")];
        let has_interval = self.days.iter().any(|point| point.interval.is_some());
        if has_interval {
            columns.push(Column::number("95 % interval"));
        }
        columns.extend(self.before.map(Column::number));
        let written = |value: Option<f64>| {
            Cell::new(value.map_or_else(|| "–".to_owned(), |value| self.unit.text(value)))
        };
        Table::new(self.title, columns).rows(self.days.iter().map(|point| {
            let mut cells = vec![Cell::new(point.day.to_string()), written(point.value)];
            if has_interval {
                let text = point.interval.map(|(low, high)| self.unit.interval_text(low, high));
                cells.push(Cell::new(text.unwrap_or_else(|| "–".to_owned())));
            }
            cells.extend(self.before.map(|_| written(point.before)));
            cells
        }))
    }
}

impl Render for LineChart<'_> {
    fn render(&self) -> Markup {
        let has_interval = self.days.iter().any(|point| point.interval.is_some());
        let legend = html! {
            @if self.before.is_some() || has_interval {
                span class="chart-legend" aria-hidden="true" {
                    @if has_interval { span class="key key-band" { "95 % interval" } }
                    @if let Some(before) = self.before { span class="key key-before" { (before) } }
                }
            }
        };
        figure(self.title, self.unit.name(), &legend, &self.drawing(), &self.table())
    }
}

/// A day without its year: "12 Nov".
fn short(day: Day) -> String {
    format(day.start(), "%-d %b")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(n: u32, value: Option<f64>, interval: Option<(f64, f64)>) -> DayPoint {
        DayPoint { day: Day(20_000 + n), value, interval, before: None }
    }

    #[test]
    fn a_day_without_data_leaves_a_gap_in_line_and_band() {
        let days = [
            day(0, Some(1.0), Some((0.5, 1.5))),
            day(1, None, None),
            day(2, Some(2.0), Some((1.5, 2.5))),
            day(3, Some(3.0), Some((2.5, 3.5))),
        ];
        let chart = LineChart { title: "Clicks", unit: Unit::Count(""), days: &days, before: None };
        let scale = chart.scale();
        let line = chart.path(&scale, |point| point.value);
        assert_eq!((line.matches('M').count(), line.matches('L').count()), (2, 1));
        assert_eq!(chart.band(&scale).matches('Z').count(), 1);
        let html = chart.render().into_string();
        assert!(
            html.contains("Clicks by day: 1 on 4 Oct, 3 on 7 Oct; lowest 1, highest 3"),
            "{html}"
        );
    }

    #[test]
    fn a_day_alone_between_gaps_is_a_point_with_its_interval() {
        let days = [
            day(0, None, None),
            day(1, Some(2.0), Some((1.5, 2.5))),
            day(2, None, None),
            day(3, Some(1.0), None),
            day(4, Some(3.0), None),
            day(5, None, None),
            DayPoint { before: Some(2.0), ..day(6, None, None) },
        ];
        let before = Some("before");
        let chart = LineChart { title: "Clicks", unit: Unit::Count(""), days: &days, before };
        assert_eq!(chart.lone(|point| point.value), [(1, 2.0)]);
        assert_eq!(chart.lone(|point| point.before), [(6, 2.0)]);
        assert_eq!(chart.lone_intervals(), [(1, (1.5, 2.5))]);
        let html = chart.render().into_string();
        assert_eq!(html.matches("\"chart-point\"").count(), 1, "{html}");
        assert_eq!(html.matches("\"chart-interval\"").count(), 1, "{html}");
    }

    #[test]
    fn a_chart_without_days_says_so() {
        let chart = LineChart { title: "Clicks", unit: Unit::Count(""), days: &[], before: None };
        assert!(chart.render().into_string().contains("Clicks: no data"));
    }
}
