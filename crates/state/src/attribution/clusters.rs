//! The lists of a group by clusters of people. The lists of one person resemble each other, and a
//! person is in one cluster as a whole: how much clusters differ shows how sure a rate is.

use domain::UserIdx;
use serde::{Deserialize, Serialize};
use uuid::Uuid;
use xxhash_rust::xxh3::xxh3_64;

/// The number of clusters: enough for an interval of 95 % that is hardly wider than with any
/// number.
pub const CLUSTERS: usize = 64;

/// The lists of some people, and how many of them led to something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Cluster {
    /// The number of recommendations.
    pub recommendations: u32,
    /// How many of them a detail view cites.
    pub clicked: u32,
    /// How many of them a purchase cites.
    pub converted: u32,
}

/// Lists by cluster: none, or [`CLUSTERS`].
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Clusters(Vec<Cluster>);

impl Clusters {
    /// Clusters with these counts, for those who compute with them.
    pub fn new(clusters: [Cluster; CLUSTERS]) -> Self {
        Self(clusters.to_vec())
    }

    /// The clusters that have lists.
    pub fn iter(&self) -> impl Iterator<Item = &Cluster> {
        self.0.iter().filter(|cluster| cluster.recommendations > 0)
    }

    /// The cluster of a user; lists for no user are clusters of their own, which are spread.
    pub(super) fn of(&mut self, user: Option<UserIdx>, recomm_id: Uuid) -> &mut Cluster {
        let hash = match user {
            Some(user) => xxh3_64(&user.0.to_le_bytes()),
            None => xxh3_64(recomm_id.as_bytes()),
        };
        self.0.resize(CLUSTERS, Cluster::default());
        &mut self.0[(hash % CLUSTERS as u64) as usize]
    }

    pub(super) fn add_all(&mut self, other: &Self) {
        self.0.resize(CLUSTERS, Cluster::default());
        for (sum, more) in self.0.iter_mut().zip(&other.0) {
            sum.recommendations = sum.recommendations.saturating_add(more.recommendations);
            sum.clicked = sum.clicked.saturating_add(more.clicked);
            sum.converted = sum.converted.saturating_add(more.converted);
        }
    }
}
