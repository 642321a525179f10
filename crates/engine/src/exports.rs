//! Where exports go that are made again and again, and where feeds come from.

use std::sync::Arc;

use connectors::{EXPORT_KINDS, ExportPlace, Outgoing, check_file_url};
use domain::WorkspaceConfig;

use crate::Engine;
use crate::delivery::open_settings;

/// Checks that scheduled exports go to destinations that have a place for them.
///
/// # Errors
/// The first mistake, in words.
pub(crate) fn check_exports(config: &WorkspaceConfig) -> Result<(), String> {
    for export in &config.exports {
        let destination = config.destination(&export.into);
        let kind = destination.and_then(|destination| destination.kind.as_deref());
        let kind = kind.unwrap_or_default();
        if !EXPORT_KINDS.contains(&kind) {
            return Err(format!(
                "export {:?}: into is {:?}, a destination of kind {kind:?}: exports go to one of \
                 kind {}",
                export.name,
                export.into,
                EXPORT_KINDS.join(" or ")
            ));
        }
    }
    Ok(())
}

/// Checks the addresses of feeds.
///
/// # Errors
/// The first mistake, in words.
pub(crate) fn check_feeds(config: &WorkspaceConfig) -> Result<(), String> {
    config.feeds.iter().try_for_each(|feed| {
        let checked = check_file_url(&feed.url);
        checked.map_err(|what| format!("feed {:?}: url {what}", feed.name))
    })
}

impl Engine {
    /// The client by which anything leaves; none where nothing does.
    pub fn outgoing(&self) -> Option<&Arc<Outgoing>> {
        self.outgoing.as_ref()
    }

    /// The place of a destination for exports.
    ///
    /// # Errors
    /// If it has none, its settings are wrong, or nothing leaves this engine.
    pub fn export_place(&self, destination: &str) -> Result<ExportPlace, String> {
        let config = self.config();
        let found = config.destination(destination);
        let found = found.ok_or_else(|| format!("there is no destination {destination:?}"))?;
        let outgoing = self.outgoing.as_ref().ok_or("nothing is sent from here")?;
        let settings = open_settings(self.instance_key.as_deref(), self.id(), found)?;
        let kind = found.kind.as_deref().unwrap_or_default();
        let place = ExportPlace::of_settings(kind, &settings, outgoing);
        place.map_err(|error| format!("destination {destination:?}: {error}"))
    }
}
