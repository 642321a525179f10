//! The types of the language and the schema that expressions are checked against.

use std::fmt;

/// The type of an expression, as far as it is known without evaluation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Type {
    /// Always null; accepted everywhere.
    Null,
    /// True or false.
    Boolean,
    /// A signed whole number of 64 bits.
    Int,
    /// A number of double precision.
    Double,
    /// An instant, a number of seconds since 1970 in all respects but its output as text.
    Timestamp,
    /// Text.
    String,
    /// Distinct elements without order.
    Set,
    /// Elements in order.
    Array,
    /// Values by name.
    Dictionary,
    /// A part of the globe.
    Region,
    /// Unknown until evaluation; accepted everywhere.
    Any,
}

impl Type {
    /// Whether values of the type take part in arithmetic.
    pub(crate) fn is_number(self) -> bool {
        matches!(self, Self::Int | Self::Double | Self::Timestamp)
    }

    /// Whether the type is accepted everywhere: any or null.
    pub(crate) fn is_open(self) -> bool {
        matches!(self, Self::Null | Self::Any)
    }

    /// The type of a value that has one of the two types.
    pub(crate) fn or(self, other: Self) -> Self {
        match (self, other) {
            (left, right) if left == right => left,
            (Self::Null, known) | (known, Self::Null) => known,
            (left, right) if left.is_number() && right.is_number() => Self::Double,
            _ => Self::Any,
        }
    }
}

impl fmt::Display for Type {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Null => "null",
            Self::Boolean => "boolean",
            Self::Int => "int",
            Self::Double => "double",
            Self::Timestamp => "timestamp",
            Self::String => "string",
            Self::Set => "set",
            Self::Array => "array",
            Self::Dictionary => "dictionary",
            Self::Region => "region",
            Self::Any => "any",
        })
    }
}

/// The kind of candidates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject {
    /// Items of the catalogue.
    Items,
    /// Users.
    Users,
    /// Segments of items.
    Segments,
}

impl Subject {
    /// The property that every candidate has, its external id.
    pub fn id_property(self) -> &'static str {
        match self {
            Self::Items => "itemId",
            Self::Users => "userId",
            Self::Segments => "segmentId",
        }
    }
}

/// The properties that exist, and the kind of the candidates.
///
/// For a lenient check, return [`Type::Null`] for unknown properties.
pub trait Schema {
    /// The type of a property of items, the implicit one excepted.
    fn item_property(&self, name: &str) -> Option<Type>;

    /// The type of a property of users, the implicit one excepted.
    fn user_property(&self, name: &str) -> Option<Type>;

    /// The type of a property of the user whom a request is for: there may be more than those that
    /// users have as candidates.
    fn context_user_property(&self, name: &str) -> Option<Type> {
        self.user_property(name)
    }

    /// What was probably meant by an unknown property of the user whom a request is for.
    fn nearest_context_user_property(&self, _name: &str) -> Option<String> {
        None
    }

    /// The type of a property of segments, the implicit one excepted. They have none.
    fn segment_property(&self, _name: &str) -> Option<Type> {
        None
    }

    /// The kind of candidates.
    fn subject(&self) -> Subject {
        Subject::Items
    }
}
