//! What each rule of a list keeps out of it. As for one item ([`super::placement`]), no rule stands
//! here a second time: lists are made without rules, and what they have beside the list itself is
//! what the rules keep out.

use std::sync::Arc;

use domain::{Exclusion, Fallback, ItemIdx, ListRequest, Relevance};
use recommender::{Eligibility, Request};

use super::items::ResolvedItems;
use super::placement::AbsenceRule;
use crate::{ListError, RequestBudget};

/// The number of candidates, the best ones, whose rules are looked at.
pub const CANDIDATES_LOOKED_AT: usize = 1_000;
/// The most items that are named for a rule.
const NAMED_MAX: usize = 5;

/// What the rules of a list keep out of it.
#[derive(Debug, Clone, PartialEq)]
pub struct RemovedItems {
    /// How many candidates the logic and its fallback find without any rule, up to
    /// [`CANDIDATES_LOOKED_AT`].
    pub n_candidates: usize,
    /// The rules that keep any out, in the order in which they are asked. A candidate that several
    /// keep out counts for the first.
    pub by_rule: Vec<RemovedByRule>,
}

/// What one rule keeps out of a list.
#[derive(Debug, Clone, PartialEq)]
pub struct RemovedByRule {
    /// The rule.
    pub rule: AbsenceRule,
    /// How many candidates it keeps out.
    pub n: usize,
    /// External ids of some of them, those that would come first.
    pub items: Vec<String>,
}

impl ResolvedItems<'_> {
    /// Says what each rule keeps out of the list. Makes the list again for each rule that orders
    /// candidates, and once without any rule.
    ///
    /// # Errors
    /// The budget is used up.
    pub(super) fn removed(&self, budget: &Arc<RequestBudget>) -> Result<RemovedItems, ListError> {
        let candidates = self.candidates_without_rules();
        let mut by_rule = Vec::new();
        for item in &candidates {
            if let Some(rule) = self.first_rule(*item) {
                self.count(&mut by_rule, rule, *item);
            }
        }
        let listed = self.items_of(&self.request);
        let unconstrained = Request { constraints: &[], ..self.request };
        let others = self.constraints_but_one();
        for (rule, list, request) in self.without_each_rule(None, &others) {
            budget.check()?;
            let fallback = match rule {
                // What fills a list up was never relevant.
                AbsenceRule::MinRelevance => Fallback::None,
                _ => list.fallback.clone(),
            };
            let list = ListRequest { fallback, ..list };
            // What is less relevant may share its value with items of the list as well. It counts
            // for the first of both rules, so both lists are compared without the second.
            let (request, listed) = match rule {
                AbsenceRule::MinRelevance if !request.constraints.is_empty() => {
                    (unconstrained, self.items_of(&unconstrained))
                }
                _ => (request, listed.clone()),
            };
            for item in self.items_of(&Request { list: &list, ..request }) {
                if !listed.contains(&item) {
                    self.count(&mut by_rule, rule.clone(), item);
                }
            }
        }
        Ok(RemovedItems { n_candidates: candidates.len(), by_rule })
    }

    /// The best candidates, whatever the rules say of them.
    fn candidates_without_rules(&self) -> Vec<ItemIdx> {
        let list = ListRequest {
            count: CANDIDATES_LOOKED_AT,
            active_within_s: None,
            min_count: 0,
            exclude: Exclusion::None,
            diversity: 0.0,
            rotation_rate: 0.0,
            min_relevance: Relevance::Low,
            ..self.request.list.clone()
        };
        let eligibility = Eligibility::new(&|_| true, Exclusion::None, &[], []);
        let request = Request {
            list: &list,
            eligibility: &eligibility,
            candidate_set: None,
            constraints: &[],
            promoted: None,
            backfill: None,
            ..self.request
        };
        self.rank(&request).into_iter().map(|(item, _)| item).collect()
    }

    /// The first rule by which an item may not be in the list at all.
    fn first_rule(&self, item: ItemIdx) -> Option<AbsenceRule> {
        if let Some(reason) = self.offered.reason_against(item) {
            return Some(reason.into());
        }
        if self.left_out.contains(&item) {
            return Some(AbsenceRule::LeftOut);
        }
        self.rules_of_eligibility(item).into_iter().next()
    }

    fn items_of(&self, request: &Request<'_>) -> Vec<ItemIdx> {
        self.rank(request).into_iter().map(|(item, _)| item).collect()
    }

    fn count(&self, by_rule: &mut Vec<RemovedByRule>, rule: AbsenceRule, item: ItemIdx) {
        let at = by_rule.iter().position(|known| known.rule == rule).unwrap_or_else(|| {
            by_rule.push(RemovedByRule { rule, n: 0, items: Vec::new() });
            by_rule.len() - 1
        });
        let removed = &mut by_rule[at];
        removed.n += 1;
        if removed.items.len() < NAMED_MAX {
            removed.items.push(self.views.catalog.item_id(item).to_owned());
        }
    }
}
