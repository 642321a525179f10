//! Finds the operation of a method and a path. It knows all resources, and none of them knows it.

use domain::WorkspaceConfig;
use serde_json::{Value, json};

use super::answer::OperationAnswer;
use super::call::{Access, Operation, operation, query};
use super::failure::Failure;
use super::parameters::{Parameters, decode_percent};
use super::signature::Caller;
use super::{collections, entities, interactions, recommendations, segmentations, synonyms};

/// The parts of paths that are no ids.
const PATH_WORDS: [&str; 28] = [
    "auto-reql",
    "batch",
    "bookmarks",
    "cartadditions",
    "composite",
    "detailviews",
    "groups",
    "item-segments",
    "items",
    "list",
    "manual-reql",
    "merge",
    "more-items",
    "next",
    "properties",
    "property-based",
    "purchases",
    "ratings",
    "recomms",
    "scenarios",
    "search",
    "segmentations",
    "segments",
    "series",
    "synonyms",
    "users",
    "values",
    "viewportions",
];

/// A method, a path without the database's name, and parameters: alone or in a batch.
pub(super) struct Request {
    method: String,
    /// Decoded, without empty ones.
    pub(super) parts: Vec<String>,
    /// Whether the path ends with a slash: `/items/list/` is the list, `/items/list` an item.
    has_slash: bool,
    pub(super) parameters: Parameters,
}

impl Request {
    /// `path` is what follows the database's name; its query, if any, is among the parameters
    /// already. Batches may write methods in small letters, and what answers GET answers HEAD.
    pub(super) fn new(method: &str, path: &str, parameters: Parameters) -> Result<Self, Failure> {
        let decoded = |part: &str| {
            decode_percent(part, false).ok_or_else(|| {
                Failure::invalid(format!("the path part {part:?} is not URL-encoded UTF-8"))
            })
        };
        let parts = path
            .split('/')
            .filter(|part| !part.is_empty())
            .map(decoded)
            .collect::<Result<_, _>>()?;
        let method = match method.to_ascii_uppercase().as_str() {
            "HEAD" => "GET".to_owned(),
            other => other.to_owned(),
        };
        Ok(Self { method, parts, has_slash: path.ends_with('/'), parameters })
    }

    /// The operation that has this method and path, if any.
    ///
    /// # Errors
    /// 403 where the caller may not call it. Browsers may call nothing that is not there either.
    pub(super) fn operation(
        &self,
        caller: Caller,
        config: &WorkspaceConfig,
    ) -> Result<Option<Operation>, Failure> {
        let parts: Vec<&str> = self.parts.iter().map(String::as_str).collect();
        let operation = find(&self.method, &parts, self.has_slash);
        if caller == Caller::Public {
            let access = operation.as_ref().map_or(Access::Private, |operation| operation.access);
            check_public(access, config)?;
        }
        Ok(operation)
    }

    /// The pattern of the path: parts that are ids are left out.
    pub(super) fn pattern(&self) -> String {
        let word = |part: &String| PATH_WORDS.iter().find(|word| *word == part);
        let parts = self.parts.iter().map(|part| word(part).copied().unwrap_or("{id}"));
        format!("/{{database}}/{}", parts.collect::<Vec<_>>().join("/"))
    }

    /// Whether it is a batch, which browsers may send too.
    pub(super) fn is_batch(&self) -> bool {
        self.method == "POST" && self.parts == ["batch"]
    }
}

fn find(method: &str, parts: &[&str], has_slash: bool) -> Option<Operation> {
    None.or_else(|| entities::find(method, parts, has_slash))
        .or_else(|| collections::find(method, parts, has_slash))
        .or_else(|| interactions::find(method, parts, has_slash))
        .or_else(|| recommendations::find(method, parts))
        .or_else(|| segmentations::find(method, parts, has_slash))
        .or_else(|| synonyms::find(method, parts))
        .or_else(|| match (method, parts) {
            ("GET", ["scenarios"]) => Some(operation(|_, _| {
                query(|engine| {
                    let all = engine.scenarios().into_iter();
                    let named = all.map(
                        |scenario| json!({ "id": scenario.name, "endpoint": scenario.endpoint }),
                    );
                    Ok(OperationAnswer::ok(named.collect::<Vec<Value>>()))
                })
            })),
            ("DELETE", []) => Some(operation(|_, _| {
                query(|engine| {
                    engine.reset()?;
                    Ok(OperationAnswer::outcome(200, "ok"))
                })
            })),
            _ => None,
        })
}

/// Refuses what browsers may not call.
fn check_public(access: Access, config: &WorkspaceConfig) -> Result<(), Failure> {
    match access {
        Access::PublicMerge if !config.public_merge_users => Err(Failure::forbidden(
            "a public token may not merge users: sign with the private token, or set public_merge_users for the workspace",
        )),
        Access::Public | Access::PublicMerge => Ok(()),
        Access::Private => {
            Err(Failure::forbidden("a public token may not do this: sign with the private token"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_of_paths_hold_no_ids() {
        let pattern = |path: &str| {
            let request = Request::new("POST", path, Parameters::default());
            request.map(|request| request.pattern()).map_err(|_| "a right path").unwrap()
        };
        for (path, expected) in [
            ("recomms/users/ann%40mail.example/items/", "recomms/users/{id}/items"),
            (
                "segmentations/manual-reql/s/segments/t",
                "segmentations/manual-reql/{id}/segments/{id}",
            ),
            ("batch/", "batch"),
            ("", ""),
        ] {
            assert_eq!(pattern(path), format!("/{{database}}/{expected}"));
        }
        // Every operation is found by words of the list and ids.
        for kind in
            ["detailviews", "purchases", "ratings", "cartadditions", "bookmarks", "viewportions"]
        {
            assert!(find("POST", &[kind], true).is_some() && PATH_WORDS.contains(&kind), "{kind}");
        }
    }

    #[test]
    fn who_may_call_which_operation() {
        let access_of = |method: &str, path: &str| {
            let request = Request::new(method, path, Parameters::default())
                .map_err(|_| "a right path")
                .unwrap();
            let parts: Vec<&str> = request.parts.iter().map(String::as_str).collect();
            find(&request.method, &parts, request.has_slash).map(|operation| operation.access)
        };
        for (method, path, access) in [
            ("POST", "detailviews/", Some(Access::Public)),
            ("DELETE", "detailviews/", Some(Access::Private)),
            ("GET", "users/u/detailviews/", Some(Access::Private)),
            ("post", "recomms/users/u/items/", Some(Access::Public)),
            ("HEAD", "recomms/users/u/items/", Some(Access::Public)),
            ("POST", "recomms/items/i/item-segments/", Some(Access::Public)),
            ("POST", "recomms/users/u/users/", Some(Access::Private)),
            ("GET", "recomms/items/i/users/", Some(Access::Private)),
            ("POST", "recomms/users/users/items/", Some(Access::Public)),
            ("POST", "recomms/composite/", Some(Access::Public)),
            ("POST", "recomms/next/items/users", Some(Access::Public)),
            ("POST", "search/users/u/items/", Some(Access::Public)),
            ("GET", "users/u/recomms/", Some(Access::Private)),
            ("PUT", "users/u/merge/v", Some(Access::PublicMerge)),
            ("POST", "users/u/merge/v", Some(Access::PublicMerge)),
            ("PUT", "users/u", Some(Access::Private)),
            ("PUT", "items/list", Some(Access::Private)),
            ("PUT", "items/list/", None),
            ("POST", "items/properties/price", None),
            ("GET", "series/list/", Some(Access::Private)),
            ("PUT", "series/list", Some(Access::Private)),
            ("PUT", "segmentations/nothing/new", None),
            ("DELETE", "synonyms/items/", Some(Access::Private)),
            ("GET", "scenarios", Some(Access::Private)),
            ("DELETE", "", Some(Access::Private)),
            ("PATCH", "items/a", None),
        ] {
            assert_eq!(access_of(method, path), access, "{method} {path}");
        }
    }
}
