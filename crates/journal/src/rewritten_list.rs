//! The list of the segments of a journal that were ever written anew, a file beside them. It tells
//! a backup that such a segment need not begin with its earlier copy.

use std::collections::BTreeSet;
use std::io;

use crate::disk::open_or_create;
use crate::{Disk, DiskFile};

/// The file, one name of a segment a line.
pub const REWRITTEN_LIST: &str = "rewritten";
/// The largest list that is read, in bytes: two million segments.
const LIST_BYTES_MAX: u64 = 64 * 1_024 * 1_024;

/// Adds a segment to the list, durably.
///
/// # Errors
/// The file system's.
pub(crate) fn add(disk: &dyn Disk, segment: &str) -> io::Result<()> {
    let mut names = match disk.open(REWRITTEN_LIST) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => BTreeSet::new(),
        file => read_rewritten_list(file?.as_ref())?,
    };
    if !names.insert(segment.to_owned()) {
        return Ok(());
    }
    let draft = format!("{REWRITTEN_LIST}.new");
    let file = open_or_create(disk, &draft)?;
    let text: String = names.iter().map(|name| format!("{name}\n")).collect();
    file.truncate(0)?;
    file.write_at(text.as_bytes(), 0)?;
    file.sync()?;
    disk.rename(&draft, REWRITTEN_LIST)?;
    disk.sync()
}

/// The names in a list.
///
/// # Errors
/// The file system's, or if it is no list.
pub fn read_rewritten_list(file: &dyn DiskFile) -> io::Result<BTreeSet<String>> {
    let mut bytes = vec![0; file.size()?.min(LIST_BYTES_MAX) as usize];
    let read = file.read_at(&mut bytes, 0)?;
    bytes.truncate(read);
    let text = String::from_utf8(bytes).map_err(|_| io::Error::other("no list of segments"))?;
    Ok(text.lines().map(str::to_owned).collect())
}
