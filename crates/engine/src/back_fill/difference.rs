//! What differs between a person as they are and as they would be.

use std::collections::{BTreeMap, BTreeSet};

use domain::{Interaction, InteractionKind, InteractionSelector, Timestamp, UserIdx};
use serving::Snapshot;
use state::INTERACTIONS_PER_ENTRY_MAX;

use super::{BACK_FILL_EXAMPLES_MAX, BackFillExample, BackFillReport};
use crate::error::store_error;
use crate::{EngineError, ExternalIdType, SignalOf, UserBackFill};

/// The changes of one entry that are of one user.
const CHANGES_PER_PART: usize = INTERACTIONS_PER_ENTRY_MAX / 2;

/// What identifies an interaction of a person: item, kind and time.
type Key = (String, InteractionKind, Timestamp);

/// The interactions and weak signals of a person.
#[derive(Default)]
pub(super) struct Activity {
    interactions: BTreeMap<Key, Interaction>,
    signals: BTreeMap<(String, domain::WeakSignalKind), u32>,
}

impl Activity {
    /// Those of users who are one person, as a merge into the first makes them. Items that were
    /// deleted have no id, and are left out.
    pub(super) fn read(snapshot: &Snapshot<'_>, users: &[UserIdx]) -> Result<Self, EngineError> {
        let catalog = &snapshot.catalog;
        let mut activity = Self::default();
        for user in users {
            let stored = snapshot.interactions.all_by_user(snapshot.store(), *user);
            for stored in stored.map_err(store_error(std::path::Path::new("store")))? {
                if catalog.is_deleted(stored.item) {
                    continue;
                }
                let item_id = catalog.item_id(stored.item);
                let key = (item_id.to_owned(), stored.kind, stored.at);
                let interaction = stored.into_interaction("", item_id);
                activity.interactions.entry(key).or_insert(interaction);
            }
            for signal in snapshot.weak_signals.by_user(*user) {
                if !catalog.is_deleted(signal.item) {
                    let key = (catalog.item_id(signal.item).to_owned(), signal.kind);
                    let at_s = activity.signals.entry(key).or_default();
                    *at_s = signal.at_s.max(*at_s);
                }
            }
        }
        Ok(activity)
    }

    fn signals(&self) -> BTreeSet<SignalOf> {
        let signal = |((item_id, kind), at_s): (&(String, domain::WeakSignalKind), &u32)| {
            SignalOf { item_id: item_id.clone(), kind: *kind, at_s: *at_s }
        };
        self.signals.iter().map(signal).collect()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.interactions.is_empty() && self.signals.is_empty()
    }
}

/// What changes of a person, before it is counted.
pub(super) struct UserDifference {
    pub(super) changes: UserBackFill,
    before_and_after: Vec<(Option<Interaction>, Option<Interaction>)>,
}

impl UserDifference {
    /// Compares; none where nothing differs.
    pub(super) fn find(
        (id_type, id): (ExternalIdType, String),
        is_new: bool,
        present: &Activity,
        target: &Activity,
    ) -> Option<Self> {
        let mut found = Self {
            changes: UserBackFill {
                id_type,
                id,
                is_new,
                removed: Vec::new(),
                added: Vec::new(),
                removed_signals: Vec::new(),
                added_signals: Vec::new(),
            },
            before_and_after: Vec::new(),
        };
        let keys: BTreeSet<&Key> =
            present.interactions.keys().chain(target.interactions.keys()).collect();
        for key in keys {
            let (before, after) = (present.interactions.get(key), target.interactions.get(key));
            if before != after {
                found.replace(before, after);
            }
        }
        let (before, after) = (present.signals(), target.signals());
        found.changes.removed_signals = before.difference(&after).cloned().collect();
        found.changes.added_signals = after.difference(&before).cloned().collect();
        (found.changes.n_changes() > 0 || is_new).then_some(found)
    }

    fn replace(&mut self, before: Option<&Interaction>, after: Option<&Interaction>) {
        let of_user = |interaction: &Interaction| Interaction {
            user_id: self.changes.id.clone(),
            ..interaction.clone()
        };
        let (before, after) = (before.map(of_user), after.map(of_user));
        self.changes.removed.extend(before.as_ref().map(|before| InteractionSelector {
            user_id: before.user_id.clone(),
            item_id: before.item_id.clone(),
            kind: before.kind,
            timestamp: before.timestamp,
            session_id: None,
        }));
        self.changes.added.extend(after.clone());
        self.before_and_after.push((before, after));
    }

    /// Counts it in a report.
    pub(super) fn count(&self, report: &mut BackFillReport) {
        report.people += 1;
        report.people_created += u64::from(self.changes.is_new);
        report.signals_added += self.changes.added_signals.len() as u64;
        report.signals_removed += self.changes.removed_signals.len() as u64;
        for (before, after) in &self.before_and_after {
            let counts = match (before, after) {
                (Some(_), Some(_)) => &mut report.changed,
                (None, _) => &mut report.added,
                (_, None) => &mut report.removed,
            };
            let kind = before.as_ref().or(after.as_ref()).map(|one| one.kind);
            if let Some(kind) = kind {
                *counts.entry(kind).or_default() += 1;
            }
            if report.examples.len() < BACK_FILL_EXAMPLES_MAX {
                let (before, after) = (before.clone(), after.clone());
                let user_id = self.changes.id.clone();
                report.examples.push(BackFillExample { user_id, before, after });
            }
        }
    }

    /// Parts that fit into entries. What is removed comes before what is added.
    pub(super) fn split(user: UserBackFill) -> Vec<UserBackFill> {
        if user.n_changes() <= CHANGES_PER_PART {
            return vec![user];
        }
        let UserBackFill { id_type, id, is_new, .. } = &user;
        let part = || UserBackFill {
            id_type: *id_type,
            id: id.clone(),
            is_new: *is_new,
            removed: Vec::new(),
            added: Vec::new(),
            removed_signals: Vec::new(),
            added_signals: Vec::new(),
        };
        let removed = user.removed.chunks(CHANGES_PER_PART);
        let removed = removed.map(|chunk| UserBackFill { removed: chunk.to_vec(), ..part() });
        let added = user.added.chunks(CHANGES_PER_PART);
        let added = added.map(|chunk| UserBackFill { added: chunk.to_vec(), ..part() });
        let gone = user.removed_signals.chunks(CHANGES_PER_PART);
        let gone = gone.map(|chunk| UserBackFill { removed_signals: chunk.to_vec(), ..part() });
        let new = user.added_signals.chunks(CHANGES_PER_PART);
        let new = new.map(|chunk| UserBackFill { added_signals: chunk.to_vec(), ..part() });
        removed.chain(added).chain(gone).chain(new).collect()
    }
}
