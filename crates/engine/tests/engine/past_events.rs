//! Past events whose properties an audience tests are read behind the answer.

use std::time::{Duration, Instant};

use domain::AudienceDefinition;
use engine::{ConfigChange, Expected};

use super::*;

const N_PEOPLE: u32 = 1_200;

/// Everybody views an item of ten.
fn open_with_views(folder: &Path, n_people: u32) -> Engine {
    let engine = open(folder);
    for first in (0..n_people).step_by(500) {
        let people = first..n_people.min(first + 500);
        engine.submit_blocking(people.map(|n| viewed(n, n, n % 10)).collect()).unwrap();
    }
    // Timers follow the clock of the journal, which these messages have set to their own time.
    wait_until_now(&engine);
    engine
}

/// An audience of those who viewed the first item.
fn keep(engine: &Engine) {
    let audience = AudienceDefinition {
        key: "viewers".to_owned(),
        name: None,
        condition: "did \"Product Viewed\" where product_id = \"i0\"".to_owned(),
        likely: None,
        sync: None,
    };
    engine.change_config(ConfigChange::put_audience(&audience), Expected::Anything).unwrap();
    tick(engine);
}

fn tick(engine: &Engine) {
    engine.submit_blocking(vec![Entry::Tick { at: engine.now() }]).unwrap();
}

fn await_history(engine: &Engine) {
    let until = Instant::now() + Duration::from_secs(120);
    while engine.snapshot().audience_history("viewers").is_some() {
        assert!(Instant::now() < until, "the past is read");
        tick(engine);
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn n_members(engine: &Engine) -> Option<u64> {
    engine.snapshot().audiences.n_members("viewers")
}

#[test]
fn a_past_that_a_stop_leaves_unread_is_read_after_the_next_start_and_once() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open_with_views(folder.path(), N_PEOPLE);
    keep(&engine);
    engine.stop();
    drop(engine);
    let engine = open(folder.path());
    await_history(&engine);
    assert_eq!(n_members(&engine), Some(u64::from(N_PEOPLE) / 10));
    let n_entries = engine.counts().journal_entries;
    engine.stop();
    drop(engine);

    fs_err::remove_dir_all(folder.path().join("store")).unwrap();
    let engine = open(folder.path());
    assert_eq!(n_members(&engine), Some(u64::from(N_PEOPLE) / 10));
    let n_entries_since = engine.counts().journal_entries - n_entries;
    assert_eq!(n_entries_since, 0, "nothing is read again");
}

#[test]
#[ignore = "a measurement: PEOPLE=200000 cargo test --release -p engine --test engine -- --ignored --nocapture past_events_per_second"]
fn past_events_per_second() {
    let n_people: u32 = std::env::var("PEOPLE").map_or(20_000, |text| text.parse().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let engine = open_with_views(folder.path(), n_people);
    let started = Instant::now();
    keep(&engine);
    await_history(&engine);
    let ms = started.elapsed().as_millis().max(1);
    println!("{n_people} people in {ms} ms: {} a second", u128::from(n_people) * 1_000 / ms);
}
