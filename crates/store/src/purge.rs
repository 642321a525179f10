//! Purging: what was removed from the store leaves its files too.
//!
//! The files of an LSM tree hold removed pairs until a compaction drops them, and the log holds
//! them until a later log takes its place. Purging compacts every keyspace and has the log rotated.
//! Fjall rotates its log only when it has grown, so it is filled up with bytes that mean nothing.
//! The proof is in the names of the files: none that was there before is there afterwards.

use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::time::Duration;

use fjall::Readable as _;
use fs_err as fs;

use crate::{ENGINE_LOG_EXTENSION, Result, Store, StoreError, engine_error, list_folder};

/// The log is rotated when it is longer than this, in bytes; fjall decides so.
const LOG_BYTES_TO_ROTATE: usize = 64_000_000;
/// How many bytes of filling are written at once.
const FILLING_BYTES: usize = 1_024 * 1_024;
/// How many of them are written before they go into a table, so that they take little memory.
const FILLINGS_PER_TABLE: usize = 8;
const FILLING_KEY: &[u8] = b"log_filling";
/// How often it is tried, and how long readers of old files are waited for each time.
const ATTEMPTS: usize = 40;
const WAIT: Duration = Duration::from_millis(250);
/// The folder of a keyspace with its tables.
const TABLES: &str = "tables";

/// The result of purging.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Purged {
    /// Files with pairs, or with a log of them, that were there before and are not any more.
    pub files: u64,
    /// The bytes of those that are there now.
    pub bytes: u64,
}

/// Takes the keyspace, the key and the value of a pair.
pub type VisitPair<'a> = dyn FnMut(&'static str, &[u8], &[u8]) -> Result<()> + 'a;

impl Store {
    /// Writes all tables and the log anew, so that no file holds what was removed or replaced
    /// before, and makes everything committed durable. Reading and writing go on meanwhile.
    ///
    /// # Errors
    /// Fjall's, or if a reader keeps an old file for longer than ten seconds.
    pub fn purge(&self) -> Result<Purged> {
        self.db.persist(fjall::PersistMode::SyncAll).map_err(engine_error("sync"))?;
        let before = self.data_files()?;
        self.rotate_log()?;
        for _ in 0..ATTEMPTS {
            self.compact()?;
            let now = self.data_files()?;
            if before.iter().all(|file| !now.contains(file)) {
                return Ok(Purged { files: before.len() as u64, bytes: measure(&now) });
            }
            std::thread::sleep(WAIT);
        }
        let now = self.data_files()?;
        match before.iter().find(|file| now.contains(file)) {
            None => Ok(Purged { files: before.len() as u64, bytes: measure(&now) }),
            Some(file) => Err(StoreError::NotPurged { what: file.display().to_string() }),
        }
    }

    /// The name and the value of every pair that a file of the store may hold, for a search.
    pub fn each_pair(&self, visit: &mut VisitPair<'_>) -> Result<()> {
        for (keyspace, name) in self.keyspaces.iter().zip(&self.names) {
            for pair in self.db.snapshot().iter(&keyspace.inner) {
                let (key, value) = pair.into_inner().map_err(engine_error("scan"))?;
                visit(name, &key, &value)?;
            }
        }
        Ok(())
    }

    /// Fills the log until it is rotated.
    fn rotate_log(&self) -> Result<()> {
        let mut noise = Noise(0x9E37_79B9_7F4A_7C15);
        for n in 0..LOG_BYTES_TO_ROTATE / FILLING_BYTES + 2 {
            let filling = noise.bytes(FILLING_BYTES);
            self.meta.insert(FILLING_KEY, filling).map_err(engine_error("fill its log"))?;
            if n % FILLINGS_PER_TABLE == 0 {
                self.meta.rotate_memtable_and_wait().map_err(engine_error("start a table"))?;
            }
        }
        self.meta.insert(FILLING_KEY, []).map_err(engine_error("fill its log"))?;
        self.meta.rotate_memtable_and_wait().map_err(engine_error("start a table"))?;
        self.meta.remove(FILLING_KEY).map_err(engine_error("fill its log"))
    }

    /// Puts everything into tables and merges those of each keyspace.
    fn compact(&self) -> Result<()> {
        // A table tells how far the log is in tables: a keyspace without one holds the log back.
        for _ in 0..2 {
            for keyspace in self.all_keyspaces() {
                keyspace.rotate_memtable_and_wait().map_err(engine_error("start a table"))?;
            }
        }
        self.unflushed_bytes.store(0, Ordering::Relaxed);
        for keyspace in self.all_keyspaces() {
            keyspace.major_compact().map_err(engine_error("compact"))?;
        }
        // What no snapshot reads any more is dropped when a table is started.
        self.meta.insert(FILLING_KEY, []).map_err(engine_error("fill its log"))?;
        self.meta.rotate_memtable_and_wait().map_err(engine_error("start a table"))?;
        self.meta.remove(FILLING_KEY).map_err(engine_error("fill its log"))
    }

    fn all_keyspaces(&self) -> impl Iterator<Item = &fjall::Keyspace> {
        self.keyspaces.iter().map(|keyspace| &keyspace.inner).chain([&self.meta])
    }

    /// The files that hold pairs: tables and logs.
    fn data_files(&self) -> Result<Vec<PathBuf>> {
        let is_log = |path: &PathBuf| {
            path.extension().is_some_and(|extension| extension == ENGINE_LOG_EXTENSION)
        };
        let mut files = list_folder(&self.folder)?;
        files.retain(is_log);
        // Fjall has one more keyspace, for the names of the others.
        for keyspace in self.all_keyspaces() {
            files.extend(list_folder(&keyspace.path().join(TABLES))?);
        }
        Ok(files)
    }
}

fn measure(files: &[PathBuf]) -> u64 {
    let size = |file: &Path| fs::metadata(file).map_or(0, |metadata| metadata.len());
    files.iter().map(|file| size(file)).sum()
}

/// Bytes that do not compress.
struct Noise(u64);

impl Noise {
    fn bytes(&mut self, n: usize) -> Vec<u8> {
        let word = || {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            self.0.to_le_bytes()
        };
        std::iter::repeat_with(word).take(n / 8).flatten().collect()
    }
}
