//! The account that the work for a request is charged to, and the turns to compute that it takes.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::Admission;
use super::rates::Rates;
use crate::error::ApiError;

/// The account that the work for a request is charged to.
#[derive(Clone)]
pub(crate) struct Account {
    pub(super) admission: Arc<Admission>,
    pub(super) is_public: bool,
    /// The address of a caller with a public token; none without a network.
    pub(super) address: Option<IpAddr>,
}

impl Account {
    fn paying_address(&self) -> Option<IpAddr> {
        self.address.filter(|_| self.is_public)
    }

    /// Waits for a turn to compute a list.
    ///
    /// # Errors
    /// 429 where the address has had more computing lately than it may.
    pub(crate) async fn take_turn(&self) -> Result<Turn, ApiError> {
        let mut public_turn = None;
        if self.is_public {
            self.check_computing()?;
            public_turn = Some(acquire_turn(&self.admission.public_turns).await?);
            // Other requests of the address have used their turns meanwhile.
            self.check_computing()?;
        }
        let turn = acquire_turn(&self.admission.turns).await?;
        Ok(Turn {
            account: self.clone(),
            began: Instant::now(),
            _turn: turn,
            _public_turn: public_turn,
        })
    }

    /// Waits for a turn to answer a query whose answer may be long.
    ///
    /// # Errors
    /// 503 where the server is stopping.
    pub(crate) async fn take_question_turn(&self) -> Result<OwnedSemaphorePermit, ApiError> {
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
pub(crate) struct Turn {
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
