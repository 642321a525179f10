//! Commands of the recommender API: their answers come back after a restart, with and without the
//! store.

#![expect(clippy::unwrap_used, reason = "a test may end at the first surprise")]

use std::path::Path;
use std::sync::Arc;

use catalog::Property;
use domain::{
    Endpoint, Interaction, InteractionKind, PropertyType, Scenario, Timestamp, WorkspaceId,
};
use engine::{
    CollectionKind, Command, Engine, EntityKind, Entry, Member, Outcome, Refusal, RequestBudget,
    RuleUpdate, Segment, Segmentation, SegmentationCommand, SegmentationKind, Synonym,
    SynonymCommand,
};

fn open(folder: &Path) -> Engine {
    Engine::open(WorkspaceId::new("shop").unwrap(), folder, &|_, _| {}).unwrap()
}

fn submit(engine: &Engine, commands: Vec<Command>) -> Vec<Outcome> {
    let entry =
        |command| Entry::Command { received_at: Timestamp(1_000_000), command: Box::new(command) };
    engine.submit_blocking(commands.into_iter().map(entry).collect()).unwrap()
}

fn set(kind: EntityKind, id: &str, values: &str) -> Command {
    Command::SetValues { kind, id: id.to_owned(), values: values.to_owned(), cascade_create: true }
}

fn property(kind: EntityKind, name: &str, type_: PropertyType) -> Command {
    Command::AddProperty { kind, property: Property::new(name, type_) }
}

fn purchase(user: &str, item: &str, at_s: i64) -> Command {
    let mut interaction = Interaction::new(user, item, InteractionKind::Purchase);
    interaction.timestamp = Some(Timestamp(at_s * 1_000));
    interaction.additional_data = Some("{}".to_owned());
    Command::AddInteraction { interaction, cascade_create: true }
}

fn scenario(name: &str, endpoint: Endpoint) -> Command {
    let scenario = serde_json::to_string(&Scenario::new(name, endpoint)).unwrap();
    Command::PutScenario { scenario }
}

fn segmentation(id: &str, kind: SegmentationKind) -> Command {
    let (id, title) = (id.to_owned(), Some("Some".to_owned()));
    Command::Segmentation(SegmentationCommand::Create(Segmentation {
        id,
        kind,
        title,
        description: None,
    }))
}

fn by_property(name: &str) -> SegmentationKind {
    SegmentationKind::Property { name: name.to_owned() }
}

fn by_expression(expression: &str) -> SegmentationKind {
    SegmentationKind::AutoReql { expression: expression.to_owned() }
}

fn segment(of: &str, id: &str, filter: &str) -> Command {
    let segment = Segment { id: id.to_owned(), filter: filter.to_owned(), title: None };
    Command::Segmentation(SegmentationCommand::AddSegment {
        segmentation_id: of.to_owned(),
        segment,
    })
}

fn delete_segment(of: &str, id: &str) -> Command {
    let (segmentation_id, id) = (of.to_owned(), id.to_owned());
    Command::Segmentation(SegmentationCommand::DeleteSegment { segmentation_id, id })
}

fn update(id: &str, rule: RuleUpdate) -> Command {
    let (title, description) = (Some(None), Some(Some("Why".to_owned())));
    Command::Segmentation(SegmentationCommand::Update {
        id: id.to_owned(),
        rule,
        title,
        description,
    })
}

fn synonym(id: &str, term: &str, synonym: &str) -> Command {
    let (id, term, synonym) = (id.to_owned(), term.to_owned(), synonym.to_owned());
    Command::Synonym(SynonymCommand::Add(Synonym { id, term, synonym, one_way: false }))
}

/// Scenarios, segmentations and synonyms; the property `brand` goes in the end.
fn setting_up() -> Vec<Command> {
    let manual = SegmentationKind::ManualReql { segments: Vec::new() };
    vec![
        property(EntityKind::Item, "title", PropertyType::String),
        property(EntityKind::Item, "brand", PropertyType::Set),
        property(EntityKind::Item, "price", PropertyType::Double),
        scenario("home", Endpoint::RecommendItemsToUser),
        scenario("gone", Endpoint::RecommendItemsToUser),
        scenario("home", Endpoint::SearchItems),
        Command::DeleteScenario { name: "gone".to_owned() },
        segmentation("titles", by_property("title")),
        segmentation("brands", by_property("brand")),
        segmentation("auto", by_expression("{'title'}")),
        segmentation("any", by_expression("if 'price' > 1 then 'brand' else null")),
        segmentation("manual", manual.clone()),
        segment("manual", "dear", "'price' > 10"),
        segment("manual", "cheap", "'price' <= 10"),
        segment("manual", "free", "'price' == 0"),
        Command::Segmentation(SegmentationCommand::UpdateSegment {
            segmentation_id: "manual".to_owned(),
            id: "cheap".to_owned(),
            filter: "'price' < 10".to_owned(),
            title: Some(Some("Cheap".to_owned())),
        }),
        delete_segment("manual", "free"),
        update("auto", RuleUpdate::AutoReql(Some("{'title' + 'title'}".to_owned()))),
        update("titles", RuleUpdate::Property(None)),
        update("manual", RuleUpdate::ManualReql),
        segmentation("old", manual.clone()),
        segment("old", "x", "true"),
        Command::Segmentation(SegmentationCommand::Delete { id: "old".to_owned() }),
        segmentation("old", manual),
        synonym("1", "sci-fi", "science fiction"),
        synonym("2", "tv", "television"),
        synonym("3", "sci-fi", "future"),
        Command::Synonym(SynonymCommand::Delete { id: "2".to_owned() }),
        synonym("4", "tv", "television"),
        Command::DeleteProperty { kind: EntityKind::Item, name: "brand".to_owned() },
    ]
}

fn set_up_answers(engine: &Engine) -> String {
    format!(
        "{:#?}\n{:#?}\n{:#?}",
        engine.scenarios(),
        engine.snapshot().segmentations.all().collect::<Vec<_>>(),
        engine.snapshot().synonyms.all().collect::<Vec<_>>()
    )
}

fn work() -> Vec<Command> {
    let (item, user) = (EntityKind::Item, EntityKind::User);
    let member = |id: &str, time| Member { is_collection: false, id: id.to_owned(), time };
    let insert = |id: &str, time| Command::InsertMember {
        kind: CollectionKind::Series,
        id: "saga".to_owned(),
        member: member(id, time),
        cascade_create: true,
    };
    vec![
        property(item, "title", PropertyType::String),
        property(item, "old", PropertyType::Set),
        property(user, "born", PropertyType::Timestamp),
        set(item, "a", r#"{"title": "A", "old": ["x"]}"#),
        set(item, "b", r#"{"title": "B", "old": ["y"]}"#),
        Command::DeleteProperty { kind: item, name: "old".to_owned() },
        property(item, "old", PropertyType::Int),
        set(user, "u", r#"{"born": 86400}"#),
        set(user, "v", r#"{"born": "1980-01-01"}"#),
        insert("a", 2.0),
        insert("b", 1.0),
        purchase("u", "a", 5),
        purchase("v", "a", 5),
        purchase("v", "b", 6),
        Command::MergeUsers {
            target: "u".to_owned(),
            source: "v".to_owned(),
            cascade_create: false,
        },
        purchase("w", "b", 7),
        Command::Delete { kind: user, id: "w".to_owned() },
        Command::Delete { kind: item, id: "b".to_owned() },
        set(item, "b", "{}"),
    ]
}

fn all_ids(engine: &Engine, kind: EntityKind) -> Vec<String> {
    engine.entity_page(kind, None, 0, usize::MAX, &Arc::new(RequestBudget::unlimited())).unwrap()
}

fn answers(engine: &Engine) -> String {
    let kinds = [EntityKind::Item, EntityKind::User];
    let all = kinds.map(|kind| {
        let ids = all_ids(engine, kind);
        let values: Vec<_> =
            ids.iter().map(|id| engine.snapshot().entity_values(kind, id, None)).collect();
        let purchases: Vec<_> = ids
            .iter()
            .map(|id| match kind {
                EntityKind::Item => {
                    engine.snapshot().interactions_of_item(id, InteractionKind::Purchase).unwrap()
                }
                EntityKind::User => {
                    engine.snapshot().interactions_of_user(id, InteractionKind::Purchase).unwrap()
                }
            })
            .collect();
        format!("{ids:?}\n{values:#?}\n{purchases:#?}\n")
    });
    let members = engine.snapshot().members(CollectionKind::Series, "saga");
    format!("{}{members:?}\n{:?}", all.concat(), engine.counts())
}

fn refusals(outcomes: &[Outcome]) -> String {
    let line = |outcome: &Outcome| match outcome {
        Outcome::Refused(Refusal::AlreadyExists(what)) => format!("already there: {what}"),
        Outcome::Refused(Refusal::NotFound(what)) => format!("not found: {what}"),
        Outcome::Refused(Refusal::Invalid(what)) => format!("invalid: {what}"),
        other => format!("{other:?}"),
    };
    outcomes.iter().map(line).collect::<Vec<_>>().join("\n")
}

#[test]
fn what_commands_made_comes_back_without_the_store_also_after_a_reset() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(folder.path());
    submit(&engine, work());
    engine.reset().unwrap();
    assert!(
        all_ids(&engine, EntityKind::Item).is_empty()
            && all_ids(&engine, EntityKind::User).is_empty()
    );
    let outcomes = submit(&engine, work());
    assert!(outcomes.iter().all(|outcome| *outcome == Outcome::Applied), "{outcomes:?}");
    let before = answers(&engine);
    insta::assert_snapshot!(before);
    drop(engine);
    assert_eq!(answers(&open(folder.path())), before);
    fs_err::remove_dir_all(folder.path().join("store")).unwrap();
    assert_eq!(answers(&open(folder.path())), before);
}

#[test]
fn pages_are_parts_of_the_whole_and_values_those_that_are_included() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(folder.path());
    let (item, user) = (EntityKind::Item, EntityKind::User);
    let budget = Arc::new(RequestBudget::unlimited());
    let properties = ["n", "twin"].map(|name| property(item, name, PropertyType::Int));
    let items = (0..1_300).map(|n| {
        set(item, &format!("i{}", n * 37 % 1_300), &format!(r#"{{"n": {n}, "twin": 2}}"#))
    });
    let users = (0..20).map(|n| set(user, &format!("u{}", n * 7 % 20), "{}"));
    let gone = ["i3", "i30"].map(|id| Command::Delete { kind: item, id: id.to_owned() });
    submit(&engine, properties.into_iter().chain(items).chain(users).chain(gone).collect());
    for (kind, filter, n) in [
        (item, None, 1_298),
        (item, Some("'n' < 10"), 10),
        (item, Some("'n' >= 10"), 1_288),
        (user, None, 20),
    ] {
        let all = engine.entity_page(kind, filter, 0, usize::MAX, &budget).unwrap();
        assert!(all.is_sorted() && all.len() == n, "{all:?}");
        for offset in [0, 1, 5, n - 1, n, n + 1, usize::MAX] {
            for count in [0, 1, 7, n, usize::MAX] {
                let page = engine.entity_page(kind, filter, offset, count, &budget).unwrap();
                let expected: Vec<_> = all.iter().skip(offset).take(count).cloned().collect();
                assert_eq!(page, expected, "{offset} {count}");
            }
        }
    }
    assert!(engine.entity_page(item, Some("'m' < 10"), 0, 1, &budget).is_err());

    let names = |included: Option<&[String]>| {
        let values = engine.snapshot().entity_values(item, "i37", included).unwrap();
        values.into_iter().map(|(name, value)| format!("{name} {value:?}")).collect::<Vec<_>>()
    };
    assert_eq!(names(None), ["n Some(Int(1))", "twin Some(Int(2))"]);
    assert_eq!(names(Some(&["twin".to_owned(), "other".to_owned()])), ["twin Some(Int(2))"]);
    assert!(
        engine.snapshot().entity_values(item, "i3", None).is_none()
            && !engine.snapshot().has_entity(item, "i3")
    );
}

#[test]
fn items_and_users_that_come_and_go_fill_no_table() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(folder.path());
    let (item, user) = (EntityKind::Item, EntityKind::User);
    let delete = |kind, id: &str| Command::Delete { kind, id: id.to_owned() };
    submit(&engine, vec![property(item, "n", PropertyType::Int), set(item, "stays", "{}")]);
    for n in 0..200 {
        let cycle = |n: u32| {
            let id = format!("i{}", n % 3);
            let values = format!(r#"{{"n": {n}}}"#);
            let second = Command::Add { kind: item, id: id.clone() };
            let made = if n.is_multiple_of(2) { set(item, &id, &values) } else { second };
            [made, delete(item, &id), set(user, &id, "{}"), delete(user, &id)]
        };
        submit(&engine, (0..1_000).flat_map(|m| cycle(1_000 * n + m)).collect());
    }
    assert_eq!((engine.counts().items, engine.counts().available_items), (1, 1));
    assert_eq!(engine.snapshot().catalog.n_items(), 4);
    assert_eq!((engine.counts().external_ids, engine.counts().known_users), (0, 0));

    // Whoever comes under an id that was used before starts from nothing.
    submit(&engine, vec![set(item, "i0", r#"{"n": 7}"#), delete(item, "i0")]);
    submit(&engine, vec![Command::Add { kind: item, id: "i0".to_owned() }]);
    assert_eq!(
        engine.snapshot().entity_values(item, "i0", None),
        Some(vec![("n".to_owned(), None)])
    );
    // With what something was done, the index stays with that.
    submit(&engine, vec![purchase("u", "i0", 1), delete(item, "i0"), set(item, "i0", "{}")]);
    assert_eq!((engine.counts().items, engine.snapshot().catalog.n_items()), (2, 5));
    assert!(
        engine
            .snapshot()
            .interactions_of_item("i0", InteractionKind::Purchase)
            .unwrap()
            .unwrap()
            .is_empty()
    );
    let before = answers(&engine);
    drop(engine);
    assert_eq!(answers(&open(folder.path())), before);
    fs_err::remove_dir_all(folder.path().join("store")).unwrap();
    assert_eq!(answers(&open(folder.path())), before);
}

#[test]
fn what_does_not_fit_the_state_is_refused_whole() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(folder.path());
    submit(&engine, work());
    let before = answers(&engine);
    let (item, user) = (EntityKind::Item, EntityKind::User);
    let outcomes = submit(
        &engine,
        vec![
            Command::Add { kind: item, id: "a".to_owned() },
            Command::Delete { kind: user, id: "w".to_owned() },
            set(item, "a", r#"{"title": "new", "weight": 1}"#),
            set(item, "new", r#"{"title": 1}"#),
            property(item, "title", PropertyType::Int),
            property(user, "portrait", PropertyType::Image),
            Command::MergeUsers {
                target: "u".to_owned(),
                source: "w".to_owned(),
                cascade_create: true,
            },
            purchase("u", "a", 5),
        ],
    );
    insta::assert_snapshot!(refusals(&outcomes));
    let without_counts = |text: &str| text.rsplit_once('\n').unwrap().0.to_owned();
    assert_eq!(without_counts(&answers(&engine)), without_counts(&before));
}

#[test]
fn scenarios_segmentations_and_synonyms_come_back_and_a_reset_keeps_scenarios() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(folder.path());
    let outcomes = submit(&engine, setting_up());
    assert!(outcomes.iter().all(|outcome| *outcome == Outcome::Applied), "{outcomes:?}");
    let before = set_up_answers(&engine);
    insta::assert_snapshot!(before);
    drop(engine);
    assert_eq!(set_up_answers(&open(folder.path())), before);
    fs_err::remove_dir_all(folder.path().join("store")).unwrap();
    let engine = open(folder.path());
    assert_eq!(set_up_answers(&engine), before);

    engine.reset().unwrap();
    assert_eq!(engine.scenarios().len(), 1);
    assert!(
        engine.snapshot().segmentations.all().len() + engine.snapshot().synonyms.all().len() == 0
    );
    let outcomes = submit(&engine, setting_up());
    assert!(outcomes.iter().all(|outcome| *outcome == Outcome::Applied), "{outcomes:?}");
    assert_eq!(set_up_answers(&engine), before);
    let of_all = submit(&engine, vec![Command::Synonym(SynonymCommand::DeleteAll)]);
    assert_eq!(of_all, [Outcome::Applied]);
    drop(engine);
    let engine = open(folder.path());
    assert_eq!((engine.scenarios().len(), engine.snapshot().synonyms.all().len()), (1, 0));
}

#[test]
fn set_ups_that_do_not_fit_the_state_are_refused_whole() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(folder.path());
    submit(&engine, setting_up());
    let before = set_up_answers(&engine);
    let outcomes = submit(
        &engine,
        vec![
            Command::PutScenario { scenario: "{".to_owned() },
            scenario("x y", Endpoint::SearchItems),
            scenario("home", Endpoint::SearchItemSegments),
            Command::DeleteScenario { name: "gone".to_owned() },
            segmentation("titles", by_property("title")),
            segmentation("new", by_property("brand")),
            segmentation("new", by_property("price")),
            segmentation("new", by_expression("{'brand'}")),
            segmentation("new", by_expression("'title'")),
            segmentation("new", by_expression("{'title'")),
            update("nowhere", RuleUpdate::ManualReql),
            update("titles", RuleUpdate::AutoReql(None)),
            update("titles", RuleUpdate::Property(Some("price".to_owned()))),
            update("auto", RuleUpdate::AutoReql(Some("1".to_owned()))),
            segment("nowhere", "x", "true"),
            segment("titles", "x", "true"),
            segment("manual", "dear", "true"),
            segment("manual", "x", "1"),
            segment("manual", "x", "'brand' == null"),
            delete_segment("manual", "free"),
            synonym("5", "tv", "television"),
            Command::Synonym(SynonymCommand::Delete { id: "2".to_owned() }),
        ],
    );
    insta::assert_snapshot!(refusals(&outcomes));
    assert_eq!(set_up_answers(&engine), before);
}
