//! Campaigns, with what they sent and what they did not.

use std::collections::BTreeMap;
use std::sync::Arc;

use domain::{Campaign, Timestamp};
use engine::{ConfigChange, Engine, Expected, Resource};
use serde::Serialize;
use web::App;
use web::error::ApiError;
use web::workspaces::RequestedWorkspace;

use crate::configuration::{parse_named, put_resource, remove_resource};
use crate::{Revised, unknown_resource};

/// How far the last run of a campaign came.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct CampaignRunReport {
    /// The time of the run.
    pub at: Timestamp,
    /// Whether everybody was looked at.
    pub is_done: bool,
    /// People who were looked at.
    pub looked_at: u32,
    /// People who got a message.
    pub people: u64,
}

/// What a campaign sent and what it did not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct CampaignResults {
    /// Messages that were given to the channel.
    pub sent: u64,
    /// People who got one, each once a day.
    pub people: u64,
    /// Messages that were not sent, by reason.
    pub refused: BTreeMap<String, u64>,
    /// Messages that the provider of the channel took.
    pub handed_over: u64,
    /// Messages that it did not take, by reason: dead letters of the channel.
    pub failed: BTreeMap<String, u64>,
    /// Messages of which nobody knows whether it took them, and that are not sent again.
    pub unknown: u64,
    /// Messages that wait until they are due.
    pub waiting: u64,
    /// The last run of a campaign that has a time; none before the first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_run: Option<CampaignRunReport>,
}

/// A campaign with what it did.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct CampaignReport {
    /// The campaign.
    #[serde(flatten)]
    pub campaign: Campaign,
    /// What it did.
    pub results: CampaignResults,
}

/// The campaigns of a workspace.
///
/// # Errors
/// 503 where the workspace is closed.
pub async fn list(workspace: &RequestedWorkspace) -> Result<Vec<CampaignReport>, ApiError> {
    let list = |engine: &Engine| {
        let campaigns = engine.config().campaigns.clone().into_iter();
        Ok(campaigns.map(|campaign| report(engine, campaign)).collect())
    };
    workspace.run(list).await
}

/// A campaign.
///
/// # Errors
/// 404 where there is none of the key.
pub async fn read(
    workspace: &RequestedWorkspace,
    key: String,
) -> Result<Revised<CampaignReport>, ApiError> {
    let read = move |engine: &Engine| {
        let (config, revisions) = engine.revised_config();
        let campaign = config.campaign(&key).cloned();
        let campaign = campaign.ok_or_else(|| unknown(engine, &key))?;
        let revision = revisions.revision(&Resource::Campaign(key));
        Ok(Revised { value: report(engine, campaign), revision })
    };
    workspace.run(read).await
}

/// Reads a campaign from JSON, with or without its key, which must not be another one.
///
/// # Errors
/// If it is none.
pub fn parse(key: &str, body: &[u8]) -> Result<Campaign, ApiError> {
    parse_named("campaign", "key", key, body, &["results"], |campaign: &Campaign| &campaign.key)
}

/// Makes or replaces a campaign. The answer has it as it is stored, and whether it is new.
///
/// # Errors
/// If it does not fit the workspace, or the revision is another than expected.
pub async fn put(
    app: &Arc<App>,
    workspace: &RequestedWorkspace,
    campaign: Campaign,
    expected: Expected,
) -> Result<(Revised<Campaign>, bool), ApiError> {
    let change = ConfigChange::put_campaign(&campaign);
    put_resource(app, workspace, change, expected, |_| campaign).await
}

/// Removes a campaign, and what waits for it.
///
/// # Errors
/// 404 where there is none of the key.
pub async fn delete(
    app: &Arc<App>,
    workspace: &RequestedWorkspace,
    key: String,
    expected: Expected,
) -> Result<(), ApiError> {
    remove_resource(app, workspace, ConfigChange::RemoveCampaign { key }, expected).await
}

fn report(engine: &Engine, campaign: Campaign) -> CampaignReport {
    let snapshot = engine.snapshot();
    let kept = snapshot.campaigns.by_key().get(&campaign.key);
    let results = kept.map(|kept| CampaignResults {
        sent: kept.counts.sent,
        people: kept.counts.people,
        refused: kept.counts.refused.clone(),
        handed_over: kept.counts.handed_over,
        failed: kept.counts.failed.clone(),
        unknown: kept.counts.unknown,
        waiting: kept.n_waiting,
        last_run: kept.run.map(|run| CampaignRunReport {
            at: run.run,
            is_done: run.is_done,
            looked_at: run.next_user,
            people: run.n_people,
        }),
    });
    let nothing = || CampaignResults {
        sent: 0,
        people: 0,
        refused: BTreeMap::new(),
        handed_over: 0,
        failed: BTreeMap::new(),
        unknown: 0,
        waiting: 0,
        last_run: None,
    };
    CampaignReport { campaign, results: results.unwrap_or_else(nothing) }
}

fn unknown(engine: &Engine, key: &str) -> ApiError {
    let config = engine.config();
    let keys: Vec<&str> = config.campaigns.iter().map(|one| one.key.as_str()).collect();
    unknown_resource("campaign", key, &keys)
}
