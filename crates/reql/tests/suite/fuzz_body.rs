//! What the fuzz target does with its input; a test does the same with a short corpus.

use super::catalogue::{Catalogue, Request};

/// Any text is refused or evaluates, and both evaluators agree on its value.
pub(crate) fn parse_and_evaluate(bytes: &[u8]) {
    let Ok(expression) = reql::parse(&String::from_utf8_lossy(bytes)) else {
        return;
    };
    let catalogue = Catalogue::sample();
    // Whether the types fit changes nothing: what was not checked evaluates too.
    let _ = expression.check(&catalogue);
    let compiled = expression.compile(&catalogue, &Request);
    for row in 0..3 {
        let reference = expression.evaluate(&catalogue, &Request, row);
        // What takes the reference too many steps may have a value in less; other nulls are
        // compared by the tests of agreement.
        if reference == reql::Value::Null {
            continue;
        }
        assert_eq!(compiled.evaluate(row), reference, "{} in row {row}", expression.text());
        let (is_true, number) = (reference == reql::Value::Boolean(true), number_of(&reference));
        assert_eq!(compiled.evaluate_boolean(row), is_true, "{} in row {row}", expression.text());
        let same_bits = compiled.evaluate_number(row).map(canonical) == number.map(canonical);
        assert!(
            same_bits,
            "{} in row {row}: {:?}",
            expression.text(),
            compiled.evaluate_number(row)
        );
        if let Some(constant) = compiled.constant() {
            assert_eq!(constant, reference, "{} in row {row}", expression.text());
        }
    }
}

pub(crate) fn number_of(value: &reql::Value) -> Option<f64> {
    match value {
        reql::Value::Int(int) => Some(*int as f64),
        reql::Value::Double(double) | reql::Value::Timestamp(double) => Some(*double),
        _ => None,
    }
}

/// One bit pattern for all NaNs.
pub(crate) fn canonical(number: f64) -> u64 {
    if number.is_nan() { f64::NAN.to_bits() } else { number.to_bits() }
}
