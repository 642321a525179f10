//! The parts of an open workspace that its threads and the queries share.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use arc_swap::ArcSwap;
use domain::WorkspaceConfig;
use journal::Journal;
use mapping::Mappings;
use parking_lot::RwLock;
use serving::LiveState;
use state::{Suppressed, Views};
use store::Store;

use crate::Clock;
use crate::due_people::DueQueue;
use crate::in_app_changes::InAppChanges;
use crate::message_rates::RateCounter;
use crate::outcomes::Outcomes;
use crate::run_delay::RunDelay;
use crate::source_rates::SourceRates;

/// Whether the engine can take entries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Health {
    /// It takes entries.
    Ready,
    /// The last append failed; the next may succeed.
    Failing(String),
    /// It takes entries only after the workspace is opened again.
    Broken(String),
}

/// The state that the threads and the queries share.
pub(crate) struct Shared {
    pub(crate) journal: Arc<dyn Journal>,
    pub(crate) live: LiveState,
    pub(crate) clock: Arc<dyn Clock>,
    /// The configuration of the views, readable without their lock.
    pub(crate) config: ArcSwap<WorkspaceConfig>,
    /// The mappings in force, readable without the lock of the views.
    pub(crate) mappings: ArcSwap<Mappings>,
    /// Who is suppressed, readable without the lock of the views.
    pub(crate) suppressed: ArcSwap<Suppressed>,
    /// Entries of suppressed people that were refused.
    pub(crate) n_refused: AtomicU64,
    health: RwLock<Health>,
    /// The bytes of entries that wait for the journal.
    pub(crate) queued_bytes: AtomicUsize,
    pub(crate) outcomes: Outcomes,
    pub(crate) run_delay: RunDelay,
    /// What became of the messages of the last hour.
    pub(crate) rates: RateCounter,
    pub(crate) source_rates: SourceRates,
    /// People whose values may have to be sent.
    pub(crate) due: DueQueue,
    /// Who waits for in-app messages.
    pub(crate) in_app: InAppChanges,
}

impl Shared {
    pub(crate) fn new(
        journal: Arc<dyn Journal>,
        store: Store,
        views: Views,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self {
            rates: RateCounter::new(clock.now()),
            source_rates: SourceRates::default(),
            due: DueQueue::default(),
            in_app: InAppChanges::default(),
            journal,
            clock,
            config: ArcSwap::new(Arc::clone(&views.setup.config)),
            mappings: ArcSwap::new(Arc::clone(&views.setup.mappings)),
            suppressed: ArcSwap::new(Arc::clone(&views.regulations.suppressed)),
            n_refused: AtomicU64::new(0),
            outcomes: Outcomes::new(views.applied),
            run_delay: RunDelay::new(),
            live: LiveState::new(store, views),
            health: RwLock::new(Health::Ready),
            queued_bytes: AtomicUsize::new(0),
        }
    }

    pub(crate) fn health(&self) -> Health {
        self.health.read().clone()
    }

    pub(crate) fn queued_bytes(&self) -> usize {
        self.queued_bytes.load(Ordering::Relaxed)
    }

    /// Sets the health, unless it is [`Health::Broken`], which lasts.
    pub(crate) fn set_health(&self, health: Health) {
        let mut current = self.health.write();
        if !matches!(*current, Health::Broken(_)) && *current != health {
            match &health {
                Health::Ready => tracing::info!("the journal takes entries again"),
                Health::Failing(why) | Health::Broken(why) => {
                    tracing::error!(why, "the journal takes no entries")
                }
            }
            *current = health;
        }
    }
}
