//! What the dispatcher promises, one promise a test.

use std::sync::Arc;

use activation::{
    BREAKER_FAILURES, BreakerState, DEAD_LETTERS_MAX, Dispatcher, Failure, Fate, Held, Job, Limits,
    OPEN_MAX, OUTCOME_UNKNOWN, OpenState,
};
use domain::Timestamp;

fn job(offset: u64, user: u64) -> Job<u64> {
    let (mapping, group) = (Arc::from("mapping"), Arc::from("group"));
    Job { offset, mapping, keys: vec![user], group, bytes: 100, is_once: false, payload: offset }
}

fn dispatcher(limits: Limits) -> Dispatcher<u64> {
    Dispatcher::new(limits, 1, 0)
}

fn at(ms: i64) -> Timestamp {
    Timestamp(ms)
}

fn retry(is_outage: bool) -> Failure {
    let (reason, text) = ("http_503".to_owned(), "try later".to_owned());
    Failure::Retry { reason, text, after_ms: None, is_outage }
}

fn refused() -> Failure {
    Failure::Permanent { reason: "http_400".to_owned(), text: "no".repeat(1_000) }
}

/// The offsets of the next batch, with its id.
fn next(dispatcher: &mut Dispatcher<u64>, ms: i64) -> Option<(u64, Vec<u64>)> {
    let batch = dispatcher.next_batch(at(ms))?;
    Some((batch.id, batch.jobs.iter().map(|job| job.payload).collect()))
}

#[test]
fn a_batch_leaves_when_it_is_full_or_old_enough() {
    let mut dispatcher = dispatcher(Limits { batch_jobs: 3, ..Limits::default() });
    assert_eq!(dispatcher.wait(at(0)), None);
    (0..4).for_each(|n| dispatcher.add(n, vec![job(n, n)], at(0)));
    assert_eq!(next(&mut dispatcher, 0), Some((0, vec![0, 1, 2])));
    assert_eq!(next(&mut dispatcher, 99), None);
    assert_eq!(dispatcher.wait(at(90)), Some(10));
    assert_eq!(next(&mut dispatcher, 100), Some((1, vec![3])));
}

#[test]
fn a_young_batch_leaves_where_no_more_can_join_it() {
    let limits = Limits { batch_jobs: usize::MAX, batch_age_ms: 10_000, ..Limits::default() };
    let mut dispatcher = dispatcher(limits);
    let mut n = 0;
    while dispatcher.has_room() {
        assert_eq!(next(&mut dispatcher, 0), None);
        dispatcher.add(n, vec![job(n, n / 2)], at(0));
        n += 1;
    }
    assert_eq!(dispatcher.wait(at(0)), Some(0));
    let (id, jobs) = next(&mut dispatcher, 0).unwrap();
    assert_eq!(jobs.len(), OPEN_MAX / 2);
    assert_eq!(next(&mut dispatcher, 0), None);
    dispatcher.finish(id, vec![Ok(()); OPEN_MAX / 2], at(1));
    assert_eq!(dispatcher.wait(at(1)), Some(9_999));
}

#[test]
fn groups_and_bytes_divide_batches() {
    let limits = Limits { batch_bytes: 250, batch_age_ms: 0, ..Limits::default() };
    let mut dispatcher = dispatcher(limits);
    for n in 0..6 {
        let group = Arc::from(if n == 1 { "other" } else { "group" });
        dispatcher.add(n, vec![Job { group, ..job(n, n) }], at(0));
    }
    let batches = std::iter::from_fn(|| next(&mut dispatcher, 0)).map(|(_, jobs)| jobs);
    assert_eq!(batches.collect::<Vec<_>>(), [vec![0, 2], vec![1], vec![3, 4], vec![5]]);
}

#[test]
fn trouble_of_one_user_holds_up_nobody_else() {
    let limits = Limits { batch_age_ms: 0, batch_jobs: 2, ..Limits::default() };
    let mut dispatcher = dispatcher(limits);
    (0..1_000).for_each(|n| dispatcher.add(n, vec![job(n, n % 10)], at(0)));
    let mut delivered = 0;
    for ms in 0..5_000 {
        while let Some((batch, offsets)) = next(&mut dispatcher, ms) {
            let answer = |offset: &u64| if offset % 10 == 3 { Err(retry(true)) } else { Ok(()) };
            let results: Vec<_> = offsets.iter().map(answer).collect();
            delivered += results.iter().filter(|result| result.is_ok()).count();
            dispatcher.finish(batch, results, at(ms));
        }
        if ms % 500 == 0 {
            dispatcher.take_progress();
            dispatcher.confirm_progress();
        }
    }
    assert_eq!(delivered, 900);
    let status = dispatcher.status(at(5_000));
    assert_eq!((status.open_jobs, status.waiting_for_retry), (100, 1));
}

#[test]
fn an_atomic_batch_takes_the_jobs_of_a_user_in_order_and_is_halved_to_find_the_bad_one() {
    let limits = Limits { batch_age_ms: 0, is_atomic: true, ..Limits::default() };
    let mut dispatcher = dispatcher(limits);
    (0..8).for_each(|n| dispatcher.add(n, vec![job(n, n % 2)], at(0)));
    let mut delivered: Vec<u64> = Vec::new();
    let mut ms = 0;
    while dispatcher.status(at(ms)).open_jobs > 0 {
        let (batch, offsets) = next(&mut dispatcher, ms).expect("nothing waits for long");
        let result = if offsets.contains(&5) { Err(refused()) } else { Ok(()) };
        if result.is_ok() {
            delivered.extend(&offsets);
        }
        dispatcher.finish(batch, vec![result; offsets.len()], at(ms));
        ms += 1;
    }
    assert_eq!(delivered, [0, 1, 2, 3, 4, 6, 7]);
    let progress = dispatcher.take_progress().expect("much was delivered");
    let dead: Vec<_> = progress.dead.iter().map(|dead| (dead.offset, dead.text.len())).collect();
    assert_eq!((dead, progress.delivered, progress.place), (vec![(5, 500)], 7, 8));
}

#[test]
fn progress_lists_what_is_open_before_the_place_and_no_more() {
    let limits = Limits { batch_jobs: 1, batch_age_ms: 0, ..Limits::default() };
    let mut dispatcher = dispatcher(limits);
    let mut state = OpenState::default();
    (0..6).for_each(|n| dispatcher.add(n, vec![job(n, n)], at(7)));
    assert_eq!(dispatcher.take_progress(), None);
    let batches: Vec<_> = (0..4).filter_map(|_| next(&mut dispatcher, 8)).collect();
    dispatcher.finish(batches[2].0, vec![Ok(())], at(9));
    let progress = dispatcher.take_progress().expect("a job was delivered");
    let opened: Vec<u64> = progress.opened.iter().map(|open| open.offset).collect();
    assert_eq!((progress.place, opened), (3, vec![0, 1]));

    dispatcher.finish(batches[0].0, vec![Ok(())], at(9));
    dispatcher.progress_failed(progress);
    let progress = dispatcher.take_progress().expect("it was put back");
    state.apply(&progress);
    dispatcher.confirm_progress();
    assert_eq!(state.open.keys().copied().collect::<Vec<_>>(), [1]);
    assert_eq!((state.place, progress.delivered), (3, 2));
    let bytes = postcard::to_stdvec(&progress).unwrap();
    assert_eq!(postcard::from_bytes::<activation::Progress>(&bytes).unwrap(), progress);

    dispatcher.finish(batches[1].0, vec![Ok(())], at(9));
    state.apply(&dispatcher.take_progress().expect("a job was delivered"));
    assert_eq!((state.place, state.open.len()), (3, 0));
}

#[test]
fn nothing_is_sent_while_the_journal_does_not_take_the_progress() {
    let limits = Limits { batch_jobs: 1, batch_age_ms: 0, ..Limits::default() };
    let mut dispatcher = dispatcher(limits);
    (0..3).for_each(|n| dispatcher.add(n, vec![job(n, n)], at(0)));
    let (batch, _) = next(&mut dispatcher, 0).expect("a job is ready");
    dispatcher.finish(batch, vec![Ok(())], at(10));
    let progress = dispatcher.take_progress().expect("a job was delivered");
    assert!(next(&mut dispatcher, 1_009).is_some());
    assert_eq!(next(&mut dispatcher, 1_010), None);
    assert_eq!(dispatcher.status(at(1_010)).held, Some(Held::ProgressUnconfirmed));
    dispatcher.progress_failed(progress);
    assert_eq!(next(&mut dispatcher, 1_010), None);
    dispatcher.take_progress().expect("it was put back");
    dispatcher.confirm_progress();
    assert!(next(&mut dispatcher, 1_010).is_some());
}

#[test]
fn a_destination_that_is_down_gets_one_probe_at_a_time() {
    let limits = Limits { batch_jobs: 1, batch_age_ms: 0, ..Limits::default() };
    let mut dispatcher = dispatcher(limits);
    (0..20).for_each(|n| dispatcher.add(n, vec![job(n, n)], at(0)));
    for _ in 0..BREAKER_FAILURES {
        let (batch, _) = next(&mut dispatcher, 0).expect("the breaker is closed");
        dispatcher.finish(batch, vec![Err(retry(true))], at(0));
    }
    assert_eq!(dispatcher.status(at(0)).breaker, BreakerState::Open { until: at(1_000) });
    assert_eq!((next(&mut dispatcher, 999), dispatcher.wait(at(0))), (None, Some(1_000)));
    let (probe, _) = next(&mut dispatcher, 1_000).expect("a probe");
    assert_eq!((next(&mut dispatcher, 1_000), dispatcher.wait(at(1_000))), (None, None));
    dispatcher.finish(probe, vec![Err(retry(false))], at(1_001));
    assert!(next(&mut dispatcher, 1_001).is_some(), "an answer shows that it is up");
}

#[test]
fn a_job_is_retried_for_its_time_and_then_is_a_dead_letter() {
    let limits = Limits { batch_age_ms: 0, retry_for_ms: 60_000, ..Limits::default() };
    let mut dispatcher = dispatcher(limits);
    dispatcher.add(0, vec![job(0, 0)], at(0));
    let mut now = 0;
    while dispatcher.status(at(now)).open_jobs > 0 {
        now += dispatcher.wait(at(now)).expect("it is retried") as i64;
        let (batch, _) = next(&mut dispatcher, now).expect("it is due");
        // Without an answer for it.
        dispatcher.finish(batch, Vec::new(), at(now));
    }
    assert_eq!(now, 60_000);
    let progress = dispatcher.take_progress().expect("a dead letter");
    assert_eq!((progress.dead[0].since, progress.dead[0].at), (at(0), at(60_000)));
    assert_eq!(progress.failed.into_iter().collect::<Vec<_>>(), [("no_answer".to_owned(), 1)]);
}

#[test]
fn dead_letters_and_open_jobs_are_bounded() {
    let mut dispatcher = dispatcher(Limits { batch_age_ms: 0, ..Limits::default() });
    let mut n = 0;
    while dispatcher.has_room() {
        dispatcher.add(n, vec![job(n, n)], at(0));
        n += 1;
    }
    assert_eq!(n, OPEN_MAX as u64);
    dispatcher.set_dead_letters(DEAD_LETTERS_MAX);
    assert_eq!((next(&mut dispatcher, 0), dispatcher.wait(at(0))), (None, None));
    assert_eq!(dispatcher.status(at(0)).held, Some(Held::DeadLettersFull));
    dispatcher.set_dead_letters(DEAD_LETTERS_MAX - 2);
    assert!(next(&mut dispatcher, 0).is_some());
}

#[test]
fn a_refused_mapping_is_a_dead_letter_and_the_rest_of_its_message_stays_open() {
    let mut dispatcher = dispatcher(Limits::default());
    dispatcher.refuse(4, "broken", "mapping", "userId is missing", at(5));
    dispatcher.add(4, vec![job(4, 1)], at(5));
    let progress = dispatcher.take_progress().expect("a dead letter");
    assert_eq!((progress.place, progress.dead.len()), (5, 1));
    assert_eq!(progress.opened[0].mappings, ["mapping"]);
}

fn unknown() -> Failure {
    let (reason, text) = ("timeout".to_owned(), "no answer in time".to_owned());
    Failure::Unknown { reason, text, is_outage: true }
}

#[test]
fn what_may_have_been_taken_is_sent_again_or_given_up_as_its_job_says() {
    let mut dispatcher = dispatcher(Limits { batch_jobs: 4, ..Limits::default() });
    let once = |n| Job { is_once: true, ..job(n, n) };
    for (n, job) in [job(0, 0), once(1), once(2), once(3)].into_iter().enumerate() {
        dispatcher.add(n as u64, vec![job], at(0));
    }
    let (batch, _) = next(&mut dispatcher, 0).expect("a full batch");
    let results = vec![Err(unknown()), Err(unknown()), Err(retry(false))];
    let given_up = Fate::GivenUp { reason: OUTCOME_UNKNOWN.to_owned() };
    // Of the last one the receiver says nothing.
    let fates = [Fate::Retried, given_up.clone(), Fate::Retried, given_up];
    assert_eq!(dispatcher.finish(batch, results, at(1)), fates);
    let progress = dispatcher.take_progress().expect("dead letters");
    let dead: Vec<u64> = progress.dead.iter().map(|dead| dead.offset).collect();
    assert_eq!(dead, [1, 3]);
    assert!(progress.dead[0].text.contains("timeout: no answer in time"), "{:?}", progress.dead);
}

#[test]
fn what_was_being_handed_over_when_the_process_ended_is_a_dead_letter_that_was_sent() {
    let mut dispatcher = dispatcher(Limits { batch_age_ms: 0, ..Limits::default() });
    dispatcher.lose(4, "first", at(1), at(5));
    dispatcher.add(4, vec![job(4, 1)], at(5));
    dispatcher.lose(5, "first", at(2), at(5));
    dispatcher.add(5, Vec::new(), at(5));
    let progress = dispatcher.take_progress().expect("dead letters");
    let dead = progress.dead.iter().map(|dead| (dead.offset, dead.attempts, dead.since));
    assert_eq!(dead.collect::<Vec<_>>(), [(4, 1, at(1)), (5, 1, at(2))]);
    assert_eq!(progress.opened[0].mappings, ["mapping"], "the other job of its message is open");
    assert_eq!((progress.place, progress.opened.len()), (6, 1));
}

/// Run with `cargo test --release -p activation -- --ignored --nocapture`.
#[test]
#[ignore = "measures"]
fn throughput() {
    const JOBS: u64 = 1_000_000;
    let mut dispatcher = dispatcher(Limits { batch_age_ms: 0, ..Limits::default() });
    let started = std::time::Instant::now();
    let (mut n, mut delivered) = (0, 0);
    while delivered < JOBS {
        while n < JOBS && dispatcher.has_room() {
            dispatcher.add(n, vec![job(n, n * 7 % 50_000)], at(0));
            n += 1;
        }
        let batches: Vec<_> = std::iter::from_fn(|| next(&mut dispatcher, 0)).collect();
        for (batch, offsets) in batches {
            delivered += offsets.len() as u64;
            dispatcher.finish(batch, vec![Ok(()); offsets.len()], at(0));
        }
        dispatcher.take_progress();
        dispatcher.confirm_progress();
    }
    println!("{:.0} jobs a second", JOBS as f64 / started.elapsed().as_secs_f64());
}
