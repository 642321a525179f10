//! Fixtures shared by the tests of this crate.

use domain::{InteractionKind, ItemIdx, ListRequest, Logic, Timestamp, UserIdx};
use recommender::{
    CandidateSources, ColdStartItems, Eligibility, Features, Histories, HistoryEntry, Impression,
    Model, RecommendedItem, Request, SearchOptions, TrainingOutcome, TrainingSet, recommend,
};

pub(crate) const OPTIONS: SearchOptions = SearchOptions { seed: 7 };
pub(crate) const DAY_S: i64 = 86_400;

pub(crate) fn train(histories: &Histories, n_items: usize) -> TrainingOutcome {
    recommender::train(&mut TrainingSet::snapshot(histories, &[], n_items), &OPTIONS, "t", &|_| {
        Ok(())
    })
    .expect("nothing cancels the run")
}

pub(crate) fn sources<'a>(
    model: Option<&'a Model>,
    cold: &'a ColdStartItems,
    histories: &'a Histories,
    n_items: usize,
) -> CandidateSources<'a> {
    let trained_weights = model.map(|model| model.parameters.interaction_weights);
    let interaction_weights = trained_weights.unwrap_or_default();
    CandidateSources { model, cold_start: cold, histories, interaction_weights, n_items }
}

/// A personal list, of items without features.
pub(crate) fn list_of(
    model: Option<&Model>,
    histories: &Histories,
    history: &[HistoryEntry],
    eligibility: &Eligibility<'_>,
    n_items: usize,
    count: usize,
) -> Vec<RecommendedItem> {
    let list = ListRequest::new(count, Logic::Personal);
    let cold = ColdStartItems::new(Features::empty(n_items).into(), model);
    let request = Request::new(&list, history, eligibility);
    recommend(sources(model, &cold, histories, n_items), &request).into_items()
}

pub(crate) fn entry(item: u32, kind: InteractionKind, at_s: i64) -> HistoryEntry {
    HistoryEntry::new(ItemIdx(item), kind, Timestamp(at_s * 1_000), None)
}

/// Two groups of users and items, even and odd. Each user has viewed all but one of their group's
/// items.
pub(crate) fn checkerboard(n_users: u32, n_items: u32) -> Histories {
    let mut histories = Histories::default();
    for user in 0..n_users {
        let group_items = (0..n_items).filter(|item| item % 2 == user % 2).collect::<Vec<_>>();
        let left_out = group_items[(user / 2) as usize % group_items.len()];
        // Each user has an order of their own, so that each item follows each other one for some
        // user.
        let n_group_items = group_items.len();
        for (n, item) in group_items.iter().enumerate().filter(|(_, item)| **item != left_out) {
            let day = (n * (1 + 2 * (user as usize / 2 % 3)) + user as usize / 2) % n_group_items;
            histories
                .add(UserIdx(user), entry(*item, InteractionKind::DetailView, DAY_S * day as i64));
        }
    }
    histories
}

/// The number of items of a group in [`groups`].
pub(crate) const GROUP_ITEMS: u32 = 6;

/// Groups of users and items. Each user has viewed all but one of the group's items, and one item
/// of another group.
pub(crate) fn groups(n_groups: u32, users_per_group: u32) -> Histories {
    let mut histories = Histories::default();
    for user in 0..n_groups * users_per_group {
        let (group, n) = (user % n_groups, user / n_groups);
        let own = (0..GROUP_ITEMS)
            .filter(|item| *item != n % GROUP_ITEMS)
            .map(|item| group * GROUP_ITEMS + item);
        let foreign_item = (group + 1 + n) % n_groups * GROUP_ITEMS + n % GROUP_ITEMS;
        for (day, item) in own.chain([foreign_item]).enumerate() {
            let day = (day as u32 * (1 + n % 3) + n) % GROUP_ITEMS;
            histories.add(
                UserIdx(user),
                entry(item, InteractionKind::DetailView, DAY_S * i64::from(day)),
            );
        }
    }
    histories
}

/// The items of a request for a user of the checkerboard.
pub(crate) fn items_of(
    model: &Model,
    histories: &Histories,
    user: u32,
    request: &ListRequest,
    shown: &[Impression],
    now_s: u32,
) -> Vec<u32> {
    let n_items = histories.n_items();
    let history = histories.row(UserIdx(user));
    let eligibility = Eligibility::new(&allow_all, request.exclude, history, []);
    let cold = ColdStartItems::new(Features::empty(n_items).into(), Some(model));
    let request =
        Request { impressions: shown, now_s, ..Request::new(request, history, &eligibility) };
    let list = recommend(sources(Some(model), &cold, histories, n_items), &request).into_items();
    assert!(list.windows(2).all(|pair| pair[0].score >= pair[1].score), "best first: {list:?}");
    list.iter().map(|item| item.item.0).collect()
}

/// Allows every item.
pub(crate) fn allow_all(_: ItemIdx) -> bool {
    true
}
