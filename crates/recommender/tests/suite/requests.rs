//! Requests beyond a user's own list: seeds, boosters, constraints, segments, users.

use std::sync::LazyLock;

use domain::{
    Exclusion, Fallback, InteractionKind, ItemIdx, ListRequest, Logic, PropertyValue, Relevance,
    UserIdx,
};
use proptest::prelude::*;
use recommender::{
    CandidateSources, ColdStartItems, Constraint, Eligibility, Facet, FacetValues, Features,
    FeaturesBuilder, Histories, ItemBooster, Model, Origin, PromotedItems, Recommendation,
    RecommendedItem, Request, ValueIdx, rank_users, recommend,
};

use crate::fixtures::{DAY_S, GROUP_ITEMS, allow_all, checkerboard, entry, groups, sources, train};

const N_ITEMS: usize = 20;

/// The checkerboard with a model, and items without features.
struct Board {
    histories: Histories,
    model: Model,
    cold: ColdStartItems,
}

impl Board {
    fn new() -> Self {
        let histories = checkerboard(40, N_ITEMS as u32);
        let model = train(&histories, N_ITEMS).model;
        let cold = ColdStartItems::new(Features::empty(N_ITEMS).into(), Some(&model));
        Self { histories, model, cold }
    }

    fn sources(&self) -> CandidateSources<'_> {
        sources(Some(&self.model), &self.cold, &self.histories, N_ITEMS)
    }

    /// A list for a user with further options; nothing is excluded.
    fn list(&self, user: u32, list: &ListRequest, options: &Options<'_>) -> Vec<RecommendedItem> {
        let history = self.histories.row(UserIdx(user));
        let eligibility = Eligibility::new(&allow_all, list.exclude, history, []);
        let Options { booster, constraints, promoted } = *options;
        let request =
            Request { booster, constraints, promoted, ..Request::new(list, history, &eligibility) };
        recommend(self.sources(), &request).into_items()
    }
}

#[derive(Default)]
struct Options<'a> {
    booster: Option<ItemBooster<'a>>,
    constraints: &'a [Constraint<'a>],
    promoted: Option<PromotedItems<'a>>,
}

fn ids(list: &[RecommendedItem]) -> Vec<u32> {
    list.iter().map(|item| item.item.0).collect()
}

fn is_sorted(list: &[RecommendedItem]) -> bool {
    list.windows(2).all(|pair| pair[0].score >= pair[1].score)
}

fn list_request(count: usize, logic: Logic) -> ListRequest {
    ListRequest { exclude: Exclusion::None, ..ListRequest::new(count, logic) }
}

#[test]
fn similar_items_follow_the_seed_and_the_history_by_user_impact() {
    let board = Board::new();
    let seeds = [ItemIdx(1)];
    let eligible = |item: ItemIdx| item != ItemIdx(1);
    let similar_items = |user_impact| {
        let list = ListRequest { user_impact, ..list_request(8, Logic::Similar) };
        let history = board.histories.row(UserIdx(0));
        let eligibility = Eligibility::new(&eligible, list.exclude, history, []);
        let request = Request { seeds: &seeds, ..Request::new(&list, history, &eligibility) };
        let found = recommend(board.sources(), &request).into_items();
        assert!(is_sorted(&found) && found.len() == 8);
        found
    };
    // The user is of the even group, the item of the odd one.
    let alone = similar_items(0.0);
    assert!(
        alone.iter().all(|item| item.item.0 % 2 == 1 && item.origin == Origin::Model),
        "{alone:?}"
    );
    assert!(alone.iter().all(|item| item.explanation[0].item == ItemIdx(1)));
    assert!(similar_items(1.0).iter().all(|item| item.item.0 % 2 == 0));
    let n_odd = similar_items(0.5).iter().filter(|item| item.item.0 % 2 == 1).count();
    assert!((1..8).contains(&n_odd), "{n_odd}");
}

#[test]
fn a_history_of_many_tastes_has_an_effect_beside_a_seed() {
    // The last user has one item of each of ten groups, each with a tenth of the weight. The seed
    // is of another group.
    let n_items = 11 * GROUP_ITEMS;
    let mut histories = groups(11, 12);
    let user = UserIdx(histories.n_users() as u32);
    (0..10).for_each(|group| {
        histories.add(user, entry(group * GROUP_ITEMS, InteractionKind::DetailView, DAY_S));
    });
    let model = train(&histories, n_items as usize).model;
    let cold = ColdStartItems::new(Features::empty(n_items as usize).into(), Some(&model));
    let history = histories.row(user);
    let seed = ItemIdx(10 * GROUP_ITEMS);
    let count_of_seed_group = |user_impact| {
        let list = ListRequest { user_impact, ..list_request(10, Logic::Similar) };
        let eligible = |item: ItemIdx| item != seed;
        let eligibility = Eligibility::new(&eligible, list.exclude, history, []);
        let request = Request { seeds: &[seed], ..Request::new(&list, history, &eligibility) };
        let all = sources(Some(&model), &cold, &histories, n_items as usize);
        let found = recommend(all, &request).into_items();
        assert!(is_sorted(&found));
        found.iter().take(5).filter(|item| item.item.0 / GROUP_ITEMS == 10).count()
    };
    assert_eq!((count_of_seed_group(0.0), count_of_seed_group(1.0)), (5, 0));
    let half = count_of_seed_group(0.5);
    assert!((1..5).contains(&half), "{half} of the first five are of the seed's group");
}

#[test]
fn a_new_seed_lists_items_with_similar_features() {
    let histories = checkerboard(40, N_ITEMS as u32);
    let model = train(&histories, N_ITEMS).model;
    let mut builder = FeaturesBuilder::default();
    for item in 0..N_ITEMS as u32 + 2 {
        let genre = if item % 2 == 0 { "jazz" } else { "metal" };
        builder.add(ItemIdx(item), &[("genre", PropertyValue::String(genre.to_owned()))]);
    }
    let cold = ColdStartItems::new(builder.finish(N_ITEMS + 2).into(), Some(&model));
    let list = list_request(5, Logic::Similar);
    let eligibility = Eligibility::new(&allow_all, list.exclude, &[], []);
    // Item 20 is new jazz, unknown to the model.
    let seeds = [ItemIdx(20)];
    let request = Request { seeds: &seeds, ..Request::new(&list, &[], &eligibility) };
    let found =
        recommend(sources(Some(&model), &cold, &histories, N_ITEMS + 2), &request).into_items();
    assert_eq!(found.len(), 5);
    assert!(found[..4].iter().all(|item| item.item.0 % 2 == 0), "{found:?}");
}

#[test]
fn boosters_apply_to_all_items_not_only_to_those_related_to_the_history() {
    let board = Board::new();
    let raised = |item: ItemIdx| if item.0 == 7 { 1e6 } else { 1.0 };
    let sunk = |item: ItemIdx| if item.0.is_multiple_of(4) { 0.0 } else { 1.0 };
    for logic in [Logic::Personal, Logic::Trending] {
        let plain = board.list(0, &list_request(20, logic), &Options::default());
        // Item 7 is of the other group: the history contributes nothing to it.
        let list = board.list(
            0,
            &list_request(3, logic),
            &Options { booster: Some(ItemBooster::OnDemand(&raised)), ..Options::default() },
        );
        assert_eq!(ids(&list)[0], 7);
        assert!(is_sorted(&list) && list.len() == 3);
        let list = board.list(
            0,
            &list_request(20, logic),
            &Options { booster: Some(ItemBooster::OnDemand(&sunk)), ..Options::default() },
        );
        assert!(is_sorted(&list) && list.len() == 20);
        assert!(ids(&list)[15..].iter().all(|item| item % 4 == 0), "{list:?}");
        let before = |item: &RecommendedItem| {
            plain.iter().find(|other| other.item == item.item).unwrap().score
        };
        let kept: Vec<f32> = list[..15].iter().map(before).collect();
        assert!(kept.is_sorted_by(|a, b| a >= b), "equally boosted items keep their order");
    }
}

#[test]
fn constraints_hold_and_lists_are_complete_as_long_as_they_can_be() {
    let board = Board::new();
    let mut brand = Facet::new();
    (0..N_ITEMS).for_each(|item| brand.push_texts([format!("brand {}", item % 5).as_str()]));
    let constraints = [Constraint { facet: &brand, max: 2 }];
    for diversity in [0.0, 0.5] {
        let list = ListRequest { diversity, ..list_request(10, Logic::Personal) };
        let found =
            board.list(0, &list, &Options { constraints: &constraints, ..Options::default() });
        let mut n_of_brand = [0; 5];
        ids(&found).iter().for_each(|item| n_of_brand[*item as usize % 5] += 1);
        assert_eq!(n_of_brand, [2; 5], "{found:?}");
        let list = ListRequest { count: 15, ..list };
        let found =
            board.list(0, &list, &Options { constraints: &constraints, ..Options::default() });
        assert_eq!(found.len(), 10, "no brand comes a third time");
    }
}

#[test]
fn promoted_items_have_their_share_from_the_first_places_on() {
    let board = Board::new();
    let plain = ids(&board.list(0, &list_request(10, Logic::Personal), &Options::default()));
    // Without promotion none of them is in the list.
    let includes = |item: ItemIdx| !plain.contains(&item.0);
    let promoted = PromotedItems { includes: &includes, share: 0.4 };
    let found = board.list(
        0,
        &list_request(10, Logic::Personal),
        &Options { promoted: Some(promoted), ..Options::default() },
    );
    let is_promoted: Vec<bool> = ids(&found).iter().map(|item| !plain.contains(item)).collect();
    assert_eq!(is_promoted.iter().filter(|is_promoted| **is_promoted).count(), 4, "{found:?}");
    for n in 1..=10 {
        let n_promoted = is_promoted[..n].iter().filter(|is_promoted| **is_promoted).count();
        assert!(n_promoted >= (0.4 * n as f32 + 1e-6) as usize, "{n}: {is_promoted:?}");
    }
}

#[test]
fn a_fallback_fills_up_and_none_leaves_a_list_short() {
    let mut histories = checkerboard(40, N_ITEMS as u32);
    histories.add(UserIdx(40), entry(2, InteractionKind::DetailView, DAY_S));
    histories.add(UserIdx(40), entry(4, InteractionKind::DetailView, DAY_S));
    let model = train(&histories, N_ITEMS).model;
    let cold = ColdStartItems::new(Features::empty(N_ITEMS).into(), Some(&model));
    let items = |fallback| {
        let list = ListRequest { fallback, ..list_request(6, Logic::RecentlyViewed) };
        let history = histories.row(UserIdx(40));
        let eligibility = Eligibility::new(&allow_all, list.exclude, history, []);
        let request = Request::new(&list, history, &eligibility);
        recommend(sources(Some(&model), &cold, &histories, N_ITEMS), &request).into_items()
    };
    assert_eq!(items(Fallback::None).len(), 2);
    let trending = items(Fallback::Trending);
    assert!(
        is_sorted(&trending) && trending[2..].iter().all(|item| item.origin == Origin::Trending)
    );
    let personal = items(Fallback::Personal);
    assert!(is_sorted(&personal) && personal.len() == 6, "{personal:?}");
    assert!(personal[2..].iter().all(|item| item.item.0 % 2 == 0 && item.origin == Origin::Model));
}

#[test]
fn the_fallback_stays_behind_a_lists_own_items_also_where_all_related_items_are_excluded() {
    let mut histories = checkerboard(40, N_ITEMS as u32);
    histories.add(UserIdx(40), entry(2, InteractionKind::DetailView, DAY_S));
    histories.add(UserIdx(40), entry(4, InteractionKind::DetailView, DAY_S));
    let mut builder = FeaturesBuilder::default();
    // The viewed items are weakly similar to the excluded ones.
    for (item, tags) in [
        (2, ["a", "b", "c"]),
        (3, ["a", "d", "e"]),
        (4, ["f", "g", "d"]),
        (5, ["b", "f", "h"]),
        (6, ["c", "g", "h"]),
        (7, ["e", "e", "e"]),
    ] {
        let tags = tags.map(str::to_owned).to_vec();
        builder.add(ItemIdx(item), &[("tags", PropertyValue::Set(tags))]);
    }
    let cold = ColdStartItems::new(builder.finish(N_ITEMS).into(), None);
    let list = ListRequest {
        fallback: Fallback::Personal,
        diversity: 0.01,
        ..list_request(6, Logic::RecentlyViewed)
    };
    let history = histories.row(UserIdx(40));
    let is_allowed = |item: ItemIdx| ![3, 5, 6, 7].contains(&item.0);
    let eligibility = Eligibility::new(&is_allowed, list.exclude, history, []);
    let request = Request::new(&list, history, &eligibility);
    let found = recommend(sources(None, &cold, &histories, N_ITEMS), &request).into_items();
    assert_eq!(found.len(), 6);
    let origins: Vec<Origin> = found.iter().map(|item| item.origin).collect();
    assert_eq!(origins[..2], [Origin::RecentlyViewed; 2], "{found:?}");
    assert_eq!(origins[2..], [Origin::Trending; 4], "{found:?}");
}

#[test]
fn lists_of_values_are_filtered_boosted_and_complete() {
    let board = Board::new();
    let mut segments = Facet::new();
    for item in 0..N_ITEMS {
        segments.push_texts([
            if item % 2 == 0 { "even" } else { "odd" },
            format!("of {item}").as_str(),
        ]);
    }
    let named = |text: &str| segments.value(text).unwrap();
    let list =
        |count, allows: &dyn Fn(ValueIdx) -> bool, booster: Option<&dyn Fn(ValueIdx) -> f32>| {
            let list = list_request(count, Logic::Personal);
            let history = board.histories.row(UserIdx(0));
            let eligibility = Eligibility::new(&allow_all, list.exclude, history, []);
            let values = FacetValues { facet: &segments, allows, booster };
            let request =
                Request { values: Some(values), ..Request::new(&list, history, &eligibility) };
            match recommend(board.sources(), &request) {
                Recommendation::Values(values) => values,
                Recommendation::Items(items) => panic!("{items:?}"),
            }
        };
    let all = list(30, &|_| true, None);
    assert_eq!(all.len(), 22, "every segment comes");
    assert_eq!(all[0].item, named("even"));
    assert!(all.windows(2).all(|pair| pair[0].score >= pair[1].score));
    let odd = named("odd");
    let without = list(
        3,
        &|value| value != named("even"),
        Some(&|value| if value == odd { 1e6 } else { 1.0 }),
    );
    assert_eq!((without.len(), without[0].item), (3, odd));
}

#[test]
fn users_for_an_item_and_like_a_user_are_those_of_the_group() {
    let board = Board::new();
    let mut histories = checkerboard(40, N_ITEMS as u32);
    // The most active user, with interactions unrelated to the query.
    (0..30).for_each(|n| histories.add(UserIdx(40), entry(0, InteractionKind::Bookmark, n)));
    let sources = sources(Some(&board.model), &board.cold, &histories, N_ITEMS);
    let rows: Vec<_> = (0..42).map(|user| histories.row(UserIdx(user))).collect();
    for (query, own) in [
        (sources.user_query_for_items(&[ItemIdx(3)]), None),
        (sources.user_query_for_history(histories.row(UserIdx(1))), Some(UserIdx(1))),
    ] {
        let scores = sources.score_users(&query, &rows);
        let rank = |list: &ListRequest, booster: Option<&dyn Fn(UserIdx) -> f32>| {
            let allows = |user| Some(user) != own;
            rank_users(sources, &scores, &histories, list, booster, &allows)
        };
        let found = rank(&list_request(10, Logic::Personal), None);
        assert!(found.len() == 10 && found.iter().all(|(user, _)| user.0 % 2 == 1), "{found:?}");
        assert!(found.windows(2).all(|pair| pair[0].1 >= pair[1].1));
        let all = rank(&list_request(100, Logic::Personal), None);
        assert_eq!(all.len(), 42 - usize::from(own.is_some()), "the list is filled with everybody");
        let boost = |user: UserIdx| if user.0 == 2 { 1e9 } else { 1.0 };
        assert_eq!(rank(&list_request(1, Logic::Personal), Some(&boost))[0].0, UserIdx(2));
        let diverse =
            rank(&ListRequest { diversity: 0.5, ..list_request(10, Logic::Personal) }, None);
        assert_eq!(diverse.len(), 10);
        let relevant =
            ListRequest { min_relevance: Relevance::High, ..list_request(100, Logic::Personal) };
        assert!(rank(&relevant, None).len() < all.len());
    }
}

#[test]
fn a_constant_booster_changes_nothing_and_a_list_is_the_beginning_of_a_longer_one() {
    let board = Board::new();
    let same = |_: ItemIdx| 3.0;
    let by_item = |item: ItemIdx| 1.0 + (item.0 * 7 % 5) as f32;
    for logic in [Logic::Personal, Logic::Trending] {
        for user in 0..40 {
            let plain = ids(&board.list(user, &list_request(20, logic), &Options::default()));
            let whole = {
                let options = Options {
                    booster: Some(ItemBooster::OnDemand(&by_item)),
                    ..Options::default()
                };
                ids(&board.list(user, &list_request(20, logic), &options))
            };
            for count in [1, 2, 5, 20] {
                let boosted = |booster| {
                    let options = Options {
                        booster: Some(ItemBooster::OnDemand(booster)),
                        ..Options::default()
                    };
                    ids(&board.list(user, &list_request(count, logic), &options))
                };
                assert_eq!(boosted(&same), plain[..count], "user {user}");
                assert_eq!(boosted(&by_item), whole[..count], "user {user}");
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn a_precomputed_booster_gives_the_same_list_as_one_on_demand(
        boosts in prop_oneof![Just(1.5f32), Just(40.0), Just(90.0), Just(500.0)].prop_flat_map(|boost_max| {
            prop::collection::vec(prop_oneof![Just(-1.0), Just(0.0), Just(1.0), 0.5f32..boost_max], N_ITEMS)
        }),
        user in 0u32..40,
        count in 1usize..=N_ITEMS,
        logic in prop_oneof![Just(Logic::Personal), Just(Logic::Trending), Just(Logic::RecentlyViewed)],
        fallback in prop_oneof![Just(Fallback::Personal), Just(Fallback::Trending)],
        diversity in prop_oneof![Just(0.0), 0.0f32..1.0],
    ) {
        static BOARD: LazyLock<Board> = LazyLock::new(Board::new);
        let list = ListRequest { fallback, diversity, ..list_request(count, logic) };
        let items = |booster| BOARD.list(user, &list, &Options { booster: Some(booster), ..Options::default() });
        let boost_max = boosts.iter().copied().fold(f32::MIN, f32::max);
        let by_item = |item: ItemIdx| boosts[item.pos()];
        let on_demand = items(ItemBooster::OnDemand(&by_item));
        prop_assert_eq!(items(ItemBooster::Precomputed(&boosts, boost_max)), on_demand.clone());
        prop_assert!(diversity > 0.0 || is_sorted(&on_demand));
    }
}
