//! The syntax tree.
//!
//! Operators of one class in a row are one node with many operands, so that a long list of
//! alternatives is wide and not deep.

use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::sync::Arc;

use crate::functions::Function;
use crate::value::Value;

/// Shared, so that parts of it can be kept beside the whole.
pub(crate) type Tree = Arc<Node>;

#[derive(Debug)]
pub(crate) struct Node {
    /// Where it starts in the text; no two calls start in one place.
    pub(crate) column: u32,
    /// One more than that of its highest child.
    pub(crate) height: u32,
    pub(crate) what: What,
}

#[derive(Debug)]
pub(crate) enum What {
    /// A literal, or a part that was evaluated ahead.
    Constant(Value),
    /// A part that was evaluated ahead in vain, for it needs too many steps.
    Exhausting,
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

/// An operator and what follows it.
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
    pub(crate) fn of_symbol(symbol: &str) -> Option<Self> {
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
    pub(crate) fn of_symbol(symbol: &str) -> Option<Self> {
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

    /// Whether this ordering operator holds between things that compare so; nothing holds between
    /// what does not compare.
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

/// A thing with properties that is not the candidate.
#[derive(Debug, Clone)]
pub(crate) enum Source {
    ContextItem,
    ContextUser,
    ContextSegment,
    /// The item with the id that the expression yields.
    Item(Tree),
}

/// On what the value of an expression depends.
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
    pub chance: bool,
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
        match &self.what {
            What::Constant(_) | What::Exhausting | What::Property(_) | What::Variable(_) => {
                Vec::new()
            }
            What::Not(child) | What::Negate(child) | What::Plus(child) => vec![child],
            What::Logic(_, children)
            | What::Set(children)
            | What::Array(children)
            | What::Call(_, children) => children.iter().collect(),
            What::Arithmetic(first, links) => {
                std::iter::once(first).chain(links.iter().map(|link| &link.right)).collect()
            }
            What::Comparison(first, links) => {
                std::iter::once(first).chain(links.iter().map(|link| &link.right)).collect()
            }
            What::If { condition, then, otherwise } => vec![condition, then, otherwise],
            What::Index(left, right) => vec![left, right],
            What::Lookup(Source::Item(item), key) => vec![item, key],
            What::Lookup(_, key) => vec![key],
            What::Lambda { body, collection, .. } => vec![body, collection],
        }
    }

    /// The memory of the node and its children, in bytes.
    pub(crate) fn n_bytes(&self) -> usize {
        let of_own = match &self.what {
            What::Constant(value) => value.n_bytes_beside(),
            What::Property(name) => SHARED_BYTES + name.len(),
            What::Logic(_, children)
            | What::Set(children)
            | What::Array(children)
            | What::Call(_, children) => bytes_of_vec(children),
            What::Arithmetic(_, links) => bytes_of_vec(links),
            What::Comparison(_, links) => bytes_of_vec(links),
            _ => 0,
        };
        let of_children = self.children().into_iter().map(|child| child.n_bytes()).sum::<usize>();
        SHARED_BYTES + size_of::<Self>() + of_own + of_children
    }

    /// On what the node depends, its children included.
    pub(crate) fn dependencies(&self) -> Dependencies {
        let mut all = self.own_dependencies();
        for child in self.children() {
            let of_child = child.dependencies();
            all.row |= of_child.row;
            all.context |= of_child.context;
            all.time |= of_child.time;
            all.chance |= of_child.chance;
        }
        all
    }

    /// Adds the segmentations that functions name; false where one is named by what is computed.
    pub(crate) fn add_segmentations<'a>(&'a self, names: &mut BTreeSet<&'a str>) -> bool {
        let is_known = match &self.what {
            What::Call(Function::SegmentItems | Function::ItemSegments, arguments) => {
                match arguments.first().map(|argument| &argument.what) {
                    Some(What::Constant(Value::String(name))) => {
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

    /// On what the node depends beside its children.
    pub(crate) fn own_dependencies(&self) -> Dependencies {
        let none = Dependencies::default();
        match &self.what {
            What::Property(_) => Dependencies { row: true, ..none },
            What::Lookup(..) => Dependencies { context: true, ..none },
            What::Call(Function::Now, _) => Dependencies { time: true, ..none },
            // Chance differs from candidate to candidate.
            What::Call(Function::Random, _) => Dependencies { row: true, chance: true, ..none },
            What::Call(function, _) => Dependencies { context: function.asks_context(), ..none },
            _ => none,
        }
    }
}
