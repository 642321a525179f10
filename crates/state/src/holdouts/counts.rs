//! What the people of each group did after they entered, by clusters of people: how much clusters
//! differ shows how sure a difference between the groups is.

use domain::Timestamp;
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

use crate::attribution::CLUSTERS;

/// Values are summed in millionths: the sum of whole numbers does not depend on their order.
const VALUE_MICROS: f64 = 1_000_000.0;
/// Larger values of one interaction count as this one, in millionths.
const VALUE_MICROS_MAX: f64 = 1e15;

/// What is known of a person for one holdout.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Tally {
    /// What people did later counts.
    pub(crate) entered: Timestamp,
    /// Decides the group and the cluster: [`hash_person`].
    pub(crate) hash: u64,
    /// How often the person reached the goal.
    pub(crate) goals: u32,
    /// The sum of the values, in millionths.
    pub(crate) value_micros: i64,
}

/// Some people, and what they did after they entered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct HoldoutCluster {
    /// The number of people.
    pub people: u32,
    /// How many of them reached the goal.
    pub reached: u32,
    /// How often they did.
    pub goals: u64,
    value_micros: i64,
}

/// The people of a group, by clusters: none, or [`CLUSTERS`].
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct HoldoutGroup(Vec<HoldoutCluster>);

/// The two groups of a holdout.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct HoldoutGroups {
    /// Those who get the trait.
    pub treated: HoldoutGroup,
    /// Those who do not.
    pub held_out: HoldoutGroup,
}

impl HoldoutCluster {
    /// The sum of the values of the goals, such as what was paid.
    pub fn value(&self) -> f64 {
        self.value_micros as f64 / VALUE_MICROS
    }
}

impl HoldoutGroup {
    /// The clusters that have people.
    pub fn clusters(&self) -> impl Iterator<Item = &HoldoutCluster> {
        self.0.iter().filter(|cluster| cluster.people > 0)
    }

    /// The sums over all clusters.
    pub fn sum(&self) -> HoldoutCluster {
        self.0.iter().fold(HoldoutCluster::default(), |sum, cluster| HoldoutCluster {
            people: sum.people + cluster.people,
            reached: sum.reached + cluster.reached,
            goals: sum.goals + cluster.goals,
            value_micros: sum.value_micros.saturating_add(cluster.value_micros),
        })
    }

    fn cluster(&mut self, hash: u64) -> &mut HoldoutCluster {
        self.0.resize(CLUSTERS, HoldoutCluster::default());
        // The group follows from the upper bits.
        &mut self.0[(hash % CLUSTERS as u64) as usize]
    }
}

impl HoldoutGroups {
    pub(crate) fn add(&mut self, percent: u8, tally: &Tally) {
        let cluster = self.of(percent, tally.hash);
        cluster.people += 1;
        cluster.reached += u32::from(tally.goals > 0);
        cluster.goals += u64::from(tally.goals);
        cluster.value_micros = cluster.value_micros.saturating_add(tally.value_micros);
    }

    pub(crate) fn subtract(&mut self, percent: u8, tally: &Tally) {
        let cluster = self.of(percent, tally.hash);
        cluster.people -= 1;
        cluster.reached -= u32::from(tally.goals > 0);
        cluster.goals -= u64::from(tally.goals);
        cluster.value_micros = cluster.value_micros.saturating_sub(tally.value_micros);
    }

    /// Changes what the people of a group did: people, people who reached the goal, goals, and
    /// their value in millionths.
    pub(crate) fn change(&mut self, is_held_out: bool, hash: u64, by: [i64; 4]) {
        let group = if is_held_out { &mut self.held_out } else { &mut self.treated };
        let cluster = group.cluster(hash);
        let [people, reached, goals, value_micros] = by;
        let plus = |n: u32, by: i64| u32::try_from(i64::from(n) + by).unwrap_or(u32::MAX);
        cluster.people = plus(cluster.people, people);
        cluster.reached = plus(cluster.reached, reached);
        cluster.goals = cluster.goals.saturating_add_signed(goals);
        cluster.value_micros = cluster.value_micros.saturating_add(value_micros);
    }

    fn of(&mut self, percent: u8, hash: u64) -> &mut HoldoutCluster {
        match is_held_out(percent, hash) {
            true => self.held_out.cluster(hash),
            false => self.treated.cluster(hash),
        }
    }
}

/// The place of a person among those of a trait: whoever is held out at a share is so at every
/// larger one.
pub(crate) fn hash_person(trait_key: &str, id: &str) -> u64 {
    xxh3_64(format!("{trait_key}\0{id}").as_bytes())
}

pub(crate) fn is_held_out(percent: u8, hash: u64) -> bool {
    hash < u64::MAX / 100 * u64::from(percent)
}

/// A price in millionths.
pub(crate) fn micros(price: Option<f64>) -> i64 {
    let price = price.filter(|price| price.is_finite()).unwrap_or(0.0);
    (price * VALUE_MICROS).round().clamp(-VALUE_MICROS_MAX, VALUE_MICROS_MAX) as i64
}
