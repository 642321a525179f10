//! A journey as text, one node a line.

use std::fmt::{self, Display, Write as _};

use super::{
    JOURNEY_END, Journey, JourneyAction, JourneyEntrance, JourneyNode, JourneyStatus, Reentry,
    TraitChange, TraitChangeKind,
};
use crate::LocalTime;

impl Journey {
    /// The journey as text for people: who enters, what leads out, and each node with its
    /// connectors on a line.
    pub fn to_text(&self) -> String {
        let mut text = String::new();
        self.write(&mut text).expect("texts can be written to");
        text
    }

    fn write(&self, to: &mut String) -> fmt::Result {
        write!(to, "journey {}", self.key)?;
        if let Some(name) = &self.name {
            write!(to, " {name:?}")?;
        }
        let status = match self.status {
            JourneyStatus::Draft => "draft",
            JourneyStatus::Running => "running",
            JourneyStatus::Paused => "paused",
            JourneyStatus::Stopped => "stopped",
        };
        writeln!(to, " ({status})")?;
        match &self.entry {
            JourneyEntrance::Event { event, filters, audience } => {
                write!(to, "enter: {}", Event(event, filters.as_deref(), false))?;
                if let Some(audience) = audience {
                    write!(to, ", in audience {audience}")?;
                }
                writeln!(to)?;
            }
            JourneyEntrance::Audience { audience } => writeln!(to, "enter: audience {audience}")?,
            JourneyEntrance::At { at, audience } => {
                writeln!(to, "enter: at {at}, in audience {audience}")?;
            }
            JourneyEntrance::Triggered => writeln!(to, "enter: triggered")?,
        }
        let again = match self.reentry {
            Reentry::Never => "never",
            Reentry::AfterExit => "after exit",
            Reentry::Always => "always",
        };
        write!(to, "again: {again}")?;
        match &self.per {
            Some(per) => writeln!(to, ", per {per}")?,
            None => writeln!(to)?,
        }
        if let Some(seconds) = self.timeout_s {
            writeln!(to, "stay: at most {}", Span(seconds))?;
        }
        if self.control_percent > 0 {
            writeln!(to, "control group: {} %", self.control_percent)?;
        }
        for exit in &self.exits {
            let event = Event(&exit.event, exit.filters.as_deref(), exit.same_value);
            writeln!(to, "exit: {event}")?;
        }
        for goal in &self.goals {
            write!(to, "goal {:?}: ", goal.name)?;
            match (&goal.event, &goal.audience) {
                (Some(event), _) => {
                    writeln!(to, "{}", Event(event, goal.filters.as_deref(), false))?;
                }
                (None, audience) => {
                    writeln!(to, "audience {}", audience.as_deref().unwrap_or_default())?;
                }
            }
        }
        for one in &self.moves {
            writeln!(to, "move: {} -> {}", one.from, one.to)?;
        }
        self.nodes.iter().try_for_each(|node| writeln!(to, "{node}"))
    }
}

impl Display for JourneyNode {
    /// One line: the name, what the node does, and where its connectors lead.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.name)?;
        match &self.action {
            JourneyAction::Message { campaign, within_s, .. } => {
                write!(f, "message {campaign}")?;
                if let Some(seconds) = within_s {
                    write!(f, ", watched for {}", Span(*seconds))?;
                }
            }
            JourneyAction::Delay { seconds, .. } => write!(f, "delay {}", Span(*seconds))?,
            JourneyAction::DelayUntil { time, days, local_time, .. } => {
                write!(f, "delay until {time}")?;
                for (n, day) in days.iter().enumerate() {
                    let before = if n == 0 { " on " } else { ", " };
                    write!(f, "{before}{}", format!("{day:?}").to_lowercase())?;
                }
                if *local_time == LocalTime::Person {
                    f.write_str(" of the person")?;
                }
            }
            JourneyAction::HoldUntil { branches, timeout_s, timeout } => {
                f.write_str("hold until")?;
                for branch in branches {
                    let event = Event(&branch.event, branch.filters.as_deref(), branch.same_value);
                    match branch.again {
                        true => write!(f, " {event} -> wait again;")?,
                        false => write!(f, " {event} -> {};", to(branch.next.as_deref()))?,
                    }
                }
                return write!(f, " {} -> {}", Span(*timeout_s), to(timeout.as_deref()));
            }
            JourneyAction::Split { branches, otherwise } => {
                f.write_str("split")?;
                for branch in branches {
                    write!(f, " {} -> {};", branch.when, to(branch.next.as_deref()))?;
                }
                return write!(f, " otherwise -> {}", to(otherwise.as_deref()));
            }
            JourneyAction::Random { branches, sticky } => {
                f.write_str(if *sticky { "random, sticky" } else { "random" })?;
                for (n, branch) in branches.iter().enumerate() {
                    let before = if n == 0 { " " } else { "; " };
                    write!(f, "{before}{} % -> {}", branch.percent, to(branch.next.as_deref()))?;
                }
                return Ok(());
            }
            JourneyAction::UpdateProfile { changes, .. } => {
                f.write_str("update")?;
                changes.iter().try_for_each(|change| write!(f, " {}", Change(change)))?;
            }
            JourneyAction::Send { destination, .. } => write!(f, "send to {destination:?}")?,
            JourneyAction::Trigger { journey, .. } => write!(f, "begin journey {journey}")?,
            JourneyAction::Exit => return f.write_str("exit"),
        }
        let connectors = self.connectors();
        let is_only = connectors.len() == 1;
        for connector in connectors {
            match is_only {
                true => write!(f, " -> {}", to(connector.to))?,
                false => write!(f, "; {} -> {}", connector.name, to(connector.to))?,
            }
        }
        Ok(())
    }
}

fn to(target: Option<&str>) -> &str {
    target.unwrap_or(JOURNEY_END)
}

/// An event with its tests, and whether its value must be that of the entry.
struct Event<'a>(&'a str, Option<&'a str>, bool);

impl Display for Event<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(name, filters, same_value) = self;
        write!(f, "{name:?}")?;
        if let Some(filters) = filters {
            write!(f, " where {filters}")?;
        }
        if *same_value { f.write_str(" with the same value") } else { Ok(()) }
    }
}

struct Change<'a>(&'a TraitChange);

impl Display for Change<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let TraitChange { key, change, value } = self.0;
        match change {
            TraitChangeKind::Set => write!(f, "{key} = {value}"),
            TraitChangeKind::Add => write!(f, "{key} with {value}"),
            TraitChangeKind::Remove => write!(f, "{key} without {value}"),
            TraitChangeKind::Increment => write!(f, "{key} + {value}"),
        }
    }
}

/// A span of time in seconds, in the largest unit that it has whole.
struct Span(u32);

impl Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let units = [(86_400, "day"), (3_600, "hour"), (60, "minute"), (1, "second")];
        let whole = units.into_iter().find(|(seconds, _)| self.0.is_multiple_of(*seconds));
        let (seconds, unit) = whole.unwrap_or((1, "second"));
        let n = self.0 / seconds;
        write!(f, "{n} {unit}{}", if n == 1 { "" } else { "s" })
    }
}
