//! Cases in files, which people can read and extend without programming.
//!
//! `tests/cases/directives`: what directives give. `presets/cases`: messages, and the requests that
//! a recommender destination gets. A new file needs only `about` and `message` (and `mappings`, if
//! not the presets); `UPDATE_CASES=1 cargo test -p mapping --test cases` writes the rest.

use std::path::PathBuf;

use mapping::recombee::{Settings, TrialMappings, try_message};
use mapping::{Mapping, Payload, Value};
use serde_json::{Map, Value as Json, json};

fn files(folder: &str) -> Vec<(PathBuf, Json)> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(folder);
    let mut paths: Vec<PathBuf> = fs_err::read_dir(&folder)
        .expect("the folder of cases")
        .map(|entry| entry.expect("an entry").path())
        .collect();
    paths.sort();
    assert!(!paths.is_empty());
    paths
        .into_iter()
        .map(|path| {
            let text = fs_err::read_to_string(&path).expect("a case");
            let json = serde_json::from_str(&text);
            let json = json.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            (path, json)
        })
        .collect()
}

/// The JSON of a part of a case, with its members in order.
fn ordered<'v>(whole: &'v Value<'_>, keys: &[&str]) -> Option<&'v Value<'v>> {
    keys.iter().try_fold(whole, |value, key| match value {
        Value::Array(items) => items.get(key.parse::<usize>().ok()?),
        value => value.as_object()?.get(key),
    })
}

#[test]
fn directives_give_what_their_cases_say() {
    for (path, _) in files("tests/cases/directives") {
        let text = fs_err::read_to_string(&path).expect("a case");
        let whole = Value::from_json(&text).expect("JSON");
        let Some(Value::Array(cases)) = ordered(&whole, &["cases"]) else { panic!("{path:?}") };
        for case in cases {
            check_directives(&path, &whole, case);
        }
    }
}

fn check_directives(path: &std::path::Path, whole: &Value<'_>, case: &Value<'_>) {
    let about = ordered(case, &["about"]).expect("about").print();
    let name = format!("{}: {about}", path.file_name().expect("a name").display());
    let payload = ordered(case, &["payload"]).or(ordered(whole, &["payload"])).expect("a payload");
    let payload = payload.to_json();
    let fields = ordered(case, &["fields"]).expect("fields").to_json();
    let mapping = Mapping::from_json(&format!(
        r#"{{"trigger":"type != \"x\"","action":"addBookmark","fields":{fields}}}"#
    ));
    let mapping = match mapping {
        Ok(mapping) => mapping,
        Err(problems) => {
            let found: Vec<String> = problems.iter().map(ToString::to_string).collect();
            let expected = ordered(case, &["refused"]).map(Value::to_json).unwrap_or_default();
            assert_eq!(serde_json::to_string(&found).expect("texts"), expected, "{name}");
            return;
        }
    };
    let resolved = mapping.resolve(&Payload::of_json(&payload).expect("an object"));
    match (resolved, ordered(case, &["gives"]), ordered(case, &["fails"])) {
        (Ok(value), Some(expected), None) => {
            assert_eq!(value.to_json(), expected.to_json(), "{name}");
        }
        (Err(error), None, Some(expected)) => assert_eq!(error.what, expected.print(), "{name}"),
        (resolved, _, _) => panic!("{name}: {resolved:?}"),
    }
}

/// What a message becomes: compatible, and without defects where that differs.
fn outcome(case: &Json) -> Map<String, Json> {
    let settings = r#"{"databaseId":"db","privateToken":"t","databaseRegion":"eu-west"}"#;
    let settings = Settings::from_json(settings).expect("settings");
    let mappings = match case.get("mappings") {
        None => TrialMappings::presets(),
        Some(mappings) => TrialMappings::from_json(&mappings.to_string()).expect("mappings"),
    };
    let message = case["message"].to_string();
    let run = |is_compatible| {
        let trial = try_message(&mappings, &message, &settings, is_compatible);
        serde_json::to_value(trial).expect("a trial")
    };
    let (compatible, mended) = (run(true), run(false));
    let mut outcome = Map::new();
    outcome.insert("requests".to_owned(), compatible["requests"].clone());
    outcome.insert("errors".to_owned(), compatible["errors"].clone());
    if compatible != mended {
        outcome.insert("mended".to_owned(), mended);
    }
    outcome
}

#[test]
fn messages_become_the_requests_of_their_cases() {
    let is_update = std::env::var_os("UPDATE_CASES").is_some();
    for (path, case) in files("presets/cases") {
        let found = outcome(&case);
        if is_update {
            let mut text = String::from("{\n");
            for key in ["about", "mappings", "message", "requests", "errors", "mended"] {
                if let Some(value) = found.get(key).or_else(|| case.get(key)) {
                    let json = serde_json::to_string_pretty(value).expect("JSON");
                    text += &format!("  {}: {},\n", json!(key), json.replace('\n', "\n  "));
                }
            }
            text.truncate(text.len() - 2);
            fs_err::write(&path, text + "\n}\n").expect("a case");
            continue;
        }
        for key in ["requests", "errors", "mended"] {
            assert_eq!(found.get(key), case.get(key), "{key} of {}", path.display());
        }
    }
}
