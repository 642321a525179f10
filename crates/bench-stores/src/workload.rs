//! The records of the fold, made from numbers: a record's key and table follow from its id, so
//! that nothing has to be remembered to know which keys must be there.

use std::time::Duration;

use crate::store::{Put, TABLES};

pub const BATCH_RECORDS: u64 = 500;

/// About as many users as give each of them 20 records among ten million.
const USERS: u64 = 500_000;

/// The splitmix64 generator; its finishing step also serves as a hash of record ids.
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        hash(self.0)
    }

    pub fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }
}

fn hash(mut x: u64) -> u64 {
    x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    x ^ (x >> 31)
}

pub fn table_of(id: u64) -> usize {
    (id % TABLES.len() as u64) as usize
}

/// The key of a record: user | kind | item | time, big endian, of 16, 17 or 24 bytes by table.
/// The id stands for the time, which makes every key unique.
pub fn key_of(id: u64) -> Vec<u8> {
    let random = hash(id);
    let mut key = Vec::with_capacity(24);
    key.extend_from_slice(&user_prefix(random));
    if table_of(id) > 0 {
        key.push((random >> 32) as u8 % 8);
    }
    key.extend_from_slice(&((random >> 40) as u32 % 10_000).to_be_bytes());
    key.extend_from_slice(&id.to_be_bytes());
    if table_of(id) == 2 {
        key.extend_from_slice(&random.to_be_bytes()[..7]);
    }
    key
}

/// The first four bytes of the keys of one user, chosen by a random number.
pub fn user_prefix(random: u64) -> [u8; 4] {
    ((hash(random % USERS) >> 32) as u32).to_be_bytes()
}

/// A value of 8 to 60 bytes: the record's id, then small integers as a fold's counters are.
pub fn value_of(id: u64, version: u64) -> Vec<u8> {
    let mut random = Random(id ^ (version << 40));
    let len = 8 + random.below(53) as usize;
    let mut value = id.to_be_bytes().to_vec();
    while value.len() < len {
        value.extend_from_slice(&random.below(1 << 20).to_be_bytes());
    }
    value.truncate(len);
    value
}

pub fn put(id: u64, version: u64) -> Put {
    Put { table: table_of(id), key: key_of(id), value: value_of(id, version) }
}

/// Durations counted in buckets about 3 % wide, so that the counts take no memory worth naming.
pub struct Latencies {
    buckets: Vec<u64>,
    pub max: Duration,
}

impl Default for Latencies {
    fn default() -> Self {
        Self { buckets: vec![0; 64 * 32], max: Duration::ZERO }
    }
}

impl Latencies {
    pub fn add(&mut self, duration: Duration) {
        let ns = duration.as_nanos() as u64 | 32;
        let power = ns.ilog2() as usize;
        self.buckets[power * 32 + (ns >> (power - 5)) as usize % 32] += 1;
        self.max = self.max.max(duration);
    }

    pub fn merge(&mut self, other: &Self) {
        self.buckets.iter_mut().zip(&other.buckets).for_each(|(a, b)| *a += b);
        self.max = self.max.max(other.max);
    }

    /// The duration, in microseconds, that the given fraction of all did not exceed.
    pub fn quantile_us(&self, fraction: f64) -> f64 {
        let mut left = (self.buckets.iter().sum::<u64>() as f64 * fraction).ceil();
        let reached = self.buckets.iter().position(|&count| {
            left -= count as f64;
            left <= 0.0
        });
        let (power, step) = reached.map_or((0, 0), |bucket| (bucket / 32, bucket % 32));
        2f64.powi(power as i32) * (1.0 + (step as f64 + 0.5) / 32.0) / 1000.0
    }
}
