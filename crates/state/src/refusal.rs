//! The reasons for which commands are refused.

/// The reasons for refusing a command. Texts are complete messages for clients.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The resource to create exists already.
    #[error("{0}")]
    AlreadyExists(String),
    /// The resource to change does not exist.
    #[error("{0}")]
    NotFound(String),
    /// A value is invalid or a limit is reached.
    #[error("{0}")]
    Invalid(String),
    /// The resource has another revision than the command expects.
    #[error("{what} was changed")]
    Changed {
        /// The kind and name of the resource.
        what: String,
        /// The current revision.
        revision: u64,
    },
}

impl Refusal {
    /// The resource `id` of the kind `word` does not exist.
    pub fn missing(word: &str, id: &str) -> Self {
        Self::NotFound(format!("there is no {word} {id:?}"))
    }

    /// The resource `id` of the kind `word` exists already.
    pub fn already_exists(word: &str, id: &str) -> Self {
        Self::AlreadyExists(format!("{word} {id:?} is there already"))
    }
}

/// The result of a command that the fold applies.
pub(crate) type CommandResult = Result<(), Refusal>;
