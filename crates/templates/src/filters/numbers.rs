//! Filters of numbers: whole ones of 64 bits, and floating ones where those do not fit.

use serde_json::{Number, Value};

use super::{Outcome, whole};

#[derive(Clone, Copy)]
enum Operand {
    Whole(i64),
    Float(f64),
}

impl Operand {
    fn of(value: &Value) -> Result<Self, String> {
        let number = match value {
            Value::String(text) => {
                let text = text.trim();
                let whole = text.parse().ok().map(Self::Whole);
                whole.or_else(|| text.parse().ok().map(Self::Float))
            }
            value => value.as_i64().map(Self::Whole).or_else(|| value.as_f64().map(Self::Float)),
        };
        number.ok_or_else(|| match value {
            Value::String(text) => {
                let start: String = text.chars().take(40).collect();
                format!("{start:?} is no number")
            }
            value => format!("{} is no number", crate::values::kind_of(value)),
        })
    }

    fn float(self) -> f64 {
        match self {
            Self::Whole(whole) => whole as f64,
            Self::Float(float) => float,
        }
    }
}

fn value(number: f64) -> Outcome {
    let number = Number::from_f64(number).ok_or("the result is no finite number")?;
    Ok(Value::Number(number))
}

fn combine(
    input: &Value,
    arguments: &[Value],
    whole: impl FnOnce(i64, i64) -> Option<i64>,
    float: impl FnOnce(f64, f64) -> f64,
) -> Outcome {
    let left = Operand::of(input)?;
    let right = Operand::of(arguments.first().unwrap_or(&Value::Null))?;
    if let (Operand::Whole(left), Operand::Whole(right)) = (left, right)
        && let Some(result) = whole(left, right)
    {
        return Ok(result.into());
    }
    value(float(left.float(), right.float()))
}

pub(super) fn abs(input: Value, _: &[Value]) -> Outcome {
    match Operand::of(&input)? {
        Operand::Whole(whole) if whole != i64::MIN => Ok(whole.abs().into()),
        operand => value(operand.float().abs()),
    }
}

pub(super) fn at_least(input: Value, arguments: &[Value]) -> Outcome {
    combine(&input, arguments, |a, b| Some(a.max(b)), f64::max)
}

pub(super) fn at_most(input: Value, arguments: &[Value]) -> Outcome {
    combine(&input, arguments, |a, b| Some(a.min(b)), f64::min)
}

/// A float without a fraction as a whole number, where it is one of 64 bits.
fn settle(float: f64) -> Outcome {
    if float.abs() < i64::MAX as f64 { Ok((float as i64).into()) } else { value(float) }
}

fn rounded(input: &Value, round: impl FnOnce(f64) -> f64) -> Outcome {
    match Operand::of(input)? {
        Operand::Whole(whole) => Ok(whole.into()),
        Operand::Float(float) => settle(round(float)),
    }
}

pub(super) fn ceil(input: Value, _: &[Value]) -> Outcome {
    rounded(&input, f64::ceil)
}

pub(super) fn floor(input: Value, _: &[Value]) -> Outcome {
    rounded(&input, f64::floor)
}

pub(super) fn round(input: Value, arguments: &[Value]) -> Outcome {
    let digits = whole(arguments, 0, 0)?.clamp(0, 15);
    if digits == 0 {
        return rounded(&input, f64::round);
    }
    let scale = 10f64.powi(digits as i32);
    match Operand::of(&input)? {
        Operand::Whole(whole) => Ok(whole.into()),
        Operand::Float(float) => value((float * scale).round() / scale),
    }
}

pub(super) fn plus(input: Value, arguments: &[Value]) -> Outcome {
    combine(&input, arguments, i64::checked_add, |a, b| a + b)
}

pub(super) fn minus(input: Value, arguments: &[Value]) -> Outcome {
    combine(&input, arguments, i64::checked_sub, |a, b| a - b)
}

pub(super) fn times(input: Value, arguments: &[Value]) -> Outcome {
    combine(&input, arguments, i64::checked_mul, |a, b| a * b)
}

/// Of whole numbers the whole quotient, rounded down.
pub(super) fn divided_by(input: Value, arguments: &[Value]) -> Outcome {
    refuse_zero(arguments)?;
    combine(&input, arguments, checked_div_floor, |a, b| a / b)
}

/// The remainder, which has the sign of the divisor.
pub(super) fn modulo(input: Value, arguments: &[Value]) -> Outcome {
    refuse_zero(arguments)?;
    let floor = |a: i64, b: i64| a.checked_rem(b).map(|rest| shift(rest, b));
    combine(&input, arguments, floor, |a, b| a - b * (a / b).floor())
}

fn shift(rest: i64, divisor: i64) -> i64 {
    if rest != 0 && (rest < 0) != (divisor < 0) { rest + divisor } else { rest }
}

fn checked_div_floor(a: i64, b: i64) -> Option<i64> {
    let quotient = a.checked_div(b)?;
    Some(if a % b != 0 && (a < 0) != (b < 0) { quotient - 1 } else { quotient })
}

fn refuse_zero(arguments: &[Value]) -> Result<(), String> {
    match Operand::of(arguments.first().unwrap_or(&Value::Null))?.float() {
        0.0 => Err("a number cannot be divided by 0".to_owned()),
        _ => Ok(()),
    }
}
