//! Errors of making lists for callers.

use serving::{BudgetError, ListError, QueryError};
use uuid::Uuid;

use crate::{EngineError, SubmitError};

/// Errors of recommendation requests.
#[derive(Debug, thiserror::Error)]
pub enum RecommendationError {
    /// The list cannot be made.
    #[error(transparent)]
    List(#[from] ListError),
    /// Another server continued the recommendation at the same time.
    #[error("recommendation {0} was continued elsewhere at the same time: try again")]
    ContinuedElsewhere(Uuid),
    /// A missing user or item could not be created, or the list impression not be recorded.
    #[error(transparent)]
    Submit(#[from] SubmitError),
    /// What the person did cannot be read.
    #[error(transparent)]
    Events(#[from] Box<EngineError>),
}

impl RecommendationError {
    /// Whether the catalog as it is cannot answer the list, whoever it is for: it has no longer
    /// what the list names.
    pub fn is_of_the_catalog(&self) -> bool {
        matches!(
            self,
            Self::List(
                ListError::Query(QueryError::NoSuchProperty { .. })
                    | ListError::Expression { .. }
                    | ListError::Invalid(_)
            )
        )
    }
}

impl From<QueryError> for RecommendationError {
    fn from(error: QueryError) -> Self {
        Self::List(error.into())
    }
}

impl From<BudgetError> for RecommendationError {
    fn from(error: BudgetError) -> Self {
        Self::List(error.into())
    }
}
