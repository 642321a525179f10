//! The message that is tried first: the latest real one, else an example.

use std::collections::BTreeSet;

use domain::MessageType;
use mapping::{Reach, Trigger};
use resources::live::{self, Filter, LiveEntry, LiveKind, LiveOutcome};
use web::error::ApiError;
use web::workspaces::RequestedWorkspace;

/// How many of the latest messages are looked at for one of an event.
const MESSAGES_LOOKED_AT: usize = 50;

/// A message where nothing is known of those that come.
const EXAMPLE: &str = r#"{"type":"track","event":"Product Viewed","userId":"user-1","properties":{"product_id":"item-1"}}"#;

/// The latest message, in lines; of the events that a trigger names, where it names any and one of
/// them came.
pub(super) async fn latest(
    workspace: &RequestedWorkspace,
    trigger: &str,
) -> Result<String, ApiError> {
    let trigger = Trigger::new(trigger).ok();
    let reach = trigger.map(|trigger| trigger.reach().clone()).unwrap_or_default();
    let events = &reach.events;
    let filter = match events.as_ref().and_then(BTreeSet::first) {
        Some(event) => Filter::new(None, Some(event.clone()), None, None)?,
        None => Filter::default(),
    };
    let page = live::page(workspace, filter, None, MESSAGES_LOOKED_AT).await?;
    let fits = |entry: &&LiveEntry| {
        let event = entry.event.as_deref().unwrap_or_default();
        let type_ = entry.type_.map_or("", MessageType::word);
        entry.kind == LiveKind::Message
            && entry.outcome != LiveOutcome::Rejected
            && events.as_ref().is_none_or(|events| events.contains(event))
            && reach.types.as_ref().is_none_or(|types| types.contains(type_))
    };
    match page.entries.iter().find(fits) {
        Some(entry) => Ok(in_lines(&live::open(workspace, entry.offset, String::new()).await?.raw)),
        None => Ok(example(&reach)),
    }
}

/// A message that a trigger takes, as far as types and events go, with what such messages usually
/// have.
fn example(reach: &Reach) -> String {
    let first = |words: &Option<BTreeSet<String>>| words.as_ref()?.first().cloned();
    let type_ = first(&reach.types);
    let type_ = MessageType::ALL.into_iter().find(|own| Some(own.word()) == type_.as_deref());
    let event = first(&reach.events);
    let near = mapping::suggest(
        type_.unwrap_or(MessageType::Track),
        event.as_deref().unwrap_or("Product Viewed"),
    );
    let json = near.map_or(EXAMPLE, |near| near.example);
    let mut message = mapping::Value::from_json(json).expect("an example is JSON");
    if let mapping::Value::Object(members) = &mut message {
        let texts = [("type", type_.map(|type_| type_.word().to_owned())), ("event", event)];
        for (key, text) in texts {
            text.into_iter().for_each(|text| members.set(key, mapping::Value::text(text)));
        }
    }
    in_lines(&message.to_json())
}

/// JSON with a line for each member, in the order of the text.
fn in_lines(json: &str) -> String {
    let value = mapping::Value::from_json(json).ok();
    value.and_then(|value| serde_json::to_string_pretty(&value).ok()).unwrap_or(json.to_owned())
}
