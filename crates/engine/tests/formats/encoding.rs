//! The bytes of entries: pinned, and what builds do with fields and variants that they do not know.

use std::collections::BTreeSet;
use std::time::Instant;

use domain::Timestamp;
use engine::{DecodeError, Entry};
use serde_json::{Value, json};

use crate::samples;

const BUILD: &str = env!("CARGO_PKG_VERSION");

/// The version of the encoding and that of the build, which come before the entry itself.
fn head(build: &str) -> Vec<u8> {
    [&[crate::VERSION][..], &rmp_serde::to_vec(build).unwrap()].concat()
}

/// An entry as a build of version `build` may have written it.
fn decode(build: &str, entry: &Value) -> Result<Entry, DecodeError> {
    Entry::decode(&[head(build), rmp_serde::to_vec_named(entry).unwrap()].concat())
}

/// Messages of the sample that differ in nothing but their ids are told once.
fn pinned() -> impl Iterator<Item = Entry> {
    let is_told = |entry: &Entry| match entry {
        Entry::Message(message) => message.message_id.starts_with("m-"),
        _ => true,
    };
    samples::entries().into_iter().filter(is_told)
}

/// Whoever changes a name or an order sees it here. The snapshot may grow; its lines do not change.
#[test]
fn the_bytes_of_every_variant_are_pinned() {
    let line = |entry: Entry| {
        let bytes = entry.encode();
        let entry = bytes.strip_prefix(&head(BUILD)[..]).unwrap();
        format!("{}\n", entry.escape_ascii())
    };
    insta::assert_snapshot!(pinned().map(line).collect::<String>());
}

/// The variants that a build knows, as it says itself where it meets another one.
fn known_variants(entry: &Value) -> BTreeSet<String> {
    let error = decode(BUILD, entry).unwrap_err().to_string();
    let (_, known) = error.split_once("expected one of ").unwrap();
    known.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

#[test]
fn every_variant_is_among_the_samples() {
    let kinds: BTreeSet<_> =
        samples::entries().iter().map(|entry| entry.kind().to_owned()).collect();
    assert_eq!(kinds, known_variants(&json!({ "unheard": {} })));

    let name = |value: &Value| value.as_object().unwrap().keys().next().unwrap().clone();
    let commands: Vec<Value> = samples::entries()
        .iter()
        .filter(|entry| entry.kind() == "command")
        .map(|entry| entry.fields()["command"].clone())
        .collect();
    let of_command =
        |command: Value| json!({ "command": { "received_at": 1, "command": command } });
    let known = known_variants(&of_command(json!({ "unheard": {} })));
    assert_eq!(commands.iter().map(name).collect::<BTreeSet<_>>(), known);

    for kind in ["segmentation", "synonym", "replay"] {
        let inner = commands.iter().filter_map(|command| command.get(kind));
        // A variant without fields is a text.
        let names = inner.map(|one| one.as_str().map_or_else(|| name(one), str::to_owned));
        let known = known_variants(&of_command(json!({ kind: { "unheard": {} } })));
        assert_eq!(names.collect::<BTreeSet<_>>(), known, "{kind}");
    }
}

#[test]
fn a_field_that_is_not_known_is_passed_over() {
    let resumed = json!({ "resumed": { "received_at": 5, "later": { "deep": [1, "two", null] }, "more": 2.5 } });
    assert_eq!(decode("99.0.0", &resumed), Ok(Entry::Resumed { received_at: Timestamp(5) }));
    let interaction = json!({ "user_id": "u", "item_id": "i", "kind": "rating", "mood": "good" });
    let interactions =
        json!({ "interactions": { "received_at": 5, "interactions": [interaction] } });
    let Entry::Interactions { interactions, .. } = decode("99.0.0", &interactions).unwrap() else {
        panic!("it is another entry")
    };
    assert_eq!((interactions[0].user_id.as_str(), interactions[0].value), ("u", None));
}

#[test]
fn a_hyperparameter_that_is_not_known_is_passed_over() {
    let trained = samples::entries().into_iter().find(|entry| entry.kind() == "trained").unwrap();
    let mut record = trained.fields();
    let report = record["report"].as_str().unwrap();
    let later =
        report.replace("\"half_life_days\":30.0", "\"half_life_days\":30.0,\"temperature\":0.5");
    assert_ne!(later, report);
    record["report"] = later.into();
    // Fields are for people; in the journal a time is a number.
    let finished_at: Timestamp = serde_json::from_value(record["finished_at"].take()).unwrap();
    record["finished_at"] = finished_at.0.into();
    let later = decode("99.0.0", &json!({ "trained": record })).unwrap();
    let read = |entry: Entry| {
        let folder = tempfile::tempdir().unwrap();
        let engine = crate::open(folder.path());
        engine.submit_blocking(vec![entry]).unwrap();
        engine.trainings().remove(0)
    };
    assert_eq!(read(later), read(trained));
}

#[test]
fn a_variant_that_is_not_known_is_refused_with_the_build_to_use() {
    let ticked = json!({ "ticked": { "at": 5 } });
    let command =
        json!({ "command": { "received_at": 5, "command": { "put_survey": { "id": "a" } } } });
    let interaction = json!({ "user_id": "u", "item_id": "i", "kind": "smelled" });
    let interactions =
        json!({ "interactions": { "received_at": 5, "interactions": [interaction] } });
    // It would lose what makes the user another one.
    let user = ["telephone", "u"];
    let list = json!({ "user": user, "at": 5, "items": [], "place": { "trait": "t" }, "rotates": true, "n_next": 0 });
    for (entry, name) in [
        (ticked, "ticked"),
        (command, "put_survey"),
        (interactions, "smelled"),
        (json!({ "served": { "lists": [list] } }), "telephone"),
        (json!({ "configured": r#"{"id":"shop","survey":[]}"# }), "survey"),
    ] {
        let error = decode("99.0.0", &entry).unwrap_err().to_string();
        assert!(
            error.starts_with("the entry was written by Tastemaker 99.0.0, and Tastemaker"),
            "{error}"
        );
        assert!(error.contains(&format!("`{name}`")), "{error}");
        assert!(error.ends_with("use Tastemaker 99.0.0 or a later one"), "{error}");
        let own = decode(BUILD, &entry).unwrap_err();
        assert!(matches!(own, DecodeError::Unreadable(_)), "{own}");
    }
    let error = Entry::decode(&[7, 0]).unwrap_err().to_string();
    assert!(
        error.contains("version 7") && error.contains("use the build that wrote it"),
        "{error}"
    );
    assert_eq!(Entry::decode(&[]), Err(DecodeError::Empty));
}

#[test]
fn cut_bytes_are_no_entry() {
    let bytes = pinned().last().unwrap().encode();
    for end in 0..bytes.len() {
        assert!(Entry::decode(&bytes[..end]).is_err(), "{end} of {} bytes", bytes.len());
    }
}

#[test]
fn entries_are_told_without_secrets_and_within_a_line() {
    let lines = pinned()
        .map(|entry| format!("{:<17}  {}", entry.kind(), entry.summary()).trim_end().to_owned());
    insta::assert_snapshot!(lines.collect::<Vec<_>>().join("\n"));
    let config = samples::entries().into_iter().find(|entry| entry.kind() == "configured").unwrap();
    let told = config.fields().to_string();
    assert!(told.contains("\"private_token\":\"pri…\""), "{told}");
    for secret in ["private-0", "public-0", "profile-0", "write-0", "bearer-0"] {
        assert!(!told.contains(secret), "{told}");
    }
    let long =
        Entry::ModelActivated { received_at: Timestamp(1), version: "\u{1b}[2J\n".repeat(100) };
    assert!(long.summary().chars().count() <= 160);
    assert!(!long.summary().contains(char::is_control));
}

/// `cargo test --release -p engine --test formats -- --ignored --nocapture cost`
#[test]
#[ignore = "measures"]
fn the_cost_of_an_entry() {
    const ROUNDS: u32 = 20_000;
    let message = pinned().find(|entry| entry.kind() == "message").unwrap();
    let bytes = message.encode();
    let encode = time(ROUNDS, || message.encode().len());
    let decode = time(ROUNDS, || usize::from(Entry::decode(&bytes).is_ok()));
    println!("a message of {} bytes: encode {encode} ns, decode {decode} ns", bytes.len());
}

fn time(rounds: u32, mut work: impl FnMut() -> usize) -> u128 {
    let started = Instant::now();
    let sum: usize = (0..rounds).map(|_| work()).sum();
    assert!(sum > 0);
    started.elapsed().as_nanos() / u128::from(rounds)
}
