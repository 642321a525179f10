//! The syntax tree.
//!
//! Operators of one class in a row are one node with many operands, so that a long list of
//! alternatives is wide and not deep.

use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::sync::Arc;

use crate::functions::Function;
use crate::value::Value;

/// A shared node: a folded tree shares its unchanged parts with the original.
pub(crate) type Tree = Arc<Node>;

#[derive(Debug)]
pub(crate) struct Node {
    /// The place in the text, which also seeds `random()`: no two calls have the same one.
    pub(crate) column: u32,
    /// One more than the height of its highest child; a leaf has 1.
    pub(crate) height: u32,
    pub(crate) kind: NodeKind,
}

#[derive(Debug)]
pub(crate) enum NodeKind {
    /// A literal, or a folded part.
    Constant(Value),
    /// A part whose folding needed too many steps.
    Exhausted,
    Property(Arc<str>),
    /// The variable of an enclosing lambda, counted from the outermost.
    Variable(usize),
    Not(Tree),
    Negate(Tree),
    Plus(Tree),
    Logic(LogicOp, Vec<Tree>),
    Arithmetic(Tree, Vec<Link<ArithmeticOp>>),
    /// A chain holds when each link holds between its neighbours.
    Comparison(Tree, Vec<Link<CompareOp>>),
    If {
        condition: Tree,
        then: Tree,
        otherwise: Tree,
    },
    Set(Vec<Tree>),
    Array(Vec<Tree>),
    Index(Tree, Tree),
    Lookup(Source, Tree),
    Call(Function, Vec<Tree>),
    Lambda {
        op: LambdaOp,
        /// The variable that it binds.
        variable: usize,
        body: Tree,
        collection: Tree,
    },
}

/// An operator and its right operand.
#[derive(Debug)]
pub(crate) struct Link<Op> {
    pub(crate) op: Op,
    pub(crate) column: u32,
    pub(crate) right: Tree,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LogicOp {
    And,
    Or,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ArithmeticOp {
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
    Intersect,
}

impl ArithmeticOp {
    pub(crate) fn from_symbol(symbol: &str) -> Option<Self> {
        Some(match symbol {
            "+" => Self::Add,
            "-" => Self::Subtract,
            "*" => Self::Multiply,
            "/" => Self::Divide,
            "%" => Self::Remainder,
            "&" => Self::Intersect,
            _ => return None,
        })
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CompareOp {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    In,
    NotIn,
}

impl CompareOp {
    pub(crate) fn from_symbol(symbol: &str) -> Option<Self> {
        Some(match symbol {
            "==" => Self::Equal,
            "!=" => Self::NotEqual,
            "<" => Self::Less,
            "<=" => Self::LessOrEqual,
            ">" => Self::Greater,
            ">=" => Self::GreaterOrEqual,
            _ => return None,
        })
    }

    /// Whether an ordering operator holds for an ordering; none holds for values that cannot be
    /// compared. The operators that are no orderings never hold here.
    pub(crate) fn holds(self, ordering: Option<Ordering>) -> bool {
        ordering.is_some_and(|ordering| match self {
            Self::Less => ordering.is_lt(),
            Self::LessOrEqual => ordering.is_le(),
            Self::Greater => ordering.is_gt(),
            Self::GreaterOrEqual => ordering.is_ge(),
            Self::Equal | Self::NotEqual | Self::In | Self::NotIn => false,
        })
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LambdaOp {
    Map,
    Select,
    Exists,
}

/// A subject whose properties can be looked up, other than the candidate.
#[derive(Debug, Clone)]
pub(crate) enum Source {
    ContextItem,
    ContextUser,
    ContextSegment,
    /// The item with the id that the expression yields.
    Item(Tree),
}

/// The inputs that the value of an expression depends on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Dependencies {
    /// On the candidate; without it every candidate gets the same value.
    pub row: bool,
    /// On the context: the item, user or segment of the request, other items, segments,
    /// interactions.
    pub context: bool,
    /// On the time of the request.
    pub time: bool,
    /// On chance.
    pub randomness: bool,
}

/// The approximate overhead of an allocation, in bytes.
const ALLOCATION_BYTES: usize = 8;
/// The overhead of a shared value, in bytes: two counts and an allocation.
pub(crate) const SHARED_BYTES: usize = 2 * size_of::<usize>() + ALLOCATION_BYTES;

fn bytes_of_vec<T>(elements: &Vec<T>) -> usize {
    elements.capacity() * size_of::<T>() + ALLOCATION_BYTES
}

impl Node {
    pub(crate) fn children(&self) -> Vec<&Tree> {
        match &self.kind {
            NodeKind::Constant(_)
            | NodeKind::Exhausted
            | NodeKind::Property(_)
            | NodeKind::Variable(_) => Vec::new(),
            NodeKind::Not(child) | NodeKind::Negate(child) | NodeKind::Plus(child) => vec![child],
            NodeKind::Logic(_, children)
            | NodeKind::Set(children)
            | NodeKind::Array(children)
            | NodeKind::Call(_, children) => children.iter().collect(),
            NodeKind::Arithmetic(first, links) => {
                std::iter::once(first).chain(links.iter().map(|link| &link.right)).collect()
            }
            NodeKind::Comparison(first, links) => {
                std::iter::once(first).chain(links.iter().map(|link| &link.right)).collect()
            }
            NodeKind::If { condition, then, otherwise } => vec![condition, then, otherwise],
            NodeKind::Index(left, right) => vec![left, right],
            NodeKind::Lookup(Source::Item(item), key) => vec![item, key],
            NodeKind::Lookup(_, key) => vec![key],
            NodeKind::Lambda { body, collection, .. } => vec![body, collection],
        }
    }

    /// The memory of the node and its children, in bytes.
    pub(crate) fn n_bytes(&self) -> usize {
        let own_bytes = match &self.kind {
            NodeKind::Constant(value) => value.n_bytes_beside(),
            NodeKind::Property(name) => SHARED_BYTES + name.len(),
            NodeKind::Logic(_, children)
            | NodeKind::Set(children)
            | NodeKind::Array(children)
            | NodeKind::Call(_, children) => bytes_of_vec(children),
            NodeKind::Arithmetic(_, links) => bytes_of_vec(links),
            NodeKind::Comparison(_, links) => bytes_of_vec(links),
            _ => 0,
        };
        let children_bytes =
            self.children().into_iter().map(|child| child.n_bytes()).sum::<usize>();
        SHARED_BYTES + size_of::<Self>() + own_bytes + children_bytes
    }

    /// The inputs that the node depends on, those of its children included.
    pub(crate) fn dependencies(&self) -> Dependencies {
        let mut all = self.own_dependencies();
        for child in self.children() {
            let child_dependencies = child.dependencies();
            all.row |= child_dependencies.row;
            all.context |= child_dependencies.context;
            all.time |= child_dependencies.time;
            all.randomness |= child_dependencies.randomness;
        }
        all
    }

    /// Collects the names of segmentations; false where a name is computed and so unknown.
    pub(crate) fn add_segmentations<'a>(&'a self, names: &mut BTreeSet<&'a str>) -> bool {
        let is_known = match &self.kind {
            NodeKind::Call(Function::SegmentItems | Function::ItemSegments, arguments) => {
                match arguments.first().map(|argument| &argument.kind) {
                    Some(NodeKind::Constant(Value::String(name))) => {
                        names.insert(name);
                        true
                    }
                    _ => false,
                }
            }
            _ => true,
        };
        self.children().into_iter().all(|child| child.add_segmentations(names)) && is_known
    }

    /// The inputs that the node itself depends on, without those of its children.
    pub(crate) fn own_dependencies(&self) -> Dependencies {
        let none = Dependencies::default();
        match &self.kind {
            NodeKind::Property(_) => Dependencies { row: true, ..none },
            NodeKind::Lookup(..) => Dependencies { context: true, ..none },
            NodeKind::Call(Function::Now, _) => Dependencies { time: true, ..none },
            // A random number differs from candidate to candidate.
            NodeKind::Call(Function::Random, _) => {
                Dependencies { row: true, randomness: true, ..none }
            }
            NodeKind::Call(function, _) => {
                Dependencies { context: function.reads_context(), ..none }
            }
            _ => none,
        }
    }
}
