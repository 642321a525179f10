//! Segmentations as people look at them: sizes, and rules that are tried before they are kept.

use serving::{QueryError, SegmentSizes};
use state::{SegmentationKind, Views};

use crate::Engine;

/// A fault of an expression or filter of a segmentation.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RuleFault {
    /// It is no expression, or does not fit the properties of the items.
    #[error(transparent)]
    Expression(#[from] reql::ReqlError),
    /// It yields something else than ids of segments.
    #[error("a set of ids of segments is wanted, and this yields {found}{hint}")]
    NoSet {
        /// The type that it yields.
        found: reql::Type,
        /// How to make a set of it.
        hint: &'static str,
    },
}

impl RuleFault {
    /// The place of the fault, in characters from the start of the text; the first is 1.
    pub fn column(&self) -> usize {
        match self {
            Self::Expression(error) => error.column,
            Self::NoSet { .. } => 1,
        }
    }
}

impl Engine {
    /// The `n_max` largest segments of a segmentation; none where there is no such segmentation.
    ///
    /// # Errors
    /// If an expression takes too long.
    pub fn segment_sizes(
        &self,
        segmentation: &str,
        n_max: usize,
    ) -> Result<SegmentSizes, QueryError> {
        self.serving.segment_sizes(&self.shared.live, segmentation, n_max, self.now())
    }

    /// The `n_max` largest segments into which a rule puts a sample of the items.
    ///
    /// # Errors
    /// If the rule is wrong; within, if it takes too long.
    pub fn try_segmentation(
        &self,
        kind: &SegmentationKind,
        n_max: usize,
    ) -> Result<Result<SegmentSizes, QueryError>, RuleFault> {
        {
            let views = self.snapshot();
            match kind {
                SegmentationKind::Property { .. } => {}
                SegmentationKind::AutoReql { expression } => {
                    check_segment_expression(&views, expression)?;
                }
                SegmentationKind::ManualReql { segments } => {
                    for segment in segments {
                        check_segment_filter(&views, &segment.filter)?;
                    }
                }
            }
        }
        Ok(serving::try_segmentation(&self.shared.live, kind, n_max, self.now()))
    }
}

/// Checks an expression that gives the ids of an item's segments.
pub(crate) fn check_segment_expression(views: &Views, expression: &str) -> Result<(), RuleFault> {
    let schema = serving::ExpressionSchema { views, subject: reql::Subject::Items };
    match reql::parse(expression)?.check(&schema)? {
        reql::Type::Set | reql::Type::Any | reql::Type::Null => Ok(()),
        found => {
            let hint = if found == reql::Type::String { ": put it into braces" } else { "" };
            Err(RuleFault::NoSet { found, hint })
        }
    }
}

/// Checks the filter of a segment.
pub(crate) fn check_segment_filter(views: &Views, filter: &str) -> Result<(), RuleFault> {
    let schema = serving::ExpressionSchema { views, subject: reql::Subject::Items };
    Ok(reql::parse(filter)?.check_filter(&schema)?)
}
