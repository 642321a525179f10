//! What a replay would send: counted, with some examples. Sends nothing.

use std::collections::BTreeMap;

use domain::{Destination, Message, Timestamp, grouped};
use engine::{DeliveryPreview, Engine, PreviewedDelivery, SpanReader};
use serde::Serialize;
use web::error::ApiError;
use web::jobs::JobControl;

use super::NewReplay;
use super::run::FindEngine;
use crate::destinations::{self, TriedRequest};

/// The most names of events that are counted each, and of reasons why mappings fail.
const NAMES_MAX: usize = 100;
/// The most examples.
const EXAMPLES_MAX: usize = 5;
/// The messages of one step.
const STEP_MESSAGES: usize = 500;

/// What a replay would send.
#[derive(Debug, Clone, Default, PartialEq, Serialize, utoipa::ToSchema)]
pub struct ReplayPreview {
    /// What was asked for.
    pub request: NewReplay,
    /// The offset of the first entry of the span.
    pub from: u64,
    /// The offset behind the last entry of the span.
    pub until: u64,
    /// The messages.
    pub messages: u64,
    /// How many there are of each type.
    pub by_type: BTreeMap<String, u64>,
    /// How many there are of each event, page and screen, of up to 100 names.
    pub by_event: BTreeMap<String, u64>,
    /// Those of further names.
    pub of_other_events: u64,
    /// When the first arrived.
    pub first_at: Option<Timestamp>,
    /// When the last arrived.
    pub last_at: Option<Timestamp>,
    /// The deliveries that the mappings of the destination make of them.
    pub deliveries: u64,
    /// Messages that the rules of the destination withhold, by reason.
    pub withheld: BTreeMap<String, u64>,
    /// Messages that mappings of the destination fail on, by mapping and reason; up to 100.
    pub failed: BTreeMap<String, u64>,
    /// The requests of the first messages that make any, up to 5.
    pub examples: Vec<ReplayExample>,
}

/// What would be sent for a message.
#[derive(Debug, Clone, PartialEq, Serialize, utoipa::ToSchema)]
pub struct ReplayExample {
    /// The offset of the message.
    pub offset: u64,
    /// The requests that would leave.
    pub requests: Vec<TriedRequest>,
}

/// Counts what a replay would send.
pub(super) fn count(
    request: &NewReplay,
    control: &JobControl,
    engine: &FindEngine<'_>,
) -> Result<ReplayPreview, ApiError> {
    let mut preview = ReplayPreview { request: request.clone(), ..ReplayPreview::default() };
    let span = request.find_span(&*engine()?)?;
    (preview.from, preview.until) = (span.from, span.until);
    let mut reader = SpanReader::new(span);
    let destination = find_destination(request, &*engine()?)?;
    let delivery = match &destination {
        Some(destination) => {
            Some(engine()?.preview_delivery(destination).map_err(ApiError::invalid)?)
        }
        None => None,
    };
    while !reader.is_done() {
        control.check()?;
        let engine = engine()?;
        for (offset, message) in engine.next_of_span(&mut reader, STEP_MESSAGES)? {
            preview.count_message(&message);
            if let (Some(destination), Some(delivery)) = (&destination, &delivery) {
                preview.count_delivery(&engine, destination, delivery, offset, message);
            }
        }
        control
            .tell(reader.share(), format!("{} messages were counted", grouped(preview.messages)));
    }
    Ok(preview)
}

fn find_destination(request: &NewReplay, engine: &Engine) -> Result<Option<Destination>, ApiError> {
    let Some(name) = &request.destination else { return Ok(None) };
    Ok(destinations::find(&engine.config(), name)?.cloned())
}

impl ReplayPreview {
    fn count_message(&mut self, message: &Message) {
        self.messages += 1;
        *self.by_type.entry(message.type_.word().to_owned()).or_default() += 1;
        let event = message.event_name();
        if !event.is_empty() {
            match is_room(&self.by_event, event) {
                true => *self.by_event.entry(event.to_owned()).or_default() += 1,
                false => self.of_other_events += 1,
            }
        }
        let at = message.received_at;
        self.first_at = Some(self.first_at.map_or(at, |first| first.min(at)));
        self.last_at = Some(self.last_at.map_or(at, |last| last.max(at)));
    }

    fn count_delivery(
        &mut self,
        engine: &Engine,
        destination: &Destination,
        delivery: &DeliveryPreview,
        offset: u64,
        message: Box<Message>,
    ) {
        let example = (self.examples.len() < EXAMPLES_MAX).then(|| message.clone());
        match delivery.look_at(offset, message) {
            PreviewedDelivery::Withheld(why) => {
                *self.withheld.entry(why.to_owned()).or_default() += 1;
            }
            PreviewedDelivery::Mapped { n_deliveries, failed } => {
                self.deliveries += n_deliveries as u64;
                for (mapping, why) in failed {
                    let name = format!("{mapping}: {why}");
                    if is_room(&self.failed, &name) {
                        *self.failed.entry(name).or_default() += 1;
                    }
                }
                if let Some(message) = example.filter(|_| n_deliveries > 0) {
                    let tried = engine.try_delivery(destination, None, &message);
                    let mappings = tried.into_iter().flat_map(|tried| tried.mappings);
                    let requests = mappings.flat_map(|(_, made)| made.unwrap_or_default().requests);
                    let requests = requests.map(TriedRequest::new).collect();
                    self.examples.push(ReplayExample { offset, requests });
                }
            }
        }
    }
}

fn is_room(counts: &BTreeMap<String, u64>, name: &str) -> bool {
    counts.len() < NAMES_MAX || counts.contains_key(name)
}
