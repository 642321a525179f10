//! All campaigns of a workspace.

use axum::response::{IntoResponse, Response};
use domain::quantity::grouped;
use domain::{Timestamp, WorkspaceConfig, WorkspaceId};
use maud::{Markup, Render, html};
use resources::campaigns::{self, CampaignReport, CampaignRunReport};
use serde::Deserialize;
use serde_json::Value;
use web::error::ApiError;
use web::parameters::Parameters;
use web::workspaces::Workspace;

use super::{channels, notice, path, status, words};
use crate::page::{Area, Frame, Page};
use crate::ui::{Badge, Button, Cell, Column, EmptyState, Icon, RelativeTime, Table, Tone};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Noticed {
    pub(super) notice: Option<String>,
}

pub(super) async fn show(
    frame: Frame,
    Workspace(workspace): Workspace,
    Parameters(query): Parameters<Noticed>,
) -> Result<Response, ApiError> {
    let all = campaigns::list(&workspace).await?;
    let (config, now) = (workspace.config()?, workspace.handle().now()?);
    let has_channel = !channels(&workspace)?.is_empty();
    let new = format!("{}/new", Area::Campaigns.path(workspace.id()));
    let make = || Button::primary("New campaign").icon(Icon::Add).href(&new).render();
    let make = frame.may_open(&new).then(make);
    let body = html! {
        @if !all.is_empty() {
            section class="card card-table" { (table(workspace.id(), &config, &all, now)) }
        } @else if has_channel {
            (EmptyState {
                icon: Icon::Campaigns,
                title: "No campaign yet",
                text: "A campaign sends a message to people, once or after something that they did, with what is recommended to each of them.",
                next: make.clone(),
            })
        } @else {
            (without_channel(&frame, workspace.id()))
        }
    };
    let page = Page::new(&frame, Area::Campaigns, "Campaigns")
        .lead("Messages to people: when, to whom, and what became of them.");
    let page = match make.filter(|_| !all.is_empty()) {
        Some(make) => page.actions(make),
        None => page,
    };
    Ok(page.notice_if(notice(query.notice.as_deref())?).body(body).into_response())
}

/// What to do first: a campaign needs a channel.
pub(super) fn without_channel(frame: &Frame, workspace: &WorkspaceId) -> Markup {
    let add = format!("{}/new", Area::Destinations.path(workspace));
    let button = || Button::primary("Add a channel").icon(Icon::Add).href(&add).render();
    EmptyState {
        icon: Icon::Campaigns,
        title: "No channel yet",
        text: "A campaign sends its messages through a destination, such as e-mail, text messages or push. Add one first.",
        next: frame.may_open(&add).then(button),
    }
    .render()
}

fn table(
    workspace: &WorkspaceId,
    config: &WorkspaceConfig,
    all: &[CampaignReport],
    now: Timestamp,
) -> Table<'static> {
    let columns = vec![
        Column::text("Campaign"),
        Column::text("Status"),
        Column::text("When"),
        Column::text("To"),
        Column::number("Sent"),
        Column::number("Waiting"),
        Column::text("Last run"),
    ];
    let row = |report: &CampaignReport| {
        let (campaign, results) = (&report.campaign, &report.results);
        let start = serde_json::to_value(&campaign.start).unwrap_or(Value::Null);
        vec![
            Cell::new(html! {
                a href=(path(workspace, &campaign.key, "")) {
                    (campaign.name.as_deref().unwrap_or(&campaign.key))
                }
                span class="under" { "by " (campaign.channel) }
            }),
            Cell::new(status(campaign.status)),
            Cell::new(words::when(&start)),
            Cell::new(who(config, campaign.audience.as_deref())),
            Cell::new(grouped(results.sent)),
            Cell::new(grouped(results.waiting)),
            Cell::new(match &results.last_run {
                Some(run) => last_run(run, now),
                None => html! { "–" },
            }),
        ]
    };
    Table::new("Campaigns", columns).rows(all.iter().map(row))
}

/// Whom a campaign is for.
pub(super) fn who(config: &WorkspaceConfig, audience: Option<&str>) -> String {
    let Some(key) = audience else { return "Everybody".to_owned() };
    let name = config.audience(key).and_then(|audience| audience.name.clone());
    name.unwrap_or_else(|| key.to_owned())
}

/// When the last run was, and whether it is at its end.
pub(super) fn last_run(run: &CampaignRunReport, now: Timestamp) -> Markup {
    html! {
        (RelativeTime { at: run.at, now }) " "
        @if run.is_done { (Badge::of(Tone::Good, "done")) }
        @else { (Badge::of(Tone::Accent, "under way")) }
    }
}
