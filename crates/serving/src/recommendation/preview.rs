//! Lists of calls with their reasons, for somebody who tries settings.

use std::sync::Arc;

use domain::Timestamp;
use reql::Subject;

use super::placement::Placement;
use super::prepare::PreparedStage;
use super::stage::Recommended;
use crate::lists::{ListedItem, resolve_ids};
use crate::{ListError, LiveState, RequestBudget, Serving};

/// The list of a stage as somebody sees it who tries settings.
#[derive(Debug)]
pub struct PreviewedStage {
    /// Best first.
    pub entries: PreviewedEntries,
    /// The version of the model; none before the first training.
    pub model: Option<String>,
    /// Where the item is that was asked about; none where none was, and in lists of others than
    /// items.
    pub placement: Option<Placement>,
}

/// The entries of a list.
#[derive(Debug)]
pub enum PreviewedEntries {
    /// Items, with their reasons.
    Items(Vec<ListedItem>),
    /// Segments or users.
    Others(Vec<Recommended>),
}

impl Serving {
    /// Computes the list of a stage as [`Serving::list_stage`] does, with reasons, and where the
    /// item `asked_about` is.
    ///
    /// # Errors
    /// As [`Serving::list_stage`].
    pub fn preview_stage(
        &self,
        live: &LiveState,
        prepared: &PreparedStage<'_>,
        asked_about: Option<&str>,
        now: Timestamp,
        budget: &Arc<RequestBudget>,
    ) -> Result<PreviewedStage, ListError> {
        let PreparedStage { stage, sources } = prepared;
        if stage.subject() != Subject::Items {
            let list = self.list_stage(live, prepared, now, budget)?;
            let entries = PreviewedEntries::Others(list.recommended);
            return Ok(PreviewedStage { entries, model: list.model, placement: None });
        }
        let list = stage.list()?;
        let period_popularity =
            self.period_popularity(live, stage, &list, &sources.segmentations, now, budget)?;
        let (snapshot, popularity) = (&live.snapshot(), period_popularity.as_deref());
        self.with_items(snapshot, stage, sources, popularity, now, budget, |items| {
            let found = items.recommend(&items.request);
            let listed = resolve_ids(items.views, items.in_use, None, &found);
            let placement = asked_about.map(|id| items.place(id, budget)).transpose()?;
            Ok(PreviewedStage {
                entries: PreviewedEntries::Items(listed),
                model: items.in_use.version(),
                placement,
            })
        })
    }
}
