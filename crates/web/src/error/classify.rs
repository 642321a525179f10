//! The kinds of the engine's errors.

use engine::installation::InstallationError;
use engine::{
    BudgetError, ConfigError, EngineError, ExpressionError, ListError, PreviewError, QueryError,
    RecommendationError, Refusal, ReqlError, ReqlErrorKind, RetentionError, SnapshotError,
    SubmitError, TrainingError,
};

use super::ErrorKind;

/// An error of a layer below the APIs.
pub trait Classify: std::error::Error {
    /// The kind of the error.
    fn kind(&self) -> ErrorKind;

    /// The present revision of the resource that the request would have changed.
    fn revision(&self) -> Option<u64> {
        None
    }
}

impl Classify for Refusal {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::AlreadyExists(_) => ErrorKind::AlreadyExists,
            Self::NotFound(_) => ErrorKind::NotFound,
            Self::Invalid(_) => ErrorKind::Invalid,
            Self::Changed { .. } => ErrorKind::Changed,
        }
    }

    fn revision(&self) -> Option<u64> {
        match self {
            Self::Changed { revision, .. } => Some(*revision),
            _ => None,
        }
    }
}

impl Classify for SubmitError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::QueueFull { .. } => ErrorKind::TooManyRequests,
            Self::TooLarge(_) => ErrorKind::TooLarge,
            Self::Journal(_) | Self::Fold(_) | Self::Stopping => ErrorKind::Unavailable,
        }
    }
}

impl<E: Classify> Classify for &E {
    fn kind(&self) -> ErrorKind {
        (**self).kind()
    }

    fn revision(&self) -> Option<u64> {
        (**self).revision()
    }
}

impl Classify for EngineError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Submit(error) => error.kind(),
            Self::Query(error) => error.kind(),
            Self::List(error) => error.kind(),
            Self::Training(error) => error.kind(),
            Self::Snapshot(SnapshotError::Cancelled(_) | SnapshotError::Resetting) => {
                ErrorKind::Unavailable
            }
            Self::NoSuchCatalog { .. } | Self::NoSuchItem(_) => ErrorKind::NotFound,
            Self::Journal(_)
            | Self::Read(_)
            | Self::Entry { .. }
            | Self::Store { .. }
            | Self::Snapshot(_)
            | Self::Artifacts(_)
            | Self::Io(_) => ErrorKind::Internal,
        }
    }
}

impl Classify for RetentionError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::AlreadyRunning => ErrorKind::JobUnderWay,
            Self::NotSet => ErrorKind::Invalid,
            Self::Archive(_) | Self::Append(_) => ErrorKind::Unavailable,
            Self::Engine(error) => error.kind(),
        }
    }
}

impl Classify for TrainingError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::AlreadyRunning { .. } => ErrorKind::TrainingUnderWay,
            Self::NoInteractions => ErrorKind::NoInteractions,
            Self::NoSuchModel { .. } | Self::ModelUnusable { .. } => ErrorKind::NotFound,
            Self::ComparisonUnderWay => ErrorKind::TooManyRequests,
            Self::Cancelled(_) => ErrorKind::Unavailable,
            Self::Threads(_) => ErrorKind::Internal,
        }
    }
}

impl Classify for ConfigError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Invalid(_) => ErrorKind::Invalid,
            Self::NotFound(_) => ErrorKind::NotFound,
            Self::AlreadyExists(_) => ErrorKind::AlreadyExists,
            Self::Changed { .. } => ErrorKind::Changed,
            Self::Submit(error) => error.kind(),
        }
    }

    fn revision(&self) -> Option<u64> {
        match self {
            Self::Changed { revision, .. } => Some(*revision),
            _ => None,
        }
    }
}

impl Classify for InstallationError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Invalid(_) => ErrorKind::Invalid,
            Self::AlreadyExists { .. } => ErrorKind::AlreadyExists,
            Self::NotFound { .. } => ErrorKind::NotFound,
            Self::NotInvited => ErrorKind::Forbidden,
            Self::LastOwner { .. } => ErrorKind::LastOwner,
            Self::TooMany { .. } => ErrorKind::TooMany,
            Self::Append(_) => ErrorKind::Unavailable,
            Self::Read(_) | Self::Entry(_) => ErrorKind::Internal,
        }
    }
}

impl Classify for QueryError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::NoSuchProperty { .. } | Self::Segmentation { .. } => ErrorKind::Invalid,
            Self::Store(_) => ErrorKind::Internal,
        }
    }
}

impl Classify for ReqlError {
    fn kind(&self) -> ErrorKind {
        match self.kind {
            ReqlErrorKind::UnknownProperty => ErrorKind::NotFound,
            _ => ErrorKind::Invalid,
        }
    }
}

impl Classify for ExpressionError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Reql(error) => Classify::kind(error),
            Self::TooSlow => ErrorKind::Invalid,
            Self::Budget(error) => error.kind(),
        }
    }
}

impl Classify for PreviewError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Budget(error) => error.kind(),
            Self::Engine(error) => error.kind(),
        }
    }
}

impl Classify for BudgetError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::AnswerTooLarge { .. } => ErrorKind::AnswerTooLarge,
            Self::ComputingUsedUp { .. } => ErrorKind::TooManyRequests,
            Self::CallerLeft | Self::Stopping | Self::WorkspaceClosed => ErrorKind::Unavailable,
        }
    }
}

impl Classify for ListError {
    fn kind(&self) -> ErrorKind {
        match self {
            // An expression of a scenario may be the one that is wrong.
            Self::Invalid(_) | Self::Expression { .. } => ErrorKind::Invalid,
            Self::NotFound(_) => ErrorKind::NotFound,
            Self::IndexNotReady => ErrorKind::Unavailable,
            Self::Budget(error) => error.kind(),
            Self::Query(error) => error.kind(),
        }
    }
}

impl Classify for RecommendationError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::List(error) => error.kind(),
            Self::ContinuedElsewhere(_) => ErrorKind::ContinuedElsewhere,
            Self::Submit(error) => error.kind(),
            Self::Events(error) => error.kind(),
        }
    }
}
