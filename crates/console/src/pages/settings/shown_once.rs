//! Secrets that were just made, each on a page that shows it once. The form that makes one leads to
//! that page, so that loading it again makes no second one. Until it is looked at, a secret waits
//! in memory for a few minutes, for the session that made it.

use std::collections::VecDeque;
use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use axum::{Extension, Router};
use domain::{Timestamp, WorkspaceId};
use engine::installation::{Actor, SecretHash};
use maud::{Markup, html};
use parking_lot::Mutex;
use uuid::Uuid;
use web::App;
use web::access::{Call, Caller, MadeResource};

use crate::gate::{gated, own_page};
use crate::page::{Area, Frame, Page, Server};
use crate::pages::snippets::code_blocks;
use crate::ui::{Button, Callout, CodeBlock};
use crate::{COMMON, ROOT};

/// The most secrets that wait, and pages that say that theirs was shown. One more takes the place
/// of the oldest.
const SECRETS_KEPT_MAX: usize = 64;
/// How long a secret waits to be looked at, in minutes.
const SECRET_MINUTES_KEPT: i64 = 10;

pub(super) const CALLS: &[Call] = &[own_page("/console/-/shown-once/{id}")];

pub(super) fn routes(app: &Arc<App>) -> Router<Arc<App>> {
    gated(app, CALLS, Router::new().route("/console/-/shown-once/{id}", get(show)))
}

/// A secret with what its page says.
pub(super) struct Secret {
    pub(super) workspace: Option<WorkspaceId>,
    /// The name of what it opens or belongs to, for the audit.
    pub(super) name: String,
    pub(super) title: String,
    /// What the secret is: "Write key".
    pub(super) label: &'static str,
    pub(super) code: String,
    pub(super) advice: String,
    /// The path of the page to go on with.
    pub(super) back: String,
    /// Whether it is a write key, which is shown in code to paste as well.
    pub(super) is_write_key: bool,
}

/// The secrets that were not looked at yet.
#[derive(Clone, Default)]
pub(super) struct Secrets(Arc<Mutex<VecDeque<Kept>>>);

struct Kept {
    id: Uuid,
    owner: Owner,
    made_at: Timestamp,
    back: String,
    /// None once it was shown.
    secret: Option<Secret>,
}

/// Who made a secret: an account in one of its sessions, or a key.
#[derive(PartialEq, Eq)]
struct Owner(Actor, Option<SecretHash>);

impl Owner {
    fn of(caller: &Caller) -> Self {
        let session = caller.session.as_ref().map(|session| SecretHash::of(&session.token));
        Self(caller.actor.clone(), session)
    }
}

impl Secrets {
    /// Leads to the page of a secret that was made now.
    pub(super) fn lead_to(&self, app: &App, caller: &Caller, secret: Secret) -> Response {
        let name = secret.name.clone();
        let id = self.keep(Owner::of(caller), secret, app.access.now());
        let to = Redirect::to(&format!("{COMMON}/shown-once/{id}"));
        (Extension(MadeResource(name)), to).into_response()
    }

    fn keep(&self, owner: Owner, secret: Secret, now: Timestamp) -> Uuid {
        let id = Uuid::new_v4();
        let mut kept = self.0.lock();
        forget_old(&mut kept, now);
        if kept.len() >= SECRETS_KEPT_MAX {
            kept.pop_front();
        }
        let back = secret.back.clone();
        kept.push_back(Kept { id, owner, made_at: now, back, secret: Some(secret) });
        id
    }

    /// The secret, once, and where to go on; none where it waits for somebody else or no more.
    fn take(&self, id: &str, owner: &Owner, now: Timestamp) -> Option<(Option<Secret>, String)> {
        let id: Uuid = id.parse().ok()?;
        let mut kept = self.0.lock();
        forget_old(&mut kept, now);
        let found = kept.iter_mut().find(|kept| kept.id == id && kept.owner == *owner)?;
        Some((found.secret.take(), found.back.clone()))
    }
}

fn forget_old(kept: &mut VecDeque<Kept>, now: Timestamp) {
    kept.retain(|kept| now.0 - kept.made_at.0 <= SECRET_MINUTES_KEPT * 60_000);
}

async fn show(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    Extension(secrets): Extension<Secrets>,
    method: Method,
    server: Server,
    frame: Frame,
    Path(id): Path<String>,
) -> Response {
    let taken = match method {
        Method::GET => secrets.take(&id, &Owner::of(&caller), app.access.now()),
        // A look at the head shows nothing, and takes nothing.
        _ => None,
    };
    match taken {
        Some((Some(secret), _)) => {
            let frame = Frame { workspace: secret.workspace.clone(), ..frame };
            let has_library = app.settings.browser_library.is_some();
            let body = html! {
                (body_of(&secret))
                @if secret.is_write_key {
                    section class="card" {
                        h2 { "Send the first message" }
                        (code_blocks(&server, &secret.code, has_library))
                    }
                }
            };
            let page = Page::new(&frame, Area::Settings, &secret.title).body(body);
            page.into_response()
        }
        Some((None, back)) => (StatusCode::GONE, gone(&frame, &back)).into_response(),
        None => (StatusCode::GONE, gone(&frame, ROOT)).into_response(),
    }
}

fn body_of(secret: &Secret) -> Markup {
    html! {
        section class="card" {
            (Callout::warning("It is shown this once").text(&secret.advice).announced())
            (CodeBlock { id: "secret", label: secret.label, code: &secret.code })
            div class="actions" { (Button::primary("I have copied it").href(&secret.back)) }
        }
    }
}

fn gone<'a>(frame: &'a Frame, back: &str) -> Page<'a> {
    let body = html! {
        p {
            "What stood here was shown already, or it waited for longer than "
            (SECRET_MINUTES_KEPT) " minutes. It is kept nowhere: if you have not copied it, remove \
            what it belongs to, and make another."
        }
        div class="actions" { (Button::primary("Go on").href(back)) }
    };
    Page::without_area(frame, "It was shown once").body(body)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(code: &str) -> Secret {
        Secret {
            workspace: None,
            name: "web".to_owned(),
            title: "The key of web".to_owned(),
            label: "Write key",
            code: code.to_owned(),
            advice: "Copy it now.".to_owned(),
            back: ROOT.to_owned(),
            is_write_key: false,
        }
    }

    #[test]
    fn a_secret_is_for_its_session_once_and_for_some_minutes() {
        let session = |token: &str| {
            Owner(Actor::Account { email: "a@example.com".to_owned() }, Some(SecretHash::of(token)))
        };
        let secrets = Secrets::default();
        let (at, minute) = (1_000_000, 60_000);
        let first = secrets.keep(session("own"), secret("first"), Timestamp(at)).to_string();
        let take = |id: &str, owner: &str, ms| {
            let taken = secrets.take(id, &session(owner), Timestamp(ms))?;
            Some(taken.0.map(|secret| secret.code))
        };
        assert_eq!(take(&first, "another", at), None);
        assert_eq!(take("no-id", "own", at), None);
        assert_eq!(take(&first, "own", at + 1), Some(Some("first".to_owned())));
        assert_eq!(take(&first, "own", at + 2), Some(None), "it was shown");
        let late = secrets.keep(session("own"), secret("late"), Timestamp(at)).to_string();
        assert_eq!(take(&late, "own", at + SECRET_MINUTES_KEPT * minute + 1), None);
        for n in 0..=SECRETS_KEPT_MAX {
            secrets.keep(session("own"), secret(&n.to_string()), Timestamp(at));
        }
        assert_eq!(secrets.0.lock().len(), SECRETS_KEPT_MAX);
    }
}
