//! Functions of numbers, shared by both evaluators.

use std::cmp::Ordering;

use crate::geo::earth_distance;
use crate::number::Number;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Math {
    Max,
    Min,
    Avg,
    Round,
    Floor,
    Ceil,
    Abs,
    Sqrt,
    Pow,
    Log,
    EarthDistance,
}

impl Math {
    /// Whether the function takes any number of arguments, or one set or array of them.
    pub(crate) fn takes_many(self) -> bool {
        matches!(self, Self::Max | Self::Min | Self::Avg)
    }

    /// Whether whole arguments give a whole result.
    pub(crate) fn keeps_int(self) -> bool {
        matches!(self, Self::Max | Self::Min | Self::Round | Self::Floor | Self::Ceil | Self::Abs)
    }

    /// Applies the function; the parser has checked the number of arguments.
    pub(crate) fn apply(self, arguments: &[Number]) -> Number {
        match (self, arguments) {
            (Self::Max, _) => find_extreme(arguments, Ordering::Greater),
            (Self::Min, _) => find_extreme(arguments, Ordering::Less),
            (Self::Avg, _) => {
                let sum: f64 = arguments.iter().map(|number| number.as_f64()).sum();
                Number::Double(sum / arguments.len() as f64)
            }
            (Self::Round | Self::Floor | Self::Ceil, [int @ Number::Int(_)]) => *int,
            (Self::Abs, [int @ Number::Int(value)]) => {
                if *value < 0 {
                    int.negate()
                } else {
                    *int
                }
            }
            (Self::Round, [x]) => Number::Double(x.as_f64().round()),
            (Self::Floor, [x]) => Number::Double(x.as_f64().floor()),
            (Self::Ceil, [x]) => Number::Double(x.as_f64().ceil()),
            (Self::Abs, [x]) => Number::Double(x.as_f64().abs()),
            (Self::Sqrt, [x]) => Number::Double(x.as_f64().sqrt()),
            (Self::Pow, [x, y]) => Number::Double(x.as_f64().powf(y.as_f64())),
            (Self::Log, [x]) => Number::Double(x.as_f64().ln()),
            (Self::Log, [x, base]) => Number::Double(compute_logarithm(x.as_f64(), base.as_f64())),
            (Self::EarthDistance, [lat1, lon1, lat2, lon2]) => Number::Double(earth_distance(
                [lat1.as_f64(), lon1.as_f64()],
                [lat2.as_f64(), lon2.as_f64()],
            )),
            _ => unreachable!("the parser checks the number of arguments"),
        }
    }
}

/// Finds the largest or smallest number, the first of equal ones; NaN if one is NaN.
fn find_extreme(numbers: &[Number], wanted: Ordering) -> Number {
    let better = |best: Number, next: Number| match next.compare(best) {
        Some(ordering) if ordering == wanted => next,
        Some(_) => best,
        None => Number::Double(f64::NAN),
    };
    numbers.iter().copied().reduce(better).expect("the parser checks that there is an argument")
}

/// Exact for powers of the two bases that people use, which a quotient of logarithms is not.
fn compute_logarithm(x: f64, base: f64) -> f64 {
    if base == 2.0 {
        x.log2()
    } else if base == 10.0 {
        x.log10()
    } else {
        x.log(base)
    }
}
