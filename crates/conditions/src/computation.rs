//! Computed traits: what one is, and its value, worked out from a person's events each time.
//! [`KeptEvents`] gives the same values from little.

mod bounded;
mod exact_sum;
mod kept;
mod sessions;
mod total;

use domain::{ComputedTraitDefinition, ComputedTraitType, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use self::exact_sum::ExactSum;
pub use self::kept::KeptEvents;
use crate::check::{check_lasting_event, check_path, check_text};
use crate::condition::{EventMatch, Scalar};
use crate::json::number;
use crate::limits::{NUMBER_MAX, SESSION_SECONDS_MAX, SESSION_SECONDS_MIN, VALUE_BYTES_MAX};
use crate::period::Period;
use crate::person::Event;
use crate::values::find;

/// What a computed trait is computed from, and how.
#[derive(Debug, Clone, PartialEq)]
pub struct Computation {
    type_: ComputedTraitType,
    event: EventMatch,
    /// The path of the property whose values count; none where events are counted.
    property: Option<String>,
    span: Span,
}

/// Which events count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Span {
    /// All.
    Ever,
    /// Those with `now < at + period`. An event whose timestamp lies ahead counts at once.
    Last(Period),
    /// Those of the present session. Events of any name belong to one session while each is less
    /// than the period later than the one before; it is over at the end of the period behind the
    /// last one.
    Session(Period),
}

/// What an event adds to a computed trait.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Contribution {
    /// When the event happened.
    at: Timestamp,
    /// The values that count, one without a value where events are counted. It is empty where the
    /// event only shows that the person's session goes on.
    values: Vec<Option<Scalar>>,
}

impl Computation {
    /// Reads a definition.
    ///
    /// # Errors
    /// The mistake, with the key of the definition where it stands.
    pub fn new(definition: &ComputedTraitDefinition) -> Result<Self, String> {
        check_text("the name of the event", &definition.event)
            .map_err(|what| format!("event: {what}"))?;
        let event = EventMatch::parse(&definition.event, definition.filters.as_deref());
        let event = event.map_err(|error| format!("where: {error}"))?;
        check_lasting_event(&event, "a computed trait").map_err(|what| format!("where: {what}"))?;
        let property = definition.property.clone();
        match (&property, definition.type_) {
            (Some(_), ComputedTraitType::Count) => {
                return Err("property: a count of events has none".to_owned());
            }
            (Some(path), _) => check_path(path).map_err(|what| format!("property: {what}"))?,
            (None, ComputedTraitType::Count) => {}
            (None, type_) => {
                return Err(format!(
                    "property: {} needs the property whose values count",
                    type_.word()
                ));
            }
        }
        let span = read_span(definition.last.as_deref(), definition.session.as_deref())?;
        Ok(Self { type_: definition.type_, event, property, span })
    }

    /// The name of the events that can change the value; none where those of any name can.
    pub fn event_name(&self) -> Option<&str> {
        match self.span {
            Span::Session(_) => None,
            Span::Ever | Span::Last(_) => Some(&self.event.name),
        }
    }

    /// The first instant whose events can count at `now` or later; none where all can.
    pub fn reaches_back_to(&self, now: Timestamp) -> Option<Timestamp> {
        match self.span {
            Span::Last(period) => Some(Timestamp(now.0 - period.ms())),
            Span::Ever | Span::Session(_) => None,
        }
    }

    /// Whether the value depends on the properties of events of this name.
    pub fn reads(&self, event: &str) -> bool {
        !self.asks_names_only() && self.event.name == event
    }

    /// Whether nothing but the names and times of events is asked.
    pub fn asks_names_only(&self) -> bool {
        self.property.is_none() && self.event.filters.is_empty()
    }

    /// The path of the property whose values count; none where events are counted.
    pub fn property(&self) -> Option<&str> {
        self.property.as_deref()
    }

    /// What an event adds; none where it adds nothing.
    pub fn contribution(&self, event: &Event) -> Option<Contribution> {
        let values = if self.event.matches(event) { self.values(event) } else { Vec::new() };
        let is_needed = !values.is_empty() || matches!(self.span, Span::Session(_));
        is_needed.then_some(Contribution { at: event.timestamp, values })
    }

    /// The value at the instant `now` for a person who did these events, each given once, in any
    /// order: a number, a text, true or false, a list of these, or null where there is no value.
    pub fn value(&self, events: &[Event], now: Timestamp) -> Value {
        let mut counting: Vec<(i64, Option<Scalar>)> = Vec::new();
        for event in events.iter().filter(|event| self.event.matches(event)) {
            if self.counts(event.timestamp, events, now) {
                counting.extend(self.values(event).into_iter().map(|one| (event.timestamp.0, one)));
            }
        }
        counting.sort();
        let values: Vec<Scalar> = counting.iter().filter_map(|(_, value)| value.clone()).collect();
        let mut distinct = values.clone();
        distinct.sort();
        distinct.dedup();
        let times = |wanted: &Scalar| values.iter().filter(|value| *value == wanted).count();
        let of = |value: Option<&Scalar>| value.map_or(Value::Null, Scalar::to_json);
        match self.type_ {
            ComputedTraitType::Count => counting.len().into(),
            ComputedTraitType::Sum => number(sum(&values).value()),
            ComputedTraitType::Average if values.is_empty() => Value::Null,
            ComputedTraitType::Average => number(sum(&values).mean(values.len() as u64)),
            ComputedTraitType::Minimum => of(distinct.first()),
            ComputedTraitType::Maximum => of(distinct.last()),
            ComputedTraitType::MostFrequent => {
                let most = distinct.iter().map(times).max().filter(|most| *most >= 2);
                of(distinct.iter().find(|value| Some(times(value)) == most))
            }
            ComputedTraitType::First => of(values.first()),
            ComputedTraitType::Last => of(values.last()),
            ComputedTraitType::UniqueList => distinct.iter().map(Scalar::to_json).collect(),
            ComputedTraitType::UniqueListCount => distinct.len().into(),
        }
    }

    /// Whether an event of the instant `at` counts.
    fn counts(&self, at: Timestamp, events: &[Event], now: Timestamp) -> bool {
        match self.span {
            Span::Ever => true,
            Span::Last(period) => now.0 < at.0 + period.ms(),
            Span::Session(pause) => {
                let mut times: Vec<i64> = events.iter().map(|event| event.timestamp.0).collect();
                times.sort_unstable();
                let Some(last) = times.last() else { return false };
                let pauses = times.windows(2).rev();
                let start = pauses
                    .take_while(|pair| pair[1] - pair[0] < pause.ms())
                    .last()
                    .map_or(*last, |pair| pair[0]);
                now.0 < last + pause.ms() && at.0 >= start
            }
        }
    }

    /// The values of an event that matches. Lists and objects, texts of more than
    /// [`VALUE_BYTES_MAX`] bytes and numbers beyond [`NUMBER_MAX`] are none; where numbers are
    /// wanted, nothing else is one.
    fn values(&self, event: &Event) -> Vec<Option<Scalar>> {
        let Some(path) = &self.property else { return vec![None] };
        let found = find(&event.properties, path).into_iter();
        found.filter_map(|value| self.read_value(value)).map(Some).collect()
    }

    fn read_value(&self, value: &Value) -> Option<Scalar> {
        let is_numeric = matches!(
            self.type_,
            ComputedTraitType::Sum
                | ComputedTraitType::Average
                | ComputedTraitType::Minimum
                | ComputedTraitType::Maximum
        );
        match value {
            Value::Number(number) => {
                let number = number.as_f64().filter(|number| number.abs() <= NUMBER_MAX)?;
                // There is one zero: that of the other sign is equal to it.
                Some(Scalar::Number(number + 0.0))
            }
            _ if is_numeric => None,
            Value::String(text) => {
                (text.len() <= VALUE_BYTES_MAX).then(|| Scalar::Text(text.clone()))
            }
            Value::Bool(truth) => Some(Scalar::Boolean(*truth)),
            Value::Null | Value::Array(_) | Value::Object(_) => None,
        }
    }
}

fn read_span(last: Option<&str>, session: Option<&str>) -> Result<Span, String> {
    match (last, session) {
        (None, None) => Ok(Span::Ever),
        (Some(period), None) => {
            Period::parse(period).map(Span::Last).map_err(|what| format!("last: {what}"))
        }
        (None, Some(pause)) => {
            let pause = Period::parse(pause).map_err(|what| format!("session: {what}"))?;
            let bounds = SESSION_SECONDS_MIN * 1_000..=SESSION_SECONDS_MAX * 1_000;
            if !bounds.contains(&pause.ms()) {
                return Err(format!(
                    "session: {pause} is out of bounds: {} minutes to {} days",
                    SESSION_SECONDS_MIN / 60,
                    SESSION_SECONDS_MAX / 86_400
                ));
            }
            Ok(Span::Session(pause))
        }
        (Some(_), Some(_)) => Err("session: it stands without last, or last without it".to_owned()),
    }
}

fn sum(values: &[Scalar]) -> ExactSum {
    let mut sum = ExactSum::default();
    for value in values {
        if let Scalar::Number(number) = value {
            sum.add(*number);
        }
    }
    sum
}
