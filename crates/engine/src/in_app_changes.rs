//! Who waits for in-app messages.

use domain::UserIdx;
use state::IN_APP_SHARDS;
use tokio::sync::watch;

/// Tells who waits for in-app messages that there may be others now.
pub(crate) struct InAppChanges {
    /// By the index of the person modulo their number.
    shards: Vec<watch::Sender<u64>>,
    /// For visitors whom nobody knows yet.
    any: watch::Sender<u64>,
}

impl Default for InAppChanges {
    fn default() -> Self {
        let shards = (0..IN_APP_SHARDS).map(|_| watch::Sender::new(0)).collect();
        Self { shards, any: watch::Sender::new(0) }
    }
}

impl InAppChanges {
    /// Tells of changes, once they can be read.
    pub(crate) fn tell(&self, shards: &[usize]) {
        for shard in shards {
            self.shards[*shard].send_modify(|n| *n = n.wrapping_add(1));
        }
        if !shards.is_empty() {
            self.any.send_modify(|n| *n = n.wrapping_add(1));
        }
    }

    /// Tells of changes from now on: of a person, or of anybody where nobody knows the visitor.
    pub(crate) fn watch(&self, user: Option<UserIdx>) -> watch::Receiver<u64> {
        let shard = user.map(|user| &self.shards[user.0 as usize % IN_APP_SHARDS]);
        shard.unwrap_or(&self.any).subscribe()
    }
}
