//! A digest of a workspace's answers, by which two copies are compared. It does not depend on the
//! clock or on how entries were batched.

use domain::{ListRequest, Logic, Timestamp, UserIdx};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::lost_model::is_cut_off;
use crate::store_picture::{self, KeyspaceDigest, to_hex};
use crate::{Engine, EngineError};

/// The most users whose lists are compared.
const SAMPLE_USERS_MAX: usize = 100;
/// The number of items in each compared list.
const SAMPLE_LIST_ITEMS: usize = 10;

/// A digest of the answers of a workspace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answers {
    /// The number of applied journal entries.
    pub entries: u64,
    /// A digest of each keyspace of the store.
    pub keyspaces: Vec<KeyspaceDigest>,
    /// The version of the model in use; none before the first training.
    pub model: Option<String>,
    /// Lists of some users, evenly spaced among the known users.
    pub lists: Vec<SampleList>,
}

/// A list of one user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SampleList {
    /// The user.
    pub user_id: String,
    /// The items, best first.
    pub items: Vec<String>,
    /// SHA-256 over items and exact scores, in hexadecimal.
    pub sha256: String,
}

impl Answers {
    /// Describes the differences from another copy, one sentence each; empty if there are none.
    pub fn differences(&self, other: &Self) -> Vec<String> {
        let mut found = Vec::new();
        if self.entries != other.entries {
            found.push(format!("{} entries are applied, expected {}", other.entries, self.entries));
        }
        if self.model != other.model {
            let name = |model: &Option<String>| model.clone().unwrap_or_else(|| "none".to_owned());
            found.push(format!(
                "model {} is in use, expected {}",
                name(&other.model),
                name(&self.model)
            ));
        }
        for own in &self.keyspaces {
            match other.keyspaces.iter().find(|keyspace| keyspace.name == own.name) {
                Some(keyspace) if keyspace == own => {}
                Some(keyspace) => found.push(format!(
                    "keyspace {} of the store has other content: {} pairs, expected {}",
                    own.name, keyspace.pairs, own.pairs
                )),
                None => found.push(format!("the store has no keyspace {}", own.name)),
            }
        }
        if self.lists.len() != other.lists.len() {
            found.push(format!(
                "{} users have lists, expected {}",
                other.lists.len(),
                self.lists.len()
            ));
        }
        for (own, list) in self.lists.iter().zip(&other.lists).filter(|(own, list)| own != list) {
            found.push(format!(
                "user {:?} gets {} (scores {}), expected user {:?} to get {} (scores {})",
                list.user_id,
                list.items.join(", "),
                &list.sha256[..list.sha256.len().min(8)],
                own.user_id,
                own.items.join(", "),
                &own.sha256[..own.sha256.len().min(8)]
            ));
        }
        found
    }
}

impl Engine {
    /// Digests the store and lists of some users, at a time that the journal gives. Nothing must be
    /// submitted meanwhile. `progress` gets the number of pairs just read.
    ///
    /// # Errors
    /// If the store or the model cannot be read.
    pub fn digest_answers(&self, progress: &dyn Fn(u64)) -> Result<Answers, EngineError> {
        let training = self.training();
        if let Some(training) = &training
            && self.serving.model().as_ref().is_none_or(|model| model.version != training.version)
        {
            match self.read_or_remake(training) {
                // Its lists are those without a model, here as in every other copy.
                Err(error) if is_cut_off(&error) => {}
                model => self.use_model(model?),
            }
        }
        let at = training.as_ref().map_or(Timestamp(0), |training| training.finished_at);
        let request = ListRequest::new(SAMPLE_LIST_ITEMS, Logic::Personal);
        let users: Vec<UserIdx> = self.snapshot().profiles.ids().known_users().collect();
        let step = users.len().div_ceil(SAMPLE_USERS_MAX).max(1);
        let lists = users.into_iter().step_by(step).map(|user| {
            let list = self.recommend_at(Some(user), &request, at)?;
            let mut hash = Sha256::new();
            for item in &list.items {
                hash.update((item.item_id.len() as u64).to_le_bytes());
                hash.update(&item.item_id);
                hash.update(item.score.to_bits().to_le_bytes());
            }
            let user_id =
                self.snapshot().profiles.ids().user_id(user).unwrap_or_default().to_owned();
            let items = list.items.into_iter().map(|item| item.item_id).collect();
            Ok(SampleList { user_id, items, sha256: to_hex(&hash.finalize()) })
        });
        let lists = lists.collect::<Result<_, EngineError>>()?;
        let digest = store_picture::digest(self.shared.live.store(), progress);
        Ok(Answers {
            entries: self.snapshot().applied,
            keyspaces: digest?,
            model: training.map(|training| training.version),
            lists,
        })
    }
}
