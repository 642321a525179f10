//! Scenarios whose expressions do not fit the catalog any more.
//!
//! A catalog file may leave out a property, or declare its type anew, that expressions of scenarios name; a new scenario may name one that
//! there is not. Whoever asks for lists must not pay for that. So the fold remembers each scenario as it was when it last fitted, and what
//! does not fit is replaced, expression by expression: by what stood there then, where that fits, or by nothing. A scenario that never
//! fitted has no list to lose: calls for it are refused, with the reason.

use std::collections::BTreeMap;
use std::sync::Arc;

use domain::scenario::Promoted;
use domain::{Column, ExpressionRole, Scenario, ScenarioSettings, WorkspaceConfig};
use reql::{ReqlError, Schema, Subject, Type};
use store::Batch;

use crate::command::Command;
use crate::configuration::Resource;
use crate::filter::{SchemaOf, type_of};
use crate::recommendation::subject_of;
use crate::views::Views;
use crate::{Engine, Entry, Problem};

/// What takes the place of scenarios that do not fit.
pub(crate) struct ScenarioFallbacks {
    /// What they were made for: the configuration, and the revisions of the properties of items and users.
    config: Arc<WorkspaceConfig>,
    revisions: (u64, u64),
    by_name: BTreeMap<String, Fallback>,
}

struct Fallback {
    in_force: Scenario,
    problems: Vec<String>,
}

impl ScenarioFallbacks {
    /// What takes the place of a scenario; none where that fits, or never did.
    pub(crate) fn get(&self, name: &str) -> Option<&Scenario> {
        self.by_name.get(name).map(|fallback| &fallback.in_force)
    }
}

impl Engine {
    /// What takes the place of scenarios that do not fit the catalog of the moment; what is new is logged.
    pub(crate) fn scenario_fallbacks(&self, views: &Views) -> Arc<ScenarioFallbacks> {
        let revisions = (views.catalog.table().schema_revision(), views.users.schema_revision());
        let mut cached = self.scenario_fallbacks.lock();
        let is_current = |known: &&Arc<ScenarioFallbacks>| {
            known.revisions == revisions && Arc::ptr_eq(&known.config, &views.config)
        };
        if let Some(known) = cached.as_ref().filter(is_current) {
            return Arc::clone(known);
        }
        let fallback = |(name, last): (&String, &Scenario)| {
            let scenario = views.config.scenario(name)?;
            let (in_force, problems) = fit(&Properties::of(views), scenario, last);
            (!problems.is_empty()).then(|| (name.clone(), Fallback { in_force, problems }))
        };
        let by_name = views.fitting_scenarios.iter().filter_map(fallback).collect();
        let made = Arc::new(ScenarioFallbacks { config: Arc::clone(&views.config), revisions, by_name });
        let told = cached.replace(Arc::clone(&made));
        for (scenario, Fallback { problems, .. }) in &made.by_name {
            let told = told.as_ref().and_then(|told| Some(&told.by_name.get(scenario)?.problems));
            if told != Some(problems) {
                let problem = unfit(scenario, problems);
                tracing::error!(workspace = %self.id(), %problem, "a scenario does not fit the catalog any more");
            }
        }
        made
    }

    /// Logs what does not fit since the last look.
    pub(crate) fn report_unfit_scenarios(&self) {
        self.scenario_fallbacks(&self.shared.views.read());
    }

    /// What does not fit of a scenario that once did, and what is in its place.
    pub fn scenario_problems(&self, name: &str) -> Vec<String> {
        let fallbacks = self.scenario_fallbacks(&self.shared.views.read());
        fallbacks.by_name.get(name).map(|fallback| fallback.problems.clone()).unwrap_or_default()
    }

    /// A problem for each scenario that does not fit.
    pub(crate) fn unfit_scenarios(&self) -> Vec<Problem> {
        let fallbacks = self.scenario_fallbacks(&self.shared.views.read());
        fallbacks.by_name.iter().map(|(scenario, fallback)| unfit(scenario, &fallback.problems)).collect()
    }

    /// What would not fit any more of scenarios that fit now, with a catalog of these properties.
    pub(crate) fn scenarios_unfit_for(&self, columns: &[Column]) -> Vec<String> {
        let views = self.shared.views.read();
        let fitting = views.config.scenarios.iter().filter(|scenario| fits(&views, scenario));
        let problems = fitting.filter_map(|scenario| {
            let items = Properties { columns: Some(columns), ..Properties::of(&views) };
            let problems = fit(&items, scenario, scenario).1;
            (!problems.is_empty()).then(|| unfit(&scenario.name, &problems).to_string())
        });
        problems.collect()
    }
}

fn unfit(scenario: &str, problems: &[String]) -> Problem {
    Problem::ScenarioUnfit { scenario: scenario.to_owned(), what: problems.join("; ") }
}

/// The scenarios that fit before an entry that may leave them without fitting; none for other entries.
pub(crate) fn fitting_before(views: &Views, entry: &Entry) -> Option<Vec<Scenario>> {
    let named = match entry {
        Entry::Configured(_) | Entry::CatalogActivated { .. } => None,
        Entry::Command { command, .. } => match &**command {
            Command::ActivateCatalog { .. } | Command::DeleteProperty { .. } => None,
            Command::PutScenario { scenario } => Some(serde_json::from_str::<Scenario>(scenario).ok()?.name),
            Command::DeleteScenario { name } => Some(name.clone()),
            Command::Configure(command) => match command.change.resource() {
                Resource::Scenario(name) => Some(name),
                _ => return None,
            },
            _ => return None,
        },
        _ => return None,
    };
    let is_meant = |scenario: &&Scenario| named.as_ref().is_none_or(|name| *name == scenario.name);
    let meant = views.config.scenarios.iter().filter(is_meant);
    Some(meant.filter(|scenario| fits(views, scenario)).cloned().collect())
}

/// Remembers what fitted before an entry and does not after it, and forgets scenarios that are gone.
pub(crate) fn remember(views: &mut Views, batch: &mut Batch<'_>, fitting: Vec<Scenario>) {
    let mut remembered = views.fitting_scenarios.clone();
    remembered.retain(|name, _| views.config.scenario(name).is_some());
    for scenario in fitting {
        if views.config.scenario(&scenario.name).is_some_and(|now| !fits(views, now)) {
            remembered.insert(scenario.name.clone(), scenario);
        }
    }
    if remembered != views.fitting_scenarios {
        views.put_fitting_scenarios(batch, remembered);
    }
}

fn fits(views: &Views, scenario: &Scenario) -> bool {
    fit(&Properties::of(views), scenario, scenario).1.is_empty()
}

/// The properties that there are, or would be with a catalog file.
#[derive(Clone, Copy)]
struct Properties<'a> {
    views: &'a Views,
    /// Of items; none for those of the catalog.
    columns: Option<&'a [Column]>,
}

impl<'a> Properties<'a> {
    fn of(views: &'a Views) -> Self {
        Self { views, columns: None }
    }

    fn check(&self, subject: Subject, role: ExpressionRole, text: &str) -> Result<(), ReqlError> {
        let expression = reql::parse(text)?;
        match role {
            ExpressionRole::Filter => expression.check_filter(&self.schema(subject)),
            ExpressionRole::Booster => expression.check_booster(&self.schema(subject)),
            ExpressionRole::Promoted => expression.check_filter(&self.schema(Subject::Items)),
        }
    }

    fn schema(&self, subject: Subject) -> Fitted<'a> {
        Fitted { columns: self.columns, rest: SchemaOf { views: self.views, subject } }
    }
}

struct Fitted<'a> {
    columns: Option<&'a [Column]>,
    rest: SchemaOf<'a>,
}

impl Schema for Fitted<'_> {
    fn item_property(&self, name: &str) -> Option<Type> {
        match self.columns {
            None => self.rest.item_property(name),
            Some(columns) => {
                columns.iter().find(|column| column.name == name).map(|column| type_of(column.type_))
            }
        }
    }

    fn user_property(&self, name: &str) -> Option<Type> {
        self.rest.user_property(name)
    }

    fn subject(&self) -> Subject {
        self.rest.subject()
    }
}

/// The scenario with what fits, replaced by what stood in its place in `last` where it does not, and what does not fit.
fn fit(properties: &Properties<'_>, scenario: &Scenario, last: &Scenario) -> (Scenario, Vec<String>) {
    let mut problems = Vec::new();
    let subject = subject_of(scenario.endpoint);
    let mut fitted = scenario.clone();
    fit_settings(properties, subject, "", &mut fitted.settings, Some(&last.settings), &mut problems);
    for group in &mut fitted.groups {
        let last = last.groups.iter().find(|other| other.name == group.name).map(|group| &group.settings);
        let place = format!("group {:?}: ", group.name);
        fit_settings(properties, subject, &place, &mut group.settings, last, &mut problems);
    }
    (fitted, problems)
}

fn fit_settings(
    properties: &Properties<'_>,
    subject: Subject,
    place: &str,
    settings: &mut ScenarioSettings,
    last: Option<&ScenarioSettings>,
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
    replace(ExpressionRole::Filter, &mut settings.filter, last.and_then(|last| last.filter.as_ref()));
    replace(ExpressionRole::Booster, &mut settings.booster, last.and_then(|last| last.booster.as_ref()));
    if let Some(Promoted { filter, share }) = settings.promoted.take() {
        let mut filter = Some(filter);
        let last = last.and_then(|last| Some(&last.promoted.as_ref()?.filter));
        replace(ExpressionRole::Promoted, &mut filter, last);
        settings.promoted = filter.map(|filter| Promoted { filter, share });
    }
    let schema = properties.schema(Subject::Items);
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
