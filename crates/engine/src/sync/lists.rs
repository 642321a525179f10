//! The lists of some people. Each is made once, whatever asks for it.

use std::sync::Arc;

use domain::{TraitDefinition, UserIdx};
use rustc_hash::FxHashMap;
use serving::{ListError, QueryError, RecommendedList, RequestBudget};
use state::Due;

use super::compare::names_anonymous;
use super::plan::{ListQuestion, Source, Subject};
use crate::list_maker::ListMaker;
use crate::{EngineError, RecommendationError};

/// The list of a person, empty for whoever does not have the trait.
pub(super) struct PersonList {
    pub(super) list: RecommendedList,
    /// Whether the person has a user id.
    pub(super) is_known: bool,
}

/// The lists of some people for subjects and questions.
pub(super) struct Lists {
    /// For each definition the lists of those who are due; none where the catalog cannot answer it.
    made: Vec<Option<FxHashMap<UserIdx, PersonList>>>,
    /// For each subject and question which of these it is; none for a subject without lists.
    of_subjects: Vec<Option<usize>>,
    of_questions: Vec<usize>,
}

/// A definition of which lists are made.
struct Wanted<'a> {
    definition: &'a TraitDefinition,
    /// Whether also for people without a user id.
    is_for_anyone: bool,
}

impl Lists {
    /// Makes the lists of the people who may have other ones now.
    pub(super) fn make(
        maker: &ListMaker<'_>,
        budget: &Arc<RequestBudget>,
        subjects: &[&Subject],
        questions: &[&ListQuestion],
        people: &[(UserIdx, Due)],
    ) -> Result<Self, EngineError> {
        let mut wanted: Vec<Wanted<'_>> = Vec::new();
        let of_subjects = subjects.iter().map(|subject| match &subject.source {
            Source::List(list) => Some(want(&mut wanted, list, is_for_anyone(subject, list))),
            Source::Computed | Source::Audience => None,
        });
        let of_subjects = of_subjects.collect();
        let of_questions = questions.iter().map(|asked| want(&mut wanted, &asked.list, true));
        let of_questions = of_questions.collect();
        let made = wanted.iter().map(|wanted| make_wanted(maker, budget, wanted, people));
        Ok(Self { made: made.collect::<Result<_, _>>()?, of_subjects, of_questions })
    }

    /// The list that the n-th subject sends for a person; none where the person is not due.
    pub(super) fn of_subject(
        &self,
        n: usize,
        subject: &Subject,
        user: UserIdx,
    ) -> Option<&RecommendedList> {
        let Source::List(definition) = &subject.source else { return None };
        let own = self.made[self.of_subjects[n]?].as_ref()?.get(&user)?;
        (own.is_known || is_for_anyone(subject, definition)).then_some(&own.list)
    }

    /// The list that the n-th question is about, of a person; none where the person is not due.
    pub(super) fn of_question(&self, n: usize, user: UserIdx) -> Option<&RecommendedList> {
        Some(&self.made[self.of_questions[n]].as_ref()?.get(&user)?.list)
    }
}

/// Wants lists of a definition. Returns its place.
fn want<'a>(
    wanted: &mut Vec<Wanted<'a>>,
    definition: &'a TraitDefinition,
    is_for_anyone: bool,
) -> usize {
    match wanted.iter_mut().position(|other| other.definition == definition) {
        Some(place) => {
            wanted[place].is_for_anyone |= is_for_anyone;
            place
        }
        None => {
            wanted.push(Wanted { definition, is_for_anyone });
            wanted.len() - 1
        }
    }
}

/// Whether lists also go to people without a user id.
fn is_for_anyone(subject: &Subject, definition: &TraitDefinition) -> bool {
    names_anonymous(&subject.settings)
        || definition.who.as_ref().is_some_and(|who| who.include_anonymous)
}

fn make_wanted(
    maker: &ListMaker<'_>,
    budget: &Arc<RequestBudget>,
    Wanted { definition, is_for_anyone }: &Wanted<'_>,
    people: &[(UserIdx, Due)],
) -> Result<Option<FxHashMap<UserIdx, PersonList>>, EngineError> {
    let follows_audience = definition.who.as_ref().is_some_and(|who| who.audience.is_some())
        || reads_person(maker, definition);
    let (mut having, mut others) = (Vec::new(), Vec::new());
    let is_due = |due: &Due| due.traits || due.audiences && follows_audience;
    for (user, _) in people.iter().filter(|(_, due)| is_due(due)) {
        // One for each, so that the fold gets its turns.
        let snapshot = maker.shared.live.snapshot();
        let is_known = snapshot.profiles.ids().is_known(*user);
        if *is_for_anyone || is_known {
            let has = snapshot.has_trait(definition, *user)?;
            if has { having.push((*user, is_known)) } else { others.push((*user, is_known)) }
        }
    }
    let users: Vec<UserIdx> = having.iter().map(|(user, _)| *user).collect();
    let lists = maker.trait_lists(&users, definition, budget);
    let Some(lists) = or_none(lists, &definition.key)? else { return Ok(None) };
    // Whoever has the trait no longer has an empty list.
    let empty = others.into_iter().map(|other| (other, RecommendedList::default()));
    let all = having.into_iter().zip(lists).chain(empty);
    Ok(Some(all.map(|((user, is_known), list)| (user, PersonList { list, is_known })).collect()))
}

/// Whether the rules of the scenario of a trait read anything of the person, maybe an audience.
fn reads_person(maker: &ListMaker<'_>, definition: &TraitDefinition) -> bool {
    let config = maker.shared.config.load();
    let scenario = definition.scenario.as_ref().and_then(|name| config.scenario(name));
    let reads = |text: &str| text.contains("context_user");
    scenario.is_some_and(|scenario| scenario.expressions().any(|(_, _, text)| reads(text)))
}

/// What was made of a trait; none where the definition no longer fits, so that nobody gets it.
pub(super) fn or_none<T>(
    made: Result<T, RecommendationError>,
    key: &str,
) -> Result<Option<T>, EngineError> {
    match made {
        Ok(made) => Ok(Some(made)),
        Err(RecommendationError::List(ListError::Query(QueryError::Store(error)))) => {
            Err(error.into())
        }
        Err(error) => {
            tracing::debug!(%error, trait_ = key, "nobody gets this list");
            Ok(None)
        }
    }
}
