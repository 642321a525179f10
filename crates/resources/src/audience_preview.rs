//! Previews of audiences before they are kept, and why a person belongs to one or does not.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Instant;

use conditions::{Condition, Explanation, Filter};
use domain::MessageType;
use engine::{
    AudiencePreview, Channel, Engine, Estimate, Overlap, PreviewLimits, RequestBudget, SeenEvent,
    SeenProperty, question_of_audience,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use web::error::ApiError;
use web::workspaces::RequestedWorkspace;

use crate::audiences::{parse_condition, unknown};
use crate::people::{ShownPerson, resolve};

/// How many names of a kind are offered to those who write conditions.
pub const WORDS_MAX: usize = 300;

/// What is previewed.
#[derive(Debug, Clone, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PreviewBody {
    /// The condition: a text, or its JSON form.
    pub condition: Value,
}

/// Who would belong to an audience now.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct ShownPreview {
    /// The condition as text.
    pub condition: String,
    /// The condition as JSON.
    #[schema(value_type = Object)]
    pub condition_json: Value,
    /// What the condition asks for and the workspace cannot have as it is set up.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
    /// How many profiles there are.
    pub n_profiles: u64,
    /// How many of them were looked at within the time, at random.
    pub n_asked: u64,
    /// How many people match.
    pub people: ShownEstimate,
    /// How many of these can be reached by each channel.
    pub reach: Vec<ChannelReach>,
    /// How many of these belong to each audience there is.
    pub overlaps: Vec<ShownOverlap>,
    /// Up to 5 of them, at random, with the reasons.
    pub sample: Vec<SamplePerson>,
    /// How long it took, in milliseconds.
    pub took_ms: u64,
}

/// A number of people, with the ends of its 95 % interval where it is an estimate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct ShownEstimate {
    /// The number, or the most likely one.
    pub count: u64,
    /// The lower end.
    pub low: u64,
    /// The upper end.
    pub high: u64,
    /// Whether it was counted.
    pub is_exact: bool,
}

/// How many people can be reached by a channel.
#[derive(Debug, Clone, Copy, Serialize, utoipa::ToSchema)]
pub struct ChannelReach {
    /// email, phone, push, user_id or anonymous_only.
    pub channel: &'static str,
    /// How many.
    pub people: ShownEstimate,
}

/// How many people belong to an audience as well.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct ShownOverlap {
    /// The key of the audience.
    pub audience: String,
    /// How many belong to both.
    pub both: ShownEstimate,
    /// How many belong to the audience.
    pub n_members: u64,
}

/// Somebody who matches, and why.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct SamplePerson {
    /// The person.
    pub person: ShownPerson,
    /// What holds for each part of the condition.
    pub why: Why,
}

/// Why a part of a condition holds, or does not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Why {
    /// The part as text; `and`, `or` and `not` of groups.
    pub part: String,
    /// Whether it holds.
    pub holds: bool,
    /// What decides it, in words; none of groups.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub because: Option<String>,
    /// The parts of a group.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(no_recursion)]
    pub parts: Vec<Why>,
}

/// Names that a workspace has seen, for those who write conditions.
#[derive(Debug, Clone, Default)]
pub struct KnownWords {
    /// The names of events.
    pub events: BTreeSet<String>,
    /// Properties of events by name, each with a value as JSON text where one is kept.
    pub properties: BTreeMap<String, Option<String>>,
    /// Traits by key, in the same way.
    pub traits: BTreeMap<String, Option<String>>,
    /// Traits of accounts by key, in the same way.
    pub account_traits: BTreeMap<String, Option<String>>,
    /// The keys of audiences.
    pub audiences: Vec<String>,
}

/// Why a person belongs to an audience, or does not.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct PersonInAudience {
    /// The key of the audience.
    pub key: String,
    /// Whether the person belongs to it.
    pub is_member: bool,
    /// What holds for each part of its condition. Just after a change of the audience it may
    /// differ from `is_member`, until everybody is worked out.
    pub why: Why,
}

impl From<Estimate> for ShownEstimate {
    fn from(estimate: Estimate) -> Self {
        let Estimate { count, low, high } = estimate;
        Self { count, low, high, is_exact: estimate.is_exact() }
    }
}

impl From<Explanation> for Why {
    fn from(Explanation { part, holds, because, parts }: Explanation) -> Self {
        let parts = parts.into_iter().map(Self::from).collect();
        Self { part, holds: holds == Some(true), because, parts }
    }
}

impl From<Overlap> for ShownOverlap {
    fn from(Overlap { audience, both, n_members }: Overlap) -> Self {
        Self { audience, both: both.into(), n_members }
    }
}

/// Who would belong to an audience with this condition now. It takes less than 2 s, whatever the
/// number of people: what cannot be counted in time is estimated.
///
/// # Errors
/// If the condition is none, or names an audience that there is not.
pub async fn preview(
    workspace: &RequestedWorkspace,
    condition: Value,
) -> Result<ShownPreview, ApiError> {
    let condition = parse_condition(&condition, "")?;
    let preview = move |engine: &Engine, budget: &Arc<RequestBudget>| {
        preview_with(engine, &condition, budget)
    };
    workspace.ask_in_steps(preview).await
}

/// As [`preview`], where the workspace is at hand.
///
/// # Errors
/// As [`preview`].
pub fn preview_with(
    engine: &Engine,
    condition: &Condition,
    budget: &Arc<RequestBudget>,
) -> Result<ShownPreview, ApiError> {
    check(engine, condition)?;
    let started = Instant::now();
    let found = engine.preview_audience(condition, PreviewLimits::default(), budget)?;
    let AudiencePreview { n_profiles, n_asked, people, reach, overlaps, sample } = found;
    let mut shown = Vec::with_capacity(sample.len());
    for one in sample {
        if let Some(person) = ShownPerson::new(engine, one.user)? {
            shown.push(SamplePerson { person, why: one.why.into() });
        }
    }
    let words = |channel: Channel| Channel::WORDS.into_iter().find(|(own, _)| *own == channel);
    let reach = reach.into_iter().filter_map(|(channel, people)| {
        Some(ChannelReach { channel: words(channel)?.1, people: people.into() })
    });
    Ok(ShownPreview {
        condition: condition.to_string(),
        condition_json: condition.to_json(),
        warnings: warnings(engine, condition)?,
        n_profiles,
        n_asked,
        people: people.into(),
        reach: reach.collect(),
        overlaps: overlaps.into_iter().map(ShownOverlap::from).collect(),
        sample: shown,
        took_ms: started.elapsed().as_millis() as u64,
    })
}

/// What a condition asks for and the workspace cannot have as it is set up: traits of accounts
/// where nobody belongs to one or that no account can have, and traits of people that are ones of
/// accounts.
fn warnings(engine: &Engine, condition: &Condition) -> Result<Vec<String>, ApiError> {
    let (config, snapshot) = (engine.config(), engine.snapshot());
    let computed = |key: &str| config.computed_trait(key).map(|computed| computed.of.is_people());
    let is_sent = |type_, filter: &Filter| {
        // A trait may have the whole path as its key.
        let keys = [filter.path.as_str(), filter.key()];
        keys.into_iter().any(|key| snapshot.source_schemas.may_have_property(type_, key))
    };
    let has_members = condition.account_keys().is_empty() || snapshot.has_account_members()?;
    let mut warnings = Vec::new();
    condition.visit(&mut |part| match part {
        Condition::Trait(filter) if !is_sent(MessageType::Identify, filter) => {
            let key = filter.key();
            if computed(key) == Some(false) {
                warnings.push(format!(
                    "nobody has the trait {key}, a computed trait of accounts: ask for \
                     `account trait {key}`"
                ));
            }
        }
        Condition::Account(filter) if has_members && !is_sent(MessageType::Group, filter) => {
            let key = filter.key();
            match computed(key) {
                Some(false) => {}
                Some(true) => warnings.push(format!(
                    "no account has the trait {key}, a computed trait of people: ask for \
                     `trait {key}`"
                )),
                None => warnings.push(format!(
                    "no account has the trait {key}: no group message has brought it, and no \
                     computed trait of accounts has this key"
                )),
            }
        }
        _ => {}
    });
    warnings.sort_unstable();
    warnings.dedup();
    if !has_members {
        let why = match config.identity {
            None => {
                "the workspace has no identity rules, and without them group messages make no \
                 accounts: set rules, and accounts come with the next group messages"
            }
            Some(_) => "no group message has come since there are identity rules",
        };
        warnings.push(format!("it asks for traits of accounts, and nobody belongs to one: {why}"));
    }
    Ok(warnings)
}

/// The names that conditions may use, from what all sources have sent: the first
/// [`WORDS_MAX`] of a kind.
///
/// # Errors
/// 503 where the workspace is closed.
pub async fn known_words(workspace: &RequestedWorkspace) -> Result<KnownWords, ApiError> {
    let read = |engine: &Engine| {
        let config = engine.config();
        let snapshot = engine.snapshot();
        let mut words = KnownWords {
            audiences: config.audiences.iter().map(|own| own.key.clone()).collect(),
            ..KnownWords::default()
        };
        for source in &config.sources {
            for (event, properties) in snapshot.source_schemas.of_source(&source.name) {
                words.add(event, properties);
            }
        }
        Ok(words)
    };
    workspace.run(read).await
}

impl KnownWords {
    fn add(&mut self, event: SeenEvent, seen: Vec<SeenProperty>) {
        let properties = match event.type_ {
            MessageType::Identify => &mut self.traits,
            MessageType::Track | MessageType::Page | MessageType::Screen => &mut self.properties,
            MessageType::Group => &mut self.account_traits,
            MessageType::Alias => return,
        };
        for property in seen {
            if properties.len() < WORDS_MAX {
                properties.entry(property.name).or_insert(property.sample);
            }
        }
        let name = match event.type_ {
            MessageType::Page => Some("Page Viewed".to_owned()),
            MessageType::Screen => Some("Screen Viewed".to_owned()),
            _ => event.event,
        };
        if self.events.len() < WORDS_MAX {
            self.events.extend(name);
        }
    }
}

fn check(engine: &Engine, condition: &Condition) -> Result<(), ApiError> {
    engine
        .check_audience_condition(condition)
        .map_err(|what| ApiError::invalid(format!("condition: {what}")).at("/condition"))
}

/// Why a person belongs to an audience, or does not.
///
/// # Errors
/// 404 where nobody has the id, or there is no such audience.
pub async fn of_person(
    workspace: &RequestedWorkspace,
    person: String,
    key: String,
) -> Result<PersonInAudience, ApiError> {
    let read = move |engine: &Engine| {
        let user = resolve(engine, &person)?;
        let config = engine.config();
        let definition = config.audience(&key).ok_or_else(|| unknown(engine, &key))?;
        let condition = match &definition.likely {
            Some(_) => question_of_audience(&key),
            None => parse_condition(&Value::String(definition.condition.clone()), "")?,
        };
        let is_member = engine.snapshot().audiences_of(user)?.contains(&key.as_str());
        let why = engine.explain_condition(&condition, user)?.into();
        Ok(PersonInAudience { key, is_member, why })
    };
    workspace.ask(read).await
}
