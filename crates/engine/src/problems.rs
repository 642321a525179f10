//! Problems of a workspace that is served in spite of them.

use domain::Timestamp;
use serving::UnfitScenario;

use crate::Finding;

/// A problem of a workspace, for operators. Each text says what follows from the problem, and what
/// ends it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// The last append failed.
    #[error("nothing can be written: {why}; it is tried again every second, queries go on")]
    Failing {
        /// The error of the journal.
        why: String,
    },
    /// Nothing can be written until the workspace is opened again.
    #[error(
        "nothing is written: {why}; the server opens the workspace again, once its disk has room, and queries go on until then"
    )]
    Broken {
        /// The error of the journal or the fold.
        why: String,
    },
    /// The last entries have another time than the earlier ones: the system's clock is or was
    /// wrong, or nothing was written for a long time.
    #[error(
        "the journal is at {journal}, its last entry says {entry}: until more entries agree with that, days and windows go by the \
         journal; set the system's clock right if it is wrong"
    )]
    TimeDoubted {
        /// The time that days and windows use.
        journal: Timestamp,
        /// The time of the last entry.
        entry: Timestamp,
    },
    /// The model in use could not be read: when the workspace was opened, or when another engine
    /// that writes into the journal had trained it.
    #[error(
        "model {version} is made again from the journal, since {why}; until then lists are of the model before it, or what is trending and \
         what is new{}",
        describe_last_attempt(last_error.as_deref())
    )]
    ModelLost {
        /// The model's version.
        version: String,
        /// The error of reading it.
        why: String,
        /// The error of the last attempt to make it again.
        last_error: Option<String>,
    },
    /// There is no snapshot of the state that could take the place of the journal's beginning.
    #[error("nothing is cut from the journal: {why}")]
    Snapshot {
        /// What is wrong with the snapshot, and the way out.
        why: String,
    },
    /// The model in use is lost, and what it was made of is cut from the journal.
    #[error(
        "model {version} is lost and cannot be made again, since its training lies before the journal's start; the next training is due, and \
         until then lists are what is trending and what is new"
    )]
    ModelGone {
        /// The model's version.
        version: String,
    },
    /// A check of the stored data has found damage.
    #[error("stored data is damaged: {finding}; requests that do not need it go on")]
    Damaged {
        /// The damage, its place, and the way out.
        finding: Finding,
    },
    /// A scenario needs a property that the catalog does not have, or has with another type.
    #[error(
        "scenario {scenario:?} does not fit the catalog: {what}; put the scenario or its properties right"
    )]
    ScenarioUnfit {
        /// Its name.
        scenario: String,
        /// The parts that do not fit, and their replacements.
        what: String,
    },
    /// The configuration of the bootstrap file is not in force.
    #[error(
        "the bootstrap file's configuration is not in force: {why}; restart the server when that is mended"
    )]
    NotConfigured {
        /// The error of journalling it.
        why: String,
    },
}

impl From<UnfitScenario> for Problem {
    fn from(UnfitScenario { scenario, problems }: UnfitScenario) -> Self {
        Self::ScenarioUnfit { scenario, what: problems.join("; ") }
    }
}

fn describe_last_attempt(last_error: Option<&str>) -> String {
    last_error.map_or(String::new(), |error| {
        format!("; the last attempt failed and is repeated: {error}")
    })
}
