//! What the tests of this crate share.

use domain::{InteractionKind, InteractionWeights, ItemIdx, ListRequest, Logic, Timestamp, UserIdx};
use recommender::{
    ColdStartItems, Eligibility, Features, Histories, HistoryEntry, Model, Recommended, Request,
    SearchOptions, Sources, Trained, TrainingSet, recommend,
};

pub(crate) const OPTIONS: SearchOptions = SearchOptions { seed: 7 };
pub(crate) const DAY_S: i64 = 86_400;

pub(crate) fn train(histories: &Histories, n_items: usize) -> Trained {
    recommender::train(&mut TrainingSet::snapshot(histories, n_items), &OPTIONS, "t", &|_| Ok(()))
        .expect("nothing cuts it short")
}

pub(crate) fn sources<'a>(
    model: Option<&'a Model>,
    cold: &'a ColdStartItems,
    histories: &'a Histories,
    n_items: usize,
) -> Sources<'a> {
    let interaction_weights = InteractionWeights::default();
    Sources { model, cold, histories, interaction_weights, n_items }
}

/// A list from the history, of items of which nothing but histories is known.
pub(crate) fn list_of(
    model: Option<&Model>,
    histories: &Histories,
    history: &[HistoryEntry],
    eligibility: &Eligibility<'_>,
    n_items: usize,
    count: usize,
) -> Vec<Recommended> {
    let list = ListRequest::new(count, Logic::Personal);
    let cold = ColdStartItems::new(Features::none(n_items).into(), model);
    let request = Request::new(&list, history, eligibility);
    recommend(sources(model, &cold, histories, n_items), &request).into_items()
}

pub(crate) fn entry(item: u32, kind: InteractionKind, at_s: i64) -> HistoryEntry {
    HistoryEntry::new(ItemIdx(item), kind, Timestamp(at_s * 1_000), None)
}

/// Two groups of users; in each every user has seen all but one of its group's items: even items, odd items.
pub(crate) fn checkerboard(n_users: u32, n_items: u32) -> Histories {
    let mut histories = Histories::default();
    for user in 0..n_users {
        let own = (0..n_items).filter(|item| item % 2 == user % 2).collect::<Vec<_>>();
        let left_out = own[(user / 2) as usize % own.len()];
        // In an order of their own: each item follows each other one for somebody.
        let n_own = own.len();
        for (n, item) in own.iter().enumerate().filter(|(_, item)| **item != left_out) {
            let day = (n * (1 + 2 * (user as usize / 2 % 3)) + user as usize / 2) % n_own;
            histories.add(UserIdx(user), entry(*item, InteractionKind::DetailView, DAY_S * day as i64));
        }
    }
    histories
}

/// How many items a group of [`groups`] has.
pub(crate) const GROUP_ITEMS: u32 = 6;

/// Groups of users and items: each user has seen all but one of the group's items, and one item of another group.
pub(crate) fn groups(n_groups: u32, users_per_group: u32) -> Histories {
    let mut histories = Histories::default();
    for user in 0..n_groups * users_per_group {
        let (group, n) = (user % n_groups, user / n_groups);
        let own =
            (0..GROUP_ITEMS).filter(|item| *item != n % GROUP_ITEMS).map(|item| group * GROUP_ITEMS + item);
        let strange = (group + 1 + n) % n_groups * GROUP_ITEMS + n % GROUP_ITEMS;
        for (day, item) in own.chain([strange]).enumerate() {
            let day = (day as u32 * (1 + n % 3) + n) % GROUP_ITEMS;
            histories.add(UserIdx(user), entry(item, InteractionKind::DetailView, DAY_S * i64::from(day)));
        }
    }
    histories
}

pub(crate) fn anything(_: ItemIdx) -> bool {
    true
}
