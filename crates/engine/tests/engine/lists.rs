//! Lists follow what users do, what they were shown, and new items.

use std::sync::Arc;

use catalog::{CatalogFile, ItemRow};
use domain::{
    Column, Exclusion, Interaction, InteractionKind, ListRequest, PropertyType, PropertyValue,
    TraitDefinition,
};
use engine::{ConfirmedRemovals, Engine, Entry, Origin, RequestBudget, TrainingOptions};
use serde_json::json;

use super::{asked, bought, message, open, viewed, wait_until_now};

#[test]
fn a_history_moves_the_next_list_and_bought_items_stay_out_for_good() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(folder.path());
    // Two groups: who sees 0..10, who sees 10..20.
    let interactions = (0..60u32).flat_map(|user| {
        (0..10u32).filter(move |n| *n != user % 10).map(move |n| {
            Interaction::new(
                format!("g{user}"),
                format!("i{}", user % 2 * 10 + n),
                InteractionKind::DetailView,
            )
        })
    });
    engine.import_interactions(interactions.collect()).unwrap();
    engine.train(TrainingOptions::default(), &|_| {}).unwrap();
    let list = |user: &str| {
        let user = engine.find_user(user);
        engine.recommend(user, &asked(5, Exclusion::Purchased)).unwrap()
    };
    assert!(list("u1").fallback);
    engine.submit_blocking(vec![viewed(1, 1, 3)]).unwrap();
    let moved = list("u1");
    assert!(!moved.fallback);
    let number = |id: &str| id[1..].parse::<u32>().unwrap();
    assert!(moved.items.iter().all(|item| number(&item.item_id) < 10), "{moved:?}");
    assert!(moved.items.iter().all(|item| item.explanation[0].item_id == "i3"));

    // Bought, then so much else that the purchase is no longer in the history in memory.
    engine.submit_blocking(vec![bought(1, 1, 4)]).unwrap();
    let views: Vec<Entry> = (0..600).map(|n| viewed(100_000 + n, 1, 15)).collect();
    engine.submit_blocking(views).unwrap();
    let all = engine.recommend(engine.find_user("u1"), &asked(100, Exclusion::Purchased)).unwrap();
    assert_eq!(all.items.len(), 19);
    assert!(all.items.iter().all(|item| item.item_id != "i4"));
    let interacted =
        engine.recommend(engine.find_user("u1"), &asked(100, Exclusion::Interacted)).unwrap();
    assert!(
        interacted.items.iter().all(|item| !["i3", "i4", "i15"].contains(&item.item_id.as_str()))
    );
}

#[test]
fn a_new_item_reaches_those_who_like_its_like_without_a_training() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(folder.path());
    let catalog = |n_items: u32| {
        let rows = (0..n_items).map(|n| {
            let genre = if n % 2 == 0 { "jazz" } else { "metal" };
            ItemRow {
                item_id: format!("i{n}"),
                values: vec![Some(PropertyValue::String(genre.to_owned()))],
            }
        });
        let columns = vec![Column { name: "genre".to_owned(), type_: PropertyType::String }];
        engine
            .import_catalog(
                CatalogFile { columns, rows: rows.collect(), catalog: None },
                &ConfirmedRemovals::default(),
                &|_, _| Ok(()),
            )
            .unwrap();
    };
    catalog(10);
    engine.submit_blocking(vec![viewed(1, 1, 0), viewed(2, 1, 2), viewed(3, 2, 1)]).unwrap();
    let first = |user: &str| {
        let list =
            engine.recommend(engine.find_user(user), &asked(1, Exclusion::Interacted)).unwrap();
        list.items.into_iter().next().unwrap()
    };
    for trained in [false, true] {
        if trained {
            engine.train(TrainingOptions::default(), &|_| {}).unwrap();
        }
        let n = if trained { 13 } else { 11 };
        catalog(n);
        let found =
            engine.recommend(engine.find_user("u1"), &asked(20, Exclusion::Interacted)).unwrap();
        let new = found.items.iter().find(|item| item.item_id == format!("i{}", n - 1)).unwrap();
        assert_eq!(new.origin, Origin::ColdStart, "{found:?}");
        assert_eq!(new.explanation[0].similar_in.as_deref(), Some("genre"));
        let other = first("u2");
        assert_eq!(other.item_id[1..].parse::<u32>().unwrap() % 2, 1, "{other:?}");
    }
}

#[test]
fn what_was_served_rotates_at_once_and_after_a_restart_and_follows_a_merge() {
    let folder = tempfile::tempdir().unwrap();
    let rotating = ListRequest { rotation_rate: 1.0, ..asked(2, Exclusion::None) };
    let ids = |list: engine::RecommendedList| {
        list.items.into_iter().map(|item| item.item_id).collect::<Vec<_>>()
    };
    let peek = |engine: &Engine, user: &str| {
        ids(engine.recommend(engine.find_user(user), &rotating).unwrap())
    };
    let (first, second, third) = {
        let engine = open(folder.path());
        for n in 0..8 {
            let of_guest = json!({ "type": "track", "messageId": format!("g{n}"), "anonymousId": "guest",
                "event": "Product Viewed", "properties": { "sku": format!("i{n}") } });
            engine
                .submit_blocking(vec![viewed(n, 1, n), viewed(100 + n, 2, n), message(&of_guest)])
                .unwrap();
        }
        wait_until_now(&engine);
        let budget = Arc::new(RequestBudget::unlimited());
        let turning = TraitDefinition {
            rotation_rate: 1.0,
            count: 2,
            exclude: Some(Exclusion::None),
            ..TraitDefinition::recommended_items("turning")
        };
        let serve = |user: &str| {
            ids(engine
                .serve_trait(engine.find_user(user).unwrap(), &turning, false, &budget)
                .unwrap())
        };
        assert_eq!(peek(&engine, "guest"), peek(&engine, "guest"), "looking is not showing");
        let first = serve("guest");
        // Nothing has reached the journal yet, and still it counts.
        let second = serve("guest");
        assert!(second.iter().all(|item| !first.contains(item)), "{first:?} {second:?}");
        let plain = TraitDefinition { rotation_rate: 0.0, ..turning.clone() };
        let plain =
            engine.serve_trait(engine.find_user("guest").unwrap(), &plain, true, &budget).unwrap();
        assert_eq!(ids(plain), first, "a list without rotation neither moves nor counts");
        (first, second, peek(&engine, "guest"))
    };
    for lost in [None, Some("store")] {
        lost.iter().for_each(|lost| fs_err::remove_dir_all(folder.path().join(lost)).unwrap());
        let engine = open(folder.path());
        let after = peek(&engine, "guest");
        assert_eq!(after, third, "{first:?} {second:?}");
        assert_eq!(peek(&engine, "u1"), first, "nobody else's list has moved");
    }
    let engine = open(folder.path());
    let known = json!({ "type": "identify", "messageId": "known", "userId": "ann", "anonymousId": "guest" });
    engine.submit_blocking(vec![message(&known)]).unwrap();
    assert_eq!(peek(&engine, "ann"), third);
}

#[test]
fn a_trending_trait_counts_its_own_period() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(folder.path());
    let act = |user: u32, item: &str, ago_ms: i64| Interaction {
        timestamp: Some(domain::Timestamp(engine.now().0 - ago_ms)),
        ..Interaction::new(format!("u{user}"), item.to_owned(), InteractionKind::DetailView)
    };
    let old = (0..9).map(|user| act(user, "old", 10 * 86_400_000));
    let new = (0..3).map(|user| act(user, "new", 60_000));
    engine.import_interactions(old.chain(new).collect()).unwrap();
    let listed = |max_age_s: Option<u32>| {
        let trending = TraitDefinition {
            logic: domain::Logic::Trending,
            max_age_s,
            exclude: Some(Exclusion::None),
            ..TraitDefinition::recommended_items("popular")
        };
        let list = engine.recommend(None, &trending.list()).unwrap();
        list.items.first().map(|item| item.item_id.clone())
    };
    assert_eq!(listed(None).as_deref(), Some("old"));
    assert_eq!(listed(Some(86_400)).as_deref(), Some("new"));
}
