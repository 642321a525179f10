//! What the people of a trait did beside those who were held out of it.

use domain::{Holdout, InteractionKind, TraitDefinition};
use engine::{Engine, HoldoutGroup};
use serde::Serialize;
use web::error::ApiError;
use web::workspaces::RequestedWorkspace;

use crate::comparison::{Comparison, Measure, Sample, compare, days_between};
use crate::results::ShownRate;
use crate::unknown_resource;

/// The name of the group that has the trait, in comparisons.
const WITH_TRAIT: &str = "with the trait";
/// The name of the group that is held out.
const HELD_OUT: &str = "held out";
/// The number of groups.
const GROUPS: usize = 2;

/// What the groups of a holdout did.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct HoldoutResults {
    /// The key of the trait.
    pub key: String,
    /// How many of a hundred people are held out, by the definition.
    pub percent: u8,
    /// The kind of interaction that is counted.
    pub goal: InteractionKind,
    /// Since when people enter; none while nobody has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<String>,
    /// The people who get the trait.
    pub with_trait: HoldoutGroupResults,
    /// The people who would get it and do not.
    pub held_out: HoldoutGroupResults,
    /// Those with the trait beside those who are held out: by the share of people who reached the
    /// goal, by how often people reached it, and for purchases by what they paid.
    pub comparisons: Vec<Comparison>,
}

/// What the people of a group did after they entered.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct HoldoutGroupResults {
    /// The number of people.
    pub people: u64,
    /// How many of them reached the goal.
    pub reached: u64,
    /// How often they did.
    pub goals: u64,
    /// The sum of what was paid.
    pub value: f64,
    /// The share of people who reached the goal.
    pub goal_rate: ShownRate,
    /// How often a person reached the goal, on average.
    pub goals_per_person: ShownRate,
    /// What a person paid, on average.
    pub value_per_person: ShownRate,
}

/// What the groups of the holdout of a trait did.
///
/// # Errors
/// 404 where there is no such trait, or it has no holdout.
pub async fn read_holdout(
    workspace: &RequestedWorkspace,
    key: String,
) -> Result<HoldoutResults, ApiError> {
    let read = move |engine: &Engine| {
        let config = engine.config();
        let definition = config.trait_definition(&key).ok_or_else(|| {
            let keys: Vec<&str> = config.traits.iter().map(|trait_| trait_.key.as_str()).collect();
            unknown_resource("trait", &key, &keys)
        })?;
        HoldoutResults::read(engine, definition)
    };
    workspace.ask(read).await
}

impl HoldoutResults {
    /// What the groups of the holdout of a trait did.
    ///
    /// # Errors
    /// 404 where the trait has no holdout.
    pub fn read(engine: &Engine, definition: &TraitDefinition) -> Result<Self, ApiError> {
        let key = definition.key.clone();
        let Some(Holdout { percent, goal }) = definition.holdout else {
            let what = format!("trait {key:?} has no holdout: add one to its definition");
            return Err(ApiError::not_found(what));
        };
        let counted = engine.snapshot().holdouts.get(&key).cloned();
        let (since, groups) =
            counted.map_or_else(Default::default, |counted| (counted.since, counted.groups));
        let days = since.map_or(0.0, |since| days_between(since.0, engine.now().0));
        let measures = Measure::OF_PEOPLE.into_iter().filter(|measure| {
            goal == InteractionKind::Purchase || *measure != Measure::ValuePerPerson
        });
        let comparisons = measures.map(|measure| {
            let sample = |group: &HoldoutGroup| Sample::of_people(group, measure);
            let (held_out, with_trait) = (sample(&groups.held_out), sample(&groups.treated));
            compare((HELD_OUT, &held_out), (WITH_TRAIT, &with_trait), measure, GROUPS, days)
        });
        let comparisons = comparisons.collect();
        Ok(Self {
            key,
            percent,
            goal,
            since: since.map(|since| since.to_string()),
            with_trait: HoldoutGroupResults::new(&groups.treated),
            held_out: HoldoutGroupResults::new(&groups.held_out),
            comparisons,
        })
    }
}

impl HoldoutGroupResults {
    pub(crate) fn new(group: &HoldoutGroup) -> Self {
        let sum = group.sum();
        let rate = |measure| Sample::of_people(group, measure).rate();
        Self {
            people: sum.people.into(),
            reached: sum.reached.into(),
            goals: sum.goals,
            value: sum.value(),
            goal_rate: rate(Measure::GoalRate),
            goals_per_person: rate(Measure::GoalsPerPerson),
            value_per_person: rate(Measure::ValuePerPerson),
        }
    }
}
