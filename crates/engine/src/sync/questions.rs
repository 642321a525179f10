//! Which conditions about lists hold for some people now, against what was last found.

use std::collections::BTreeMap;

use conditions::{Condition, Known, RecommendedKind, decide};
use domain::{ItemIdx, Timestamp, UserIdx};
use profiles::ExternalIdType;
use rayon::prelude::*;
use serde_json::{Map, Value};
use serving::{RecommendedList, Snapshot};
use state::{Due, FOUND_PEOPLE_MAX, FoundAnswers, People};

use super::compare::{Comparison, show_list};
use super::lists::Lists;
use super::plan::ListQuestion;
use crate::EngineError;
use crate::list_maker::ListMaker;
use crate::shared::Shared;

/// A person with an answer that is another one now.
pub(super) type ChangedAnswer = (ExternalIdType, String, bool);

impl Comparison<'_> {
    /// The answers that have changed, in entries, in the order of the questions and people.
    pub(super) fn find_answers(
        &self,
        people: &[(UserIdx, Due)],
        lists: &Lists,
    ) -> Result<Vec<FoundAnswers>, EngineError> {
        if self.questions.is_empty() {
            return Ok(Vec::new());
        }
        let asked = self.questions.iter().map(|asked| Asked::new(&self.lists, asked));
        let asked: Vec<Asked<'_>> = asked.collect::<Result<_, _>>()?;
        let found: Result<Vec<Vec<(usize, ChangedAnswer)>>, EngineError> =
            people.par_iter().map(|(user, _)| self.find_answers_of(*user, &asked, lists)).collect();
        let mut by_question: BTreeMap<usize, Vec<ChangedAnswer>> = BTreeMap::new();
        for (n, changed) in found?.into_iter().flatten() {
            by_question.entry(n).or_default().push(changed);
        }
        let entries = by_question
            .into_iter()
            .flat_map(|(n, people)| to_entries(&self.questions[n].text, people, self.lists.now));
        Ok(entries.collect())
    }

    fn find_answers_of(
        &self,
        user: UserIdx,
        asked: &[Asked<'_>],
        lists: &Lists,
    ) -> Result<Vec<(usize, ChangedAnswer)>, EngineError> {
        let list = |n: usize| lists.of_question(n, user);
        let mut changed = Vec::new();
        if (0..asked.len()).all(|n| list(n).is_none()) {
            return Ok(changed);
        }
        let snapshot = self.shared.live.snapshot();
        if !snapshot.profiles.ids().is_alive(user) {
            return Ok(changed);
        }
        let before = snapshot.answers.of_person(snapshot.store(), user)?;
        for (n, asked) in asked.iter().enumerate() {
            let Some(list) = list(n) else { continue };
            let holds = asked.holds(&snapshot, list, self.lists.now);
            let condition = &asked.question.condition;
            let held = before.iter().any(|(other, held)| other == condition && *held);
            if holds != held
                && let Some((type_, id)) = name_person(self.shared, &snapshot, user)?
            {
                changed.push((n, (type_, id, holds)));
            }
        }
        Ok(changed)
    }
}

/// People of one question in entries of bounded size.
pub(super) fn to_entries(
    question: &str,
    people: Vec<ChangedAnswer>,
    at: Timestamp,
) -> Vec<FoundAnswers> {
    let entry = |people: &[ChangedAnswer]| FoundAnswers {
        at,
        question: question.to_owned(),
        people: people.to_vec(),
        ended: None,
    };
    people.chunks(FOUND_PEOPLE_MAX).map(entry).collect()
}

/// The id by which entries name a person; none for somebody who is suppressed or has none.
pub(super) fn name_person(
    shared: &Shared,
    snapshot: &Snapshot<'_>,
    user: UserIdx,
) -> Result<Option<(ExternalIdType, String)>, EngineError> {
    let name = snapshot.find_user_name(user)?;
    let suppressed = shared.suppressed.load();
    Ok(name.filter(|(type_, id)| !suppressed.has(*type_, id)))
}

/// A question with what it takes to answer it.
pub(super) struct Asked<'a> {
    question: &'a ListQuestion,
    /// The items of the brand or category in question, ascending.
    items: Vec<ItemIdx>,
}

impl<'a> Asked<'a> {
    pub(super) fn new(
        maker: &ListMaker<'_>,
        question: &'a ListQuestion,
    ) -> Result<Self, EngineError> {
        let items = match &question.condition {
            Condition::Recommended(what) if what.kind != RecommendedKind::Item => {
                let property = what.kind.word();
                maker.serving.items_with(&maker.shared.live, property, &what.value, maker.now)?
            }
            _ => Vec::new(),
        };
        Ok(Self { question, items })
    }

    /// Whether the condition holds for somebody with this list.
    pub(super) fn holds(
        &self,
        snapshot: &Snapshot<'_>,
        list: &RecommendedList,
        now: Timestamp,
    ) -> bool {
        let mut ids = list.items.iter().map(|item| &item.item_id);
        match &self.question.condition {
            Condition::Recommended(what) if what.kind == RecommendedKind::Item => {
                ids.any(|id| *id == what.value)
            }
            Condition::Recommended(_) => {
                let mut items = ids.filter_map(|id| snapshot.catalog.item(id));
                items.any(|item| self.items.binary_search(&item).is_ok())
            }
            condition => {
                let key = self.question.list.key.clone();
                holds_for(condition, &Map::from_iter([(key, show_list(list))]), now)
            }
        }
    }
}

fn holds_for(condition: &Condition, traits: &Map<String, Value>, now: Timestamp) -> bool {
    let known = Known {
        events: Some(&[]),
        traits: Some(traits),
        accounts: None,
        is_member: &|_| None,
        answers: None,
        open: &[],
    };
    decide(condition, &known, now) == Some(true)
}
