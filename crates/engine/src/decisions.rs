//! Decisions that are made before an entry is journalled. The fold has no parser: whether an
//! expression is valid, and which scenarios fit the catalog, is decided here and journalled.

use domain::{Scenario, Timestamp};
use serving::{check_scenario, fits_catalog};
use state::{
    Command, ConfigChange, Entry, LateDecision, Refusal, RuleUpdate, Segment, SegmentationCommand,
    SegmentationKind, Views,
};

use crate::segment_rules::{check_segment_expression, check_segment_filter};

/// A step in submitting entries, which keep their order.
pub(crate) enum Step {
    /// Append the entries together. The caller gets no outcomes for the first `n_scenario_notes`.
    Append {
        /// The entries in order.
        entries: Vec<Entry>,
        /// The number of entries at the beginning that were added here.
        n_scenario_notes: usize,
    },
    /// Refuse the entry, which is not journalled.
    Refuse(Refusal),
}

/// Whether the decision about an entry depends on the state after all earlier entries. Submitting
/// such an entry waits for the views.
pub fn is_decided_on_state(entry: &Entry) -> bool {
    match entry {
        Entry::Configured(_) | Entry::CatalogActivated { .. } => true,
        Entry::Command { command, .. } => match &**command {
            Command::Configure(command) => {
                matches!(command.change, ConfigChange::PutScenario { .. })
                    || removes_user_fact(&command.change)
            }
            Command::Segmentation(_)
            | Command::PutScenario { .. }
            | Command::ActivateCatalog { .. }
            | Command::DeleteProperty { .. } => true,
            _ => false,
        },
        _ => false,
    }
}

/// Takes the next step of the remaining entries: one entry that must be decided on the state, or
/// all entries before the next such entry.
pub(crate) fn next_step<V: std::ops::Deref<Target = Views>>(
    rest: &mut std::iter::Peekable<std::vec::IntoIter<Entry>>,
    views: &dyn Fn() -> V,
    now: Timestamp,
) -> Option<Step> {
    let first = rest.next()?;
    if !is_decided_on_state(&first) {
        let mut entries = vec![first];
        while let Some(next) = rest.next_if(|next| !is_decided_on_state(next)) {
            entries.push(next);
        }
        return Some(Step::Append { entries, n_scenario_notes: 0 });
    }
    let views = views();
    if let Err(refusal) = check(&views, &first) {
        return Some(Step::Refuse(refusal));
    }
    let mut entries = Vec::from_iter(note_fitting(&find_fitting_scenarios(&views, &first), now));
    let n_scenario_notes = entries.len();
    entries.push(first);
    Some(Step::Append { entries, n_scenario_notes })
}

/// Makes the decision about an entry that an earlier build journalled without one.
pub(crate) fn decide_late(views: &Views, entry: &Entry) -> LateDecision {
    LateDecision {
        refusal: check(views, entry).err(),
        fitting_scenarios: find_fitting_scenarios(views, entry),
    }
}

/// Refuses an entry with an invalid expression.
fn check(views: &Views, entry: &Entry) -> Result<(), Refusal> {
    let Entry::Command { command, .. } = entry else { return Ok(()) };
    match &**command {
        Command::PutScenario { scenario } => check_scenario(scenario).map_err(Refusal::Invalid),
        Command::Configure(command) => match &command.change {
            ConfigChange::PutScenario { scenario, .. } => {
                check_scenario(scenario).map_err(Refusal::Invalid)
            }
            _ => Ok(()),
        },
        Command::Segmentation(command) => check_segmentation(views, command),
        _ => Ok(()),
    }
}

fn check_segmentation(views: &Views, command: &SegmentationCommand) -> Result<(), Refusal> {
    match command {
        SegmentationCommand::Create(segmentation) => match &segmentation.kind {
            SegmentationKind::AutoReql { expression } => check_expression(views, expression),
            SegmentationKind::Property { .. } | SegmentationKind::ManualReql { .. } => Ok(()),
        },
        SegmentationCommand::Update { rule: RuleUpdate::AutoReql(Some(expression)), .. } => {
            check_expression(views, expression)
        }
        SegmentationCommand::AddSegment { segment: Segment { filter, .. }, .. }
        | SegmentationCommand::UpdateSegment { filter, .. } => check_filter(views, filter),
        SegmentationCommand::Update { .. }
        | SegmentationCommand::Delete { .. }
        | SegmentationCommand::DeleteSegment { .. } => Ok(()),
    }
}

fn check_expression(views: &Views, expression: &str) -> Result<(), Refusal> {
    check_segment_expression(views, expression)
        .map_err(|fault| Refusal::Invalid(format!("expression: {fault}")))
}

fn check_filter(views: &Views, filter: &str) -> Result<(), Refusal> {
    check_segment_filter(views, filter)
        .map_err(|fault| Refusal::Invalid(format!("filter: {fault}")))
}

/// Finds the scenarios that fit the catalog now, may not fit it after `entry`, and whose present
/// form is not journalled yet.
fn find_fitting_scenarios(views: &Views, entry: &Entry) -> Vec<Scenario> {
    let named = match entry {
        Entry::Configured(_) | Entry::CatalogActivated { .. } => None,
        Entry::Command { command, .. } => match &**command {
            Command::ActivateCatalog { .. } | Command::DeleteProperty { .. } => None,
            Command::PutScenario { scenario } => match serde_json::from_str::<Scenario>(scenario) {
                Ok(scenario) => Some(scenario.name),
                Err(_) => return Vec::new(),
            },
            Command::Configure(command) => match &command.change {
                ConfigChange::PutScenario { name, .. } => Some(name.clone()),
                change if removes_user_fact(change) => None,
                _ => return Vec::new(),
            },
            _ => return Vec::new(),
        },
        _ => return Vec::new(),
    };
    let setup = &views.setup;
    let fitting = setup.config.scenarios.iter().filter(|scenario| {
        named.as_ref().is_none_or(|name| *name == scenario.name)
            && setup.fitting_scenarios.get(&scenario.name) != Some(*scenario)
            && fits_catalog(views, scenario)
    });
    fitting.cloned().collect()
}

/// Whether a change takes away what expressions may read of a user.
fn removes_user_fact(change: &ConfigChange) -> bool {
    matches!(change, ConfigChange::RemoveAudience { .. } | ConfigChange::RemoveComputedTrait { .. })
}

fn note_fitting(scenarios: &[Scenario], now: Timestamp) -> Option<Entry> {
    let as_json = |scenario| serde_json::to_string(scenario).expect("a scenario is plain JSON");
    let command =
        Command::NoteFittingScenarios { scenarios: scenarios.iter().map(as_json).collect() };
    (!scenarios.is_empty()).then(|| Entry::Command { received_at: now, command: Box::new(command) })
}
