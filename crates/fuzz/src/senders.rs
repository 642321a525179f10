//! What senders bring besides messages: records of uploads, what they sign to get a token, public
//! keys, files of messages, and reports of Twilio. The first byte says which it is.

use bytes::Bytes;
use domain::{Arrival, Envelope, OAuth, OAuthKey, Source, Timestamp, check_message};
use engine::ReceiptCall;
use resources::message_files::{Import, MessageFile, MessageFormat, Options};
use web::oauth::{Assertion, check_public_key, is_good_token};

/// Texts with a meaning in them.
pub const DICTIONARY: &[&str] = &[
    "\"type\":\"event\"",
    "\"type\":\"profile\"",
    "\"evtName\":\"Charged\"",
    "\"evtData\":{",
    "\"Items\":[{\"id\":1}]",
    "\"profileData\":{",
    "\"identity\":\"u\"",
    "\"objectId\":7",
    "\"ts\":1700000000",
    "$D_1700000000",
    "{\"$set\":[1,1]}",
    "-----BEGIN PUBLIC KEY-----",
    "-----END PUBLIC KEY-----",
    "eyJhbGciOiJSUzI1NiJ9",
    ".",
    "userId,event,properties.a.b\n",
    "properties",
    "MessageSid=SM1",
    "&MessageStatus=failed",
    "&ErrorCode=30003",
    "&To=whatsapp:%2B49",
    "&From=%2B49",
    "&Body=STOP",
    "userId=u",
    "\"",
    "\n",
];

const NOW: Timestamp = Timestamp(1_700_000_000_000);

/// Checks one input.
///
/// # Panics
/// If an invariant is violated.
pub fn run(bytes: &[u8]) {
    let Some((kind, rest)) = bytes.split_first() else { return };
    let text = String::from_utf8_lossy(rest);
    match kind {
        b'u' => check_record(&text),
        b'k' => {
            let _ = check_public_key(&text);
        }
        b'a' => check_assertion(&text),
        b'c' => check_file(rest, MessageFormat::Csv),
        b'j' => check_file(rest, MessageFormat::Jsonl),
        b't' => check_report(&text),
        _ => {}
    }
}

fn check_record(text: &str) {
    let Some(message) = server::message_of_upload(text) else { return };
    assert!(message["userId"].is_string() != message["anonymousId"].is_string(), "{message}");
    assert_eq!(message["messageId"].is_string(), message["timestamp"].is_string(), "{message}");
    assert_eq!(server::message_of_upload(text), Some(message), "its id follows from the record");
}

/// Nobody has signed it: it may be of any form, and is never good.
fn check_assertion(text: &str) {
    let public_key = include_str!("../../server/tests/app/oauth/public.pem").to_owned();
    let oauth = OAuth {
        keys: vec![OAuthKey { id: "k".to_owned(), public_key }],
        token_secret: "0123456789abcdef0123456789abcdef".to_owned(),
        token_lifetime_s: 600,
        required: true,
    };
    if let Ok(assertion) = Assertion::parse(text) {
        assert!(assertion.verify(&oauth, "http://localhost", NOW).is_err(), "{text}");
    }
    assert!(!is_good_token(&oauth, "shop/web", text, NOW), "{text}");
}

/// A query, and a form in the next line.
fn check_report(text: &str) {
    let (query, body) = text.split_once('\n').unwrap_or_default();
    let Ok(call) = ReceiptCall::read(Some(query), None, body.as_bytes()) else { return };
    let Ok(Some(message)) = call.message() else { return };
    for member in ["anonymousId", "event", "messageId"] {
        assert!(message[member].is_string(), "{message}");
    }
    let arrival = Arrival { received_at: NOW, source: "web", peer_ip: None };
    let _ = check_message(&message.to_string(), None, &Envelope::default(), &arrival);
}

fn check_file(bytes: &[u8], format: MessageFormat) {
    let source = Source::new("web", "key");
    let options = Options {
        format,
        member: vec!["properties.a=a".to_owned()],
        types: vec!["properties.b=json".to_owned(), "properties.c=number".to_owned()],
        set: vec!["type=track".to_owned()],
        dry_run: false,
    };
    let import = Import::new(&[source], "web".to_owned(), &options).expect("the options are right");
    let file = MessageFile::Memory(Bytes::copy_from_slice(bytes));
    let run = || {
        let mut ids = Vec::new();
        let mut submit = |entries: Vec<engine::Entry>| {
            ids.extend(entries.iter().map(|entry| format!("{entry:?}")));
            Ok(vec![engine::Outcome::Applied; entries.len()])
        };
        let report = import.run(&file, NOW, &mut submit, &mut |_, _| Ok(())).ok();
        (report, ids)
    };
    let (report, entries) = run();
    if let Some(report) = report {
        assert_eq!(report.n_rows, report.n_accepted + report.n_refused);
        assert_eq!(report.n_accepted, entries.len() as u64);
        assert_eq!(run().1, entries, "the same file makes the same messages");
    }
}
