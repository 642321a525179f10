//! The journal's twin in memory, for tests.

use parking_lot::RwLock;

use crate::{AppendError, BATCH_BYTES_MAX, Journal, Offset, RECORD_BYTES_MAX, Records};

/// A journal that lives as long as its process.
#[derive(Debug, Default)]
pub struct MemoryJournal {
    records: RwLock<Vec<Vec<u8>>>,
}

impl Journal for MemoryJournal {
    fn append(&self, records: &[&[u8]]) -> Result<Offset, AppendError> {
        if let Some(record) = records.iter().find(|record| record.len() > RECORD_BYTES_MAX) {
            return Err(AppendError::RecordTooLarge { record_bytes: record.len() });
        }
        let batch_bytes = records.iter().map(|record| record.len() + 4).sum();
        if batch_bytes > BATCH_BYTES_MAX {
            return Err(AppendError::BatchTooLarge { batch_bytes });
        }
        let mut all = self.records.write();
        let first = Offset(all.len() as u64);
        all.extend(records.iter().map(|record| record.to_vec()));
        Ok(first)
    }

    fn end(&self) -> Offset {
        Offset(self.records.read().len() as u64)
    }

    fn read_from(&self, from: Offset) -> Records<'_> {
        let end = self.end().0;
        Box::new((from.0..end).map(|n| Ok((Offset(n), self.records.read()[n as usize].clone()))))
    }
}
