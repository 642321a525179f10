//! `tastemaker train`, and the output of training runs and hyperparameter searches.

use anyhow::Result;
use engine::{
    Component, FIRST_TRAINING_INTERACTIONS, HyperparameterSearch, Metrics, SplitKind, Training,
    TrainingOptions, describe_too_few_interactions,
};

use super::Place;
use crate::terminal::{self, counted};

#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    pub(super) place: Place,
    /// The seed of every random choice: the same seed and data give the same result
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(super) seed: u64,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    let opened = args.place.open()?;
    let bar = terminal::share_bar("training", args.place.json);
    let options = TrainingOptions { seed: args.seed, ..Default::default() };
    let training = opened.engine.train(options, &|share| terminal::set_share(&bar, share))?;
    bar.finish_and_clear();
    if args.place.json {
        println!("{}", serde_json::to_string_pretty(&domain::json::to_value(&training))?);
    } else {
        println!("{}", describe(&training, opened.engine.training().is_some()));
        for trial in &training.weak_signals {
            println!("Weak signals, {}.", trial.describe());
        }
    }
    Ok(())
}

/// Describes the outcome of a training run: activated, or refused for a reason. `has_model` is
/// whether a model is in use afterwards.
fn describe_outcome(refused: Option<&str>, has_model: bool) -> String {
    match refused {
        None => "It is in use.".to_owned(),
        Some(why) if has_model => {
            format!("It is refused, and the previous model stays in use: {why}.")
        }
        Some(why) => {
            format!(
                "It is not used yet: {why}. Until there is a model, lists show trending and new items."
            )
        }
    }
}

/// Describes that there is no model, and why.
pub(super) fn describe_missing_model(n_interactions: u64) -> String {
    match find_shortage(n_interactions) {
        Some(shortage) => format!("No model yet: {shortage}."),
        None => "No model yet: `tastemaker train` trains one.".to_owned(),
    }
}

/// Describes how many interactions there are and how many a first model needs; none if there are
/// enough.
pub(super) fn find_shortage(n_interactions: u64) -> Option<String> {
    (n_interactions < FIRST_TRAINING_INTERACTIONS)
        .then(|| describe_too_few_interactions(n_interactions))
}

/// Describes a training run; `has_model` is whether any model is in use afterwards.
fn describe(training: &Training, has_model: bool) -> String {
    let outcome = describe_outcome(training.refused.as_deref(), has_model);
    format!(
        "Model {} was trained on {} of {} with {} in {:.1} s. {outcome}\n\n{}",
        training.version,
        counted(training.n_interactions, "interaction", "interactions"),
        counted(training.n_users, "user", "users"),
        counted(training.n_items, "item", "items"),
        training.duration_ms as f64 / 1_000.0,
        describe_search(&training.search),
    )
}

/// Describes the result of a hyperparameter search, as tables.
pub(crate) fn describe_search(search: &HyperparameterSearch) -> String {
    let row = |name: String, metrics: &Metrics| {
        vec![
            name,
            format!("{:.4}", metrics.ndcg),
            format!("{:.4}", metrics.recall),
            format!("{:.1} %", 100.0 * metrics.coverage),
            format!("{:.1}", metrics.novelty),
            format!("{:.0} %", 100.0 * metrics.personal),
        ]
    };
    let mut rows = vec![row("blend".to_owned(), &search.blend)];
    rows.extend(
        search
            .models
            .iter()
            .map(|tried| row(tried.component.model.name().to_owned(), &tried.metrics)),
    );
    rows.push(row("popularity".to_owned(), &search.popularity));
    let table = terminal::table(
        &["top 20", "NDCG", "recall", "coverage", "novelty (bits)", "personal lists"],
        &rows,
    );
    let held_out = match search.split {
        SplitKind::Time => "held out: all interactions after a point in time",
        SplitKind::LastStep => "held out: the last step of each user",
        SplitKind::Random => {
            "held out: half of the items of some users, since the interactions have no order"
        }
    };
    let members: Vec<Vec<String>> =
        search.parameters.components.iter().map(component_row).collect();
    let blend =
        terminal::table(&["model of the blend", "weight", "weighting of the history"], &members);
    format!(
        "Evaluated on {} ({held_out}):\n{table}\n{blend}",
        counted(search.blend.n_users as u64, "user", "users")
    )
}

fn component_row(component: &Component) -> Vec<String> {
    let weighting = component.weighting;
    let reads = match weighting.half_life_days {
        Some(days) => format!("half-life of {days} days"),
        None if weighting.step_decay < 1.0 => {
            format!("x {} for each step back in time", weighting.step_decay)
        }
        None => "uniform".to_owned(),
    };
    vec![component.model.name().to_owned(), format!("{:.3}", component.weight), reads]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_first_model_that_is_not_used_takes_no_place_of_one_before() {
        assert_eq!(describe_outcome(None, true), "It is in use.");
        let why = Some("NDCG 0.1 beside 0.2 of popularity");
        assert!(
            describe_outcome(why, true)
                .starts_with("It is refused, and the previous model stays in use: NDCG 0.1")
        );
        assert!(describe_outcome(why, false).starts_with("It is not used yet: NDCG 0.1"));
    }
}
