//! Topics of Kafka.

mod brokers;
mod sign_in;
#[cfg(test)]
mod tests;
mod wire;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use activation::Failure;
use serde_json::{Value, json};

use self::brokers::{Brokers, SignIn};
use self::sign_in::Mechanism;
use self::wire::{
    Metadata, PRODUCE, Record, partition_of, produce_request, read_produced, record_batch,
};
use crate::kind::{
    Actions, Batching, DescribedRequest, KindFiles, Made, Prepared, Presets, RequestError,
    SendFuture, Sender, for_all, json_field, text_field,
};
use crate::outgoing::unreadable;
use crate::{Outgoing, Settings, SettingsError};

pub(super) const FILES: KindFiles = KindFiles {
    name: "kafka",
    settings: include_str!("kafka/settings.json"),
    actions: Actions::Files(&[include_str!("kafka/actions/append.json")]),
    presets: Presets::File(include_str!("kafka/presets.json")),
    connect,
};

/// The most bytes of the records of a request; brokers take 1 MB without other settings.
const BATCH_BYTES_MAX: usize = 512 * 1_024;
/// How long a request with room waits for more records, in milliseconds.
const BATCH_AGE_MS: u64 = 200;
/// The longest name of a topic.
const TOPIC_BYTES_MAX: usize = 249;

struct Kafka {
    brokers: Brokers,
    creates_topics: bool,
    batch_size: usize,
}

fn connect(
    settings: &Settings,
    outgoing: &Arc<Outgoing>,
) -> Result<Arc<dyn Sender>, SettingsError> {
    let address = |text: &str| {
        let (host, port) = text.trim().rsplit_once(':')?;
        let is_host = !host.is_empty() && !host.contains(['/', '@', ' ']);
        Some((host.to_owned(), port.parse().ok()?)).filter(|_| is_host)
    };
    let first = settings.text("brokers").split(',').map(address).collect::<Option<Vec<_>>>();
    let first = first.ok_or_else(|| {
        SettingsError::new("brokers", "should be host:port, with commas between several")
    })?;
    let mechanism = match settings.text("mechanism") {
        "PLAIN" => Some(Mechanism::Plain),
        "SCRAM-SHA-256" => Some(Mechanism::ScramSha256),
        "SCRAM-SHA-512" => Some(Mechanism::ScramSha512),
        _ => None,
    };
    for key in ["user", "password"] {
        if mechanism.is_some() && settings.text(key).is_empty() {
            return Err(SettingsError::new(key, "is missing: the sign-in needs it"));
        }
    }
    let sign_in = mechanism.map(|mechanism| SignIn {
        mechanism,
        user: settings.text("user").to_owned(),
        password: settings.text("password").to_owned(),
    });
    Ok(Arc::new(Kafka {
        brokers: Brokers {
            outgoing: Arc::clone(outgoing),
            first,
            is_encrypted: settings.text("encryption") != "none",
            sign_in,
            idle: Mutex::default(),
            known: Mutex::default(),
        },
        creates_topics: settings.flag("create_topics"),
        batch_size: settings.integer("batch_size"),
    }))
}

/// The places in a batch of the deliveries of each partition, by the node that leads it.
type ByLeader = BTreeMap<i32, BTreeMap<i32, Vec<usize>>>;

fn by_leader(batch: &[Arc<Prepared>], leaders: &[i32]) -> ByLeader {
    let mut by_leader = ByLeader::new();
    for (n, prepared) in batch.iter().enumerate() {
        let key = prepared.data["key"].as_str().unwrap_or(&prepared.delivery_id);
        let partition = partition_of(key.as_bytes(), leaders.len());
        let of_leader = by_leader.entry(leaders[partition]).or_default();
        of_leader.entry(partition as i32).or_default().push(n);
    }
    by_leader
}

impl Kafka {
    async fn append(&self, batch: &[Arc<Prepared>]) -> Vec<Result<(), Failure>> {
        let topic = &*batch[0].group;
        let known = match self.brokers.topic(topic, self.creates_topics).await {
            Ok(known) => known,
            Err(failure) => return for_all(batch.len(), Err(failure)),
        };
        let leaders = match known.topics.iter().find(|other| other.name == topic) {
            Some(found) if found.error == 0 && !found.leaders.is_empty() => &found.leaders,
            found => {
                let error = found.map_or(UNKNOWN_TOPIC, |found| found.error);
                return for_all(batch.len(), read_error(error));
            }
        };
        let mut outcomes = for_all(batch.len(), Ok(()));
        for (node, partitions) in by_leader(batch, leaders) {
            let done = self.append_to(&known, node, topic, &partitions, batch).await;
            for (partition, places) in partitions {
                let outcome = match &done {
                    Ok(done) => match done.iter().find(|(other, _)| *other == partition) {
                        Some((_, error)) => read_error(*error),
                        None => Err(unreadable("the answer leaves a partition out")),
                    },
                    Err(failure) => Err(failure.clone()),
                };
                places.into_iter().for_each(|place| outcomes[place] = outcome.clone());
            }
        }
        if outcomes.iter().any(Result::is_err) {
            self.brokers.forget_topic(topic);
        }
        outcomes
    }

    /// Appends to the partitions that a node leads: the error of each.
    async fn append_to(
        &self,
        known: &Metadata,
        node: i32,
        topic: &str,
        partitions: &BTreeMap<i32, Vec<usize>>,
        batch: &[Arc<Prepared>],
    ) -> Result<Vec<(i32, i16)>, Failure> {
        let Some((_, host, port)) = known.brokers.iter().find(|(other, ..)| *other == node) else {
            return Ok(partitions.keys().map(|partition| (*partition, NO_LEADER)).collect());
        };
        let batches: Vec<(i32, Vec<u8>)> = partitions
            .iter()
            .map(|(partition, places)| (*partition, encode(batch, places)))
            .collect();
        let time_max_ms = self.brokers.outgoing.request_time_max().as_millis();
        let request =
            produce_request(topic, &batches, i32::try_from(time_max_ms).unwrap_or(i32::MAX));
        let answer = self.brokers.call((host, *port), PRODUCE, &request).await?;
        read_produced(&answer).ok_or_else(|| unreadable("the answer is cut off"))
    }
}

/// The batch of records of the deliveries at some places.
fn encode(batch: &[Arc<Prepared>], places: &[usize]) -> Vec<u8> {
    let values: Vec<String> =
        places.iter().map(|place| batch[*place].data["value"].to_string()).collect();
    let records = places.iter().zip(&values).map(|(place, value)| {
        let Prepared { data, delivery_id, .. } = &*batch[*place];
        Record {
            key: data["key"].as_str().map(str::as_bytes),
            value: value.as_bytes(),
            delivery_id,
            timestamp_ms: data["timestamp_ms"].as_i64().unwrap_or_default(),
        }
    });
    record_batch(&records.collect::<Vec<_>>())
}

const UNKNOWN_TOPIC: i16 = 3;
const NO_LEADER: i16 = 5;

/// What an error of Kafka means: `kafka_10`. Its numbers are those of the protocol.
fn read_error(error: i16) -> Result<(), Failure> {
    let (is_outage, what) = match error {
        0 => return Ok(()),
        UNKNOWN_TOPIC => (false, "the topic or partition is not there"),
        NO_LEADER | 6 => (false, "the partition has another leader, or none at the moment"),
        2 | 7 | 8 | 9 | 13 | 14 | 15 | 16 | 19 | 20 | 56 | 89 => {
            (true, "the broker could not append at the moment")
        }
        _ => {
            let what = match error {
                10 | 18 => "the record is too large",
                17 => "the topic has a name that the broker does not take",
                29 | 31 => "the user may not append to the topic",
                87 => "the broker refuses the record",
                _ => "the broker refuses it",
            };
            let reason = format!("kafka_{error}");
            return Err(Failure::Permanent { reason, text: what.to_owned() });
        }
    };
    let (reason, text) = (format!("kafka_{error}"), what.to_owned());
    Err(Failure::Retry { reason, text, after_ms: None, is_outage })
}

impl Sender for Kafka {
    fn batching(&self) -> Batching {
        Batching {
            n_max: self.batch_size,
            bytes_max: BATCH_BYTES_MAX,
            age_ms: BATCH_AGE_MS,
            is_atomic: false,
        }
    }

    fn prepare(&self, made: Made<'_>) -> Result<Prepared, RequestError> {
        let topic = text_field(&made, "topic").unwrap_or_default();
        let is_letter = |b: u8| b.is_ascii_alphanumeric() || b"._-".contains(&b);
        let is_name = topic.bytes().all(is_letter) && topic != "." && topic != "..";
        if topic.is_empty() || topic.len() > TOPIC_BYTES_MAX || !is_name {
            let what = format!(
                "should have 1 to {TOPIC_BYTES_MAX} letters, digits, dots, underscores and hyphens"
            );
            return Err(RequestError { field: "topic".to_owned(), what });
        }
        let data = json!({
            "key": text_field(&made, "key"),
            "value": json_field(&made, "value")?,
            "timestamp_ms": made.message.timestamp.0,
        });
        Ok(Prepared::new(made.delivery_id, &topic, data))
    }

    fn describe(&self, batch: &[Arc<Prepared>]) -> Vec<DescribedRequest> {
        let record = |prepared: &Arc<Prepared>| -> Value {
            json!({ "key": prepared.data["key"], "value": prepared.data["value"] })
        };
        vec![DescribedRequest {
            method: "APPEND".to_owned(),
            path: batch[0].group.to_string(),
            headers: BTreeMap::new(),
            body: batch.iter().map(record).collect(),
        }]
    }

    fn send(self: Arc<Self>, batch: Vec<Arc<Prepared>>) -> SendFuture<Vec<Result<(), Failure>>> {
        Box::pin(async move { self.append(&batch).await })
    }

    fn check(self: Arc<Self>) -> SendFuture<Result<(), Failure>> {
        Box::pin(async move { self.brokers.ask(&[], false).await.map(drop) })
    }
}
