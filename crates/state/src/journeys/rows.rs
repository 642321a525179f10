//! The rows of journeys, and what rows of people say of places.

use std::collections::BTreeMap;
use std::sync::Arc;

use domain::{Timestamp, UserIdx};
use serde::{Deserialize, Serialize};
use store::StoreError;
use store::key::KeyBuf;

use super::counts::JourneyCounts;
use super::directory::{Version, Versions};
use super::instance::Moment;
use super::person::JourneysOf;
use super::plan::Plan;
use super::{KeptJourney, decode, unreadable};

/// How far the entry of a journey that has a time came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct EntryRun {
    /// The time.
    pub at: Timestamp,
    /// The index of the first person who was not looked at.
    pub next_user: u32,
    /// Whether everybody was.
    pub is_done: bool,
}

/// What is kept beside journeys.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub(super) struct Shared {
    pub(super) next_number: u32,
    /// The first person whom a change of the journeys has not reached; none where it has everybody.
    pub(super) walk: Option<u32>,
}

/// What a row says of places, to count the difference.
pub(crate) struct Places {
    pub(super) nodes: Vec<(u32, u32, u16)>,
    pub(super) asked: Vec<Vec<u8>>,
}

#[derive(Serialize, Deserialize)]
pub(super) struct VersionRow {
    number: u32,
    made: Moment,
    /// JSON text.
    definition: String,
}

#[derive(Serialize, Deserialize)]
pub(super) struct JourneyRow {
    number: u32,
    versions: Vec<VersionRow>,
    inside: BTreeMap<(u32, u16), u64>,
    counts: JourneyCounts,
    run: Option<EntryRun>,
}

pub(super) fn places(user: UserIdx, row: &JourneysOf) -> Places {
    let nodes = row.instances.iter().map(|one| (one.journey, one.version, one.node));
    let asked = row.asked().map(|one| {
        let key = KeyBuf::new().u64(one.since.0 as u64).u32(user.0).u32(one.journey);
        key.u64(one.entered.at.0 as u64).u64(one.entered.offset).build()
    });
    Places { nodes: nodes.collect(), asked: asked.collect() }
}

pub(super) fn journey_row(kept: &KeptJourney) -> JourneyRow {
    let row = |version: &Version| VersionRow {
        number: version.number,
        made: version.made,
        definition: serde_json::to_string(&version.plan.definition)
            .expect("a journey is plain JSON"),
    };
    JourneyRow {
        number: kept.versions.number,
        versions: kept.versions.versions.iter().map(row).collect(),
        inside: kept.inside.clone(),
        counts: kept.counts.clone(),
        run: kept.run,
    }
}

pub(super) fn read_journey(value: &[u8]) -> Result<KeptJourney, StoreError> {
    let JourneyRow { number, versions, inside, counts, run } = decode(value)?;
    let version = |row: VersionRow| {
        let definition = serde_json::from_str(&row.definition).map_err(|_| unreadable())?;
        let plan = Arc::new(Plan::new(definition).map_err(|_| unreadable())?);
        Ok(Version { number: row.number, made: row.made, plan })
    };
    let versions = versions.into_iter().map(version).collect::<Result<Vec<_>, StoreError>>()?;
    if versions.is_empty() {
        return Err(unreadable());
    }
    Ok(KeptJourney { versions: Versions { number, versions }, inside, counts, run })
}
