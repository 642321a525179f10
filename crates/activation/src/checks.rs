//! The checks between "a message is due" and "it is made": whether it is sent, waits or is refused.
//!
//! Their order is that of CleverTap's campaigns: control group, opt-out, reachability, quiet hours
//! and cut-off, frequency caps, limits, throttle. The first that speaks decides, and its reason is
//! counted.

pub(crate) mod local_time;

use domain::{ChannelLimits, DeliveryOptions, LocalTime, QuietThen, TimeZone, Timestamp};
use serde::{Deserialize, Serialize};

pub use self::local_time::{Calendar, day_of, next_clock_time};
use self::local_time::{end_of_quiet_hours, is_cut_off, is_quiet};

/// The length of the periods in which a channel sends so many messages, in milliseconds.
const THROTTLE_MS: i64 = 300_000;

/// Why a message is not sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefusalReason {
    /// The person is in a control group.
    ControlGroup,
    /// The person does not want messages of the channel, or of the topic.
    OptedOut,
    /// The person has no address of the channel.
    NotReachable,
    /// It has waited for too long.
    Expired,
    /// It is due in quiet hours.
    QuietHours,
    /// It is due after the time of day from which on nothing is sent.
    CutOff,
    /// The person has got a message of the campaign too recently.
    CampaignGap,
    /// The person has got as many messages of the channel as they may, or one too recently.
    ChannelCap,
    /// As many people as may have got a message of the campaign on this day.
    DayLimit,
    /// As many people as may have got a message of this run.
    RunLimit,
    /// The campaign has sent as many messages as it may.
    MessagesLimit,
}

impl RefusalReason {
    /// The word by which reports count it.
    pub fn word(self) -> &'static str {
        match self {
            Self::ControlGroup => "control_group",
            Self::OptedOut => "opted_out",
            Self::NotReachable => "not_reachable",
            Self::Expired => "expired",
            Self::QuietHours => "quiet_hours",
            Self::CutOff => "cut_off",
            Self::CampaignGap => "campaign_gap",
            Self::ChannelCap => "channel_cap",
            Self::DayLimit => "day_limit",
            Self::RunLimit => "run_limit",
            Self::MessagesLimit => "messages_limit",
        }
    }
}

/// What becomes of a message that is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// It is made and sent.
    Send,
    /// It is due again at an instant.
    Wait(Timestamp),
    /// It is not sent.
    Refuse(RefusalReason),
}

/// A message that a person has got.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PastMessage {
    /// When it was sent.
    pub at: Timestamp,
    /// The number of the channel.
    pub channel: u32,
    /// The number of the campaign.
    pub campaign: u32,
}

/// What a campaign has sent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SentCounts {
    /// People who got one today.
    pub people_today: u64,
    /// People who got one in this run.
    pub people_of_run: u64,
    /// Messages in all.
    pub messages: u64,
    /// Messages of the channel, of all campaigns, in the five minutes under way.
    pub channel_messages: u64,
}

/// What is known when a message is due.
#[derive(Debug, Clone, Copy)]
pub struct DueMessage<'a> {
    /// The number of the channel.
    pub channel: u32,
    /// The number of the campaign.
    pub campaign: u32,
    /// When it became due for the first time.
    pub first_due: Timestamp,
    /// Whether a control group keeps it from the person.
    pub is_of_control_group: bool,
    /// Whether the person wants messages of the channel and the topic.
    pub is_wanted: bool,
    /// Whether the person has an address of the channel.
    pub is_reachable: bool,
    /// The time zone of the person, if they have one.
    pub zone: Option<&'a TimeZone>,
    /// The messages that the person has got in the last 31 days or longer, oldest first.
    pub past: &'a [PastMessage],
    /// What the campaign and the channel have sent.
    pub sent: SentCounts,
}

/// The options of a campaign with the limits of its channel.
#[derive(Debug, Clone, Copy)]
pub struct Checks<'a> {
    /// The options of the campaign.
    pub options: &'a DeliveryOptions,
    /// The limits of the channel.
    pub limits: &'a ChannelLimits,
    /// The time zone of the workspace.
    pub zone: &'a TimeZone,
}

impl Checks<'_> {
    /// Decides on a message at an instant. A message that waits is decided on anew when it is due
    /// again, with what is known then.
    pub fn decide(&self, message: &DueMessage<'_>, now: Timestamp) -> Decision {
        let zone = self.local_zone(message);
        if let Some(reason) = self.refuses_person(message, now) {
            return Decision::Refuse(reason);
        }
        if let Some(quiet) = &self.options.quiet_hours
            && is_quiet(&quiet.windows, zone, now)
        {
            return match (quiet.then, end_of_quiet_hours(&quiet.windows, zone, now)) {
                (QuietThen::Later, Some(end)) => Decision::Wait(end),
                _ => Decision::Refuse(RefusalReason::QuietHours),
            };
        }
        if self.options.cut_off.is_some_and(|from| is_cut_off(from, zone, now)) {
            return Decision::Refuse(RefusalReason::CutOff);
        }
        if let Some(reason) = self.caps(message, now).or_else(|| self.reached_limit(&message.sent))
        {
            return Decision::Refuse(reason);
        }
        match self.limits.per_five_minutes {
            Some(limit)
                if !self.options.ignores_channel_limits
                    && message.sent.channel_messages >= limit =>
            {
                Decision::Wait(Timestamp((now.0.div_euclid(THROTTLE_MS) + 1) * THROTTLE_MS))
            }
            _ => Decision::Send,
        }
    }

    /// The zone whose days and hours count for a person.
    fn local_zone<'z>(&'z self, message: &DueMessage<'z>) -> &'z TimeZone {
        match self.options.local_time {
            LocalTime::Workspace => self.zone,
            LocalTime::Person => message.zone.unwrap_or(self.zone),
        }
    }

    fn refuses_person(&self, message: &DueMessage<'_>, now: Timestamp) -> Option<RefusalReason> {
        let waited_ms = now.0 - message.first_due.0;
        let is_expired = |after_s: u32| waited_ms > i64::from(after_s) * 1_000;
        if message.is_of_control_group {
            Some(RefusalReason::ControlGroup)
        } else if !message.is_wanted && !self.options.ignores_subscriptions {
            Some(RefusalReason::OptedOut)
        } else if !message.is_reachable {
            Some(RefusalReason::NotReachable)
        } else if self.options.expires_after_s.is_some_and(is_expired) {
            Some(RefusalReason::Expired)
        } else {
            None
        }
    }

    /// The cap that the person has reached.
    fn caps(&self, message: &DueMessage<'_>, now: Timestamp) -> Option<RefusalReason> {
        let is_within =
            |gap_s: u32, past: &PastMessage| now.0 - past.at.0 < i64::from(gap_s) * 1_000;
        let of_campaign = || message.past.iter().filter(|past| past.campaign == message.campaign);
        if let Some(gap_s) = self.options.gap_s
            && of_campaign().any(|past| is_within(gap_s, past))
        {
            return Some(RefusalReason::CampaignGap);
        }
        if self.options.ignores_channel_limits {
            return None;
        }
        let of_channel = || message.past.iter().filter(|past| past.channel == message.channel);
        let limits = self.limits;
        let calendar = Calendar::at(self.zone, now);
        let is_reached = |limit: Option<u32>, begin: Timestamp| {
            let n = of_channel().filter(|past| past.at >= begin).count();
            limit.is_some_and(|limit| n >= limit as usize)
        };
        let is_capped = is_reached(limits.per_day, calendar.day)
            || is_reached(limits.per_week, calendar.week)
            || is_reached(limits.per_month, calendar.month)
            || limits.gap_s.is_some_and(|gap_s| of_channel().any(|past| is_within(gap_s, past)));
        is_capped.then_some(RefusalReason::ChannelCap)
    }

    /// The limit that the campaign has reached.
    fn reached_limit(&self, sent: &SentCounts) -> Option<RefusalReason> {
        let limits = [
            (self.options.people_per_day, sent.people_today, RefusalReason::DayLimit),
            (self.options.people_per_run, sent.people_of_run, RefusalReason::RunLimit),
            (self.options.messages_max, sent.messages, RefusalReason::MessagesLimit),
        ];
        let is_reached = |(limit, n, _): &(Option<u64>, u64, _)| limit.is_some_and(|max| *n >= max);
        limits.into_iter().find(is_reached).map(|(_, _, reason)| reason)
    }
}
