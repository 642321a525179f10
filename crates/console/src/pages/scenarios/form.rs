//! The form of a scenario: what was typed, and the scenario that it means.

use domain::{Endpoint, Scenario};
use engine::Expected;
use maud::{Markup, html};
use resources::Revised;
use resources::scenarios::{ShownScenario, mistakes, parse};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::event_filter::EventFilterForm;
use super::mistakes::Mistakes;
use super::numbers::{number, percent, plain};
use super::place_and_age::PlaceAndAgeForm;
use crate::pages::list_words::{
    FALLBACK_HINT, INTERACTIONS, MIX_HINT, fallback_of_text, fallback_text, mix_of_text, mix_text,
};
use crate::ui::form::{
    Field, InputKind, NumberInput, ReqlField, Select, Slider, TextInput, field_group,
};

/// The operations with their words, for people.
const ENDPOINTS: [(Endpoint, &str); 11] = [
    (Endpoint::RecommendItemsToUser, "Items for a person"),
    (Endpoint::RecommendItemsToItem, "Items that go with an item"),
    (Endpoint::RecommendItemsToItemSegment, "Items of a segment"),
    (Endpoint::SearchItems, "Search results"),
    (Endpoint::RecommendItemSegmentsToUser, "Segments for a person"),
    (Endpoint::RecommendItemSegmentsToItem, "Segments that go with an item"),
    (Endpoint::RecommendItemSegmentsToItemSegment, "Segments that go with a segment"),
    (Endpoint::SearchItemSegments, "Segments that match a search"),
    (Endpoint::RecommendUsersToItem, "People who may want an item"),
    (Endpoint::RecommendUsersToUser, "People like a person"),
    (Endpoint::CompositeRecommendation, "Something, with what goes with it"),
];

const LOGICS: [(&str, &str); 12] = [
    ("", "What suits the place"),
    ("personal", "Personal taste"),
    ("trending", "Popular now"),
    ("similar", "Similar to the item"),
    ("cross_sell", "Goes with the cart"),
    ("watch_next", "What comes next"),
    ("recently_viewed", "Viewed lately"),
    ("continue_watching", "Begun and not finished"),
    ("buy_again", "Due to be bought again"),
    ("together", "Goes together with what was done last"),
    ("content_based", "Is like what was done last"),
    ("newest", "New in the catalog"),
];

const EXCLUSIONS: [(&str, &str); 5] = [
    ("", "What suits the list"),
    ("none", "Nothing"),
    ("purchased", "What the person bought"),
    ("watched", "What the person bought or played"),
    ("interacted", "Everything the person has seen"),
];

const RELEVANCES: [(&str, &str); 4] = [
    ("", "Low: always a full list"),
    ("low", "Low: always a full list, also in A/B groups"),
    ("medium", "Medium"),
    ("high", "High: rather a short list"),
];

/// What a kind of list is called.
pub(super) fn endpoint_words(endpoint: Endpoint) -> &'static str {
    let found = ENDPOINTS.iter().find(|(other, _)| *other == endpoint);
    found.map_or(endpoint.word(), |(_, words)| words)
}

/// The settings of a scenario or group, as typed.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct SettingsForm {
    logic: String,
    mix: String,
    pub(super) filter: String,
    booster: String,
    exclude: String,
    min_relevance: String,
    diversity: String,
    rotation_rate: String,
    promoted_filter: String,
    promoted_share: String,
    segmentation: String,
    catalog: String,
    interaction: String,
    fallback: String,
    anchors: String,
    max_age_days: String,
    learns_from_days: String,
    active_within_days: String,
    min_count: String,
    otherwise: String,
    #[serde(flatten)]
    place_and_age: PlaceAndAgeForm,
    #[serde(flatten)]
    event_filter: EventFilterForm,
}

pub(super) const TEXTS: [&str; 9] = [
    "catalog",
    "logic",
    "filter",
    "booster",
    "exclude",
    "min_relevance",
    "segmentation",
    "interaction",
    "otherwise",
];

/// Settings in seconds that people type in days, by the names of both.
const DAYS: [(&str, &str); 3] = [
    ("max_age_s", "max_age_days"),
    ("learns_from_s", "learns_from_days"),
    ("active_within_s", "active_within_days"),
];
pub(super) const DAY_S: f64 = 86_400.0;
/// The most days that can be typed: 100 years.
pub(super) const DAYS_MAX: f64 = 36_525.0;

impl SettingsForm {
    /// The form of settings in their JSON.
    pub(super) fn of(settings: &Map<String, Value>) -> Self {
        let text = |key: &str| settings.get(key).map_or_else(String::new, plain);
        let promoted = |key: &str| {
            settings.get("promoted").and_then(|all| all.get(key)).map_or_else(String::new, plain)
        };
        let share: Option<f64> = promoted("share").parse().ok();
        let days = |key: &str| {
            let seconds = settings.get(key).and_then(Value::as_f64);
            seconds.map_or_else(String::new, |seconds| (seconds / DAY_S).to_string())
        };
        Self {
            logic: text("logic"),
            filter: text("filter"),
            booster: text("booster"),
            exclude: text("exclude"),
            min_relevance: text("min_relevance"),
            diversity: text("diversity"),
            rotation_rate: text("rotation_rate"),
            promoted_filter: promoted("filter"),
            promoted_share: share.map_or_else(String::new, percent),
            segmentation: text("segmentation"),
            catalog: text("catalog"),
            interaction: text("interaction"),
            fallback: settings.get("fallback").map_or_else(String::new, fallback_text),
            mix: settings.get("mix").map_or_else(String::new, mix_text),
            anchors: text("anchors"),
            max_age_days: days("max_age_s"),
            learns_from_days: days("learns_from_s"),
            active_within_days: days("active_within_s"),
            min_count: text("min_count"),
            otherwise: text("otherwise"),
            place_and_age: PlaceAndAgeForm::of(settings),
            event_filter: EventFilterForm::of(settings),
        }
    }

    fn text(&self, key: &str) -> &str {
        match key {
            "catalog" => &self.catalog,
            "logic" => &self.logic,
            "filter" => &self.filter,
            "booster" => &self.booster,
            "exclude" => &self.exclude,
            "min_relevance" => &self.min_relevance,
            "interaction" => &self.interaction,
            "otherwise" => &self.otherwise,
            _ => &self.segmentation,
        }
    }

    /// Writes what was typed into the JSON of a scenario or group. What the form does not have
    /// stays as it is.
    pub(super) fn write(&self, into: &mut Map<String, Value>) -> Result<(), Mistakes> {
        for key in TEXTS {
            match self.text(key).trim() {
                "" => into.remove(key),
                text => into.insert(key.to_owned(), text.into()),
            };
        }
        self.event_filter.write(into)?;
        self.place_and_age.write(into)?;
        match self.fallback.trim() {
            "" => into.remove("fallback"),
            text => into.insert("fallback".to_owned(), fallback_of_text(text)),
        };
        match self.mix.trim() {
            "" => into.remove("mix"),
            text => {
                let mix = mix_of_text(text).map_err(|what| Mistakes::one("mix", &what))?;
                into.insert("mix".to_owned(), mix)
            }
        };
        for (key, text) in [("diversity", &self.diversity), ("rotation_rate", &self.rotation_rate)]
        {
            match text.trim() {
                "" => into.remove(key),
                text => into.insert(key.to_owned(), number(key, text, 1.0)?),
            };
        }
        for (key, text) in [("anchors", &self.anchors), ("min_count", &self.min_count)] {
            match text.trim() {
                "" => into.remove(key),
                text => {
                    let number = text.parse::<u32>();
                    let what = || format!("{text:?} is no whole number");
                    let number = number.map_err(|_| Mistakes::one(key, &what()))?;
                    into.insert(key.to_owned(), number.into())
                }
            };
        }
        for ((key, field), text) in DAYS.into_iter().zip([
            &self.max_age_days,
            &self.learns_from_days,
            &self.active_within_days,
        ]) {
            match text.trim() {
                "" => into.remove(key),
                text => {
                    let share = number(field, text, DAYS_MAX)?.as_f64().unwrap_or_default();
                    let seconds = (share * DAYS_MAX * DAY_S).round() as u32;
                    into.insert(key.to_owned(), seconds.into())
                }
            };
        }
        match (self.promoted_filter.trim(), self.promoted_share.trim()) {
            ("", _) => into.remove("promoted"),
            (_, "") => return Err(Mistakes::one("promoted_share", "say how much of each list")),
            (filter, share) => {
                let share = number("promoted_share", share, 100.0)?;
                let both = [("filter", filter.into()), ("share", share)];
                let both = both.map(|(key, value)| (key.to_owned(), value));
                into.insert("promoted".to_owned(), Value::Object(both.into_iter().collect()))
            }
        };
        Ok(())
    }

    /// The controls. `of_group` says that an empty one means what everybody has.
    pub(super) fn controls(&self, mistakes: &Mistakes, of_group: bool) -> Markup {
        let slider = |text: &str| text.parse::<f64>().unwrap_or(0.0).clamp(0.0, 1.0);
        html! {
            div class="fields" {
                (Select {
                    field: Field::new("logic", "What comes first").optional().error(mistakes.of("logic")),
                    options: &LOGICS, value: &self.logic,
                })
                (TextInput::new(Field::new("mix", "Or a mix").optional().hint(MIX_HINT).error(mistakes.of("mix")))
                    .kind(InputKind::Code).value(&self.mix))
                (Select {
                    field: Field::new("exclude", "Leave out").optional().error(mistakes.of("exclude")),
                    options: &EXCLUSIONS, value: &self.exclude,
                })
            }
            (ReqlField {
                field: Field::new("filter", "Filter").optional().hint("Only items for which it is true: 'price' < 20"),
                value: &self.filter, mistake: mistakes.of_expression("filter"),
            })
            (self.event_filter.controls(mistakes))
            (self.place_and_age.controls(mistakes))
            (ReqlField {
                field: Field::new("booster", "Booster").optional().hint("Scores are multiplied by it: if 'is_new' then 2 else 1"),
                value: &self.booster, mistake: mistakes.of_expression("booster"),
            })
            @if of_group {
                div class="fields" {
                    (NumberInput {
                        field: Field::new("diversity", "Variety").optional().hint("0 alike, 1 as varied as can be").error(mistakes.of("diversity")),
                        value: &self.diversity, unit: "of 1",
                    })
                    (NumberInput {
                        field: Field::new("rotation_rate", "Rotation").optional().hint("0 always the same, 1 nothing twice in a row").error(mistakes.of("rotation_rate")),
                        value: &self.rotation_rate, unit: "of 1",
                    })
                }
            } @else {
                div class="fields" {
                    (Slider {
                        field: Field::new("diversity", "Variety").error(mistakes.of("diversity")),
                        range: (0.0, 1.0), step: 0.05, value: slider(&self.diversity), ends: ("alike", "varied"),
                    })
                    (Slider {
                        field: Field::new("rotation_rate", "Rotation").error(mistakes.of("rotation_rate")),
                        range: (0.0, 1.0), step: 0.05, value: slider(&self.rotation_rate), ends: ("the same", "something else"),
                    })
                }
            }
            (field_group("What counts, and for whom", &html! { div class="fields" {
                (TextInput::new(Field::new("catalog", "Only items of the catalog").optional().hint("A catalog of products; empty: all").error(mistakes.of("catalog")))
                    .kind(InputKind::Code).value(&self.catalog))
                (Select {
                    field: Field::new("interaction", "What counts").optional().hint("As popular, or as done last").error(mistakes.of("interaction")),
                    options: &INTERACTIONS, value: &self.interaction,
                })
                (NumberInput {
                    field: Field::new("anchors", "Goes with the last").optional().hint("Of what goes together with the last, or is like it: 1 to 10").error(mistakes.of("anchors")),
                    value: &self.anchors, unit: "items",
                })
                (NumberInput {
                    field: Field::new("max_age_days", "Not older than").optional().hint("What counts as popular, viewed or last").error(mistakes.of("max_age_days")),
                    value: &self.max_age_days, unit: "days",
                })
                (NumberInput {
                    field: Field::new("learns_from_days", "Learns from the last").optional().hint("Of what goes together: what people did then; empty: the model").error(mistakes.of("learns_from_days")),
                    value: &self.learns_from_days, unit: "days",
                })
                (NumberInput {
                    field: Field::new("active_within_days", "For people active within").optional().hint("Others get no list").error(mistakes.of("active_within_days")),
                    value: &self.active_within_days, unit: "days",
                })
                (NumberInput {
                    field: Field::new("min_count", "At least").optional().hint("A shorter list is empty").error(mistakes.of("min_count")),
                    value: &self.min_count, unit: "items",
                })
                (TextInput::new(Field::new("fallback", "Fill up with").optional().hint(FALLBACK_HINT).error(mistakes.of("fallback")))
                    .kind(InputKind::Code).value(&self.fallback))
                (TextInput::new(Field::new("otherwise", "If nothing is left").optional().hint("The name of the scenario whose list is taken then").error(mistakes.of("otherwise")))
                    .kind(InputKind::Code).value(&self.otherwise))
            } }))
            (field_group("More", &html! {
                (Select {
                    field: Field::new("min_relevance", "Least relevance").optional().error(mistakes.of("min_relevance")),
                    options: &RELEVANCES, value: &self.min_relevance,
                })
                (TextInput::new(Field::new("segmentation", "Segmentation").optional()
                    .hint("Of lists of segments: its id").error(mistakes.of("segmentation")))
                    .kind(InputKind::Code).value(&self.segmentation))
                (ReqlField {
                    field: Field::new("promoted_filter", "Promoted items").optional().hint("They get a part of every list"),
                    value: &self.promoted_filter, mistake: mistakes.of_expression("promoted_filter"),
                })
                (NumberInput {
                    field: Field::new("promoted_share", "Their part of a list").optional().error(mistakes.of("promoted_share")),
                    value: &self.promoted_share, unit: "%",
                })
            }))
        }
    }
}

/// The form of a scenario.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct ScenarioForm {
    pub(super) name: String,
    pub(super) endpoint: String,
    /// The revision of the scenario that the form was made from; empty for a new one.
    pub(super) revision: String,
    #[serde(flatten)]
    pub(super) settings: SettingsForm,
    /// The person of the preview.
    pub(super) user: String,
    /// The item, segment or words of the preview.
    pub(super) of: String,
}

impl ScenarioForm {
    pub(super) fn of(stored: &Revised<ShownScenario>) -> Self {
        let scenario = &stored.value.scenario;
        let json = json_of(scenario);
        Self {
            revision: stored.revision.to_string(),
            name: scenario.name.clone(),
            endpoint: scenario.endpoint.word().to_owned(),
            settings: SettingsForm::of(&json),
            ..Self::default()
        }
    }

    /// What a form that was made before somebody else's change must not undo.
    pub(super) fn expected(&self) -> Expected {
        self.revision.parse().map_or(Expected::Present, Expected::Revision)
    }

    pub(super) fn new_one() -> Self {
        Self { endpoint: Endpoint::RecommendItemsToUser.word().to_owned(), ..Self::default() }
    }

    /// The scenario that was typed, with what the form does not have from `base`.
    pub(super) fn scenario(&self, base: Option<&Scenario>) -> Result<Scenario, Mistakes> {
        let mut json = base.map(json_of).unwrap_or_default();
        let name = base.map_or(self.name.trim(), |base| &base.name);
        if base.is_none() {
            json.insert("endpoint".to_owned(), self.endpoint.as_str().into());
        }
        json.insert("name".to_owned(), name.into());
        self.settings.write(&mut json)?;
        let text = Value::Object(json).to_string();
        let scenario = parse(name, text.as_bytes()).map_err(|error| Mistakes::of_error(&error))?;
        match mistakes(&scenario) {
            none if none.is_empty() => Ok(scenario),
            some => Err(Mistakes::of_expressions(some)),
        }
    }

    /// The controls of a new scenario begin with its name and what it lists.
    pub(super) fn controls(&self, mistakes: &Mistakes, is_new: bool) -> Markup {
        let endpoints: Vec<(&str, &str)> =
            ENDPOINTS.iter().map(|(endpoint, words)| (endpoint.word(), *words)).collect();
        html! {
            @if !is_new { input type="hidden" name="revision" value=(self.revision); }
            @if is_new {
                div class="fields" {
                    (TextInput::new(Field::new("name", "Name").hint("Calls of the API use it: home").error(mistakes.of("name")))
                        .kind(InputKind::Code).value(&self.name))
                    (Select {
                        field: Field::new("endpoint", "It recommends").error(mistakes.of("endpoint")),
                        options: &endpoints, value: &self.endpoint,
                    })
                }
            }
            (self.settings.controls(mistakes, false))
        }
    }
}

fn json_of(scenario: &Scenario) -> Map<String, Value> {
    match serde_json::to_value(scenario) {
        Ok(Value::Object(json)) => json,
        _ => Map::new(),
    }
}
