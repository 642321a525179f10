//! What somebody tries, as the address of the page has it.

use domain::list::Constraint;
use domain::{Endpoint, Exclusion, ListSettings, Logic, Relevance, Scenario, WorkspaceConfig};
use resources::recommendations::PreviewRequest;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use web::error::ApiError;

/// The form, field by field as it was typed. An empty field is one that is not set.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Trial {
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) user: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) item: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) query: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) scenario: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) filter: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) booster: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) logic: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) exclude: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) diversity: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) rotation: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) impact: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) relevance: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) per: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) per_max: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) count: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) why_not: String,
    /// The list on the other side: see [`Beside`].
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) beside: String,
    /// What the sliders showed before anybody touched them: [`Untouched::text`].
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) was: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    notice: String,
    /// The name that was refused for a scenario.
    #[serde(skip)]
    pub(super) keep_as: String,
}

/// What a list is compared with.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Beside {
    /// Nothing.
    Nothing,
    /// The list without any setting.
    Defaults,
    /// A scenario as it is.
    Scenario(String),
    /// Settings of before, as an address.
    Kept(String),
}

/// What the sliders show before anybody touches them: the settings of the scenario, or defaults.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Untouched {
    pub(super) diversity: f32,
    pub(super) rotation: f32,
    pub(super) impact: f32,
    pub(super) relevance: &'static str,
}

/// The words before the parts of `beside`.
const OF_SCENARIO: &str = "scenario:";
const OF_KEPT: &str = "kept:";
const DEFAULTS: &str = "defaults";

impl Untouched {
    /// Those of a scenario; none is chosen where it is `None`.
    pub(super) fn of(scenario: Option<&Scenario>, trial: &Trial) -> Self {
        let none = ListSettings::default();
        let settings = scenario.map_or(&none, |scenario| &scenario.settings);
        let searches = match scenario {
            Some(scenario) => scenario.endpoint.target() == domain::Target::Query,
            None => !trial.query.is_empty(),
        };
        let impact = settings.user_impact.unwrap_or(0.0);
        Self {
            diversity: settings.diversity.unwrap_or(0.0),
            rotation: settings.rotation_rate.unwrap_or(0.0),
            impact: if searches { settings.taste_weight() } else { impact },
            relevance: relevance_word(settings.min_relevance.unwrap_or_default()),
        }
    }

    /// As a hidden field has it.
    pub(super) fn text(&self) -> String {
        let Self { diversity, rotation, impact, relevance } = self;
        format!("{diversity},{rotation},{impact},{relevance}")
    }
}

fn relevance_word(relevance: Relevance) -> &'static str {
    match relevance {
        Relevance::Low => "low",
        Relevance::Medium => "medium",
        Relevance::High => "high",
    }
}

impl Trial {
    /// From the query of an address.
    pub(super) fn from_address(address: &str) -> Result<Self, ApiError> {
        serde_urlencoded::from_str(address)
            .map_err(|error| ApiError::invalid(format!("these settings cannot be read: {error}")))
    }

    /// The query of its address.
    pub(super) fn address(&self) -> String {
        serde_urlencoded::to_string(Self { notice: String::new(), ..self.clone() })
            .unwrap_or_default()
    }

    /// The address at which these settings stand beside those to come.
    pub(super) fn address_beside_itself(&self) -> String {
        let kept = Self { beside: String::new(), why_not: String::new(), ..self.clone() };
        Self { beside: format!("{OF_KEPT}{}", kept.address()), ..self.clone() }.address()
    }

    /// The same list by the scenario that it was kept as.
    pub(super) fn with_kept(&self, name: &str) -> Self {
        Self {
            user: self.user.clone(),
            item: self.item.clone(),
            query: self.query.clone(),
            count: self.count.clone(),
            scenario: name.to_owned(),
            notice: "kept".to_owned(),
            ..Self::default()
        }
    }

    /// The address after it was kept, with its notice.
    pub(super) fn address_with_notice(&self) -> String {
        serde_urlencoded::to_string(self).unwrap_or_default()
    }

    /// What the last change did.
    pub(super) fn notice(&self) -> Option<&'static str> {
        (self.notice == "kept").then_some("Kept as a scenario: lists of this name are made so.")
    }

    pub(super) fn beside(&self) -> Beside {
        match self.beside.as_str() {
            DEFAULTS => Beside::Defaults,
            other => {
                let scenario = other.strip_prefix(OF_SCENARIO).map(str::to_owned);
                let kept = other.strip_prefix(OF_KEPT).map(str::to_owned);
                let scenario = scenario.map(Beside::Scenario);
                scenario.or(kept.map(Beside::Kept)).unwrap_or(Beside::Nothing)
            }
        }
    }

    /// The values of the menu "beside", with their labels.
    pub(super) fn choices_beside(&self, scenarios: &[Scenario]) -> Vec<(String, String)> {
        let mut choices = vec![
            (String::new(), "Nothing".to_owned()),
            (DEFAULTS.to_owned(), "No settings at all".to_owned()),
        ];
        let named = scenarios.iter().map(|scenario| &scenario.name);
        choices
            .extend(named.map(|name| (format!("{OF_SCENARIO}{name}"), format!("Scenario {name}"))));
        if let Beside::Kept(_) = self.beside() {
            choices.push((self.beside.clone(), "Settings of before".to_owned()));
        }
        choices
    }

    /// The request for the list.
    pub(super) fn request(&self) -> Result<PreviewRequest, ApiError> {
        Ok(PreviewRequest {
            scenario: given(&self.scenario),
            settings: self.settings()?,
            why_not: given(&self.why_not),
            ..self.bare_request()?
        })
    }

    /// The request for the list that it is compared with, for the same person.
    pub(super) fn request_beside(&self, beside: &Beside) -> Result<PreviewRequest, ApiError> {
        let bare = self.bare_request()?;
        Ok(match beside {
            Beside::Nothing | Beside::Defaults => bare,
            Beside::Scenario(name) => PreviewRequest { scenario: Some(name.clone()), ..bare },
            Beside::Kept(address) => {
                let kept = Self::from_address(address)?;
                PreviewRequest {
                    scenario: given(&kept.scenario),
                    settings: kept.settings()?,
                    ..bare
                }
            }
        })
    }

    fn bare_request(&self) -> Result<PreviewRequest, ApiError> {
        let count = number::<usize>(&self.count, "count", "Number of items")?;
        Ok(PreviewRequest {
            user: given(&self.user),
            item: given(&self.item),
            query: given(&self.query),
            count,
            ..PreviewRequest::default()
        })
    }

    /// The settings by hand: what differs from what the sliders showed before.
    pub(super) fn settings(&self) -> Result<ListSettings, ApiError> {
        let mut was = self.was.split(',');
        let mut touched = |value: &str| {
            let was = was.next().unwrap_or_default();
            given(value).filter(|value| value != was)
        };
        let share = |text: Option<String>, field: &str, label: &str| {
            number::<f32>(text.as_deref().unwrap_or_default(), field, label)
        };
        let diversity = share(touched(&self.diversity), "diversity", "Variety")?;
        let rotation_rate = share(touched(&self.rotation), "rotation", "Rotation")?;
        let user_impact = share(touched(&self.impact), "impact", "Weight of taste")?;
        let min_relevance: Option<Relevance> =
            word(&touched(&self.relevance).unwrap_or_default(), "relevance")?;
        let max = number::<u32>(&self.per_max, "per_max", "At most")?;
        let constraint =
            given(&self.per).map(|property| vec![Constraint { property, max: max.unwrap_or(1) }]);
        Ok(ListSettings {
            filter: given(&self.filter),
            booster: given(&self.booster),
            logic: word::<Logic>(&self.logic, "logic")?,
            exclude: word::<Exclusion>(&self.exclude, "exclude")?,
            diversity,
            rotation_rate,
            user_impact,
            min_relevance,
            constraints: constraint,
            ..ListSettings::default()
        })
    }

    /// The settings together with those of the scenario that they change, as a new scenario.
    pub(super) fn scenario(
        &self,
        name: &str,
        config: &WorkspaceConfig,
    ) -> Result<Scenario, ApiError> {
        let request = self.request()?;
        let endpoint: Endpoint = request.endpoint(config)?;
        let base = request.scenario.as_deref().and_then(|name| config.scenario(name));
        let base = base.map(|base| base.settings.clone()).unwrap_or_default();
        let base = base.for_call(&request.settings, endpoint);
        let both =
            |own: &Option<String>, of_base: &Option<String>, operator: &str| match (own, of_base) {
                (Some(own), Some(of_base)) => Some(format!("({of_base}) {operator} ({own})")),
                (own, of_base) => own.clone().or_else(|| of_base.clone()),
            };
        let settings = ListSettings {
            filter: both(&request.settings.filter, &base.filter, "and"),
            booster: both(&request.settings.booster, &base.booster, "*"),
            ..request.settings.or(&base)
        };
        Ok(Scenario { settings, ..Scenario::new(name.trim(), endpoint) })
    }
}

/// None where nothing was typed.
fn given(text: &str) -> Option<String> {
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

fn number<T: std::str::FromStr>(
    text: &str,
    field: &str,
    label: &str,
) -> Result<Option<T>, ApiError> {
    let text = given(text);
    let parsed = text.as_ref().map(|text| text.replace(',', ".").parse::<T>());
    parsed.transpose().map_err(|_| {
        let text = text.unwrap_or_default();
        ApiError::invalid(format!("{label}: {text:?} is no number that fits"))
            .at(format!("/{field}"))
    })
}

/// A word of an enumeration.
fn word<T: DeserializeOwned>(text: &str, field: &str) -> Result<Option<T>, ApiError> {
    let Some(text) = given(text) else { return Ok(None) };
    let parsed = serde_json::from_value(text.as_str().into());
    parsed.map(Some).map_err(|_| {
        ApiError::invalid(format!("there is no such choice: {text:?}")).at(format!("/{field}"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slider_that_nobody_touched_changes_nothing() {
        let trial = Trial {
            diversity: "0.4".to_owned(),
            rotation: "0.1".to_owned(),
            impact: "0".to_owned(),
            relevance: "low".to_owned(),
            was: "0.4,0,0,low".to_owned(),
            ..Trial::default()
        };
        let settings = trial.settings().unwrap();
        assert_eq!((settings.diversity, settings.rotation_rate), (None, Some(0.1)));
        assert_eq!((settings.user_impact, settings.min_relevance), (None, None));
        let shared = Trial { was: String::new(), ..trial };
        assert_eq!(shared.settings().unwrap().diversity, Some(0.4), "a link says what it sets");
    }

    #[test]
    fn an_address_brings_everything_back_also_what_it_is_compared_with() {
        let trial = Trial {
            user: "a&b=c #ü".to_owned(),
            filter: "'price' < 20 and \"x\" in 'tags'".to_owned(),
            ..Trial::default()
        };
        assert_eq!(Trial::from_address(&trial.address()).unwrap(), trial);
        let pinned = Trial::from_address(&trial.address_beside_itself()).unwrap();
        let request = pinned.request_beside(&pinned.beside()).unwrap();
        assert_eq!(request.settings.filter.as_deref(), Some(trial.filter.as_str()));
        assert_eq!(request.user.as_deref(), Some("a&b=c #ü"));
    }

    #[test]
    fn a_kept_scenario_has_what_the_list_had() {
        let mut config = WorkspaceConfig::empty(domain::WorkspaceId::new("shop").unwrap());
        let mut home = Scenario::new("home", Endpoint::RecommendItemsToUser);
        home.settings.filter = Some("'a'".to_owned());
        home.settings.diversity = Some(0.5);
        home.settings.exclude = Some(Exclusion::None);
        config.scenarios.push(home);
        let trial = Trial {
            scenario: "home".to_owned(),
            filter: "'b' or 'c'".to_owned(),
            ..Trial::default()
        };
        let kept = trial.scenario("new", &config).unwrap();
        assert_eq!(kept.settings.filter.as_deref(), Some("('a') and ('b' or 'c')"));
        assert_eq!(kept.settings.diversity, Some(0.5));
        let other = Trial { logic: "trending".to_owned(), ..trial };
        assert_eq!(other.scenario("new", &config).unwrap().settings.exclude, None);
    }
}
