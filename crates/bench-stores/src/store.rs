//! What the fold needs of a store, and nothing more: both candidates stand behind it, so that
//! the measuring code can't favour one of them.

use std::{error::Error, path::Path, time::Duration};

use crate::{fjall_store::FjallStore, redb_store::RedbStore};

pub type Result<T, E = Box<dyn Error>> = std::result::Result<T, E>;

pub const TABLES: [&str; 3] = ["state", "index", "log"];

pub const MIB: u64 = 1024 * 1024;

/// One record of a batch; `table` indexes [`TABLES`].
pub struct Put {
    pub table: usize,
    pub key: Vec<u8>,
    pub value: Vec<u8>,
}

/// The settings that a measurement varies. The cache is equal for both stores.
pub struct Tuning {
    pub cache_bytes: u64,
    /// fjall: threads that flush and compact.
    pub workers: usize,
    /// fjall: the size at which a table's write buffer is flushed.
    pub memtable_bytes: u64,
    /// fjall: the writer rotates the memtables itself instead of leaving it to a worker.
    pub own_rotation: bool,
    /// redb: how often a commit is a durable one.
    pub durable_every: Duration,
}

pub trait Store {
    /// Applies all the puts in one atomic step, without waiting for the disk.
    fn apply(&mut self, puts: &[Put]) -> Result<()>;

    /// A consistent view of what was applied until now.
    fn view(&self) -> Result<Box<dyn View + '_>>;

    /// The store's own counters, for the progress lines.
    fn status(&self) -> String;
}

pub trait View {
    fn get(&self, table: usize, key: &[u8]) -> Result<Option<Vec<u8>>>;

    /// Counts the keys that begin with `prefix`, reading their values, up to `limit`.
    fn scan(&self, table: usize, prefix: &[u8], limit: usize) -> Result<usize>;
}

pub fn open(name: &str, dir: &Path, tuning: &Tuning) -> Result<Box<dyn Store>> {
    fs_err::create_dir_all(dir)?;
    match name {
        "fjall" => Ok(Box::new(FjallStore::open(dir, tuning)?)),
        "redb" => Ok(Box::new(RedbStore::open(dir, tuning)?)),
        _ => Err(format!("no store is called {name:?}: it is fjall or redb").into()),
    }
}
