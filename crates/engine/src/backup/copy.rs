//! Copying journals and artifacts into a backup.

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::ops::ControlFlow;
use std::path::Path;

use fs_err as fs;
use journal::disk::create_private_folder;
use journal::{JournalEnd, REWRITTEN_LIST, read_rewritten_list, scan_segment};
use sha2::{Digest, Sha256};

use super::BackupError;
use super::manifest::{FileCopy, JournalCopy, write_whole};
use crate::artifacts::parse_offset;
use crate::journal_files::{list_segments, open_read_only, parse_first_offset};
use crate::state_snapshot;
use crate::store_picture::to_hex;

/// How much of a file is read at once, in bytes.
const CHUNK_BYTES: usize = 1_024 * 1_024;

/// Copies a journal up to `end`, or up to its last whole block if its end is not recorded. It may
/// begin at the position of its `snapshot` or before, 0 where there is none. Closed segments in the
/// backup are kept. Other segments are copied again and must begin with their earlier copy, but for
/// those that people were erased from.
pub(super) fn copy_journal(
    from: &Path,
    snapshot: u64,
    end: Option<JournalEnd>,
    to: &Path,
    old: Option<&JournalCopy>,
    note_read: &dyn Fn(u64),
    note_copied: &dyn Fn(u64),
) -> Result<JournalCopy, BackupError> {
    create_private_folder(to)?;
    let mut names = list_segments(from)?;
    // Without the segments that were added after the record was read.
    names.retain(|name| {
        end.is_none_or(|end| parse_first_offset(name).is_some_and(|first| first <= end.segment.0))
    });
    let missing =
        |found: u64, last: u64| BackupError::Missing { journal: from.to_owned(), end: found, last };
    let start = names.first().and_then(|name| parse_first_offset(name)).unwrap_or_default();
    let start = if start <= snapshot { start } else { 0 };
    let rewritten = list_rewritten(from)?;
    let mut copy = JournalCopy { entries: start, segments: Vec::new(), is_replaced: false };
    for (n, name) in names.iter().enumerate() {
        let is_last = n + 1 == names.len();
        let first = parse_first_offset(name).unwrap_or_default();
        if first != copy.entries {
            return Err(missing(copy.entries, first.saturating_sub(1)));
        }
        let old_file = old.and_then(|old| old.segment(name));
        let len = fs::metadata(from.join(name))?.len();
        if is_last && end.is_none() && len < JournalEnd::EMPTY.segment_bytes {
            break;
        }
        if !is_last
            && let Some(old_file) = old_file.filter(|file| file.bytes == len)
            && hash_beginning(&to.join(name), len)?.as_ref() == Some(&old_file.sha256)
            && (!rewritten.contains(name)
                || hash_beginning(&from.join(name), len)?.as_ref() == Some(&old_file.sha256))
        {
            note_read(len);
            copy.segments.push(old_file.clone());
            // The name of the next segment tells where this one ends.
            copy.entries =
                names.get(n + 1).and_then(|next| parse_first_offset(next)).unwrap_or_default();
            continue;
        }
        let until = end.filter(|_| is_last).map(|end| end.segment_bytes);
        let replaced = old_file.filter(|_| rewritten.contains(name));
        let begins_with = old_file.filter(|_| replaced.is_none());
        let (file, entries) = copy_segment(from, name, until, is_last, to, begins_with, note_read)?;
        copy.is_replaced |= match replaced {
            Some(old) => hash_beginning(&to.join(name), old.bytes)?.as_ref() != Some(&old.sha256),
            None => false,
        };
        note_copied(file.bytes);
        copy.entries = entries;
        copy.segments.push(file);
    }
    match (end, old) {
        (Some(end), _) if copy.entries < end.offset.0 => {
            return Err(missing(copy.entries, end.offset.0 - 1));
        }
        // What lies before the start was cut meanwhile.
        (_, Some(old))
            if old.segments_from(start).any(|file| copy.segment(&file.name).is_none()) =>
        {
            return Err(BackupError::Diverged { what: format!("the journal {}", from.display()) });
        }
        _ => {}
    }
    Ok(copy)
}

/// The segments that were written anew, since people were erased from them.
fn list_rewritten(journal: &Path) -> std::io::Result<BTreeSet<String>> {
    match fs::File::open(journal.join(REWRITTEN_LIST)) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(BTreeSet::new()),
        file => read_rewritten_list(&file?),
    }
}

/// Copies one segment. Returns also the offset after its last entry.
fn copy_segment(
    from: &Path,
    name: &str,
    until: Option<u64>,
    is_last: bool,
    to: &Path,
    old: Option<&FileCopy>,
    note_read: &dyn Fn(u64),
) -> Result<(FileCopy, u64), BackupError> {
    let (mut hash, mut bytes, mut begins_alike, mut entries) =
        (Sha256::new(), 0u64, old.is_none(), 0);
    let path = from.join(name);
    write_whole(&to.join(name), |part| {
        let mut written = Ok(());
        let scan = scan_segment(
            &from.to_string_lossy(),
            name,
            "",
            open_read_only(&path)?,
            until,
            &mut |block| {
                written = part.write_all(block);
                hash.update(block);
                bytes += block.len() as u64;
                note_read(block.len() as u64);
                if let Some(old) = old.filter(|old| old.bytes == bytes) {
                    begins_alike = to_hex(&hash.clone().finalize()) == old.sha256;
                }
                if written.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
            },
        );
        written?;
        let damaged = |source| BackupError::Damaged { journal: from.to_owned(), source };
        let scan = scan.map_err(damaged)?;
        // Without a record, the end may be a block that is being written at this moment.
        let is_end = is_last && until.is_none() && scan.is_torn;
        if let Some(damage) = scan.damage.filter(|_| !is_end) {
            return Err(damaged(damage));
        }
        // Another segment must not take the place of an earlier copy.
        if !begins_alike {
            return Err(BackupError::Diverged { what: format!("segment {}", path.display()) });
        }
        entries = scan.end.0;
        Ok(())
    })?;
    let sha256 = to_hex(&hash.finalize());
    Ok((FileCopy { name: name.to_owned(), bytes, sha256 }, entries))
}

/// Copies the model artifacts, except those that were trained on entries after `journal_end`. Each
/// is written under another name first, so that it is whole or missing.
pub(super) fn copy_models(
    from: &Path,
    to: &Path,
    journal_end: u64,
    note_copied: &dyn Fn(u64),
) -> Result<Vec<FileCopy>, BackupError> {
    create_private_folder(to)?;
    let mut names = match fs::read_dir(from) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?
            .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
            .collect::<std::io::Result<Vec<_>>>()?,
    };
    let is_copied =
        |version: &str| parse_offset(version).is_none_or(|offset| offset <= journal_end);
    names.retain(|name| name.strip_suffix(".model").is_some_and(is_copied));
    names.sort_unstable();
    let mut copies = Vec::new();
    for name in names {
        let artifact = match fs::read(from.join(&name)) {
            // A newer model has just taken its place.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
            artifact => artifact?,
        };
        if recommender::decode(&artifact).is_err() {
            // A restored workspace makes it again from the journal.
            tracing::warn!(model = %from.join(&name).display(), "a model cannot be read and is left out of the backup");
            continue;
        }
        write_whole(&to.join(&name), |part| part.write_all(&artifact))?;
        note_copied(artifact.len() as u64);
        copies.push(FileCopy {
            bytes: artifact.len() as u64,
            sha256: to_hex(&Sha256::digest(&artifact)),
            name,
        });
    }
    Ok(copies)
}

/// Copies the snapshot of the state at a position. One that is in the backup already is kept.
pub(super) fn copy_snapshot(
    from: &Path,
    to: &Path,
    position: u64,
    old: Option<&FileCopy>,
    note_copied: &dyn Fn(u64),
) -> Result<FileCopy, BackupError> {
    create_private_folder(to)?;
    let name = state_snapshot::file_name(position);
    let (source, target) = (from.join(&name), to.join(&name));
    if let Some(old) = old.filter(|old| old.name == name)
        && hash_beginning(&target, old.bytes)?.as_ref() == Some(&old.sha256)
    {
        return Ok(old.clone());
    }
    let mut file = fs::File::open(source)?;
    let (mut hash, mut bytes, mut chunk) = (Sha256::new(), 0, vec![0; CHUNK_BYTES]);
    write_whole(&target, |part| {
        loop {
            match file.read(&mut chunk)? {
                0 => return Ok::<_, BackupError>(()),
                n => {
                    hash.update(&chunk[..n]);
                    part.write_all(&chunk[..n])?;
                    bytes += n as u64;
                }
            }
        }
    })?;
    note_copied(bytes);
    Ok(FileCopy { name, bytes, sha256: to_hex(&hash.finalize()) })
}

/// Removes the files of a folder that are not among those of the backup, of one kind.
pub(super) fn remove_others(
    folder: &Path,
    extension: &str,
    kept: &[String],
) -> std::io::Result<()> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        entries => entries?,
    };
    for entry in entries {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let is_of_kind = path.extension().is_some_and(|found| found == extension);
        if is_of_kind && !kept.iter().any(|kept| *kept == name) {
            fs::remove_file(&path)?;
        }
    }
    Ok(())
}

/// Computes the SHA-256 of the first `bytes` of a file, in hexadecimal; none if the file is missing
/// or shorter.
pub(super) fn hash_beginning(path: &Path, bytes: u64) -> std::io::Result<Option<String>> {
    let file = match fs::File::open(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        file => file?,
    };
    let (mut rest, mut hash, mut chunk) = (file.take(bytes), Sha256::new(), vec![0; CHUNK_BYTES]);
    loop {
        match rest.read(&mut chunk)? {
            0 => break,
            n => hash.update(&chunk[..n]),
        }
    }
    Ok((rest.limit() == 0).then(|| to_hex(&hash.finalize())))
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::sync::Arc;

    use journal::{FileJournal, Journal, JournalOptions, Offset, RealDisk};

    use super::*;

    fn open(folder: &Path) -> FileJournal {
        let options = JournalOptions { segment_bytes_max: 300, ..JournalOptions::default() };
        FileJournal::open_with(Arc::new(RealDisk::open(folder).unwrap()), options).unwrap()
    }

    fn append(journal: &FileJournal, n: u64) {
        for n in journal.end().0..journal.end().0 + n {
            journal.append(&[format!("entry {n} {}", n * n).as_bytes()]).unwrap();
        }
    }

    /// The copy, and how many bytes were copied for it.
    fn copy(
        from: &Path,
        to: &Path,
        end: Option<JournalEnd>,
        old: Option<&JournalCopy>,
    ) -> Result<(JournalCopy, u64), BackupError> {
        let copied = Cell::new(0);
        let copy = copy_journal(from, 0, end, to, old, &|_| {}, &|bytes| {
            copied.set(copied.get() + bytes)
        })?;
        Ok((copy, copied.get()))
    }

    #[test]
    fn closed_segments_are_kept_and_the_last_one_is_continued() {
        let folder = tempfile::tempdir().unwrap();
        let (from, to) = (folder.path().join("from"), folder.path().join("to"));
        let journal = open(&from);
        append(&journal, 18);
        let (first, _) = copy(&from, &to, None, None).unwrap();
        assert_eq!(first.entries, 18);
        assert!(first.segments.len() > 2, "{} segments", first.segments.len());
        append(&journal, 7);
        let (second, copied) = copy(&from, &to, None, Some(&first)).unwrap();
        assert_eq!(second.entries, 25);
        let n_kept = first.segments.len() - 1;
        assert_eq!(second.segments[..n_kept], first.segments[..n_kept]);
        let rest: u64 = second.segments[n_kept..].iter().map(|file| file.bytes).sum();
        assert_eq!(copied, rest);
        assert_eq!(open(&to).end(), Offset(25));
        // The earlier backup is a prefix of the later one.
        for file in &first.segments {
            assert_eq!(
                hash_beginning(&to.join(&file.name), file.bytes).unwrap().as_ref(),
                Some(&file.sha256)
            );
        }
        // A kept copy that has changed is made again.
        fs::write(to.join(&first.segments[0].name), "x").unwrap();
        let (third, copied) = copy(&from, &to, None, Some(&second)).unwrap();
        assert_eq!(third.segments, second.segments);
        assert!(copied > second.segments[0].bytes);
    }

    #[test]
    fn a_copy_ends_where_the_record_says_or_with_the_last_whole_block() {
        let folder = tempfile::tempdir().unwrap();
        let (from, to) = (folder.path().join("from"), folder.path().join("to"));
        let journal = open(&from);
        append(&journal, 10);
        let (whole, _) = copy(&from, &to, None, None).unwrap();
        let last = whole.segments.last().unwrap();
        let end = JournalEnd {
            offset: Offset(10),
            segment: Offset(parse_first_offset(&last.name).unwrap()),
            segment_bytes: last.bytes,
        };
        // A block is being written at this moment.
        let mut bytes = fs::read(from.join(&last.name)).unwrap();
        bytes.extend_from_slice(b"BLK1 and a part of what follows");
        fs::write(from.join(&last.name), &bytes).unwrap();
        for end in [None, Some(end)] {
            assert_eq!(copy(&from, &to, end, Some(&whole)).unwrap().0.segments, whole.segments);
        }
        fs::write(from.join(&last.name), &bytes[..last.bytes as usize]).unwrap();
        drop(journal);
        append(&open(&from), 10);
        assert_eq!(copy(&from, &to, Some(end), None).unwrap().0.segments, whole.segments);
        // The record says more than there is.
        fs::remove_file(from.join(&last.name)).unwrap();
        let end = JournalEnd { offset: Offset(20), segment: Offset(u64::MAX), segment_bytes: 20 };
        let error = copy(&from, &to, Some(end), None).err().unwrap().to_string();
        assert!(error.contains("are missing"), "{error}");
    }
}
