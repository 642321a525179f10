//! Scenarios: named places where recommendations appear, with the settings of their lists.
//!
//! A scenario has the defaults for its requests. Groups split the users of a scenario, for example
//! for a test; the settings of a group override those of its scenario.

use serde::{Deserialize, Serialize};

use crate::list::{AssetType, ROTATION_TIME_S_DEFAULT};
use crate::{Endpoint, Exclusion, Fallback, InteractionKind, ListRequest, Logic, Relevance};

/// The most scenarios of a workspace.
pub const SCENARIOS_MAX: usize = 1_000;
/// The most groups of a scenario.
pub const GROUPS_MAX: usize = 20;
/// The most constraints of a scenario or group.
pub const CONSTRAINTS_MAX: usize = 10;
/// The most picks of a list.
pub const PICKS_MAX: usize = 1_000;
/// The longest filter or booster, in bytes.
pub const EXPRESSION_BYTES_MAX: usize = 524_288;
/// The longest name of a scenario, group, segmentation or property, in bytes.
const NAME_BYTES_MAX: usize = 255;
/// The largest distance of the sum of all shares from 1: tenths do not add up exactly in binary.
const SHARES_TOLERANCE: f32 = 1e-3;

/// The role of an expression in a scenario.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExpressionRole {
    /// A condition that every entry of the list passes.
    Filter,
    /// A factor for the scores.
    Booster,
    /// A condition for promoted items.
    Promoted,
    /// Whose interactions count as trending: about users, whatever the list is of.
    UserFilter,
}

impl ExpressionRole {
    /// The configuration key that holds it.
    pub fn key(self) -> &'static str {
        match self {
            Self::Filter => "filter",
            Self::Booster => "booster",
            Self::Promoted => "promoted.filter",
            Self::UserFilter => "user_filter",
        }
    }
}

/// A limit on how many items of a list share one value of a property.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Constraint {
    /// The item property.
    pub property: String,
    /// The limit, from 1 on.
    pub max: u32,
}

/// Items with a guaranteed share of the places of every list.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Promoted {
    /// A filter expression that the promoted items pass.
    pub filter: String,
    /// The share of the places, from 0 to 1.
    pub share: f32,
}

/// A named place where recommendations appear.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "ScenarioKeys<String>")]
pub struct Scenario {
    /// The name in requests.
    pub name: String,
    /// The only operation that may use the scenario.
    pub endpoint: Endpoint,
    /// The settings for all users, unless a group overrides them.
    #[serde(flatten)]
    pub settings: ScenarioSettings,
    /// Parts of the users with settings of their own. Empty, or the shares add up to 1.
    #[serde(rename = "group", skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<Group>,
}

/// A part of a scenario's users.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(from = "GroupKeys")]
pub struct Group {
    /// The name in answers.
    pub name: String,
    /// The share of the users, from 0 to 1.
    pub share: f32,
    /// Overrides of the scenario's settings.
    #[serde(flatten)]
    pub settings: ScenarioSettings,
}

/// Lists the keys of settings once for three types: the settings, and the forms of a scenario and a
/// group in files. `serde(flatten)` would lose the position of a mistake and the list of known
/// keys.
macro_rules! settings {
    ($($(#[$about:meta])* $key:ident: $type:ty,)*) => {
        /// Settings of the lists of a scenario or a group. An absent one leaves the default in
        /// force.
        #[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
        #[serde(default, deny_unknown_fields)]
        pub struct ScenarioSettings {
            $($(#[$about])* #[serde(skip_serializing_if = "Option::is_none")] pub $key: Option<$type>,)*
        }

        impl ScenarioSettings {
            /// These settings, with absent ones taken from `other`.
            pub fn or(&self, other: &Self) -> Self {
                Self { $($key: self.$key.clone().or_else(|| other.$key.clone()),)* }
            }
        }

        #[derive(Deserialize)]
        #[serde(rename = "Scenario", deny_unknown_fields)]
        struct ScenarioKeys<Name> {
            name: Name,
            endpoint: Endpoint,
            $($(#[$about])* $key: Option<$type>,)*
            #[serde(default)]
            group: Vec<Group>,
        }

        impl<Name> ScenarioKeys<Name> {
            fn into_scenario(
                self,
                name: impl FnOnce(Name) -> Result<String, String>,
            ) -> Result<Scenario, String> {
                let settings = ScenarioSettings { $($key: self.$key,)* };
                Ok(Scenario { name: name(self.name)?, endpoint: self.endpoint, settings, groups: self.group })
            }
        }

        #[derive(Deserialize)]
        #[serde(rename = "Group", deny_unknown_fields)]
        struct GroupKeys {
            name: String,
            share: f32,
            $($(#[$about])* $key: Option<$type>,)*
        }

        impl From<GroupKeys> for Group {
            fn from(keys: GroupKeys) -> Self {
                let settings = ScenarioSettings { $($key: keys.$key,)* };
                Self { name: keys.name, share: keys.share, settings }
            }
        }
    };
}

settings! {
    /// See [`ListRequest::logic`].
    logic: Logic,
    /// See [`ListRequest::interaction`].
    interaction: InteractionKind,
    /// A boolean expression that every entry passes. It holds in addition to the filter of a
    /// request.
    filter: String,
    /// A numeric expression that scores are multiplied by.
    booster: String,
    /// See [`ListRequest::exclude`].
    exclude: Exclusion,
    /// See [`ListRequest::diversity`].
    diversity: f32,
    /// See [`ListRequest::rotation_rate`].
    rotation_rate: f32,
    /// See [`ListRequest::rotation_time_s`].
    rotation_time_s: u32,
    /// See [`ListRequest::min_relevance`].
    min_relevance: Relevance,
    /// See [`ListRequest::user_impact`].
    user_impact: f32,
    /// The segmentation whose segments are recommended, or whose segment is the seed of the list.
    segmentation: String,
    /// See [`ListRequest::fallback`].
    fallback: Fallback,
    /// Limits on how many items share a value of a property.
    #[serde(rename = "constraint")]
    constraints: Vec<Constraint>,
    /// Items with a guaranteed share of every list.
    promoted: Promoted,
    /// For lists of picks: the item ids, the best first.
    picks: Vec<String>,
    /// See [`ListRequest::reorder_picks`].
    reorder_picks: bool,
    /// See [`ListRequest::max_age_s`].
    max_age_s: u32,
    /// See [`ListRequest::oldest_first`].
    oldest_first: bool,
    /// See [`ListRequest::begun_from`].
    begun_from: f32,
    /// See [`ListRequest::finished_from`].
    finished_from: f32,
    /// The kinds of videos that may be in a list.
    asset_type: AssetType,
    /// Of lists of trending items: whose interactions count, an expression over users that yields a
    /// boolean.
    user_filter: String,
}

impl TryFrom<ScenarioKeys<String>> for Scenario {
    type Error = String;

    fn try_from(keys: ScenarioKeys<String>) -> Result<Self, String> {
        keys.into_scenario(Ok)
    }
}

impl Scenario {
    /// A scenario without settings and groups.
    pub fn new(name: impl Into<String>, endpoint: Endpoint) -> Self {
        Self {
            name: name.into(),
            endpoint,
            settings: ScenarioSettings::default(),
            groups: Vec::new(),
        }
    }

    /// Parses a scenario. The JSON may omit `name`.
    ///
    /// # Errors
    /// Says what is wrong with the JSON, or that its name is another one.
    pub fn from_json(name: &str, json: &[u8]) -> Result<Self, String> {
        let keys: ScenarioKeys<Option<String>> =
            serde_json::from_slice(json).map_err(|error| error.to_string())?;
        keys.into_scenario(|json_name| match json_name {
            Some(json_name) if json_name != name => {
                Err(format!("name is {json_name:?}, but the path says {name:?}"))
            }
            _ => Ok(name.to_owned()),
        })
    }

    /// The settings in force for a group; none for a scenario without groups.
    pub fn settings_for(&self, group: Option<&Group>) -> ScenarioSettings {
        match group {
            Some(group) => group.settings.or(&self.settings),
            None => self.settings.clone(),
        }
    }

    /// Every expression, with its place for messages and its role.
    pub fn expressions(&self) -> impl Iterator<Item = (String, ExpressionRole, &str)> {
        let group_places =
            self.groups.iter().map(|group| (format!("group {:?}: ", group.name), &group.settings));
        let places = std::iter::once((String::new(), &self.settings)).chain(group_places);
        places.flat_map(|(place, settings)| {
            let named = settings.expressions();
            let named =
                named.map(move |(role, text)| (format!("{place}{}", role.key()), role, text));
            named.collect::<Vec<_>>()
        })
    }

    /// Checks names, ranges and that the settings fit together.
    ///
    /// # Errors
    /// A sentence that names the group and the key.
    pub fn validate(&self) -> Result<(), String> {
        check_name("name", &self.name)?;
        self.settings.validate()?;
        if self.groups.is_empty() {
            return self.check_endpoint(&self.settings);
        }
        if self.groups.len() > GROUPS_MAX {
            return Err(format!("{} groups exceed the limit of {GROUPS_MAX}", self.groups.len()));
        }
        for (n, group) in self.groups.iter().enumerate() {
            check_name("the name of a group", &group.name)?;
            let in_group = |what: String| format!("group {:?}: {what}", group.name);
            if self.groups[..n].iter().any(|other| other.name == group.name) {
                return Err(format!("two groups are named {:?}", group.name));
            }
            check_share("share", group.share).map_err(in_group)?;
            let settings = self.settings_for(Some(group));
            settings.validate().and_then(|()| self.check_endpoint(&settings)).map_err(in_group)?;
        }
        let sum: f32 = self.groups.iter().map(|group| group.share).sum();
        if (sum - 1.0).abs() > SHARES_TOLERANCE {
            return Err(format!("the shares of the groups add up to {sum}, they must add up to 1"));
        }
        Ok(())
    }

    fn check_endpoint(&self, settings: &ScenarioSettings) -> Result<(), String> {
        let endpoint = self.endpoint;
        if settings.logic == Some(Logic::Similar) && !endpoint.can_be_similar() {
            return Err(format!(
                "logic is similar, which needs an item or a segment: {endpoint} has none"
            ));
        }
        if settings.logic == Some(Logic::Picks) && settings.picks.is_none() {
            return Err("logic is picks, which needs picks: the ids of the items".to_owned());
        }
        if settings.user_filter.is_some() && settings.logic != Some(Logic::Trending) {
            return Err(
                "user_filter says whose interactions count as trending: set logic to trending too"
                    .to_owned(),
            );
        }
        match settings.segmentation {
            None if endpoint.needs_segmentation() => {
                Err(format!("segmentation is missing: {endpoint} needs to know of which"))
            }
            Some(_)
                if !endpoint.needs_segmentation()
                    && endpoint != Endpoint::CompositeRecommendation =>
            {
                Err(format!("segmentation is set, but {endpoint} uses no segments: remove it"))
            }
            _ => Ok(()),
        }
    }
}

impl ScenarioSettings {
    /// The parameters of a list. `logic` holds where the settings have none. The default fallback
    /// is trending items, but none for picks and continued items.
    pub fn list(&self, count: usize, logic: Logic) -> ListRequest {
        let logic = self.logic.unwrap_or(logic);
        let defaults = ListRequest::new(count, logic);
        // A fallback would put items into these that do not belong there.
        let has_fallback = !matches!(logic, Logic::ContinueWatching | Logic::Picks);
        ListRequest {
            interaction: self.interaction,
            exclude: self.exclude.unwrap_or(logic.exclusion(None)),
            diversity: self.diversity.unwrap_or(0.0),
            rotation_rate: self.rotation_rate.unwrap_or(0.0),
            rotation_time_s: self.rotation_time_s.unwrap_or(ROTATION_TIME_S_DEFAULT),
            min_relevance: self.min_relevance.unwrap_or_default(),
            user_impact: self.user_impact.unwrap_or(0.0),
            fallback: self.fallback.unwrap_or(if has_fallback {
                Fallback::Trending
            } else {
                Fallback::None
            }),
            max_age_s: self.max_age_s,
            oldest_first: self.oldest_first.unwrap_or(false),
            begun_from: self.begun_from.unwrap_or(defaults.begun_from),
            finished_from: self.finished_from.unwrap_or(defaults.finished_from),
            reorder_picks: self.reorder_picks.unwrap_or(false),
            ..defaults
        }
    }

    fn expressions(&self) -> impl Iterator<Item = (ExpressionRole, &str)> {
        let promoted = self.promoted.as_ref().map(|promoted| &promoted.filter);
        let all = [
            (ExpressionRole::Filter, self.filter.as_ref()),
            (ExpressionRole::Booster, self.booster.as_ref()),
            (ExpressionRole::Promoted, promoted),
            (ExpressionRole::UserFilter, self.user_filter.as_ref()),
        ];
        all.into_iter().filter_map(|(role, text)| Some((role, text?.as_str())))
    }

    fn validate(&self) -> Result<(), String> {
        self.list(1, Logic::Personal).validate()?;
        if let Some(promoted) = &self.promoted {
            check_share("promoted.share", promoted.share)?;
        }
        for (role, text) in self.expressions() {
            if !(1..=EXPRESSION_BYTES_MAX).contains(&text.len()) {
                let n = text.len();
                let key = role.key();
                return Err(format!(
                    "{key} has {n} bytes, it must have 1 to {EXPRESSION_BYTES_MAX}"
                ));
            }
        }
        let picks = self.picks.as_deref().unwrap_or_default();
        if picks.len() > PICKS_MAX
            || picks.iter().any(|id| !(1..=NAME_BYTES_MAX).contains(&id.len()))
        {
            return Err(format!(
                "picks must be up to {PICKS_MAX} ids of 1 to {NAME_BYTES_MAX} bytes each"
            ));
        }
        if let Some(segmentation) = &self.segmentation {
            check_name("segmentation", segmentation)?;
        }
        let constraints = self.constraints.as_deref().unwrap_or_default();
        if constraints.len() > CONSTRAINTS_MAX {
            return Err(format!(
                "{} constraints exceed the limit of {CONSTRAINTS_MAX}",
                constraints.len()
            ));
        }
        for (n, Constraint { property, max }) in constraints.iter().enumerate() {
            if !(1..=NAME_BYTES_MAX).contains(&property.len()) {
                return Err(format!(
                    "constraint {n}: property must have 1 to {NAME_BYTES_MAX} bytes"
                ));
            }
            if *max == 0 {
                return Err(format!(
                    "constraint {n} ({property:?}): max is 0, it must be 1 or more"
                ));
            }
            if constraints[..n].iter().any(|other| other.property == *property) {
                return Err(format!("two constraints are for property {property:?}"));
            }
        }
        Ok(())
    }
}

fn check_share(key: &str, share: f32) -> Result<(), String> {
    match share {
        0.0..=1.0 => Ok(()),
        _ => Err(format!("{key} is {share}, it must be from 0 to 1")),
    }
}

fn check_name(key: &str, name: &str) -> Result<(), String> {
    let is_allowed = |b: u8| b.is_ascii_alphanumeric() || b"_-:@.".contains(&b);
    if (1..=NAME_BYTES_MAX).contains(&name.len()) && name.bytes().all(is_allowed) {
        return Ok(());
    }
    let excerpt: String = name.chars().take(80).collect();
    Err(format!(
        "{key} is {excerpt:?}, it must be 1 to {NAME_BYTES_MAX} characters of a-z, A-Z, 0-9, '_', '-', ':', '@' and '.'"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scenario_survives_json_and_a_group_overrides_it() {
        let json = r#"{"name":"home","endpoint":"recommendItemsToUser","filter":"'a'","diversity":0.4,
            "constraint":[{"property":"brand","max":2}],"promoted":{"filter":"'b'","share":0.5},
            "group":[{"name":"x","share":0.5,"diversity":0.1},{"name":"y","share":0.5,"logic":"trending"}]}"#;
        let scenario: Scenario = serde_json::from_str(json).unwrap();
        let compact = json.split_whitespace().collect::<String>();
        assert_eq!(serde_json::to_string(&scenario).unwrap(), compact);
        assert_eq!(Scenario::from_json("home", json.as_bytes()), Ok(scenario.clone()));
        assert_eq!(scenario.validate(), Ok(()));
        let settings = scenario.settings_for(scenario.groups.first());
        assert_eq!((settings.diversity, settings.filter.as_deref()), (Some(0.1), Some("'a'")));
        let places: Vec<String> = scenario.expressions().map(|(place, ..)| place).collect();
        assert_eq!(places, ["filter", "promoted.filter"]);
    }

    #[test]
    fn mistakes_are_named_with_their_place() {
        let check = |endpoint: &str, rest: &str| {
            let json = format!("{{\"endpoint\": \"{endpoint}\"{rest}}}");
            match Scenario::from_json("home", json.as_bytes()) {
                Ok(scenario) => scenario.validate().err().unwrap_or_default(),
                Err(what) => {
                    format!("form: {}", what.replace(", expected one of", ",\n  expected one of"))
                }
            }
        };
        let items = |rest: &str| check("recommendItemsToUser", rest);
        let lines = [
            check("recommendItems", ""),
            items(r#", "name": "away""#),
            items(r#", "filtre": "true""#),
            items(r#", "diversity": "much""#),
            items(r#", "group": [{"name": "x", "share": 1, "boost": 1}]"#),
            items(r#", "promoted": {"filter": "true", "share": 1, "max": 1}"#),
            items(r#", "constraint": [{"property": "brand"}]"#),
            items(r#", "diversity": 2"#),
            items(r#", "rotation_time_s": 0"#),
            items(r#", "interaction": "purchase""#),
            items(r#", "user_impact": -0.5"#),
            items(r#", "promoted": {"filter": "true", "share": 1.5}"#),
            items(r#", "constraint": [{"property": "brand", "max": 0}]"#),
            items(r#", "filter": """#),
            items(r#", "segmentation": "brands""#),
            check("compositeRecommendation", r#", "segmentation": "x y""#),
            check("recommendItemSegmentsToUser", ""),
            check(
                "recommendItemSegmentsToUser",
                r#", "group": [{"name": "x", "share": 0.5, "segmentation": "b"}, {"name": "y", "share": 0.5}]"#,
            ),
            items(r#", "group": [{"name": "x", "share": 0.5}, {"name": "x", "share": 0.5}]"#),
            items(r#", "group": [{"name": "x", "share": 0.5}, {"name": "y", "share": 0.4}]"#),
            items(r#", "group": [{"name": "x", "share": 1, "rotation_rate": 3}]"#),
            items(r#", "user_filter": "true""#),
            items(r#", "logic": "trending", "user_filter": """#),
        ];
        insta::assert_snapshot!(lines.join("\n"));
        assert_eq!(check("recommendItemSegmentsToUser", r#", "segmentation": "b""#), "");
        assert_eq!(check("compositeRecommendation", r#", "segmentation": "b""#), "");
        let thirds = r#", "group": [{"name": "x", "share": 0.333}, {"name": "y", "share": 0.333}, {"name": "z", "share": 0.334}]"#;
        assert_eq!(items(thirds), "");
    }
}
