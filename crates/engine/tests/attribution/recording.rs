//! Lists become entries of the journal, whatever their size.

use std::time::{Duration, Instant};

use domain::{Endpoint, Exclusion, Interaction, InteractionKind, TraitDefinition};
use engine::{
    ExternalIdType, Kpis, ListImpression, ListOptions, MemoryPart, Outcome, Place,
    RECOMMENDATION_ITEMS_MAX, RecommendationRequest, ReturnedProperties,
};
use uuid::Uuid;

use super::{add_users, all, cites, id, later, list, open, pass_time, served, unlimited};

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
    let user = engine.find_user("u0").unwrap();
    let definition = TraitDefinition {
        count: 2,
        exclude: Some(Exclusion::None),
        rotation_rate: 1.0,
        ..TraitDefinition::recommended_items("top")
    };
    let started = std::time::Instant::now();
    for n in 0..50 {
        let list = engine.serve_trait(user, &definition, true, &unlimited()).unwrap();
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
    assert_eq!(engine.serve_trait(user, &definition, false, &unlimited()).unwrap().recomm_id, None);
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
