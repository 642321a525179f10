//! What a recommended-items trait or a scenario would come to, before it is made: who would get it,
//! and what their lists are like. People are taken in a fixed order by a hash of their index, which
//! has nothing to do with when they came, so that the first ones stand for all.

use std::sync::Arc;
use std::time::{Duration, Instant};

use domain::{ListSettings, TraitDefinition, UserIdx};
use rustc_hash::FxHashSet;
use serving::{QueryError, RecommendedList, RequestBudget, Snapshot};

use crate::{Engine, RecommendationError};

/// The most lists that are made.
pub const CALCULATED_LISTS_MAX: usize = 1_000;
/// The time after which no further list is made. At least one is.
pub const CALCULATION_TIME_MAX: Duration = Duration::from_millis(1_000);
/// The largest audience whose members are all listed; of larger ones people are tried at random.
const MEMBERS_LISTED_MAX: usize = 50_000;
/// The most people who are asked whether they would get the trait.
const PEOPLE_ASKED_MAX: usize = 50_000;
/// The number of lists that are shown.
const SAMPLES: usize = 3;

/// What a trait or a scenario would come to.
#[derive(Debug)]
pub struct ListCalculation {
    /// Who would get it.
    pub recipients: Recipients,
    /// The number of lists that were made, for recipients in the fixed order.
    pub n_lists: u64,
    /// How many of them follow from what the person did, in whole or in part.
    pub n_personal: u64,
    /// How many are not empty and have nothing of that.
    pub n_fallback: u64,
    /// How many are empty.
    pub n_empty: u64,
    /// How many items, or values, are in any of the lists.
    pub n_distinct: u64,
    /// The first lists, with an id of their person; none where the person has no plain id.
    pub samples: Vec<(Option<String>, RecommendedList)>,
}

/// How many people would get a trait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Recipients {
    /// The people among whom they are: an audience, or everybody.
    pub n_people: u64,
    /// How many of these were asked: where it is all, the number is exact.
    pub n_asked: u64,
    /// How many of the asked would get it.
    pub n: u64,
}

impl Engine {
    /// Works out what a trait would come to, as if it were not paused. It need not be saved.
    ///
    /// # Errors
    /// As [`Engine::trait_list`].
    pub fn calculate_trait(
        &self,
        definition: &TraitDefinition,
        budget: &Arc<RequestBudget>,
    ) -> Result<ListCalculation, RecommendationError> {
        let started = Instant::now();
        let definition = TraitDefinition { paused: false, ..definition.clone() };
        let recipients = self.recipients(&definition, budget)?;
        let list = |user| self.trait_list(user, &definition, budget);
        self.calculate_lists(started, recipients, budget, list)
    }

    /// Works out what lists of `count` items for everybody would come to, with the settings of a
    /// call and those of its scenario.
    ///
    /// # Errors
    /// If the settings do not fit the workspace, the scenario is gone, the lists cost too much, or
    /// the store cannot be read.
    pub fn calculate_scenario(
        &self,
        scenario: Option<&str>,
        settings: &ListSettings,
        count: usize,
        budget: &Arc<RequestBudget>,
    ) -> Result<ListCalculation, RecommendationError> {
        let started = Instant::now();
        let everybody = TraitDefinition::recommended_items("everybody");
        let recipients = self.recipients(&everybody, budget)?;
        let lists = self.list_maker();
        let list = |user| lists.list_as_called(user, scenario, settings.clone(), count, budget);
        self.calculate_lists(started, recipients, budget, list)
    }

    /// Makes the lists of people, as many as there is time for.
    fn calculate_lists(
        &self,
        started: Instant,
        (recipients, sample): (Recipients, Vec<UserIdx>),
        budget: &Arc<RequestBudget>,
        make_list: impl Fn(UserIdx) -> Result<RecommendedList, RecommendationError>,
    ) -> Result<ListCalculation, RecommendationError> {
        let mut calculation = ListCalculation {
            recipients,
            n_lists: 0,
            n_personal: 0,
            n_fallback: 0,
            n_empty: 0,
            n_distinct: 0,
            samples: Vec::new(),
        };
        let mut distinct = FxHashSet::default();
        for user in sample.into_iter().take(CALCULATED_LISTS_MAX) {
            if calculation.n_lists > 0 && started.elapsed() > CALCULATION_TIME_MAX {
                break;
            }
            budget.check()?;
            let list = make_list(user)?;
            distinct.extend(list.items.iter().map(|item| item.item_id.clone()));
            calculation.count(&list);
            if calculation.samples.len() < SAMPLES {
                let id = self.find_user_name(Some(user))?.map(|(_, id)| id);
                calculation.samples.push((id, list));
            }
        }
        Ok(ListCalculation { n_distinct: distinct.len() as u64, ..calculation })
    }

    /// How many people would get a trait, and some of them, at most [`CALCULATED_LISTS_MAX`], in
    /// the fixed order.
    fn recipients(
        &self,
        definition: &TraitDefinition,
        budget: &Arc<RequestBudget>,
    ) -> Result<(Recipients, Vec<UserIdx>), RecommendationError> {
        let audience = definition.who.as_ref().and_then(|who| who.audience.as_deref());
        let (people, n_people, is_listed) = people(&self.snapshot(), audience)?;
        let include_anonymous = definition.who.as_ref().is_none_or(|who| who.include_anonymous);
        let (mut n_asked, mut n, mut sample) = (0, 0, Vec::new());
        let started = Instant::now();
        for user in in_fixed_order(people) {
            if audience.is_none() && sample.len() == CALCULATED_LISTS_MAX {
                break;
            }
            budget.check()?;
            if started.elapsed() > CALCULATION_TIME_MAX / 2 && !sample.is_empty() {
                break;
            }
            let snapshot = self.snapshot();
            if let Some(audience) = audience.filter(|_| !is_listed)
                && !snapshot.is_member(audience, user)?
            {
                continue;
            }
            n_asked += 1;
            if snapshot.has_trait(definition, user)? {
                n += 1;
                if sample.len() < CALCULATED_LISTS_MAX {
                    sample.push(user);
                }
            }
        }
        // Everybody, and those with a user id, are counted at all times.
        let (n_asked, n) = match audience {
            _ if definition.holdout.is_some() => (n_asked, n),
            Some(_) if !include_anonymous => (n_asked, n),
            None if !include_anonymous => {
                (n_people, self.snapshot().profiles.ids().n_known() as u64)
            }
            _ => (n_people, n_people),
        };
        let recipients = Recipients { n_people, n_asked, n };
        Ok((recipients, sample))
    }
}

/// People in the order of a hash of their index, at most [`PEOPLE_ASKED_MAX`].
fn in_fixed_order(mut people: Vec<UserIdx>) -> Vec<UserIdx> {
    if people.len() > PEOPLE_ASKED_MAX {
        people.select_nth_unstable_by_key(PEOPLE_ASKED_MAX, |user| mix_bits(user.0));
        people.truncate(PEOPLE_ASKED_MAX);
    }
    people.sort_unstable_by_key(|user| mix_bits(user.0));
    people
}

/// The people of an audience, or everybody, with their number, and whether these are all. Of a
/// large audience everybody is given, members or not.
fn people(
    snapshot: &Snapshot<'_>,
    audience: Option<&str>,
) -> Result<(Vec<UserIdx>, u64, bool), QueryError> {
    let everybody = || snapshot.profiles.ids().users().collect::<Vec<_>>();
    let Some(key) = audience else {
        let people = everybody();
        let n_people = people.len() as u64;
        return Ok((people, n_people, true));
    };
    let n_members = snapshot.audiences.n_members(key).unwrap_or_default();
    if n_members > MEMBERS_LISTED_MAX as u64 {
        return Ok((everybody(), n_members, false));
    }
    let members = snapshot.audience_members(key, None, MEMBERS_LISTED_MAX)?;
    let people: Vec<UserIdx> = members.into_iter().map(|member| member.user).collect();
    let n_people = people.len() as u64;
    Ok((people, n_people, true))
}

impl ListCalculation {
    fn count(&mut self, list: &RecommendedList) {
        self.n_lists += 1;
        match list.items.is_empty() {
            true => self.n_empty += 1,
            false if list.items.iter().any(|item| item.origin.is_personal()) => {
                self.n_personal += 1;
            }
            false => self.n_fallback += 1,
        }
    }
}

/// Mixes the bits of an index (the finalizer of MurmurHash3).
fn mix_bits(n: u32) -> u32 {
    let n = (n ^ (n >> 16)).wrapping_mul(0x85EB_CA6B);
    let n = (n ^ (n >> 13)).wrapping_mul(0xC2B2_AE35);
    n ^ (n >> 16)
}
