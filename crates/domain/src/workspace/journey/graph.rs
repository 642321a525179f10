//! Where the nodes of a journey lead.

use super::{JOURNEY_END, Journey, JourneyAction, JourneyNode};

/// A way out of a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JourneyConnector<'a> {
    /// Its name among those of the node, as statistics have it.
    pub name: String,
    /// The name of the node to which it leads; none leads out of the journey.
    pub to: Option<&'a str>,
    /// Whether time passes, or something must happen anew, before it is taken.
    pub takes_time: bool,
}

impl<'a> JourneyConnector<'a> {
    fn new(name: impl Into<String>, to: &'a Option<String>, takes_time: bool) -> Self {
        let to = to.as_deref().filter(|to| *to != JOURNEY_END);
        Self { name: name.into(), to, takes_time }
    }
}

impl Journey {
    /// The keys of the journeys that its nodes begin.
    pub fn begun(&self) -> impl Iterator<Item = &str> {
        self.nodes.iter().filter_map(|node| match &node.action {
            JourneyAction::Trigger { journey, .. } => Some(journey.as_str()),
            _ => None,
        })
    }
}

impl JourneyNode {
    /// Every way out of the node, in order. A node that leads nowhere on has one that leads out.
    pub fn connectors(&self) -> Vec<JourneyConnector<'_>> {
        match &self.action {
            JourneyAction::Message { sent, refused, viewed, clicked, within_s, .. } => {
                let waits = within_s.is_some();
                let mut all = vec![
                    JourneyConnector::new("sent", sent, waits),
                    JourneyConnector::new("refused", refused, false),
                ];
                let drawn = [("viewed", viewed), ("clicked", clicked)];
                let drawn = drawn.into_iter().filter(|(_, to)| to.is_some());
                all.extend(drawn.map(|(name, to)| JourneyConnector::new(name, to, true)));
                all
            }
            JourneyAction::Delay { next, .. } => vec![JourneyConnector::new("next", next, true)],
            JourneyAction::DelayUntil { next, .. } => {
                vec![JourneyConnector::new("next", next, true)]
            }
            JourneyAction::HoldUntil { branches, timeout, .. } => {
                let numbered = branches.iter().enumerate().filter(|(_, branch)| !branch.again);
                let numbered = numbered.map(|(n, branch)| {
                    JourneyConnector::new(format!("event {}", n + 1), &branch.next, true)
                });
                numbered.chain([JourneyConnector::new("timeout", timeout, true)]).collect()
            }
            JourneyAction::Split { branches, otherwise } => {
                let numbered = branches.iter().enumerate().map(|(n, branch)| {
                    JourneyConnector::new(format!("branch {}", n + 1), &branch.next, false)
                });
                numbered.chain([JourneyConnector::new("otherwise", otherwise, false)]).collect()
            }
            JourneyAction::Random { branches, .. } => branches
                .iter()
                .enumerate()
                .map(|(n, branch)| {
                    JourneyConnector::new(format!("branch {}", n + 1), &branch.next, false)
                })
                .collect(),
            JourneyAction::UpdateProfile { next, .. }
            | JourneyAction::Send { next, .. }
            | JourneyAction::Trigger { next, .. } => {
                vec![JourneyConnector::new("next", next, false)]
            }
            JourneyAction::Exit => vec![JourneyConnector::new("next", &None, false)],
        }
    }
}
