/// How much of everything a workspace's state holds.
#[derive(Debug, Clone, PartialEq, Eq, Default, serde::Serialize)]
pub struct Counts {
    /// Entries in the journal.
    pub journal_entries: u64,
    /// Profiles with a user id.
    pub known_users: u64,
    /// Ids of all profiles.
    pub external_ids: u64,
    /// Items of catalog and messages.
    pub items: u64,
    /// Items that may be recommended.
    pub available_items: u64,
    /// The catalog's version, 0 before the first import.
    pub catalog_version: u32,
    /// Interactions of all time.
    pub interactions: u64,
    /// Message ids that are remembered.
    pub message_ids: u64,
    /// Rejections of all time.
    pub rejections: u64,
    /// Bytes that wait for the journal.
    pub queued_bytes: u64,
}
