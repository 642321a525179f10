//! `tastemaker evaluate`: the metrics of every model and of the blend on held-out interactions.

use anyhow::Result;

use super::train::{Args, describe_search, find_shortage};
use crate::terminal;

pub(crate) fn run(args: &Args) -> Result<()> {
    let opened = args.place.open()?;
    let bar = terminal::share_bar("evaluating", args.place.json);
    let search = opened.engine.evaluate(args.seed, &|share| terminal::set_share(&bar, share))?;
    bar.finish_and_clear();
    if args.place.json {
        println!("{}", serde_json::to_string_pretty(&search)?);
    } else {
        println!("{}", describe_search(&search));
        if let Some(shortage) = find_shortage(opened.engine.counts().interactions) {
            println!("These metrics are not reliable yet: {shortage}.");
        }
    }
    Ok(())
}
