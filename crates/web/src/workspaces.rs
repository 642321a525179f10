//! The workspaces that are served, and those that cannot be at the moment: both change while the
//! server runs.

mod active_source;
mod handle;
mod in_path;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arc_swap::ArcSwap;
use domain::WorkspaceId;
use engine::Engine;

pub use self::active_source::ActiveSource;
pub use self::handle::{BlockingHandle, RequestedWorkspace, WorkspaceHandle};
pub use self::in_path::Workspace;
use crate::auth;
use crate::error::ApiError;

/// The workspace and source of a write key.
pub type WorkspaceSource = (WorkspaceHandle, Arc<ActiveSource>);

/// The hash of a write key.
type KeyHash = [u8; 32];

/// The id of a workspace and one of its sources.
type RegisteredSource = (WorkspaceId, Arc<ActiveSource>);

/// Every workspace that the server knows of, open or closed.
#[derive(Default)]
pub struct Workspaces(ArcSwap<State>);

/// The registry at one moment. Write keys are stored as hashes, so that the time of a look-up tells
/// nothing about them.
#[derive(Clone, Default)]
struct State {
    open: BTreeMap<WorkspaceId, Arc<Engine>>,
    closed: BTreeMap<WorkspaceId, Closed>,
    sources: BTreeMap<KeyHash, RegisteredSource>,
    stray_folders: BTreeMap<String, String>,
}

/// A workspace that is not open.
#[derive(Clone)]
struct Closed {
    why: String,
    /// It is not opened again, unless removing it fails.
    is_being_removed: bool,
    /// The hashes of its write keys; none if it was never open.
    write_keys: Option<BTreeSet<KeyHash>>,
}

/// The reasons for which a workspace cannot be used.
#[derive(Debug)]
pub enum NotOpen {
    /// It is being opened again, so it must not be reported as unknown.
    Closed(WorkspaceId),
    /// There is none of this name.
    Unknown(String),
}

/// The owner of a write key.
pub enum KeyOwner {
    /// A source.
    Source(WorkspaceSource),
    /// A source of a workspace that is closed.
    Closed,
    /// Perhaps a workspace that could not be opened, whose sources are therefore unknown.
    PerhapsClosed,
    /// No source.
    Nobody,
}

impl Workspaces {
    /// A registry of these workspaces. No two of their sources have the same write key, which the
    /// configuration has checked.
    pub fn new(engines: impl IntoIterator<Item = Arc<Engine>>) -> Self {
        let workspaces = Self::default();
        engines.into_iter().for_each(|engine| workspaces.open(engine));
        workspaces
    }

    /// Serves a workspace from now on; its write keys are no other's.
    pub fn open(&self, engine: Arc<Engine>) {
        self.0.rcu(|state| {
            let mut state = State::clone(state);
            state.forget(engine.id());
            state.closed.remove(engine.id());
            state.sources.extend(list_sources(&engine));
            state.open.insert(engine.id().clone(), Arc::clone(&engine));
            state
        });
    }

    /// Knows the sources that the workspaces have now.
    pub fn reload_sources(&self) {
        // In one step: what is closed meanwhile must not come back.
        self.0.rcu(|state| {
            let mut state = State::clone(state);
            state.sources = state.open.values().flat_map(list_sources).collect();
            state
        });
    }

    /// Closes a workspace: requests for it get 503 with the reason. Requests under way keep it
    /// until they end.
    pub fn close(&self, id: &WorkspaceId, why: &str) {
        self.0.rcu(|state| {
            let mut state = State::clone(state);
            let write_keys = match state.closed.get(id) {
                Some(closed) => closed.write_keys.clone(),
                None => state.forget(id),
            };
            let closed = Closed { why: why.to_owned(), is_being_removed: false, write_keys };
            state.closed.insert(id.clone(), closed);
            state
        });
    }

    /// As [`Workspaces::close`], for a workspace that nobody is to open again, unless `check` is
    /// against it. The engine, which requests may hold that began before.
    ///
    /// # Errors
    /// If it is not open, and those of the check.
    pub fn close_for_removal<E: From<NotOpen>>(
        &self,
        id: &WorkspaceId,
        check: impl FnOnce(&Engine) -> Result<(), E>,
    ) -> Result<Arc<Engine>, E> {
        let engine = self.find_engine(id)?;
        check(&engine)?;
        self.0.rcu(|state| {
            let mut state = State::clone(state);
            let (why, write_keys) = ("it is being removed".to_owned(), state.forget(id));
            state.closed.insert(id.clone(), Closed { why, is_being_removed: true, write_keys });
            state
        });
        Ok(engine)
    }

    /// Knows nothing of a workspace any more.
    pub fn forget(&self, id: &WorkspaceId) {
        self.0.rcu(|state| {
            let mut state = State::clone(state);
            state.forget(id);
            state.closed.remove(id);
            state
        });
    }

    /// Whether there is such a workspace, open or closed.
    pub fn knows(&self, id: &WorkspaceId) -> bool {
        let state = self.0.load();
        state.open.contains_key(id) || state.closed.contains_key(id)
    }

    /// Tells operators of a folder that is named like no workspace, and why it is not served.
    pub fn report_stray_folder(&self, name: &str, why: &str) {
        self.0.rcu(|state| {
            let mut state = State::clone(state);
            state.stray_folders.insert(name.to_owned(), why.to_owned());
            state
        });
    }

    /// The names of those that are served.
    pub fn open_ids(&self) -> Vec<WorkspaceId> {
        self.0.load().open.keys().cloned().collect()
    }

    /// Those that are served, by name: for threads that may wait, which handlers do not run on.
    pub fn engines(&self) -> Vec<Arc<Engine>> {
        self.0.load().open.values().cloned().collect()
    }

    /// The same, each looked up when it is its turn: nothing is held that may have to be closed
    /// meanwhile.
    pub fn each_engine(&self) -> impl Iterator<Item = Arc<Engine>> {
        self.open_ids().into_iter().filter_map(|id| self.0.load().open.get(&id).cloned())
    }

    /// Those that are not served and are to be opened again, and why.
    pub fn closed(&self) -> Vec<(WorkspaceId, String)> {
        let state = self.0.load();
        let to_open = state.closed.iter().filter(|(_, closed)| !closed.is_being_removed);
        to_open.map(|(id, closed)| (id.clone(), closed.why.clone())).collect()
    }

    /// Folders that are named like no workspace, and why they are not served.
    pub fn stray_folders(&self) -> BTreeMap<String, String> {
        self.0.load().stray_folders.clone()
    }

    /// The workspace of a name, for handlers.
    ///
    /// # Errors
    /// If it is not open.
    pub fn handle(self: &Arc<Self>, workspace: &str) -> Result<WorkspaceHandle, NotOpen> {
        let id = WorkspaceId::new(workspace).map_err(|_| NotOpen::Unknown(workspace.to_owned()))?;
        self.find_engine(&id)?;
        Ok(WorkspaceHandle::new(self, id))
    }

    fn find_engine(&self, id: &WorkspaceId) -> Result<Arc<Engine>, NotOpen> {
        let state = self.0.load();
        match state.open.get(id) {
            Some(engine) => Ok(Arc::clone(engine)),
            None if state.closed.contains_key(id) => Err(NotOpen::Closed(id.clone())),
            None => Err(NotOpen::Unknown(id.to_string())),
        }
    }

    /// Whose write key this is, also an earlier one whose time is over:
    /// [`domain::Source::takes_key`] says whether it still is.
    pub fn owner(self: &Arc<Self>, write_key: &str) -> KeyOwner {
        let (state, hash) = (self.0.load(), auth::hash(write_key));
        if let Some((workspace, source)) = state.sources.get(&hash) {
            let handle = WorkspaceHandle::new(self, workspace.clone());
            return KeyOwner::Source((handle, Arc::clone(source)));
        }
        let known = || state.closed.values().filter_map(|closed| closed.write_keys.as_ref());
        match known().any(|write_keys| write_keys.contains(&hash)) {
            true => KeyOwner::Closed,
            false if known().count() < state.closed.len() => KeyOwner::PerhapsClosed,
            false => KeyOwner::Nobody,
        }
    }
}

impl From<NotOpen> for ApiError {
    fn from(why: NotOpen) -> Self {
        match why {
            NotOpen::Closed(id) => Self::unavailable(format!(
                "workspace {id} is closed and tried again from time to time; /readyz says why"
            )),
            NotOpen::Unknown(name) => Self::not_found(format!("there is no workspace {name:?}")),
        }
    }
}

/// The sources that a workspace has now, by the hashes of their write keys, earlier ones included.
fn list_sources(engine: &Arc<Engine>) -> Vec<(KeyHash, RegisteredSource)> {
    let mut by_key = Vec::new();
    for source in &engine.config().sources {
        let source = Arc::new(ActiveSource::new(source.clone()));
        let registered = |key| (auth::hash(key), (engine.id().clone(), Arc::clone(&source)));
        by_key.extend(source.write_keys().map(registered));
    }
    by_key
}

impl State {
    /// Lets go of an open workspace; what its write keys were, if it was open.
    fn forget(&mut self, id: &WorkspaceId) -> Option<BTreeSet<KeyHash>> {
        self.open.remove(id)?;
        let own = self.sources.extract_if(.., |_, (workspace, _)| workspace == id);
        Some(own.map(|(hash, _)| hash).collect())
    }
}
