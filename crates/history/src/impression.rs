use domain::ItemIdx;

/// One item was shown to a user in a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Impression {
    /// The item that was shown.
    pub item: ItemIdx,
    /// Seconds since 1970.
    pub at_s: u32,
}
