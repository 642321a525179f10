//! A snapshot file: written once, read from its beginning.

use std::collections::BTreeMap;
use std::io::{self, BufReader, Read, Write};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use domain::WorkspaceId;
use fs_err as fs;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use store::{Pair, Picture, Store};

use super::SnapshotError;
use super::formats::{Conversion, EventsOfPerson, conversion_from};
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
    conversion: Conversion,
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
        let mut frames = Frames::new(path, &file);
        let mut hash = Sha256::new();
        let first = frames.next()?;
        hash.update(&first.bytes);
        let header: Header = frames.parse(&first, FrameKind::Header)?;
        if header.workspace != *id {
            let found = header.workspace;
            return Err(SnapshotError::OtherWorkspace { path: path.to_owned(), found });
        }
        let conversion = conversion_from(header.format).ok_or_else(|| SnapshotError::Format {
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
        Ok(Self { path: path.to_owned(), file, header, conversion, n_bytes, n_rows })
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
        let mut rows = Rows::new(self);
        let beside = self.conversion.read_beside();
        let mut beside = beside.map(|keyspace| EventRows::new(self, keyspace)).transpose()?;
        let mut next = || loop {
            let Some((keyspace, row)) = rows.next()? else { return Ok(None) };
            let name = self.header.keyspaces.get(keyspace).map_or("", String::as_str);
            let events = match &mut beside {
                Some(beside) if self.conversion.takes_events(name) => beside.of_person(&row.0)?,
                _ => EventsOfPerson::new(),
            };
            match self.conversion.convert(name, row, &events) {
                Ok(None) => {}
                Ok(Some((name, row))) => return Ok(Some((store.keyspace(name), row))),
                Err(what) => return Err(rows.frames.damaged(what)),
            }
        };
        store.fill(std::iter::from_fn(|| next().transpose()), self.header.position)
    }
}

/// The rows of a file, each with the number of its keyspace, one after the other.
struct Rows<'a> {
    frames: Frames<'a>,
    keyspace: usize,
    pending: std::vec::IntoIter<Pair>,
}

impl<'a> Rows<'a> {
    fn new(file: &'a SnapshotFile) -> Self {
        let frames = Frames::new(&file.path, &file.file);
        Self { frames, keyspace: 0, pending: Vec::new().into_iter() }
    }

    fn next(&mut self) -> Result<Option<(usize, Pair)>, SnapshotError> {
        loop {
            if let Some(row) = self.pending.next() {
                return Ok(Some((self.keyspace, row)));
            }
            let frame = self.frames.next()?;
            match frame.kind {
                FrameKind::Footer => return Ok(None),
                FrameKind::Header => {}
                FrameKind::Rows => {
                    self.keyspace = frame.keyspace as usize;
                    let rows = frame::split_rows(&frame.raw, frame.n_rows);
                    let what = "a block has other rows than its head says";
                    self.pending = rows.ok_or_else(|| self.frames.damaged(what))?.into_iter();
                }
            }
        }
    }
}

/// The rows of one keyspace whose keys begin with those of another, read in the same order.
struct EventRows<'a> {
    rows: Rows<'a>,
    keyspace: Option<usize>,
    first: Option<Pair>,
}

impl<'a> EventRows<'a> {
    fn new(file: &'a SnapshotFile, keyspace: &str) -> Result<Self, SnapshotError> {
        let keyspace = file.header.keyspaces.iter().position(|known| known == keyspace);
        let mut rows = Self { rows: Rows::new(file), keyspace, first: None };
        rows.advance()?;
        Ok(rows)
    }

    fn advance(&mut self) -> Result<Option<Pair>, SnapshotError> {
        let next = loop {
            match self.rows.next()? {
                Some((keyspace, row)) if Some(keyspace) == self.keyspace => break Some(row),
                Some(_) => {}
                None => break None,
            }
        };
        Ok(std::mem::replace(&mut self.first, next))
    }

    /// Those of a person, who comes behind all that were asked for before.
    fn of_person(&mut self, user: &[u8]) -> Result<EventsOfPerson, SnapshotError> {
        let mut events = EventsOfPerson::new();
        while let Some((key, _)) = &self.first
            && key.get(..user.len()).is_some_and(|of| of <= user)
        {
            let Some((key, value)) = self.advance()? else { break };
            let number = key.strip_prefix(user).and_then(|number| number.try_into().ok());
            events.extend(number.map(|number| (u32::from_be_bytes(number), value)));
        }
        Ok(events)
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
    let mut frames = Frames::new(path, &file);
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
    reader: BufReader<FromStart<'a>>,
    /// The byte in the file.
    position: u64,
}

impl<'a> Frames<'a> {
    fn new(path: &'a Path, file: &'a fs::File) -> Self {
        let reader = FromStart { file: file.file(), at: 0 };
        Self { path, reader: BufReader::with_capacity(BLOCK_BYTES, reader), position: 0 }
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

/// A file that is read from its start, whoever else reads it.
struct FromStart<'a> {
    file: &'a std::fs::File,
    at: u64,
}

impl Read for FromStart<'_> {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        let n_bytes = self.file.read_at(to, self.at)?;
        self.at += n_bytes as u64;
        Ok(n_bytes)
    }
}

fn to_json(value: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(value).expect("plain fields always encode")
}

#[cfg(test)]
mod tests;
