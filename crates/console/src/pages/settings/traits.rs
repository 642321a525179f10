//! Recommended-items traits: lists of items on every profile.

pub(super) mod holdout;

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Extension, Router};
use domain::Right::ReadWorkspace;
use domain::{TraitDefinition, TraitPeople, WorkspaceConfig};
use engine::Expected;
use maud::{Markup, Render, html};
use resources::traits;
use serde_json::{Map, Value, json};
use web::App;
use web::access::{Call, Caller};
use web::error::ApiError;
use web::parameters::Parameters;
use web::workspaces::Workspace;

use super::chrome::{Notice, Noticed, lead_to, may_change, path, workspace_tabs};
use super::recommended_items;
use super::typed::{Mistake, Typed, again};
use crate::gate::{edit, gated, read};
use crate::page::{Area, Frame, Page, encode};
use crate::pages::catalog::product_options;
use crate::pages::list_words::{
    FALLBACK_HINT, INTERACTIONS, MIX_HINT, fallback_of_text, fallback_text, mix_of_text, mix_text,
};
use crate::pages::{sync, versions};
use crate::ui::form::{
    Checkbox, Field, Form, InputKind, NumberInput, Select, TextInput, field_group,
};
use crate::ui::{Button, Cell, Column, Confirmation, EmptyState, Icon, Table};

pub(super) const CALLS: &[Call] = &[
    read("/console/{workspace}/settings/traits", ReadWorkspace),
    read("/console/{workspace}/settings/traits/{key}", ReadWorkspace),
    edit("/console/{workspace}/settings/traits/{key}", "trait.put"),
    read("/console/{workspace}/settings/traits/{key}/remove", ReadWorkspace),
    edit("/console/{workspace}/settings/traits/{key}/remove", "trait.delete"),
];

const LOGICS: [(&str, &str); 9] = [
    ("personal", "For this person"),
    ("trending", "Popular now"),
    ("recently_viewed", "Viewed lately"),
    ("buy_again", "Due to buy again"),
    ("watch_next", "What follows the last one"),
    ("continue_watching", "Begun and not finished"),
    ("together", "What goes together with the last"),
    ("content_based", "What is like the last"),
    ("newest", "New in the catalog"),
];
const EXCLUSIONS: [(&str, &str); 5] = [
    ("", "As the logic has it"),
    ("purchased", "Bought items"),
    ("watched", "Bought and played items"),
    ("interacted", "Every item that the person had to do with"),
    ("none", "Nothing"),
];
const RELEVANCES: [(&str, &str); 3] = [("low", "Low"), ("medium", "Medium"), ("high", "High")];
const NOTHING_LEFT: [(&str, &str); 2] =
    [("empty_list", "An empty list"), ("no_trait", "No such trait")];
/// The controls of a form, which are the keys of a definition.
const TEXTS: [&str; 9] = [
    "catalog",
    "name",
    "nothing_left",
    "scenario",
    "logic",
    "interaction",
    "exclude",
    "item_type",
    "min_relevance",
];
const WHOLE_NUMBERS: [&str; 7] = [
    "count",
    "rotation_time_s",
    "anchors",
    "max_age_s",
    "learns_from_s",
    "active_within_s",
    "min_count",
];
const SHARES: [&str; 2] = ["diversity", "rotation_rate"];

pub(super) fn routes(app: &Arc<App>) -> Router<Arc<App>> {
    let one = "/console/{workspace}/settings/traits/{key}";
    let routes = Router::new()
        .route("/console/{workspace}/settings/traits", get(list))
        .route(one, get(show).post(update))
        .route(&format!("{one}/remove"), get(ask_removal).post(remove));
    gated(app, CALLS, routes)
}

async fn list(
    Extension(caller): Extension<Caller>,
    frame: Frame,
    Workspace(workspace): Workspace,
    Parameters(Noticed { notice }): Parameters<Noticed>,
) -> Result<Response, ApiError> {
    let shown = traits::list(&workspace)?;
    let body = list_body(&frame, &shown, &caller);
    let page = list_page(&frame).body(body);
    Ok(page.notice_if(notice).into_response())
}

fn list_page(frame: &Frame) -> Page<'_> {
    Page::new(frame, Area::Settings, "Recommended-items traits")
        .lead("Each is a list of items on every profile, made when the profile is read.")
}

fn list_body(frame: &Frame, shown: &[TraitDefinition], caller: &Caller) -> Markup {
    let Some(workspace) = &frame.workspace else { return html! {} };
    let row = |definition: &TraitDefinition| {
        let href = path(workspace, &format!("traits/{}", encode(&definition.key)));
        let typed = typed_of(definition);
        let logic = LOGICS.iter().find(|(word, _)| *word == typed.text("logic"));
        let shows = match (&definition.scenario, logic) {
            (Some(scenario), _) => format!("Scenario {scenario}"),
            (None, Some((_, words))) => (*words).to_owned(),
            (None, None) => typed.text("logic").to_owned(),
        };
        let who = definition.who.as_ref().and_then(|who| who.audience.as_deref());
        let name = definition.name.as_deref();
        vec![
            Cell::new(html! {
                a href=(href) { code { (definition.key) } }
                @if let Some(name) = name { span class="under" { (name) } }
            }),
            Cell::new(shows),
            Cell::new(html! {
                @if definition.paused { "nobody: paused" } @else { (who.unwrap_or("everybody")) }
                @if let Some(holdout) = definition.holdout {
                    span class="under" { (holdout.percent) " % held out" }
                }
            }),
            Cell::new(definition.count),
        ]
    };
    let columns = vec![
        Column::text("Trait"),
        Column::text("Shows"),
        Column::text("Who"),
        Column::number("Items at most"),
    ];
    let table = Table::new("Traits", columns).rows(shown.iter().map(row));
    html! {
        (workspace_tabs(frame, workspace, "traits"))
        @if shown.is_empty() {
            (EmptyState {
                icon: Icon::People,
                title: "No trait yet",
                text: "With one, every profile has recommendations for its person: for mails, for example.",
                next: None,
            })
        } @else {
            section class="card card-table" { (table) }
        }
        @if may_change(caller) {
            div class="actions" {
                (Button::primary("New recommended items").href(&path(workspace, recommended_items::PART)))
            }
        }
    }
}

fn form(
    frame: &Frame,
    workspace: &WorkspaceConfig,
    action: &str,
    typed: &Typed,
    mistake: &Mistake,
) -> Markup {
    html! {
        (mistake)
        (Form {
            action,
            csrf: &frame.csrf,
            preview: None,
            body: html! {
                (who(workspace, typed, mistake))
                @if let Some(scenario) = typed.optional("scenario") {
                    input type="hidden" name="scenario" value=(scenario);
                    p { "The list is that of the scenario " code { (scenario) } ", where its rules stand." }
                    (number(typed, mistake, "count", "Items", "At most", "items"))
                } @else {
                    (own_list(workspace, typed, mistake))
                }
                (holdout::controls(typed, mistake))
                div class="actions" {
                    (Button::primary("Save"))
                    (Button::danger("Remove…").href(&format!("{action}/remove")))
                }
            },
        })
    }
}

/// Its name, and who has it.
fn who(workspace: &WorkspaceConfig, typed: &Typed, mistake: &Mistake) -> Markup {
    let everybody = std::iter::once(("", "Everybody"));
    let audiences = workspace.audiences.iter().map(|one| (one.key.as_str(), one.key.as_str()));
    let audiences: Vec<(&str, &str)> = everybody.chain(audiences).collect();
    let checkbox = |name, label| {
        let is_checked = typed.optional(name).is_some();
        Checkbox { field: Field::new(name, label).error(mistake.at(name)), is_checked }.render()
    };
    html! {
        div class="fields" {
            (TextInput::new(Field::new("name", "Name").optional().error(mistake.at("name")))
                .value(typed.text("name")))
            (Select {
                field: Field::new("audience", "Audience").optional().error(mistake.at("audience")),
                options: &audiences,
                value: typed.text("audience"),
            })
            (checkbox("include_anonymous", "Also people without a user id"))
            (checkbox("paused", "Paused: nobody has it"))
            (Select {
                field: Field::new("nothing_left", "Who is left with nothing has").error(mistake.at("nothing_left")),
                options: &NOTHING_LEFT,
                value: typed.text("nothing_left"),
            })
        }
    }
}

fn number(
    typed: &Typed,
    mistake: &Mistake,
    name: &'static str,
    label: &str,
    hint: &str,
    unit: &str,
) -> Markup {
    let field = Field::new(name, label).hint(hint).error(mistake.at(name));
    NumberInput { field, value: typed.text(name), unit }.render()
}

/// The settings of a list that is no scenario's.
fn own_list(workspace: &WorkspaceConfig, typed: &Typed, mistake: &Mistake) -> Markup {
    let select = |name: &'static str, label, options: &[(&str, &str)]| {
        let field = Field::new(name, label).error(mistake.at(name));
        Select { field, options, value: typed.text(name) }.render()
    };
    let number =
        |name: &'static str, label, hint, unit| number(typed, mistake, name, label, hint, unit);
    html! {
        div class="fields" {
            (select("logic", "Shows", &LOGICS))
            (TextInput::new(Field::new("mix", "Or a mix").optional().hint(MIX_HINT).error(mistake.at("mix")))
                .kind(InputKind::Code)
                .value(typed.text("mix")))
            (Select {
                field: Field::new("catalog", "Only items of the catalog").optional().error(mistake.at("catalog")),
                options: &product_options(workspace, "All catalogs"),
                value: typed.text("catalog"),
            })
            (number("count", "Items", "At most", "items"))
            (select("exclude", "Leaves out", &EXCLUSIONS))
            (select("interaction", "Looks at", &INTERACTIONS))
            (TextInput::new(Field::new("item_type", "Only items of this type").optional())
                .kind(InputKind::Code)
                .value(typed.text("item_type")))
            (select("min_relevance", "Least relevance", &RELEVANCES))
        }
        (field_group("What counts, and for whom", &html! { div class="fields" {
            (number("anchors", "Goes with the last", "Of what goes together with the last, or is like it: 1 to 10", "items"))
            (number("max_age_s", "Not older than", "What counts as popular, viewed or last", "seconds"))
            (number("learns_from_s", "Learns from the last", "Of what goes together: what people did then; empty: the model", "seconds"))
            (number("active_within_s", "Active within", "Others get no list; empty: everybody does", "seconds"))
            (number("min_count", "At least", "A shorter list is empty", "items"))
            (TextInput::new(Field::new("fallback", "Fills up with").optional().hint(FALLBACK_HINT).error(mistake.at("fallback")))
                .kind(InputKind::Code)
                .value(typed.text("fallback")))
        } }))
        (field_group("Variety", &html! { div class="fields" {
            (number("diversity", "Diversity", "From 0, only what fits best, to 1", "of 1"))
            (number("rotation_rate", "Rotation", "How far items seen lately move back, 0 to 1", "of 1"))
            (number("rotation_time_s", "Rotation for", "How long an item counts as seen", "seconds"))
        } }))
    }
}

/// A definition as a form has it.
fn typed_of(definition: &TraitDefinition) -> Typed {
    let Ok(Value::Object(keys)) = serde_json::to_value(definition) else {
        return Typed::default();
    };
    let text = |value: Value| match value {
        Value::String(text) => text,
        Value::Null => String::new(),
        // Digits of single precision: 0.3 is not 0.30000001192092896.
        Value::Number(number) if number.is_f64() => {
            number.as_f64().map_or_else(String::new, |number| (number as f32).to_string())
        }
        other => other.to_string(),
    };
    let mut typed: Vec<(String, String)> = Vec::new();
    let who =
        definition.who.clone().unwrap_or(TraitPeople { audience: None, include_anonymous: true });
    typed.extend(who.audience.map(|audience| ("audience".to_owned(), audience)));
    typed
        .extend(who.include_anonymous.then(|| ("include_anonymous".to_owned(), "true".to_owned())));
    for (key, value) in keys {
        match key.as_str() {
            "who" | "sync" | "holdout" => {}
            "fallback" => typed.push((key, fallback_text(&value))),
            "mix" => typed.push((key, mix_text(&value))),
            _ => typed.push((key, text(value))),
        }
    }
    typed.extend(definition.holdout.into_iter().flat_map(holdout::typed_of));
    Typed(typed)
}

/// The definition that was typed.
fn parse(key: &str, typed: &Typed) -> Result<TraitDefinition, ApiError> {
    let mut keys = Map::new();
    keys.insert("kind".to_owned(), "recommended_items".into());
    keys.insert("paused".to_owned(), typed.optional("paused").is_some().into());
    let include_anonymous = typed.optional("include_anonymous").is_some();
    let mut who = json!({ "include_anonymous": include_anonymous });
    if let Some(audience) = typed.optional("audience") {
        who["audience"] = audience.into();
    }
    keys.insert("who".to_owned(), who);
    if let Some(fallback) = typed.optional("fallback") {
        keys.insert("fallback".to_owned(), fallback_of_text(&fallback));
    }
    if let Some(mix) = typed.optional("mix") {
        let mix = mix_of_text(&mix).map_err(|what| ApiError::invalid(what).at("/mix"))?;
        keys.insert("mix".to_owned(), mix);
    }
    for name in TEXTS {
        if let Some(text) = typed.optional(name) {
            keys.insert(name.to_owned(), text.into());
        }
    }
    let is_typed = |name: &&str| !typed.text(name).is_empty();
    for name in WHOLE_NUMBERS.into_iter().filter(is_typed) {
        keys.insert(name.to_owned(), typed.number::<u32>(name)?.into());
    }
    for name in SHARES.into_iter().filter(is_typed) {
        keys.insert(name.to_owned(), typed.number::<f64>(name)?.into());
    }
    holdout::write(typed, &mut keys)?;
    traits::parse(key, Value::Object(keys).to_string().as_bytes())
}

/// The trait that a form was changed to. One that is sent unchanged is the present one, also where
/// the form says what a definition leaves out.
fn parse_change(present: &TraitDefinition, typed: &Typed) -> Result<TraitDefinition, ApiError> {
    let definition = parse(&present.key, typed)?;
    if parse(&present.key, &typed_of(present)).is_ok_and(|shown| shown == definition) {
        return Ok(present.clone());
    }
    // The form has nothing of the destinations.
    Ok(TraitDefinition { sync: present.sync.clone(), ..definition })
}

async fn show(
    Extension(caller): Extension<Caller>,
    frame: Frame,
    Workspace(workspace): Workspace,
    Path((_, key)): Path<(String, String)>,
) -> Result<Response, ApiError> {
    let definition = traits::read(&workspace, key).await?.value;
    let own = path(workspace.id(), &format!("traits/{}", encode(&definition.key)));
    let typed = typed_of(&definition);
    let measured = match definition.holdout {
        Some(_) => Some(traits::read_holdout(&workspace, definition.key.clone()).await?),
        None => None,
    };
    let body = html! {
        @if let Some(results) = &measured { (holdout::section(results)) }
        section class="card" {
            @if may_change(&caller) {
                (form(&frame, &*workspace.config()?, &own, &typed, &Mistake::default()))
            } @else {
                dl class="facts" {
                    @for (key, value) in &typed.0 {
                        @if !value.is_empty() { div { dt { (key) } dd { (value) } } }
                    }
                }
            }
        }
    };
    let versions = versions::Kind::Trait.path(workspace.id(), &definition.key);
    let destinations = sync::Kind::Trait.path(workspace.id(), &definition.key);
    let page = Page::new(&frame, Area::Settings, &definition.key).actions(html! {
        (Button::secondary("Destinations").href(&destinations))
        (Button::quiet("Versions").href(&versions))
    });
    Ok(page.below("Traits", &path(workspace.id(), "traits")).body(body).into_response())
}

async fn update(
    State(app): State<Arc<App>>,
    frame: Frame,
    Workspace(workspace): Workspace,
    Path((_, key)): Path<(String, String)>,
    typed: Typed,
) -> Result<Response, ApiError> {
    let present = traits::read(&workspace, key.clone()).await?.value;
    let put = match parse_change(&present, &typed) {
        Ok(definition) => traits::put(&app, &workspace, definition, Expected::Present).await,
        Err(error) => Err(error),
    };
    match put {
        Ok(_) => Ok(lead_to(&path(workspace.id(), "traits"), Notice::Saved)),
        Err(error) => {
            let mistake = holdout::placed(Mistake::of(error)?);
            let own = path(workspace.id(), &format!("traits/{}", encode(&key)));
            let form = form(&frame, &*workspace.config()?, &own, &typed, &mistake);
            let body = html! { section class="card" { (form) } };
            Ok(again(Page::new(&frame, Area::Settings, &key).body(body)))
        }
    }
}

async fn ask_removal(
    frame: Frame,
    Workspace(workspace): Workspace,
    Path((_, key)): Path<(String, String)>,
) -> Result<Response, ApiError> {
    let definition = traits::read(&workspace, key).await?.value;
    let own = path(workspace.id(), &format!("traits/{}", encode(&definition.key)));
    let title = format!("Remove the trait {}?", definition.key);
    let mut consequences = vec!["It disappears from all profiles at once."];
    if definition.holdout.is_some() {
        consequences.push("What its holdout has counted goes with it.");
    }
    let body = Confirmation {
        consequences: &consequences,
        action: &format!("{own}/remove"),
        csrf: &frame.csrf,
        confirm: "Remove the trait",
        back: &own,
    };
    Ok(Page::new(&frame, Area::Settings, &title).body(body.render()).into_response())
}

async fn remove(
    State(app): State<Arc<App>>,
    Workspace(workspace): Workspace,
    Path((_, key)): Path<(String, String)>,
) -> Result<Response, ApiError> {
    traits::delete(&app, &workspace, key, Expected::Present).await?;
    Ok(lead_to(&path(workspace.id(), "traits"), Notice::Removed))
}

#[cfg(test)]
mod tests {
    use domain::{Holdout, Relevance, SyncSettings};

    use super::*;

    /// A form as a browser sends it without a change: menus have their first choice.
    fn sent(present: &TraitDefinition) -> Typed {
        let mut typed = typed_of(present);
        for (name, first) in [("nothing_left", "empty_list"), ("holdout_goal", "purchase")] {
            if typed.optional(name).is_none() {
                typed.0.push((name.to_owned(), first.to_owned()));
            }
        }
        typed
    }

    #[test]
    fn a_form_that_is_sent_unchanged_changes_nothing() {
        let plain = TraitDefinition::recommended_items("albums");
        let synced = TraitDefinition {
            diversity: 0.3,
            min_relevance: Relevance::High,
            sync: Some(SyncSettings::to(&["crm"])),
            holdout: serde_json::from_value::<Holdout>(json!({ "percent": 10 })).ok(),
            ..plain.clone()
        };
        for present in [plain, synced] {
            assert_eq!(parse_change(&present, &sent(&present)).unwrap(), present);
            let mut typed = sent(&present);
            typed.0.retain(|(name, _)| name != "count");
            typed.0.push(("count".to_owned(), "7".to_owned()));
            let changed = parse_change(&present, &typed).unwrap();
            assert_eq!((changed.count, &changed.sync), (7, &present.sync));
        }
    }
}
