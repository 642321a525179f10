#![doc = include_str!("../README.md")]

mod hold;
mod numbers;
mod postgresql;
mod random;
mod smtp;

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use journal::{Disk, DiskFile};
use parking_lot::Mutex;

pub use hold::HeldSyncs;
pub use numbers::widened_number;
pub use postgresql::PostgresServer;
pub use random::Random;
pub use smtp::SmtpServer;

/// The size of a sector, in bytes. A sector is written whole or not at all.
const SECTOR_BYTES: usize = 512;
/// The operating system's number of "too many open files".
pub const EMFILE: i32 = 24;
/// The operating system's number of "input/output error".
pub const EIO: i32 = 5;

/// A disk in memory. Clones share the disk, so a test keeps one while the journal has another.
#[derive(Clone, Default)]
pub struct FaultyDisk {
    state: Arc<Mutex<State>>,
    hold: Arc<hold::Hold>,
}

/// A call that can be made to fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Operation {
    /// Creating a file.
    Create,
    /// Opening an existing file.
    Open,
    /// Reading from a file.
    Read,
    /// Writing to a file; a prefix may be written.
    Write,
    /// Truncating a file.
    Truncate,
    /// Giving a file another name.
    Rename,
    /// Removing a file.
    Remove,
    /// Syncing the content of a file.
    SyncFile,
    /// Syncing the names in the folder.
    SyncFolder,
}

/// Probabilities of random faults, each from 0 to 1 for each call.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct FaultRates {
    /// Creating or opening a file fails with `EMFILE` or `EIO`.
    pub open: f64,
    /// Writing or truncating fails with `EIO`; a prefix may be written.
    pub write: f64,
    /// Syncing a file or the folder fails with `EIO`; nothing becomes durable.
    pub sync: f64,
    /// Reading fails with `EIO`.
    pub read: f64,
    /// Reading or writing is interrupted (`EINTR`).
    pub interrupted: f64,
    /// Reading or writing is partial; a partial write ends at the end of a sector.
    pub short: f64,
    /// Reading returns bytes of another place, in this or another file.
    pub misdirected: f64,
}

#[derive(Default)]
struct State {
    files: BTreeMap<String, File>,
    /// Files without a name, which somebody may have open.
    unlinked: Vec<File>,
    /// Renames and removals since the folder was synced, oldest first.
    unsynced_names: Vec<NameChange>,
    /// The id of the next file.
    next_id: u64,
    /// The most bytes of all files together; none for no limit.
    capacity: Option<u64>,
    fails_sync: bool,
    /// Errors of the operating system for the next calls of a kind, in order.
    scripted: Vec<(Operation, i32)>,
    rates: FaultRates,
    random: Random,
}

#[derive(Default, Clone)]
struct File {
    /// What an open file is known by, whatever its name.
    id: u64,
    /// The content that reads return.
    bytes: Vec<u8>,
    /// The content at the last sync.
    durable: Vec<u8>,
    /// The changes since the last sync.
    unsynced: Vec<Change>,
    /// Whether the folder was synced after the file was created.
    is_name_durable: bool,
}

#[derive(Clone)]
enum NameChange {
    Rename { from: String, to: String, replaced: Option<File> },
    Remove { name: String, file: File },
}

#[derive(Clone)]
enum Change {
    /// A write within one sector.
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
        let files = files.into_iter().zip(0..).map(|((name, bytes), id)| {
            let durable = bytes.clone();
            (name, File { id, bytes, durable, unsynced: Vec::new(), is_name_durable: true })
        });
        let files: BTreeMap<String, File> = files.collect();
        let next_id = files.len() as u64;
        let state = State { files, next_id, ..State::default() };
        Self { state: Arc::new(Mutex::new(state)), hold: Arc::default() }
    }

    /// Limits all files together to `capacity` bytes; none removes the limit. A write over the
    /// limit is partial.
    pub fn set_capacity(&self, capacity: Option<u64>) {
        self.state.lock().capacity = capacity;
    }

    /// Makes every sync of a file fail, or succeed again.
    pub fn set_fails_sync(&self, fails: bool) {
        self.state.lock().fails_sync = fails;
    }

    /// Holds every sync of a file until the guard is dropped, as a slow disk does.
    pub fn hold_syncs(&self) -> HeldSyncs {
        HeldSyncs::of(&self.hold)
    }

    /// Makes the next call of a kind fail with this error number. Repeated calls queue up.
    pub fn fail_next(&self, operation: Operation, os_error: i32) {
        self.state.lock().scripted.push((operation, os_error));
    }

    /// Enables random faults from a seed.
    pub fn set_faults(&self, seed: u64, rates: FaultRates) {
        let mut state = self.state.lock();
        (state.random, state.rates) = (Random::new(seed), rates);
    }

    /// The size of all files together, in bytes.
    pub fn used_bytes(&self) -> u64 {
        self.state.lock().files.values().map(|file| file.bytes.len() as u64).sum()
    }

    /// The content of a file that reads return; none where it is missing.
    pub fn bytes(&self, name: &str) -> Option<Vec<u8>> {
        self.state.lock().files.get(name).map(|file| file.bytes.clone())
    }

    /// Removes a file behind the journal's back.
    pub fn lose(&self, name: &str) {
        self.state.lock().files.remove(name);
    }

    /// The disk after a loss of power: the synced content, and the first `kept` bytes that each
    /// file has grown by since.
    pub fn after_power_loss(&self, kept: usize) -> Self {
        let state = self.state.lock();
        let files = state.undo_names(state.unsynced_names.len());
        let files = files.iter().map(|(name, file)| {
            let grown = file.bytes.get(file.durable.len()..).unwrap_or_default();
            (name.clone(), [&file.durable, &grown[..kept.min(grown.len())]].concat())
        });
        Self::with_files(files.collect::<Vec<_>>())
    }

    /// A possible disk after a loss of power: a random subset of the unsynced sectors and
    /// truncations is applied, independent of their order. A file whose folder was not synced may
    /// be missing.
    pub fn after_reordering_power_loss(&self, seed: u64) -> Self {
        let state = self.state.lock();
        let mut random = Random::new(seed);
        // All or nothing must be frequent; independent choices alone would make both rare.
        let kept_rate = [0.0, 0.3, 0.7, 0.95, 1.0][random.below(5)];
        let n_undone = match random.chance(kept_rate) {
            true => 0,
            false => random.below(state.unsynced_names.len() + 1),
        };
        let mut files = Vec::new();
        for (name, file) in &state.undo_names(n_undone) {
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
    /// Fails where a scripted or random fault is due.
    ///
    /// # Errors
    /// The fault.
    fn inject_fault(&mut self, operation: Operation) -> io::Result<()> {
        if let Some(n) = self.scripted.iter().position(|(scripted, _)| *scripted == operation) {
            return Err(io::Error::from_raw_os_error(self.scripted.remove(n).1));
        }
        let rate = match operation {
            Operation::Create | Operation::Open => self.rates.open,
            Operation::Read => self.rates.read,
            Operation::Write | Operation::Truncate | Operation::Rename | Operation::Remove => {
                self.rates.write
            }
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
        let is_emfile =
            matches!(operation, Operation::Create | Operation::Open) && self.random.chance(0.5);
        Err(io::Error::from_raw_os_error(if is_emfile { EMFILE } else { EIO }))
    }

    /// The length of a possibly partial call, at least one byte.
    fn shorten(&mut self, len: usize) -> usize {
        if len > 1 && self.random.chance(self.rates.short) {
            1 + self.random.below(len - 1)
        } else {
            len
        }
    }

    fn file(&mut self, name: &str) -> io::Result<&mut File> {
        self.files.get_mut(name).ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    /// An open file, whatever its name.
    fn open_file(&mut self, id: u64) -> io::Result<&mut File> {
        let mut files = self.files.values_mut().chain(&mut self.unlinked);
        files.find(|file| file.id == id).ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    /// The files as if the last `n` changes of names had not been made.
    fn undo_names(&self, n: usize) -> BTreeMap<String, File> {
        let mut files = self.files.clone();
        for change in self.unsynced_names.iter().rev().take(n).cloned() {
            match change {
                NameChange::Rename { from, to, replaced } => {
                    files.remove(&to).map(|file| files.insert(from, file));
                    replaced.map(|replaced| files.insert(to, replaced));
                }
                NameChange::Remove { name, file } => drop(files.insert(name, file)),
            }
        }
        files
    }
}

/// The length of a partial write, reduced to the end of a whole sector.
fn cut_to_sectors(n: usize, position: usize, len: usize) -> usize {
    if n == len { n } else { n.saturating_sub((position + n) % SECTOR_BYTES) }
}

struct Handle {
    disk: FaultyDisk,
    id: u64,
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
        state.inject_fault(Operation::Create)?;
        let id = state.next_id;
        state.next_id += 1;
        state.files.insert(name.to_owned(), File { id, ..File::default() });
        Ok(Box::new(Handle { disk: self.clone(), id }))
    }

    fn open(&self, name: &str) -> io::Result<Box<dyn DiskFile>> {
        let mut state = self.state.lock();
        let id = state.file(name)?.id;
        state.inject_fault(Operation::Open)?;
        Ok(Box::new(Handle { disk: self.clone(), id }))
    }

    fn rename(&self, name: &str, to: &str) -> io::Result<()> {
        let mut state = self.state.lock();
        state.file(name)?;
        state.inject_fault(Operation::Rename)?;
        let renamed = state.files.remove(name).ok_or(io::ErrorKind::NotFound)?;
        let replaced = state.files.insert(to.to_owned(), renamed);
        state.unlinked.extend(replaced.clone());
        let (from, to) = (name.to_owned(), to.to_owned());
        state.unsynced_names.push(NameChange::Rename { from, to, replaced });
        Ok(())
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        let mut state = self.state.lock();
        state.file(name)?;
        state.inject_fault(Operation::Remove)?;
        let file = state.files.remove(name).ok_or(io::ErrorKind::NotFound)?;
        state.unlinked.push(file.clone());
        state.unsynced_names.push(NameChange::Remove { name: name.to_owned(), file });
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        let mut state = self.state.lock();
        state.inject_fault(Operation::SyncFolder)?;
        state.files.values_mut().for_each(|file| file.is_name_durable = true);
        state.unsynced_names.clear();
        Ok(())
    }

    fn place(&self) -> String {
        "memory".to_owned()
    }
}

impl DiskFile for Handle {
    fn size(&self) -> io::Result<u64> {
        Ok(self.disk.state.lock().open_file(self.id)?.bytes.len() as u64)
    }

    fn read(&self, buffer: &mut [u8], position: u64) -> io::Result<usize> {
        let mut state = self.disk.state.lock();
        state.inject_fault(Operation::Read)?;
        let n = state.shorten(buffer.len());
        let (mut id, mut position) = (self.id, position as usize);
        let rate = state.rates.misdirected;
        if state.random.chance(rate) {
            let n_files = state.files.len();
            let other = state.random.below(n_files);
            id = state.files.values().nth(other).map_or(id, |file| file.id);
            let len = state.open_file(id)?.bytes.len();
            position = state.random.below(len + 1);
        }
        let rest = state.open_file(id)?.bytes.get(position..).unwrap_or_default();
        let n = rest.len().min(n);
        buffer[..n].copy_from_slice(&rest[..n]);
        Ok(n)
    }

    fn write(&self, bytes: &[u8], position: u64) -> io::Result<usize> {
        let mut state = self.disk.state.lock();
        let fault = state.inject_fault(Operation::Write);
        let n = match &fault {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => 0,
            // A prefix may be written before the error.
            Err(_) => {
                cut_to_sectors(state.random.below(bytes.len() + 1), position as usize, bytes.len())
            }
            Ok(()) => {
                let n = state.shorten(bytes.len());
                Some(cut_to_sectors(n, position as usize, bytes.len()))
                    .filter(|n| *n > 0)
                    .unwrap_or(bytes.len())
            }
        };
        let position = position as usize;
        let used: usize = state.files.values().map(|file| file.bytes.len()).sum();
        let capacity = state.capacity;
        let file = state.open_file(self.id)?;
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
        self.disk.hold.pass();
        let mut state = self.disk.state.lock();
        if state.fails_sync {
            return Err(io::Error::other("sync failed on demand"));
        }
        state.inject_fault(Operation::SyncFile)?;
        let file = state.open_file(self.id)?;
        file.durable.clone_from(&file.bytes);
        file.unsynced.clear();
        Ok(())
    }

    fn truncate(&self, len: u64) -> io::Result<()> {
        let mut state = self.disk.state.lock();
        state.inject_fault(Operation::Truncate)?;
        let file = state.open_file(self.id)?;
        let change = Change::Truncate(len as usize);
        change.apply(&mut file.bytes);
        file.unsynced.push(change);
        Ok(())
    }
}

impl File {
    /// Writes, and records one unsynced change for each sector.
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
