//! The types and events of messages that a trigger can match, so that most mappings are passed
//! over without evaluating them.

use std::collections::BTreeSet;

use super::{Field, Node, Test};

/// A set of messages that contains all that a trigger matches.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reach {
    /// The types; none for any.
    pub types: Option<BTreeSet<String>>,
    /// The events; none for any, also for messages without one.
    pub events: Option<BTreeSet<String>>,
}

impl Reach {
    pub(super) fn of(node: &Node) -> Self {
        match node {
            Node::Condition { field, test: Test::IsText(text) } => {
                let only = || Some(BTreeSet::from([text.clone()]));
                match field {
                    Field::Type => Self { types: only(), events: None },
                    Field::Event => Self { types: None, events: only() },
                    _ => Self::default(),
                }
            }
            // Parentheses without a condition must be reached, since they are an error.
            Node::Condition { .. } | Node::Nothing => Self::default(),
            Node::Group { parts, .. } if parts.contains(&Node::Nothing) => Self::default(),
            Node::Group { is_and, parts } => {
                let merge = if *is_and { Self::and } else { Self::or };
                parts.iter().map(Self::of).reduce(merge).unwrap_or_default()
            }
        }
    }

    fn and(self, other: Self) -> Self {
        let both = |a: Option<BTreeSet<String>>, b: Option<BTreeSet<String>>| match (a, b) {
            (Some(a), Some(b)) => Some(a.intersection(&b).cloned().collect()),
            (a, b) => a.or(b),
        };
        Self { types: both(self.types, other.types), events: both(self.events, other.events) }
    }

    fn or(self, other: Self) -> Self {
        let either = |a: Option<BTreeSet<String>>, b: Option<BTreeSet<String>>| {
            a.zip(b).map(|(a, b)| a.union(&b).cloned().collect())
        };
        Self { types: either(self.types, other.types), events: either(self.events, other.events) }
    }
}
