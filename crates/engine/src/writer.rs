//! The way of entries into the journal and the state: one thread appends, one follows the journal
//! (`follow.rs`), and callers wait for the outcome.
//!
//! All entries that arrive while a batch is being written make the next batch, with one fsync. The
//! fold applies one batch while the next is being written. A caller gets its outcomes once its
//! entries are durable and visible.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use journal::{AppendError, BATCH_BYTES_MAX, RECORD_BYTES_MAX};
use parking_lot::Mutex;
use state::PreparedEntry;
use tokio::sync::oneshot;

use crate::error::describe_error;
use crate::follow::follow;
use crate::inbox::Inbox;
use crate::shared::{Health, Shared};
use crate::submission::{DurableBatch, QUEUE_BYTES_MAX, Submission, SubmitError};
use crate::{Entry, Outcome};

/// The most entries of one batch. Larger ones would save fsyncs, but then all callers wait together
/// while the fold works and the fold waits while they answer and send again; several batches in a
/// second keep both cores busy.
const BATCH_ENTRIES_MAX: usize = 300;
/// The most bytes of one batch before compression: far below the journal's limit, since small
/// batches make callers wait less.
const BATCH_BYTES: usize = BATCH_BYTES_MAX / 4;
/// The most bytes that one caller may submit at once, so that they fit the journal's limit together
/// with a batch that is nearly full.
const SUBMISSION_BYTES_MAX: usize = BATCH_BYTES_MAX - BATCH_BYTES;
/// The interval at which a full disk is tried again while no entries arrive.
const RETRY_INTERVAL: Duration = Duration::from_secs(1);

/// The threads of one engine.
pub(crate) struct Writer {
    queue: Mutex<Option<Sender<Submission>>>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

impl Writer {
    pub(crate) fn start(shared: &Arc<Shared>, store_folder: &Path) -> Self {
        let (queue, submissions) = channel();
        let inbox = Arc::new(Inbox::default());
        let weak_inbox = Arc::downgrade(&inbox);
        shared.journal.watch(Box::new(move |end| {
            if let Some(inbox) = weak_inbox.upgrade() {
                inbox.note_end(end.0);
            }
        }));
        // Entries that arrived since the replay.
        inbox.note_end(shared.journal.end().0);
        let spawn = |name: &str, run: Box<dyn FnOnce() + Send>| {
            std::thread::Builder::new()
                .name(name.to_owned())
                .spawn(run)
                .expect("threads can be started")
        };
        let (for_append, for_fold) = (Arc::clone(shared), Arc::clone(shared));
        let (appended, store_folder) = (Arc::clone(&inbox), store_folder.to_owned());
        let threads = vec![
            spawn(
                "journal",
                Box::new(move || {
                    run_guarded(&for_append, || {
                        append_batches(&for_append, &submissions, &appended)
                    });
                    appended.close();
                }),
            ),
            spawn(
                "fold",
                Box::new(move || {
                    run_guarded(&for_fold, || follow(&for_fold, &store_folder, &inbox));
                    inbox.end_fold();
                }),
            ),
        ];
        Self { queue: Mutex::new(Some(queue)), threads: Mutex::new(threads) }
    }

    /// Submits entries. The receiver gets one outcome for each entry.
    pub(crate) fn submit(
        &self,
        shared: &Shared,
        entries: Vec<PreparedEntry>,
    ) -> Result<oneshot::Receiver<Result<Vec<Outcome>, SubmitError>>, SubmitError> {
        if let Health::Broken(why) = shared.health() {
            return Err(SubmitError::Journal(why));
        }
        let records: Vec<Vec<u8>> =
            entries.iter().map(|prepared| prepared.entry().encode()).collect();
        let bytes = records.iter().map(|record| record.len() + 4).sum();
        if bytes > SUBMISSION_BYTES_MAX {
            return Err(SubmitError::TooLarge(format!(
                "{bytes} bytes at once, the limit is {SUBMISSION_BYTES_MAX}"
            )));
        }
        if let Some(record) = records.iter().find(|record| record.len() > RECORD_BYTES_MAX) {
            let what =
                format!("an entry of {} bytes, the limit is {RECORD_BYTES_MAX}", record.len());
            return Err(SubmitError::TooLarge(what));
        }
        let queued_bytes = shared.queued_bytes.fetch_add(bytes, Ordering::Relaxed);
        if queued_bytes + bytes > QUEUE_BYTES_MAX {
            shared.queued_bytes.fetch_sub(bytes, Ordering::Relaxed);
            return Err(SubmitError::QueueFull { queued_bytes });
        }
        let (reply, outcome) = oneshot::channel();
        let queue = self.queue.lock().clone();
        let sent = queue.map(|queue| queue.send(Submission { entries, records, bytes, reply }));
        match sent {
            Some(Ok(())) => Ok(outcome),
            None | Some(Err(_)) => {
                shared.queued_bytes.fetch_sub(bytes, Ordering::Relaxed);
                Err(SubmitError::Stopping)
            }
        }
    }

    /// Takes no further entries, journals and applies those that wait, and returns when both
    /// threads have ended.
    pub(crate) fn stop(&self) {
        drop(self.queue.lock().take());
        for thread in self.threads.lock().drain(..) {
            if thread.join().is_err() {
                tracing::error!("a thread of the engine panicked");
            }
        }
    }
}

/// Runs the work of a thread. A panic is a defect, and sets the health to [`Health::Broken`].
fn run_guarded(shared: &Shared, run: impl FnOnce()) {
    if std::panic::catch_unwind(std::panic::AssertUnwindSafe(run)).is_err() {
        shared.set_health(Health::Broken(
            "a thread of the engine panicked: its log says where".to_owned(),
        ));
    }
}

fn append_batches(shared: &Shared, submissions: &Receiver<Submission>, inbox: &Inbox) {
    loop {
        let first = match submissions.recv_timeout(RETRY_INTERVAL) {
            Ok(first) => first,
            Err(RecvTimeoutError::Timeout) => {
                if matches!(shared.health(), Health::Failing(_)) && !resume(shared, inbox) {
                    return;
                }
                continue;
            }
            Err(RecvTimeoutError::Disconnected) => return,
        };
        let (mut n_entries, mut bytes) = (first.entries.len(), first.bytes);
        let mut batch = vec![first];
        while n_entries < BATCH_ENTRIES_MAX && bytes < BATCH_BYTES {
            let Ok(next) = submissions.try_recv() else { break };
            n_entries += next.entries.len();
            bytes += next.bytes;
            batch.push(next);
        }
        shared.queued_bytes.fetch_sub(bytes, Ordering::Relaxed);
        if !append(shared, batch, inbox) {
            return;
        }
    }
}

/// Tries to append an entry, to find out whether the disk is writable again.
fn resume(shared: &Shared, inbox: &Inbox) -> bool {
    let entry = Entry::Resumed { received_at: shared.clock.now() };
    let records = vec![entry.encode()];
    let (reply, _) = oneshot::channel();
    append(
        shared,
        vec![Submission {
            entries: vec![PreparedEntry::unmapped(entry)],
            records,
            bytes: 0,
            reply,
        }],
        inbox,
    )
}

/// Appends one batch and passes it to the fold. Returns false if the fold has ended.
fn append(shared: &Shared, batch: Vec<Submission>, inbox: &Inbox) -> bool {
    let records: Vec<&[u8]> =
        batch.iter().flat_map(|submission| &submission.records).map(Vec::as_slice).collect();
    let started = Instant::now();
    inbox.begin_append(shared.journal.end().0);
    match shared.journal.append(&records) {
        Ok(first_offset) => {
            metrics::histogram!("journal_append_seconds").record(started.elapsed().as_secs_f64());
            metrics::counter!("journal_records_total").increment(records.len() as u64);
            shared.set_health(Health::Ready);
            inbox
                .end_append(Some(DurableBatch { first_offset: first_offset.0, submissions: batch }))
        }
        Err(error) => {
            metrics::counter!("journal_append_failures_total").increment(1);
            let why = describe_error(&error);
            shared.set_health(match error {
                AppendError::Poisoned { .. } => Health::Broken(why.clone()),
                _ => Health::Failing(why.clone()),
            });
            for submission in batch {
                submission.reply.send(Err(SubmitError::Journal(why.clone()))).ok();
            }
            inbox.end_append(None)
        }
    }
}
