//! Kinds of destinations, and their senders.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::Arc;

use activation::Failure;
use domain::{Message, Timestamp};
use mapping::{ActionSchema, Mappings, Mode, Object};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::{Outgoing, Settings, SettingsError, SettingsSchema};

/// A kind of destination. Its files are in a folder of its name in `destinations`.
pub struct Kind {
    /// Names it in configurations.
    pub name: &'static str,
    /// The schema of its settings, with its title.
    pub settings: SettingsSchema,
    /// What mappings can make for it.
    pub actions: &'static [ActionSchema],
    /// The mappings of a destination that has none of its own.
    pub presets: Mappings,
    connect: Connect,
}

/// Makes a sender of checked settings.
pub(crate) type Connect = fn(&Settings, &Arc<Outgoing>) -> Result<Arc<dyn Sender>, SettingsError>;

/// The files of a kind.
pub(crate) struct KindFiles {
    pub(crate) name: &'static str,
    pub(crate) settings: &'static str,
    pub(crate) actions: Actions,
    /// A JSON list of mappings.
    pub(crate) presets: Presets,
    pub(crate) connect: Connect,
}

/// Where the actions of a kind come from.
pub(crate) enum Actions {
    Files(&'static [&'static str]),
    /// Those of a recommender, and further ones.
    Recommender(&'static [&'static str]),
}

/// Where the presets of a kind come from.
pub(crate) enum Presets {
    File(&'static str),
    /// Those of a recommender, and further ones: a JSON list of mappings.
    Recommender(&'static str),
}

impl Kind {
    /// Reads the files of a kind.
    ///
    /// # Panics
    /// If one is wrong: they are part of the program.
    pub(crate) fn of_files(files: &KindFiles) -> Self {
        let (shared, own) = match files.actions {
            Actions::Recommender(own) => (mapping::recommender_actions(), own),
            Actions::Files(own) => (&[][..], own),
        };
        let own = own.iter().map(|file| ActionSchema::from_file(file));
        let actions: &'static [ActionSchema] =
            Vec::leak(shared.iter().cloned().chain(own).collect());
        let (shared, own) = match files.presets {
            Presets::Recommender(json) => (mapping::recommender_presets().clone(), json),
            Presets::File(json) => (Mappings::default(), json),
        };
        let own = Mappings::from_json_for(actions, own)
            .unwrap_or_else(|problems| panic!("presets of {}: {problems:?}", files.name));
        Self {
            name: files.name,
            settings: SettingsSchema::from_file(files.settings),
            actions,
            presets: shared.followed_by(&own),
            connect: files.connect,
        }
    }

    /// The name for people.
    pub fn title(&self) -> &str {
        &self.settings.title
    }

    /// A sender with settings, whose secrets are open.
    ///
    /// # Errors
    /// If a setting is missing or wrong.
    pub fn connect(
        &self,
        settings: &BTreeMap<String, Value>,
        outgoing: &Arc<Outgoing>,
    ) -> Result<Arc<dyn Sender>, SettingsError> {
        (self.connect)(&self.settings.read(settings)?, outgoing)
    }
}

/// What a mapping made of a message.
pub struct Made<'a> {
    /// The action of the mapping.
    pub action: &'static ActionSchema,
    /// The checked fields of the action.
    pub fields: Object<'a>,
    /// The message.
    pub message: &'a Message,
    /// Identifies the delivery, also when it is repeated.
    pub delivery_id: String,
}

/// What is to be sent of a delivery, made of its fields by the sender.
#[derive(Debug, Clone)]
pub struct Prepared {
    /// Identifies the delivery, also when it is repeated.
    pub delivery_id: String,
    /// Deliveries of different groups never share a request.
    pub group: Arc<str>,
    /// What the sender needs of it.
    pub data: Value,
    /// About the bytes that it adds to a request.
    pub n_bytes: usize,
}

impl Prepared {
    /// Of data whose JSON is about as long as what is sent.
    pub(crate) fn new(delivery_id: String, group: &str, data: Value) -> Self {
        let n_bytes = data.to_string().len();
        Self { delivery_id, group: group.into(), data, n_bytes }
    }
}

/// How the deliveries of a destination share requests.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Batching {
    /// The most deliveries of a request; 1 for single requests.
    pub n_max: usize,
    /// The most bytes of them.
    pub bytes_max: usize,
    /// How long a request that has room waits for more, in milliseconds.
    pub age_ms: u64,
    /// Whether all deliveries of a request succeed or fail together.
    pub is_atomic: bool,
}

impl Batching {
    /// One delivery a request.
    pub(crate) const SINGLE: Self =
        Self { n_max: 1, bytes_max: usize::MAX, age_ms: 0, is_atomic: true };

    /// How the fields of actions are checked.
    pub fn mode(&self) -> Mode {
        if self.n_max > 1 { Mode::Batch } else { Mode::Single }
    }
}

/// Which deliveries are given up where nobody knows whether they were taken. The others are sent
/// again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Once {
    /// All of them.
    AtMost,
    /// Messages of campaigns.
    ForCampaigns,
    /// None: to get one twice does no harm.
    AtLeast,
}

/// A request for people to look at, without secrets.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DescribedRequest {
    /// `POST`, or `INSERT` where it is no HTTP request.
    pub method: String,
    /// The address, or the table or topic.
    pub path: String,
    /// The headers that hold no secret.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
    /// What is sent.
    pub body: Value,
}

/// Fields of which nothing can be sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field} {what}")]
pub struct RequestError {
    /// The field; empty where it is none alone.
    pub field: String,
    /// What is wrong with it.
    pub what: String,
}

/// The outcome of sending, later.
pub type SendFuture<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// Sends deliveries to one destination. It keeps no order and repeats nothing.
pub trait Sender: Send + Sync {
    /// How deliveries share requests.
    fn batching(&self) -> Batching;

    /// Which deliveries are given up where nobody knows whether they were taken, unless the
    /// destination says otherwise.
    fn once(&self) -> Once {
        Once::AtLeast
    }

    /// Makes of the fields of an action what is to be sent. Pure: nothing is sent.
    ///
    /// # Errors
    /// If nothing can be sent of the fields, now or later.
    fn prepare(&self, made: Made<'_>) -> Result<Prepared, RequestError>;

    /// The requests in which deliveries of one group would be sent. Pure.
    fn describe(&self, batch: &[Arc<Prepared>]) -> Vec<DescribedRequest>;

    /// What people should know of a delivery beside its request, such as how many SMS it is.
    fn notes(&self, prepared: &Prepared) -> Vec<String> {
        let _ = prepared;
        Vec::new()
    }

    /// Sends deliveries of one group: the outcome of each, in their order.
    fn send(self: Arc<Self>, batch: Vec<Arc<Prepared>>) -> SendFuture<Vec<Result<(), Failure>>>;

    /// Tries whether the destination answers and takes the credentials. Sends no messages.
    fn check(self: Arc<Self>) -> SendFuture<Result<(), Failure>>;

    /// Deletes what the destination holds of users: the outcome of each, in their order. None where
    /// it cannot delete.
    fn forget(
        self: Arc<Self>,
        user_ids: Vec<String>,
    ) -> Option<SendFuture<Vec<Result<(), Failure>>>> {
        drop(user_ids);
        None
    }
}

/// A field of what a mapping made, as JSON.
///
/// # Errors
/// If it is not there.
pub(crate) fn json_field(made: &Made<'_>, field: &str) -> Result<Value, RequestError> {
    let value = made.fields.get(field).map(serde_json::to_value);
    match value {
        Some(Ok(value)) => Ok(value),
        _ => Err(RequestError { field: field.to_owned(), what: "is missing".to_owned() }),
    }
}

/// A field of what a mapping made as text; none where it is absent or empty.
pub(crate) fn text_field(made: &Made<'_>, field: &str) -> Option<String> {
    let text = made.fields.get(field)?.as_text()?.into_owned();
    Some(text).filter(|text| !text.is_empty())
}

/// The members of a field that is an object; empty where it is absent.
pub(crate) fn object_field(made: &Made<'_>, field: &str) -> Map<String, Value> {
    match made.fields.get(field).map(serde_json::to_value) {
        Some(Ok(Value::Object(members))) => members,
        _ => Map::new(),
    }
}

/// A field of what a mapping made as a time: a date, or a number of seconds or milliseconds.
///
/// # Errors
/// If it cannot be read as a time.
pub(crate) fn time_field(made: &Made<'_>, field: &str) -> Result<Option<Timestamp>, RequestError> {
    let Some(value) = made.fields.get(field) else { return Ok(None) };
    let text = value.as_text().unwrap_or_default();
    if value.is_nullish() || (text.is_empty() && value.as_number().is_none()) {
        return Ok(None);
    }
    let time = match value.as_number() {
        Some(number) => Timestamp::from_number(number),
        None => Timestamp::parse_any(&text),
    };
    let unreadable =
        || RequestError { field: field.to_owned(), what: "cannot be read as a time".to_owned() };
    time.map(Some).ok_or_else(unreadable)
}

/// The same outcome for a whole batch.
pub(crate) fn for_all(n: usize, outcome: Result<(), Failure>) -> Vec<Result<(), Failure>> {
    vec![outcome; n]
}
