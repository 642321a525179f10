//! The settings of a recommender destination.

use crate::value::Value;

/// Where the database is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Region {
    /// A region by its name: `eu-west`, `ca-east`, `ap-se`, `us-west`.
    Named(&'static str),
    /// A host of its own, with a port if it has one: `localhost:8080`.
    Custom(String),
}

const REGIONS: [&str; 4] = ["eu-west", "ca-east", "ap-se", "us-west"];

/// The settings of a recommender destination, without its token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The first segment of every path.
    pub database_id: String,
    /// Where the database is.
    pub region: Region,
}

/// A setting that is missing or wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{setting} {what}")]
pub struct SettingsError {
    /// Its key.
    pub setting: &'static str,
    /// What is wrong with it.
    pub what: String,
}

impl Settings {
    /// Reads `{"databaseId", "privateToken", "databaseRegion", "apiUri"}`.
    ///
    /// # Errors
    /// If one is missing or wrong.
    pub fn from_json(json: &str) -> Result<Self, SettingsError> {
        let wrong = |setting, what: &str| SettingsError { setting, what: what.to_owned() };
        let value = Value::from_json(json)
            .map_err(|error| wrong("the settings", &format!("are {error}")))?;
        let object =
            value.as_object().ok_or_else(|| wrong("the settings", "are no JSON object"))?;
        let text = |key| {
            let text = object.get(key).and_then(Value::as_text).map(|text| text.into_owned());
            text.filter(|text| !text.is_empty())
        };
        let required = |key| text(key).ok_or_else(|| wrong(key, "is missing"));
        let database_id = required("databaseId")?;
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
        if !database_id.bytes().all(is_plain) {
            return Err(wrong("databaseId", "should have only letters, digits, - and _"));
        }
        required("privateToken")?;
        let region = required("databaseRegion")?;
        let region = match REGIONS.into_iter().find(|name| *name == region) {
            Some(name) => Region::Named(name),
            None if region == "custom" => {
                let missing = || wrong("apiUri", "is missing, which the region `custom` needs");
                Region::Custom(text("apiUri").ok_or_else(missing)?)
            }
            None => {
                let what = format!("should be one of {}, custom", REGIONS.join(", "));
                return Err(wrong("databaseRegion", &what));
            }
        };
        Ok(Self { database_id, region })
    }

    /// The host with its port, if it has one.
    pub fn host(&self) -> String {
        match &self.region {
            Region::Named(name) => format!("rapi-{name}.recombee.com"),
            Region::Custom(host) => host.clone(),
        }
    }

    pub(super) fn path(&self, path: &str) -> String {
        format!("/{}{path}", self.database_id)
    }
}
