//! Reading the entries of a journal from its files, to look at them. Nothing is changed, and a server may be appending.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use domain::WorkspaceId;
use journal::{JournalEnd, ReadError, RecordedEnd, decode_block, scan_segment};

use crate::data_folder::{list_workspaces, workspace_folder};
use crate::entry::written_by;
use crate::journal_files::{first_offset, open_read_only, recorded_end, segment_names};
use crate::{DataFolderError, DecodeError, Entry};

/// Why the entries of a journal could not be read.
#[derive(Debug, thiserror::Error)]
pub enum InspectionError {
    /// The data folder cannot be read.
    #[error(transparent)]
    DataFolder(#[from] DataFolderError),
    /// There is no such journal.
    #[error("no workspace {workspace} in {data}; there are: {known}")]
    NoSuchWorkspace {
        /// The data folder.
        data: PathBuf,
        /// The workspace that was asked for.
        workspace: WorkspaceId,
        /// Those that there are.
        known: String,
    },
    /// The file system refused.
    #[error("cannot read the journal")]
    Io(#[from] std::io::Error),
    /// The journal is damaged.
    #[error("cannot read the journal further; `tastemaker verify` tells more")]
    Damaged(#[source] ReadError),
}

/// An entry of a journal as it is on disk.
pub struct InspectedEntry {
    /// Its offset.
    pub offset: u64,
    /// The version of the build that wrote it; none of entries before version 6.
    pub written_by: Option<String>,
    /// The entry, or why this build cannot read it.
    pub entry: Result<Entry, DecodeError>,
}

/// Reads the entries of a workspace's journal from an offset on, one block at a time, until `visit` stops it. Gives the offset after
/// the last entry; none where nobody has recorded it and `visit` stopped before.
///
/// # Errors
/// [`InspectionError::Damaged`] after the entries before the damage were visited.
pub fn inspect_journal(
    data: &Path,
    workspace: &WorkspaceId,
    from: u64,
    visit: &mut dyn FnMut(InspectedEntry) -> ControlFlow<()>,
) -> Result<Option<u64>, InspectionError> {
    let folder = workspace_folder(data, workspace).join("journal");
    if !folder.is_dir() {
        let known: Vec<String> = list_workspaces(data)?.iter().map(WorkspaceId::to_string).collect();
        return Err(InspectionError::NoSuchWorkspace {
            data: data.to_owned(),
            workspace: workspace.clone(),
            known: if known.is_empty() { "none".to_owned() } else { known.join(", ") },
        });
    }
    // Before the segments are listed: those that come after are not for this reading.
    let end = match recorded_end(data, workspace.as_str())? {
        RecordedEnd::At(end) => Some(end),
        RecordedEnd::Absent | RecordedEnd::Unreadable => None,
    };
    let mut names = segment_names(&folder)?;
    let first = |name: &String| first_offset(name).unwrap_or_default();
    names.retain(|name| end.is_none_or(|end| first(name) <= end.segment.0));
    // The last segment that starts at or before the offset.
    let n_before = names.partition_point(|name| first(name) <= from).saturating_sub(1);
    let mut last = None;
    for (n, name) in names.iter().enumerate().skip(n_before) {
        let is_last = n + 1 == names.len();
        let file = open_read_only(&folder.join(name))?;
        if is_last && end.is_none() && file.size()? < JournalEnd::EMPTY.segment_bytes {
            break;
        }
        let until = end.filter(|_| is_last).map(|end| end.segment_bytes);
        let mut is_header = true;
        let place = folder.to_string_lossy();
        let scan = scan_segment(&place, name, workspace.as_str(), file, until, &mut |bytes| {
            if std::mem::take(&mut is_header) {
                return ControlFlow::Continue(());
            }
            let (first, records) = decode_block(bytes).expect("the scan has checked the block");
            let mut numbered = (first.0..).zip(records).filter(|(offset, _)| *offset >= from);
            numbered.try_for_each(|(offset, bytes)| {
                let written_by = written_by(&bytes).map(str::to_owned);
                visit(InspectedEntry { offset, written_by, entry: Entry::decode(&bytes) })
            })
        });
        let scan = scan.map_err(InspectionError::Damaged)?;
        if !scan.is_complete {
            return Ok(end.map(|end| end.offset.0));
        }
        // Without a record, the end may be a block that is being written at this moment.
        if let Some(damage) = scan.damage.filter(|_| !(is_last && until.is_none() && scan.is_torn)) {
            return Err(InspectionError::Damaged(damage));
        }
        last = Some(scan.end.0);
    }
    Ok(end.map(|end| end.offset.0).or(last).or(Some(0)))
}
