//! What a person would get of a campaign before it is saved.

use domain::{Campaign, UserIdx, WorkspaceConfig};

use crate::campaigns::{CampaignPreview, CampaignPreviews, check_campaigns};
use crate::{Engine, EngineError};

impl Engine {
    /// Checks a campaign as if it were saved.
    ///
    /// # Errors
    /// A sentence that names the campaign, the place and the mistake.
    pub fn check_campaign(&self, draft: &Campaign) -> Result<(), String> {
        let mut config = WorkspaceConfig::clone(&self.config());
        config.put_campaign(draft.clone());
        config.validate().map_err(|error| error.what)?;
        check_campaigns(&config)
    }

    /// What a person would get of a campaign now, as if it ran. The campaign need not be saved, and
    /// nothing is written. None where the person is gone.
    ///
    /// # Errors
    /// If the store or the journal cannot be read.
    pub fn preview_campaign(
        &self,
        draft: &Campaign,
        user: UserIdx,
    ) -> Result<Option<CampaignPreview>, EngineError> {
        let previews = CampaignPreviews {
            shared: &self.shared,
            writer: &self.writer,
            serving: &self.serving,
            outgoing: self.outgoing.as_ref(),
            key: self.instance_key.as_ref(),
        };
        previews.preview(draft, user)
    }
}
