//! The definition of a campaign and the controls of its form. A form changes what it knows of the
//! stored JSON and leaves everything else as it is: what it does not know survives.
//!
//! The name of a control is the place of its value, without the first `/`.

use domain::{ClockTime, Timestamp};
use serde_json::{Map, Value, json};
use web::error::ApiError;

use super::words::{UNITS, in_unit, windows};
use crate::pages::settings::{Mistake, Typed};

/// What chooses when it sends. Empty where the start is of a kind that the form does not know.
pub(super) const START: &str = "start";
pub(super) const AT: &str = "start/at";
pub(super) const EVENT: &str = "start/event";
pub(super) const WHERE: &str = "start/where";
pub(super) const AFTER: &str = "start/after_s";
pub(super) const UNLESS: &str = "start/unless/event";
pub(super) const UNLESS_WHERE: &str = "start/unless/where";
pub(super) const QUIET: &str = "options/quiet_hours/windows";
pub(super) const QUIET_THEN: &str = "options/quiet_hours/then";
pub(super) const LOCAL_TIME: &str = "options/local_time";
pub(super) const CUT_OFF: &str = "options/cut_off";
pub(super) const GAP: &str = "options/gap_s";
pub(super) const IGNORES_LIMITS: &str = "options/ignores_channel_limits";
pub(super) const EXPIRES: &str = "options/expires_after_s";
pub(super) const CONTROL: &str = "control_percent";
/// Whole numbers among the options.
pub(super) const NUMBERS: [&str; 3] =
    ["options/people_per_day", "options/people_per_run", "options/messages_max"];
/// The name and the text of one further field of the message.
pub(super) const MORE_NAME: &str = "more/name";
pub(super) const MORE_TEXT: &str = "more/text";
/// The beginning of the names of the controls of fields of the message.
pub(super) const CONTENT: &str = "content/";

/// The control of the unit of a duration.
pub(super) fn unit_of(control: &str) -> String {
    format!("{control}/unit")
}

/// What the form of a campaign holds.
pub(super) fn of_stored(definition: &Value) -> Typed {
    let mut controls = Vec::new();
    let at = |place: &str| definition.pointer(&format!("/{place}")).unwrap_or(&Value::Null);
    let mut add = |name: &str, text: String| controls.push((name.to_owned(), text));
    let texts = ["name", "channel", "audience", AT, EVENT, WHERE, UNLESS, UNLESS_WHERE, QUIET_THEN];
    for name in texts.into_iter().chain([LOCAL_TIME, CUT_OFF]) {
        add(name, at(name).as_str().unwrap_or_default().to_owned());
    }
    add(START, known_start(definition).unwrap_or_default().to_owned());
    for name in [AFTER, GAP, EXPIRES] {
        let (n, unit) = at(name).as_u64().map(in_unit).unzip();
        add(name, n.map(|n| n.to_string()).unwrap_or_default());
        add(&unit_of(name), unit.unwrap_or("hours").to_owned());
    }
    for name in NUMBERS.into_iter().chain([CONTROL]) {
        add(name, at(name).as_u64().map(|n| n.to_string()).unwrap_or_default());
    }
    add(QUIET, windows(at(QUIET)).join("\n"));
    if at(IGNORES_LIMITS) == true {
        add(IGNORES_LIMITS, "true".to_owned());
    }
    for (field, text) in definition["content"].as_object().into_iter().flatten() {
        add(&format!("{CONTENT}{field}"), text.as_str().unwrap_or_default().to_owned());
    }
    Typed(controls)
}

/// The type of the start, where it is one that the form knows.
pub(super) fn known_start(definition: &Value) -> Option<&str> {
    definition["start"]["type"].as_str().filter(|type_| ["at", "event"].contains(type_))
}

/// The definition that a form means, over the stored one: an empty object of a new campaign.
///
/// # Errors
/// What cannot be read, at its control.
pub(super) fn changed(
    stored: &Value,
    typed: &Typed,
    now: Timestamp,
) -> Result<Map<String, Value>, ApiError> {
    let mut definition = stored.as_object().cloned().unwrap_or_default();
    for name in ["name", "audience"] {
        set(&mut definition, name, typed.optional(name));
    }
    definition.insert("channel".to_owned(), typed.text("channel").into());
    if let Some(start) = start(&stored["start"], typed, now)? {
        definition.insert(START.to_owned(), start);
    }
    definition.insert("content".to_owned(), content(&stored["content"], typed)?.into());
    definition.insert("options".to_owned(), options(&stored["options"], typed)?.into());
    set(&mut definition, CONTROL, number(typed, CONTROL)?.filter(|percent| *percent > 0));
    Ok(definition)
}

/// The value, or no key.
fn set<T: Into<Value>>(object: &mut Map<String, Value>, key: &str, value: Option<T>) {
    match value {
        Some(value) => drop(object.insert(key.to_owned(), value.into())),
        None => drop(object.remove(key)),
    }
}

/// The key of an option in its object.
fn last(control: &str) -> &str {
    control.rsplit('/').next().unwrap_or(control)
}

/// The start as JSON; none where it stays what it is, of a kind that the form does not know.
fn start(stored: &Value, typed: &Typed, now: Timestamp) -> Result<Option<Value>, ApiError> {
    let chosen = typed.text(START);
    let type_ = if chosen == "now" { "at" } else { chosen };
    let same = stored.as_object().filter(|_| stored["type"] == type_).cloned();
    let mut start = same.unwrap_or_else(|| Map::from_iter([("type".to_owned(), type_.into())]));
    match chosen {
        "now" => drop(start.insert("at".to_owned(), now.to_string().into())),
        "at" => {
            let text = typed.text(AT);
            let at = Timestamp::parse(text).ok_or_else(|| {
                let what = format!("“{text}” is no time: write it as 2026-06-01 09:00, in UTC");
                ApiError::invalid(what).at(format!("/{AT}"))
            })?;
            start.insert("at".to_owned(), at.to_string().into());
        }
        "event" => {
            start.insert("event".to_owned(), typed.text(EVENT).into());
            set(&mut start, "where", typed.optional(WHERE));
            set(&mut start, "after_s", duration(typed, AFTER)?);
            let unless = typed.optional(UNLESS).map(|event| {
                let mut unless = stored["unless"].as_object().cloned().unwrap_or_default();
                unless.insert("event".to_owned(), event.into());
                set(&mut unless, "where", typed.optional(UNLESS_WHERE));
                unless
            });
            set(&mut start, "unless", unless);
        }
        _ if stored.is_object() => return Ok(None),
        _ => return Err(ApiError::invalid("Choose when it sends").at(format!("/{START}"))),
    }
    Ok(Some(start.into()))
}

fn content(stored: &Value, typed: &Typed) -> Result<Map<String, Value>, ApiError> {
    let mut content = stored.as_object().cloned().unwrap_or_default();
    for (control, text) in &typed.0 {
        if let Some(field) = control.strip_prefix(CONTENT) {
            set(&mut content, field, lines(text));
        }
    }
    let text = lines(typed.exact(MORE_TEXT));
    match (typed.text(MORE_NAME), text) {
        ("", None) => {}
        ("", Some(_)) => {
            let what = "Name the field, as the mappings of the channel do";
            return Err(ApiError::invalid(what).at(format!("/{MORE_NAME}")));
        }
        (name, None) => {
            let what = format!("Write what stands in “{name}”");
            return Err(ApiError::invalid(what).at(format!("/{MORE_TEXT}")));
        }
        (name, Some(text)) => drop(content.insert(name.to_owned(), text.into())),
    }
    Ok(content)
}

/// A text with its lines as they are stored: browsers send other ends of lines. None of spaces
/// alone.
fn lines(text: &str) -> Option<String> {
    (!text.trim().is_empty()).then(|| text.replace("\r\n", "\n"))
}

fn options(stored: &Value, typed: &Typed) -> Result<Map<String, Value>, ApiError> {
    let mut options = stored.as_object().cloned().unwrap_or_default();
    for name in [LOCAL_TIME, CUT_OFF] {
        set(&mut options, last(name), typed.optional(name));
    }
    for name in [GAP, EXPIRES] {
        set(&mut options, last(name), duration(typed, name)?);
    }
    for name in NUMBERS {
        set(&mut options, last(name), number(typed, name)?);
    }
    options
        .insert(last(IGNORES_LIMITS).to_owned(), (!typed.text(IGNORES_LIMITS).is_empty()).into());
    let list = quiet_windows(typed.exact(QUIET))?;
    let quiet = (!list.is_empty()).then(|| {
        let mut quiet = stored["quiet_hours"].as_object().cloned().unwrap_or_default();
        quiet.insert("windows".to_owned(), list.into());
        set(&mut quiet, "then", typed.optional(QUIET_THEN));
        quiet
    });
    set(&mut options, "quiet_hours", quiet);
    Ok(options)
}

fn number(typed: &Typed, name: &str) -> Result<Option<u64>, ApiError> {
    match typed.text(name) {
        "" => Ok(None),
        _ => typed.number(name).map(Some),
    }
}

/// A duration in seconds.
fn duration(typed: &Typed, name: &str) -> Result<Option<u64>, ApiError> {
    let Some(n) = number(typed, name)? else { return Ok(None) };
    let unit = typed.text(&unit_of(name));
    let unit_s = UNITS.into_iter().find(|(_, own)| *own == unit).map_or(1, |(unit_s, _)| unit_s);
    let seconds = n.checked_mul(unit_s).filter(|seconds| *seconds <= u64::from(u32::MAX));
    let too_long = || ApiError::invalid(format!("{n} {unit} are too long")).at(format!("/{name}"));
    seconds.ok_or_else(too_long).map(Some)
}

const DAYS: [&str; 7] =
    ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];
/// So many letters tell days apart.
const DAY_LETTERS: usize = 3;

/// Windows of quiet hours, one a line: days, and then `22:00 to 08:00`.
fn quiet_windows(text: &str) -> Result<Vec<Value>, ApiError> {
    let window = |line: &str| {
        let wrong = || {
            let what = format!(
                "“{line}” is no such time: write it as 22:00 to 08:00, or saturday sunday 00:00 to 10:00"
            );
            ApiError::invalid(what).at(format!("/{QUIET}"))
        };
        let words: Vec<String> = line.split_whitespace().map(str::to_lowercase).collect();
        let Some((days, [from, to, until])) = words.split_last_chunk::<3>() else {
            return Err(wrong());
        };
        let is_time = |text: &String| ClockTime::parse(text).is_some();
        if to != "to" || !is_time(from) || !is_time(until) {
            return Err(wrong());
        }
        let day = |word: &String| {
            let is_its = |day: &&&str| word.len() >= DAY_LETTERS && day.starts_with(word.as_str());
            DAYS.iter().find(is_its).copied().ok_or_else(wrong)
        };
        let days: Vec<&str> = days.iter().map(day).collect::<Result<_, _>>()?;
        let mut window =
            Map::from_iter([("from".to_owned(), json!(from)), ("to".to_owned(), json!(until))]);
        set(&mut window, "days", (!days.is_empty()).then_some(days));
        Ok(Value::Object(window))
    };
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    lines.map(window).collect()
}

/// The mistake beside its control; above the form where it has none.
pub(super) fn placed(mistake: Mistake, typed: &Typed) -> Mistake {
    let fields =
        typed.0.iter().map(|(name, _)| name.as_str()).filter(|name| name.starts_with(CONTENT));
    let known = ["key", "name", "channel", "audience", START, AT, EVENT, WHERE, AFTER];
    let options = [QUIET, LOCAL_TIME, CUT_OFF, GAP, EXPIRES, CONTROL];
    let mut all: Vec<&str> =
        fields.chain(known).chain([UNLESS, UNLESS_WHERE]).chain(options).collect();
    all.extend(NUMBERS);
    all.extend([MORE_NAME, MORE_TEXT]);
    // The longest name first: what is wrong below a place belongs to the control of that place.
    all.sort_by_key(|name| std::cmp::Reverse(name.len()));
    mistake.moved_from("options/quiet_hours", QUIET).among(&all)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_767_225_600_000);

    fn sent_back(definition: &Value) -> Value {
        Value::Object(changed(definition, &of_stored(definition), NOW).unwrap())
    }

    fn with(typed: Typed, name: &str, text: &str) -> Typed {
        let mut typed = typed;
        typed.0.retain(|(own, _)| own != name);
        typed.0.push((name.to_owned(), text.to_owned()));
        typed
    }

    fn whole() -> Value {
        json!({
            "key": "left_cart", "status": "running", "channel": "mail", "audience": "customers",
            "topic": "news", "variants": [{ "name": "a", "share": 0.5 }],
            "start": { "type": "event", "event": "Product Added", "where": "price > 3",
                "after_s": 5_400, "unless": { "event": "Order Completed", "where": "total > 1" } },
            "content": { "subject": "Hello\nyou", "further": "x" },
            "options": { "local_time": "person", "best_time": true, "gap_s": 604_800,
                "ignores_channel_limits": true, "people_per_day": 10, "cut_off": "23:00",
                "quiet_hours": { "then": "discard", "windows": [
                    { "days": ["saturday", "sunday"], "from": "22:00", "to": "08:00" },
                    { "from": "12:00", "to": "13:00" }] } },
            "control_percent": 10,
        })
    }

    #[test]
    fn a_form_that_is_sent_unchanged_changes_nothing_of_what_it_knows_or_does_not() {
        let definition = whole();
        assert_eq!(sent_back(&definition), definition);
        let mut recurring = whole();
        recurring["start"] = json!({ "type": "recurring", "every": "day", "at": "09:00" });
        assert_eq!(sent_back(&recurring), recurring);
        let mut at = whole();
        at["start"] = json!({ "type": "at", "at": "2026-06-01T09:00:00.000Z" });
        assert_eq!(sent_back(&at), at);
        // A browser sends other ends of lines.
        let typed = with(of_stored(&definition), "content/subject", "Hello\r\nyou");
        assert_eq!(Value::Object(changed(&definition, &typed, NOW).unwrap()), definition);
    }

    #[test]
    fn what_is_emptied_goes_and_what_is_added_comes() {
        let definition = whole();
        let mut typed = of_stored(&definition);
        for name in ["audience", WHERE, UNLESS, GAP, QUIET, CONTROL, "content/further"] {
            typed = with(typed, name, "");
        }
        typed = with(with(typed, MORE_NAME, "html"), MORE_TEXT, "<p>Hi</p>");
        typed.0.retain(|(name, _)| name != IGNORES_LIMITS);
        let changed = Value::Object(changed(&definition, &typed, NOW).unwrap());
        assert_eq!(
            changed["start"],
            json!({ "type": "event", "event": "Product Added", "after_s": 5_400 })
        );
        assert_eq!(changed["content"], json!({ "subject": "Hello\nyou", "html": "<p>Hi</p>" }));
        let options = json!({ "local_time": "person", "best_time": true, "people_per_day": 10,
            "ignores_channel_limits": false, "cut_off": "23:00" });
        assert_eq!(changed["options"], options);
        assert!(changed.get("audience").is_none() && changed.get("control_percent").is_none());
        let now = with(typed, START, "now");
        let now = super::changed(&definition, &now, NOW).unwrap();
        assert_eq!(now["start"], json!({ "type": "at", "at": "2026-01-01T00:00:00.000Z" }));
    }

    #[test]
    fn what_cannot_be_read_is_told_at_its_control() {
        let definition = whole();
        for (name, text, place) in [
            (GAP, "soon", GAP),
            (AFTER, "99999999999", AFTER),
            (QUIET, "22:00-08:00", QUIET),
            (QUIET, "22:00 to 25:00", QUIET),
            (QUIET, "su 22:00 to 08:00", QUIET),
            (CONTROL, "many", CONTROL),
            (MORE_TEXT, "text", MORE_NAME),
            (MORE_NAME, "name", MORE_TEXT),
        ] {
            let typed = with(of_stored(&definition), name, text);
            let error = changed(&definition, &typed, NOW).unwrap_err();
            assert_eq!(error.pointer.as_deref(), Some(&*format!("/{place}")), "{name} {text}");
        }
        let typed = with(with(of_stored(&definition), START, "at"), AT, "tomorrow");
        let error = changed(&definition, &typed, NOW).unwrap_err();
        assert_eq!(error.pointer.as_deref(), Some("/start/at"));
        let error = changed(&json!({}), &Typed::default(), NOW).unwrap_err();
        assert_eq!(error.pointer.as_deref(), Some("/start"));
    }
}
