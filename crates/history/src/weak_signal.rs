use domain::{ItemIdx, WeakSignalKind};

/// One weak signal of a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct WeakSignal {
    /// When, in seconds since 1970. First, so that signals sort by time.
    pub at_s: u32,
    /// The item that it is about.
    pub item: ItemIdx,
    /// What the user did.
    pub kind: WeakSignalKind,
}

const _: () = assert!(size_of::<WeakSignal>() == 12);
