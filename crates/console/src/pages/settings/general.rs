//! The name of a workspace, what browsers may, presets, and the weights of interactions and weak
//! signals.

use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Extension, Router};
use domain::Right::ReadWorkspace;
use domain::{InteractionWeights, Retention, TimeZone};
use engine::Expected;
use maud::{Markup, Render, html};
use resources::settings::{self, SettingsPatch, WeakSignalsPatch};
use web::App;
use web::access::{Call, Caller};
use web::error::ApiError;
use web::parameters::Parameters;
use web::workspaces::{RequestedWorkspace, Workspace};

use super::chrome::{Notice, Noticed, lead_to, may_change, path, workspace_tabs};
use super::typed::{Mistake, Typed, again};
use crate::gate::{edit, gated, read};
use crate::page::{Area, Frame, Page};
use crate::ui::Button;
use crate::ui::form::{Checkbox, Field, Form, NumberInput, Select, TextInput, field_group};

pub(super) const CALLS: &[Call] = &[
    read("/console/{workspace}/settings/general", ReadWorkspace),
    edit("/console/{workspace}/settings/general", "settings.update"),
    edit("/console/{workspace}/settings/weights", "interaction_weights.put"),
];

const KINDS: [(&str, &str); 6] = [
    ("view", "A view of an item"),
    ("cart", "An addition to the cart"),
    ("bookmark", "A bookmark"),
    ("portion", "A play to the end"),
    ("rating", "The best rating"),
    ("purchase", "A purchase"),
];
const PRESETS: [(&str, &str); 2] = [("1", "Set 1"), ("2", "Set 2, the newest")];

pub(super) fn routes(app: &Arc<App>) -> Router<Arc<App>> {
    let routes = Router::new()
        .route("/console/{workspace}/settings/general", get(show).post(update))
        .route("/console/{workspace}/settings/weights", axum::routing::post(put_weights));
    gated(app, CALLS, routes)
}

async fn show(
    Extension(caller): Extension<Caller>,
    frame: Frame,
    Workspace(workspace): Workspace,
    Parameters(Noticed { notice }): Parameters<Noticed>,
) -> Result<Response, ApiError> {
    let (settings, weights) = present(&workspace).await?;
    let page = page(&frame).body(body(&frame, &settings, &weights, &Mistake::default(), &caller));
    Ok(page.notice_if(notice).into_response())
}

fn page(frame: &Frame) -> Page<'_> {
    Page::new(frame, Area::Settings, "Weights and more")
        .lead("What counts how much, and what browsers may.")
}

/// The settings and the weights as the forms have them.
async fn present(workspace: &RequestedWorkspace) -> Result<(Typed, Typed), ApiError> {
    let settings = settings::read(workspace).await?.value.settings;
    let presets = workspace.config()?.preset_set();
    let weights = settings::read_weights(workspace).await?.value;
    let pair = |(name, value): (&str, String)| (name.to_owned(), value);
    let settings = [
        ("name", settings.name.unwrap_or_default()),
        ("public_merge_users", settings.public_merge_users.to_string()),
        ("public_user_properties", settings.public_user_properties.join(", ")),
        ("presets", presets.to_string()),
        ("click", settings.weak_signals.click.to_string()),
        ("list_view", settings.weak_signals.list_view.to_string()),
        ("time_zone", settings.time_zone.map(|zone| zone.to_string()).unwrap_or_default()),
        ("public_url", settings.public_url.unwrap_or_default()),
        ("retention", settings.retention.map(|kept| kept.days.to_string()).unwrap_or_default()),
    ];
    let InteractionWeights { view, purchase, rating, cart, bookmark, portion } = weights;
    let weights = [
        ("view", view),
        ("purchase", purchase),
        ("rating", rating),
        ("cart", cart),
        ("bookmark", bookmark),
        ("portion", portion),
    ];
    let weights = weights.map(|(name, weight)| pair((name, weight.to_string())));
    Ok((Typed(settings.map(pair).into()), Typed(weights.into())))
}

fn body(
    frame: &Frame,
    settings: &Typed,
    weights: &Typed,
    mistake: &Mistake,
    caller: &Caller,
) -> Markup {
    let Some(workspace) = &frame.workspace else { return html! {} };
    let may_change = may_change(caller);
    let weight = |typed: &Typed, name: &'static str, label: &'static str| {
        let field = Field::new(name, label).error(mistake.at(name));
        NumberInput { field, value: typed.text(name), unit: "of 1" }.render()
    };
    html! {
        (workspace_tabs(frame, workspace, "general"))
        (mistake)
        section class="card" {
            h2 { "What counts how much" }
            p { "From 0, never, to 1. Lists use new weights at once, models from their next training." }
            (Form {
                action: &path(workspace, "weights"),
                csrf: &frame.csrf,
                preview: None,
                body: html! {
                    div class="fields" {
                        @for (name, label) in KINDS { (weight(weights, name, label)) }
                    }
                    @if may_change { div class="actions" { (Button::primary("Save weights")) } }
                },
            }.for_those_who(may_change))
        }
        section class="card" {
            h2 { "The workspace" }
            (Form {
                action: &path(workspace, "general"),
                csrf: &frame.csrf,
                preview: None,
                body: html! {
                    (TextInput::new(Field::new("name", "Name for people").optional()
                        .error(mistake.at("name")))
                        .value(settings.text("name")))
                    (field_group("Weak signals", &html! {
                        (weight(settings, "click", "A click on an item in a list"))
                        (weight(settings, "list_view", "An item in a list that was looked at"))
                    }))
                    (Select {
                        field: Field::new("presets", "How messages are understood")
                            .hint("A set of presets; messages of before stay as they were understood")
                            .error(mistake.at("presets")),
                        options: &PRESETS,
                        value: settings.text("presets"),
                    })
                    (TextInput::new(Field::new("public_user_properties", "Properties of people that browsers may read")
                        .optional()
                        .hint("Names with commas between them. Anybody can read what browsers can.")
                        .error(mistake.at("public_user_properties")))
                        .value(settings.text("public_user_properties")))
                    (NumberInput {
                        field: Field::new("retention", "Keep messages for")
                            .optional()
                            .hint("Older ones are listed no longer. Profiles, lists and results stay. Empty keeps them for ever.")
                            .error(mistake.at("retention")),
                        value: settings.text("retention"),
                        unit: "days",
                    })
                    (TextInput::new(Field::new("time_zone", "Time zone")
                        .optional()
                        .hint("Such as Europe/Berlin: whose days and hours count for campaigns. UTC if empty.")
                        .error(mistake.at("time_zone")))
                        .value(settings.text("time_zone")))
                    (TextInput::new(Field::new("public_url", "Address for the people who get messages")
                        .optional()
                        .hint("Such as https://news.shop.example: links in messages begin with it.")
                        .error(mistake.at("public_url")))
                        .value(settings.text("public_url")))
                    (Checkbox {
                        field: Field::new("public_merge_users", "Browsers may merge people")
                            .hint("Anybody could then merge two people whose ids they know"),
                        is_checked: settings.text("public_merge_users") == "true",
                    })
                    @if may_change { div class="actions" { (Button::primary("Save")) } }
                },
            }.for_those_who(may_change))
        }
    }
}

async fn update(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    frame: Frame,
    Workspace(workspace): Workspace,
    typed: Typed,
) -> Result<Response, ApiError> {
    let updated = match read_patch(&typed, workspace.config()?.preset_set()) {
        Ok(patch) => settings::update(&app, &workspace, patch, Expected::Anything).await,
        Err(error) => Err(error),
    };
    match updated {
        Ok(_) => Ok(lead_to(&path(workspace.id(), "general"), Notice::Saved)),
        Err(error) => {
            let mistake = Mistake::of(error)?;
            let (_, weights) = present(&workspace).await?;
            Ok(again(page(&frame).body(body(&frame, &typed, &weights, &mistake, &caller))))
        }
    }
}

/// What was typed, in a workspace with a set of presets: the same set again is no change.
fn read_patch(typed: &Typed, presets: u32) -> Result<SettingsPatch, ApiError> {
    let properties = typed.text("public_user_properties").split(',').map(str::trim);
    let properties = properties.filter(|name| !name.is_empty()).map(str::to_owned).collect();
    Ok(SettingsPatch {
        name: Some(typed.optional("name")),
        public_merge_users: Some(typed.text("public_merge_users") == "true"),
        public_user_properties: Some(properties),
        presets: Some(typed.number("presets")?).filter(|typed| *typed != presets),
        weak_signals: Some(WeakSignalsPatch {
            click: Some(typed.number("click")?),
            list_view: Some(typed.number("list_view")?),
        }),
        retention: Some(match typed.optional("retention") {
            Some(_) => Some(Retention { days: typed.number("retention")? }),
            None => None,
        }),
        identity: None,
        catalog: None,
        control_groups: None,
        time_zone: Some(typed.optional("time_zone").map(read_zone).transpose()?),
        public_url: Some(typed.optional("public_url")),
        topics: None,
        linked_contents: None,
    })
}

fn read_zone(name: String) -> Result<TimeZone, ApiError> {
    let wrong = || {
        let what = format!("{name:?} is no time zone: write its IANA name, such as Europe/Berlin");
        ApiError::invalid(what).at("/time_zone")
    };
    TimeZone::named(&name).ok_or_else(wrong)
}

async fn put_weights(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    frame: Frame,
    Workspace(workspace): Workspace,
    typed: Typed,
) -> Result<Response, ApiError> {
    let put = match read_weights(&typed) {
        Ok(weights) => settings::put_weights(&app, &workspace, weights, Expected::Anything).await,
        Err(error) => Err(error),
    };
    match put {
        Ok(_) => Ok(lead_to(&path(workspace.id(), "general"), Notice::Saved)),
        Err(error) => {
            let mistake = Mistake::of(error)?;
            let (settings, _) = present(&workspace).await?;
            Ok(again(page(&frame).body(body(&frame, &settings, &typed, &mistake, &caller))))
        }
    }
}

fn read_weights(typed: &Typed) -> Result<InteractionWeights, ApiError> {
    Ok(InteractionWeights {
        view: typed.number("view")?,
        purchase: typed.number("purchase")?,
        rating: typed.number("rating")?,
        cart: typed.number("cart")?,
        bookmark: typed.number("bookmark")?,
        portion: typed.number("portion")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn presets_that_are_not_changed_are_not_written_down() {
        let typed = [("presets", "1"), ("click", "0.1"), ("list_view", "0.05")];
        let typed = Typed(typed.map(|(name, text)| (name.to_owned(), text.to_owned())).into());
        assert_eq!(read_patch(&typed, 1).unwrap().presets, None);
        assert_eq!(read_patch(&typed, 2).unwrap().presets, Some(1));
    }
}
