//! What running regulations takes and tells: its steps, its errors, and what it needs of the
//! process.

use std::path::PathBuf;

use state::TooManyIds;
use uuid::Uuid;

use super::receipt::RemovedFiles;
use crate::EngineError;

/// Why a regulation has not come to its end. It goes on when it is run again.
#[derive(Debug, thiserror::Error)]
pub enum RegulationError {
    /// There is no regulation of the id that is not at its end.
    #[error("there is no regulation {0} that is under way")]
    Unknown(Uuid),
    /// It was cancelled, or the workspace is being closed.
    #[error("the regulation was interrupted; it goes on by itself")]
    Interrupted,
    /// A destination has not answered yet, and is told once more at a time.
    #[error("a destination has not deleted them yet; it is told once more")]
    Waiting {
        /// The time of the next attempt.
        until: domain::Timestamp,
    },
    /// The ids are too many or too long.
    #[error(transparent)]
    TooManyIds(#[from] TooManyIds),
    /// The journal cannot be written anew.
    #[error("cannot erase people from the journal")]
    Journal(#[from] journal::RewriteError),
    /// The workspace failed.
    #[error(transparent)]
    Engine(#[from] EngineError),
}

impl From<std::io::Error> for RegulationError {
    fn from(error: std::io::Error) -> Self {
        Self::Engine(error.into())
    }
}

/// What is being done, with the share of it that is done.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum RegulationStep {
    /// New data is refused from now on.
    Suppressing,
    /// People are deleted from profiles, histories and lists.
    Deleting,
    /// The files of the store are written anew.
    PurgingStore,
    /// Segments of the journal are written anew.
    ErasingJournal(f64),
    /// Every file is searched.
    Searching(f64),
    /// Destinations are told.
    Forwarding,
}

impl RegulationStep {
    /// The share of the regulation that is done before it, from 0 to 1.
    pub fn share(self) -> f64 {
        match self {
            Self::Suppressing => 0.01,
            Self::Deleting => 0.03,
            Self::PurgingStore => 0.06,
            Self::ErasingJournal(share) => 0.1 + 0.5 * share,
            Self::Searching(share) => 0.6 + 0.35 * share,
            Self::Forwarding => 0.96,
        }
    }
}

/// What a regulation needs of the process around the workspace.
pub struct Surroundings<'a> {
    /// Removes files with data of people that are outside of the workspace's folder.
    pub remove_files: &'a dyn Fn() -> std::io::Result<RemovedFiles>,
    /// Folders outside of the workspace's that are searched as well.
    pub folders: Vec<PathBuf>,
    /// Notes a step.
    pub note: &'a dyn Fn(RegulationStep),
    /// Whether to stop.
    pub is_interrupted: &'a dyn Fn() -> bool,
}

impl Surroundings<'_> {
    /// A workspace alone.
    pub const NONE: Surroundings<'static> = Surroundings {
        remove_files: &|| Ok(RemovedFiles { exports: 0, uploads: 0 }),
        folders: Vec::new(),
        note: &|_| {},
        is_interrupted: &|| false,
    };

    pub(super) fn check(&self) -> Result<(), RegulationError> {
        if (self.is_interrupted)() { Err(RegulationError::Interrupted) } else { Ok(()) }
    }
}
