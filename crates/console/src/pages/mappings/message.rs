//! The message that is tried first: the latest real one, else an example.

use std::collections::BTreeSet;

use mapping::Trigger;
use resources::live::{self, Filter, LiveEntry, LiveKind, LiveOutcome};
use serde_json::json;
use web::error::ApiError;
use web::workspaces::RequestedWorkspace;

/// How many of the latest messages are looked at for one of an event.
const MESSAGES_LOOKED_AT: usize = 50;

/// The latest message, in lines; of the events that a trigger names, where it names any and one of
/// them came.
pub(super) async fn latest(
    workspace: &RequestedWorkspace,
    trigger: &str,
) -> Result<String, ApiError> {
    let trigger = Trigger::new(trigger).ok();
    let events = trigger.and_then(|trigger| trigger.reach().events.clone());
    let filter = match events.as_ref().and_then(BTreeSet::first) {
        Some(event) => Filter::new(None, Some(event.clone()), None, None)?,
        None => Filter::default(),
    };
    let page = live::page(workspace, filter, None, MESSAGES_LOOKED_AT).await?;
    let fits = |entry: &&LiveEntry| {
        let event = entry.event.as_deref().unwrap_or_default();
        entry.kind == LiveKind::Message
            && entry.outcome != LiveOutcome::Rejected
            && events.as_ref().is_none_or(|events| events.contains(event))
    };
    match page.entries.iter().find(fits) {
        Some(entry) => Ok(in_lines(&live::open(workspace, entry.offset, String::new()).await?.raw)),
        None => Ok(example(events.as_ref().and_then(BTreeSet::first).map(String::as_str))),
    }
}

fn example(event: Option<&str>) -> String {
    let event = json!(event.unwrap_or("Product Viewed"));
    in_lines(&format!(
        r#"{{"type":"track","event":{event},"userId":"ada","properties":{{"product_id":"lamp-7"}}}}"#
    ))
}

/// JSON with a line for each member, in the order of the text.
fn in_lines(json: &str) -> String {
    let value = mapping::Value::from_json(json).ok();
    value.and_then(|value| serde_json::to_string_pretty(&value).ok()).unwrap_or(json.to_owned())
}
