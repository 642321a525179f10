//! Lists that are not personal: trends, recently viewed items, and items to buy again.

use domain::{Exclusion, InteractionKind, ListRequest, Logic, UserIdx};
use recommender::{ColdStartItems, Eligibility, Features, Histories, Model, Request, recommend};

use crate::fixtures::{DAY_S, allow_all, entry, items_of, sources, train};

#[test]
fn trends_count_the_requested_kind_of_interaction() {
    let mut histories = Histories::default();
    for user in 0..9 {
        histories.add(UserIdx(user), entry(0, InteractionKind::DetailView, 0));
        histories.add(UserIdx(user), entry(1 + user % 2, InteractionKind::Purchase, 0));
    }
    let model = train(&histories, 4).model;
    let items = |model: Option<&Model>, interaction| {
        let request = ListRequest { interaction, ..ListRequest::new(4, Logic::Trending) };
        let cold = ColdStartItems::new(Features::empty(4).into(), model);
        let eligibility = Eligibility::new(&allow_all, request.exclude, &[], []);
        let list = recommend(
            sources(model, &cold, &histories, 4),
            &Request::new(&request, &[], &eligibility),
        )
        .into_items();
        list.iter().map(|item| item.item.0).collect::<Vec<_>>()
    };
    for model in [None, Some(&model)] {
        assert_eq!(items(model, Some(InteractionKind::Purchase)), [1, 2]);
        assert_eq!(items(model, Some(InteractionKind::DetailView)), [0]);
        assert!(items(model, Some(InteractionKind::CartAddition)).is_empty());
        assert_eq!(items(model, None).len(), 4, "items without interactions come last");
    }
}

#[test]
fn recently_viewed_lists_viewed_items_latest_first() {
    let view = InteractionKind::DetailView;
    let mut histories = Histories::default();
    let history = [
        entry(0, view, 1),
        entry(1, view, 2),
        entry(2, view, 3),
        entry(0, view, 4),
        entry(1, InteractionKind::Purchase, 5),
    ];
    history.iter().for_each(|entry| histories.add(UserIdx(0), *entry));
    let model = train(&histories, 3).model;
    let request = |exclude| ListRequest { exclude, ..ListRequest::new(9, Logic::RecentlyViewed) };
    assert_eq!(items_of(&model, &histories, 0, &request(Exclusion::None), &[], 0), [0, 2, 1]);
    assert_eq!(items_of(&model, &histories, 0, &request(Exclusion::Purchased), &[], 0), [0, 2]);
}

#[test]
fn due_items_are_listed_to_buy_again() {
    // Item 0 is bought every ten days, item 1 once, item 2 every hundred days.
    let buy = |item, day: i64| entry(item, InteractionKind::Purchase, day * DAY_S);
    let mut histories = Histories::default();
    for user in 0..20 {
        for (item, interval) in [(0, 10), (2, 100)] {
            (0..4).for_each(|n| {
                histories.add(UserIdx(user), buy(item, n * interval + i64::from(user) % 3))
            });
        }
        histories.add(UserIdx(user), buy(1, 5));
    }
    let bought = |days: [i64; 3]| {
        let mut histories = Histories::default();
        days.iter().zip(0..).for_each(|(&day, item)| histories.add(UserIdx(0), buy(item, day)));
        histories
    };
    let model = train(&histories, 3).model;
    let due = |days: [i64; 3], today: i64| {
        items_of(
            &model,
            &bought(days),
            0,
            &ListRequest::new(5, Logic::BuyAgain),
            &[],
            (today * DAY_S) as u32,
        )
    };
    assert!(due([200, 200, 200], 201).is_empty(), "nothing is due a day later");
    assert_eq!(due([200, 200, 200], 210), [0]);
    assert_eq!(due([209, 200, 111], 210), [2]);
    assert_eq!(
        due([200, 200, 110], 210)[0],
        0,
        "the item with the shorter interval is more likely within two weeks"
    );
    assert_eq!(due([200, 200, 110], 210).len(), 2);
}

#[test]
fn only_likely_repurchases_are_listed_to_buy_again() {
    // 100 users buy each item. 80 buy coffee (0) again every 30 days, 5 another television (1).
    let buy = |item, day: i64| entry(item, InteractionKind::Purchase, day * DAY_S);
    let mut histories = Histories::default();
    for user in 0..100 {
        for (item, n_again) in [(0, 80), (1, 5)] {
            let n = if user < n_again { 4 } else { 1 };
            (0..n).for_each(|n| histories.add(UserIdx(user), buy(item, 30 * n)));
        }
    }
    let model = train(&histories, 3).model;
    let due = |purchases: &[(u32, i64)], today: i64| {
        let mut own = Histories::default();
        purchases.iter().for_each(|&(item, day)| own.add(UserIdx(0), buy(item, day)));
        items_of(
            &model,
            &own,
            0,
            &ListRequest::new(5, Logic::BuyAgain),
            &[],
            (today * DAY_S) as u32,
        )
    };
    assert_eq!(due(&[(0, 200), (1, 200)], 230), [0], "few buyers of a television buy another");
    assert_eq!(due(&[(0, 200), (1, 170), (1, 200)], 230).len(), 2, "a buyer of two is likely to");
    assert_eq!(due(&[(0, 140), (0, 170), (0, 200)], 280), [0], "somewhat late");
    assert!(due(&[(0, 140), (0, 170), (0, 200)], 400).is_empty(), "the habit has ended");
    // The user's own interval counts, not only that of others.
    assert_eq!(due(&[(0, 100), (0, 280), (0, 460)], 640), [0]);
}

#[test]
fn the_same_weeks_a_year_earlier_count_where_they_help() {
    // Items 0 to 4 sell in December, the others in the other months, one of them each time.
    let mut histories = Histories::default();
    for user in 0..600u32 {
        for n in 0..4 {
            let day = (i64::from(user) * 7 + n * 97) % 725;
            let is_december = (335..365).contains(&(day % 365));
            let item = if is_december { user % 5 } else { 5 + (user + n as u32) % 5 };
            histories.add(UserIdx(user), entry(item, InteractionKind::Purchase, day * DAY_S));
        }
    }
    let set = |until: i64| {
        let rows = (0..600).map(|user| {
            let row = histories.row(UserIdx(user)).iter().copied();
            row.filter(|entry| i64::from(entry.at_s) < until * DAY_S).collect::<Vec<_>>()
        });
        recommender::TrainingSet::new(rows, 10)
    };
    use recommender::models::popularity::{Config, fit};
    let seasonal = Config { seasonal: 6.0, ..Config::default() };
    let count_december_items = |until, config: &Config| {
        fit(&set(until), config).ranked[..5].iter().filter(|item| **item < 5).count()
    };
    assert_eq!(
        count_december_items(365 + 334, &Config::default()),
        0,
        "at the end of November no December item sells yet"
    );
    assert_eq!(count_december_items(365 + 334, &seasonal), 5);
    assert_eq!(count_december_items(365 + 200, &seasonal), 0, "in July the season is over");
}
