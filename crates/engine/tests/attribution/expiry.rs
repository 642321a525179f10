//! How long recommendations and their KPIs are kept, whatever the clocks say.

use domain::{Arrival, Day, Envelope, InteractionKind, Timestamp, check_message};
use engine::{Engine, Entry, KPI_DAYS_KEPT, ListImpression, Outcome, RECOMMENDATION_DAYS_KEPT};
use serde_json::json;

use super::{
    DAY_MS, add_users, all, check_reloaded, cites, id, later, lines, list, noon, open, pass_time,
    served,
};

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
