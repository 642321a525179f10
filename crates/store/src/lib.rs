#![doc = include_str!("../README.md")]

mod batch;
pub mod key;

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use fjall::Readable as _;

pub use batch::Batch;

/// Format of the store's own keys; a store of another format is made again from the journal.
const FORMAT: u8 = 4;
const META: &str = "meta";
const POSITION: &[u8] = b"position";
const FORMAT_KEY: &[u8] = b"format";
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
/// What a pair takes in memory beside key and value, in bytes.
const PAIR_OVERHEAD_BYTES: u64 = 50;

/// Why the store could not do something.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The engine below failed.
    #[error("the store failed to {what}")]
    Engine {
        /// What was tried.
        what: &'static str,
        /// What the engine said.
        #[source]
        source: fjall::Error,
    },
    /// The store was written by another version of the program.
    #[error(
        "the store has format {found}, this program reads {FORMAT}: delete its folder, it is made again from the journal"
    )]
    Format {
        /// The store's format.
        found: u8,
    },
    /// A value is not what this program writes.
    #[error("the store holds an unreadable {what}: delete its folder, it is made again from the journal")]
    Unreadable {
        /// Whose value.
        what: &'static str,
    },
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

/// What can be read from: the store as last committed, or a batch with its own writes on top.
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
    /// Opens the store in a folder with the keyspaces of these names, making what is missing.
    pub fn open(folder: &Path, names: &[&'static str]) -> Result<Self> {
        Self::open_with_cache(folder, names, CACHE_BYTES)
    }

    /// As [`Store::open`], with so many bytes of memory for blocks read from disk.
    pub fn open_with_cache(folder: &Path, names: &[&'static str], cache_bytes: u64) -> Result<Self> {
        let db = fjall::Database::builder(folder)
            .cache_size(cache_bytes)
            .worker_threads(WORKER_THREADS)
            .open()
            .map_err(engine("open"))?;
        let options = || fjall::KeyspaceCreateOptions::default().max_memtable_size(u64::MAX);
        let meta = db.keyspace(META, options).map_err(engine("open a keyspace"))?;
        match meta.get(FORMAT_KEY).map_err(engine("read its format"))? {
            None => meta.insert(FORMAT_KEY, [FORMAT]).map_err(engine("write its format"))?,
            Some(found) if found[..] == [FORMAT] => {}
            Some(found) => return Err(StoreError::Format { found: found.first().copied().unwrap_or(0) }),
        }
        let keyspaces = names
            .iter()
            .enumerate()
            .map(|(number, name)| {
                Ok(Keyspace { number, inner: db.keyspace(name, options).map_err(engine("open a keyspace"))? })
            })
            .collect::<Result<_>>()?;
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
