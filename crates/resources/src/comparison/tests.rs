use engine::CLUSTERS;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

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

fn compared(first: [Cluster; CLUSTERS], other: [Cluster; CLUSTERS]) -> Comparison {
    compare(("A", &Clusters::new(first)), ("B", &Clusters::new(other)), MEASURE, 2)
}

fn is_decided(comparison: &Comparison) -> bool {
    matches!(comparison.verdict, Verdict::Better | Verdict::Worse)
}

#[test]
fn intervals_cover_the_truth_and_false_alarms_are_as_rare_as_they_say() {
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
        alarms += usize::from(is_decided(&compared(first, same)));
        let (first, same) = (deal_out(&mut random, &first), deal_out(&mut random, &same));
        naive_alarms += usize::from(is_decided(&compared(first, same)));
    }
    let share = |n: usize| n as f64 / TRIALS as f64;
    println!(
        "coverage {}, false alarms {}, were lists independent {}",
        share(covered),
        share(alarms),
        share(naive_alarms)
    );
    // Four standard deviations of a share of 0.05 among 1,200 are 0.025.
    assert!((share(covered) - 0.95).abs() < 0.025, "{covered}");
    assert!((share(alarms) - 0.05).abs() < 0.025, "{alarms}");
    // The reason for clusters: lists of one person are not independent.
    assert!(share(naive_alarms) > 0.12, "{naive_alarms}");
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
    let tail = (1.0 - CERTAINTY) / 2.0;
    let needed = |random: &mut StdRng| {
        let (first, other) = (draw(random, PEOPLE, 1.0), draw(random, PEOPLE, 1.3));
        let sample = |clusters| Sample::new(&Clusters::new(clusters), MEASURE);
        let (first, other) = (sample(first), sample(other));
        let lists = first.lists + other.lists;
        let scaled = |sample: &Sample| Sample {
            lists: sample.lists / SCALE,
            successes: sample.successes / SCALE,
            variance: sample.variance * SCALE,
            n_clusters: CLUSTERS,
        };
        let missing = lists_missing(&scaled(&first), &scaled(&other), tail).unwrap();
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
    let unsold = compare(
        ("A", &Clusters::new(even(100, 4))),
        ("B", &Clusters::new(even(100, 4))),
        Measure::ConversionRate,
        2,
    );
    assert_eq!(unsold.sentence, "not enough yet: nothing has come of any list");
}

#[test]
fn more_groups_take_more_certainty() {
    let group = |clicked| Clusters::new(even(100, clicked));
    let width = |n_groups| {
        let seen = compare(("A", &group(4)), ("B", &group(5)), MEASURE, n_groups);
        seen.high.unwrap() - seen.low.unwrap()
    };
    assert!(width(5) > 1.2 * width(2));
}
