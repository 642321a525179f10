//! Accounts, invitations, sessions, API keys and the audit.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::{Method, Request};
use domain::Timestamp;
use engine::ManualClock;
use engine::installation::SESSION_IDLE_MAX;
use journal::{FileJournal, Journal, JournalOptions, Offset, RealDisk};
use serde_json::{Value, json};

use super::{Answer, TestApp};

const PASSWORD: &str = "correct horse battery";
const SHOP: &str = "/api/workspaces/shop";

/// How a call shows who calls.
#[derive(Clone)]
enum By {
    Key(String),
    /// With the CSRF token.
    Session(String, String),
}

impl By {
    fn admin() -> Self {
        Self::Key("admin".to_owned())
    }
}

impl TestApp {
    async fn call_as(&self, by: &By, method: Method, path: &str, body: Value) -> Answer {
        let request = Request::builder().method(method).uri(path);
        let request = match by {
            By::Key(key) => request.header("authorization", format!("Bearer {key}")),
            By::Session(cookie, csrf) => {
                request.header("cookie", cookie).header("x-csrf-token", csrf)
            }
        };
        let body = if body.is_null() { Body::empty() } else { Body::from(body.to_string()) };
        self.send(request.body(body).unwrap()).await
    }

    /// Invites somebody, who accepts.
    async fn add_account(&self, email: &str, role: &str) {
        let invitation = json!({ "email": email, "role": role });
        let made = self.call_as(&By::admin(), Method::POST, "/api/invitations", invitation).await;
        assert_eq!(made.status, 201, "{}", made.line());
        let accepted = self.accept(&made, PASSWORD).await;
        assert_eq!(accepted.status, 200, "{}", accepted.line());
    }

    async fn accept(&self, invitation: &Answer, password: &str) -> Answer {
        let body = json!({ "token": invitation.body["token"], "password": password });
        self.post("/api/invitations/accept", body.to_string(), &[]).await
    }

    async fn try_password(&self, email: &str, password: &str) -> Answer {
        let body = json!({ "email": email, "password": password });
        self.post("/api/session", body.to_string(), &[]).await
    }

    async fn sign_in(&self, email: &str, password: &str) -> By {
        session_of(&self.try_password(email, password).await)
    }

    async fn make_key(&self, name: &str, role: &str) -> By {
        let key = json!({ "name": name, "role": role });
        let made = self.call_as(&By::admin(), Method::POST, "/api/api_keys", key).await;
        By::Key(made.body["key"].as_str().unwrap().to_owned())
    }

    async fn is_known(&self, by: &By) -> bool {
        match self.call_as(by, Method::GET, "/api/account", Value::Null).await.status.as_u16() {
            200 => true,
            401 => false,
            other => panic!("{other}"),
        }
    }
}

/// The session that an answer opens.
fn session_of(answer: &Answer) -> By {
    assert_eq!(answer.status, 200, "{}", answer.line());
    let cookie = answer.headers["set-cookie"].to_str().unwrap();
    let (cookie, _) = cookie.split_once(';').unwrap();
    By::Session(cookie.to_owned(), answer.body["csrf_token"].as_str().unwrap().to_owned())
}

#[tokio::test]
async fn somebody_is_invited_signs_in_and_out_and_a_restart_keeps_sessions() {
    let app = TestApp::new().await;
    app.add_account(" Ann@Example.com", "editor").await;
    let signed_in = app.try_password("ANN@example.com", PASSWORD).await;
    let cookie = signed_in.headers["set-cookie"].to_str().unwrap();
    let (_, attributes) = cookie.split_once(';').unwrap();
    assert_eq!(attributes, " HttpOnly; SameSite=Strict; Path=/; Max-Age=1209600");
    let (one, two) = (session_of(&signed_in), app.sign_in("ann@example.com", PASSWORD).await);
    let me = app.call_as(&one, Method::GET, "/api/account", Value::Null).await.body;
    assert_eq!(me["caller"], json!({ "kind": "account", "name": "ann@example.com" }));
    assert_eq!((&me["role"], &me["session"]["sessions"]), (&json!("editor"), &json!(2)));
    assert_eq!(me["session"]["csrf_token"], signed_in.body["csrf_token"]);

    let app = app.reopened();
    assert!(app.is_known(&one).await && app.is_known(&two).await);
    let out = app.call_as(&one, Method::DELETE, "/api/session", Value::Null).await;
    assert_eq!(out.status, 204);
    let cookie = out.headers["set-cookie"].to_str().unwrap();
    assert!(cookie.starts_with("tastemaker_session=;") && cookie.contains("Max-Age=0"), "{cookie}");
    assert!(!app.is_known(&one).await && app.is_known(&two).await);
    app.call_as(&two, Method::DELETE, "/api/account/sessions", Value::Null).await;
    let app = app.reopened();
    assert!(!app.is_known(&two).await, "an ended session does not come back");
}

#[tokio::test]
async fn a_wrong_password_and_an_unknown_account_have_one_answer() {
    let app = TestApp::new().await;
    for email in ["ann@example.com", "off@example.com"] {
        app.add_account(email, "editor").await;
    }
    let off = json!({ "disabled": true });
    app.call_as(&By::admin(), Method::PATCH, "/api/accounts/off@example.com", off).await;
    let refused = [
        app.try_password("ann@example.com", "wrong").await,
        app.try_password("nobody@example.com", PASSWORD).await,
        app.try_password("off@example.com", PASSWORD).await,
        app.try_password("ann@example.com", &"x".repeat(2_000)).await,
    ];
    for answer in refused {
        let line = answer.line();
        assert_eq!(line, "401 authentication_error: the e-mail address or the password is wrong");
        assert!(!answer.headers.contains_key("set-cookie"));
    }
    let long = app.try_password("ann@example.com", &"x".repeat(10_000)).await;
    insta::assert_snapshot!(long.line(), @"400 bad_request: the body cannot be read, or is over 8192 bytes");
    let invalid = app.try_password("nobody", PASSWORD).await;
    assert_eq!(invalid.status, 400, "{}", invalid.line());
    for _ in 0..20 {
        app.try_password("ann@example.com", "guess").await;
    }
    let limited = app.try_password("ann@example.com", PASSWORD).await;
    insta::assert_snapshot!(limited.line(), @"429 too_many_requests: too many passwords were tried for this account: wait a minute, or sign in from elsewhere");
}

#[tokio::test]
async fn sessions_and_invitations_expire_by_the_clock_of_the_installation() {
    let start = Timestamp(1_790_000_000_000);
    let later = |after: Duration| Timestamp(start.0 + after.as_millis() as i64);
    let clock = Arc::new(ManualClock::new(start));
    let app = TestApp::at(clock.clone()).await;
    app.add_account("ann@example.com", "owner").await;
    let session = app.sign_in("ann@example.com", PASSWORD).await;
    clock.set(later(SESSION_IDLE_MAX - Duration::from_millis(1)));
    assert!(app.is_known(&session).await);
    let invitation = json!({ "email": "bob@example.com", "role": "analyst" });
    let made = app.call_as(&session, Method::POST, "/api/invitations", invitation).await;
    assert_eq!(made.status, 201);
    clock.set(later(SESSION_IDLE_MAX * 9));
    assert!(!app.is_known(&session).await);
    let late = app.accept(&made, PASSWORD).await;
    insta::assert_snapshot!(late.line(), @"403 forbidden: the invitation is not valid, or not any more: ask for another one");
}

#[tokio::test]
async fn another_password_or_role_ends_the_sessions_of_an_account() {
    let app = TestApp::new().await;
    app.add_account("ann@example.com", "editor").await;
    let (one, two) = (
        app.sign_in("ann@example.com", PASSWORD).await,
        app.sign_in("ann@example.com", PASSWORD).await,
    );
    let set = async |by: &By, current: &str, new: &str| {
        let body = json!({ "current": current, "new": new });
        app.call_as(by, Method::PUT, "/api/account/password", body).await
    };
    insta::assert_snapshot!(set(&one, "wrong", "a new long password").await.line(), @"400 validation_error: current: this is not the password of the account (at /current)");
    insta::assert_snapshot!(set(&one, PASSWORD, "short").await.line(), @"400 validation_error: password: it must have 12 characters or more, and at most 1024 bytes (at /new)");
    let new = session_of(&set(&one, PASSWORD, "a new long password").await);
    assert!(!app.is_known(&one).await && !app.is_known(&two).await && app.is_known(&new).await);
    assert_eq!(app.try_password("ann@example.com", PASSWORD).await.status, 401);
    app.sign_in("ann@example.com", "a new long password").await;

    let account = "/api/accounts/ann@example.com";
    let patched =
        app.call_as(&By::admin(), Method::PATCH, account, json!({ "role": "support" })).await;
    assert_eq!(patched.body["role"], "support");
    assert!(!app.is_known(&new).await);
    let reset =
        app.call_as(&By::admin(), Method::POST, &format!("{account}/reset"), Value::Null).await;
    let session = app.sign_in("ann@example.com", "a new long password").await;
    assert_eq!(app.accept(&reset, "the third password").await.status, 200);
    assert!(!app.is_known(&session).await);
    let session = app.sign_in("ann@example.com", "the third password").await;
    assert_eq!(app.call_as(&By::admin(), Method::DELETE, account, Value::Null).await.status, 204);
    assert!(!app.is_known(&session).await);
    let by_key = app.call_as(&By::admin(), Method::DELETE, "/api/session", Value::Null).await;
    insta::assert_snapshot!(by_key.line(), @"403 forbidden: this is for people who have signed in, not for API keys");
}

#[tokio::test]
async fn a_role_that_is_limited_to_workspaces_sees_no_other() {
    let app = TestApp::new().await;
    app.call_as(&By::admin(), Method::POST, "/api/workspaces", json!({ "id": "news" })).await;
    let key = json!({ "name": "ci", "role": "editor", "workspaces": ["shop"] });
    let made = app.call_as(&By::admin(), Method::POST, "/api/api_keys", key).await;
    let ci = By::Key(made.body["key"].as_str().unwrap().to_owned());
    let all = app.call_as(&ci, Method::GET, "/api/workspaces", Value::Null).await;
    let ids = all.body["workspaces"].as_array().unwrap().iter();
    assert_eq!(ids.map(|workspace| &workspace["id"]).collect::<Vec<_>>(), ["shop"]);
    assert_eq!(app.call_as(&ci, Method::GET, SHOP, Value::Null).await.status, 200);
    let source = json!({ "name": "app" });
    let refused =
        app.call_as(&ci, Method::POST, "/api/workspaces/news/sources", source.clone()).await;
    insta::assert_snapshot!(refused.line(), @"403 forbidden: your role editor is limited to the workspaces shop");
    let made = app.call_as(&ci, Method::POST, &format!("{SHOP}/sources"), source).await;
    assert_eq!(made.status, 201);
    let owner = json!({ "name": "x", "role": "owner", "workspaces": ["shop"] });
    let refused = app.call_as(&By::admin(), Method::POST, "/api/api_keys", owner).await;
    insta::assert_snapshot!(refused.line(), @"400 validation_error: workspaces: an owner administers all of them; leave it out, or choose another role (at /workspaces)");
}

#[tokio::test]
async fn the_audit_lists_who_did_each_change() {
    let app = TestApp::new().await;
    app.add_account("ann@example.com", "owner").await;
    let ann = app.sign_in("ann@example.com", PASSWORD).await;
    let (ci, analyst) = (app.make_key("ci", "editor").await, app.make_key("bi", "analyst").await);
    let scenario = format!("{SHOP}/scenarios/homepage");
    let body = json!({ "endpoint": "recommendItemsToUser" });
    app.call_as(&ci, Method::PUT, &scenario, body.clone()).await;
    app.call_as(&analyst, Method::DELETE, &scenario, Value::Null).await;
    app.call_as(&ann, Method::PUT, &scenario, json!({ "endpoint": "nothing" })).await;
    app.call_as(&ann, Method::POST, &format!("{SHOP}/sources"), json!({ "name": "my app" })).await;
    let token = json!({ "name": "second", "kind": "private" });
    app.call_as(&By::admin(), Method::POST, &format!("{SHOP}/tokens"), token).await;
    for query in ["?dry_run=true", ""] {
        let request = Request::post(format!("{SHOP}/catalog{query}"))
            .header("authorization", "Bearer admin")
            .header("content-type", "text/csv")
            .body(Body::from("item_id\nlamp\n"))
            .unwrap();
        assert_eq!(app.send(request).await.status, 200);
    }
    app.call_as(&ci, Method::POST, &format!("{SHOP}/training"), Value::Null).await;
    app.call_as(&ci, Method::POST, &format!("{SHOP}/models/x/activate"), Value::Null).await;
    app.call_as(&ann, Method::POST, "/api/workspaces", json!({ "id": "news" })).await;
    app.call_as(&ann, Method::DELETE, "/api/workspaces/news?confirm=news", Value::Null).await;
    app.call_as(&ann, Method::GET, SHOP, Value::Null).await;
    app.call_as(&ann, Method::DELETE, "/api/api_keys/bi", Value::Null).await;
    app.call_as(&ann, Method::DELETE, "/api/api_keys/bi", Value::Null).await;
    app.call_as(&ann, Method::DELETE, "/api/session", Value::Null).await;

    let line = |record: &Value| {
        let text = |key: &str| record[key].as_str().unwrap_or("-").to_owned();
        let (kind, name) = (&record["who"]["kind"], &record["who"]["name"]);
        let who = format!("{} {}", kind.as_str().unwrap(), name.as_str().unwrap_or("-"));
        let (what, resource) = (text("what"), text("resource"));
        format!("{who:24} {what:20} {resource:16} {:5} {}", text("workspace"), text("outcome"))
    };
    let read = async |query: &str| {
        let path = format!("/api/audit?limit=100{query}");
        let answer = app.call_as(&By::admin(), Method::GET, &path, Value::Null).await;
        assert_eq!(answer.status, 200, "{}", answer.line());
        let records = answer.body["audit"].as_array().unwrap();
        records.iter().rev().map(line).collect::<Vec<String>>()
    };
    insta::assert_snapshot!(read("").await.join("\n"));
    assert_eq!(read("&who=ci").await.len(), 3);
    assert_eq!(read("&what=scenario&workspace=shop").await.len(), 3);
    assert_eq!(read("&from=9999-01-01").await.len(), 0);
    let first = app.call_as(&By::admin(), Method::GET, "/api/audit?limit=2", Value::Null).await;
    let path = format!("/api/audit?limit=1&before={}", first.body["before"]);
    let second = app.call_as(&By::admin(), Method::GET, &path, Value::Null).await;
    assert_eq!(second.body["audit"][0]["what"], "api_key.delete");
}

#[tokio::test]
async fn no_secret_is_in_the_folder() {
    let app = TestApp::new().await;
    app.add_account("ann@example.com", "owner").await;
    app.try_password("ann@example.com", "a wrong guess").await;
    app.try_password("my secret password", "x").await;
    let By::Session(cookie, csrf) = app.sign_in("ann@example.com", PASSWORD).await else {
        unreachable!("it is a session")
    };
    let By::Key(key) = app.make_key("ci", "editor").await else { unreachable!("it is a key") };
    let invitation = json!({ "email": "bob@example.com", "role": "analyst" });
    let invited = app.call_as(&By::admin(), Method::POST, "/api/invitations", invitation).await;
    let source = json!({ "name": "app", "write_key": "a-write-key" });
    app.call_as(&By::admin(), Method::POST, &format!("{SHOP}/sources"), source).await;
    let (_, session) = cookie.split_once('=').unwrap();
    let invitation = invited.body["token"].as_str().unwrap();
    let secrets = [
        PASSWORD,
        "a wrong guess",
        "my secret password",
        session,
        &csrf,
        &key,
        invitation,
        "admin\"",
        "a-write-key",
    ];
    let shown = app.call_as(&By::admin(), Method::GET, "/api/audit", Value::Null).await.body;
    let mut texts = vec![("the audit", shown.to_string().into_bytes())];
    let TestApp { router, engine, folder, .. } = app;
    drop((router, engine));
    let disk = RealDisk::open(folder.path().join("installation/system")).unwrap();
    let options = JournalOptions { name: "_system".to_owned(), ..JournalOptions::default() };
    let journal = FileJournal::open_with(Arc::new(disk), options).unwrap();
    let entries = journal.read_from(Offset(0)).map(|entry| ("an entry", entry.unwrap().1));
    texts.extend(entries);
    assert!(texts.len() > 8, "the journal was read");
    for (place, bytes) in &texts {
        for secret in secrets {
            let found = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
            assert!(!found, "{secret} is in {place}: {}", String::from_utf8_lossy(bytes));
        }
    }
}
