//! Inspection of a journal: reads its entries from the files, while a server may be appending.
//! Changes nothing.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use domain::WorkspaceId;
use journal::{JournalEnd, ReadError, RecordedEnd, decode_block, scan_segment};

use state::read_writer_build;

use crate::data_folder::{list_workspaces, workspace_folder};
use crate::journal_files::{list_segments, open_read_only, parse_first_offset, read_recorded_end};
use crate::{DataFolderError, DecodeError, Entry};

/// Errors of inspecting a journal.
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
        /// The requested workspace.
        workspace: WorkspaceId,
        /// The ids of the workspaces in the folder.
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

/// Reads the entries of a workspace's journal from an offset on, one block at a time, until `visit`
/// stops it. Returns the offset after the last entry; none if it is not recorded and `visit`
/// stopped before.
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
        let known: Vec<String> =
            list_workspaces(data)?.iter().map(WorkspaceId::to_string).collect();
        return Err(InspectionError::NoSuchWorkspace {
            data: data.to_owned(),
            workspace: workspace.clone(),
            known: if known.is_empty() { "none".to_owned() } else { known.join(", ") },
        });
    }
    // Read before the segments are listed: segments that are added later are left out.
    let end = match read_recorded_end(data, workspace.as_str())? {
        RecordedEnd::At(end) => Some(end),
        RecordedEnd::Absent | RecordedEnd::Unreadable => None,
    };
    let mut names = list_segments(&folder)?;
    let first = |name: &String| parse_first_offset(name).unwrap_or_default();
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
                let written_by = read_writer_build(&bytes).map(str::to_owned);
                visit(InspectedEntry { offset, written_by, entry: Entry::decode(&bytes) })
            })
        });
        let scan = scan.map_err(InspectionError::Damaged)?;
        if !scan.is_complete {
            return Ok(end.map(|end| end.offset.0));
        }
        // Without a record, the end may be a block that is being written at this moment.
        if let Some(damage) = scan.damage.filter(|_| !(is_last && until.is_none() && scan.is_torn))
        {
            return Err(InspectionError::Damaged(damage));
        }
        last = Some(scan.end.0);
    }
    Ok(end.map(|end| end.offset.0).or(last).or(Some(0)))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use domain::Timestamp;
    use journal::{FileJournal, Journal, JournalOptions, RealDisk};

    use super::*;

    fn offsets(
        data: &Path,
        from: u64,
        count: usize,
    ) -> (Vec<u64>, Result<Option<u64>, InspectionError>) {
        let mut offsets = Vec::new();
        let end = inspect_journal(data, &WorkspaceId::new("shop").unwrap(), from, &mut |entry| {
            if offsets.len() == count {
                return ControlFlow::Break(());
            }
            entry.entry.unwrap();
            offsets.push(entry.offset);
            ControlFlow::Continue(())
        });
        (offsets, end)
    }

    /// This journal has many segments and no record of its end.
    #[test]
    fn reading_begins_within_any_segment_and_ends_before_a_block_that_is_being_written() {
        let data = tempfile::tempdir().unwrap();
        let folder =
            workspace_folder(data.path(), &WorkspaceId::new("shop").unwrap()).join("journal");
        let options = JournalOptions { segment_bytes_max: 200, ..JournalOptions::default() };
        let journal =
            FileJournal::open_with(Arc::new(RealDisk::open(&folder).unwrap()), options).unwrap();
        for _ in 0..20 {
            let resumed = |at| Entry::Resumed { received_at: Timestamp(at) }.encode();
            journal.append(&[&resumed(1), &resumed(2)]).unwrap();
        }
        let names = list_segments(&folder).unwrap();
        assert!(names.len() > 5, "{names:?}");
        for from in 0..=41 {
            let (found, end) = offsets(data.path(), from, usize::MAX);
            assert_eq!((found, end.unwrap()), ((from..40).collect(), Some(40)), "from {from}");
        }
        let (found, end) = offsets(data.path(), 7, 2);
        assert_eq!((found, end.unwrap()), (vec![7, 8], None));

        let last = folder.join(&names[names.len() - 1]);
        let whole = fs_err::read(&last).unwrap();
        fs_err::write(&last, [&whole[..], b"BLK1 and a part of what follows"].concat()).unwrap();
        assert_eq!(offsets(data.path(), 39, 9).1.unwrap(), Some(40));
        // Elsewhere it is damage, which is told after what comes before.
        let second = folder.join(&names[1]);
        let mut bytes = fs_err::read(&second).unwrap();
        bytes[60] ^= 1;
        fs_err::write(&second, bytes).unwrap();
        let (found, end) = offsets(data.path(), 0, usize::MAX);
        assert!(matches!(end, Err(InspectionError::Damaged(_))));
        assert_eq!(found.len() as u64, parse_first_offset(&names[1]).unwrap());
    }
}
