//! Who is counted where, and once.

use domain::{Arrival, Day, Envelope, InteractionKind, Timestamp, check_message};
use engine::{
    Command, Engine, EntityKind, Entry, ListImpression, Outcome, PLACES_PER_DAY_MAX, Place,
};
use proptest::prelude::*;
use serde_json::json;
use uuid::Uuid;

use super::{
    add_users, all, check_reloaded, cites, id, later, lines, list, noon, open, pass_time, place,
    served,
};

#[test]
fn what_cites_a_recommendation_counts_on_its_day_and_place_once() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(folder.path());
    add_users(&engine, 4);
    let first = noon(0);
    let in_group =
        |n, group: &str| ListImpression { group: Some(group.to_owned()), ..list(first, n) };
    let of_trait = ListImpression { place: Place::Trait("top".to_owned()), ..list(first, 9) };
    let for_nobody = ListImpression { user: None, place: place("nobody"), ..list(first, 8) };
    let unseen = ListImpression { recomm_id: None, place: place("unseen"), ..list(first, 0) };
    // Again to the same user; and a list that continues, which is no further recommendation.
    let again = ListImpression { recomm_id: Some(id(first, 100)), ..list(first, 0) };
    let next = ListImpression {
        n_next: 1,
        at: later(first, 500),
        items: vec!["i3".to_owned()],
        ..list(first, 0)
    };
    engine
        .submit_blocking(vec![
            served(vec![
                list(first, 0),
                in_group(1, "a"),
                in_group(2, "b"),
                of_trait,
                for_nobody,
                unseen,
            ]),
            served(vec![again, next]),
        ])
        .unwrap();
    let text = |n| id(first, n).to_string();
    // Citing counts on the day of the list, on whichever day it comes.
    let at = later(noon(2), 1);
    let entries = vec![
        cites(InteractionKind::DetailView, 0, &text(0), at),
        cites(InteractionKind::DetailView, 0, &text(0).to_uppercase(), later(at, 1)),
        cites(InteractionKind::DetailView, 0, &text(0), at),
        cites(InteractionKind::Purchase, 0, &text(0), at),
        cites(InteractionKind::Rating, 1, &text(1), at),
        cites(InteractionKind::CartAddition, 1, &text(1), at),
        cites(InteractionKind::Bookmark, 1, &text(1), at),
        cites(InteractionKind::ViewPortion, 1, &text(1), at),
        // The same view portion goes on.
        cites(InteractionKind::ViewPortion, 1, &text(1), later(at, 5)),
        cites(InteractionKind::Purchase, 9, &text(9), at),
        // What nobody handed out counts nowhere.
        cites(InteractionKind::Purchase, 2, &text(77), at),
        cites(InteractionKind::Purchase, 2, "else", later(at, 1)),
        cites(InteractionKind::Purchase, 2, &Uuid::nil().to_string(), later(at, 2)),
    ];
    let refused: Vec<usize> = (0..)
        .zip(engine.submit_blocking(entries).unwrap())
        .filter_map(|(n, outcome)| (outcome != Outcome::Applied).then_some(n))
        .collect();
    assert_eq!(refused, [2]);
    // Messages cite as well.
    let body = json!({
        "type": "track", "messageId": "m", "userId": "u2", "event": "Order Completed",
        "properties": { "recomm_id": text(2), "products": [
            { "product_id": "p1", "quantity": 2, "price": 3 }, { "product_id": "p2", "price": 1.5 },
        ] },
    });
    let arrival = Arrival { received_at: at, source: "web", peer_ip: None };
    let message = check_message(&body.to_string(), None, &Envelope::default(), &arrival).unwrap();
    let twice = vec![Entry::Message(Box::new(message.clone())), Entry::Message(Box::new(message))];
    assert_eq!(engine.submit_blocking(twice).unwrap(), [Outcome::Applied, Outcome::Duplicate]);
    insta::assert_snapshot!(check_reloaded(folder.path(), engine, |engine| lines(&all(engine))));
}

#[test]
fn a_user_counts_once_a_day_also_after_a_restart_and_is_gone_from_what_is_remembered() {
    let folder = tempfile::tempdir().unwrap();
    let today = Timestamp(Day::from_timestamp(engine::now()).start().0);
    {
        let engine = open(folder.path());
        add_users(&engine, 3);
        pass_time(&engine, engine::now());
        engine.submit_blocking(vec![served((0..2).map(|n| list(today, n)).collect())]).unwrap();
    }
    let engine = open(folder.path());
    let again = |n| ListImpression { recomm_id: Some(id(today, 10 + n)), ..list(today, n) };
    engine.submit_blocking(vec![served((0..3).map(again).collect())]).unwrap();
    let counts = |engine: &Engine| all(engine).rows[0].counts;
    assert_eq!((counts(&engine).recommendations, counts(&engine).users), (5, 3));

    let command = |command| Entry::Command { received_at: today, command: Box::new(command) };
    let merge = Command::MergeUsers {
        target: "u0".to_owned(),
        source: "u1".to_owned(),
        cascade_create: false,
    };
    let delete = Command::Delete { kind: EntityKind::User, id: "u2".to_owned() };
    engine.submit_blocking(vec![command(merge), command(delete)]).unwrap();
    let name = |n| engine.recommendation(id(today, n)).unwrap().unwrap().user.map(|(_, id)| id);
    assert_eq!([name(0), name(1), name(12)], [Some("u0".to_owned()), Some("u0".to_owned()), None]);
    // Who came from elsewhere may cite it: what led there is what counts.
    let cite = |n| {
        cites(InteractionKind::DetailView, 0, &id(today, n).to_string(), later(today, n.into()))
    };
    engine.submit_blocking(vec![cite(1), cite(12)]).unwrap();
    assert_eq!((counts(&engine).users, counts(&engine).clicked_recommendations), (3, 2));
    check_reloaded(folder.path(), engine, |engine| lines(&all(engine)));
}

#[test]
fn places_beyond_the_limit_of_a_day_count_together() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(folder.path());
    let n_places = PLACES_PER_DAY_MAX as u32 + 3;
    let lists = (0..n_places)
        .map(|n| ListImpression { place: place(&format!("s{n:04}")), ..list(noon(0), n) });
    engine.submit_blocking(vec![served(lists.collect())]).unwrap();
    // A place with a row keeps it, also on a day that is full; and the next day has room.
    let known = ListImpression { place: place("s0000"), ..list(noon(0), 5_000) };
    let other_day = ListImpression { place: place("s9999"), ..list(noon(1), 5_001) };
    let cite = |n| cites(InteractionKind::Purchase, n, &id(noon(0), n).to_string(), noon(0));
    let last = n_places - 1;
    engine.submit_blocking(vec![served(vec![known, other_day]), cite(0), cite(last)]).unwrap();
    let rows = |engine: &Engine| {
        let rows = all(engine).rows;
        let of = |name: &str| {
            let row = rows.iter().find(|row| row.place == place(name)).unwrap();
            (row.counts.recommendations, row.counts.converted_recommendations)
        };
        format!("{} {:?} {:?} {:?}", rows.len(), of("s0000"), of("(others)"), of("s9999"))
    };
    let shown = check_reloaded(folder.path(), engine, rows);
    assert_eq!(shown, format!("{} (2, 1) (3, 1) (1, 0)", PLACES_PER_DAY_MAX + 2));
}

/// Lists and what cites them, over more days than they are remembered, among few users and places.
fn entries() -> impl Strategy<Value = Vec<Entry>> {
    let one = (0u32..70, 0u32..6, 0u32..40, 0usize..9, prop::option::of(0u8..2));
    let entry = one.prop_map(|(day, user, n, kind, group)| match InteractionKind::ALL.get(kind) {
        Some(kind) => {
            let at = later(noon(day.saturating_sub(n)), 0);
            cites(*kind, user, &id(at, user).to_string(), later(noon(day), n.into()))
        }
        None => {
            let of = |at| ListImpression {
                place: place(&format!("s{}", n % 3)),
                group: group.map(|group| group.to_string()),
                n_next: u32::from(n == 39),
                ..list(at, user)
            };
            served(vec![of(noon(day)), of(noon(day.saturating_sub(n % 2)))])
        }
    });
    prop::collection::vec(entry, 1..120)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    /// Batches, restarts and a lost store leave no trace in the figures, and no rate has more
    /// successes than trials.
    #[test]
    fn figures_depend_on_the_entries_alone(entries in entries(), batch in 1usize..20, restart in 0usize..120) {
        let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let straight = open(one.path());
        straight.submit_blocking(entries.clone()).unwrap();
        let mut batched = open(other.path());
        for (n, chunk) in entries.chunks(batch).enumerate() {
            if n == restart / batch {
                drop(batched);
                batched = open(other.path());
            }
            batched.submit_blocking(chunk.to_vec()).unwrap();
        }
        let expected = all(&straight);
        prop_assert_eq!(&all(&batched), &expected);
        drop(batched);
        prop_assert_eq!(&all(&open(other.path())), &expected);
        fs_err::remove_dir_all(other.path().join("store")).unwrap();
        prop_assert_eq!(&all(&open(other.path())), &expected);
        for row in &expected.rows {
            let counts = row.counts;
            prop_assert!(counts.users <= counts.recommendations);
            prop_assert!(counts.clicked_recommendations <= counts.recommendations, "{row:?}");
            prop_assert!(counts.converted_recommendations <= counts.recommendations, "{row:?}");
        }
        let n_interactions: u64 =
            expected.interactions.iter().flat_map(|day| InteractionKind::ALL.map(|kind| day.counts.count(kind))).sum();
        prop_assert!(n_interactions >= straight.counts().interactions);
    }
}
