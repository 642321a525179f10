//! Ten minutes of a destination that fails in every way, with crashes in between, by a simulated
//! clock. Everything follows from the seed, which is printed when a check fails.

mod world;

use world::{Plan, World};

/// Simulated time with faults, in milliseconds.
const FAULTY_MS: i64 = 10 * 60 * 1_000;
/// Until then everything must be delivered or a dead letter, in milliseconds: one user may have
/// several jobs that fail for four hours each, one after the other.
const DRAINED_BY_MS: i64 = 60 * 60 * 60 * 1_000;

/// How many seeds are tried; more with `SIMULATION_SEEDS`.
fn seeds() -> std::ops::Range<u64> {
    let n = std::env::var("SIMULATION_SEEDS").ok().and_then(|n| n.parse().ok());
    0..n.unwrap_or(8)
}

fn simulate(plan: Plan) {
    let mut world = World::new(plan);
    while world.now() < FAULTY_MS {
        world.step();
    }
    world.end_faults();
    while !world.is_drained() {
        assert!(
            world.now() < DRAINED_BY_MS,
            "seed {}: not drained: {}",
            plan.seed,
            world.standing()
        );
        world.skip_to_next();
        world.step();
    }
    world.check_end();
}

#[test]
fn every_message_is_delivered_in_order_or_becomes_a_dead_letter() {
    for seed in seeds() {
        simulate(Plan { seed, is_atomic: false, retry_for_ms: 4 * 60 * 60 * 1_000 });
    }
}

#[test]
fn jobs_whose_time_is_over_become_dead_letters() {
    for seed in seeds() {
        simulate(Plan { seed: seed + 1_000, is_atomic: false, retry_for_ms: 60_000 });
    }
}

#[test]
fn batches_that_share_one_fate_lose_nothing_either() {
    for seed in seeds() {
        simulate(Plan { seed: seed + 2_000, is_atomic: true, retry_for_ms: 5 * 60 * 1_000 });
    }
}
