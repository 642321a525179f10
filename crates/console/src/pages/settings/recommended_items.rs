//! A new recommended-items trait, step by step: who gets it, which list, how many, what that comes
//! to, and its name. One form: each of its buttons shows it again with what was typed, but the
//! last, which makes the trait.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use domain::Endpoint;
use domain::Right::ChangeWorkspace;
use domain::workspace::TRAIT_COUNT_DEFAULT;
use engine::Expected;
use maud::{Markup, Render, html};
use resources::calculation::{self, Calculation};
use resources::{audiences, recommendations, traits};
use serde_json::{Map, Value, json};
use web::App;
use web::access::{Call, MadeResource};
use web::error::ApiError;
use web::workspaces::{RequestedWorkspace, Workspace};

use super::chrome::{lead_to_new, path};
use super::traits::holdout;
use super::typed::{Mistake, Typed, again};
use crate::gate::{edit, gated, preview, read};
use crate::page::{Area, Frame, Page};
use crate::pages::calculation::render as calculation_results;
use crate::pages::sync;
use crate::ui::form::{Checkbox, Field, Form, InputKind, NumberInput, Select, TextInput};
use crate::ui::{Button, Callout};

const PAGE: &str = "/console/{workspace}/settings/recommended-items";
const AUDIENCE: &str = "/console/{workspace}/settings/recommended-items/audience";
const CALCULATE: &str = "/console/{workspace}/settings/recommended-items/calculate";
/// The page of a workspace, below its settings.
pub(super) const PART: &str = "recommended-items";

pub(super) const CALLS: &[Call] = &[
    read(PAGE, ChangeWorkspace),
    edit(PAGE, "trait.put"),
    edit(AUDIENCE, "audience.put"),
    preview(CALCULATE, ChangeWorkspace),
];

pub(super) fn routes(app: &Arc<App>) -> Router<Arc<App>> {
    let routes = Router::new()
        .route(PAGE, get(show).post(create))
        .route(AUDIENCE, post(make_audience))
        .route(CALCULATE, post(calculate));
    gated(app, CALLS, routes)
}

/// What the menus of the form offer: values with their words.
struct Offers {
    audiences: Vec<(String, String)>,
    scenarios: Vec<(String, String)>,
    item_types: Vec<(String, String)>,
    destinations: Vec<String>,
}

/// The form with what was typed, and what became of it.
#[derive(Default)]
struct Wizard {
    typed: Typed,
    mistake: Mistake,
    /// The key of an audience that was just made.
    made: Option<String>,
    calculation: Option<Calculation>,
}

async fn show(frame: Frame, Workspace(workspace): Workspace) -> Result<Response, ApiError> {
    let count = TRAIT_COUNT_DEFAULT.to_string();
    let typed = Typed(vec![("count".to_owned(), count)]);
    let wizard = Wizard { typed, ..Wizard::default() };
    Ok(wizard.page(&frame, &workspace).await?.into_response())
}

async fn make_audience(
    State(app): State<Arc<App>>,
    frame: Frame,
    Workspace(workspace): Workspace,
    typed: Typed,
) -> Result<Response, ApiError> {
    let key = typed.text("audience_key").to_owned();
    let body = json!({ "condition": typed.text("condition") });
    let made = match audiences::parse(&key, body.to_string().as_bytes()) {
        Ok(definition) => audiences::put(&app, &workspace, definition, Expected::Absent).await,
        Err(error) => Err(error),
    };
    if let Err(error) = made {
        let mistake = Mistake::of(error)?.moved(&["key"], "audience_key");
        let mistake = mistake.among(&["audience_key", "condition"]).or_at("audience_key");
        let wizard = Wizard { typed, mistake, ..Wizard::default() };
        return Ok(again(wizard.page(&frame, &workspace).await?));
    }
    let mut typed = typed.0;
    typed.retain(|(name, _)| !["audience", "audience_key", "condition"].contains(&name.as_str()));
    typed.push(("audience".to_owned(), key.clone()));
    let wizard = Wizard { typed: Typed(typed), made: Some(key.clone()), ..Wizard::default() };
    let mut response = wizard.page(&frame, &workspace).await?.into_response();
    response.extensions_mut().insert(MadeResource(key));
    Ok(response)
}

async fn calculate(
    frame: Frame,
    Workspace(workspace): Workspace,
    typed: Typed,
) -> Result<Response, ApiError> {
    let calculated = match definition(&typed).and_then(|body| traits::parse_unnamed(&body)) {
        Ok(definition) => calculation::calculate_trait(&workspace, definition).await,
        Err(error) => Err(error),
    };
    match calculated {
        Ok(calculation) => {
            let calculation = Some(calculation);
            let wizard = Wizard { typed, calculation, ..Wizard::default() };
            Ok(wizard.page(&frame, &workspace).await?.into_response())
        }
        Err(error) => refused(&frame, &workspace, typed, error).await,
    }
}

async fn create(
    State(app): State<Arc<App>>,
    frame: Frame,
    Workspace(workspace): Workspace,
    typed: Typed,
) -> Result<Response, ApiError> {
    let key = key_of(&typed);
    let put = match definition(&typed).and_then(|body| traits::parse(&key, &body)) {
        Ok(definition) => traits::put(&app, &workspace, definition, Expected::Absent).await,
        Err(error) => Err(error),
    };
    match put {
        Ok(_) => Ok(lead_to_new(&path(workspace.id(), "traits"), &key)),
        Err(error) => refused(&frame, &workspace, typed, error).await,
    }
}

async fn refused(
    frame: &Frame,
    workspace: &RequestedWorkspace,
    typed: Typed,
    error: ApiError,
) -> Result<Response, ApiError> {
    let mistake = sync::form::placed(Mistake::of(error)?);
    let fields = ["key", "name", "count", "item_type", "scenario", "holdout_percent"];
    let mistake = holdout::placed(mistake).among(&[&fields[..], &sync::form::FIELDS].concat());
    let wizard = Wizard { typed, mistake, ..Wizard::default() };
    Ok(again(wizard.page(frame, workspace).await?))
}

/// The key of the trait: what was typed, or else the name in small letters with underscores.
fn key_of(typed: &Typed) -> String {
    if let Some(key) = typed.optional("key") {
        return key;
    }
    let name = typed.text("name").to_lowercase();
    let words = name.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join("_")
}

/// The JSON of the definition that was typed, without its key.
fn definition(typed: &Typed) -> Result<Vec<u8>, ApiError> {
    let include_anonymous = typed.optional("include_anonymous").is_some();
    let mut who = json!({ "include_anonymous": include_anonymous });
    if let Some(audience) = typed.optional("audience") {
        who["audience"] = audience.into();
    }
    let mut keys = Map::new();
    keys.insert("kind".to_owned(), "recommended_items".into());
    keys.insert("who".to_owned(), who);
    keys.insert("count".to_owned(), typed.number::<u32>("count")?.into());
    holdout::write(typed, &mut keys)?;
    for name in ["name", "scenario", "item_type"] {
        if let Some(text) = typed.optional(name) {
            keys.insert(name.to_owned(), text.into());
        }
    }
    if let Some(sync) = sync::form::parse(typed) {
        keys.insert("sync".to_owned(), sync);
    }
    Ok(Value::Object(keys).to_string().into_bytes())
}

impl Offers {
    async fn of(workspace: &RequestedWorkspace) -> Result<Self, ApiError> {
        let first = |words: &str| vec![(String::new(), words.to_owned())];
        let mut offers = Self {
            audiences: first("Everybody"),
            scenarios: first("What suits each person best"),
            item_types: first("Items"),
            destinations: sync::destination_names(&*workspace.config()?),
        };
        for audience in audiences::list(workspace).await? {
            let words = audience.name.unwrap_or_else(|| audience.key.clone());
            offers.audiences.push((audience.key, words));
        }
        let config = workspace.config()?;
        let is_for_users = |endpoint| endpoint == Endpoint::RecommendItemsToUser;
        let scenarios = config.scenarios.iter().filter(|one| is_for_users(one.endpoint));
        offers.scenarios.extend(scenarios.map(|one| (one.name.clone(), one.name.clone())));
        for property in recommendations::vocabulary(workspace).await?.properties {
            let words = format!("Values of {}", property.name);
            offers.item_types.push((property.name, words));
        }
        Ok(offers)
    }
}

impl Wizard {
    async fn page<'f>(
        &self,
        frame: &'f Frame,
        workspace: &RequestedWorkspace,
    ) -> Result<Page<'f>, ApiError> {
        let offers = Offers::of(workspace).await?;
        let own = path(workspace.id(), PART);
        let body = html! {
            (self.mistake)
            (Form {
                action: &own,
                csrf: &frame.csrf,
                preview: None,
                body: self.steps(frame, &offers, &own),
            })
        };
        Ok(Page::new(frame, Area::Settings, "New recommended items")
            .below("Traits", &path(workspace.id(), "traits"))
            .lead("A list of items on the profile of everybody whom you choose.")
            .body(body))
    }

    fn steps(&self, frame: &Frame, offers: &Offers, own: &str) -> Markup {
        html! {
            (self.people(offers, &format!("{own}/audience")))
            (self.items(offers))
            section class="card" {
                h2 { "3. What it comes to" }
                p { "Nothing is saved. Lists are made for people taken by chance." }
                div class="actions" {
                    (Button::secondary("Calculate").sends_to(&format!("{own}/calculate#results")))
                }
                @if let Some(calculation) = &self.calculation {
                    (calculation_results(frame, calculation))
                }
            }
            section class="card" {
                h2 { "4. Where it goes" }
                p { "It is on every profile. Each destination gets the list whenever it changes, and everybody's at first." }
                (sync::form::controls(&offers.destinations, &self.typed, &self.mistake, true))
            }
            section class="card" {
                h2 { "5. Its name" }
                div class="fields" {
                    (TextInput::new(self.field("name", "Name").hint("For people"))
                        .value(self.typed.text("name")))
                    (TextInput::new(self.field("key", "Key").optional()
                        .hint("Its name on the profile: a-z, 0-9 and “_”; empty: made of the name"))
                        .kind(InputKind::Code)
                        .value(self.typed.text("key")))
                }
                (holdout::controls(&self.typed, &self.mistake))
                div class="actions" { (Button::primary("Create the trait")) }
            }
        }
    }

    /// Step 1: who gets the list.
    fn people(&self, offers: &Offers, make_audience: &str) -> Markup {
        html! {
            section class="card" {
                h2 { "1. Who gets them" }
                @if let Some(key) = &self.made {
                    (Callout::success(&format!("The audience {key} is made and chosen"))
                        .text("Who belongs to it is being worked out, and kept at every message from now on.")
                        .announced())
                }
                div class="fields" {
                    (select(self.field("audience", "Audience"), &offers.audiences, self.typed.text("audience")))
                    (Checkbox {
                        field: self.field("include_anonymous", "Also people without a user id"),
                        is_checked: self.typed.optional("include_anonymous").is_some(),
                    })
                }
                (crate::ui::form::field_group("Or a new audience", &html! {
                    (TextInput::new(self.field("condition", "Condition").optional()
                        .hint("Such as: did \"Song Played\" in the last 30 days"))
                        .kind(InputKind::Code)
                        .value(self.typed.text("condition")))
                    (TextInput::new(self.field("audience_key", "Its key").optional()
                        .hint("a-z, 0-9 and “_”"))
                        .kind(InputKind::Code)
                        .value(self.typed.text("audience_key")))
                    div class="actions" {
                        (Button::secondary("Make the audience").sends_to(make_audience))
                    }
                }))
            }
        }
    }

    /// Step 2: which list, and how long.
    fn items(&self, offers: &Offers) -> Markup {
        let field = |name, label, hint| self.field(name, label).hint(hint);
        html! {
            section class="card" {
                h2 { "2. What they get" }
                div class="fields" {
                    (select(
                        field("scenario", "Recommendation", "A scenario for people, with its filters and rules"),
                        &offers.scenarios, self.typed.text("scenario"),
                    ))
                    (select(
                        field("item_type", "Item type", "Values of a property are for lists without a scenario"),
                        &offers.item_types, self.typed.text("item_type"),
                    ))
                    (NumberInput {
                        field: field("count", "How many", "At most; few are seen best"),
                        value: self.typed.text("count"),
                        unit: "items",
                    })
                }
            }
        }
    }

    fn field<'w>(&'w self, name: &'w str, label: &'w str) -> Field<'w> {
        Field::new(name, label).error(self.mistake.at(name))
    }
}

fn select(field: Field<'_>, offered: &[(String, String)], value: &str) -> Markup {
    let options: Vec<(&str, &str)> =
        offered.iter().map(|(value, words)| (value.as_str(), words.as_str())).collect();
    Select { field: field.optional(), options: &options, value }.render()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_made_of_the_name_and_a_definition_of_what_was_typed() {
        let typed = |pairs: &[(&str, &str)]| {
            let pairs = pairs.iter();
            Typed(pairs.map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect())
        };
        let albums = typed(&[
            ("name", "Personalized Album Recommendations"),
            ("audience", "listeners"),
            ("count", "5"),
            ("scenario", ""),
        ]);
        assert_eq!(key_of(&albums), "personalized_album_recommendations");
        assert_eq!(key_of(&typed(&[("name", "A"), ("key", "own")])), "own");
        let json: Value = serde_json::from_slice(&definition(&albums).unwrap()).unwrap();
        let who = json!({ "audience": "listeners", "include_anonymous": false });
        assert_eq!((&json["who"], &json["count"]), (&who, &json!(5)));
        assert!(json.get("scenario").is_none());
        assert!(definition(&typed(&[("count", "many")])).is_err());
    }
}
