//! The proof of a deletion: every file is searched for the ids.
//!
//! Where the form of a file is known, its content is decoded: entries of the journal field by
//! field, rows of stores and snapshots, models. What is of no known form is searched as bytes. An
//! id that stands in the text of a message of somebody else, where it need not mean the person, is
//! a mention: it is named and does not count as found.

use std::io::{self, Read};
use std::ops::ControlFlow;
use std::path::Path;

use fs_err as fs;
use journal::{Offset, decode_block, scan_segment};
use profiles::ExternalId;
use serde::{Deserialize, Serialize};
use state::{Entry, NamedPeople, Remaining, without_erased};
use store::Store;

use super::pending::is_pending;
use super::running::{RegulationError, RegulationStep, Surroundings};
use crate::error::{describe_error, store_error};
use crate::journal_files::open_read_only;
use crate::state_snapshot::visit_rows;
use crate::stores::open_store;
use crate::{Engine, EngineError};

/// How much of a file is read at once, in bytes.
const CHUNK_BYTES: usize = 1_024 * 1_024;
/// Shorter ids are found in any bytes by chance: they are looked for in decoded entries and in the
/// table of ids alone. In bytes.
const RAW_ID_BYTES_MIN: usize = 6;
/// The most places that are named in a report.
pub const MENTIONS_SHOWN_MAX: usize = 20;
/// Keyspaces of items, which may have the id of a person, of lists with such items, of what others
/// have said: names of their events, traits of theirs and of their accounts, and what is computed
/// of their events; and of earlier definitions, whose filters may name anybody.
const MENTIONING_KEYSPACES: [&str; 11] = [
    "accounts.",
    "state.account_traits",
    "catalog.",
    "profiles.timeline",
    "profiles.traits",
    "state.recommendations",
    "state.computed_trait",
    "state.config_versions",
    // Definitions, which may test a value that is somebody's id.
    "state.workspace",
    "state.audiences",
    "state.questions",
];
/// The cache of a store that is opened to be searched, in bytes.
const CACHE_BYTES: u64 = 16 * 1_024 * 1_024;

/// A place that holds an id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Mention {
    /// The file, below the folder that was searched, or the part of it.
    pub place: String,
    /// The offset of an entry of the journal.
    pub offset: Option<u64>,
}

/// What a search has found.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, utoipa::ToSchema)]
pub struct ScanReport {
    /// Files that were read.
    pub files: u64,
    /// Bytes of them.
    pub bytes: u64,
    /// Entries of journals that were decoded.
    pub entries: u64,
    /// Rows of stores and snapshots.
    pub rows: u64,
    /// Models that were decoded.
    pub models: u64,
    /// Ids that were looked for.
    pub ids: u64,
    /// Ids of fewer than 6 bytes, which were looked for in decoded entries and the table of ids
    /// only.
    pub short_ids: u64,
    /// Places that still hold an id of theirs. 0 after a deletion.
    pub found: u64,
    /// Texts of others that hold one of the ids, which need not mean the person.
    pub mentions: u64,
    /// Entries that have arrived since the deletion, of people who are not suppressed.
    pub arrived_since: u64,
    /// The first of the places that were found, then of those that mention an id.
    pub places: Vec<Mention>,
    /// Files that could not be read.
    pub unreadable: Vec<String>,
}

impl Engine {
    /// Searches everything that the workspace keeps.
    pub(super) fn scan(
        &self,
        people: &NamedPeople,
        deleted_at: Option<u64>,
        around: &Surroundings<'_>,
    ) -> Result<ScanReport, RegulationError> {
        let is_back = {
            let snapshot = self.snapshot();
            let ids = snapshot.profiles.ids();
            people.ids().iter().any(|(type_, value)| {
                let id = ExternalId { type_: *type_, value };
                ids.user_by_id(value).is_some() || ids.user_by_external_id(id).is_some()
            })
        };
        let mut scanner = Scanner::new(people)?;
        (scanner.deleted_at, scanner.is_back) = (deleted_at, is_back);
        let total = self.shared.journal.end().0.max(1) as f64;
        for record in self.shared.journal.read_from(Offset(0)) {
            let (offset, bytes) = record.map_err(EngineError::from)?;
            scanner.visit_entry("journal", offset.0, &bytes);
            if scanner.report.entries.is_multiple_of(4_096) {
                around.check()?;
                (around.note)(RegulationStep::Searching(0.8 * offset.0 as f64 / total));
            }
        }
        (around.note)(RegulationStep::Searching(0.8));
        let store_folder = self.folder().join("store");
        scanner
            .visit_store("store", self.shared.live.store())
            .map_err(store_error(&store_folder))?;
        around.check()?;
        // The journal and the store are open: their content was read above.
        let is_read = |path: &Path| path.extension().is_some_and(|extension| extension == "seg");
        scanner.visit_tree(self.folder(), self.folder(), &is_read, false)?;
        for folder in &around.folders {
            around.check()?;
            scanner.visit_tree(folder, folder, &|_| false, false)?;
        }
        (around.note)(RegulationStep::Searching(1.0));
        Ok(scanner.end())
    }
}

/// Searches a folder that no process uses: a backup, or a data folder.
///
/// # Errors
/// If it cannot be listed, or the ids are too many to be looked for together.
pub fn scan_folder(
    folder: &Path,
    people: &NamedPeople,
    note: &mut dyn FnMut(&Path),
) -> io::Result<ScanReport> {
    let mut scanner = Scanner::new(people).map_err(io::Error::other)?;
    scanner.note = Some(note);
    scanner.visit_tree(folder, folder, &|_| false, true)?;
    Ok(scanner.end())
}

struct Scanner<'a> {
    people: &'a NamedPeople,
    /// Those with ids that can be looked for in any bytes.
    raw: NamedPeople,
    deleted_at: Option<u64>,
    /// Whether one of them has come back since.
    is_back: bool,
    found: Vec<Mention>,
    mentioned: Vec<Mention>,
    report: ScanReport,
    note: Option<&'a mut dyn FnMut(&Path)>,
}

impl<'a> Scanner<'a> {
    fn new(people: &'a NamedPeople) -> Result<Self, state::TooManyIds> {
        let ids = people.ids();
        let long = ids.iter().filter(|(_, id)| id.len() >= RAW_ID_BYTES_MIN);
        let raw = NamedPeople::new(long.cloned())?;
        let report = ScanReport {
            ids: ids.len() as u64,
            short_ids: (ids.len() - raw.ids().len()) as u64,
            ..ScanReport::default()
        };
        let (found, mentioned) = (Vec::new(), Vec::new());
        Ok(Self {
            people,
            raw,
            deleted_at: None,
            is_back: false,
            found,
            mentioned,
            report,
            note: None,
        })
    }

    fn end(mut self) -> ScanReport {
        self.found.truncate(MENTIONS_SHOWN_MAX);
        let room = MENTIONS_SHOWN_MAX - self.found.len();
        self.found.extend(self.mentioned.into_iter().take(room));
        self.report.places = self.found;
        self.report.unreadable.truncate(MENTIONS_SHOWN_MAX);
        self.report
    }

    fn add_found(&mut self, place: &str, offset: Option<u64>) {
        self.report.found += 1;
        if self.found.len() < MENTIONS_SHOWN_MAX {
            self.found.push(Mention { place: place.to_owned(), offset });
        }
    }

    fn add_mention(&mut self, place: &str, offset: Option<u64>) {
        self.report.mentions += 1;
        if self.mentioned.len() < MENTIONS_SHOWN_MAX {
            self.mentioned.push(Mention { place: place.to_owned(), offset });
        }
    }

    /// Searches an entry of a journal of a workspace; what is none is searched as bytes.
    fn visit_entry(&mut self, place: &str, offset: u64, record: &[u8]) {
        self.report.entries += 1;
        if !self.people.may_be_in(record) {
            return;
        }
        let is_later = self.deleted_at.is_some_and(|deleted_at| offset >= deleted_at);
        match Entry::decode(record).map(|entry| without_erased(entry, self.people)) {
            Ok(Remaining::Whole(_)) if self.raw.are_stored_in(record) => {
                self.add_mention(place, Some(offset));
            }
            Ok(Remaining::Whole(_)) => {}
            Ok(_) if is_later => self.report.arrived_since += 1,
            Ok(_) => self.add_found(place, Some(offset)),
            // The journal of the installation has entries of another form, with names of accounts.
            Err(_) if self.raw.are_stored_in(record) => self.add_mention(place, Some(offset)),
            Err(_) => {}
        }
    }

    fn visit_row(&mut self, place: &str, keyspace: &str, key: &[u8], value: &[u8]) {
        self.report.rows += 1;
        if !self.raw.are_stored_in(key) && !self.raw.are_stored_in(value) {
            return;
        }
        let place = format!("{place}: {keyspace}");
        match MENTIONING_KEYSPACES.iter().any(|of_others| keyspace.starts_with(of_others)) {
            true => self.add_mention(&place, None),
            false if self.is_back => self.report.arrived_since += 1,
            false => self.add_found(&place, None),
        }
    }

    fn visit_store(&mut self, place: &str, store: &Store) -> Result<(), store::StoreError> {
        store.each_pair(&mut |keyspace, key, value| {
            self.visit_row(place, keyspace, key, value);
            Ok(())
        })
    }

    /// Searches all files below a folder, but those that `is_read` names. `opens_stores` says that
    /// no process uses them.
    fn visit_tree(
        &mut self,
        root: &Path,
        folder: &Path,
        is_read: &dyn Fn(&Path) -> bool,
        opens_stores: bool,
    ) -> io::Result<()> {
        let entries = match fs::read_dir(folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            entries => entries?,
        };
        let mut paths = entries.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>()?;
        paths.sort_unstable();
        for path in paths {
            if path.is_symlink() || is_pending(&path) {
                continue;
            }
            if path.is_dir() {
                if opens_stores && path.file_name().is_some_and(|name| name == "store") {
                    self.open_and_visit(root, &path);
                }
                self.visit_tree(root, &path, is_read, opens_stores)?;
                continue;
            }
            if let Some(note) = &mut self.note {
                note(&path);
            }
            if is_read(&path) {
                continue;
            }
            let name = path.strip_prefix(root).unwrap_or(&path).display().to_string();
            match self.visit_file(&path, &name) {
                // It was removed meanwhile: a table that was merged, a file that was cut.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => {
                    self.report.unreadable.push(format!("{name}: {}", describe_error(&error)));
                }
                Ok(()) => {}
            }
        }
        Ok(())
    }

    fn open_and_visit(&mut self, root: &Path, folder: &Path) {
        let place = folder.strip_prefix(root).unwrap_or(folder).display().to_string();
        let visited = open_store(folder, CACHE_BYTES)
            .and_then(|store| self.visit_store(&place, &store).map_err(store_error(folder)));
        if let Err(error) = visited {
            self.report.unreadable.push(format!("{place}: {}", error.describe()));
        }
    }

    fn visit_file(&mut self, path: &Path, name: &str) -> io::Result<()> {
        self.report.files += 1;
        self.report.bytes += fs::metadata(path)?.len();
        match path.extension().and_then(|extension| extension.to_str()) {
            Some("seg") => self.visit_segment(path, name),
            Some("snapshot") => visit_rows(path, &mut |keyspace, key, value| {
                self.visit_row(name, keyspace, key, value);
            }),
            Some("model") => {
                let artifact = fs::read(path)?;
                match recommender::decompress(&artifact) {
                    Ok(content) => {
                        self.report.models += 1;
                        self.visit_bytes(name, &content);
                        Ok(())
                    }
                    Err(_) => self.visit_chunks(path, name),
                }
            }
            _ => self.visit_chunks(path, name),
        }
    }

    fn visit_segment(&mut self, path: &Path, name: &str) -> io::Result<()> {
        let folder = path.parent().unwrap_or(path).to_string_lossy().into_owned();
        let file_name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let file = open_read_only(path)?;
        let scan = scan_segment(&folder, &file_name, "", file, None, &mut |block| {
            if let Ok((first, records)) = decode_block(block) {
                for (offset, record) in (first.0..).zip(&records) {
                    self.visit_entry(name, offset, record);
                }
            }
            ControlFlow::Continue(())
        });
        match scan.map(|scan| scan.damage) {
            Ok(None) => Ok(()),
            Ok(Some(damage)) => {
                self.report.unreadable.push(format!("{name}: {}", describe_error(&damage)));
                self.visit_chunks(path, name)
            }
            Err(error) => Err(io::Error::other(error)),
        }
    }

    /// Searches a file as bytes, in parts that overlap.
    fn visit_chunks(&mut self, path: &Path, name: &str) -> io::Result<()> {
        let overlap = 2 + 6 * domain::id::ID_BYTES_MAX;
        let mut file = fs::File::open(path)?;
        let mut window = Vec::with_capacity(CHUNK_BYTES + overlap);
        loop {
            let read = file.by_ref().take(CHUNK_BYTES as u64).read_to_end(&mut window)?;
            if self.raw.are_stored_in(&window) {
                self.visit_bytes(name, &window);
                return Ok(());
            }
            if read < CHUNK_BYTES {
                return Ok(());
            }
            window.drain(..window.len().saturating_sub(overlap));
        }
    }

    fn visit_bytes(&mut self, name: &str, bytes: &[u8]) {
        if !self.raw.are_stored_in(bytes) {
            return;
        }
        // The files of a store hold what its rows hold; the catalog may mention an id.
        match name.starts_with("store") || name.contains("/store/") || name.ends_with(".model") {
            true if self.report.mentions > 0 => self.add_mention(name, None),
            true if self.is_back => self.report.arrived_since += 1,
            _ => self.add_found(name, None),
        }
    }
}
