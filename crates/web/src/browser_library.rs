//! The files of the Segment-compatible browser library, which the operator has unpacked into a
//! folder: read once, when the server starts, so that no request reads from the disk.

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use axum::body::Bytes;
use fs_err as fs;

/// The largest file that is read, in bytes: those of version 1.84 have at most 115,000.
const FILE_BYTES_MAX: u64 = 4 * 1_024 * 1_024;
/// The most bytes that all files may have together.
const ALL_BYTES_MAX: usize = 16 * 1_024 * 1_024;
/// The file that a script tag loads.
const ENTRY_FILE: &str = "standalone.js";
/// What stands in [`ENTRY_FILE`] where the write key belongs.
const KEY_PLACE: &str = "__WRITE_KEY__";

/// The scripts of the library, in memory.
#[derive(Debug, Clone)]
pub struct BrowserLibrary {
    /// What the entry file has before, between and after the places of the write key.
    entry: Vec<Bytes>,
    /// The scripts by file name.
    scripts: BTreeMap<String, Bytes>,
}

/// Why a folder cannot be used as the library.
#[derive(Debug, thiserror::Error)]
pub enum BrowserLibraryError {
    /// The folder or one of its files cannot be read.
    #[error("cannot read the browser library")]
    Read(#[from] io::Error),
    /// A file, or all of them, are too large to be the library.
    #[error(
        "{path} is too large for the browser library: a script may have {FILE_BYTES_MAX} bytes, all together {ALL_BYTES_MAX}"
    )]
    TooLarge {
        /// The file at which a limit was passed.
        path: PathBuf,
    },
    /// The script for a tag is missing, or another one has its name.
    #[error(
        "{folder} has no {ENTRY_FILE} with {KEY_PLACE} in it: name the folder dist/umd of the npm package @segment/analytics-next"
    )]
    NoEntry {
        /// The folder that the settings name.
        folder: PathBuf,
    },
}

impl BrowserLibrary {
    /// Reads the scripts that lie in a folder itself; anything else there is passed over.
    ///
    /// # Errors
    /// If the folder cannot be read, is too large, or holds another thing.
    pub fn load(folder: &Path) -> Result<Self, BrowserLibraryError> {
        let (mut scripts, mut n_bytes) = (BTreeMap::new(), 0);
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            let name = path.file_name().and_then(|name| name.to_str());
            let Some(name) = name.filter(|name| name.ends_with(".js") && path.is_file()) else {
                continue;
            };
            let script = read_script(&path)?;
            n_bytes += script.len();
            if n_bytes > ALL_BYTES_MAX {
                return Err(BrowserLibraryError::TooLarge { path });
            }
            scripts.insert(name.to_owned(), script);
        }
        let entry = scripts.get(ENTRY_FILE).map(cut_at_key).unwrap_or_default();
        if entry.len() < 2 {
            return Err(BrowserLibraryError::NoEntry { folder: folder.to_owned() });
        }
        Ok(Self { entry, scripts })
    }

    /// A script by its file name.
    pub fn script(&self, name: &str) -> Option<Bytes> {
        self.scripts.get(name).cloned()
    }

    /// The script for a tag, in parts, with a write key as the text of a JavaScript string in its
    /// places.
    pub fn entry(&self, escaped_key: &Bytes) -> Vec<Bytes> {
        let mut parts = Vec::with_capacity(2 * self.entry.len());
        for part in &self.entry {
            parts.extend([part.clone(), escaped_key.clone()]);
        }
        parts.pop();
        parts
    }
}

fn read_script(path: &Path) -> Result<Bytes, BrowserLibraryError> {
    let mut script = Vec::new();
    fs::File::open(path)?.take(FILE_BYTES_MAX + 1).read_to_end(&mut script)?;
    if script.len() as u64 > FILE_BYTES_MAX {
        return Err(BrowserLibraryError::TooLarge { path: path.to_owned() });
    }
    Ok(script.into())
}

/// The parts of a script around the places of the write key; one part where there is none.
fn cut_at_key(script: &Bytes) -> Vec<Bytes> {
    let (mut parts, mut rest) = (Vec::new(), script.clone());
    let width = KEY_PLACE.len();
    while let Some(at) = rest.windows(width).position(|bytes| bytes == KEY_PLACE.as_bytes()) {
        parts.push(rest.split_to(at));
        rest = rest.split_off(width);
    }
    parts.push(rest);
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scripts_are_read_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
        let load = || BrowserLibrary::load(folder.path());
        assert!(matches!(load(), Err(BrowserLibraryError::NoEntry { .. })));
        write("standalone.js", "no place for a key");
        assert!(matches!(load(), Err(BrowserLibraryError::NoEntry { .. })));
        write("standalone.js", "a=\"__WRITE_KEY__\",b=\"__WRITE_KEY__\"");
        write("part.bundle.js", "part");
        write("part.bundle.js.map", "map");
        fs::create_dir(folder.path().join("folder.js")).unwrap();
        let library = load().unwrap();
        assert_eq!(library.script("part.bundle.js").unwrap(), "part");
        for other in ["part.bundle.js.map", "folder.js", "../part.bundle.js", ""] {
            assert_eq!(library.script(other), None, "{other:?}");
        }
        let entry = library.entry(&Bytes::from_static(b"key")).concat();
        assert_eq!(entry, b"a=\"key\",b=\"key\"");
        write("huge.js", &" ".repeat(FILE_BYTES_MAX as usize + 1));
        assert!(matches!(load(), Err(BrowserLibraryError::TooLarge { .. })));
        assert!(matches!(
            BrowserLibrary::load(&folder.path().join("missing")),
            Err(BrowserLibraryError::Read(_))
        ));
    }
}
