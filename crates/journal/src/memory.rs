//! A journal in memory, for tests.

use std::collections::BTreeMap;
use std::io;

use parking_lot::{Mutex, RwLock};

use crate::{
    AppendError, BATCH_BYTES_MAX, Journal, Offset, RECORD_BYTES_MAX, Records, Replace,
    RewriteError, RewritePace, Rewritten,
};

/// A journal in memory. Several writers may share it.
#[derive(Default)]
pub struct MemoryJournal {
    content: RwLock<Content>,
    /// The number of offsets that are skipped after each batch.
    gap: u64,
    watchers: Mutex<Vec<Watcher>>,
}

type Watcher = Box<dyn Fn(Offset) + Send + Sync>;

#[derive(Debug, Default)]
struct Content {
    records: BTreeMap<u64, Vec<u8>>,
    start: u64,
    end: u64,
}

impl MemoryJournal {
    /// A journal that skips `gap` offsets after each batch, as broker topics do.
    pub fn with_gaps(gap: u64) -> Self {
        Self { gap, ..Self::default() }
    }
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
        let (first, end) = {
            let mut content = self.content.write();
            let first = content.end;
            content.records.extend((first..).zip(records.iter().map(|record| record.to_vec())));
            content.end += records.len() as u64 + self.gap;
            (first, content.end)
        };
        self.watchers.lock().iter().for_each(|notify| notify(Offset(end)));
        Ok(Offset(first))
    }

    fn start(&self) -> Offset {
        Offset(self.content.read().start)
    }

    fn cut_before(&self, offset: Offset) -> io::Result<Offset> {
        let mut content = self.content.write();
        let start = offset.0.clamp(content.start, content.end);
        content.records = content.records.split_off(&start);
        content.start = start;
        Ok(Offset(start))
    }

    fn end(&self) -> Offset {
        Offset(self.content.read().end)
    }

    fn watch(&self, notify: Watcher) {
        self.watchers.lock().push(notify);
    }

    /// Copies itself into a new generation and drops the old one, as a topic of a broker must.
    fn rewrite(
        &self,
        replace: &mut Replace<'_>,
        pace: &mut RewritePace<'_>,
    ) -> Result<Rewritten, RewriteError> {
        let (until, total_bytes) = {
            let content = self.content.read();
            (content.end, content.records.values().map(|record| record.len() as u64).sum())
        };
        let mut generation = BTreeMap::new();
        let mut rewritten = Rewritten { segments: 1, ..Rewritten::default() };
        for record in self.read_from(Offset(0)) {
            let (offset, record) = record?;
            let bytes = record.len() as u64;
            let new = replace(offset, &record)
                .map_err(|source| RewriteError::Record { offset, source })?;
            rewritten.records += 1;
            rewritten.replaced += u64::from(new.is_some());
            rewritten.read_bytes += bytes;
            let kept = new.unwrap_or(record);
            rewritten.written_bytes += kept.len() as u64;
            generation.insert(offset.0, kept);
            if pace(bytes, total_bytes).is_break() {
                return Err(RewriteError::Ended);
            }
        }
        if rewritten.replaced == 0 {
            return Ok(Rewritten { segments: 0, written_bytes: 0, ..rewritten });
        }
        let mut content = self.content.write();
        for (offset, appended) in content.records.split_off(&until) {
            generation.entry(offset).or_insert(appended);
        }
        content.records = generation;
        Ok(rewritten)
    }

    fn read_from(&self, from: Offset) -> Records<'_> {
        let (mut next, end) = (from.0, self.end().0);
        Box::new(std::iter::from_fn(move || {
            let content = self.content.read();
            let (offset, record) = content.records.range(next..end.max(next)).next()?;
            next = offset + 1;
            Some(Ok((Offset(*offset), record.clone())))
        }))
    }
}
