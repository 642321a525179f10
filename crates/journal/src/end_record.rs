//! The end-of-log record: the end of a journal, stored outside its folder, so that a truncated or
//! missing journal is detected. The crate's README has the format.

use std::io;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::segment::{self, READ_ATTEMPTS, SECTOR_BYTES};
use crate::{Disk, DiskFile, Offset};

const MAGIC: [u8; 4] = *b"TME1";
const VERSION: u8 = 1;
/// The used part of a slot, in bytes.
const SLOT_BYTES: usize = 108;
/// The longest name of a journal, in bytes.
const NAME_BYTES_MAX: usize = 64;
/// Two slots in separate sectors, written in turn: a torn write leaves the other one intact.
const SLOTS: u64 = 2;

/// How far a journal was acknowledged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct JournalEnd {
    /// The offset after the last record.
    pub offset: Offset,
    /// The first offset of the last segment.
    pub segment: Offset,
    /// The byte after the last block of that segment.
    pub segment_bytes: u64,
}

impl JournalEnd {
    /// The end of an empty journal.
    pub const EMPTY: Self =
        Self { offset: Offset(0), segment: Offset(0), segment_bytes: segment::HEADER_BYTES as u64 };
}

/// The content of an end-of-log record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecordedEnd {
    /// There is no record: the journal is new, or from a version of the program without records.
    Absent,
    /// There is a record, and neither slot is valid.
    Unreadable,
    /// Everything below this end was durable; there may be more.
    At(JournalEnd),
}

/// The file of an end-of-log record.
pub struct EndRecord {
    disk: Arc<dyn Disk>,
    /// The name of the journal, which is stored in the record.
    journal: String,
    state: Mutex<State>,
}

struct State {
    file: Option<Box<dyn DiskFile>>,
    /// The counter of the next slot to be written.
    counter: u64,
    recorded: RecordedEnd,
}

/// The file name of a journal's end-of-log record.
pub fn end_record_name(journal: &str) -> String {
    format!("{journal}.end")
}

impl EndRecord {
    /// Reads the record of a journal. The first [`EndRecord::write`] creates a missing file.
    ///
    /// # Errors
    /// The file system's.
    pub fn open(disk: Arc<dyn Disk>, journal: &str) -> io::Result<Self> {
        assert!(journal.len() <= NAME_BYTES_MAX, "the caller bounds the names of journals");
        let file = match disk.open(&end_record_name(journal)) {
            Ok(file) => Some(file),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(error),
        };
        let (recorded, counter) = match &file {
            Some(file) => read_slots(file.as_ref(), journal)?,
            None => (RecordedEnd::Absent, 0),
        };
        let state = Mutex::new(State { file, counter: counter + 1, recorded });
        Ok(Self { disk, journal: journal.to_owned(), state })
    }

    /// The content of the record, as last read or written.
    pub fn recorded(&self) -> RecordedEnd {
        self.state.lock().recorded
    }

    /// The path of the file, for messages.
    pub fn place(&self) -> String {
        format!("{}/{}", self.disk.place(), end_record_name(&self.journal))
    }

    /// Writes the end of the journal, whose records must be durable. A loss of power may undo the
    /// write unless [`EndRecord::sync`] follows.
    ///
    /// # Errors
    /// The file system's; the record then keeps its content.
    pub fn write(&self, end: JournalEnd) -> io::Result<()> {
        let mut state = self.state.lock();
        let is_new = !matches!(state.recorded, RecordedEnd::At(_));
        if state.file.is_none() {
            let name = end_record_name(&self.journal);
            state.file = Some(match self.disk.create(&name) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                    self.disk.open(&name)?
                }
                other => other?,
            });
        }
        let file = state.file.as_ref().expect("opened above");
        // Without a valid slot, both are written.
        let n_slots = if is_new { SLOTS } else { 1 };
        for counter in state.counter..state.counter + n_slots {
            file.write_at(&encode(&self.journal, end, counter), counter % SLOTS * SECTOR_BYTES)?;
        }
        if is_new {
            file.sync()?;
            self.disk.sync()?;
        }
        state.counter += n_slots;
        state.recorded = RecordedEnd::At(end);
        Ok(())
    }

    /// Makes the record durable.
    ///
    /// # Errors
    /// The file system's.
    pub fn sync(&self) -> io::Result<()> {
        self.state.lock().file.as_ref().map_or(Ok(()), |file| file.sync())
    }
}

/// Reads a record and changes nothing; another process may be writing to it.
///
/// # Errors
/// The file system's.
pub fn read_end_record(file: &dyn DiskFile, journal: &str) -> io::Result<RecordedEnd> {
    Ok(read_slots(file, journal)?.0)
}

/// The content of a record and its highest counter.
fn read_slots(file: &dyn DiskFile, journal: &str) -> io::Result<(RecordedEnd, u64)> {
    let mut best: Option<(u64, JournalEnd)> = None;
    for _ in 0..READ_ATTEMPTS {
        let mut is_wrong = false;
        for slot in 0..SLOTS {
            let mut bytes = [0; SLOT_BYTES];
            let read = file.read_at(&mut bytes, slot * SECTOR_BYTES)?;
            if bytes[..read].iter().all(|byte| *byte == 0) {
                is_wrong = true;
                continue;
            }
            match decode(&bytes, journal).filter(|(counter, _)| counter % SLOTS == slot) {
                Some(found) if best.is_none_or(|best| found.0 > best.0) => best = Some(found),
                Some(_) => {}
                None => is_wrong = true,
            }
        }
        if !is_wrong && best.is_some() {
            break;
        }
    }
    Ok(match best {
        Some((counter, end)) => (RecordedEnd::At(end), counter),
        None => (RecordedEnd::Unreadable, 0),
    })
}

fn encode(journal: &str, end: JournalEnd, counter: u64) -> [u8; SLOT_BYTES] {
    let mut bytes = [0; SLOT_BYTES];
    bytes[..4].copy_from_slice(&MAGIC);
    bytes[4] = VERSION;
    bytes[5] = journal.len() as u8;
    for (n, number) in
        [end.offset.0, end.segment.0, end.segment_bytes, counter].into_iter().enumerate()
    {
        bytes[8 + 8 * n..16 + 8 * n].copy_from_slice(&number.to_le_bytes());
    }
    bytes[40..40 + journal.len()].copy_from_slice(journal.as_bytes());
    let crc = crc32fast::hash(&bytes[..SLOT_BYTES - 4]);
    bytes[SLOT_BYTES - 4..].copy_from_slice(&crc.to_le_bytes());
    bytes
}

/// Counter and end of a slot; none where it is no valid slot of this journal.
fn decode(bytes: &[u8; SLOT_BYTES], journal: &str) -> Option<(u64, JournalEnd)> {
    let (content, crc) = bytes.split_at(SLOT_BYTES - 4);
    let is_right = content[..4] == MAGIC
        && content[4] == VERSION
        && crc == crc32fast::hash(content).to_le_bytes();
    let name = content[40..].get(..usize::from(content[5]))?;
    if !is_right || name != journal.as_bytes() {
        return None;
    }
    let number = |n: usize| u64::from_le_bytes(std::array::from_fn(|byte| bytes[8 + 8 * n + byte]));
    let end = JournalEnd {
        offset: Offset(number(0)),
        segment: Offset(number(1)),
        segment_bytes: number(2),
    };
    Some((number(3), end))
}
