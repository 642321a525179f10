//! redb: one copy-on-write B-tree file.
//!
//! Most commits are not durable, which keeps them in memory: a killed process falls back to its
//! last durable commit. Those carry the allocator's state (quick repair), since without it an
//! open after a crash walks the whole file.

use std::{path::Path, time::Instant};

use redb::{Database, Durability, ReadOnlyTable, ReadableDatabase, TableDefinition};

use crate::store::{Put, Result, Store, TABLES, Tuning, View};

type Table = ReadOnlyTable<&'static [u8], &'static [u8]>;

fn definition(table: usize) -> TableDefinition<'static, &'static [u8], &'static [u8]> {
    TableDefinition::new(TABLES[table])
}

pub struct RedbStore {
    db: Database,
    last_durable: Instant,
    durable_every: std::time::Duration,
}

impl RedbStore {
    pub fn open(dir: &Path, tuning: &Tuning) -> Result<Self> {
        let path = dir.join("store.redb");
        let is_new = !path.try_exists()?;
        let db = Database::builder()
            .set_cache_size(usize::try_from(tuning.cache_bytes)?)
            .create(path)?;
        if is_new {
            let mut write = db.begin_write()?;
            write.set_quick_repair(true);
            for table in 0..TABLES.len() {
                write.open_table(definition(table))?;
            }
            write.commit()?;
        }
        Ok(Self { db, last_durable: Instant::now(), durable_every: tuning.durable_every })
    }
}

impl Store for RedbStore {
    fn apply(&mut self, puts: &[Put]) -> Result<()> {
        let durable = self.last_durable.elapsed() >= self.durable_every;
        let mut write = self.db.begin_write()?;
        write.set_durability(if durable { Durability::Immediate } else { Durability::None })?;
        write.set_quick_repair(durable);
        {
            let mut tables = Vec::with_capacity(TABLES.len());
            for table in 0..TABLES.len() {
                tables.push(write.open_table(definition(table))?);
            }
            for put in puts {
                tables[put.table].insert(put.key.as_slice(), put.value.as_slice())?;
            }
        }
        write.commit()?;
        if durable {
            self.last_durable = Instant::now();
        }
        Ok(())
    }

    fn view(&self) -> Result<Box<dyn View + '_>> {
        let read = self.db.begin_read()?;
        let tables = (0..TABLES.len())
            .map(|table| read.open_table(definition(table)))
            .collect::<Result<_, redb::TableError>>()?;
        Ok(Box::new(RedbView { tables }))
    }

    fn status(&self) -> String {
        format!("last durable commit {:.1} s ago", self.last_durable.elapsed().as_secs_f64())
    }
}

struct RedbView {
    tables: Vec<Table>,
}

impl View for RedbView {
    fn get(&self, table: usize, key: &[u8]) -> Result<Option<Vec<u8>>> {
        Ok(self.tables[table].get(key)?.map(|value| value.value().to_vec()))
    }

    fn scan(&self, table: usize, prefix: &[u8], limit: usize) -> Result<usize> {
        let mut count = 0;
        for entry in self.tables[table].range::<&[u8]>(prefix..)?.take(limit) {
            let (key, value) = entry?;
            if !key.value().starts_with(prefix) {
                break;
            }
            std::hint::black_box(value.value().to_vec());
            count += 1;
        }
        Ok(count)
    }
}
