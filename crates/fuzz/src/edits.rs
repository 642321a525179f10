//! Edits encoded as bytes, so that mutations of the bytes mutate the edits.

/// One edit: an operation, a position and a value. Each body defines its operations.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Edit {
    pub(crate) operation: u8,
    /// Reduced modulo the length of the edited text by [`Edit::position`].
    at: u16,
    pub(crate) value: u8,
}

/// The most edits of one input.
const EDITS_MAX: usize = 64;

impl Edit {
    /// Decodes edits of four bytes each. A rest is ignored.
    pub(crate) fn read_all(bytes: &[u8]) -> impl Iterator<Item = Self> + '_ {
        bytes.as_chunks::<4>().0.iter().take(EDITS_MAX).map(|&[operation, low, high, value]| Self {
            operation,
            at: u16::from_le_bytes([low, high]),
            value,
        })
    }

    /// The position in a text of this length; none for an empty one.
    pub(crate) fn position(&self, len: usize) -> Option<usize> {
        usize::from(self.at).checked_rem(len)
    }
}
