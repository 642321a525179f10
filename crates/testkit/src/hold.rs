//! Calls that wait for as long as a test wants.

use std::sync::Arc;

use parking_lot::{Condvar, Mutex};

/// Where calls pass, or wait.
#[derive(Default)]
pub(crate) struct Hold {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    is_held: bool,
    n_waiting: usize,
}

impl Hold {
    /// Returns at once, or when what holds it is dropped.
    pub(crate) fn pass(&self) {
        let mut state = self.state.lock();
        state.n_waiting += 1;
        self.changed.notify_all();
        self.changed.wait_while(&mut state, |state| state.is_held);
        state.n_waiting -= 1;
    }
}

/// Holds the syncs of a disk until it is dropped.
pub struct HeldSyncs(Arc<Hold>);

impl HeldSyncs {
    pub(crate) fn of(hold: &Arc<Hold>) -> Self {
        hold.state.lock().is_held = true;
        Self(Arc::clone(hold))
    }

    /// Returns once a sync waits.
    pub fn wait(&self) {
        let mut state = self.0.state.lock();
        self.0.changed.wait_while(&mut state, |state| state.n_waiting == 0);
    }
}

impl Drop for HeldSyncs {
    fn drop(&mut self) {
        self.0.state.lock().is_held = false;
        self.0.changed.notify_all();
    }
}
