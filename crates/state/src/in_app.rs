//! In-app messages: what campaigns sent through channels of the kind `in_app` is kept for each
//! person until it was shown, dismissed or is too old.

use domain::{Timestamp, UserIdx, WorkspaceId};
use profiles::Merge;
use serde::{Deserialize, Serialize};
use store::key::{KeyBuf, KeyParts};
use store::{Batch, Keyspace, Read, Store, StoreError};

use crate::journal_clock::JournalTime;
use crate::part::{StatePart, counts_nothing, writes_at_once};

const MESSAGES: &str = "state.in_app";
/// When something of a person is too old. A key for each message, by its time.
const EXPIRING: &str = "state.in_app_expiring";

/// The most messages that are kept for a person; the oldest goes.
pub const IN_APP_MESSAGES_MAX: usize = 50;
/// The most bytes of their contents.
pub const IN_APP_BYTES_MAX: usize = 262_144;
/// Who waits for a change is told of changes of all people with the same index modulo this.
pub const IN_APP_SHARDS: usize = 1_024;
/// How many messages that are too old are removed at once.
const EXPIRED_PER_STEP: usize = 8;
/// How long a message is kept whose content does not say it, in seconds.
const EXPIRES_AFTER_S_DEFAULT: u32 = 2_592_000;

/// A message that is kept for a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InAppMessage {
    /// The id of the message.
    pub id: String,
    /// The key of the campaign.
    pub campaign: String,
    /// The name of the channel.
    pub channel: String,
    /// When it was decided on.
    pub sent_at: Timestamp,
    /// From then on it is not shown.
    pub expires_at: Timestamp,
    /// What it shows: JSON text of an object.
    pub content: String,
    /// How often it was shown.
    pub n_views: u32,
    /// After so many views it is gone; 0 for any number.
    pub views_max: u32,
    /// Whether it is gone after a click.
    pub ends_by_click: bool,
}

/// What became of a message in a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InAppReport {
    /// It was shown.
    Viewed,
    /// The person clicked.
    Clicked,
    /// The person does not want it any more.
    Dismissed,
}

impl InAppReport {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Viewed, Self::Clicked, Self::Dismissed];

    /// The name of the event.
    pub fn event(self) -> &'static str {
        match self {
            Self::Viewed => "Notification Viewed",
            Self::Clicked => "Notification Clicked",
            Self::Dismissed => "Notification Dismissed",
        }
    }
}

/// What the content of a message says of how long it is kept.
#[derive(Deserialize)]
struct Rules {
    expires_after_s: Option<u32>,
    #[serde(default)]
    views_max: u32,
    #[serde(default)]
    ends_by_click: bool,
}

impl InAppMessage {
    /// A message as it was sent, with what its content says of how long it is kept.
    pub(crate) fn new(
        id: String,
        (campaign, channel): (&str, &str),
        sent_at: Timestamp,
        content: &str,
    ) -> Self {
        let rules: Rules = serde_json::from_str(content).unwrap_or(Rules {
            expires_after_s: None,
            views_max: 0,
            ends_by_click: false,
        });
        let after_s = rules.expires_after_s.unwrap_or(EXPIRES_AFTER_S_DEFAULT);
        Self {
            id,
            campaign: campaign.to_owned(),
            channel: channel.to_owned(),
            sent_at,
            expires_at: Timestamp(sent_at.0.saturating_add(i64::from(after_s) * 1_000)),
            content: content.to_owned(),
            n_views: 0,
            views_max: rules.views_max,
            ends_by_click: rules.ends_by_click,
        }
    }
}

/// The in-app messages of all people.
pub struct InApp {
    messages: Keyspace,
    expiring: Keyspace,
    /// In which shards something changed since that was last asked for.
    changed: Vec<bool>,
}

impl StatePart for InApp {
    const KEYSPACES: &'static [&'static str] = &[MESSAGES, EXPIRING];

    writes_at_once!();
    counts_nothing!();

    fn load(store: &Store, _: &WorkspaceId) -> Result<Self, StoreError> {
        Ok(Self {
            messages: store.keyspace(MESSAGES),
            expiring: store.keyspace(EXPIRING),
            changed: vec![false; IN_APP_SHARDS],
        })
    }

    fn merge_users(
        &mut self,
        batch: &mut Batch<'_>,
        Merge { target, source }: Merge,
        _: JournalTime,
    ) -> Result<(), StoreError> {
        // Whoever waits for the source has another index from now on, and has to ask again.
        self.note_change(source);
        let joined = self.row(batch, source)?;
        if joined.is_empty() {
            self.note_change(target);
            return Ok(());
        }
        self.put(batch, source, &joined, &[]);
        let before = self.row(batch, target)?;
        let mut row = before.clone();
        for message in joined {
            if row.iter().all(|one| one.id != message.id) {
                row.push(message);
            }
        }
        row.sort_by(|a, b| (a.sent_at, &a.id).cmp(&(b.sent_at, &b.id)));
        limit(&mut row);
        self.put(batch, target, &before, &row);
        Ok(())
    }

    fn delete_user(&mut self, batch: &mut Batch<'_>, user: UserIdx) -> Result<(), StoreError> {
        let row = self.row(batch, user)?;
        self.put(batch, user, &row, &[]);
        Ok(())
    }
}

impl InApp {
    /// What is kept for a person, oldest first, and not too old at an instant.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn messages(
        &self,
        read: &dyn Read,
        user: UserIdx,
        now: Timestamp,
    ) -> Result<Vec<InAppMessage>, StoreError> {
        let mut row = self.row(read, user)?;
        row.retain(|message| message.expires_at > now);
        Ok(row)
    }

    /// In which shards something changed since this was last called.
    pub fn take_changed(&mut self) -> Vec<usize> {
        if !self.changed.contains(&true) {
            return Vec::new();
        }
        let changed = self.changed.iter_mut().enumerate();
        changed.filter_map(|(shard, flag)| std::mem::take(flag).then_some(shard)).collect()
    }

    /// Keeps a message for a person.
    pub(crate) fn add(
        &mut self,
        batch: &mut Batch<'_>,
        user: UserIdx,
        message: InAppMessage,
    ) -> Result<(), StoreError> {
        let before = self.row(batch, user)?;
        let mut row = before.clone();
        row.retain(|one| one.expires_at > message.sent_at && one.id != message.id);
        row.push(message);
        limit(&mut row);
        self.put(batch, user, &before, &row);
        Ok(())
    }

    /// Notes what became of a message, which may be gone already.
    pub(crate) fn follow_report(
        &mut self,
        batch: &mut Batch<'_>,
        user: UserIdx,
        id: &str,
        report: InAppReport,
    ) -> Result<(), StoreError> {
        let before = self.row(batch, user)?;
        let mut row = before.clone();
        let Some(place) = row.iter().position(|message| message.id == id) else { return Ok(()) };
        let message = &mut row[place];
        let is_over = match report {
            InAppReport::Viewed => {
                message.n_views = message.n_views.saturating_add(1);
                message.views_max > 0 && message.n_views >= message.views_max
            }
            InAppReport::Clicked => message.ends_by_click,
            InAppReport::Dismissed => true,
        };
        if is_over {
            row.remove(place);
        }
        self.put(batch, user, &before, &row);
        Ok(())
    }

    /// Removes some of what is too old.
    pub(crate) fn remove_expired(
        &mut self,
        batch: &mut Batch<'_>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let (mut people, mut passed) = (Vec::new(), Vec::new());
        for pair in batch.scan(&self.expiring, &[]).take(EXPIRED_PER_STEP) {
            let (key, _) = pair?;
            let mut parts = KeyParts::new(&key);
            let (at, user) =
                parts.u64().zip(parts.u32()).ok_or(StoreError::Unreadable { what: "in-app" })?;
            if at as i64 > now.0 {
                break;
            }
            people.push(UserIdx(user));
            passed.push(key);
        }
        people.dedup();
        passed.into_iter().for_each(|key| batch.remove(&self.expiring, key));
        for user in people {
            let before = self.row(batch, user)?;
            let mut row = before.clone();
            row.retain(|message| message.expires_at > now);
            self.put(batch, user, &before, &row);
        }
        Ok(())
    }

    fn note_change(&mut self, user: UserIdx) {
        self.changed[user.0 as usize % IN_APP_SHARDS] = true;
    }

    fn row(&self, read: &dyn Read, user: UserIdx) -> Result<Vec<InAppMessage>, StoreError> {
        let value = read.get(&self.messages, &KeyBuf::new().u32(user.0).build())?;
        let decode = |value: Vec<u8>| {
            let unreadable = |_| StoreError::Unreadable { what: "in-app messages" };
            postcard::from_bytes(&value).map_err(unreadable)
        };
        value.map_or_else(|| Ok(Vec::new()), decode)
    }

    /// Puts a row in the place of another one.
    fn put(
        &mut self,
        batch: &mut Batch<'_>,
        user: UserIdx,
        before: &[InAppMessage],
        row: &[InAppMessage],
    ) {
        let key = KeyBuf::new().u32(user.0);
        match row {
            [] => batch.remove(&self.messages, key),
            _ => {
                let bytes = postcard::to_stdvec(row).expect("plain fields always encode");
                batch.put(&self.messages, key, bytes);
            }
        }
        let is_in = |row: &[InAppMessage], id: &str| row.iter().any(|message| message.id == id);
        for gone in before.iter().filter(|message| !is_in(row, &message.id)) {
            batch.remove(&self.expiring, expiry_key(user, gone));
        }
        for new in row.iter().filter(|message| !is_in(before, &message.id)) {
            batch.put(&self.expiring, expiry_key(user, new), Vec::new());
        }
        self.note_change(user);
    }
}

/// Removes the oldest messages that are too many or too long together.
fn limit(row: &mut Vec<InAppMessage>) {
    let n_bytes = |row: &[InAppMessage]| row.iter().map(|one| one.content.len()).sum::<usize>();
    while row.len() > IN_APP_MESSAGES_MAX || (row.len() > 1 && n_bytes(row) > IN_APP_BYTES_MAX) {
        row.remove(0);
    }
}

fn expiry_key(user: UserIdx, message: &InAppMessage) -> KeyBuf {
    KeyBuf::new().u64(message.expires_at.0 as u64).u32(user.0).text(&message.id)
}
