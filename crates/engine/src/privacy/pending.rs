//! The files of regulations that are not at their end: the only place that keeps the ids meanwhile.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use domain::Timestamp;
use fs_err as fs;
use journal::disk::{create_private_folder, open_private_file};
use parking_lot::Mutex;
use profiles::ExternalIdType;
use serde::{Deserialize, Serialize};
use state::RegulationType;
use uuid::Uuid;

use super::forwarding::Forwarding;
use super::receipt::{DeletedState, Receipt};

const EXTENSION: &str = "pending";
/// Of a file that is being written.
const DRAFT_EXTENSION: &str = "new";
/// Held while a draft is there: without it, a draft is one that a crash has left.
static WRITING: Mutex<()> = Mutex::new(());

/// One person with the known ids.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) struct Person {
    pub(super) user_ids: Vec<String>,
    pub(super) anonymous_ids: Vec<String>,
    /// Ids of other types.
    #[serde(default)]
    pub(super) other_ids: Vec<(ExternalIdType, String)>,
}

impl Person {
    /// Adds an id.
    pub(super) fn add(&mut self, type_: ExternalIdType, id: String) {
        match type_ {
            ExternalIdType::UserId => self.user_ids.push(id),
            ExternalIdType::AnonymousId => self.anonymous_ids.push(id),
            ExternalIdType::Declared(_) => self.other_ids.push((type_, id)),
        }
    }

    /// All ids.
    pub(super) fn ids(&self) -> impl Iterator<Item = (ExternalIdType, &String)> {
        let users = self.user_ids.iter().map(|id| (ExternalIdType::UserId, id));
        let devices = self.anonymous_ids.iter().map(|id| (ExternalIdType::AnonymousId, id));
        users.chain(devices).chain(self.other_ids.iter().map(|(type_, id)| (*type_, id)))
    }
}

/// A regulation with its ids.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Pending {
    pub(super) id: Uuid,
    pub(super) type_: RegulationType,
    pub(super) n_people: u32,
    pub(super) requested_at: Timestamp,
    pub(super) people: Vec<Person>,
    /// Whether all ids of each person were added: they cannot be found any more once the profile is
    /// deleted.
    pub(super) is_expanded: bool,
    /// What there was of them, counted before the deletion.
    pub(super) deleted: Option<DeletedState>,
    /// The receipt of what was done here; none before it is done.
    #[serde(default)]
    pub(super) receipt: Option<Box<Receipt>>,
    /// How far destinations were told; none before that begins.
    #[serde(default)]
    pub(super) forwarding: Option<Forwarding>,
}

impl Pending {
    /// Writes the file, durably and whole.
    ///
    /// # Errors
    /// The file system's.
    pub(super) fn write(&self, folder: &Path) -> io::Result<()> {
        let _writing = WRITING.lock();
        create_private_folder(folder)?;
        let path = path(folder, self.id);
        let draft = path.with_extension(DRAFT_EXTENSION);
        let json = serde_json::to_vec(self).expect("plain fields are JSON");
        let mut file = open_private_file(&draft)?;
        file.set_len(0)?;
        file.write_all(&json)?;
        file.sync_all()?;
        fs::rename(&draft, &path)?;
        fs::File::open(folder)?.sync_all()
    }

    /// Reads a file; none if there is none.
    ///
    /// # Errors
    /// The file system's, or if it is none of these files.
    pub(super) fn read(folder: &Path, id: Uuid) -> io::Result<Option<Self>> {
        match fs::read(path(folder, id)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            bytes => Ok(Some(serde_json::from_slice(&bytes?)?)),
        }
    }

    /// Whether something can be done for it now.
    pub(super) fn is_due(&self, now: Timestamp) -> bool {
        self.forwarding.as_ref().is_none_or(|forwarding| forwarding.next_at <= now)
    }

    pub(super) fn user_ids(&self) -> Vec<String> {
        self.people.iter().flat_map(|person| &person.user_ids).cloned().collect()
    }

    /// All ids of all people.
    pub(super) fn ids(&self) -> impl Iterator<Item = (ExternalIdType, String)> {
        let ids = self.people.iter().flat_map(Person::ids);
        ids.map(|(type_, id)| (type_, id.clone()))
    }
}

fn path(folder: &Path, id: Uuid) -> PathBuf {
    folder.join(format!("{id}.{EXTENSION}"))
}

/// Removes the file of a regulation, durably.
///
/// # Errors
/// The file system's.
pub(super) fn remove(folder: &Path, id: Uuid) -> io::Result<()> {
    match fs::remove_file(path(folder, id)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    fs::File::open(folder)?.sync_all()
}

/// The regulations that have a file, the oldest first. Drafts that a crash has left go: they hold
/// ids.
///
/// # Errors
/// The file system's, or if a file is none of these.
pub(super) fn list(folder: &Path) -> io::Result<Vec<Pending>> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let _nobody_writes = WRITING.lock();
    let mut found = Vec::new();
    for entry in entries {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == DRAFT_EXTENSION) {
            fs::remove_file(&path)?;
            continue;
        }
        let id = path.file_stem().and_then(|name| Uuid::parse_str(name.to_str()?).ok());
        if path.extension().is_some_and(|extension| extension == EXTENSION)
            && let Some(id) = id
            && let Some(pending) = Pending::read(folder, id)?
        {
            found.push(pending);
        }
    }
    found.sort_by_key(|pending| (pending.requested_at, pending.id));
    Ok(found)
}

/// Whether a path is the file of a regulation, which is removed at its end.
pub(super) fn is_pending(path: &Path) -> bool {
    let is_in_folder = path.parent().is_some_and(|folder| folder.ends_with("privacy"));
    is_in_folder && path.extension().is_some_and(|extension| extension == EXTENSION)
}
