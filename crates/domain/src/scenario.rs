//! Scenarios: places of a shop that ask for recommendations, and what a list is made to be there.
//!
//! A scenario has the defaults of its requests. Groups split its users; a group may override the scenario.

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
/// How far the shares of groups may be from 1 together: tenths do not add up in binary.
const SHARES_TOLERANCE: f32 = 1e-3;

/// The role of an expression in a scenario.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExpressionRole {
    /// A filter of entries: yields a boolean.
    Filter,
    /// A booster of entries: yields a number.
    Booster,
    /// The filter of promoted items.
    Promoted,
    /// Whose interactions count as trending: about users, whatever the list is of.
    UserFilter,
}

impl ExpressionRole {
    /// The key under which it stands.
    pub fn key(self) -> &'static str {
        match self {
            Self::Filter => "filter",
            Self::Booster => "booster",
            Self::Promoted => "promoted.filter",
            Self::UserFilter => "user_filter",
        }
    }
}

/// At most so many items of a list have one value of a property.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Constraint {
    /// A property of items.
    pub property: String,
    /// How many, from 1 on.
    pub max: u32,
}

/// Items that are to have a part of every list.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Promoted {
    /// The items: an expression that yields a boolean.
    pub filter: String,
    /// Their share of the places of a list, from 0 to 1.
    pub share: f32,
}

/// A place that asks for recommendations.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "ScenarioKeys<String>")]
pub struct Scenario {
    /// The name that requests use.
    pub name: String,
    /// The endpoint that it applies to.
    pub endpoint: Endpoint,
    /// The options of its lists.
    #[serde(flatten)]
    pub settings: ScenarioSettings,
    /// Parts of its users with settings of their own; none, or all of the users.
    #[serde(rename = "group", skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<Group>,
}

/// A part of a scenario's users.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(from = "GroupKeys")]
pub struct Group {
    /// The name that answers have.
    pub name: String,
    /// Its share of the users, from 0 to 1.
    pub share: f32,
    /// Options that override those of the scenario.
    #[serde(flatten)]
    pub settings: ScenarioSettings,
}

/// Writes the keys of settings down once: for the settings, and for a scenario and a group in files, where they stand among other keys.
/// `serde(flatten)` would do the second, but then nobody says where a mistake is and which keys there are.
macro_rules! settings {
    ($($(#[$about:meta])* $key:ident: $type:ty,)*) => {
        /// Options of the lists of a scenario, a group or a call; absent ones are left to the next in that order.
        #[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
        #[serde(default, deny_unknown_fields)]
        pub struct ScenarioSettings {
            $($(#[$about])* #[serde(skip_serializing_if = "Option::is_none")] pub $key: Option<$type>,)*
        }

        impl ScenarioSettings {
            /// These options, completed with the `others`.
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
            fn named(self, name: impl FnOnce(Name) -> Result<String, String>) -> Result<Scenario, String> {
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
    /// A filter of candidates: yields a boolean. It applies together with the filter of the request.
    filter: String,
    /// A booster of candidates: yields a number.
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
    /// For lists for an item: the weight of the user's history, from 0, only the item, to 1, only the history.
    /// For searches: the weight of the user's taste beside the match, from 0 to 1.
    user_impact: f32,
    /// The segmentation whose segments are recommended, or to one of which items are.
    segmentation: String,
    /// What fills up a list that its logic leaves incomplete.
    fallback: Fallback,
    /// The limits on items that share a value.
    #[serde(rename = "constraint")]
    constraints: Vec<Constraint>,
    /// The promoted items.
    promoted: Promoted,
    /// For lists of picks: the ids of the items, best first.
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
    /// Of lists of trending items: whose interactions count, an expression over users that yields a boolean.
    user_filter: String,
}

impl TryFrom<ScenarioKeys<String>> for Scenario {
    type Error = String;

    fn try_from(keys: ScenarioKeys<String>) -> Result<Self, String> {
        keys.named(Ok)
    }
}

impl Scenario {
    /// A scenario that says nothing.
    pub fn new(name: impl Into<String>, endpoint: Endpoint) -> Self {
        Self { name: name.into(), endpoint, settings: ScenarioSettings::default(), groups: Vec::new() }
    }

    /// The scenario of a name that JSON describes; the JSON need not name it, and must not name another.
    pub fn from_json(name: &str, json: &[u8]) -> Result<Self, String> {
        let keys: ScenarioKeys<Option<String>> =
            serde_json::from_slice(json).map_err(|error| error.to_string())?;
        keys.named(|said| match said {
            Some(said) if said != name => Err(format!("name is {said:?}, but the path says {name:?}")),
            _ => Ok(name.to_owned()),
        })
    }

    /// The settings that hold for a group, or for all where there are no groups.
    pub fn settings_of(&self, group: Option<&Group>) -> ScenarioSettings {
        match group {
            Some(group) => group.settings.or(&self.settings),
            None => self.settings.clone(),
        }
    }

    /// Every expression, with the place where it stands and what it is there.
    pub fn expressions(&self) -> impl Iterator<Item = (String, ExpressionRole, &str)> {
        let of_groups =
            self.groups.iter().map(|group| (format!("group {:?}: ", group.name), &group.settings));
        let places = std::iter::once((String::new(), &self.settings)).chain(of_groups);
        places.flat_map(|(place, settings)| {
            let named = settings.expressions();
            let named = named.map(move |(role, text)| (format!("{place}{}", role.key()), role, text));
            named.collect::<Vec<_>>()
        })
    }

    /// Checks names, ranges, and that the parts go together; says what is wrong and where.
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
            let named = |what: String| format!("group {:?}: {what}", group.name);
            if self.groups[..n].iter().any(|other| other.name == group.name) {
                return Err(format!("two groups are named {:?}", group.name));
            }
            check_share("share", group.share).map_err(named)?;
            let settings = self.settings_of(Some(group));
            settings.validate().and_then(|()| self.check_endpoint(&settings)).map_err(named)?;
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
            return Err(format!("logic is similar, which needs an item or a segment: {endpoint} has none"));
        }
        if settings.logic == Some(Logic::Picks) && settings.picks.is_none() {
            return Err("logic is picks, which needs picks: the ids of the items".to_owned());
        }
        if settings.user_filter.is_some() && settings.logic != Some(Logic::Trending) {
            return Err(
                "user_filter says whose interactions count as trending: set logic to trending too".to_owned()
            );
        }
        match settings.segmentation {
            None if endpoint.needs_segmentation() => {
                Err(format!("segmentation is missing: {endpoint} needs to know of which"))
            }
            Some(_) if !endpoint.needs_segmentation() && endpoint != Endpoint::CompositeRecommendation => {
                Err(format!("segmentation is not for {endpoint}, which has to do with no segments"))
            }
            _ => Ok(()),
        }
    }
}

impl ScenarioSettings {
    /// The list that is asked for, of a logic where none is said. Where nothing is said of what fills it up, what is trending does, unless the list
    /// is one of picks or of what is to be continued.
    pub fn list(&self, count: usize, logic: Logic) -> ListRequest {
        let logic = self.logic.unwrap_or(logic);
        let otherwise = ListRequest::new(count, logic);
        // These are about nothing else than what they say.
        let is_filled = !matches!(logic, Logic::ContinueWatching | Logic::Picks);
        ListRequest {
            interaction: self.interaction,
            exclude: self.exclude.unwrap_or(logic.exclusion(None)),
            diversity: self.diversity.unwrap_or(0.0),
            rotation_rate: self.rotation_rate.unwrap_or(0.0),
            rotation_time_s: self.rotation_time_s.unwrap_or(ROTATION_TIME_S_DEFAULT),
            min_relevance: self.min_relevance.unwrap_or_default(),
            user_impact: self.user_impact.unwrap_or(0.0),
            fallback: self.fallback.unwrap_or(if is_filled { Fallback::Trending } else { Fallback::None }),
            max_age_s: self.max_age_s,
            oldest_first: self.oldest_first.unwrap_or(false),
            begun_from: self.begun_from.unwrap_or(otherwise.begun_from),
            finished_from: self.finished_from.unwrap_or(otherwise.finished_from),
            reorder_picks: self.reorder_picks.unwrap_or(false),
            ..otherwise
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
                return Err(format!("{key} has {n} bytes, it must have 1 to {EXPRESSION_BYTES_MAX}"));
            }
        }
        let picks = self.picks.as_deref().unwrap_or_default();
        if picks.len() > PICKS_MAX || picks.iter().any(|id| !(1..=NAME_BYTES_MAX).contains(&id.len())) {
            return Err(format!("picks must be up to {PICKS_MAX} ids of 1 to {NAME_BYTES_MAX} bytes each"));
        }
        if let Some(segmentation) = &self.segmentation {
            check_name("segmentation", segmentation)?;
        }
        let constraints = self.constraints.as_deref().unwrap_or_default();
        if constraints.len() > CONSTRAINTS_MAX {
            return Err(format!("{} constraints exceed the limit of {CONSTRAINTS_MAX}", constraints.len()));
        }
        for (n, Constraint { property, max }) in constraints.iter().enumerate() {
            if !(1..=NAME_BYTES_MAX).contains(&property.len()) {
                return Err(format!("constraint {n}: property must have 1 to {NAME_BYTES_MAX} bytes"));
            }
            if *max == 0 {
                return Err(format!("constraint {n} ({property:?}): max is 0, it must be 1 or more"));
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

fn check_name(what: &str, name: &str) -> Result<(), String> {
    let is_allowed = |b: u8| b.is_ascii_alphanumeric() || b"_-:@.".contains(&b);
    if (1..=NAME_BYTES_MAX).contains(&name.len()) && name.bytes().all(is_allowed) {
        return Ok(());
    }
    let shown: String = name.chars().take(80).collect();
    Err(format!(
        "{what} is {shown:?}, it must be 1 to {NAME_BYTES_MAX} characters of a-z, A-Z, 0-9, '_', '-', ':', '@' and '.'"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_and_a_group_wins() {
        let json = r#"{"name":"home","endpoint":"recommendItemsToUser","filter":"'a'","diversity":0.4,
            "constraint":[{"property":"brand","max":2}],"promoted":{"filter":"'b'","share":0.5},
            "group":[{"name":"x","share":0.5,"diversity":0.1},{"name":"y","share":0.5,"logic":"trending"}]}"#;
        let scenario: Scenario = serde_json::from_str(json).unwrap();
        let compact = json.split_whitespace().collect::<String>();
        assert_eq!(serde_json::to_string(&scenario).unwrap(), compact);
        assert_eq!(Scenario::from_json("home", json.as_bytes()), Ok(scenario.clone()));
        assert_eq!(scenario.validate(), Ok(()));
        let of_x = scenario.settings_of(scenario.groups.first());
        assert_eq!((of_x.diversity, of_x.filter.as_deref()), (Some(0.1), Some("'a'")));
        let places: Vec<String> = scenario.expressions().map(|(place, ..)| place).collect();
        assert_eq!(places, ["filter", "promoted.filter"]);
    }

    #[test]
    fn mistakes_are_named_with_their_place() {
        let check = |endpoint: &str, rest: &str| {
            let json = format!("{{\"endpoint\": \"{endpoint}\"{rest}}}");
            match Scenario::from_json("home", json.as_bytes()) {
                Ok(scenario) => scenario.validate().err().unwrap_or_default(),
                Err(what) => format!("form: {}", what.replace(", expected one of", ",\n  expected one of")),
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
