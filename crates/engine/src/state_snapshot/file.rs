//! A snapshot file: written once, read from its beginning.

use std::collections::BTreeMap;
use std::io::{self, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use domain::WorkspaceId;
use fs_err as fs;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use store::{Pair, Picture, Store};

use super::SnapshotError;
use super::formats::{Convert, conversion_from};
use super::frame::{self, Frame, FrameKind};
use crate::store_picture::to_hex;

/// The size at which a block of rows is closed, in bytes before compression.
pub(crate) const BLOCK_BYTES: usize = 1_024 * 1_024;

/// What a snapshot is of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Header {
    pub(crate) workspace: WorkspaceId,
    /// The number of journal entries that the rows are the fold of.
    pub(crate) position: u64,
    /// The format of the store that the rows are from.
    pub(crate) format: u8,
    /// The version of the program.
    pub(crate) written_by: String,
    /// The keyspaces, which blocks name by their number.
    pub(crate) keyspaces: Vec<String>,
}

/// What a whole file ends with.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Footer {
    /// The number of rows by keyspace, without empty ones.
    rows: BTreeMap<String, u64>,
    /// SHA-256 of all bytes before the footer, in hexadecimal.
    sha256: String,
}

/// Writes all rows of a picture. Returns their number. `note` gets the number of bytes just
/// written.
pub(crate) fn write(
    target: &mut impl Write,
    header: &Header,
    store: &Store,
    picture: &Picture,
    names: &[&'static str],
    note: &mut dyn FnMut(u64) -> Result<(), SnapshotError>,
) -> Result<u64, WriteError> {
    let mut hash = Sha256::new();
    let mut put = |kind, keyspace, n_rows, raw: &[u8]| -> Result<(), WriteError> {
        let bytes = frame::encode(kind, keyspace, n_rows, raw)?;
        hash.update(&bytes);
        target.write_all(&bytes)?;
        Ok(note(bytes.len() as u64)?)
    };
    put(FrameKind::Header, 0, 0, &to_json(header))?;
    let mut rows = BTreeMap::new();
    for (number, name) in (0u32..).zip(names) {
        let (mut raw, mut n_rows, mut total) = (Vec::new(), 0u32, 0u64);
        for pair in picture.pairs(&store.keyspace(name)) {
            let (key, value) = pair.map_err(SnapshotError::from)?;
            frame::add_row(&mut raw, &key, &value);
            n_rows += 1;
            if raw.len() >= BLOCK_BYTES {
                put(FrameKind::Rows, number, n_rows, &raw)?;
                total += u64::from(std::mem::take(&mut n_rows));
                raw.clear();
            }
        }
        if n_rows > 0 {
            put(FrameKind::Rows, number, n_rows, &raw)?;
            total += u64::from(n_rows);
        }
        if total > 0 {
            rows.insert((*name).to_owned(), total);
        }
    }
    let n_rows = rows.values().sum();
    let footer = Footer { rows, sha256: to_hex(&hash.finalize()) };
    target.write_all(&frame::encode(FrameKind::Footer, 0, 0, &to_json(&footer))?)?;
    Ok(n_rows)
}

/// Why a file was not written: the file system, or what stands behind the rows.
pub(crate) enum WriteError {
    Io(io::Error),
    Other(SnapshotError),
}

impl From<io::Error> for WriteError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<SnapshotError> for WriteError {
    fn from(error: SnapshotError) -> Self {
        Self::Other(error)
    }
}

/// A whole snapshot file, every byte of which was checked. It can be read after it was removed.
pub(crate) struct SnapshotFile {
    path: PathBuf,
    file: fs::File,
    header: Header,
    convert: Convert,
    n_bytes: u64,
    n_rows: u64,
}

impl SnapshotFile {
    /// Opens the snapshot of a workspace and reads all of it.
    ///
    /// # Errors
    /// See [`SnapshotError`].
    pub(crate) fn open(path: &Path, id: &WorkspaceId) -> Result<Self, SnapshotError> {
        let io_error = |source| SnapshotError::Io { path: path.to_owned(), source };
        let file = fs::File::open(path).map_err(io_error)?;
        let n_bytes = file.metadata().map_err(io_error)?.len();
        let mut frames = Frames::new(path, &file)?;
        let mut hash = Sha256::new();
        let first = frames.next()?;
        hash.update(&first.bytes);
        let header: Header = frames.parse(&first, FrameKind::Header)?;
        if header.workspace != *id {
            let found = header.workspace;
            return Err(SnapshotError::OtherWorkspace { path: path.to_owned(), found });
        }
        let convert = conversion_from(header.format).ok_or_else(|| SnapshotError::Format {
            path: path.to_owned(),
            found: header.format,
            written_by: header.written_by.clone(),
        })?;
        let (mut rows, mut last) = (BTreeMap::<String, u64>::new(), 0);
        let footer: Footer = loop {
            let frame = frames.next()?;
            if frame.kind == FrameKind::Footer {
                break frames.parse(&frame, FrameKind::Footer)?;
            }
            hash.update(&frame.bytes);
            let name = header.keyspaces.get(frame.keyspace as usize);
            let Some(name) = name.filter(|_| frame.keyspace >= last) else {
                return Err(frames.damaged("the blocks are not in order"));
            };
            last = frame.keyspace;
            *rows.entry(name.clone()).or_default() += u64::from(frame.n_rows);
        };
        let n_rows = rows.values().sum();
        if footer != (Footer { rows, sha256: to_hex(&hash.finalize()) }) {
            return Err(frames.damaged("the footer does not fit what is before it"));
        }
        if frames.position != n_bytes {
            return Err(frames.damaged("something follows the footer"));
        }
        Ok(Self { path: path.to_owned(), file, header, convert, n_bytes, n_rows })
    }

    /// The number of journal entries that the rows are the fold of.
    pub(crate) fn position(&self) -> u64 {
        self.header.position
    }

    /// The size of the file.
    pub(crate) fn n_bytes(&self) -> u64 {
        self.n_bytes
    }

    /// The number of rows.
    pub(crate) fn n_rows(&self) -> u64 {
        self.n_rows
    }

    /// Fills an empty store, which is at the position of the snapshot then.
    ///
    /// # Errors
    /// Of the file or the store; the store is damaged then.
    pub(crate) fn fill(&self, store: &Store) -> Result<(), SnapshotError> {
        let mut frames = Frames::new(&self.path, &self.file)?;
        let mut pending = Vec::<Pair>::new().into_iter();
        let mut keyspace = 0;
        let mut next = || loop {
            for row in pending.by_ref() {
                let name = self.header.keyspaces.get(keyspace).map_or("", String::as_str);
                match (self.convert)(name, row) {
                    Ok(None) => {}
                    Ok(Some((name, row))) => return Ok(Some((store.keyspace(name), row))),
                    Err(what) => return Err(frames.damaged(what)),
                }
            }
            let frame = frames.next()?;
            match frame.kind {
                FrameKind::Footer => return Ok(None),
                FrameKind::Header => {}
                FrameKind::Rows => {
                    keyspace = frame.keyspace as usize;
                    let rows = frame::split_rows(&frame.raw, frame.n_rows);
                    let what = "a block has other rows than its head says";
                    pending = rows.ok_or_else(|| frames.damaged(what))?.into_iter();
                }
            }
        };
        store.fill(std::iter::from_fn(|| next().transpose()), self.header.position)
    }
}

/// Takes the keyspace, the key and the value of a row.
pub(crate) type VisitRow<'a> = dyn FnMut(&str, &[u8], &[u8]) + 'a;

/// Visits the rows of a snapshot of any workspace, for a search.
///
/// # Errors
/// The file system's, or if it is no whole snapshot.
pub(crate) fn visit_rows(path: &Path, visit: &mut VisitRow<'_>) -> io::Result<()> {
    let file = fs::File::open(path)?;
    let mut frames = Frames::new(path, &file).map_err(io::Error::other)?;
    let mut keyspaces = Vec::new();
    loop {
        let frame = frames.next().map_err(io::Error::other)?;
        match frame.kind {
            FrameKind::Footer => return Ok(()),
            FrameKind::Header => {
                let header: Header =
                    frames.parse(&frame, FrameKind::Header).map_err(io::Error::other)?;
                keyspaces = header.keyspaces;
            }
            FrameKind::Rows => {
                let name = keyspaces.get(frame.keyspace as usize).map_or("", String::as_str);
                let rows = frame::split_rows(&frame.raw, frame.n_rows);
                let damaged = || frames.damaged("a block has other rows than its head says");
                for (key, value) in rows.ok_or_else(|| io::Error::other(damaged()))? {
                    visit(name, &key, &value);
                }
            }
        }
    }
}

/// Reads the frames of a file one after the other.
struct Frames<'a> {
    path: &'a Path,
    reader: BufReader<&'a std::fs::File>,
    /// The byte in the file.
    position: u64,
}

impl<'a> Frames<'a> {
    fn new(path: &'a Path, file: &'a fs::File) -> Result<Self, SnapshotError> {
        let mut reader = BufReader::with_capacity(BLOCK_BYTES, file.file());
        let io_error = |source| SnapshotError::Io { path: path.to_owned(), source };
        reader.seek(SeekFrom::Start(0)).map_err(io_error)?;
        Ok(Self { path, reader, position: 0 })
    }

    fn next(&mut self) -> Result<Frame, SnapshotError> {
        let io_error = |source| SnapshotError::Io { path: self.path.to_owned(), source };
        let frame = frame::read(&mut self.reader.by_ref()).map_err(io_error)?;
        let frame = frame.map_err(|what| self.damaged(what))?;
        self.position += frame.bytes.len() as u64;
        Ok(frame)
    }

    fn parse<T: serde::de::DeserializeOwned>(
        &self,
        frame: &Frame,
        kind: FrameKind,
    ) -> Result<T, SnapshotError> {
        let parsed = serde_json::from_slice(&frame.raw).ok().filter(|_| frame.kind == kind);
        parsed.ok_or_else(|| self.damaged("the header or the footer cannot be read"))
    }

    fn damaged(&self, what: &'static str) -> SnapshotError {
        SnapshotError::Damaged { path: self.path.to_owned(), position: self.position, what }
    }
}

fn to_json(value: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(value).expect("plain fields always encode")
}
