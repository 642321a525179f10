//! What each call of the admin API takes, and its name in the audit: one table. A call without a
//! row is refused.

use domain::Right;
use domain::Right::{Administer, ChangeSubscriptions, ChangeWorkspace, ReadWorkspace, SeePeople};

use web::access::{Audited, Call, Requirement};

const fn read(path: &'static str, right: Right) -> Call {
    let requirement = Requirement::Right(right);
    Call { method: "GET", path, requirement, audited: Audited::Not }
}

/// A call that shows what every caller may know.
const fn show(path: &'static str) -> Call {
    Call { method: "GET", path, requirement: Requirement::Caller, audited: Audited::Not }
}

/// A call that changes a workspace.
const fn edit(method: &'static str, path: &'static str, action: &'static str) -> Call {
    let requirement = Requirement::Right(ChangeWorkspace);
    Call { method, path, requirement, audited: Audited::Call(action) }
}

/// A call that changes the installation.
const fn administer(method: &'static str, path: &'static str, action: &'static str) -> Call {
    let requirement = Requirement::Right(Administer);
    Call { method, path, requirement, audited: Audited::Change(action) }
}

/// A call about the caller's own account.
const fn own(method: &'static str, path: &'static str, action: &'static str) -> Call {
    Call { method, path, requirement: Requirement::Caller, audited: Audited::Change(action) }
}

/// A call that shows who calls.
const fn open(method: &'static str, path: &'static str, action: &'static str) -> Call {
    Call { method, path, requirement: Requirement::Nothing, audited: Audited::Change(action) }
}

/// All calls.
pub(super) const CALLS: &[Call] = &[
    open("POST", "/api/session", "session.create"),
    own("DELETE", "/api/session", "session.delete"),
    show("/api/openapi.json"),
    show("/api/docs"),
    show("/api/account"),
    own("PUT", "/api/account/password", "password.update"),
    own("DELETE", "/api/account/sessions", "sessions.delete"),
    read("/api/accounts", Administer),
    administer("PATCH", "/api/accounts/{email}", "account.update"),
    administer("DELETE", "/api/accounts/{email}", "account.delete"),
    administer("POST", "/api/accounts/{email}/reset", "invitation.create"),
    read("/api/invitations", Administer),
    administer("POST", "/api/invitations", "invitation.create"),
    administer("DELETE", "/api/invitations/{email}", "invitation.delete"),
    open("POST", "/api/invitations/accept", "invitation.accept"),
    read("/api/api_keys", Administer),
    administer("POST", "/api/api_keys", "api_key.create"),
    administer("DELETE", "/api/api_keys/{name}", "api_key.delete"),
    read("/api/audit", Administer),
    read("/api/limits", Administer),
    read("/api/destination_kinds", ReadWorkspace),
    read("/api/workspaces", SeePeople),
    Call {
        method: "POST",
        path: "/api/workspaces",
        requirement: Requirement::Right(Administer),
        audited: Audited::Call("workspace.create"),
    },
    read("/api/workspaces/{workspace}", SeePeople),
    Call {
        method: "DELETE",
        path: "/api/workspaces/{workspace}",
        requirement: Requirement::Right(Administer),
        audited: Audited::Call("workspace.delete"),
    },
    read("/api/workspaces/{workspace}/settings", ReadWorkspace),
    edit("PATCH", "/api/workspaces/{workspace}/settings", "settings.update"),
    read("/api/workspaces/{workspace}/interaction_weights", ReadWorkspace),
    edit("PUT", "/api/workspaces/{workspace}/interaction_weights", "interaction_weights.put"),
    read("/api/workspaces/{workspace}/sources", ReadWorkspace),
    edit("POST", "/api/workspaces/{workspace}/sources", "source.create"),
    read("/api/workspaces/{workspace}/sources/{name}", ReadWorkspace),
    edit("PATCH", "/api/workspaces/{workspace}/sources/{name}", "source.update"),
    edit("DELETE", "/api/workspaces/{workspace}/sources/{name}", "source.delete"),
    read("/api/workspaces/{workspace}/sources/{name}/schema", SeePeople),
    read("/api/workspaces/{workspace}/sources/{name}/violations", SeePeople),
    edit("POST", "/api/workspaces/{workspace}/sources/{name}/rotate", "source.rotate"),
    edit("DELETE", "/api/workspaces/{workspace}/sources/{name}/earlier_key", "source.end_overlap"),
    read("/api/workspaces/{workspace}/sources/{name}/oauth", ReadWorkspace),
    edit("PUT", "/api/workspaces/{workspace}/sources/{name}/oauth", "source.set_oauth"),
    edit("DELETE", "/api/workspaces/{workspace}/sources/{name}/oauth", "source.remove_oauth"),
    edit("POST", "/api/workspaces/{workspace}/sources/{name}/files", "source.import_messages"),
    read("/api/workspaces/{workspace}/tokens", ReadWorkspace),
    edit("POST", "/api/workspaces/{workspace}/tokens", "token.create"),
    read("/api/workspaces/{workspace}/tokens/{name}", ReadWorkspace),
    edit("DELETE", "/api/workspaces/{workspace}/tokens/{name}", "token.delete"),
    read("/api/workspaces/{workspace}/destinations", ReadWorkspace),
    read("/api/workspaces/{workspace}/destinations/{name}", ReadWorkspace),
    edit("PUT", "/api/workspaces/{workspace}/destinations/{name}", "destination.put"),
    edit("DELETE", "/api/workspaces/{workspace}/destinations/{name}", "destination.delete"),
    edit("POST", "/api/workspaces/{workspace}/destinations/{name}/check", "destination.check"),
    read("/api/workspaces/{workspace}/destinations/{name}/delivery", ReadWorkspace),
    read("/api/workspaces/{workspace}/destinations/{name}/dead_letters", ReadWorkspace),
    read(
        "/api/workspaces/{workspace}/destinations/{name}/dead_letters/{offset}/{mapping}",
        SeePeople,
    ),
    edit(
        "POST",
        "/api/workspaces/{workspace}/destinations/{name}/dead_letters/retry",
        "dead_letters.retry",
    ),
    edit(
        "POST",
        "/api/workspaces/{workspace}/destinations/{name}/dead_letters/drop",
        "dead_letters.drop",
    ),
    edit("POST", "/api/workspaces/{workspace}/destinations/{name}/backfill", "back_fill.start"),
    read("/api/workspaces/{workspace}/replays", SeePeople),
    edit("POST", "/api/workspaces/{workspace}/replays", "replay.start"),
    edit("POST", "/api/workspaces/{workspace}/replays/{id}/continue", "replay.continue"),
    Call {
        method: "POST",
        path: "/api/workspaces/{workspace}/destinations/{name}/try",
        requirement: Requirement::Right(ReadWorkspace),
        audited: Audited::Not,
    },
    read("/api/workspaces/{workspace}/traits", ReadWorkspace),
    Call {
        method: "POST",
        path: "/api/workspaces/{workspace}/traits/calculate",
        requirement: Requirement::Right(SeePeople),
        audited: Audited::Not,
    },
    read("/api/workspaces/{workspace}/traits/{key}", ReadWorkspace),
    edit("PUT", "/api/workspaces/{workspace}/traits/{key}", "trait.put"),
    edit("DELETE", "/api/workspaces/{workspace}/traits/{key}", "trait.delete"),
    read("/api/workspaces/{workspace}/traits/{key}/holdout", ReadWorkspace),
    read("/api/workspaces/{workspace}/computed_traits", ReadWorkspace),
    read("/api/workspaces/{workspace}/computed_traits/{key}", ReadWorkspace),
    edit("PUT", "/api/workspaces/{workspace}/computed_traits/{key}", "computed_trait.put"),
    edit("DELETE", "/api/workspaces/{workspace}/computed_traits/{key}", "computed_trait.delete"),
    read("/api/workspaces/{workspace}/traits/{key}/sync", ReadWorkspace),
    edit("POST", "/api/workspaces/{workspace}/traits/{key}/sync/again", "trait.sync_again"),
    read("/api/workspaces/{workspace}/traits/{key}/versions", ReadWorkspace),
    read("/api/workspaces/{workspace}/computed_traits/{key}/versions", ReadWorkspace),
    read("/api/workspaces/{workspace}/audiences/{key}/versions", ReadWorkspace),
    read("/api/workspaces/{workspace}/scenarios/{name}/versions", ReadWorkspace),
    read("/api/workspaces/{workspace}/live", SeePeople),
    read("/api/workspaces/{workspace}/messages", SeePeople),
    read("/api/workspaces/{workspace}/messages/{offset}", SeePeople),
    read("/api/workspaces/{workspace}/audiences", ReadWorkspace),
    read("/api/workspaces/{workspace}/audiences/{key}", ReadWorkspace),
    edit("PUT", "/api/workspaces/{workspace}/audiences/{key}", "audience.put"),
    edit("DELETE", "/api/workspaces/{workspace}/audiences/{key}", "audience.delete"),
    read("/api/workspaces/{workspace}/audiences/{key}/members", SeePeople),
    read("/api/workspaces/{workspace}/audiences/{key}/sync", ReadWorkspace),
    edit("POST", "/api/workspaces/{workspace}/audiences/{key}/sync/again", "audience.sync_again"),
    Call {
        method: "POST",
        path: "/api/workspaces/{workspace}/audience_previews",
        requirement: Requirement::Right(ReadWorkspace),
        audited: Audited::Not,
    },
    Call {
        method: "POST",
        path: "/api/workspaces/{workspace}/audience_previews/likely",
        requirement: Requirement::Right(ReadWorkspace),
        audited: Audited::Not,
    },
    read("/api/workspaces/{workspace}/people/{id}/audiences", SeePeople),
    read("/api/workspaces/{workspace}/people/{id}/audiences/{key}", SeePeople),
    read("/api/workspaces/{workspace}/people", SeePeople),
    read("/api/workspaces/{workspace}/people/{id}", SeePeople),
    read("/api/workspaces/{workspace}/people/{id}/timeline", SeePeople),
    read("/api/workspaces/{workspace}/people/{id}/interactions", SeePeople),
    read("/api/workspaces/{workspace}/people/{id}/lists", SeePeople),
    read("/api/workspaces/{workspace}/people/{id}/subscriptions", SeePeople),
    Call {
        method: "PATCH",
        path: "/api/workspaces/{workspace}/people/{id}/subscriptions",
        requirement: Requirement::Right(ChangeSubscriptions),
        audited: Audited::Call("subscriptions.update"),
    },
    read("/api/workspaces/{workspace}/people/{id}/list", SeePeople),
    read("/api/workspaces/{workspace}/people/{id}/campaign_messages", SeePeople),
    read("/api/workspaces/{workspace}/accounts/{id}", SeePeople),
    read("/api/workspaces/{workspace}/accounts/{id}/members", SeePeople),
    read("/api/workspaces/{workspace}/search", SeePeople),
    read("/api/workspaces/{workspace}/rejections", SeePeople),
    read("/api/workspaces/{workspace}/operations", ReadWorkspace),
    read("/api/workspaces/{workspace}/overview", SeePeople),
    read("/api/workspaces/{workspace}/events", ReadWorkspace),
    read("/api/workspaces/{workspace}/recommendations", SeePeople),
    Call {
        method: "POST",
        path: "/api/workspaces/{workspace}/recommendations",
        requirement: Requirement::Right(SeePeople),
        audited: Audited::Not,
    },
    Call {
        method: "POST",
        path: "/api/workspaces/{workspace}/recommendations/calculate",
        requirement: Requirement::Right(SeePeople),
        audited: Audited::Not,
    },
    read("/api/workspaces/{workspace}/recommendations/{recomm_id}", SeePeople),
    read("/api/workspaces/{workspace}/vocabulary", SeePeople),
    read("/api/workspaces/{workspace}/scenarios", SeePeople),
    read("/api/workspaces/{workspace}/scenarios/{name}", SeePeople),
    edit("PUT", "/api/workspaces/{workspace}/scenarios/{name}", "scenario.put"),
    edit("DELETE", "/api/workspaces/{workspace}/scenarios/{name}", "scenario.delete"),
    read("/api/workspaces/{workspace}/segmentations", ReadWorkspace),
    edit("POST", "/api/workspaces/{workspace}/segmentations", "segmentation.create"),
    read("/api/workspaces/{workspace}/segmentations/{id}", ReadWorkspace),
    edit("PUT", "/api/workspaces/{workspace}/segmentations/{id}", "segmentation.put"),
    edit("DELETE", "/api/workspaces/{workspace}/segmentations/{id}", "segmentation.delete"),
    Call {
        method: "POST",
        path: "/api/workspaces/{workspace}/segmentation_trials",
        requirement: Requirement::Right(ReadWorkspace),
        audited: Audited::Not,
    },
    read("/api/workspaces/{workspace}/synonyms", ReadWorkspace),
    edit("POST", "/api/workspaces/{workspace}/synonyms", "synonym.create"),
    edit("DELETE", "/api/workspaces/{workspace}/synonyms/{id}", "synonym.delete"),
    read("/api/workspaces/{workspace}/series", ReadWorkspace),
    edit("POST", "/api/workspaces/{workspace}/series", "series.create"),
    read("/api/workspaces/{workspace}/series/{id}", ReadWorkspace),
    edit("DELETE", "/api/workspaces/{workspace}/series/{id}", "series.delete"),
    edit("POST", "/api/workspaces/{workspace}/series/{id}/members", "series.add_member"),
    edit(
        "DELETE",
        "/api/workspaces/{workspace}/series/{id}/members/{member}",
        "series.remove_member",
    ),
    read("/api/workspaces/{workspace}/groups", ReadWorkspace),
    edit("POST", "/api/workspaces/{workspace}/groups", "group.create"),
    read("/api/workspaces/{workspace}/groups/{id}", ReadWorkspace),
    edit("DELETE", "/api/workspaces/{workspace}/groups/{id}", "group.delete"),
    edit("POST", "/api/workspaces/{workspace}/groups/{id}/members", "group.add_member"),
    edit(
        "DELETE",
        "/api/workspaces/{workspace}/groups/{id}/members/{member}",
        "group.remove_member",
    ),
    read("/api/workspaces/{workspace}/scenarios/{name}/test", ReadWorkspace),
    edit("POST", "/api/workspaces/{workspace}/scenarios/{name}/test", "ab_test.start"),
    edit("PATCH", "/api/workspaces/{workspace}/scenarios/{name}/test", "ab_test.update"),
    edit("POST", "/api/workspaces/{workspace}/scenarios/{name}/test/end", "ab_test.end"),
    read("/api/workspaces/{workspace}/kpis", ReadWorkspace),
    read("/api/workspaces/{workspace}/regulations", SeePeople),
    edit("POST", "/api/workspaces/{workspace}/regulations", "regulation.create"),
    read("/api/workspaces/{workspace}/regulations/{id}", SeePeople),
    read("/api/workspaces/{workspace}/suppressed/{id}", SeePeople),
    read("/api/workspaces/{workspace}/jobs", ReadWorkspace),
    read("/api/workspaces/{workspace}/jobs/{id}", ReadWorkspace),
    read("/api/workspaces/{workspace}/jobs/{id}/result", ReadWorkspace),
    Call {
        method: "POST",
        path: "/api/workspaces/{workspace}/exports",
        requirement: Requirement::Right(ReadWorkspace),
        audited: Audited::Call("export.start"),
    },
    read("/api/workspaces/{workspace}/scheduled_exports", ReadWorkspace),
    read("/api/workspaces/{workspace}/scheduled_exports/{name}", ReadWorkspace),
    edit("PUT", "/api/workspaces/{workspace}/scheduled_exports/{name}", "export.put"),
    edit("DELETE", "/api/workspaces/{workspace}/scheduled_exports/{name}", "export.delete"),
    edit("POST", "/api/workspaces/{workspace}/scheduled_exports/{name}/run", "export.run"),
    read("/api/workspaces/{workspace}/campaigns", ReadWorkspace),
    read("/api/workspaces/{workspace}/campaigns/{key}", ReadWorkspace),
    read("/api/workspaces/{workspace}/campaigns/{key}/report", ReadWorkspace),
    edit("PUT", "/api/workspaces/{workspace}/campaigns/{key}", "campaign.put"),
    edit("DELETE", "/api/workspaces/{workspace}/campaigns/{key}", "campaign.delete"),
    edit("POST", "/api/workspaces/{workspace}/campaigns/{key}/trigger", "campaign.trigger"),
    read("/api/workspaces/{workspace}/journeys", ReadWorkspace),
    read("/api/workspaces/{workspace}/journeys/{key}", ReadWorkspace),
    edit("PUT", "/api/workspaces/{workspace}/journeys/{key}", "journey.put"),
    edit("DELETE", "/api/workspaces/{workspace}/journeys/{key}", "journey.delete"),
    read("/api/workspaces/{workspace}/journeys/{key}/text", ReadWorkspace),
    read("/api/workspaces/{workspace}/journeys/{key}/statistics", ReadWorkspace),
    edit("POST", "/api/workspaces/{workspace}/journeys/{key}/trigger", "journey.trigger"),
    Call {
        method: "POST",
        path: "/api/workspaces/{workspace}/journeys/{key}/simulate",
        requirement: Requirement::Right(ReadWorkspace),
        audited: Audited::Call("journey.simulate"),
    },
    read("/api/workspaces/{workspace}/people/{id}/journeys", ReadWorkspace),
    edit("POST", "/api/workspaces/{workspace}/business_events", "business_event.tell"),
    Call {
        method: "POST",
        path: "/api/workspaces/{workspace}/campaign_previews",
        requirement: Requirement::Right(ReadWorkspace),
        audited: Audited::Not,
    },
    read("/api/workspaces/{workspace}/feeds", ReadWorkspace),
    read("/api/workspaces/{workspace}/feeds/{name}", ReadWorkspace),
    edit("PUT", "/api/workspaces/{workspace}/feeds/{name}", "feed.put"),
    edit("DELETE", "/api/workspaces/{workspace}/feeds/{name}", "feed.delete"),
    edit("POST", "/api/workspaces/{workspace}/feeds/{name}/run", "feed.run"),
    read("/api/workspaces/{workspace}/locations", ReadWorkspace),
    read("/api/workspaces/{workspace}/locations/{catalog}", ReadWorkspace),
    edit("PUT", "/api/workspaces/{workspace}/locations/{catalog}", "locations.import"),
    edit("DELETE", "/api/workspaces/{workspace}/locations/{catalog}", "locations.delete"),
    Call {
        method: "POST",
        path: "/api/workspaces/{workspace}/jobs/{id}/cancel",
        // Whoever may not change the workspace cancels their own exports.
        requirement: Requirement::Right(ReadWorkspace),
        audited: Audited::Call("job.cancel"),
    },
    read("/api/workspaces/{workspace}/retention", ReadWorkspace),
    edit("POST", "/api/workspaces/{workspace}/retention", "retention.start"),
    edit("POST", "/api/workspaces/{workspace}/training", "training.start"),
    read("/api/workspaces/{workspace}/training", ReadWorkspace),
    read("/api/workspaces/{workspace}/training/{id}", ReadWorkspace),
    read("/api/workspaces/{workspace}/models", ReadWorkspace),
    read("/api/workspaces/{workspace}/models/{version}/samples", ReadWorkspace),
    edit("POST", "/api/workspaces/{workspace}/models/{version}/activate", "model.activate"),
    read("/api/workspaces/{workspace}/items", SeePeople),
    read("/api/workspaces/{workspace}/items/{item_id}", SeePeople),
    edit("PUT", "/api/workspaces/{workspace}/items/{item_id}/off", "item.off"),
    edit("DELETE", "/api/workspaces/{workspace}/items/{item_id}/off", "item.on"),
    read("/api/workspaces/{workspace}/items/{item_id}/similar", SeePeople),
    read("/api/workspaces/{workspace}/items/{item_id}/people", SeePeople),
    edit("POST", "/api/workspaces/{workspace}/catalog", "catalog.import"),
    edit("DELETE", "/api/workspaces/{workspace}/catalog/{catalog}", "catalog.remove_items"),
    read("/api/workspaces/{workspace}/catalog", SeePeople),
    edit(
        "POST",
        "/api/workspaces/{workspace}/catalog/versions/{version}/activate",
        "catalog.activate",
    ),
];

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use axum::body::Body;
    use axum::http::{Request, StatusCode, header};
    use axum::middleware::from_fn_with_state;
    use axum::{Json, Router, routing};
    use domain::{Grant, Role};
    use engine::installation::{Actor, Change, PasswordHash, SecretHash};
    use engine::{DataFolder, EngineOptions};
    use metrics_exporter_prometheus::PrometheusBuilder;
    use serde_json::Value;
    use tower::ServiceExt;

    use super::*;
    use crate::router;
    use web::access::{Gate, authorize, csrf_token};
    use web::{App, Installation, Settings, Workspaces};

    /// An installation without workspaces, with an account for each role.
    struct Office {
        app: Arc<App>,
        router: Router,
        _folder: tempfile::TempDir,
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
            let office = Self { router: router(Arc::clone(&app)), app, _folder: folder };
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

        /// The answer to a call with these headers, of which nothing but the path is right.
        async fn send(&self, call: &Call, headers: &[(header::HeaderName, String)]) -> Answer {
            let path = call.path.replace("{workspace}", "shop");
            let path = path.replace("{email}", "nobody@example.com");
            let words = path.split('/').map(|word| if word.starts_with('{') { "x" } else { word });
            let mut request =
                Request::builder().method(call.method).uri(words.collect::<Vec<_>>().join("/"));
            for (name, value) in headers {
                request = request.header(name, value);
            }
            let request = request.body(Body::from("{}")).unwrap();
            let response = self.router.clone().oneshot(request).await.unwrap();
            let status = response.status();
            let bytes = axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap();
            let body: Value = serde_json::from_slice(&bytes).unwrap_or_default();
            Answer { status, message: body["detail"].as_str().unwrap_or("").to_owned() }
        }

        /// The headers of a new session of an account, and that of its CSRF token.
        fn sign_in(&self, role: Role) -> [(header::HeaderName, String); 2] {
            let token = SecretHash::of("session");
            self.change(Change::OpenSession { email: email(role), token });
            [
                (header::COOKIE, "theme=dark; tastemaker_session=session".to_owned()),
                (header::HeaderName::from_static("x-csrf-token"), csrf_token("session")),
            ]
        }
    }

    struct Answer {
        status: StatusCode,
        message: String,
    }

    fn email(role: Role) -> String {
        format!("{role}@example.com")
    }

    #[tokio::test]
    async fn every_call_is_open_to_the_roles_of_its_row_and_to_no_other() {
        let office = Office::new();
        let mut lines = Vec::new();
        for call in CALLS {
            let name = format!("{} {}", call.method, call.path);
            let unknown = office.send(call, &[]).await;
            let is_open = call.requirement == Requirement::Nothing;
            assert_eq!(unknown.status == StatusCode::UNAUTHORIZED, !is_open, "{name}");
            let mut roles = Vec::new();
            for role in Role::ALL {
                let answer = office.send(call, &office.sign_in(role)).await;
                let may = match call.requirement {
                    Requirement::Right(right) => role.has(right),
                    Requirement::Caller | Requirement::Nothing => true,
                };
                if !may {
                    assert_eq!(answer.status, StatusCode::FORBIDDEN, "{name} as {role}");
                    assert!(answer.message.contains("this takes the role"), "{}", answer.message);
                    continue;
                }
                roles.push(role.word());
                let is_let_through = ![401, 403, 405, 500].contains(&answer.status.as_u16());
                assert!(is_let_through, "{name} as {role}: {} {}", answer.status, answer.message);
            }
            let roles = if is_open { "anybody".to_owned() } else { roles.join(" ") };
            lines.push(format!("{:6} {:66} {roles}", call.method, call.path));
        }
        insta::assert_snapshot!(lines.join("\n"));
    }

    #[tokio::test]
    async fn a_stolen_cookie_without_the_csrf_token_changes_nothing() {
        let office = Office::new();
        let is_change =
            |call: &&Call| call.audited != Audited::Not && call.requirement != Requirement::Nothing;
        let [cookie, csrf] = office.sign_in(Role::Owner);
        let state = || office.app.access.installation().look(Clone::clone);
        let before = state();
        let (name, token) = (csrf.0.clone(), csrf.1.clone());
        for call in CALLS.iter().filter(is_change) {
            let other_site = (header::HeaderName::from_static("sec-fetch-site"), "cross-site");
            for headers in [
                vec![cookie.clone()],
                vec![cookie.clone(), (name.clone(), csrf_token("another session"))],
                vec![cookie.clone(), (name.clone(), String::new())],
                vec![
                    cookie.clone(),
                    (name.clone(), token.clone()),
                    (other_site.0, other_site.1.to_owned()),
                ],
                vec![
                    cookie.clone(),
                    (name.clone(), token.clone()),
                    (header::ORIGIN, "http://evil.example".to_owned()),
                ],
            ] {
                let answer = office.send(call, &headers).await;
                assert_eq!(answer.status, StatusCode::FORBIDDEN, "{} {}", call.method, call.path);
            }
        }
        assert!(state() == before);
        let reads = CALLS.iter().find(|call| call.path == "/api/account").unwrap();
        assert_eq!(office.send(reads, &[cookie]).await.status, StatusCode::OK);
        let signs_in = CALLS.iter().find(|call| call.path == "/api/session").unwrap();
        let other_site = (header::ORIGIN, "http://evil.example".to_owned());
        let answer = office.send(signs_in, &[other_site]).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "nobody is signed in by another page");
    }

    #[tokio::test]
    async fn a_route_without_a_row_is_served_to_nobody() {
        let mut office = Office::new();
        let handler = || async { Json("served") };
        let gate = Gate { access: Arc::clone(&office.app.access), calls: CALLS };
        office.router = Router::new()
            .route("/api/secret", routing::get(handler))
            .route("/api/account", routing::delete(handler))
            .route_layer(from_fn_with_state(gate, authorize))
            .with_state(Arc::clone(&office.app));
        let owner = [(header::AUTHORIZATION, "Bearer admin".to_owned())];
        for (method, path) in [("GET", "/api/secret"), ("DELETE", "/api/account")] {
            let call =
                Call { method, path, requirement: Requirement::Nothing, audited: Audited::Not };
            let answer = office.send(&call, &owner).await;
            assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED, "{method} {path}");
        }
    }
}
