//! Commands of the recommender API: their answers come back after a restart, with and without the store.

#![expect(clippy::unwrap_used, reason = "a test may end at the first surprise")]

use std::path::Path;

use catalog::Property;
use domain::{Interaction, InteractionKind, PropertyType, Timestamp, WorkspaceId};
use engine::{CollectionKind, Command, Engine, EntityKind, Entry, Member, Outcome, Refusal};

fn open(folder: &Path) -> Engine {
    Engine::open(WorkspaceId::new("shop").unwrap(), folder, &|_, _| {}).unwrap()
}

fn submit(engine: &Engine, commands: Vec<Command>) -> Vec<Outcome> {
    let entry = |command| Entry::Command { received_at: Timestamp(1_000_000), command: Box::new(command) };
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
        Command::MergeUsers { target: "u".to_owned(), source: "v".to_owned(), cascade_create: false },
        purchase("w", "b", 7),
        Command::Delete { kind: user, id: "w".to_owned() },
        Command::Delete { kind: item, id: "b".to_owned() },
        set(item, "b", "{}"),
    ]
}

fn answers(engine: &Engine) -> String {
    let kinds = [EntityKind::Item, EntityKind::User];
    let all = kinds.map(|kind| {
        let ids = engine.entity_ids(kind);
        let values: Vec<_> = ids.iter().map(|id| engine.entity_values(kind, id)).collect();
        let purchases: Vec<_> = ids
            .iter()
            .map(|id| match kind {
                EntityKind::Item => engine.interactions_of_item(id, InteractionKind::Purchase).unwrap(),
                EntityKind::User => engine.interactions_of_user(id, InteractionKind::Purchase).unwrap(),
            })
            .collect();
        format!("{ids:?}\n{values:#?}\n{purchases:#?}\n")
    });
    let members = engine.members(CollectionKind::Series, "saga");
    format!("{}{members:?}\n{:?}", all.concat(), engine.counts())
}

#[test]
fn what_commands_made_comes_back_without_the_store_also_after_a_reset() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(folder.path());
    submit(&engine, work());
    engine.reset().unwrap();
    assert!(engine.entity_ids(EntityKind::Item).is_empty() && engine.entity_ids(EntityKind::User).is_empty());
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
            Command::MergeUsers { target: "u".to_owned(), source: "w".to_owned(), cascade_create: true },
            purchase("u", "a", 5),
        ],
    );
    let refusals = outcomes.iter().map(|outcome| match outcome {
        Outcome::Refused(Refusal::AlreadyThere(what)) => format!("already there: {what}"),
        Outcome::Refused(Refusal::NotFound(what)) => format!("not found: {what}"),
        Outcome::Refused(Refusal::Invalid(what)) => format!("invalid: {what}"),
        other => format!("{other:?}"),
    });
    insta::assert_snapshot!(refusals.collect::<Vec<_>>().join("\n"));
    let without_counts = |text: &str| text.rsplit_once('\n').unwrap().0.to_owned();
    assert_eq!(without_counts(&answers(&engine)), without_counts(&before));
}
