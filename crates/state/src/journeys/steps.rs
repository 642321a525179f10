//! How people move: the one way in which the fold and simulations do it. It knows no clock, no
//! store and no journal; the caller says what happened when, and [`World`] is what it reads and
//! changes.
//!
//! A way through a journey follows what is told of the person in the order in which it happened, as
//! far as it is known when the journal tells it. What is told late moves a person from where they
//! are: nobody goes back.

use conditions::{Condition, Event, Known, decide};
use domain::{JourneyAction, JourneyNode, RandomBranch, Timestamp, TraitChange};
use serde_json::{Map, Value};
use xxhash_rust::xxh3::xxh3_64;

use super::instance::{Instance, Moment, Stage};
use super::plan::{CLICKED, JOURNEY_CONTEXT, Plan, VIEWED};

/// The most nodes to which one thing that happened moves a person.
const MOVES_MAX: usize = 1_000;
/// How often the wait at a node begins anew.
const AGAIN_MAX: u32 = 100;

/// An event of a person in the order of what happened.
#[derive(Debug, Clone, PartialEq)]
pub struct ToldEvent {
    /// When it happened, no later than it was told, and where it was told.
    pub moment: Moment,
    /// The event.
    pub event: Event,
}

/// Why somebody leaves a journey.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Leave {
    /// A connector led out.
    Completed,
    /// A goal was reached: its place.
    Goal(usize),
    /// An exit event: its place.
    Exit(usize),
    /// The longest stay is over.
    Timeout,
    /// The journey was stopped or removed, or the version is not kept any more.
    Stopped,
    /// The person was merged with somebody who is in the journey for longer.
    Merged,
    /// They went round without an end.
    TooManyMoves,
}

impl Leave {
    /// The word by which it is counted.
    pub fn word(&self) -> String {
        match self {
            Self::Completed => "completed".to_owned(),
            Self::Goal(n) => format!("goal {}", n + 1),
            Self::Exit(n) => format!("exit {}", n + 1),
            Self::Timeout => "timeout".to_owned(),
            Self::Stopped => "stopped".to_owned(),
            Self::Merged => "merged".to_owned(),
            Self::TooManyMoves => "too_many_moves".to_owned(),
        }
    }
}

/// What happened to somebody in a journey.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fact {
    /// They entered.
    Entered,
    /// They came to the node at which they are.
    Arrived,
    /// They left the node at which they are by a connector.
    Moved(String),
    /// They left the journey.
    Left(Leave),
}

/// What becomes of the message of a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MessageResult {
    /// It was handed to its channel.
    Sent,
    /// It is not sent.
    Refused,
}

/// What moves read and change, of one person.
pub trait World {
    /// Why something cannot be read or changed.
    type Error;

    /// The traits with these keys.
    ///
    /// # Errors
    /// If they cannot be read.
    fn traits(&mut self, keys: &[&str]) -> Result<Map<String, Value>, Self::Error>;

    /// Whether the person belongs to an audience.
    ///
    /// # Errors
    /// If it cannot be read.
    fn is_member(&mut self, audience: &str) -> Result<bool, Self::Error>;

    /// An id of the person that stays.
    ///
    /// # Errors
    /// If it cannot be read.
    fn person_id(&mut self) -> Result<String, Self::Error>;

    /// Changes traits.
    ///
    /// # Errors
    /// If they cannot be read or changed.
    fn update(&mut self, at: Timestamp, changes: &[TraitChange]) -> Result<(), Self::Error>;

    /// Lets the message of a campaign wait. False where it is refused at once.
    ///
    /// # Errors
    /// If the state cannot be read.
    fn begin_message(
        &mut self,
        campaign: &str,
        node: &str,
        instance: &Instance,
    ) -> Result<bool, Self::Error>;

    /// Takes back a message that waits.
    ///
    /// # Errors
    /// If the state cannot be read.
    fn drop_message(&mut self, campaign: &str, instance: &Instance) -> Result<(), Self::Error>;

    /// Lets the person enter another journey with what was sent with the events of this one.
    fn trigger(&mut self, journey: &str, instance: &Instance);

    /// Notes what happened.
    fn note(&mut self, plan: &Plan, instance: &Instance, at: Timestamp, fact: &Fact);
}

/// A move of one way through a journey.
pub(crate) struct Mover<'m, W> {
    pub(crate) plan: &'m Plan,
    pub(crate) instance: &'m mut Instance,
    pub(crate) world: &'m mut W,
    n_moves: usize,
}

impl<'m, W: World> Mover<'m, W> {
    pub(crate) fn new(plan: &'m Plan, instance: &'m mut Instance, world: &'m mut W) -> Self {
        Self { plan, instance, world, n_moves: 0 }
    }

    /// Brings somebody who enters to the first node. Returns whether they are inside then, as all
    /// of these functions do.
    pub(crate) fn enter(&mut self) -> Result<bool, W::Error> {
        let moment = self.instance.entered;
        self.note(moment.at, Fact::Entered);
        self.arrive(0, moment)
    }

    /// Follows what happened up to now, `events` in order.
    pub(crate) fn catch_up(
        &mut self,
        events: &[ToldEvent],
        now: Timestamp,
    ) -> Result<bool, W::Error> {
        loop {
            let due = self.due();
            let next = events.iter().find(|seen| self.concerns(seen));
            let is_inside = match next {
                Some(seen) if seen.moment < (Moment { at: due, offset: 0 }) => {
                    self.take_event(seen)?
                }
                _ if due <= now => self.take_time(due)?,
                _ => return Ok(true),
            };
            if !is_inside {
                return Ok(false);
            }
        }
    }

    /// When time alone moves the person.
    pub(crate) fn due(&self) -> Timestamp {
        let over = Timestamp(self.instance.entered.at.0.saturating_add(self.plan.timeout_ms()));
        match self.instance.stage {
            Stage::Until(due) => due.min(over),
            Stage::Asked | Stage::Message => over,
        }
    }

    fn concerns(&self, seen: &ToldEvent) -> bool {
        self.leads_out(seen).is_some()
            || (seen.moment > self.instance.seen && self.way_of(seen).is_some())
    }

    fn leads_out(&self, seen: &ToldEvent) -> Option<Leave> {
        if seen.moment <= self.instance.entered {
            return None;
        }
        let goal = self.plan.goal(&seen.event).map(Leave::Goal);
        let value = self.instance.value.as_deref();
        goal.or_else(|| self.plan.exit(&seen.event, value).map(Leave::Exit))
    }

    /// The way out of the node that an event opens.
    fn way_of(&self, seen: &ToldEvent) -> Option<Way> {
        let Instance { node, stage: Stage::Until(_), .. } = *self.instance else { return None };
        match self.plan.action(node) {
            JourneyAction::HoldUntil { branches, .. } => {
                let value = self.instance.value.as_deref();
                let n = self.plan.branch(node, &seen.event, value)?;
                Some(match branches[n].again {
                    true => Way::Again,
                    false => Way::Connector(format!("event {}", n + 1)),
                })
            }
            JourneyAction::Message { campaign, viewed, clicked, .. } => {
                let properties = &seen.event.properties;
                if properties.get("campaign").and_then(Value::as_str) != Some(campaign) {
                    return None;
                }
                let way = match seen.event.name.as_str() {
                    VIEWED if viewed.is_some() => "viewed",
                    CLICKED if clicked.is_some() => "clicked",
                    _ => return None,
                };
                Some(Way::Connector(way.to_owned()))
            }
            _ => None,
        }
    }

    fn take_event(&mut self, seen: &ToldEvent) -> Result<bool, W::Error> {
        if let Some(leave) = self.leads_out(seen) {
            return self.leave(seen.moment.at, leave);
        }
        let name = self.plan.node_name(self.instance.node).to_owned();
        self.instance.keep(&name, Value::Object(seen.event.properties.clone()).to_string());
        match self.way_of(seen) {
            Some(Way::Connector(connector)) => self.go(&connector, seen.moment),
            Some(Way::Again) if self.instance.again < AGAIN_MAX => {
                self.instance.again += 1;
                self.instance.seen = seen.moment;
                self.instance.since = seen.moment.at;
                self.wait_for_events(seen.moment.at);
                Ok(true)
            }
            _ => self.go("timeout", seen.moment),
        }
    }

    fn wait_for_events(&mut self, from: Timestamp) {
        if let JourneyAction::HoldUntil { timeout_s, .. } = self.plan.action(self.instance.node) {
            self.instance.stage = Stage::Until(after(from, *timeout_s));
        }
    }

    fn take_time(&mut self, due: Timestamp) -> Result<bool, W::Error> {
        let over = self.instance.entered.at.0.saturating_add(self.plan.timeout_ms());
        if due.0 >= over {
            return self.leave(due, Leave::Timeout);
        }
        let connector = match self.plan.action(self.instance.node) {
            JourneyAction::HoldUntil { .. } => "timeout",
            JourneyAction::Message { .. } => "sent",
            _ => "next",
        };
        self.go(connector, Moment { at: due, offset: 0 })
    }

    /// Takes what became of the message of a node.
    pub(crate) fn take_message(
        &mut self,
        moment: Moment,
        result: MessageResult,
    ) -> Result<bool, W::Error> {
        match (result, self.plan.action(self.instance.node)) {
            (MessageResult::Refused, _) => self.go("refused", moment),
            (MessageResult::Sent, JourneyAction::Message { within_s: Some(seconds), .. }) => {
                self.instance.stage = Stage::Until(after(moment.at, *seconds));
                self.instance.seen = moment;
                Ok(true)
            }
            (MessageResult::Sent, _) => self.go("sent", moment),
        }
    }

    /// Takes what the engine found: until when is waited, or that something was sent.
    pub(crate) fn take_answer(
        &mut self,
        moment: Moment,
        until: Option<Timestamp>,
    ) -> Result<bool, W::Error> {
        match until {
            None => self.go("next", moment),
            Some(until) => {
                self.instance.stage = Stage::Until(until);
                Ok(true)
            }
        }
    }

    /// Leaves the node by a connector.
    fn go(&mut self, connector: &str, moment: Moment) -> Result<bool, W::Error> {
        self.note(moment.at, Fact::Moved(connector.to_owned()));
        match self.plan.target(self.instance.node, connector) {
            Some(node) => self.arrive(node, moment),
            None => self.leave(moment.at, Leave::Completed),
        }
    }

    /// Comes to a node, and goes on as far as nothing must be waited for.
    pub(crate) fn arrive(&mut self, node: u16, moment: Moment) -> Result<bool, W::Error> {
        let (mut node, plan) = (node, self.plan);
        loop {
            let instance = &mut *self.instance;
            (instance.node, instance.since, instance.seen) = (node, moment.at, moment);
            (instance.step, instance.again) = (instance.step + 1, 0);
            self.note(moment.at, Fact::Arrived);
            self.n_moves += 1;
            if self.n_moves > MOVES_MAX {
                return self.leave(moment.at, Leave::TooManyMoves);
            }
            let connector = match plan.action(node) {
                JourneyAction::Exit => return self.leave(moment.at, Leave::Completed),
                JourneyAction::Delay { seconds, .. } => {
                    self.instance.stage = Stage::Until(after(moment.at, *seconds));
                    return Ok(true);
                }
                JourneyAction::HoldUntil { .. } => {
                    self.wait_for_events(moment.at);
                    return Ok(true);
                }
                JourneyAction::DelayUntil { .. } | JourneyAction::Send { .. } => {
                    self.instance.stage = Stage::Asked;
                    return Ok(true);
                }
                JourneyAction::Message { campaign, .. } => {
                    self.instance.stage = Stage::Message;
                    let name = plan.node_name(node);
                    if self.world.begin_message(campaign, name, self.instance)? {
                        return Ok(true);
                    }
                    "refused".to_owned()
                }
                JourneyAction::Split { .. } => self.divide(node, moment.at)?,
                JourneyAction::Random { branches, sticky } => {
                    let node = &plan.definition.nodes[usize::from(node)];
                    self.choose(node, branches, *sticky)?
                }
                JourneyAction::UpdateProfile { changes, .. } => {
                    self.world.update(moment.at, changes)?;
                    "next".to_owned()
                }
                JourneyAction::Trigger { journey, .. } => {
                    self.world.trigger(journey, self.instance);
                    "next".to_owned()
                }
            };
            let target = plan.target(node, &connector);
            self.note(moment.at, Fact::Moved(connector));
            match target {
                Some(next) => node = next,
                None => return self.leave(moment.at, Leave::Completed),
            }
        }
    }

    /// The connector of the first condition that holds.
    fn divide(&mut self, node: u16, now: Timestamp) -> Result<String, W::Error> {
        for (n, condition) in self.plan.conditions(node).iter().enumerate() {
            if self.holds(condition, now)? {
                return Ok(format!("branch {}", n + 1));
            }
        }
        Ok("otherwise".to_owned())
    }

    fn holds(&mut self, condition: &Condition, now: Timestamp) -> Result<bool, W::Error> {
        let mut traits = self.world.traits(&condition.trait_keys())?;
        let context = self.instance.context.iter();
        let context = context
            .filter_map(|(name, json)| Some((name.clone(), serde_json::from_str(json).ok()?)));
        traits.insert(JOURNEY_CONTEXT.to_owned(), Value::Object(context.collect()));
        let mut members = Vec::new();
        for key in condition.audiences() {
            if self.world.is_member(key)? {
                members.push(key);
            }
        }
        let is_member = |key: &str| Some(members.contains(&key));
        let known = Known {
            events: None,
            traits: Some(&traits),
            accounts: None,
            is_member: &is_member,
            answers: None,
            open: &[],
        };
        Ok(decide(condition, &known, now) == Some(true))
    }

    /// The connector that chance chooses.
    fn choose(
        &mut self,
        node: &JourneyNode,
        branches: &[RandomBranch],
        sticky: bool,
    ) -> Result<String, W::Error> {
        let person = self.world.person_id()?;
        let key = &self.plan.definition.key;
        let mut chance = format!("{key}\0{}\0{person}", node.name);
        if !sticky {
            let Instance { entered, step, .. } = self.instance;
            chance.push_str(&format!("\0{}\0{}\0{step}", entered.at.0, entered.offset));
        }
        let shares = branches.iter().map(|branch| branch.percent);
        Ok(format!("branch {}", share_of(&chance, shares) + 1))
    }

    /// Leaves the journey.
    pub(crate) fn leave(&mut self, at: Timestamp, why: Leave) -> Result<bool, W::Error> {
        if self.instance.stage == Stage::Message
            && let Some(campaign) = self.plan.campaign(self.instance.node)
        {
            self.world.drop_message(campaign, self.instance)?;
        }
        self.note(at, Fact::Left(why));
        Ok(false)
    }

    fn note(&mut self, at: Timestamp, fact: Fact) {
        self.world.note(self.plan, self.instance, at, &fact);
    }
}

/// A way out of a node that waits.
enum Way {
    Connector(String),
    Again,
}

fn after(at: Timestamp, seconds: u32) -> Timestamp {
    Timestamp(at.0.saturating_add(i64::from(seconds) * 1_000))
}

/// Which of shares of a hundred a text falls into: always the same one.
pub fn share_of(chance: &str, shares: impl Iterator<Item = u8>) -> usize {
    let place = xxh3_64(chance.as_bytes()) % 100;
    let mut sum = 0;
    let mut n_passed = 0;
    for share in shares {
        sum += u64::from(share);
        if place < sum {
            break;
        }
        n_passed += 1;
    }
    n_passed
}

/// Whether a person does not enter a journey, so that its effect is measured: the same for good.
pub fn is_of_control_group(journey: &str, percent: u8, person: &str) -> bool {
    share_of(&format!("control\0{journey}\0{person}"), [percent].into_iter()) == 0
}
