/// The sizes of a workspace's state.
#[derive(Debug, Clone, PartialEq, Eq, Default, serde::Serialize, utoipa::ToSchema)]
pub struct Counts {
    /// The number of entries in the journal.
    pub journal_entries: u64,
    /// The number of profiles with a user id.
    pub known_users: u64,
    /// The number of external ids of all profiles.
    pub external_ids: u64,
    /// The number of items, including those that only messages name and those that are withdrawn.
    pub items: u64,
    /// The number of items that may be recommended.
    pub available_items: u64,
    /// The version of the catalog, 0 before the first import.
    pub catalog_version: u32,
    /// The number of interactions of all time.
    pub interactions: u64,
    /// The number of message ids kept to detect duplicates.
    pub message_ids: u64,
    /// The number of rejections of all time.
    pub rejections: u64,
    /// The bytes in the writer's queue.
    pub queued_bytes: u64,
}
