//! What people would get of a campaign before it is saved, and how many it is for.

use std::sync::Arc;
use std::time::Duration;

use conditions::Condition;
use domain::{Campaign, Message, Timestamp, UserIdx};
use engine::{CAMPAIGN_EVENT, CampaignPreview, Channel, Engine, PreviewLimits, RequestBudget};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use web::error::ApiError;
use web::workspaces::RequestedWorkspace;

use crate::audience_preview::{ChannelReach, ShownEstimate};
use crate::configuration::located;
use crate::people::{ShownPerson, resolve};

/// How many people are tried until a message can be made for one, where nobody is named.
const SAMPLE_MAX: usize = 5;
/// How long it is counted for how many people a campaign is.
const ESTIMATE_TIME: Duration = Duration::from_millis(500);

/// What is previewed.
#[derive(Debug, Clone, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CampaignPreviewBody {
    /// The campaign. It need not be saved; its status does not count.
    pub campaign: Campaign,
    /// For whom; somebody whom the campaign is for if absent.
    #[serde(default)]
    pub person: Option<CampaignPreviewPerson>,
}

/// A person by one of their ids.
#[derive(Debug, Clone, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CampaignPreviewPerson {
    /// The type of the id: `user_id`, `anonymous_id` or another one of the workspace.
    #[serde(rename = "type")]
    pub type_: String,
    /// The id.
    pub id: String,
}

/// What a person would get of a campaign now.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct ShownCampaignPreview {
    /// The person; absent where the campaign is for nobody yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub person: Option<ShownPerson>,
    /// The fields of the message as they would be made, also where it is refused or waits for
    /// another reason than its content. HTML is the text that would be sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub fields: Option<Map<String, Value>>,
    /// Why the channel would send nothing of the fields: its rules, its mappings, or what it says
    /// of a field.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub channel_problem: Option<String>,
    /// Why it would not be sent now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refused: Option<CampaignRefusal>,
    /// Until when it would wait.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub waits_until: Option<Timestamp>,
    /// When the event happened that the message is about: the latest of the person that begins the
    /// campaign. Absent where there is none: then the template has no event.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event_at: Option<Timestamp>,
}

/// Why a message is not sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct CampaignRefusal {
    /// The reason in a word, as reports count it.
    pub reason: String,
    /// More about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

/// How many people a campaign is for.
#[derive(Debug, Clone)]
pub struct CampaignEstimate {
    /// How many there are.
    pub people: ShownEstimate,
    /// How many of them can be reached by each channel.
    pub reach: Vec<ChannelReach>,
}

impl From<CampaignPreviewPerson> for String {
    /// The name of the person, as paths have it.
    fn from(CampaignPreviewPerson { type_, id }: CampaignPreviewPerson) -> Self {
        format!("{type_}:{id}")
    }
}

/// What a person would get of a campaign now. Nothing is written. Without a person it is somebody
/// of the audience, or of whom something came lately; whoever would get a message comes first.
///
/// # Errors
/// If the campaign could not be saved as it is; 404 where nobody has the id.
pub async fn preview(
    workspace: &RequestedWorkspace,
    campaign: Campaign,
    person: Option<String>,
) -> Result<ShownCampaignPreview, ApiError> {
    let make = move |engine: &Engine, budget: &Arc<RequestBudget>| {
        engine.check_campaign(&campaign).map_err(|what| located(ApiError::invalid(what)))?;
        let people = match person {
            Some(name) => vec![resolve(engine, &name)?],
            None => sample(engine, campaign.audience.as_deref())?,
        };
        let mut first = None;
        for user in people {
            budget.check()?;
            let Some(preview) = engine.preview_campaign(&campaign, user)? else { continue };
            let is_made = preview.fields.is_some();
            if is_made || first.is_none() {
                first = Some((user, preview));
            }
            if is_made {
                break;
            }
        }
        shown(engine, &campaign.channel, first)
    };
    workspace.make_lists(make).await
}

/// People to show a message for.
fn sample(engine: &Engine, audience: Option<&str>) -> Result<Vec<UserIdx>, ApiError> {
    let Some(key) = audience else { return Ok(engine.recent_people(SAMPLE_MAX)?) };
    let members = engine.snapshot().audience_members(key, None, SAMPLE_MAX)?;
    Ok(members.into_iter().map(|member| member.user).collect())
}

fn shown(
    engine: &Engine,
    channel: &str,
    found: Option<(UserIdx, CampaignPreview)>,
) -> Result<ShownCampaignPreview, ApiError> {
    let Some((user, preview)) = found else {
        return Ok(ShownCampaignPreview {
            person: None,
            fields: None,
            channel_problem: None,
            refused: None,
            waits_until: None,
            event_at: None,
        });
    };
    let fields = preview.fields.and_then(|json| serde_json::from_str(&json).ok());
    let refused = preview.refused.map(|(reason, detail)| CampaignRefusal { reason, detail });
    Ok(ShownCampaignPreview {
        person: ShownPerson::new(engine, user)?,
        fields,
        channel_problem: preview.message.and_then(|message| problem_of(engine, channel, &message)),
        refused,
        waits_until: preview.waits_until,
        event_at: preview.event_at,
    })
}

/// Why a channel would send nothing of a message.
fn problem_of(engine: &Engine, channel: &str, message: &Message) -> Option<String> {
    let config = engine.config();
    let tried = match engine.try_delivery(config.destination(channel)?, None, message) {
        Ok(tried) => tried,
        Err(what) => return Some(what),
    };
    if let Some(why) = tried.withheld {
        return Some(why);
    }
    let mut firing = tried.mappings.into_iter().filter(|(explanation, _)| explanation.fires);
    let Some((explanation, made)) = firing.next() else {
        return Some(format!(
            "no mapping of the destination {channel:?} takes the event {CAMPAIGN_EVENT:?}"
        ));
    };
    let of_field = explanation.errors.first().map(ToString::to_string);
    let what = of_field.or(made.err())?;
    Some(format!("mapping {:?}: {what}", explanation.mapping))
}

/// How many people an audience has, or there are in all, and by which channels they are reached.
/// It takes half a second at most: what cannot be counted in time is estimated.
///
/// # Errors
/// If there is no such audience.
pub async fn estimate(
    workspace: &RequestedWorkspace,
    audience: Option<String>,
) -> Result<CampaignEstimate, ApiError> {
    let count = move |engine: &Engine, budget: &Arc<RequestBudget>| {
        let condition = match audience {
            Some(key) => Condition::Audience(key),
            None => Condition::All(Vec::new()),
        };
        engine
            .check_audience_condition(&condition)
            .map_err(|what| ApiError::invalid(what).at("/audience"))?;
        let limits = PreviewLimits { time: ESTIMATE_TIME, ..PreviewLimits::default() };
        let found = engine.preview_audience(&condition, limits, budget)?;
        let reach = found.reach.into_iter().filter_map(|(channel, people)| {
            let word = Channel::WORDS.into_iter().find(|(own, _)| *own == channel)?.1;
            Some(ChannelReach { channel: word, people: people.into() })
        });
        Ok(CampaignEstimate { people: found.people.into(), reach: reach.collect() })
    };
    workspace.ask_in_steps(count).await
}
