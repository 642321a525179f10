//! Checks of journeys: names, targets, and that nobody goes round or is lost.

use serde_json::Value;

use super::{
    HoldBranch, JOURNEY_END, JOURNEY_ENTRY, JOURNEY_NODES_MAX, JOURNEYS_MAX, Journey,
    JourneyAction, JourneyEntrance, JourneyGoal, JourneyNode, Reentry, TraitChange,
    TraitChangeKind,
};
use crate::WorkspaceConfig;
use crate::workspace::CAMPAIGN_WAIT_S_MAX;
use crate::workspace::audience::{check_key, check_name};

const EXITS_MAX: usize = 10;
const GOALS_MAX: usize = 3;
const EVENT_BRANCHES_MAX: usize = 9;
const SPLIT_BRANCHES_MAX: usize = 9;
const RANDOM_BRANCHES_MAX: usize = 5;
const CHANGES_MAX: usize = 20;
/// The longest name of an event or a trait, and the longest JSON text of a value, in bytes.
const TEXT_BYTES_MAX: usize = 200;
const VALUE_BYTES_MAX: usize = 1_000;
/// The shortest delay, in seconds.
const DELAY_S_MIN: u32 = 300;
/// The longest delay, in seconds: 182 days.
const DELAY_S_MAX: u32 = CAMPAIGN_WAIT_S_MAX;

type Checked = Result<(), String>;

/// Checks the journeys of a workspace. Conditions and tests of properties are checked where their
/// languages are known.
///
/// # Errors
/// A sentence that names the journey, the node and the mistake.
pub(in crate::workspace) fn check_journeys(config: &WorkspaceConfig) -> Checked {
    let journeys = &config.journeys;
    if journeys.len() > JOURNEYS_MAX {
        return Err(format!("{} journeys exceed the limit of {JOURNEYS_MAX}", journeys.len()));
    }
    for (n, journey) in journeys.iter().enumerate() {
        let checked = check_key(&journey.key).and_then(|()| check_journey(journey, config));
        checked.map_err(|what| format!("journey {:?}: {what}", journey.key))?;
        if journeys[..n].iter().any(|other| other.key == journey.key) {
            return Err(format!("two journeys have the key {:?}", journey.key));
        }
    }
    check_triggers(journeys)
}

fn check_journey(journey: &Journey, config: &WorkspaceConfig) -> Checked {
    check_name(journey.name.as_deref())?;
    check_entry(journey, config)?;
    match journey.timeout_s {
        Some(seconds) if !(1..=Journey::TIMEOUT_S_MAX).contains(&seconds) => {
            let most = Journey::TIMEOUT_S_MAX;
            return Err(format!("timeout_s is {seconds}: it must be 1 to {most} (365 days)"));
        }
        _ => {}
    }
    check_number("exits", journey.exits.len(), 0, EXITS_MAX)?;
    for exit in &journey.exits {
        check_event("exits", &exit.event)?;
        check_same_value(journey, exit.same_value).map_err(|what| format!("exits: {what}"))?;
    }
    check_number("goals", journey.goals.len(), 0, GOALS_MAX)?;
    for goal in &journey.goals {
        check_goal(goal, config).map_err(|what| format!("goal {:?}: {what}", goal.name))?;
    }
    if journey.control_percent > 99 {
        let percent = journey.control_percent;
        return Err(format!("control_percent is {percent}: it must be 0 to 99"));
    }
    check_number("nodes", journey.nodes.len(), 1, JOURNEY_NODES_MAX)?;
    for (n, node) in journey.nodes.iter().enumerate() {
        check_key(&node.name)
            .map_err(|what| format!("node {:?}: its name as a {what}", node.name))?;
        if [JOURNEY_END, JOURNEY_ENTRY].contains(&node.name.as_str()) {
            return Err(format!("node {:?}: the name is taken: choose another", node.name));
        }
        if journey.nodes[..n].iter().any(|other| other.name == node.name) {
            return Err(format!("two nodes have the name {:?}", node.name));
        }
        check_node(journey, node, config)
            .map_err(|what| format!("node {:?}: {what}", node.name))?;
    }
    check_moves(journey)?;
    check_graph(journey)
}

fn check_entry(journey: &Journey, config: &WorkspaceConfig) -> Checked {
    let audience = match &journey.entry {
        JourneyEntrance::Event { event, audience, .. } => {
            check_event("entry", event)?;
            audience.as_ref()
        }
        JourneyEntrance::Audience { audience } | JourneyEntrance::At { audience, .. } => {
            Some(audience)
        }
        JourneyEntrance::Triggered => None,
    };
    if let Some(key) = audience {
        check_audience(key, config).map_err(|what| format!("entry.{what}"))?;
    }
    let Some(per) = &journey.per else {
        return match journey.reentry {
            Reentry::Always if !matches!(journey.entry, JourneyEntrance::Event { .. }) => {
                Err("reentry is \"always\": only an event may begin it so".to_owned())
            }
            _ => Ok(()),
        };
    };
    check_text("per", per)?;
    match journey.entry {
        JourneyEntrance::Event { .. } | JourneyEntrance::Triggered => Ok(()),
        _ => Err("per names a property of an event, and no event begins the journey".to_owned()),
    }
}

fn check_goal(goal: &JourneyGoal, config: &WorkspaceConfig) -> Checked {
    check_text("name", &goal.name)?;
    match (&goal.event, &goal.audience) {
        (Some(event), None) => check_event("event", event),
        (None, Some(_)) if goal.filters.is_some() => {
            Err("where tests properties of an event, and it has none".to_owned())
        }
        (None, Some(key)) => check_audience(key, config),
        _ => Err("it needs an event or an audience, one of them".to_owned()),
    }
}

fn check_node(journey: &Journey, node: &JourneyNode, config: &WorkspaceConfig) -> Checked {
    match &node.action {
        JourneyAction::Message { campaign, viewed, clicked, within_s, .. } => {
            check_campaign(campaign, config)?;
            let is_drawn = viewed.is_some() || clicked.is_some();
            match within_s {
                None if is_drawn => {
                    Err("viewed and clicked need within_s: how long is waited".to_owned())
                }
                Some(_) if !is_drawn => {
                    Err("within_s waits for viewed or clicked, and leads nowhere".to_owned())
                }
                Some(seconds) => check_wait("within_s", *seconds),
                None => Ok(()),
            }?;
        }
        JourneyAction::Delay { seconds, .. } => check_wait("seconds", *seconds)?,
        JourneyAction::HoldUntil { branches, timeout_s, .. } => {
            check_number("branches", branches.len(), 1, EVENT_BRANCHES_MAX)?;
            for branch in branches {
                check_hold_branch(journey, branch)?;
            }
            check_wait("timeout_s", *timeout_s)?;
        }
        JourneyAction::Split { branches, .. } => {
            check_number("branches", branches.len(), 1, SPLIT_BRANCHES_MAX)?;
        }
        JourneyAction::Random { branches, .. } => {
            check_number("branches", branches.len(), 2, RANDOM_BRANCHES_MAX)?;
            let sum: u32 = branches.iter().map(|branch| u32::from(branch.percent)).sum();
            if sum != 100 || branches.iter().any(|branch| branch.percent == 0) {
                return Err(format!("the shares are {sum} together: they must be 100, none 0"));
            }
        }
        JourneyAction::UpdateProfile { changes, .. } => {
            check_number("changes", changes.len(), 1, CHANGES_MAX)?;
            changes.iter().try_for_each(check_change)?;
        }
        JourneyAction::Send { destination, .. } => {
            if !config.outgoing_destinations().any(|one| one.name == *destination) {
                return Err(format!(
                    "destination is {destination:?}: there is no such destination"
                ));
            }
        }
        JourneyAction::Trigger { journey: other, .. } => {
            let found = config.journeys.iter().find(|one| one.key == *other);
            let found =
                found.ok_or_else(|| format!("journey is {other:?}: there is no such journey"))?;
            if found.entry != JourneyEntrance::Triggered {
                return Err(format!(
                    "journey {other:?} is begun otherwise: its entry must be of \
                                    type \"triggered\""
                ));
            }
        }
        JourneyAction::DelayUntil { .. } | JourneyAction::Exit => {}
    }
    for connector in node.connectors() {
        if let Some(to) = connector.to
            && journey.node(to).is_none()
        {
            let name = connector.name;
            return Err(format!("{name} leads to {to:?}: there is no such node"));
        }
    }
    Ok(())
}

fn check_campaign(key: &str, config: &WorkspaceConfig) -> Checked {
    let Some(campaign) = config.campaign(key) else {
        return Err(format!("campaign is {key:?}: there is no such campaign"));
    };
    match campaign.start {
        crate::CampaignStart::Triggered {} => Ok(()),
        _ => Err(format!(
            "campaign {key:?} starts by itself: its start must be of type \"triggered\""
        )),
    }
}

fn check_hold_branch(journey: &Journey, branch: &HoldBranch) -> Checked {
    check_event("branches", &branch.event)?;
    check_same_value(journey, branch.same_value)?;
    match &branch.next {
        Some(next) if branch.again => {
            Err(format!("a branch waits again and leads to {next:?}: leave one of them out"))
        }
        _ => Ok(()),
    }
}

fn check_change(change: &TraitChange) -> Checked {
    check_text("trait", &change.key)?;
    let n_bytes = change.value.to_string().len();
    if n_bytes > VALUE_BYTES_MAX {
        return Err(format!(
            "the value of {:?} has {n_bytes} bytes: it must have at most {VALUE_BYTES_MAX}",
            change.key
        ));
    }
    match (change.change, &change.value) {
        (TraitChangeKind::Increment, Value::Number(_)) => Ok(()),
        (TraitChangeKind::Increment, other) => {
            Err(format!("{:?} is incremented by {other}: it must be a number", change.key))
        }
        _ => Ok(()),
    }
}

fn check_moves(journey: &Journey) -> Checked {
    check_number("moves", journey.moves.len(), 0, JOURNEY_NODES_MAX)?;
    for (n, one) in journey.moves.iter().enumerate() {
        if journey.node(&one.to).is_none() {
            return Err(format!("moves lead to {:?}: there is no such node", one.to));
        }
        if journey.moves[..n].iter().any(|other| other.from == one.from) {
            return Err(format!("two moves begin at {:?}", one.from));
        }
    }
    Ok(())
}

/// Every node is reached, leads out at last, and no way leads back to a node without a wait.
fn check_graph(journey: &Journey) -> Checked {
    let n_nodes = journey.nodes.len();
    let targets = |n: usize, only_instant: bool| -> Vec<usize> {
        let connectors = journey.nodes[n].connectors().into_iter();
        let taken = connectors.filter(|one| !only_instant || !one.takes_time);
        taken.filter_map(|one| journey.node(one.to?)).collect()
    };
    let reached = reach(0, n_nodes, &|n| targets(n, false));
    if let Some(n) = (0..n_nodes).find(|n| !reached[*n]) {
        return Err(format!("node {:?}: nothing leads to it", journey.nodes[n].name));
    }
    for n in 0..n_nodes {
        let name = &journey.nodes[n].name;
        let behind = reach(n, n_nodes, &|n| targets(n, false));
        let leads_out = |n: usize| journey.nodes[n].connectors().iter().any(|one| one.to.is_none());
        if !(0..n_nodes).any(|other| behind[other] && leads_out(other)) {
            return Err(format!("node {name:?}: no way leads out of the journey from it"));
        }
        let at_once = targets(n, true);
        if at_once.iter().any(|next| reach(*next, n_nodes, &|n| targets(n, true))[n]) {
            return Err(format!(
                "node {name:?}: a way leads back to it without a delay: put one into it"
            ));
        }
    }
    Ok(())
}

/// Which nodes are reached from one, itself among them.
fn reach(from: usize, n_nodes: usize, targets: &dyn Fn(usize) -> Vec<usize>) -> Vec<bool> {
    let mut reached = vec![false; n_nodes];
    let mut open = vec![from];
    while let Some(n) = open.pop() {
        if !std::mem::replace(&mut reached[n], true) {
            open.extend(targets(n));
        }
    }
    reached
}

/// No journey leads back to itself by way of others.
fn check_triggers(journeys: &[Journey]) -> Checked {
    let place = |key: &str| journeys.iter().position(|one| one.key == key);
    let targets = |n: usize| -> Vec<usize> { journeys[n].begun().filter_map(place).collect() };
    for n in 0..journeys.len() {
        if targets(n).iter().any(|next| reach(*next, journeys.len(), &targets)[n]) {
            return Err(format!(
                "journey {:?}: its nodes of type \"trigger\" lead back to it",
                journeys[n].key
            ));
        }
    }
    Ok(())
}

fn check_audience(key: &str, config: &WorkspaceConfig) -> Checked {
    match config.audience(key) {
        Some(_) => Ok(()),
        None => Err(format!("audience is {key:?}: there is no such audience")),
    }
}

fn check_same_value(journey: &Journey, same_value: bool) -> Checked {
    match same_value && journey.per.is_none() {
        true => Err("same_value needs per: the property that must be the same".to_owned()),
        false => Ok(()),
    }
}

fn check_wait(what: &str, seconds: u32) -> Checked {
    match seconds {
        DELAY_S_MIN..=DELAY_S_MAX => Ok(()),
        _ => Err(format!(
            "{what} is {seconds}: it must be {DELAY_S_MIN} (5 minutes) to {DELAY_S_MAX} (182 days)"
        )),
    }
}

fn check_number(what: &str, n: usize, least: usize, most: usize) -> Checked {
    match (least..=most).contains(&n) {
        true => Ok(()),
        false => Err(format!("{what} are {n}: they must be {least} to {most}")),
    }
}

fn check_event(what: &str, name: &str) -> Checked {
    check_text(&format!("{what}: the name of an event"), name)
}

fn check_text(what: &str, text: &str) -> Checked {
    match text.len() {
        1..=TEXT_BYTES_MAX => Ok(()),
        _ => Err(format!("{what} must be 1 to {TEXT_BYTES_MAX} bytes")),
    }
}
