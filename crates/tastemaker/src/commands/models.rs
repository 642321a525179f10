//! `tastemaker models`: lists the recorded training runs, and goes back to the model of an earlier
//! one.

use anyhow::Result;
use engine::Training;

use super::Place;
use super::train::describe_missing_model;
use crate::terminal;

#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    place: Place,
    /// Use the model of this run from now on
    #[arg(long, value_name = "VERSION")]
    activate: Option<String>,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    let opened = args.place.open()?;
    if let Some(version) = &args.activate {
        opened.engine.activate_model(version)?;
    }
    let active = opened.engine.training().map(|training| training.version);
    let trainings = opened.engine.trainings();
    if args.place.json {
        let models: Vec<_> = trainings.iter().map(domain::json::to_value).collect();
        let output = serde_json::json!({ "active": active, "models": models });
        println!("{}", serde_json::to_string_pretty(&output)?);
        return Ok(());
    }
    if trainings.is_empty() {
        println!("{}", describe_missing_model(opened.engine.counts().interactions));
        return Ok(());
    }
    // A first model that is not used takes no place of one before.
    let has_model_before =
        |n: usize| trainings[n + 1..].iter().any(|earlier| earlier.refused.is_none());
    let is_refused = |n: usize| trainings[n].refused.is_some() && has_model_before(n);
    let rows: Vec<Vec<String>> = trainings
        .iter()
        .enumerate()
        .map(|(n, training)| row(training, active.as_deref(), is_refused(n)))
        .collect();
    let header = [
        "model",
        "trained at",
        "",
        "interactions",
        "users",
        "items",
        "seconds",
        "NDCG@20",
        "recall@20",
        "coverage",
        "novelty",
        "personal lists",
        "blend",
    ];
    println!("{}", terminal::table(&header, &rows));
    for (n, training) in trainings.iter().enumerate() {
        for trial in &training.weak_signals {
            println!("Model {}, weak signals, {}.", training.version, trial.describe());
        }
        if let Some(why) = &training.refused {
            let what = if is_refused(n) { "was refused" } else { "is not used" };
            println!("Model {} {what}: {why}.", training.version);
        }
    }
    Ok(())
}

fn row(training: &Training, active: Option<&str>, is_refused: bool) -> Vec<String> {
    let is_active = active == Some(&training.version);
    let state = match &training.refused {
        Some(_) if is_active => "in use, though refused",
        _ if is_active => "in use",
        Some(_) if is_refused => "refused",
        Some(_) => "not used",
        None => "",
    };
    let metrics = &training.search.blend;
    let members: Vec<&str> = training
        .search
        .parameters
        .components
        .iter()
        .map(|component| component.model.name())
        .collect();
    vec![
        training.version.clone(),
        training.finished_at.to_string(),
        state.to_owned(),
        terminal::grouped(training.n_interactions),
        terminal::grouped(training.n_users),
        terminal::grouped(training.n_items),
        format!("{:.1}", training.duration_ms as f64 / 1_000.0),
        format!("{:.4}", metrics.ndcg),
        format!("{:.4}", metrics.recall),
        format!("{:.1} %", 100.0 * metrics.coverage),
        format!("{:.1}", metrics.novelty),
        format!("{:.0} %", 100.0 * metrics.personal),
        members.join(" + "),
    ]
}
