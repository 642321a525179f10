//! Why an item is not in a list. Its place is looked up in the list itself, and a rule is found by
//! making the same list without it: no rule stands here a second time.

use std::sync::Arc;

use catalog::NotOffered;
use domain::{Exclusion, InteractionKind, ItemIdx, ListRequest, Logic, Relevance};
use recommender::{Constraint, Eligibility, Request, excludes, is_implicit_seed};
use serde::Serialize;

use super::items::ResolvedItems;
use super::stage::NearPerson;
use crate::{ListError, RequestBudget};

/// The longest list in which the place of an item is looked for.
pub const PLACES_MAX: usize = 1_000;

/// Where an item is in a list, or would be.
#[derive(Debug, Clone, PartialEq, Serialize, utoipa::ToSchema)]
pub struct Placement {
    /// Whether the list has it.
    pub is_listed: bool,
    /// Its place in the list, or in a longer one, from 1 to [`PLACES_MAX`]; none where it is beyond
    /// those, or in no such list.
    pub place: Option<usize>,
    /// The rules that keep it out. Empty where it is listed, or just too far down.
    pub rules: Vec<AbsenceRule>,
    /// Its place if these rules did not hold for it; none where it would still be too far down.
    pub place_without: Option<usize>,
}

/// A rule that keeps an item out of a list.
#[derive(Debug, Clone, PartialEq, Serialize, utoipa::ToSchema)]
#[serde(tag = "rule", rename_all = "snake_case")]
pub enum AbsenceRule {
    /// The catalog never had it.
    Unknown,
    /// It is withdrawn from the catalog.
    Withdrawn,
    /// Somebody has taken it off all lists.
    Off,
    /// It is in another catalog than the list is of.
    OtherCatalog,
    /// Its column that says whether it is available says no.
    Unavailable,
    /// Its stock is used up.
    OutOfStock,
    /// It is offered from a later time on.
    NotYetValid,
    /// It is offered no more since a time.
    NoLongerValid,
    /// The list is for this item.
    IsSeed,
    /// The call leaves it out, or the logic takes it as the start: it is in the cart, or what the
    /// user did last.
    LeftOut,
    /// It is in another segment than the list is for.
    OtherSegment,
    /// A filter is not true for it.
    Filter {
        /// Which one: "filter", or "the scenario's filter".
        name: String,
        /// The expression.
        text: String,
    },
    /// It is at no location near the person.
    Location {
        /// The catalog of locations.
        catalog: String,
        /// How far it may be, in kilometres.
        within_km: f32,
        /// Whether the place of the person is known; where it is not, nothing is near.
        is_known: bool,
    },
    /// The user did with it what excludes items from this list.
    Excluded {
        /// The latest such interaction; none where it is older than the history in memory.
        kind: Option<InteractionKind>,
    },
    /// It does not match the search.
    NoMatch,
    /// Neither the logic nor its fallback finds it.
    NotFound {
        /// The logic.
        logic: Logic,
    },
    /// Its relevance is below the minimum.
    MinRelevance,
    /// It was shown to the user lately.
    Rotation {
        /// When, in seconds since 1970.
        shown_at_s: u32,
    },
    /// It is too similar to items that are listed.
    Diversity,
    /// Enough items of the list share its value of a property.
    Constraint {
        /// The property.
        property: String,
        /// How many items may share a value.
        max: u32,
    },
    /// Promoted items have the place.
    Promoted,
    /// The person did nothing for longer than the list allows, and gets no list.
    Inactive {
        /// Within which time something had to be done, in seconds.
        within_s: u32,
    },
    /// The list has too few items, and so none.
    TooShort {
        /// How many it had to have.
        min_count: u32,
    },
}

impl From<NotOffered> for AbsenceRule {
    fn from(reason: NotOffered) -> Self {
        match reason {
            NotOffered::Withdrawn => Self::Withdrawn,
            NotOffered::Off => Self::Off,
            NotOffered::OtherCatalog => Self::OtherCatalog,
            NotOffered::Unavailable => Self::Unavailable,
            NotOffered::OutOfStock => Self::OutOfStock,
            NotOffered::NotYetValid => Self::NotYetValid,
            NotOffered::NoLongerValid => Self::NoLongerValid,
        }
    }
}

impl Placement {
    /// An item that one rule keeps out, whatever else holds.
    fn kept_out(rule: AbsenceRule) -> Self {
        Self { is_listed: false, place: None, rules: vec![rule], place_without: None }
    }
}

impl ResolvedItems<'_> {
    /// Says where an item is in the list, or which rules keep it out. Makes the list again for each
    /// rule in question.
    ///
    /// # Errors
    /// The budget is used up.
    pub(super) fn place(
        &self,
        id: &str,
        budget: &Arc<RequestBudget>,
    ) -> Result<Placement, ListError> {
        let Some(item) = self.views.catalog.item(id) else {
            return Ok(Placement::kept_out(AbsenceRule::Unknown));
        };
        if let Some(reason) = self.offered.reason_against(item) {
            return Ok(Placement::kept_out(reason.into()));
        }
        if let Some(place) = self.place_in(&self.request, item, self.request.list.count) {
            let place = Some(place);
            return Ok(Placement { is_listed: true, place, rules: vec![], place_without: None });
        }
        if self.left_out.contains(&item) || is_implicit_seed(&self.request, item) {
            let is_seed = self.stage.item == Some(id);
            let rule = if is_seed { AbsenceRule::IsSeed } else { AbsenceRule::LeftOut };
            return Ok(Placement::kept_out(rule));
        }
        budget.check()?;
        let rules = self.rules_of_eligibility(item);
        if !rules.is_empty() {
            let allows = |other| other == item || self.request.eligibility.allows(other);
            let eligibility = Eligibility::new(&allows, Exclusion::None, &[], []);
            let request =
                Request { eligibility: &eligibility, candidate_set: None, ..self.request };
            let place_without = self.place_up_to(&request, item, PLACES_MAX, budget)?;
            return Ok(Placement { is_listed: false, place: None, rules, place_without });
        }
        self.place_of_eligible(item, budget)
    }

    /// The rules by which the item may not be in the list at all.
    pub(super) fn rules_of_eligibility(&self, item: ItemIdx) -> Vec<AbsenceRule> {
        let mut rules = Vec::new();
        if self.segment.is_some_and(|segment| !segment.includes(item)) {
            rules.push(AbsenceRule::OtherSegment);
        }
        let filters = self.stage.filters.iter().zip(&self.selection.filters);
        rules.extend(filters.filter(|(_, filter)| !filter.allows(item.0)).map(|(said, _)| {
            AbsenceRule::Filter { name: said.what.to_owned(), text: said.text.clone() }
        }));
        if !self.near.has(item)
            && let Some(NearPerson { filter, point, .. }) = &self.stage.near
        {
            let (catalog, within_km) = (filter.catalog.clone(), filter.within_km);
            rules.push(AbsenceRule::Location { catalog, within_km, is_known: point.is_some() });
        }
        // What else refuses it is what the user did.
        if self.request.eligibility.is_excluded(item) {
            let exclude = self.request.list.exclude;
            let own = self.request.history.iter().rev();
            let mut own = own.filter(|entry| entry.item == item && excludes(exclude, entry.kind));
            rules.push(AbsenceRule::Excluded { kind: own.next().map(|entry| entry.kind) });
        }
        rules
    }

    /// Of an item that may be in the list and is not: which rule puts others before it.
    fn place_of_eligible(
        &self,
        item: ItemIdx,
        budget: &Arc<RequestBudget>,
    ) -> Result<Placement, ListError> {
        let (request, count) = (&self.request, self.request.list.count);
        let others = self.constraints_but_one();
        let mut found =
            Placement { is_listed: false, place: None, rules: vec![], place_without: None };
        for (rule, list, request) in self.without_each_rule(Some(item), &others) {
            budget.check()?;
            let request = Request { list: &list, ..request };
            if let Some(place) = self.place_in(&request, item, count) {
                found.rules.push(rule);
                found.place_without.get_or_insert(place);
                break;
            }
        }
        budget.check()?;
        let (place, n_found) = self.place_and_length(request, item, PLACES_MAX.max(count));
        // A longer list has more to choose from, and may put it earlier.
        found.place = place.map(|place| place.max(count + 1));
        if found.rules.is_empty() && place.is_none() && n_found < PLACES_MAX.max(count) {
            found.rules.push(match self.stage.search_query {
                Some(_) => AbsenceRule::NoMatch,
                None => self.why_not_found(item, budget)?,
            });
        }
        Ok(found)
    }

    /// For each constraint all the others.
    pub(super) fn constraints_but_one(&self) -> Vec<Vec<Constraint<'_>>> {
        let all = self.request.constraints;
        let but = |left_out: usize| {
            let others = all.iter().enumerate().filter(|(n, _)| *n != left_out);
            others.map(|(_, constraint)| *constraint).collect()
        };
        (0..all.len()).map(but).collect()
    }

    /// For each rule of the list as a whole, beside those that single items must pass: the list
    /// without it. Rotation is one where `item`, or without one anything, was shown lately.
    pub(super) fn without_each_rule<'b>(
        &'b self,
        item: Option<ItemIdx>,
        others: &'b [Vec<Constraint<'b>>],
    ) -> Vec<(AbsenceRule, ListRequest, Request<'b>)> {
        let request: Request<'b> = self.request;
        let list = || request.list.clone();
        let mut without = Vec::new();
        if let Some(within_s) = request.list.active_within_s {
            let list = ListRequest { active_within_s: None, ..list() };
            without.push((AbsenceRule::Inactive { within_s }, list, request));
        }
        if request.list.min_count > 0 {
            let min_count = request.list.min_count;
            let list = ListRequest { min_count: 0, ..list() };
            without.push((AbsenceRule::TooShort { min_count }, list, request));
        }
        if request.list.min_relevance != Relevance::Low {
            let list = ListRequest { min_relevance: Relevance::Low, ..list() };
            without.push((AbsenceRule::MinRelevance, list, request));
        }
        let shown = request.impressions.iter();
        let shown = shown.filter(|shown| item.is_none_or(|item| shown.item == item));
        if let Some(shown_at_s) = shown.map(|shown| shown.at_s).max()
            && request.list.rotation_rate > 0.0
        {
            let list = ListRequest { rotation_rate: 0.0, ..list() };
            without.push((AbsenceRule::Rotation { shown_at_s }, list, request));
        }
        let constraints = self.stage.settings.constraints.iter().flatten();
        for (constraint, others) in constraints.zip(others) {
            let (property, max) = (constraint.property.clone(), constraint.max);
            let request = Request { constraints: others, ..request };
            without.push((AbsenceRule::Constraint { property, max }, list(), request));
        }
        if request.promoted.is_some() {
            without.push((AbsenceRule::Promoted, list(), Request { promoted: None, ..request }));
        }
        if request.list.diversity > 0.0 {
            let list = ListRequest { diversity: 0.0, ..list() };
            without.push((AbsenceRule::Diversity, list, request));
        }
        without
    }

    /// Of an item that is not in a list however long: whether the minimal relevance refuses it.
    fn why_not_found(
        &self,
        item: ItemIdx,
        budget: &Arc<RequestBudget>,
    ) -> Result<AbsenceRule, ListError> {
        let list = ListRequest { min_relevance: Relevance::Low, ..self.request.list.clone() };
        let has_minimum = self.request.list.min_relevance != Relevance::Low;
        let request = Request { list: &list, ..self.request };
        let is_found =
            has_minimum && self.place_up_to(&request, item, PLACES_MAX, budget)?.is_some();
        Ok(match is_found {
            true => AbsenceRule::MinRelevance,
            false => AbsenceRule::NotFound { logic: list.logic },
        })
    }

    /// The place in the list, or else in one of up to `n` items.
    fn place_up_to(
        &self,
        request: &Request<'_>,
        item: ItemIdx,
        n: usize,
        budget: &Arc<RequestBudget>,
    ) -> Result<Option<usize>, ListError> {
        let count = request.list.count;
        if let Some(place) = self.place_in(request, item, count) {
            return Ok(Some(place));
        }
        budget.check()?;
        let (place, _) = self.place_and_length(request, item, n.max(count));
        Ok(place.map(|place| place.max(count + 1)))
    }

    fn place_in(&self, request: &Request<'_>, item: ItemIdx, count: usize) -> Option<usize> {
        self.place_and_length(request, item, count).0
    }

    /// The place in the list of `count` items that a request makes, and the length of that.
    fn place_and_length(
        &self,
        request: &Request<'_>,
        item: ItemIdx,
        count: usize,
    ) -> (Option<usize>, usize) {
        let list = ListRequest { count, ..request.list.clone() };
        let found = self.rank(&Request { list: &list, ..*request });
        let place = found.iter().position(|(other, _)| *other == item).map(|place| place + 1);
        (place, found.len())
    }
}
