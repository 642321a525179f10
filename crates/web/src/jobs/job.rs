//! A job as it is shown.

use std::io::ErrorKind;
use std::path::PathBuf;

use domain::Timestamp;
use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

use crate::access::Who;
use crate::error::Problem;

/// The kinds of long work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum JobKind {
    /// A file becomes the catalog.
    Import,
    /// A model is trained.
    Training,
    /// A file is made of what the workspace has.
    Export,
    /// A file of messages is taken.
    Messages,
    /// People's data is deleted, or new data of them refused.
    Privacy,
    /// The beginning of the journal is cut.
    Retention,
    /// A span of the journal is sent once more, or counted.
    Replay,
    /// Changed mappings are applied to the past, or what that would change is found.
    BackFill,
}

/// The states of a job. The last three are for good.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum JobState {
    /// It begins when others have ended.
    Waiting,
    /// It is under way.
    Running,
    /// It has its result.
    Done,
    /// It ended with an error and changed nothing, but for messages that it had taken or sent, and
    /// what it had back-filled.
    Failed,
    /// Somebody cancelled it, or the server stopped; it changed nothing, but for messages that it
    /// had taken or sent, and what it had back-filled.
    Cancelled,
}

impl JobState {
    /// Whether a job in this state has ended.
    pub fn has_ended(self) -> bool {
        matches!(self, Self::Done | Self::Failed | Self::Cancelled)
    }
}

/// How far a job is.
#[derive(Debug, Clone, PartialEq, Serialize, utoipa::ToSchema)]
pub struct JobProgress {
    /// The share that is done, from 0 to 1.
    pub share: f64,
    /// A sentence about what is done now.
    pub doing: String,
}

/// Long work of a workspace.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct Job {
    /// The id.
    pub id: Uuid,
    /// The kind of work.
    pub kind: JobKind,
    /// Who started it.
    pub started_by: Who,
    /// Where it stands.
    pub state: JobState,
    /// Whether it was told to end and has not yet.
    pub is_being_cancelled: bool,
    /// How far it is, or was when it ended.
    pub progress: JobProgress,
    /// When it was asked for.
    pub created_at: Timestamp,
    /// When it began; none while it waits.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// The result of a job that is done, by its kind.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub result: Option<Value>,
    /// The error of a job that failed or was cancelled.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<Problem>,
}

/// The outcome of work that is done.
pub struct JobOutcome {
    /// The result, as it is shown.
    pub result: Value,
    /// The file that was made, which is removed with the job.
    pub file: Option<JobFile>,
}

impl JobOutcome {
    /// A result without a file.
    pub fn of(result: &impl Serialize) -> Self {
        Self { result: domain::json::to_value(result), file: None }
    }
}

/// A file that a job has made. It is removed when this is dropped.
#[derive(Debug)]
pub struct JobFile {
    /// The path.
    pub path: PathBuf,
    /// The name for whoever downloads it.
    pub name: String,
    /// The media type.
    pub media_type: &'static str,
}

impl Drop for JobFile {
    fn drop(&mut self) {
        if let Err(error) = fs_err::remove_file(&self.path)
            && error.kind() != ErrorKind::NotFound
        {
            tracing::warn!(%error, path = %self.path.display(), "the file of a job stays");
        }
    }
}
