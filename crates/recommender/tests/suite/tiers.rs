//! Tiers of lists: what comes before what, with and without a booster.

use std::sync::LazyLock;

use domain::{Exclusion, Fallback, InteractionKind, ItemIdx, ListRequest, Logic, MixPart, UserIdx};
use proptest::prelude::*;
use recommender::{
    Backfill, ColdStartItems, Eligibility, Features, Histories, ItemBooster, Model, Origin,
    RecommendedItem, Request, recommend,
};

use crate::fixtures::{DAY_S, GROUP_ITEMS, allow_all, entry, groups, sources, train};

const N_GROUPS: u32 = 5;
/// The items of all groups, and some that nobody has seen.
const N_ITEMS: usize = 40;
/// A user who viewed the last two items of the first group.
const USER: UserIdx = UserIdx(60);

struct Shop {
    histories: Histories,
    model: Model,
    cold: ColdStartItems,
}

static SHOP: LazyLock<Shop> = LazyLock::new(|| {
    let mut histories = groups(N_GROUPS, 12);
    assert_eq!(histories.n_users(), USER.0 as usize);
    for item in [4, 5] {
        histories.add(USER, entry(item, InteractionKind::DetailView, DAY_S * i64::from(item)));
    }
    let model = train(&histories, N_ITEMS).model;
    let cold = ColdStartItems::new(Features::empty(N_ITEMS).into(), Some(&model));
    Shop { histories, model, cold }
});

impl Shop {
    fn list(&self, list: &ListRequest, booster: Option<ItemBooster<'_>>) -> Vec<RecommendedItem> {
        let eligibility = Eligibility::new(&allow_all, list.exclude, self.histories.row(USER), []);
        self.answer(&Request {
            seeds: &[ItemIdx(7)],
            booster,
            ..Request::new(list, self.histories.row(USER), &eligibility)
        })
    }

    fn answer(&self, request: &Request<'_>) -> Vec<RecommendedItem> {
        let sources = sources(Some(&self.model), &self.cold, &self.histories, N_ITEMS);
        recommend(sources, request).into_items()
    }
}

fn origins(list: &[RecommendedItem]) -> Vec<Origin> {
    let mut origins: Vec<Origin> = list.iter().map(|item| item.origin).collect();
    origins.dedup();
    origins
}

fn ids(list: &[RecommendedItem]) -> Vec<u32> {
    list.iter().map(|item| item.item.0).collect()
}

fn is_sorted(list: &[RecommendedItem]) -> bool {
    list.windows(2).all(|pair| pair[0].score >= pair[1].score)
}

/// All items that the user viewed, then the personal fallback, then trending items.
fn viewed(count: usize) -> ListRequest {
    ListRequest { fallback: Fallback::Personal, ..ListRequest::new(count, Logic::RecentlyViewed) }
}

#[test]
fn the_best_of_a_fallback_comes_behind_the_last_of_the_tier_before_whatever_its_index() {
    let list = SHOP.list(&viewed(N_ITEMS), None);
    assert_eq!(list.len(), N_ITEMS);
    assert_eq!(origins(&list), [Origin::RecentlyViewed, Origin::Model, Origin::Trending]);
    assert_eq!(ids(&list)[..2], [5, 4]);
    assert!(is_sorted(&list));
}

#[test]
fn a_small_booster_orders_within_a_tier_and_a_large_one_lifts_any_item_to_the_top() {
    // Item 4 was viewed, item 1 is similar, nobody has seen item 39.
    let first = |boosted: u32, factor: f32| {
        let booster = |item: ItemIdx| if item.0 == boosted { factor } else { 1.0 };
        let list = SHOP.list(&viewed(N_ITEMS), Some(ItemBooster::OnDemand(&booster)));
        assert!(list.len() == N_ITEMS && is_sorted(&list));
        (ids(&list)[0], origins(&list))
    };
    let tiers = [Origin::RecentlyViewed, Origin::Model, Origin::Trending];
    assert_eq!(first(4, 3.0), (4, tiers.to_vec()));
    assert_eq!(first(1, 3.0), (5, tiers.to_vec()), "no box of viewed items begins with others");
    assert_eq!(first(39, 3.0), (5, tiers.to_vec()));
    assert_eq!(first(1, 1e4).0, 1);
    assert_eq!(first(39, 1e9).0, 39);
}

#[test]
fn a_backfill_comes_behind_the_fallback_and_only_where_places_are_open() {
    let is_member = |item: ItemIdx| item.0 < GROUP_ITEMS;
    let is_beyond = |item: ItemIdx| item.0 >= GROUP_ITEMS;
    let beyond = Eligibility::new(&is_beyond, Exclusion::None, &[], []);
    let list = |count, seeds: &dyn Fn() -> Vec<ItemIdx>| {
        let list =
            ListRequest { exclude: Exclusion::None, ..ListRequest::new(count, Logic::Personal) };
        let members = Eligibility::new(&is_member, Exclusion::None, &[], []);
        let backfill = Backfill { seeds, eligibility: &beyond, candidate_set: None };
        let found = SHOP.answer(&Request {
            backfill: Some(backfill),
            ..Request::new(&list, SHOP.histories.row(USER), &members)
        });
        assert!(is_sorted(&found));
        ids(&found)
    };
    let whole = list(N_ITEMS, &|| vec![ItemIdx(2 * GROUP_ITEMS)]);
    assert_eq!(whole.len(), N_ITEMS);
    let (members, rest) = whole.split_at(GROUP_ITEMS as usize);
    assert!(members.iter().all(|item| *item < GROUP_ITEMS), "{whole:?}");
    assert!(rest[..5].iter().all(|item| item / GROUP_ITEMS == 2), "the seed's group: {rest:?}");
    let short = list(GROUP_ITEMS as usize, &|| panic!("no place is open"));
    assert_eq!(short, members);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn a_short_list_is_the_beginning_of_a_longer_one_with_any_logic_and_booster(
        factors in prop::option::of(prop::collection::vec(
            prop_oneof![
                Just(1.0f32), Just(0.0), 0.1f32..5.0, 1f32..1e6,
                -5.0f32..0.0, Just(f32::MAX), Just(f32::INFINITY), Just(f32::NEG_INFINITY),
            ],
            N_ITEMS,
        )),
        is_precomputed in any::<bool>(),
        logic in prop_oneof![
            Just(Logic::Personal), Just(Logic::Similar), Just(Logic::WatchNext),
            Just(Logic::Trending), Just(Logic::RecentlyViewed),
        ],
        fallback in prop_oneof![Just(Fallback::Personal), Just(Fallback::Trending)],
        (short, long) in (1..N_ITEMS).prop_flat_map(|short| (Just(short), short..=N_ITEMS)),
    ) {
        let factors = factors.as_deref();
        let by_item = |item: ItemIdx| factors.map_or(1.0, |factors| factors[item.pos()]);
        let booster = factors.map(|factors| match is_precomputed {
            true => ItemBooster::Precomputed(factors, factors.iter().copied().fold(f32::MIN, f32::max)),
            false => ItemBooster::OnDemand(&by_item),
        });
        let list = |count| {
            let fallback = fallback.clone();
            let list = ListRequest { exclude: Exclusion::None, fallback, ..ListRequest::new(count, logic) };
            SHOP.list(&list, booster)
        };
        let (short, long) = (list(short), list(long));
        prop_assert!(is_sorted(&long));
        prop_assert_eq!(ids(&short), ids(&long)[..short.len()].to_vec());
    }
}

/// Logics that a list of the shop may come from, in any order and number.
fn logics() -> impl Strategy<Value = Vec<Logic>> {
    let all = [
        Logic::Personal,
        Logic::Trending,
        Logic::RecentlyViewed,
        Logic::WatchNext,
        Logic::Together,
        Logic::Newest,
        Logic::BuyAgain,
    ];
    prop::sample::subsequence(all.to_vec(), 1..=4).prop_shuffle()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn mixes_and_chains_list_nothing_twice_and_nothing_that_is_not_eligible(
        (mix, weights) in (logics(), prop::array::uniform4(0.1f32..100.0)),
        is_mixed in any::<bool>(),
        chain in logics(),
        factors in prop::option::of(prop::collection::vec(prop_oneof![Just(0.0f32), 0.1f32..50.0], N_ITEMS)),
        withdrawn in prop::collection::hash_set(0u32..N_ITEMS as u32, 0..20),
        exclude in prop_oneof![Just(Exclusion::None), Just(Exclusion::Interacted)],
        (short, long) in (1..N_ITEMS).prop_flat_map(|short| (Just(short), short..=N_ITEMS)),
    ) {
        let parts = mix.iter().zip(weights).map(|(logic, weight)| MixPart { logic: *logic, weight });
        let mix: Vec<MixPart> = parts.filter(|_| is_mixed).collect();
        let is_available = |item: ItemIdx| !withdrawn.contains(&item.0);
        let by_item = |item: ItemIdx| factors.as_ref().map_or(1.0, |factors| factors[item.pos()]);
        let history = SHOP.histories.row(USER);
        let eligibility = Eligibility::new(&is_available, exclude, history, [ItemIdx(3)]);
        let list = |count| {
            let (mix, fallback) = (mix.clone(), Fallback::Chain(chain.clone()));
            let list = ListRequest { mix, fallback, exclude, ..ListRequest::new(count, Logic::Personal) };
            let booster = factors.as_ref().map(|_| ItemBooster::OnDemand(&by_item));
            SHOP.answer(&Request { booster, ..Request::new(&list, history, &eligibility) })
        };
        let (short, long) = (list(short), list(long));
        prop_assert_eq!(&long, &list(long.len().max(1)), "the same again");
        prop_assert!(is_sorted(&long));
        prop_assert_eq!(ids(&short), ids(&long)[..short.len()].to_vec());
        prop_assert!(ids(&long).iter().all(|item| eligibility.allows(ItemIdx(*item))));
        let distinct: std::collections::BTreeSet<u32> = ids(&long).into_iter().collect();
        prop_assert_eq!(distinct.len(), long.len());
    }
}

#[test]
fn a_chain_fills_each_place_from_the_first_logic_that_has_an_item_for_it() {
    let chain = Fallback::Chain(vec![Logic::Newest, Logic::Trending]);
    let list = ListRequest { fallback: chain, ..viewed(8) };
    let found = SHOP.list(&list, None);
    assert_eq!(origins(&found), [Origin::RecentlyViewed, Origin::Newest]);
    let mix = [(Logic::RecentlyViewed, 1.0), (Logic::Newest, 3.0)];
    let mix = mix.map(|(logic, weight)| MixPart { logic, weight }).to_vec();
    let list = ListRequest { mix, ..ListRequest::new(4, Logic::Personal) };
    let list = ListRequest { exclude: Exclusion::None, ..list };
    let found = SHOP.list(&list, None);
    let n_newest = found.iter().filter(|item| item.origin == Origin::Newest).count();
    assert_eq!((found.len(), n_newest), (4, 3));
}
