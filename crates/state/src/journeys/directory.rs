//! The journeys of a workspace with their versions, as people are moved by them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use domain::{JourneyEntrance, JourneyStatus};

use super::instance::Moment;
use super::plan::Plan;

/// A version of a journey.
#[derive(Debug, Clone)]
pub struct Version {
    /// Names it in rows.
    pub number: u32,
    /// When it was published.
    pub made: Moment,
    /// What it does.
    pub plan: Arc<Plan>,
}

/// A journey with the versions on which people are.
#[derive(Debug, Clone)]
pub struct Versions {
    /// Names the journey in rows.
    pub number: u32,
    /// The earliest first; the last one is the present one.
    pub versions: Vec<Version>,
}

impl Versions {
    /// The present version.
    pub fn latest(&self) -> &Version {
        self.versions.last().expect("a journey has a version")
    }

    /// The version of a number; none that is not kept any more.
    pub fn version(&self, number: u32) -> Option<&Version> {
        self.versions.iter().find(|version| version.number == number)
    }

    fn is_stopped(&self) -> bool {
        self.latest().plan.definition.status == JourneyStatus::Stopped
    }
}

/// All journeys.
#[derive(Debug, Default)]
pub struct Directory {
    by_key: BTreeMap<String, Versions>,
    by_number: BTreeMap<u32, String>,
    /// Those that were removed, until everybody is out of them.
    gone: BTreeMap<u32, Versions>,
    /// The names of events that move people inside, and of those that begin journeys.
    moving: BTreeSet<String>,
    beginning: BTreeSet<String>,
    /// The audiences that matter by being entered.
    audiences: BTreeSet<String>,
}

impl Directory {
    /// The journeys with these keys, and those that were removed.
    pub fn new(
        journeys: impl IntoIterator<Item = (String, Versions)>,
        gone: impl IntoIterator<Item = Versions>,
    ) -> Self {
        let gone = gone.into_iter().map(|versions| (versions.number, versions)).collect();
        let mut directory = Self { gone, ..Self::default() };
        for (key, versions) in journeys {
            let entry = &versions.latest().plan;
            if entry.is_open() {
                directory.beginning.extend(entry.entry_event().map(str::to_owned));
                if let JourneyEntrance::Audience { audience } = &entry.definition.entry {
                    directory.audiences.insert(audience.clone());
                }
            }
            let at_work = match entry.definition.status {
                JourneyStatus::Running | JourneyStatus::Paused => versions.versions.as_slice(),
                JourneyStatus::Draft | JourneyStatus::Stopped => &[],
            };
            for Version { plan, .. } in at_work {
                directory.moving.extend(plan.moving_events().map(str::to_owned));
                let goals = plan.definition.goals.iter();
                directory.audiences.extend(goals.filter_map(|goal| goal.audience.clone()));
            }
            directory.by_number.insert(versions.number, key.clone());
            directory.by_key.insert(key, versions);
        }
        directory
    }

    /// The journey of a key.
    pub fn journey(&self, key: &str) -> Option<&Versions> {
        self.by_key.get(key)
    }

    /// The key of the journey of a number; none that is gone.
    pub fn key(&self, number: u32) -> Option<&str> {
        self.by_number.get(&number).map(String::as_str)
    }

    /// The journeys by key.
    pub fn by_key(&self) -> &BTreeMap<String, Versions> {
        &self.by_key
    }

    pub(crate) fn by_number(&self, number: u32) -> Option<&Versions> {
        let present = self.by_number.get(&number).and_then(|key| self.by_key.get(key));
        present.or_else(|| self.gone.get(&number))
    }

    /// The journey of a number, unless everybody is out of it.
    pub(crate) fn at_work(&self, number: u32) -> Option<&Versions> {
        let present = self.by_key.get(self.by_number.get(&number)?);
        present.filter(|versions| !versions.is_stopped())
    }

    /// Whether an event of a name may move or bring in somebody.
    pub(crate) fn asks_for(&self, event: &str) -> bool {
        self.moves(event) || self.beginning.contains(event)
    }

    /// Whether an event of a name may move somebody inside.
    pub(crate) fn moves(&self, event: &str) -> bool {
        self.moving.contains(event)
    }

    /// Whether entering an audience may move or bring in somebody.
    pub(crate) fn asks_for_audience(&self, key: &str) -> bool {
        self.audiences.contains(key)
    }

    /// Whether entering any audience may.
    pub(crate) fn asks_audiences(&self) -> bool {
        !self.audiences.is_empty()
    }
}
