//! All kinds, by the files beside them: `KIND/fixtures/*.json` has settings, messages, the mappings
//! where they are not the presets, and the requests and errors that these become. With the variable
//! `UPDATE_FIXTURES` requests and errors are written into the files, to be read before they are
//! committed.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use mapping::Mappings;
use serde_json::{Map, Value, json};

use super::kinds;
use crate::{Kind, Prepared, Sender, SettingType, testing};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src/destinations")
}

fn fixture_files(kind: &Kind) -> Vec<PathBuf> {
    let folder = folder().join(kind.name).join("fixtures");
    let entries = fs_err::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<PathBuf> = entries.collect();
    files.sort();
    files
}

/// The requests in which deliveries would be sent: in their order, as few as the limits allow.
fn describe(sender: &dyn Sender, prepared: &[Arc<Prepared>]) -> Vec<Value> {
    let batching = sender.batching();
    let mut batches: Vec<Vec<Arc<Prepared>>> = Vec::new();
    for delivery in prepared {
        let n_bytes = |batch: &[Arc<Prepared>]| batch.iter().map(|one| one.n_bytes).sum::<usize>();
        let has_room = |batch: &&mut Vec<Arc<Prepared>>| {
            batch[0].group == delivery.group
                && batch.len() < batching.n_max
                && n_bytes(batch) + delivery.n_bytes <= batching.bytes_max
        };
        match batches.iter_mut().rev().find(|batch| batch[0].group == delivery.group) {
            Some(batch) if has_room(&batch) => batch.push(Arc::clone(delivery)),
            _ => batches.push(vec![Arc::clone(delivery)]),
        }
    }
    let requests = batches.iter().flat_map(|batch| sender.describe(batch));
    requests.map(|request| serde_json::to_value(request).unwrap()).collect()
}

/// The requests and errors of a fixture, as they are.
fn run(kind: &Kind, fixture: &Value) -> (Vec<Value>, Vec<String>) {
    let settings: BTreeMap<String, Value> =
        serde_json::from_value(fixture["settings"].clone()).unwrap();
    let sender = kind.connect(&settings, &testing::outgoing()).unwrap();
    let own = fixture.get("mappings").map(|list| {
        Mappings::from_json_for(kind.actions, &list.to_string()).expect("the mappings are right")
    });
    let messages = fixture["messages"].as_array().expect("a fixture has messages");
    let made = testing::prepare(&*sender, own.as_ref().unwrap_or(&kind.presets), messages);
    let errors = made.iter().filter_map(|made| made.as_ref().err().cloned()).collect();
    let prepared: Vec<Arc<Prepared>> = made.into_iter().filter_map(Result::ok).collect();
    (describe(&*sender, &prepared), errors)
}

fn write(file: &Path, fixture: &Value) {
    let mut text = String::from("{");
    for key in ["about", "settings", "mappings", "messages", "requests", "errors"] {
        if let Some(value) = fixture.get(key) {
            let alone = Value::Object(Map::from_iter([(key.to_owned(), value.clone())]));
            let printed = serde_json::to_string_pretty(&alone).unwrap();
            let comma = if text.len() > 1 { "," } else { "" };
            text += &format!("{comma}\n{}", printed[1..printed.len() - 1].trim_matches('\n'));
        }
    }
    fs_err::write(file, text + "\n}\n").unwrap();
}

#[tokio::test]
async fn messages_become_the_requests_of_the_fixtures() {
    let is_update = std::env::var_os("UPDATE_FIXTURES").is_some();
    let mut wrong = Vec::new();
    for kind in kinds() {
        for file in fixture_files(kind) {
            let mut fixture: Value =
                serde_json::from_str(&fs_err::read_to_string(&file).unwrap()).unwrap();
            let (requests, errors) = run(kind, &fixture);
            let (requests, errors) = (json!(requests), json!(errors));
            if is_update {
                fixture["requests"] = requests;
                fixture["errors"] = errors;
                write(&file, &fixture);
            } else if fixture["requests"] != requests || fixture["errors"] != errors {
                let is =
                    serde_json::to_string_pretty(&json!({"requests": requests, "errors": errors}));
                wrong.push(format!("{}: is\n{}", file.display(), is.unwrap()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn each_kind_has_a_fixture_for_each_action_and_about_texts() {
    for kind in kinds() {
        let fixtures: Vec<Value> = fixture_files(kind)
            .iter()
            .map(|file| serde_json::from_str(&fs_err::read_to_string(file).unwrap()).unwrap())
            .collect();
        assert!(fixtures.iter().all(|fixture| fixture["about"].is_string()), "{}", kind.name);
        let of_presets = kind.presets.iter().map(|mapping| mapping.action.name.as_str());
        let own = fixtures.iter().filter_map(|fixture| fixture["mappings"].as_array()).flatten();
        let own = own.filter_map(|mapping| mapping["action"].as_str());
        let used: BTreeSet<&str> = of_presets.chain(own).collect();
        // Those of recommenders have their cases in the crate mapping.
        let is_shown = |action: &str| kind.name == "recombee" || used.contains(action);
        for action in kind.actions {
            assert!(is_shown(&action.name), "no fixture of {} has {}", kind.name, action.name);
            assert!(!action.about.is_empty() && !action.title.is_empty(), "{}", action.name);
        }
        assert!(!kind.settings.about.is_empty() && !kind.title().is_empty(), "{}", kind.name);
        for (key, setting) in &kind.settings.settings {
            assert!(!setting.about.is_empty() && !setting.label.is_empty(), "{key}");
        }
    }
}

/// What docs/destinations.md says of a kind by tables.
fn describe_kind(kind: &Kind) -> String {
    let fixture = fs_err::read_to_string(&fixture_files(kind)[0]).unwrap();
    let fixture: Value = serde_json::from_str(&fixture).unwrap();
    let mut settings: BTreeMap<String, Value> =
        serde_json::from_value(fixture["settings"].clone()).unwrap();
    settings.remove("batch_size");
    let sender = kind.connect(&settings, &testing::outgoing()).unwrap();
    let mut text =
        format!("{}\n\n| setting | | what it is |\n| --- | --- | --- |\n", kind.settings.about);
    for (key, setting) in &kind.settings.settings {
        let default = setting.default.as_ref().map(|value| match value {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        });
        let about_value = match (setting.is_required, default) {
            (true, _) => "required".to_owned(),
            (false, Some(default)) => format!("default `{default}`"),
            (false, None) => "optional".to_owned(),
        };
        let choices = match &setting.type_ {
            SettingType::Choice(words) => format!(" (`{}`)", words.join("`, `")),
            SettingType::Integer { min, max } => format!(" ({min} to {max})"),
            _ => String::new(),
        };
        let type_ = setting.type_.word();
        text += &format!("| `{key}` | {type_}{choices}, {about_value} | {} |\n", setting.about);
    }
    text += "\n| action | what it does |\n| --- | --- |\n";
    for action in kind.actions {
        text += &format!("| `{}` | {} |\n", action.name, action.about);
    }
    let deletes = match Arc::clone(&sender).forget(vec!["u".to_owned()]) {
        Some(_) => "People can be deleted there.",
        None => "People cannot be deleted there by us.",
    };
    let batching = sender.batching();
    let size = match batching.n_max {
        1 => "A request has one delivery by default.".to_owned(),
        n => format!(
            "A request has up to {n} deliveries by default, of {} KB together, and waits up to {} ms for more.",
            batching.bytes_max / 1_024,
            batching.age_ms
        ),
    };
    let fate = match batching.is_atomic {
        true => "All deliveries of a request share one fate.",
        false => "Each delivery of a request has an outcome of its own.",
    };
    text + &format!("\n{size} {fate} {deletes}\n")
}

#[tokio::test]
async fn the_page_of_destinations_says_what_the_files_say() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/destinations.md");
    let is = fs_err::read_to_string(&page).unwrap();
    let mut should = is.clone();
    for kind in kinds() {
        let begin = format!("<!-- {} -->\n", kind.name);
        let start = should.find(&begin).expect("each kind has a place in the page") + begin.len();
        let end = start + should[start..].find("<!-- end -->").expect("a place ends");
        should.replace_range(start..end, &describe_kind(kind));
    }
    if std::env::var_os("UPDATE_FIXTURES").is_some() {
        fs_err::write(&page, &should).unwrap();
    } else {
        assert!(is == should, "write docs/destinations.md with UPDATE_FIXTURES=1");
    }
}
