//! Against a real server, where its packages are installed.

use std::collections::BTreeMap;

use mapping::Mappings;
use proptest::prelude::{ProptestConfig, prop_assert, prop_assert_eq, prop_assume, proptest};
use serde_json::{Value, json};
use testkit::SmtpServer;

use super::*;
use crate::{NetworkPolicy, OutgoingOptions, kind};

const RSA_PKCS1: &str = include_str!("keys/rsa-pkcs1.pem");
const RSA_PKCS8: &str = include_str!("keys/rsa-pkcs8.pem");
const ED25519: &str = include_str!("keys/ed25519.pem");
/// What the DNS says of the keys.
const RSA_RECORD: &str = include_str!("keys/rsa.record");
const ED25519_RECORD: &str = include_str!("keys/ed25519.record");
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

fn content(mail: &Value) -> &str {
    mail["content"].as_str().unwrap()
}

fn message_id(mail: &Value) -> String {
    let parsed = mail_parser::MessageParser::default().parse(content(mail)).unwrap();
    parsed.message_id().unwrap().to_owned()
}

#[tokio::test]
async fn what_is_hard_to_send_arrives_as_it_was() {
    let Some(server) = SmtpServer::start() else { return };
    let sender = sender(server.port, json!({}));
    let long_line = "word ".repeat(500) + &"x".repeat(3_000);
    for (n, text) in [
        "Grüße, 世界 🎉 und ümläute",
        ".\n..\n.hidden\nend\n.\nMAIL FROM:<a@example.com>\n.",
        &long_line,
        "trailing space \n\ttab\t\n\n\n  indented",
        "From the start\n>From there\n=3D=\n--boundary--\n",
        "",
    ]
    .into_iter()
    .enumerate()
    {
        let html = format!("<p>{text}</p>\n.\n");
        let mail = json!({"to": "jane@example.com", "to_name": "Jåne \"D\" Doe, Jr.",
            "subject": format!("Grüße {n} 🎉 {}", "long ".repeat(60)), "html": html, "text": format!(".{text}")});
        assert_eq!(send(&sender, mail).await, "");
        let mails = server.mails();
        let parsed = mail_parser::MessageParser::default().parse(content(&mails[n])).unwrap();
        let read = |part: Option<std::borrow::Cow<'_, str>>| part.unwrap().replace("\r\n", "\n");
        assert_eq!(read(parsed.body_text(0)), format!(".{text}"));
        assert_eq!(read(parsed.body_html(0)), html);
        assert_eq!(
            parsed.subject().unwrap(),
            format!("Grüße {n} 🎉 {}", "long ".repeat(60)).trim()
        );
        let to = parsed.to().unwrap().first().unwrap();
        assert_eq!(to.name(), Some("Jåne \"D\" Doe, Jr."));
        assert_eq!(to.address(), Some("jane@example.com"));
        assert!(content(&mails[n]).lines().all(|line| line.len() <= 998), "a line is too long");
    }
}

#[tokio::test]
async fn connections_are_encrypted_and_the_certificate_is_checked() {
    let Some(server) = SmtpServer::start() else { return };
    let allowed = NetworkPolicy { allowed: vec!["127.0.0.0/8".parse().unwrap()] };
    let with = |policy: &NetworkPolicy, trusts: bool, port: u16, security: &str| {
        let options = OutgoingOptions {
            policy: policy.clone(),
            authorities_pem: trusts.then(|| server.certificate_pem.as_bytes().to_vec()),
            ..OutgoingOptions::default()
        };
        let outgoing = Arc::new(Outgoing::new(&options).unwrap());
        let settings = settings(port, json!({ "security": security }));
        kind("email").unwrap().connect(&settings, &outgoing).unwrap()
    };
    let mail = json!({"to": "jane@example.com", "subject": "Hello", "text": "Hello"});
    for (port, security) in [(server.tls_port, "tls"), (server.starttls_port, "starttls")] {
        let trusting = with(&allowed, true, port, security);
        assert_eq!(send(&trusting, mail.clone()).await, "", "{security}");
        assert_eq!(send(&trusting, mail.clone()).await, "", "{security}, the same connection");
        let doubting = with(&allowed, false, port, security);
        assert_eq!(send(&doubting, mail.clone()).await, "retry tls", "{security}");
        let confined = with(&NetworkPolicy::default(), true, port, security);
        assert_eq!(reasons(&[confined.check().await]), ["refused_address"], "{security}");
    }
    let mails = server.mails();
    assert_eq!(mails.len(), 4);
    assert!(mails.iter().all(|mail| mail["encrypted"] == true));
    assert_eq!(mails[0]["peer"], mails[1]["peer"], "the connection is kept");

    let stripped = with(&allowed, true, server.port, "starttls");
    assert_eq!(send(&stripped, mail.clone()).await, "retry no_encryption");
    let plain = with(&allowed, true, server.starttls_port, "none");
    assert_eq!(send(&plain, mail).await, "retry login_refused", "the server wants STARTTLS");
    assert_eq!(server.mails().len(), 4);
}

#[tokio::test]
async fn a_login_is_right_or_holds_up_all_mails() {
    let Some(server) = SmtpServer::start() else { return };
    let right = sender(server.port, json!({"user": "shop", "password": "secret"}));
    let mail = json!({"to": "jane@example.com", "subject": "Hello", "text": "Hello"});
    assert_eq!(Arc::clone(&right).check().await, Ok(()));
    assert_eq!(send(&right, mail.clone()).await, "");
    assert_eq!(server.mails()[0]["user"], "shop");
    assert_eq!(server.mails()[0]["hello"], "shop.example");
    let wrong = sender(server.port, json!({"user": "shop", "password": "wrong"}));
    assert_eq!(send(&wrong, mail).await, "retry login_refused");
    let Err(Failure::Retry { text, is_outage: true, .. }) = wrong.check().await else {
        panic!("a wrong password is trouble of the whole destination");
    };
    assert!(text.contains("535") && !text.contains("wrong"), "{text}");
    assert_eq!(server.mails().len(), 1, "a check sends nothing");
}

#[tokio::test]
async fn a_verifier_finds_the_signatures_right() {
    let Some(server) = SmtpServer::start() else { return };
    let record = |key: &str, p: &str| format!("v=DKIM1; k={key}; p={p}");
    server.set_dns(&json!({
        "a._domainkey.shop.example": record("rsa", RSA_RECORD),
        "b._domainkey.mail.shop.example": record("ed25519", ED25519_RECORD),
        // Another key than that which signs.
        "c._domainkey.shop.example": record("rsa", RSA_RECORD),
    }));
    let mail = json!({"to": "jane@example.com", "to_name": "Jåne", "subject": "Grüße  an alle",
        "html": "<p>Hello </p>\n\n.\n\n", "text": "Hello  there \n\n\n", "category": "news",
        "headers": {"X-Tag": "1"}, "unsubscribe_url": "https://shop.example/out?u=1"});
    for (selector, domain, key, is_right) in [
        ("a", "", RSA_PKCS8, true),
        ("a", "", RSA_PKCS1, true),
        ("b", "mail.shop.example", ED25519, true),
        ("c", "", ED25519, false),
    ] {
        let sender = sender(
            server.port,
            json!({"dkim_selector": selector, "dkim_domain": domain,
            "dkim_private_key": key}),
        );
        assert_eq!(send(&sender, mail.clone()).await, "");
        let mails = server.mails();
        let last = mails.last().unwrap();
        assert_eq!(last["dkim"], is_right, "{selector}: {}", content(last));
        let signed = content(last).split(" bh=").next().unwrap().replace("\r\n ", "");
        // RFC 8058, section 4: both are signed.
        for name in ["list-unsubscribe:", "list-unsubscribe-post:", "message-id:"] {
            assert!(signed.contains(name), "{name} is not in {signed}");
        }
        assert_eq!(content(last).matches("List-Unsubscribe=One-Click").count(), 1);
    }
}

#[tokio::test]
async fn refusals_say_whether_a_mail_is_sent_again() {
    let Some(server) = SmtpServer::start() else { return };
    let sender = sender(server.port, json!({}));
    let to = |name: &str| json!({"to": format!("{name}@example.com"), "subject": "Hello", "text": "Hello"});
    for (name, reason) in [
        ("later", "retry smtp_450"),
        ("unknown", "mailbox_unknown"),
        ("later", ""),
        ("full", "mailbox_full"),
        ("spam", "refused_by_policy"),
        ("jane", ""),
        ("closing", "retry smtp_421"),
        ("joe", ""),
    ] {
        assert_eq!(send(&sender, to(name)).await, reason, "{name}");
    }
    let large = json!({"to": "jane@example.com", "subject": "Hello",
        "text": "x ".repeat(7_000), "html": "y ".repeat(7_000)});
    assert_eq!(send(&sender, large).await, "message_too_large");
    let mails = server.mails();
    let taken: Vec<&str> = mails.iter().map(|mail| mail["to"].as_str().unwrap()).collect();
    assert_eq!(taken, ["later@example.com", "jane@example.com", "joe@example.com"]);
    assert_eq!(mails[0]["peer"], mails[1]["peer"], "refusals of one mail end no connection");
    assert_ne!(mails[1]["peer"], mails[2]["peer"], "421 does");
}

#[tokio::test]
async fn a_mail_without_an_answer_is_unknown_and_keeps_its_id() {
    let Some(server) = SmtpServer::start() else { return };
    let sender = sender(server.port, json!({}));
    let mail = json!({"to": "drop@example.com", "subject": "Hello", "text": "Hello"});
    let prepared = prepare_one(&*sender, mail).unwrap();
    let first = Arc::clone(&sender).send(vec![Arc::clone(&prepared)]).await.remove(0);
    assert_eq!(reasons(&[first]), ["unknown unknown_outcome"]);
    assert_eq!(server.mails().len(), 1, "it is not sent again at once");
    assert_eq!(sender.send(vec![prepared]).await, [Ok(())]);
    let mails = server.mails();
    assert_eq!(message_id(&mails[0]), message_id(&mails[1]));
}

#[tokio::test]
async fn there_are_no_more_connections_than_allowed() {
    let Some(server) = SmtpServer::start() else { return };
    let sender = sender(server.port, json!({"connections": 2}));
    let mails: Vec<Value> = (0..6)
        .map(|n| json!({"to": format!("slow{n}@example.com"), "subject": "Hello", "text": "Hello"}))
        .collect();
    let sendings = prepare(&*sender, &mails)
        .into_iter()
        .map(|prepared| Arc::clone(&sender).send(vec![prepared.unwrap()]));
    let outcomes = futures_util::future::join_all(sendings).await;
    assert!(outcomes.iter().all(|outcome| *outcome == [Ok(())]), "{outcomes:?}");
    let mails = server.mails();
    assert_eq!(mails.len(), 6);
    assert_eq!(mails.iter().filter_map(|mail| mail["most_at_once"].as_u64()).max(), Some(2));
    let peers: std::collections::BTreeSet<u64> =
        mails.iter().map(|mail| mail["peer"].as_u64().unwrap()).collect();
    assert_eq!(peers.len(), 2, "connections are kept");
}

#[tokio::test]
async fn a_kept_connection_that_was_closed_is_replaced() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let served = tokio::spawn(async move {
        // Each connection takes one mail and is closed.
        for _ in 0..2 {
            let (mut stream, _) = listener.accept().await.unwrap();
            stream.write_all(b"220 here\r\n").await.unwrap();
            for (end, answer) in [
                ("\r\n", "250 here\r\n"),
                ("\r\n", "250 ok\r\n"),
                ("\r\n", "250 ok\r\n"),
                ("\r\n", "354 go\r\n"),
                ("\r\n.\r\n", "250 ok\r\n"),
            ] {
                let mut read = Vec::new();
                while !read.ends_with(end.as_bytes()) {
                    read.push(stream.read_u8().await.unwrap());
                }
                stream.write_all(answer.as_bytes()).await.unwrap();
            }
        }
    });
    let sender = sender(port, json!({}));
    let mail = json!({"to": "jane@example.com", "subject": "Hello", "text": "Hello"});
    assert_eq!(send(&sender, mail.clone()).await, "");
    assert_eq!(send(&sender, mail.clone()).await, "");
    served.await.unwrap();
    assert_eq!(send(&sender, mail).await, "retry no_connection");
}

#[test]
fn fields_that_make_no_mail_are_errors_that_name_them() {
    let sender = sender(25, json!({}));
    let error = |more: Value| {
        let mut mail = json!({"to": "jane@example.com", "subject": "Hello", "text": "Hello"});
        mail.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        prepare_one(&*sender, mail).unwrap_err()
    };
    let long = "x".repeat(600);
    for (more, part) in [
        (json!({"to": "jane"}), "to should be an e-mail address"),
        (
            json!({"to": "jane@example.com\r\nBcc: joe@example.com"}),
            "to has a character before the @",
        ),
        (json!({"subject": " \r\n "}), "subject is missing"),
        (json!({"subject": long}), "subject has 600 bytes, the limit is 500"),
        (json!({"subject": "a\u{0}b"}), "subject has a control character"),
        (json!({"text": ""}), "html is missing, and text too"),
        (json!({"text": "a\u{0}"}), "text has a NUL character"),
        (json!({"reply_to": "x@y@z"}), "reply_to"),
        (json!({"headers": {"Subject": "x"}}), "headers has Subject, which the mail has by itself"),
        (json!({"headers": {"content-type": "x"}}), "headers has content-type"),
        (
            json!({"headers": {"X-A": "x\r\nBcc: joe@example.com"}}),
            "headers has X-A with a line break",
        ),
        (json!({"headers": {"X-A: b\r\nBcc": "x"}}), "headers has the name"),
        (json!({"headers": {"X-A": [1]}}), "headers has X-A, which should be a text"),
        (
            json!({"unsubscribe_url": "http://shop.example/out"}),
            "unsubscribe_url should be https://",
        ),
        (
            json!({"unsubscribe_url": "https://shop.example/>\r\nBcc: x"}),
            "unsubscribe_url should be",
        ),
        (json!({"category": "a b"}), "category should have"),
    ] {
        let is = error(more.clone());
        assert!(is.starts_with(&format!("M: {part}")), "{more}: {is}");
    }
    let prepared = prepare_one(
        &*sender,
        json!({"to": "jane@example.com", "text": "Hello",
        "subject": "Hello\r\nBcc: joe@example.com"}),
    )
    .unwrap();
    assert_eq!(sender.describe(&[prepared])[0].headers["Subject"], "Hello Bcc: joe@example.com");
}

#[test]
fn a_mail_has_a_limit() {
    let sender = sender(25, json!({}));
    let html = "{{properties.x}}".repeat(30);
    let mapping = json!([{"name": "M", "trigger": "event = \"E\"", "action": "send_email", "fields":
        {"to": "jane@example.com", "subject": "Hello", "html": {"@template": html}}}]);
    let mappings = Mappings::from_json_for(kind("email").unwrap().actions, &mapping.to_string());
    let made = |n: usize| {
        let message = json!({"type": "track", "userId": "u", "event": "E",
            "properties": {"x": "x".repeat(n)}});
        testing::prepare(&*sender, mappings.as_ref().unwrap(), &[message]).remove(0)
    };
    assert!(made(512 * 1_024 / 30).is_ok());
    let error = made(20_000).unwrap_err();
    assert_eq!(error, "M: html has 600000 bytes, the limit is 524288");
}

#[test]
fn settings_that_are_wrong_are_named() {
    let error = |more: Value| {
        let settings = settings(25, more);
        kind("email").unwrap().connect(&settings, &testing::outgoing()).err().unwrap().to_string()
    };
    for (more, part) in [
        (json!({"host": "smtp://mail.example.com"}), "host should be the name"),
        (json!({"from": "shop"}), "from should be an e-mail address"),
        (json!({"return_path": "a@b c"}), "return_path has a domain"),
        (json!({"user": "shop"}), "password is missing"),
        (json!({"password": "secret"}), "user is missing"),
        (json!({"dkim_private_key": ED25519}), "dkim_selector is missing"),
        (json!({"dkim_selector": "s"}), "dkim_private_key is missing"),
        (json!({"dkim_selector": "s", "dkim_private_key": "secret"}), "dkim_private_key is no"),
        (json!({"dkim_selector": "a b", "dkim_private_key": ED25519}), "dkim_selector should be"),
        (json!({"hello_name": "a\r\nb"}), "hello_name should be"),
        (json!({"connections": 0}), "connections should be"),
        (json!({"security": "ssl"}), "security should be one of tls, starttls, none"),
    ] {
        let is = error(more.clone());
        assert!(is.starts_with(part), "{more}: {is}");
        assert!(!is.contains("secret"), "{is}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// Another program reads the fields that a mail was made of.
    #[test]
    fn a_parser_finds_the_fields(
        local in "[a-z0-9][a-z0-9._+-]{0,20}[a-z0-9]",
        to_name in proptest::option::of("\\PC{1,60}"),
        subject in "\\PC{1,120}",
        html in proptest::option::of("(\\PC|[\r\n\t .=]){1,300}"),
        text in "(\\PC|[\r\n\t .=]){1,300}",
        header in "[!-~]{1,20}( [!-~]{1,20}){0,5}",
        category in proptest::option::of("[a-z0-9]{1,20}"),
    ) {
        prop_assume!(!local.contains(".."));
        // What looks encoded is decoded by whoever reads it.
        let is_plain = |text: &str| !text.contains("=?");
        prop_assume!(is_plain(&subject) && is_plain(&header));
        prop_assume!(to_name.as_deref().is_none_or(is_plain));
        let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        prop_assume!(!words(&subject).is_empty());
        let lines = |text: &str| text.replace("\r\n", "\n").replace('\r', "\n");
        let sender = sender(25, json!({}));
        let to = format!("{local}@example.com");
        let fields = json!({"to": to, "to_name": to_name, "subject": subject, "html": html,
            "text": text, "headers": {"X-Tag": header}, "category": category});
        let prepared = prepare_one(&*sender, fields).unwrap();
        let from = From { address: "shop@shop.example".parse().unwrap(), name: None, reply_to: None };
        let written = mail_of(&prepared).write(&from, "id", SystemTime::now());
        prop_assert!(written.is_ascii());
        let written = String::from_utf8(written).unwrap();
        prop_assert!(written.split("\r\n").all(|line| line.len() <= 998 && !line.contains(['\r', '\n'])));
        let parsed = mail_parser::MessageParser::default().parse(&written).unwrap();
        prop_assert_eq!(parsed.subject().unwrap_or_default(), words(&subject));
        prop_assert_eq!(parsed.message_id(), Some("id@shop.example"));
        let found = parsed.to().unwrap().first().unwrap();
        prop_assert_eq!(found.address(), Some(to.as_str()));
        let name = to_name.as_deref().map(words).filter(|name| !name.is_empty());
        prop_assert_eq!(found.name().map(str::to_owned), name);
        // A mail of one part may end with a line break more.
        let is_one_part = html.is_none();
        let end = |text: &str| match is_one_part {
            true => text.trim_end_matches('\n').to_owned(),
            false => text.to_owned(),
        };
        prop_assert_eq!(end(&lines(&parsed.body_text(0).unwrap())), end(&lines(&text)));
        if let Some(html) = &html {
            prop_assert_eq!(lines(&parsed.body_html(0).unwrap()), lines(html));
        }
        // The parser leaves headers folded that it does not know.
        let tag = parsed.header("X-Tag").and_then(|tag| tag.as_text()).map(|tag| tag.replace("\r\n", ""));
        prop_assert_eq!(tag.as_deref(), Some(header.as_str()));
        prop_assert_eq!(parsed.from().unwrap().first().unwrap().address(), Some("shop@shop.example"));
        prop_assert_eq!(written.matches("List-Id: ").count(), usize::from(category.is_some()));
    }
}
