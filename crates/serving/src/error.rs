use store::StoreError;

use crate::{BudgetError, ExpressionError};

/// Errors of queries.
#[derive(Debug, thiserror::Error)]
pub enum QueryError {
    /// The store cannot be read.
    #[error("cannot read the store")]
    Store(#[from] StoreError),
    /// The values of a property of this type cannot be listed.
    #[error("the catalog has no property {property:?}; it has: {known}")]
    NoSuchProperty {
        /// The requested property.
        property: String,
        /// Those that there are.
        known: String,
    },
    /// An expression of a segmentation does not fit the catalog.
    #[error("segmentation {id:?}: {source}")]
    Segmentation {
        /// The segmentation.
        id: String,
        /// The error of the expression.
        source: ExpressionError,
    },
}

/// Errors of making a list.
#[derive(Debug, thiserror::Error)]
pub enum ListError {
    /// Parameters of the call contradict each other.
    #[error("{0}")]
    Invalid(String),
    /// The user, item or other entity that the list is for does not exist.
    #[error("{0}")]
    NotFound(String),
    /// A filter, booster or other expression is invalid or exceeds a limit.
    #[error("{what}: {source}")]
    Expression {
        /// The parameter of the call, or of its scenario, that holds the expression.
        what: String,
        /// The reason.
        source: ExpressionError,
    },
    /// The search index holds no items yet.
    #[error("the search index is being made: come back in some seconds")]
    IndexNotReady,
    /// The budget of the request is used up.
    #[error(transparent)]
    Budget(#[from] BudgetError),
    /// A query that the list needs has failed.
    #[error(transparent)]
    Query(#[from] QueryError),
}

impl From<StoreError> for ListError {
    fn from(error: StoreError) -> Self {
        Self::Query(error.into())
    }
}
