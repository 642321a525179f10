//! The content of campaigns whose channel keeps messages for pages.

use connectors::{check_in_app_fields, make_in_app};
use domain::{Campaign, Destination, WorkspaceConfig};
use serde_json::{Map, Value};

use super::content::Made;

fn is_in_app(config: &WorkspaceConfig, campaign: &Campaign) -> bool {
    config.destination(&campaign.channel).is_some_and(Destination::is_in_app)
}

/// Checks the fields of a campaign, where its channel is such a one.
///
/// # Errors
/// A sentence that names the field and the mistake.
pub(super) fn check_content(config: &WorkspaceConfig, campaign: &Campaign) -> Result<(), String> {
    match is_in_app(config, campaign) {
        true => check_in_app_fields(&campaign.content),
        false => Ok(()),
    }
}

/// A message as its channel keeps it.
pub(super) fn for_channel(config: &WorkspaceConfig, campaign: &Campaign, made: Made) -> Made {
    match made {
        Made::Fields { fields, items } if is_in_app(config, campaign) => {
            let fields: Map<String, Value> = serde_json::from_str(&fields).unwrap_or_default();
            match make_in_app(&fields) {
                Ok(content) => Made::Fields { fields: Value::Object(content).to_string(), items },
                Err(detail) => Made::Refused { reason: "template_error", detail },
            }
        }
        made => made,
    }
}
