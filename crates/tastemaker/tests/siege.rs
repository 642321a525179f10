//! A real server besieged for a short while; at full length: `cargo xtask siege`.
//!
//! `TASTEMAKER_SIEGE_SEED` repeats a run.

#![expect(clippy::unwrap_used, reason = "a test may end at the first surprise")]

use std::time::Duration;

use trials::process::Launch;
use trials::siege::{Options, run};

/// Honest answers come far sooner; this is for machines that do much else.
const LATENCY_P99_MAX: Duration = Duration::from_secs(2);

async fn check(same_address: bool) {
    let seed = std::env::var("TASTEMAKER_SIEGE_SEED").ok().and_then(|text| text.parse().ok());
    let seed = seed.unwrap_or_else(|| u64::from(std::process::id()));
    println!("TASTEMAKER_SIEGE_SEED={seed}");
    let launch =
        Launch { binary: env!("CARGO_BIN_EXE_tastemaker").into(), config: None, nofile: None };
    let options = Options { seconds: 10, connections: 300, rate: 50, same_address, seed };
    let report = run(&launch, &options).await.unwrap();
    println!("{report}");
    assert_eq!(report.right, report.requests, "an honest request was not answered rightly");
    assert!(report.quantile(0.99) < LATENCY_P99_MAX, "honest answers are late");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_honest_client_gets_its_answers_beside_hostile_connections() {
    check(false).await;
    check(true).await;
}
