//! Reads conditions from JSON.

use serde_json::Value;

use super::object::{Place, Read};
use crate::check::{check, check_filter, check_single};
use crate::condition::{
    Comparison, Condition, Count, DateTest, EventCondition, EventMatch, Filter, Funnel,
    Recommended, RecommendedKind, RelativeTest, Rfm, RfmGroup, Test, TextTest, Window,
};
use crate::error::unknown_word;
use crate::limits::DEPTH_MAX;

/// The kinds of conditions.
const KINDS: [&str; 10] = [
    "and",
    "or",
    "not",
    "event",
    "trait",
    "account_trait",
    "audience",
    "funnel",
    "rfm",
    "recommended",
];
const COUNTS: [&str; 3] = ["at_least", "at_most", "exactly"];
const WINDOWS: [&str; 3] = ["last", "between", "since"];
/// The keys of tests.
pub(super) const TESTS: [&str; 23] = [
    "exists",
    "equals",
    "not_equals",
    "any_of",
    "less_than",
    "at_most",
    "more_than",
    "at_least",
    "contains",
    "not_contains",
    "contains_any",
    "starts_with",
    "ends_with",
    "before",
    "after",
    "within_last",
    "within_next",
    "before_last",
    "after_next",
    "has",
    "has_any",
    "has_all",
    "size",
];
/// The key beside `has` that bounds the items.
const AMONG_FIRST: &str = "among_first";

pub(super) fn read(json: &Value) -> Read<Condition> {
    let place = Place { value: json, pointer: String::new() };
    let condition = condition(&place, 1)?;
    check(&condition).map_err(|message| place.error(message))?;
    Ok(condition)
}

fn condition(place: &Place<'_>, depth: usize) -> Read<Condition> {
    if depth > DEPTH_MAX {
        return Err(place.error(format!("groups nest deeper than {DEPTH_MAX} levels")));
    }
    let (kind, inside) = place.single(&KINDS)?;
    let group = || {
        let parts = inside.list()?;
        parts.iter().map(|part| condition(part, depth + 1)).collect::<Read<Vec<_>>>()
    };
    let no_parts = || inside.error("the group has no parts");
    let read = match kind {
        "and" => Condition::all(group()?).ok_or_else(no_parts)?,
        "or" => Condition::any(group()?).ok_or_else(no_parts)?,
        "not" => Condition::Not(Box::new(condition(&inside, depth + 1)?)),
        "event" => Condition::Event(event_condition(&inside)?),
        "trait" => Condition::Trait(filter(&inside, "key")?),
        "account_trait" => Condition::Account(filter(&inside, "key")?),
        "audience" => Condition::Audience(inside.text()?),
        "funnel" => Condition::Funnel(funnel(&inside)?),
        "rfm" => Condition::Rfm(rfm(&inside)?),
        _ => Condition::Recommended(recommended(&inside)?),
    };
    check_single(&read).map_err(|message| inside.error(message))?;
    Ok(read)
}

fn event_condition(place: &Place<'_>) -> Read<EventCondition> {
    let object = place.object(&["name", "count", "where", "window"])?;
    let count = match object.get("count") {
        Some(count) => {
            let (word, number) = count.single(&COUNTS)?;
            let number = number.whole_number()?;
            match word {
                "at_least" => Count::AtLeast(number),
                "at_most" => Count::AtMost(number),
                _ => Count::Exactly(number),
            }
        }
        None => Count::AtLeast(1),
    };
    let event =
        EventMatch { name: object.need("name")?.text()?, filters: filters(object.get("where"))? };
    Ok(EventCondition { event, count, window: window(object.get("window"))? })
}

fn event(place: &Place<'_>) -> Read<EventMatch> {
    let object = place.object(&["name", "where"])?;
    Ok(EventMatch { name: object.need("name")?.text()?, filters: filters(object.get("where"))? })
}

fn window(place: Option<Place<'_>>) -> Read<Window> {
    let Some(place) = place else { return Ok(Window::Ever) };
    let (word, inside) = place.single(&WINDOWS)?;
    match word {
        "last" => Ok(Window::Last(inside.period()?)),
        "since" => Ok(Window::Since(inside.date()?)),
        _ => match inside.each(Place::period)?[..] {
            [nearest, farthest] => Ok(Window::Between { nearest, farthest }),
            _ => Err(inside.error("two periods are wanted, the shorter first")),
        },
    }
}

fn filters(place: Option<Place<'_>>) -> Read<Vec<Filter>> {
    let Some(place) = place else { return Ok(Vec::new()) };
    place.each(|place| filter(place, "property"))
}

/// A test of what stands under the name that `name_key` gives.
fn filter(place: &Place<'_>, name_key: &str) -> Read<Filter> {
    let known: Vec<&str> = [name_key, AMONG_FIRST].into_iter().chain(TESTS).collect();
    let object = place.object(&known)?;
    let path = object.need(name_key)?.text()?;
    let (word, value) = object.one_of(&TESTS)?;
    let test = match (object.get(AMONG_FIRST), word) {
        (Some(among), "has") => {
            Test::HasFirst { item: value.scalar()?, among: among.whole_number()? }
        }
        (Some(among), _) => return Err(among.error("it stands beside \"has\" only")),
        (None, word) => test(word, &value)?,
    };
    let filter = Filter { path, test };
    check_filter(&filter).map_err(|message| place.error(message))?;
    Ok(filter)
}

fn test(word: &str, value: &Place<'_>) -> Read<Test> {
    if let Some(comparison) = comparison(word) {
        return Ok(Test::Number(comparison, value.number()?));
    }
    if let Some((test, ..)) = TextTest::WORDS.iter().find(|(.., key)| *key == word) {
        return Ok(Test::Text(*test, value.text()?));
    }
    if let Some((test, _)) = DateTest::WORDS.iter().find(|(_, key)| *key == word) {
        return Ok(Test::Date(*test, value.date()?));
    }
    if let Some((test, ..)) = RelativeTest::WORDS.iter().find(|(.., key)| *key == word) {
        return Ok(Test::Relative(*test, value.period()?));
    }
    Ok(match word {
        "exists" => Test::Exists(value.boolean()?),
        "equals" => Test::Equals(value.scalar()?),
        "not_equals" => Test::NotEquals(value.scalar()?),
        "any_of" => Test::AnyOf(value.each(Place::scalar)?),
        "not_contains" => Test::NotContains(value.text()?),
        "contains_any" => Test::ContainsAny(value.each(Place::text)?),
        "has" => Test::Has(value.scalar()?),
        "has_any" => Test::HasAny(value.each(Place::scalar)?),
        "has_all" => Test::HasAll(value.each(Place::scalar)?),
        _ => {
            let (word, number) = value.single(&Comparison::WORDS.map(|(.., key)| key))?;
            let comparison = comparison(word).expect("it is one of the words");
            Test::Size(comparison, number.whole_number()?)
        }
    })
}

fn comparison(word: &str) -> Option<Comparison> {
    let found = Comparison::WORDS.iter().find(|(.., key)| *key == word);
    found.map(|(comparison, ..)| *comparison)
}

fn funnel(place: &Place<'_>) -> Read<Funnel> {
    let object = place.object(&["first", "then", "then_not", "within", "window"])?;
    let (word, second) = object.one_of(&["then", "then_not"])?;
    Ok(Funnel {
        first: event(&object.need("first")?)?,
        second: event(&second)?,
        is_absent: word == "then_not",
        within: object.need("within")?.period()?,
        window: window(object.get("window"))?,
    })
}

fn rfm(place: &Place<'_>) -> Read<Rfm> {
    let object = place.object(&["group", "name", "where", "over", "recency", "frequency"])?;
    let event =
        EventMatch { name: object.need("name")?.text()?, filters: filters(object.get("where"))? };
    let over = object.get("over").map_or(Ok(Rfm::over_by_default()), |over| over.period())?;
    let recency = match object.get("recency") {
        Some(bounds) => four(&bounds, Place::period)?,
        None => Rfm::recency_by_default(),
    };
    let frequency = match object.get("frequency") {
        Some(bounds) => four(&bounds, Place::whole_number)?,
        None => Rfm::FREQUENCY_DEFAULT,
    };
    let group = word_of(&object.need("group")?, "group", &RfmGroup::WORDS)?;
    Ok(Rfm { group, event, over, recency, frequency })
}

fn four<'j, T>(place: &Place<'j>, read: fn(&Place<'j>) -> Read<T>) -> Read<[T; 4]> {
    let bounds = place.list()?.iter().map(read).collect::<Read<Vec<T>>>()?;
    let n_bounds = bounds.len();
    bounds.try_into().map_err(|_| place.error(format!("4 bounds are needed, not {n_bounds}")))
}

fn recommended(place: &Place<'_>) -> Read<Recommended> {
    let (word, value) = place.single(&RecommendedKind::WORDS.map(|(_, word)| word))?;
    let found = RecommendedKind::WORDS.iter().find(|(_, known)| *known == word);
    let (kind, _) = *found.expect("it is one of the words");
    Ok(Recommended { kind, value: value.text()? })
}

/// The value of a word in a table.
fn word_of<T: Copy>(place: &Place<'_>, what: &str, words: &[(T, &'static str)]) -> Read<T> {
    let word = place.text()?;
    let found = words.iter().find(|(_, known)| *known == word);
    found.map(|(value, _)| *value).ok_or_else(|| {
        let known: Vec<&str> = words.iter().map(|(_, word)| *word).collect();
        place.error(unknown_word(what, &word, &known))
    })
}
