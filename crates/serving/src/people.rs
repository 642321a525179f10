//! What is known of people at a glance, for lists of them, and what items are called there.

use domain::{PropertyValue, Timestamp, UserIdx};
use profiles::{ExternalId, ExternalIdType, FoundPerson, PastMerge};

use crate::{QueryError, Snapshot};

/// The properties by whose names items are called, the first that an item has.
const TITLE_PROPERTIES: [&str; 2] = ["title", "name"];
/// The properties that say who an item is from or what kind it is.
const DETAIL_PROPERTIES: [&str; 7] =
    ["artist", "author", "brand", "genres", "genre", "category", "categories"];
/// How many of those are told.
const DETAILS_MAX: usize = 2;
/// The properties that hold the address of a picture.
const PICTURE_PROPERTIES: [&str; 5] = ["image", "image_url", "picture", "cover", "thumbnail"];

/// A person at a glance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PersonSummary {
    /// The type of the id.
    pub type_: ExternalIdType,
    /// The user id, or an anonymous id of somebody without one.
    pub id: String,
    /// The name, from traits.
    pub name: Option<String>,
    /// The e-mail address, from traits.
    pub email: Option<String>,
    /// The number of interactions in memory.
    pub n_interactions: usize,
    /// Whether there may be older ones, which are in the store only.
    pub has_older: bool,
    /// When the latest message or interaction happened.
    pub last_seen: Option<Timestamp>,
}

/// What an item is called.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ItemLabel {
    /// The title.
    pub title: Option<String>,
    /// Who it is from, and of which kind it is.
    pub detail: Option<String>,
    /// The address of its picture.
    pub picture: Option<String>,
}

impl Snapshot<'_> {
    /// Finds people by an id or an identifying trait, or by how one begins.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn search_people(&self, text: &str, limit: usize) -> Result<Vec<FoundPerson>, QueryError> {
        Ok(self.profiles.search(self.store(), text, limit)?)
    }

    /// The user with an external id.
    pub fn user(&self, id: ExternalId<'_>) -> Option<UserIdx> {
        self.profiles.ids().user_by_external_id(id)
    }

    /// A person at a glance; none for one who was merged into another or deleted.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn person_summary(&self, user: UserIdx) -> Result<Option<PersonSummary>, QueryError> {
        if !self.profiles.ids().is_alive(user) {
            return Ok(None);
        }
        let Some((type_, id)) = self.find_user_name(user)? else { return Ok(None) };
        let histories = self.interactions.histories();
        let row = histories.row(user);
        let last_interaction = row.last().map(|entry| Timestamp(i64::from(entry.at_s) * 1_000));
        let last_message = self.profiles.last_entry(self.store(), user)?;
        let text = |key: &str| self.trait_text(user, key);
        let name = match text("name")? {
            Some(name) => Some(name),
            None => {
                let first = text("first_name")?.or(text("firstName")?);
                let last = text("last_name")?.or(text("lastName")?);
                let parts: Vec<String> = first.into_iter().chain(last).collect();
                (!parts.is_empty()).then(|| parts.join(" "))
            }
        };
        Ok(Some(PersonSummary {
            type_,
            id,
            name,
            email: text("email")?,
            n_interactions: row.len(),
            has_older: histories.is_full(user),
            last_seen: last_message.map(|entry| entry.timestamp).max(last_interaction),
        }))
    }

    /// The merges into a profile, oldest first.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn merges(&self, user: UserIdx) -> Result<Vec<PastMerge>, QueryError> {
        Ok(self.profiles.merges(self.store(), user)?)
    }

    /// What an item is called; empty for an unknown item, and one without such properties.
    pub fn item_label(&self, item_id: &str) -> ItemLabel {
        let Some(item) = self.catalog.item(item_id) else { return ItemLabel::default() };
        let text = |name: &str| value_text(&self.catalog.table().value(item.0, name)?);
        let details = DETAIL_PROPERTIES.into_iter().filter_map(text).take(DETAILS_MAX);
        let details: Vec<String> = details.collect();
        ItemLabel {
            title: self.item_title(item_id),
            detail: (!details.is_empty()).then(|| details.join(" · ")),
            picture: PICTURE_PROPERTIES.into_iter().find_map(text),
        }
    }

    /// The title of an item; none for an unknown item, and where no property of that kind is a
    /// text.
    pub fn item_title(&self, item_id: &str) -> Option<String> {
        let item = self.catalog.item(item_id)?;
        let text = |name: &str| value_text(&self.catalog.table().value(item.0, name)?);
        TITLE_PROPERTIES.into_iter().find_map(text)
    }

    /// A trait that is a text and not empty.
    pub(crate) fn trait_text(
        &self,
        user: UserIdx,
        key: &str,
    ) -> Result<Option<String>, QueryError> {
        let value = self.profiles.stored_trait(self.store(), user, key)?;
        let text = value.and_then(|value| serde_json::from_str::<String>(&value.json).ok());
        Ok(text.filter(|text| !text.trim().is_empty()))
    }
}

/// A text that is not empty, or the first ones of a set.
fn value_text(value: &PropertyValue) -> Option<String> {
    /// How many members of a set are told.
    const MEMBERS_MAX: usize = 3;
    let text = match value {
        PropertyValue::String(text) => text.clone(),
        other => match other.to_json() {
            serde_json::Value::String(text) => text,
            serde_json::Value::Array(members) => {
                let texts = members.iter().filter_map(|member| member.as_str()).take(MEMBERS_MAX);
                texts.collect::<Vec<_>>().join(", ")
            }
            _ => return None,
        },
    };
    (!text.trim().is_empty()).then_some(text)
}
