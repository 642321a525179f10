#![doc = include_str!("../README.md")]

mod numbers;
mod random;

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use journal::{Disk, DiskFile};
use parking_lot::Mutex;

pub use numbers::widened_number;
pub use random::Random;

/// Sectors reach a disk whole or not at all, in bytes.
const SECTOR_BYTES: usize = 512;
/// The operating system's number of "too many open files".
pub const EMFILE: i32 = 24;
/// The operating system's number of "input/output error".
pub const EIO: i32 = 5;

/// A disk in memory. Clones are the same disk, so a test keeps one while the journal has another.
#[derive(Clone, Default)]
pub struct FaultyDisk {
    state: Arc<Mutex<State>>,
}

/// A call that can be made to fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Operation {
    /// Making a file.
    Create,
    /// Opening a file.
    Open,
    /// Reading.
    Read,
    /// Writing; some first part may be written.
    Write,
    /// Cutting a file.
    Truncate,
    /// Syncing a file.
    SyncFile,
    /// Syncing the folder.
    SyncFolder,
}

/// How often faults come of themselves, each from 0, never, to 1, always.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct FaultRates {
    /// Making or opening a file fails with `EMFILE` or `EIO`.
    pub open: f64,
    /// Writing or cutting fails with `EIO`; of what is written some first part may be there.
    pub write: f64,
    /// Syncing a file or the folder fails with `EIO`; nothing becomes durable.
    pub sync: f64,
    /// Reading fails with `EIO`.
    pub read: f64,
    /// Reading or writing is interrupted (`EINTR`).
    pub interrupted: f64,
    /// Reading or writing does a part only; what is written ends with a sector.
    pub short: f64,
    /// Reading gives the bytes of another place, of this or another file.
    pub misdirected: f64,
}

#[derive(Default)]
struct State {
    files: BTreeMap<String, File>,
    /// The most bytes of all files; none is no limit.
    capacity: Option<u64>,
    fails_sync: bool,
    /// Operating system errors of the next calls of a kind, in order.
    scripted: Vec<(Operation, i32)>,
    rates: FaultRates,
    random: Random,
}

#[derive(Default, Clone)]
struct File {
    /// The content that programs see.
    bytes: Vec<u8>,
    /// The content at the last sync.
    durable: Vec<u8>,
    /// The changes since then.
    unsynced: Vec<Change>,
    /// Whether the folder was synced since the file was made.
    is_name_durable: bool,
}

#[derive(Clone)]
enum Change {
    /// At most one sector.
    Write {
        position: usize,
        bytes: Vec<u8>,
    },
    Truncate(usize),
}

impl Change {
    fn apply(&self, file: &mut Vec<u8>) {
        match self {
            Self::Truncate(len) => file.truncate(*len),
            Self::Write { position, bytes } => {
                let end = position + bytes.len();
                if file.len() < end {
                    file.resize(end, 0);
                }
                file[*position..end].copy_from_slice(bytes);
            }
        }
    }
}

impl FaultyDisk {
    /// A disk with these files, all durable.
    pub fn with_files(files: impl IntoIterator<Item = (String, Vec<u8>)>) -> Self {
        let files = files.into_iter().map(|(name, bytes)| {
            let durable = bytes.clone();
            (name, File { bytes, durable, unsynced: Vec::new(), is_name_durable: true })
        });
        let state = State { files: files.collect(), ..State::default() };
        Self { state: Arc::new(Mutex::new(state)) }
    }

    /// Lets all files together grow to `capacity` bytes; none lifts the limit. A write that does not fit is written in part.
    pub fn set_capacity(&self, capacity: Option<u64>) {
        self.state.lock().capacity = capacity;
    }

    /// Makes every sync of a file fail, or work again.
    pub fn set_fails_sync(&self, fails: bool) {
        self.state.lock().fails_sync = fails;
    }

    /// Makes the next call of a kind fail with an error of the operating system; several in the order in
    /// which they are set.
    pub fn fail_next(&self, operation: Operation, os_error: i32) {
        self.state.lock().scripted.push((operation, os_error));
    }

    /// Lets faults come at random, from a seed.
    pub fn set_faults(&self, seed: u64, rates: FaultRates) {
        let mut state = self.state.lock();
        (state.random, state.rates) = (Random::new(seed), rates);
    }

    /// The bytes of all files.
    pub fn used_bytes(&self) -> u64 {
        self.state.lock().files.values().map(|file| file.bytes.len() as u64).sum()
    }

    /// The bytes of one file, as programs see it.
    pub fn bytes(&self, name: &str) -> Option<Vec<u8>> {
        self.state.lock().files.get(name).map(|file| file.bytes.clone())
    }

    /// Takes a file away, as nobody should.
    pub fn remove(&self, name: &str) {
        self.state.lock().files.remove(name);
    }

    /// The disk as it is after a loss of power: what was synced, and of what files have grown by since the
    /// first `kept` bytes.
    pub fn after_power_loss(&self, kept: usize) -> Self {
        let state = self.state.lock();
        let files = state.files.iter().map(|(name, file)| {
            let grown = file.bytes.get(file.durable.len()..).unwrap_or_default();
            (name.clone(), [&file.durable, &grown[..kept.min(grown.len())]].concat())
        });
        Self::with_files(files.collect::<Vec<_>>())
    }

    /// The disk as it may be after a loss of power: of what was not synced, any sectors and cuts are there
    /// and any others are not, whatever their order was; a file whose folder was not synced may be gone.
    pub fn after_reordering_power_loss(&self, seed: u64) -> Self {
        let state = self.state.lock();
        let mut random = Random::new(seed);
        // Often everything or nothing is there; single sectors are rare otherwise.
        let kept_rate = [0.0, 0.3, 0.7, 0.95, 1.0][random.below(5)];
        let mut files = Vec::new();
        for (name, file) in &state.files {
            if !file.is_name_durable && !random.chance(kept_rate) {
                continue;
            }
            let mut bytes = file.durable.clone();
            for change in file.unsynced.iter().filter(|_| random.chance(kept_rate)) {
                change.apply(&mut bytes);
            }
            files.push((name.clone(), bytes));
        }
        Self::with_files(files)
    }
}

impl State {
    /// The fault that an operation meets, where it meets one.
    fn fault(&mut self, operation: Operation) -> io::Result<()> {
        if let Some(n) = self.scripted.iter().position(|(of, _)| *of == operation) {
            return Err(io::Error::from_raw_os_error(self.scripted.remove(n).1));
        }
        let rate = match operation {
            Operation::Create | Operation::Open => self.rates.open,
            Operation::Read => self.rates.read,
            Operation::Write | Operation::Truncate => self.rates.write,
            Operation::SyncFile | Operation::SyncFolder => self.rates.sync,
        };
        if matches!(operation, Operation::Read | Operation::Write)
            && self.random.chance(self.rates.interrupted)
        {
            return Err(io::ErrorKind::Interrupted.into());
        }
        if !self.random.chance(rate) {
            return Ok(());
        }
        let is_emfile = matches!(operation, Operation::Create | Operation::Open) && self.random.chance(0.5);
        Err(io::Error::from_raw_os_error(if is_emfile { EMFILE } else { EIO }))
    }

    /// Some first part of what was asked for, at least one byte.
    fn shortened(&mut self, len: usize) -> usize {
        if len > 1 && self.random.chance(self.rates.short) { 1 + self.random.below(len - 1) } else { len }
    }

    fn file(&mut self, name: &str) -> io::Result<&mut File> {
        self.files.get_mut(name).ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

/// So many bytes of a write that is done in part: one within a sector is done or not.
fn whole_sectors(n: usize, position: usize, len: usize) -> usize {
    if n == len { n } else { n.saturating_sub((position + n) % SECTOR_BYTES) }
}

struct Handle {
    disk: FaultyDisk,
    name: String,
}

impl Disk for FaultyDisk {
    fn list(&self) -> io::Result<Vec<String>> {
        Ok(self.state.lock().files.keys().cloned().collect())
    }

    fn create(&self, name: &str) -> io::Result<Box<dyn DiskFile>> {
        let mut state = self.state.lock();
        if state.files.contains_key(name) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        state.fault(Operation::Create)?;
        state.files.insert(name.to_owned(), File::default());
        Ok(Box::new(Handle { disk: self.clone(), name: name.to_owned() }))
    }

    fn open(&self, name: &str) -> io::Result<Box<dyn DiskFile>> {
        let mut state = self.state.lock();
        state.file(name)?;
        state.fault(Operation::Open)?;
        Ok(Box::new(Handle { disk: self.clone(), name: name.to_owned() }))
    }

    fn sync(&self) -> io::Result<()> {
        let mut state = self.state.lock();
        state.fault(Operation::SyncFolder)?;
        state.files.values_mut().for_each(|file| file.is_name_durable = true);
        Ok(())
    }

    fn place(&self) -> String {
        "memory".to_owned()
    }
}

impl DiskFile for Handle {
    fn size(&self) -> io::Result<u64> {
        Ok(self.disk.state.lock().file(&self.name)?.bytes.len() as u64)
    }

    fn read(&self, buffer: &mut [u8], position: u64) -> io::Result<usize> {
        let mut state = self.disk.state.lock();
        state.fault(Operation::Read)?;
        let n = state.shortened(buffer.len());
        let (mut name, mut position) = (self.name.clone(), position as usize);
        let rate = state.rates.misdirected;
        if state.random.chance(rate) {
            let n_files = state.files.len();
            let other = state.random.below(n_files);
            name = state.files.keys().nth(other).cloned().unwrap_or(name);
            let len = state.file(&name)?.bytes.len();
            position = state.random.below(len + 1);
        }
        let rest = state.file(&name)?.bytes.get(position..).unwrap_or_default();
        let n = rest.len().min(n);
        buffer[..n].copy_from_slice(&rest[..n]);
        Ok(n)
    }

    fn write(&self, bytes: &[u8], position: u64) -> io::Result<usize> {
        let mut state = self.disk.state.lock();
        let fault = state.fault(Operation::Write);
        let n = match &fault {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => 0,
            // Some first part may have come to the file before the error.
            Err(_) => whole_sectors(state.random.below(bytes.len() + 1), position as usize, bytes.len()),
            Ok(()) => {
                let n = state.shortened(bytes.len());
                Some(whole_sectors(n, position as usize, bytes.len()))
                    .filter(|n| *n > 0)
                    .unwrap_or(bytes.len())
            }
        };
        let position = position as usize;
        let used: usize = state.files.values().map(|file| file.bytes.len()).sum();
        let capacity = state.capacity;
        let file = state.file(&self.name)?;
        let grows_to = capacity.map_or(usize::MAX, |capacity| {
            (file.bytes.len() + (capacity as usize).saturating_sub(used)).max(file.bytes.len())
        });
        let n_fitting = n.min(grows_to.saturating_sub(position));
        file.write(&bytes[..n_fitting], position);
        fault?;
        if n_fitting == 0 && n > 0 {
            return Err(io::ErrorKind::StorageFull.into());
        }
        Ok(n_fitting)
    }

    fn sync(&self) -> io::Result<()> {
        let mut state = self.disk.state.lock();
        if state.fails_sync {
            return Err(io::Error::other("sync failed on demand"));
        }
        state.fault(Operation::SyncFile)?;
        let file = state.file(&self.name)?;
        file.durable.clone_from(&file.bytes);
        file.unsynced.clear();
        Ok(())
    }

    fn truncate(&self, len: u64) -> io::Result<()> {
        let mut state = self.disk.state.lock();
        state.fault(Operation::Truncate)?;
        let file = state.file(&self.name)?;
        let change = Change::Truncate(len as usize);
        change.apply(&mut file.bytes);
        file.unsynced.push(change);
        Ok(())
    }
}

impl File {
    /// Writes sector by sector.
    fn write(&mut self, bytes: &[u8], position: usize) {
        let (mut rest, mut position) = (bytes, position);
        while !rest.is_empty() {
            let n = (SECTOR_BYTES - position % SECTOR_BYTES).min(rest.len());
            let change = Change::Write { position, bytes: rest[..n].to_vec() };
            change.apply(&mut self.bytes);
            self.unsynced.push(change);
            rest = &rest[n..];
            position += n;
        }
    }
}
