//! `tastemaker train`.

use anyhow::Result;
use engine::Training;

use super::Place;
use crate::terminal;

#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    place: Place,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    let opened = args.place.open()?;
    let bar = terminal::share_bar("training", args.place.json);
    let training = opened.engine.train(&|share| terminal::set_share(&bar, share))?;
    bar.finish_and_clear();
    if args.place.json {
        println!("{}", serde_json::to_string_pretty(&training)?);
    } else {
        println!("{}", describe(&training));
    }
    Ok(())
}

/// What a run did, for people.
pub(crate) fn describe(training: &Training) -> String {
    let days =
        |half_life: Option<f32>| half_life.map_or("never".to_owned(), |days| format!("after {days} days"));
    let row = |name: &str, metrics: &engine::Metrics| {
        vec![
            name.to_owned(),
            format!("{:.4}", metrics.ndcg),
            format!("{:.4}", metrics.recall),
            format!("{:.1} %", 100.0 * metrics.coverage),
        ]
    };
    let table = terminal::table(
        &["on users' last visits", "NDCG@20", "recall@20", "items shown"],
        &[row("model", &training.metrics), row("popularity", &training.popularity_metrics)],
    );
    format!(
        "Model {} learned from {} interactions of {} users with {} items in {:.1} s.\n\
         Interactions count half in the model: {}; in a user's own history: {}.\n{table}",
        training.version,
        terminal::grouped(training.n_interactions),
        terminal::grouped(training.n_users),
        terminal::grouped(training.n_items),
        training.duration_ms as f64 / 1_000.0,
        days(training.parameters.neighbours.half_life_days),
        days(training.parameters.history_half_life_days),
    )
}
