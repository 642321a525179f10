//! The state as it would be: folded beside the one in use, with other mappings for a span.

use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use mapping::Mappings;
use serving::Snapshot;
use state::{BackFill, PreparedEntry, compile_mappings};

use crate::error::store_error;
use crate::follow::replay_prepared;
use crate::shared::Shared;
use crate::{Command, Engine, EngineError, Entry};

/// The cache of the second store, in bytes.
const CACHE_BYTES: u64 = 16 * 1_024 * 1_024;
/// How long a comparison waits for the batch under way to be committed before it lets the fold go
/// on.
const COMMIT_WAIT: Duration = Duration::from_millis(20);

/// Which messages are mapped by which mappings, the later ones first in force.
struct Plan(Vec<(Range<u64>, Arc<Mappings>)>);

impl Plan {
    fn new(back_fills: impl Iterator<Item = BackFill>) -> Self {
        let compile = |back_fill: BackFill| {
            let list: Option<Vec<serde_json::Value>> =
                back_fill.mappings.and_then(|json| serde_json::from_str(&json).ok());
            let mappings = compile_mappings(list.as_deref(), back_fill.preset_set);
            (back_fill.from..back_fill.until, mappings)
        };
        Self(back_fills.map(compile).collect())
    }

    fn prepare(&self, offset: u64, entry: Entry, in_force: &Arc<Mappings>) -> PreparedEntry {
        match entry {
            Entry::Command { received_at, command } if matches!(*command, Command::BackFill(_)) => {
                // The messages themselves are mapped in this way.
                PreparedEntry::unmapped(Entry::Resumed { received_at })
            }
            Entry::Message(_) => {
                let last = self.0.iter().rev().find(|(span, _)| span.contains(&offset));
                match last {
                    Some((_, mappings)) => PreparedEntry::mapped_by(entry, mappings),
                    None => PreparedEntry::new(entry, in_force),
                }
            }
            entry => PreparedEntry::new(entry, in_force),
        }
    }
}

/// The second state.
pub(super) struct Target {
    pub(super) shared: Shared,
    folder: PathBuf,
    plan: Plan,
}

impl Target {
    /// Folds the journal up to where the state in use is, from its beginning or a snapshot on.
    pub(super) fn fold(
        engine: &Engine,
        base: u64,
        back_fill: &BackFill,
        progress: &dyn Fn(f64) -> Result<(), EngineError>,
    ) -> Result<Self, EngineError> {
        let folder = engine.folder().join("back_fill");
        remove(&folder)?;
        let (store, views) = engine.snapshots.begin_state(&folder, CACHE_BYTES, base, base)?;
        let journal = Arc::clone(&engine.shared.journal);
        let shared = Shared::new(journal, store, views, Arc::clone(&engine.shared.clock));
        let earlier: Vec<BackFill> =
            engine.snapshot().back_fills.list().iter().map(|(.., one)| one.clone()).collect();
        let plan = Plan::new(earlier.into_iter().chain([back_fill.clone()]));
        let target = Self { shared, folder, plan };
        let folded = target
            .fold_to(engine.applied(), &|done, total| progress(done as f64 / total.max(1) as f64));
        match folded {
            Ok(()) => Ok(target),
            Err(error) => {
                target.remove()?;
                Err(error)
            }
        }
    }

    fn fold_to(
        &self,
        end: u64,
        progress: &dyn Fn(u64, u64) -> Result<(), EngineError>,
    ) -> Result<(), EngineError> {
        let prepare =
            |offset, entry, in_force: &Arc<Mappings>| self.plan.prepare(offset, entry, in_force);
        replay_prepared(&self.shared, &self.folder, end, &prepare, progress)
    }

    /// Compares the state in use with this one, both at the same place of the journal. Meanwhile
    /// nothing is applied to either.
    pub(super) fn compare<T>(
        &self,
        engine: &Engine,
        check: &dyn Fn() -> Result<(), EngineError>,
        compare: impl FnOnce(&Snapshot<'_>, &Snapshot<'_>) -> Result<T, EngineError>,
    ) -> Result<T, EngineError> {
        loop {
            check()?;
            // Most of the way without the lock.
            self.fold_to(engine.applied(), &|_, _| Ok(()))?;
            let present = engine.snapshot();
            if !self.await_commit(engine, present.applied)? {
                drop(present);
                std::thread::sleep(Duration::from_millis(1));
                continue;
            }
            self.fold_to(present.applied, &|_, _| Ok(()))?;
            let target = self.shared.live.snapshot();
            return compare(&present, &target);
        }
    }

    /// Waits until the store has all that the views have. A batch of which only a part is applied
    /// cannot be waited for.
    fn await_commit(&self, engine: &Engine, applied: u64) -> Result<bool, EngineError> {
        let until = Instant::now() + COMMIT_WAIT;
        loop {
            let position = engine.shared.live.store().position();
            let position = position.map_err(store_error(&engine.folder().join("store")))?;
            if position >= applied {
                return Ok(true);
            }
            if Instant::now() >= until {
                return Ok(false);
            }
            std::thread::sleep(Duration::from_micros(100));
        }
    }

    /// Removes the second state.
    pub(super) fn remove(self) -> Result<(), EngineError> {
        let Self { shared, folder, .. } = self;
        drop(shared);
        remove(&folder)
    }
}

fn remove(folder: &std::path::Path) -> Result<(), EngineError> {
    match fs_err::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
        _ => Ok(()),
    }
}
