//! Conditions about lists, asked of people before anything of it is kept: as they are answered for
//! the audiences that are.

use std::sync::Arc;

use conditions::{Answer, Condition};
use domain::UserIdx;
use serving::RequestBudget;
use state::Due;

use super::lists::Lists;
use super::plan::{ListQuestion, list_of};
use super::questions::Asked;
use crate::EngineError;
use crate::list_maker::ListMaker;

/// Makes lists of people and answers conditions from them.
pub(crate) struct ListAnswers<'a> {
    maker: ListMaker<'a>,
    budget: &'a Arc<RequestBudget>,
    questions: Vec<ListQuestion>,
}

impl<'a> ListAnswers<'a> {
    /// Prepares to answer these conditions, each of which asks for a list.
    pub(crate) fn new(
        maker: ListMaker<'a>,
        budget: &'a Arc<RequestBudget>,
        conditions: &[&Condition],
    ) -> Self {
        let config = maker.shared.config.load();
        let question = |condition: &&Condition| ListQuestion {
            text: condition.to_string(),
            condition: (*condition).clone(),
            list: list_of(&config, condition),
        };
        Self { maker, budget, questions: conditions.iter().map(question).collect() }
    }

    /// The answers to all conditions, of each of the people.
    pub(crate) fn find(&self, people: &[UserIdx]) -> Result<Vec<Vec<Answer>>, EngineError> {
        let questions: Vec<&ListQuestion> = self.questions.iter().collect();
        let due = Due { traits: true, audiences: true };
        let due: Vec<(UserIdx, Due)> = people.iter().map(|user| (*user, due)).collect();
        let lists = Lists::make(&self.maker, self.budget, &[], &questions, &due)?;
        let asked = questions.iter().map(|question| Asked::new(&self.maker, question));
        let asked: Vec<Asked<'_>> = asked.collect::<Result<_, _>>()?;
        let snapshot = self.maker.shared.live.snapshot();
        let answers = |user: &UserIdx| {
            let answer = |(n, asked): (usize, &Asked<'_>)| {
                // A definition that no longer fits the catalog has no lists.
                let list = lists.of_question(n, *user);
                let holds = list.is_some_and(|list| asked.holds(&snapshot, list, self.maker.now));
                (self.questions[n].condition.clone(), holds)
            };
            asked.iter().enumerate().map(answer).collect()
        };
        Ok(people.iter().map(answers).collect())
    }
}
