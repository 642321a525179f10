//! The controls of a source: its allowed types and its tracking plan, before a message is
//! journalled.
//!
//! What it decides is in the journal: the message as it was let through, or a rejection, each with
//! its violations. The fold never asks a plan.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use regex::Regex;
use serde_json::value::RawValue;

use crate::json::members;
use crate::message::{
    Message, MessageType, Rejection, RejectionReason, SAMPLE_BYTES_MAX, Violation, ViolationKind,
};
use crate::quantity::listed;
use crate::value_type::ValueType;
use crate::workspace::{
    EventControl, PlannedEvent, PlannedProperty, PlannedType, PropertyControl, Source,
    TrackingPlan, compile_pattern,
};

/// The most violations of one message that are counted.
pub const VIOLATIONS_PER_MESSAGE_MAX: usize = 20;
/// The longest name in a violation, in bytes: a name that a plan has, or one that is cut.
const NAME_BYTES_MAX: usize = 200;

/// What a source lets through: its types and its plan, compiled.
pub struct SourceControls {
    source: String,
    allowed_types: Option<Vec<MessageType>>,
    plan: Option<CompiledPlan>,
}

struct CompiledPlan {
    events: BTreeMap<String, Rules>,
    by_type: BTreeMap<MessageType, Rules>,
    unplanned_events: EventControl,
    unplanned_properties: PropertyControl,
    violations: PropertyControl,
    blocked_events: BTreeSet<String>,
    blocked_properties: BTreeSet<String>,
}

/// The planned properties of an event by name.
type Rules = BTreeMap<String, Rule>;

struct Rule {
    is_required: bool,
    types: Vec<PlannedType>,
    pattern: Option<Regex>,
}

impl Rule {
    fn new(property: &PlannedProperty) -> (String, Self) {
        let rule = Self {
            is_required: property.required,
            types: property.types.clone(),
            // The configuration was checked: a pattern that is no longer taken matches everything.
            pattern: property.pattern.as_deref().and_then(|text| compile_pattern(text).ok()),
        };
        (property.name.clone(), rule)
    }

    /// How a value breaks the rule, with what was expected.
    fn broken_by(&self, value: &str) -> Option<(ViolationKind, String)> {
        let type_ = ValueType::of_json(value);
        if !self.types.is_empty() && !self.types.iter().any(|planned| planned.takes(type_)) {
            let words: Vec<&str> = self.types.iter().map(|type_| type_.word()).collect();
            let detail = format!("as {}, planned as {}", type_.word(), words.join(" or "));
            return Some((ViolationKind::WrongType, detail));
        }
        let pattern = self.pattern.as_ref()?;
        let matches = match type_ {
            ValueType::Null | ValueType::Array | ValueType::Object => true,
            ValueType::String | ValueType::DateTime => {
                let text: Cow<'_, str> =
                    serde_json::from_str(value).map_or(Cow::Borrowed(value), Cow::Owned);
                pattern.is_match(&text)
            }
            ValueType::Boolean | ValueType::Integer | ValueType::Number => pattern.is_match(value),
        };
        let detail = || format!("with a value that does not match {:?}", pattern.as_str());
        (!matches).then(|| (ViolationKind::WrongPattern, detail()))
    }
}

impl SourceControls {
    /// Compiles the controls of a source.
    pub fn new(source: &Source) -> Self {
        Self {
            source: source.name.clone(),
            allowed_types: source.allowed_types.clone(),
            plan: source.plan.as_ref().map(CompiledPlan::new),
        }
    }

    /// Lets a message through that passed the form check, without what the plan takes out of it.
    /// `text` is the message as it was sent.
    ///
    /// # Errors
    /// The rejection of a message whose type is not allowed, or that the plan blocks.
    pub fn check(&self, mut message: Message, text: &str) -> Result<Message, Box<Rejection>> {
        let mut verdict = Verdict::default();
        if let Some(plan) = &self.plan {
            plan.check(&message, &mut verdict);
        }
        let is_shortened = verdict.kept_body.is_some();
        if let Some(body) = verdict.kept_body {
            message.body = Some(body);
        }
        if let Some(types) = &self.allowed_types
            && !types.contains(&message.type_)
        {
            let words: Vec<&str> = types.iter().map(|type_| type_.word()).collect();
            let detail = format!(
                "type {} is not allowed: source {:?} takes {}",
                message.type_,
                self.source,
                listed(&words, "and")
            );
            verdict.violations.clear();
            verdict.refusal = Some((RejectionReason::TypeNotAllowed, detail));
        }
        let Some((reason, detail)) = verdict.refusal else {
            message.violations = verdict.violations;
            return Ok(message);
        };
        let excerpt = match is_shortened {
            true => Rejection::cut_excerpt(&message.to_json().to_string()),
            false => Rejection::cut_excerpt(text),
        };
        Err(Box::new(Rejection {
            reason,
            detail,
            source: message.source,
            message_id: Some(message.message_id),
            type_: Some(message.type_),
            received_at: message.received_at,
            excerpt,
            violations: verdict.violations,
        }))
    }

    /// Takes the text away from a rejection that may show a blocked property.
    pub fn redact(&self, rejection: &mut Rejection) {
        let Some(plan) = &self.plan else { return };
        if plan.blocked_properties.iter().any(|name| rejection.excerpt.contains(name.as_str())) {
            rejection.excerpt.clear();
        }
    }
}

/// What a plan makes of a message.
#[derive(Default)]
struct Verdict {
    violations: Vec<Violation>,
    refusal: Option<(RejectionReason, String)>,
    /// The properties or traits that are left, where any were taken out.
    kept_body: Option<String>,
}

impl Verdict {
    fn add(&mut self, message: &Message, kind: ViolationKind, about: Option<(&str, Option<&str>)>) {
        if self.violations.len() == VIOLATIONS_PER_MESSAGE_MAX {
            return;
        }
        let sample = about.and_then(|(_, value)| value);
        self.violations.push(Violation {
            kind,
            event: message.event.as_deref().map(|name| cut(name, NAME_BYTES_MAX)),
            property: about.map(|(name, _)| cut(name, NAME_BYTES_MAX)),
            sample: sample.filter(|text| text.len() <= SAMPLE_BYTES_MAX).map(str::to_owned),
        });
    }

    fn refuse(&mut self, reason: RejectionReason, detail: String) {
        self.refusal.get_or_insert((reason, detail));
    }
}

impl CompiledPlan {
    fn new(plan: &TrackingPlan) -> Self {
        let rules = |list: &[PlannedProperty]| list.iter().map(Rule::new).collect::<Rules>();
        let event = |event: &PlannedEvent| (event.name.clone(), rules(&event.properties));
        let by_type = plan.lists_by_type().into_iter();
        Self {
            events: plan.events.iter().map(event).collect(),
            by_type: by_type.filter_map(|(type_, list)| Some((type_, rules(list?)))).collect(),
            unplanned_events: plan.unplanned_events,
            unplanned_properties: plan.unplanned_properties,
            violations: plan.violations,
            blocked_events: plan.blocked_events.iter().cloned().collect(),
            blocked_properties: plan.blocked_properties.iter().cloned().collect(),
        }
    }

    fn check(&self, message: &Message, verdict: &mut Verdict) {
        let event = message.event.as_deref();
        let rules = match event {
            Some(event) => self.events.get(event),
            None => self.by_type.get(&message.type_),
        };
        if let Some(event) = event {
            self.check_event(message, event, rules.is_some(), verdict);
        }
        if rules.is_some() || !self.blocked_properties.is_empty() {
            self.check_properties(message, rules, verdict);
        }
    }

    fn check_event(&self, message: &Message, event: &str, is_planned: bool, verdict: &mut Verdict) {
        if self.blocked_events.contains(event) {
            verdict.add(message, ViolationKind::BlockedEvent, None);
            let detail = format!("event {:?} is blocked by the plan", cut(event, NAME_BYTES_MAX));
            verdict.refuse(RejectionReason::EventBlocked, detail);
            return;
        }
        let blocks = self.unplanned_events == EventControl::Block;
        if is_planned || (self.events.is_empty() && !blocks) {
            return;
        }
        verdict.add(message, ViolationKind::UnplannedEvent, None);
        if blocks {
            let detail = format!("event {:?} is not in the plan", cut(event, NAME_BYTES_MAX));
            verdict.refuse(RejectionReason::Unplanned, detail);
        }
    }

    fn check_properties(&self, message: &Message, rules: Option<&Rules>, verdict: &mut Verdict) {
        let members = message.body.as_deref().map_or_else(Vec::new, members);
        let field = message.body_field();
        let mut kept = Vec::with_capacity(members.len());
        for (name, value) in &members {
            if self.blocked_properties.contains(&**name) {
                verdict.add(message, ViolationKind::BlockedProperty, Some((name, None)));
                continue;
            }
            let found = match rules.map(|rules| rules.get(&**name)) {
                // The form check puts the category of a page among its properties.
                None | Some(None) if &**name == "category" && message.category.is_some() => None,
                None => None,
                Some(None) => Some((
                    ViolationKind::UnplannedProperty,
                    "which is not in the plan".to_owned(),
                    self.unplanned_properties,
                    RejectionReason::Unplanned,
                )),
                Some(Some(rule)) => rule.broken_by(value.get()).map(|(kind, detail)| {
                    (kind, detail, self.violations, RejectionReason::PlanViolated)
                }),
            };
            let Some((kind, detail, control, reason)) = found else {
                kept.push((name, value));
                continue;
            };
            let shown = (control != PropertyControl::Omit).then_some(value.get());
            verdict.add(message, kind, Some((name, shown)));
            match control {
                PropertyControl::Omit => continue,
                PropertyControl::Allow => {}
                PropertyControl::Block => {
                    let name = cut(name, NAME_BYTES_MAX);
                    verdict.refuse(reason, format!("{field} hold {name:?} {detail}"));
                }
            }
            kept.push((name, value));
        }
        for (name, _) in rules.into_iter().flatten().filter(|(_, rule)| rule.is_required) {
            if members.iter().any(|(member, _)| &**member == name.as_str()) {
                continue;
            }
            verdict.add(message, ViolationKind::MissingProperty, Some((name, None)));
            if self.violations == PropertyControl::Block {
                let detail = format!("{field} lack {name:?}, which the plan requires");
                verdict.refuse(RejectionReason::PlanViolated, detail);
            }
        }
        if kept.len() < members.len() {
            verdict.kept_body = Some(write_members(&kept));
        }
    }
}

fn write_members(members: &[(&Cow<'_, str>, &&RawValue)]) -> String {
    let mut text = String::from("{");
    for (n, (name, value)) in members.iter().enumerate() {
        let comma = if n == 0 { "" } else { "," };
        let name = serde_json::Value::from(&***name);
        write!(text, "{comma}{name}:{}", value.get()).expect("a string takes everything");
    }
    text.push('}');
    text
}

/// The beginning of `text`, at most `bytes_max` bytes, cut between characters.
fn cut(text: &str, bytes_max: usize) -> String {
    text[..text.floor_char_boundary(bytes_max)].to_owned()
}

#[cfg(test)]
mod tests;
