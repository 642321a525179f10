#![doc = include_str!("../README.md")]

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use journal::{Disk, DiskFile};
use parking_lot::Mutex;

/// A disk in memory. Clones are the same disk, so a test keeps one while the journal has another.
#[derive(Clone, Default)]
pub struct FaultyDisk {
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    files: BTreeMap<String, File>,
    /// The most bytes of all files; none is no limit.
    capacity: Option<u64>,
    fails_sync: bool,
}

#[derive(Default, Clone)]
struct File {
    bytes: Vec<u8>,
    synced: usize,
}

impl FaultyDisk {
    /// Lets all files together grow to `capacity` bytes; none lifts the limit. A write that does not fit is written in part.
    pub fn set_capacity(&self, capacity: Option<u64>) {
        self.state.lock().capacity = capacity;
    }

    /// Makes every sync fail, or work again.
    pub fn set_fails_sync(&self, fails: bool) {
        self.state.lock().fails_sync = fails;
    }

    /// The bytes of all files.
    pub fn used_bytes(&self) -> u64 {
        self.state.lock().files.values().map(|file| file.bytes.len() as u64).sum()
    }

    /// The disk as it is after a loss of power: of what was not synced, the first `kept` bytes of each file are there.
    pub fn after_power_loss(&self, kept: usize) -> Self {
        let state = self.state.lock();
        let files = state.files.iter().map(|(name, file)| {
            let len = (file.synced + kept).min(file.bytes.len());
            (name.clone(), File { bytes: file.bytes[..len].to_vec(), synced: len })
        });
        let state = State { files: files.collect(), capacity: None, fails_sync: false };
        Self { state: Arc::new(Mutex::new(state)) }
    }
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
        state.files.insert(name.to_owned(), File::default());
        Ok(Box::new(Handle { disk: self.clone(), name: name.to_owned() }))
    }

    fn open(&self, name: &str) -> io::Result<Box<dyn DiskFile>> {
        if !self.state.lock().files.contains_key(name) {
            return Err(io::ErrorKind::NotFound.into());
        }
        Ok(Box::new(Handle { disk: self.clone(), name: name.to_owned() }))
    }

    fn place(&self) -> String {
        "memory".to_owned()
    }
}

impl Handle {
    fn with<T>(&self, act: impl FnOnce(&mut File) -> T) -> io::Result<T> {
        self.disk
            .state
            .lock()
            .files
            .get_mut(&self.name)
            .map(act)
            .ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

impl DiskFile for Handle {
    fn size(&self) -> io::Result<u64> {
        self.with(|file| file.bytes.len() as u64)
    }

    fn read_at(&self, buffer: &mut [u8], position: u64) -> io::Result<usize> {
        self.with(|file| {
            let rest = file.bytes.get(position as usize..).unwrap_or_default();
            let n = rest.len().min(buffer.len());
            buffer[..n].copy_from_slice(&rest[..n]);
            n
        })
    }

    fn append(&self, bytes: &[u8]) -> io::Result<()> {
        let free = {
            let capacity = self.disk.state.lock().capacity;
            capacity.map_or(usize::MAX, |capacity| capacity.saturating_sub(self.disk.used_bytes()) as usize)
        };
        let n = bytes.len().min(free);
        self.with(|file| file.bytes.extend_from_slice(&bytes[..n]))?;
        if n < bytes.len() { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) }
    }

    fn sync(&self) -> io::Result<()> {
        if self.disk.state.lock().fails_sync {
            return Err(io::Error::other("sync failed on demand"));
        }
        self.with(|file| file.synced = file.bytes.len())
    }

    fn truncate(&self, len: u64) -> io::Result<()> {
        self.with(|file| file.bytes.truncate(len as usize))
    }
}
