//! Synonyms of the search: a search for one term also finds the other.

use engine::{Command, Engine, Synonym, SynonymCommand};
use serde::{Deserialize, Serialize};
use uuid::Uuid;
use web::error::ApiError;
use web::workspaces::RequestedWorkspace;

use crate::commands::submit;

/// The longest term, in bytes.
const TERM_BYTES_MAX: usize = 1_000;

/// A synonym.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct ShownSynonym {
    /// The id.
    pub id: String,
    /// What people search for.
    pub term: String,
    /// What the search finds too.
    pub synonym: String,
    /// Whether a search for `synonym` does not find `term`.
    pub one_way: bool,
}

/// A synonym that is to be.
#[derive(Debug, Clone, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewSynonym {
    /// What people search for.
    pub term: String,
    /// What the search finds too.
    pub synonym: String,
    /// Whether a search for `synonym` does not find `term`.
    #[serde(default)]
    pub one_way: bool,
}

/// All synonyms, the oldest first.
///
/// # Errors
/// 503 where the workspace is closed.
pub async fn list(workspace: &RequestedWorkspace) -> Result<Vec<ShownSynonym>, ApiError> {
    let list = |engine: &Engine| {
        let snapshot = engine.snapshot();
        Ok(snapshot.synonyms.all().cloned().map(ShownSynonym::from).collect())
    };
    workspace.run(list).await
}

/// Makes a synonym.
///
/// # Errors
/// If a term is empty or too long, and where the limit is reached.
pub async fn create(
    workspace: &RequestedWorkspace,
    NewSynonym { term, synonym, one_way }: NewSynonym,
) -> Result<ShownSynonym, ApiError> {
    for (name, text) in [("term", &term), ("synonym", &synonym)] {
        let n = text.len();
        if !(1..=TERM_BYTES_MAX).contains(&n) {
            let message = format!("{name} has {n} bytes, it must have 1 to {TERM_BYTES_MAX}");
            return Err(ApiError::invalid(message).at(format!("/{name}")));
        }
    }
    let synonym = Synonym { id: Uuid::new_v4().to_string(), term, synonym, one_way };
    submit(workspace, Command::Synonym(SynonymCommand::Add(synonym.clone()))).await?;
    Ok(synonym.into())
}

/// Removes a synonym.
///
/// # Errors
/// 404 where there is none of the id.
pub async fn delete(workspace: &RequestedWorkspace, id: String) -> Result<(), ApiError> {
    submit(workspace, Command::Synonym(SynonymCommand::Delete { id })).await
}

impl From<Synonym> for ShownSynonym {
    fn from(Synonym { id, term, synonym, one_way }: Synonym) -> Self {
        Self { id, term, synonym, one_way }
    }
}
