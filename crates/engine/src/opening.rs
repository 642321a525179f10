//! Opens the parts of a workspace: its journal, its store, and the views of it.

use std::path::Path;
use std::sync::Arc;

use domain::WorkspaceId;
use journal::{Disk, EndRecord, FileJournal, Journal, JournalOptions, Offset, OpenError};
use state::Views;
use store::Store;

use crate::EngineError;
use crate::error::of_store;

pub(crate) fn open_store(folder: &Path, cache_bytes: u64) -> Result<Store, EngineError> {
    Store::open_with_cache(folder, &Views::KEYSPACES.concat(), cache_bytes)
        .map_err(of_store(folder))
}

/// The known end of a journal before it is opened.
pub(crate) struct KnownEnd {
    /// Everything below was there.
    pub(crate) acknowledged: Offset,
    /// As [`JournalOptions::is_vouched_for`].
    pub(crate) is_vouched_for: bool,
}

/// Opens the journal of a workspace that is kept in files.
pub(crate) fn open_files(
    id: &WorkspaceId,
    disk: Arc<dyn Disk>,
    end_record: Option<EndRecord>,
    KnownEnd { acknowledged, is_vouched_for }: KnownEnd,
) -> Result<Arc<dyn Journal>, OpenError> {
    let name = id.as_str().to_owned();
    let options = JournalOptions {
        name,
        acknowledged,
        is_end_known: is_vouched_for,
        end_record,
        ..JournalOptions::default()
    };
    Ok(Arc::new(FileJournal::open_with(disk, options)?))
}

/// Whether the store is to be made again.
pub(crate) fn is_store_damage(error: &EngineError) -> bool {
    matches!(error, EngineError::Store { source, .. } if source.is_damage())
}

/// A store and its views.
pub(crate) fn open_state(
    folder: &Path,
    cache_bytes: u64,
    id: &WorkspaceId,
) -> Result<(Store, Views), EngineError> {
    let store = open_store(folder, cache_bytes)?;
    let views = Views::load(&store, id).map_err(of_store(folder))?;
    Ok((store, views))
}

/// An empty store in place of one that is damaged: it holds nothing that the journal does not say.
pub(crate) fn remake_state(
    folder: &Path,
    cache_bytes: u64,
    id: &WorkspaceId,
    why: &EngineError,
) -> Result<(Store, Views), EngineError> {
    let why = why.full_text();
    tracing::warn!(workspace = %id, folder = %folder.display(), why, "a store is removed and made again from the journal");
    fs_err::remove_dir_all(folder)?;
    open_state(folder, cache_bytes, id)
}
