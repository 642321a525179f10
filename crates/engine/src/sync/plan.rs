//! What goes where, as the configuration says.

use std::collections::BTreeSet;
use std::sync::Arc;

use conditions::Condition;
use domain::{
    AudienceDefinition, SyncSettings, SyncTimes, Timestamp, TraitDefinition, WorkspaceConfig,
};
use state::{SyncSubject, Views, question_of_audience};

use super::likely::LikelyPlan;

/// The length of the list that `recommended` asks for: that of somebody's own, without settings.
const RECOMMENDED_COUNT: u32 = 10;

/// The traits and audiences that go to destinations, the conditions that ask for lists, and the
/// audiences whose people are looked for.
#[derive(Default)]
pub(super) struct Plan {
    pub(super) subjects: Vec<Subject>,
    pub(super) questions: Vec<ListQuestion>,
    pub(super) likely: Vec<LikelyPlan>,
    /// The configuration and the revision of the links that it was read from.
    read_from: Option<(Arc<WorkspaceConfig>, u64)>,
}

/// Something that people are looked at for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Aim {
    /// A trait or audience goes to destinations.
    Sending(SyncSubject),
    /// A condition asks for their list.
    Answering(String),
}

/// A condition of audiences that asks for a list.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct ListQuestion {
    pub(super) text: String,
    pub(super) condition: Condition,
    pub(super) list: TraitDefinition,
}

/// A trait or audience that goes to a destination.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Subject {
    pub(super) subject: SyncSubject,
    pub(super) source: Source,
    pub(super) settings: SyncSettings,
    /// The links to destinations that are on.
    pub(super) links: Vec<LinkTo>,
}

/// Where the values of people come from.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Source {
    /// A list that is made for the person.
    List(Box<TraitDefinition>),
    /// The value that the state keeps.
    Computed,
    /// The membership that the state keeps.
    Audience,
}

/// The link to a destination.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct LinkTo {
    pub(super) destination: String,
    pub(super) number: u32,
    pub(super) round: u32,
}

impl Subject {
    /// Whether people are compared at the times of day that it names alone.
    pub(super) fn is_timed(&self) -> bool {
        self.settings.when == SyncTimes::AtTimes
    }

    /// The latest of its times of day at or before an instant; none where it has none.
    pub(super) fn last_time_before(&self, now: Timestamp) -> Option<Timestamp> {
        self.settings.at.iter().map(|time| time.last_before(now)).max()
    }
}

impl Plan {
    pub(super) fn read(views: &Views) -> Self {
        let config = &views.setup.config;
        let traits = config.traits.iter().filter(|one| !one.paused).filter_map(|one| {
            let source = Source::List(Box::new(one.clone()));
            Some((SyncSubject::Trait(one.key.clone()), source, one.sync.as_ref()?))
        });
        let computed = config.computed_traits.iter().filter_map(|one| {
            Some((SyncSubject::Trait(one.key.clone()), Source::Computed, one.sync.as_ref()?))
        });
        let audiences = config.audiences.iter().filter_map(|one| {
            Some((SyncSubject::Audience(one.key.clone()), Source::Audience, one.sync.as_ref()?))
        });
        let subjects = traits.chain(computed).chain(audiences).filter(|(.., sync)| !sync.paused);
        let subjects = subjects.map(|(subject, source, settings)| {
            let links = links_of(views, &subject);
            Subject { subject, source, settings: settings.clone(), links }
        });
        let questions = views.answers.questions().iter().filter(|(_, asked)| asked.asks_lists());
        let questions = questions.map(|(text, asked)| ListQuestion {
            text: text.clone(),
            condition: asked.condition.clone(),
            list: list_of(config, &asked.condition),
        });
        Self {
            subjects: subjects.filter(|subject| !subject.links.is_empty()).collect(),
            questions: questions.collect(),
            likely: config.audiences.iter().filter_map(plan_likely).collect(),
            read_from: Some((Arc::clone(config), views.last_sent.revision())),
        }
    }

    #[cfg(test)]
    pub(super) fn of(subjects: Vec<Subject>) -> Self {
        Self { subjects, ..Self::default() }
    }

    pub(super) fn is_current(&self, views: &Views) -> bool {
        self.read_from.as_ref().is_some_and(|(config, revision)| {
            Arc::ptr_eq(config, &views.setup.config) && *revision == views.last_sent.revision()
        })
    }

    /// Whether nobody is looked at for anything.
    pub(super) fn is_empty(&self) -> bool {
        self.subjects.is_empty() && self.questions.is_empty()
    }

    /// Everything that people are looked at for whenever something changes, with whether it takes
    /// lists: all but what waits for its times of day.
    pub(super) fn aims(&self) -> impl Iterator<Item = (Aim, bool)> + '_ {
        let sending = self.subjects.iter().filter(|subject| !subject.is_timed()).map(|subject| {
            let takes_list = matches!(subject.source, Source::List(_));
            (Aim::Sending(subject.subject.clone()), takes_list)
        });
        let questions = self.questions.iter();
        sending.chain(questions.map(|asked| (Aim::Answering(asked.text.clone()), true)))
    }

    /// What is new or other than before. After the start all is, but what waits for its times of
    /// day.
    pub(super) fn changed_since<'a>(&'a self, before: &'a Self) -> impl Iterator<Item = Aim> + 'a {
        let is_start = before.read_from.is_none();
        let is_changed = move |subject: &&Subject| {
            let waits = is_start && subject.is_timed();
            !waits && !before.subjects.contains(subject)
        };
        let subjects = self.subjects.iter().filter(is_changed);
        let subjects = subjects.map(|subject| Aim::Sending(subject.subject.clone()));
        let questions = self.questions.iter().filter(|asked| !before.questions.contains(asked));
        subjects.chain(questions.map(|asked| Aim::Answering(asked.text.clone())))
    }

    /// The subjects that follow every change, or those of a sweep, with lists or without.
    pub(super) fn subjects(&self, only: Option<&BTreeSet<Aim>>, with_lists: bool) -> Vec<&Subject> {
        let is_meant = |subject: &&Subject| {
            let is_list = matches!(subject.source, Source::List(_));
            let is_due = match only {
                Some(only) => only.contains(&Aim::Sending(subject.subject.clone())),
                None => !subject.is_timed(),
            };
            is_due && (with_lists || !is_list)
        };
        self.subjects.iter().filter(is_meant).collect()
    }

    /// All questions, or only some; none where no lists can be made.
    pub(super) fn questions(
        &self,
        only: Option<&BTreeSet<Aim>>,
        with_lists: bool,
    ) -> Vec<&ListQuestion> {
        let is_meant = |asked: &&ListQuestion| {
            let aim = Aim::Answering(asked.text.clone());
            with_lists && only.is_none_or(|only| only.contains(&aim))
        };
        self.questions.iter().filter(is_meant).collect()
    }
}

fn plan_likely(audience: &AudienceDefinition) -> Option<LikelyPlan> {
    let likely = audience.likely.clone()?;
    let definition = serde_json::to_string(&likely).expect("plain fields always encode");
    let question = question_of_audience(&audience.key).to_string();
    Some(LikelyPlan { question, likely, definition })
}

/// The list that a condition asks for.
pub(super) fn list_of(config: &WorkspaceConfig, condition: &Condition) -> TraitDefinition {
    let named = match condition {
        Condition::Trait(filter) => config.trait_definition(filter.key()),
        _ => None,
    };
    named.cloned().unwrap_or_else(|| TraitDefinition {
        count: RECOMMENDED_COUNT,
        ..TraitDefinition::recommended_items("")
    })
}

fn links_of(views: &Views, subject: &SyncSubject) -> Vec<LinkTo> {
    let is_on = |name: &String| {
        let destination = views.setup.config.destination(name);
        destination.is_some_and(|destination| destination.enabled)
    };
    let links = views.last_sent.links().iter();
    let links = links.filter(|((of, destination), _)| of == subject && is_on(destination));
    let link = |((_, destination), link): (&(SyncSubject, String), &state::Link)| LinkTo {
        destination: destination.clone(),
        number: link.number,
        round: link.round,
    };
    links.map(link).collect()
}
