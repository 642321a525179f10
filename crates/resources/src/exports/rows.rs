//! The columns and rows of what is exported.

use std::ops::Range;
use std::sync::Arc;

use connectors::{ParquetColumn, ParquetType};
use domain::{Exportable, Interaction, InteractionKind, ItemIdx, PropertyType, UserIdx};
use engine::{Engine, ExternalIdType, QueryError, RequestBudget, Snapshot};
use serde_json::{Map, Value, json};
use web::error::ApiError;

use crate::recommendations::source_word;

pub(super) type Row = Vec<Value>;

/// What is exported: everything of a kind, or what belongs to one audience or trait.
#[derive(Debug, Clone, Copy)]
pub(super) struct Selection<'a> {
    pub(super) what: Exportable,
    /// The key of the audience or trait.
    pub(super) only: Option<&'a str>,
}

impl Selection<'_> {
    fn takes(&self, key: &str) -> bool {
        self.only.is_none_or(|only| only == key)
    }
}

/// The columns; those of items follow the catalog.
pub(super) fn columns(views: &Snapshot<'_>, what: Exportable) -> Vec<ParquetColumn> {
    use ParquetType::{Int, Json, Number, Text, Time};
    let fixed: &[(&str, ParquetType)] = match what {
        Exportable::Items => &[("item_id", Text)],
        Exportable::People => &[
            ("user_ids", Json),
            ("anonymous_ids", Json),
            ("other_ids", Json),
            ("traits", Json),
            ("computed_traits", Json),
        ],
        Exportable::Interactions => &[
            ("user_id", Text),
            ("anonymous_id", Text),
            ("item_id", Text),
            ("kind", Text),
            ("timestamp", Time),
            ("value", Number),
            ("amount", Number),
            ("price", Number),
            ("profit", Number),
            ("recomm_id", Text),
        ],
        Exportable::Audiences => {
            &[("audience", Text), ("user_ids", Json), ("anonymous_ids", Json), ("entered_at", Time)]
        }
        Exportable::Recommendations => &[
            ("trait", Text),
            ("user_id", Text),
            ("position", Int),
            ("item_id", Text),
            ("score", Number),
            ("source", Text),
            ("because", Json),
        ],
        Exportable::Identifiers => &[
            ("profile_id", Int),
            ("type", Text),
            ("value", Text),
            ("created_at", Time),
            ("source", Text),
            ("first_message_id", Text),
        ],
        Exportable::Traits => &[
            ("profile_id", Int),
            ("name", Text),
            ("value", Json),
            ("updated_at", Time),
            ("source", Text),
        ],
        Exportable::Merges => &[
            ("profile_id", Int),
            ("merged_type", Text),
            ("merged_value", Text),
            ("merged_at", Time),
            ("source", Text),
            ("message_id", Text),
        ],
        Exportable::ComputedTraits => &[
            ("profile_id", Int),
            ("user_id", Text),
            ("name", Text),
            ("value", Json),
            ("changed_at", Time),
        ],
        Exportable::IdentifierUpdates => &[
            ("sequence", Int),
            ("profile_id", Int),
            ("operation", Text),
            ("type", Text),
            ("value", Text),
            ("at", Time),
            ("source", Text),
            ("message_id", Text),
        ],
        Exportable::TraitUpdates => &[
            ("sequence", Int),
            ("profile_id", Int),
            ("name", Text),
            ("value", Json),
            ("at", Time),
            ("source", Text),
            ("message_id", Text),
        ],
        Exportable::MergeUpdates => &[
            ("sequence", Int),
            ("profile_id", Int),
            ("merged_profile_id", Int),
            ("merged_type", Text),
            ("merged_value", Text),
            ("at", Time),
            ("source", Text),
            ("message_id", Text),
        ],
    };
    let column = |name: &str, type_| ParquetColumn { name: name.to_owned(), type_ };
    let mut columns: Vec<_> = fixed.iter().map(|(name, type_)| column(name, *type_)).collect();
    if what == Exportable::Items {
        columns.push(column(CATALOG_COLUMN, Text));
        let properties = views.catalog.table().properties();
        columns.extend(properties.map(|own| column(column_of(&own.name), type_of(own.type_))));
    }
    columns
}

/// The column with the catalog of products that an item is in.
const CATALOG_COLUMN: &str = "catalog";

/// The column of a property: its name, but for one that is named as a column of every item.
fn column_of(property: &str) -> &str {
    match property {
        "item_id" => "item_id_property",
        CATALOG_COLUMN => "catalog_property",
        _ => property,
    }
}

fn type_of(type_: PropertyType) -> ParquetType {
    match type_ {
        PropertyType::Int => ParquetType::Int,
        PropertyType::Double => ParquetType::Number,
        PropertyType::Boolean => ParquetType::Flag,
        PropertyType::Timestamp => ParquetType::Time,
        PropertyType::String | PropertyType::Image => ParquetType::Text,
        PropertyType::Set | PropertyType::ImageList => ParquetType::Json,
    }
}

/// How many items or people there are, those that are gone included.
pub(super) fn n_all(views: &Snapshot<'_>, what: Exportable) -> usize {
    match what {
        Exportable::Items => views.catalog.n_items(),
        _ => views.profiles.ids().n_users(),
    }
}

/// The rows of some items or people, by their indices.
pub(super) fn read(
    engine: &Engine,
    selection: Selection<'_>,
    columns: &[ParquetColumn],
    step: Range<u32>,
) -> Result<Vec<Row>, ApiError> {
    let what = selection.what;
    if what == Exportable::Recommendations {
        return recommendations(engine, selection, step);
    }
    let views = engine.snapshot();
    if what == Exportable::Items {
        let items = step.map(ItemIdx).filter(|item| views.catalog.is_available(*item));
        return Ok(items.map(|item| item_row(&views, columns, item)).collect());
    }
    let mut rows = Vec::new();
    for user in step.map(UserIdx).filter(|user| views.profiles.ids().is_alive(*user)) {
        match what {
            Exportable::People => rows.push(person(&views, user)?),
            Exportable::Interactions => add_interactions(&views, user, &mut rows)?,
            Exportable::Audiences => add_memberships(&views, selection, user, &mut rows)?,
            Exportable::Identifiers => add_identifiers(&views, user, &mut rows)?,
            Exportable::Traits => add_traits(&views, user, &mut rows)?,
            Exportable::Merges => add_merges(&views, user, &mut rows)?,
            Exportable::ComputedTraits => add_computed(&views, selection, user, &mut rows)?,
            Exportable::Items | Exportable::Recommendations => unreachable!("answered above"),
            Exportable::IdentifierUpdates | Exportable::TraitUpdates | Exportable::MergeUpdates => {
                unreachable!("logs are read entry by entry")
            }
        }
    }
    Ok(rows)
}

fn item_row(views: &Snapshot<'_>, columns: &[ParquetColumn], item: ItemIdx) -> Row {
    let mut values: Map<String, Value> = views
        .catalog
        .table()
        .values(item.0)
        .into_iter()
        .map(|(name, value)| (column_of(name).to_owned(), value.to_json()))
        .collect();
    values.insert(CATALOG_COLUMN.to_owned(), Value::from(views.catalog.catalog_of(item)));
    let id = Value::from(views.catalog.item_id(item));
    let values =
        columns[1..].iter().map(|column| values.remove(&column.name).unwrap_or(Value::Null));
    std::iter::once(id).chain(values).collect()
}

/// The user ids and the anonymous ids of a person, as lists.
fn ids(views: &Snapshot<'_>, user: UserIdx) -> Result<[Value; 2], ApiError> {
    let identifiers = views.identifiers(user)?;
    let of_type = |type_: ExternalIdType| -> Value {
        let own = identifiers.iter().filter(|id| id.type_ == type_);
        own.map(|id| id.value.clone()).collect()
    };
    Ok([of_type(ExternalIdType::UserId), of_type(ExternalIdType::AnonymousId)])
}

fn person(views: &Snapshot<'_>, user: UserIdx) -> Result<Row, ApiError> {
    let [user_ids, anonymous_ids] = ids(views, user)?;
    let mut others: Map<String, Value> = Map::new();
    for id in views.identifiers(user)? {
        if !matches!(id.type_, ExternalIdType::UserId | ExternalIdType::AnonymousId) {
            let values = others.entry(id.type_.word().to_owned()).or_insert_with(|| json!([]));
            values.as_array_mut().expect("made a list").push(id.value.into());
        }
    }
    let other_ids = if others.is_empty() { Value::Null } else { others.into() };
    let traits = views.stored_traits(user)?.into_iter();
    let traits: Map<String, Value> =
        traits.map(|(key, stored)| (key, read_json(&stored.json))).collect();
    let computed = views.computed_traits(user)?.into_iter();
    let computed: Map<String, Value> = computed
        .filter(|(_, one)| !one.value.is_null())
        .map(|(key, one)| (key, one.value))
        .collect();
    let computed = if computed.is_empty() { Value::Null } else { computed.into() };
    Ok(vec![user_ids, anonymous_ids, other_ids, traits.into(), computed])
}

/// A value that was checked when it was set.
fn read_json(json: &str) -> Value {
    serde_json::from_str(json).unwrap_or(Value::Null)
}

/// Those of a person, by the first id.
fn add_interactions(
    views: &Snapshot<'_>,
    user: UserIdx,
    rows: &mut Vec<Row>,
) -> Result<(), ApiError> {
    let mut name = None;
    for kind in InteractionKind::ALL {
        let stored = views.interactions.by_user(views.store(), user, kind);
        for stored in stored.map_err(QueryError::from)? {
            if name.is_none() {
                name = views.find_user_name(user)?;
            }
            let Some((type_, id)) = &name else { return Ok(()) };
            let item_id = views.catalog.item_id(stored.item).to_owned();
            let interaction = stored.into_interaction(id, &item_id);
            let Interaction { timestamp, value, amount, price, profit, recomm_id, .. } =
                interaction;
            let id_if = |wanted| (*type_ == wanted).then(|| id.clone());
            rows.push(vec![
                Value::from(id_if(ExternalIdType::UserId)),
                Value::from(id_if(ExternalIdType::AnonymousId)),
                Value::from(item_id),
                Value::from(kind.word()),
                Value::from(timestamp.map(|at| at.to_string())),
                Value::from(value),
                Value::from(amount),
                Value::from(price),
                Value::from(profit),
                Value::from(recomm_id),
            ]);
        }
    }
    Ok(())
}

fn add_memberships(
    views: &Snapshot<'_>,
    selection: Selection<'_>,
    user: UserIdx,
    rows: &mut Vec<Row>,
) -> Result<(), ApiError> {
    let mut memberships =
        views.audiences.memberships(views.store(), user).map_err(QueryError::from)?;
    memberships.retain(|(audience, _)| selection.takes(audience));
    if memberships.is_empty() {
        return Ok(());
    }
    let [user_ids, anonymous_ids] = ids(views, user)?;
    for (audience, entered) in memberships {
        rows.push(vec![
            audience.into(),
            user_ids.clone(),
            anonymous_ids.clone(),
            entered.to_string().into(),
        ]);
    }
    Ok(())
}

/// The values of computed traits of a person, those that have one.
fn add_computed(
    views: &Snapshot<'_>,
    selection: Selection<'_>,
    user: UserIdx,
    rows: &mut Vec<Row>,
) -> Result<(), ApiError> {
    let user_id = Value::from(views.profiles.ids().user_id(user));
    for (key, computed) in views.computed_traits(user)? {
        if selection.takes(&key) && !computed.value.is_null() {
            rows.push(vec![
                user.0.into(),
                user_id.clone(),
                key.into(),
                computed.value,
                computed.changed_at.to_string().into(),
            ]);
        }
    }
    Ok(())
}

fn add_identifiers(
    views: &Snapshot<'_>,
    user: UserIdx,
    rows: &mut Vec<Row>,
) -> Result<(), ApiError> {
    let row = |id: engine::Identifier| {
        vec![
            user.0.into(),
            id.type_.word().into(),
            id.value.into(),
            id.created_at.to_string().into(),
            text_or_null(id.source),
            text_or_null(id.first_message_id),
        ]
    };
    rows.extend(views.identifiers(user)?.into_iter().map(row));
    Ok(())
}

fn add_traits(views: &Snapshot<'_>, user: UserIdx, rows: &mut Vec<Row>) -> Result<(), ApiError> {
    let row = |(name, stored): (String, engine::StoredTrait)| {
        vec![
            user.0.into(),
            name.into(),
            read_json(&stored.json),
            stored.updated_at.to_string().into(),
            text_or_null(stored.source),
        ]
    };
    rows.extend(views.stored_traits(user)?.into_iter().map(row));
    Ok(())
}

fn add_merges(views: &Snapshot<'_>, user: UserIdx, rows: &mut Vec<Row>) -> Result<(), ApiError> {
    let merges = views.profiles.merges(views.store(), user).map_err(QueryError::from)?;
    for merge in merges {
        let (type_, value) = merge.merged.unzip();
        rows.push(vec![
            user.0.into(),
            type_.map(|type_| type_.word().to_owned()).into(),
            value.into(),
            merge.at.to_string().into(),
            text_or_null(merge.source),
            text_or_null(merge.message_id),
        ]);
    }
    Ok(())
}

pub(super) fn text_or_null(text: String) -> Value {
    if text.is_empty() { Value::Null } else { text.into() }
}

/// The lists of traits of recommended items, of people with a user id.
fn recommendations(
    engine: &Engine,
    selection: Selection<'_>,
    step: Range<u32>,
) -> Result<Vec<Row>, ApiError> {
    let known: Vec<(UserIdx, String)> = {
        let views = engine.snapshot();
        let ids = views.profiles.ids();
        let named = |user: UserIdx| Some((user, ids.user_id(user)?.to_owned()));
        step.map(UserIdx).filter(|user| ids.is_alive(*user)).filter_map(named).collect()
    };
    let budget = Arc::new(RequestBudget::unlimited());
    let mut rows = Vec::new();
    let config = engine.config();
    for definition in config.traits.iter().filter(|one| selection.takes(&one.key)) {
        let mut having = Vec::new();
        for (user, user_id) in &known {
            if engine.snapshot().has_trait(definition, *user)? {
                having.push((*user, user_id));
            }
        }
        let users: Vec<UserIdx> = having.iter().map(|(user, _)| *user).collect();
        let lists = engine.trait_lists(&users, definition, &budget)?;
        for ((_, user_id), list) in having.into_iter().zip(lists) {
            for (n, item) in list.items.into_iter().enumerate() {
                let because = item.explanation.into_iter().map(|reason| reason.item_id);
                rows.push(vec![
                    definition.key.clone().into(),
                    user_id.as_str().into(),
                    (n + 1).into(),
                    item.item_id.into(),
                    item.score.into(),
                    source_word(item.origin).into(),
                    because.collect(),
                ]);
            }
        }
    }
    Ok(rows)
}
