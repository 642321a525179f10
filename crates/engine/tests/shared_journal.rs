//! Engines over a journal that is not theirs alone.

#![expect(clippy::unwrap_used, reason = "a test may end at the first surprise")]

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use catalog::{Format, ImportOptions};
use domain::{
    Arrival, Day, Endpoint, Envelope, Interaction, InteractionKind, ListRequest, Logic, Timestamp,
    WorkspaceId, check_message,
};
use engine::{
    Command, ConfirmedRemovals, Engine, EntityKind, Entry, ImportedInteractions, MissingEntities,
    Outcome, RecommendationError, RecommendationRequest, RequestBudget, TimelineQuery,
    TrainingOptions,
};
use journal::{Journal, MemoryJournal};
use serde_json::{Value, json};

/// When interactions were, by which they are the same.
const AT: Timestamp = Timestamp(1_700_000_000_000);

fn open(folder: &Path, journal: &Arc<MemoryJournal>) -> Engine {
    let journal = Arc::clone(journal) as Arc<dyn Journal>;
    Engine::open_over(WorkspaceId::new("shop").unwrap(), folder, journal, &|_, _| {}).unwrap()
}

fn message(body: &Value) -> Entry {
    let arrival = Arrival { received_at: engine::now(), source: "web", peer_ip: None };
    Entry::Message(Box::new(
        check_message(&body.to_string(), None, &Envelope::default(), &arrival).unwrap(),
    ))
}

fn viewed(message_id: &str, user_id: &str, item_id: &str) -> Entry {
    message(&json!({
        "type": "track", "messageId": message_id, "userId": user_id, "event": "Product Viewed",
        "timestamp": "2023-11-14T10:00:00Z", "properties": { "product_id": item_id },
    }))
}

#[test]
fn offsets_with_gaps_are_folded_and_replayed_alike() {
    let folder = tempfile::tempdir().unwrap();
    let journal = Arc::new(MemoryJournal::with_gaps(3));
    let engine = open(folder.path(), &journal);
    for n in 0..20 {
        let entries =
            [0, 1].map(|k| viewed(&format!("m{n}-{k}"), &format!("u{n}"), &format!("i{}", n % 7)));
        assert_eq!(
            engine.submit_blocking(entries.to_vec()).unwrap(),
            [Outcome::Applied, Outcome::Applied]
        );
    }
    engine.reset().unwrap();
    for n in 0..200 {
        let entry = viewed(&format!("m{n}"), &format!("u{}", n % 20), &format!("i{}", n * n % 23));
        assert_eq!(engine.submit_blocking(vec![entry]).unwrap(), [Outcome::Applied]);
    }
    let again = engine.submit_blocking(vec![viewed("m7", "u7", "i3")]).unwrap();
    assert_eq!(again, [Outcome::Duplicate]);
    let training = engine.train(TrainingOptions::default(), &|_| {}).unwrap();
    engine.submit_blocking(vec![viewed("later", "u1", "i1")]).unwrap();
    let answers = engine.digest_answers(&|_| {}).unwrap();
    assert!(training.offset < answers.entries, "{} {}", training.offset, answers.entries);
    let user = engine.find_user("u7").unwrap();
    let query = TimelineQuery { limit: 1_000, ..TimelineQuery::default() };
    assert_eq!(engine.events(user, &query).unwrap().0.len(), 10);
    drop(engine);
    for lost in [&[][..], &["store"], &["store", "models"]] {
        for part in lost {
            fs_err::remove_dir_all(folder.path().join(part)).unwrap();
        }
        let engine = open(folder.path(), &journal);
        assert_eq!(
            answers.differences(&engine.digest_answers(&|_| {}).unwrap()),
            [""; 0],
            "without {lost:?}"
        );
    }
}

#[test]
fn a_journal_that_ends_before_the_store_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(folder.path(), &Arc::new(MemoryJournal::default()));
    engine.submit_blocking(vec![viewed("m", "u", "i")]).unwrap();
    drop(engine);
    let empty = Arc::new(MemoryJournal::default());
    let error =
        Engine::open_over(WorkspaceId::new("shop").unwrap(), folder.path(), empty, &|_, _| {});
    let error = error.err().unwrap().describe();
    assert!(error.contains("everything below 1 was acknowledged"), "{error}");
}

/// How long an engine may take to follow the other.
const DEADLINE: Duration = Duration::from_secs(60);

fn wait_until(is_so: impl Fn() -> bool) {
    let started = Instant::now();
    while !is_so() {
        assert!(started.elapsed() < DEADLINE, "it takes too long");
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Waits until each has applied everything.
fn wait_for_all(engines: &[&Engine], journal: &MemoryJournal) {
    let last = journal.read_from(Default::default()).last().unwrap().unwrap().0.0;
    wait_until(|| engines.iter().all(|engine| engine.applied() == last + 1));
}

const N_ROUNDS: usize = 60;

/// What one of two engines is told, at the same time as the other: messages of its own and messages
/// that both get, a catalog, interactions. Gives how many of those for both were new, and what
/// became of the interactions.
fn write(engine: &Engine, own: usize) -> (usize, ImportedInteractions) {
    let mut n_new = 0;
    let mut imported = ImportedInteractions::default();
    for n in 0..N_ROUNDS {
        let entries = vec![
            viewed(&format!("own-{own}-{n}"), &format!("u{}", n % 9), &format!("i{}", n % 13)),
            viewed(&format!("both-{n}"), &format!("u{}", n % 7), &format!("i{}", n % 11)),
            Entry::Resumed { received_at: engine::now() },
        ];
        let outcomes = engine.submit_blocking(entries).unwrap();
        assert_eq!([&outcomes[0], &outcomes[2]], [&Outcome::Applied; 2]);
        match &outcomes[1] {
            Outcome::Applied => n_new += 1,
            other => assert_eq!(*other, Outcome::Duplicate),
        }
        let mut interaction = Interaction::new(format!("u{n}"), "i1", InteractionKind::Purchase);
        interaction.timestamp = Some(AT);
        let of_round = engine.import_interactions(vec![interaction]).unwrap();
        imported.added += of_round.added;
        imported.already_there += of_round.already_there;
        let add = Command::Add { kind: EntityKind::User, id: format!("made-{own}-{n}") };
        let entry = Entry::Command { received_at: engine::now(), command: Box::new(add) };
        assert_eq!(engine.submit_blocking(vec![entry]).unwrap(), [Outcome::Applied]);
        if n % 20 == 10 {
            let csv = format!("item_id,price,from\ni1,{n},{own}\nown-{own},{n},{own}\n");
            let (file, _) = engine
                .read_catalog(csv.as_bytes(), Format::Csv, &ImportOptions::default())
                .unwrap();
            let confirmed =
                ConfirmedRemovals { n_withdrawn: Some(u64::MAX), ..ConfirmedRemovals::default() };
            engine.import_catalog(file, &confirmed, &|_, _| Ok(())).unwrap();
        }
    }
    (n_new, imported)
}

#[test]
fn two_engines_that_write_into_one_journal_at_once_end_with_the_same_state() {
    for gap in [0, 2] {
        let journal = Arc::new(MemoryJournal::with_gaps(gap));
        let folders = [0, 1, 2].map(|_| tempfile::tempdir().unwrap());
        let [a, b] = [0, 1].map(|n| open(folders[n].path(), &journal));
        let (of_a, of_b) = std::thread::scope(|scope| {
            let of_a = scope.spawn(|| write(&a, 0));
            let of_b = scope.spawn(|| write(&b, 1));
            (of_a.join().unwrap(), of_b.join().unwrap())
        });
        // Each message that both got is new once, whoever was first.
        assert_eq!(of_a.0 + of_b.0, N_ROUNDS);
        assert_eq!(of_a.1.added + of_b.1.added, N_ROUNDS as u64);
        assert_eq!(of_a.1.already_there + of_b.1.already_there, N_ROUNDS as u64);
        wait_for_all(&[&a, &b], &journal);
        let answers = a.digest_answers(&|_| {}).unwrap();
        assert_eq!(
            answers.differences(&b.digest_answers(&|_| {}).unwrap()),
            [""; 0],
            "with gaps of {gap}"
        );
        let third = open(folders[2].path(), &journal);
        assert_eq!(
            answers.differences(&third.digest_answers(&|_| {}).unwrap()),
            [""; 0],
            "with gaps of {gap}"
        );
        assert_eq!(third.catalog_versions()[0].n_items, 2, "no import is mixed with another");
    }
}

#[test]
fn an_engine_follows_another_without_writing_itself_and_goes_on_after_a_restart() {
    let journal = Arc::new(MemoryJournal::default());
    let folders = [0, 1].map(|_| tempfile::tempdir().unwrap());
    let [a, b] = [0, 1].map(|n| open(folders[n].path(), &journal));
    a.submit_blocking(vec![viewed("m1", "ann", "i1")]).unwrap();
    wait_until(|| b.find_user("ann").is_some());
    drop(b);
    a.submit_blocking(vec![viewed("m2", "bob", "i1")]).unwrap();
    let b = open(folders[1].path(), &journal);
    assert!(b.find_user("bob").is_some());
    assert_eq!(b.submit_blocking(vec![viewed("m2", "bob", "i1")]).unwrap(), [Outcome::Duplicate]);
    a.reset().unwrap();
    wait_until(|| b.find_user("bob").is_none());
}

#[test]
fn what_one_engine_handed_out_can_be_cited_through_the_other() {
    let journal = Arc::new(MemoryJournal::default());
    let folders = [0, 1].map(|_| tempfile::tempdir().unwrap());
    let [a, b] = [0, 1].map(|n| open(folders[n].path(), &journal));
    let now = engine::now();
    let entries =
        (0..30).map(|n| viewed(&format!("m{n}"), &format!("u{n}"), &format!("i{}", n % 10)));
    a.submit_blocking(entries.collect()).unwrap();
    let request = RecommendationRequest {
        user_id: Some("u1".to_owned()),
        scenario: Some("home".to_owned()),
        missing: MissingEntities::Ignored,
        ..RecommendationRequest::new(Endpoint::RecommendItemsToUser, 3)
    };
    let budget = Arc::new(RequestBudget::unlimited());
    let id = a.request_recommendations(&request, &budget).unwrap().recomm_id;
    wait_until(|| b.recommendation(id).unwrap().is_some());
    let mut interaction = Interaction::new("u1".to_owned(), "i2", InteractionKind::DetailView);
    (interaction.recomm_id, interaction.timestamp) = (Some(id.to_string()), Some(now));
    let command = Command::AddInteraction { interaction, cascade_create: true };
    let entry = Entry::Command { received_at: now, command: Box::new(command) };
    assert_eq!(b.submit_blocking(vec![entry]).unwrap(), [Outcome::Applied]);
    wait_for_all(&[&a, &b], &journal);
    for engine in [&a, &b] {
        let kpis = engine.snapshot().attribution.kpis(Day(0), Day(u32::MAX));
        let row = kpis.rows.iter().find(|row| row.counts.recommendations == 1).unwrap();
        assert_eq!(row.counts.clicked_recommendations, 1);
    }
}

#[test]
fn an_engine_takes_up_the_model_that_another_has_trained_or_activated() {
    let journal = Arc::new(MemoryJournal::default());
    let folders = [0, 1].map(|_| tempfile::tempdir().unwrap());
    let [a, b] = [0, 1].map(|n| open(folders[n].path(), &journal));
    let train = |first: u32| {
        let views = (first..first + 300).map(|n| {
            let (user, item) = (n % 40, n % 4 * 8 + n / 7 % 8);
            viewed(&format!("m{n}"), &format!("u{user}"), &format!("i{item}"))
        });
        a.submit_blocking(views.collect()).unwrap();
        let version =
            a.train(TrainingOptions { refusal_margin: 1.0, ..TrainingOptions::default() }, &|_| {});
        let version = version.unwrap().version;
        wait_for_all(&[&a, &b], &journal);
        version
    };
    let list = |engine: &Engine| {
        let list = engine.recommend(engine.find_user("u1"), &ListRequest::new(5, Logic::Personal));
        let list = list.unwrap();
        (list.model, list.items.into_iter().map(|item| item.item_id).collect::<Vec<_>>())
    };

    // The folder of the other has no such artifact: then it is made from the journal, which says
    // all of it.
    let first = train(0);
    b.refresh();
    b.refresh();
    let told: Vec<String> = b.problems().iter().map(ToString::to_string).collect();
    assert!(told.len() == 1 && told[0].contains("its artifact is missing"), "{told:?}");
    assert_eq!(list(&b).0, None);
    assert!(b.remake_lost_model().unwrap());
    assert_eq!((b.problems(), list(&b)), (vec![], list(&a)));

    let second = train(300);
    let artifact = |n: usize| folders[n].path().join("models").join(format!("{second}.model"));
    fs_err::copy(artifact(0), artifact(1)).unwrap();
    b.refresh();
    assert_eq!((b.problems(), list(&b)), (vec![], list(&a)));
    assert_eq!(list(&b).0, Some(second));

    a.activate_model(&first).unwrap();
    wait_for_all(&[&a, &b], &journal);
    b.refresh();
    assert_eq!((b.problems(), list(&b).0), (vec![], Some(first)));
}

#[test]
fn two_engines_that_continue_a_list_at_once_give_no_item_twice() {
    let journal = Arc::new(MemoryJournal::default());
    let folders = [0, 1].map(|_| tempfile::tempdir().unwrap());
    let [a, b] = [0, 1].map(|n| open(folders[n].path(), &journal));
    let entries = (0..90).map(|n| viewed(&format!("m{n}"), &format!("u{n}"), &format!("i{n}")));
    a.submit_blocking(entries.collect()).unwrap();
    let request = RecommendationRequest {
        user_id: Some("nobody".to_owned()),
        missing: MissingEntities::Ignored,
        ..RecommendationRequest::new(Endpoint::RecommendItemsToUser, 3)
    };
    let budget = Arc::new(RequestBudget::unlimited());
    let first = a.request_recommendations(&request, &budget).unwrap();
    wait_until(|| b.recommendation(first.recomm_id).unwrap().is_some());
    let go_on = |engine: &Engine| -> Vec<(u32, Vec<String>)> {
        let next = (0..10).filter_map(|_| {
            match engine.next_recommendations(first.recomm_id, 3, false, false, &budget) {
                Ok((_, next)) => {
                    let ids = next.recommended.into_iter().map(|item| item.id);
                    Some((next.n_next, ids.collect()))
                }
                // As often as the other was first.
                Err(RecommendationError::ContinuedElsewhere(_)) => None,
                Err(error) => panic!("{error}"),
            }
        });
        next.collect()
    };
    let (of_a, of_b) = std::thread::scope(|scope| {
        let of_a = scope.spawn(|| go_on(&a));
        let of_b = scope.spawn(|| go_on(&b));
        (of_a.join().unwrap(), of_b.join().unwrap())
    });
    let mut all = [of_a, of_b].concat();
    all.sort();
    assert!(all.len() > 10, "{all:?}");
    assert!(all.iter().map(|(n, _)| *n).eq(1..=all.len() as u32), "{all:?}");
    let given = first.recommended.iter().map(|item| item.id.clone());
    let given: Vec<String> = given.chain(all.into_iter().flat_map(|(_, ids)| ids)).collect();
    let mut distinct = given.clone();
    distinct.sort();
    distinct.dedup();
    assert_eq!(distinct.len(), given.len(), "{given:?}");
    wait_for_all(&[&a, &b], &journal);
    for engine in [&a, &b] {
        assert_eq!(engine.recommendation(first.recomm_id).unwrap().unwrap().items, given);
    }
}
