//! Members that the server adds to the objects of a message: the shared ones of its batch, the
//! category of a page, the sender's address.

use std::borrow::Cow;
use std::net::IpAddr;

use serde_json::value::RawValue;

use super::fields::{Checked, Members, Refusal, read_object};
use crate::message::RejectionReason;

/// Adds the category of a page to its properties, unless they have one.
pub(super) fn add_category(properties: Option<String>, category: Option<&str>) -> Option<String> {
    let Some(category) = category else { return properties };
    let text = properties.unwrap_or_else(|| "{}".to_owned());
    let Ok(mut members) = serde_json::from_str::<Members<'_>>(&text) else { return Some(text) };
    let Ok(value) = serde_json::value::to_raw_value(category) else { return Some(text) };
    members.entry(Cow::Borrowed("category")).or_insert(&value);
    serde_json::to_string(&members).ok()
}

/// Merges the message's object into the batch's; the message's own members win.
pub(super) fn merge_objects(
    field: &str,
    under: Option<&RawValue>,
    over: Option<&RawValue>,
) -> Checked<Option<String>> {
    let over = read_object(field, over, RejectionReason::ContextNotObject)?;
    let under = read_object(field, under, RejectionReason::ContextNotObject)?;
    let (Some(under), Some(over)) = (&under, &over) else { return Ok(over.or(under)) };
    let malformed = |error| Refusal {
        reason: RejectionReason::ContextNotObject,
        detail: format!("{field} is not an object: {error}"),
    };
    let mut members: Members<'_> = serde_json::from_str(under).map_err(malformed)?;
    members.extend(serde_json::from_str::<Members<'_>>(over).map_err(malformed)?);
    Ok(serde_json::to_string(&members).ok())
}

/// Adds the sender's address to the context of messages from browsers and apps, which do not know
/// it, and of server-side senders that ask for it with `direct`. IPv6 addresses are not collected.
pub(super) fn add_ip(context: Option<String>, peer_ip: Option<IpAddr>) -> Option<String> {
    let (Some(text), Some(IpAddr::V4(ip))) = (&context, peer_ip) else { return context };
    // Most senders are servers, so the context is parsed only where one of the words occurs.
    if !text.contains("\"direct\"")
        && !text.contains("\"channel\"")
        && !text.contains("analytics.js")
    {
        return context;
    }
    let Ok(mut members) = serde_json::from_str::<Members<'_>>(text) else { return context };
    let has =
        |key: &str, texts: &[&str]| members.get(key).is_some_and(|raw| texts.contains(&raw.get()));
    let from_browser =
        members.get("library").is_some_and(|raw| raw.get().contains("\"analytics.js\""));
    let wanted =
        has("direct", &["true"]) || has("channel", &["\"browser\"", "\"mobile\""]) || from_browser;
    if !wanted || members.contains_key("ip") {
        return context;
    }
    let Ok(value) = serde_json::value::to_raw_value(&ip.to_string()) else { return context };
    members.insert(Cow::Borrowed("ip"), &value);
    serde_json::to_string(&members).ok()
}
