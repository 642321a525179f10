//! Mails, to a real SMTP server where it is installed.

use domain::Destination;
use serde_json::{Value, json};
use testkit::SmtpServer;

use crate::receiver::await_that;
use crate::{ids, open, put, send};

#[test]
fn mails_of_a_person_keep_their_order_behind_one_that_is_sent_again() {
    let Some(server) = SmtpServer::start() else { return };
    let folder = tempfile::tempdir().unwrap();
    let engine = open(folder.path());
    let settings = json!({"host": "127.0.0.1", "port": server.port, "security": "none",
        "from": "shop@shop.example", "connections": 2});
    let mapping = json!({"name": "Liked", "trigger": "event = \"Liked\"", "action": "send_email",
        "fields": {"to": {"@template": "{{userId}}@example.com"},
            "subject": {"@path": "$.messageId"}, "text": "Hello"}});
    put(
        &engine,
        &Destination {
            settings: serde_json::from_value(settings).unwrap(),
            mappings: Some(vec![mapping]),
            ..Destination::new("crm", Some("email"))
        },
    );
    // The server takes the first mail to "later" at the second attempt.
    send(&engine, ids(0, 5), "later");
    send(&engine, ids(5, 10), "ann");
    let mails = await_that("ten mails", || Some(server.mails()).filter(|mails| mails.len() >= 10));
    let subjects = |user: &str| -> Vec<String> {
        let is_of_user = |mail: &&Value| mail["to"] == format!("{user}@example.com");
        let subject = |mail: &Value| {
            let content = mail["content"].as_str().unwrap().to_owned();
            let line = content.lines().find_map(|line| line.strip_prefix("Subject: "));
            line.unwrap().to_owned()
        };
        mails.iter().filter(is_of_user).map(subject).collect()
    };
    assert_eq!(subjects("later"), ids(0, 5));
    assert_eq!(subjects("ann"), ids(5, 10));
    let place = |user: &str| {
        let address = format!("{user}@example.com");
        mails.iter().position(|mail| mail["to"] == address).unwrap()
    };
    assert!(place("ann") < place("later"), "nobody else waits");
}
