//! Messages: each counts once, and the entries alone decide what becomes of them.

use domain::{InteractionKind, MessageType};
use engine::{Entry, Outcome, TrainingOptions};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::{message, open, picture, viewed};

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
    let user = engine.find_user("u").unwrap();
    assert_eq!(engine.counts().interactions, 1);
    assert_eq!(
        engine.snapshot().history(user, 9).iter().map(|item| item.kind).collect::<Vec<_>>(),
        [InteractionKind::CartAddition]
    );
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
