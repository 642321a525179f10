//! Lists of calls with their reasons, for somebody who tries settings.

use std::sync::Arc;

use domain::Timestamp;
use reql::Subject;

use super::placement::Placement;
use super::prepare::PreparedStage;
use super::removed::RemovedItems;
use super::stage::Recommended;
use crate::lists::{ListedItem, is_fallback, resolve_ids};
use crate::{ListError, LiveState, RequestBudget, Serving};

/// The list of a stage as somebody sees it who tries settings.
#[derive(Debug)]
pub struct PreviewedStage {
    /// Best first.
    pub entries: PreviewedEntries,
    /// The version of the model; none before the first training.
    pub model: Option<String>,
    /// Whether the list was to follow from the user's history and no entry does.
    pub fallback: bool,
    /// Where the item is that was asked about; none where none was, and in lists of others than
    /// items.
    pub placement: Option<Placement>,
    /// What each rule keeps out; none where nobody asked, and in lists of others than items.
    pub removed: Option<RemovedItems>,
}

/// What is asked about a list beside its entries.
#[derive(Debug, Clone, Copy, Default)]
pub struct ListQuestions<'a> {
    /// Where this item is, or why it is not there.
    pub place_of: Option<&'a str>,
    /// What each rule keeps out.
    pub removed: bool,
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
    /// Computes the list of a stage as [`Serving::list_stage`] does, with reasons, and answers
    /// the questions about it.
    ///
    /// # Errors
    /// As [`Serving::list_stage`].
    pub fn preview_stage(
        &self,
        live: &LiveState,
        prepared: &PreparedStage<'_>,
        questions: ListQuestions<'_>,
        now: Timestamp,
        budget: &Arc<RequestBudget>,
    ) -> Result<PreviewedStage, ListError> {
        let PreparedStage { stage, sources } = prepared;
        if stage.subject() != Subject::Items {
            let list = self.list_stage(live, prepared, now, budget)?;
            let entries = PreviewedEntries::Others(list.recommended);
            let model = list.model;
            let (fallback, placement, removed) = (false, None, None);
            return Ok(PreviewedStage { entries, model, fallback, placement, removed });
        }
        let list = stage.list()?;
        let period_popularity =
            self.period_popularity(live, stage, &list, &sources.segmentations, now, budget)?;
        let (snapshot, popularity) = (&live.snapshot(), period_popularity.as_deref());
        self.with_items(snapshot, stage, sources, popularity, now, budget, |items| {
            let found = items.recommend(&items.request);
            let listed = resolve_ids(items.views, items.in_use, None, &found);
            let placement = questions.place_of.map(|id| items.place(id, budget)).transpose()?;
            let removed = questions.removed.then(|| items.removed(budget)).transpose()?;
            Ok(PreviewedStage {
                fallback: is_fallback(items.request.list, &listed),
                entries: PreviewedEntries::Items(listed),
                model: items.in_use.version(),
                placement,
                removed,
            })
        })
    }
}
