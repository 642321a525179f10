//! Makes the fields of a message from the templates of its campaign.

use std::collections::BTreeMap;
use std::sync::Arc;

use domain::{Campaign, Timestamp, UserIdx};
use serde_json::{Map, Value, json};
use serving::RequestBudget;
use templates::{
    Content, ContentError, Form, Item, Refusal, RenderError, Request, Template, Values,
    mjml_to_html,
};

use super::person::Person;
use crate::list_maker::ListMaker;

/// Fields that say where a message goes: who has no value of one cannot be reached.
const ADDRESS_FIELDS: [&str; 3] = ["to", "token", "endpoint"];
/// The field whose text is MJML, and the one that it becomes.
const MJML_FIELD: &str = "mjml";
const HTML_FIELD: &str = "html";

/// The most bytes of a message, with all its fields.
const MESSAGE_BYTES_MAX: usize = 1_024 * 1_024;

/// What a field of a message is: how values are written into it.
pub(crate) fn form_of(field: &str) -> Form {
    match field {
        HTML_FIELD | MJML_FIELD => Form::Html,
        "body" => Form::Json,
        "text" => Form::Text,
        _ => Form::Line,
    }
}

/// The templates of campaigns, by the key of the campaign, each as it was last asked for.
#[derive(Default)]
pub(super) struct Contents {
    by_key: BTreeMap<String, Compiled>,
}

/// The templates of one campaign.
pub(super) struct Compiled {
    of: Arc<Campaign>,
    /// By field; of one that cannot be parsed, why.
    fields: Vec<(String, Result<Template, String>)>,
}

/// What became of a message.
pub(super) enum Made {
    /// JSON text of its fields.
    Fields(String),
    /// It is not sent.
    Refused {
        /// The reason in a word.
        reason: &'static str,
        /// More about it.
        detail: String,
    },
}

/// A message that is made for one person.
pub(super) struct Making<'m> {
    fields: &'m [(String, Result<Template, String>)],
    values: Values,
    content: PersonContent<'m>,
}

impl Contents {
    /// The templates of a campaign.
    pub(super) fn compiled(&mut self, campaign: &Arc<Campaign>) -> &Compiled {
        let compiled = self.by_key.entry(campaign.key.clone());
        let compiled = compiled.or_insert_with(|| Compiled::of(campaign));
        if !Arc::ptr_eq(&compiled.of, campaign) {
            *compiled = Compiled::of(campaign);
        }
        compiled
    }
}

impl<'m> Making<'m> {
    /// Begins to make a message for a person.
    pub(super) fn begin(
        compiled: &'m Compiled,
        maker: ListMaker<'m>,
        user: UserIdx,
        person: &Person,
        now: Timestamp,
    ) -> Self {
        let campaign = &compiled.of;
        let values = Values {
            profile: person.profile.clone(),
            event: person.event.clone(),
            campaign: json!({ "key": campaign.key, "name": campaign.name }),
            now: now.to_string().into(),
        };
        let budget = Arc::new(RequestBudget::unlimited());
        let content = PersonContent { maker, user, budget };
        Self { fields: &compiled.fields, values, content }
    }
}

impl Compiled {
    fn of(campaign: &Arc<Campaign>) -> Self {
        let parse = |(field, text): (&String, &String)| {
            let template = Template::parse(text, form_of(field)).map_err(|error| error.to_string());
            (field.clone(), template)
        };
        Self { of: Arc::clone(campaign), fields: campaign.content.iter().map(parse).collect() }
    }
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

    /// Makes all fields.
    pub(super) fn make(mut self) -> Made {
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
        let fields = Value::Object(made).to_string();
        match fields.len() {
            ..=MESSAGE_BYTES_MAX => Made::Fields(fields),
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
}

impl Content for PersonContent<'_> {
    fn recommend(&mut self, request: Request<'_>) -> Result<Vec<Item>, ContentError> {
        let config = self.maker.shared.config.load_full();
        let name = request.definition;
        let Some(definition) = config.trait_definition(name) else {
            return Err(ContentError(format!("there is no recommended-items trait {name:?}")));
        };
        // As many more as the message has already, and as are left out.
        let n_wanted = request.count + request.offset + request.excluded.len();
        let count = u32::try_from(n_wanted).unwrap_or(u32::MAX).max(definition.count);
        let definition = domain::TraitDefinition { count, ..definition.clone() };
        let list = self.maker.trait_list(self.user, &definition, &self.budget);
        let list = list.map_err(|error| ContentError(error.to_string()))?;
        let ids = list.items.into_iter().map(|item| item.item_id);
        let ids = ids.filter(|id| !request.excluded.contains(id));
        let ids: Vec<String> = ids.skip(request.offset).take(request.count).collect();
        let snapshot = self.maker.shared.live.snapshot();
        let item = |id: String| {
            let mut item = snapshot.item_json(&id).unwrap_or_default();
            item.insert("id".to_owned(), id.into());
            item
        };
        Ok(ids.into_iter().map(item).collect())
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

    fn linked(&mut self, name: &str, _: &Item) -> Result<Value, ContentError> {
        Err(ContentError(format!("there is no linked content {name:?}")))
    }
}
