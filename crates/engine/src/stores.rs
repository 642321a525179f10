//! Opening the store of a workspace.

use std::path::Path;

use state::Views;
use store::Store;

use crate::EngineError;
use crate::error::store_error;

pub(crate) fn open_store(folder: &Path, cache_bytes: u64) -> Result<Store, EngineError> {
    Store::open_with_cache(folder, &Views::KEYSPACES.concat(), cache_bytes)
        .map_err(store_error(folder))
}
