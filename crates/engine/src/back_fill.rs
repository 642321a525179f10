//! Back-filling: changed mappings are applied to the past.
//!
//! A second state is folded beside the one in use, from the beginning of the journal, in which the
//! messages of the span are mapped by the mappings of now. What differs from the state in use is
//! what the back-fill changes: it is exactly what a workspace would hold that had these mappings
//! from the start. The differences are journalled, so that every fold applies them again. A second
//! back-fill finds none. Entries of earlier back-fills are passed over in the second state, and
//! the messages of their spans are mapped as they said.

mod difference;
mod items;
mod people;
mod target;

use std::collections::BTreeMap;
use std::time::Duration;

use domain::{Interaction, InteractionKind};
use state::{BACK_FILLS_KEPT_MAX, BackFill, BackFillCommand, INTERACTIONS_PER_ENTRY_MAX};
use uuid::Uuid;

use self::difference::UserDifference;
use self::people::Walk;
use self::target::Target;
use crate::{
    Command, Engine, EngineError, Entry, Outcome, Refusal, SpanPlace, SubmitError, UserBackFill,
};

/// The most examples of a report.
pub const BACK_FILL_EXAMPLES_MAX: usize = 10;
/// How often differences are looked for: what changed while they were written is found again.
const ROUNDS_MAX: usize = 3;
/// How long a back-fill waits for the journal in all, a second at a time.
const QUEUE_WAITS_MAX: usize = 60;
/// The share of the work that is the fold.
const FOLD_SHARE: f64 = 0.7;

/// What is to be back-filled.
#[derive(Debug, Clone, Default)]
pub struct BackFillRequest {
    /// The beginning of the span; without it the last reset, or the first entry from which the
    /// state can be folded.
    pub from: Option<SpanPlace>,
    /// The end of the span, which is not in it; the present end without it.
    pub until: Option<SpanPlace>,
    /// Only says what would change.
    pub is_preview: bool,
}

/// What a back-fill changed, or would change.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct BackFillReport {
    /// The offset of the first entry of the span.
    pub from: u64,
    /// The offset behind the last entry of the span.
    pub until: u64,
    /// Interactions that are new, by kind.
    pub added: BTreeMap<InteractionKind, u64>,
    /// Interactions that are gone, by kind.
    pub removed: BTreeMap<InteractionKind, u64>,
    /// Interactions with the same user, item, kind and time whose other values changed, by kind.
    pub changed: BTreeMap<InteractionKind, u64>,
    /// Weak signals that are new.
    pub signals_added: u64,
    /// Weak signals that are gone.
    pub signals_removed: u64,
    /// Items that messages name only now.
    pub items_created: u64,
    /// Items that no message names any more, and no catalog lists.
    pub items_removed: u64,
    /// People of whom something changed.
    pub people: u64,
    /// People who are there only now.
    pub people_created: u64,
    /// Pairs of ids that belong to one person now.
    pub merges: u64,
    /// People whom earlier mappings merged and these do not: they stay one.
    pub merges_kept: u64,
    /// The first changes, at most [`BACK_FILL_EXAMPLES_MAX`].
    pub examples: Vec<BackFillExample>,
}

impl BackFillReport {
    /// Whether nothing changes.
    pub fn is_empty(&self) -> bool {
        let rest = Self { from: 0, until: 0, merges_kept: 0, ..self.clone() };
        rest == Self::default()
    }
}

/// An interaction as it was and as it is; none where it was not, or is not any more.
#[derive(Debug, Clone, PartialEq)]
pub struct BackFillExample {
    /// The id of the user.
    pub user_id: String,
    /// What the earlier mappings made.
    pub before: Option<Interaction>,
    /// What these make.
    pub after: Option<Interaction>,
}

/// Errors of back-fills.
#[derive(Debug, thiserror::Error)]
pub enum BackFillError {
    /// Another one is under way.
    #[error("another back-fill is under way")]
    UnderWay,
    /// It does not fit the state.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The journal or a store cannot be read, or it was cancelled.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The journal does not take the changes.
    #[error(transparent)]
    Submit(#[from] SubmitError),
}

/// Learns the share that is done, from 0 to 1, and what is done now; an error ends the back-fill.
type Progress<'a> = dyn Fn(f64, &'static str) -> Result<(), EngineError> + 'a;

impl Engine {
    /// Applies the mappings of now to the messages of a span, or says what that would change. One
    /// that is cancelled has changed a part; made again, it changes the rest.
    ///
    /// # Errors
    /// If another one is under way, too many spans are remembered, or something cannot be read or
    /// written. Those of `progress`.
    pub fn back_fill(
        &self,
        request: &BackFillRequest,
        progress: &Progress<'_>,
    ) -> Result<BackFillReport, BackFillError> {
        let Some(_one_at_a_time) = self.back_fill_lock.try_lock() else {
            return Err(BackFillError::UnderWay);
        };
        let progress = |share: f64, doing: &'static str| {
            self.check_training()?;
            progress(share, doing)
        };
        let base = self.first_to_fold()?;
        let done = self.find_back_fill(request, base)?;
        let target = Target::fold(self, base, &done, &|share| {
            progress(share * FOLD_SHARE, "folds the journal with the mappings of now")
        })?;
        let report = self.apply_target(request, &done, &target, &progress);
        target.remove()?;
        report
    }

    /// The first place from which the state can be folded with other mappings: the beginning of the
    /// journal, or where it was cut or people were erased from it, a snapshot that has all of the
    /// back-fills whose spans a fold from there would not see.
    fn first_to_fold(&self) -> Result<u64, EngineError> {
        let positions = self.snapshots.positions()?;
        let snapshot = self.snapshot();
        let start = self.shared.journal.start().0.max(snapshot.regulations.erased_until());
        if start == 0 {
            return Ok(0);
        }
        let has_all = |position: &u64| {
            let mut back_fills = snapshot.back_fills.list().iter();
            !back_fills.any(|(ended, _, one)| one.from < *position && *position <= *ended)
        };
        let base = positions.into_iter().filter(|position| *position >= start).find(has_all);
        base.ok_or_else(|| self.snapshots.missing(start, snapshot.applied).into())
    }

    /// The span, which begins at `first` or later, and the mappings.
    fn find_back_fill(
        &self,
        request: &BackFillRequest,
        first: u64,
    ) -> Result<BackFill, BackFillError> {
        let asked = self.find_place(request.from.unwrap_or(SpanPlace::Offset(0)))?;
        if request.from.is_some() && asked < first {
            let what = format!(
                "the span begins at entry {asked}, and mappings can be applied from entry {first} on: \
                 what was before was cut by retention, or a deletion of people has made a snapshot \
                 of the state its beginning"
            );
            return Err(Refusal::Invalid(what).into());
        }
        let from = asked.max(first);
        let until = self.find_place(request.until.unwrap_or(SpanPlace::Offset(u64::MAX)))?;
        let snapshot = self.snapshot();
        if !snapshot.back_fills.has_room(from, until) {
            let what = format!(
                "{BACK_FILLS_KEPT_MAX} back-fills of parts of the journal are remembered, which is \
                 the limit: back-fill all of it"
            );
            return Err(Refusal::Invalid(what).into());
        }
        let config = &snapshot.setup.config;
        let to_json =
            |list: &[serde_json::Value]| serde_json::to_string(list).expect("mappings are JSON");
        Ok(BackFill {
            id: Uuid::new_v4(),
            from,
            until: until.max(from),
            mappings: config.engine_mappings().map(to_json),
            preset_set: config.preset_set(),
            added: 0,
            removed: 0,
        })
    }

    fn apply_target(
        &self,
        request: &BackFillRequest,
        done: &BackFill,
        target: &Target,
        progress: &Progress<'_>,
    ) -> Result<BackFillReport, BackFillError> {
        let mut report = None;
        for round in 0..if request.is_preview { 1 } else { ROUNDS_MAX } {
            let share = FOLD_SHARE + (1.0 - FOLD_SHARE) * round as f64 / ROUNDS_MAX as f64;
            let progress = |share_of_round: f64| {
                let share = share + share_of_round * (1.0 - FOLD_SHARE) / ROUNDS_MAX as f64;
                progress(share, "compares what people did")
            };
            let found = Walk::new(self, target, request.is_preview, &progress).run()?;
            let is_empty = found.is_empty();
            report.get_or_insert(found);
            if is_empty {
                break;
            }
        }
        let mut report = report.unwrap_or_default();
        (report.from, report.until) = (done.from, done.until);
        if !request.is_preview {
            let sum = |counts: &BTreeMap<_, u64>| counts.values().sum::<u64>();
            let changed = sum(&report.changed);
            self.submit_back_fill(BackFillCommand::Done(BackFill {
                added: sum(&report.added) + changed,
                removed: sum(&report.removed) + changed,
                ..done.clone()
            }))?;
        }
        Ok(report)
    }

    /// Journals a step, and waits where too many entries of others wait for the journal.
    fn submit_back_fill(&self, command: BackFillCommand) -> Result<(), BackFillError> {
        let command = Command::BackFill(Box::new(command));
        let entry = Entry::Command { received_at: self.now(), command: Box::new(command) };
        for n_waits in 0.. {
            self.check_training().map_err(EngineError::from)?;
            match self.submit_blocking(vec![entry.clone()]) {
                Err(SubmitError::QueueFull { .. }) if n_waits < QUEUE_WAITS_MAX => {
                    std::thread::sleep(Duration::from_secs(1));
                }
                Err(error) => return Err(error.into()),
                Ok(outcomes) => match outcomes.into_iter().next() {
                    Some(Outcome::Refused(refusal)) => return Err(refusal.into()),
                    _ => return Ok(()),
                },
            }
        }
        Ok(())
    }

    /// Journals what changes of people, in entries of a bounded size.
    fn submit_users(&self, users: Vec<UserBackFill>) -> Result<(), BackFillError> {
        let mut entry = Vec::new();
        let mut n_changes = 0;
        for user in users.into_iter().flat_map(UserDifference::split) {
            if n_changes + user.n_changes() > INTERACTIONS_PER_ENTRY_MAX {
                self.submit_back_fill(of_users(std::mem::take(&mut entry)))?;
                n_changes = 0;
            }
            n_changes += user.n_changes();
            entry.push(user);
        }
        match entry.is_empty() {
            true => Ok(()),
            false => self.submit_back_fill(of_users(entry)),
        }
    }
}

fn of_users(users: Vec<UserBackFill>) -> BackFillCommand {
    BackFillCommand::Change { merges: Vec::new(), users, items: Vec::new() }
}
