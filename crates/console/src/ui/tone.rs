//! What a colour says. A tone never stands alone: words say the same.

/// The meaning of a badge, callout, bar or timeline entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Tone {
    /// No judgement.
    #[default]
    Neutral,
    /// The one accent: selected, or ours.
    Accent,
    /// Done, healthy, or better than before.
    Good,
    /// Needs attention soon.
    Warning,
    /// Failed or refused.
    Bad,
}

impl Tone {
    /// The class of elements of this tone.
    pub(crate) fn class(self) -> &'static str {
        match self {
            Self::Neutral => "tone-neutral",
            Self::Accent => "tone-accent",
            Self::Good => "tone-good",
            Self::Warning => "tone-warning",
            Self::Bad => "tone-bad",
        }
    }
}
