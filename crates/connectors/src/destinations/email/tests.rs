//! Against a real server, where its packages are installed.

use std::collections::BTreeMap;

use mapping::Mappings;
use serde_json::{Value, json};
use testkit::SmtpServer;

use super::*;
use crate::kind;
use crate::testing::{self, reasons};

fn settings(port: u16, more: Value) -> BTreeMap<String, Value> {
    let mut settings = json!({"host": "127.0.0.1", "port": port, "security": "none",
        "from": "shop@shop.example", "from_name": "The Shop"});
    let more = more.as_object().unwrap().clone();
    settings.as_object_mut().unwrap().extend(more);
    serde_json::from_value(settings).unwrap()
}

fn sender(port: u16, more: Value) -> Arc<dyn Sender> {
    kind("email").unwrap().connect(&settings(port, more), &testing::outgoing()).unwrap()
}

/// The deliveries of mails with these fields.
fn prepare(sender: &dyn Sender, mails: &[Value]) -> Vec<Result<Arc<Prepared>, String>> {
    let actions = kind("email").unwrap().actions;
    let mapping = json!([{"name": "M", "trigger": "event = \"E\"", "action": "send_email",
        "fields": {"to": {"@path": "$.properties.to"}, "to_name": {"@path": "$.properties.to_name"},
            "subject": {"@path": "$.properties.subject"}, "html": {"@path": "$.properties.html"},
            "text": {"@path": "$.properties.text"}, "preheader": {"@path": "$.properties.preheader"},
            "reply_to": {"@path": "$.properties.reply_to"},
            "headers": {"@path": "$.properties.headers"},
            "unsubscribe_url": {"@path": "$.properties.unsubscribe_url"},
            "category": {"@path": "$.properties.category"}}}]);
    let mappings = Mappings::from_json_for(actions, &mapping.to_string()).unwrap();
    let messages: Vec<Value> = mails
        .iter()
        .map(|mail| json!({"type": "track", "userId": "u", "event": "E", "properties": mail}))
        .collect();
    testing::prepare(sender, &mappings, &messages)
}

fn prepare_one(sender: &dyn Sender, mail: Value) -> Result<Arc<Prepared>, String> {
    prepare(sender, &[mail]).remove(0)
}

/// The outcome of a mail.
async fn send(sender: &Arc<dyn Sender>, mail: Value) -> String {
    let prepared = prepare_one(&**sender, mail).unwrap();
    reasons(&Arc::clone(sender).send(vec![prepared]).await).remove(0)
}

#[tokio::test]
async fn a_server_takes_a_mail_with_html_and_text() {
    let Some(server) = SmtpServer::start() else { return };
    let sender = sender(server.port, json!({}));
    assert_eq!(Arc::clone(&sender).check().await, Ok(()));
    let html = "<p>Hello <b>Jane</b>, your order.</p>";
    let mail = json!({"to": "jane@example.com", "to_name": "Jane Doe", "subject": "Your order",
        "html": html});
    assert_eq!(send(&sender, mail).await, "");
    let mails = server.mails();
    assert_eq!(mails.len(), 1);
    assert_eq!(mails[0]["from"], "shop@shop.example");
    assert_eq!(mails[0]["to"], "jane@example.com");
    let content = mails[0]["content"].as_str().unwrap();
    let parsed = mail_parser::MessageParser::default().parse(content.as_bytes()).unwrap();
    assert_eq!(parsed.subject(), Some("Your order"));
    assert_eq!(parsed.message_id(), Some("delivery-1@shop.example"));
    assert!(parsed.body_html(0).unwrap().contains(html), "{content}");
    assert!(parsed.body_text(0).unwrap().contains("your order."), "{content}");
    assert!(parsed.date().is_some());
}
