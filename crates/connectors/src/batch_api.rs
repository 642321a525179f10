//! Destinations by HTTP that take several deliveries in a request.

use std::sync::Arc;

use activation::Failure;

use crate::kind::{
    Batching, DescribedRequest, Made, Prepared, RequestError, SendFuture, Sender, for_all,
};
use crate::outgoing::{HttpRequest, HttpResponse, SharedOutgoing, check_status};

/// What differs from one such destination to the next. All of it is pure.
pub(crate) trait BatchApi: Send + Sync + 'static {
    /// As [`Sender::batching`].
    fn batching(&self) -> Batching;

    /// As [`Sender::prepare`].
    ///
    /// # Errors
    /// If nothing can be sent of the fields.
    fn prepare(&self, made: Made<'_>) -> Result<Prepared, RequestError>;

    /// The number of deliveries, from the first on, that one request takes: less than all where
    /// another limit than that of [`Batching`] is reached.
    fn n_of_request(&self, batch: &[Arc<Prepared>]) -> usize {
        batch.len()
    }

    /// The request for deliveries of one group, with credentials.
    fn request(&self, batch: &[Arc<Prepared>]) -> HttpRequest;

    /// The outcome of each delivery, by an answer of any status. Without reading more: all share
    /// that of the request.
    fn read_answer(
        &self,
        response: &HttpResponse,
        batch: &[Arc<Prepared>],
    ) -> Vec<Result<(), Failure>> {
        for_all(batch.len(), check_status(response))
    }

    /// A request that sends no message and fails without valid credentials.
    fn check_request(&self) -> HttpRequest;

    /// What the answer to [`BatchApi::check_request`] says.
    ///
    /// # Errors
    /// If the credentials or the settings are not taken.
    fn read_check(&self, response: &HttpResponse) -> Result<(), Failure> {
        check_status(response)
    }

    /// The requests that delete users, each with the number of ids that it takes; none where there
    /// is no such request. Ids that no request takes fail.
    fn deletions(&self, user_ids: &[String]) -> Option<Vec<Deletion>> {
        let _ = user_ids;
        None
    }
}

/// The deletion of some users, in the order in which they were given.
pub(crate) enum Deletion {
    /// A request for a number of users. 404 says that they are gone already.
    Request { request: HttpRequest, n_users: usize },
    /// One user cannot be named in a request.
    Impossible(Failure),
}

/// Sends to one of them.
pub(crate) struct BatchSender<A> {
    pub(crate) outgoing: SharedOutgoing,
    pub(crate) api: A,
}

impl<A: BatchApi> BatchSender<A> {
    pub(crate) fn shared(outgoing: &SharedOutgoing, api: A) -> Arc<dyn Sender> {
        Arc::new(Self { outgoing: Arc::clone(outgoing), api })
    }

    /// The deliveries of each request.
    fn split<'b>(&self, mut batch: &'b [Arc<Prepared>]) -> Vec<&'b [Arc<Prepared>]> {
        let mut parts = Vec::new();
        while !batch.is_empty() {
            let (part, rest) = batch.split_at(self.api.n_of_request(batch).clamp(1, batch.len()));
            parts.push(part);
            batch = rest;
        }
        parts
    }

    async fn delete(&self, deletion: Deletion) -> Vec<Result<(), Failure>> {
        match deletion {
            Deletion::Impossible(failure) => vec![Err(failure)],
            Deletion::Request { request, n_users } => {
                let outcome = match self.outgoing.request(request).await {
                    Ok(response) if response.status.as_u16() == 404 => Ok(()),
                    Ok(response) => check_status(&response),
                    Err(failure) => Err(failure),
                };
                for_all(n_users, outcome)
            }
        }
    }
}

impl<A: BatchApi> Sender for BatchSender<A> {
    fn batching(&self) -> Batching {
        self.api.batching()
    }

    fn prepare(&self, made: Made<'_>) -> Result<Prepared, RequestError> {
        self.api.prepare(made)
    }

    fn describe(&self, batch: &[Arc<Prepared>]) -> Vec<DescribedRequest> {
        self.split(batch).into_iter().map(|part| self.api.request(part).describe()).collect()
    }

    fn send(self: Arc<Self>, batch: Vec<Arc<Prepared>>) -> SendFuture<Vec<Result<(), Failure>>> {
        Box::pin(async move {
            let mut outcomes = Vec::with_capacity(batch.len());
            for part in self.split(&batch) {
                outcomes.extend(match self.outgoing.request(self.api.request(part)).await {
                    Ok(response) => self.api.read_answer(&response, part),
                    Err(failure) => for_all(part.len(), Err(failure)),
                });
            }
            outcomes
        })
    }

    fn check(self: Arc<Self>) -> SendFuture<Result<(), Failure>> {
        Box::pin(async move {
            let response = self.outgoing.request(self.api.check_request()).await?;
            self.api.read_check(&response)
        })
    }

    fn forget(
        self: Arc<Self>,
        user_ids: Vec<String>,
    ) -> Option<SendFuture<Vec<Result<(), Failure>>>> {
        let deletions = self.api.deletions(&user_ids)?;
        Some(Box::pin(async move {
            let mut outcomes = Vec::with_capacity(user_ids.len());
            for deletion in deletions {
                outcomes.extend(self.delete(deletion).await);
            }
            outcomes
        }))
    }
}
