//! A fixed order of people in which neighbours have nothing in common, so that the first of them
//! are a random sample. It takes no memory.

use domain::UserIdx;

/// An odd number without a pattern: 2^32 divided by the golden ratio.
const MULTIPLIER: u64 = 0x9E37_79B1;
/// How often an index is mixed: fewer rounds leave patterns in small workspaces.
const ROUNDS: usize = 4;

/// The order of `n_users` indices.
pub(crate) struct PeopleOrder {
    n_users: u64,
    /// The number of places is two to this power: the first one that is not below `n_users`.
    n_bits: u32,
}

impl PeopleOrder {
    pub(crate) fn new(n_users: usize) -> Self {
        let n_users = n_users as u64;
        Self { n_users, n_bits: n_users.next_power_of_two().trailing_zeros().max(1) }
    }

    /// The number of places, of which fewer than half are empty.
    pub(crate) fn n_places(&self) -> u64 {
        1 << self.n_bits
    }

    /// Who stands at a place; nobody at an empty one. Each index stands at one place: a product
    /// with an odd number and a shifted copy are both undone by an inverse.
    pub(crate) fn at(&self, place: u64) -> Option<UserIdx> {
        let mask = self.n_places() - 1;
        let shift = self.n_bits.div_ceil(2);
        let mut index = place & mask;
        for _ in 0..ROUNDS {
            index = index.wrapping_mul(MULTIPLIER).wrapping_add(1) & mask;
            index ^= index >> shift;
        }
        (index < self.n_users).then_some(UserIdx(index as u32))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everybody_stands_at_one_place_and_neighbours_are_apart() {
        for n_users in [1, 2, 3, 64, 1_000, 70_000] {
            let order = PeopleOrder::new(n_users);
            let mut found: Vec<u32> =
                (0..order.n_places()).filter_map(|place| Some(order.at(place)?.0)).collect();
            let first: Vec<u32> = found.iter().copied().take(n_users / 10).collect();
            found.sort_unstable();
            assert_eq!(found, (0..n_users as u32).collect::<Vec<_>>());
            if n_users == 70_000 {
                let mean = first.iter().map(|own| f64::from(*own)).sum::<f64>() / 7_000.0;
                assert!((mean - 35_000.0).abs() < 1_000.0, "{mean}");
                let n_even = first.iter().filter(|own| own.is_multiple_of(2)).count();
                assert!((3_300..3_700).contains(&n_even), "{n_even}");
            }
        }
    }
}
