//! Senders show what they have signed, and get bearer tokens.

use std::sync::Arc;

use axum::http::Method;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use domain::Timestamp;
use engine::{Clock, ManualClock};
use ring::rand::SystemRandom;
use ring::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use serde_json::{Value, json};

use crate::{Answer, TestApp};

const PUBLIC_KEY: &str = include_str!("oauth/public.pem");
const PRIVATE_KEY: &str = include_str!("oauth/private.pem");
/// The public keys of another pair, and of another kind.
const OTHER_KEY: &str = include_str!("oauth/other.pem");
const ELLIPTIC_KEY: &str = include_str!("oauth/elliptic.pem");
const WEB: &str = "/api/workspaces/shop/sources/web/oauth";
const NOW_S: i64 = 1_700_000_000;
const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");

fn claims(jti: &str) -> Value {
    json!({
        "iss": "shop/web", "sub": "shop/web", "aud": "http://localhost",
        "iat": NOW_S - 5, "exp": NOW_S + 55, "jti": jti,
    })
}

/// A text that the private key has signed.
fn sign(header: &Value, claims: &Value) -> String {
    let pem: String = PRIVATE_KEY.lines().filter(|line| !line.starts_with('-')).collect();
    let pair = RsaKeyPair::from_pkcs8(&STANDARD.decode(pem).unwrap()).unwrap();
    let encode = |part: &Value| URL_SAFE_NO_PAD.encode(part.to_string());
    let signed = format!("{}.{}", encode(header), encode(claims));
    let mut signature = vec![0; pair.public().modulus_len()];
    let random = SystemRandom::new();
    pair.sign(&RSA_PKCS1_SHA256, &random, signed.as_bytes(), &mut signature).unwrap();
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
}

fn form(assertion: &str) -> String {
    format!(
        "grant_type=client_credentials&client_assertion_type=urn:ietf:params:oauth:client-assertion-type:jwt-bearer&client_assertion={assertion}&scope=tracking_api:write"
    )
}

async fn ask(app: &TestApp, header: Value, claims: Value) -> Answer {
    app.post("/token", form(&sign(&header, &claims)), &[FORM]).await
}

/// An app at a time, whose source `web` has the key `k1`.
async fn app_with_key(required: bool) -> (TestApp, Arc<ManualClock>) {
    let clock = Arc::new(ManualClock::new(Timestamp(NOW_S * 1_000)));
    let app = TestApp::at(Arc::clone(&clock) as Arc<dyn Clock>).await;
    let keys = json!([{ "id": "k1", "public_key": PUBLIC_KEY }]);
    let set = json!({ "keys": keys, "required": required });
    let answer = app.administer(Method::PUT, WEB, set, &[]).await;
    assert_eq!(answer.status, 200, "{}", answer.line());
    assert_eq!(answer.body["client_id"], "shop/web");
    assert!(answer.body.get("token_secret").is_none());
    (app, clock)
}

/// `status` of a message with this bearer token.
async fn sent_with(app: &TestApp, token: Option<&str>) -> u16 {
    let message = json!({ "writeKey": "key", "userId": "u", "event": "E" }).to_string();
    let token = token.map(|token| format!("Bearer {token}"));
    let headers: Vec<_> = token.iter().map(|value| ("authorization", value.as_str())).collect();
    app.post("/v1/track", message, &headers).await.status.as_u16()
}

#[tokio::test]
async fn a_signed_assertion_gets_a_token_that_is_good_for_its_time() {
    let (app, clock) = app_with_key(true).await;
    assert_eq!(sent_with(&app, None).await, 401, "a token is required");
    let answer = ask(&app, json!({ "alg": "RS256", "kid": "k1" }), claims("j1")).await;
    assert_eq!((answer.status.as_u16(), &answer.body["expires_in"]), (200, &json!(86_400)));
    assert_eq!(answer.headers["cache-control"], "no-store");
    assert_eq!(answer.body["token_type"], "Bearer");
    let token = answer.body["access_token"].as_str().unwrap().to_owned();
    assert_eq!(sent_with(&app, Some(&token)).await, 200);
    // The passcode of an upload is a bearer token too.
    let headers = [("x-clevertap-account-id", "key"), ("x-clevertap-passcode", token.as_str())];
    let record = json!({ "d": [{ "type": "event", "identity": "u", "evtName": "E" }] });
    assert_eq!(app.post("/1/upload", record.to_string(), &headers).await.status, 200);
    let forged = token.replace('.', "A.");
    let (parts, signature) = token.rsplit_once('.').unwrap();
    let (header, _) = parts.split_once('.').unwrap();
    let claims = json!({ "sub": "shop/web", "kid": "k1", "iat": 1, "exp": 9_999_999_999_i64 });
    let stolen = format!("{header}.{}.{signature}", URL_SAFE_NO_PAD.encode(claims.to_string()));
    for wrong in [forged.as_str(), &stolen, parts, "", "x"] {
        assert_eq!(sent_with(&app, Some(wrong)).await, 401, "{wrong}");
    }
    clock.set(Timestamp((NOW_S + 86_399) * 1_000));
    assert_eq!(sent_with(&app, Some(&token)).await, 200);
    clock.set(Timestamp((NOW_S + 86_400) * 1_000));
    assert_eq!(sent_with(&app, Some(&token)).await, 401);
}

#[tokio::test]
async fn a_token_is_good_as_long_as_its_key_is_there_and_for_its_source_only() {
    let (app, _) = app_with_key(false).await;
    assert_eq!(sent_with(&app, None).await, 200, "no token is required");
    assert_eq!(sent_with(&app, Some("x")).await, 401, "but one that is sent must be right");
    let answer = ask(&app, json!({ "alg": "RS256" }), claims("j1")).await;
    let token = answer.body["access_token"].as_str().unwrap().to_owned();
    let of_other = json!({ "writeKey": "bearer-key", "userId": "u", "event": "E" }).to_string();
    let bearer = format!("Bearer {token}");
    let headers = [("authorization", bearer.as_str())];
    assert_eq!(app.post("/v1/track", of_other, &headers).await.status, 401);

    // The next key beside it, then in its place.
    let (first, next) = (
        json!({ "id": "k1", "public_key": PUBLIC_KEY }),
        json!({ "id": "k2", "public_key": OTHER_KEY }),
    );
    for (keys, expected) in [(json!([first, next]), 200), (json!([next]), 401)] {
        let answer = app.administer(Method::PUT, WEB, json!({ "keys": keys }), &[]).await;
        assert_eq!(answer.status, 200, "{}", answer.line());
        assert_eq!(sent_with(&app, Some(&token)).await, expected, "{keys}");
    }
    let refused = ask(&app, json!({ "alg": "RS256", "kid": "k1" }), claims("j2")).await;
    assert_eq!((refused.status.as_u16(), &refused.body["error"]), (401, &json!("invalid_client")));
    assert_eq!(app.administer(Method::DELETE, WEB, Value::Null, &[]).await.status, 204);
    assert_eq!(app.admin(WEB).await.status, 404);
    // With the same key again, earlier tokens stay refused.
    app.administer(Method::PUT, WEB, json!({ "keys": [first] }), &[]).await;
    assert_eq!(sent_with(&app, Some(&token)).await, 401);
}

#[tokio::test]
async fn what_is_wrong_gets_no_token_and_is_told_in_the_form_of_oauth() {
    let (app, _) = app_with_key(false).await;
    let rs256 = || json!({ "alg": "RS256", "kid": "k1", "typ": "JWT" });
    let with = |field: &str, value: Value| {
        let mut claims = claims(field);
        claims[field] = value;
        claims
    };
    let other = json!({ "iss": "shop/old", "sub": "shop/old", "aud": "a", "exp": 1, "jti": "j" });
    let unknown = json!({ "iss": "x/y", "sub": "x/y", "aud": "a", "exp": 1, "jti": "j" });
    let good = claims("good");
    let cases = [
        ("no algorithm", json!({ "alg": "none" }), good.clone()),
        ("another algorithm", json!({ "alg": "HS256" }), good.clone()),
        ("another key", json!({ "alg": "RS256", "kid": "k2" }), good.clone()),
        ("two names", rs256(), with("sub", "shop/old".into())),
        ("a source without keys", rs256(), other),
        ("an unknown client", rs256(), unknown),
        ("another server", rs256(), with("aud", "https://example.org".into())),
        ("its end", rs256(), with("exp", NOW_S.into())),
        ("too early", rs256(), with("iat", (NOW_S + 61).into())),
        ("too long", rs256(), with("exp", (NOW_S + 661).into())),
        ("no id", rs256(), with("jti", "".into())),
        ("good", rs256(), good.clone()),
        ("again", rs256(), good.clone()),
        ("its path", rs256(), with("aud", json!(["x", "http://localhost/token"]))),
    ];
    let mut lines = Vec::new();
    for (what, header, claims) in cases {
        let answer = ask(&app, header, claims).await;
        let why = answer.body.get("error_description").and_then(Value::as_str).unwrap_or("-");
        let code = answer.body.get("error").and_then(Value::as_str).unwrap_or("-");
        lines.push(format!("{what}: {} {code} {why}", answer.status.as_u16()));
    }
    // Claims that the key has not signed.
    let signed = sign(&rs256(), &claims("t"));
    let (head, signature) = signed.rsplit_once('.').unwrap();
    let (head, _) = head.split_once('.').unwrap();
    let tampered =
        format!("{head}.{}.{signature}", URL_SAFE_NO_PAD.encode(claims("u").to_string()));
    let whole = form("a.b.c");
    for (what, body, media_type) in [
        ("tampered with", form(&tampered), FORM.1),
        ("no JWT", whole.clone(), FORM.1),
        ("JSON", "{}".to_owned(), "application/json"),
        ("empty", String::new(), FORM.1),
        ("another grant", whole.replace("client_credentials", "password"), FORM.1),
        ("another assertion", whole.replace("jwt-bearer", "saml2"), FORM.1),
        ("another scope", whole.replace("api:write", "api:read"), FORM.1),
        ("too large", "x".repeat(17_000), FORM.1),
    ] {
        let answer = app.post("/token", body, &[("content-type", media_type)]).await;
        let line = format!("{} {}", answer.body["error"], answer.body["error_description"]);
        lines.push(format!("{what}: {} {line}", answer.status.as_u16()));
    }
    insta::assert_snapshot!(lines.join("\n"));
}

#[tokio::test]
async fn only_rsa_keys_are_taken() {
    let app = TestApp::new().await;
    let mut lines = Vec::new();
    let key = |id: &str, pem: &str| json!({ "id": id, "public_key": pem });
    for body in [
        json!({ "keys": [] }),
        json!({ "keys": [key("a", ELLIPTIC_KEY)] }),
        json!({ "keys": [key("a", PRIVATE_KEY)] }),
        json!({ "keys": [key("a", &PUBLIC_KEY[..200])] }),
        json!({ "keys": [key("a", PUBLIC_KEY), key("a", PUBLIC_KEY)] }),
        json!({ "keys": [key("a", PUBLIC_KEY), key("b", PUBLIC_KEY), key("c", PUBLIC_KEY)] }),
        json!({ "keys": [key("", PUBLIC_KEY)] }),
        json!({ "keys": [key("a", PUBLIC_KEY)], "token_lifetime_s": 1 }),
    ] {
        lines.push(app.administer(Method::PUT, WEB, body, &[]).await.line());
    }
    insta::assert_snapshot!(lines.join("\n"));
    assert_eq!(app.admin(WEB).await.status, 404);
}
