use std::ops::Deref;
use std::time::Instant;

use parking_lot::{RwLock, RwLockReadGuard, RwLockWriteGuard};
use state::Views;
use store::Store;

/// Number of users in one step of a pass over many users.
pub const USERS_PER_STEP: usize = 4_096;

/// The state of a workspace at work: the store, and the views that one writer changes and many
/// read.
pub struct LiveState {
    store: Store,
    views: RwLock<Views>,
}

impl LiveState {
    /// The state that a store and its views make.
    pub fn new(store: Store, views: Views) -> Self {
        Self { store, views: RwLock::new(views) }
    }

    /// The state as it is now, held until the snapshot is dropped: the fold waits for that.
    pub fn snapshot(&self) -> Snapshot<'_> {
        Snapshot { views: self.views.read(), store: &self.store, since: Instant::now() }
    }

    /// The views, for the fold to change.
    pub fn write(&self) -> RwLockWriteGuard<'_, Views> {
        self.views.write()
    }

    /// The store.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Drops the views and returns the store.
    pub fn into_store(self) -> Store {
        self.store
    }
}

/// One moment of the state. It owns the lock of the views; for how long is in `views_held_seconds`.
pub struct Snapshot<'a> {
    views: RwLockReadGuard<'a, Views>,
    store: &'a Store,
    since: Instant,
}

impl<'a> Snapshot<'a> {
    /// The store, which may be behind the views by the batch under way.
    pub fn store(&self) -> &'a Store {
        self.store
    }
}

impl Deref for Snapshot<'_> {
    type Target = Views;

    fn deref(&self) -> &Views {
        &self.views
    }
}

impl Drop for Snapshot<'_> {
    fn drop(&mut self) {
        metrics::histogram!("views_held_seconds").record(self.since.elapsed().as_secs_f64());
    }
}
