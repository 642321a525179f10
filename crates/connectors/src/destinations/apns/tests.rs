//! With a stand-in for APNs, which speaks HTTP/2 alone and answers as Apple's documentation says:
//! the real one takes no messages of tests.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Mutex;

use axum::http::{HeaderMap, Response, Version};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use p256::ecdsa::signature::Verifier;
use p256::ecdsa::{Signature, SigningKey, VerifyingKey};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use super::*;
use crate::testing::{self, reasons};
use crate::{NetworkPolicy, OutgoingOptions, kind};

const KEY: &str = include_str!("../../../tests/keys/p256.pem");
const DEVICE: &str = "a1b2c3d4a1b2c3d4a1b2c3d4a1b2c3d4a1b2c3d4a1b2c3d4a1b2c3d4a1b2c3d4";

/// A request that the stand-in got.
#[derive(Clone)]
struct Received {
    path: String,
    headers: HeaderMap,
    body: Value,
}

/// Status, and reason.
type Answer = (u16, &'static str);

struct StandIn {
    url: String,
    book: Arc<Book>,
}

#[derive(Default)]
struct Book {
    /// In turn, the last of them over and over.
    answers: Mutex<VecDeque<Answer>>,
    received: Mutex<Vec<Received>>,
    n_connections: Mutex<usize>,
}

impl StandIn {
    async fn start(answers: &[Answer]) -> Self {
        let answers = Mutex::new(answers.iter().copied().collect());
        let book = Arc::new(Book { answers, ..Book::default() });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let of_stand_in = Arc::clone(&book);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                *of_stand_in.n_connections.lock().unwrap() += 1;
                tokio::spawn(serve(stream, Arc::clone(&of_stand_in)));
            }
        });
        Self { url, book }
    }

    fn received(&self) -> Vec<Received> {
        self.book.received.lock().unwrap().clone()
    }
}

async fn serve(stream: impl AsyncRead + AsyncWrite + Unpin, book: Arc<Book>) {
    let mut connection = h2::server::handshake(stream).await.expect("HTTP/2 was spoken");
    while let Some(Ok((request, respond))) = connection.accept().await {
        tokio::spawn(answer(request, respond, Arc::clone(&book)));
    }
}

async fn answer(
    request: axum::http::Request<h2::RecvStream>,
    mut respond: h2::server::SendResponse<axum::body::Bytes>,
    book: Arc<Book>,
) {
    assert_eq!((request.version(), request.method().as_str()), (Version::HTTP_2, "POST"));
    let (head, mut stream) = request.into_parts();
    let mut body = Vec::new();
    while let Some(piece) = stream.data().await {
        let piece = piece.unwrap();
        stream.flow_control().release_capacity(piece.len()).unwrap();
        body.extend_from_slice(&piece);
    }
    let (path, headers) = (head.uri.path().to_owned(), head.headers);
    let body = serde_json::from_slice(&body).unwrap();
    book.received.lock().unwrap().push(Received { path, headers, body });
    let (status, reason) = {
        let mut answers = book.answers.lock().unwrap();
        if answers.len() > 1 { answers.pop_front().unwrap() } else { answers[0] }
    };
    let head = Response::builder().status(status).body(()).unwrap();
    let mut stream = respond.send_response(head, reason.is_empty()).unwrap();
    if !reason.is_empty() {
        let body = json!({"reason": reason}).to_string();
        stream.send_data(body.into(), true).unwrap();
    }
}

fn settings(url: &str) -> Value {
    json!({"key": KEY, "key_id": "KEY1234567", "team_id": "TEAM123456",
        "topic": "com.example.shop", "api_url": url})
}

fn prepare(sender: &dyn Sender, fields: &Value) -> Result<Arc<Prepared>, String> {
    let mappings = json!([{"name": "Push", "trigger": "type = \"track\"", "action": "send_apns", "fields": fields}]);
    let actions = kind("apns").unwrap().actions;
    let mappings = mapping::Mappings::from_json_for(actions, &mappings.to_string()).unwrap();
    let message = json!({"type": "track", "userId": "u", "event": "Push"});
    testing::prepare(sender, &mappings, &[message]).remove(0)
}

async fn send(answers: &[Answer]) -> (StandIn, Vec<Result<(), Failure>>) {
    let stand_in = StandIn::start(answers).await;
    let sender = testing::connect("apns", settings(&stand_in.url));
    let push = prepare(&*sender, &json!({"token": DEVICE, "title": "Hello"})).unwrap();
    let outcomes = sender.send(vec![Arc::clone(&push), push]).await;
    (stand_in, outcomes)
}

#[tokio::test]
async fn messages_go_over_one_connection_with_a_token_that_the_key_signed() {
    let (stand_in, outcomes) = send(&[(200, "")]).await;
    assert_eq!(outcomes, [Ok(()), Ok(())]);
    let received = stand_in.received();
    assert_eq!((received.len(), *stand_in.book.n_connections.lock().unwrap()), (2, 1));
    let Received { path, headers, body } = &received[0];
    assert_eq!(path, &format!("/3/device/{DEVICE}"));
    assert_eq!(body, &json!({"aps": {"alert": {"title": "Hello"}}}));
    let header = |name: &str| headers[name].to_str().unwrap();
    assert_eq!(header("apns-topic"), "com.example.shop");
    assert_eq!(header("apns-push-type"), "alert");
    let id = header("apns-id");
    let lengths: Vec<usize> = id.split('-').map(str::len).collect();
    assert_eq!(lengths, [8, 4, 4, 4, 12], "{id}");
    assert_eq!(id, received[1].headers["apns-id"], "a repeat has the same");

    let token = header("authorization").strip_prefix("bearer ").unwrap();
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let parts: Vec<BTreeMap<String, Value>> = signed
        .split('.')
        .map(|part| serde_json::from_slice(&BASE64.decode(part).unwrap()).unwrap())
        .collect();
    assert_eq!((&parts[0]["alg"], &parts[0]["kid"]), (&json!("ES256"), &json!("KEY1234567")));
    assert_eq!(parts[1]["iss"], "TEAM123456");
    assert!(parts[1]["iat"].is_u64());
    let key = SigningKey::from(super::provider::read_key(KEY).unwrap());
    let signature = Signature::from_slice(&BASE64.decode(signature).unwrap()).unwrap();
    VerifyingKey::from(&key).verify(signed.as_bytes(), &signature).unwrap();
}

#[tokio::test]
async fn answers_are_told_apart_by_their_reasons() {
    for (status, reason, outcome) in [
        (400, "BadDeviceToken", "invalid_token"),
        (400, "DeviceTokenNotForTopic", "invalid_token"),
        (410, "Unregistered", "app_uninstalled"),
        (410, "ExpiredToken", "app_uninstalled"),
        (413, "PayloadTooLarge", "payload_too_large"),
        (400, "TopicDisallowed", "invalid_topic"),
        (400, "BadTopic", "invalid_topic"),
        (403, "InvalidProviderToken", "invalid_key"),
        (403, "BadEnvironmentKeyIdInToken", "invalid_key"),
        (403, "ExpiredProviderToken", "retry expired_key"),
        (400, "BadPriority", "invalid_message"),
        (400, "PayloadEmpty", "invalid_message"),
        (400, "IdleTimeout", "retry http_408"),
        (429, "TooManyRequests", "retry http_429"),
        (429, "TooManyProviderTokenUpdates", "retry http_429"),
        (500, "InternalServerError", "retry http_500"),
        (503, "Shutdown", "retry http_503"),
        (503, "", "retry http_503"),
    ] {
        let (_, outcomes) = send(&[(status, reason)]).await;
        assert_eq!(reasons(&outcomes), [outcome; 2], "{status} {reason}");
    }
    let is_outage = |outcome: &Result<(), Failure>| {
        matches!(outcome, Err(Failure::Retry { is_outage: true, .. }))
    };
    let (_, of_device) = send(&[(429, "TooManyRequests")]).await;
    let (_, of_sender) = send(&[(429, "TooManyProviderTokenUpdates")]).await;
    assert!(!is_outage(&of_device[0]) && is_outage(&of_sender[0]));
}

/// The protocols that a server over TLS offers, and whether a message comes to it.
async fn comes_over_tls(protocols: &[&[u8]]) -> bool {
    let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    let key = made.signing_key.serialize_der().try_into().unwrap();
    let ring = Arc::new(rustls::crypto::ring::default_provider());
    let mut tls = rustls::ServerConfig::builder_with_provider(ring)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    tls.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
    let acceptor = TlsAcceptor::from(Arc::new(tls));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}", listener.local_addr().unwrap());
    let book = Arc::new(Book { answers: Mutex::new([(200, "")].into()), ..Book::default() });
    let of_server = Arc::clone(&book);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let Ok(stream) = acceptor.accept(stream).await else { continue };
            if stream.get_ref().1.alpn_protocol() == Some(b"h2") {
                tokio::spawn(serve(stream, Arc::clone(&of_server)));
            }
        }
    });
    let policy = NetworkPolicy { allowed: vec!["127.0.0.0/8".parse().unwrap()] };
    let authorities_pem = Some(made.cert.pem().into_bytes());
    let options = OutgoingOptions { policy, authorities_pem, ..OutgoingOptions::default() };
    let outgoing = Arc::new(Outgoing::new(&options).unwrap());
    let settings = serde_json::from_value(settings(&url)).unwrap();
    let sender = kind("apns").unwrap().connect(&settings, &outgoing).unwrap();
    let push = prepare(&*sender, &json!({"token": DEVICE, "title": "Hello"})).unwrap();
    let outcomes = sender.send(vec![push]).await;
    assert_eq!(outcomes[0].is_ok(), book.received.lock().unwrap().len() == 1, "{outcomes:?}");
    outcomes[0].is_ok()
}

#[tokio::test]
async fn http_2_is_agreed_on_over_tls() {
    assert!(comes_over_tls(&[b"http/1.1", b"h2"]).await);
    assert!(!comes_over_tls(&[b"http/1.1"]).await);
}

#[tokio::test]
async fn a_server_without_http_2_is_no_apns() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await.unwrap();
        }
    });
    let sender = testing::connect("apns", settings(&url));
    let push = prepare(&*sender, &json!({"token": DEVICE, "title": "Hello"})).unwrap();
    let outcomes = sender.send(vec![push]).await;
    let is_repeated = |failure: &Failure| !matches!(failure, Failure::Permanent { .. });
    assert!(outcomes[0].as_ref().is_err_and(is_repeated), "{outcomes:?}");
}

#[tokio::test]
async fn a_check_sends_nothing_to_anybody_and_knows_a_wrong_key() {
    for (answer, outcome) in [
        ((400, "BadDeviceToken"), ""),
        ((403, "InvalidProviderToken"), "invalid_key"),
        ((400, "TopicDisallowed"), "invalid_topic"),
        ((503, "ServiceUnavailable"), "retry http_503"),
    ] {
        let stand_in = StandIn::start(&[answer]).await;
        let sender = testing::connect("apns", settings(&stand_in.url));
        assert_eq!(reasons(&[sender.check().await]), [outcome], "{answer:?}");
        assert_eq!(stand_in.received()[0].path, format!("/3/device/{}", "0".repeat(64)));
    }
}

#[tokio::test]
async fn what_cannot_be_sent_is_refused_with_its_field() {
    let sender = testing::connect("apns", settings("https://api.push.apple.com"));
    let refused = |fields: Value| {
        let mut all = json!({"token": DEVICE, "title": "T"});
        all.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        prepare(&*sender, &all).unwrap_err()
    };
    for (fields, expected) in [
        (json!({"token": "../x"}), "Push: token should be 1 to 200 hexadecimal digits"),
        (json!({"title": ""}), "Push: title is missing, and so is all else that aps could have"),
        (json!({"priority": 7}), "Push: priority should be 1, 5 or 10 but it was 7"),
        (
            json!({"push_type": "background", "priority": 10}),
            "Push: priority of a background message is at most 5",
        ),
        (
            json!({"collapse_id": "a b"}),
            "Push: collapse_id should be at most 64 visible characters of ASCII",
        ),
        (
            json!({"data": {"aps": {}, "n": 1}}),
            "Push: data has aps, which is made of the other fields",
        ),
        (
            json!({"body": "é".repeat(2_048)}),
            "Push: the message has 4137 bytes as JSON, with all its fields; APNs takes 4096",
        ),
    ] {
        assert_eq!(refused(fields), expected);
    }
    let wrong_type = refused(json!({"push_type": "loud"}));
    assert!(wrong_type.starts_with("Push: push_type should be one of alert, "), "{wrong_type}");
}

#[tokio::test]
async fn what_is_no_key_is_refused() {
    let rsa = include_str!("../../../tests/keys/rsa.pem");
    for key in ["abc", rsa] {
        let mut given = settings("https://api.push.apple.com");
        given["key"] = key.into();
        let given = serde_json::from_value(given).unwrap();
        let error = kind("apns").unwrap().connect(&given, &testing::outgoing()).err().unwrap();
        assert!(error.to_string().starts_with("key should be the file of a key (.p8)"), "{error}");
    }
}
