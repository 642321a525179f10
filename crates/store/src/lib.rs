#![doc = include_str!("../README.md")]

mod batch;
pub mod key;
mod picture;
mod purge;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use fjall::Readable as _;
use fs_err as fs;

pub use batch::Batch;
pub use picture::Picture;
pub use purge::{Purged, VisitPair};

/// Version of the store's own keys and of the rows that the fold writes. A store of another version
/// is rebuilt from the journal, or from a snapshot of the state, whose rows are converted.
pub const FORMAT: u8 = 10;
const META: &str = "meta";
const POSITION: &[u8] = b"position";
const FORMAT_KEY: &[u8] = b"format";
/// The file that fjall writes last when it creates a database. Without it, fjall would create a new
/// database over the files that exist.
const ENGINE_MARKER: &str = "version";
/// Fjall's folder of keyspaces, each a folder named by a number.
const ENGINE_KEYSPACES: &str = "keyspaces";
/// The extension of fjall's log files. Fjall creates a new one where all are missing.
const ENGINE_LOG_EXTENSION: &str = "jnl";
/// The operating system's numbers of "input/output error", "too many open files" of the system and
/// of the process, and "disk quota exceeded".
const EIO: i32 = 5;
const ENFILE: i32 = 23;
const EMFILE: i32 = 24;
const EDQUOT: i32 = 122;
/// The key that exists while the store is being cleared.
const CLEARING: &[u8] = b"clearing";
/// The key that exists while the store is being filled.
const FILLING: &[u8] = b"filling";
/// The number of keys that each step of clearing removes.
const CLEARED_PER_STEP: usize = 10_000;

/// The default size of the block cache, in bytes.
pub const CACHE_BYTES: u64 = 256 * 1_024 * 1_024;
/// Threads that flush and compact. A single one could wait for its own full queue forever.
const WORKER_THREADS: usize = 2;
/// Unflushed writes, in bytes, at which all keyspaces start to write tables. The store decides this
/// instead of fjall, so that a busy keyspace does not overflow its queue and an idle one does not
/// hold back old log files. The more is written at once, the less often is the same row rewritten:
/// with rows of many people, merging tables is most of the store's work. A store with a small cache
/// is one of many: it flushes at half of its cache, but not below a useful size of tables.
const UNFLUSHED_BYTES_MAX: u64 = 128 * 1_024 * 1_024;
const UNFLUSHED_BYTES_MIN: u64 = 4 * 1_024 * 1_024;
const CACHES_PER_UNFLUSHED: u64 = 2;
/// The new tables of a keyspace, at which they are merged into the ones below. Each merge rewrites
/// all of these that overlap.
const NEW_TABLES_MAX: u8 = 8;
/// The memory that a pair takes in addition to key and value, in bytes.
const PAIR_OVERHEAD_BYTES: u64 = 50;

/// Errors of the store.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Fjall failed.
    #[error("the store failed to {what}")]
    Engine {
        /// The operation, for the message.
        what: &'static str,
        /// The error of fjall.
        #[source]
        source: fjall::Error,
    },
    /// The store was written by another version of the program.
    #[error(
        "the store has format {found}, this program reads {FORMAT}: the next start makes it again from the journal"
    )]
    Format {
        /// The store's format.
        found: u8,
    },
    /// A value has another form than this program writes.
    #[error("the store holds an unreadable {what}: the next start makes it again from the journal")]
    Unreadable {
        /// The kind of value.
        what: &'static str,
    },
    /// Files that hold removed pairs could not be replaced, since somebody reads them.
    #[error("{what} still holds what was removed from the store: try again later")]
    NotPurged {
        /// One of the files.
        what: String,
    },
    /// A part of the store is missing, or its creation was interrupted.
    #[error("the store is not whole, {what}: the next start makes it again from the journal")]
    Incomplete {
        /// The missing or unexpected part.
        what: String,
    },
}

impl StoreError {
    /// Whether the store itself is damaged. Otherwise the cause is the disk, a limit or another
    /// process, and the store may open later.
    pub fn is_damage(&self) -> bool {
        let source = match self {
            Self::Engine { source, .. } => source,
            Self::NotPurged { .. } => return false,
            _ => return true,
        };
        if matches!(source, fjall::Error::Locked | fjall::Error::Poisoned) {
            return false;
        }
        let first: &(dyn std::error::Error + 'static) = source;
        let io_error = std::iter::successors(Some(first), |error| error.source())
            .find_map(|error| error.downcast_ref::<io::Error>());
        !io_error.is_some_and(is_environment_error)
    }
}

/// Whether an I/O error has a cause outside of the files, such as a full disk or a limit.
fn is_environment_error(error: &io::Error) -> bool {
    use io::ErrorKind::{
        FileTooLarge, Interrupted, OutOfMemory, PermissionDenied, ReadOnlyFilesystem, StorageFull,
    };
    let kinds =
        [FileTooLarge, Interrupted, OutOfMemory, PermissionDenied, ReadOnlyFilesystem, StorageFull];
    kinds.contains(&error.kind())
        || error
            .raw_os_error()
            .is_some_and(|number| [EIO, ENFILE, EMFILE, EDQUOT].contains(&number))
}

type Result<T> = std::result::Result<T, StoreError>;

fn engine_error(what: &'static str) -> impl Fn(fjall::Error) -> StoreError {
    move |source| StoreError::Engine { what, source }
}

/// A key and its value.
pub type Pair = (Vec<u8>, Vec<u8>);
/// Pairs in the order of their keys.
pub type Pairs<'a> = Box<dyn Iterator<Item = Result<Pair>> + 'a>;

/// An ordered map of byte strings within a store.
#[derive(Clone)]
pub struct Keyspace {
    /// The index of its pending writes in a batch.
    number: usize,
    inner: fjall::Keyspace,
}

/// Read access: to the store as last committed, or to a batch, which sees its own writes too.
pub trait Read {
    /// The value of a key.
    ///
    /// # Errors
    /// Fjall's.
    fn get(&self, keyspace: &Keyspace, key: &[u8]) -> Result<Option<Vec<u8>>>;

    /// All pairs whose key starts with `prefix`, ascending.
    fn scan(&self, keyspace: &Keyspace, prefix: &[u8]) -> Pairs<'_>;
}

/// An open store.
pub struct Store {
    folder: PathBuf,
    db: fjall::Database,
    meta: fjall::Keyspace,
    keyspaces: Vec<Keyspace>,
    names: Vec<&'static str>,
    unflushed_bytes: AtomicU64,
    unflushed_bytes_max: u64,
}

impl Store {
    /// Opens the store in a folder with these keyspaces, or creates one where the folder is empty
    /// or missing.
    ///
    /// # Errors
    /// See [`StoreError::is_damage`]. A store with a missing part is damaged; nothing is created in
    /// its place.
    pub fn open(folder: &Path, names: &[&'static str]) -> Result<Self> {
        Self::open_with_cache(folder, names, CACHE_BYTES)
    }

    /// As [`Store::open`], with a block cache of `cache_bytes`.
    ///
    /// # Errors
    /// As [`Store::open`].
    pub fn open_with_cache(
        folder: &Path,
        names: &[&'static str],
        cache_bytes: u64,
    ) -> Result<Self> {
        let is_there = store_exists(folder)?;
        let db = fjall::Database::builder(folder)
            .cache_size(cache_bytes)
            .worker_threads(WORKER_THREADS)
            .open()
            .map_err(engine_error("open"))?;
        let options = || {
            fjall::KeyspaceCreateOptions::default()
                .max_memtable_size(u64::MAX)
                .compaction_strategy(Arc::new(merging()))
                .data_block_compression_policy(compression())
        };
        let keyspace = |name: &'static str| {
            if is_there && !db.keyspace_exists(name) {
                return Err(incomplete(format!("keyspace {name} is missing")));
            }
            db.keyspace(name, options).map_err(engine_error("open a keyspace"))
        };
        let meta = keyspace(META)?;
        match meta.get(FORMAT_KEY).map_err(engine_error("read its format"))? {
            None if is_there => return Err(incomplete("it was not made to its end")),
            Some(found) if found[..] != [FORMAT] => {
                return Err(StoreError::Format { found: found.first().copied().unwrap_or(0) });
            }
            _ => {}
        }
        if meta.get(FILLING).map_err(engine_error("read whether it is filled"))?.is_some() {
            return Err(incomplete("it was not filled to its end"));
        }
        let keyspaces = names
            .iter()
            .enumerate()
            .map(|(number, name)| Ok(Keyspace { number, inner: keyspace(name)? }))
            .collect::<Result<_>>()?;
        if !is_there {
            // Last: the format marks the store as complete.
            meta.insert(FORMAT_KEY, [FORMAT]).map_err(engine_error("write its format"))?;
        }
        let unflushed_bytes = AtomicU64::new(db.write_buffer_size());
        let unflushed_bytes_max =
            (cache_bytes / CACHES_PER_UNFLUSHED).clamp(UNFLUSHED_BYTES_MIN, UNFLUSHED_BYTES_MAX);
        Ok(Self {
            folder: folder.to_owned(),
            db,
            meta,
            keyspaces,
            names: names.to_vec(),
            unflushed_bytes,
            unflushed_bytes_max,
        })
    }

    /// Whether [`Store::clear`] was started and not finished.
    ///
    /// # Errors
    /// Fjall's.
    pub fn is_clearing(&self) -> Result<bool> {
        Ok(self.meta.get(CLEARING).map_err(engine_error("read whether it is cleared"))?.is_some())
    }

    /// Removes all pairs of all keyspaces except those of `kept`; the position stays. It is not
    /// atomic: after a crash, [`Store::is_clearing`] says that it must be repeated.
    ///
    /// # Errors
    /// Fjall's.
    pub fn clear(&self, kept: &[Keyspace]) -> Result<()> {
        self.meta.insert(CLEARING, []).map_err(engine_error("begin to clear"))?;
        let cleared = self
            .keyspaces
            .iter()
            .filter(|keyspace| kept.iter().all(|kept| kept.number != keyspace.number));
        for Keyspace { inner, .. } in cleared {
            loop {
                let snapshot = self.db.snapshot();
                let keys: Vec<_> = snapshot
                    .iter(inner)
                    .take(CLEARED_PER_STEP)
                    .map(|pair| pair.key().map_err(engine_error("clear")))
                    .collect::<Result<_>>()?;
                if keys.is_empty() {
                    break;
                }
                let (mut batch, mut bytes) = (self.db.batch(), 0);
                for key in keys {
                    bytes += key.len() as u64 + PAIR_OVERHEAD_BYTES;
                    batch.remove(inner, key);
                }
                batch.commit().map_err(engine_error("clear"))?;
                self.add_unflushed(bytes)?;
            }
        }
        self.meta.remove(CLEARING).map_err(engine_error("end to clear"))
    }

    /// The keyspace with a name that was passed to [`Store::open`].
    ///
    /// # Panics
    /// For any other name.
    pub fn keyspace(&self, name: &'static str) -> Keyspace {
        let number = self.names.iter().position(|known| *known == name);
        self.keyspaces[number.expect("open was given every name")].clone()
    }

    /// The number of journal entries that the store has applied, 0 for a new store.
    ///
    /// # Errors
    /// Fjall's, or an unreadable value.
    pub fn position(&self) -> Result<u64> {
        let Some(bytes) = self.meta.get(POSITION).map_err(engine_error("read its position"))?
        else {
            return Ok(0);
        };
        let bytes =
            bytes[..].try_into().map_err(|_| StoreError::Unreadable { what: "position" })?;
        Ok(u64::from_le_bytes(bytes))
    }

    /// Starts an empty batch.
    pub fn batch(&self) -> Batch<'_> {
        Batch::new(self, self.keyspaces.len())
    }

    /// The pairs with keys from `from` up to, not including, `until`; descending.
    pub fn scan_back(&self, keyspace: &Keyspace, from: &[u8], until: &[u8]) -> Pairs<'_> {
        let pairs = self.db.snapshot().range(&keyspace.inner, from.to_vec()..until.to_vec());
        Box::new(pairs.rev().map(read_pair))
    }

    /// The pairs with keys from `from` up to, not including, `until`; ascending.
    pub fn scan_range(&self, keyspace: &Keyspace, from: &[u8], until: &[u8]) -> Pairs<'_> {
        Box::new(
            self.db.snapshot().range(&keyspace.inner, from.to_vec()..until.to_vec()).map(read_pair),
        )
    }

    /// Memory of the block cache and of unflushed writes, in bytes.
    pub fn memory_bytes(&self) -> (u64, u64) {
        (self.db.cache_size(), self.db.write_buffer_size())
    }

    /// Passes everything committed to the operating system, for a clean stop. No fsync.
    ///
    /// # Errors
    /// Fjall's.
    pub fn flush(&self) -> Result<()> {
        self.db.persist(fjall::PersistMode::Buffer).map_err(engine_error("flush"))
    }
}

impl Read for Store {
    fn get(&self, keyspace: &Keyspace, key: &[u8]) -> Result<Option<Vec<u8>>> {
        Ok(keyspace.inner.get(key).map_err(engine_error("read"))?.map(|value| value.to_vec()))
    }

    fn scan(&self, keyspace: &Keyspace, prefix: &[u8]) -> Pairs<'_> {
        // A snapshot, so that a concurrent commit is visible whole or not at all.
        Box::new(self.db.snapshot().prefix(&keyspace.inner, prefix).map(read_pair))
    }
}

impl Store {
    /// Counts the bytes of a batch, and starts to write tables at the limit.
    fn add_unflushed(&self, bytes: u64) -> Result<()> {
        let unflushed = self.unflushed_bytes.fetch_add(bytes, Ordering::Relaxed) + bytes;
        if unflushed < self.unflushed_bytes_max {
            return Ok(());
        }
        self.unflushed_bytes.store(0, Ordering::Relaxed);
        for keyspace in self.keyspaces.iter().map(|keyspace| &keyspace.inner).chain([&self.meta]) {
            keyspace.rotate_memtable().map_err(engine_error("start a table"))?;
        }
        Ok(())
    }
}

/// When tables are merged.
fn merging() -> fjall::compaction::Leveled {
    fjall::compaction::Leveled::default().with_l0_threshold(NEW_TABLES_MAX)
}

/// Tables that are merged again soon are not compressed.
fn compression() -> fjall::config::CompressionPolicy {
    use fjall::CompressionType::{Lz4, None};
    fjall::config::CompressionPolicy::new([None, None, Lz4])
}

fn read_pair(guard: fjall::Guard) -> Result<Pair> {
    let (key, value) = guard.into_inner().map_err(engine_error("scan"))?;
    Ok((key.to_vec(), value.to_vec()))
}

/// Whether a folder holds a store.
///
/// # Errors
/// If files exist, but one is missing that fjall would silently create anew, or one is stray and
/// would make fjall fail.
fn store_exists(folder: &Path) -> Result<bool> {
    let paths = list_folder(folder)?;
    if paths.is_empty() {
        return Ok(false);
    }
    if !paths.iter().any(|path| path.file_name().is_some_and(|name| name == ENGINE_MARKER)) {
        return Err(incomplete(format!("there is no file {ENGINE_MARKER}")));
    }
    let is_log = |path: &&PathBuf| {
        path.extension().is_some_and(|extension| extension == ENGINE_LOG_EXTENSION)
    };
    let logs: Vec<&PathBuf> = paths.iter().filter(is_log).collect();
    if logs.is_empty() {
        return Err(incomplete(format!("there is no .{ENGINE_LOG_EXTENSION} file")));
    }
    let keyspaces = list_folder(&folder.join(ENGINE_KEYSPACES))?;
    let is_number = |path: &Path| {
        path.file_stem()
            .and_then(|name| name.to_str())
            .is_some_and(|name| name.parse::<u64>().is_ok())
    };
    let stray = logs.into_iter().find(|path| !path.is_file() || !is_number(path));
    match stray.or_else(|| keyspaces.iter().find(|path| path.is_dir() && !is_number(path))) {
        Some(path) => Err(incomplete(format!("{} is none of its files", path.display()))),
        None => Ok(true),
    }
}

/// The paths in a folder; empty where it is missing.
fn list_folder(folder: &Path) -> Result<Vec<PathBuf>> {
    let list = || match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        entries => entries?.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>(),
    };
    list().map_err(|error| engine_error("list its folder")(error.into()))
}

fn incomplete(what: impl Into<String>) -> StoreError {
    StoreError::Incomplete { what: what.into() }
}
