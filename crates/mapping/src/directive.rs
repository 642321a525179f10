//! Directives: where the value of a field comes from. They are read from JSON once, and resolved
//! for each message.
//!
//! Everything is pure. There is no clock in the fold, so the work of one mapping on one message is
//! bounded by steps and bytes, not by time.

mod liquid;
mod parse;
mod problem;
mod replace;
mod resolve;
mod shapes;
mod sources;
mod template;

use crate::path::Path;
use crate::value::Value;

pub use liquid::{LIQUID_BYTES_MAX, LIQUID_CHARS_MAX};
pub(crate) use parse::parse_fields;
pub use parse::{DEPTH_MAX, PATTERN_CHARS_MAX, REPLACEMENT_CHARS_MAX};
pub use problem::Problem;
pub(crate) use resolve::Budget;
pub use resolve::{RESOLVE_BYTES_MAX, RESOLVE_STEPS_MAX, ResolveError};

/// The source of a value.
#[derive(Debug, Clone)]
pub(crate) enum Expr {
    /// A constant text, number, boolean or null.
    Raw(Value<'static>),
    /// Each element is resolved.
    List(Vec<Expr>),
    /// Each member is resolved.
    Map(Vec<(String, Expr)>),
    /// `@path`.
    Path(TextSource<Path>),
    /// `@template`.
    Template(TextSource<String>),
    /// `@if`.
    If(Box<If>),
    /// `@case`.
    Case(Box<Case>),
    /// `@replace`.
    Replace(Box<replace::Replace>),
    /// `@arrayPath`.
    ArrayPath(Box<ArrayPath>),
    /// `@literal`.
    Literal(Box<Expr>),
    /// `@flatten`.
    Flatten { value: Box<Expr>, separator: Box<Expr>, omits_arrays: bool },
    /// `@json`.
    Json { value: Box<Expr>, encodes: bool },
    /// `@merge`.
    Merge { objects: Vec<Expr>, direction: Box<Expr> },
    /// `@transform`.
    Transform { apply: Box<Expr>, mapping: Box<Expr> },
    /// `@excludeWhenNull`.
    ExcludeWhenNull(Box<Expr>),
    /// `@liquid`.
    Liquid(liquid::Template),
    /// A directive that is an error whenever it is resolved.
    Fails(String),
}

/// A text that is known, or given by a directive.
#[derive(Debug, Clone)]
pub(crate) enum TextSource<T> {
    Fixed(T),
    Resolved(Box<Expr>),
}

#[derive(Debug, Clone)]
pub(crate) struct If {
    /// Whether the empty text, 0 and false count as absent, too.
    is_blank: bool,
    operand: Expr,
    /// None gives `undefined`.
    then: Option<Expr>,
    otherwise: Option<Expr>,
}

#[derive(Debug, Clone)]
pub(crate) struct Case {
    /// None is an error for texts.
    to_upper: Option<bool>,
    value: Expr,
}

#[derive(Debug, Clone)]
pub(crate) struct ArrayPath {
    /// The array: at a path, or what a directive resolves to.
    array: TextSource<Path>,
    /// Resolved for each element.
    shape: Option<Expr>,
}
