//! What a template needs, known without rendering it.

use std::collections::{BTreeMap, BTreeSet};

use crate::Template;
use crate::error::Place;
use crate::parser::ROOTS;
use crate::syntax::{Chain, Condition, Expression, Key, Kind, LoopSource, Node, Test};

/// One `recommend` tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recommendation {
    /// The recommendation definition.
    pub definition: String,
    /// The most items that it puts into the message.
    pub count: usize,
    /// The fewest items with which the message is sent.
    pub min: usize,
    /// Items of the list that are left out at its head.
    pub offset: usize,
    /// Where the tag is.
    pub place: Place,
}

/// One `linked` tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkedCall {
    /// The name of the external API.
    pub name: String,
    /// The parameters that it gets.
    pub parameters: Vec<String>,
    /// Where the tag is.
    pub place: Place,
}

#[derive(Default)]
struct Needs {
    recommendations: Vec<(Recommendation, usize)>,
    items: BTreeMap<String, usize>,
    linked: Vec<(LinkedCall, usize)>,
    variables: BTreeSet<String>,
}

impl Template {
    /// Its `recommend` tags, in the order of the source.
    pub fn recommendations(&self) -> Vec<Recommendation> {
        let place = |(made, offset): (Recommendation, usize)| Recommendation {
            place: Place::of(&self.source, offset),
            ..made
        };
        self.needs().recommendations.into_iter().map(place).collect()
    }

    /// The catalogs of its `item` tags, each with the place of the first.
    pub fn items(&self) -> BTreeMap<String, Place> {
        self.places(self.needs().items)
    }

    /// Its `linked` tags, in the order of the source.
    pub fn linked(&self) -> Vec<LinkedCall> {
        let place = |(made, offset): (LinkedCall, usize)| LinkedCall {
            place: Place::of(&self.source, offset),
            ..made
        };
        self.needs().linked.into_iter().map(place).collect()
    }

    /// The paths that it reads, such as `profile.traits.city`. A path ends before an index that is
    /// known only when it renders.
    pub fn variables(&self) -> BTreeSet<String> {
        self.needs().variables
    }

    fn places(&self, offsets: BTreeMap<String, usize>) -> BTreeMap<String, Place> {
        let place = |(name, offset)| (name, Place::of(&self.source, offset));
        offsets.into_iter().map(place).collect()
    }

    fn needs(&self) -> Needs {
        let mut needs = Needs::default();
        needs.nodes(&self.nodes);
        needs
    }
}

impl Needs {
    fn nodes(&mut self, nodes: &[Node]) {
        nodes.iter().for_each(|node| self.node(node));
    }

    fn node(&mut self, node: &Node) {
        match node {
            Node::Text { .. } | Node::Break | Node::Continue => {}
            Node::Output(chain) | Node::Assign { chain, .. } => self.chain(chain),
            Node::If { branches, otherwise } => {
                for (condition, body) in branches {
                    self.condition(condition);
                    self.nodes(body);
                }
                self.nodes(otherwise);
            }
            Node::Case { subject, whens, otherwise } => {
                self.expression(subject);
                for (values, body) in whens {
                    self.expressions(values);
                    self.nodes(body);
                }
                self.nodes(otherwise);
            }
            Node::For(made) => {
                match &made.source {
                    LoopSource::List(list) => self.expression(list),
                    LoopSource::Range(first, last) => {
                        self.expression(first);
                        self.expression(last);
                    }
                }
                self.expressions(made.limit.iter().chain(&made.skip));
                self.expressions(made.table.iter().flatten());
                self.nodes(&made.body);
                self.nodes(&made.otherwise);
            }
            Node::Cycle { values, .. } => self.expressions(values),
            Node::Capture { body, .. } => self.nodes(body),
            Node::Recommend(made) => {
                let recommendation = Recommendation {
                    definition: made.definition.clone(),
                    count: made.count,
                    min: made.min,
                    offset: made.skip,
                    place: Place { line: 0, column: 0 },
                };
                self.recommendations.push((recommendation, made.offset));
            }
            Node::Item { catalog, id, offset, .. } => {
                self.items.entry(catalog.clone()).or_insert(*offset);
                self.expression(id);
            }
            Node::Linked(made) => {
                let call = LinkedCall {
                    name: made.api.clone(),
                    parameters: made.parameters.iter().map(|(name, _)| name.clone()).collect(),
                    place: Place { line: 0, column: 0 },
                };
                self.linked.push((call, made.offset));
                self.expressions(made.parameters.iter().map(|(_, value)| value));
                self.expressions(&made.default);
            }
            Node::Abort { reason, .. } => self.expressions(reason),
        }
    }

    fn chain(&mut self, chain: &Chain) {
        self.expression(&chain.input);
        for call in &chain.filters {
            self.expressions(call.arguments.iter().chain(&call.allow_false));
        }
    }

    fn condition(&mut self, condition: &Condition) {
        for test in condition.alternatives.iter().flatten() {
            match test {
                Test::Truth(value) => self.expression(value),
                Test::Comparison(left, _, right) => self.expressions([left, right]),
            }
        }
    }

    fn expressions<'e>(&mut self, expressions: impl IntoIterator<Item = &'e Expression>) {
        expressions.into_iter().for_each(|expression| self.expression(expression));
    }

    fn expression(&mut self, expression: &Expression) {
        let Kind::Variable { root, keys } = &expression.kind else { return };
        let mut path = root.clone();
        let mut is_known = true;
        for key in keys {
            match key {
                Key::Name(name) if is_known => {
                    path.push('.');
                    path.push_str(name);
                }
                Key::Name(_) => {}
                Key::Computed(key) => {
                    is_known = false;
                    self.expression(key);
                }
            }
        }
        if ROOTS.contains(&root.as_str()) {
            self.variables.insert(path);
        }
    }
}
