//! Scenarios whose expressions do not fit the catalog any more.
//!
//! A catalog file may leave out a property, or declare its type anew, that expressions of scenarios
//! name; a new scenario may name one that there is not. Whoever asks for lists must not pay for
//! that. So each scenario is remembered as it was when it last fitted, and what does not fit is
//! replaced, expression by expression: by what stood there then, where that fits, or by nothing. A
//! scenario that never fitted has no list to lose: calls for it are refused, with the reason.

use std::collections::BTreeMap;
use std::sync::Arc;

use domain::list::Promoted;
use domain::{Column, EventFilter, ExpressionRole, ListSettings, Scenario, WorkspaceConfig};
use parking_lot::Mutex;
use reql::{ReqlError, Schema, Subject, Type};
use state::Views;

use crate::evaluation::{ExpressionSchema, endpoint_subject, to_reql_type};

/// Replacements of scenarios that do not fit the catalog.
pub(crate) struct ScenarioFallbacks {
    /// Their inputs: the configuration, and the revisions of the properties of items and users.
    config: Arc<WorkspaceConfig>,
    revisions: (u64, u64),
    by_name: BTreeMap<String, Fallback>,
}

struct Fallback {
    in_force: Scenario,
    problems: Vec<String>,
}

impl ScenarioFallbacks {
    /// The replacement of a scenario; none if the scenario fits, or never did.
    pub(crate) fn get(&self, name: &str) -> Option<&Scenario> {
        self.by_name.get(name).map(|fallback| &fallback.in_force)
    }

    /// The scenarios that do not fit.
    pub(crate) fn unfit(&self) -> Vec<UnfitScenario> {
        let unfit = self.by_name.iter().map(|(scenario, fallback)| UnfitScenario {
            scenario: scenario.clone(),
            problems: fallback.problems.clone(),
        });
        unfit.collect()
    }
}

/// A scenario that does not fit the catalog any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnfitScenario {
    /// Name of the scenario.
    pub scenario: String,
    /// The parts that do not fit, and their replacements.
    pub problems: Vec<String>,
}

/// A cache of the replacements of one workspace.
#[derive(Default)]
pub(crate) struct LatestFallbacks(Mutex<Option<Arc<ScenarioFallbacks>>>);

impl LatestFallbacks {
    /// The replacements of scenarios that do not fit the catalog at this moment; new ones are
    /// logged.
    pub(crate) fn get(&self, views: &Views) -> Arc<ScenarioFallbacks> {
        let setup = &views.setup;
        let revisions = (views.catalog.table().schema_revision(), views.users.schema_revision());
        let mut cached = self.0.lock();
        let is_current = |known: &&Arc<ScenarioFallbacks>| {
            known.revisions == revisions && Arc::ptr_eq(&known.config, &setup.config)
        };
        if let Some(known) = cached.as_ref().filter(is_current) {
            return Arc::clone(known);
        }
        let fallback = |(name, last): (&String, &Scenario)| {
            let scenario = setup.config.scenario(name)?;
            let (in_force, problems) = fit(&Properties::new(views), scenario, last);
            (!problems.is_empty()).then(|| (name.clone(), Fallback { in_force, problems }))
        };
        let by_name = setup.fitting_scenarios.iter().filter_map(fallback).collect();
        let made =
            Arc::new(ScenarioFallbacks { config: Arc::clone(&setup.config), revisions, by_name });
        let told = cached.replace(Arc::clone(&made));
        for (scenario, Fallback { problems, .. }) in &made.by_name {
            let told = told.as_ref().and_then(|told| Some(&told.by_name.get(scenario)?.problems));
            if told != Some(problems) {
                let (workspace, problems) = (&setup.config.id, problems.join("; "));
                tracing::error!(%workspace, scenario, problems, "a scenario does not fit the catalog any more");
            }
        }
        made
    }
}

/// Finds the scenarios that fit now but would not fit a catalog with these properties.
pub fn scenarios_unfit_for(views: &Views, columns: &[Column]) -> Vec<UnfitScenario> {
    let fitting =
        views.setup.config.scenarios.iter().filter(|scenario| fits_catalog(views, scenario));
    let unfit = fitting.filter_map(|scenario| {
        let items = Properties { columns: Some(columns), ..Properties::new(views) };
        let problems = fit(&items, scenario, scenario).1;
        (!problems.is_empty()).then(|| UnfitScenario { scenario: scenario.name.clone(), problems })
    });
    unfit.collect()
}

/// Whether all expressions and property names of a scenario fit the properties that exist.
pub fn fits_catalog(views: &Views, scenario: &Scenario) -> bool {
    fit(&Properties::new(views), scenario, scenario).1.is_empty()
}

/// The properties that there are, or would be with a catalog file.
#[derive(Clone, Copy)]
struct Properties<'a> {
    views: &'a Views,
    /// Columns of items that replace those of the catalog; none for those of the catalog.
    columns: Option<&'a [Column]>,
}

impl<'a> Properties<'a> {
    fn new(views: &'a Views) -> Self {
        Self { views, columns: None }
    }

    fn check(&self, subject: Subject, role: ExpressionRole, text: &str) -> Result<(), ReqlError> {
        let expression = reql::parse(text)?;
        match role {
            ExpressionRole::Filter => expression.check_filter(&self.schema(subject)),
            ExpressionRole::Booster => expression.check_booster(&self.schema(subject)),
            ExpressionRole::Promoted => expression.check_filter(&self.schema(Subject::Items)),
            ExpressionRole::UserFilter => expression.check_filter(&self.schema(Subject::Users)),
        }
    }

    fn schema(&self, subject: Subject) -> LenientProperties<'a> {
        LenientProperties {
            columns: self.columns,
            rest: ExpressionSchema { views: self.views, subject },
        }
    }
}

struct LenientProperties<'a> {
    columns: Option<&'a [Column]>,
    rest: ExpressionSchema<'a>,
}

impl Schema for LenientProperties<'_> {
    fn item_property(&self, name: &str) -> Option<Type> {
        match self.columns {
            None => self.rest.item_property(name),
            Some(columns) => columns
                .iter()
                .find(|column| column.name == name)
                .map(|column| to_reql_type(column.type_)),
        }
    }

    fn user_property(&self, name: &str) -> Option<Type> {
        self.rest.user_property(name)
    }

    fn context_user_property(&self, name: &str) -> Option<Type> {
        self.rest.context_user_property(name)
    }

    fn nearest_context_user_property(&self, name: &str) -> Option<String> {
        self.rest.nearest_context_user_property(name)
    }

    fn subject(&self) -> Subject {
        self.rest.subject()
    }
}

/// The scenario with what fits, replaced by what stood in its place in `last` where it does not,
/// and what does not fit.
fn fit(
    properties: &Properties<'_>,
    scenario: &Scenario,
    last: &Scenario,
) -> (Scenario, Vec<String>) {
    let mut problems = Vec::new();
    let subject = endpoint_subject(scenario.endpoint);
    let mut fitted = scenario.clone();
    fit_settings(
        properties,
        subject,
        "",
        &mut fitted.settings,
        Some(&last.settings),
        &mut problems,
    );
    for group in &mut fitted.groups {
        let last =
            last.groups.iter().find(|other| other.name == group.name).map(|group| &group.settings);
        let place = format!("group {:?}: ", group.name);
        fit_settings(properties, subject, &place, &mut group.settings, last, &mut problems);
    }
    (fitted, problems)
}

fn fit_settings(
    properties: &Properties<'_>,
    subject: Subject,
    place: &str,
    settings: &mut ListSettings,
    last: Option<&ListSettings>,
    problems: &mut Vec<String>,
) {
    let mut replace = |role: ExpressionRole, text: &mut Option<String>, last: Option<&String>| {
        let Some(own) = text else { return };
        let Err(error) = properties.check(subject, role, own) else { return };
        let last = last.filter(|last| properties.check(subject, role, last).is_ok());
        let instead = match last {
            Some(last) => format!("{last} is in force, as before"),
            None => "lists go without it".to_owned(),
        };
        problems.push(format!("{place}{}: {error}: {instead}", role.key()));
        *text = last.cloned();
    };
    replace(
        ExpressionRole::Filter,
        &mut settings.filter,
        last.and_then(|last| last.filter.as_ref()),
    );
    replace(
        ExpressionRole::Booster,
        &mut settings.booster,
        last.and_then(|last| last.booster.as_ref()),
    );
    let last_user_filter = last.and_then(|last| last.user_filter.as_ref());
    replace(ExpressionRole::UserFilter, &mut settings.user_filter, last_user_filter);
    if let Some(Promoted { filter, share }) = settings.promoted.take() {
        let mut filter = Some(filter);
        let last = last.and_then(|last| Some(&last.promoted.as_ref()?.filter));
        replace(ExpressionRole::Promoted, &mut filter, last);
        settings.promoted = filter.map(|filter| Promoted { filter, share });
    }
    settings.freshness = settings.freshness.take().filter(|freshness| {
        let text = freshness.booster().unwrap_or_else(|| freshness.filter());
        let role = freshness.boost.map_or(ExpressionRole::Filter, |_| ExpressionRole::Booster);
        let checked = properties.check(Subject::Items, role, &text);
        if let Err(error) = &checked {
            problems.push(format!("{place}freshness: {error}: lists go without it"));
        }
        checked.is_ok()
    });
    let schema = properties.schema(Subject::Items);
    settings.event_filters.iter_mut().for_each(|filters| {
        filters.retain(|EventFilter { matches, .. }| {
            let is_there = matches == "itemId" || schema.item_property(matches).is_some();
            if !is_there {
                problems.push(format!(
                    "{place}event_filter: there is no item property {matches:?}: lists go without it"
                ));
            }
            is_there
        });
    });
    settings.constraints.iter_mut().for_each(|constraints| {
        constraints.retain(|constraint| {
            let is_there = schema.item_property(&constraint.property).is_some();
            if !is_there {
                let property = &constraint.property;
                problems.push(format!(
                    "{place}constraint: there is no item property {property:?}: lists go without it"
                ));
            }
            is_there
        });
    });
}
