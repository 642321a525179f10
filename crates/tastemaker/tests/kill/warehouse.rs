//! A log of profiles goes into the table of a real database, while the server is killed: each
//! change is there once.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use testkit::{PostgresServer, Random};

use crate::process::Server;

const ROUNDS: usize = 4;
const MESSAGES_PER_ROUND: usize = 300;
/// How long a run of the export may take.
const RUN_WITHIN: Duration = Duration::from_secs(60);

#[test]
fn each_change_of_a_trait_is_in_the_log_once_whenever_the_server_is_killed() {
    let Some(database) = PostgresServer::start() else { return };
    let started = Instant::now();
    while database.ask("SELECT 1").is_none() {
        assert!(started.elapsed() < RUN_WITHIN, "the database takes no connection");
        std::thread::sleep(Duration::from_millis(20));
    }
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let settings = "[destinations]\nallowed_networks = [\"127.0.0.0/8\"]\n";
    fs_err::write(folder.path().join("data.settings.toml"), settings).unwrap();
    let seed = std::process::id().into();
    println!("seed {seed}");
    let mut random = Random::new(seed);
    let mut server = Server::start(&data);
    let place = json!({ "kind": "postgresql", "enabled": false, "settings": { "host": "127.0.0.1",
        "port": database.port, "database": "postgres", "user": "shop", "password": "secret",
        "sslmode": "disable" } });
    admin(&server, "PUT", "destinations/warehouse", Some(place));
    let export = json!({ "what": "trait_updates", "into": "warehouse", "every_hours": 24 });
    admin(&server, "PUT", "scheduled_exports/changes", Some(export));
    let mut sent = BTreeSet::new();
    for round in 0..ROUNDS {
        for n in 0..MESSAGES_PER_ROUND {
            let id = format!("m{round}-{n}");
            let message = json!({ "userId": format!("u{}", n % 50), "messageId": id,
                "traits": { "visits": n, "city": format!("c{round}") } });
            identify(&server, &message);
            sent.insert(id);
        }
        admin(&server, "POST", "scheduled_exports/changes/run", None);
        std::thread::sleep(Duration::from_millis(random.below(400) as u64));
        // The process is killed.
        drop(server);
        server = Server::start(&data);
    }
    admin(&server, "POST", "scheduled_exports/changes/run", None);
    let n_changes = (2 * sent.len()).to_string();
    let count = "SELECT count(*) FROM changes";
    let started = Instant::now();
    while database.ask(count).as_deref() != Some(&n_changes) {
        let (found, shown) =
            (database.ask(count), admin(&server, "GET", "scheduled_exports/changes", None));
        assert!(started.elapsed() < RUN_WITHIN, "{found:?} of {n_changes}: {shown}");
        std::thread::sleep(Duration::from_millis(50));
    }
    let twice = "SELECT sequence, name FROM changes GROUP BY 1, 2 HAVING count(*) > 1";
    assert_eq!(database.ask(twice).as_deref(), Some(""), "a change is there twice");
    let ids = database.ask("SELECT DISTINCT message_id FROM changes").unwrap();
    assert_eq!(ids.lines().map(str::to_owned).collect::<BTreeSet<_>>(), sent);
    let last = "SELECT value FROM changes WHERE name = 'visits' ORDER BY sequence DESC LIMIT 1";
    assert_eq!(database.ask(last), Some((MESSAGES_PER_ROUND - 1).to_string()));
    let positions = database.ask("SELECT count(*) FROM tastemaker_positions");
    assert_eq!(positions.as_deref(), Some("1"));
}

fn identify(server: &Server, message: &Value) {
    let url = format!("{}/v1/identify", server.base);
    let request = server.agent.post(url).header("authorization", "Basic a2V5Og==");
    assert_eq!(request.send(message.to_string()).unwrap().status(), 200);
}

fn admin(server: &Server, method: &str, path: &str, body: Option<Value>) -> Value {
    let url = format!("{}/api/workspaces/shop/{path}", server.base);
    let request = ureq::http::Request::builder()
        .method(method)
        .uri(url)
        .header("authorization", "Bearer admin")
        .body(body.map(|body| body.to_string()).unwrap_or_default())
        .unwrap();
    let mut answer = server.agent.run(request).unwrap();
    let text = answer.body_mut().read_to_string().unwrap();
    assert!(answer.status().is_success(), "{method} {path}: {} {text}", answer.status());
    serde_json::from_str(&text).unwrap_or_default()
}
