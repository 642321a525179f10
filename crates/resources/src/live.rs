//! Messages and calls as they arrive, with what became of them. All of it is read from the journal;
//! the outcomes are those that the fold came to.

mod effect;
mod entry;
mod excerpt;
mod filter;
mod opened;
mod resend;
mod stream;

use engine::Engine;
use serde::Serialize;
use web::error::ApiError;
use web::workspaces::RequestedWorkspace;

pub use self::effect::Effect;
pub(crate) use self::excerpt::Excerpt;

pub use self::entry::{LiveEntry, LiveKind, LiveOutcome};
pub use self::filter::Filter;
pub use self::opened::{MappingResult, Mistake, OpenedEntry};
pub use self::stream::{Update, follow};

/// The most entries of a page.
pub const ENTRIES_PER_PAGE_MAX: usize = 200;

/// A page of entries.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct LivePage {
    /// Newest first.
    pub entries: Vec<LiveEntry>,
    /// The parameter `before` of the page with the entries before these; null at the beginning of
    /// the journal. A page that found little has looked at as many entries as one request may.
    pub before: Option<u64>,
    /// The parameter `after` of a stream that goes on from here.
    pub after: u64,
}

/// The latest entries that pass the filter, or those before an offset.
///
/// # Errors
/// 503 where the workspace is closed.
pub async fn page(
    workspace: &RequestedWorkspace,
    filter: Filter,
    before: Option<u64>,
    n_max: usize,
) -> Result<LivePage, ApiError> {
    let read = move |engine: &Engine| {
        let mappings = engine.mappings();
        let after = engine.applied();
        let pick = |applied| LiveEntry::new(applied, &mappings).filter(|entry| filter.takes(entry));
        let latest = engine.latest_entries(Some(before.unwrap_or(after)), n_max, &pick)?;
        let mut entries = latest.found;
        let views = engine.snapshot();
        entries.iter_mut().for_each(|entry: &mut LiveEntry| entry.look_up(&views));
        Ok(LivePage { entries, before: latest.before, after })
    };
    workspace.ask(read).await
}

/// An entry, opened. `base_url` is the address of this server for its caller.
///
/// # Errors
/// 404 where there is none at the offset, or one of another kind.
pub async fn open(
    workspace: &RequestedWorkspace,
    offset: u64,
    base_url: String,
) -> Result<OpenedEntry, ApiError> {
    let read = move |engine: &Engine| {
        let mappings = engine.mappings();
        let applied = engine.entry(offset)?;
        let opened = applied.and_then(|applied| OpenedEntry::new(applied, &mappings, &base_url));
        let missing = || ApiError::not_found(format!("no message or call at {offset}"));
        let mut opened = opened.ok_or_else(missing)?;
        let views = engine.snapshot();
        opened.entry.look_up(&views);
        Ok(opened)
    };
    workspace.run(read).await
}
