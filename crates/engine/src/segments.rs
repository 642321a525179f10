//! Segmentations as people look at them: sizes, and rules that are tried before they are kept.

use serving::{QueryError, SegmentSizes};
use state::SegmentationKind;

use crate::Engine;
use crate::segment_rules::{RuleFault, check_segment_expression, check_segment_filter};

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
