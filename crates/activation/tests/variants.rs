//! The test of variants: it seldom names a winner where there is none, however often it is looked
//! at, and finds one that is there.

use activation::{ALPHA, PEOPLE_MIN, VariantCounts, leading, sure_winner};
use domain::VariantObjective::{self, Clicks, Conversions, Revenue};

/// People of each variant between two looks.
const STEP: u64 = 50;
const SIMULATIONS: u64 = 400;

struct Random(u64);

impl Random {
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut value = self.0;
        value = (value ^ (value >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        value = (value ^ (value >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((value ^ (value >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }
}

/// Sends to some people: a share of them clicks and buys, for a price that varies much.
fn send(counts: &mut VariantCounts, rate: f64, random: &mut Random) {
    for _ in 0..STEP {
        counts.people += 1;
        if random.next() < rate {
            let price = -40.0 * (1.0 - random.next()).ln();
            counts.clicked += 1;
            counts.converted += 1;
            counts.revenue += price;
            counts.revenue_squared += price * price;
        }
    }
}

/// In which share of simulations a winner is named, and how often it is the last variant; looking
/// after each step.
fn named(rates: &[f64], people: u64, objective: VariantObjective) -> (f64, f64) {
    let (mut n_named, mut n_last) = (0, 0);
    for seed in 0..SIMULATIONS {
        let mut random = Random(seed.wrapping_mul(7_919));
        let mut counts = vec![VariantCounts::default(); rates.len()];
        for _ in 0..people / STEP {
            for (counts, rate) in counts.iter_mut().zip(rates) {
                send(counts, *rate, &mut random);
            }
            if let Some(winner) = sure_winner(&counts, objective) {
                n_named += 1;
                n_last += u64::from(winner == rates.len() - 1);
                break;
            }
        }
    }
    (n_named as f64 / SIMULATIONS as f64, n_last as f64 / SIMULATIONS as f64)
}

#[test]
fn where_all_are_alike_a_winner_is_seldom_named_however_often_it_is_looked_at() {
    for (rates, objective) in [
        (&[0.2, 0.2][..], Clicks),
        (&[0.05, 0.05], Conversions),
        (&[0.1, 0.1], Revenue),
        (&[0.1, 0.1, 0.1], Clicks),
    ] {
        let (share, _) = named(rates, 5_000, objective);
        assert!(share <= ALPHA, "{rates:?}, {objective:?}: {share}");
    }
}

#[test]
fn a_better_variant_wins() {
    let (_, found) = named(&[0.10, 0.13], 10_000, Clicks);
    assert!(found > 0.9, "{found}");
    let (_, found) = named(&[0.05, 0.05, 0.10], 10_000, Revenue);
    assert!(found > 0.9, "{found}");
}

#[test]
fn nobody_wins_with_few_people_and_the_first_of_the_best_is_ahead() {
    let counts = |people, clicked| VariantCounts { people, clicked, ..VariantCounts::default() };
    let few = PEOPLE_MIN - 1;
    assert_eq!(sure_winner(&[counts(few, 0), counts(few, few)], Clicks), None);
    assert_eq!(sure_winner(&[counts(200, 0), counts(200, 200)], Clicks), Some(1));
    assert_eq!(sure_winner(&[counts(200, 0), counts(200, 0)], Clicks), None);
    assert_eq!(leading(&[counts(10, 1), counts(20, 2), counts(5, 0)], Clicks), Some(0));
    assert_eq!(leading(&[counts(10, 1), counts(10, 2)], Conversions), Some(0));
    assert_eq!(leading(&[], Clicks), None);
}
