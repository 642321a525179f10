//! The rules by which ids make people: blocked values, and types of ids with their priorities and
//! limits. Controls have the name of the place of their value in the settings.

use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Extension, Router};
use domain::Right::ReadWorkspace;
use domain::workspace::{ID_TYPES_MAX, IDENTITY_VERSION_LATEST, IdType, Identity, LimitPeriod};
use engine::Expected;
use maud::{Markup, Render, html};
use resources::settings::{self, SettingsPatch};
use web::App;
use web::access::{Call, Caller};
use web::error::ApiError;
use web::parameters::Parameters;
use web::workspaces::Workspace;

use super::chrome::{Notice, Noticed, lead_to, may_change, path, workspace_tabs};
use super::typed::{Mistake, Typed, again};
use crate::gate::{edit, gated, read};
use crate::page::{Area, Frame, Page};
use crate::ui::form::{
    Checkbox, CodeArea, Field, Form, InputKind, NumberInput, Select, TextInput, field_group,
};
use crate::ui::{Button, Callout};

const PAGE: &str = "/console/{workspace}/settings/identity";
const PERIODS: [(&str, LimitPeriod, &str); 4] = [
    ("ever", LimitPeriod::Ever, "Of all that the person has"),
    ("annually", LimitPeriod::Annually, "Added within 365 days"),
    ("monthly", LimitPeriod::Monthly, "Added within 30 days"),
    ("weekly", LimitPeriod::Weekly, "Added within 7 days"),
];
/// How many empty types follow those that there are; all but the first are behind a line.
const EMPTY_TYPES: usize = 3;
/// What is typed for ids that are nowhere in messages but among their external ids.
const NOWHERE: &str = "none";
const IN_FORCE: &str = "in_force";
const BLOCKED: &str = "identity/blocked";
const PATTERNS: &str = "identity/blocked_patterns";
/// The parts of a type.
const PARTS: [&str; 8] =
    ["name", "priority", "limit", "period", "from", "blocked", "unique", "remove"];

pub(super) const CALLS: &[Call] = &[read(PAGE, ReadWorkspace), edit(PAGE, "settings.update")];

pub(super) fn routes(app: &Arc<App>) -> Router<Arc<App>> {
    gated(app, CALLS, Router::new().route(PAGE, get(show).post(update)))
}

async fn show(
    Extension(caller): Extension<Caller>,
    frame: Frame,
    Workspace(workspace): Workspace,
    Parameters(Noticed { notice }): Parameters<Noticed>,
) -> Result<Response, ApiError> {
    let identity = settings::read(&workspace).await?.value.settings.identity;
    let typed = typed_of(identity.as_ref());
    let page = page(&frame).body(body(&frame, &typed, &Mistake::default(), &caller));
    Ok(page.notice_if(notice).into_response())
}

fn page(frame: &Frame) -> Page<'_> {
    Page::new(frame, Area::Settings, "Identity").lead("Which ids make two messages one person's.")
}

async fn update(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    frame: Frame,
    Workspace(workspace): Workspace,
    typed: Typed,
) -> Result<Response, ApiError> {
    let typed = without_gaps(&typed);
    let present = workspace.config()?;
    let updated = match parse(present.identity.as_ref(), &typed) {
        Ok(identity) => {
            let patch = SettingsPatch { identity: Some(identity), ..SettingsPatch::default() };
            settings::update(&app, &workspace, patch, Expected::Anything).await
        }
        Err(error) => Err(error),
    };
    match updated {
        Ok(_) => Ok(lead_to(&path(workspace.id(), "identity"), Notice::Saved)),
        Err(error) => {
            let mut controls = vec![BLOCKED.to_owned(), PATTERNS.to_owned()];
            controls.extend((0..n_types(&typed)).flat_map(|n| PARTS.map(|part| name(n, part))));
            let controls: Vec<&str> = controls.iter().map(String::as_str).collect();
            let mistake = Mistake::of(error)?.among(&controls);
            Ok(again(page(&frame).body(body(&frame, &typed, &mistake, &caller))))
        }
    }
}

/// The name of a control of a type.
fn name(n: usize, part: &str) -> String {
    format!("identity/id_type/{n}/{part}")
}

/// The number of types that were typed, where none are left out in between.
fn n_types(typed: &Typed) -> usize {
    (0..ID_TYPES_MAX).take_while(|n| !typed.text(&name(*n, "name")).is_empty()).count()
}

/// What was typed without the types that are removed or have no name, so that each has the place
/// that it will have in the settings.
fn without_gaps(typed: &Typed) -> Typed {
    let of_type = |control: &str| control.starts_with("identity/id_type/");
    let mut left: Vec<(String, String)> =
        typed.0.iter().filter(|(control, _)| !of_type(control)).cloned().collect();
    let stays = |n: &usize| {
        !typed.text(&name(*n, "name")).is_empty() && typed.text(&name(*n, "remove")).is_empty()
    };
    for (to, from) in (0..ID_TYPES_MAX + EMPTY_TYPES).filter(stays).enumerate() {
        for part in PARTS {
            let text = typed.exact(&name(from, part));
            if !text.is_empty() {
                left.push((name(to, part), text.to_owned()));
            }
        }
    }
    Typed(left)
}

/// The rules as the controls have them.
fn typed_of(identity: Option<&Identity>) -> Typed {
    let mut typed = Vec::new();
    if identity.is_some() {
        typed.push((IN_FORCE.to_owned(), "true".to_owned()));
    }
    let plain = Identity::default();
    let identity = identity.unwrap_or(&plain);
    typed.push((BLOCKED.to_owned(), identity.blocked_values().join("\n")));
    typed.push((PATTERNS.to_owned(), identity.patterns().join("\n")));
    for (n, one) in identity.id_types.iter().enumerate() {
        let number = |number: Option<u32>| number.map_or_else(String::new, |n| n.to_string());
        let period = PERIODS.iter().find(|(_, period, _)| *period == one.period);
        let mut put = |part: &str, text: String| typed.push((name(n, part), text));
        put("name", one.name.clone());
        put("priority", number(one.priority));
        put("limit", number(one.limit));
        put("period", period.map_or_else(String::new, |(word, ..)| (*word).to_owned()));
        put(
            "from",
            match one.from.as_deref() {
                Some([]) => NOWHERE.to_owned(),
                places => places.unwrap_or_default().join(", "),
            },
        );
        put("blocked", one.blocked.join("\n"));
        if one.unique {
            put("unique", "true".to_owned());
        }
    }
    Typed(typed)
}

/// The rules that were typed in place of the present ones; none where they are not to be in force.
fn parse(present: Option<&Identity>, typed: &Typed) -> Result<Option<Identity>, ApiError> {
    if typed.optional(IN_FORCE).is_none() {
        return Ok(None);
    }
    let types = (0..n_types(typed)).map(|n| {
        let number = |part: &str| match typed.text(&name(n, part)) {
            "" => Ok(None),
            _ => typed.number(&name(n, part)).map(Some),
        };
        let word = typed.text(&name(n, "period"));
        let period = PERIODS.iter().find(|(known, ..)| *known == word);
        let places = typed.text(&name(n, "from")).split(',').map(str::trim);
        let places = places.filter(|place| !place.is_empty()).map(str::to_owned);
        let from = match typed.text(&name(n, "from")) {
            "" => None,
            NOWHERE => Some(Vec::new()),
            _ => Some(places.collect()),
        };
        Ok(IdType {
            name: typed.text(&name(n, "name")).to_owned(),
            priority: number("priority")?,
            limit: number("limit")?,
            period: period.map_or_else(LimitPeriod::default, |(_, period, _)| *period),
            from,
            blocked: lines(typed, &name(n, "blocked")),
            unique: typed.optional(&name(n, "unique")).is_some(),
        })
    });
    // A list that is as it was shown stays what it is: also the default, which is none.
    let plain = Identity::default();
    let present = present.unwrap_or(&plain);
    let changed = |name, shown: Vec<String>, stored: &Option<Vec<String>>| {
        let typed = lines(typed, name);
        if typed == shown { stored.clone() } else { Some(typed) }
    };
    Ok(Some(Identity {
        version: IDENTITY_VERSION_LATEST,
        blocked: changed(BLOCKED, present.blocked_values(), &present.blocked),
        blocked_patterns: changed(PATTERNS, present.patterns(), &present.blocked_patterns),
        id_types: types.collect::<Result<_, ApiError>>()?,
    }))
}

fn lines(typed: &Typed, name: &str) -> Vec<String> {
    let lines = typed.exact(name).lines().map(str::trim);
    lines.filter(|line| !line.is_empty()).map(str::to_owned).collect()
}

fn body(frame: &Frame, typed: &Typed, mistake: &Mistake, caller: &Caller) -> Markup {
    let Some(workspace) = &frame.workspace else { return html! {} };
    let may_change = may_change(caller);
    let is_in_force = typed.optional(IN_FORCE).is_some();
    html! {
        (workspace_tabs(frame, workspace, "identity"))
        (mistake)
        @if !is_in_force {
            (Callout::info("There are no rules yet")
                .text("User ids and anonymous ids make people, as long as no rules are in force."))
        }
        section class="card" {
            (Form {
                action: &path(workspace, "identity"),
                csrf: &frame.csrf,
                preview: None,
                body: html! {
                    (Checkbox {
                        field: Field::new(IN_FORCE, "People are made by these rules")
                            .hint("For messages from now on. People that were put together stay together."),
                        is_checked: is_in_force,
                    })
                    (field_group("Values that are no ids", &html! {
                        (area(typed, mistake, BLOCKED, "These exactly", "One a line"))
                        (area(typed, mistake, PATTERNS, "Those that match", "Regular expressions, one a line"))
                    }))
                    p class="field-hint" {
                        "Where a message has ids of two people, or more of a type than the limit, the id of the \
                         lowest priority is left out. Types that are not named here have defaults: "
                        code { "user_id" } " priority 1 and one id, " code { "email" } " priority 2, all others later, with up to 5."
                    }
                    @let n = n_types(typed);
                    @for n in 0..(n + 1).min(ID_TYPES_MAX) { (id_type(typed, mistake, n)) }
                    (further(typed, mistake, n + 1, (n + EMPTY_TYPES).min(ID_TYPES_MAX)))
                    @if may_change { div class="actions" { (Button::primary("Save")) } }
                },
            }.for_those_who(may_change))
        }
    }
}

/// More types, each behind a line that opens it.
fn further(typed: &Typed, mistake: &Mistake, n: usize, end: usize) -> Markup {
    html! {
        @if n < end {
            details class="more" {
                summary { "Another type of ids" }
                (id_type(typed, mistake, n))
                (further(typed, mistake, n + 1, end))
            }
        }
    }
}

fn area(typed: &Typed, mistake: &Mistake, name: &str, label: &str, hint: &str) -> Markup {
    let field = Field::new(name, label).optional().hint(hint).error(mistake.at(name));
    CodeArea { field, value: typed.exact(name), below: html! {} }.render()
}

/// The controls of a type; those without a name are none.
fn id_type(typed: &Typed, mistake: &Mistake, n: usize) -> Markup {
    let [type_name, priority, limit, period, from, blocked, unique, remove] =
        PARTS.map(|part| name(n, part));
    let is_new = typed.text(&type_name).is_empty();
    let title = match typed.text(&type_name) {
        "" => "A further type of ids".to_owned(),
        known => format!("Ids of the type {known}"),
    };
    let number = |name: &str, label, hint, unit| {
        let field = Field::new(name, label).optional().hint(hint).error(mistake.at(name));
        NumberInput { field, value: typed.text(name), unit }.render()
    };
    let text = |name: &str, label, hint| {
        let field = Field::new(name, label).optional().hint(hint).error(mistake.at(name));
        TextInput::new(field).kind(InputKind::Code).value(typed.text(name)).render()
    };
    let periods = PERIODS.map(|(word, _, label)| (word, label));
    field_group(
        &title,
        &html! {
            div class="fields" {
                (text(&type_name, "Type", "a-z, 0-9, “_”, “-” and “.”: phone, ios.idfa"))
                (number(&priority, "Priority", "1 is the highest; empty: its default", "of 1,000"))
                (number(&limit, "At most", "Empty: 5, of user_id 1; 0 takes none", "ids"))
                (Select {
                    field: Field::new(&period, "Which count").error(mistake.at(&period)),
                    options: &periods,
                    value: typed.text(&period),
                })
                (text(&from, "Where they are", "Such as traits.phone, context.device.id; empty: its own place; none: external ids alone"))
            }
            (area(typed, mistake, &blocked, "Values that are none", "One a line"))
            (Checkbox {
                field: Field::new(&unique, "Each is of one person only")
                    .hint("Without it the id is kept and shown, and finds nobody")
                    .error(mistake.at(&unique)),
                is_checked: is_new || typed.optional(&unique).is_some(),
            })
            @if !is_new {
                (Checkbox { field: Field::new(&remove, "Remove this type"), is_checked: false })
            }
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_typed_as_they_are_shown() {
        let rules = Identity {
            version: IDENTITY_VERSION_LATEST,
            blocked: Some(vec!["none, yet".to_owned()]),
            blocked_patterns: Some(Vec::new()),
            id_types: vec![
                IdType {
                    name: "phone".to_owned(),
                    priority: Some(3),
                    limit: Some(2),
                    period: LimitPeriod::Monthly,
                    from: Some(vec!["traits.phone".to_owned(), "properties.phone".to_owned()]),
                    blocked: vec!["0".to_owned()],
                    unique: true,
                },
                IdType {
                    name: "shop.card".to_owned(),
                    priority: None,
                    limit: None,
                    period: LimitPeriod::Ever,
                    from: Some(Vec::new()),
                    blocked: Vec::new(),
                    unique: false,
                },
            ],
        };
        let typed = typed_of(Some(&rules));
        let parsed = |typed| parse(Some(&rules), &without_gaps(&typed)).unwrap();
        assert_eq!(parsed(typed).as_ref(), Some(&rules));
        assert_eq!(parsed(typed_of(None)), None);
    }

    #[test]
    fn lists_that_were_not_changed_stay_those_of_the_program() {
        let rules = Identity::default();
        let typed = typed_of(Some(&rules));
        assert!(!typed.text(BLOCKED).is_empty(), "the defaults are shown");
        assert_eq!(parse(Some(&rules), &typed).unwrap().as_ref(), Some(&rules));
        let fewer = Typed(vec![(IN_FORCE.to_owned(), "true".to_owned())]);
        let fewer = parse(Some(&rules), &fewer).unwrap().unwrap();
        assert_eq!(fewer.blocked, Some(Vec::new()), "an emptied list blocks nothing");
    }

    #[test]
    fn a_removed_type_goes_and_the_next_takes_its_place() {
        let typed = Typed(vec![
            (IN_FORCE.to_owned(), "true".to_owned()),
            (name(0, "name"), "phone".to_owned()),
            (name(0, "remove"), "true".to_owned()),
            (name(1, "name"), String::new()),
            (name(2, "name"), "card".to_owned()),
            (name(2, "limit"), "many".to_owned()),
        ]);
        let typed = without_gaps(&typed);
        assert_eq!((n_types(&typed), typed.text(&name(0, "name"))), (1, "card"));
        let mistake = Mistake::of(parse(None, &typed).unwrap_err()).unwrap_or_default();
        assert!(mistake.at(&name(0, "limit")).is_some());
    }
}
