//! What providers of text messages report of deliveries, by the settings of a destination.

use connectors::{ReceiptCall, ReceiptError, read_receipt};
use domain::ENGINE_DESTINATION;
use serde_json::Value;

use crate::Engine;
use crate::delivery::open_settings;

/// The kind of destination whose provider reports.
const RECEIPTS_KIND: &str = "text_messages";

impl Engine {
    /// The message that a call to a destination's address for receipts becomes, before its form is
    /// checked; none where it says nothing that is kept. A destination that is off takes calls:
    /// what was sent before is still reported.
    ///
    /// # Errors
    /// If there is no such destination, or the call is not its provider's.
    pub fn read_receipt(
        &self,
        destination: &str,
        call: &ReceiptCall<'_>,
    ) -> Result<Option<Value>, ReceiptError> {
        let config = self.config();
        let found = config
            .destinations
            .iter()
            .find(|other| other.name == destination && other.name != ENGINE_DESTINATION);
        let is_right = |kind: &Option<String>| kind.as_deref() == Some(RECEIPTS_KIND);
        let Some(found) = found.filter(|found| is_right(&found.kind)) else {
            let what =
                format!("no destination of the kind {RECEIPTS_KIND} is named {destination:?}");
            return Err(ReceiptError::NotTaken(what));
        };
        let settings = open_settings(self.instance_key.as_deref(), self.id(), found)
            .map_err(ReceiptError::NotTaken)?;
        read_receipt(&settings, call)
    }
}
