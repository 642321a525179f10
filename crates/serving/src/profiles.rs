//! Queries about single users and items.

use std::collections::BTreeMap;

use domain::{InteractionKind, PropertyValue, Rejection, RejectionReason, Timestamp, UserIdx};
use profiles::{ExternalIdType, Identifier, StoredTrait};
use serde_json::{Map, Value};
use state::EntityKind;

use crate::{LiveState, QueryError, Snapshot, listing};

/// How many rows are looked at between two turns of the fold.
const ROWS_PER_STEP: usize = 1_000;

/// One interaction of a user, by external ids.
#[derive(Debug, Clone, PartialEq)]
pub struct HistoryItem {
    /// The item.
    pub item_id: String,
    /// The kind of interaction.
    pub kind: InteractionKind,
    /// Time of the interaction, to the second.
    pub at: Timestamp,
}

/// Rejections with their counts by source and reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RejectionReport {
    /// Counts of all time, by source and reason.
    pub counts: BTreeMap<(String, RejectionReason), u64>,
    /// The latest rejections, newest first.
    pub latest: Vec<Rejection>,
}

impl Snapshot<'_> {
    /// A user's latest interactions, newest first.
    pub fn history(&self, user: UserIdx, limit: usize) -> Vec<HistoryItem> {
        let row = self.interactions.histories().row(user);
        let named = row.iter().rev().take(limit).map(|entry| HistoryItem {
            item_id: self.catalog.item_id(entry.item).to_owned(),
            kind: entry.kind,
            at: Timestamp(i64::from(entry.at_s) * 1_000),
        });
        named.collect()
    }

    /// An item's properties; none for an unknown item.
    pub fn item_properties(&self, item_id: &str) -> Option<BTreeMap<String, PropertyValue>> {
        let values = self.catalog.table().values(self.catalog.item(item_id)?.0);
        Some(values.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
    }

    /// An item's properties as JSON; none for an unknown item.
    pub fn item_json(&self, item_id: &str) -> Option<Map<String, Value>> {
        let properties = self.item_properties(item_id)?.into_iter();
        Some(properties.map(|(name, value)| (name, value.to_json())).collect())
    }

    /// The traits that sources set on a profile, in the order of their keys.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn stored_traits(&self, user: UserIdx) -> Result<Vec<(String, StoredTrait)>, QueryError> {
        Ok(self.profiles.traits(self.store(), user)?)
    }

    /// The external ids of a profile.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn identifiers(&self, user: UserIdx) -> Result<Vec<Identifier>, QueryError> {
        Ok(self.profiles.identifiers(self.store(), user)?)
    }

    /// Rejections with their counts, the latest `limit` of them in full.
    pub fn rejections(&self, limit: usize) -> RejectionReport {
        let rejections = &self.rejections;
        RejectionReport {
            counts: rejections.counts().clone(),
            latest: rejections.latest().take(limit).cloned().collect(),
        }
    }

    /// An external id of a user, or of the user it was merged into; none for a deleted user.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn find_user_name(
        &self,
        mut user: UserIdx,
    ) -> Result<Option<(ExternalIdType, String)>, QueryError> {
        while !self.profiles.ids().is_alive(user) {
            let profile = self.profiles.profile(self.store(), user)?;
            match profile.and_then(|profile| profile.merged_into) {
                Some(target) if target != user => user = target,
                _ => return Ok(None),
            }
        }
        if let Some(id) = self.profiles.ids().user_id(user) {
            return Ok(Some((ExternalIdType::UserId, id.to_owned())));
        }
        let ids = self.profiles.identifiers(self.store(), user)?;
        Ok(ids.into_iter().next().map(|id| (id.type_, id.value)))
    }
}

/// The approximate bytes of the values of items or users as JSON, of all or of some properties.
/// Unknown ids count nothing.
pub fn values_bytes(
    live: &LiveState,
    kind: EntityKind,
    ids: &[String],
    included: Option<&[String]>,
) -> u64 {
    /// Quotes, colon and comma, or a number.
    const FIXED_BYTES: usize = 8;
    let mut bytes = 0;
    for ids in ids.chunks(ROWS_PER_STEP) {
        let views = live.snapshot();
        let table = listing::table(&views, kind);
        let is_included =
            |name: &&str| included.is_none_or(|names| names.iter().any(|known| known == name));
        let names: Vec<&str> =
            table.properties().map(|property| property.name.as_str()).filter(is_included).collect();
        for row in ids.iter().filter_map(|id| listing::find_row(&views, kind, id)) {
            let values =
                names.iter().map(|name| FIXED_BYTES + name.len() + table.text_bytes(row, name));
            bytes += values.sum::<usize>() as u64;
        }
    }
    bytes
}
