//! The table of functions: their names, the types of their arguments and of their results.

use crate::context::InteractionCount;
use crate::kind::Type;
use crate::math::Math;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Function {
    Now,
    Random,
    Size,
    Reduce,
    Math(Math),
    Upper,
    Lower,
    Split,
    Boolean,
    Number,
    String,
    Timestamp,
    DistanceOfPlaces,
    Polygon,
    Radius,
    SegmentItems,
    ItemSegments,
    UserInteractions,
    Count(InteractionCount),
}

impl Function {
    pub(crate) fn reads_context(self) -> bool {
        matches!(
            self,
            Self::SegmentItems | Self::ItemSegments | Self::UserInteractions | Self::Count(_)
        )
    }

    /// The function's row in the table.
    pub(crate) fn signature(self) -> &'static Signature {
        let row = FUNCTIONS.iter().find(|signature| signature.function == self);
        row.expect("every function has a row in the table")
    }
}

pub(crate) struct Signature {
    pub(crate) name: &'static str,
    pub(crate) function: Function,
    required: &'static [ArgumentTypes],
    optional: &'static [ArgumentTypes],
    /// The types of any further argument; none where there may be no more.
    rest: Option<ArgumentTypes>,
    pub(crate) result: Type,
}

/// The types that an argument may have.
pub(crate) type ArgumentTypes = &'static [Type];

const NUMBER: ArgumentTypes = &[Type::Int, Type::Double, Type::Timestamp];
const INT: ArgumentTypes = &[Type::Int];
const TEXT: ArgumentTypes = &[Type::String];
const ARRAY: ArgumentTypes = &[Type::Array];
pub(crate) const COLLECTION: ArgumentTypes = &[Type::Set, Type::Array];
const SIZED: ArgumentTypes = &[Type::String, Type::Set, Type::Array];
const SCALAR: ArgumentTypes =
    &[Type::Boolean, Type::Int, Type::Double, Type::Timestamp, Type::String];
const NUMBER_OR_TEXT: ArgumentTypes = &[Type::Int, Type::Double, Type::Timestamp, Type::String];
const COMPARED: ArgumentTypes =
    &[Type::Int, Type::Double, Type::Timestamp, Type::String, Type::Set, Type::Array];
const AVERAGED: ArgumentTypes = &[Type::Int, Type::Double, Type::Timestamp, Type::Set, Type::Array];
const WRITTEN: ArgumentTypes = &[
    Type::Boolean,
    Type::Int,
    Type::Double,
    Type::Timestamp,
    Type::String,
    Type::Set,
    Type::Array,
];
const TRUTHY: ArgumentTypes = &[
    Type::Boolean,
    Type::Int,
    Type::Double,
    Type::Timestamp,
    Type::String,
    Type::Set,
    Type::Array,
    Type::Dictionary,
];

const fn row(
    name: &'static str,
    function: Function,
    required: &'static [ArgumentTypes],
    result: Type,
) -> Signature {
    Signature { name, function, required, optional: &[], rest: None, result }
}

const fn count(name: &'static str, kind: InteractionCount) -> Signature {
    row(name, Function::Count(kind), &[TEXT], Type::Double)
}

const fn math(name: &'static str, math: Math, required: &'static [ArgumentTypes]) -> Signature {
    row(name, Function::Math(math), required, Type::Double)
}

const fn many(name: &'static str, function: Math, of: &'static [ArgumentTypes; 1]) -> Signature {
    Signature { rest: Some(of[0]), ..math(name, function, of) }
}

/// The names of all functions, in the order of the table.
pub fn function_names() -> Vec<&'static str> {
    let mut names: Vec<&str> = FUNCTIONS.iter().map(|signature| signature.name).collect();
    names.dedup();
    names
}

/// A name may have several rows that differ in the number of arguments.
static FUNCTIONS: &[Signature] = &[
    row("now", Function::Now, &[], Type::Timestamp),
    row("random", Function::Random, &[], Type::Double),
    row("size", Function::Size, &[SIZED], Type::Int),
    row("reduce", Function::Reduce, &[TEXT, COLLECTION], Type::Any),
    many("max", Math::Max, &[COMPARED]),
    many("min", Math::Min, &[COMPARED]),
    many("avg", Math::Avg, &[AVERAGED]),
    math("round", Math::Round, &[NUMBER]),
    math("floor", Math::Floor, &[NUMBER]),
    math("ceil", Math::Ceil, &[NUMBER]),
    math("abs", Math::Abs, &[NUMBER]),
    math("sqrt", Math::Sqrt, &[NUMBER]),
    math("pow", Math::Pow, &[NUMBER, NUMBER]),
    Signature { optional: &[NUMBER], ..math("log", Math::Log, &[NUMBER]) },
    math("earth_distance", Math::EarthDistance, &[NUMBER, NUMBER, NUMBER, NUMBER]),
    row("earth_distance", Function::DistanceOfPlaces, &[ARRAY, ARRAY], Type::Double),
    row("geo_polygon", Function::Polygon, &[ARRAY], Type::Region),
    row("geo_radius", Function::Radius, &[ARRAY, NUMBER], Type::Region),
    row("upper", Function::Upper, &[TEXT], Type::String),
    row("lower", Function::Lower, &[TEXT], Type::String),
    row("split", Function::Split, &[TEXT, TEXT], Type::Array),
    row("boolean", Function::Boolean, &[TRUTHY], Type::Boolean),
    row("number", Function::Number, &[SCALAR], Type::Double),
    Signature { optional: &[TEXT], ..row("string", Function::String, &[WRITTEN], Type::String) },
    row("timestamp", Function::Timestamp, &[NUMBER_OR_TEXT], Type::Timestamp),
    row("segment_items", Function::SegmentItems, &[TEXT, TEXT], Type::Set),
    row("item_segments", Function::ItemSegments, &[TEXT, TEXT], Type::Set),
    Signature {
        optional: &[INT],
        ..row("user_interactions", Function::UserInteractions, &[TEXT, COLLECTION], Type::Array)
    },
    count("num_item_bookmarks", InteractionCount::Bookmarks),
    count("num_item_detail_views", InteractionCount::DetailViews),
    count("num_item_purchases", InteractionCount::Purchases),
    Signature { rest: Some(TEXT), ..count("num_item_ratings", InteractionCount::Ratings) },
];

/// Finds the rows of a function's name, which is in lower case.
pub(crate) fn find_signatures(name: &str) -> impl Iterator<Item = &'static Signature> {
    FUNCTIONS.iter().filter(move |signature| signature.name == name)
}

impl Signature {
    /// The type of the argument at this position; none if the function does not take so many.
    pub(crate) fn argument_types(&self, place: usize) -> Option<ArgumentTypes> {
        self.required.iter().chain(self.optional).nth(place).copied().or(self.rest)
    }

    pub(crate) fn takes(&self, n_arguments: usize) -> bool {
        let most = self.required.len() + self.optional.len();
        n_arguments >= self.required.len() && (n_arguments <= most || self.rest.is_some())
    }

    /// The number of arguments in words.
    pub(crate) fn arity(&self) -> String {
        let (least, most) = (self.required.len(), self.required.len() + self.optional.len());
        match self.rest {
            Some(_) => format!("{least} or more"),
            None if least == most => least.to_string(),
            None => format!("{least} to {most}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::FUNCTIONS;

    /// The page for people who write filters.
    const PAGE: &str = include_str!("../../../docs/filters.md");

    #[test]
    fn the_how_to_page_lists_every_function_and_no_other() {
        let (_, section) = PAGE.split_once("\n## Functions\n").expect("the page has functions");
        let (section, _) = section.split_once("\n## ").expect("more follows");
        let listed: BTreeSet<&str> = section
            .lines()
            .filter_map(|line| line.strip_prefix("| `")?.split_once('(').map(|(name, _)| name))
            .collect();
        let functions: BTreeSet<&str> = FUNCTIONS.iter().map(|signature| signature.name).collect();
        assert_eq!(listed, functions);
    }
}
