//! An engine as its callers see it: outcomes, restarts, lost stores and models, disks that fail.

#![expect(clippy::unwrap_used, reason = "a test may end at the first surprise")]

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use catalog::{CatalogFile, Format, ImportOptions, ItemRow, read_file};
use domain::{
    Arrival, Column, Envelope, Exclusion, Interaction, InteractionKind, ListRequest, Logic,
    MessageType, PropertyType, PropertyValue, Timestamp, TraitDefinition, WorkspaceConfig,
    WorkspaceId, check_message,
};
use engine::{
    Confirmed, DataFolder, DataFolderError, Engine, EngineError, EngineOptions, Entry, ExternalId,
    ExternalIdType, Health, Origin, Outcome, Problem, SubmitError, TimelineQuery, TrainingError,
    TrainingOptions, TrainingRunState,
};
use proptest::prelude::*;
use serde_json::{Value, json};
use testkit::FaultyDisk;

fn open(folder: &Path) -> Engine {
    Engine::open(WorkspaceId::new("shop").unwrap(), folder, &|_, _| {}).unwrap()
}

fn message(body: &Value) -> Entry {
    let arrival =
        Arrival { received_at: Timestamp(1_700_000_000_000), source: "web", peer_ip: None };
    let message = check_message(&body.to_string(), None, &Envelope::default(), &arrival).unwrap();
    Entry::Message(Box::new(message))
}

/// The journal's clock comes to believe that it is now, whatever its entries said before.
fn wait_until_now(engine: &Engine) {
    let at = |n| Timestamp(engine::now().0 - n * engine::SAMPLE_INTERVAL_MS);
    let entries = (0..engine::SAMPLES as i64).rev().map(|n| Entry::Resumed { received_at: at(n) });
    engine.submit_blocking(entries.collect()).unwrap();
}

fn viewed(n: u32, user: u32, item: u32) -> Entry {
    message(&json!({
        "type": "track", "messageId": format!("m{n}"), "userId": format!("u{user}"), "event": "Product Viewed",
        "timestamp": 1_600_000_000 + n, "properties": { "product_id": format!("i{item}") },
    }))
}

fn bought(n: u32, user: u32, item: u32) -> Entry {
    message(&json!({
        "type": "track", "messageId": format!("b{n}"), "userId": format!("u{user}"), "event": "Order Completed",
        "properties": { "products": [{ "product_id": format!("i{item}"), "quantity": 2, "price": 3 }] },
    }))
}

fn asked(count: usize, exclude: Exclusion) -> ListRequest {
    ListRequest { exclude, ..ListRequest::new(count, Logic::Personal) }
}

/// Everything that can be asked, as JSON, without the times of asking.
fn picture(engine: &Engine) -> Value {
    let definition = TraitDefinition { count: 7, ..TraitDefinition::recommended_items("t") };
    let mut users = BTreeMap::new();
    engine
        .compute_trait::<EngineError>(&definition, &|_, _| {}, |user_id, list| {
            let user =
                engine.user(ExternalId { type_: ExternalIdType::UserId, value: user_id }).unwrap();
            let mut query = TimelineQuery { ascending: true, limit: 1_000, ..Default::default() };
            let (events, _) = engine.events(user, &query).unwrap();
            query.ascending = false;
            assert_eq!(engine.events(user, &query).unwrap().0.len(), events.len());
            let shown = json!({
                "list": format!("{list:?}"),
                "history": format!("{:?}", engine.snapshot().history(user, 1_000)),
                "events": events.iter().map(|event| event.message.to_json()).collect::<Vec<_>>(),
                "traits": format!("{:?}", engine.snapshot().stored_traits(user).unwrap()),
                "identifiers": format!("{:?}", engine.snapshot().identifiers(user).unwrap()),
                "metadata": format!("{:?}", engine.metadata(user).unwrap()),
            });
            users.insert(user_id.to_owned(), shown);
            Ok(())
        })
        .unwrap();
    json!({
        "users": users,
        "counts": engine.counts(),
        "config": *engine.config(),
        "training": engine.training(),
        "rejections": format!("{:?}", engine.snapshot().rejections(500)),
        "brands": format!("{:?}", engine.recommend(engine.user_of_text("u3"), &ListRequest {
            item_type: Some("title".to_owned()),
            exclude: Exclusion::None,
            ..ListRequest::new(5, Logic::Personal)
        })),
        "nobody": format!("{:?}", engine.recommend(None, &asked(9, Exclusion::None)).unwrap()),
    })
}

/// A bit of everything.
fn fill(engine: &Engine) {
    let config =
        WorkspaceConfig { profile_token: Some("p".to_owned()), ..(*engine.config()).clone() };
    engine.submit_blocking(vec![Entry::Configured(config)]).unwrap();
    let file = "item_id,title,price\ni1,One,1\ni2,Two,2.5\ni30,Thirty,30\n";
    let (file, _) = read_file(file.as_bytes(), Format::Csv, &ImportOptions::default()).unwrap();
    engine.import_catalog(file, &Confirmed::default(), &|_, _| {}).unwrap();
    for n in 0..400u32 {
        engine
            .submit_blocking(vec![viewed(n, n % 17, n * n % 23), bought(n, n % 17, n * 7 % 29)])
            .unwrap();
    }
    let traits = json!({ "type": "identify", "messageId": "i", "userId": "u3", "anonymousId": "a3", "traits": { "vip": true } });
    let anonymous = json!({
        "type": "track", "messageId": "an", "anonymousId": "a3", "event": "Product Shared", "properties": { "sku": "i2" },
    });
    let alias = json!({ "type": "alias", "messageId": "al", "userId": "u4", "previousId": "u5" });
    let failing =
        json!({ "type": "track", "messageId": "f", "userId": "u1", "event": "Product Viewed" });
    for body in [&anonymous, &traits, &alias] {
        assert_eq!(engine.submit_blocking(vec![message(body)]).unwrap(), [Outcome::Applied]);
    }
    assert_eq!(engine.submit_blocking(vec![message(&failing)]).unwrap(), [Outcome::AppliedInPart]);
    engine.train(TrainingOptions::default(), &|_| {}).unwrap();
    engine.submit_blocking(vec![viewed(9_999, 2, 30)]).unwrap();
}

#[test]
fn a_lost_store_and_a_lost_model_change_no_answer() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(folder.path());
    fill(&engine);
    let before = picture(&engine);
    assert!(before["training"]["search"]["blend"]["n_users"].as_u64().unwrap() > 0);
    assert_eq!(before["users"].as_object().unwrap().len(), 16, "u5 became u4");
    drop(engine);
    for lost in [&[][..], &["store"], &["models"], &["store", "models"]] {
        for part in lost {
            fs_err::remove_dir_all(folder.path().join(part)).unwrap();
        }
        let engine = open(folder.path());
        assert_eq!(picture(&engine), before, "without {lost:?}");
    }
    // A damaged artifact is made again as well.
    let artifact =
        fs_err::read_dir(folder.path().join("models")).unwrap().next().unwrap().unwrap().path();
    let mut bytes = fs_err::read(&artifact).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs_err::write(&artifact, bytes).unwrap();
    assert_eq!(picture(&open(folder.path())), before);
}

#[test]
fn a_damaged_store_is_folded_again_by_itself_and_one_that_is_only_out_of_reach_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(folder.path());
    fill(&engine);
    let before = picture(&engine);
    drop(engine);
    let store = folder.path().join("store");
    let keyspaces = fs_err::read_dir(store.join("keyspaces")).unwrap();
    let n_keyspaces = keyspaces.count();
    assert!(n_keyspaces > 20, "{n_keyspaces}");
    for lost in ["keyspaces/13", "keyspaces/1", "keyspaces/0", "keyspaces", "0.jnl", "version"] {
        let path = store.join(lost);
        if path.is_dir() {
            fs_err::remove_dir_all(path).unwrap()
        } else {
            fs_err::remove_file(path).unwrap()
        }
        assert_eq!(picture(&open(folder.path())), before, "without {lost}");
    }
    // Of a start that met a full disk.
    fs_err::write(store.join("version"), "").unwrap();
    assert_eq!(picture(&open(folder.path())), before);
    // A value that is not what this program writes, found only when the views are loaded.
    {
        let damaged = store::Store::open(&store, &profiles::KEYSPACES).unwrap();
        let mut batch = damaged.batch();
        for keyspace in profiles::KEYSPACES {
            batch.put(&damaged.keyspace(keyspace), b"x".to_vec(), b"y".to_vec());
        }
        batch.commit(damaged.position().unwrap()).unwrap();
    }
    assert_eq!(picture(&open(folder.path())), before);
    // While somebody else has it, nothing is wrong with it, and nothing is removed.
    let held = store::Store::open(&store, &[]).unwrap();
    let id = WorkspaceId::new("shop").unwrap();
    let error = Engine::open(id, folder.path(), &|_, _| {}).err().unwrap();
    assert!(matches!(error, EngineError::Store { .. }), "{error}");
    drop(held);
    assert_eq!(picture(&open(folder.path())), before);
}

#[test]
fn a_workspace_opens_without_its_model_and_makes_it_again_later() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(folder.path());
    fill(&engine);
    let before = picture(&engine);
    drop(engine);
    fs_err::remove_dir_all(folder.path().join("models")).unwrap();
    let options = EngineOptions { opens_without_model: true, ..EngineOptions::default() };
    let open_without = || {
        let id = WorkspaceId::new("shop").unwrap();
        Engine::open_with(id, folder.path(), &options, &|_, _| {}).unwrap()
    };
    // The entries' times are of this year and of another, which is a problem as well.
    let is_of_model = |problem: &Problem| matches!(problem, Problem::ModelLost { .. });
    let told_of = |engine: &Engine| {
        let problems = engine.problems().into_iter().filter(is_of_model);
        problems.map(|problem| problem.to_string()).collect::<String>()
    };
    let engine = open_without();
    let told = || told_of(&engine);
    assert!(
        told().contains(
            "its artifact is missing; until then lists are of the model before it, or what is trending"
        ),
        "{}",
        told()
    );
    let list = engine.recommend(engine.user_of_text("u3"), &asked(5, Exclusion::None)).unwrap();
    assert_eq!((list.items.len(), list.model), (5, None));
    // It cannot be made while something is in the way, a full disk or a file.
    let obstacle = folder.path().join("remake");
    fs_err::write(&obstacle, "").unwrap();
    assert!(engine.remake_lost_model().is_err());
    assert!(told().contains("the last attempt failed and is repeated: "), "{}", told());
    fs_err::remove_file(obstacle).unwrap();
    assert!(engine.remake_lost_model().unwrap());
    assert_eq!((told(), picture(&engine)), (String::new(), before.clone()));
    assert!(!engine.remake_lost_model().unwrap());
    drop(engine);
    let engine = open_without();
    assert_eq!((told_of(&engine), picture(&engine)), (String::new(), before));
}

#[test]
fn a_message_id_counts_once_also_after_a_restart_and_a_lost_store() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(folder.path());
    let twice = vec![viewed(1, 1, 1), viewed(1, 2, 2)];
    assert_eq!(engine.submit_blocking(twice).unwrap(), [Outcome::Applied, Outcome::Duplicate]);
    drop(engine);
    for lose_store in [false, true] {
        if lose_store {
            fs_err::remove_dir_all(folder.path().join("store")).unwrap();
        }
        let engine = open(folder.path());
        assert_eq!(engine.submit_blocking(vec![viewed(1, 3, 3)]).unwrap(), [Outcome::Duplicate]);
        assert_eq!(engine.counts().interactions, 1);
    }
}

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
        let user = engine.user_of_text(user);
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
    let all =
        engine.recommend(engine.user_of_text("u1"), &asked(100, Exclusion::Purchased)).unwrap();
    assert_eq!(all.items.len(), 19);
    assert!(all.items.iter().all(|item| item.item_id != "i4"));
    let interacted =
        engine.recommend(engine.user_of_text("u1"), &asked(100, Exclusion::Interacted)).unwrap();
    assert!(
        interacted.items.iter().all(|item| !["i3", "i4", "i15"].contains(&item.item_id.as_str()))
    );
}

#[test]
fn a_training_run_is_cut_short_at_its_next_step_and_none_is_begun_after_it() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(folder.path());
    let views = (0..600u32).map(|n| {
        Interaction::new(
            format!("u{}", n % 40),
            format!("i{}", n * n % 31),
            InteractionKind::DetailView,
        )
    });
    engine.import_interactions(views.collect()).unwrap();
    let n_steps = AtomicUsize::new(0);
    let cut = engine.train(TrainingOptions::default(), &|_| {
        n_steps.fetch_add(1, Ordering::Relaxed);
        engine.cut_training_short();
    });
    assert!(matches!(cut, Err(EngineError::Training(TrainingError::Cancelled(_)))), "{cut:?}");
    assert_eq!(n_steps.into_inner(), 1);
    assert!(!engine.is_training() && engine.training().is_none());
    let state = engine.last_training_run().unwrap().state;
    assert!(matches!(state, TrainingRunState::Failed { .. }), "{state:?}");
    let again = engine.train(TrainingOptions::default(), &|_| {});
    assert!(matches!(again, Err(EngineError::Training(TrainingError::Cancelled(_)))), "{again:?}");
    assert_eq!(engine.health(), Health::Ready, "the workspace goes on");
}

#[test]
fn a_worse_model_is_refused_and_an_earlier_one_comes_back() {
    let folder = tempfile::tempdir().unwrap();
    let group = |offset: u32| {
        (0..60u32).flat_map(move |user| {
            (0..10u32).filter(move |n| *n != user % 10).map(move |n| {
                let item = format!("i{}", offset + user % 2 * 10 + n);
                let at = Timestamp(
                    1_600_000_000_000 + i64::from(offset * 2 + (n * 7 + user) % 10) * 86_400_000,
                );
                Interaction {
                    timestamp: Some(at),
                    ..Interaction::new(format!("g{user}"), item, InteractionKind::DetailView)
                }
            })
        })
    };
    let always = TrainingOptions { refusal_margin: f64::INFINITY, ..Default::default() };
    let first = {
        let engine = open(folder.path());
        // Whatever is not many times as good counts as worse.
        let strict = TrainingOptions { refusal_margin: -10.0, ..Default::default() };
        engine.import_interactions(group(0).take(90).collect()).unwrap();
        let little = engine.train(strict, &|_| {}).unwrap();
        let why = "there are 90 interactions; a first model needs at least 100";
        assert_eq!((little.refused.as_deref(), engine.training()), (Some(why), None));
        engine.import_interactions(group(0).skip(90).collect()).unwrap();
        let first = engine.train(always, &|_| {}).unwrap();
        assert!(first.refused.is_none() && first.beside_current.is_none());
        engine.import_interactions(group(20).collect()).unwrap();
        let refused = engine.train(strict, &|_| {}).unwrap();
        assert!(refused.refused.as_ref().is_some_and(|why| why.contains("that of")), "{refused:?}");
        assert_eq!(engine.training().unwrap(), first);
        assert!(!engine.is_training_due(0.1, u64::MAX));
        let second = engine.train(always, &|_| {}).unwrap();
        assert_ne!(second.version, first.version);
        assert_eq!(engine.training().unwrap(), second);
        engine.activate_model(&first.version).unwrap();
        let unknown = engine.activate_model("000000000000").unwrap_err().to_string();
        assert_eq!(unknown, "no model 000000000000: `tastemaker models` lists those there are");
        first
    };
    for lost in [None, Some("models"), Some("store")] {
        lost.iter().for_each(|lost| fs_err::remove_dir_all(folder.path().join(lost)).unwrap());
        let engine = open(folder.path());
        assert_eq!(engine.training().unwrap(), first);
        let versions: Vec<String> =
            engine.trainings().into_iter().map(|training| training.version).collect();
        assert!(versions.len() >= 2 && versions.contains(&first.version), "{versions:?}");
        let list =
            engine.recommend(engine.user_of_text("g0"), &asked(3, Exclusion::Interacted)).unwrap();
        assert_eq!(list.model, Some(first.version.clone()));
    }
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
                CatalogFile { columns, rows: rows.collect() },
                &Confirmed::default(),
                &|_, _| {},
            )
            .unwrap();
    };
    catalog(10);
    engine.submit_blocking(vec![viewed(1, 1, 0), viewed(2, 1, 2), viewed(3, 2, 1)]).unwrap();
    let first = |user: &str| {
        let list =
            engine.recommend(engine.user_of_text(user), &asked(1, Exclusion::Interacted)).unwrap();
        list.items.into_iter().next().unwrap()
    };
    for trained in [false, true] {
        if trained {
            engine.train(TrainingOptions::default(), &|_| {}).unwrap();
        }
        let n = if trained { 13 } else { 11 };
        catalog(n);
        let found =
            engine.recommend(engine.user_of_text("u1"), &asked(20, Exclusion::Interacted)).unwrap();
        let new = found.items.iter().find(|item| item.item_id == format!("i{}", n - 1)).unwrap();
        assert_eq!(new.origin, Origin::ColdStart, "{found:?}");
        assert_eq!(new.explanation[0].similar_in.as_deref(), Some("genre"));
        let other = first("u2");
        assert_eq!(other.item_id[1..].parse::<u32>().unwrap() % 2, 1, "{other:?}");
    }
}

#[test]
fn a_model_that_hits_nothing_takes_no_place_from_one_that_did() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(folder.path());
    for n in 0..300 {
        engine.submit_blocking(vec![viewed(n, n % 30, n / 30 + n % 2)]).unwrap();
    }
    let first = engine.train(TrainingOptions::default(), &|_| {}).unwrap();
    assert!(first.refused.is_none() && first.search.blend.ndcg > 0.0);
    // Nothing new has happened, but from now on views count nothing.
    let mut config = (*engine.config()).clone();
    config.interaction_weights.view = 0.0;
    engine.submit_blocking(vec![Entry::Configured(config)]).unwrap();
    let second = engine.train(TrainingOptions::default(), &|_| {}).unwrap();
    assert!(second.refused.is_some_and(|why| why.starts_with("it finds no held-out interaction")));
    assert_eq!(engine.training().unwrap().version, first.version);
}

#[test]
fn what_was_served_rotates_at_once_and_after_a_restart_and_follows_a_merge() {
    let folder = tempfile::tempdir().unwrap();
    let rotating = ListRequest { rotation_rate: 1.0, ..asked(2, Exclusion::None) };
    let ids = |list: engine::RecommendedList| {
        list.items.into_iter().map(|item| item.item_id).collect::<Vec<_>>()
    };
    let peek = |engine: &Engine, user: &str| {
        ids(engine.recommend(engine.user_of_text(user), &rotating).unwrap())
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
        let turning = TraitDefinition {
            rotation_rate: 1.0,
            count: 2,
            exclude: Some(Exclusion::None),
            ..TraitDefinition::recommended_items("turning")
        };
        let serve = |user: &str| {
            ids(engine.serve_trait(engine.user_of_text(user).unwrap(), &turning, false).unwrap())
        };
        assert_eq!(peek(&engine, "guest"), peek(&engine, "guest"), "looking is not showing");
        let first = serve("guest");
        // Nothing has reached the journal yet, and still it counts.
        let second = serve("guest");
        assert!(second.iter().all(|item| !first.contains(item)), "{first:?} {second:?}");
        let plain = TraitDefinition { rotation_rate: 0.0, ..turning.clone() };
        let plain =
            engine.serve_trait(engine.user_of_text("guest").unwrap(), &plain, true).unwrap();
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
fn interactions_that_were_deleted_are_gone_from_counts_and_history() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(folder.path());
    let track = |n: u32, event: &str| {
        let timestamp = 1_600_000_000 + n;
        message(&json!({
            "type": "track", "messageId": format!("{event}{n}"), "userId": "u", "event": event,
            "timestamp": timestamp, "properties": { "sku": "i" },
        }))
    };
    let added =
        (0..3).map(|n| track(n, "Product Added to Wishlist")).chain([track(9, "Product Added")]);
    engine.submit_blocking(added.collect()).unwrap();
    assert_eq!(engine.counts().interactions, 4);
    engine.submit_blocking(vec![track(10, "Product Removed from Wishlist")]).unwrap();
    let user = engine.user_of_text("u").unwrap();
    assert_eq!(engine.counts().interactions, 1);
    assert_eq!(
        engine.snapshot().history(user, 9).iter().map(|item| item.kind).collect::<Vec<_>>(),
        [InteractionKind::CartAddition]
    );
}

#[test]
fn a_full_disk_refuses_and_recovers_and_a_failed_fsync_breaks() {
    let (folder, disk) = (tempfile::tempdir().unwrap(), FaultyDisk::default());
    let open = |disk: &FaultyDisk| {
        let id = WorkspaceId::new("shop").unwrap();
        Engine::open_on(id, folder.path(), Arc::new(disk.clone()), &|_, _| {}).unwrap()
    };
    let engine = open(&disk);
    engine.submit_blocking(vec![viewed(0, 0, 0)]).unwrap();
    disk.set_capacity(Some(disk.used_bytes() + 40));
    let refused = engine.submit_blocking(vec![viewed(1, 1, 1)]);
    assert!(matches!(refused, Err(SubmitError::Journal(_))), "{refused:?}");
    assert!(matches!(engine.health(), Health::Failing(_)));
    disk.set_capacity(None);
    // Ready again without anybody having to send something.
    for _ in 0..100 {
        if engine.health() == Health::Ready {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    assert_eq!(engine.health(), Health::Ready);
    assert_eq!(engine.submit_blocking(vec![viewed(1, 1, 1)]).unwrap(), [Outcome::Applied]);

    // A workspace also opens while the disk is full.
    drop(engine);
    disk.set_capacity(Some(disk.used_bytes()));
    let engine = open(&disk);
    assert!(engine.submit_blocking(vec![viewed(2, 2, 2)]).is_err());
    let told = engine.problems().iter().map(ToString::to_string).collect::<String>();
    assert!(told.starts_with("nothing can be written: "), "{told}");
    assert_eq!(engine.snapshot().history(engine.user_of_text("u1").unwrap(), 9).len(), 1);
    disk.set_capacity(None);
    assert_eq!(engine.submit_blocking(vec![viewed(1, 1, 1)]).unwrap(), [Outcome::Duplicate]);
    assert!(engine.problems().is_empty());

    disk.set_fails_sync(true);
    assert!(engine.submit_blocking(vec![viewed(2, 2, 2)]).is_err());
    disk.set_fails_sync(false);
    assert!(matches!(engine.health(), Health::Broken(_)));
    assert!(engine.submit_blocking(vec![viewed(3, 3, 3)]).is_err());
    drop(engine);
    // What was acknowledged is there; of the rest nothing is promised.
    let engine = open(&disk.after_power_loss(0));
    let repeated = vec![viewed(0, 0, 0), viewed(1, 1, 1)];
    assert_eq!(engine.submit_blocking(repeated).unwrap(), [Outcome::Duplicate, Outcome::Duplicate]);
}

#[test]
fn a_journal_that_lost_what_the_store_has_seen_is_refused() {
    let (folder, disk) = (tempfile::tempdir().unwrap(), FaultyDisk::default());
    let id = || WorkspaceId::new("shop").unwrap();
    let engine = Engine::open_on(id(), folder.path(), Arc::new(disk.clone()), &|_, _| {}).unwrap();
    engine.submit_blocking(vec![viewed(0, 0, 0)]).unwrap();
    drop(engine);
    let error = Engine::open_on(id(), folder.path(), Arc::new(FaultyDisk::default()), &|_, _| {})
        .err()
        .unwrap();
    assert!(
        error.full_text().contains("everything below 1 was acknowledged"),
        "{}",
        error.full_text()
    );
}

#[test]
fn a_data_folder_has_one_process() {
    let folder = tempfile::tempdir().unwrap();
    let data = DataFolder::open(folder.path()).unwrap();
    data.set_admin_token("secret").unwrap();
    let Err(error @ DataFolderError::Locked { .. }) = DataFolder::open(folder.path()) else {
        panic!("no lock")
    };
    assert!(error.to_string().contains(&std::process::id().to_string()), "{error}");
    drop(data);
    assert!(DataFolder::open(folder.path()).unwrap().is_set_as_admin_token("secret"));
}

#[test]
fn limits_of_identity_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(folder.path());
    let identify = |n: u32| {
        message(
            &json!({ "type": "identify", "messageId": format!("m{n}"), "userId": "u", "anonymousId": format!("a{n}") }),
        )
    };
    let outcomes = engine.submit_blocking((0..1_001).map(identify).collect()).unwrap();
    let n_in_part = outcomes.iter().filter(|outcome| **outcome == Outcome::AppliedInPart).count();
    assert_eq!((engine.counts().external_ids, n_in_part), (1_000, 2));
    assert_eq!(engine.snapshot().rejections(1).latest[0].reason.code(), "identity_limit");
}

/// Messages of all types among few users, devices and items, some of them sent twice.
fn messages() -> impl Strategy<Value = Vec<Value>> {
    let events = [
        "Product Viewed",
        "Product Added",
        "Product Removed",
        "Order Completed",
        "Product Added to Wishlist",
        "Product Removed from Wishlist",
        "Video Playback Completed",
        "Other",
    ];
    let one = (
        0u32..60,
        0usize..9,
        0usize..8,
        prop::option::of(0u8..4),
        prop::option::of(0u8..4),
        0u8..6,
        0i64..50,
    );
    let message = one.prop_map(move |(n, type_, event, user, device, item, at)| {
        let type_ = MessageType::ALL.get(type_).copied().unwrap_or(MessageType::Track);
        let mut body = json!({
            "type": type_.word(), "messageId": format!("m{n}"), "timestamp": 1_600_000_000 + at, "event": events[event],
            "anonymousId": format!("d{}", device.unwrap_or(9)), "previousId": format!("d{}", item % 4), "groupId": "g",
            "traits": { "last": n },
            "properties": { "product_id": format!("i{item}"), "content_asset_id": format!("i{item}"),
                            "products": [{ "sku": format!("i{item}") }] },
        });
        if user.is_some() || type_ == MessageType::Alias {
            body["userId"] = format!("u{}", user.unwrap_or(0)).into();
        }
        if device.is_none() && body.get("userId").is_some() {
            body.as_object_mut().unwrap().remove("anonymousId");
        }
        body
    });
    prop::collection::vec(message, 1..80)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    /// Batches, restarts and a lost store leave no trace in any answer.
    #[test]
    fn the_fold_depends_on_the_entries_alone(bodies in messages(), batch in 1usize..20, restart in 0usize..80) {
        let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let straight = open(one.path());
        straight.submit_blocking(bodies.iter().map(message).collect()).unwrap();
        let mut batched = open(other.path());
        for (n, chunk) in bodies.chunks(batch).enumerate() {
            if n == restart / batch {
                drop(batched);
                batched = open(other.path());
            }
            batched.submit_blocking(chunk.iter().map(message).collect()).unwrap();
        }
        let expected = picture(&straight);
        prop_assert_eq!(&picture(&batched), &expected);
        drop(batched);
        fs_err::remove_dir_all(other.path().join("store")).unwrap();
        prop_assert_eq!(&picture(&open(other.path())), &expected);
        // Live models agree with models of a rebuilt matrix.
        if straight.counts().interactions > 0 {
            let reopened = open(other.path());
            straight.train(TrainingOptions::default(), &|_| {}).unwrap();
            reopened.train(TrainingOptions::default(), &|_| {}).unwrap();
            let (mut a, mut b) = (picture(&straight), picture(&reopened));
            for picture in [&mut a, &mut b] {
                picture["training"]["finished_at"] = Value::Null;
                picture["training"]["duration_ms"] = Value::Null;
            }
            prop_assert_eq!(a, b);
        }
    }

    #[test]
    fn entries_come_back_as_they_were(bodies in messages()) {
        for body in &bodies {
            let entry = message(body);
            prop_assert_eq!(Entry::decode(&entry.encode()).unwrap(), entry);
        }
    }
}
