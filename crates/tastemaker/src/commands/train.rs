//! `tastemaker train`, and how runs and searches are shown.

use anyhow::Result;
use engine::{Component, FIRST_TRAINING_INTERACTIONS, Metrics, Search, SplitKind, Training, TrainingOptions};

use super::Place;
use crate::terminal;

#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    pub(super) place: Place,
    /// Of every random choice: the same seed and data give the same result
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
        println!("{}", serde_json::to_string_pretty(&opened.engine.training_to_json(&training))?);
    } else {
        println!("{}", describe(&training, opened.engine.training().is_some()));
        for trial in opened.engine.weak_signal_trials(&training.version) {
            println!("Weak signals, {}.", trial.describe());
        }
    }
    Ok(())
}

/// What becomes of a model that is refused for a reason, or of one that is not; `has_model` is whether any is in use then.
fn outcome(refused: Option<&str>, has_model: bool) -> String {
    match refused {
        None => "It is in use.".to_owned(),
        Some(why) if has_model => format!("It is refused, the one before stays in use: {why}."),
        Some(why) => {
            format!(
                "It is not used yet: {why}. Until there is a model, lists show what is trending and what is new."
            )
        }
    }
}

/// That there is no model, and what is missing for one.
pub(super) fn no_model_yet(n_interactions: u64) -> String {
    match little(n_interactions) {
        Some(little) => format!("No model yet: {little}."),
        None => "No model yet: `tastemaker train` makes one.".to_owned(),
    }
}

/// How much there is to learn from and how much a first model needs, where that is more.
pub(super) fn little(n_interactions: u64) -> Option<String> {
    (n_interactions < FIRST_TRAINING_INTERACTIONS).then(|| {
        let n = match n_interactions {
            1 => "there is 1 interaction".to_owned(),
            n => format!("there are {n} interactions"),
        };
        format!("{n}, a first model needs {FIRST_TRAINING_INTERACTIONS} or more")
    })
}

/// What a run did, for people; `has_model` is whether any model is in use after it.
fn describe(training: &Training, has_model: bool) -> String {
    let outcome = outcome(training.refused.as_deref(), has_model);
    format!(
        "Model {} learned from {} interactions of {} users with {} items in {:.1} s. {outcome}\n\n{}",
        training.version,
        terminal::grouped(training.n_interactions),
        terminal::grouped(training.n_users),
        terminal::grouped(training.n_items),
        training.duration_ms as f64 / 1_000.0,
        describe_search(&training.search),
    )
}

/// What a search found, as tables.
pub(crate) fn describe_search(search: &Search) -> String {
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
        search.models.iter().map(|tried| row(tried.component.model.name().to_owned(), &tried.metrics)),
    );
    rows.push(row("popularity".to_owned(), &search.popularity));
    let table = terminal::table(
        &["lists of 20", "NDCG", "recall", "items shown", "novelty, bits", "personal lists"],
        &rows,
    );
    let judged = match search.split {
        SplitKind::Time => "what happened last, all of it hidden from a moment on",
        SplitKind::LastStep => "what each user did last",
        SplitKind::Random => "half of some users' items, since nothing says in which order things happened",
    };
    let members: Vec<Vec<String>> = search.parameters.components.iter().map(member).collect();
    let blend = terminal::table(&["in the blend", "weight", "reads the history"], &members);
    format!(
        "Judged for {} users on {judged}:\n{table}\n{blend}",
        terminal::grouped(search.blend.n_users as u64)
    )
}

fn member(component: &Component) -> Vec<String> {
    let weighting = component.weighting;
    let reads = match weighting.half_life_days {
        Some(days) => format!("half as loud {days} days back"),
        None if weighting.step_decay < 1.0 => format!("x {} for each step back", weighting.step_decay),
        None => "all alike".to_owned(),
    };
    vec![component.model.name().to_owned(), format!("{:.3}", component.weight), reads]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_first_model_that_is_not_used_takes_no_place_of_one_before() {
        assert_eq!(outcome(None, true), "It is in use.");
        let why = Some("NDCG 0.1 beside 0.2 of popularity");
        assert!(outcome(why, true).starts_with("It is refused, the one before stays in use: NDCG 0.1"));
        assert!(outcome(why, false).starts_with("It is not used yet: NDCG 0.1"));
    }
}
