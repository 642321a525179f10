//! fjall: a log-structured merge tree for each keyspace, with one journal for them all.
//!
//! A batch is appended to fjall's journal and handed to the operating system on commit, but not
//! fsynced: it outlives the process, though not the machine.
//!
//! When left to itself, fjall asks for the rotation of a full memtable with a message to its
//! workers on every commit until one of them gets to it, and a worker that rotates sends a message
//! in turn, on the same bounded channel, which only workers empty. A writer of many small batches
//! fills it while a single worker compacts; that worker then waits for itself for ever and nothing
//! is flushed any more (<https://github.com/fjall-rs/fjall/pull/323>). So the writer here rotates
//! the memtables itself, from its own thread, and no such message is ever sent.

use std::path::Path;

use fjall::{
    Database, Keyspace, KeyspaceCreateOptions, OwnedWriteBatch, PersistMode, Readable, Snapshot,
};

use crate::store::{MIB, Put, Result, Store, TABLES, Tuning, View};

/// About what an entry of a memtable costs beside its key and value.
const ENTRY_BYTES: usize = 50;

pub struct FjallStore {
    db: Database,
    keyspaces: Vec<Keyspace>,
    /// Bytes written since the last rotation, and how many of them ask for the next.
    unrotated: u64,
    rotate_at: u64,
}

impl FjallStore {
    pub fn open(dir: &Path, tuning: &Tuning) -> Result<Self> {
        let db = Database::builder(dir)
            .cache_size(tuning.cache_bytes)
            .worker_threads(tuning.workers)
            .open()?;
        // These options count only when the keyspace is made; later they are read from the disk.
        let memtable_bytes = if tuning.own_rotation { u64::MAX } else { tuning.memtable_bytes };
        let options = || KeyspaceCreateOptions::default().max_memtable_size(memtable_bytes);
        let keyspaces =
            TABLES.iter().map(|name| db.keyspace(name, options)).collect::<fjall::Result<_>>()?;
        let rotate_at = if tuning.own_rotation {
            tuning.memtable_bytes * TABLES.len() as u64
        } else {
            u64::MAX
        };
        // What was replayed from the journal is in the memtables already.
        let unrotated = db.write_buffer_size();
        Ok(Self { db, keyspaces, unrotated, rotate_at })
    }
}

impl Store for FjallStore {
    fn apply(&mut self, puts: &[Put]) -> Result<()> {
        let mut batch = OwnedWriteBatch::with_capacity(self.db.clone(), puts.len())
            .durability(Some(PersistMode::Buffer));
        for put in puts {
            batch.insert(&self.keyspaces[put.table], put.key.as_slice(), put.value.as_slice());
            self.unrotated += (put.key.len() + put.value.len() + ENTRY_BYTES) as u64;
        }
        batch.commit()?;
        // All together, so that no idle keyspace's memtable holds the old journals back.
        if self.unrotated >= self.rotate_at {
            for keyspace in &self.keyspaces {
                keyspace.rotate_memtable()?;
            }
            self.unrotated = 0;
        }
        Ok(())
    }

    fn view(&self) -> Result<Box<dyn View + '_>> {
        Ok(Box::new(FjallView { snapshot: self.db.snapshot(), keyspaces: &self.keyspaces }))
    }

    fn status(&self) -> String {
        format!(
            "write buffers {} MiB, {} compactions, L0 tables {:?}",
            self.db.write_buffer_size() / MIB,
            self.db.compactions_completed(),
            self.keyspaces.iter().map(Keyspace::l0_table_count).collect::<Vec<_>>(),
        )
    }
}

struct FjallView<'a> {
    snapshot: Snapshot,
    keyspaces: &'a [Keyspace],
}

impl View for FjallView<'_> {
    fn get(&self, table: usize, key: &[u8]) -> Result<Option<Vec<u8>>> {
        Ok(self.snapshot.get(&self.keyspaces[table], key)?.map(|value| value.to_vec()))
    }

    fn scan(&self, table: usize, prefix: &[u8], limit: usize) -> Result<usize> {
        let mut count = 0;
        for entry in self.snapshot.prefix(&self.keyspaces[table], prefix).take(limit) {
            std::hint::black_box(entry.into_inner()?);
            count += 1;
        }
        Ok(count)
    }
}
