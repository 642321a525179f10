//! The definition of a journey: what happens to people, node by node.

mod check;
mod graph;
mod text;

use serde::{Deserialize, Serialize};
use serde_json::Value;

pub(super) use self::check::check_journeys;
pub use self::graph::JourneyConnector;
use super::delivery_options::LocalTime;
use crate::{ClockTime, Timestamp, Weekday};

/// The most journeys of a workspace.
pub const JOURNEYS_MAX: usize = 100;
/// The most nodes of a journey.
pub const JOURNEY_NODES_MAX: usize = 50;
/// The connector that leads out of a journey.
pub const JOURNEY_END: &str = "end";
/// The name under which tests and context know the event that began a journey.
pub const JOURNEY_ENTRY: &str = "entry";

/// Whether people enter a journey, and whether they are moved.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum JourneyStatus {
    /// It has not begun.
    #[default]
    Draft,
    /// People enter and are moved.
    Running,
    /// Nobody enters; who is inside is moved.
    Paused,
    /// Everybody is out.
    Stopped,
}

/// Who enters a journey.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum JourneyEntrance {
    /// Whoever does something.
    Event {
        /// The name of the event, as in conditions.
        event: String,
        /// Tests of its properties, as a condition has them behind `where`; none for every such
        /// event.
        #[serde(default, rename = "where", skip_serializing_if = "Option::is_none")]
        filters: Option<String>,
        /// The key of the audience to which they must belong; anybody if absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        audience: Option<String>,
    },
    /// Whoever enters an audience.
    Audience {
        /// The key of the audience.
        audience: String,
    },
    /// At a time, whoever belongs to an audience.
    At {
        /// The time.
        at: Timestamp,
        /// The key of the audience.
        audience: String,
    },
    /// Whom a call of the API names, or a node of another journey sends.
    Triggered,
}

/// Whether somebody enters a second time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Reentry {
    /// Never.
    #[default]
    Never,
    /// After they left.
    AfterExit,
    /// Always: they may be in the journey several times.
    Always,
}

/// An event that people do in a journey.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct JourneyEvent {
    /// The name of the event, as in conditions.
    pub event: String,
    /// Tests of its properties, as a condition has them behind `where`; none for every such event.
    #[serde(default, rename = "where", skip_serializing_if = "Option::is_none")]
    pub filters: Option<String>,
    /// Whether its property `per` must be what it was at the entry.
    #[serde(default, skip_serializing_if = "is_false")]
    pub same_value: bool,
}

/// What a journey is for. Who reaches it leaves the journey.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct JourneyGoal {
    /// A name for people.
    pub name: String,
    /// The event that reaches it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event: Option<String>,
    /// Tests of the event's properties.
    #[serde(default, rename = "where", skip_serializing_if = "Option::is_none")]
    pub filters: Option<String>,
    /// In place of an event, the key of an audience: entering it reaches the goal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audience: Option<String>,
}

/// A way out of a node that waits for events.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct HoldBranch {
    /// The name of the event, as in conditions.
    pub event: String,
    /// Tests of its properties.
    #[serde(default, rename = "where", skip_serializing_if = "Option::is_none")]
    pub filters: Option<String>,
    /// Whether its property `per` must be what it was at the entry.
    #[serde(default, skip_serializing_if = "is_false")]
    pub same_value: bool,
    /// Whether the wait begins anew, at most 100 times; from then on the timeout's way is taken.
    #[serde(default, skip_serializing_if = "is_false")]
    pub again: bool,
    /// The next node; `end` or none to leave.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// A way out of a node for those of whom something is true.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SplitBranch {
    /// A condition of traits and audiences. What was sent with the events of the journey stands in
    /// `journey.entry` and below the names of nodes, as in `trait journey.entry.total > 100`.
    pub when: String,
    /// The next node; `end` or none to leave.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// A way out of a node by chance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RandomBranch {
    /// How many of a hundred people, 1 to 99.
    pub percent: u8,
    /// The next node; `end` or none to leave.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// A change of a trait.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TraitChange {
    /// The key of the trait.
    #[serde(rename = "trait")]
    pub key: String,
    /// What is done.
    pub change: TraitChangeKind,
    /// The value; a number where it is added to.
    pub value: Value,
}

/// What is done to a trait.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TraitChangeKind {
    /// It becomes the value.
    Set,
    /// The list gets the value, unless it has it.
    Add,
    /// The list loses the value.
    Remove,
    /// The value, which may be negative, is added to the number; 0 where there is none.
    Increment,
}

/// What a node does.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum JourneyAction {
    /// Sends the message of a campaign whose start is `triggered`.
    Message {
        /// The key of the campaign.
        campaign: String,
        /// Where it leads once the message was sent, or once `within_s` is over.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        sent: Option<String>,
        /// Where it leads if the message is not sent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        refused: Option<String>,
        /// Where it leads once the message was seen.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        viewed: Option<String>,
        /// Where it leads once a link in it was followed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        clicked: Option<String>,
        /// How long the message may be seen or followed, in seconds.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        within_s: Option<u32>,
    },
    /// Waits.
    Delay {
        /// How long, in seconds: 300 (5 minutes) to 15,724,800 (182 days).
        seconds: u32,
        /// The next node; `end` or none to leave.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        next: Option<String>,
    },
    /// Waits until the clock on the wall says something.
    DelayUntil {
        /// The time of the day.
        time: ClockTime,
        /// The days of the week; every day if empty.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        days: Vec<Weekday>,
        /// Whose clock.
        #[serde(default)]
        local_time: LocalTime,
        /// The next node; `end` or none to leave.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        next: Option<String>,
    },
    /// Waits for events.
    HoldUntil {
        /// The events; the first one that fits an event counts.
        branches: Vec<HoldBranch>,
        /// How long it waits, in seconds.
        timeout_s: u32,
        /// Where it leads if none happens; `end` or none to leave.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        timeout: Option<String>,
    },
    /// Divides people by conditions; the first one that holds counts.
    Split {
        /// The conditions.
        branches: Vec<SplitBranch>,
        /// Where everybody else goes; `end` or none to leave.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        otherwise: Option<String>,
    },
    /// Divides people by chance.
    Random {
        /// The shares, which are 100 together.
        branches: Vec<RandomBranch>,
        /// Whether a person goes the same way whenever they come here.
        #[serde(default, skip_serializing_if = "is_false")]
        sticky: bool,
    },
    /// Changes traits of the person.
    UpdateProfile {
        /// The changes, in order.
        changes: Vec<TraitChange>,
        /// The next node; `end` or none to leave.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        next: Option<String>,
    },
    /// Sends an event `Journey Step` to a destination.
    Send {
        /// The name of the destination.
        destination: String,
        /// The next node; `end` or none to leave.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        next: Option<String>,
    },
    /// Lets the person enter another journey.
    Trigger {
        /// The key of the other journey.
        journey: String,
        /// The next node; `end` or none to leave.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        next: Option<String>,
    },
    /// Leads out of the journey.
    Exit,
}

/// A node of a journey.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct JourneyNode {
    /// The name by which others lead to it: a-z, 0-9 and `_`.
    pub name: String,
    /// What it does.
    #[serde(flatten)]
    pub action: JourneyAction,
}

/// Moves those who are on an earlier version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct JourneyMove {
    /// The name of a node of earlier versions.
    pub from: String,
    /// The node of this version to which those at it go.
    pub to: String,
}

/// A journey.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Journey {
    /// The key by which reports and other journeys name it.
    pub key: String,
    /// A name for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Whether people enter and are moved.
    #[serde(default)]
    pub status: JourneyStatus,
    /// Who enters.
    pub entry: JourneyEntrance,
    /// Whether somebody enters a second time.
    #[serde(default)]
    pub reentry: Reentry,
    /// A property of the event that begins it: there is one way through the journey for each of its
    /// values.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub per: Option<String>,
    /// The longest stay, in seconds, up to 365 days; 365 days if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_s: Option<u32>,
    /// Events that lead out of the journey, whatever node somebody is at.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub exits: Vec<JourneyEvent>,
    /// What it is for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub goals: Vec<JourneyGoal>,
    /// How many of a hundred people do not enter, so that the effect is measured, 0 to 99.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub control_percent: u8,
    /// The nodes; the first one comes first.
    pub nodes: Vec<JourneyNode>,
    /// Where those go who are on earlier versions. Who is at a node that it does not name finishes
    /// the version on which they began.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub moves: Vec<JourneyMove>,
}

fn is_false(flag: &bool) -> bool {
    !flag
}

fn is_zero(percent: &u8) -> bool {
    *percent == 0
}

impl Journey {
    /// The longest stay, in seconds: 365 days.
    pub const TIMEOUT_S_MAX: u32 = 31_536_000;

    /// The place of the node of a name.
    pub fn node(&self, name: &str) -> Option<usize> {
        self.nodes.iter().position(|node| node.name == name)
    }

    /// Whether another definition moves people in the same way, whatever it is called and whether
    /// it runs.
    pub fn is_same_version(&self, other: &Self) -> bool {
        let plain = |journey: &Self| Self {
            name: None,
            status: JourneyStatus::Draft,
            moves: Vec::new(),
            ..journey.clone()
        };
        plain(self) == plain(other)
    }
}

#[cfg(test)]
mod tests;
