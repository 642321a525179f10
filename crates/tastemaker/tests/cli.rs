//! The binary as people and scripts meet it.

#![expect(clippy::unwrap_used, reason = "a test may end at the first surprise")]

mod catalogs;
mod interactions;
mod journals;
mod json_output;
mod mappings;
mod message_files;
mod privacy;
mod process;
mod scheduled;
mod vapid_keys;

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use process::Server;
use serde_json::{Value, json};

/// Runs the binary in a folder; what it said, with what changes from run to run taken out.
fn run(folder: &Path, arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_tastemaker"))
        .args(arguments)
        .current_dir(folder)
        .output()
        .unwrap();
    let text =
        |bytes: &[u8]| String::from_utf8_lossy(bytes).replace(&folder.display().to_string(), "DIR");
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    let seconds = |line: &str| match line.split_once(" items in ") {
        Some((before, _)) if line.starts_with("Model ") => format!("{before} items in T s."),
        _ => line.to_owned(),
    };
    let out: Vec<String> = out.lines().map(seconds).collect();
    format!(
        "exit {}\n{}\n---\n{}",
        output.status.code().unwrap_or(-1),
        out.join("\n"),
        err.trim_end()
    )
}

fn write(folder: &Path, name: &str, text: &str) {
    fs_err::write(folder.join(name), text).unwrap();
}

/// Users of two tastes.
fn interactions() -> String {
    let rows = (0..40).flat_map(|user| {
        (0..8).filter(move |item| item % 8 != user / 2 % 8).map(move |item| {
            format!("u{user},i{},{},view,1\n", user % 2 * 8 + item, 1_600_000_000 + 86_400 * item)
        })
    });
    format!("user_id,item_id,timestamp,kind,value\n{}", rows.collect::<String>())
}

#[test]
fn from_files_to_lists() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write(folder, "views.csv", &interactions());
    write(
        folder,
        "items.csv",
        &(0..16).fold("item_id,title,price\n".to_owned(), |csv, n| {
            csv + &format!("i{n},Item {n},{n}.5\n")
        }),
    );
    let place = ["--data", "data", "--workspace", "shop"];
    let with = |arguments: &[&str]| run(folder, &[arguments, &place].concat());
    insta::assert_snapshot!(with(&["import", "interactions", "views.csv"]));
    insta::assert_snapshot!(with(&["import", "interactions", "views.csv", "--json"]));
    insta::assert_snapshot!(with(&["import", "catalog", "items.csv"]));
    insta::assert_snapshot!(with(&["train"]));
    insta::assert_snapshot!(with(&["recommend", "--user", "u0", "--count", "3", "--explain"]));
    insta::assert_snapshot!(with(&["recommend", "--user", "nobody", "--count", "2"]));
    let json: Value = {
        let shown = with(&["recommend", "--user", "u0", "--count", "1", "--json"]);
        serde_json::from_str(shown.split_once('\n').unwrap().1.split("---").next().unwrap())
            .unwrap()
    };
    assert_eq!(json["items"][0]["id"], "i0");
    insta::assert_snapshot!(with(&[
        "trait",
        "compute",
        "recommended_items",
        "--out",
        "trait.jsonl"
    ]));
    let lines = fs_err::read_to_string(folder.join("trait.jsonl")).unwrap();
    assert_eq!(lines.lines().count(), 40);
    let first: Value = serde_json::from_str(lines.lines().next().unwrap()).unwrap();
    assert_eq!(first["recommended_items"].as_array().unwrap().len(), 5);
    assert_eq!(first["recommended_items__detail"]["items"].as_array().unwrap().len(), 5);
    assert_eq!(testkit::widened_number(&first), None, "{first}");
    with(&["trait", "compute", "recommended_items", "--out", "trait.csv"]);
    let csv = fs_err::read_to_string(folder.join("trait.csv")).unwrap();
    assert_eq!(
        (csv.lines().count(), csv.lines().next().unwrap()),
        (201, "user_id,rank,item_id,score,source,because")
    );
    let calculated = with(&["trait", "calculate", "recommended_items", "--json"]);
    let calculated = calculated.split_once('\n').unwrap().1.split("---").next().unwrap();
    let calculated: Value = serde_json::from_str(calculated).unwrap();
    assert_eq!((&calculated["people"]["n"], &calculated["lists"]["n"]), (&40.into(), &40.into()));
    assert!(with(&["trait", "calculate", "recommended_items"]).contains("40 people would get"));
    write(folder, "users.csv", "user_id,item_id\nu0,x\nu1,x\nu0,y\nghost,z\n");
    insta::assert_snapshot!(with(&[
        "recommend",
        "--users",
        "users.csv",
        "--count",
        "4",
        "--out",
        "lists.csv"
    ]));
    assert_eq!(fs_err::read_to_string(folder.join("lists.csv")).unwrap().lines().count(), 13);

    let models: Value = {
        let shown = with(&["models", "--json"]);
        serde_json::from_str(shown.split_once('\n').unwrap().1.split("---").next().unwrap())
            .unwrap()
    };
    let version = models["active"].as_str().unwrap();
    assert_eq!(models["models"].as_array().unwrap().len(), 1);
    assert_eq!(testkit::widened_number(&models), None, "{models}");
    assert!(with(&["models", "--activate", version]).contains("in use"));
    insta::assert_snapshot!(with(&["models", "--activate", "7"]));
    assert!(with(&["evaluate"]).contains("Evaluated on 40 users"));
}

#[test]
fn offline_needs_files_only_and_gives_the_same_lists_again() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write(folder, "views.csv", &interactions());
    write(folder, "users.csv", "user_id\nu0\nu1\nghost\nu0\n");
    write(folder, "items.csv", "item_id,genre\ni0,jazz\ni99,jazz\n");
    let files = [
        "--interactions",
        "views.csv",
        "--items",
        "items.csv",
        "--users",
        "users.csv",
        "--count",
        "3",
    ];
    let offline = |more: &[&str]| run(folder, &[&["offline"], &files[..], more].concat());
    let shown = offline(&["--out", "a.csv", "--report", "a.json", "--seed", "5"]);
    assert!(
        shown.starts_with("exit 0")
            && shown.contains("Wrote 3 lists to a.csv, 1 of them with trending items only"),
        "{shown}"
    );
    let lists = fs_err::read_to_string(folder.join("a.csv")).unwrap();
    assert_eq!(lists.lines().count(), 10);
    assert!(lists.starts_with("user_id,item_id,score\nu0,i0,"), "{lists}");
    offline(&["--out", "b.csv", "--seed", "5", "--threads", "1"]);
    assert_eq!(fs_err::read_to_string(folder.join("b.csv")).unwrap(), lists);
    let report: Value =
        serde_json::from_str(&fs_err::read_to_string(folder.join("a.json")).unwrap()).unwrap();
    assert_eq!(
        (&report["users"], &report["items"], &report["interactions"]),
        (&40.into(), &17.into(), &280.into())
    );
    assert_eq!(testkit::widened_number(&report["search"]), None, "{report}");
    assert!(
        report["seconds"]["search"].is_number() && report["search"]["blend"]["ndcg"].is_number()
    );
    write(folder, "wrong.csv", "user_id,item_id\na,b\n,c\n");
    insta::assert_snapshot!(run(
        folder,
        &["offline", "--interactions", "wrong.csv", "--users", "users.csv", "--out", "c.csv"]
    ));
}

#[test]
fn mistakes_name_the_thing_the_place_and_the_way_out() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let place = ["--data", "data", "--workspace", "shop"];
    let with = |arguments: &[&str]| run(folder, &[arguments, &place].concat());
    let mut shown = Vec::new();
    shown.push(with(&["train"]));
    write(
        folder,
        "wrong.csv",
        "user_id,item_id,timestamp,kind,value,note\nu,i,soon,view,1,x\nu,,1,view,1,x\nu,i,1,kiss,1,x\nu,i,1,rating,7,x\nu,i,1,view,1,x\n",
    );
    shown.push(with(&["import", "interactions", "wrong.csv"]));
    shown.push(with(&["import", "interactions", "wrong.csv", "--skip-invalid"]));
    write(folder, "columns.csv", "user,item\na,b\n");
    shown.push(with(&["import", "interactions", "columns.csv"]));
    shown.push(with(&["import", "interactions", "missing.csv"]));
    shown.push(with(&["import", "catalog", "wrong.txt"]));
    write(folder, "items.csv", "item_id,price\na,1\na,2\n");
    shown.push(with(&["import", "catalog", "items.csv"]));
    shown.push(with(&["trait", "compute", "nope", "--out", "x.csv"]));
    shown.push(with(&["trait", "compute", "recommended_items", "--out", "x.txt"]));
    shown.push(run(folder, &["train", "--data", "data", "--workspace", "other"]));
    shown.push(run(folder, &["train", "--data", "data", "--workspace", "other", "--json"]));
    write(folder, "open.csv", "item_id,title\na,\"open\nb,x\n");
    shown.push(with(&["import", "catalog", "open.csv"]));
    shown.push(with(&["recommend", "--user", "u", "--count", "18446744073709551615"]));
    shown.push(run(folder, &["train", "--data", "data", "--workspace", "No Name"]));
    shown.push(run(folder, &["serve", "--data", "data", "--config", "missing.toml"]));
    write(folder, "config.toml", "[limits]\nrequest_max = 3\n");
    shown.push(run(folder, &["serve", "--data", "data", "--config", "config.toml"]));
    let key = |id: &str| {
        format!(
            "[[workspace]]\nid = \"{id}\"\n[[workspace.source]]\nname = \"web\"\nwrite_key = \"k\"\n"
        )
    };
    write(folder, "twice.toml", &(key("shop") + &key("other")));
    shown.push(run(folder, &["serve", "--data", "fresh", "--bootstrap", "twice.toml"]));
    write(
        folder,
        "bootstrap.toml",
        "[[workspace]]\nid = \"shop\"\n[[workspace.trait]]\nkey = \"k\"\nkind = \"recommended\"\n",
    );
    shown.push(run(folder, &["serve", "--data", "data", "--bootstrap", "bootstrap.toml"]));
    insta::assert_snapshot!(shown.join("\n\n"));
}

#[test]
fn a_mistyped_workspace_is_not_made_and_whoever_installs_gets_completions_and_a_manual() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write(folder, "views.csv", &interactions());
    let import = |arguments: &[&str]| {
        run(
            folder,
            &[&["import", "interactions", "views.csv", "--data", "data", "--workspace"], arguments]
                .concat(),
        )
    };
    assert!(import(&["shop"]).starts_with("exit 0"), "the first needs no --create");
    let mistyped = import(&["shpo"]);
    assert!(
        mistyped.contains("no workspace shpo in data; did you mean shop? (--create creates it)"),
        "{mistyped}"
    );
    assert!(import(&["news", "--create"]).starts_with("exit 0"));

    for shell in ["bash", "zsh", "fish"] {
        let completions = run(folder, &["completions", shell]);
        assert!(completions.contains("accept-loss"), "{shell}: {completions}");
    }
    assert!(run(folder, &["man", "--to", "man"]).starts_with("exit 0"));
    let page = fs_err::read_to_string(folder.join("man/tastemaker-serve.1")).unwrap();
    assert!(page.contains("data folder"), "{page}");
}

#[test]
fn a_damaged_journal_and_a_foreign_version_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write(folder, "views.csv", &interactions());
    let place = ["--data", "data", "--workspace", "shop"];
    run(folder, &[&["import", "interactions", "views.csv"][..], &place].concat());
    let segment = folder.join("data/workspaces/shop/journal/00000000000000000000.seg");
    let whole = fs_err::read(&segment).unwrap();
    let mut shown = Vec::new();
    for (at, mask) in [(60, 1), (4, 3), (whole.len() - 1, 1)] {
        let mut bytes = whole.clone();
        bytes[at] ^= mask;
        fs_err::write(&segment, bytes).unwrap();
        shown.push(run(folder, &[&["train"][..], &place].concat()));
    }
    fs_err::write(&segment, &whole[..whole.len() - 3]).unwrap();
    shown.push(run(folder, &[&["train"][..], &place].concat()));
    fs_err::write(&segment, &whole).unwrap();
    assert!(run(folder, &[&["train"][..], &place].concat()).starts_with("exit 0"));
    // Where the last block is goes by the lengths of entries.
    let last = whole.windows(4).rposition(|bytes| bytes == b"BLK1").unwrap();
    insta::assert_snapshot!(shown.join("\n\n").replace(&format!("byte {last}:"), "byte LAST:"));
}

#[test]
fn a_server_holds_its_folder_and_stops_when_asked() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let mut server = Server::start(&data);
    let message = json!({ "writeKey": "key", "userId": "ann", "event": "Product Viewed", "messageId": "m", "properties": { "sku": "lamp" } });
    let answer =
        server.agent.post(format!("{}/v1/track", server.base)).send(message.to_string()).unwrap();
    assert_eq!(answer.status(), 200);
    let said = run(folder.path(), &["train", "--data", "data", "--workspace", "shop"]);
    assert!(
        said.contains(&format!("data folder data is in use by process {}", server.process.id())),
        "{said}"
    );

    let id = server.process.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
    assert!(server.process.wait().unwrap().success());
    drop(server);
    // The same bootstrap again changes nothing, and everything is there.
    let server = Server::start(&data);
    assert_eq!(server.event_ids("ann"), ["m"]);
    let traits = server.profile("ann", "traits");
    assert_eq!(traits["traits"]["recommended_items"], json!(["lamp"]));
    let url = format!("{}/api/workspaces/shop", server.base);
    let mut answer = server.agent.get(url).header("authorization", "Bearer admin").call().unwrap();
    let shown: Value = serde_json::from_str(&answer.body_mut().read_to_string().unwrap()).unwrap();
    // Two tokens, a source, a trait and the message.
    assert_eq!(shown["counts"]["journal_entries"], 5);
}

#[test]
fn events_that_do_nothing_are_shown_with_what_would_take_them() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let mut server = Server::start(&data);
    let events = || run(folder.path(), &["events", "--data", "data", "--workspace", "shop"]);
    for (n, event) in ["product_viewed", "Products Searched", "product_viewed", "Product Viewed"]
        .iter()
        .enumerate()
    {
        let properties = json!({ "product_id": "lamp" });
        let message = json!({ "writeKey": "key", "userId": "ann", "event": event, "messageId": n.to_string(), "properties": properties });
        let answer = server
            .agent
            .post(format!("{}/v1/track", server.base))
            .send(message.to_string())
            .unwrap();
        assert_eq!(answer.status(), 200);
    }
    let url = format!("{}/api/workspaces/shop/events", server.base);
    let mut answer = server.agent.get(url).header("authorization", "Bearer admin").call().unwrap();
    let shown: Value = serde_json::from_str(&answer.body_mut().read_to_string().unwrap()).unwrap();
    let [seen, searched] = &shown["not_taken"].as_array().unwrap()[..] else { panic!("{shown}") };
    assert_eq!((&seen["event"], &seen["count"]), (&json!("product_viewed"), &json!(2)));
    assert_eq!(seen["would_be_taken_by"]["preset"], "Ecommerce - Product Viewed");
    assert_eq!(searched["would_be_taken_by"], Value::Null);

    let id = server.process.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
    assert!(server.process.wait().unwrap().success());
    drop(server);
    let said = events();
    assert!(said.starts_with("exit 0\nThese events are in the timelines of users"), "{said}");
    assert!(said.contains("product_viewed") && said.contains("Products Searched"), "{said}");
    let example =
        said.split("Ecommerce - Product Viewed takes messages like this:\n").nth(1).unwrap();
    let example: Value = serde_json::from_str(example.lines().next().unwrap()).unwrap();
    assert_eq!(example["event"], "Product Viewed");
}

#[test]
fn a_damaged_workspace_keeps_no_other_from_starting_and_a_training_run_no_server_from_stopping() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write(folder, "views.csv", &interactions());
    // Enough that the run, which begins with the server, is still under way when it is stopped.
    let many = (0..60_000u64)
        .map(|n| format!("u{},i{},{}\n", n % 4_000, n * n % 3_001, 1_600_000_000 + n));
    write(folder, "many.csv", &format!("user_id,item_id,timestamp\n{}", many.collect::<String>()));
    for (workspace, file) in [("broken", "views.csv"), ("shop", "many.csv")] {
        let place = ["--data", "data", "--workspace", workspace];
        let said =
            run(folder, &[&["import", "interactions", "--create", file][..], &place].concat());
        assert!(said.starts_with("exit 0"), "{said}");
    }
    let segment = folder.join("data/workspaces/broken/journal/00000000000000000000.seg");
    let mut bytes = fs_err::read(&segment).unwrap();
    bytes[60] ^= 1;
    fs_err::write(&segment, &bytes).unwrap();
    // Nor does a copy that somebody made.
    fs_err::create_dir_all(folder.join("data/workspaces/shop.bak/journal")).unwrap();

    let mut server = Server::start_until(&folder.join("data"), "healthz");
    assert!(server.profile("u1", "traits")["traits"]["recommended_items"].is_array());
    let metrics = server.agent.get(format!("{}/metrics", server.base)).call().unwrap();
    assert_eq!(metrics.status(), 200);
    let ready = server.agent.get(format!("{}/readyz", server.base)).call().unwrap();
    let told = ready.into_body().read_to_string().unwrap();
    assert!(told.contains("data/workspaces/shop.bak is named like no workspace"), "{told}");
    assert!(told.contains("00000000000000000000.seg"), "{told}");
    // The run that began with the server goes on.
    let training = server.agent.post(format!("{}/api/workspaces/shop/training", server.base));
    let mut again = training.header("authorization", "Bearer admin").send_empty().unwrap();
    assert_eq!(again.status(), 409);
    let told = again.body_mut().read_to_string().unwrap();
    assert!(told.contains("training_under_way"), "{told}");
    // The one that is mended needs no other server.
    bytes[60] ^= 1;
    fs_err::write(&segment, &bytes).unwrap();
    let (mended, of_broken) = (Instant::now(), format!("{}/readyz?workspace=broken", server.base));
    while server.agent.get(&of_broken).call().unwrap().status() != 200 {
        assert!(mended.elapsed() < Duration::from_secs(30), "the mended workspace stays closed");
        std::thread::sleep(Duration::from_millis(100));
    }
    let stopped = Instant::now();
    let id = server.process.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
    assert!(server.process.wait().unwrap().success());
    assert!(stopped.elapsed() < Duration::from_secs(25), "{:?}", stopped.elapsed());
}

#[test]
fn a_server_whose_only_workspace_is_not_there_yet_stays_and_opens_it_once_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write(folder, "views.csv", &interactions());
    run(
        folder,
        &[
            "import",
            "interactions",
            "views.csv",
            "--data",
            "data",
            "--workspace",
            "shop",
            "--create",
        ],
    );
    let (journal, elsewhere) =
        (folder.join("data/workspaces/shop/journal"), folder.join("elsewhere"));
    fs_err::rename(&journal, &elsewhere).unwrap();

    let server = Server::start_until(&folder.join("data"), "healthz");
    let ready = || server.agent.get(format!("{}/readyz", server.base)).call().unwrap();
    let said = ready();
    assert_eq!(said.status(), 503);
    let said = said.into_body().read_to_string().unwrap();
    assert!(said.contains("entries 0 to") && said.contains("are missing"), "{said}");
    // Opening it may have left an empty folder.
    fs_err::remove_dir_all(&journal).ok();
    fs_err::rename(&elsewhere, &journal).unwrap();
    let mended = Instant::now();
    while ready().status() != 200 {
        assert!(mended.elapsed() < Duration::from_secs(30), "the workspace stays closed");
        std::thread::sleep(Duration::from_millis(100));
    }
    assert!(server.profile("u1", "traits")["traits"]["recommended_items"].is_array());
}

#[test]
fn a_server_without_any_workspace_that_opens_says_why_and_ends() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write(folder, "views.csv", &interactions());
    run(folder, &["import", "interactions", "views.csv", "--data", "data", "--workspace", "shop"]);
    let segment = folder.join("data/workspaces/shop/journal/00000000000000000000.seg");
    let mut bytes = fs_err::read(&segment).unwrap();
    bytes[60] ^= 1;
    fs_err::write(&segment, bytes).unwrap();
    let said = run(folder, &["serve", "--data", "data", "--listen", "127.0.0.1:0"]);
    assert!(said.starts_with("exit 1") && said.contains("00000000000000000000.seg"), "{said}");
}

#[test]
fn accounts_are_invited_and_listed_while_no_server_runs_and_sessions_outlive_a_kill() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let accounts =
        |arguments: &[&str]| run(folder, &[&["accounts"], arguments, &["--data", "data"]].concat());
    let missing = accounts(&["list"]);
    assert!(missing.contains("there is no data folder data"), "{missing}");
    let server = Server::start(&folder.join("data"));
    let busy = accounts(&["list"]);
    assert!(busy.contains("is in use by process"), "{busy}");
    drop(server);
    assert!(accounts(&["list"]).contains("There are no accounts"));
    let wrong = accounts(&["add", "ann@example.com", "--role", "admin"]);
    assert!(wrong.contains("\"admin\" is no role; there are: support, analyst"), "{wrong}");
    let unknown = accounts(&["reset-password", "ann@example.com"]);
    assert!(unknown.contains("there is no account ann@example.com"), "{unknown}");
    let invited = accounts(&["add", "Ann@example.com", "--role", "editor", "--workspace", "shop"]);
    assert!(invited.contains("ann@example.com is invited as editor, until "), "{invited}");
    let again = accounts(&["add", "ann@example.com", "--role", "owner", "--json"]);
    let json = again.strip_prefix("exit 0\n").and_then(|out| out.split("\n---").next()).unwrap();
    let token = serde_json::from_str::<Value>(json).unwrap()["token"].clone();

    let server = Server::start(&folder.join("data"));
    let post = |server: &Server, path: &str, body: Value| {
        let url = format!("{}{path}", server.base);
        server.agent.post(url).send(body.to_string()).unwrap()
    };
    let password = "a password of her own";
    let acceptance = json!({ "token": token, "password": password });
    assert_eq!(post(&server, "/api/invitations/accept", acceptance).status(), 200);
    let credentials = json!({ "email": "ann@example.com", "password": password });
    let signed_in = post(&server, "/api/session", credentials);
    let cookie = signed_in.headers()["set-cookie"].to_str().unwrap().to_owned();
    drop(server);
    let listed = accounts(&["list"]);
    assert!(listed.contains("ann@example.com") && listed.contains("owner"), "{listed}");
    let server = Server::start(&folder.join("data"));
    let me = server.agent.get(format!("{}/api/account", server.base)).header("cookie", cookie);
    assert_eq!(me.call().unwrap().status(), 200, "the killed server had written the session down");
}
