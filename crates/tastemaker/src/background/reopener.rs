//! Opens workspaces again that are closed, or that take nothing any more, without a restart of the
//! server.

use std::collections::BTreeMap;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use domain::WorkspaceId;
use engine::{BackgroundWork, DiskRoom, Engine, Health, Next, Signals, WorkResult};
use web::{App, Workspaces};

use super::STOP_TIME_MAX;
use crate::opener::Opener;

/// The shortest time between two attempts to open a workspace again. It doubles with each attempt.
const REOPEN_INTERVAL_MIN: Duration = Duration::from_secs(1);
/// The longest time between two attempts; one that stays open for so long after an attempt begins
/// with the shortest again.
const REOPEN_INTERVAL_MAX: Duration = Duration::from_secs(60);
/// A workspace that takes nothing still answers queries: it is closed and opened again once its
/// file systems have so much room, in bytes.
const ROOM_BYTES_MIN: u64 = 16 * 1_024 * 1_024;

pub(super) struct Reopener {
    app: Arc<App>,
    opener: Arc<Opener>,
    attempts: Attempts,
}

impl Reopener {
    pub(super) fn new(app: Arc<App>, opener: Arc<Opener>) -> Self {
        Self { app, opener, attempts: Attempts::new() }
    }
}

impl BackgroundWork for Reopener {
    fn name(&self) -> &'static str {
        "reopener"
    }

    fn task(&self) -> &'static str {
        "Opens workspaces again that are closed"
    }

    fn stop_time_max(&self) -> Duration {
        STOP_TIME_MAX
    }

    fn step(&mut self, signals: &Signals) -> Next {
        reopen_each(self.app.workspaces(), &self.opener, &mut self.attempts, signals);
        Next::Rest(REOPEN_INTERVAL_MIN)
    }
}

/// The last attempts, by workspace.
type Attempts = BTreeMap<WorkspaceId, Attempt>;

struct Attempt {
    next: Instant,
    interval: Duration,
    /// The workspace as it was, which keeps its files until work under way has ended. No request
    /// holds it while it waits for its client.
    closing: Weak<Engine>,
}

fn reopen_each(
    workspaces: &Workspaces,
    opener: &Opener,
    attempts: &mut Attempts,
    signals: &Signals,
) {
    attempts.retain(|_, attempt| {
        attempt.closing.strong_count() > 0 || attempt.next.elapsed() < REOPEN_INTERVAL_MAX
    });
    for engine in workspaces.each_engine() {
        let Health::Broken(why) = engine.health() else { continue };
        if signals.is_stopping() || !is_due(attempts, engine.id()) || !has_room(&engine) {
            continue;
        }
        if engine.is_training() {
            // It answers queries until the step is over that the run is at.
            engine.cut_training_short();
            continue;
        }
        tracing::warn!(workspace = %engine.id(), why, "a workspace takes nothing any more and is opened again");
        let why = format!(
            "it took nothing any more and is being opened again, once work under way has ended: {why}"
        );
        workspaces.close(engine.id(), &why);
        engine.stop();
        let attempt = attempts.entry(engine.id().clone()).or_insert_with(Attempt::first);
        attempt.closing = Arc::downgrade(&engine);
    }
    for (id, _) in workspaces.closed() {
        if signals.is_stopping() || !is_due(attempts, &id) {
            continue;
        }
        let attempt = attempts.entry(id.clone()).or_insert_with(Attempt::first);
        if attempt.closing.strong_count() > 0 {
            continue;
        }
        signals.work_for(&id, || {
            let opened = opener.open_again(&id, workspaces);
            attempt.interval = (attempt.interval * 2).min(REOPEN_INTERVAL_MAX);
            attempt.next = Instant::now() + attempt.interval;
            let Err(error) = opened else {
                tracing::info!(workspace = %id, "a workspace is served again");
                return WorkResult::Succeeded;
            };
            let why = format!("{error:#}");
            let next_s = attempt.interval.as_secs();
            tracing::error!(workspace = %id, why, next_s, "a workspace is not served; it is tried again");
            workspaces.close(&id, &why);
            WorkResult::Failed(why)
        });
    }
}

impl Attempt {
    fn first() -> Self {
        Self { next: Instant::now(), interval: REOPEN_INTERVAL_MIN, closing: Weak::new() }
    }
}

fn is_due(attempts: &Attempts, id: &WorkspaceId) -> bool {
    attempts.get(id).is_none_or(|attempt| Instant::now() >= attempt.next)
}

/// Whether opening it again has a chance; where that cannot be found out, opening it will tell.
fn has_room(engine: &Engine) -> bool {
    engine
        .folders()
        .iter()
        .all(|folder| DiskRoom::of(folder).is_none_or(|room| room.free_bytes >= ROOM_BYTES_MIN))
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::sync::mpsc::channel;

    use arc_swap::ArcSwapOption;
    use domain::{Interaction, InteractionKind};
    use engine::{
        DataFolder, EngineError, EngineOptions, Entry, TrainingError, TrainingOptions, now,
    };
    use testkit::FaultyDisk;

    use super::*;

    #[test]
    fn a_training_run_is_cut_short_and_its_workspace_opened_again_without_waiting_for_the_rest_of_it()
     {
        let (folder, disk) = (tempfile::tempdir().unwrap(), FaultyDisk::default());
        let id = WorkspaceId::new("shop").unwrap();
        let place = folder.path().join("broken");
        let engine =
            Engine::open_on(id.clone(), &place, Arc::new(disk.clone()), &|_, _| {}).unwrap();
        let views = (0..600u32).map(|n| {
            Interaction::new(
                format!("u{}", n % 40),
                format!("i{}", n * n % 31),
                InteractionKind::DetailView,
            )
        });
        engine.import_interactions(views.collect()).unwrap();
        let engine = Arc::new(engine);
        let workspaces = Workspaces::new([Arc::clone(&engine)]);
        let opener = Opener {
            data: Arc::new(DataFolder::open(&folder.path().join("data")).unwrap()),
            options: EngineOptions::default(),
            bootstrap: ArcSwapOption::empty(),
        };
        let (at_step, steps) = channel();
        let (go_on, goes_on) = channel::<()>();
        let (at_step, goes_on) = (Mutex::new(at_step), Mutex::new(goes_on));
        let training_engine = Arc::clone(&engine);
        let run = std::thread::spawn(move || {
            training_engine.train(TrainingOptions::default(), &|_| {
                at_step.lock().unwrap().send(()).unwrap();
                goes_on.lock().unwrap().recv().ok();
            })
        });
        steps.recv().unwrap();
        disk.set_fails_sync(true);
        engine.submit_blocking(vec![Entry::Reset { received_at: now() }]).unwrap_err();
        disk.set_fails_sync(false);
        drop(engine);

        let (mut attempts, signals) = (Attempts::new(), Signals::new("test", "Tests"));
        let mut reopen = || reopen_each(&workspaces, &opener, &mut attempts, &signals);
        reopen();
        assert_eq!(workspaces.engines().len(), 1, "it answers queries until the step is over");
        drop(go_on);
        let cut = run.join().unwrap();
        assert!(matches!(cut, Err(EngineError::Training(TrainingError::Cancelled(_)))), "{cut:?}");
        assert_eq!(steps.iter().count(), 0, "no step more");
        reopen();
        assert_eq!(workspaces.engines()[0].health(), Health::Ready);
    }
}
