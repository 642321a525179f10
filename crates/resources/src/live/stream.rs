//! Entries as they come, until the caller leaves. Between two reads of the journal nothing is held
//! that the workspace needs to be closed.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use engine::Engine;
use futures_util::{Stream, stream};
use tokio::sync::watch;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval, sleep_until};
use web::App;
use web::access::Caller;
use web::error::ApiError;
use web::streams::{STREAM_TIME_MAX, StreamPermit};
use web::workspaces::{RequestedWorkspace, WorkspaceHandle};

use super::{Filter, LiveEntry};

/// The shortest time between two reads of the journal for a stream: so its reader sees at most
/// [`engine::NEW_ENTRIES_MAX`] entries five times a second, and misses the others.
const READ_INTERVAL: Duration = Duration::from_millis(200);

/// What a stream tells.
#[derive(Debug, Clone)]
pub enum Update {
    /// An entry.
    Entry {
        /// The entry.
        entry: Box<LiveEntry>,
        /// The parameter `after` of a stream that goes on behind it.
        after: u64,
    },
    /// There was too much to show: so many entries of the journal were passed over.
    Missed {
        /// Their number, of all kinds and whether or not they pass the filter.
        entries: u64,
        /// The parameter `after` of a stream that goes on behind them.
        after: u64,
    },
}

struct Follower {
    app: Arc<App>,
    workspace: WorkspaceHandle,
    filter: Filter,
    per_read_max: usize,
    applied: watch::Receiver<u64>,
    after: u64,
    pace: Interval,
    ends_at: Instant,
    waiting: VecDeque<Update>,
    _permit: StreamPermit,
}

/// Follows the entries of a workspace from `after` on, or from now on. Of the entries of one read,
/// only the last `per_read_max` are told, and the others count as missed. The stream ends when the
/// server stops, when the workspace is closed and after [`STREAM_TIME_MAX`].
///
/// # Errors
/// 429 where the caller has too many streams, 503 where the workspace is closed.
pub async fn follow(
    app: &Arc<App>,
    caller: &Caller,
    workspace: &RequestedWorkspace,
    filter: Filter,
    after: Option<u64>,
    per_read_max: usize,
) -> Result<impl Stream<Item = Update> + Send + use<>, ApiError> {
    let permit = app.streams.open(&caller.actor)?;
    let applied = workspace.run(|engine| Ok(engine.watch_applied())).await?;
    let now = *applied.borrow();
    let mut pace = interval(READ_INTERVAL);
    pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let follower = Follower {
        app: Arc::clone(app),
        workspace: workspace.handle().clone(),
        filter,
        per_read_max,
        applied,
        // A reset of the data folder may have made the journal shorter.
        after: after.unwrap_or(now).min(now),
        pace,
        ends_at: Instant::now() + STREAM_TIME_MAX,
        waiting: VecDeque::new(),
        _permit: permit,
    };
    Ok(stream::unfold(follower, |mut follower| async move {
        let update = follower.next().await?;
        Some((update, follower))
    }))
}

impl Follower {
    async fn next(&mut self) -> Option<Update> {
        loop {
            if let Some(update) = self.waiting.pop_front() {
                return Some(update);
            }
            let after = self.after;
            tokio::select! {
                () = self.app.stopped() => return None,
                () = sleep_until(self.ends_at) => return None,
                more = self.applied.wait_for(|applied| *applied > after) => { more.ok()?; }
            }
            self.pace.tick().await;
            self.read().await.ok()?;
        }
    }

    async fn read(&mut self) -> Result<(), ApiError> {
        let (filter, after, per_read_max) = (self.filter.clone(), self.after, self.per_read_max);
        let read = move |engine: &Engine| {
            let mappings = engine.mappings();
            let pick =
                |applied| LiveEntry::new(applied, &mappings).filter(|entry| filter.takes(entry));
            let mut new = engine.entries_since(after, &pick)?;
            let n_surplus = new.found.len().saturating_sub(per_read_max);
            let views = engine.snapshot();
            new.found[n_surplus..].iter_mut().for_each(|entry| entry.look_up(&views));
            drop(views);
            Ok::<_, ApiError>((new, n_surplus))
        };
        let read = self.workspace.run_with((), move |workspace| read(&*workspace.engine()?));
        let (new, n_surplus) = read.await?;
        self.after = new.from;
        let entries = new.n_missed + n_surplus as u64;
        if entries > 0 {
            let next = new.found.get(n_surplus).map_or(new.from, |entry| entry.offset);
            self.waiting.push_back(Update::Missed { entries, after: next });
        }
        self.waiting.extend(new.found.into_iter().skip(n_surplus).map(|entry| {
            let after = entry.offset + 1;
            Update::Entry { entry: Box::new(entry), after }
        }));
        Ok(())
    }
}
