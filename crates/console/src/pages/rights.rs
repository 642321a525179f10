//! Every call of every page, tried with every role.

use std::collections::BTreeSet;

use axum::http::{HeaderName, StatusCode, header};
use domain::{Role, WorkspaceId};
use web::access::{Audited, Call, Requirement, csrf_token};

use super::office::Office;
use super::tables;

fn calls() -> impl Iterator<Item = &'static Call> {
    tables().into_iter().flatten()
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
