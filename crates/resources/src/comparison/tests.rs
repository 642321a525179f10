use engine::{CLUSTERS, Cluster, Clusters};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::sample::Sums;
use super::*;

const MEASURE: Measure = Measure::ClickThroughRate;

/// A group of people who differ in how many lists they get and how often they click: of four, one
/// gets many lists, and of five, one clicks often. `factor` is what the group does to all of them.
fn draw(random: &mut StdRng, n_people: usize, factor: f64) -> [Cluster; CLUSTERS] {
    let mut clusters = [Cluster::default(); CLUSTERS];
    for _ in 0..n_people {
        let cluster = &mut clusters[random.random_range(0..CLUSTERS)];
        let n_lists = if random.random_bool(0.25) { random.random_range(5..30) } else { 1 };
        let rate = if random.random_bool(0.2) { 0.3 } else { 0.04 };
        for _ in 0..n_lists {
            cluster.recommendations += 1;
            cluster.clicked += u32::from(random.random_bool(rate * factor));
        }
    }
    clusters
}

/// The same lists as if each were of another person: dealt out to clusters one by one.
fn deal_out(random: &mut StdRng, clusters: &[Cluster; CLUSTERS]) -> [Cluster; CLUSTERS] {
    let mut dealt = [Cluster::default(); CLUSTERS];
    for cluster in clusters {
        for n in 0..cluster.recommendations {
            let to = &mut dealt[random.random_range(0..CLUSTERS)];
            to.recommendations += 1;
            to.clicked += u32::from(n < cluster.clicked);
        }
    }
    dealt
}

fn sample(clusters: [Cluster; CLUSTERS]) -> Sample {
    Sample::of_lists(&Clusters::new(clusters), MEASURE)
}

/// Two groups after ten days.
fn compared(first: [Cluster; CLUSTERS], other: [Cluster; CLUSTERS]) -> Comparison {
    compare(("A", &sample(first)), ("B", &sample(other)), MEASURE, 2, 10.0)
}

fn is_decided(comparison: &Comparison) -> bool {
    matches!(comparison.verdict, Verdict::Better | Verdict::Worse)
}

/// Whether an interval that is right for one look would have no 0 in it.
fn is_alarm_of_one_look(first: &Sample, other: &Sample) -> bool {
    let error = (first.relative_variance() + other.relative_variance()).sqrt();
    (other.mean() / first.mean()).ln().abs() > 1.96 * error
}

#[test]
fn intervals_cover_the_truth_and_lists_of_one_person_are_not_independent() {
    const SEED: u64 = 11;
    const TRIALS: usize = 1_200;
    const PEOPLE: usize = 500;
    println!("seed {SEED}");
    let mut random = StdRng::seed_from_u64(SEED);
    let (mut covered, mut alarms, mut naive_alarms) = (0, 0, 0);
    for _ in 0..TRIALS {
        let first = draw(&mut random, PEOPLE, 1.0);
        let other = draw(&mut random, PEOPLE, 1.2);
        let seen = compared(first, other);
        covered += usize::from(seen.low.unwrap() <= 0.2 && 0.2 <= seen.high.unwrap());
        let same = draw(&mut random, PEOPLE, 1.0);
        alarms += usize::from(is_alarm_of_one_look(&sample(first), &sample(same)));
        let (first, same) = (deal_out(&mut random, &first), deal_out(&mut random, &same));
        naive_alarms += usize::from(is_alarm_of_one_look(&sample(first), &sample(same)));
    }
    let share = |n: usize| n as f64 / TRIALS as f64;
    println!(
        "coverage {}, alarms of one look {}, were lists independent {}",
        share(covered),
        share(alarms),
        share(naive_alarms)
    );
    assert!(share(covered) > 0.98, "{covered}");
    // Four standard deviations of a share of 0.05 among 1,200 are 0.025.
    assert!((share(alarms) - 0.05).abs() < 0.025, "{alarms}");
    // The reason for clusters: lists of one person are not independent.
    assert!(share(naive_alarms) > 0.12, "{naive_alarms}");
}

#[test]
fn whoever_looks_every_day_finds_a_winner_among_equals_in_at_most_one_of_twenty_tests() {
    const SEED: u64 = 13;
    const TRIALS: usize = 300;
    const DAYS: usize = 60;
    const PEOPLE_PER_DAY: usize = 60;
    println!("seed {SEED}");
    let mut random = StdRng::seed_from_u64(SEED);
    let (mut alarms, mut alarms_of_one_look) = (0, 0);
    for _ in 0..TRIALS {
        let mut groups = [[Cluster::default(); CLUSTERS]; 2];
        let (mut is_alarm, mut is_other_alarm) = (false, false);
        for _ in 0..DAYS {
            for group in &mut groups {
                let day = draw(&mut random, PEOPLE_PER_DAY, 1.0);
                for (sum, more) in group.iter_mut().zip(day) {
                    sum.recommendations += more.recommendations;
                    sum.clicked += more.clicked;
                }
            }
            let [first, other] = groups;
            is_alarm |= is_decided(&compared(first, other));
            is_other_alarm |= is_alarm_of_one_look(&sample(first), &sample(other));
        }
        alarms += usize::from(is_alarm);
        alarms_of_one_look += usize::from(is_other_alarm);
    }
    println!("{alarms} of {TRIALS}, with intervals of one look {alarms_of_one_look}");
    assert!(alarms * 20 <= TRIALS, "{alarms}");
    assert!(alarms_of_one_look * 5 > TRIALS, "{alarms_of_one_look}");
}

#[test]
fn with_the_lists_that_were_missing_a_difference_is_mostly_seen() {
    const SEED: u64 = 12;
    const TRIALS: usize = 300;
    println!("seed {SEED}");
    let mut random = StdRng::seed_from_u64(SEED);
    // 64 clusters tell a variance to a sixth only, so that the number of lists follows from many
    // samples, each of them large so that it knows the rates.
    const SAMPLES: usize = 60;
    const PEOPLE: usize = 20_000;
    const SCALE: f64 = 200.0;
    let tails = 1.0 - CERTAINTY;
    let needed = |random: &mut StdRng| {
        let (first, other) = (draw(random, PEOPLE, 1.0), draw(random, PEOPLE, 1.3));
        let lists = sample(first).trials + sample(other).trials;
        let scaled = |clusters| {
            let mut scaled = sample(clusters);
            scaled.trials /= SCALE;
            scaled.total /= SCALE;
            scaled.successes /= SCALE;
            scaled.variance *= SCALE;
            scaled
        };
        let missing = trials_missing(&scaled(first), &scaled(other), tails).unwrap();
        (missing as f64 + lists / SCALE) / lists * PEOPLE as f64
    };
    let n_people = (0..SAMPLES).map(|_| needed(&mut random)).sum::<f64>() / SAMPLES as f64;
    let n_people = n_people as usize;
    let seen = (0..TRIALS)
        .filter(|_| {
            let first = draw(&mut random, n_people, 1.0);
            is_decided(&compared(first, draw(&mut random, n_people, 1.3)))
        })
        .count();
    let power = seen as f64 / TRIALS as f64;
    println!("{n_people} people each, power {power}");
    // Four standard deviations of 0.8 among 300 are 0.092.
    assert!((power - POWER).abs() < 0.1, "{power}");
}

/// Clusters that are all alike but for a little, so that rates are known well.
fn even(recommendations: u32, clicked: u32) -> [Cluster; CLUSTERS] {
    std::array::from_fn(|n| Cluster {
        recommendations,
        clicked: clicked + u32::from(n % 2 == 0),
        converted: 0,
    })
}

#[test]
fn sentences_say_what_follows_and_what_is_missing() {
    let none = [Cluster::default(); CLUSTERS];
    let mut one = none;
    one[3] = Cluster { recommendations: 5_000, clicked: 300, converted: 0 };
    let lines: Vec<String> = [
        (even(1_000, 40), even(1_000, 44)),
        (even(1_000, 44), even(1_000, 40)),
        (even(10_000, 400), even(10_000, 401)),
        (even(100, 4), even(100, 4)),
        (even(10, 0), even(12, 0)),
        (even(5, 0), none),
        (none, none),
        // One cluster may be one person.
        (one, even(1_000, 44)),
    ]
    .into_iter()
    .map(|(first, other)| compared(first, other).sentence)
    .collect();
    insta::assert_snapshot!(lines.join("\n"));
    let bought = || Sample::of_lists(&Clusters::new(even(100, 4)), Measure::ConversionRate);
    let unsold = compare(("A", &bought()), ("B", &bought()), Measure::ConversionRate, 2, 10.0);
    assert_eq!(unsold.sentence, "not enough yet: nothing has come of any list");
}

#[test]
fn more_groups_take_more_certainty() {
    let group = |clicked| sample(even(100, clicked));
    let width = |n_groups| {
        let seen = compare(("A", &group(4)), ("B", &group(5)), MEASURE, n_groups, 10.0);
        seen.high.unwrap() - seen.low.unwrap()
    };
    assert!(width(5) > 1.1 * width(2));
}

/// People of whom each buys with a probability that the trait raises, and pays as much as it
/// happens.
fn buyers(random: &mut StdRng, n_people: usize, rate: f64, measure: Measure) -> Sample {
    let mut clusters: Vec<Sums> =
        (0..CLUSTERS).map(|_| Sums { trials: 0.0, total: 0.0, successes: 0.0 }).collect();
    for _ in 0..n_people {
        let cluster = &mut clusters[random.random_range(0..CLUSTERS)];
        cluster.trials += 1.0;
        if random.random_bool(rate) {
            let paid = random.random_range(10.0..90.0);
            cluster.successes += 1.0;
            cluster.total += if measure == Measure::ValuePerPerson { paid } else { 1.0 };
        }
    }
    Sample::new(clusters, measure == Measure::GoalRate)
}

/// What is told on day 10 of a trait that makes a third more people buy comes about.
#[test]
fn the_days_that_are_missing_are_those_that_it_takes() {
    const SEED: u64 = 14;
    const PEOPLE_PER_DAY: usize = 400;
    println!("seed {SEED}");
    let mut random = StdRng::seed_from_u64(SEED);
    for measure in [Measure::GoalRate, Measure::ValuePerPerson] {
        let mut compare_on = |day: usize| {
            let held_out = buyers(&mut random, day * PEOPLE_PER_DAY / 5, 0.06, measure);
            let with_trait = buyers(&mut random, day * PEOPLE_PER_DAY * 4 / 5, 0.08, measure);
            compare(("held out", &held_out), ("with", &with_trait), measure, 2, day as f64)
        };
        // One estimate is as uncertain as the difference that it is made of: the middle of many.
        let mut told: Vec<u64> =
            (0..41).filter_map(|_| compare_on(10).days_missing).map(|days| days + 10).collect();
        told.sort_unstable();
        let told = told[told.len() / 2] as usize;
        let n_seen = |random: &mut dyn FnMut(usize) -> Comparison, day| {
            (0..60).filter(|_| random(day).verdict == Verdict::Better).count()
        };
        let (seen, soon) = (n_seen(&mut compare_on, told), n_seen(&mut compare_on, told / 4));
        println!("{measure:?}: day {told}, then seen by {seen} of 60, on a quarter by {soon}");
        assert!(seen >= 40 && soon <= 20, "{seen} {soon}");
    }
}

#[test]
fn sentences_of_holdouts_name_the_time() {
    // Clusters that differ by half of what they have, to either side.
    let people = |trials: f64, total: f64| {
        let of = |n: usize| {
            let total = total * if n.is_multiple_of(2) { 0.5 } else { 1.5 };
            Sums { trials, total, successes: total }
        };
        Sample::new((0..CLUSTERS).map(of).collect(), true)
    };
    let measure = Measure::GoalRate;
    let lines: Vec<String> = [
        (people(100.0, 0.0), people(400.0, 0.0)),
        (people(100.0, 5.0), people(400.0, 40.0)),
        (people(100.0, 10.0), people(400.0, 20.0)),
        (people(3.0, 0.2), people(12.0, 0.8)),
        (people(20.0, 1.0), people(80.0, 4.1)),
    ]
    .iter()
    .map(|(first, other)| {
        compare(("held out", first), ("with the trait", other), measure, 2, 12.0).sentence
    })
    .collect();
    insta::assert_snapshot!(lines.join("\n"));
}
