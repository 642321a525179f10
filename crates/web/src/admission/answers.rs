//! Answers that wait for their callers to read them: how much memory they may take, in all and by
//! caller.

use std::net::IpAddr;

use engine::{MemoryPart, Reservation};
use rustc_hash::FxHashMap;

use super::{Account, subtract};
use crate::error::ApiError;

/// Answers of at most so many bytes are never refused: the number of connections bounds them.
pub(super) const SHORT_ANSWER_BYTES: usize = 64 * 1_024;
/// Answers to callers with public tokens may take one of so many parts of the memory of all
/// answers.
const PUBLIC_ANSWERS_ONE_OF: usize = 2;
/// Answers to one address with public tokens may take one of so many parts of it.
const ADDRESS_ANSWERS_ONE_OF: usize = 16;

/// Bytes of unread answers to calls with public tokens.
#[derive(Default)]
pub(super) struct WaitingAnswers {
    public_bytes: usize,
    pub(super) by_address: FxHashMap<IpAddr, usize>,
}

/// The memory of an answer that its caller has not read yet; freed when this is dropped.
pub struct HeldAnswer {
    account: Account,
    room: Reservation,
}

impl Account {
    /// Counts the bytes of a whole answer until the result is dropped.
    ///
    /// # Errors
    /// 429 where too many bytes wait for callers such as this one, 503 where too many wait in all.
    pub fn hold_answer(&self, n_bytes: usize) -> Result<HeldAnswer, ApiError> {
        let (memory, share) =
            (&self.admission.memory, self.admission.memory.share(MemoryPart::Answers));
        let mut waiting = self.admission.waiting_answers.lock();
        let address_bytes =
            self.address.and_then(|address| waiting.by_address.get(&address)).copied().unwrap_or(0);
        let bounds = [
            (memory.n_bytes(MemoryPart::Answers), share, ""),
            (waiting.public_bytes, share / PUBLIC_ANSWERS_ONE_OF, " for public tokens"),
            (address_bytes, share / ADDRESS_ANSWERS_ONE_OF, " for this address"),
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
        Ok(self.hold(&mut waiting, n_bytes))
    }

    /// Counts bytes of the next part of an answer that is under way.
    pub fn count_answer(&self, n_bytes: usize) -> HeldAnswer {
        self.hold(&mut self.admission.waiting_answers.lock(), n_bytes)
    }

    fn hold(&self, waiting: &mut WaitingAnswers, n_bytes: usize) -> HeldAnswer {
        if self.is_public {
            waiting.public_bytes += n_bytes;
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
        waiting.public_bytes -= n_bytes;
        if let Some(address) = self.account.address {
            subtract(&mut waiting.by_address, &address, n_bytes);
        }
    }
}
