//! The workspaces that are served, and those that cannot be at the moment: both change while the server runs.

use std::collections::BTreeMap;
use std::sync::Arc;

use arc_swap::ArcSwap;
use domain::{Source, WorkspaceId};
use engine::Engine;

use crate::auth;
use crate::error::ApiError;

/// Which workspace and source a write key is for.
pub(crate) type SourceOf = (Arc<Engine>, Arc<Source>);

/// Every workspace that the server knows of, open or closed.
#[derive(Default)]
pub struct Workspaces(ArcSwap<State>);

/// What is in force at one moment.
#[derive(Clone, Default)]
struct State {
    open: BTreeMap<WorkspaceId, Arc<Engine>>,
    /// By the name of the folder, which need not be an id: why it is closed.
    closed: BTreeMap<String, String>,
    /// By the hash of the write key, so that the time of looking one up tells nothing of the keys.
    sources: BTreeMap<[u8; 32], SourceOf>,
}

impl Workspaces {
    /// Serves these. No two of their sources have one write key: whoever configures them has checked that.
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
            state.closed.remove(engine.id().as_str());
            let sources = engine.config().sources.clone().into_iter();
            state.sources.extend(
                sources
                    .map(|source| (auth::hash(&source.write_key), (Arc::clone(&engine), Arc::new(source)))),
            );
            state.open.insert(engine.id().clone(), Arc::clone(&engine));
            state
        });
    }

    /// Refuses whatever is for the workspace of this name from now on, with 503, and says why. Requests under way keep it until they end.
    pub fn close(&self, name: &str, why: &str) {
        self.0.rcu(|state| {
            let mut state = State::clone(state);
            if let Ok(id) = WorkspaceId::new(name) {
                state.forget(&id);
            }
            state.closed.insert(name.to_owned(), why.to_owned());
            state
        });
    }

    /// Those that are served, by name.
    pub fn engines(&self) -> Vec<Arc<Engine>> {
        self.0.load().open.values().cloned().collect()
    }

    /// Those that are not served, by the name of their folder, and why.
    pub fn closed(&self) -> Vec<(String, String)> {
        self.0.load().closed.iter().map(|(name, why)| (name.clone(), why.clone())).collect()
    }

    pub(crate) fn engine(&self, workspace: &str) -> Option<Arc<Engine>> {
        let id = WorkspaceId::new(workspace).ok()?;
        self.0.load().open.get(&id).cloned()
    }

    pub(crate) fn source(&self, write_key: &str) -> Option<SourceOf> {
        self.0.load().sources.get(&auth::hash(write_key)).cloned()
    }

    /// 503 for a workspace that is closed: it is opened again, so nobody is told that it is not there.
    pub(crate) fn refuse_closed(&self, workspace: &str) -> Option<ApiError> {
        self.0.load().closed.contains_key(workspace).then(|| {
            ApiError::unavailable(format!(
                "workspace {workspace} is closed and tried again from time to time; /readyz says why"
            ))
        })
    }
}

impl State {
    /// Lets go of an open workspace.
    fn forget(&mut self, id: &WorkspaceId) {
        self.open.remove(id);
        self.sources.retain(|_, (engine, _)| engine.id() != id);
    }
}
