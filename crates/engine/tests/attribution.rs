//! What became of recommendations: who is counted where, for how long, and that nothing but the
//! entries matters.

#![expect(clippy::unwrap_used, reason = "a test may end at the first surprise")]

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use domain::{
    Arrival, Day, Endpoint, Envelope, Exclusion, Interaction, InteractionKind, Timestamp,
    TraitDefinition, WorkspaceId, check_message,
};
use engine::{
    Command, Engine, EntityKind, Entry, ExternalIdType, KPI_DAYS_KEPT, Kpis, ListImpression,
    ListOptions, MemoryPart, Outcome, PLACES_PER_DAY_MAX, Place, RECOMMENDATION_DAYS_KEPT,
    RECOMMENDATION_ITEMS_MAX, RecommendationRequest, RequestBudget, ReturnedProperties,
};
use proptest::prelude::*;
use serde_json::json;
use uuid::Uuid;

const DAY_MS: i64 = 24 * 3_600 * 1_000;
/// Noon of the first day, 2023-11-15.
const NOON: i64 = 19_676 * DAY_MS + DAY_MS / 2;

fn open(folder: &Path) -> Engine {
    Engine::open(WorkspaceId::new("shop").unwrap(), folder, &|_, _| {}).unwrap()
}

fn unlimited() -> Arc<RequestBudget> {
    Arc::new(RequestBudget::unlimited())
}

/// Noon, so many days after the first.
fn noon(day: u32) -> Timestamp {
    Timestamp(NOON + i64::from(day) * DAY_MS)
}

fn id(at: Timestamp, n: u32) -> Uuid {
    let [a, b, c, d] = n.to_be_bytes();
    uuid::Builder::from_unix_timestamp_millis(at.0 as u64, &[0, 0, 0, 0, 0, 0, a, b, c, d])
        .into_uuid()
}

fn place(scenario: &str) -> Place {
    let scenario = Some(scenario.to_owned());
    Place::Scenario { endpoint: "recommendItemsToUser".to_owned(), scenario }
}

/// A list of the scenario `home` for the user `u<n>`, under the id of its time and `n`.
fn list(at: Timestamp, n: u32) -> ListImpression {
    ListImpression {
        recomm_id: Some(id(at, n)),
        user: Some((ExternalIdType::UserId, format!("u{n}"))),
        at,
        items: vec!["i1".to_owned(), "i2".to_owned()],
        place: place("home"),
        group: None,
        model: None,
        rotates: true,
        n_next: 0,
        request: None,
    }
}

fn served(lists: Vec<ListImpression>) -> Entry {
    Entry::ListImpressions { lists }
}

/// The user `u<n>` does something that cites an id.
fn cites(kind: InteractionKind, n: u32, id: &str, at: Timestamp) -> Entry {
    let mut interaction = Interaction::new(format!("u{n}"), "i1", kind);
    (interaction.recomm_id, interaction.timestamp) = (Some(id.to_owned()), Some(at));
    interaction.price = Some(12.5);
    interaction.value = Some(0.5);
    let command = Command::AddInteraction { interaction, cascade_create: true };
    Entry::Command { received_at: at, command: Box::new(command) }
}

fn add_users(engine: &Engine, n_users: u32) {
    let add = |n| Command::Add { kind: EntityKind::User, id: format!("u{n}") };
    let entry = |n| Entry::Command { received_at: noon(0), command: Box::new(add(n)) };
    engine.submit_blocking((0..n_users).map(entry).collect()).unwrap();
}

/// Nothing but the clock goes on, to a time that so many entries in a row agree upon.
fn pass_time(engine: &Engine, to: Timestamp) {
    let at = |n| Timestamp(to.0 - n * engine::SAMPLE_INTERVAL_MS);
    let entries = (0..engine::SAMPLES as i64).rev().map(|n| Entry::Resumed { received_at: at(n) });
    engine.submit_blocking(entries.collect()).unwrap();
}

fn later(at: Timestamp, ms: i64) -> Timestamp {
    Timestamp(at.0 + ms)
}

fn all(engine: &Engine) -> Kpis {
    engine.snapshot().attribution.kpis(Day(0), Day(u32::MAX))
}

fn lines(kpis: &Kpis) -> String {
    let mut text = String::new();
    for row in &kpis.rows {
        let place = match &row.place {
            Place::Trait(key) => format!("trait {key}"),
            Place::Scenario { endpoint, scenario } => format!("{endpoint} {scenario:?}"),
        };
        let kinds = InteractionKind::ALL
            .map(|kind| format!("{kind} {}", row.counts.interactions.count(kind)));
        text += &format!(
            "{} {place} {:?}: {} to {} users, {}, revenue {}, {} clicked, {} converted\n",
            row.day,
            row.group,
            row.counts.recommendations,
            row.counts.users,
            kinds.join(", "),
            row.counts.revenue,
            row.counts.clicked_recommendations,
            row.counts.converted_recommendations,
        );
    }
    for day in &kpis.interactions {
        let kinds = InteractionKind::ALL.map(|kind| format!("{kind} {}", day.counts.count(kind)));
        text += &format!("{} {}\n", day.day, kinds.join(", "));
    }
    text
}

/// Asks again after a restart, and after a restart without the store.
fn check_reloaded(folder: &Path, engine: Engine, ask: impl Fn(&Engine) -> String) -> String {
    let before = ask(&engine);
    drop(engine);
    assert_eq!(ask(&open(folder)), before);
    fs_err::remove_dir_all(folder.join("store")).unwrap();
    assert_eq!(ask(&open(folder)), before);
    before
}

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
fn a_recommendation_is_forgotten_after_thirty_days_and_its_figures_later() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(folder.path());
    add_users(&engine, 3);
    let first = noon(0);
    engine.submit_blocking(vec![served(vec![list(first, 0), list(first, 1)])]).unwrap();
    let text = id(first, 0).to_string();
    let view = |day: u32| cites(InteractionKind::DetailView, 0, &text, noon(day));
    // It counts on the last day, whether or not something else was served since, and not on the
    // next.
    pass_time(&engine, noon(RECOMMENDATION_DAYS_KEPT));
    engine
        .submit_blocking(vec![view(RECOMMENDATION_DAYS_KEPT), view(RECOMMENDATION_DAYS_KEPT + 1)])
        .unwrap();
    engine
        .submit_blocking(vec![
            served(vec![list(noon(RECOMMENDATION_DAYS_KEPT), 2)]),
            view(RECOMMENDATION_DAYS_KEPT - 1),
        ])
        .unwrap();
    engine
        .submit_blocking(vec![
            served(vec![list(noon(RECOMMENDATION_DAYS_KEPT + 1), 2)]),
            view(RECOMMENDATION_DAYS_KEPT - 2),
        ])
        .unwrap();
    // What is too old when it comes is not noted at all.
    let late = ListImpression {
        recomm_id: Some(id(first, 50)),
        ..list(noon(RECOMMENDATION_DAYS_KEPT + 1), 2)
    };
    engine.submit_blocking(vec![served(vec![late])]).unwrap();
    assert_eq!(
        engine.recommendation(id(first, 0)).unwrap(),
        None,
        "it is older than the clock says"
    );
    let shown = check_reloaded(folder.path(), engine, |engine| lines(&all(engine)));
    insta::assert_snapshot!(shown);

    let engine = open(folder.path());
    pass_time(&engine, noon(KPI_DAYS_KEPT + 1));
    engine.submit_blocking(vec![served(vec![list(noon(KPI_DAYS_KEPT + 1), 1)])]).unwrap();
    let days = |engine: &Engine| {
        format!("{:?}", all(engine).rows.iter().map(|row| row.day).collect::<Vec<_>>())
    };
    let before = days(&engine);
    assert!(!before.contains(&format!("{:?}", Day::from_timestamp(first))), "{before}");
    check_reloaded(folder.path(), engine, days);
}

#[test]
fn a_clock_that_is_ahead_for_a_moment_wipes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(folder.path());
    let today = engine::now();
    let hello = |n: u32, at: Timestamp| {
        let body = json!({ "type": "identify", "messageId": format!("m{n}"), "userId": "u0" });
        let arrival = Arrival { received_at: at, source: "web", peer_ip: None };
        let message =
            check_message(&body.to_string(), None, &Envelope::default(), &arrival).unwrap();
        Entry::Message(Box::new(message))
    };
    engine
        .submit_blocking(vec![hello(0, today), served((0..9).map(|n| list(today, n)).collect())])
        .unwrap();
    let cite = |n: u32| cites(InteractionKind::Purchase, n, &id(today, n).to_string(), today);
    engine.submit_blocking(vec![cite(0)]).unwrap();
    let before = lines(&all(&engine));

    for days in [1_000, 1_001, -1_000, 999] {
        let wrong = later(today, days * DAY_MS);
        let lists = (0..9).map(|n| list(wrong, 100 * days.unsigned_abs() as u32 + n));
        engine.submit_blocking(vec![served(lists.collect()), hello(days as u32, wrong)]).unwrap();
    }
    let ask = |engine: &Engine| {
        let past =
            (0..9).map(|n| engine.recommendation(id(today, n)).unwrap().unwrap().was_converted);
        format!("{} {:?}", lines(&all(engine)), past.collect::<Vec<_>>())
    };
    assert_eq!(lines(&all(&engine)), before);
    let told = engine.problems().iter().map(ToString::to_string).collect::<String>();
    assert!(told.contains("until more entries agree with that"), "{told}");
    check_reloaded(folder.path(), engine, ask);

    let engine = open(folder.path());
    assert_eq!(
        engine.submit_blocking(vec![hello(0, later(today, 1))]).unwrap(),
        [Outcome::Duplicate]
    );
    engine.submit_blocking((1..9).map(cite).collect()).unwrap();
    let counts = all(&engine).rows[0].counts;
    assert_eq!((counts.recommendations, counts.converted_recommendations), (9, 9));
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

#[test]
fn what_is_handed_out_is_known_at_once_and_citing_it_at_once_counts() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(folder.path());
    add_users(&engine, 2);
    pass_time(&engine, engine::now());
    for n in 0..5 {
        let view = Interaction::new("u1", format!("i{n}"), InteractionKind::DetailView);
        engine.import_interactions(vec![view]).unwrap();
    }
    let user = engine.user_of_text("u0").unwrap();
    let definition = TraitDefinition {
        count: 2,
        exclude: Some(Exclusion::None),
        rotation_rate: 1.0,
        ..TraitDefinition::recommended_items("top")
    };
    let started = std::time::Instant::now();
    for n in 0..50 {
        let list = engine.serve_trait(user, &definition, true).unwrap();
        let id = list.recomm_id.unwrap();
        let past = engine.recommendation(id).unwrap().unwrap();
        assert_eq!(past.user, Some((ExternalIdType::UserId, "u0".to_owned())));
        assert_eq!(
            past.items,
            list.items.iter().map(|item| item.item_id.clone()).collect::<Vec<_>>()
        );
        assert_eq!((past.place, past.was_clicked), (Place::Trait("top".to_owned()), false));
        let cite = cites(InteractionKind::DetailView, 0, &id.to_string(), later(engine::now(), n));
        assert_eq!(engine.submit_blocking(vec![cite]).unwrap(), [Outcome::Applied]);
        let past = engine.recommendation(id).unwrap().unwrap();
        assert!(past.was_clicked && !past.was_converted);
    }
    assert!(started.elapsed().as_secs() < 9, "it does not wait for the interval");
    let rows = all(&engine).rows;
    let n_clicked: u64 = rows.iter().map(|row| row.counts.clicked_recommendations).sum();
    assert_eq!(n_clicked, 50, "{rows:?}");

    // A list whose id nobody is told rotates, and is no recommendation.
    assert_eq!(engine.serve_trait(user, &definition, false).unwrap().recomm_id, None);
    // What a call hands out, and what continues it.
    let request = RecommendationRequest {
        user_id: Some("u0".to_owned()),
        ..RecommendationRequest::new(Endpoint::RecommendItemsToUser, 1)
    };
    let first = engine.request_recommendations(&request, &unlimited()).unwrap();
    let id = first.recomm_id;
    let (_, next) = engine.next_recommendations(id, 1, false, false, &unlimited()).unwrap();
    assert_eq!((next.recomm_id, next.n_next), (id, 1));
    let before = engine.recommendation(id).unwrap().unwrap();
    let ids = [first.recommended, next.recommended].concat().into_iter().map(|entry| entry.id);
    assert_eq!((before.n_next, &before.items), (1, &ids.collect::<Vec<_>>()));
    drop(engine);
    let engine = open(folder.path());
    assert_eq!(engine.recommendation(id).unwrap().unwrap(), before);
    let n_recommendations: u64 =
        all(&engine).rows.iter().map(|row| row.counts.recommendations).sum();
    assert_eq!(n_recommendations, 51);

    // A reset forgets everything, also what was not journalled.
    let waiting = engine.request_recommendations(&request, &unlimited()).unwrap().recomm_id;
    engine.reset().unwrap();
    drop(engine);
    let engine = open(folder.path());
    assert_eq!(all(&engine), Kpis { rows: Vec::new(), interactions: Vec::new() });
    assert_eq!([id, waiting].map(|id| engine.recommendation(id).unwrap()), [None, None]);
}

#[test]
fn lists_without_items_and_with_long_names_are_journalled_as_they_fit() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(folder.path());
    add_users(&engine, 1);
    pass_time(&engine, engine::now());
    let note = |scenario: String| {
        let request = RecommendationRequest::new(Endpoint::RecommendItemsToUser, 1);
        let request = RecommendationRequest { scenario: Some(scenario), ..request };
        let response = engine.request_recommendations(&request, &unlimited()).unwrap();
        assert!(response.recommended.is_empty());
        response.recomm_id
    };
    // Far more than one record takes, and one list that fits none.
    for _ in 0..6_000 {
        note("s".repeat(1_000));
    }
    let too_large = note("t".repeat(5_000_000));
    let last = note("last".to_owned());
    let cite = cites(InteractionKind::DetailView, 0, &last.to_string(), engine::now());
    engine.submit_blocking(vec![cite]).unwrap();
    let rows = all(&engine).rows;
    let counts: Vec<u64> = rows.iter().map(|row| row.counts.recommendations).collect();
    assert_eq!(counts, [1, 6_000]);
    assert_eq!(rows[0].counts.clicked_recommendations, 1);
    assert_eq!(engine.recommendation(too_large).unwrap(), None);
}

#[test]
fn a_list_that_is_too_large_costs_nobody_else_theirs() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(folder.path());
    add_users(&engine, 1);
    pass_time(&engine, engine::now());
    let ask = |scenario: usize, names: Vec<String>| {
        let request = RecommendationRequest {
            scenario: Some(format!("s{scenario}")),
            ..RecommendationRequest::new(Endpoint::RecommendItemsToUser, 1)
        };
        let options =
            ListOptions { properties: ReturnedProperties::Only(names), ..ListOptions::default() };
        let request = RecommendationRequest { options, ..request };
        engine.request_recommendations(&request, &unlimited()).unwrap().recomm_id
    };
    // 2.4 MB of names of properties, again and again, between the calls of others.
    let large: Vec<String> = (0..2_400).map(|n| format!("{n:01000}")).collect();
    let ids: Vec<Uuid> = (0..60)
        .flat_map(|n| {
            let others = (0..20).map(|_| ask(0, Vec::new())).collect::<Vec<_>>();
            others.into_iter().chain([ask(1, if n % 4 == 0 { large.clone() } else { Vec::new() })])
        })
        .collect();
    let last = *ids.last().unwrap();
    let cite = cites(InteractionKind::DetailView, 0, &last.to_string(), engine::now());
    engine.submit_blocking(vec![cite]).unwrap();
    let counts: Vec<u64> = all(&engine).rows.iter().map(|row| row.counts.recommendations).collect();
    assert_eq!(counts, [1_200, 60]);
    let is_known = |id: &Uuid| engine.recommendation(*id).unwrap().is_some();
    assert!(ids.iter().all(is_known));
    // Only what was asked for at such length cannot be continued.
    assert!(engine.recommendation(ids[0]).unwrap().unwrap().request.is_some());
    assert!(engine.recommendation(ids[20]).unwrap().unwrap().request.is_none());
}

#[test]
fn lists_are_journalled_as_fast_as_they_are_made() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(folder.path());
    let names = ReturnedProperties::Only((0..200).map(|n| format!("{n:01000}")).collect());
    let options = ListOptions { properties: names, ..ListOptions::default() };
    let request = RecommendationRequest::new(Endpoint::RecommendItemsToUser, 1);
    let request = RecommendationRequest { options, ..request };
    // 200 kB each, 20 MB together: at one turn in 200 ms that is 16 s.
    for _ in 0..100 {
        engine.request_recommendations(&request, &unlimited()).unwrap();
    }
    let begun = Instant::now();
    let waiting = || engine.memory().bytes_by_part()[MemoryPart::ImpressionQueues as usize].1;
    while waiting() > 0 {
        assert!(begun.elapsed() < Duration::from_secs(8), "{} bytes still wait", waiting());
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_recommendation_that_goes_on_and_on_stays_within_its_limit() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(folder.path());
    let at = engine::now();
    let next = |n_next: u32| ListImpression {
        n_next,
        items: (0..600).map(|n| format!("i{n_next}-{n}")).collect(),
        ..list(at, 0)
    };
    engine.submit_blocking(vec![served((0..20).map(next).collect())]).unwrap();
    let past = engine.recommendation(id(at, 0)).unwrap().unwrap();
    assert_eq!((past.n_next, past.items.len()), (19, RECOMMENDATION_ITEMS_MAX));
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
