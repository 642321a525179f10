use store::StoreError;

use crate::{BudgetError, ExpressionError};

/// Why a query has no answer.
#[derive(Debug, thiserror::Error)]
pub enum QueryError {
    /// The store cannot be read.
    #[error("cannot read the store")]
    Store(#[from] StoreError),
    /// Nobody can list values of such a property.
    #[error("the catalog has no property {property:?}; it has: {known}")]
    NoSuchProperty {
        /// The name of the property.
        property: String,
        /// Those that there are.
        known: String,
    },
    /// An expression of a segmentation does not fit the catalog.
    #[error("segmentation {id:?}: {source}")]
    Segmentation {
        /// The segmentation.
        id: String,
        /// The error in the expression.
        source: ExpressionError,
    },
}

/// Why there is no list.
#[derive(Debug, thiserror::Error)]
pub enum ListError {
    /// Parts of the call do not go together.
    #[error("{0}")]
    Invalid(String),
    /// The list is for something that is not there.
    #[error("{0}")]
    NotFound(String),
    /// A filter, booster or other expression is wrong, or asks for too much.
    #[error("{what}: {source}")]
    Expression {
        /// The name of the expression in the call or its scenario.
        what: String,
        /// The error.
        source: ExpressionError,
    },
    /// Nothing can be searched yet.
    #[error("the search index is being made: come back in some seconds")]
    IndexNotReady,
    /// The request may cost no more.
    #[error(transparent)]
    Budget(#[from] BudgetError),
    /// An error of the queries behind the list.
    #[error(transparent)]
    Query(#[from] QueryError),
}

impl From<StoreError> for ListError {
    fn from(error: StoreError) -> Self {
        Self::Query(error.into())
    }
}
