//! Times as distance from now, with the exact time behind them.

use domain::{Day, Timestamp};
use jiff::tz::TimeZone;
use maud::{Markup, Render, html};

/// An instant as a person says it: "3 minutes ago"; the exact time is in the tooltip.
pub struct RelativeTime {
    /// The instant.
    pub at: Timestamp,
    /// The time of the page.
    pub now: Timestamp,
}

/// Distances this short are "just now", in seconds.
const NOW_S: i64 = 5;
/// The units of distances, the longest first, in seconds.
const UNITS: [(i64, &str); 4] = [(86_400, "day"), (3_600, "hour"), (60, "minute"), (1, "second")];
/// From here on a date says more than a number of days.
const DATE_FROM_S: i64 = 30 * 86_400;

impl RelativeTime {
    fn words(&self) -> String {
        let seconds = (self.now.0 - self.at.0) / 1_000;
        let distance = seconds.abs();
        if distance <= NOW_S {
            return "just now".to_owned();
        }
        if distance >= DATE_FROM_S {
            return format(self.at, "%-d %b %Y");
        }
        let unit = UNITS.into_iter().find(|(unit_s, _)| distance >= *unit_s);
        let (unit_s, unit) = unit.unwrap_or((1, "second"));
        let n = distance / unit_s;
        let plural = if n == 1 { "" } else { "s" };
        if seconds > 0 {
            format!("{n} {unit}{plural} ago")
        } else {
            format!("in {n} {unit}{plural}")
        }
    }
}

impl Render for RelativeTime {
    fn render(&self) -> Markup {
        html! {
            time datetime=(self.at) title=(format(self.at, "%-d %b %Y, %H:%M:%S UTC")) {
                (self.words())
            }
        }
    }
}

/// An instant as the time of day; of another day with the date.
pub struct ClockTime {
    /// The instant.
    pub at: Timestamp,
    /// The time of the page.
    pub now: Timestamp,
}

impl Render for ClockTime {
    fn render(&self) -> Markup {
        let is_today = Day::from_timestamp(self.at) == Day::from_timestamp(self.now);
        let short = if is_today { "%H:%M:%S UTC" } else { "%-d %b, %H:%M:%S UTC" };
        html! {
            time datetime=(self.at) title=(format(self.at, "%-d %b %Y, %H:%M:%S UTC")) {
                (format(self.at, short))
            }
        }
    }
}

/// Writes an instant in UTC; one beyond the years that can be written in its plain form.
pub(crate) fn format(at: Timestamp, form: &str) -> String {
    jiff::Timestamp::from_millisecond(at.0)
        .map(|instant| instant.to_zoned(TimeZone::UTC).strftime(form).to_string())
        .unwrap_or_else(|_| at.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_told_as_a_person_would() {
        let now = Timestamp::parse("2026-11-29T10:00:00Z").unwrap();
        let words =
            |seconds: i64| RelativeTime { at: Timestamp(now.0 - seconds * 1_000), now }.words();
        let told = [2, 40, 61, 7_200, 86_400, 40 * 86_400, -90].map(words);
        assert_eq!(
            told,
            [
                "just now",
                "40 seconds ago",
                "1 minute ago",
                "2 hours ago",
                "1 day ago",
                "20 Oct 2026",
                "in 1 minute",
            ]
        );
    }

    #[test]
    fn the_exact_time_stands_behind_it() {
        let at = Timestamp::parse("2026-11-29T10:00:00Z").unwrap();
        let html = RelativeTime { at, now: at }.render().into_string();
        assert_eq!(
            html,
            "<time datetime=\"2026-11-29T10:00:00.000Z\" \
             title=\"29 Nov 2026, 10:00:00 UTC\">just now</time>"
        );
    }
}
