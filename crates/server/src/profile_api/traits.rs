//! `GET .../traits`: what is known of a user or an account. The recommended-items traits of users
//! who have them are computed now, their computed traits are kept; the audiences to which they
//! belong, or did, are traits that are true or false.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::OriginalUri;
use domain::json::to_value;
use domain::{Timestamp, TraitDefinition, UserIdx};
use engine::{ComputedValue, Engine, RecommendedList, RequestBudget};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use super::cursor;
use super::lookup::{Lookup, Subject};
use crate::recommendation::ListBody;
use web::error::ApiError;
use web::parameters::{self, Parameters};

const LIMIT_DEFAULT: usize = 10;
pub(super) const LIMIT_MAX: usize = 200;
/// The source of a trait that no source set.
const COMPUTED: &str = "computed";
/// The source of an audience's trait.
const AUDIENCE: &str = "audience";
/// The suffix of the companion of a recommended-items trait.
const DETAIL_SUFFIX: &str = "__detail";

#[derive(Deserialize)]
pub(super) struct Query {
    class: Option<String>,
    include: Option<String>,
    limit: Option<usize>,
    verbose: Option<bool>,
    next: Option<String>,
}

/// Where a trait comes from, in the order of answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Class {
    Computed,
    Audience,
    /// A source has set it.
    Stored,
}

impl Class {
    const ALL: [Self; 3] = [Self::Computed, Self::Audience, Self::Stored];

    /// The tag in a cursor.
    fn tag(self) -> &'static str {
        match self {
            Self::Computed => "c",
            Self::Audience => "a",
            Self::Stored => "s",
        }
    }

    fn from_tag(tag: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|class| class.tag() == tag)
    }
}

/// Computed traits come first, then audiences, then what sources set, each in the order of their
/// keys.
pub(super) async fn read(
    lookup: Lookup,
    Parameters(query): Parameters<Query>,
    OriginalUri(uri): OriginalUri,
) -> Result<Json<Value>, ApiError> {
    let limit = parameters::count("limit", query.limit, LIMIT_DEFAULT, LIMIT_MAX)?;
    let include = cursor::list(query.include.as_deref());
    let after = match cursor::next(query.next.as_deref())? {
        Some(last) => {
            let (tag, key) = last.split_once(':').ok_or_else(cursor::wrong_next)?;
            let class = Class::from_tag(tag).ok_or_else(cursor::wrong_next)?;
            Some((class, key.to_owned()))
        }
        None => None,
    };
    let is_verbose = query.verbose == Some(true);
    let query = TraitQuery::new(query.class.as_deref(), include, limit, is_verbose)?;
    let query = TraitQuery { after, ..query };
    let page = lookup
        .make_lists(move |engine, subject, budget| query.page(engine, subject, budget))
        .await?;
    let Page { traits, has_more, last } = page;
    Ok(Json(json!({
        "traits": traits,
        "cursor": cursor::cursor(uri.path(), limit, has_more, last.as_deref()),
    })))
}

/// A request for a page of traits.
pub(super) struct TraitQuery {
    /// The only class that is asked for; all where it is none.
    class: Option<Class>,
    /// Keys; all where it is empty.
    include: Vec<String>,
    /// The last trait of the page before.
    after: Option<(Class, String)>,
    limit: usize,
    is_verbose: bool,
}

pub(super) struct Page {
    pub(super) traits: Map<String, Value>,
    pub(super) has_more: bool,
    /// The cursor of the last trait on the page.
    last: Option<String>,
}

impl TraitQuery {
    /// The first page of the traits of a class, of those with the keys `include` if there are any.
    pub(super) fn new(
        class: Option<&str>,
        include: Vec<String>,
        limit: usize,
        is_verbose: bool,
    ) -> Result<Self, ApiError> {
        let class = match class {
            None => None,
            Some("computed_trait") => Some(Class::Computed),
            Some("audience") => Some(Class::Audience),
            Some(other) => {
                return Err(ApiError::invalid(format!(
                    "class is {other:?}, it must be audience or computed_trait"
                )));
            }
        };
        Ok(Self { class, include, after: None, limit, is_verbose })
    }

    pub(super) fn page(
        &self,
        engine: &Engine,
        subject: &Subject,
        budget: &Arc<RequestBudget>,
    ) -> Result<Page, ApiError> {
        let config = engine.config();
        // Lists are made for users alone.
        let (user, definitions) = match subject {
            Subject::User(user) => (Some(*user), &config.traits[..]),
            Subject::Account(_) => (None, &[][..]),
        };
        let is_computed = |key: &str| {
            definitions
                .iter()
                .any(|trait_| key.strip_suffix(DETAIL_SUFFIX).unwrap_or(key) == trait_.key)
        };
        let computed = match subject {
            Subject::User(user) => engine.snapshot().computed_traits(*user)?,
            Subject::Account(group_id) => engine.snapshot().computed_traits_of_account(group_id)?,
        };
        let computed: BTreeMap<String, ComputedValue> = computed.into_iter().collect();
        let is_wanted = |class| self.class.is_none_or(|only| only == class);
        let mut keys: Vec<(Class, String)> = Vec::new();
        if let Some(user) = user.filter(|_| is_wanted(Class::Computed)) {
            for trait_ in definitions {
                if engine.shows_trait(user, trait_, budget)? {
                    let detail = format!("{}{DETAIL_SUFFIX}", trait_.key);
                    keys.extend([trait_.key.clone(), detail].map(|key| (Class::Computed, key)));
                }
            }
        }
        if is_wanted(Class::Computed) {
            keys.extend(computed.keys().map(|key| (Class::Computed, key.clone())));
        }
        let memberships = match user {
            Some(user) => memberships(engine, user)?,
            None => BTreeMap::new(),
        };
        if is_wanted(Class::Audience) {
            keys.extend(memberships.keys().map(|key| (Class::Audience, key.clone())));
        }
        let stored = match subject {
            _ if !is_wanted(Class::Stored) => Vec::new(),
            Subject::User(user) => engine.snapshot().stored_traits(*user)?,
            Subject::Account(group_id) => engine.snapshot().account_traits(group_id)?,
        };
        let is_hidden = |key: &String| {
            is_computed(key) || computed.contains_key(key) || memberships.contains_key(key)
        };
        let of_sources = stored.iter().map(|(key, _)| key).filter(|key| !is_hidden(key));
        keys.extend(of_sources.map(|key| (Class::Stored, key.clone())));
        keys.retain(|(_, key)| self.include.is_empty() || self.include.contains(key));
        keys.sort();

        if let Some(after) = &self.after {
            keys.retain(|key| key > after);
        }
        let has_more = keys.len() > self.limit;
        keys.truncate(self.limit);

        let mut lists = Lists { engine, user, budget, made: BTreeMap::new() };
        let mut traits = Map::new();
        for (class, key) in &keys {
            let (value, source, updated_at) = match class {
                Class::Stored => {
                    let Some((_, trait_)) = stored.iter().find(|(name, _)| name == key) else {
                        continue;
                    };
                    (parsed(&trait_.json), trait_.source.clone(), trait_.updated_at)
                }
                Class::Audience => {
                    let Some((is_member, since)) = memberships.get(key) else { continue };
                    (Value::from(*is_member), AUDIENCE.to_owned(), *since)
                }
                Class::Computed if computed.contains_key(key) => {
                    let ComputedValue { value, changed_at } = computed[key].clone();
                    (value, COMPUTED.to_owned(), changed_at)
                }
                Class::Computed => {
                    let definition = definitions.iter().find(|trait_| {
                        key.strip_suffix(DETAIL_SUFFIX).unwrap_or(key) == trait_.key
                    });
                    let Some(definition) = definition else { continue };
                    // Only the companion has the id, so the list cannot be cited without it.
                    let detail = format!("{}{DETAIL_SUFFIX}", definition.key);
                    let is_cited = keys.contains(&(Class::Computed, detail));
                    (lists.value(definition, key, is_cited)?, COMPUTED.to_owned(), engine.now())
                }
            };
            let shown = if self.is_verbose {
                json!({ "value": value, "source_id": source, "updated_at": updated_at.to_string() })
            } else {
                value
            };
            traits.insert(key.clone(), shown);
        }
        let last = keys.last().map(|(class, key)| format!("{}:{key}", class.tag()));
        Ok(Page { traits, has_more, last })
    }
}

/// The audiences to which a user belongs or did, by key: whether they belong, and since when.
fn memberships(
    engine: &Engine,
    user: UserIdx,
) -> Result<BTreeMap<String, (bool, Timestamp)>, ApiError> {
    let stays = engine.snapshot().audience_stays(user)?.into_iter();
    let last = stays.filter_map(|(key, stays)| Some((key, *stays.last()?)));
    Ok(last
        .map(|(key, stay)| (key, (stay.left.is_none(), stay.left.unwrap_or(stay.entered))))
        .collect())
}

/// The lists of recommended-items traits of one user, each made once.
struct Lists<'a> {
    engine: &'a Engine,
    /// None for an account, which has none.
    user: Option<UserIdx>,
    budget: &'a Arc<RequestBudget>,
    /// By key; why there is none where its catalog cannot answer it.
    made: BTreeMap<String, Result<RecommendedList, String>>,
}

impl Lists<'_> {
    /// The value of a recommended-items trait or of its companion, which are of one list. A trait
    /// that its catalog cannot answer is empty and its companion says why: it must not take the
    /// other traits with it.
    fn value(
        &mut self,
        definition: &TraitDefinition,
        key: &str,
        is_cited: bool,
    ) -> Result<Value, ApiError> {
        if !self.made.contains_key(&definition.key) {
            self.budget.check()?;
            let Some(user) = self.user else { return Ok(Value::Null) };
            let list = match self.engine.serve_trait(user, definition, is_cited, self.budget) {
                Err(error) if error.is_of_the_catalog() => Err(error.to_string()),
                served => Ok(served?),
            };
            self.made.insert(definition.key.clone(), list);
        }
        let is_detail = key != definition.key;
        Ok(match &self.made[&definition.key] {
            Ok(list) if is_detail => to_value(&ListBody::new(list, self.engine.now())),
            Ok(list) => list.items.iter().map(|item| Value::from(item.item_id.as_str())).collect(),
            Err(why) if is_detail => json!({ "items": [], "error": why }),
            Err(_) => json!([]),
        })
    }
}

/// Nested too deeply to be read as a value, a text is shown as a text.
fn parsed(json: &str) -> Value {
    serde_json::from_str(json)
        .or_else(|_| serde_json::from_str::<&RawValue>(json).map(|raw| Value::from(raw.get())))
        .unwrap_or(Value::Null)
}
