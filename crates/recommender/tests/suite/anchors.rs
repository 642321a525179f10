//! Lists that go with what somebody did last, and the newest items.

use domain::{
    Exclusion, Fallback, InteractionKind, ItemIdx, ListRequest, Logic, MixPart, PropertyValue,
    Relevance, UserIdx,
};
use recommender::{
    ColdStartItems, Contribution, Eligibility, FeaturesBuilder, HistoryEntry, LookBack, Model,
    Origin, PeopleCounter, RecommendedItem, Request, recommend,
};

use crate::fixtures::{DAY_S, entry, groups, sources, train};

const VIEW: InteractionKind = InteractionKind::DetailView;
const N_ITEMS: usize = 24;

/// The settings of a list that nothing completes.
fn alone(logic: Logic) -> ListRequest {
    let exclude = Exclusion::Interacted;
    ListRequest { fallback: Fallback::None, exclude, ..ListRequest::new(5, logic) }
}

struct Shop {
    model: Model,
    cold: ColdStartItems,
    histories: recommender::Histories,
}

impl Shop {
    /// Four groups of six items that people view together; items have the group of the next item as
    /// their brand.
    fn open() -> Self {
        let histories = groups(4, 30);
        let model = train(&histories, N_ITEMS).model;
        let mut features = FeaturesBuilder::default();
        for item in 0..N_ITEMS as u32 {
            let brand = format!("b{}", (item + 1) / 6 % 4);
            features.add(ItemIdx(item), &[("brand", PropertyValue::String(brand))]);
        }
        let cold = ColdStartItems::new(features.finish(N_ITEMS).into(), Some(&model));
        Self { model, cold, histories }
    }

    fn list(
        &self,
        list: &ListRequest,
        history: &[HistoryEntry],
        now_s: i64,
    ) -> Vec<RecommendedItem> {
        let is_offered = |item: ItemIdx| item.0 != 23;
        let eligibility = Eligibility::new(&is_offered, list.exclude, history, []);
        let request = Request { now_s: now_s as u32, ..Request::new(list, history, &eligibility) };
        let sources = sources(Some(&self.model), &self.cold, &self.histories, N_ITEMS);
        recommend(sources, &request).into_items()
    }
}

fn ids(list: &[RecommendedItem]) -> Vec<u32> {
    list.iter().map(|item| item.item.0).collect()
}

/// The groups of the listed items.
fn groups_of(list: &[RecommendedItem]) -> Vec<u32> {
    let mut groups: Vec<u32> = list.iter().map(|item| item.item.0 / 6).collect();
    groups.sort_unstable();
    groups.dedup();
    groups
}

#[test]
fn items_go_together_with_the_last_actions_of_the_kind_and_age_that_count() {
    let shop = Shop::open();
    let buy = InteractionKind::Purchase;
    let day = |n: i64| n * DAY_S;
    let history = [
        entry(0, buy, day(1)),
        entry(6, buy, day(50)),
        entry(7, buy, day(50)),
        entry(12, VIEW, day(60)),
    ];
    let best = |list: ListRequest| {
        let list = shop.list(&list, &history, day(61));
        (list.first().map(|item| item.item.0 / 6), list)
    };
    let together = || alone(Logic::Together);
    assert_eq!(best(together()).0, Some(2), "the last action was a view of the third group");
    let (group, bought) = best(ListRequest { interaction: Some(buy), ..together() });
    assert_eq!(group, Some(1));
    let because = Contribution::new(ItemIdx(7), buy, 1.0);
    assert_eq!(bought[0].explanation, [because], "the last purchase alone, by its true kind");
    assert!(ids(&bought).iter().all(|item| !history.iter().any(|entry| entry.item.0 == *item)));

    let three = ListRequest { interaction: Some(buy), anchors: 3, count: 23, ..together() };
    let named = |list: &[RecommendedItem], of: u32| {
        list.iter().any(|item| item.explanation.iter().any(|reason| reason.item.0 == of))
    };
    let (_, of_three) = best(three.clone());
    assert!([0, 6, 7].into_iter().all(|item| named(&of_three, item)));
    let (_, recent) = best(ListRequest { max_age_s: Some(day(30) as u32), ..three });
    assert!(!named(&recent, 0), "the first purchase is too old");

    let cart = InteractionKind::CartAddition;
    let none = best(ListRequest { interaction: Some(cart), ..together() }).1;
    assert!(none.is_empty(), "nothing of the kind, and no fallback");
    let trending = ListRequest { fallback: Fallback::Trending, ..together() };
    let (_, trending) = best(ListRequest { interaction: Some(cart), ..trending });
    assert!(trending.len() == 5 && trending.iter().all(|item| item.origin == Origin::Trending));
}

#[test]
fn what_people_combined_in_a_window_decides_in_place_of_the_model() {
    let mut shop = Shop::open();
    // Since day 100 those of the first group's items buy those of the last group with them, and all
    // view item 13.
    let (buy, since) = (InteractionKind::Purchase, 100 * DAY_S);
    for user in 0..40 {
        let (first, last) = if user < 20 { (user % 2, 18 + user % 3) } else { (6, 7) };
        for (item, kind) in [(first, buy), (last, buy), (13, buy), (first + 1, VIEW)] {
            shop.histories.add(UserIdx(1_000 + user), entry(item, kind, since + i64::from(user)));
        }
    }
    let now_s = since + DAY_S;
    let history = [entry(0, buy, now_s - 10)];
    let look_back = LookBack { length_s: 2 * DAY_S as u32, kind: Some(buy) };
    let mut counter = PeopleCounter::new(look_back, now_s as u32);
    counter.add(&shop.histories, (0..shop.histories.n_users() as u32).map(UserIdx));
    let people = counter.finish();

    let windowed = ListRequest {
        interaction: Some(buy),
        learns_from_s: Some(look_back.length_s),
        ..alone(Logic::Together)
    };
    let list = |list: &ListRequest| {
        let is_offered = |item: ItemIdx| item.0 != 19;
        let eligibility = Eligibility::new(&is_offered, list.exclude, &history, []);
        let request = Request {
            now_s: now_s as u32,
            people_by_item: Some(&people),
            ..Request::new(list, &history, &eligibility)
        };
        let sources = sources(Some(&shop.model), &shop.cold, &shop.histories, N_ITEMS);
        recommend(sources, &request).into_items()
    };
    let combined = list(&windowed);
    // 10 people bought item 0: 4 with item 18, 3 with each of 19 and 20. Everybody bought 13.
    assert_eq!(ids(&combined), [18, 20], "19 is not offered, 1 was only viewed with it");
    let because = |n| Contribution { n_people: Some(n), ..Contribution::new(ItemIdx(0), buy, 1.0) };
    assert_eq!(
        (&combined[0].explanation[..], combined[0].origin),
        (&[because(4)][..], Origin::Together)
    );
    assert_eq!(combined[1].explanation, [because(3)]);

    let filled = ListRequest { fallback: Fallback::Chain(vec![Logic::Newest]), ..windowed.clone() };
    assert_eq!(ids(&list(&filled)), [18, 20, 23, 22, 21]);
    let part = |logic| MixPart { logic, weight: 1.0 };
    let mix = vec![part(Logic::Newest), part(Logic::Together)];
    let mixed = list(&ListRequest { logic: Logic::Personal, mix, ..windowed.clone() });
    assert_eq!(ids(&mixed), [23, 18, 22, 20, 21]);
    assert_eq!(mixed[1].explanation, [because(4)]);
    let relevant = ListRequest { min_relevance: Relevance::High, ..windowed };
    assert!(relevant.validate().unwrap_err().contains("min_relevance"));
}

#[test]
fn content_based_lists_follow_the_properties_whatever_people_view_together() {
    let shop = Shop::open();
    // Item 5 is viewed with the first group, and has the brand of the second.
    let history = [entry(5, VIEW, 10)];
    let list = shop.list(&alone(Logic::ContentBased), &history, 20);
    assert_eq!(list.len(), 5);
    assert!(
        list.iter().all(|item| item.origin == Origin::Content && (6..11).contains(&item.item.0))
    );
    assert_eq!(list[0].explanation[0].item, ItemIdx(5));
    let together = shop.list(&alone(Logic::Together), &history, 20);
    assert_eq!(groups_of(&together[..3]), [0]);
}

#[test]
fn the_newest_items_are_those_that_entered_the_catalog_last() {
    let shop = Shop::open();
    let newest = alone(Logic::Newest);
    assert_eq!(ids(&shop.list(&newest, &[], 0)), [22, 21, 20, 19, 18], "23 is not offered");
    assert_eq!(ids(&shop.list(&newest, &[entry(21, VIEW, 0)], 0)), [22, 20, 19, 18, 17]);
}

#[test]
fn who_was_not_active_gets_no_list_and_a_list_that_is_too_short_is_none() {
    let shop = Shop::open();
    let newest = ListRequest { active_within_s: Some(100), ..alone(Logic::Newest) };
    assert_eq!(shop.list(&newest, &[entry(0, VIEW, 50)], 150).len(), 5);
    assert!(shop.list(&newest, &[entry(0, VIEW, 49)], 150).is_empty());
    assert!(shop.list(&newest, &[], 150).is_empty(), "whom nobody knows did nothing");
    let history: Vec<HistoryEntry> = (0..20).map(|item| entry(item, VIEW, 50)).collect();
    let few = |min_count| ListRequest { min_count, ..alone(Logic::Newest) };
    assert_eq!(ids(&shop.list(&few(3), &history, 50)), [22, 21, 20]);
    assert!(shop.list(&few(4), &history, 50).is_empty());
}
