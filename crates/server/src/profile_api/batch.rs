//! `POST .../profiles/batch`: the traits of many profiles at once.

use axum::Json;
use axum::body::Bytes;
use serde::Deserialize;
use serde_json::{Value, json};

use super::lookup::{ProfileName, Space};
use super::traits::{LIMIT_MAX, TraitQuery};
use web::error::ApiError;
use web::json;

/// The most profiles of a request.
const PROFILES_MAX: usize = 100;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    /// `type:value` each.
    profiles: Vec<String>,
    class: Option<String>,
    #[serde(default)]
    include: Vec<String>,
    #[serde(default)]
    verbose: bool,
}

/// One answer for each profile, in the order of the request: its traits, or why there are none.
pub(super) async fn read(space: Space, body: Bytes) -> Result<Json<Value>, ApiError> {
    let Body { profiles, class, include, verbose } = json::read(&body, "the body is wrong")?;
    if !(1..=PROFILES_MAX).contains(&profiles.len()) {
        return Err(ApiError::invalid(format!(
            "profiles has {} names, it must have 1 to {PROFILES_MAX}",
            profiles.len()
        )));
    }
    let query = TraitQuery::new(class.as_deref(), include, LIMIT_MAX, verbose)?;
    let collection = space.collection;
    let answers = space.workspace.make_lists(move |engine, budget| {
        let mut answers = Vec::with_capacity(profiles.len());
        for name in profiles {
            budget.check()?;
            let subject = ProfileName::parse(collection, &name).and_then(|name| name.find(engine));
            answers.push(match subject {
                Ok(subject) => {
                    let page = query.page(engine, &subject, budget)?;
                    json!({ "profile": name, "traits": page.traits, "has_more": page.has_more })
                }
                Err(error) => {
                    let (code, message) = (error.kind.code(), error.message);
                    json!({ "profile": name, "error": { "code": code, "message": message } })
                }
            });
        }
        Ok(answers)
    });
    Ok(Json(json!({ "data": answers.await? })))
}
