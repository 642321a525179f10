//! Campaigns, with what they sent and what they did not.

use std::collections::BTreeMap;
use std::sync::Arc;

use domain::{Campaign, CampaignStart, CampaignStatus, CampaignVariant, Timestamp};
use engine::{
    CampaignEntry, CampaignTrigger, ConfigChange, Engine, Entry, Expected, ExternalId,
    ExternalIdType, Outcome, Resource, TriggeredPerson, VariantResults,
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use web::App;
use web::error::ApiError;
use web::workspaces::RequestedWorkspace;

use crate::configuration::{parse_named, put_resource, remove_resource};
use crate::{Revised, unknown_resource};

/// The most people of one call that begins messages.
pub const TRIGGERED_PEOPLE_MAX: usize = 1_000;
/// The most bytes of the properties of one message, as JSON.
const TRIGGER_PROPERTIES_BYTES_MAX: usize = 16_384;
/// The longest id of a call, in bytes.
const TRIGGER_ID_BYTES_MAX: usize = 200;

/// A person whom a call names.
#[derive(Debug, Clone, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PersonToTrigger {
    /// The type of the id: `user_id`, `anonymous_id`, or one that identity rules know.
    #[serde(rename = "type", default = "user_id_word")]
    pub type_: String,
    /// The id.
    pub id: String,
    /// What templates see as `event.properties`, beside those of the call, before which these go.
    #[serde(default)]
    #[schema(value_type = Object)]
    pub properties: Map<String, Value>,
}

fn user_id_word() -> String {
    ExternalIdType::UserId.word().to_owned()
}

/// A call that begins messages of a campaign.
#[derive(Debug, Clone, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Trigger {
    /// Who gets a message, 1 to 1,000 people.
    pub people: Vec<PersonToTrigger>,
    /// What templates see as `event.properties`.
    #[serde(default)]
    #[schema(value_type = Object)]
    pub properties: Map<String, Value>,
    /// Names the call: one of the same id within 7 days begins nothing.
    #[serde(default)]
    pub id: Option<String>,
    /// Whether the gap of the campaign and the limits of the channel hold.
    #[serde(default = "is_true")]
    pub respect_limits: bool,
}

fn is_true() -> bool {
    true
}

/// A person whom nobody knows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct UnknownPerson {
    /// The type of the id.
    #[serde(rename = "type")]
    pub type_: String,
    /// The id.
    pub id: String,
}

/// What became of a call that begins messages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Triggered {
    /// How many people are known; a message to each waits for its checks.
    pub people: usize,
    /// The others: they get nothing.
    pub unknown: Vec<UnknownPerson>,
    /// Whether a call of the same id was made before, so that this one began nothing.
    pub is_repeated: bool,
}

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
    /// For how many people it would have been: it did not begin, because these are more than
    /// `safety_people_max`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub too_many_people: Option<u64>,
}

/// What came of a variant of a campaign.
#[derive(Debug, Clone, PartialEq, Serialize, utoipa::ToSchema)]
pub struct VariantReport {
    /// Its key.
    pub key: String,
    /// Messages that were sent.
    pub sent: u64,
    /// Whether everybody gets it: it has won the test.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub has_won: bool,
    /// Whether it is better for sure, and not only ahead when the time was over; of the winner.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub is_sure: Option<bool>,
}

/// What a campaign sent and what it did not.
#[derive(Debug, Clone, Default, PartialEq, Serialize, utoipa::ToSchema)]
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
    /// Runs that were due while nothing ran, and were not made up for.
    pub missed_runs: u64,
    /// Its variants, in order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub variants: Vec<VariantReport>,
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
    workspace.run(|engine: &Engine| Ok(all(engine))).await
}

/// The campaigns of an open workspace.
pub fn all(engine: &Engine) -> Vec<CampaignReport> {
    let campaigns = engine.config().campaigns.clone().into_iter();
    campaigns.map(|campaign| report(engine, campaign)).collect()
}

/// A campaign of an open workspace.
///
/// # Errors
/// 404 where there is none of the key.
pub fn find(engine: &Engine, key: &str) -> Result<CampaignReport, ApiError> {
    let campaign = engine.config().campaign(key).cloned();
    Ok(report(engine, campaign.ok_or_else(|| unknown(engine, key))?))
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

/// Begins messages of a campaign whose start is `triggered`.
///
/// # Errors
/// 404 where there is no campaign of the key, 400 where it is not begun by calls, does not run, or
/// what is asked for is wrong.
pub async fn trigger(
    workspace: &RequestedWorkspace,
    key: String,
    asked: Trigger,
) -> Result<Triggered, ApiError> {
    let trigger = move |engine: &Engine| trigger_now(engine, key, &asked);
    workspace.run(trigger).await
}

fn trigger_now(engine: &Engine, key: String, asked: &Trigger) -> Result<Triggered, ApiError> {
    let config = engine.config();
    let campaign = config.campaign(&key).ok_or_else(|| unknown(engine, &key))?;
    if !matches!(campaign.start, CampaignStart::Triggered {}) {
        let what = "its start must be { type = \"triggered\" } to be begun by calls";
        return Err(ApiError::invalid(format!("campaign {key:?}: {what}")));
    }
    if campaign.status != CampaignStatus::Running {
        return Err(ApiError::invalid(format!("campaign {key:?}: its status is not running")));
    }
    let n_people = asked.people.len();
    if !(1..=TRIGGERED_PEOPLE_MAX).contains(&n_people) {
        let what = format!("{n_people} people: there must be 1 to {TRIGGERED_PEOPLE_MAX}");
        return Err(ApiError::invalid(what).at("/people"));
    }
    if asked.id.as_ref().is_some_and(|id| !(1..=TRIGGER_ID_BYTES_MAX).contains(&id.len())) {
        let what = format!("id must be 1 to {TRIGGER_ID_BYTES_MAX} bytes");
        return Err(ApiError::invalid(what).at("/id"));
    }
    let (mut people, mut unknown) = (Vec::new(), Vec::new());
    for (n, person) in asked.people.iter().enumerate() {
        match to_trigger(engine, asked, n, person)? {
            Some(found) => people.push(found),
            None => {
                let (type_, id) = (person.type_.clone(), person.id.clone());
                unknown.push(UnknownPerson { type_, id });
            }
        }
    }
    let n_people = people.len();
    let answer = |is_repeated| Triggered { people: n_people, unknown, is_repeated };
    if n_people == 0 {
        return Ok(answer(false));
    }
    let number = engine.snapshot().campaigns.by_key().get(&key).map(|kept| kept.number);
    let number = number.ok_or_else(|| self::unknown(engine, &key))?;
    let entry = CampaignEntry::Trigger(CampaignTrigger {
        at: engine.now(),
        campaign: key,
        number,
        id: asked.id.clone(),
        ignores_limits: !asked.respect_limits,
        people,
    });
    let outcomes = engine.submit_blocking(vec![Entry::Campaign(Box::new(entry))])?;
    Ok(answer(outcomes.contains(&Outcome::Duplicate)))
}

/// A person of a call, with the properties of their message; none whom nobody knows.
fn to_trigger(
    engine: &Engine,
    asked: &Trigger,
    n: usize,
    person: &PersonToTrigger,
) -> Result<Option<TriggeredPerson>, ApiError> {
    let Some(type_) = ExternalIdType::from_word(&person.type_) else {
        let what = format!("{:?} is no type of ids", person.type_);
        return Err(ApiError::invalid(what).at(format!("/people/{n}/type")));
    };
    let mut properties = asked.properties.clone();
    properties.extend(person.properties.clone());
    let properties = Value::Object(properties).to_string();
    if properties.len() > TRIGGER_PROPERTIES_BYTES_MAX {
        let n_bytes = properties.len();
        let what = format!(
            "the properties have {n_bytes} bytes: they must have at most \
             {TRIGGER_PROPERTIES_BYTES_MAX}"
        );
        return Err(ApiError::invalid(what).at(format!("/people/{n}/properties")));
    }
    let is_known = engine.user(ExternalId { type_, value: &person.id }).is_some();
    let person = Some((type_, person.id.clone()));
    Ok(is_known.then_some(TriggeredPerson { person, properties }))
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
            too_many_people: run.too_many,
        }),
        missed_runs: kept.missed_runs,
        variants: variants(&campaign, &kept.variants),
    });
    CampaignReport { campaign, results: results.unwrap_or_default() }
}

fn variants(campaign: &Campaign, results: &VariantResults) -> Vec<VariantReport> {
    let report = |variant: &CampaignVariant| {
        let key = variant.key.clone();
        let winner = results.winner.as_ref().filter(|winner| winner.variant == key);
        VariantReport {
            sent: results.counts.get(&key).map_or(0, |counts| counts.people),
            has_won: winner.is_some(),
            is_sure: winner.map(|winner| winner.is_sure),
            key,
        }
    };
    campaign.variants.iter().map(report).collect()
}

pub(crate) fn unknown(engine: &Engine, key: &str) -> ApiError {
    let config = engine.config();
    let keys: Vec<&str> = config.campaigns.iter().map(|one| one.key.as_str()).collect();
    unknown_resource("campaign", key, &keys)
}
