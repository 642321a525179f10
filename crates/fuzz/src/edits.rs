//! Edits as bytes, so that mutations of the bytes are other edits.

/// One edit: what to do, where, and with what.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Edit {
    pub(crate) operation: u8,
    /// Spread over the whole of what is edited: see [`Edit::position`].
    at: u16,
    pub(crate) value: u8,
}

/// The most edits of one input.
const EDITS_MAX: usize = 64;

impl Edit {
    /// The edits of bytes, four bytes each; what is left over is passed over.
    pub(crate) fn read_all(bytes: &[u8]) -> impl Iterator<Item = Self> + '_ {
        bytes.as_chunks::<4>().0.iter().take(EDITS_MAX).map(|&[operation, low, high, value]| Self {
            operation,
            at: u16::from_le_bytes([low, high]),
            value,
        })
    }

    /// The place in something of this length; none where it is empty.
    pub(crate) fn position(&self, len: usize) -> Option<usize> {
        usize::from(self.at).checked_rem(len)
    }
}
