#![doc = include_str!("../README.md")]

mod batch;
pub mod key;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use fjall::Readable as _;
use fs_err as fs;

pub use batch::Batch;

/// Format of the store's own keys, and of what the fold makes of a journal; a store of another format is made again from the journal.
const FORMAT: u8 = 7;
const META: &str = "meta";
const POSITION: &[u8] = b"position";
const FORMAT_KEY: &[u8] = b"format";
/// What the engine below writes last when it makes a folder of its own: without it, it would make another over what is there.
const ENGINE_MARKER: &str = "version";
/// The folder of its keyspaces, each a folder named by a number.
const ENGINE_KEYSPACES: &str = "keyspaces";
/// How the names of the engine's log files end; it makes a new one where all are gone.
const ENGINE_LOG_EXTENSION: &str = "jnl";
/// The operating system's numbers of "input/output error", "too many open files" of the system and of the process, and
/// "disk quota exceeded".
const EIO: i32 = 5;
const ENFILE: i32 = 23;
const EMFILE: i32 = 24;
const EDQUOT: i32 = 122;
/// Is there while the store is being cleared.
const CLEARING: &[u8] = b"clearing";
/// How many keys are removed at once while it is.
const CLEARED_PER_STEP: usize = 10_000;

/// Memory for blocks read from disk, in bytes, where nobody else shares it.
pub const CACHE_BYTES: u64 = 256 * 1_024 * 1_024;
/// Threads that flush and compact. With a single one a full queue of its own could keep it waiting for itself for ever.
const WORKER_THREADS: usize = 2;
/// Writes that may be in memory only before all keyspaces start to write them to tables, in bytes. The store decides this, not the
/// engine below, so that one busy keyspace does not make its queue overflow and an idle one does not hold back old log files. A store with
/// a small cache is one of many: it writes sooner, an eighth of its cache at a time, but not in tables that are smaller than they are worth.
const UNFLUSHED_BYTES_MAX: u64 = 32 * 1_024 * 1_024;
const UNFLUSHED_BYTES_MIN: u64 = 4 * 1_024 * 1_024;
const CACHES_PER_UNFLUSHED: u64 = 8;
/// The memory of a pair beside key and value, in bytes.
const PAIR_OVERHEAD_BYTES: u64 = 50;

/// Why the store could not do something.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The engine below failed.
    #[error("the store failed to {what}")]
    Engine {
        /// The operation that failed.
        what: &'static str,
        /// The error of the storage engine.
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
    /// A value is not what this program writes.
    #[error("the store holds an unreadable {what}: the next start makes it again from the journal")]
    Unreadable {
        /// Whose value.
        what: &'static str,
    },
    /// Something of it is missing, or it was never made to its end.
    #[error("the store is not whole, {what}: the next start makes it again from the journal")]
    NotWhole {
        /// The damage.
        what: String,
    },
}

impl StoreError {
    /// Whether the store itself is wrong. Where not, the disk, a limit or another process is in the way, and it may open later.
    pub fn is_damage(&self) -> bool {
        let Self::Engine { source, .. } = self else { return true };
        if matches!(source, fjall::Error::Locked | fjall::Error::Poisoned) {
            return false;
        }
        let first: &(dyn std::error::Error + 'static) = source;
        let of_system = std::iter::successors(Some(first), |error| error.source())
            .find_map(|error| error.downcast_ref::<io::Error>());
        !of_system.is_some_and(is_in_the_way)
    }
}

/// Whether an error of the file system says nothing of what is in a file.
fn is_in_the_way(error: &io::Error) -> bool {
    use io::ErrorKind::{
        FileTooLarge, Interrupted, OutOfMemory, PermissionDenied, ReadOnlyFilesystem, StorageFull,
    };
    let kinds = [FileTooLarge, Interrupted, OutOfMemory, PermissionDenied, ReadOnlyFilesystem, StorageFull];
    kinds.contains(&error.kind())
        || error.raw_os_error().is_some_and(|number| [EIO, ENFILE, EMFILE, EDQUOT].contains(&number))
}

type Result<T> = std::result::Result<T, StoreError>;

fn engine(what: &'static str) -> impl Fn(fjall::Error) -> StoreError {
    move |source| StoreError::Engine { what, source }
}

/// A key and its value.
pub type Pair = (Vec<u8>, Vec<u8>);
/// Pairs in the order of their keys.
pub type Pairs<'a> = Box<dyn Iterator<Item = Result<Pair>> + 'a>;

/// An ordered map of byte strings within a store.
#[derive(Clone)]
pub struct Keyspace {
    /// The place of its pending writes in a batch.
    number: usize,
    inner: fjall::Keyspace,
}

/// Read access: to the store as last committed, or to a batch with its own writes on top.
pub trait Read {
    /// The value of a key.
    fn get(&self, keyspace: &Keyspace, key: &[u8]) -> Result<Option<Vec<u8>>>;

    /// All pairs whose key starts with `prefix`, ascending.
    fn scan(&self, keyspace: &Keyspace, prefix: &[u8]) -> Pairs<'_>;
}

/// An open store.
pub struct Store {
    db: fjall::Database,
    meta: fjall::Keyspace,
    keyspaces: Vec<Keyspace>,
    names: Vec<&'static str>,
    unflushed_bytes: AtomicU64,
    unflushed_bytes_max: u64,
}

impl Store {
    /// Opens the store in a folder with the keyspaces of these names; makes one where there is nothing.
    ///
    /// # Errors
    /// See [`StoreError::is_damage`]. A store of which anything is missing is damaged: nothing is made in its place.
    pub fn open(folder: &Path, names: &[&'static str]) -> Result<Self> {
        Self::open_with_cache(folder, names, CACHE_BYTES)
    }

    /// As [`Store::open`], with so many bytes of memory for blocks read from disk.
    ///
    /// # Errors
    /// As [`Store::open`].
    pub fn open_with_cache(folder: &Path, names: &[&'static str], cache_bytes: u64) -> Result<Self> {
        let is_there = is_store_there(folder)?;
        let db = fjall::Database::builder(folder)
            .cache_size(cache_bytes)
            .worker_threads(WORKER_THREADS)
            .open()
            .map_err(engine("open"))?;
        let options = || fjall::KeyspaceCreateOptions::default().max_memtable_size(u64::MAX);
        let keyspace = |name: &'static str| {
            if is_there && !db.keyspace_exists(name) {
                return Err(not_whole(format!("keyspace {name} is missing")));
            }
            db.keyspace(name, options).map_err(engine("open a keyspace"))
        };
        let meta = keyspace(META)?;
        match meta.get(FORMAT_KEY).map_err(engine("read its format"))? {
            None if is_there => return Err(not_whole("it was not made to its end")),
            Some(found) if found[..] != [FORMAT] => {
                return Err(StoreError::Format { found: found.first().copied().unwrap_or(0) });
            }
            _ => {}
        }
        let keyspaces = names
            .iter()
            .enumerate()
            .map(|(number, name)| Ok(Keyspace { number, inner: keyspace(name)? }))
            .collect::<Result<_>>()?;
        if !is_there {
            // Last: it says that everything else was made.
            meta.insert(FORMAT_KEY, [FORMAT]).map_err(engine("write its format"))?;
        }
        let unflushed_bytes = AtomicU64::new(db.write_buffer_size());
        let unflushed_bytes_max =
            (cache_bytes / CACHES_PER_UNFLUSHED).clamp(UNFLUSHED_BYTES_MIN, UNFLUSHED_BYTES_MAX);
        Ok(Self { db, meta, keyspaces, names: names.to_vec(), unflushed_bytes, unflushed_bytes_max })
    }

    /// Whether [`Store::clear`] was begun and not ended.
    pub fn is_clearing(&self) -> Result<bool> {
        Ok(self.meta.get(CLEARING).map_err(engine("read whether it is cleared"))?.is_some())
    }

    /// Removes everything from all keyspaces but `kept`; the position stays. After a crash on the way, clear again: [`Store::is_clearing`].
    pub fn clear(&self, kept: &Keyspace) -> Result<()> {
        self.meta.insert(CLEARING, []).map_err(engine("begin to clear"))?;
        let cleared = self.keyspaces.iter().filter(|keyspace| keyspace.number != kept.number);
        for Keyspace { inner, .. } in cleared {
            loop {
                let snapshot = self.db.snapshot();
                let keys: Vec<_> = snapshot
                    .iter(inner)
                    .take(CLEARED_PER_STEP)
                    .map(|pair| pair.key().map_err(engine("clear")))
                    .collect::<Result<_>>()?;
                if keys.is_empty() {
                    break;
                }
                let (mut batch, mut bytes) = (self.db.batch(), 0);
                for key in keys {
                    bytes += key.len() as u64 + PAIR_OVERHEAD_BYTES;
                    batch.remove(inner, key);
                }
                batch.commit().map_err(engine("clear"))?;
                self.note_written(bytes)?;
            }
        }
        self.meta.remove(CLEARING).map_err(engine("end to clear"))
    }

    /// The keyspace of a name that [`Store::open`] was given.
    pub fn keyspace(&self, name: &'static str) -> Keyspace {
        let number = self.names.iter().position(|known| *known == name);
        self.keyspaces[number.expect("open was given every name")].clone()
    }

    /// How many journal entries the store has applied.
    pub fn position(&self) -> Result<u64> {
        let Some(bytes) = self.meta.get(POSITION).map_err(engine("read its position"))? else { return Ok(0) };
        let bytes = bytes[..].try_into().map_err(|_| StoreError::Unreadable { what: "position" })?;
        Ok(u64::from_le_bytes(bytes))
    }

    /// Starts a batch.
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
        Box::new(self.db.snapshot().range(&keyspace.inner, from.to_vec()..until.to_vec()).map(read_pair))
    }

    /// How many bytes the blocks take that were read from disk, and how many what is not yet in tables takes.
    pub fn memory_bytes(&self) -> (u64, u64) {
        (self.db.cache_size(), self.db.write_buffer_size())
    }

    /// Hands everything committed to the operating system, for a clean stop.
    pub fn flush(&self) -> Result<()> {
        self.db.persist(fjall::PersistMode::Buffer).map_err(engine("flush"))
    }
}

impl Read for Store {
    fn get(&self, keyspace: &Keyspace, key: &[u8]) -> Result<Option<Vec<u8>>> {
        Ok(keyspace.inner.get(key).map_err(engine("read"))?.map(|value| value.to_vec()))
    }

    fn scan(&self, keyspace: &Keyspace, prefix: &[u8]) -> Pairs<'_> {
        // A snapshot, so that a batch that is being committed shows whole or not at all.
        Box::new(self.db.snapshot().prefix(&keyspace.inner, prefix).map(read_pair))
    }
}

impl Store {
    /// Counts what a batch wrote and starts writing tables where enough has gathered.
    fn note_written(&self, bytes: u64) -> Result<()> {
        let unflushed = self.unflushed_bytes.fetch_add(bytes, Ordering::Relaxed) + bytes;
        if unflushed < self.unflushed_bytes_max {
            return Ok(());
        }
        self.unflushed_bytes.store(0, Ordering::Relaxed);
        for keyspace in self.keyspaces.iter().map(|keyspace| &keyspace.inner).chain([&self.meta]) {
            keyspace.rotate_memtable().map_err(engine("start a table"))?;
        }
        Ok(())
    }
}

fn read_pair(guard: fjall::Guard) -> Result<Pair> {
    let (key, value) = guard.into_inner().map_err(engine("scan"))?;
    Ok((key.to_vec(), value.to_vec()))
}

/// Whether there is anything in the folder of a store, which then must have what the engine would make anew, and nothing that it
/// takes for a defect of its own.
fn is_store_there(folder: &Path) -> Result<bool> {
    let paths = list(folder)?;
    if paths.is_empty() {
        return Ok(false);
    }
    if !paths.iter().any(|path| path.file_name().is_some_and(|name| name == ENGINE_MARKER)) {
        return Err(not_whole(format!("there is no file {ENGINE_MARKER}")));
    }
    let is_log =
        |path: &&PathBuf| path.extension().is_some_and(|extension| extension == ENGINE_LOG_EXTENSION);
    let logs: Vec<&PathBuf> = paths.iter().filter(is_log).collect();
    if logs.is_empty() {
        return Err(not_whole(format!("there is no .{ENGINE_LOG_EXTENSION} file")));
    }
    let keyspaces = list(&folder.join(ENGINE_KEYSPACES))?;
    let is_number = |path: &Path| {
        path.file_stem().and_then(|name| name.to_str()).is_some_and(|name| name.parse::<u64>().is_ok())
    };
    let stray = logs.into_iter().find(|path| !path.is_file() || !is_number(path));
    match stray.or_else(|| keyspaces.iter().find(|path| path.is_dir() && !is_number(path))) {
        Some(path) => Err(not_whole(format!("{} is none of its files", path.display()))),
        None => Ok(true),
    }
}

/// The entries of a folder; none where it is missing.
fn list(folder: &Path) -> Result<Vec<PathBuf>> {
    let list = || match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        entries => entries?.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>(),
    };
    list().map_err(|error| engine("list its folder")(error.into()))
}

fn not_whole(what: impl Into<String>) -> StoreError {
    StoreError::NotWhole { what: what.into() }
}
