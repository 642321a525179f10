//! Timers of a workspace at work, by a clock that is set: they fire at their time, once, also after
//! a restart and after the store is lost, and time is journalled only where something is due.

#![expect(clippy::unwrap_used, reason = "a test may end at the first surprise")]

use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use domain::list::ROTATION_TIME_S_MAX;
use domain::{Timestamp, WorkspaceId};
use engine::{
    Command, DataFolder, Engine, EngineOptions, EntityKind, Entry, ExternalIdType, ListImpression,
    ManualClock, Place, SAMPLE_INTERVAL_MS, SAMPLES, inspect_journal,
};

const START: Timestamp = Timestamp(1_700_000_000_000);
const DAY_MS: i64 = 24 * 3_600 * 1_000;
/// When the impression of the start is too old.
const DUE_MS: i64 = ROTATION_TIME_S_MAX as i64 * 1_000;

/// A workspace with a user who was shown an item at the start, and another one.
struct Shop {
    folder: tempfile::TempDir,
    clock: Arc<ManualClock>,
    engine: Option<Engine>,
}

impl Shop {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut shop = Self { folder, clock: Arc::new(ManualClock::new(START)), engine: None };
        shop.restart();
        let add = |kind, id: &str| shop.command(Command::Add { kind, id: id.to_owned() });
        let entries = [add(EntityKind::Item, "lamp"), add(EntityKind::User, "ann"), shop.served()];
        shop.engine().submit_blocking(entries.into()).unwrap();
        assert_eq!(shop.n_impressions(), 1);
        shop
    }

    fn id() -> WorkspaceId {
        WorkspaceId::new("shop").unwrap()
    }

    fn engine(&self) -> &Engine {
        self.engine.as_ref().unwrap()
    }

    fn restart(&mut self) {
        self.engine = None;
        let options = EngineOptions { clock: self.clock.clone(), ..EngineOptions::default() };
        let data = DataFolder::open(self.folder.path()).unwrap();
        self.engine = Some(data.open_workspace_with(&Self::id(), &options, &|_, _| {}).unwrap());
    }

    fn lose_store(&mut self) {
        self.engine = None;
        fs_err::remove_dir_all(self.folder.path().join("workspaces/shop/store")).unwrap();
        self.restart();
    }

    fn pass_time_to(&self, ms: i64) {
        self.clock.set(Timestamp(START.0 + ms));
    }

    fn command(&self, command: Command) -> Entry {
        Entry::Command { received_at: Timestamp(START.0), command: Box::new(command) }
    }

    fn served(&self) -> Entry {
        let list = ListImpression {
            recomm_id: None,
            user: Some((ExternalIdType::UserId, "ann".to_owned())),
            at: START,
            items: vec!["lamp".to_owned()],
            place: Place::Trait("next".to_owned()),
            group: None,
            model: None,
            rotates: true,
            n_next: 0,
            request: None,
        };
        Entry::ListImpressions { lists: vec![list] }
    }

    fn n_impressions(&self) -> usize {
        let user = self.engine().find_user("ann").unwrap();
        self.engine().snapshot().impressions.by_user(user).len()
    }

    /// The times of the ticks in the journal, in milliseconds since the start.
    fn ticks(&self) -> Vec<i64> {
        let mut ticks = Vec::new();
        let folder: PathBuf = self.folder.path().into();
        inspect_journal(&folder, &Self::id(), 0, &mut |entry| {
            if let Ok(Entry::Tick { at }) = entry.entry {
                ticks.push(at.0 - START.0);
            }
            ControlFlow::Continue(())
        })
        .unwrap();
        ticks
    }

    /// Goes in steps that the journal's clock believes.
    fn pass_time_with_entries_to(&self, ms: i64) {
        let times = (1..).map(|n| n * 2 * DAY_MS).take_while(|at| *at < ms).chain([ms]);
        let entries = times.map(|ms| Entry::Resumed { received_at: Timestamp(START.0 + ms) });
        self.engine().submit_blocking(entries.collect()).unwrap();
        self.pass_time_to(ms);
    }
}

#[test]
fn a_timer_fires_at_its_exact_time_and_one_tick_says_so_also_after_a_restart_and_a_lost_store() {
    for loses_store in [false, true] {
        let mut shop = Shop::new();
        let open_again = |shop: &mut Shop| match loses_store {
            true => shop.lose_store(),
            false => shop.restart(),
        };
        shop.pass_time_with_entries_to(DUE_MS - DAY_MS);
        open_again(&mut shop);
        shop.pass_time_to(DUE_MS - 1);
        assert!(!shop.engine().tick().unwrap());
        assert_eq!((shop.n_impressions(), shop.ticks()), (1, vec![]));
        shop.pass_time_to(DUE_MS);
        // The thread may have been there first.
        shop.engine().tick().unwrap();
        assert_eq!((shop.n_impressions(), shop.ticks()), (0, vec![DUE_MS]));
        open_again(&mut shop);
        shop.pass_time_to(DUE_MS + DAY_MS);
        assert!(!shop.engine().tick().unwrap());
        assert_eq!((shop.n_impressions(), shop.ticks()), (0, vec![DUE_MS]));
        assert_eq!(shop.engine().snapshot().timers.next_due(), None);
    }
}

#[test]
fn an_entry_that_comes_fires_what_is_due_and_no_tick_is_journalled() {
    let shop = Shop::new();
    shop.pass_time_with_entries_to(DUE_MS - 1);
    assert_eq!(shop.n_impressions(), 1);
    shop.engine()
        .submit_blocking(vec![Entry::Resumed { received_at: Timestamp(START.0 + DUE_MS) }])
        .unwrap();
    shop.pass_time_to(DUE_MS);
    assert!(!shop.engine().tick().unwrap());
    assert_eq!((shop.n_impressions(), shop.ticks()), (0, vec![]));
}

#[test]
fn after_a_downtime_of_weeks_a_tick_a_minute_convinces_the_clock_of_the_journal() {
    let mut shop = Shop::new();
    shop.pass_time_with_entries_to(SAMPLES as i64 * SAMPLE_INTERVAL_MS);
    shop.engine = None;
    shop.pass_time_to(DUE_MS + DAY_MS);
    shop.restart();
    for second in 0..3_600 {
        shop.pass_time_to(DUE_MS + DAY_MS + second * 1_000);
        shop.engine().tick().unwrap();
        let is_over = second >= (SAMPLES as i64 - 1) * 60;
        assert_eq!(shop.n_impressions(), usize::from(!is_over), "after {second} s");
    }
    assert_eq!(shop.ticks().len(), SAMPLES);
}

#[test]
fn the_thread_journals_the_tick_by_itself() {
    let shop = Shop::new();
    shop.pass_time_with_entries_to(DUE_MS - 1);
    shop.pass_time_to(DUE_MS);
    let started = Instant::now();
    while shop.n_impressions() > 0 {
        assert!(started.elapsed() < Duration::from_secs(20), "nothing has fired");
        std::thread::sleep(Duration::from_millis(5));
    }
    assert_eq!(shop.ticks(), [DUE_MS]);
}
