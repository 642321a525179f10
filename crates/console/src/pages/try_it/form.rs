//! The form with the settings.

use domain::Scenario;
use maud::{Markup, Render, html};
use resources::recommendations::{COUNT_DEFAULT, ExpressionMistake, Vocabulary};

use super::state::{Trial, Untouched};
use crate::ui::Button;
use crate::ui::form::{
    Choice, Field, InputKind, NumberInput, QueryForm, ReqlField, Select, Slider, TextInput,
    field_group, reql_words,
};

pub(super) struct SettingsForm<'a> {
    /// The path of the page.
    pub(super) path: &'a str,
    pub(super) trial: &'a Trial,
    pub(super) scenarios: &'a [Scenario],
    pub(super) vocabulary: &'a Vocabulary,
    pub(super) mistakes: &'a [ExpressionMistake],
}

const LOGICS: [(&str, &str); 9] = [
    ("", "As the place asks for"),
    ("personal", "What this person would like"),
    ("similar", "What is like the item"),
    ("cross_sell", "What goes with the item or the cart"),
    ("watch_next", "What comes next"),
    ("trending", "What is popular"),
    ("recently_viewed", "What was viewed lately"),
    ("continue_watching", "What was not finished"),
    ("buy_again", "What is due to be bought again"),
];

const EXCLUSIONS: [(&str, &str); 5] = [
    ("", "As usual for the list"),
    ("none", "Nothing"),
    ("purchased", "What was bought"),
    ("watched", "What was bought or played"),
    ("interacted", "Everything the person touched"),
];

const RELEVANCES: [(&str, &str); 3] = [("low", "Anything"), ("medium", "Fitting"), ("high", "Only the best")];

impl Render for SettingsForm<'_> {
    fn render(&self) -> Markup {
        let trial = self.trial;
        let scenario =
            self.scenarios.iter().find(|scenario| scenario.name == trial.scenario);
        let untouched = Untouched::of(scenario, trial);
        let body = html! {
            (self.whom())
            (self.scenario_menu())
            (self.expressions(scenario))
            (balance(trial, &untouched))
            (self.rules())
            (self.asked())
            div class="actions" { (Button::primary("Show")) }
        };
        let preview = format!("{}/preview", self.path);
        QueryForm { action: self.path, body, preview: Some((&preview, "preview")) }.render()
    }
}

impl SettingsForm<'_> {
    fn whom(&self) -> Markup {
        let trial = self.trial;
        field_group("For whom or what", &html! {
            (TextInput::new(Field::new("user", "Person").optional().hint("Any id. Empty: somebody new"))
                .kind(InputKind::Code)
                .value(&trial.user))
            (TextInput::new(Field::new("item", "Item").optional().hint("What goes with it: id or title"))
                .value(&trial.item))
            (TextInput::new(Field::new("query", "Search").optional().hint("What somebody types"))
                .value(&trial.query))
        })
    }

    fn scenario_menu(&self) -> Markup {
        let names = self.scenarios.iter().map(|scenario| scenario.name.as_str());
        let mut options = vec![("", "None: only what is set here")];
        options.extend(names.map(|name| (name, name)));
        let beside = self.trial.choices_beside(self.scenarios);
        let beside: Vec<(&str, &str)> =
            beside.iter().map(|(value, label)| (value.as_str(), label.as_str())).collect();
        field_group("Settings", &html! {
            (Select {
                field: Field::new("scenario", "Scenario").optional(),
                options: &options,
                value: &self.trial.scenario,
            })
            (Select {
                field: Field::new("beside", "Compare with").optional(),
                options: &beside,
                value: &self.trial.beside,
            })
        })
    }

    fn expressions(&self, scenario: Option<&Scenario>) -> Markup {
        let mistake = |setting: &str| {
            let mistake = self.mistakes.iter().find(|mistake| mistake.setting == setting);
            mistake.map(|mistake| (mistake.column, mistake.message.as_str()))
        };
        let of_scenario = |text: Option<&String>| text.map(|text| format!("Beside the scenario’s: {text}"));
        let settings = scenario.map(|scenario| &scenario.settings);
        let filter = of_scenario(settings.and_then(|settings| settings.filter.as_ref()));
        let booster = of_scenario(settings.and_then(|settings| settings.booster.as_ref()));
        html! {
            (ReqlField {
                field: Field::new("filter", "Filter").optional()
                    .hint(filter.as_deref().unwrap_or("Only items for which this is true")),
                value: &self.trial.filter,
                mistake: mistake("filter"),
            })
            (ReqlField {
                field: Field::new("booster", "Booster").optional()
                    .hint(booster.as_deref().unwrap_or("A factor for the score of each item")),
                value: &self.trial.booster,
                mistake: mistake("booster"),
            })
            (reql_words(
                self.vocabulary.properties.iter().map(|property| (property.name.as_str(), property.type_)),
                &self.vocabulary.functions,
            ))
        }
    }

    fn rules(&self) -> Markup {
        let trial = self.trial;
        let mut properties = vec![("", "No limit")];
        let names = self.vocabulary.properties.iter().map(|property| property.name.as_str());
        properties.extend(names.map(|name| (name, name)));
        field_group("Rules", &html! {
            (Select { field: Field::new("logic", "List").optional(), options: &LOGICS, value: &trial.logic })
            (Select { field: Field::new("exclude", "Leave out").optional(), options: &EXCLUSIONS, value: &trial.exclude })
            (Select { field: Field::new("per", "Limit per").optional(), options: &properties, value: &trial.per })
            (NumberInput {
                field: Field::new("per_max", "At most").optional(),
                value: &trial.per_max,
                unit: "items",
            })
        })
    }

    fn asked(&self) -> Markup {
        let hint = "Id or title: which rule keeps it out, or its place";
        html! {
            (TextInput::new(Field::new("why_not", "Why is this item not in the list?").optional().hint(hint))
                .value(&self.trial.why_not))
        }
    }
}

fn balance(trial: &Trial, untouched: &Untouched) -> Markup {
    let shown = |typed: &str, untouched: f32| {
        // By way of the text, so that 0.4 stays 0.4 in double precision.
        let text = if typed.is_empty() { untouched.to_string() } else { typed.to_owned() };
        text.parse::<f64>().unwrap_or_default()
    };
    let slider = |name, label, value, ends| Slider {
        field: Field::new(name, label),
        range: (0.0, 1.0),
        step: 0.05,
        value,
        ends,
    };
    let relevance =
        if trial.relevance.is_empty() { untouched.relevance } else { &trial.relevance };
    html! {
        input type="hidden" name="was" value=(untouched.text());
        (field_group("Balance", &html! {
            (slider("diversity", "Variety", shown(&trial.diversity, untouched.diversity), ("alike", "varied")))
            (slider("rotation", "Rotation", shown(&trial.rotation, untouched.rotation), ("steady", "fresh")))
            (slider("impact", "Impact of the person", shown(&trial.impact, untouched.impact), ("the item", "the person")))
            (Slider {
                field: Field::new("count", "Number of items"),
                range: (1.0, 50.0),
                step: 1.0,
                value: trial.count.parse().unwrap_or(COUNT_DEFAULT as f64),
                ends: ("1", "50"),
            })
        }))
        (Choice { name: "relevance", label: "Least relevance", options: &RELEVANCES, value: relevance })
    }
}
