//! Why a condition holds for a person, or does not: part by part, in words.

use domain::Timestamp;
use serde_json::{Map, Value};

use crate::condition::{
    Condition, EventCondition, EventMatch, Filter, Funnel, Rfm, RfmGroup, Window, word_of,
};
use crate::evaluate::{Matching, decide};
use crate::known::{Known, KnownEvent};
use crate::values;

/// The longest value that is shown, in characters.
const VALUE_CHARS_MAX: usize = 100;
/// How many values of a path into a list are shown.
const VALUES_SHOWN_MAX: usize = 5;

/// Why a part of a condition holds, or does not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explanation {
    /// The part as text; `and`, `or` and `not` of groups.
    pub part: String,
    /// Whether it holds; none where too little is known.
    pub holds: Option<bool>,
    /// What decides it, in words; none of groups.
    pub because: Option<String>,
    /// The parts of a group.
    pub parts: Vec<Explanation>,
}

impl Explanation {
    /// Explains what the condition is at the instant `now`.
    pub fn new(condition: &Condition, known: &Known<'_>, now: Timestamp) -> Self {
        let word = match condition {
            Condition::All(_) => "and",
            Condition::Any(_) => "or",
            Condition::Not(_) => "not",
            _ => "",
        };
        let is_group = !condition.parts().is_empty();
        let parts = condition.parts().iter().map(|part| Self::new(part, known, now));
        Self {
            part: if is_group { word.to_owned() } else { condition.to_string() },
            holds: decide(condition, known, now),
            because: if is_group { None } else { because(condition, known, now) },
            parts: parts.collect(),
        }
    }
}

/// What decides a single condition; none where it is not known.
fn because(condition: &Condition, known: &Known<'_>, now: Timestamp) -> Option<String> {
    match condition {
        Condition::Event(event) => Some(event_words(event, known.events?, now)),
        Condition::Trait(filter) => Some(trait_words(filter, known)),
        Condition::Account(filter) => Some(account_words(filter, known.accounts?)),
        Condition::Audience(key) => {
            let is_member = (known.is_member)(key)?;
            Some(format!("{} {key}", if is_member { "a member of" } else { "not a member of" }))
        }
        Condition::Funnel(funnel) => Some(funnel_words(funnel, known.events?, now)),
        Condition::Rfm(rfm) => Some(rfm_words(rfm, known.events?, now)),
        Condition::Recommended(what) => {
            let is_recommended = decide(condition, known, now)?;
            let word = if is_recommended { "recommended" } else { "not recommended" };
            Some(format!("{} is {word}", what.value))
        }
        Condition::All(_) | Condition::Any(_) | Condition::Not(_) => None,
    }
}

fn event_words(condition: &EventCondition, events: &[KnownEvent<'_>], now: Timestamp) -> String {
    let found = Matching::find(&condition.event, events, now).sure;
    let inside: Vec<Timestamp> =
        found.iter().copied().filter(|at| condition.window.contains(*at, now)).collect();
    times_words(&condition.event, &inside, &found, condition.window)
}

/// How often an event happened within a window, and when last.
fn times_words(
    event: &EventMatch,
    inside: &[Timestamp],
    all: &[Timestamp],
    window: Window,
) -> String {
    let name = match event.filters.len() {
        0 => event.name.clone(),
        _ => format!("{} with these properties", event.name),
    };
    match (inside.iter().max(), all.iter().max()) {
        (Some(last), _) => {
            let since = if window == Window::Ever { "" } else { " in this time" };
            format!("{name} {}{since}, the last on {}", times(inside.len()), day(*last))
        }
        (None, Some(last)) => {
            format!("{name} never in this time, the last on {}", day(*last))
        }
        (None, None) if window == Window::Ever => format!("{name} never"),
        (None, None) => format!("{name} never in this time"),
    }
}

fn trait_words(filter: &Filter, known: &Known<'_>) -> String {
    let found = known.traits.map(|traits| values::find(traits, &filter.path)).unwrap_or_default();
    match found.is_empty() {
        true => format!("{} is not known", filter.path),
        false => values_words(filter, &found),
    }
}

fn account_words(filter: &Filter, accounts: &[Map<String, Value>]) -> String {
    let found: Vec<&Value> =
        accounts.iter().flat_map(|traits| values::find(traits, &filter.path)).collect();
    match (accounts.len(), found.is_empty()) {
        (0, _) => "a member of no account".to_owned(),
        (1, true) => format!("{} of the account is not known", filter.path),
        (n, true) => format!("{} of {n} accounts is not known", filter.path),
        (1, false) => format!("the account has {}", values_words(filter, &found)),
        (n, false) => format!("of {n} accounts: {}", values_words(filter, &found)),
    }
}

fn values_words(filter: &Filter, found: &[&Value]) -> String {
    let shown: Vec<String> = found.iter().take(VALUES_SHOWN_MAX).map(|own| value(own)).collect();
    let more = if found.len() > shown.len() { ", ..." } else { "" };
    format!("{} = {}{more}", filter.path, shown.join(", "))
}

fn funnel_words(funnel: &Funnel, events: &[KnownEvent<'_>], now: Timestamp) -> String {
    let (first, second) = (&funnel.first.name, &funnel.second.name);
    let mut firsts = Matching::find(&funnel.first, events, now).sure;
    firsts.sort_unstable();
    let (inside, outside): (Vec<Timestamp>, Vec<Timestamp>) =
        firsts.into_iter().partition(|at| funnel.window.contains(*at, now));
    let Some(last) = inside.last() else {
        return times_words(&funnel.first, &inside, &outside, funnel.window);
    };
    let seconds = Matching::find(&funnel.second, events, now).sure;
    let pair = |at: &Timestamp| Some((*at, funnel.following(*at, &seconds)?));
    // The pair that decides: the latest one that there is, or the latest first event without one.
    let decisive = match funnel.is_absent {
        false => inside.iter().rev().find_map(pair),
        true => {
            let lonely = inside.iter().rev().find(|at| {
                funnel.following(**at, &seconds).is_none() && at.0 + funnel.within.ms() <= now.0
            });
            match lonely {
                Some(at) => {
                    return format!(
                        "{first} on {}, and no {second} within {}",
                        day(*at),
                        funnel.within
                    );
                }
                None => pair(last),
            }
        }
    };
    match decisive {
        Some((at, next)) => format!("{first} on {}, then {second} on {}", day(at), day(next)),
        None if funnel.is_absent => {
            format!("{first} on {}, and {} are not over", day(*last), funnel.within)
        }
        None => {
            format!("{first} {}, and no {second} within {}", times(inside.len()), funnel.within)
        }
    }
}

fn rfm_words(rfm: &Rfm, events: &[KnownEvent<'_>], now: Timestamp) -> String {
    let window = Window::Last(rfm.over);
    let all = Matching::find(&rfm.event, events, now).sure;
    let inside: Vec<Timestamp> =
        all.iter().copied().filter(|at| window.contains(*at, now)).collect();
    let words = times_words(&rfm.event, &inside, &all, window);
    match rfm.group_of(&inside, now) {
        Some(group) => format!("{words}: {}", word_of(RfmGroup::WORDS.into_iter(), group)),
        None => words,
    }
}

fn times(n: usize) -> String {
    if n == 1 { "once".to_owned() } else { format!("{n} times") }
}

/// An instant to the minute.
fn day(at: Timestamp) -> String {
    let text = at.to_string();
    match text.get(..16) {
        Some(minute) => format!("{} UTC", minute.replace('T', " ")),
        None => text,
    }
}

fn value(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(VALUE_CHARS_MAX) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text,
    }
}
