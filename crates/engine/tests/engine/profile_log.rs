//! Changes of profiles, read from the journal.

use domain::{Interaction, InteractionKind};
use engine::{Command, EntityKind, ProfileChange, ProfileLog};

use super::*;

const AT: Timestamp = Timestamp(1_700_000_000_000);

/// All changes, in as many steps as it takes: who was changed, and how.
fn changes(engine: &Engine, log: ProfileLog) -> Vec<(u32, String)> {
    changes_since(engine, log, 0)
}

/// The changes of a run behind one that ended before the entry `since`.
fn changes_since(engine: &Engine, log: ProfileLog, since: u64) -> Vec<(u32, String)> {
    let (mut from, until, mut changes) = (since, engine.applied(), Vec::new());
    while from < until {
        let step = engine.profile_updates(log, since, from, until).unwrap();
        assert!(step.next > from, "each step reads something");
        from = step.next;
        changes.extend(step.updates.into_iter().map(|update| {
            let change = match update.change {
                ProfileChange::IdentifierAdded(type_, value) => {
                    format!("+{} {value}", type_.word())
                }
                ProfileChange::IdentifierRemoved(type_, value) => {
                    format!("-{} {value}", type_.word())
                }
                ProfileChange::TraitSet { name, value } => format!("{name} {value}"),
                ProfileChange::Merged { merged, id } => format!("{} {:?}", merged.0, id.unwrap().1),
            };
            (update.user.0, change)
        }));
    }
    changes
}

fn command(command: Command) -> Entry {
    Entry::Command { received_at: AT, command: Box::new(command) }
}

#[test]
fn imports_commands_and_rules_change_profiles_too_and_repeats_do_not() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(folder.path());
    let imported = |user: &str| Interaction::new(user, "lamp", InteractionKind::Purchase);
    let interactions = (0..3_000).map(|n| imported(&format!("u{}", n % 3)));
    engine.import_interactions(interactions.collect()).unwrap();
    let add = |id: &str| Command::Add { kind: EntityKind::User, id: id.to_owned() };
    let identify = |n: u32, user: &str, traits: Value| {
        message(&json!({ "type": "identify", "messageId": format!("m{n}"), "userId": user,
            "traits": traits }))
    };
    engine
        .submit_blocking(vec![
            command(add("ann")),
            command(add("ann")),
            identify(1, "ann", json!({ "size": 3 })),
            identify(1, "ann", json!({ "size": 4 })),
            identify(2, "new", json!({ "size": 5 })),
            command(Command::MergeUsers {
                target: "ann".to_owned(),
                source: "u1".to_owned(),
                cascade_create: false,
            }),
            command(Command::RemoveExternalId {
                user_id: "new".to_owned(),
                id_type: ExternalIdType::AnonymousId,
                id: "gone".to_owned(),
            }),
        ])
        .unwrap();
    let text = |user: u32, change: &str| (user, change.to_owned());
    let check = |engine: &Engine| {
        assert_eq!(
            changes(engine, ProfileLog::Identifiers),
            [
                text(0, "+user_id u0"),
                text(2, "+user_id u2"),
                text(3, "+user_id ann"),
                text(4, "+user_id new"),
                text(4, "-anonymous_id gone"),
            ],
            "the id of whoever was merged away is free again"
        );
        assert_eq!(changes(engine, ProfileLog::Traits), [text(3, "size 3"), text(4, "size 5")]);
        assert_eq!(changes(engine, ProfileLog::Merges), [text(3, "1 \"u1\"")]);
    };
    check(&engine);
    drop(engine);
    fs_err::remove_dir_all(folder.path().join("store")).unwrap();
    check(&open(folder.path()));
}

#[test]
fn an_id_that_came_and_went_between_two_runs_is_told_with_both() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(folder.path());
    let seen = |n: u32, device: &str| {
        message(&json!({ "type": "track", "messageId": format!("m{n}"), "userId": "u",
            "anonymousId": device, "event": "Seen" }))
    };
    let remove = |device: &str| {
        command(Command::RemoveExternalId {
            user_id: "u".to_owned(),
            id_type: ExternalIdType::AnonymousId,
            id: device.to_owned(),
        })
    };
    engine.submit_blocking(vec![seen(1, "before")]).unwrap();
    let since = engine.applied();
    let entries = vec![
        seen(2, "before"),
        seen(3, "meanwhile"),
        remove("meanwhile"),
        remove("before"),
        seen(4, "meanwhile"),
        remove("meanwhile"),
        seen(5, "stays"),
    ];
    engine.submit_blocking(entries).unwrap();
    let told = changes_since(&engine, ProfileLog::Identifiers, since);
    let told: Vec<&str> = told.iter().map(|(_, change)| change.as_str()).collect();
    let expected = [
        "+anonymous_id meanwhile",
        "-anonymous_id meanwhile",
        "-anonymous_id before",
        "+anonymous_id meanwhile",
        "-anonymous_id meanwhile",
        "+anonymous_id stays",
    ];
    assert_eq!(told, expected, "an earlier run has told of the id that was there before");
}
