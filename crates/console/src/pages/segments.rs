//! Segmentations, synonyms, series and groups: what people say about items that the catalog does
//! not.

mod collections;
mod segmentations;
mod synonyms;

use std::sync::Arc;

use axum::Router;
use domain::WorkspaceId;
use engine::CollectionKind;
use maud::Markup;
use web::App;
use web::access::Call;

use crate::page::Area;
use crate::ui::{Tab, tabs};

/// The tables of the parts.
pub(super) const CALLS: &[&[Call]] = &[segmentations::CALLS, synonyms::CALLS, collections::CALLS];

pub(super) fn routes(app: &Arc<App>) -> Router<Arc<App>> {
    Router::new()
        .merge(segmentations::routes(app))
        .merge(synonyms::routes(app))
        .merge(collections::routes(app))
}

/// The parts of this area.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Segmentations,
    Synonyms,
    Collections(CollectionKind),
}

impl Part {
    fn label(self) -> &'static str {
        match self {
            Self::Segmentations => "Segmentations",
            Self::Synonyms => "Synonyms",
            Self::Collections(CollectionKind::Series) => "Series",
            Self::Collections(CollectionKind::Group) => "Groups",
        }
    }

    fn path(self, workspace: &WorkspaceId) -> String {
        let start = Area::Segments.path(workspace);
        match self {
            Self::Segmentations => start,
            Self::Synonyms => format!("{start}/synonyms"),
            Self::Collections(CollectionKind::Series) => format!("{start}/series"),
            Self::Collections(CollectionKind::Group) => format!("{start}/groups"),
        }
    }
}

fn part_tabs(workspace: &WorkspaceId, current: Part) -> Markup {
    let parts = [
        Part::Segmentations,
        Part::Synonyms,
        Part::Collections(CollectionKind::Series),
        Part::Collections(CollectionKind::Group),
    ];
    let addresses = parts.map(|part| part.path(workspace));
    let shown: Vec<Tab<'_>> = parts
        .iter()
        .zip(&addresses)
        .map(|(part, href)| Tab {
            label: part.label(),
            href,
            count: None,
            is_current: *part == current,
        })
        .collect();
    tabs("Parts of segments", &shown)
}
