//! The background threads of the server, for those who look at how they are doing.

use std::sync::Arc;

use engine::{BackgroundThread, ThreadStatus, WorkLog};
use parking_lot::Mutex;

/// The records of the threads that work for all workspaces. Those of one workspace alone are its
/// engine's.
#[derive(Default)]
pub struct BackgroundLogs(Mutex<Vec<Arc<WorkLog>>>);

impl BackgroundLogs {
    /// Shows these threads from now on, and no others.
    pub fn watch(&self, threads: &[BackgroundThread]) {
        *self.0.lock() = threads.iter().map(|thread| Arc::clone(thread.log())).collect();
    }

    /// How each thread is doing, in the order in which they were started.
    pub fn statuses(&self) -> Vec<ThreadStatus> {
        self.0.lock().iter().map(|log| log.status()).collect()
    }
}
