//! What was counted of a journey.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::steps::Fact;

/// What was counted at a node.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeCounts {
    /// How often somebody came to it.
    pub entered: u64,
    /// How often they left it, by connector.
    pub moved: BTreeMap<String, u64>,
    /// How often they left the journey from it, by the reason in a word.
    pub left: BTreeMap<String, u64>,
}

/// What was counted of a journey.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct JourneyCounts {
    /// How often somebody entered.
    pub entered: u64,
    /// How often somebody would have, and did not, by the reason in a word.
    pub not_entered: BTreeMap<String, u64>,
    /// How often somebody left, by the reason in a word.
    pub left: BTreeMap<String, u64>,
    /// By the name of the node, of all versions.
    pub nodes: BTreeMap<String, NodeCounts>,
}

impl JourneyCounts {
    /// Counts what happened at a node.
    pub fn add(&mut self, node: &str, fact: &Fact) {
        match fact {
            Fact::Entered => self.entered += 1,
            Fact::Arrived => self.node(node).entered += 1,
            Fact::Moved(connector) => {
                *self.node(node).moved.entry(connector.clone()).or_default() += 1;
            }
            Fact::Left(why) => {
                *self.left.entry(why.word()).or_default() += 1;
                *self.node(node).left.entry(why.word()).or_default() += 1;
            }
        }
    }

    fn node(&mut self, name: &str) -> &mut NodeCounts {
        self.nodes.entry(name.to_owned()).or_default()
    }
}
