//! What counts as the success of a campaign, and the marks that its links carry.

use serde::{Deserialize, Serialize};

/// The longest time in which a conversion counts, in seconds: 90 days.
pub const CONVERSION_WITHIN_S_MAX: u32 = 7_776_000;
/// The longest name of an event or a property, and the longest mark of a link, in bytes.
const TEXT_BYTES_MAX: usize = 200;

/// What people are to do after a message of a campaign.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CampaignConversion {
    /// The name of the event, as in conditions.
    pub event: String,
    /// Tests of its properties, as a condition has them behind `where`; none for every such event.
    #[serde(default, rename = "where", skip_serializing_if = "Option::is_none")]
    pub filters: Option<String>,
    /// How long after the message, or after the click, it counts, in seconds: 1 to 7,776,000 (90
    /// days).
    pub within_s: u32,
    /// The property of the event that has the revenue, a number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revenue: Option<String>,
}

/// The parameters that links of a campaign get, so that web analytics knows where visitors came
/// from. One that a link has already stays.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct UtmParameters {
    /// `utm_source`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// `utm_medium`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub medium: Option<String>,
    /// `utm_campaign`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub campaign: Option<String>,
    /// `utm_content`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content: Option<String>,
    /// `utm_term`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub term: Option<String>,
}

impl CampaignConversion {
    /// Checks the values. The tests of properties are checked where their language is known.
    ///
    /// # Errors
    /// A sentence that names the field and what is wanted.
    pub fn validate(&self) -> Result<(), String> {
        check_text("event", &self.event)?;
        if let Some(revenue) = &self.revenue {
            check_text("revenue", revenue)?;
        }
        match self.within_s {
            1..=CONVERSION_WITHIN_S_MAX => Ok(()),
            within_s => Err(format!(
                "within_s is {within_s}: it must be 1 to {CONVERSION_WITHIN_S_MAX} (90 days)"
            )),
        }
    }
}

impl UtmParameters {
    /// The parameters that are given, by name.
    pub fn pairs(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let all = [
            ("utm_source", &self.source),
            ("utm_medium", &self.medium),
            ("utm_campaign", &self.campaign),
            ("utm_content", &self.content),
            ("utm_term", &self.term),
        ];
        all.into_iter().filter_map(|(name, value)| Some((name, value.as_deref()?)))
    }

    /// Checks the values.
    ///
    /// # Errors
    /// A sentence that names the parameter and what is wanted.
    pub fn validate(&self) -> Result<(), String> {
        self.pairs().try_for_each(|(name, value)| check_text(name, value))
    }
}

fn check_text(what: &str, text: &str) -> Result<(), String> {
    match text.len() {
        1..=TEXT_BYTES_MAX => Ok(()),
        _ => Err(format!("{what} must be 1 to {TEXT_BYTES_MAX} bytes")),
    }
}
