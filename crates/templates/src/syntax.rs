//! The tree of a template. Offsets are bytes of its source.

use std::ops::Range;

use serde_json::Value;

use crate::filters::Filter;

#[derive(Debug, Clone)]
pub(crate) enum Node {
    Text { text: String, offset: usize },
    Output(Chain),
    If { branches: Vec<(Condition, Vec<Node>)>, otherwise: Vec<Node> },
    Case { subject: Expression, whens: Vec<(Vec<Expression>, Vec<Node>)>, otherwise: Vec<Node> },
    For(Box<Loop>),
    Break,
    Continue,
    Cycle { group: String, values: Vec<Expression>, offset: usize },
    Assign { name: String, chain: Chain },
    Capture { name: String, body: Vec<Node>, offset: usize },
    Recommend(Recommend),
    Item { catalog: String, id: Expression, name: String, offset: usize },
    Linked(Linked),
    Abort { reason: Option<Expression>, offset: usize },
}

/// `for` or `tablerow`.
#[derive(Debug, Clone)]
pub(crate) struct Loop {
    pub(crate) variable: String,
    pub(crate) source: LoopSource,
    pub(crate) limit: Option<Expression>,
    pub(crate) skip: Option<Expression>,
    pub(crate) reversed: bool,
    pub(crate) body: Vec<Node>,
    pub(crate) otherwise: Vec<Node>,
    /// Of `tablerow`: the cells of a row, all in one where there is none.
    pub(crate) table: Option<Option<Expression>>,
    pub(crate) offset: usize,
}

#[derive(Debug, Clone)]
pub(crate) enum LoopSource {
    List(Expression),
    Range(Expression, Expression),
}

#[derive(Debug, Clone)]
pub(crate) struct Recommend {
    pub(crate) definition: String,
    pub(crate) count: usize,
    pub(crate) min: usize,
    pub(crate) skip: usize,
    pub(crate) not_sent_days: Option<u32>,
    pub(crate) name: String,
    pub(crate) offset: usize,
}

#[derive(Debug, Clone)]
pub(crate) struct Linked {
    pub(crate) api: String,
    pub(crate) parameters: Vec<(String, Expression)>,
    /// The value where there is no answer.
    pub(crate) default: Option<Expression>,
    pub(crate) name: String,
    pub(crate) offset: usize,
}

/// A value and the filters that it passes.
#[derive(Debug, Clone)]
pub(crate) struct Chain {
    pub(crate) input: Expression,
    pub(crate) filters: Vec<Call>,
    /// The last filter is `raw`.
    pub(crate) raw: bool,
}

#[derive(Debug, Clone)]
pub(crate) struct Call {
    pub(crate) filter: &'static Filter,
    pub(crate) arguments: Vec<Expression>,
    /// Of `default`: `allow_false: true`.
    pub(crate) allow_false: Option<Expression>,
    pub(crate) offset: usize,
}

#[derive(Debug, Clone)]
pub(crate) struct Expression {
    pub(crate) kind: Kind,
    /// Its text in the source.
    pub(crate) span: Range<usize>,
}

#[derive(Debug, Clone)]
pub(crate) enum Kind {
    Literal(Value),
    /// `empty`, true of what has no length.
    Empty,
    /// `blank`, true of what has nothing but white space, of nil and false.
    Blank,
    Variable {
        root: String,
        keys: Vec<Key>,
    },
}

#[derive(Debug, Clone)]
pub(crate) enum Key {
    Name(String),
    Computed(Expression),
}

/// Conditions joined by `or` of conditions joined by `and`.
#[derive(Debug, Clone)]
pub(crate) struct Condition {
    pub(crate) alternatives: Vec<Vec<Test>>,
    pub(crate) negated: bool,
}

#[derive(Debug, Clone)]
pub(crate) enum Test {
    Truth(Expression),
    Comparison(Expression, Operator, Expression),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operator {
    Equal,
    Different,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Contains,
}
