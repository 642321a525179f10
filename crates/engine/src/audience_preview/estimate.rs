//! Numbers of people that follow from some of them.

/// The quantile of the normal distribution that leaves 2.5 % on either side.
const Z: f64 = 1.959_964;

/// A number of people.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Estimate {
    /// The number, or the most likely one.
    pub count: u64,
    /// The lower end of the 95 % interval.
    pub low: u64,
    /// The upper end.
    pub high: u64,
}

impl Estimate {
    /// A number that was counted.
    pub fn exact(count: u64) -> Self {
        Self { count, low: count, high: count }
    }

    /// Whether it was counted.
    pub fn is_exact(&self) -> bool {
        self.low == self.high
    }

    /// The number among `n_all`, of whom `n_asked` at random were asked and `n_found` are such.
    ///
    /// The interval is Wilson's for a share, with the sample's size corrected for a finite number
    /// of people (E. B. Wilson, 1927).
    pub(crate) fn of_sample(n_found: u64, n_asked: u64, n_all: u64) -> Self {
        if n_asked >= n_all {
            return Self::exact(n_found);
        }
        if n_asked == 0 {
            return Self { count: 0, low: 0, high: n_all };
        }
        let (found, asked, all) = (n_found as f64, n_asked as f64, n_all as f64);
        let n = asked * (all - 1.0) / (all - asked);
        let share = found / asked;
        let scale = 1.0 + Z * Z / n;
        let middle = (share + Z * Z / (2.0 * n)) / scale;
        let half = Z / scale * (share * (1.0 - share) / n + Z * Z / (4.0 * n * n)).sqrt();
        let at = |share: f64| share.clamp(0.0, 1.0) * all;
        let (least, most) = (n_found, n_all - (n_asked - n_found));
        Self {
            count: (share * all).round() as u64,
            low: (at(middle - half).floor() as u64).clamp(least, most),
            high: (at(middle + half).ceil() as u64).clamp(least, most),
        }
    }

    /// The number among as many as this, of whom `n_asked` at random were asked and `n_found` are
    /// such. Both intervals together are wider than 95 %.
    pub(super) fn part(self, n_found: u64, n_asked: u64) -> Self {
        if self.is_exact() {
            return Self::of_sample(n_found, n_asked, self.count);
        }
        if n_asked == 0 {
            return Self { count: 0, low: 0, high: self.high };
        }
        let scale = |n_all: u64| Self::of_sample(n_found, n_asked, n_all.max(n_asked));
        let count = n_found as f64 / n_asked as f64 * self.count as f64;
        Self { count: count.round() as u64, low: scale(self.low).low, high: scale(self.high).high }
    }
}

#[cfg(test)]
mod tests {
    use super::super::people_order::PeopleOrder;
    use super::*;

    #[test]
    fn intervals_of_95_percent_cover_the_truth_that_often() {
        const PEOPLE: usize = 20_000;
        let order = PeopleOrder::new(PEOPLE);
        let asked: Vec<u64> = (0..order.n_places())
            .filter_map(|place| Some(u64::from(order.at(place)?.0)))
            .take(1_000)
            .collect();
        let mut n_covered = 0;
        for trial in 0..400_u64 {
            // One of 2 to 201 people, without a pattern.
            let one_of = 2 + trial % 200;
            let is_one = |user: &&u64| {
                let hash = (**user ^ (trial << 32)).wrapping_mul(0x9E37_79B9_7F4A_7C15);
                (hash ^ (hash >> 29)).wrapping_mul(0xBF58_476D_1CE4_E5B9) >> 33 < (1 << 31) / one_of
            };
            let truth = (0..PEOPLE as u64).filter(|user| is_one(&user)).count() as u64;
            let n_found = asked.iter().filter(is_one).count() as u64;
            let estimate = Estimate::of_sample(n_found, 1_000, PEOPLE as u64);
            n_covered += u32::from((estimate.low..=estimate.high).contains(&truth));
        }
        assert!((372..=396).contains(&n_covered), "{n_covered} of 400");
    }

    #[test]
    fn intervals_narrow_as_more_are_asked_and_end_at_the_number() {
        let estimate = Estimate::of_sample;
        assert_eq!(estimate(0, 0, 10), Estimate { count: 0, low: 0, high: 10 });
        assert_eq!(estimate(4, 10, 10), Estimate::exact(4));
        let few = estimate(15, 100, 2_000_000);
        let many = estimate(15_000, 100_000, 2_000_000);
        assert_eq!((few.count, many.count), (300_000, 300_000));
        assert!(few.low < many.low && many.high < few.high, "{few:?} {many:?}");
        assert!(many.high - many.low < 10_000, "{many:?}");
        // Nobody was found, which does not mean that there is nobody.
        assert!(estimate(0, 1_000, 1_000_000).high > 3_000);
        let part = many.part(500, 1_000);
        assert!(part.count == 150_000 && part.low < 145_000 && part.high > 155_000, "{part:?}");
        assert_eq!(Estimate::exact(8).part(3, 8), Estimate::exact(3));
    }
}
