//! The members of an audience as bits, one for each person by index.

use domain::UserIdx;
use serving::{LiveState, QueryError};

/// How many members are read in one go.
const MEMBERS_PER_STEP: usize = 4_096;

/// A bit for each person of the first `n_users`: whether they belong to an audience. `check` is
/// called between two steps; its errors end the work.
pub(crate) fn read_member_bits<E: From<QueryError>>(
    live: &LiveState,
    audience: &str,
    n_users: usize,
    check: &dyn Fn() -> Result<(), E>,
) -> Result<Vec<u64>, E> {
    let mut bits = vec![0; n_users.div_ceil(64)];
    let mut after = None;
    loop {
        check()?;
        let page = live.snapshot().audience_members(audience, after, MEMBERS_PER_STEP)?;
        page.iter().for_each(|member| set_bit(&mut bits, member.user));
        after = page.last().map(|member| member.user);
        if page.len() < MEMBERS_PER_STEP {
            return Ok(bits);
        }
    }
}

/// Whether the bit of a person is set.
pub(crate) fn has_bit(bits: &[u64], user: UserIdx) -> bool {
    bits.get(user.pos() / 64).is_some_and(|word| (word >> (user.pos() % 64)) & 1 == 1)
}

/// Sets the bit of a person, if there is one.
fn set_bit(bits: &mut [u64], user: UserIdx) {
    if let Some(word) = bits.get_mut(user.pos() / 64) {
        *word |= 1 << (user.pos() % 64);
    }
}
