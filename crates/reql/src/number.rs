//! Arithmetic and comparison of integers and doubles, shared by both evaluators.

use std::cmp::Ordering;

use crate::syntax::ArithmeticOp;

/// An operand of arithmetic; a timestamp counts as its seconds.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Number {
    Int(i64),
    Double(f64),
}

impl Number {
    pub(crate) fn as_f64(self) -> f64 {
        match self {
            Self::Int(int) => int as f64,
            Self::Double(double) => double,
        }
    }

    pub(crate) fn is_nan(self) -> bool {
        matches!(self, Self::Double(double) if double.is_nan())
    }

    /// Compares by exact value; none if one is NaN.
    pub(crate) fn compare(self, other: Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Int(left), Self::Int(right)) => Some(left.cmp(&right)),
            (Self::Double(left), Self::Double(right)) => left.partial_cmp(&right),
            (Self::Int(left), Self::Double(right)) => compare_int_double(left, right),
            (Self::Double(left), Self::Int(right)) => {
                compare_int_double(right, left).map(Ordering::reverse)
            }
        }
    }

    pub(crate) fn negate(self) -> Self {
        match self {
            Self::Int(int) => int.checked_neg().map_or(Self::Double(-(int as f64)), Self::Int),
            Self::Double(double) => Self::Double(-double),
        }
    }

    /// Applies an operator of numbers; none for an operator of sets.
    pub(crate) fn apply(self, op: ArithmeticOp, other: Self) -> Option<Self> {
        if let (Self::Int(left), Self::Int(right)) = (self, other) {
            let exact = match op {
                ArithmeticOp::Add => left.checked_add(right),
                ArithmeticOp::Subtract => left.checked_sub(right),
                ArithmeticOp::Multiply => left.checked_mul(right),
                ArithmeticOp::Remainder if right != 0 => Some(left.wrapping_rem(right)),
                _ => None,
            };
            if let Some(exact) = exact {
                return Some(Self::Int(exact));
            }
        }
        let (left, right) = (self.as_f64(), other.as_f64());
        Some(Self::Double(match op {
            ArithmeticOp::Add => left + right,
            ArithmeticOp::Subtract => left - right,
            ArithmeticOp::Multiply => left * right,
            ArithmeticOp::Divide if right == 0.0 => f64::NAN,
            ArithmeticOp::Divide => left / right,
            ArithmeticOp::Remainder => left % right,
            ArithmeticOp::Intersect => return None,
        }))
    }
}

/// Compares exactly, where converting the integer to double precision would round it.
fn compare_int_double(int: i64, double: f64) -> Option<Ordering> {
    const TWO_TO_53: u64 = 1 << 53;
    const TWO_TO_63: f64 = 9_223_372_036_854_775_808.0;
    if int.unsigned_abs() <= TWO_TO_53 {
        // Double precision holds these exactly, and they are nearly all there are.
        (int as f64).partial_cmp(&double)
    } else if double.is_nan() {
        None
    } else if double >= TWO_TO_63 {
        Some(Ordering::Less)
    } else if double < -TWO_TO_63 {
        Some(Ordering::Greater)
    } else {
        let whole = double.trunc();
        Some(int.cmp(&(whole as i64)).then(if double > whole {
            Ordering::Less
        } else if double < whole {
            Ordering::Greater
        } else {
            Ordering::Equal
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_and_broken_numbers_compare_by_exact_value() {
        let compare = |int, double| Number::Int(int).compare(Number::Double(double));
        assert_eq!(compare(1, 1.0), Some(Ordering::Equal));
        assert_eq!(compare(1, 1.5), Some(Ordering::Less));
        assert_eq!(compare(-1, -1.5), Some(Ordering::Greater));
        assert_eq!(compare((1 << 53) + 1, (1u64 << 53) as f64), Some(Ordering::Greater));
        assert_eq!(compare(i64::MAX, i64::MAX as f64), Some(Ordering::Less));
        assert_eq!(compare(i64::MIN, i64::MIN as f64), Some(Ordering::Equal));
        assert_eq!(compare(0, f64::NAN), None);
        assert_eq!(compare(0, f64::NEG_INFINITY), Some(Ordering::Greater));
    }
}
