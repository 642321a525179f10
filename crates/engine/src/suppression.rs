//! Outcomes of entries of which a suppression has refused some.

use crate::Outcome;

/// What a suppression took out of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refused {
    Nothing,
    /// Some interactions.
    Rows(u32),
    All,
}

/// The outcomes of all entries, of those of what was taken.
pub(crate) fn with_refused(taken: Vec<Outcome>, refused: Vec<Refused>) -> Vec<Outcome> {
    let mut taken = taken.into_iter();
    let mut outcomes = Vec::with_capacity(refused.len());
    for refused in refused {
        let outcome = match refused {
            Refused::All => Some(Outcome::Suppressed),
            Refused::Nothing => taken.next(),
            Refused::Rows(n) => taken.next().map(|outcome| match outcome {
                Outcome::Interactions { added, duplicates, suppressed } => {
                    Outcome::Interactions { added, duplicates, suppressed: suppressed + n }
                }
                other => other,
            }),
        };
        outcomes.extend(outcome);
    }
    outcomes
}
