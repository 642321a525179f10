//! `POST /1/delete/profiles.json`: people are deleted in the form of CleverTap's API, here and at
//! destinations that can delete. A write key stands in web pages, so it takes a bearer token.

use engine::{NewRegulation, RegulationType};
use resources::privacy;
use serde::Deserialize;
use serde_json::{Value, json};

use web::error::{ApiError, ErrorKind};
use web::workspaces::WorkspaceHandle;

/// The most people of one call.
const PROFILES_MAX: usize = 100;

#[derive(Deserialize)]
#[serde(untagged, expecting = "expected an id or a list of ids")]
enum OneOrMore {
    One(String),
    More(Vec<String>),
}

impl OneOrMore {
    fn into_vec(self) -> Vec<String> {
        match self {
            Self::One(id) => vec![id],
            Self::More(ids) => ids,
        }
    }
}

/// Reads a body: `identity` are user ids, `guid` are anonymous ids.
pub(super) fn read(body: &[u8]) -> Result<NewRegulation, ApiError> {
    #[derive(Deserialize)]
    struct Wire {
        identity: Option<OneOrMore>,
        guid: Option<OneOrMore>,
    }
    let wrong = |why: String| {
        let message = format!(
            "the body must be a JSON object whose member identity or guid is an id or a list of ids: {why}"
        );
        ApiError::bad_request(message)
    };
    let wire: Wire = serde_json::from_slice(body).map_err(|error| wrong(error.to_string()))?;
    let ids = |ids: Option<OneOrMore>| ids.map(OneOrMore::into_vec).unwrap_or_default();
    let new = NewRegulation {
        type_: RegulationType::DeleteOnly,
        user_ids: ids(wire.identity),
        anonymous_ids: ids(wire.guid),
        other_ids: Vec::new(),
    };
    let n_people = new.user_ids.len() + new.anonymous_ids.len();
    if n_people > PROFILES_MAX {
        return Err(wrong(format!("{n_people} people in one call, the limit is {PROFILES_MAX}")));
    }
    new.check().map_err(wrong)?;
    Ok(new)
}

/// Refuses a call without a bearer token.
pub(super) fn check_passcode(is_bearer: bool) -> Result<(), ApiError> {
    if is_bearer {
        return Ok(());
    }
    let message = "people are deleted with a bearer token of the source as the passcode: its write key stands in web pages";
    Err(ApiError::new(ErrorKind::Forbidden, message.to_owned()))
}

/// Takes the deletion, which a thread of the server does soon.
pub(super) async fn begin(
    workspace: &WorkspaceHandle,
    new: NewRegulation,
) -> Result<Value, ApiError> {
    let begin = move |workspace: &web::workspaces::BlockingHandle| -> Result<_, ApiError> {
        privacy::begin(&*workspace.engine()?, &new)
    };
    let shown = workspace.run_with((), begin).await?;
    Ok(json!({ "status": "success", "id": shown.id }))
}
