//! A workspace in this process, whose time the trial sets, and a receiver of what it sends.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use catalog::{Format, ImportOptions, read_file};
use connectors::{InstanceKey, NetworkPolicy, Outgoing, OutgoingOptions};
use domain::{Arrival, Destination, Envelope, Message, Timestamp, WorkspaceId, check_message};
use engine::{
    ConfigChange, ConfirmedRemovals, Engine, EngineOptions, Entry, Expected, ManualClock,
};
use serde_json::json;

use crate::receiver::Receiver;

/// When the trial begins: 1 January 2026, 00:00 UTC.
pub const START: Timestamp = Timestamp(1_767_225_600_000);
/// The name of the destination that gets traits.
pub const DESTINATION: &str = "crm";
/// The messages of a request to the destination.
const DELIVERED_AT_ONCE: u64 = 100;
/// The interval between looks at what is waited for.
const POLL_INTERVAL: Duration = Duration::from_millis(20);

/// The workspace of a trial.
pub struct Workspace {
    /// The engine.
    pub engine: Engine,
    /// Its clock.
    pub clock: Arc<ManualClock>,
    /// The destination of its traits.
    pub receiver: Receiver,
    folder: tempfile::TempDir,
}

impl Workspace {
    /// Opens an empty one with items `i0`, `i1` ... of 40 brands.
    ///
    /// # Errors
    /// When the folder or the receiver cannot be made.
    pub fn open(n_items: u64) -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("tastemaker-trial-").tempdir()?;
        let clock = Arc::new(ManualClock::new(START));
        let policy = NetworkPolicy { allowed: vec!["127.0.0.0/8".parse()?] };
        let outgoing = Outgoing::new(&OutgoingOptions { policy, ..OutgoingOptions::default() })?;
        let options = EngineOptions {
            clock: clock.clone(),
            outgoing: Some(Arc::new(outgoing)),
            instance_key: Some(Arc::new(InstanceKey::of_bytes([7; 32]))),
            ..EngineOptions::default()
        };
        let id = WorkspaceId::new("shop")?;
        let engine = Engine::open_with(id, folder.path(), &options, &|_, _| {})?;
        let workspace = Self { engine, clock, receiver: Receiver::start()?, folder };
        workspace.import_items(n_items)?;
        workspace.put_destination()?;
        Ok(workspace)
    }

    fn import_items(&self, n_items: u64) -> Result<()> {
        let mut csv = "item_id,title,brand,price\n".to_owned();
        for item in 0..n_items {
            csv += &format!("i{item},Article {item},Brand {},{}.5\n", item % 40, 5 + item % 95);
        }
        let (file, _) = read_file(csv.as_bytes(), Format::Csv, &ImportOptions::default())?;
        self.engine.import_catalog(file, &ConfirmedRemovals::default(), &|_, _| Ok(()))?;
        Ok(())
    }

    /// A webhook that gets nothing but traits and audiences.
    fn put_destination(&self) -> Result<()> {
        let settings = BTreeMap::from([
            ("url".to_owned(), json!(format!("http://{}/", self.receiver.address))),
            ("batch_size".to_owned(), DELIVERED_AT_ONCE.into()),
        ]);
        let mut destination =
            Destination { settings, ..Destination::new(DESTINATION, Some("webhook")) };
        destination.rules.sources = Some(vec!["sync".to_owned()]);
        self.change(ConfigChange::put_destination(&destination))
    }

    /// Changes the configuration.
    ///
    /// # Errors
    /// When the change is refused.
    pub fn change(&self, change: ConfigChange) -> Result<()> {
        Ok(self.engine.change_config(change, Expected::Anything)?)
    }

    /// Sets the clock and journals a tick, so that everything that is due by then is done.
    ///
    /// # Errors
    /// When the journal takes nothing.
    pub fn tick(&self, at: Timestamp) -> Result<()> {
        self.clock.set(at);
        self.engine.submit_blocking(vec![Entry::Tick { at }])?;
        Ok(())
    }

    /// Lets the clock run until something is done: delivery waits by it.
    ///
    /// # Errors
    /// When it is not done within `most`.
    pub fn wait_until(
        &self,
        what: &str,
        most: Duration,
        mut is_done: impl FnMut() -> bool,
    ) -> Result<()> {
        let (from, started) = (self.engine.now(), Instant::now());
        while !is_done() {
            let waited = started.elapsed();
            ensure!(waited < most, "{what} is not done within {} s", most.as_secs());
            self.clock.set(Timestamp(from.0 + waited.as_millis() as i64));
            std::thread::sleep(POLL_INTERVAL);
        }
        Ok(())
    }

    /// The size of the files of the workspace, in bytes.
    ///
    /// # Errors
    /// When a folder cannot be read.
    pub fn disk_bytes(&self) -> Result<u64> {
        let mut folders: Vec<PathBuf> = vec![self.folder.path().to_owned()];
        let mut bytes = 0;
        while let Some(folder) = folders.pop() {
            for entry in fs_err::read_dir(folder)? {
                let entry = entry?;
                match entry.file_type()?.is_dir() {
                    true => folders.push(entry.path()),
                    // The store removes files meanwhile.
                    false => bytes += entry.metadata().map_or(0, |metadata| metadata.len()),
                }
            }
        }
        Ok(bytes)
    }
}

/// Checks a message as the tracking API does.
///
/// # Errors
/// When its form is wrong.
pub fn read_message(json: &str, received_at: Timestamp) -> Result<Message> {
    let arrival = Arrival { received_at, source: "web", peer_ip: None };
    let checked = check_message(json, None, &Envelope::default(), &arrival);
    checked.ok().with_context(|| format!("a message of the trial is refused: {json}"))
}

/// The memory of this process in bytes: in use now, and the most since [`forget_peak`].
///
/// # Errors
/// Where there is no `proc_pid_status(5)`.
pub fn memory_bytes() -> Result<(u64, u64)> {
    let status = fs_err::read_to_string("/proc/self/status")?;
    let read = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        line.split_whitespace().next()?.parse::<u64>().ok().map(|kib| kib * 1_024)
    };
    read("VmRSS:").zip(read("VmHWM:")).context("/proc/self/status has no memory")
}

/// The peak of [`memory_bytes`] begins anew.
///
/// # Errors
/// Where there is no `proc_pid_clear_refs(5)`.
pub fn forget_peak() -> Result<()> {
    Ok(fs_err::write("/proc/self/clear_refs", "5")?)
}
