use domain::ItemIdx;

/// An item that a user was shown in a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Impression {
    /// The item.
    pub item: ItemIdx,
    /// When, in seconds since 1970.
    pub at_s: u32,
}
