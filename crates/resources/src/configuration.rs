//! How a configuration is changed.

use std::sync::Arc;

use engine::{ConfigError, Engine, Expected, Resource};
use web::App;
use web::error::ApiError;
use web::workspaces::RequestedWorkspace;

/// A resource with its revision.
#[derive(Debug, Clone)]
pub struct Revised<T> {
    /// The resource.
    pub value: T,
    /// Its revision: what a later change may expect.
    pub revision: u64,
}

impl<T> Revised<T> {
    /// A resource as it is after a change. The caller lets no other change pass in between.
    pub fn now(engine: &Engine, resource: &Resource, value: T) -> Self {
        let (_, revisions) = engine.revised_config();
        Self { value, revision: revisions.revision(resource) }
    }
}

/// Changes a configuration on a thread that may block. One change runs at a time in the whole
/// server.
///
/// # Errors
/// Those of the change, and 503 where the workspace is closed.
pub async fn configure<T: Send + 'static>(
    app: &Arc<App>,
    workspace: &RequestedWorkspace,
    change: impl FnOnce(&App, &Engine) -> Result<T, ApiError> + Send + 'static,
) -> Result<T, ApiError> {
    let app = Arc::clone(app);
    let change = move |engine: &Engine| {
        let _one_at_a_time = app.configuring.lock();
        change(&app, engine)
    };
    workspace.run(change).await
}

/// The error of making or replacing a resource, where [`Expected::Absent`] is a precondition.
pub fn put_error(error: ConfigError, expected: Expected) -> ApiError {
    match error {
        ConfigError::AlreadyExists(what) if expected == Expected::Absent => {
            ApiError::precondition_failed(what)
        }
        other => other.into(),
    }
}

/// The error for a name that no resource has: 404, with the existing names.
pub fn unknown_resource(word: &str, name: &str, known: &[impl AsRef<str>]) -> ApiError {
    let known: Vec<&str> = known.iter().map(AsRef::as_ref).collect();
    let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
    ApiError::not_found(format!("no {word} {name:?}; there are: {known}"))
}
