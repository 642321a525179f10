//! Simulated histories and their import into a workspace.

use anyhow::Result;
use domain::{Interaction, InteractionKind, ItemIdx, Timestamp};
use engine::{Engine, TrainingOptions};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use rayon::prelude::*;
use recommender::{HistoryEntry, TrainingSet};

use crate::terminal;

/// The number of tastes. An item belongs to one, a user has a few.
const TASTES: u32 = 400;
const TASTES_PER_USER: usize = 3;
/// One interaction of so many is with any item at all.
const ANY_ITEM_OF: u32 = 5;
/// The standard deviation of the logarithm of the length of a history.
const LENGTH_SIGMA: f64 = 0.9;
const SECONDS_PER_YEAR: u32 = 365 * 86_400;
const STARTED_S: u32 = 1_700_000_000;
/// How many users are imported at once.
const USERS_PER_STEP: u32 = 1_000;

/// The size of a simulation.
#[derive(Clone, Copy)]
pub(super) struct Simulation {
    pub(super) users: u32,
    pub(super) items: u32,
    /// The approximate total.
    pub(super) interactions: u64,
}

impl Simulation {
    /// Simulates histories of lognormal length. Users choose mostly items of their few tastes, and
    /// popular items more often.
    pub(super) fn histories(self) -> TrainingSet {
        let mean = (self.interactions as f64 / f64::from(self.users)).max(1.0);
        let mu = mean.ln() - LENGTH_SIGMA * LENGTH_SIGMA / 2.0;
        let items_per_taste = (self.items / TASTES).max(1);
        let rows: Vec<Vec<HistoryEntry>> = (0..self.users)
            .into_par_iter()
            .map(|user| {
                let mut random = StdRng::seed_from_u64(u64::from(user));
                // The sum of twelve uniform numbers is near enough to a normal one.
                let normal = (0..12).map(|_| random.random::<f64>()).sum::<f64>() - 6.0;
                let length = ((mu + LENGTH_SIGMA * normal).exp().round() as usize).clamp(2, 500);
                let tastes: [u32; TASTES_PER_USER] =
                    std::array::from_fn(|_| random.random_range(0..TASTES));
                let mut row: Vec<HistoryEntry> = (0..length)
                    .map(|_| {
                        // Squared, so that the first items of a taste are chosen more often.
                        let near_first = random.random::<f64>().powi(2);
                        let item = if random.random_range(0..ANY_ITEM_OF) == 0 {
                            (near_first * f64::from(self.items)) as u32
                        } else {
                            let taste = tastes[random.random_range(0..TASTES_PER_USER)];
                            ((near_first * f64::from(items_per_taste)) as u32 * TASTES + taste)
                                .min(self.items - 1)
                        };
                        let at_s = STARTED_S + random.random_range(0..SECONDS_PER_YEAR);
                        HistoryEntry::new(
                            ItemIdx(item),
                            InteractionKind::DetailView,
                            Timestamp(i64::from(at_s) * 1_000),
                            None,
                        )
                    })
                    .collect();
                row.sort_unstable();
                row
            })
            .collect();
        TrainingSet::new(rows, self.items as usize)
    }
}

/// Imports the first users `u0`, `u1` ... with their items `i0`, `i1` ... and trains a model.
pub(super) fn import(engine: &Engine, set: &TrainingSet, n_users: u32, quiet: bool) -> Result<()> {
    let bar = terminal::bar("importing", "users", u64::from(n_users), quiet);
    for first in (0..n_users).step_by(USERS_PER_STEP as usize) {
        let users = first..(first + USERS_PER_STEP).min(n_users);
        let interactions = users.flat_map(|user| {
            set.row(user as usize).iter().map(move |entry| Interaction {
                timestamp: Some(Timestamp(i64::from(entry.at_s) * 1_000)),
                ..Interaction::new(format!("u{user}"), format!("i{}", entry.item.0), entry.kind)
            })
        });
        engine.import_interactions(interactions.collect())?;
        bar.inc(u64::from(USERS_PER_STEP));
    }
    bar.finish_and_clear();
    let bar = terminal::share_bar("training", quiet);
    engine.train(TrainingOptions::default(), &|share| terminal::set_share(&bar, share))?;
    bar.finish_and_clear();
    Ok(())
}
