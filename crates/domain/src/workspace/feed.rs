//! Catalog files that are fetched from an address again and again.

use serde::{Deserialize, Serialize};

/// The most feeds of a workspace. Each file is a whole catalog, so more than one of a catalog makes
/// sense only while one takes the place of another.
pub const FEEDS_MAX: usize = 5;
/// The bounds of the time between two runs, in minutes: five minutes to a week.
pub const FEED_MINUTES_MIN: u32 = 5;
/// See [`FEED_MINUTES_MIN`].
pub const FEED_MINUTES_MAX: u32 = 7 * 24 * 60;
/// The longest address, in bytes.
const URL_BYTES_MAX: usize = 2_000;
/// The longest name, in characters.
const NAME_CHARS_MAX: usize = 60;
/// The time between two runs unless told otherwise, in minutes.
const EVERY_MINUTES_DEFAULT: u32 = 60;

/// The form of a feed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum FeedFormat {
    /// Separated values with a header.
    Csv,
    /// An object on each line.
    Jsonl,
    /// The XML that shops make for Google Merchant Center, RSS 2.0 or Atom.
    GoogleMerchant,
}

impl FeedFormat {
    /// Every format with its words for people.
    pub const ALL: [(Self, &'static str); 3] = [
        (Self::GoogleMerchant, "Google Merchant Center (XML)"),
        (Self::Csv, "CSV"),
        (Self::Jsonl, "JSON Lines"),
    ];
}

/// A catalog file that is fetched again and again. Where it differs from the catalog, it becomes
/// the next version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Feed {
    /// The name.
    pub name: String,
    /// The address: `https://`, or `http://` within a network that the operator allows.
    pub url: String,
    /// The form of the file.
    pub format: FeedFormat,
    /// The time between two runs, in minutes, 5 to 10,080. Runs are due at whole multiples of it
    /// since 1970.
    #[serde(default = "every_minutes_by_default")]
    pub every_minutes: u32,
    /// The catalog of products that the file is; `items` if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub catalog: Option<String>,
    /// Leaves wrong rows out, in place of refusing the file.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub skip_invalid: bool,
    /// Takes cells that do not fit the type of their column as empty, in place of refusing the
    /// file.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub allow_bad_cells: bool,
    /// Whether it is not fetched for the time being.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub paused: bool,
}

fn every_minutes_by_default() -> u32 {
    EVERY_MINUTES_DEFAULT
}

/// Checks the feeds of a workspace. Whether an address may be reached is known when it is fetched.
///
/// # Errors
/// A sentence that names the feed and the mistake.
pub(super) fn check_feeds(feeds: &[Feed]) -> Result<(), String> {
    if feeds.len() > FEEDS_MAX {
        return Err(format!("{} feeds exceed the limit of {FEEDS_MAX}", feeds.len()));
    }
    for (n, feed) in feeds.iter().enumerate() {
        feed.check().map_err(|what| format!("feed {:?}: {what}", feed.name))?;
        if feeds[..n].iter().any(|other| other.name == feed.name) {
            return Err(format!("two feeds are named {:?}", feed.name));
        }
    }
    Ok(())
}

impl Feed {
    fn check(&self) -> Result<(), String> {
        let is_part = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
        if !(1..=NAME_CHARS_MAX).contains(&self.name.len()) || !self.name.bytes().all(is_part) {
            return Err(format!(
                "name must be 1 to {NAME_CHARS_MAX} characters of a-z, 0-9 and '_'"
            ));
        }
        if !(FEED_MINUTES_MIN..=FEED_MINUTES_MAX).contains(&self.every_minutes) {
            return Err(format!(
                "every_minutes is {}, it must be {FEED_MINUTES_MIN} to {FEED_MINUTES_MAX}",
                self.every_minutes
            ));
        }
        if self.url.len() > URL_BYTES_MAX {
            return Err(format!("url has {} bytes, the limit is {URL_BYTES_MAX}", self.url.len()));
        }
        Ok(())
    }
}
