//! The threads that make lists. A list takes a fraction of a millisecond, so what it costs to hand
//! it to another thread counts: these threads take the next list from a queue as soon as they have
//! made one, without being woken.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crossbeam_channel::{Sender, unbounded};
use tokio::sync::oneshot;

use crate::error::ApiError;

type Job = Box<dyn FnOnce() + Send>;

/// Threads that make lists, in the order in which they are requested. They end with this.
pub(super) struct ListThreads {
    /// As many jobs as requests are admitted may wait.
    jobs: Sender<Job>,
}

impl ListThreads {
    pub(super) fn start(n_threads: usize) -> Self {
        let (jobs, waiting) = unbounded::<Job>();
        for n in 0..n_threads {
            let waiting = waiting.clone();
            let work = move || {
                for job in waiting {
                    // The caller gets an error, since the job drops its reply.
                    let _ = catch_unwind(AssertUnwindSafe(job));
                }
            };
            let thread = std::thread::Builder::new().name(format!("lists-{n}"));
            thread.spawn(work).expect("the system has threads when the server starts");
        }
        Self { jobs }
    }

    /// Does a piece of work on one of the threads. It is done to its end, also where nobody waits
    /// for it any more.
    ///
    /// # Errors
    /// 500 if the work panics.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, ApiError> {
        let (reply, result) = oneshot::channel();
        let job = Box::new(move || {
            // Whoever asked may have left.
            let _ = reply.send(work());
        });
        self.jobs.send(job).expect("the threads live as long as this");
        result.await.map_err(|_| {
            // Within the span of the request, which the panic's own message lacks.
            tracing::error!("a list ended in a panic");
            ApiError::internal()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_is_an_error_of_its_caller_alone() {
        let threads = ListThreads::start(1);
        let panicked = threads.run(|| panic!("a defect")).await;
        let panicked: Result<(), ApiError> = panicked;
        assert_eq!(panicked.map_err(|error| error.kind.status().as_u16()), Err(500));
        assert_eq!(threads.run(|| 7).await.map_err(|error| error.message), Ok(7));
    }
}
