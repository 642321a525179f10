//! When a campaign sends.

use serde::{Deserialize, Serialize};

use super::LIKELY_SIZE_MAX;
use super::campaign::check_text;
use crate::{ClockTime, Timestamp, Weekday};

/// The longest wait after an event, in seconds: 182 days.
pub const CAMPAIGN_WAIT_S_MAX: u32 = 15_724_800;
/// The most dates of a campaign.
const DATES_MAX: usize = 100;
/// The most events that a campaign counts.
pub const CAMPAIGN_COUNT_MAX: u32 = 100;
/// The longest time between a date and the message, in seconds: 366 days.
const DATE_OFFSET_S_MAX: i64 = 31_622_400;

/// What somebody may do meanwhile, so that they get no message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CampaignUnless {
    /// The name of the event, as in conditions.
    pub event: String,
    /// Tests of its properties, as a condition has them behind `where`; none for every such event.
    #[serde(default, rename = "where", skip_serializing_if = "Option::is_none")]
    pub filters: Option<String>,
}

/// How often a campaign runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CampaignEvery {
    /// On every day.
    Day,
    /// On some days of every week.
    Week,
    /// On some days of every month.
    Month,
}

/// When a campaign sends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum CampaignStart {
    /// Once, to everybody whom it is for; at once where the time has passed.
    At {
        /// The time.
        at: Timestamp,
    },
    /// At several times, to everybody whom it is for.
    Dates {
        /// The times, 1 to 100.
        dates: Vec<Timestamp>,
    },
    /// Again and again at a time of day, to everybody whom it is for.
    Recurring {
        /// How often.
        every: CampaignEvery,
        /// The time of day.
        at: ClockTime,
        /// On which days of the week, with `every = "week"`.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        days: Vec<Weekday>,
        /// On which days of the month, 1 to 31, with `every = "month"`. A month that has no such
        /// day is left out.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        month_days: Vec<u8>,
        /// Whether on the last day of the month, with `every = "month"`.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        on_last_day: bool,
        /// Not before.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        from: Option<Timestamp>,
        /// Not after.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        until: Option<Timestamp>,
    },
    /// To whoever does something.
    Event {
        /// The name of the event, as in conditions.
        event: String,
        /// Tests of its properties, as a condition has them behind `where`; none for every such
        /// event.
        #[serde(default, rename = "where", skip_serializing_if = "Option::is_none")]
        filters: Option<String>,
        /// How often the person must do it within `within_s`, 2 to 100; the last one begins the
        /// message, and they are counted anew. Once if absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        count: Option<u32>,
        /// The time for `count`, in seconds.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        within_s: Option<u32>,
        /// How long after the event the message is due, in seconds.
        #[serde(default)]
        after_s: u32,
        /// The message is not sent if the person does this within `after_s`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        unless: Option<CampaignUnless>,
    },
    /// Before, on or after a date of the person, such as a birthday.
    Date {
        /// The key of the trait that has the date: `YYYY-MM-DD`, or an instant.
        #[serde(rename = "trait")]
        of_trait: String,
        /// How long after the date, in seconds; before it if negative. Whole days are days of the
        /// calendar.
        #[serde(default)]
        offset_s: i64,
        /// The time of day; without it that of the instant, and 09:00 for a date.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        at: Option<ClockTime>,
        /// Whether every year from the date on, and not once.
        #[serde(default)]
        each_year: bool,
    },
    /// To whomever a call of the API or a node of a journey names.
    Triggered {},
    /// To the people who are interested in what a business event is about, such as a new episode.
    BusinessEvent {
        /// The name of the business event.
        event: String,
        /// Tests of its properties, as a condition has them behind `where`; none for every such
        /// event.
        #[serde(default, rename = "where", skip_serializing_if = "Option::is_none")]
        filters: Option<String>,
        /// How many people at most, 1 to 1,000,000: those who are most likely to act on its items.
        size: u32,
        /// Whether people are left out who have acted on one of the items before.
        #[serde(default)]
        exclude_acted: bool,
    },
}

impl CampaignStart {
    /// Whether it has times at which everybody is looked at.
    pub fn has_runs(&self) -> bool {
        matches!(self, Self::At { .. } | Self::Dates { .. } | Self::Recurring { .. })
    }

    /// Checks the values. Tests of properties are checked where their language is known.
    pub(super) fn validate(&self) -> Result<(), String> {
        match self {
            Self::At { .. } | Self::Triggered {} => Ok(()),
            Self::Dates { dates } => match dates.len() {
                1..=DATES_MAX => Ok(()),
                n => Err(format!("start.dates are {n}: they must be 1 to {DATES_MAX}")),
            },
            Self::Recurring { every, days, month_days, on_last_day, from, until, .. } => {
                let has_month_days = !month_days.is_empty() || *on_last_day;
                if (*every == CampaignEvery::Week) == days.is_empty() {
                    return Err("start.days: every = \"week\" needs them, no other".to_owned());
                }
                if (*every == CampaignEvery::Month) != has_month_days {
                    let what = "start.month_days, or on_last_day: every = \"month\" needs one, no \
                                other";
                    return Err(what.to_owned());
                }
                if let Some(day) = month_days.iter().find(|day| !(1..=31).contains(*day)) {
                    return Err(format!("start.month_days has {day}: days are 1 to 31"));
                }
                match from.zip(*until) {
                    Some((from, until)) if from > until => {
                        Err("start.until is before start.from".to_owned())
                    }
                    _ => Ok(()),
                }
            }
            Self::Event { event, count, within_s, after_s, unless, .. } => {
                check_text("start.event", event)?;
                check_count(*count, *within_s)?;
                check_wait(*after_s, unless.as_ref())
            }
            Self::BusinessEvent { event, size, .. } => {
                check_text("start.event", event)?;
                match size {
                    1..=LIKELY_SIZE_MAX => Ok(()),
                    _ => Err(format!("start.size is {size}: it must be 1 to {LIKELY_SIZE_MAX}")),
                }
            }
            Self::Date { of_trait, offset_s, .. } => {
                check_text("start.trait", of_trait)?;
                match offset_s.unsigned_abs() <= DATE_OFFSET_S_MAX.unsigned_abs() {
                    true => Ok(()),
                    false => Err(format!(
                        "start.offset_s is {offset_s}: it must be -{DATE_OFFSET_S_MAX} to \
                         {DATE_OFFSET_S_MAX} (366 days)"
                    )),
                }
            }
        }
    }
}

fn check_count(count: Option<u32>, within_s: Option<u32>) -> Result<(), String> {
    match (count, within_s) {
        (None, None) => Ok(()),
        (Some(2..=CAMPAIGN_COUNT_MAX), Some(1..=CAMPAIGN_WAIT_S_MAX)) => Ok(()),
        (Some(_), Some(_)) => Err(format!(
            "start.count must be 2 to {CAMPAIGN_COUNT_MAX}, and start.within_s 1 to \
             {CAMPAIGN_WAIT_S_MAX}"
        )),
        _ => Err("start.count and start.within_s belong together".to_owned()),
    }
}

fn check_wait(after_s: u32, unless: Option<&CampaignUnless>) -> Result<(), String> {
    if after_s > CAMPAIGN_WAIT_S_MAX {
        return Err(format!(
            "start.after_s is {after_s}: it must be at most {CAMPAIGN_WAIT_S_MAX} (182 days)"
        ));
    }
    let Some(unless) = unless else { return Ok(()) };
    check_text("start.unless.event", &unless.event)?;
    match after_s {
        0 => Err("start.unless needs start.after_s: how long people have for it".to_owned()),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::CampaignStart;

    fn mistake(start: Value) -> String {
        let start = serde_json::from_value::<CampaignStart>(start);
        start.map_err(|error| error.to_string()).and_then(|start| start.validate()).unwrap_err()
    }

    #[test]
    fn mistakes_in_starts_are_named() {
        let recurring = |more: Value| {
            let mut start = json!({ "type": "recurring", "at": "09:00" });
            start.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            start
        };
        for (start, expected) in [
            (json!({ "type": "dates", "dates": [] }), "start.dates are 0"),
            (json!({ "type": "triggered", "at": "09:00" }), "unknown field `at`"),
            (recurring(json!({ "every": "week" })), "start.days: every = \"week\" needs them"),
            (recurring(json!({ "every": "day", "days": ["monday"] })), "start.days"),
            (recurring(json!({ "every": "month" })), "start.month_days, or on_last_day"),
            (recurring(json!({ "every": "month", "month_days": [32] })), "has 32"),
            (
                recurring(json!({ "every": "day", "from": "2026-02-01T00:00:00Z",
                    "until": "2026-01-01T00:00:00Z" })),
                "start.until is before start.from",
            ),
            (json!({ "type": "event", "event": "A", "count": 2 }), "belong together"),
            (json!({ "type": "event", "event": "A", "count": 1, "within_s": 9 }), "2 to 100"),
            (json!({ "type": "date", "trait": "b", "offset_s": -31_622_401 }), "366 days"),
            (json!({ "type": "business_event", "event": "A", "size": 0 }), "start.size is 0"),
        ] {
            let mistake = mistake(start.clone());
            assert!(mistake.contains(expected), "{start}: {mistake}");
        }
    }
}
