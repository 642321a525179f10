//! Accounts of people, invited by link.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Extension, Router};
use domain::Right::Administer;
use domain::Timestamp;
use maud::{Markup, Render, html};
use resources::accounts::{
    self, AccountPatch, MadeInvitation, NewInvitation, ShownAccount, ShownInvitation,
};
use web::App;
use web::access::{Call, Caller};
use web::admission::Origin;
use web::error::ApiError;
use web::parameters::Parameters;

use super::chrome::{Notice, Noticed, installation_tabs, lead_to};
use super::grants;
use super::shown_once::{Secret, Secrets};
use super::typed::{Mistake, Typed, again};
use crate::COMMON;
use crate::gate::{administer, gated, read};
use crate::page::{Area, Frame, Page, encode};
use crate::ui::form::{Checkbox, Field, Form, InputKind, TextInput};
use crate::ui::{
    Badge, Button, Cell, Column, Confirmation, EmptyState, Icon, RelativeTime, Table, Tone,
};

pub(super) const CALLS: &[Call] = &[
    read("/console/-/accounts", Administer),
    administer("/console/-/accounts", "invitation.create"),
    read("/console/-/accounts/{email}", Administer),
    administer("/console/-/accounts/{email}", "account.update"),
    administer("/console/-/accounts/{email}/reset", "invitation.create"),
    administer("/console/-/accounts/{email}/withdraw", "invitation.delete"),
    read("/console/-/accounts/{email}/remove", Administer),
    administer("/console/-/accounts/{email}/remove", "account.delete"),
];

pub(super) fn routes(app: &Arc<App>) -> Router<Arc<App>> {
    let routes = Router::new()
        .route("/console/-/accounts", get(list).post(invite))
        .route("/console/-/accounts/{email}", get(show).post(update))
        .route("/console/-/accounts/{email}/reset", post(reset))
        .route("/console/-/accounts/{email}/withdraw", post(withdraw))
        .route("/console/-/accounts/{email}/remove", get(ask_removal).post(remove));
    gated(app, CALLS, routes)
}

fn path(email: &str) -> String {
    format!("{COMMON}/accounts/{}", encode(email))
}

async fn list(
    State(app): State<Arc<App>>,
    frame: Frame,
    Parameters(Noticed { notice }): Parameters<Noticed>,
) -> Response {
    let page = page(&frame).body(body(&app, &frame, &Typed::default(), &Mistake::default()));
    match notice {
        Some(notice) => page.notice(notice).into_response(),
        None => page.into_response(),
    }
}

fn page(frame: &Frame) -> Page<'_> {
    Page::new(frame, Area::Settings, "Accounts").lead("Who may sign in, and what each may do.")
}

fn body(app: &App, frame: &Frame, typed: &Typed, mistake: &Mistake) -> Markup {
    let now = app.access.now();
    let invitations = accounts::invitations(app);
    let columns = vec![
        Column::text("Account"),
        Column::text("Role"),
        Column::text("Workspaces"),
        Column::text("Last seen"),
        Column::text("State"),
    ];
    let shown = accounts::list(app);
    let rows = shown.iter().map(|account| account_row(account, now));
    let table = Table::new("Accounts", columns).rows(rows);
    html! {
        (installation_tabs("accounts"))
        @if shown.is_empty() {
            (EmptyState {
                icon: Icon::People,
                title: "No account yet",
                text: "Invite the first person below.",
                next: None,
            })
        } @else {
            section class="card card-table" { (table) }
        }
        @if !invitations.is_empty() {
            section class="card card-table" { (invitation_table(&invitations, &frame.csrf, now)) }
        }
        section class="card" {
            h2 { "Invite somebody" }
            p { "You get a link to pass on. Whoever opens it chooses a password." }
            (mistake)
            (Form {
                action: &format!("{COMMON}/accounts"),
                csrf: &frame.csrf,
                preview: None,
                body: html! {
                    (TextInput::new(Field::new("email", "E-mail address").error(mistake.at("email")))
                        .kind(InputKind::Email)
                        .value(typed.text("email")))
                    (grants::controls(typed, &frame.workspaces, mistake))
                    div class="actions" { (Button::primary("Make the link")) }
                },
            })
        }
    }
}

fn account_row(account: &ShownAccount, now: Timestamp) -> Vec<Cell> {
    vec![
        Cell::new(html! { a href=(path(&account.email)) { (account.email) } }),
        Cell::new(Badge::new(account.role.word())),
        Cell::new(grants::workspaces_text(account.workspaces.as_ref())),
        Cell::new(html! {
            @match account.used_at {
                Some(at) => (RelativeTime { at, now }),
                None => "not signed in",
            }
        }),
        Cell::new(match account.disabled {
            true => Badge::of(Tone::Warning, "disabled"),
            false => Badge::of(Tone::Good, "active"),
        }),
    ]
}

fn invitation_table(invitations: &[ShownInvitation], csrf: &str, now: Timestamp) -> Markup {
    let row = |invitation: &ShownInvitation| {
        let action = format!("{}/withdraw", path(&invitation.email));
        vec![
            Cell::new(&invitation.email),
            Cell::new(if invitation.is_reset { "another password" } else { "an account" }),
            Cell::new(Badge::new(invitation.role.word())),
            Cell::new(RelativeTime { at: invitation.expires_at, now }),
            Cell::new(Form {
                action: &action,
                csrf,
                preview: None,
                body: html! { div class="row-actions" { (Button::quiet("Withdraw")) } },
            }),
        ]
    };
    let columns = vec![
        Column::text("Invited"),
        Column::text("To"),
        Column::text("Role"),
        Column::text("Ends"),
        Column::actions("Actions"),
    ];
    Table::new("Open invitations", columns).captioned().rows(invitations.iter().map(row)).render()
}

/// The link of an invitation, shown once. The secret stands behind `#`: browsers send that to no
/// server, so that no log and no other page gets it.
/// The secret of an invitation, as the link that is passed on.
fn link(made: &MadeInvitation, origin: &Origin, headers: &HeaderMap) -> Secret {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let scheme = if origin.is_https { "https" } else { "http" };
    let email = &made.invitation.email;
    let advice = "Copy it now and pass it on: no mail is sent. Whoever has it chooses the password, within 7 days.";
    Secret {
        workspace: None,
        name: email.clone(),
        title: format!("The link for {email}"),
        label: "Link",
        code: format!("{scheme}://{host}{COMMON}/invitation#{}", made.token),
        advice: advice.to_owned(),
        back: format!("{COMMON}/accounts"),
        is_write_key: false,
    }
}

async fn invite(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    Extension(secrets): Extension<Secrets>,
    Extension(origin): Extension<Origin>,
    frame: Frame,
    headers: HeaderMap,
    typed: Typed,
) -> Result<Response, ApiError> {
    let made = match grants::read(&typed) {
        Ok((role, workspaces)) => {
            let email = typed.text("email").to_owned();
            accounts::invite(&app, &caller, NewInvitation { email, role, workspaces }).await
        }
        Err(error) => Err(error),
    };
    match made {
        Ok(made) => Ok(secrets.lead_to(&app, &caller, link(&made, &origin, &headers))),
        Err(error) => {
            let mistake = Mistake::of(error)?.or_at("email");
            Ok(again(page(&frame).body(body(&app, &frame, &typed, &mistake))))
        }
    }
}

async fn show(
    State(app): State<Arc<App>>,
    frame: Frame,
    Path(email): Path<String>,
    Parameters(Noticed { notice }): Parameters<Noticed>,
) -> Result<Response, ApiError> {
    let account = accounts::read(&app, &email)?;
    let mut typed = vec![("role".to_owned(), account.role.word().to_owned())];
    let named = account.workspaces.iter().flatten();
    typed.extend(named.map(|id| ("workspaces".to_owned(), id.to_string())));
    typed.push(("disabled".to_owned(), account.disabled.to_string()));
    let page = Page::new(&frame, Area::Settings, &account.email).body(account_body(
        &frame,
        &account,
        &Typed(typed),
        &Mistake::default(),
    ));
    Ok(page.notice_if(notice).into_response())
}

fn account_body(frame: &Frame, account: &ShownAccount, typed: &Typed, mistake: &Mistake) -> Markup {
    let own = path(&account.email);
    html! {
        section class="card" {
            h2 { "What it may" }
            (mistake)
            (Form {
                action: &own,
                csrf: &frame.csrf,
                preview: None,
                body: html! {
                    (grants::controls(typed, &frame.workspaces, mistake))
                    (Checkbox {
                        field: Field::new("disabled", "Disabled")
                            .hint("Nobody can sign in to it, until this is taken away"),
                        is_checked: typed.text("disabled") == "true",
                    })
                    p class="field-hint" { "Saving signs the person out everywhere." }
                    div class="actions" {
                        (Button::primary("Save"))
                        (Button::danger("Remove…").href(&format!("{own}/remove")))
                    }
                },
            })
        }
        section class="card" {
            h2 { "Password" }
            p { "Make a link by which the person chooses another one. The present one stays valid until then." }
            (Form {
                action: &format!("{own}/reset"),
                csrf: &frame.csrf,
                preview: None,
                body: html! { div class="actions" { (Button::secondary("Make a link")) } },
            })
        }
    }
}

async fn update(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    frame: Frame,
    Path(email): Path<String>,
    typed: Typed,
) -> Result<Response, ApiError> {
    let updated = match grants::read(&typed) {
        Ok((role, workspaces)) => {
            let disabled = Some(typed.text("disabled") == "true");
            let patch = AccountPatch { role: Some(role), workspaces: Some(workspaces), disabled };
            accounts::update(&app, &caller, email.clone(), patch).await
        }
        Err(error) => Err(error),
    };
    match updated {
        Ok(_) => Ok(lead_to(&path(&email), Notice::Saved)),
        Err(error) => {
            let mistake = Mistake::of(error)?;
            let account = accounts::read(&app, &email)?;
            let body = account_body(&frame, &account, &typed, &mistake);
            Ok(again(Page::new(&frame, Area::Settings, &email).body(body)))
        }
    }
}

async fn reset(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    Extension(secrets): Extension<Secrets>,
    Extension(origin): Extension<Origin>,
    Path(email): Path<String>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let made = accounts::reset(&app, &caller, email).await?;
    Ok(secrets.lead_to(&app, &caller, link(&made, &origin, &headers)))
}

async fn withdraw(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    Path(email): Path<String>,
) -> Result<Response, ApiError> {
    accounts::withdraw(&app, &caller, email).await?;
    Ok(lead_to(&format!("{COMMON}/accounts"), Notice::Withdrawn))
}

async fn ask_removal(
    State(app): State<Arc<App>>,
    frame: Frame,
    Path(email): Path<String>,
) -> Result<Response, ApiError> {
    let account = accounts::read(&app, &email)?;
    let own = path(&account.email);
    let title = format!("Remove {}?", account.email);
    let body = Confirmation {
        consequences: &[
            "The person is signed out everywhere and cannot sign in again.",
            "The audit keeps what was done with the account.",
        ],
        action: &format!("{own}/remove"),
        csrf: &frame.csrf,
        confirm: "Remove the account",
        back: &own,
    };
    Ok(Page::new(&frame, Area::Settings, &title).body(body.render()).into_response())
}

async fn remove(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    Path(email): Path<String>,
) -> Result<Response, ApiError> {
    accounts::delete(&app, &caller, email).await?;
    Ok(lead_to(&format!("{COMMON}/accounts"), Notice::Removed))
}
