//! A version of a journey, read so that people can be moved by it.

use conditions::{Condition, Event, EventMatch};
use domain::{Journey, JourneyAction, JourneyEntrance, JourneyStatus};
use serde_json::Value;

/// The first part of the paths by which conditions name what was sent with a journey's events.
pub const JOURNEY_CONTEXT: &str = "journey";

/// A version of a journey.
#[derive(Debug)]
pub struct Plan {
    /// The definition.
    pub definition: Journey,
    entry: Option<EventMatch>,
    exits: Vec<EventMatch>,
    /// None for goals that are audiences.
    goals: Vec<Option<EventMatch>>,
    nodes: Vec<PlannedNode>,
}

#[derive(Debug)]
struct PlannedNode {
    /// The events for which it waits.
    events: Vec<EventMatch>,
    /// The conditions by which it divides.
    conditions: Vec<Condition>,
    /// Its connectors with the nodes to which they lead.
    targets: Vec<(String, Option<u16>)>,
}

impl Plan {
    /// Reads a definition.
    ///
    /// # Errors
    /// A sentence that names the place and the mistake.
    pub fn new(definition: Journey) -> Result<Self, String> {
        let read = |place: &str, event: &str, filters: Option<&String>| {
            let read = EventMatch::parse(event, filters.map(String::as_str));
            read.map_err(|error| format!("{place}.where: {error}"))
        };
        let entry = match &definition.entry {
            JourneyEntrance::Event { event, filters, .. } => {
                Some(read("entry", event, filters.as_ref())?)
            }
            _ => None,
        };
        let exits = definition.exits.iter();
        let exits = exits.map(|exit| read("exits", &exit.event, exit.filters.as_ref()));
        let exits = exits.collect::<Result<_, _>>()?;
        let goals = definition.goals.iter().map(|goal| {
            let event = goal.event.as_ref();
            event.map(|event| read("goals", event, goal.filters.as_ref())).transpose()
        });
        let goals = goals.collect::<Result<_, _>>()?;
        let mut nodes = Vec::new();
        for node in &definition.nodes {
            let in_node = |what: String| format!("node {:?}: {what}", node.name);
            let (mut events, mut conditions) = (Vec::new(), Vec::new());
            match &node.action {
                JourneyAction::HoldUntil { branches, .. } => {
                    for one in branches {
                        let event = read("branches", &one.event, one.filters.as_ref());
                        events.push(event.map_err(in_node)?);
                    }
                }
                JourneyAction::Split { branches, .. } => {
                    for one in branches {
                        conditions.push(read_condition(&one.when).map_err(in_node)?);
                    }
                }
                _ => {}
            }
            let connectors = node.connectors().into_iter();
            let target = |to: Option<&str>| to.and_then(|to| definition.node(to)).map(|n| n as u16);
            let targets = connectors.map(|one| (one.name, target(one.to))).collect();
            nodes.push(PlannedNode { events, conditions, targets });
        }
        Ok(Self { entry, exits, goals, nodes, definition })
    }

    /// Whether people enter.
    pub fn is_open(&self) -> bool {
        self.definition.status == JourneyStatus::Running
    }

    /// Whether people enter who do this.
    pub(crate) fn is_entered_by(&self, event: &Event) -> bool {
        self.entry.as_ref().is_some_and(|entry| entry.matches(event))
    }

    /// The name of the event that begins it.
    pub(crate) fn entry_event(&self) -> Option<&str> {
        self.entry.as_ref().map(|entry| entry.name.as_str())
    }

    /// The names of the events that move people inside.
    pub(crate) fn moving_events(&self) -> impl Iterator<Item = &str> {
        let waits = self.nodes.iter().flat_map(|node| &node.events);
        let all = self.exits.iter().chain(self.goals.iter().flatten()).chain(waits);
        all.map(|event| event.name.as_str()).chain(self.message_events())
    }

    fn message_events(&self) -> impl Iterator<Item = &str> {
        let reads = |action: &JourneyAction| {
            matches!(action, JourneyAction::Message { within_s: Some(_), .. })
        };
        let reads = self.definition.nodes.iter().any(|node| reads(&node.action));
        [VIEWED, CLICKED].into_iter().filter(move |_| reads)
    }

    /// The keys of the audiences that its conditions name.
    pub fn audiences(&self) -> impl Iterator<Item = &str> {
        let conditions = self.nodes.iter().flat_map(|node| &node.conditions);
        conditions.flat_map(Condition::audiences)
    }

    /// The value of the property by which there are several ways through the journey; none where it
    /// has none.
    pub(crate) fn value_of(&self, event: &Event) -> Option<String> {
        let found = event.properties.get(self.definition.per.as_deref()?)?;
        match found {
            Value::String(text) => Some(text.chars().take(VALUE_CHARS_MAX).collect()),
            Value::Number(number) => Some(number.to_string()),
            Value::Bool(flag) => Some(flag.to_string()),
            _ => None,
        }
    }

    /// Which exit an event is, of somebody who entered with a value.
    pub(crate) fn exit(&self, event: &Event, value: Option<&str>) -> Option<usize> {
        let mut all = self.exits.iter().zip(&self.definition.exits);
        all.position(|(exit, one)| {
            exit.matches(event) && (!one.same_value || self.has_value(event, value))
        })
    }

    /// Which goal an event reaches.
    pub(crate) fn goal(&self, event: &Event) -> Option<usize> {
        self.goals.iter().position(|goal| goal.as_ref().is_some_and(|goal| goal.matches(event)))
    }

    /// Which goal is reached by entering an audience.
    pub(crate) fn goal_of_audience(&self, audience: &str) -> Option<usize> {
        self.definition.goals.iter().position(|goal| goal.audience.as_deref() == Some(audience))
    }

    /// For which branch of a node an event is waited.
    pub(crate) fn branch(&self, node: u16, event: &Event, value: Option<&str>) -> Option<usize> {
        let JourneyAction::HoldUntil { branches, .. } = self.action(node) else { return None };
        let mut all = self.nodes[usize::from(node)].events.iter().zip(branches);
        all.position(|(wanted, branch)| {
            wanted.matches(event) && (!branch.same_value || self.has_value(event, value))
        })
    }

    fn has_value(&self, event: &Event, value: Option<&str>) -> bool {
        self.value_of(event).as_deref() == value
    }

    /// The conditions by which a node divides people.
    pub(crate) fn conditions(&self, node: u16) -> &[Condition] {
        &self.nodes[usize::from(node)].conditions
    }

    /// What a node does.
    pub(crate) fn action(&self, node: u16) -> &JourneyAction {
        &self.definition.nodes[usize::from(node)].action
    }

    /// The key of the campaign whose message a node sends; none of other nodes.
    pub(crate) fn campaign(&self, node: u16) -> Option<&str> {
        match &self.definition.nodes.get(usize::from(node))?.action {
            JourneyAction::Message { campaign, .. } => Some(campaign),
            _ => None,
        }
    }

    /// The name of a node.
    pub fn node_name(&self, node: u16) -> &str {
        self.definition.nodes.get(usize::from(node)).map_or("", |node| &node.name)
    }

    /// The node to which a connector leads; none out of the journey.
    pub(crate) fn target(&self, node: u16, connector: &str) -> Option<u16> {
        let targets = &self.nodes[usize::from(node)].targets;
        targets.iter().find(|(name, _)| name == connector).and_then(|(_, target)| *target)
    }

    /// The longest stay, in milliseconds.
    pub(crate) fn timeout_ms(&self) -> i64 {
        i64::from(self.definition.timeout_s.unwrap_or(Journey::TIMEOUT_S_MAX)) * 1_000
    }

    /// Whether somebody may be in the journey twice with one value.
    pub(crate) fn is_parallel(&self) -> bool {
        self.definition.reentry == domain::Reentry::Always && self.definition.per.is_none()
    }
}

/// The longest value of the property `per`, in characters. Longer ones count by their beginning.
const VALUE_CHARS_MAX: usize = 200;
/// The events by which the recipient's reaction to a message is known.
pub(crate) const VIEWED: &str = "Notification Viewed";
pub(crate) const CLICKED: &str = "Notification Clicked";

fn read_condition(text: &str) -> Result<Condition, String> {
    let condition: Condition = text.parse().map_err(|error| format!("when: {error}"))?;
    let mut refused = None;
    condition.visit(&mut |part| match part {
        Condition::Trait(_)
        | Condition::Audience(_)
        | Condition::All(_)
        | Condition::Any(_)
        | Condition::Not(_) => {}
        other => refused = Some(other.to_string()),
    });
    match refused {
        None => Ok(condition),
        Some(part) => Err(format!(
            "when: {part:?} asks for more than traits and audiences: make it an audience, and ask \
             for that"
        )),
    }
}
