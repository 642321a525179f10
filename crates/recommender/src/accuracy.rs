//! How often lists hold what their users went on to choose, beside popularity, and by how active
//! the users were. Counted on the lists that a training run is judged by: their model has not seen
//! the choices.

use domain::ItemIdx;
use serde::{Deserialize, Serialize};

use crate::JudgedLists;
use crate::split::TestUser;

/// The lengths of lists that are counted.
pub const MEASURED_LENGTHS: [u32; 5] = [1, 3, 5, 10, 20];
/// The number of groups of users by their activity.
const GROUPS: usize = 5;

/// Test users of similar activity, with the hits of their lists.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct ActivityGroup {
    /// The fewest interactions of a user that the model knew.
    pub interactions_min: u32,
    /// The most.
    pub interactions_max: u32,
    /// The number of users.
    pub n_users: u32,
    /// The hits of lists of each measured length, shortest first.
    pub hits: Vec<Hits>,
}

/// Of how many users a list of some length holds at least one item that they went on to choose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Hits {
    /// The length of the lists.
    pub length: u32,
    /// Users whose list by the model has a hit.
    pub own: u32,
    /// Users whose list of popular items has one.
    pub popular: u32,
    /// Users whose lists both have one.
    pub both: u32,
}

/// Counts the hits of test users in fifths by the number of their known interactions, the least
/// active first. Users of equal activity are in one group, so there may be fewer groups.
pub fn count_by_activity(judged: &JudgedLists) -> Vec<ActivityGroup> {
    let JudgedLists { test, lists, popular_lists } = judged;
    let mut activity: Vec<usize> = test.iter().map(|user| user.history.len()).collect();
    activity.sort_unstable();
    // The largest activity of each group.
    let mut ends: Vec<usize> = (1..=GROUPS)
        .filter_map(|group| activity.get((group * activity.len() / GROUPS).saturating_sub(1)))
        .copied()
        .collect();
    ends.dedup();
    let mut groups: Vec<ActivityGroup> = ends.iter().map(|_| ActivityGroup::empty()).collect();
    for ((user, list), popular) in test.iter().zip(lists).zip(popular_lists) {
        let group = ends.partition_point(|end| *end < user.history.len());
        groups[group].add(user, list, popular);
    }
    groups
}

impl ActivityGroup {
    fn empty() -> Self {
        let none = |length| Hits { length, own: 0, popular: 0, both: 0 };
        Self {
            interactions_min: u32::MAX,
            interactions_max: 0,
            n_users: 0,
            hits: MEASURED_LENGTHS.map(none).to_vec(),
        }
    }

    fn add(&mut self, user: &TestUser, list: &[ItemIdx], popular: &[ItemIdx]) {
        let n_interactions = user.history.len() as u32;
        self.interactions_min = self.interactions_min.min(n_interactions);
        self.interactions_max = self.interactions_max.max(n_interactions);
        self.n_users += 1;
        let first_hit = |list: &[ItemIdx]| {
            list.iter().position(|item| user.wanted.contains_key(item)).unwrap_or(usize::MAX)
        };
        let (own, popular) = (first_hit(list), first_hit(popular));
        for hits in &mut self.hits {
            let is_hit = |first: usize| first < hits.length as usize;
            hits.own += u32::from(is_hit(own));
            hits.popular += u32::from(is_hit(popular));
            hits.both += u32::from(is_hit(own) && is_hit(popular));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use domain::{InteractionKind, Timestamp};

    use super::*;
    use crate::HistoryEntry;

    #[test]
    fn hits_are_counted_by_fifths_and_equal_activity_stays_together() {
        let entry = HistoryEntry::new(ItemIdx(9), InteractionKind::DetailView, Timestamp(0), None);
        let user = |n_interactions: usize| TestUser {
            history: vec![entry; n_interactions],
            weak_signals: Vec::new(),
            wanted: BTreeMap::from([(ItemIdx(1), 5)]),
            attributed: BTreeSet::new(),
        };
        let test: Vec<TestUser> = [1, 1, 1, 1, 2, 3, 3, 4, 7, 9].map(user).into_iter().collect();
        // The list of each user has the hit at place 4, the popular one of the last three at 1.
        let list = [2, 3, 4, 1].map(ItemIdx).to_vec();
        let popular = |n: usize| if n < 7 { vec![ItemIdx(2)] } else { vec![ItemIdx(1)] };
        let judged = JudgedLists {
            lists: vec![list; test.len()],
            popular_lists: (0..test.len()).map(popular).collect(),
            test,
        };
        let groups = count_by_activity(&judged);
        let shown = groups.iter().map(|group| {
            let at = |length: u32| group.hits.iter().find(|hits| hits.length == length).unwrap();
            let Hits { own, popular, both, .. } = at(5);
            (
                group.interactions_min..=group.interactions_max,
                group.n_users,
                at(3).own,
                *own,
                *popular,
                *both,
            )
        });
        assert_eq!(
            shown.collect::<Vec<_>>(),
            [
                (1..=1, 4, 0, 4, 0, 0),
                (2..=3, 3, 0, 3, 0, 0),
                (4..=4, 1, 0, 1, 1, 1),
                (7..=9, 2, 0, 2, 2, 2)
            ]
        );
        let nobody = JudgedLists { test: vec![], lists: vec![], popular_lists: vec![] };
        assert!(count_by_activity(&nobody).is_empty());
    }
}
