//! Mistakes in catalog files, by file and by upload: both say the same, and neither changes
//! anything.

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use super::process::Server;

/// What is there before: so many items with a property of each type.
const N_ITEMS: usize = 20;

fn row(n: usize) -> String {
    format!("i{n},Title {n},{n}.5,{n},true,2024-01-02,x|y\n")
}

/// The catalog with another text in place of one of its rows.
fn with_row(text: &str) -> String {
    let rows = (0..N_ITEMS).map(|n| if n == 7 { text.to_owned() } else { row(n) });
    format!("item_id,title,price,stock,sale,since,tags\n{}", rows.collect::<String>())
}

type Options = &'static [&'static str];
type Mistake = (&'static str, Options, &'static str, Vec<u8>);

/// Each mistake: what it is, the options, the name of the file, and the file.
fn mistakes() -> Vec<Mistake> {
    fn whole(what: &'static str, options: Options, text: &str) -> Mistake {
        (what, options, "file.csv", text.as_bytes().to_vec())
    }
    fn csv(what: &'static str, options: Options, row: &str) -> Mistake {
        whole(what, options, &with_row(row))
    }
    let lines = |what, row: &str| -> Mistake {
        let rows = (0..N_ITEMS)
            .map(|n| if n == 7 { row.to_owned() } else { format!("{{\"item_id\":\"i{n}\"}}\n") });
        (what, &[][..], "file.jsonl", rows.collect::<String>().into_bytes())
    };
    let long = "x".repeat(5_000);
    let large = "x".repeat(300_000);
    let mut latin = with_row("");
    latin.push_str("i7,Caf");
    let mut latin = latin.into_bytes();
    latin.extend(b"\xe9,1,1,true,2024-01-02,x\n");
    let utf16: Vec<u8> = with_row(&row(7)).encode_utf16().flat_map(u16::to_le_bytes).collect();
    let utf16 = [&[0xff, 0xfe][..], &utf16].concat();
    vec![
        csv("a number that is none", &[], "i7,T,n/a,7,true,2024-01-02,x\n"),
        csv("a decimal comma", &[], "i7,T,\"7,5\",7,true,2024-01-02,x\n"),
        csv("a number with a currency", &[], "i7,T,7.5 EUR,7,true,2024-01-02,x\n"),
        csv("a fraction in place of a whole number", &[], "i7,T,7,7.5,true,2024-01-02,x\n"),
        csv("neither true nor false", &[], "i7,T,7,7,maybe,2024-01-02,x\n"),
        csv("a date that is none", &[], "i7,T,7,7,true,soon,x\n"),
        csv("two bad cells of a row", &[], "i7,T,n/a,many,true,2024-01-02,x\n"),
        csv("no id", &[], ",T,7,7,true,2024-01-02,x\n"),
        csv("an id twice", &[], &row(3)),
        csv("an id that is too long", &[], &format!("{long},T,7,7,true,2024-01-02,x\n")),
        csv("an item that is too large", &[], &format!("i7,{large},7,7,true,2024-01-02,x\n")),
        csv("a field too few", &[], "i7,T,7,7,true,2024-01-02\n"),
        csv("a field too many", &[], "i7,T,7,7,true,2024-01-02,x,y\n"),
        csv("a quote that is never closed", &[], "i7,\"T,7,7,true,2024-01-02,x\n"),
        csv("a type for a column that is not there", &["type=prize=double"], &row(7)),
        csv("a type that there is not", &["type=price=money"], &row(7)),
        csv("a declaration of no type", &["type=price"], &row(7)),
        csv("a type that does not fit", &["type=title=int"], &row(7)),
        csv("a confirmation that is no number", &["confirm=all"], &row(7)),
        whole("an empty file", &[], ""),
        whole("a header alone", &[], "item_id,title\n"),
        whole("no column with the id", &[], "sku,title\ni1,T\n"),
        whole("another separator", &[], "item_id|title\ni1|T\n"),
        whole("two columns of one name", &[], "item_id,title,title\ni1,T,T\n"),
        whole("a page in place of a file", &[], "<!doctype html>\n<html><body>404</body></html>\n"),
        whole("a file of one row", &[], "item_id,title\ni1,Title 1\n"),
        whole(
            "a file of one row, confirmed for fewer",
            &["confirm=18"],
            "item_id,title\ni1,Title 1\n",
        ),
        ("text that is not UTF-8", &[], "file.csv", latin),
        ("UTF-16", &[], "file.csv", utf16),
        lines("a line that is no JSON", "{item_id: 7}\n"),
        lines("a line that is no object", "[7]\n"),
        lines("an object without an id", "{\"title\": \"T\"}\n"),
        lines("a text in place of a number", "{\"item_id\": \"i7\", \"price\": \"7\"}\n"),
        lines("a number in place of a text", "{\"item_id\": \"i7\", \"title\": 7}\n"),
        lines("an object as a value", "{\"item_id\": \"i7\", \"title\": {\"en\": \"T\"}}\n"),
    ]
}

/// What the command says: the mistake in its own words, and the report.
fn by_file(folder: &Path, what: &str, name: &str, options: &[&str]) -> (String, Value) {
    let options: Vec<String> = options.iter().map(|option| format!("--{option}")).collect();
    let output = Command::new(env!("CARGO_BIN_EXE_tastemaker"))
        .args(["import", "catalog", name, "--data", "data", "--workspace", "shop", "--json"])
        .args(options)
        .current_dir(folder)
        .output()
        .unwrap();
    assert!(!output.status.success(), "{what} was imported");
    let error = String::from_utf8(output.stderr).unwrap();
    let report = serde_json::from_slice(&output.stdout).unwrap_or_default();
    let told = serde_json::from_str::<Value>(&error);
    (told.map_or(error, |told| told["because"][0].as_str().unwrap_or_default().to_owned()), report)
}

fn by_upload(server: &Server, name: &str, options: &[&str], file: &[u8]) -> (u16, String, Value) {
    let url = format!("{}/api/workspaces/shop/catalog?{}", server.base, options.join("&"));
    let type_ = if name.ends_with(".csv") { "text/csv" } else { "application/x-ndjson" };
    let request = server
        .agent
        .post(url)
        .header("authorization", "Bearer admin")
        .header("content-type", type_);
    let mut answer = request.send(file).unwrap();
    let body: Value = serde_json::from_str(&answer.body_mut().read_to_string().unwrap()).unwrap();
    let message = body["detail"].as_str().unwrap_or_default().to_owned();
    (answer.status().as_u16(), message, body["report"].clone())
}

#[test]
fn every_mistake_is_refused_with_the_same_words_by_file_and_by_upload() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let good = with_row(&row(7));
    fs_err::write(folder.join("good.csv"), &good).unwrap();
    let place = ["--data", "data", "--workspace", "shop"];
    let tastemaker = |arguments: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_tastemaker"))
            .args(arguments)
            .args(place)
            .current_dir(folder)
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    tastemaker(&["import", "catalog", "good.csv"]);
    let server = Server::start(&folder.join("uploads"));
    let uploaded = by_upload(&server, "good.csv", &[], good.as_bytes());
    assert_eq!(uploaded.0, 200, "{uploaded:?}");

    let mut shown = Vec::new();
    for (what, options, name, file) in mistakes() {
        fs_err::write(folder.join(name), &file).unwrap();
        let (told, report) = by_file(folder, what, name, options);
        let (status, message, detail) = by_upload(&server, name, options, &file);
        assert!((400..500).contains(&status), "{what}: {status}");
        // Who parses the options says so in its own way; what is wrong with them is the same.
        let message = message.as_str();
        let core =
            message.split_once(": ").filter(|_| status == 400).map_or(message, |(_, core)| core);
        assert!(told.contains(core), "{what}: by file {told:?}, by upload {message:?}");
        if report != Value::Null {
            assert_eq!(detail, report, "{what}");
        }
        let errors = detail["errors"].as_array().cloned().unwrap_or_default();
        let text =
            |value: &Value| value.as_str().unwrap_or("-").chars().take(120).collect::<String>();
        let rows = errors.iter().map(|error| {
            format!(
                "\n    row {}, {}: {}: {}",
                error["row"],
                text(&error["column"]),
                text(&error["reason"]),
                text(&error["detail"])
            )
        });
        shown.push(format!("{what}: {status} {message}{}", rows.collect::<String>()));
    }
    insta::assert_snapshot!(shown.join("\n"));

    // Nothing of all that changed anything.
    let versions: Value = serde_json::from_str(&tastemaker(&["catalog", "--json"])).unwrap();
    assert_eq!(
        (&versions["current"], &versions["versions"][0]["n_items"]),
        (&json!(1), &json!(N_ITEMS))
    );
    let url = format!("{}/api/workspaces/shop/catalog", server.base);
    let mut answer = server.agent.get(url).header("authorization", "Bearer admin").call().unwrap();
    let kept: Value = serde_json::from_str(&answer.body_mut().read_to_string().unwrap()).unwrap();
    assert_eq!((&kept["current"], &kept["versions"][0]["n_items"]), (&json!(1), &json!(N_ITEMS)));
}

#[test]
fn a_wrong_file_is_shown_confirmed_and_taken_back() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    fs_err::write(folder.join("good.csv"), with_row(&row(7))).unwrap();
    fs_err::write(folder.join("wrong.tsv"), "item_id\tprice\ni1\tn/a\n").unwrap();
    let run = |arguments: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_tastemaker"))
            .args(arguments)
            .args(["--data", "data", "--workspace", "shop"])
            .current_dir(folder)
            .output()
            .unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        format!("$ {}\n{}{}", arguments.join(" "), text(&output.stdout), text(&output.stderr))
    };
    let mut shown = vec![run(&["import", "catalog", "good.csv", "--dry-run"])];
    assert!(!folder.join("data").exists(), "a look makes nothing");
    run(&["import", "catalog", "good.csv"]);
    shown.push(run(&["import", "catalog", "wrong.tsv", "--dry-run"]));
    shown.push(run(&["import", "catalog", "wrong.tsv", "--allow-bad-cells"]));
    shown.push(run(&["import", "catalog", "wrong.tsv", "--allow-bad-cells", "--confirm", "19"]));
    shown.push(run(&["import", "catalog", "good.csv", "--dry-run", "--json"]));
    let back = run(&["catalog", "--activate", "1"]);
    let is_line = |line: &str, parts: &[&str]| parts.iter().all(|part| line.contains(part));
    assert!(back.lines().any(|line| is_line(line, &["1", "current", "20"])), "{back}");
    assert!(back.lines().any(|line| is_line(line, &["2", " 1 "])), "{back}");
    insta::assert_snapshot!(shown.join("\n"));
}
