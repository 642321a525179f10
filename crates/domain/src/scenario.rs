//! Scenarios: named places where recommendations appear, with the settings of their lists.
//!
//! A scenario has the defaults for its requests. Groups split the users of a scenario, for example
//! for a test; the settings of a group override those of its scenario.

use serde::{Deserialize, Serialize};

use crate::list::settings::{GroupKeys, ScenarioKeys, check_name, check_share};
use crate::{Endpoint, ExpressionRole, ListCaller, ListSettings, Logic, Timestamp};

/// The most scenarios of a workspace.
pub const SCENARIOS_MAX: usize = 1_000;
/// The most groups of a scenario.
pub const GROUPS_MAX: usize = 20;
/// The most scenarios that follow each other where lists are empty.
pub const OTHERWISE_MAX: usize = 5;
/// The largest distance of the sum of all shares from 1: tenths do not add up exactly in binary.
const SHARES_TOLERANCE: f32 = 1e-3;

/// A named place where recommendations appear.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(try_from = "ScenarioKeys<String>")]
pub struct Scenario {
    /// The name in requests.
    pub name: String,
    /// The only operation that may use the scenario.
    pub endpoint: Endpoint,
    /// The settings for all users, unless a group overrides them.
    #[serde(flatten)]
    pub settings: ListSettings,
    /// When the A/B test of its groups started. Another time shares the users out anew, and results
    /// of the test count from its day on.
    #[serde(default, with = "as_text", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub test_started_at: Option<Timestamp>,
    /// Parts of the users with settings of their own. Empty, or the shares add up to 1.
    #[serde(rename = "group", skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<Group>,
}

/// A part of a scenario's users.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(from = "GroupKeys")]
pub struct Group {
    /// The name in answers.
    pub name: String,
    /// The share of the users, from 0 to 1.
    pub share: f32,
    /// Overrides of the scenario's settings.
    #[serde(flatten)]
    pub settings: ListSettings,
}

impl TryFrom<ScenarioKeys<String>> for Scenario {
    type Error = String;

    fn try_from(keys: ScenarioKeys<String>) -> Result<Self, String> {
        keys.into_scenario(Ok)
    }
}

/// A scenario whose name is known from elsewhere. The text may leave it out.
#[derive(Deserialize)]
#[serde(transparent)]
pub struct ScenarioOfName(ScenarioKeys<Option<String>>);

impl ScenarioOfName {
    /// The scenario.
    ///
    /// # Errors
    /// Says that its name is another one.
    pub fn named(self, name: &str) -> Result<Scenario, String> {
        self.0.into_scenario(|own| match own {
            Some(own) if own != name => Err(format!("name is {own:?}, but the path says {name:?}")),
            _ => Ok(name.to_owned()),
        })
    }
}

impl Scenario {
    /// Whether its lists, or those of a group, are of items near the person by a catalog of
    /// locations.
    pub fn names_locations(&self, catalog: &str) -> bool {
        let groups = self.groups.iter().map(|group| &group.settings);
        let mut all = groups.chain([&self.settings]);
        all.any(|own| own.location.as_ref().is_some_and(|near| near.catalog == catalog))
    }

    /// A scenario without settings and groups.
    pub fn new(name: impl Into<String>, endpoint: Endpoint) -> Self {
        Self {
            name: name.into(),
            endpoint,
            settings: ListSettings::default(),
            test_started_at: None,
            groups: Vec::new(),
        }
    }

    /// Parses a scenario. The JSON may omit `name`.
    ///
    /// # Errors
    /// Says what is wrong with the JSON, or that its name is another one.
    pub fn from_json(name: &str, json: &[u8]) -> Result<Self, String> {
        let read: ScenarioOfName =
            serde_json::from_slice(json).map_err(|error| error.to_string())?;
        read.named(name)
    }

    /// The settings in force for a group; none for a scenario without groups.
    pub fn settings_for(&self, group: Option<&Group>) -> ListSettings {
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
        self.settings.validate(self.endpoint)?;
        if self.groups.is_empty() {
            if self.test_started_at.is_some() {
                return Err("test_started_at is set, but there is no group to test: name groups, \
                            or remove it"
                    .to_owned());
            }
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
            settings
                .validate(self.endpoint)
                .and_then(|()| self.check_endpoint(&settings))
                .map_err(in_group)?;
        }
        let sum: f32 = self.groups.iter().map(|group| group.share).sum();
        if (sum - 1.0).abs() > SHARES_TOLERANCE {
            return Err(format!("group: the shares add up to {sum}, they must add up to 1"));
        }
        Ok(())
    }

    /// Checks that the scenarios that follow this one where lists are empty are there, for the same
    /// endpoint, and no circle.
    fn check_followers(&self, scenarios: &[Self]) -> Result<(), String> {
        let mut reached = vec![self];
        let mut next = 0;
        while let Some(&scenario) = reached.get(next) {
            for name in scenario.followers() {
                let found = scenarios.iter().find(|other| other.name == *name);
                let Some(follower) = found else {
                    return Err(format!("otherwise is {name:?}: there is no such scenario"));
                };
                if follower.endpoint != self.endpoint {
                    let (other, own) = (follower.endpoint, self.endpoint);
                    return Err(format!(
                        "otherwise is {name:?}, which is for {other}: name one for {own}"
                    ));
                }
                if follower.name == self.name {
                    let by = &scenario.name;
                    return Err(format!(
                        "otherwise leads back to this scenario by {by:?}: let the last one name none"
                    ));
                }
                if reached.iter().all(|known| known.name != *name) {
                    reached.push(follower);
                }
            }
            next += 1;
        }
        match reached.len() - 1 > OTHERWISE_MAX {
            true => Err(format!("otherwise leads to more than {OTHERWISE_MAX} scenarios")),
            false => Ok(()),
        }
    }

    /// The names of the scenarios that follow this one or one of its groups.
    fn followers(&self) -> impl Iterator<Item = &String> {
        let of_groups = self.groups.iter().map(|group| &group.settings);
        std::iter::once(&self.settings).chain(of_groups).filter_map(|one| one.otherwise.as_ref())
    }

    fn check_endpoint(&self, settings: &ListSettings) -> Result<(), String> {
        let endpoint = self.endpoint;
        let list = settings.request(1, ListCaller::Endpoint(endpoint));
        if list.names_logic(|logic| logic == Logic::Similar) && !endpoint.can_be_similar() {
            return Err(format!(
                "logic is similar, which needs an item or a segment: {endpoint} has none"
            ));
        }
        if list.names_logic(|logic| logic == Logic::Picks) && settings.picks.is_none() {
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

/// Checks the scenarios of a workspace, and that those that follow each other end.
///
/// # Errors
/// A sentence that names the scenario and the mistake.
pub(crate) fn check_scenarios(scenarios: &[Scenario]) -> Result<(), String> {
    if scenarios.len() > SCENARIOS_MAX {
        let n = scenarios.len();
        return Err(format!("{n} scenarios exceed the limit of {SCENARIOS_MAX}"));
    }
    for (n, scenario) in scenarios.iter().enumerate() {
        scenario
            .validate()
            .and_then(|()| scenario.check_followers(scenarios))
            .map_err(|what| format!("scenario {:?}: {what}", scenario.name))?;
        if scenarios[..n].iter().any(|other| other.name == scenario.name) {
            return Err(format!("two scenarios are named {:?}", scenario.name));
        }
    }
    Ok(())
}

/// An instant in ISO 8601, as people write it into files.
pub(crate) mod as_text {
    use serde::{Deserialize, Deserializer, Serializer, de};

    use crate::Timestamp;

    pub(crate) fn serialize<S: Serializer>(
        at: &Option<Timestamp>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        match at {
            Some(at) => serializer.collect_str(at),
            None => serializer.serialize_none(),
        }
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Timestamp>, D::Error> {
        let Some(text) = Option::<String>::deserialize(deserializer)? else { return Ok(None) };
        let at = Timestamp::parse(&text);
        let wrong = || de::Error::custom(format!("{text:?} is no time as 2026-01-31T12:00:00Z"));
        at.ok_or_else(wrong).map(Some)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scenario_survives_json_and_a_group_overrides_it() {
        let json = r#"{"name":"home","endpoint":"recommendItemsToUser","filter":"'a'","diversity":0.4,
            "constraint":[{"property":"brand","max":2}],"promoted":{"filter":"'b'","share":0.5},
            "test_started_at":"2026-11-01T09:30:00.000Z","group":[{"name":"x","share":0.5,"diversity":0.1},{"name":"y","share":0.5,"logic":"trending"}]}"#;
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
    fn scenarios_that_follow_each_other_end() {
        let named = |name: &str, endpoint: Endpoint, otherwise: Option<&str>| {
            let mut scenario = Scenario::new(name, endpoint);
            scenario.settings.otherwise = otherwise.map(str::to_owned);
            scenario
        };
        let to_user = Endpoint::RecommendItemsToUser;
        let check = |list: &[(&str, Endpoint, Option<&str>)]| {
            let scenarios = list.iter().map(|(name, endpoint, next)| named(name, *endpoint, *next));
            check_scenarios(&scenarios.collect::<Vec<_>>()).err().unwrap_or_default()
        };
        let end = ("c", to_user, None);
        assert_eq!(check(&[("a", to_user, Some("b")), ("b", to_user, Some("c")), end]), "");
        let circle = check(&[("a", to_user, Some("b")), ("b", to_user, Some("a"))]);
        assert!(circle.contains("leads back to this scenario by \"b\""), "{circle}");
        let other = ("b", Endpoint::RecommendItemsToItem, None);
        let other = check(&[("a", to_user, Some("b")), other]);
        assert!(other.contains("name one for recommendItemsToUser"), "{other}");
        assert!(check(&[("a", to_user, Some("z"))]).contains("there is no such scenario"));
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
            items(r#", "test_started_at": "2026-11-01T09:30:00Z""#),
            items(r#", "test_started_at": "soon", "group": [{"name": "x", "share": 1}]"#),
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
