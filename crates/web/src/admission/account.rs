//! The account that the work for a request is charged to, and the turns to compute that it takes.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::Admission;
use super::rates::Rates;
use crate::error::ApiError;

/// The account that the work for a request is charged to.
#[derive(Clone)]
pub struct Account {
    pub(super) admission: Arc<Admission>,
    pub(super) is_public: bool,
    /// The address of a caller with a public token; none without a network.
    pub(super) address: Option<IpAddr>,
}

impl Account {
    fn paying_address(&self) -> Option<IpAddr> {
        self.address.filter(|_| self.is_public)
    }

    /// Makes a list on a thread for lists, when its turn comes. It is made to its end, also where
    /// the caller leaves.
    ///
    /// # Errors
    /// 429 where the address has had more computing lately than it may, 500 if the work panics.
    pub async fn make_list<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, ApiError> {
        let public_turn = self.take_public_turn().await?;
        let (account, runtime) = (self.clone(), Handle::current());
        let in_turn = move || {
            // There are as many turns as threads: only batches, which compute elsewhere, can have
            // taken this one.
            let turns = &account.admission.turns;
            let turn = match Arc::clone(turns).try_acquire_owned() {
                Ok(turn) => turn,
                Err(_) => runtime.block_on(acquire_turn(turns))?,
            };
            let _until_it_has_ended = account.begin_turn(turn, public_turn);
            Ok(work())
        };
        self.admission.list_threads.run(in_turn).await?
    }

    /// Waits for a turn to compute a list on the caller's own thread.
    ///
    /// # Errors
    /// 429 where the address has had more computing lately than it may.
    pub async fn take_turn(&self) -> Result<Turn, ApiError> {
        let public_turn = self.take_public_turn().await?;
        Ok(self.begin_turn(acquire_turn(&self.admission.turns).await?, public_turn))
    }

    /// The turn of a caller with a public token; none for others.
    async fn take_public_turn(&self) -> Result<Option<OwnedSemaphorePermit>, ApiError> {
        if !self.is_public {
            return Ok(None);
        }
        self.check_computing()?;
        let turn = acquire_turn(&self.admission.public_turns).await?;
        // Other requests of the address have used their turns meanwhile.
        self.check_computing()?;
        Ok(Some(turn))
    }

    fn begin_turn(
        &self,
        turn: OwnedSemaphorePermit,
        public_turn: Option<OwnedSemaphorePermit>,
    ) -> Turn {
        let account = self.clone();
        Turn { account, began: Instant::now(), _turn: turn, _public_turn: public_turn }
    }

    /// Waits for a turn to answer a query whose answer may be long.
    ///
    /// # Errors
    /// 503 where the server is stopping.
    pub async fn take_question_turn(&self) -> Result<OwnedSemaphorePermit, ApiError> {
        acquire_turn(&self.admission.question_turns).await
    }

    fn check_computing(&self) -> Result<(), ApiError> {
        let Rates { per_s, burst, .. } = &self.admission.computing;
        match self.paying_address() {
            Some(address)
                if self.admission.computing.with_balance(address, |left| *left <= 0.0) =>
            {
                Err(ApiError::too_many_requests(format!(
                    "an address may ask for {per_s} ms of computing a second with a public token, {burst} at once after a pause: send \
                     fewer calls or simpler expressions, or send them from your server with the private token"
                )))
            }
            _ => Ok(()),
        }
    }
}

/// A turn to compute a list, which ends when this is dropped. The time of a browser's turn is
/// charged to its address.
pub struct Turn {
    account: Account,
    began: Instant,
    _turn: OwnedSemaphorePermit,
    _public_turn: Option<OwnedSemaphorePermit>,
}

impl Drop for Turn {
    fn drop(&mut self) {
        if let Some(address) = self.account.paying_address() {
            let took_ms = self.began.elapsed().as_secs_f64() * 1_000.0;
            self.account.admission.computing.with_balance(address, |left| *left -= took_ms);
        }
    }
}

async fn acquire_turn(turns: &Arc<Semaphore>) -> Result<OwnedSemaphorePermit, ApiError> {
    let turn = Arc::clone(turns).acquire_owned().await;
    turn.map_err(|_| ApiError::unavailable("the server is stopping"))
}
