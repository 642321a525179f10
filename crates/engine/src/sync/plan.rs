//! What goes where, as the configuration says.

use std::collections::BTreeSet;
use std::sync::Arc;

use domain::{SyncSettings, SyncTimes, Timestamp, TraitDefinition, WorkspaceConfig};
use state::{SyncSubject, Views};

/// The traits and audiences that go to destinations.
#[derive(Default)]
pub(super) struct Plan {
    pub(super) subjects: Vec<Subject>,
    /// The configuration and the revision of the links that it was read from.
    read_from: Option<(Arc<WorkspaceConfig>, u64)>,
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
        Self {
            subjects: subjects.filter(|subject| !subject.links.is_empty()).collect(),
            read_from: Some((Arc::clone(config), views.last_sent.revision())),
        }
    }

    #[cfg(test)]
    pub(super) fn of(subjects: Vec<Subject>) -> Self {
        Self { subjects, read_from: None }
    }

    pub(super) fn is_current(&self, views: &Views) -> bool {
        self.read_from.as_ref().is_some_and(|(config, revision)| {
            Arc::ptr_eq(config, &views.setup.config) && *revision == views.last_sent.revision()
        })
    }

    /// The subjects that are new or other than before. After the start all are, but those that wait
    /// for their times of day.
    pub(super) fn changed_since<'a>(
        &'a self,
        before: &'a Self,
    ) -> impl Iterator<Item = SyncSubject> + 'a {
        let is_start = before.read_from.is_none();
        let is_changed = move |subject: &&Subject| {
            let waits = is_start && subject.is_timed();
            !waits && !before.subjects.contains(subject)
        };
        let changed = self.subjects.iter().filter(is_changed);
        changed.map(|subject| subject.subject.clone())
    }

    /// The subjects that follow every change, or those of a sweep, with lists or without.
    pub(super) fn subjects(
        &self,
        only: Option<&BTreeSet<SyncSubject>>,
        with_lists: bool,
    ) -> Vec<&Subject> {
        let is_meant = |subject: &&Subject| {
            let is_list = matches!(subject.source, Source::List(_));
            let is_due = match only {
                Some(only) => only.contains(&subject.subject),
                None => !subject.is_timed(),
            };
            is_due && (with_lists || !is_list)
        };
        self.subjects.iter().filter(is_meant).collect()
    }
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
