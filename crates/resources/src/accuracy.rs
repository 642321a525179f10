//! How accurate lists are beside popularity, as the training run of the model in use has measured
//! it: for traits and scenarios before anybody gets them.

use domain::ListRequest;
use engine::{ActivityGroup, Engine, Hits, MEASURED_LENGTHS, Rate};
use serde::Serialize;

/// The quantile of the normal distribution that leaves 2.5 % on either side.
const Z: f64 = 1.959_963_984_540_054;

/// How often lists held at least one item that their person went on to choose: measured when the
/// model was trained, on people's last choices, which the judged model had not seen.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct Accuracy {
    /// The version of the model whose training run measured it.
    pub model: String,
    /// The length of the measured lists: up to that asked for.
    pub length: u32,
    /// All people of the measurement.
    pub all: MeasuredGroup,
    /// The same by how active people were, the least active first: fifths by their number of
    /// interactions, fewer where many have the same number.
    pub by_activity: Vec<MeasuredGroup>,
    /// How much further the lists of the most active group are ahead of popularity than those of
    /// all others. Absent where there is one group only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub most_active: Option<Difference>,
}

/// The accuracy of lists for some people.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct MeasuredGroup {
    /// The fewest interactions of a person.
    pub interactions_min: u32,
    /// The most.
    pub interactions_max: u32,
    /// The number of people.
    pub n_people: u64,
    /// The people whose list had a hit.
    pub hit_rate: Share,
    /// The people whose list of popular items had one.
    pub popular_hit_rate: Share,
    /// Of the first less the second, with its interval over the same people.
    pub ahead: Difference,
}

/// A difference of two shares, from -1 to 1, with its 95 % interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, utoipa::ToSchema)]
pub struct Difference {
    /// The difference that was measured.
    pub value: f64,
    /// The lower bound.
    pub low: f64,
    /// The upper bound.
    pub high: f64,
}

/// A share from 0 to 1 with its 95 % interval (Wilson).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, utoipa::ToSchema)]
pub struct Share {
    /// The share in the sample; 0 where it is empty.
    pub value: f64,
    /// The lower bound for all.
    pub low: f64,
    /// The upper bound.
    pub high: f64,
}

impl Accuracy {
    /// The accuracy of the training run of the model in use, for lists of up to `count` items as
    /// these; or why it says nothing of them.
    pub(crate) fn measured(
        engine: &Engine,
        list: &ListRequest,
        count: u32,
    ) -> Result<Self, &'static str> {
        if list.item_type.is_some() {
            return Err("training judges lists of items, not lists of the values of a property");
        }
        if !list.is_personal() {
            return Err(
                "training judges lists that follow from everything a person did, and this one \
                        does not",
            );
        }
        let training = engine.training().ok_or("there is no model yet: train one")?;
        let length = MEASURED_LENGTHS.into_iter().rev().find(|length| *length <= count);
        let length = length.unwrap_or(MEASURED_LENGTHS[0]);
        let groups = training.by_activity.iter();
        let groups: Vec<Counted> = groups.filter_map(|group| Counted::new(group, length)).collect();
        let all = groups.iter().copied().reduce(Counted::and).ok_or(
            "the training run of the model in use has not measured it: too few people had new items \
             to be judged by, or an earlier version trained it",
        )?;
        let most_active = match groups.split_last() {
            Some((most, rest)) if !rest.is_empty() => {
                let rest = rest.iter().copied().reduce(Counted::and).expect("there are some");
                Some(most.ahead().less(rest.ahead()))
            }
            _ => None,
        };
        Ok(Self {
            model: training.version,
            length,
            all: all.group(),
            by_activity: groups.iter().map(Counted::group).collect(),
            most_active: most_active.map(Estimate::difference),
        })
    }
}

/// The hits of a group of people with lists of one length.
#[derive(Clone, Copy)]
struct Counted {
    interactions_min: u32,
    interactions_max: u32,
    n: u32,
    hits: Hits,
}

/// A difference with the variance of its estimate.
#[derive(Clone, Copy)]
struct Estimate {
    value: f64,
    variance: f64,
}

impl Counted {
    fn new(group: &ActivityGroup, length: u32) -> Option<Self> {
        let hits = *group.hits.iter().find(|hits| hits.length == length)?;
        let ActivityGroup { interactions_min, interactions_max, n_users, .. } = *group;
        Some(Self { interactions_min, interactions_max, n: n_users, hits })
    }

    fn and(self, other: Self) -> Self {
        Self {
            interactions_min: self.interactions_min.min(other.interactions_min),
            interactions_max: self.interactions_max.max(other.interactions_max),
            n: self.n + other.n,
            hits: Hits {
                own: self.hits.own + other.hits.own,
                popular: self.hits.popular + other.hits.popular,
                both: self.hits.both + other.hits.both,
                ..self.hits
            },
        }
    }

    /// How far the lists are ahead of popularity. Both are for the same people, so that only those
    /// count for the variance for whom one alone has a hit.
    fn ahead(self) -> Estimate {
        let Hits { own, popular, both, .. } = self.hits;
        let n = f64::from(self.n);
        let value = (f64::from(own) - f64::from(popular)) / n;
        let n_one = f64::from(own + popular - 2 * both);
        Estimate { value, variance: (n_one / n - value * value).max(0.0) / n }
    }

    fn group(&self) -> MeasuredGroup {
        let share = |n: u32| Share::new(n.into(), self.n.into());
        MeasuredGroup {
            interactions_min: self.interactions_min,
            interactions_max: self.interactions_max,
            n_people: self.n.into(),
            hit_rate: share(self.hits.own),
            popular_hit_rate: share(self.hits.popular),
            ahead: self.ahead().difference(),
        }
    }
}

impl Estimate {
    /// The difference of two estimates of different people.
    fn less(self, other: Self) -> Self {
        Self { value: self.value - other.value, variance: self.variance + other.variance }
    }

    fn difference(self) -> Difference {
        let half = Z * self.variance.sqrt();
        let bound = |value: f64| value.clamp(-1.0, 1.0);
        Difference {
            value: self.value,
            low: bound(self.value - half),
            high: bound(self.value + half),
        }
    }
}

impl Share {
    pub(crate) fn new(n: u64, of: u64) -> Self {
        let Rate { value, low, high } = Rate::new(n, of);
        Self { value: value.unwrap_or(0.0), low, high }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_narrow_the_interval() {
        let counted = |both| Counted {
            interactions_min: 1,
            interactions_max: 2,
            n: 100,
            hits: Hits { length: 5, own: 40, popular: 30, both },
        };
        let width = |difference: Difference| difference.high - difference.low;
        let (paired, apart) = (counted(30).group().ahead, counted(0).group().ahead);
        assert!((paired.value - 0.1).abs() < 1e-9 && paired.value == apart.value);
        assert!(paired.low > 0.0 && apart.low < 0.0 && width(paired) < width(apart));
        let doubled = counted(30).and(counted(30));
        assert_eq!((doubled.n, doubled.group().hit_rate.value), (200, 0.4));
        let none = counted(30).ahead().less(counted(30).ahead()).difference();
        assert!(none.value == 0.0 && width(none) > width(paired));
    }
}
