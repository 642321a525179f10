//! The form of a scenario: what was typed, and the scenario that it means.

use domain::{Endpoint, Scenario, WorkspaceConfig};
use engine::Expected;
use maud::{Markup, html};
use resources::Revised;
use resources::scenarios::{ShownScenario, mistakes, parse};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::controls::Controls;
use super::event_filter::EventFilterForm;
use super::mistakes::Mistakes;
use super::numbers::{number, percent, plain};
use super::place_and_age::PlaceAndAgeForm;
use crate::pages::catalog::product_options;
use crate::pages::list_words::{
    FALLBACK_HINT, INTERACTIONS, MIX_HINT, fallback_of_text, fallback_text, mix_of_text, mix_text,
};
use crate::ui::form::{Field, InputKind, Select, TextInput, field_group};

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

/// Shares that are typed by sliders.
const SLIDERS: [&str; 2] = ["diversity", "rotation_rate"];

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
    pub(super) fn controls(
        &self,
        config: &WorkspaceConfig,
        mistakes: &Mistakes,
        of_group: bool,
    ) -> Markup {
        let form = Controls(mistakes);
        let filter_hint = "Only items for which it is true: 'price' < 20";
        let booster_hint = "Scores are multiplied by it: if 'is_new' then 2 else 1";
        html! {
            div class="fields" {
                (form.select("logic", "What comes first", None, &LOGICS, &self.logic))
                (form.text("mix", "Or a mix", MIX_HINT, &self.mix))
                (form.select("exclude", "Leave out", None, &EXCLUSIONS, &self.exclude))
            }
            (form.expression("filter", "Filter", filter_hint, &self.filter))
            (self.event_filter.controls(mistakes))
            (self.place_and_age.controls(mistakes))
            (form.expression("booster", "Booster", booster_hint, &self.booster))
            div class="fields" {
                @if of_group {
                    (form.number("diversity", "Variety", Some("0 alike, 1 as varied as can be"),
                        &self.diversity, "of 1"))
                    (form.number("rotation_rate", "Rotation",
                        Some("0 always the same, 1 nothing twice in a row"),
                        &self.rotation_rate, "of 1"))
                } @else {
                    (form.slider("diversity", "Variety", &self.diversity, ("alike", "varied")))
                    (form.slider("rotation_rate", "Rotation", &self.rotation_rate,
                        ("the same", "something else")))
                }
            }
            (field_group("What counts, and for whom", &self.what_counts(config, &form)))
            (field_group("More", &self.more(&form)))
        }
    }

    fn what_counts(&self, config: &WorkspaceConfig, form: &Controls<'_>) -> Markup {
        let catalogs = product_options(config, "All catalogs");
        let anchors_hint = "Of what goes together with the last, or is like it: 1 to 10";
        let learns_hint = "Of what goes together: what people did then; empty: the model";
        let otherwise_hint = "The name of the scenario whose list is taken then";
        let number = |name, label, hint, value: &str, unit| {
            form.number(name, label, Some(hint), value, unit)
        };
        html! { div class="fields" {
            (form.select("catalog", "Only items of the catalog", None, &catalogs, &self.catalog))
            (form.select("interaction", "What counts", Some("As popular, or as done last"),
                &INTERACTIONS, &self.interaction))
            (number("anchors", "Goes with the last", anchors_hint, &self.anchors, "items"))
            (number("max_age_days", "Not older than", "What counts as popular, viewed or last",
                &self.max_age_days, "days"))
            (number("learns_from_days", "Learns from the last", learns_hint,
                &self.learns_from_days, "days"))
            (number("active_within_days", "For people active within", "Others get no list",
                &self.active_within_days, "days"))
            (number("min_count", "At least", "A shorter list is empty", &self.min_count, "items"))
            (form.text("fallback", "Fill up with", FALLBACK_HINT, &self.fallback))
            (form.text("otherwise", "If nothing is left", otherwise_hint, &self.otherwise))
        } }
    }

    fn more(&self, form: &Controls<'_>) -> Markup {
        html! {
            (form.select("min_relevance", "Least relevance", None, &RELEVANCES, &self.min_relevance))
            (form.text("segmentation", "Segmentation", "Of lists of segments: its id",
                &self.segmentation))
            (form.expression("promoted_filter", "Promoted items", "They get a part of every list",
                &self.promoted_filter))
            (form.number("promoted_share", "Their part of a list", None, &self.promoted_share, "%"))
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

    /// The scenario that was typed, with what the form does not have from `base`. A form that is
    /// sent unchanged means `base` itself, whose numbers may have more digits than it shows.
    pub(super) fn scenario(&self, base: Option<&Scenario>) -> Result<Scenario, Mistakes> {
        let typed = self.typed(base)?;
        if let Some(base) = base {
            let shown = Self { settings: SettingsForm::of(&json_of(base)), ..Self::default() };
            if shown.typed(Some(base)).is_ok_and(|shown| shown == typed) {
                return Ok(base.clone());
            }
        }
        Ok(typed)
    }

    fn typed(&self, base: Option<&Scenario>) -> Result<Scenario, Mistakes> {
        let mut json = base.map(json_of).unwrap_or_default();
        let name = base.map_or(self.name.trim(), |base| &base.name);
        if base.is_none() {
            json.insert("endpoint".to_owned(), self.endpoint.as_str().into());
        }
        json.insert("name".to_owned(), name.into());
        // A slider stands somewhere, also where nothing is set: at 0, which means the same.
        let unset = SLIDERS.map(|key| (key, !json.contains_key(key)));
        self.settings.write(&mut json)?;
        for (key, _) in unset.into_iter().filter(|(_, is_unset)| *is_unset) {
            if json.get(key).and_then(Value::as_f64) == Some(0.0) {
                json.remove(key);
            }
        }
        let text = Value::Object(json).to_string();
        let scenario = parse(name, text.as_bytes()).map_err(|error| Mistakes::of_error(&error))?;
        match mistakes(&scenario) {
            none if none.is_empty() => Ok(scenario),
            some => Err(Mistakes::of_expressions(some)),
        }
    }

    /// The controls of a new scenario begin with its name and what it lists.
    pub(super) fn controls(
        &self,
        config: &WorkspaceConfig,
        mistakes: &Mistakes,
        is_new: bool,
    ) -> Markup {
        let endpoints: Vec<(&str, &str)> =
            ENDPOINTS.iter().map(|(endpoint, words)| (endpoint.word(), *words)).collect();
        html! {
            @if !is_new { input type="hidden" name="revision" value=(self.revision); }
            @if is_new {
                div class="fields" {
                    (TextInput::new(Field::new("name", "Name").hint("Calls of the API use it: home")
                        .error(mistakes.of("name")))
                        .kind(InputKind::Code).value(&self.name))
                    (Select {
                        field: Field::new("endpoint", "It recommends").error(mistakes.of("endpoint")),
                        options: &endpoints, value: &self.endpoint,
                    })
                }
            }
            (self.settings.controls(config, mistakes, false))
        }
    }
}

fn json_of(scenario: &Scenario) -> Map<String, Value> {
    match serde_json::to_value(scenario) {
        Ok(Value::Object(json)) => json,
        _ => Map::new(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_form_that_is_sent_unchanged_changes_nothing_and_sliders_at_their_beginning_set_nothing() {
        for settings in [
            json!({}),
            json!({ "diversity": 0.0 }),
            json!({ "logic": "picks", "diversity": 0.333 }),
            json!({ "promoted": { "filter": "true", "share": 0.123456 } }),
        ] {
            let mut json = json!({ "name": "home", "endpoint": "recommendItemsToUser" });
            json.as_object_mut().unwrap().extend(settings.as_object().unwrap().clone());
            let stored = parse("home", json.to_string().as_bytes()).unwrap();
            let mut form = ScenarioForm {
                settings: SettingsForm::of(&json_of(&stored)),
                ..ScenarioForm::default()
            };
            for slider in [&mut form.settings.diversity, &mut form.settings.rotation_rate] {
                if slider.is_empty() {
                    *slider = "0".to_owned();
                }
            }
            assert_eq!(form.scenario(Some(&stored)).unwrap(), stored, "{json}");
            form.settings.rotation_rate = "0.5".to_owned();
            let changed = json_of(&form.scenario(Some(&stored)).unwrap());
            assert_eq!(changed["rotation_rate"], 0.5);
        }
    }
}
