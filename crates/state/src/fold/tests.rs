//! Timers fire in the fold.

use std::collections::{BTreeMap, BTreeSet};

use domain::list::ROTATION_TIME_S_MAX;
use domain::{Timestamp, WorkspaceId};
use profiles::ExternalIdType;
use proptest::prelude::*;
use store::{Read, Store};
use tempfile::TempDir;

use super::*;
use crate::attribution::{ListImpression, Place};
use crate::{EntityKind, SAMPLE_INTERVAL_MS, SAMPLES, StatePart, Timers};

const KIND: TimerKind = TimerKind::ForgetImpressions;
const START_MS: i64 = 1_700_000_000_000;
const DAY_MS: i64 = 24 * 3_600 * 1_000;
/// Less than the journal's clock accepts from a single entry.
const STEP_MS_MAX: i64 = 2 * DAY_MS;
const KEPT_MS: i64 = ROTATION_TIME_S_MAX as i64 * 1_000;

/// The time `ms` milliseconds after the start.
fn at(ms: i64) -> Timestamp {
    Timestamp(START_MS + ms)
}

fn tick(ms: i64) -> Entry {
    Entry::Tick { at: at(ms) }
}

/// Ticks from one time to another, in steps that the journal's clock follows.
fn ticks(from_ms: i64, to_ms: i64) -> impl Iterator<Item = Entry> {
    (1..)
        .map(move |n| from_ms + n * STEP_MS_MAX)
        .take_while(move |ms| *ms < to_ms)
        .chain([to_ms])
        .map(tick)
}

fn timer(due_ms: i64, id: u32) -> Timer {
    Timer { due: at(due_ms), kind: KIND, id }
}

fn command(ms: i64, command: Command) -> Entry {
    Entry::Command { received_at: at(ms), command: Box::new(command) }
}

fn add_user(ms: i64, user: usize) -> Entry {
    command(ms, Command::Add { kind: EntityKind::User, id: format!("u{user}") })
}

fn list_impression(ms: i64, user: usize) -> Entry {
    let list = ListImpression {
        recomm_id: None,
        user: Some((ExternalIdType::UserId, format!("u{user}"))),
        at: at(ms),
        items: vec!["item".to_owned()],
        place: Place::Trait("next".to_owned()),
        group: None,
        model: None,
        rotates: true,
        n_next: 0,
        request: None,
    };
    Entry::ListImpressions { lists: vec![list] }
}

/// A fold that records the timers that fire.
struct Fold {
    folder: TempDir,
    store: Store,
    views: Views,
    fired: Vec<Timer>,
}

impl Fold {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (store, views) = load(&folder);
        Self { folder, store, views, fired: Vec::new() }
    }

    fn restart(self) -> Self {
        let Self { folder, store, views, fired } = self;
        drop((store, views));
        let (store, views) = load(&folder);
        Self { folder, store, views, fired }
    }

    /// Applies entries as one batch, with the real effects of timers.
    fn apply(&mut self, entries: impl IntoIterator<Item = Entry>) {
        let Self { store, views, fired, .. } = self;
        let mut batch = store.batch();
        for entry in entries {
            let mut record_and_fire = |views: &mut Views, batch: &mut Batch<'_>, timer: Timer| {
                fired.push(timer);
                fire_timer(views, batch, timer)
            };
            let offset = views.applied;
            apply_firing(
                views,
                &mut batch,
                offset,
                PreparedEntry::unmapped(entry),
                &mut record_and_fire,
            )
            .unwrap();
        }
        views.flush(&mut batch);
        batch.commit(views.applied).unwrap();
    }

    fn change(&mut self, change: impl FnOnce(&mut Timers, &mut Batch<'_>)) {
        let mut batch = self.store.batch();
        change(&mut self.views.timers, &mut batch);
        batch.commit(self.views.applied).unwrap();
    }

    fn schedule(&mut self, timers: impl IntoIterator<Item = Timer>) {
        self.change(|all, batch| {
            timers.into_iter().for_each(|timer| assert!(all.schedule(batch, timer).unwrap()));
        });
    }

    fn take_fired(&mut self) -> Vec<Timer> {
        std::mem::take(&mut self.fired)
    }

    /// Rows of timers, and of their due times.
    fn n_rows(&self) -> [usize; 2] {
        let keyspace = |n: usize| self.store.keyspace(Timers::KEYSPACES[n]);
        [0, 1].map(|n| self.store.scan(&keyspace(n), &[]).count())
    }
}

fn load(folder: &TempDir) -> (Store, Views) {
    let store = Store::open(folder.path(), &Views::KEYSPACES.concat()).unwrap();
    let views = Views::load(&store, &WorkspaceId::new("shop").unwrap()).unwrap();
    (store, views)
}

#[test]
fn a_timer_fires_at_its_exact_time_once_and_in_order_also_after_a_restart() {
    let mut fold = Fold::new();
    fold.apply([tick(0)]);
    fold.schedule([timer(2_000, 7), timer(1_000, 9), timer(2_000, 3), timer(3_000, 1)]);
    fold.apply([tick(999)]);
    assert_eq!(fold.take_fired(), []);
    fold.apply([tick(1_000)]);
    assert_eq!(fold.take_fired(), [timer(1_000, 9)]);
    let mut fold = fold.restart();
    // A timer has its own due time, not that of the late entry that fires it.
    fold.apply([
        tick(1_000),
        tick(1_999),
        tick(2_500),
        tick(2_500),
        tick(DAY_MS),
        tick(2 * DAY_MS),
    ]);
    assert_eq!(fold.take_fired(), [timer(2_000, 3), timer(2_000, 7), timer(3_000, 1)]);
    assert_eq!((fold.views.timers.next_due(), fold.n_rows()), (None, [0, 0]));
}

#[test]
fn due_timers_fire_before_the_entry_is_applied() {
    let mut fold = Fold::new();
    fold.apply([
        add_user(0, 0),
        command(0, Command::Add { kind: EntityKind::Item, id: "item".to_owned() }),
    ]);
    fold.apply([list_impression(0, 0)]);
    let user = fold.views.profiles.ids().user_by_id("u0").unwrap();
    let row = |fold: &Fold| fold.views.impressions.by_user(user).len();
    fold.apply(ticks(0, KEPT_MS - 1));
    assert_eq!((row(&fold), fold.take_fired()), (1, vec![]));
    // The list is shown at the moment at which the earlier one expires.
    fold.apply([list_impression(KEPT_MS, 0)]);
    assert_eq!((row(&fold), fold.take_fired()), (1, vec![timer(KEPT_MS, user.0)]));
    assert_eq!(fold.views.timers.next_due(), Some(at(2 * KEPT_MS)));
    fold.apply(ticks(KEPT_MS, 2 * KEPT_MS));
    assert_eq!((row(&fold), fold.take_fired()), (0, vec![timer(2 * KEPT_MS, user.0)]));
}

#[test]
fn a_clock_that_is_ahead_for_a_moment_fires_nothing() {
    let mut fold = Fold::new();
    fold.apply((0..30).map(|n| tick(n * SAMPLE_INTERVAL_MS)));
    fold.schedule([timer(DAY_MS, 1)]);
    fold.apply([
        tick(1_000 * DAY_MS),
        add_user(1_000 * DAY_MS, 0),
        tick(-1_000 * DAY_MS),
        tick(DAY_MS - 1),
    ]);
    assert_eq!(fold.take_fired(), []);
    // A late entry fires no timer that is due after its time.
    fold.schedule([timer(DAY_MS - 2, 2)]);
    fold.apply([tick(DAY_MS - 3)]);
    assert_eq!(fold.take_fired(), []);
    fold.apply([tick(DAY_MS)]);
    assert_eq!(fold.take_fired(), [timer(DAY_MS - 2, 2), timer(DAY_MS, 1)]);
}

#[test]
fn a_tick_is_due_if_it_fires_a_timer_or_brings_the_clock_closer() {
    let mut fold = Fold::new();
    fold.apply((0..30).map(|n| tick(n * SAMPLE_INTERVAL_MS)));
    assert!(!fold.views.is_tick_due(at(DAY_MS)), "there is no timer");
    fold.schedule([timer(DAY_MS, 1)]);
    assert!(!fold.views.is_tick_due(at(DAY_MS - 1)));
    assert!(fold.views.is_tick_due(at(DAY_MS)));
    // After weeks without entries the clock needs ten times, a minute apart.
    let mut n_ticks = 0;
    let seconds = (0..).map(|second| 40 * DAY_MS + second * 1_000);
    for ms in seconds.take_while(|ms| *ms < 41 * DAY_MS) {
        if fold.views.is_tick_due(at(ms)) {
            fold.apply([tick(ms)]);
            n_ticks += 1;
        }
    }
    assert_eq!((n_ticks, fold.take_fired()), (SAMPLES, vec![timer(DAY_MS, 1)]));
}

#[test]
fn a_timer_can_be_moved_and_cancelled() {
    let mut fold = Fold::new();
    fold.apply([tick(0)]);
    fold.schedule([timer(1_000, 1), timer(2_000, 2), timer(3_000, 3)]);
    fold.schedule([timer(2_500, 1)]);
    assert_eq!(fold.views.timers.next_due(), Some(at(2_000)));
    fold.change(|timers, batch| timers.cancel(batch, KIND, 2).unwrap());
    assert_eq!((fold.views.timers.next_due(), fold.n_rows()), (Some(at(2_500)), [2, 2]));
    let mut fold = fold.restart();
    assert_eq!(fold.views.timers.next_due(), Some(at(2_500)));
    fold.schedule([timer(2_600, 3)]);
    fold.apply([tick(DAY_MS)]);
    assert_eq!(fold.take_fired(), [timer(2_500, 1), timer(2_600, 3)]);
}

const USERS: usize = 4;

#[derive(Debug, Clone, Copy)]
enum Event {
    Show { user: usize },
    Merge { target: usize, source: usize },
    Delete { user: usize },
}

/// An event, its distance from the one before in milliseconds, ticks at these fractions of the
/// distance, whether a batch ends after it, and whether the process restarts after it.
type Step = (Event, i64, Vec<f64>, bool, bool);

fn step() -> impl Strategy<Value = Step> {
    let user = || 0..USERS;
    let event = prop_oneof![
        12 => user().prop_map(|user| Event::Show { user }),
        1 => (user(), user()).prop_map(|(target, source)| Event::Merge { target, source }),
        1 => user().prop_map(|user| Event::Delete { user }),
    ];
    (
        event,
        0..STEP_MS_MAX,
        prop::collection::vec(0.0..1.0f64, 0..3),
        any::<bool>(),
        prop::bool::weighted(0.1),
    )
}

fn entry(event: Event, ms: i64) -> Entry {
    let id = |user: usize| format!("u{user}");
    match event {
        Event::Show { user } => list_impression(ms, user),
        Event::Merge { target, source } => {
            let merge = Command::MergeUsers {
                target: id(target),
                source: id(source),
                cascade_create: false,
            };
            command(ms, merge)
        }
        Event::Delete { user } => {
            command(ms, Command::Delete { kind: EntityKind::User, id: id(user) })
        }
    }
}

/// The timers that must fire, as due time and user number, computed by a plain model.
fn expected(steps: &[Step], end_ms: i64) -> Vec<(i64, usize)> {
    let (mut due, mut existing) = (BTreeMap::new(), (0..USERS).collect::<BTreeSet<_>>());
    let (mut fired, mut ms) = (Vec::new(), 0);
    let mut fire_until = |due: &mut BTreeMap<usize, i64>, ms: i64| {
        let mut now: Vec<(i64, usize)> = due.iter().map(|(user, due)| (*due, *user)).collect();
        now.retain(|(due, _)| *due <= ms);
        now.sort_unstable();
        due.retain(|_, due| *due > ms);
        fired.extend(now);
    };
    for (event, after_ms, ..) in steps {
        ms += after_ms;
        fire_until(&mut due, ms);
        match *event {
            Event::Show { user } if existing.contains(&user) => {
                // Impressions are kept by the second.
                due.insert(user, (START_MS + ms) / 1_000 * 1_000 - START_MS + KEPT_MS);
            }
            Event::Merge { target, source }
                if target != source && existing.contains(&target) && existing.contains(&source) =>
            {
                existing.remove(&source);
                if let Some(source_due) = due.remove(&source) {
                    let target_due = due.entry(target).or_insert(source_due);
                    *target_due = source_due.max(*target_due);
                }
            }
            Event::Delete { user } => {
                existing.remove(&user);
                due.remove(&user);
            }
            Event::Show { .. } | Event::Merge { .. } => {}
        }
    }
    fire_until(&mut due, end_ms);
    fired
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn the_same_timers_fire_for_any_batches_ticks_and_restarts(
        steps in prop::collection::vec(step(), 1..80),
    ) {
        let mut fold = Fold::new();
        fold.apply((0..USERS).map(|user| add_user(0, user)));
        fold.apply([command(0, Command::Add { kind: EntityKind::Item, id: "item".to_owned() })]);
        let (mut users, mut index) = (Vec::new(), BTreeMap::new());
        for user in 0..USERS {
            let found = fold.views.profiles.ids().user_by_id(&format!("u{user}")).unwrap();
            users.push(found.0);
            index.insert(found.0, user);
        }
        prop_assert!(users.is_sorted(), "timers with the same due time fire in the order of users");
        let (mut batch, mut ms) = (Vec::new(), 0);
        for (event, after_ms, ticks, ends_batch, restarts) in &steps {
            let mut ticks: Vec<i64> = ticks.iter().map(|part| (part * *after_ms as f64) as i64).collect();
            ticks.sort_unstable();
            batch.extend(ticks.into_iter().map(|after_ms| tick(ms + after_ms)));
            ms += after_ms;
            batch.push(entry(*event, ms));
            if *ends_batch || *restarts {
                fold.apply(batch.drain(..));
            }
            if *restarts {
                fold = fold.restart();
            }
        }
        fold.apply(batch);
        let end_ms = ms + KEPT_MS;
        fold.apply(ticks(ms, end_ms));
        let fired: Vec<(i64, usize)> =
            fold.take_fired().into_iter().map(|timer| (timer.due.0 - START_MS, index[&timer.id])).collect();
        prop_assert_eq!(fired, expected(&steps, end_ms));
        prop_assert_eq!(fold.n_rows(), [0, 0]);
        for user in users {
            prop_assert!(fold.views.impressions.by_user(UserIdx(user)).is_empty());
        }
    }
}
