//! Answers that are made and wait to be taken: how much memory they may have, in all and by caller.

use std::net::IpAddr;

use engine::{MemoryPart, Reservation};
use rustc_hash::FxHashMap;

use super::{Account, take_from};
use crate::error::ApiError;

/// Answers that take no more than so many bytes are never refused: the connections bound them.
pub(super) const SHORT_ANSWER_BYTES: usize = 64 * 1_024;
/// Answers that wait for callers with public tokens may take one of so many parts of the share of
/// all answers, ...
const PUBLIC_ANSWERS_ONE_OF: usize = 2;
/// ... and those that wait for one address one of so many.
const ADDRESS_ANSWERS_ONE_OF: usize = 16;

/// Bytes of answers that are made and not taken, of calls with public tokens.
#[derive(Default)]
pub(super) struct WaitingAnswers {
    of_public: usize,
    pub(super) by_address: FxHashMap<IpAddr, usize>,
}

/// Bytes of an answer that its caller has not taken.
pub(crate) struct HeldAnswer {
    account: Account,
    room: Reservation,
}

impl Account {
    /// Counts bytes of an answer that is made, until they are dropped.
    ///
    /// # Errors
    /// 429 where too much waits to be taken by callers such as this one, 503 where too much does in
    /// all.
    pub(crate) fn hold_answer(&self, n_bytes: usize) -> Result<HeldAnswer, ApiError> {
        let (memory, share) =
            (&self.admission.memory, self.admission.memory.share(MemoryPart::Answers));
        let mut waiting = self.admission.waiting_answers.lock();
        let of_address =
            self.address.and_then(|address| waiting.by_address.get(&address)).copied().unwrap_or(0);
        let bounds = [
            (memory.n_bytes(MemoryPart::Answers), share, ""),
            (waiting.of_public, share / PUBLIC_ANSWERS_ONE_OF, " for public tokens"),
            (of_address, share / ADDRESS_ANSWERS_ONE_OF, " for this address"),
        ];
        let bounds = match n_bytes {
            ..=SHORT_ANSWER_BYTES => &[],
            _ if self.is_public => &bounds[..],
            _ => &bounds[..1],
        };
        for &(before, max, whose) in bounds {
            if before + n_bytes > max {
                let refuse = if whose.is_empty() {
                    ApiError::unavailable
                } else {
                    ApiError::too_many_requests
                };
                return Err(refuse(format!(
                    "{before} bytes of answers{whose} wait to be read, with this one it would be over {max}: read faster, or ask for less"
                )));
            }
        }
        Ok(self.held(&mut waiting, n_bytes))
    }

    /// Counts bytes of the next part of an answer that is under way.
    pub(crate) fn count_answer(&self, n_bytes: usize) -> HeldAnswer {
        self.held(&mut self.admission.waiting_answers.lock(), n_bytes)
    }

    fn held(&self, waiting: &mut WaitingAnswers, n_bytes: usize) -> HeldAnswer {
        if self.is_public {
            waiting.of_public += n_bytes;
            if let Some(address) = self.address {
                *waiting.by_address.entry(address).or_default() += n_bytes;
            }
        }
        let room = self.admission.memory.hold(MemoryPart::Answers, n_bytes);
        HeldAnswer { account: self.clone(), room }
    }
}

impl Drop for HeldAnswer {
    fn drop(&mut self) {
        if !self.account.is_public {
            return;
        }
        let n_bytes = self.room.n_bytes();
        let mut waiting = self.account.admission.waiting_answers.lock();
        waiting.of_public -= n_bytes;
        if let Some(address) = self.account.address {
            take_from(&mut waiting.by_address, &address, n_bytes);
        }
    }
}
