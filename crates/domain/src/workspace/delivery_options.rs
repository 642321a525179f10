//! When and how often people get messages: the options of a campaign, and the limits of a channel.

use serde::{Deserialize, Serialize};

use super::UtmParameters;
use crate::{ClockTime, Weekday};

/// The most windows of quiet hours of a campaign.
const QUIET_WINDOWS_MAX: usize = 14;
/// The most messages of a channel to one person in a month that a limit may allow.
const PERSON_MESSAGES_MAX: u32 = 200;
/// The longest gap between two messages, in seconds: 30 days.
const GAP_S_MAX: u32 = 2_592_000;
/// The shortest gap between two messages, in seconds: 5 minutes.
const GAP_S_MIN: u32 = 300;

/// Whose local time the options of a campaign mean.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum LocalTime {
    /// That of the workspace.
    #[default]
    Workspace,
    /// That of the person, by their trait `timezone`; of the workspace where they have none.
    Person,
}

/// What becomes of a message that is due in quiet hours.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum QuietThen {
    /// It is sent as soon as they are over.
    #[default]
    Later,
    /// It is not sent.
    Discard,
}

/// A part of a day, or of a night.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct QuietWindow {
    /// The days on which it begins; every day if empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub days: Vec<Weekday>,
    /// The first minute.
    pub from: ClockTime,
    /// The minute after it, on the next day where it is not later than `from`.
    pub to: ClockTime,
}

/// When people are not to be disturbed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct QuietHours {
    /// One or more windows.
    pub windows: Vec<QuietWindow>,
    /// What becomes of messages that are due then.
    #[serde(default)]
    pub then: QuietThen,
}

/// When and how often a campaign sends.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct DeliveryOptions {
    /// Whose local time `quiet_hours`, `cut_off` and days mean.
    pub local_time: LocalTime,
    /// When nobody is disturbed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quiet_hours: Option<QuietHours>,
    /// Nothing is sent on a day from this time on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cut_off: Option<ClockTime>,
    /// The least time between two messages of the campaign to one person, in seconds: 300 (5
    /// minutes) to 2,592,000 (30 days).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gap_s: Option<u32>,
    /// Whether the limits of the channel are passed over.
    pub ignores_channel_limits: bool,
    /// Whether it also goes to people who unsubscribed from its channel or topic. For messages that
    /// a person needs for what they asked for, such as the confirmation of an order, and no others.
    pub ignores_subscriptions: bool,
    /// The most people of a day.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub people_per_day: Option<u64>,
    /// The most people of a run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub people_per_run: Option<u64>,
    /// The most messages in all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub messages_max: Option<u64>,
    /// A message that has waited longer is not sent, in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_after_s: Option<u32>,
    /// What people get, with `local_time = "person"`, for whom the time of a run is past when it
    /// begins.
    pub past_zones: PastZones,
    /// A message goes when the person is active, and not as soon as it is due.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub best_time: Option<BestTime>,
    /// A run that is for more people does not begin.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub safety_people_max: Option<u64>,
    /// Whether people of the system control group of the workspace get it too.
    pub ignores_system_control: bool,
    /// Whether links of the message lead over this server, so that clicks are counted; they do if
    /// absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub track_links: Option<bool>,
    /// Whether mails have an invisible image, so that it is counted who opened them; they do if
    /// absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub track_opens: Option<bool>,
    /// Parameters that links get.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub utm: Option<UtmParameters>,
}

/// What becomes of people for whom the time of a run is past.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PastZones {
    /// They get nothing.
    #[default]
    Drop,
    /// They get it at this time on the next day.
    NextDay,
}

/// When a person is active.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BestTime {
    /// The name of the event by which it is found, as in conditions.
    pub event: String,
}

/// How often one person gets messages of a channel, from all campaigns together, and how fast the
/// channel sends.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ChannelLimits {
    /// The most messages to one person on a day, 1 to 200.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub per_day: Option<u32>,
    /// The most messages to one person in a week, which begins on Monday, 1 to 200.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub per_week: Option<u32>,
    /// The most messages to one person in a month, 1 to 200.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub per_month: Option<u32>,
    /// The least time between two messages to one person, in seconds: 300 (5 minutes) to 2,592,000
    /// (30 days).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gap_s: Option<u32>,
    /// The most messages in five minutes, from all campaigns.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub per_five_minutes: Option<u64>,
}

impl DeliveryOptions {
    /// Checks the values.
    ///
    /// # Errors
    /// A sentence that names the option and what is wanted.
    pub fn validate(&self) -> Result<(), String> {
        if let Some(quiet) = &self.quiet_hours {
            let n_windows = quiet.windows.len();
            if !(1..=QUIET_WINDOWS_MAX).contains(&n_windows) {
                return Err(format!(
                    "quiet_hours.windows are {n_windows}: they must be 1 to {QUIET_WINDOWS_MAX}"
                ));
            }
        }
        check_gap(self.gap_s)?;
        if self.best_time.as_ref().is_some_and(|best| best.event.is_empty()) {
            return Err("best_time.event is empty".to_owned());
        }
        if let Some(utm) = &self.utm {
            utm.validate().map_err(|what| format!("utm.{what}"))?;
        }
        let limits = [
            ("people_per_day", self.people_per_day),
            ("people_per_run", self.people_per_run),
            ("messages_max", self.messages_max),
            ("safety_people_max", self.safety_people_max),
            ("expires_after_s", self.expires_after_s.map(u64::from)),
        ];
        match limits.into_iter().find(|(_, limit)| *limit == Some(0)) {
            Some((name, _)) => Err(format!("{name} is 0, so that nothing would ever be sent")),
            None => Ok(()),
        }
    }
}

impl ChannelLimits {
    /// Checks the values.
    ///
    /// # Errors
    /// A sentence that names the limit and what is wanted.
    pub fn validate(&self) -> Result<(), String> {
        let limits =
            [("per_day", self.per_day), ("per_week", self.per_week), ("per_month", self.per_month)];
        for (name, limit) in limits {
            if limit.is_some_and(|limit| !(1..=PERSON_MESSAGES_MAX).contains(&limit)) {
                return Err(format!("{name} must be 1 to {PERSON_MESSAGES_MAX}"));
            }
        }
        if self.per_five_minutes == Some(0) {
            return Err("per_five_minutes is 0, so that nothing would ever be sent".to_owned());
        }
        check_gap(self.gap_s)
    }
}

fn check_gap(gap_s: Option<u32>) -> Result<(), String> {
    match gap_s {
        Some(gap_s) if !(GAP_S_MIN..=GAP_S_MAX).contains(&gap_s) => {
            Err(format!("gap_s is {gap_s}: it must be {GAP_S_MIN} to {GAP_S_MAX} seconds"))
        }
        _ => Ok(()),
    }
}
