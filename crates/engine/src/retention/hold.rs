//! What still needs entries of the journal: destinations and logs that have not read them,
//! deliveries that are open, and dead letters, which name the entry that asks for them.

use journal::Offset;

use super::HeldBack;
use crate::{Command, Engine, EngineError, Entry};

/// How many entries of what a destination has not read are looked through for retries of dead
/// letters, which name earlier entries. One that is further behind holds back everything.
const UNREAD_SEARCHED_MAX: u64 = 1_000_000;
/// The number of dead letters that are read at once.
const DEAD_LETTERS_PER_PAGE: usize = 1_000;
/// The most retries of one dead letter that are followed back to its message.
const RETRIES_FOLLOWED_MAX: usize = 1_000;

/// Up to where nothing needs the journal.
pub(super) struct Hold {
    pub(super) free_until: u64,
    pub(super) held_back: Option<HeldBack>,
}

impl Default for Hold {
    fn default() -> Self {
        Self { free_until: u64::MAX, held_back: None }
    }
}

impl Hold {
    fn keep(&mut self, offset: u64, why: impl FnOnce() -> String) {
        if offset < self.free_until {
            self.free_until = offset;
            self.held_back = Some(HeldBack { offset, why: why() });
        }
    }
}

impl Engine {
    /// Finds what needs entries below `end`; none where nothing needs any.
    pub(super) fn find_hold(&self, end: u64) -> Result<Option<Hold>, EngineError> {
        let mut hold = Hold::default();
        // Copied, since the fold waits for a snapshot.
        let standings: Vec<_> = {
            let views = self.snapshot();
            let of = views.destinations.iter().map(|(name, standing)| {
                let is_enabled = standing.version_at(u64::MAX).enabled;
                let open: Vec<u64> = standing.open.keys().copied().collect();
                (name.to_owned(), is_enabled, standing.place, open)
            });
            of.collect()
        };
        for export in self.config().exports.iter().filter(|one| one.what.is_log() && !one.paused) {
            let place = self.export_position(export)?.unwrap_or(0);
            hold.keep(place, || {
                let name = &export.name;
                format!(
                    "export {name:?} has not written further yet; mend it, pause it, or remove it"
                )
            });
        }
        let journal_end = self.applied();
        let mut first_unread = journal_end;
        for (name, is_enabled, place, open) in standings {
            let place = place.max(self.read_without_work(&name)).min(journal_end);
            if is_enabled {
                let why = || {
                    format!(
                        "destination {name:?} has not read further yet; mend it, switch it off, or remove it"
                    )
                };
                hold.keep(place, why);
                first_unread = first_unread.min(place);
                if journal_end.saturating_sub(place) > UNREAD_SEARCHED_MAX {
                    hold.keep(0, why);
                }
            }
            for offset in open {
                let first = self.first_asked(offset)?;
                hold.keep(first, || format!("a delivery to destination {name:?} is open"));
            }
            let mut after = None;
            loop {
                let after_key =
                    after.as_ref().map(|(was_sent, offset, mapping): &(bool, u64, String)| {
                        (*was_sent, *offset, mapping.as_str())
                    });
                let page = self.dead_letters(&name, after_key, DEAD_LETTERS_PER_PAGE)?;
                let Some(last) = page.last() else { break };
                after = Some((last.attempts > 0, last.offset, last.mapping.clone()));
                for letter in &page {
                    let first = self.first_asked(letter.offset)?;
                    hold.keep(first, || {
                        format!("a dead letter of destination {name:?} needs its message; send it anew or drop it")
                    });
                }
            }
        }
        self.keep_unread_retries(first_unread, journal_end, &mut hold)?;
        Ok(Some(hold).filter(|hold| hold.free_until < end))
    }

    /// Up to where a destination has read where nothing of what it has read is left to do: entries
    /// that are no messages move no place in the journal.
    fn read_without_work(&self, name: &str) -> u64 {
        let status = self.delivery_status(name);
        let idle = status.filter(|status| {
            let dispatcher = status.dispatcher.as_ref();
            status.problem.is_none() && dispatcher.is_some_and(|it| it.open_messages == 0)
        });
        idle.map_or(0, |status| status.read_to)
    }

    /// The first entry that an entry asks for: the message of a dead letter that was sent anew.
    fn first_asked(&self, offset: u64) -> Result<u64, EngineError> {
        let mut first = offset;
        for _ in 0..RETRIES_FOLLOWED_MAX {
            match self.read_entry(first)?.and_then(retried) {
                Some(earlier) if earlier < first => first = earlier,
                _ => break,
            }
        }
        Ok(first)
    }

    /// Keeps what retries of dead letters ask for that no destination has read yet.
    fn keep_unread_retries(
        &self,
        from: u64,
        until: u64,
        hold: &mut Hold,
    ) -> Result<(), EngineError> {
        if until - from > UNREAD_SEARCHED_MAX {
            return Ok(());
        }
        for record in self.shared.journal.read_from(Offset(from)) {
            let (Offset(offset), bytes) = record?;
            if offset >= until {
                break;
            }
            let entry =
                Entry::decode(&bytes).map_err(|source| EngineError::Entry { offset, source })?;
            if let Some(earlier) = retried(entry) {
                let first = self.first_asked(earlier)?;
                hold.keep(first, || "a dead letter is being sent anew".to_owned());
            }
        }
        Ok(())
    }
}

/// The entry of the dead letter that an entry sends anew.
fn retried(entry: Entry) -> Option<u64> {
    let Entry::Command { command, .. } = entry else { return None };
    match *command {
        Command::RetryDeadLetter { offset, .. } => Some(offset),
        _ => None,
    }
}
