//! What our own engine makes of resolved fields: actions with their types, which the fold applies.
//!
//! Its rules for values are near those of the recommender destination, but of its own, since old
//! journals must give the same state for ever: ids may be numbers and stay as they were written,
//! numbers may be numeric texts, an empty value counts as none, prices of lines are multiplied by
//! their amounts, lines of one item are added up, and watch time becomes a portion from 0 to 1.

use std::borrow::Cow;
use std::fmt;
use std::sync::LazyLock;

use domain::id::ID_BYTES_MAX;
use domain::{Interaction, InteractionKind, InteractionSelector, Timestamp, WeakSignalKind};

use crate::action::ActionType;
use crate::directive::Expr;
use crate::value::{Object, Value};

/// A change of the state, with external ids.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// A user did something with an item.
    AddInteraction(Interaction),
    /// A user took an interaction back.
    DeleteInteractions(InteractionSelector),
    /// A user gave weak signals about items.
    AddWeakSignals {
        /// The external id of the user.
        user_id: String,
        /// The items, each once: at most [`LISTED_ITEMS_MAX`].
        item_ids: Vec<String>,
        /// The kind of all of them.
        kind: WeakSignalKind,
        /// Absent means the time of the message's arrival.
        timestamp: Option<Timestamp>,
    },
    /// Merges two users: ids and history of the source go to the target.
    MergeUsers {
        /// The user that remains.
        target_user_id: String,
        /// The user that ceases to exist.
        source_user_id: String,
    },
}

/// The most items of one list that count as viewed, from its beginning: few users look further.
pub const LISTED_ITEMS_MAX: usize = 50;

/// The resolved fields of an action, with their directives for error messages.
pub(crate) struct Inputs<'a> {
    pub(crate) fields: &'a Object<'a>,
    pub(crate) directives: &'a [(String, Expr)],
}

/// A field without a usable value.
#[derive(Debug)]
pub(crate) struct FieldError {
    /// The line of the order or list, from 0 on.
    pub(crate) line: Option<usize>,
    /// The name of the field, as in the directives.
    pub(crate) field: String,
    /// What is wrong with it, behind its name.
    what: String,
}

type FieldResult<T> = Result<T, FieldError>;

impl FieldError {
    fn new(field: &str, what: impl Into<String>) -> Self {
        Self { line: None, field: field.to_owned(), what: what.into() }
    }

    fn in_line(self, n: usize) -> Self {
        Self { line: Some(n), ..self }
    }
}

impl fmt::Display for FieldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(n) = self.line {
            write!(f, "items[{n}]: ")?;
        }
        write!(f, "{} {}", self.field, self.what)
    }
}

/// The fields of a line or object that is none: no member has a value.
static NO_FIELDS: LazyLock<Object<'static>> = LazyLock::new(Object::new);

impl ActionType {
    /// Builds the actions; the error names the field.
    pub(crate) fn build(self, inputs: &Inputs<'_>) -> FieldResult<Vec<Action>> {
        let add = |kind| Ok(vec![Action::AddInteraction(inputs.interaction(kind, inputs.fields)?)]);
        match self {
            Self::AddDetailView => {
                let mut view = inputs.interaction(InteractionKind::DetailView, inputs.fields)?;
                view.value = number(inputs.fields, "duration")?;
                if let Some(duration) = view.value.filter(|duration| *duration < 0.0) {
                    let what = format!("is {duration}, it must not be below 0");
                    return Err(FieldError::new("duration", what));
                }
                Ok(vec![Action::AddInteraction(view)])
            }
            Self::AddRating => {
                let rating =
                    number(inputs.fields, "rating")?.ok_or_else(|| inputs.missing("rating"))?;
                if !(-1.0..=1.0).contains(&rating) {
                    let what = format!("is {rating}, it must be from -1 to 1");
                    return Err(FieldError::new("rating", what));
                }
                let mut rated = inputs.interaction(InteractionKind::Rating, inputs.fields)?;
                rated.value = Some(rating);
                Ok(vec![Action::AddInteraction(rated)])
            }
            Self::AddBookmark => add(InteractionKind::Bookmark),
            Self::AddCartAddition => {
                let item = inputs.object("item")?;
                Ok(vec![Action::AddInteraction(inputs.line(InteractionKind::CartAddition, item)?)])
            }
            Self::AddPurchase => {
                let Some(Value::Array(lines)) = inputs.fields.get("items") else {
                    return Err(inputs.missing("items"));
                };
                let mut purchases: Vec<Interaction> = Vec::new();
                for (n, line) in lines.iter().enumerate() {
                    let purchase = inputs.line(InteractionKind::Purchase, members(line));
                    let purchase = purchase.map_err(|error| error.in_line(n))?;
                    // User, item and time identify a purchase, so two lines of one item are added
                    // up.
                    match purchases.iter_mut().find(|other| other.item_id == purchase.item_id) {
                        Some(same) => {
                            add_line(same, &purchase).map_err(|error| error.in_line(n))?
                        }
                        None => purchases.push(purchase),
                    }
                }
                Ok(purchases.into_iter().map(Action::AddInteraction).collect())
            }
            Self::SetViewPortion => {
                let portion =
                    number(inputs.fields, "portion")?.ok_or_else(|| inputs.missing("portion"))?;
                inputs.view_portion(portion)
            }
            Self::SetViewPortionFromWatchTime => {
                let times = inputs.object("portion")?;
                let total =
                    number(times, "totalLength")?.ok_or_else(|| inputs.missing("portion"))?;
                let watched =
                    number(times, "watchTime")?.ok_or_else(|| inputs.missing("portion"))?;
                if total <= 0.0 {
                    return Err(FieldError::new(
                        "totalLength",
                        format!("is {total}, it must be above 0"),
                    ));
                }
                if watched > total {
                    return Err(FieldError::new(
                        "watchTime",
                        format!("{watched} is over totalLength {total}"),
                    ));
                }
                inputs.view_portion(watched / total)
            }
            Self::DeleteBookmark => inputs.delete(InteractionKind::Bookmark),
            Self::DeleteCartAddition => inputs.delete(InteractionKind::CartAddition),
            Self::AddClick => {
                let item_id = inputs.id(inputs.fields, "itemId")?;
                Ok(vec![inputs.weak_signals(WeakSignalKind::Click, vec![item_id])?])
            }
            Self::AddListViews => {
                // Many senders send only the list's name, which is valid.
                let Some(Value::Array(lines)) = inputs.fields.get("items") else {
                    return Ok(Vec::new());
                };
                let mut item_ids: Vec<String> = Vec::new();
                for (n, line) in lines.iter().take(LISTED_ITEMS_MAX).enumerate() {
                    let item_id = inputs.id(members(line), "itemId");
                    let item_id = item_id.map_err(|error| error.in_line(n))?;
                    if !item_ids.contains(&item_id) {
                        item_ids.push(item_id);
                    }
                }
                let is_empty = item_ids.is_empty();
                let signals = inputs.weak_signals(WeakSignalKind::ListView, item_ids)?;
                Ok(if is_empty { Vec::new() } else { vec![signals] })
            }
            Self::MergeUsers => Ok(vec![Action::MergeUsers {
                target_user_id: inputs.id(inputs.fields, "targetUserId")?,
                source_user_id: inputs.id(inputs.fields, "sourceUserId")?,
            }]),
        }
    }
}

impl Inputs<'_> {
    /// The message for a missing field, with the paths that were tried. It finds fields of lines
    /// and cart items too.
    fn missing(&self, field: &str) -> FieldError {
        let named = |members: &'_ [(String, Expr)]| {
            members.iter().find(|(other, _)| other == field).map(|(_, from)| from.to_string())
        };
        let inner = || {
            let members = self.directives.iter().filter_map(|(_, from)| from.members());
            members.into_iter().find_map(|(_, members)| named(members))
        };
        match named(self.directives).or_else(inner) {
            Some(from) => FieldError::new(field, format!("is missing ({from})")),
            None => FieldError::new(field, "is missing"),
        }
    }

    /// An id: a text, or a number or boolean as text.
    fn id(&self, fields: &Object<'_>, field: &str) -> FieldResult<String> {
        let id = match fields.get(field).map(scalar) {
            Some(Scalar::Text(id)) => id.into_owned(),
            Some(Scalar::Literal(id)) => id.into_owned(),
            None | Some(Scalar::Null) => String::new(),
            Some(Scalar::Instant(_) | Scalar::Nested) => {
                return Err(FieldError::new(field, "must be a string"));
            }
        };
        if id.is_empty() {
            return Err(self.missing(field));
        }
        if id.len() > ID_BYTES_MAX {
            let what = format!("has {} bytes, the limit is {ID_BYTES_MAX}", id.len());
            return Err(FieldError::new(field, what));
        }
        Ok(id)
    }

    fn object(&self, field: &str) -> FieldResult<&Object<'_>> {
        let object = self.fields.get(field).and_then(Value::as_object);
        object.ok_or_else(|| self.missing(field))
    }

    /// An interaction with the fields that all kinds share; the item id comes from `item`.
    fn interaction(&self, kind: InteractionKind, item: &Object<'_>) -> FieldResult<Interaction> {
        let mut interaction =
            Interaction::new(self.id(self.fields, "userId")?, self.id(item, "itemId")?, kind);
        interaction.timestamp = instant(self.fields, "timestamp")?;
        interaction.recomm_id = text(self.fields, "recommId");
        interaction.session_id = text(self.fields, "sessionId");
        Ok(interaction)
    }

    fn weak_signals(&self, kind: WeakSignalKind, item_ids: Vec<String>) -> FieldResult<Action> {
        let user_id = self.id(self.fields, "userId")?;
        Ok(Action::AddWeakSignals {
            user_id,
            item_ids,
            kind,
            timestamp: instant(self.fields, "timestamp")?,
        })
    }

    /// An interaction of a cart or order line: price and profit are for the whole amount.
    fn line(&self, kind: InteractionKind, line: &Object<'_>) -> FieldResult<Interaction> {
        let mut interaction = self.interaction(kind, line)?;
        interaction.amount = number(line, "amount")?;
        let factor = interaction.amount.unwrap_or(1.0);
        let total = |field| finite(field, number(line, field)?.map(|unit| unit * factor));
        interaction.price = total("price")?;
        interaction.profit = total("profit")?;
        Ok(interaction)
    }

    fn view_portion(&self, portion: f64) -> FieldResult<Vec<Action>> {
        if !(0.0..=1.0).contains(&portion) {
            let what = format!("is {portion}, it must be from 0 to 1");
            return Err(FieldError::new("portion", what));
        }
        let mut interaction = self.interaction(InteractionKind::ViewPortion, self.fields)?;
        interaction.value = Some(portion);
        Ok(vec![Action::AddInteraction(interaction)])
    }

    fn delete(&self, kind: InteractionKind) -> FieldResult<Vec<Action>> {
        Ok(vec![Action::DeleteInteractions(InteractionSelector {
            user_id: self.id(self.fields, "userId")?,
            item_id: self.id(self.fields, "itemId")?,
            kind,
            timestamp: instant(self.fields, "timestamp")?,
            session_id: None,
        })])
    }
}

fn add_line(purchase: &mut Interaction, line: &Interaction) -> FieldResult<()> {
    let sum = |a: Option<f64>, b: Option<f64>| a.zip(b).map(|(a, b)| a + b).or(a).or(b);
    let amount = purchase.amount.unwrap_or(1.0) + line.amount.unwrap_or(1.0);
    purchase.amount = finite("amount", Some(amount))?;
    purchase.price = finite("price", sum(purchase.price, line.price))?;
    purchase.profit = finite("profit", sum(purchase.profit, line.profit))?;
    Ok(())
}

/// Refuses a product or sum that overflowed.
fn finite(field: &str, number: Option<f64>) -> FieldResult<Option<f64>> {
    match number {
        Some(number) if !number.is_finite() => {
            Err(FieldError::new(field, "of the whole amount is beyond all numbers"))
        }
        number => Ok(number),
    }
}

/// A scalar value in the form that the rules for ids, numbers and times need.
enum Scalar<'a> {
    Null,
    Text(Cow<'a, str>),
    /// A number or boolean as written.
    Literal(Cow<'a, str>),
    Instant(Timestamp),
    /// An array or object.
    Nested,
}

fn scalar<'v>(value: &'v Value<'_>) -> Scalar<'v> {
    match value {
        Value::Undefined | Value::Null => Scalar::Null,
        Value::String(text) => Scalar::Text(Cow::Borrowed(text)),
        Value::Instant(instant) => Scalar::Instant(*instant),
        Value::Number(number) => Scalar::Literal(number.as_written()),
        Value::Bool(_) => Scalar::Literal(value.print()),
        Value::Array(_) | Value::Object(_) => Scalar::Nested,
    }
}

/// The members of a line; none if it is no object.
fn members<'v, 'a>(line: &'v Value<'a>) -> &'v Object<'a> {
    line.as_object().unwrap_or(&NO_FIELDS)
}

fn text(fields: &Object<'_>, field: &str) -> Option<String> {
    match scalar(fields.get(field)?) {
        Scalar::Text(text) | Scalar::Literal(text) if !text.is_empty() => Some(text.into_owned()),
        _ => None,
    }
}

fn number(fields: &Object<'_>, field: &str) -> FieldResult<Option<f64>> {
    let number = match fields.get(field).map(scalar) {
        None | Some(Scalar::Null) => return Ok(None),
        Some(Scalar::Text(text)) if text.is_empty() => return Ok(None),
        Some(Scalar::Text(text) | Scalar::Literal(text)) => text.trim().parse::<f64>().ok(),
        Some(Scalar::Instant(_) | Scalar::Nested) => None,
    };
    match number.filter(|number| number.is_finite()) {
        Some(number) => Ok(Some(number)),
        None => Err(FieldError::new(field, "must be a number")),
    }
}

fn instant(fields: &Object<'_>, field: &str) -> FieldResult<Option<Timestamp>> {
    let instant = match fields.get(field).map(scalar) {
        None | Some(Scalar::Null) => return Ok(None),
        Some(Scalar::Instant(instant)) => Some(instant),
        Some(Scalar::Text(text)) if text.is_empty() => return Ok(None),
        Some(Scalar::Text(text) | Scalar::Literal(text)) => Timestamp::parse(&text),
        Some(Scalar::Nested) => None,
    };
    instant
        .map(Some)
        .ok_or_else(|| FieldError::new(field, "is neither ISO 8601 nor a Unix time from 1970 on"))
}
