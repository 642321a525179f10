//! A journal's files, read without opening it: nothing is changed, and another process may be
//! appending.

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

use fs_err as fs;
use journal::{
    DiskFile, JournalEnd, Offset, RecordedEnd, end_record_name, read_end_record, scan_segment,
};

use crate::Finding;
use crate::data_folder::ends_folder;
use crate::error::describe_error;

/// The result of reading a journal's files.
pub(crate) struct JournalSurvey {
    pub(crate) segments: u64,
    /// Undamaged bytes.
    pub(crate) bytes: u64,
    /// The end of the part before the first damage.
    pub(crate) end: JournalEnd,
    /// Damage, torn tails excluded.
    pub(crate) problems: Vec<Finding>,
}

/// Lists the names of a journal's segments in order; none if the folder is missing.
pub(crate) fn list_segments(folder: &Path) -> std::io::Result<Vec<String>> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut names = entries
        .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
        .collect::<std::io::Result<Vec<_>>>()?;
    names.retain(|name| name.ends_with(".seg"));
    names.sort_unstable();
    Ok(names)
}

/// Parses the first offset of a segment from its name.
pub(crate) fn parse_first_offset(name: &str) -> Option<u64> {
    name.strip_suffix(".seg")?.parse().ok()
}

/// Returns the total size of a journal's segments, in bytes.
pub(crate) fn measure_journal(folder: &Path) -> std::io::Result<u64> {
    list_segments(folder)?.iter().map(|name| Ok(fs::metadata(folder.join(name))?.len())).sum()
}

pub(crate) fn open_read_only(path: &Path) -> std::io::Result<Arc<dyn DiskFile>> {
    Ok(Arc::new(fs::File::open(path)?))
}

/// Reads the end-of-log record of a journal.
pub(crate) fn read_recorded_end(data: &Path, journal: &str) -> std::io::Result<RecordedEnd> {
    match fs::File::open(ends_folder(data).join(end_record_name(journal))) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(RecordedEnd::Absent),
        file => read_end_record(&file?, journal),
    }
}

/// Reads all segments of a journal that no process appends to, and continues after damage. The
/// journal may begin at the offset of its snapshot or before, 0 where there is none. `progress`
/// gets the number of bytes just read.
pub(crate) fn survey_journal(
    folder: &Path,
    journal: &str,
    snapshot: u64,
    progress: &dyn Fn(u64),
) -> std::io::Result<JournalSurvey> {
    let mut survey =
        JournalSurvey { segments: 0, bytes: 0, end: JournalEnd::EMPTY, problems: Vec::new() };
    let names = list_segments(folder)?;
    let first = names.first().and_then(|name| parse_first_offset(name)).unwrap_or(0);
    let mut expected = Some(Offset(if first <= snapshot { first } else { 0 }));
    for (n, name) in names.iter().enumerate() {
        survey.segments += 1;
        let is_last = n + 1 == names.len();
        let file = open_read_only(&folder.join(name))?;
        // A crash may leave the last one without its header.
        if is_last && file.size()? < JournalEnd::EMPTY.segment_bytes {
            continue;
        }
        let scan =
            scan_segment(&folder.to_string_lossy(), name, journal, file, None, &mut |bytes| {
                progress(bytes.len() as u64);
                ControlFlow::Continue(())
            });
        let scan = match scan {
            Ok(scan) => scan,
            Err(error) => {
                survey.problems.push(Finding::Journal { text: describe_error(&error) });
                expected = None;
                continue;
            }
        };
        survey.bytes += scan.bytes;
        if let Some(expected) = expected.filter(|expected| *expected != scan.first) {
            let text = format!(
                "entries {expected} to {} are missing: segment {} starts at offset {}. Restore the missing \
                 segments from a backup",
                scan.first.0.saturating_sub(1),
                folder.join(name).display(),
                scan.first
            );
            survey.problems.push(Finding::Journal { text });
        }
        if survey.problems.is_empty() {
            survey.end =
                JournalEnd { offset: scan.end, segment: scan.first, segment_bytes: scan.bytes };
        }
        expected = Some(scan.end);
        if let Some(damage) = scan.damage.filter(|_| !(is_last && scan.is_torn)) {
            survey.problems.push(Finding::Journal { text: describe_error(&damage) });
            expected = None;
        }
    }
    Ok(survey)
}

/// Returns a finding if a journal ends before its acknowledged end.
pub(crate) fn find_missing_end(journal: &str, end: u64, acknowledged: u64) -> Option<Finding> {
    (end < acknowledged).then(|| Finding::Journal {
        text: format!(
            "entries {end} to {} of journal {journal} are missing. Restore it from a backup, or give these \
             entries up with `tastemaker accept-loss`",
            acknowledged - 1
        ),
    })
}
