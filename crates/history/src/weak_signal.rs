use domain::{ItemIdx, WeakSignalKind};

/// A hint of interest of a user in an item that is no interaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct WeakSignal {
    /// Seconds since 1970. The first field, so that signals sort by time.
    pub at_s: u32,
    /// The item of interest.
    pub item: ItemIdx,
    /// The kind of signal, which determines its weight.
    pub kind: WeakSignalKind,
}

const _: () = assert!(size_of::<WeakSignal>() == 12);
