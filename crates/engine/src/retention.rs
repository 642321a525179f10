//! Retention: a checked snapshot of the state takes the place of the journal's beginning, which is
//! archived and cut once it is older than the workspace keeps it. Answers stay the same, but
//! messages that were cut are not listed any more.

mod hold;

use std::io::Write;

use connectors::ArchiveError;
use domain::Timestamp;
use fs_err as fs;
use journal::{AppendError, Offset, SegmentPlace};
use recommender::Cancelled;
use serde::{Deserialize, Serialize};

use self::hold::Hold;
use crate::{Engine, EngineError, Entry, SnapshotError, SnapshotStep, TakenSnapshot};

const DAY_MS: i64 = 24 * 3_600 * 1_000;
/// A segment is closed when it is a day old, so that no entry is kept for much longer than it
/// should be.
const SEGMENT_AGE_MAX_MS: i64 = DAY_MS;
/// How many entries at the end of a segment are asked for their time: not every one has one.
const TIMED_ENTRIES_MAX: u64 = 256;
/// Why a run that somebody asked for cuts nothing yet.
const TIME_UNCONFIRMED: &str = "nothing had come for days, so that the journal's clock is behind: it follows within two hours if the server's clock is right";
/// The record of the last run, in the folder of the workspace.
const RECORD: &str = "retention.json";

/// Errors of retention. Nothing was cut, unless the record says so.
#[derive(Debug, thiserror::Error)]
pub enum RetentionError {
    /// Another run of this workspace is under way.
    #[error("the journal is being cut already: wait for that run to end")]
    AlreadyRunning,
    /// The workspace keeps everything.
    #[error("the workspace keeps its journal for ever: set retention.days first")]
    NotSet,
    /// A segment is not in the archive, so that it stays in the journal.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    /// The segment in use cannot be closed.
    #[error("the segment in use cannot be closed")]
    Append(#[from] AppendError),
    /// The workspace cannot be read or written.
    #[error(transparent)]
    Engine(#[from] EngineError),
}

impl From<std::io::Error> for RetentionError {
    fn from(error: std::io::Error) -> Self {
        Self::Engine(error.into())
    }
}

/// A part of a journal: entries from `start` to before `end`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, utoipa::ToSchema)]
pub struct JournalPart {
    /// The offset of the first entry.
    pub start: u64,
    /// The offset after the last entry.
    pub end: u64,
    /// The number of segment files.
    pub segments: u64,
    /// The size of them in bytes.
    pub bytes: u64,
}

/// What keeps old entries in the journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct HeldBack {
    /// Nothing from this offset on is cut.
    pub offset: u64,
    /// What needs it, and what to do.
    pub why: String,
}

/// How long a journal is kept, and what would be cut now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct RetentionPlan {
    /// How long entries are kept, in days; none for ever.
    pub days: Option<u32>,
    /// Entries from this time on are kept; none without a limit.
    pub kept_from: Option<Timestamp>,
    /// The journal as it is.
    pub journal: JournalPart,
    /// The time of its first entry; none where it has none.
    pub first_at: Option<Timestamp>,
    /// What a run would cut now. The segment in use is closed first where it is old.
    pub cut: JournalPart,
    /// What keeps older entries; none where nothing does.
    pub held_back: Option<HeldBack>,
    /// The position of the snapshot that has the state of everything before; 0 for none.
    pub snapshot: u64,
}

/// What a run has done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct RetentionRun {
    /// When it began.
    pub started_at: Timestamp,
    /// When it ended.
    pub ended_at: Timestamp,
    /// How long entries were kept, in days.
    pub days: u32,
    /// What was cut; no segments where nothing was.
    pub cut: JournalPart,
    /// How many of the segments were archived before.
    pub n_archived: u64,
    /// The snapshot that was taken for it; none where nothing was old enough.
    pub snapshot: Option<TakenSnapshot>,
    /// What kept older entries; none where nothing did.
    pub held_back: Option<HeldBack>,
    /// Why less was cut than may be old enough; none otherwise.
    pub not_cut: Option<String>,
}

/// A step of a run, with what is done of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RetentionStep {
    /// The snapshot is taken and checked.
    Snapshot(SnapshotStep),
    /// Segments that are archived, and of all.
    Archive(u64, u64),
}

/// Notes a step of a run, and may cancel it.
type Note<'a> = &'a (dyn Fn(RetentionStep) -> Result<(), Cancelled> + Sync);

impl Engine {
    /// Says how long the journal is kept, and what a run would cut now. `days` takes the place of
    /// the workspace's setting.
    ///
    /// # Errors
    /// If the journal or the store cannot be read.
    pub fn plan_retention(&self, days: Option<u32>) -> Result<RetentionPlan, EngineError> {
        let segments = self.shared.journal.segments();
        let start = segments.first().map_or(0, |segment| segment.first.0);
        let days = days.or_else(|| self.config().retention.map(|retention| retention.days));
        let kept_from = days.map(|days| Timestamp(self.trusted_now().0 - i64::from(days) * DAY_MS));
        let n_old = match kept_from {
            Some(kept_from) => self.segment_times(&segments)?.partition_point(|at| *at < kept_from),
            None => 0,
        };
        let old = &segments[..n_old];
        let hold = match old.last() {
            None => None,
            Some(last) => self.find_hold(last.end.0)?,
        };
        let Hold { held_back, free_until } = hold.unwrap_or_default();
        let n_free = old.partition_point(|segment| segment.end.0 <= free_until);
        Ok(RetentionPlan {
            days,
            kept_from,
            journal: part_of(start, &segments),
            first_at: self.first_time()?,
            cut: part_of(start, &old[..n_free]),
            held_back: held_back.filter(|_| n_free < old.len()),
            snapshot: self.snapshot_position()?,
        })
    }

    /// Cuts what is older than the workspace keeps it: takes a snapshot of the state and checks it,
    /// archives the segments where there is an archive, and removes them. Where nothing is old
    /// enough, nothing is done. `note` gets the steps and may cancel.
    ///
    /// # Errors
    /// See [`RetentionError`].
    pub fn run_retention(&self, note: Note<'_>) -> Result<RetentionRun, RetentionError> {
        let _one_at_a_time =
            self.retention_lock.try_lock().ok_or(RetentionError::AlreadyRunning)?;
        let started_at = self.now();
        let retention = self.config().retention.ok_or(RetentionError::NotSet)?;
        let is_time_confirmed = self.confirm_time()?;
        self.close_old_segment()?;
        let plan = self.plan_retention(None)?;
        let mut run = RetentionRun {
            started_at,
            ended_at: started_at,
            days: retention.days,
            cut: part_of(plan.journal.start, &[]),
            n_archived: 0,
            snapshot: None,
            held_back: plan.held_back.clone(),
            not_cut: (!is_time_confirmed).then(|| TIME_UNCONFIRMED.to_owned()),
        };
        // Where the state before the journal's start has no snapshot, one is due in any case.
        let has_base = plan.journal.start == 0 || plan.snapshot >= plan.journal.start;
        if plan.cut.segments > 0 || !has_base {
            let note_snapshot = |step| note(RetentionStep::Snapshot(step));
            let taken = self.take_snapshot(true, &note_snapshot)?;
            run.snapshot = Some(taken);
            if taken.is_checked {
                self.archive_and_cut(&plan, taken.position, note, &mut run)?;
            } else {
                let why = "the snapshot could not be checked, since the one before is missing or damaged; the next run begins with it";
                run.not_cut = Some(why.to_owned());
            }
        }
        run.ended_at = self.now();
        self.write_record(RECORD, &run)?;
        tracing::info!(workspace = %self.id(), cut.until = run.cut.end, cut.segments = run.cut.segments, cut.bytes = run.cut.bytes, "retention has run");
        Ok(run)
    }

    /// The last run that ended; none where there was none.
    ///
    /// # Errors
    /// If its record cannot be read.
    pub fn last_retention_run(&self) -> Result<Option<RetentionRun>, EngineError> {
        match fs::read(self.folder().join(RECORD)) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            // One that is not whole, or of a later build, says nothing.
            text => Ok(serde_json::from_slice(&text?).ok()),
        }
    }

    /// Whether segments are archived before they are cut.
    pub fn has_archive(&self) -> bool {
        self.archive.is_some()
    }

    fn archive_and_cut(
        &self,
        plan: &RetentionPlan,
        snapshot: u64,
        note: Note<'_>,
        run: &mut RetentionRun,
    ) -> Result<(), RetentionError> {
        let until = plan.cut.end.min(snapshot);
        let mut segments = self.shared.journal.segments();
        segments.pop();
        segments.retain(|segment| segment.end.0 <= until);
        let n_segments = segments.len() as u64;
        for (n, segment) in (1..).zip(&segments) {
            self.check_training().map_err(|error| EngineError::from(SnapshotError::from(error)))?;
            if let Some(archive) = &self.archive {
                let source = self.folder().join("journal").join(&segment.name);
                archive.put(&format!("{}/{}", self.id(), segment.name), &source)?;
                run.n_archived += 1;
            }
            note(RetentionStep::Archive(n, n_segments))
                .map_err(|error| EngineError::from(SnapshotError::from(error)))?;
        }
        self.shared.journal.cut_before(Offset(until))?;
        run.cut = part_of(plan.journal.start, &segments);
        *self.measured_disk.lock() = None;
        Ok(())
    }

    /// The earlier one of now and the time of the journal's clock: a system whose clock is ahead
    /// cuts nothing that is not old.
    fn trusted_now(&self) -> Timestamp {
        let views = self.snapshot();
        views.setup.clock.time().bound(self.now())
    }

    /// Lets time pass in a workspace to which nothing comes: where the journal's clock is a day
    /// behind, a tick is journalled. Returns whether the clock is right then: after a longer
    /// silence it follows once ten such ticks agree, each at least a minute after the one before,
    /// so that a clock that is wrong for a moment cuts nothing.
    ///
    /// # Errors
    /// If the journal does not take the tick.
    pub fn confirm_time(&self) -> Result<bool, EngineError> {
        let now = self.now();
        let is_behind = || now.0 - self.trusted_now().0 > DAY_MS;
        if is_behind() {
            self.submit_one(Entry::Tick { at: now })?;
        }
        Ok(!is_behind())
    }

    fn close_old_segment(&self) -> Result<(), RetentionError> {
        let Some(last) = self.shared.journal.segments().pop() else { return Ok(()) };
        let until = last.end.0.min(last.first.0 + TIMED_ENTRIES_MAX);
        let first_at = self.times(last.first.0, until)?.into_iter().next();
        if first_at.is_some_and(|at| self.now().0 - at.0 > SEGMENT_AGE_MAX_MS) {
            self.shared.journal.close_segment()?;
        }
        Ok(())
    }

    /// The time of the first entry of the journal that has one.
    fn first_time(&self) -> Result<Option<Timestamp>, EngineError> {
        let start = self.shared.journal.start().0;
        Ok(self.times(start, start + TIMED_ENTRIES_MAX)?.into_iter().next())
    }

    /// The time up to which each segment has entries. A segment is never later than those behind
    /// it: one entry with a wrong time keeps nothing for ever.
    fn segment_times(&self, segments: &[SegmentPlace]) -> Result<Vec<Timestamp>, EngineError> {
        let mut latest = self.trusted_now();
        let mut times = Vec::with_capacity(segments.len());
        for segment in segments.iter().rev() {
            latest = self.last_time(segment)?.map_or(latest, |at| latest.min(at));
            times.push(latest);
        }
        times.reverse();
        Ok(times)
    }

    /// The latest time among the last entries of a segment; none where none has a time.
    fn last_time(&self, segment: &SegmentPlace) -> Result<Option<Timestamp>, EngineError> {
        let end = segment.end.0;
        let from = segment.first.0.max(end.saturating_sub(TIMED_ENTRIES_MAX));
        Ok(self.times(from, end)?.into_iter().max())
    }

    /// The times of entries, without those that have none.
    fn times(&self, from: u64, until: u64) -> Result<Vec<Timestamp>, EngineError> {
        let mut times = Vec::new();
        for record in self.shared.journal.read_from(Offset(from)) {
            let (Offset(offset), bytes) = record?;
            if offset >= until {
                break;
            }
            let entry =
                Entry::decode(&bytes).map_err(|source| EngineError::Entry { offset, source })?;
            times.extend(entry.time());
        }
        Ok(times)
    }

    /// Writes a record of background work into the folder of the workspace, in place of the one
    /// before.
    pub(crate) fn write_record(
        &self,
        name: &str,
        record: &impl Serialize,
    ) -> Result<(), EngineError> {
        let path = self.folder().join(name);
        let part = path.with_extension("part");
        let mut file = journal::disk::open_private_file(&part)?;
        file.set_len(0)?;
        file.write_all(&serde_json::to_vec(record).expect("plain fields always encode"))?;
        file.sync_all()?;
        fs::rename(&part, &path)?;
        Ok(fs::File::open(self.folder())?.sync_all()?)
    }
}

/// The part of a journal that these segments are, from `start` on.
fn part_of(start: u64, segments: &[SegmentPlace]) -> JournalPart {
    JournalPart {
        start,
        end: segments.last().map_or(start, |segment| segment.end.0),
        segments: segments.len() as u64,
        bytes: segments.iter().map(|segment| segment.bytes).sum(),
    }
}
