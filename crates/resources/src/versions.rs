//! Versions of scenarios, traits and audiences: who changed what and when, with what each change
//! made of the definition. The definitions are kept with the state, the names of people in the
//! audit.

use std::collections::BTreeSet;
use std::sync::Arc;

use domain::Timestamp;
use engine::{ConfigVersion, Engine, Resource};
use serde::Serialize;
use serde_json::{Map, Value};
use web::App;
use web::access::Who;
use web::error::ApiError;
use web::workspaces::RequestedWorkspace;

use crate::audit::{AuditQuery, ShownRecord, read};

/// How long after a change its record may stand in the audit, in milliseconds.
const RECORDED_WITHIN_MS: i64 = 60_000;
/// The most records of the audit in which people are looked for.
const RECORDS_MAX: usize = 500;

/// The versions of a definition.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
#[schema(as = DefinitionVersions)]
pub struct ShownVersions {
    /// The latest first; up to 100, of up to 4 MiB together.
    pub versions: Vec<ShownVersion>,
}

/// A definition as it was from a change on.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
#[schema(as = DefinitionVersion)]
pub struct ShownVersion {
    /// Its number, which is the revision of the definition.
    pub version: u64,
    /// When it was changed.
    pub at: Timestamp,
    /// Who changed it; absent where the audit does not say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by: Option<Who>,
    /// The definition: with `PUT` it is in force again. Absent where it was removed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub definition: Option<Value>,
    /// The keys in which it differs from the version before; none of the oldest that is kept.
    pub changes: Vec<ChangedKey>,
}

/// A key of a definition that was changed.
#[derive(Debug, Clone, PartialEq, Serialize, utoipa::ToSchema)]
pub struct ChangedKey {
    /// The key.
    pub key: String,
    /// Its value before; absent where there was none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<Value>,
    /// Its value after; absent where there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<Value>,
}

/// The versions of a scenario, a trait, a computed trait or an audience.
///
/// # Errors
/// 404 where none is kept.
pub async fn list(
    app: &Arc<App>,
    workspace: &RequestedWorkspace,
    resource: Resource,
) -> Result<ShownVersions, ApiError> {
    let named = resource.clone();
    let kept = workspace.run(move |engine: &Engine| Ok(engine.config_versions(&named)?)).await?;
    let Some(oldest) = kept.last() else {
        let what = format!("no version of {resource} is kept: there never was one of the name");
        return Err(ApiError::not_found(what));
    };
    let query = AuditQuery {
        what: Some(resource.word().replace(' ', "_")),
        workspace: Some(workspace.id().clone()),
        from: Some(oldest.at.to_string()),
        limit: Some(RECORDS_MAX),
        ..AuditQuery::default()
    };
    let mut records = read(app, query).await?.audit;
    records.retain(|record| record.resource.as_deref() == resource.name());
    let definitions: Vec<Option<Value>> = kept.iter().map(definition_of).collect();
    let versions = kept.iter().enumerate().map(|(n, version)| ShownVersion {
        version: version.offset,
        at: version.at,
        by: find_author(&records, version),
        definition: definitions[n].clone(),
        changes: match definitions.get(n + 1) {
            Some(before) => compare(before.as_ref(), definitions[n].as_ref()),
            None => Vec::new(),
        },
    });
    Ok(ShownVersions { versions: versions.collect() })
}

fn definition_of(version: &ConfigVersion) -> Option<Value> {
    version.definition.as_ref().and_then(|text| serde_json::from_str(text).ok())
}

/// Whom the audit names for a change: the first record after it, since it is written then.
fn find_author(records: &[ShownRecord], version: &ConfigVersion) -> Option<Who> {
    let is_of = |record: &&ShownRecord| {
        record.outcome == "done" && (0..RECORDED_WITHIN_MS).contains(&(record.at.0 - version.at.0))
    };
    records.iter().filter(is_of).min_by_key(|record| record.at).map(|record| record.who.clone())
}

/// The keys in which two definitions differ.
fn compare(before: Option<&Value>, after: Option<&Value>) -> Vec<ChangedKey> {
    let nothing = Map::new();
    let keys_of = |definition: Option<&Value>| match definition {
        Some(Value::Object(keys)) => keys.clone(),
        _ => nothing.clone(),
    };
    let (before, after) = (keys_of(before), keys_of(after));
    let keys: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let changed = keys.into_iter().filter(|key| before.get(*key) != after.get(*key));
    let change = |key: &String| ChangedKey {
        key: key.clone(),
        before: before.get(key).cloned(),
        after: after.get(key).cloned(),
    };
    changed.map(change).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn changed_keys_have_both_values() {
        let (before, after) = (json!({ "a": 1, "b": 2 }), json!({ "b": 3, "c": [4], "a": 1 }));
        let change = |key: &str, before: Option<Value>, after: Option<Value>| ChangedKey {
            key: key.to_owned(),
            before,
            after,
        };
        let expected =
            [change("b", Some(json!(2)), Some(json!(3))), change("c", None, Some(json!([4])))];
        assert_eq!(compare(Some(&before), Some(&after)), expected);
        assert_eq!(compare(Some(&before), None).len(), 2);
    }
}
