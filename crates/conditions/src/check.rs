//! Bounds of a condition, and that audiences do not lead back to themselves.

use std::collections::BTreeMap;

use crate::condition::{Condition, EventMatch, Filter, Scalar, Test, Window};
use crate::limits::{
    AUDIENCE_CHAIN_MAX, COUNT_MAX, DEPTH_MAX, FILTERS_MAX, PARTS_MAX, PATH_PARTS_MAX,
    VALUE_BYTES_MAX, VALUES_MAX,
};
use crate::values::EACH;

/// What cannot compare dates of events with now.
const TIMELESS: &str = "a sequence of events and rfm";

/// Checks the bounds of a whole condition.
///
/// # Errors
/// A sentence that names the bound.
pub(crate) fn check(condition: &Condition) -> Result<(), String> {
    let mut n_parts = 0;
    check_part(condition, 1, &mut n_parts)
}

fn check_part(condition: &Condition, depth: usize, n_parts: &mut usize) -> Result<(), String> {
    *n_parts += 1;
    if depth > DEPTH_MAX {
        return Err(format!("groups nest deeper than {DEPTH_MAX} levels"));
    }
    if *n_parts > PARTS_MAX {
        return Err(format!("the condition has more than {PARTS_MAX} parts"));
    }
    condition.parts().iter().try_for_each(|part| check_part(part, depth + 1, n_parts))?;
    check_single(condition)
}

/// Checks a condition without its parts.
pub(crate) fn check_single(condition: &Condition) -> Result<(), String> {
    match condition {
        Condition::Event(event) => {
            check_event(&event.event)?;
            check_window(event.window)?;
            let number = event.count.number();
            if number > COUNT_MAX {
                return Err(format!("{number} times is more than the limit of {COUNT_MAX}"));
            }
            Ok(())
        }
        Condition::Trait(filter) | Condition::Account(filter) => check_filter(filter),
        Condition::Audience(key) => check_text("the key of the audience", key),
        Condition::Funnel(funnel) => {
            check_lasting_event(&funnel.first, TIMELESS)?;
            check_lasting_event(&funnel.second, TIMELESS)?;
            check_window(funnel.window)
        }
        Condition::Rfm(rfm) => {
            check_lasting_event(&rfm.event, TIMELESS)?;
            if !rfm.recency.is_sorted_by(|one, next| one < next) {
                return Err("the bounds of recency must ascend".to_owned());
            }
            let frequency = &rfm.frequency;
            if !frequency.is_sorted_by(|one, next| one < next)
                || frequency[0] < 2
                || frequency[3] > COUNT_MAX
            {
                return Err(format!("the bounds of frequency must ascend from 2 to {COUNT_MAX}"));
            }
            Ok(())
        }
        Condition::Recommended(what) => check_text("what is recommended", &what.value),
        Condition::All(_) | Condition::Any(_) | Condition::Not(_) => Ok(()),
    }
}

fn check_window(window: Window) -> Result<(), String> {
    match window {
        Window::Between { nearest, farthest } if nearest >= farthest => {
            Err(format!("{farthest} must be longer than {nearest}"))
        }
        _ => Ok(()),
    }
}

fn check_event(event: &EventMatch) -> Result<(), String> {
    check_text("the name of the event", &event.name)?;
    if event.filters.len() > FILTERS_MAX {
        return Err(format!("an event has more than {FILTERS_MAX} filters"));
    }
    event.filters.iter().try_for_each(check_filter)
}

/// Checks an event whose matching must not depend on now, for the sake of `asking`.
pub(crate) fn check_lasting_event(event: &EventMatch, asking: &str) -> Result<(), String> {
    check_event(event)?;
    match event.filters.iter().find(|filter| filter.is_relative()) {
        Some(filter) => Err(format!(
            "{:?} compares a date with now, which {asking} cannot: compare with a date",
            filter.path
        )),
        None => Ok(()),
    }
}

pub(crate) fn check_filter(filter: &Filter) -> Result<(), String> {
    check_path(&filter.path)?;
    check_test(&filter.test)
}

/// Checks where a value is looked for.
pub(crate) fn check_path(path: &str) -> Result<(), String> {
    check_text("the name of the property or trait", path)?;
    let parts: Vec<&str> = path.split('.').collect();
    if parts.len() > PATH_PARTS_MAX {
        return Err(format!("{path:?} has more than {PATH_PARTS_MAX} parts"));
    }
    if parts[0] == EACH {
        return Err(format!("{path:?}: {EACH} stands behind the name of a list"));
    }
    Ok(())
}

fn check_test(test: &Test) -> Result<(), String> {
    let check_scalars = |scalars: &[Scalar]| {
        check_number_of_values(scalars.len())?;
        scalars.iter().try_for_each(check_scalar)
    };
    match test {
        Test::Equals(scalar) | Test::NotEquals(scalar) | Test::Has(scalar) => check_scalar(scalar),
        Test::AnyOf(scalars) | Test::HasAny(scalars) | Test::HasAll(scalars) => {
            check_scalars(scalars)
        }
        Test::ContainsAny(texts) => {
            check_number_of_values(texts.len())?;
            texts.iter().try_for_each(|text| check_text("a value", text))
        }
        Test::Number(_, number) => check_scalar(&Scalar::Number(*number)),
        Test::Text(_, text) | Test::NotContains(text) => check_text("a value", text),
        Test::HasFirst { item, among } => {
            if *among == 0 {
                return Err("the first 0 items are none: give 1 or more".to_owned());
            }
            check_scalar(item)
        }
        Test::Exists(_) | Test::Date(..) | Test::Relative(..) | Test::Size(..) => Ok(()),
    }
}

fn check_number_of_values(n_values: usize) -> Result<(), String> {
    match n_values {
        0 => Err("the list of values is empty".to_owned()),
        n if n > VALUES_MAX => Err(format!("{n} values are more than the limit of {VALUES_MAX}")),
        _ => Ok(()),
    }
}

fn check_scalar(scalar: &Scalar) -> Result<(), String> {
    match scalar {
        Scalar::Text(text) if text.len() > VALUE_BYTES_MAX => Err(too_long("a value", text)),
        Scalar::Number(number) if !number.is_finite() => Err("a number is too large".to_owned()),
        _ => Ok(()),
    }
}

/// Checks a text that must not be empty.
pub(crate) fn check_text(what: &str, text: &str) -> Result<(), String> {
    match text.len() {
        0 => Err(format!("{what} is empty")),
        n if n > VALUE_BYTES_MAX => Err(too_long(what, text)),
        _ => Ok(()),
    }
}

fn too_long(what: &str, text: &str) -> String {
    format!("{what} has {} bytes, more than {VALUE_BYTES_MAX}", text.len())
}

/// Checks that every audience that a condition names exists, that none leads back to itself, and
/// that no chain of them is longer than [`AUDIENCE_CHAIN_MAX`].
///
/// # Errors
/// A sentence that names the audiences.
pub fn check_references(audiences: &BTreeMap<String, Condition>) -> Result<(), String> {
    audiences.keys().try_for_each(|key| check_chain(audiences, key, &mut Vec::new()))
}

fn check_chain<'a>(
    audiences: &'a BTreeMap<String, Condition>,
    key: &'a str,
    chain: &mut Vec<&'a str>,
) -> Result<(), String> {
    let path = |chain: &[&str]| chain.join(" -> ");
    if chain.contains(&key) {
        chain.push(key);
        return Err(format!("the audience {key:?} depends on itself: {}", path(chain)));
    }
    let Some(condition) = audiences.get(key) else {
        // One that is being tried has no key.
        let known = audiences.keys().map(String::as_str).filter(|known| !known.is_empty());
        let known: Vec<&str> = known.collect();
        if known.is_empty() {
            return Err(format!("there is no audience {key:?}, and no other one"));
        }
        return Err(crate::error::unknown_word("audience", key, &known));
    };
    chain.push(key);
    if chain.len() > AUDIENCE_CHAIN_MAX {
        let message = format!("more than {AUDIENCE_CHAIN_MAX} audiences depend on each other");
        return Err(format!("{message}: {}", path(chain)));
    }
    for other in condition.audiences() {
        check_chain(audiences, other, chain)?;
    }
    chain.pop();
    Ok(())
}
