//! Opens the parts of a workspace: its journal, its store, and the views of it.

use std::path::Path;
use std::sync::Arc;

use domain::WorkspaceId;
use journal::{Disk, EndRecord, FileJournal, Journal, JournalOptions, Offset, OpenError};
use state::Views;
use store::Store;

use crate::EngineError;
use crate::error::store_error;

pub(crate) fn open_store(folder: &Path, cache_bytes: u64) -> Result<Store, EngineError> {
    Store::open_with_cache(folder, &Views::KEYSPACES.concat(), cache_bytes)
        .map_err(store_error(folder))
}

/// The known end of a journal before it is opened.
pub(crate) struct KnownEnd {
    /// The offset below which all entries were acknowledged.
    pub(crate) acknowledged: Offset,
    /// Whether a store says so, which has applied all entries but the last batches. See
    /// [`JournalOptions::is_end_known`].
    pub(crate) is_confirmed_by_store: bool,
}

/// Opens the journal of a workspace that is kept in files.
pub(crate) fn open_files(
    id: &WorkspaceId,
    disk: Arc<dyn Disk>,
    end_record: Option<EndRecord>,
    KnownEnd { acknowledged, is_confirmed_by_store }: KnownEnd,
) -> Result<Arc<dyn Journal>, OpenError> {
    let name = id.as_str().to_owned();
    let options = JournalOptions {
        name,
        acknowledged,
        is_end_known: is_confirmed_by_store,
        end_record,
        ..JournalOptions::default()
    };
    Ok(Arc::new(FileJournal::open_with(disk, options)?))
}

/// Whether the store is damaged and must be made again.
pub(crate) fn is_store_damage(error: &EngineError) -> bool {
    matches!(error, EngineError::Store { source, .. } if source.is_damage())
}

/// Opens a store and loads its views.
pub(crate) fn open_state(
    folder: &Path,
    cache_bytes: u64,
    id: &WorkspaceId,
) -> Result<(Store, Views), EngineError> {
    let store = open_store(folder, cache_bytes)?;
    let views = Views::load(&store, id).map_err(store_error(folder))?;
    Ok((store, views))
}

/// Replaces a damaged store by an empty one. The journal has all that was in it.
pub(crate) fn remake_state(
    folder: &Path,
    cache_bytes: u64,
    id: &WorkspaceId,
    why: &EngineError,
) -> Result<(Store, Views), EngineError> {
    let why = why.describe();
    tracing::warn!(workspace = %id, folder = %folder.display(), why, "a store is removed and made again from the journal");
    fs_err::remove_dir_all(folder)?;
    open_state(folder, cache_bytes, id)
}
