//! Makes the fields of a message from the templates of its campaign.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use conditions::{Event, EventMatch};
use connectors::InstanceKey;
use domain::{Campaign, CampaignVariant, Destination, Timestamp, UserIdx};
use parking_lot::Mutex;
use profiles::ExternalIdType;
use rustc_hash::FxHashSet;
use serde_json::{Map, Value, json};
use serving::RequestBudget;
use state::{MESSAGE_ITEMS_MAX, SentItem, Waiting};
use templates::{
    Content, ContentError, Form, Item, Refusal, RenderError, Request, Template, Values,
    mjml_to_html,
};

use super::Running;
use super::linked::{LinkedAnswers, TIME_PER_MESSAGE_MAX};
use super::links::{LinkMaker, addresses_of};
use super::person::Person;
use super::variants::{Choice, choose};
use crate::list_maker::ListMaker;
use crate::preferences_link::PreferencesLink;

/// Fields that say where a message goes: who has no value of one cannot be reached.
const ADDRESS_FIELDS: [&str; 3] = ["to", "token", "endpoint"];
/// The field whose text is MJML, and the one that it becomes.
const MJML_FIELD: &str = "mjml";
pub(super) const HTML_FIELD: &str = "html";

const DAY_MS: i64 = 86_400_000;
/// The most bytes of a message, with all its fields.
const MESSAGE_BYTES_MAX: usize = 1_024 * 1_024;

/// What a field of a message is: how values are written into it.
pub(crate) fn form_of(field: &str) -> Form {
    match field {
        HTML_FIELD | MJML_FIELD => Form::Html,
        "body" | "buttons" | "items" => Form::Json,
        "text" => Form::Text,
        _ => Form::Line,
    }
}

/// The templates of campaigns, by the key of the campaign, each as it was last asked for.
#[derive(Default)]
pub(super) struct Contents {
    by_key: Mutex<BTreeMap<String, Arc<Templates>>>,
}

/// The templates of one campaign.
pub(super) struct Templates {
    of: Arc<Campaign>,
    fields: Fields,
    variants: Vec<CompiledVariant>,
}

/// By field; of one that cannot be parsed, why.
type Fields = Vec<(String, Result<Template, String>)>;

/// A variant of the message.
struct CompiledVariant {
    /// What the traits of a person must be; none where it does not ask, or cannot be read.
    when: Option<EventMatch>,
    fields: Fields,
}

/// What became of a message.
pub(super) enum Made {
    /// It can be sent.
    Fields {
        /// JSON text of its fields.
        fields: String,
        /// The ids of the recommended items in it.
        items: Vec<String>,
    },
    /// It is not sent.
    Refused {
        /// The reason in a word.
        reason: &'static str,
        /// More about it.
        detail: String,
    },
}

/// Whom a message is made for.
pub(super) struct MakingFor<'p> {
    pub(super) user: UserIdx,
    pub(super) person: &'p Person,
    /// The place of the variant; none for the campaign's own form.
    pub(super) variant: Option<usize>,
    /// Makes the links by which the person unsubscribes.
    pub(super) key: Option<&'p InstanceKey>,
}

/// A message that is made for one person.
pub(super) struct Making<'m> {
    fields: &'m [(String, Result<Template, String>)],
    values: Values,
    content: PersonContent<'m>,
}

impl Contents {
    /// The templates of a campaign as it is now.
    pub(super) fn templates(&self, campaign: &Arc<Campaign>) -> Arc<Templates> {
        let mut by_key = self.by_key.lock();
        match by_key.get(&campaign.key) {
            Some(templates) if Arc::ptr_eq(&templates.of, campaign) => Arc::clone(templates),
            _ => {
                let templates = Arc::new(Templates::of(campaign));
                by_key.insert(campaign.key.clone(), Arc::clone(&templates));
                templates
            }
        }
    }
}

impl Templates {
    fn of(campaign: &Arc<Campaign>) -> Self {
        let variant = |variant: &CampaignVariant| CompiledVariant {
            when: variant.when.as_ref().and_then(|when| EventMatch::parse("", Some(when)).ok()),
            fields: parse_fields(&content_of(campaign, variant)),
        };
        Self {
            of: Arc::clone(campaign),
            fields: parse_fields(&campaign.content),
            variants: campaign.variants.iter().map(variant).collect(),
        }
    }

    /// Which variant of the message a person gets.
    pub(super) fn choose(
        &self,
        campaign: &Running,
        person: &Person,
        waiting: &Waiting,
        now: Timestamp,
    ) -> Choice {
        if campaign.definition.variants.is_empty() {
            return Choice::Variant(None);
        }
        let traits = person.profile["traits"].as_object().cloned().unwrap_or_default();
        let traits = Event { name: String::new(), timestamp: now, properties: traits };
        let fits = |n: usize, variant: &CampaignVariant| match &variant.audience {
            Some(key) => person.audiences.contains(key),
            None => self.variants[n].when.as_ref().is_some_and(|when| when.matches(&traits)),
        };
        choose(campaign, person, waiting, now, fits)
    }

    /// Begins to make a message for a person: of a variant, or in the campaign's own form.
    pub(super) fn begin<'m>(
        &'m self,
        campaign: &'m Campaign,
        maker: ListMaker<'m>,
        linked: &'m LinkedAnswers,
        MakingFor { user, person, variant, key }: &MakingFor<'_>,
    ) -> Making<'m> {
        let fields = variant.map_or(&self.fields, |variant| &self.variants[variant].fields);
        let variant = variant.map(|variant| &campaign.variants[variant]);
        let (preferences_url, unsubscribe_url) = links(campaign, &maker, person, *key);
        let values = Values {
            preferences_url,
            unsubscribe_url,
            profile: person.profile.clone(),
            event: person.event.clone(),
            campaign: json!({ "key": campaign.key, "name": campaign.name }),
            now: maker.now.to_string().into(),
        };
        let content = PersonContent {
            maker,
            user: *user,
            budget: Arc::new(RequestBudget::unlimited()),
            variant,
            items: Vec::new(),
            by_address: BTreeMap::new(),
            sent: None,
            linked,
            linked_time_left: TIME_PER_MESSAGE_MAX,
        };
        Making { fields, values, content }
    }
}

/// The addresses by which the person chooses what they get, and unsubscribes; null without a public
/// address.
fn links(
    campaign: &Campaign,
    maker: &ListMaker<'_>,
    person: &Person,
    key: Option<&InstanceKey>,
) -> (Value, Value) {
    let config = maker.shared.config.load();
    let channel = config.destination(&campaign.channel);
    let (id_type, id) = &person.name;
    let link = PreferencesLink {
        id_type: id_type.word().to_owned(),
        id: id.clone(),
        channels: channel.map(Destination::channel_kinds).unwrap_or_default(),
        topic: campaign.topic.clone(),
        campaign: Some(campaign.key.clone()),
    };
    match link.urls(key, &config) {
        Some((page, unsubscribe)) => (page.into(), unsubscribe.into()),
        None => (Value::Null, Value::Null),
    }
}

/// The fields of a variant, with those of the campaign that it does not have.
pub(super) fn content_of(
    campaign: &Campaign,
    variant: &CampaignVariant,
) -> BTreeMap<String, String> {
    let mut content = campaign.content.clone();
    content.extend(variant.content.clone());
    content
}

fn parse_fields(content: &BTreeMap<String, String>) -> Fields {
    let parse = |(field, text): (&String, &String)| {
        let template = Template::parse(text, form_of(field)).map_err(|error| error.to_string());
        (field.clone(), template)
    };
    content.iter().map(parse).collect()
}

impl Making<'_> {
    /// Whether the fields that say where the message goes have values.
    pub(super) fn is_reachable(&mut self) -> bool {
        let addresses =
            self.fields.iter().filter(|(field, _)| ADDRESS_FIELDS.contains(&field.as_str()));
        for (_, template) in addresses {
            let Ok(template) = template else { continue };
            match template.render(&self.values, &mut self.content) {
                Ok(rendered) if !rendered.text.trim().is_empty() => {}
                Err(error) if !matches!(error, RenderError::Missing { .. }) => {}
                _ => return false,
            }
        }
        true
    }

    /// Makes all fields. Their links lead over this server where the workspace has a public
    /// address.
    pub(super) fn make(
        mut self,
        key: Option<&InstanceKey>,
        campaign: &Campaign,
        message_id: String,
        person: &(ExternalIdType, String),
    ) -> Made {
        // What was asked for to see whether the person can be reached is not shown.
        (self.content.items, self.content.by_address) = Default::default();
        let mut made = Map::new();
        for (field, template) in self.fields {
            let template = match template {
                Ok(template) => template,
                Err(detail) => {
                    let detail = format!("content.{field}: {detail}");
                    return Made::Refused { reason: "template_error", detail };
                }
            };
            let text = match template.render(&self.values, &mut self.content) {
                Ok(rendered) => rendered.text,
                Err(error) => {
                    let reason = reason_of(&error);
                    return Made::Refused { reason, detail: format!("content.{field}: {error}") };
                }
            };
            if field != MJML_FIELD {
                made.insert(field.clone(), text.into());
                continue;
            }
            match mjml_to_html(&text) {
                Ok(html) => drop(made.insert(HTML_FIELD.to_owned(), html.into())),
                Err(error) => {
                    let detail = format!("content.{field}: {error}");
                    return Made::Refused { reason: "template_error", detail };
                }
            }
        }
        let config = self.content.maker.shared.config.load_full();
        let by_address = std::mem::take(&mut self.content.by_address);
        let variant = self.content.variant;
        let links = LinkMaker::new(key, &config, campaign, message_id, person, variant, by_address);
        if let Some(links) = links {
            links.rewrite(&mut made);
        }
        let fields = Value::Object(made).to_string();
        match fields.len() {
            ..=MESSAGE_BYTES_MAX => Made::Fields { fields, items: self.content.items },
            n_bytes => {
                let detail =
                    format!("all fields have {n_bytes} bytes, the limit is {MESSAGE_BYTES_MAX}");
                Made::Refused { reason: "template_error", detail }
            }
        }
    }
}

/// The word by which reports count a message that cannot be made.
fn reason_of(error: &RenderError) -> &'static str {
    match error {
        RenderError::Missing { .. } => "missing_variable",
        RenderError::Refused { reason: Refusal::Aborted { .. }, .. } => "aborted",
        RenderError::Refused { .. } => "recommendation_not_available",
        RenderError::Content { .. } => "content_not_available",
        _ => "template_error",
    }
}

/// Answers the tags of templates for one person.
struct PersonContent<'m> {
    maker: ListMaker<'m>,
    user: UserIdx,
    budget: Arc<RequestBudget>,
    variant: Option<&'m CampaignVariant>,
    /// The ids of the recommended items so far.
    items: Vec<String>,
    /// These items by the addresses among their properties.
    by_address: BTreeMap<String, String>,
    /// What earlier messages to the person recommended, the latest first, once it is asked for.
    sent: Option<Vec<SentItem>>,
    linked: &'m LinkedAnswers,
    /// For all external APIs together.
    linked_time_left: Duration,
}

impl PersonContent<'_> {
    /// The items that were sent to the person in the last days.
    fn sent_lately(&mut self, days: u32) -> Result<impl Iterator<Item = &str>, ContentError> {
        if self.sent.is_none() {
            let snapshot = self.maker.shared.live.snapshot();
            let sent = snapshot.campaign_reports.sent_items(snapshot.store(), self.user);
            self.sent = Some(sent.map_err(|error| ContentError(error.to_string()))?);
        }
        let since = Timestamp(self.maker.now.0 - i64::from(days) * DAY_MS);
        let lately = self.sent.iter().flatten().take_while(move |sent| sent.at > since);
        Ok(lately.map(|sent| sent.item.as_str()))
    }
}

impl Content for PersonContent<'_> {
    fn recommend(&mut self, request: Request<'_>) -> Result<Vec<Item>, ContentError> {
        let config = self.maker.shared.config.load_full();
        let other = self.variant.and_then(|variant| variant.recommend.get(request.definition));
        let name = other.map_or(request.definition, String::as_str);
        let Some(definition) = config.trait_definition(name) else {
            return Err(ContentError(format!("there is no recommended-items trait {name:?}")));
        };
        let mut excluded: FxHashSet<String> = request.excluded.iter().cloned().collect();
        if let Some(days) = request.not_sent_days {
            excluded.extend(self.sent_lately(days)?.map(str::to_owned));
        }
        // As many more as the message has already, and as are left out.
        let n_wanted = request.count + request.offset + excluded.len();
        let count = u32::try_from(n_wanted).unwrap_or(u32::MAX).max(definition.count);
        let definition = domain::TraitDefinition { count, ..definition.clone() };
        let list = self.maker.trait_list(self.user, &definition, &self.budget);
        let list = list.map_err(|error| ContentError(error.to_string()))?;
        let ids = list.items.into_iter().map(|item| item.item_id);
        let ids = ids.filter(|id| !excluded.contains(id));
        let ids: Vec<String> = ids.skip(request.offset).take(request.count).collect();
        let snapshot = self.maker.shared.live.snapshot();
        let mut items = Vec::new();
        for id in ids {
            let mut item = snapshot.item_json(&id).unwrap_or_default();
            for address in addresses_of(&item) {
                self.by_address.entry(address.to_owned()).or_insert_with(|| id.clone());
            }
            if self.items.len() < MESSAGE_ITEMS_MAX && !self.items.contains(&id) {
                self.items.push(id.clone());
            }
            item.insert("id".to_owned(), id.into());
            items.push(item);
        }
        Ok(items)
    }

    fn item(&mut self, catalog: &str, id: &str) -> Result<Option<Item>, ContentError> {
        let snapshot = self.maker.shared.live.snapshot();
        let is_known = catalog == domain::ITEMS_CATALOG
            || snapshot.setup.config.catalog.check_product_catalog(catalog).is_ok();
        if !is_known {
            return Err(ContentError(format!("there is no catalog {catalog:?}")));
        }
        Ok(snapshot.item_json(id).map(|mut item| {
            item.insert("id".to_owned(), id.into());
            item
        }))
    }

    fn linked(&mut self, name: &str, parameters: &Item) -> Result<Value, ContentError> {
        let config = self.maker.shared.config.load_full();
        let answer = self.linked.ask(&config, name, parameters, &mut self.linked_time_left);
        answer.map_err(ContentError)
    }
}
