//! Earlier versions of what people define: scenarios, traits, computed traits and audiences, each
//! as it was from one change of the configuration to the next. Sources, tokens and destinations
//! have secrets, so none of theirs is kept.

use std::collections::BTreeMap;

use domain::{Timestamp, WorkspaceConfig, WorkspaceId};
use serde::{Deserialize, Serialize};
use store::key::{KeyBuf, KeyParts};
use store::{Batch, Keyspace, Read, Store, StoreError};
use xxhash_rust::xxh3::xxh3_64;

use crate::configuration::Resource;
use crate::part::{StatePart, counts_nothing, has_no_users, writes_at_once};

/// Survives a reset, as the configuration does.
pub(crate) const KEYSPACE: &str = "state.config_versions";

/// The most versions of one definition that are kept. The oldest go first.
pub const CONFIG_VERSIONS_MAX: usize = 100;
/// The most bytes of the versions of one definition that are kept.
pub const CONFIG_VERSIONS_BYTES_MAX: usize = 4 * 1024 * 1024;

/// A definition as it was from a change on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigVersion {
    /// The offset of the change, which is the revision of the definition.
    pub offset: u64,
    /// When it was changed.
    pub at: Timestamp,
    /// The definition as JSON text; none where it was removed.
    pub definition: Option<String>,
}

#[derive(Serialize, Deserialize)]
struct Row {
    resource: Resource,
    at: Timestamp,
    definition: Option<String>,
}

/// The versions of a workspace's definitions. All of them are in the store, none in memory.
pub struct ConfigVersions {
    keyspace: Keyspace,
}

impl StatePart for ConfigVersions {
    const KEYSPACES: &'static [&'static str] = &[KEYSPACE];

    has_no_users!();
    writes_at_once!();
    counts_nothing!();

    fn load(store: &Store, _: &WorkspaceId) -> Result<Self, StoreError> {
        Ok(Self { keyspace: store.keyspace(KEYSPACE) })
    }
}

impl ConfigVersions {
    /// The versions of a definition, the latest first.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn list(
        &self,
        read: &dyn Read,
        resource: &Resource,
    ) -> Result<Vec<ConfigVersion>, StoreError> {
        let mut versions = Vec::new();
        for pair in read.scan(&self.keyspace, &prefix(resource).build()) {
            let (key, value) = pair?;
            let mut parts = KeyParts::new(&key);
            let offset = parts.u64().and_then(|_| parts.u64()).ok_or_else(unreadable)?;
            let row: Row = postcard::from_bytes(&value).map_err(|_| unreadable())?;
            if row.resource == *resource {
                let Row { at, definition, .. } = row;
                versions.push(ConfigVersion { offset, at, definition });
            }
        }
        versions.reverse();
        Ok(versions)
    }

    /// Keeps the definitions that differ between two configurations, as they are in the second.
    pub(crate) fn follow_config(
        &self,
        batch: &mut Batch<'_>,
        before: &WorkspaceConfig,
        after: &WorkspaceConfig,
        (offset, at): (u64, Timestamp),
    ) -> Result<(), StoreError> {
        let (mut before, after) = (definitions(before), definitions(after));
        for (resource, definition) in after {
            if before.remove(&resource).as_ref() != Some(&definition) {
                self.put(batch, offset, Row { resource, at, definition: Some(definition) })?;
            }
        }
        for resource in before.into_keys() {
            self.put(batch, offset, Row { resource, at, definition: None })?;
        }
        Ok(())
    }

    fn put(&self, batch: &mut Batch<'_>, offset: u64, row: Row) -> Result<(), StoreError> {
        let bytes = postcard::to_stdvec(&row).expect("plain fields always encode");
        batch.put(&self.keyspace, prefix(&row.resource).u64(offset).build(), bytes);
        let rows = batch.scan(&self.keyspace, &prefix(&row.resource).build());
        let rows = rows.collect::<Result<Vec<_>, _>>()?;
        let mut n_bytes = 0;
        for (n, (key, value)) in rows.into_iter().rev().enumerate() {
            n_bytes += value.len();
            let is_kept = n < CONFIG_VERSIONS_MAX && n_bytes <= CONFIG_VERSIONS_BYTES_MAX;
            // The present one stays, however long it is.
            if n > 0 && !is_kept {
                batch.remove(&self.keyspace, key);
            }
        }
        Ok(())
    }
}

/// The definitions of a configuration as JSON texts.
fn definitions(config: &WorkspaceConfig) -> BTreeMap<Resource, String> {
    fn text(definition: &impl Serialize) -> String {
        serde_json::to_string(definition).expect("a definition is plain JSON")
    }
    let scenarios = config.scenarios.iter();
    let scenarios = scenarios.map(|one| (Resource::Scenario(one.name.clone()), text(one)));
    let traits = config.traits.iter().map(|one| (Resource::Trait(one.key.clone()), text(one)));
    let computed = config.computed_traits.iter();
    let computed = computed.map(|one| (Resource::ComputedTrait(one.key.clone()), text(one)));
    let audiences = config.audiences.iter();
    let audiences = audiences.map(|one| (Resource::Audience(one.key.clone()), text(one)));
    let campaigns = config.campaigns.iter();
    let campaigns = campaigns.map(|one| (Resource::Campaign(one.key.clone()), text(one)));
    let journeys = config.journeys.iter();
    let journeys = journeys.map(|one| (Resource::Journey(one.key.clone()), text(one)));
    let definitions = scenarios.chain(traits).chain(computed).chain(audiences);
    definitions.chain(campaigns).chain(journeys).collect()
}

/// What the keys of the versions of a definition begin with. Names are longer than keys may be in
/// their middle, so their hash stands for them.
fn prefix(resource: &Resource) -> KeyBuf {
    KeyBuf::new().u64(xxh3_64(resource.to_string().as_bytes()))
}

fn unreadable() -> StoreError {
    StoreError::Unreadable { what: "configuration versions" }
}
