//! The walk over all items and people, which finds the differences and journals them.

use std::collections::BTreeMap;

use domain::UserIdx;
use serving::Snapshot;
use state::{BackFillCommand, ITEMS_PER_ENTRY_MAX, UserMerge};

use super::difference::{Activity, UserDifference};
use super::items::{self, Step};
use super::target::Target;
use super::{BackFillError, BackFillReport};
use crate::error::store_error;
use crate::{Engine, EngineError, ExternalId, ExternalIdType, Identifier, NamedItem};

/// The people, and the items, of one step: the fold waits meanwhile.
const PEOPLE_PER_STEP: u32 = 128;
const ITEMS_PER_STEP: u32 = 4_096;

/// A walk.
pub(super) struct Walk<'a> {
    engine: &'a Engine,
    target: &'a Target,
    is_preview: bool,
    progress: &'a dyn Fn(f64) -> Result<(), EngineError>,
    report: BackFillReport,
    /// Of a preview: whom each user would be merged into.
    merged_into: BTreeMap<UserIdx, UserIdx>,
}

impl<'a> Walk<'a> {
    pub(super) fn new(
        engine: &'a Engine,
        target: &'a Target,
        is_preview: bool,
        progress: &'a dyn Fn(f64) -> Result<(), EngineError>,
    ) -> Self {
        let report = BackFillReport::default();
        Self { engine, target, is_preview, progress, report, merged_into: BTreeMap::new() }
    }

    pub(super) fn run(mut self) -> Result<BackFillReport, BackFillError> {
        self.walk_items(Step::Name)?;
        self.walk_new_people()?;
        self.walk_people()?;
        self.walk_items(Step::Forget)?;
        Ok(self.report)
    }

    fn compare<T>(
        &self,
        share: f64,
        compare: impl FnOnce(&Snapshot<'_>, &Snapshot<'_>) -> Result<T, EngineError>,
    ) -> Result<T, EngineError> {
        self.target.compare(self.engine, &|| (self.progress)(share), compare)
    }

    fn walk_items(&mut self, step: Step) -> Result<(), BackFillError> {
        let share = if step == Step::Name { 0.0 } else { 0.9 };
        let mut from = 0;
        loop {
            let range = from..from + ITEMS_PER_STEP;
            let (found, n_items) = self.compare(share, |present, target| {
                let own = if step == Step::Name { target } else { present };
                let n_items = own.catalog.n_items() as u32;
                Ok((items::differences(step, present, target, range), n_items))
            })?;
            let n_counted = found.iter().filter(|(_, is_counted)| *is_counted).count() as u64;
            match step {
                Step::Name => self.report.items_created += n_counted,
                Step::Forget => self.report.items_removed += n_counted,
            }
            let found: Vec<NamedItem> = found.into_iter().map(|(named, _)| named).collect();
            for items in found.chunks(ITEMS_PER_ENTRY_MAX).filter(|_| !self.is_preview) {
                self.engine.submit_back_fill(BackFillCommand::Change {
                    merges: Vec::new(),
                    users: Vec::new(),
                    items: items.to_vec(),
                })?;
            }
            from += ITEMS_PER_STEP;
            if from >= n_items {
                return Ok(());
            }
        }
    }

    /// People who are one now, and those who are not there yet.
    fn walk_new_people(&mut self) -> Result<(), BackFillError> {
        let mut from = 0;
        loop {
            let range = from..from + PEOPLE_PER_STEP;
            let (merges, new, n_users) = self.compare(0.1, |present, target| {
                let n_users = target.profiles.ids().n_users() as u32;
                let (mut merges, mut new) = (Vec::new(), Vec::new());
                for user in range.clone().map(UserIdx) {
                    if user.0 >= n_users || !target.profiles.ids().is_alive(user) {
                        continue;
                    }
                    let ids = identifiers(target, user)?;
                    let is_there = ids.iter().any(|id| find(present, id).is_some());
                    if is_there {
                        merges.extend(missing_merges(present, target, user, &ids));
                    } else if let Some(id) = primary(target, user, &ids) {
                        let activity = Activity::read(target, &[user])?;
                        if !activity.is_empty() {
                            let none = Activity::default();
                            new.extend(UserDifference::find(id, true, &none, &activity));
                        }
                    }
                }
                Ok((merges, new, n_users))
            })?;
            self.merge(merges)?;
            self.change(new)?;
            from += PEOPLE_PER_STEP;
            if from >= n_users {
                return Ok(());
            }
        }
    }

    fn merge(
        &mut self,
        merges: Vec<(UserMerge, Option<(UserIdx, UserIdx)>)>,
    ) -> Result<(), BackFillError> {
        if merges.is_empty() {
            return Ok(());
        }
        self.report.merges += merges.len() as u64;
        let pairs = merges.iter().filter_map(|(_, pair)| *pair);
        if self.is_preview {
            self.merged_into.extend(pairs.map(|(target, source)| (source, target)));
            return Ok(());
        }
        let merges = merges.into_iter().map(|(merge, _)| merge).collect();
        let (users, items) = (Vec::new(), Vec::new());
        self.engine.submit_back_fill(BackFillCommand::Change { merges, users, items })
    }

    fn walk_people(&mut self) -> Result<(), BackFillError> {
        let mut sources: BTreeMap<UserIdx, Vec<UserIdx>> = BTreeMap::new();
        for (source, target) in &self.merged_into {
            sources.entry(*target).or_default().push(*source);
        }
        let mut from = 0;
        let mut n_all = u32::MAX;
        loop {
            let range = from..from + PEOPLE_PER_STEP;
            let share = 0.2 + 0.7 * f64::from(from) / f64::from(n_all);
            let (found, n_kept, n_users) = self.compare(share, |present, target| {
                let n_users = present.profiles.ids().n_users() as u32;
                let (mut found, mut n_kept) = (Vec::new(), 0);
                for user in range.clone().map(UserIdx) {
                    let is_gone = user.0 >= n_users
                        || !present.profiles.ids().is_alive(user)
                        || self.merged_into.contains_key(&user);
                    if is_gone {
                        continue;
                    }
                    let members: Vec<UserIdx> = std::iter::once(user)
                        .chain(sources.get(&user).into_iter().flatten().copied())
                        .collect();
                    let (difference, n_targets) = self.compare_person(present, target, &members)?;
                    n_kept += n_targets.saturating_sub(1) as u64;
                    found.extend(difference);
                }
                Ok((found, n_kept, n_users))
            })?;
            self.report.merges_kept += n_kept;
            self.change(found)?;
            (from, n_all) = (from + PEOPLE_PER_STEP, n_users.max(1));
            if from >= n_users {
                return Ok(());
            }
        }
    }

    /// What differs of a person, and how many people they are in the state that is to be.
    fn compare_person(
        &self,
        present: &Snapshot<'_>,
        target: &Snapshot<'_>,
        members: &[UserIdx],
    ) -> Result<(Option<UserDifference>, usize), EngineError> {
        let mut ids = Vec::new();
        for member in members {
            ids.extend(identifiers(present, *member)?);
        }
        let Some(id) = members.first().and_then(|user| primary(present, *user, &ids)) else {
            return Ok((None, 0));
        };
        let mut theirs: Vec<UserIdx> = Vec::new();
        for found in ids.iter().filter_map(|id| find(target, id)) {
            if !theirs.contains(&found) && self.belongs(present, target, found, members)? {
                theirs.push(found);
            }
        }
        let (before, after) = (Activity::read(present, members)?, Activity::read(target, &theirs)?);
        Ok((UserDifference::find(id, false, &before, &after), theirs.len()))
    }

    /// Whether a user of the state that is to be is one of these: by their main id, where a merge
    /// was not possible.
    fn belongs(
        &self,
        present: &Snapshot<'_>,
        target: &Snapshot<'_>,
        user: UserIdx,
        members: &[UserIdx],
    ) -> Result<bool, EngineError> {
        let ids = identifiers(target, user)?;
        let main = primary(target, user, &ids);
        let of_main = main.and_then(|(type_, value)| {
            let id = ExternalId { type_, value: &value };
            present.profiles.ids().user_by_external_id(id)
        });
        let owner = of_main.or_else(|| ids.iter().find_map(|id| find(present, id)));
        Ok(owner.is_some_and(|owner| members.contains(&owner)))
    }

    fn change(&mut self, found: Vec<UserDifference>) -> Result<(), BackFillError> {
        found.iter().for_each(|difference| difference.count(&mut self.report));
        if self.is_preview || found.is_empty() {
            return Ok(());
        }
        let users = found.into_iter().map(|difference| difference.changes).collect();
        self.engine.submit_users(users)
    }
}

fn identifiers(snapshot: &Snapshot<'_>, user: UserIdx) -> Result<Vec<Identifier>, EngineError> {
    let found = snapshot.profiles.identifiers(snapshot.store(), user);
    let mut ids = found.map_err(store_error(std::path::Path::new("store")))?;
    // Commands name people by user ids and anonymous ids alone.
    ids.retain(|id| !id.type_.is_declared());
    Ok(ids)
}

fn find(snapshot: &Snapshot<'_>, id: &Identifier) -> Option<UserIdx> {
    let id = ExternalId { type_: id.type_, value: &id.value };
    snapshot.profiles.ids().user_by_external_id(id)
}

/// The id by which a user is called: the user id, or the first anonymous id.
fn primary(
    snapshot: &Snapshot<'_>,
    user: UserIdx,
    ids: &[Identifier],
) -> Option<(ExternalIdType, String)> {
    match snapshot.profiles.ids().user_id(user) {
        Some(id) => Some((ExternalIdType::UserId, id.to_owned())),
        None => ids.first().map(|id| (id.type_, id.value.clone())),
    }
}

/// What is to be merged so that all these ids belong to one user, as they do in the state that is
/// to be. With each merge of two users, who they are.
fn missing_merges(
    present: &Snapshot<'_>,
    target: &Snapshot<'_>,
    user: UserIdx,
    ids: &[Identifier],
) -> Vec<(UserMerge, Option<(UserIdx, UserIdx)>)> {
    let main = primary(target, user, ids).and_then(|(type_, value)| {
        let owner = present.profiles.ids().user_by_external_id(ExternalId { type_, value: &value });
        owner.map(|owner| (owner, value))
    });
    let first = || ids.iter().find_map(|id| Some((find(present, id)?, id.value.clone())));
    let Some((owner, name)) = main.or_else(first) else { return Vec::new() };
    let mut merged = vec![owner];
    let mut merges: Vec<(UserMerge, Option<(UserIdx, UserIdx)>)> = Vec::new();
    for id in ids {
        let other = find(present, id);
        if other.is_some_and(|other| merged.contains(&other)) {
            continue;
        }
        let merge = UserMerge { target: name.clone(), source: id.value.clone() };
        if merges.iter().all(|(other, _)| *other != merge) {
            merges.push((merge, other.map(|other| (owner, other))));
        }
        merged.extend(other);
    }
    merges
}
