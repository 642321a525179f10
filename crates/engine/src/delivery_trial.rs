//! Trying a destination: what would be sent for a message, and whether it answers.

use std::sync::Arc;

use connectors::{DescribedRequest, Made, Sender};
use domain::{Destination, Message, WorkspaceId};
use mapping::{Explanation, Mappings, Payload, explain};
use tokio::sync::oneshot;

use crate::Engine;
use crate::delivery::{Compiled, Deliverable, connect, kind_of, map};

/// What a message would become at a destination.
pub struct TriedDelivery {
    /// Why the message would not go there at all.
    pub withheld: Option<String>,
    /// Each mapping, with what would leave, or what is wrong.
    pub mappings: Vec<(Explanation, Result<TriedRequests, String>)>,
}

/// What a mapping makes of a message.
#[derive(Debug, Default)]
pub struct TriedRequests {
    /// The requests that would leave.
    pub requests: Vec<DescribedRequest>,
    /// What people should know beside them.
    pub notes: Vec<String>,
}

/// Counts what a destination would get of many messages. Sends nothing.
pub struct DeliveryPreview {
    sender: Arc<dyn Sender>,
    compiled: Compiled,
    workspace: WorkspaceId,
}

/// What a destination would get of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PreviewedDelivery {
    /// Its rules withhold the message, for this reason.
    Withheld(&'static str),
    /// Its mappings make deliveries.
    Mapped {
        /// How many.
        n_deliveries: usize,
        /// The name of each mapping that fails on the message, with the reason.
        failed: Vec<(String, String)>,
    },
}

impl DeliveryPreview {
    /// What the destination would get of a message.
    pub fn look_at(&self, offset: u64, message: Box<Message>) -> PreviewedDelivery {
        let found = Deliverable::of_message(message);
        match map(&self.compiled, &*self.sender, &self.workspace, offset, &found, &[]) {
            Err(withheld) => PreviewedDelivery::Withheld(withheld.label()),
            Ok(mapped) => {
                PreviewedDelivery::Mapped { n_deliveries: mapped.jobs.len(), failed: mapped.failed }
            }
        }
    }
}

impl Engine {
    /// Prepares to count what a destination would get.
    ///
    /// # Errors
    /// If the settings of the destination are wrong, or nothing is delivered here.
    pub fn preview_delivery(&self, destination: &Destination) -> Result<DeliveryPreview, String> {
        let outgoing = self.outgoing.as_ref().ok_or("nothing is delivered here")?;
        let sender = connect(outgoing, self.instance_key.as_deref(), self.id(), destination)?;
        let compiled = Compiled::new(&Arc::new(destination.clone()));
        Ok(DeliveryPreview { sender, compiled, workspace: self.id().clone() })
    }

    /// What a message would become at a destination, by its mappings or by others. Sends nothing.
    ///
    /// # Errors
    /// If the settings of the destination are wrong, or nothing is delivered here.
    pub fn try_delivery(
        &self,
        destination: &Destination,
        mappings: Option<Mappings>,
        message: &Message,
    ) -> Result<TriedDelivery, String> {
        let outgoing = self.outgoing.as_ref().ok_or("nothing is delivered here")?;
        let key = self.instance_key.as_deref();
        let sender = connect(outgoing, key, self.id(), destination)?;
        let mut compiled = Compiled::new(&Arc::new(destination.clone()));
        if let Some(mappings) = mappings {
            compiled.mappings = mappings;
        }
        let withheld = |why: String| TriedDelivery { withheld: Some(why), mappings: Vec::new() };
        let title = kind_of(destination)?.title();
        let Some(rules) = &compiled.rules else {
            return Ok(withheld("the rules of the destination cannot be read".to_owned()));
        };
        let message = match rules.apply(message, &[destination.name.as_str(), title]) {
            Ok(message) => message,
            Err(why) => return Ok(withheld(why.to_string())),
        };
        let payload = Payload::for_destination(&message);
        let mode = sender.batching().mode();
        let explained = explain(&compiled.mappings, &payload).into_iter();
        let mappings = explained.map(|explanation| {
            let mapping = compiled.mappings.get(&explanation.mapping);
            let is_made = explanation.fires && explanation.errors.is_empty();
            let Some(mapping) = mapping.filter(|_| is_made) else {
                return (explanation, Ok(TriedRequests::default()));
            };
            let made = mapping
                .check(&payload, mode)
                .map_err(|errors| errors.first().map(ToString::to_string).unwrap_or_default());
            let described = made.and_then(|fields| {
                let made = Made {
                    action: mapping.action,
                    fields,
                    message: &message,
                    delivery_id: "trial".to_owned(),
                };
                let prepared = sender.prepare(made).map_err(|error| error.to_string())?;
                let notes = sender.notes(&prepared);
                Ok(TriedRequests { requests: sender.describe(&[Arc::new(prepared)]), notes })
            });
            (explanation, described)
        });
        Ok(TriedDelivery { withheld: None, mappings: mappings.collect() })
    }

    /// Starts to try whether a destination answers and takes the credentials. Sends no messages.
    ///
    /// # Errors
    /// If its settings are wrong, or nothing is delivered here.
    pub fn start_check(
        &self,
        destination: &Destination,
    ) -> Result<impl Future<Output = Result<(), String>> + Send + use<>, String> {
        let outgoing = self.outgoing.as_ref().ok_or("nothing is delivered here")?;
        let sender = connect(outgoing, self.instance_key.as_deref(), self.id(), destination)?;
        let (answered, answer) = oneshot::channel();
        outgoing.runtime().spawn(async move {
            answered.send(sender.check().await).ok();
        });
        Ok(async move {
            match answer.await {
                Ok(Ok(())) => Ok(()),
                Ok(Err(failure)) => Err(failure.text().to_owned()),
                Err(_) => Err("the check was given up".to_owned()),
            }
        })
    }
}
