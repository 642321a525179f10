//! One campaign: what it is, what it did, and why others got nothing.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use domain::quantity::grouped;
use domain::{Campaign, CampaignStatus};
use engine::Expected;
use maud::{Markup, Render, html};
use resources::campaigns::{self, CampaignReport, CampaignResults};
use serde_json::Value;
use web::App;
use web::error::ApiError;
use web::parameters::Parameters;
use web::workspaces::{RequestedWorkspace, Workspace};

use super::list::{Noticed, last_run, who};
use super::{lead_to, notice, path, status, words};
use crate::page::{Area, Frame, Page, destination_path};
use crate::pages::audiences;
use crate::ui::form::Form;
use crate::ui::{Button, Callout, Cell, CodeBlock, Column, Meter, StatTile, Table, Tone, Unit};

pub(super) async fn show(
    frame: Frame,
    Workspace(workspace): Workspace,
    Path((_, key)): Path<(String, String)>,
    Parameters(query): Parameters<Noticed>,
) -> Result<Response, ApiError> {
    let report = campaigns::read(&workspace, key).await?.value;
    let campaign = &report.campaign;
    let edit = path(workspace.id(), &campaign.key, "/edit");
    let title = campaign.name.as_deref().unwrap_or(&campaign.key);
    let mut page = Page::new(&frame, Area::Campaigns, title);
    if frame.may_open(&edit) {
        page = page.actions(actions(&frame, &workspace, campaign));
    }
    let body = html! {
        div class="stats" {
            (stat("Sent", report.results.sent, "messages"))
            (stat("People", report.results.people, "each once a day"))
            (stat("Waiting", report.results.waiting, "messages"))
            (stat("Not sent", report.results.refused.values().sum(), "messages"))
        }
        div class="columns" {
            section class="card stack" {
                h2 { "What it does" }
                (facts(&workspace, &report)?)
            }
            section class="card stack" {
                h2 { "Why others got nothing" }
                (refusals(&report.results))
            }
        }
        section class="card stack" {
            h2 { "The message" }
            (content(campaign))
        }
    };
    Ok(page.notice_if(notice(query.notice.as_deref())?).body(body).into_response())
}

fn stat(label: &str, value: u64, noun: &str) -> Markup {
    StatTile {
        label,
        value: Some(value as f64),
        unit: Unit::Count(noun),
        interval: None,
        change: None,
        trend: &[],
        href: None,
    }
    .render()
}

/// Start or stop, edit, remove.
fn actions(frame: &Frame, workspace: &RequestedWorkspace, campaign: &Campaign) -> Markup {
    let here = |part: &str| path(workspace.id(), &campaign.key, part);
    let (action, button) = match campaign.status {
        CampaignStatus::Running => (here("/stop"), Button::secondary("Stop")),
        CampaignStatus::Draft | CampaignStatus::Stopped => {
            (here("/start"), Button::primary("Start"))
        }
    };
    html! {
        (Form { action: &action, csrf: &frame.csrf, preview: None, body: button.render() })
        (Button::secondary("Edit").href(&here("/edit")))
        (Button::quiet("Remove…").href(&here("/remove")))
    }
}

fn facts(workspace: &RequestedWorkspace, report: &CampaignReport) -> Result<Markup, ApiError> {
    let (config, now) = (workspace.config()?, workspace.handle().now()?);
    let campaign = &report.campaign;
    let definition = serde_json::to_value(campaign).unwrap_or(Value::Null);
    let options = words::options(&definition);
    let channel = destination_path(workspace.id(), &campaign.channel, "");
    Ok(html! {
        dl class="facts" {
            div { dt { "Status" } dd { (status(campaign.status)) } }
            div { dt { "Key" } dd { code { (campaign.key) } } }
            div { dt { "When" } dd { (words::when(&definition["start"])) } }
            div {
                dt { "To" }
                dd {
                    @let who = who(&config, campaign.audience.as_deref());
                    @match &campaign.audience {
                        Some(key) => a href=(audiences::path(workspace.id(), key)) { (who) },
                        None => (who),
                    }
                }
            }
            div { dt { "Channel" } dd { a href=(channel) { (campaign.channel) } } }
            @if !options.is_empty() {
                div { dt { "Options" } dd { @for line in &options { p { (line) } } } }
            }
            @if let Some(run) = &report.results.last_run {
                div {
                    dt { "Last run" }
                    dd {
                        (last_run(run, now))
                        p {
                            (domain::counted(u64::from(run.looked_at), "person was", "people were"))
                            " looked at, " (grouped(run.people)) " got a message."
                        }
                    }
                }
            }
        }
    })
}

fn refusals(results: &CampaignResults) -> Markup {
    let total: u64 = results.refused.values().sum();
    if total == 0 {
        return html! { p { "No message was held back so far." } };
    }
    let mut reasons: Vec<(&String, &u64)> = results.refused.iter().collect();
    reasons.sort_by(|one, other| other.1.cmp(one.1).then(one.0.cmp(other.0)));
    let columns = vec![Column::text("Reason"), Column::number("Messages"), Column::text("Share")];
    let row = |(word, n): (&String, &u64)| {
        let share = *n as f64 / total as f64;
        vec![
            Cell::new(html! { (words::reason(word)) span class="under" { code { (word) } } }),
            Cell::new(grouped(*n)),
            Cell::new(html! {
                (Meter { share, tone: Tone::Accent, label: None })
                span class="under" { (Unit::Share.text(share)) }
            }),
        ]
    };
    Table::new("Reasons", columns).rows(reasons.into_iter().map(row)).render()
}

fn content(campaign: &Campaign) -> Markup {
    html! {
        @for (n, (field, text)) in campaign.content.iter().enumerate() {
            (CodeBlock { id: &format!("content-{n}"), label: field, code: text })
        }
    }
}

pub(super) async fn start(
    State(app): State<Arc<App>>,
    frame: Frame,
    Workspace(workspace): Workspace,
    Path((_, key)): Path<(String, String)>,
) -> Result<Response, ApiError> {
    set_status(&app, &frame, &workspace, key, CampaignStatus::Running, "started").await
}

pub(super) async fn stop(
    State(app): State<Arc<App>>,
    frame: Frame,
    Workspace(workspace): Workspace,
    Path((_, key)): Path<(String, String)>,
) -> Result<Response, ApiError> {
    set_status(&app, &frame, &workspace, key, CampaignStatus::Stopped, "stopped").await
}

/// Puts the campaign with another status. Who was faster with another change is not passed over.
async fn set_status(
    app: &Arc<App>,
    frame: &Frame,
    workspace: &RequestedWorkspace,
    key: String,
    status: CampaignStatus,
    notice: &str,
) -> Result<Response, ApiError> {
    let stored = campaigns::read(workspace, key.clone()).await?;
    let campaign = Campaign { status, ..stored.value.campaign };
    let expected = Expected::Revision(stored.revision);
    let put = campaigns::put(app, workspace, campaign, expected).await;
    let here = path(workspace.id(), &key, "");
    match put {
        Ok(_) => Ok(lead_to(&here, notice, &key)),
        Err(error) if error.kind.status().is_client_error() => {
            let title = format!("{key} was not {notice}");
            let callout = Callout::error(&title).text(&error.message);
            let page = Page::new(frame, Area::Campaigns, &title)
                .below(&key, &here)
                .body(html! { (callout.way_out("Back to the campaign", &here)) });
            Ok((error.kind.status(), page).into_response())
        }
        Err(error) => Err(error),
    }
}
