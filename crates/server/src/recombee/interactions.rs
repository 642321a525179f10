//! Interactions: `/detailviews/`, `/purchases/` and so on, and their lists.

use domain::{Interaction, InteractionKind, InteractionSelector, Timestamp};
use engine::{Command, EntityKind, Snapshot};
use serde_json::{Value, json};
use uuid::Uuid;

use super::answer::{Body, OperationAnswer, Rows};
use super::call::{Access, Call, Operation, change, operation, query_within};
use super::entities;
use super::failure::Failure;
use super::parameters::{Ids, Parameters};

/// The most bytes of what a client keeps with an interaction.
const ADDITIONAL_DATA_BYTES_MAX: usize = 32_768;

/// The least size of an interaction in an answer, in bytes.
const INTERACTION_BYTES_ABOUT: u64 = 60;

/// The kind of a word in paths.
fn parse_kind(word: &str) -> Option<InteractionKind> {
    Some(match word {
        "detailviews" => InteractionKind::DetailView,
        "purchases" => InteractionKind::Purchase,
        "ratings" => InteractionKind::Rating,
        "cartadditions" => InteractionKind::CartAddition,
        "bookmarks" => InteractionKind::Bookmark,
        "viewportions" => InteractionKind::ViewPortion,
        _ => return None,
    })
}

pub(super) fn find(method: &str, parts: &[&str], has_slash: bool) -> Option<Operation> {
    match (method, parts) {
        ("POST", [kind]) => {
            let kind = parse_kind(kind)?;
            let add = operation(move |ids, parameters| add(ids, kind, parameters));
            Some(add.with_access(Access::Public))
        }
        ("DELETE", [kind]) => {
            let kind = parse_kind(kind)?;
            Some(operation(move |ids, parameters| delete(ids, kind, parameters)))
        }
        ("GET", [entity, id, kind]) if has_slash => {
            let (entity, id, kind) =
                (entities::parse_kind(entity)?, (*id).to_owned(), parse_kind(kind)?);
            Some(operation(move |ids, _| list(ids, entity, id, kind)))
        }
        _ => None,
    }
}

fn add(ids: Ids<'_>, kind: InteractionKind, parameters: &Parameters) -> Result<Call, Failure> {
    let user_id = parameters.required_entity_id(ids, EntityKind::User, "userId")?;
    let item_id = parameters.required_entity_id(ids, EntityKind::Item, "itemId")?;
    let mut interaction = Interaction::new(user_id, item_id, kind);
    interaction.timestamp = parameters.timestamp("timestamp")?;
    match kind {
        InteractionKind::DetailView => {
            interaction.value = parameters.count("duration", 0)?.map(|seconds| seconds as f64);
            interaction.auto_presented = Some(parameters.boolean("autoPresented", false)?);
        }
        InteractionKind::Purchase | InteractionKind::CartAddition => {
            interaction.amount =
                Some(parameters.number_from("amount", 0.0, f64::MAX)?.unwrap_or(1.0));
            interaction.price = parameters.number("price")?;
            if kind == InteractionKind::Purchase {
                interaction.profit = parameters.number("profit")?;
            }
        }
        InteractionKind::Rating => {
            parameters.required_number("rating")?;
            interaction.value = parameters.number_from("rating", -1.0, 1.0)?;
        }
        InteractionKind::Bookmark => {}
        InteractionKind::ViewPortion => {
            parameters.required_number("portion")?;
            interaction.value = parameters.number_from("portion", 0.0, 1.0)?;
            interaction.session_id = parameters.id("sessionId")?;
            interaction.auto_presented = Some(parameters.boolean("autoPresented", false)?);
            interaction.time_spent = parameters.number_from("timeSpent", 0.0, f64::MAX)?;
        }
    }
    if let Some(recomm_id) = parameters.text("recommId")? {
        // Clients also pass on ids of other systems. They are stored and cite nothing here.
        interaction.recomm_id = Some(recomm_id.chars().take(Uuid::encode_buffer().len()).collect());
    }
    interaction.additional_data =
        parameters.object("additionalData")?.map(|data| Value::Object(data).to_string());
    if interaction
        .additional_data
        .as_ref()
        .is_some_and(|data| data.len() > ADDITIONAL_DATA_BYTES_MAX)
    {
        return Err(Failure::invalid(format!(
            "additionalData is over {ADDITIONAL_DATA_BYTES_MAX} bytes"
        )));
    }
    let cascade_create = parameters.boolean("cascadeCreate", false)?;
    change(Command::AddInteraction { interaction, cascade_create })
}

fn delete(ids: Ids<'_>, kind: InteractionKind, parameters: &Parameters) -> Result<Call, Failure> {
    let is_portion = kind == InteractionKind::ViewPortion;
    let selector = InteractionSelector {
        user_id: parameters.required_entity_id(ids, EntityKind::User, "userId")?,
        item_id: parameters.required_entity_id(ids, EntityKind::Item, "itemId")?,
        kind,
        timestamp: if is_portion { None } else { parameters.timestamp("timestamp")? },
        session_id: if is_portion { Some(parameters.id("sessionId")?) } else { None },
    };
    change(Command::DeleteInteractions { selector })
}

fn list(
    ids: Ids<'_>,
    entity: EntityKind,
    id: String,
    kind: InteractionKind,
) -> Result<Call, Failure> {
    let id = ids.read(entity, entities::id_name(entity), id)?;
    query_within(move |engine, budget| {
        let found = match entity {
            EntityKind::Item => engine.snapshot().interactions_of_item(&id, kind)?,
            EntityKind::User => engine.snapshot().interactions_of_user(&id, kind)?,
        };
        let missing = || Failure::not_found(format!("there is no {} {id:?}", entity.word()));
        let found = found.ok_or_else(missing)?;
        budget.check_answer(found.len() as u64 * INTERACTION_BYTES_ABOUT)?;
        let held_bytes = found.iter().map(held_bytes).sum();
        let make_row = |_: &Snapshot<'_>, interaction| Some(interaction_json(&interaction));
        Ok(OperationAnswer {
            status: 200,
            body: Body::Rows(Rows::array(held_bytes, found.into_iter(), make_row)),
        })
    })
}

/// The memory of an interaction, in bytes.
fn held_bytes(interaction: &Interaction) -> usize {
    let Interaction { user_id, item_id, recomm_id, additional_data, .. } = interaction;
    let texts = [Some(user_id), Some(item_id), recomm_id.as_ref(), additional_data.as_ref()];
    size_of::<Interaction>() + texts.into_iter().flatten().map(String::len).sum::<usize>()
}

fn interaction_json(interaction: &Interaction) -> Value {
    let at_s = interaction.timestamp.unwrap_or(Timestamp(0)).0 as f64 / 1_000.0;
    let mut json =
        json!({ "userId": interaction.user_id, "itemId": interaction.item_id, "timestamp": at_s });
    match interaction.kind {
        InteractionKind::DetailView => {
            json["duration"] = interaction.value.map(|seconds| seconds as u64).into()
        }
        InteractionKind::Purchase | InteractionKind::CartAddition => {
            json["amount"] = interaction.amount.into();
            json["price"] = interaction.price.into();
            if interaction.kind == InteractionKind::Purchase {
                json["profit"] = interaction.profit.into();
            }
        }
        InteractionKind::Rating => json["rating"] = interaction.value.into(),
        InteractionKind::Bookmark => {}
        InteractionKind::ViewPortion => {
            json["portion"] = interaction.value.into();
            json["sessionId"] = interaction.session_id.clone().into();
            json["timeSpent"] = interaction.time_spent.into();
        }
    }
    let data = interaction
        .additional_data
        .as_deref()
        .and_then(|data| serde_json::from_str::<Value>(data).ok());
    if let Some(data) = data {
        json["additionalData"] = data;
    }
    if let Some(recomm_id) = &interaction.recomm_id {
        json["recommId"] = recomm_id.clone().into();
    }
    json
}
