//! The kinds of destinations that there are.

use engine::{SettingSchema, SettingType};
use serde::Serialize;
use serde_json::Value;

/// A kind of destination.
#[derive(Debug, Clone, PartialEq, Serialize, utoipa::ToSchema)]
pub struct ShownKind {
    /// Names it in configurations.
    pub name: String,
    /// The name for people, by which `integrations` of messages may call it too.
    pub title: String,
    /// What it does.
    pub about: String,
    /// Its settings, in order.
    pub settings: Vec<ShownSetting>,
    /// The names of the actions that mappings can make for it.
    pub actions: Vec<String>,
}

/// A setting of a kind of destination.
#[derive(Debug, Clone, PartialEq, Serialize, utoipa::ToSchema)]
pub struct ShownSetting {
    /// Its key.
    pub key: String,
    /// The name for people.
    pub label: String,
    /// What it is, with its unit.
    pub about: String,
    /// `text`, `secret`, `integer`, `boolean`, `choice` or `texts`.
    #[serde(rename = "type")]
    pub type_: String,
    /// The words of a choice.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub choices: Vec<String>,
    /// Whether it must be given.
    pub required: bool,
    /// The value where none is given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default: Option<Value>,
}

/// All kinds of destinations but our own engine.
pub fn kinds() -> Vec<ShownKind> {
    let show = |kind: &engine::Kind| ShownKind {
        name: kind.name.to_owned(),
        title: kind.settings.title.clone(),
        about: kind.settings.about.clone(),
        settings: kind.settings.settings.iter().map(ShownSetting::new).collect(),
        actions: kind.actions.iter().map(|action| action.name.clone()).collect(),
    };
    engine::destination_kinds().iter().map(show).collect()
}

impl ShownSetting {
    fn new((key, setting): &(String, SettingSchema)) -> Self {
        let choices = match &setting.type_ {
            SettingType::Choice(words) => words.clone(),
            _ => Vec::new(),
        };
        Self {
            key: key.clone(),
            label: setting.label.clone(),
            about: setting.about.clone(),
            type_: setting.type_.word().to_owned(),
            choices,
            required: setting.is_required,
            default: setting.default.clone(),
        }
    }
}
