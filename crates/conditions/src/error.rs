//! Mistakes in conditions, with their places.

/// Why a condition is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {message}")]
pub struct ConditionError {
    /// The place of the mistake: `column 17` of a text, `/and/1/event/count` of JSON.
    pub place: String,
    /// The mistake and the way out.
    pub message: String,
}

impl ConditionError {
    pub(crate) fn new(place: impl Into<String>, message: impl Into<String>) -> Self {
        Self { place: place.into(), message: message.into() }
    }
}

/// The known word that was probably meant; none where none is like it.
pub fn nearest<'k>(unknown: &str, known: &[&'k str]) -> Option<&'k str> {
    let distance = |known: &str| strsim::damerau_levenshtein(unknown, known);
    let (distance, nearest) = known.iter().map(|known| (distance(known), *known)).min()?;
    (distance <= nearest.len().max(unknown.len()) / 2).then_some(nearest)
}

/// A sentence that names the known words, and the one that was probably meant.
pub(crate) fn unknown_word(what: &str, unknown: &str, known: &[&str]) -> String {
    match nearest(&unknown.to_lowercase(), known) {
        Some(nearest) => format!("{what} {unknown:?} is unknown; did you mean {nearest:?}?"),
        None => format!("{what} {unknown:?} is unknown; known are {}", known.join(", ")),
    }
}
