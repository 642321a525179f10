//! What people said of channels and topics: whether they want messages.
//!
//! A message says it in its context, in Segment's form (`messaging_subscriptions`). What was said
//! later counts, by the time of the message. Of two profiles that become one, an opt-out of either
//! counts.

mod statement;

use std::collections::BTreeMap;

use domain::{
    ChannelKind, SubscriptionStatus, Timestamp, Topic, TopicDefault, UserIdx, WorkspaceId,
};
use profiles::Merge;
use serde::{Deserialize, Serialize};
use store::key::KeyBuf;
use store::{Batch, Keyspace, Read, Store, StoreError};

pub use self::statement::{SUBSCRIPTIONS_MEMBER, SubscriptionStatement};
use crate::journal_clock::JournalTime;
use crate::part::{StatePart, counts_nothing, writes_at_once};

const ROWS: &str = "state.subscriptions";
/// The most topics of which something is kept for one person.
pub const SAID_TOPICS_MAX: usize = 200;

/// What a person said of a channel or a topic, and when.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Said {
    /// What they said.
    pub status: SubscriptionStatus,
    /// When they said it.
    pub at: Timestamp,
}

/// What a person said.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PersonSubscriptions {
    /// Of kinds of channels.
    pub channels: BTreeMap<ChannelKind, Said>,
    /// Of topics, by key. They need not be there any more, or yet.
    pub topics: BTreeMap<String, Said>,
}

/// What the people of a workspace said.
pub struct Subscriptions {
    rows: Keyspace,
}

impl StatePart for Subscriptions {
    const KEYSPACES: &'static [&'static str] = &[ROWS];

    writes_at_once!();
    counts_nothing!();

    fn load(store: &Store, _: &WorkspaceId) -> Result<Self, StoreError> {
        Ok(Self { rows: store.keyspace(ROWS) })
    }

    fn merge_users(
        &mut self,
        batch: &mut Batch<'_>,
        Merge { target, source }: Merge,
        _: JournalTime,
    ) -> Result<(), StoreError> {
        let theirs = self.of(batch, source)?;
        if theirs != PersonSubscriptions::default() {
            let mut merged = self.of(batch, target)?;
            merged.merge(theirs);
            self.put(batch, target, &merged);
            self.put(batch, source, &PersonSubscriptions::default());
        }
        Ok(())
    }

    fn delete_user(&mut self, batch: &mut Batch<'_>, user: UserIdx) -> Result<(), StoreError> {
        self.put(batch, user, &PersonSubscriptions::default());
        Ok(())
    }
}

impl Subscriptions {
    /// What a person said.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn of(&self, read: &dyn Read, user: UserIdx) -> Result<PersonSubscriptions, StoreError> {
        let value = read.get(&self.rows, &KeyBuf::new().u32(user.0).build())?;
        let Some(value) = value else { return Ok(PersonSubscriptions::default()) };
        let unreadable = |_| StoreError::Unreadable { what: "subscriptions" };
        postcard::from_bytes(&value).map_err(unreadable)
    }

    /// Keeps what a person says at an instant, unless they said something later. Returns the topics
    /// for which there is no room.
    pub(crate) fn follow(
        &mut self,
        batch: &mut Batch<'_>,
        user: UserIdx,
        statement: &SubscriptionStatement,
        at: Timestamp,
    ) -> Result<Vec<String>, StoreError> {
        let mut row = self.of(batch, user)?;
        let without_room = row.follow(statement, at);
        self.put(batch, user, &row);
        Ok(without_room)
    }

    fn put(&self, batch: &mut Batch<'_>, user: UserIdx, row: &PersonSubscriptions) {
        let key = KeyBuf::new().u32(user.0);
        match *row == PersonSubscriptions::default() {
            true => batch.remove(&self.rows, key),
            false => {
                let value = postcard::to_stdvec(row).expect("plain fields always encode");
                batch.put(&self.rows, key, value);
            }
        }
    }
}

impl PersonSubscriptions {
    /// What the person said of a kind of channel.
    pub fn of_channel(&self, kind: ChannelKind) -> SubscriptionStatus {
        self.channels.get(&kind).map_or(SubscriptionStatus::NotSaid, |said| said.status)
    }

    /// What the person said of a topic.
    pub fn of_topic(&self, key: &str) -> SubscriptionStatus {
        self.topics.get(key).map_or(SubscriptionStatus::NotSaid, |said| said.status)
    }

    /// Whether the person wants messages of a channel, whatever they are about.
    pub fn wants_channel(&self, kinds: &[ChannelKind]) -> bool {
        let is_open =
            |kind: &ChannelKind| self.of_channel(*kind) != SubscriptionStatus::Unsubscribed;
        kinds.iter().all(is_open)
    }

    /// Whether the person wants messages of a topic, by its default where they said nothing.
    pub fn wants_topic(&self, topic: &Topic) -> bool {
        match self.of_topic(&topic.key) {
            SubscriptionStatus::Subscribed => true,
            SubscriptionStatus::Unsubscribed => false,
            SubscriptionStatus::NotSaid => topic.default == TopicDefault::Subscribed,
        }
    }

    fn follow(&mut self, statement: &SubscriptionStatement, at: Timestamp) -> Vec<String> {
        for (kind, status) in &statement.channels {
            let said = Said { status: *status, at };
            self.channels.entry(*kind).and_modify(|before| before.follow(said)).or_insert(said);
        }
        let mut without_room = Vec::new();
        for (key, status) in &statement.topics {
            let said = Said { status: *status, at };
            let has_room = self.topics.len() < SAID_TOPICS_MAX;
            match self.topics.get_mut(key) {
                Some(before) => before.follow(said),
                None if has_room => drop(self.topics.insert(key.clone(), said)),
                None => without_room.push(key.clone()),
            }
        }
        without_room
    }

    /// Takes what another profile of the same person said. The order of merges does not matter. Of
    /// more than [`SAID_TOPICS_MAX`] topics the opt-outs stay first.
    fn merge(&mut self, other: Self) {
        for (kind, said) in other.channels {
            self.channels.entry(kind).and_modify(|ours| ours.merge(said)).or_insert(said);
        }
        for (key, said) in other.topics {
            self.topics.entry(key).and_modify(|ours| ours.merge(said)).or_insert(said);
        }
        if self.topics.len() > SAID_TOPICS_MAX {
            let mut topics: Vec<(String, Said)> =
                std::mem::take(&mut self.topics).into_iter().collect();
            topics.sort_by_key(|(_, said)| std::cmp::Reverse(said.merge_rank()));
            topics.truncate(SAID_TOPICS_MAX);
            self.topics = topics.into_iter().collect();
        }
    }
}

impl Said {
    fn is_opt_out(self) -> bool {
        self.status == SubscriptionStatus::Unsubscribed
    }

    /// The later one stays; of two at the same instant an opt-out.
    fn follow(&mut self, said: Self) {
        let rank = |said: Self| (said.at, said.is_opt_out());
        if rank(said) >= rank(*self) {
            *self = said;
        }
    }

    /// By what one of two profiles' statements stays: an opt-out, then the later one.
    fn merge_rank(self) -> (bool, Timestamp, bool) {
        (self.is_opt_out(), self.at, self.status == SubscriptionStatus::Subscribed)
    }

    fn merge(&mut self, said: Self) {
        if said.merge_rank() > self.merge_rank() {
            *self = said;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn statuses() -> impl Strategy<Value = SubscriptionStatus> {
        prop::sample::select(vec![
            SubscriptionStatus::Subscribed,
            SubscriptionStatus::Unsubscribed,
            SubscriptionStatus::NotSaid,
        ])
    }

    fn people() -> impl Strategy<Value = PersonSubscriptions> {
        let said =
            || (statuses(), 0..4i64).prop_map(|(status, at)| Said { status, at: Timestamp(at) });
        let kinds = prop::sample::select(vec![ChannelKind::Email, ChannelKind::Sms]);
        let channels = prop::collection::btree_map(kinds, said(), 0..3);
        let topics = prop::collection::btree_map("[ab]", said(), 0..3);
        (channels, topics).prop_map(|(channels, topics)| PersonSubscriptions { channels, topics })
    }

    fn merged(one: &PersonSubscriptions, other: &PersonSubscriptions) -> PersonSubscriptions {
        let mut merged = one.clone();
        merged.merge(other.clone());
        merged
    }

    proptest! {
        #[test]
        fn the_order_of_merges_does_not_matter_and_an_opt_out_stays(
            (a, b, c) in (people(), people(), people()),
        ) {
            prop_assert_eq!(merged(&a, &b), merged(&b, &a));
            prop_assert_eq!(merged(&merged(&a, &b), &c), merged(&a, &merged(&b, &c)));
            prop_assert_eq!(merged(&a, &a), a.clone());
            let all = merged(&merged(&a, &b), &c);
            for kind in [ChannelKind::Email, ChannelKind::Sms] {
                let said_no = [&a, &b, &c].iter().any(|one| !one.wants_channel(&[kind]));
                prop_assert_eq!(all.wants_channel(&[kind]), !said_no);
            }
        }

        #[test]
        fn what_was_said_later_counts_in_whatever_order_it_comes(
            said in prop::collection::vec((statuses(), 0..4i64), 1..6),
        ) {
            let follow = |said: &[(SubscriptionStatus, i64)]| {
                let mut person = PersonSubscriptions::default();
                for (status, at) in said {
                    let mut statement = SubscriptionStatement::default();
                    statement.channels.insert(ChannelKind::Email, *status);
                    person.follow(&statement, Timestamp(*at));
                }
                person.wants_channel(&[ChannelKind::Email])
            };
            let mut sorted = said.clone();
            sorted.sort_by_key(|(status, at)| (*at, *status == SubscriptionStatus::Unsubscribed));
            prop_assert_eq!(follow(&said), follow(&sorted));
            let wanted = sorted.last().is_some_and(|(status, _)| {
                *status != SubscriptionStatus::Unsubscribed
            });
            prop_assert_eq!(follow(&said), wanted);
        }
    }

    #[test]
    fn there_is_room_for_so_many_topics_and_for_opt_outs_of_both() {
        let statement = |first: usize, n: usize, status| SubscriptionStatement {
            topics: (first..first + n).map(|n| (format!("t{n:04}"), status)).collect(),
            ..SubscriptionStatement::default()
        };
        let mut person = PersonSubscriptions::default();
        let many = statement(0, SAID_TOPICS_MAX, SubscriptionStatus::Subscribed);
        assert_eq!(person.follow(&many, Timestamp(2)), Vec::<String>::new());
        let further = statement(900, 1, SubscriptionStatus::Unsubscribed);
        assert_eq!(person.follow(&further, Timestamp(2)), ["t0900"]);
        let mut other = PersonSubscriptions::default();
        other.follow(&further, Timestamp(1));
        person.merge(other);
        assert_eq!(person.topics.len(), SAID_TOPICS_MAX);
        assert_eq!(person.of_topic("t0900"), SubscriptionStatus::Unsubscribed);
    }
}
