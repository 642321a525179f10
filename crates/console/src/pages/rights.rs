//! Every call of every page, tried with every role.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderName, Request, Response, StatusCode, header};
use domain::Role;
use domain::{Grant, WorkspaceId};
use engine::installation::{Actor, Change, PasswordHash, SecretHash};
use engine::{DataFolder, EngineOptions};
use metrics_exporter_prometheus::PrometheusBuilder;
use tower::ServiceExt;
use web::access::{Audited, Call, Requirement, csrf_token};
use web::{App, Installation, Settings, Workspaces};

use super::tables;

/// An installation without workspaces, with an account for each role.
struct Office {
    app: Arc<App>,
    router: Router,
    _folder: tempfile::TempDir,
}

fn calls() -> impl Iterator<Item = &'static Call> {
    tables().into_iter().flatten()
}

fn email(role: Role) -> String {
    format!("{role}@example.com")
}

impl Office {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let data = Arc::new(DataFolder::open(folder.path()).unwrap());
        data.set_admin_token("admin").unwrap();
        let installation = Installation { data, options: EngineOptions::default() };
        let metrics = PrometheusBuilder::new().build_recorder().handle();
        let app = App::new(Settings::default(), Workspaces::new([]), installation, metrics);
        let app = Arc::new(app);
        let router = crate::routes(&app).with_state(Arc::clone(&app));
        let office = Self { router, app, _folder: folder };
        let password = PasswordHash::new("the same for all").unwrap();
        for role in Role::ALL {
            let (email, grant) = (email(role), Grant::everywhere(role));
            office.change(Change::AddAccount { email, grant, password: password.clone() });
        }
        office
    }

    fn change(&self, change: Change) {
        let Installation { data, options } = &self.app.installation;
        data.installation().change(options.clock.now(), &Actor::CommandLine, change).unwrap();
    }

    /// The cookie of a new session, and its CSRF token.
    fn sign_in(&self, role: Role) -> (String, String) {
        let token = SecretHash::of("session");
        self.change(Change::OpenSession { email: email(role), token });
        ("tastemaker_session=session".to_owned(), csrf_token("session"))
    }

    /// The answer to a call of which nothing but the path is right. The token stands where forms
    /// have it.
    async fn send(
        &self,
        call: &Call,
        cookie: Option<&str>,
        csrf: Option<&str>,
        others: &[(HeaderName, &str)],
    ) -> Response<Body> {
        let path = call.path.replace("{workspace}", "shop");
        let words = path.split('/').map(|word| if word.starts_with('{') { "x" } else { word });
        let mut request =
            Request::builder().method(call.method).uri(words.collect::<Vec<_>>().join("/"));
        if let Some(cookie) = cookie {
            request = request.header(header::COOKIE, cookie);
        }
        for (name, value) in others {
            request = request.header(name, *value);
        }
        let form = csrf.map(|token| format!("x=1&csrf_token={token}")).unwrap_or_default();
        let request = request.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        self.router.clone().oneshot(request.body(Body::from(form)).unwrap()).await.unwrap()
    }
}

#[tokio::test]
async fn every_page_is_open_to_the_roles_of_its_row_and_to_no_other() {
    let office = Office::new();
    let mut lines = Vec::new();
    for call in calls() {
        let name = format!("{} {}", call.method, call.path);
        let is_open = call.requirement == Requirement::Nothing;
        let unknown = office.send(call, None, None, &[]).await;
        let to_sign_in = unknown.headers().get(header::LOCATION);
        let leads_to_sign_in = to_sign_in
            .is_some_and(|target| target.to_str().unwrap().starts_with("/console/-/sign-in?next="));
        assert_eq!(leads_to_sign_in, !is_open, "{name}: {}", unknown.status());
        let mut roles = Vec::new();
        for role in Role::ALL {
            let (cookie, csrf) = office.sign_in(role);
            let answer = office.send(call, Some(&cookie), Some(&csrf), &[]).await;
            let may = match call.requirement {
                Requirement::Right(right) => role.has(right),
                Requirement::Caller | Requirement::Nothing => true,
            };
            // A wrong invitation is refused like a role that has no right.
            if !may {
                assert_eq!(answer.status(), StatusCode::FORBIDDEN, "{name} as {role}");
                continue;
            }
            roles.push(role.word());
            let is_let_through = is_open || ![401, 403, 405].contains(&answer.status().as_u16());
            assert!(is_let_through, "{name} as {role}: {}", answer.status());
            assert_ne!(answer.status().as_u16(), 500, "{name} as {role}");
        }
        let roles = if is_open { "anybody".to_owned() } else { roles.join(" ") };
        lines.push(format!("{:4} {:66} {roles}", call.method, call.path));
    }
    lines.sort();
    insta::assert_snapshot!(lines.join("\n"));
}

#[tokio::test]
async fn a_stolen_cookie_without_the_csrf_token_changes_nothing() {
    let office = Office::new();
    let (cookie, csrf) = office.sign_in(Role::Owner);
    let state = || office.app.access.installation().look(Clone::clone);
    let before = state();
    let forged = csrf_token("another session");
    let site = HeaderName::from_static("sec-fetch-site");
    let mut n = 0;
    for call in calls().filter(|call| call.method == "POST") {
        // A form that changes nothing may do without the token; signing in has no session yet.
        if call.audited == Audited::Not || call.requirement == Requirement::Nothing {
            continue;
        }
        n += 1;
        for (token, others) in [
            (None, vec![]),
            (Some(""), vec![]),
            (Some(forged.as_str()), vec![]),
            (Some(csrf.as_str()), vec![(site.clone(), "cross-site")]),
            (Some(csrf.as_str()), vec![(header::ORIGIN, "http://evil.example")]),
        ] {
            let answer = office.send(call, Some(&cookie), token, &others).await;
            assert_eq!(answer.status(), StatusCode::FORBIDDEN, "{} {token:?}", call.path);
        }
    }
    assert!(n > 10, "{n} forms were tried");
    assert!(state() == before);
    for call in calls().filter(|call| call.method == "POST") {
        if call.requirement == Requirement::Nothing {
            let others = [(header::ORIGIN, "http://evil.example")];
            let answer = office.send(call, None, None, &others).await;
            assert_eq!(answer.status(), StatusCode::FORBIDDEN, "{} from elsewhere", call.path);
        }
    }
}

#[test]
fn every_page_is_in_one_table_once() {
    let rows: Vec<(&str, &str)> = calls().map(|call| (call.method, call.path)).collect();
    let different: BTreeSet<_> = rows.iter().collect();
    assert_eq!(different.len(), rows.len());
    assert!(WorkspaceId::new("-").is_err(), "paths below /console/-/ belong to no workspace");
}
