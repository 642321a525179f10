//! What mappings make of messages. The rules for values are those of the recommender destination: ids may be numbers, numbers may be
//! numeric texts, prices of lines are multiplied by their amounts, watch time becomes a portion.

use domain::id::ID_BYTES_MAX;
use domain::{Interaction, InteractionKind, InteractionSelector, Timestamp};
use serde_json::{Map, Value};

use crate::Directive;

/// Something to do to the state, by external ids.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// A user did something with an item.
    AddInteraction(Interaction),
    /// A user took something back.
    DeleteInteractions(InteractionSelector),
    /// Two users are one: the source's ids and history go to the target.
    MergeUsers {
        /// The user that stays.
        target_user_id: String,
        /// The user that goes.
        source_user_id: String,
    },
}

/// The kinds of actions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ActionType {
    /// The user looked at an item.
    AddDetailView,
    /// The user put an item into the cart.
    AddCartAddition,
    /// The user took an item out of the cart.
    DeleteCartAddition,
    /// The user bought items: one interaction each.
    AddPurchase,
    /// The user saved or shared an item.
    AddBookmark,
    /// The user took a saved item back.
    DeleteBookmark,
    /// The user played a share of an item.
    SetViewPortion,
    /// The same, from seconds played and length.
    SetViewPortionFromWatchTime,
    /// Two users are one.
    MergeUsers,
}

/// An action's fields with where they came from.
pub(crate) struct Fields<'a> {
    pub(crate) resolved: &'a Map<String, Value>,
    pub(crate) directives: &'a [(&'static str, Directive)],
}

type Made<T> = Result<T, String>;

impl ActionType {
    /// Makes the action; the error names the field.
    pub(crate) fn make(self, fields: &Fields<'_>) -> Made<Vec<Action>> {
        let add = |kind| Ok(vec![Action::AddInteraction(fields.interaction(kind, fields.resolved)?)]);
        match self {
            Self::AddDetailView => add(InteractionKind::DetailView),
            Self::AddBookmark => add(InteractionKind::Bookmark),
            Self::AddCartAddition => {
                let item = fields.object("item")?;
                Ok(vec![Action::AddInteraction(fields.line(InteractionKind::CartAddition, item)?)])
            }
            Self::AddPurchase => {
                let lines = match fields.resolved.get("items") {
                    Some(Value::Array(lines)) => lines,
                    _ => return Err(fields.missing("items")),
                };
                lines
                    .iter()
                    .enumerate()
                    .map(|(n, line)| {
                        let line = line.as_object().ok_or_else(|| format!("items[{n}] is not an object"))?;
                        let purchase = fields.line(InteractionKind::Purchase, line);
                        purchase.map(Action::AddInteraction).map_err(|what| format!("items[{n}]: {what}"))
                    })
                    .collect()
            }
            Self::SetViewPortion => {
                let portion = number(fields.resolved, "portion")?.ok_or_else(|| fields.missing("portion"))?;
                fields.view_portion(portion)
            }
            Self::SetViewPortionFromWatchTime => {
                let times = fields.object("portion")?;
                let total = number(times, "totalLength")?.ok_or_else(|| fields.missing("portion"))?;
                let watched = number(times, "watchTime")?.ok_or_else(|| fields.missing("portion"))?;
                if total <= 0.0 {
                    return Err(format!("totalLength is {total}, it must be above 0"));
                }
                if watched > total {
                    return Err(format!("watchTime {watched} is over totalLength {total}"));
                }
                fields.view_portion(watched / total)
            }
            Self::DeleteBookmark => fields.delete(InteractionKind::Bookmark),
            Self::DeleteCartAddition => fields.delete(InteractionKind::CartAddition),
            Self::MergeUsers => Ok(vec![Action::MergeUsers {
                target_user_id: fields.id(fields.resolved, "targetUserId")?,
                source_user_id: fields.id(fields.resolved, "sourceUserId")?,
            }]),
        }
    }
}

impl Fields<'_> {
    fn missing(&self, field: &str) -> String {
        match self.directives.iter().find(|(name, _)| *name == field) {
            Some((_, from)) => format!("{field} is missing ({from})"),
            None => format!("{field} is missing"),
        }
    }

    /// An id: a text, or a number or boolean as text.
    fn id(&self, object: &Map<String, Value>, field: &str) -> Made<String> {
        let id = match object.get(field) {
            Some(Value::String(id)) => id.clone(),
            Some(Value::Number(id)) => id.to_string(),
            Some(Value::Bool(id)) => id.to_string(),
            None | Some(Value::Null) => String::new(),
            Some(Value::Array(_) | Value::Object(_)) => return Err(format!("{field} must be a string")),
        };
        if id.is_empty() {
            return Err(self.missing(field));
        }
        if id.len() > ID_BYTES_MAX {
            return Err(format!("{field} has {} bytes, the limit is {ID_BYTES_MAX}", id.len()));
        }
        Ok(id)
    }

    fn object(&self, field: &str) -> Made<&Map<String, Value>> {
        self.resolved.get(field).and_then(Value::as_object).ok_or_else(|| self.missing(field))
    }

    /// The fields that all added interactions share; the item id comes from `item`.
    fn interaction(&self, kind: InteractionKind, item: &Map<String, Value>) -> Made<Interaction> {
        let mut interaction = Interaction::new(self.id(self.resolved, "userId")?, self.item_id(item)?, kind);
        interaction.timestamp = instant(self.resolved, "timestamp")?;
        interaction.recomm_id = text(self.resolved, "recommId");
        interaction.session_id = text(self.resolved, "sessionId");
        Ok(interaction)
    }

    fn item_id(&self, item: &Map<String, Value>) -> Made<String> {
        let nested = self.directives.iter().find(|(name, _)| matches!(*name, "item" | "items"));
        self.id(item, "itemId").map_err(|what| match nested {
            Some((_, from)) if what == "itemId is missing" => format!("{what} ({from})"),
            _ => what,
        })
    }

    /// An interaction of a cart or order line: price and profit are for the whole amount.
    fn line(&self, kind: InteractionKind, line: &Map<String, Value>) -> Made<Interaction> {
        let mut interaction = self.interaction(kind, line)?;
        interaction.amount = number(line, "amount")?;
        let factor = interaction.amount.unwrap_or(1.0);
        interaction.price = number(line, "price")?.map(|price| price * factor);
        interaction.profit = number(line, "profit")?.map(|profit| profit * factor);
        Ok(interaction)
    }

    fn view_portion(&self, portion: f64) -> Made<Vec<Action>> {
        if !(0.0..=1.0).contains(&portion) {
            return Err(format!("portion is {portion}, it must be from 0 to 1"));
        }
        let mut interaction = self.interaction(InteractionKind::ViewPortion, self.resolved)?;
        interaction.value = Some(portion);
        Ok(vec![Action::AddInteraction(interaction)])
    }

    fn delete(&self, kind: InteractionKind) -> Made<Vec<Action>> {
        Ok(vec![Action::DeleteInteractions(InteractionSelector {
            user_id: self.id(self.resolved, "userId")?,
            item_id: self.item_id(self.resolved)?,
            kind,
            timestamp: instant(self.resolved, "timestamp")?,
        })])
    }
}

fn text(object: &Map<String, Value>, field: &str) -> Option<String> {
    match object.get(field)? {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

fn number(object: &Map<String, Value>, field: &str) -> Made<Option<f64>> {
    let number = match object.get(field) {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::String(text)) if text.is_empty() => return Ok(None),
        Some(Value::Number(number)) => number.as_f64(),
        Some(Value::String(text)) => text.trim().parse().ok(),
        Some(_) => None,
    };
    match number.filter(|number| number.is_finite()) {
        Some(number) => Ok(Some(number)),
        None => Err(format!("{field} must be a number")),
    }
}

fn instant(object: &Map<String, Value>, field: &str) -> Made<Option<Timestamp>> {
    let instant = match object.get(field) {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::String(text)) if text.is_empty() => return Ok(None),
        Some(Value::Number(number)) => number.as_f64().and_then(Timestamp::from_number),
        Some(Value::String(text)) => Timestamp::parse(text),
        Some(_) => None,
    };
    instant.map(Some).ok_or_else(|| format!("{field} is neither ISO 8601 nor a Unix time from 1970 on"))
}
