//! Errors of snapshots of the state.

use std::path::PathBuf;

use domain::WorkspaceId;
use recommender::Cancelled;
use store::StoreError;

/// Errors of taking and of reading snapshots of the state.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    /// The file system refused.
    #[error("cannot read or write the snapshot {path}")]
    Io {
        /// The file.
        path: PathBuf,
        /// The error of the file system.
        #[source]
        source: std::io::Error,
    },
    /// The bytes are not those that were written.
    #[error(
        "snapshot {path} is damaged at byte {position}: {what}. Restore the file from a backup (`tastemaker restore`)"
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// The byte in the file.
        position: u64,
        /// The kind of damage.
        what: &'static str,
    },
    /// A later build wrote it.
    #[error(
        "snapshot {path} has rows of format {found}, written by version {written_by}, and this program reads up to {present}: use that version or a later one",
        present = store::FORMAT
    )]
    Format {
        /// The file.
        path: PathBuf,
        /// The format of its rows.
        found: u8,
        /// The version of the program that wrote it.
        written_by: String,
    },
    /// It is of another workspace.
    #[error("snapshot {path} is of workspace {found}: it was copied to the wrong folder")]
    OtherWorkspace {
        /// The file.
        path: PathBuf,
        /// The workspace that it is of.
        found: WorkspaceId,
    },
    /// The beginning of the journal is cut off, and there is no snapshot to begin with.
    #[error(
        "the journal begins at offset {start}: what came before was cut, and the snapshot of the state that has it is missing in {folder}, a file {start:020}.snapshot or of a later offset{latest}. Put it back from a backup, or restore the workspace (`tastemaker restore`), or put the segments from offset 0 on back from the archive into the folder `journal`",
        latest = Latest(*.until)
    )]
    NoBase {
        /// The folder of the snapshots.
        folder: PathBuf,
        /// Where the journal begins.
        start: u64,
        /// Up to where entries were to be folded: no snapshot of a later offset helps.
        until: u64,
    },
    /// An independent fold of the journal came to other rows.
    #[error(
        "a fold of the journal up to offset {position} comes to other rows than the snapshot: {what}"
    )]
    Differs {
        /// The position of the snapshot.
        position: u64,
        /// What differs.
        what: String,
    },
    /// The workspace is being reset.
    #[error("the workspace is being reset: try again in a moment")]
    Resetting,
    /// It was cut short, since the workspace is being closed or somebody has cancelled it.
    #[error("it was cut short")]
    Cancelled(#[from] Cancelled),
    /// The store cannot be read or written.
    #[error("cannot read or write a store")]
    Store(#[from] StoreError),
}

/// The latest offset that a snapshot may have, where there is a limit.
struct Latest(u64);

impl std::fmt::Display for Latest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            u64::MAX => Ok(()),
            until => write!(f, " up to {until}"),
        }
    }
}
