//! What can be asked of a workspace.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use domain::{
    InteractionKind, ItemIdx, ListRequest, Logic, Message, PropertyValue, Rejection, RejectionReason,
    Timestamp, TraitDefinition, UserIdx, WorkspaceConfig,
};
use journal::Offset;
use profiles::{ExternalId, Identifier, Profile, StoredTrait, TimelineEntry, TimelineQuery};
use rayon::prelude::*;
use recommender::{
    Because, ColdItems, Eligibility, ItemType, Model, Origin, Recommendation, Request, Sources, recommend,
};
use store::StoreError;
use uuid::Uuid;

use crate::views::Views;
use crate::{Engine, EngineError, Entry, now};

/// How many users one step of a pass over many users takes.
pub const USERS_PER_STEP: usize = 4_096;

/// A ranked list by external ids.
#[derive(Debug, Clone, PartialEq)]
pub struct RecommendedList {
    /// Best first.
    pub items: Vec<ListedItem>,
    /// The property whose values these are; none for items.
    pub item_type: Option<String>,
    /// The id under which interactions cite it; none where it was only looked at.
    pub recomm_id: Option<Uuid>,
    /// The version of the model; none before the first training.
    pub model: Option<String>,
    /// Whether a list from the history was asked for and nothing in it comes from there.
    pub fallback: bool,
}

/// An item of a list.
#[derive(Debug, Clone, PartialEq)]
pub struct ListedItem {
    /// The item, or the value of the property.
    pub item_id: String,
    /// Comparable within one list.
    pub score: f32,
    /// From the model, from likeness, from popularity, or from the user's own doings.
    pub origin: Origin,
    /// What of the user's history speaks for it, strongest first.
    pub because: Vec<ListedReason>,
}

/// A part of an item's score.
#[derive(Debug, Clone, PartialEq)]
pub struct ListedReason {
    /// The history item.
    pub item_id: String,
    /// What the user did with it.
    pub kind: InteractionKind,
    /// Its part of the score, from 0 to 1.
    pub share: f32,
    /// For items that no model knows yet: the property in which both are most alike.
    pub similar_in: Option<String>,
}

/// The items that a model does not know, of one state of the catalog.
pub(crate) struct Cold {
    /// The versions of model and catalog.
    of: (Option<String>, Option<u32>),
    /// The state of the properties.
    revision: u64,
    made_at: Instant,
    /// How long it took to make.
    duration: Duration,
    items: ColdItems,
}

/// What cold items are like is made anew after a change at most so often ...
const COLD_INTERVAL_MIN: Duration = Duration::from_secs(1);
/// ... and takes at most this share of the time.
const COLD_INTERVAL_FACTOR: u32 = 10;

impl Cold {
    /// Single items change all the time; lists go by what is known for a moment longer.
    fn is_fresh(&self, revision: u64) -> bool {
        let interval = COLD_INTERVAL_MIN.max(self.duration * COLD_INTERVAL_FACTOR);
        self.revision == revision || self.made_at.elapsed() < interval
    }
}

/// Which values items have of the properties that lists were asked for.
#[derive(Default)]
pub(crate) struct ItemTypes {
    revision: u64,
    by_property: BTreeMap<String, Arc<ItemType>>,
}

/// What a request needs beside the views.
struct Ready {
    model: Option<Arc<Model>>,
    cold: Arc<Cold>,
    item_type: Option<Arc<ItemType>>,
}

/// One interaction of a user, by external ids.
#[derive(Debug, Clone, PartialEq)]
pub struct HistoryItem {
    /// The item.
    pub item_id: String,
    /// What was done.
    pub kind: InteractionKind,
    /// When, to the second.
    pub at: Timestamp,
}

/// A message of a timeline.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// Its place in the timeline.
    pub entry: TimelineEntry,
    /// The message.
    pub message: Message,
}

/// What a profile says of itself.
#[derive(Debug, Clone, PartialEq)]
pub struct Metadata {
    /// Its own record.
    pub profile: Profile,
    /// Its latest message by timestamp; none where it came from an import.
    pub last_message: Option<Message>,
}

/// Counts of a workspace.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Counts {
    /// Entries in the journal.
    pub journal_entries: u64,
    /// Profiles with a user id.
    pub known_users: u64,
    /// Ids of all profiles.
    pub external_ids: u64,
    /// Items of catalog and messages.
    pub items: u64,
    /// Items that may be recommended.
    pub available_items: u64,
    /// The catalog's version, 0 before the first import.
    pub catalog_version: u32,
    /// Interactions of all time.
    pub interactions: u64,
    /// Message ids that are remembered.
    pub message_ids: u64,
    /// Rejections of all time.
    pub rejections: u64,
    /// Bytes that wait for the journal.
    pub queued_bytes: u64,
}

/// Rejections with their counts by source and reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RejectionReport {
    /// Of all time.
    pub counts: BTreeMap<(String, RejectionReason), u64>,
    /// Newest first.
    pub latest: Vec<Rejection>,
}

impl Engine {
    /// The configuration as it is now.
    pub fn config(&self) -> WorkspaceConfig {
        self.shared.views.read().config.clone()
    }

    /// The user of an external id.
    pub fn user(&self, id: ExternalId<'_>) -> Option<UserIdx> {
        self.shared.views.read().profiles.ids().user_of(id)
    }

    /// The user of a text: a user id before an anonymous id.
    pub fn user_of_text(&self, id: &str) -> Option<UserIdx> {
        self.shared.views.read().profiles.ids().user_of_text(id)
    }

    /// Recommends to a user, or to somebody unknown, from the history as it is now. Nothing is remembered of it: see [`Engine::serve`].
    pub fn recommend(
        &self,
        user: Option<UserIdx>,
        request: &ListRequest,
    ) -> Result<RecommendedList, EngineError> {
        let ready = self.ready(request)?;
        let views = self.shared.views.read();
        self.list(&views, &ready, user, request)
    }

    /// Recommends to many at once, on all cores; the lists come in the order of the users.
    pub fn recommend_many(
        &self,
        users: &[Option<UserIdx>],
        request: &ListRequest,
    ) -> Result<Vec<RecommendedList>, EngineError> {
        let ready = self.ready(request)?;
        users
            .par_iter()
            .map(|&user| {
                // Taken for each user, so that the fold gets its turns.
                let views = self.shared.views.read();
                self.list(&views, &ready, user, request)
            })
            .collect()
    }

    /// The lists of a trait for every known user, in the order of their indices: `sink` gets each user's id and list, `progress` users
    /// done and in all.
    pub fn compute_trait<E: From<EngineError>>(
        &self,
        definition: &TraitDefinition,
        progress: &dyn Fn(u64, u64),
        mut sink: impl FnMut(&str, RecommendedList) -> Result<(), E>,
    ) -> Result<(), E> {
        let users: Vec<Option<UserIdx>> =
            self.shared.views.read().profiles.ids().known_users().map(Some).collect();
        let request = definition.list();
        let mut n_done = 0;
        for step in users.chunks(USERS_PER_STEP) {
            let lists = self.recommend_many(step, &request)?;
            for (user, list) in step.iter().flatten().zip(lists) {
                let user_id = self.shared.views.read().profiles.ids().user_id(*user).map(str::to_owned);
                // A merge may have taken the user away since.
                if let Some(user_id) = user_id {
                    sink(&user_id, list)?;
                }
            }
            n_done += step.len() as u64;
            progress(n_done, users.len() as u64);
        }
        Ok(())
    }

    /// A user's latest interactions, newest first.
    pub fn history(&self, user: UserIdx, limit: usize) -> Vec<HistoryItem> {
        let views = self.shared.views.read();
        let row = views.interactions.histories().row(user);
        let named = row.iter().rev().take(limit).map(|entry| HistoryItem {
            item_id: views.catalog.item_id(entry.item).to_owned(),
            kind: entry.kind,
            at: Timestamp(i64::from(entry.at_s) * 1_000),
        });
        named.collect()
    }

    /// An item's properties; none for an item that nobody knows.
    pub fn item_properties(&self, item_id: &str) -> Option<BTreeMap<String, PropertyValue>> {
        let views = self.shared.views.read();
        let values = views.catalog.table().values(views.catalog.item(item_id)?.0);
        Some(values.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
    }

    /// The traits that sources set on a profile, in the order of their keys.
    pub fn stored_traits(&self, user: UserIdx) -> Result<Vec<(String, StoredTrait)>, EngineError> {
        let views = self.shared.views.read();
        views.profiles.traits(&self.shared.store, user).map_err(|source| self.of_store(source))
    }

    /// The external ids of a profile.
    pub fn identifiers(&self, user: UserIdx) -> Result<Vec<Identifier>, EngineError> {
        let views = self.shared.views.read();
        views.profiles.identifiers(&self.shared.store, user).map_err(|source| self.of_store(source))
    }

    /// A page of a profile's events, and whether there are more.
    pub fn events(&self, user: UserIdx, query: &TimelineQuery) -> Result<(Vec<Event>, bool), EngineError> {
        let page = {
            let views = self.shared.views.read();
            views
                .profiles
                .timeline(&self.shared.store, user, query)
                .map_err(|source| self.of_store(source))?
        };
        let events =
            page.entries.into_iter().map(|entry| Ok(Event { entry, message: self.message(entry.offset)? }));
        Ok((events.collect::<Result<_, EngineError>>()?, page.has_more))
    }

    /// What a profile says of itself; none for a user index that stands for nobody.
    pub fn metadata(&self, user: UserIdx) -> Result<Option<Metadata>, EngineError> {
        let (profile, last) = {
            let views = self.shared.views.read();
            let profile =
                views.profiles.profile(&self.shared.store, user).map_err(|source| self.of_store(source))?;
            let last = views
                .profiles
                .last_message(&self.shared.store, user)
                .map_err(|source| self.of_store(source))?;
            (profile, last)
        };
        let Some(profile) = profile else { return Ok(None) };
        let last_message = last.map(|entry| self.message(entry.offset)).transpose()?;
        Ok(Some(Metadata { profile, last_message }))
    }

    /// Rejections with their counts, the latest `limit` of them in full.
    pub fn rejections(&self, limit: usize) -> RejectionReport {
        let views = self.shared.views.read();
        RejectionReport {
            counts: views.rejections.counts().clone(),
            latest: views.rejections.latest().take(limit).cloned().collect(),
        }
    }

    /// How much of everything there is.
    pub fn counts(&self) -> Counts {
        let views = self.shared.views.read();
        Counts {
            journal_entries: self.shared.journal.end().0,
            known_users: views.profiles.ids().n_known() as u64,
            external_ids: views.profiles.ids().n_ids() as u64,
            items: views.catalog.n_items() as u64,
            available_items: views.catalog.n_available() as u64,
            catalog_version: views.catalog.current().map_or(0, |version| version.version),
            interactions: views.interactions.histories().n_interactions(),
            message_ids: views.message_ids.len() as u64,
            rejections: views.rejections.counts().values().sum(),
            queued_bytes: self.shared.queued_bytes() as u64,
        }
    }

    /// What the model in use does not know; made when the model or the items have changed since it was last asked for.
    fn cold(&self, model: Option<&Model>) -> Arc<Cold> {
        let (n_items, revision, catalog_version) = {
            let Views { catalog, .. } = &*self.shared.views.read();
            (catalog.n_items(), catalog.table().revision(), catalog.current().map(|version| version.version))
        };
        let of = (model.map(|model| model.version.clone()), catalog_version);
        let fits = |cold: &Cold| cold.of == of && cold.is_fresh(revision);
        if let Some(cold) = self.cold.load_full().filter(|cold| fits(cold)) {
            return cold;
        }
        let _one_at_a_time = self.cold_lock.lock();
        if let Some(cold) = self.cold.load_full().filter(|cold| fits(cold)) {
            return cold;
        }
        let started = Instant::now();
        let items = ColdItems::of(self.features(n_items), model);
        let (made_at, duration) = (Instant::now(), started.elapsed());
        let cold = Arc::new(Cold { of, revision, made_at, duration, items });
        self.cold.store(Some(Arc::clone(&cold)));
        cold
    }

    /// What a request needs beside the views, as it is now.
    fn ready(&self, request: &ListRequest) -> Result<Ready, EngineError> {
        let model = self.model.load_full();
        let cold = self.cold(model.as_deref());
        let item_type = request.item_type.as_deref().map(|property| self.item_type(property)).transpose()?;
        Ok(Ready { model, cold, item_type })
    }

    /// Which values of a property items have; read again when the catalog has changed.
    fn item_type(&self, property: &str) -> Result<Arc<ItemType>, EngineError> {
        let mut item_types = self.item_types.lock();
        let (revision, n_items) = {
            let views = self.shared.views.read();
            let table = views.catalog.table();
            if table.property(property).is_none() {
                let known: Vec<&str> = table.properties().map(|property| property.name.as_str()).collect();
                let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
                return Err(EngineError::NoSuchProperty { property: property.to_owned(), known });
            }
            (table.revision(), views.catalog.n_items())
        };
        if item_types.revision != revision {
            *item_types = ItemTypes { revision, by_property: BTreeMap::new() };
        }
        if let Some(item_type) = item_types.by_property.get(property) {
            return Ok(Arc::clone(item_type));
        }
        let mut item_type = ItemType::new();
        let views = self.shared.views.read();
        for item in 0..n_items as u32 {
            item_type.push(views.catalog.table().value(item, property).as_ref());
        }
        drop(views);
        let item_type = Arc::new(item_type);
        item_types.by_property.insert(property.to_owned(), Arc::clone(&item_type));
        Ok(item_type)
    }

    fn list(
        &self,
        views: &Views,
        ready: &Ready,
        user: Option<UserIdx>,
        request: &ListRequest,
    ) -> Result<RecommendedList, EngineError> {
        let Ready { model, cold, item_type } = ready;
        let histories = views.interactions.histories();
        let history = user.map_or(&[][..], |user| histories.row(user));
        let older = match user.filter(|user| histories.is_full(*user)) {
            Some(user) => views
                .interactions
                .items_of(&self.shared.store, user, |kind| recommender::excludes(request.exclude, kind))
                .map_err(|source| self.of_store(source))?,
            None => Default::default(),
        };
        let shown = match user.filter(|_| request.rotation_rate > 0.0) {
            Some(user) => [views.shown.of(user), &self.recorder.shown(user)].concat(),
            None => Vec::new(),
        };
        let is_available = |item: ItemIdx| views.catalog.is_available(item);
        let sources = Sources {
            model: model.as_deref(),
            cold: &cold.items,
            histories,
            interaction_weights: views.config.interaction_weights,
            n_items: views.catalog.n_items(),
        };
        let recommendation = recommend(
            sources,
            &Request {
                list: request,
                history,
                eligibility: &Eligibility::new(&is_available, request.exclude, history, older),
                item_type: item_type.as_deref(),
                shown: &shown,
                now_s: now().seconds_u32(),
            },
        );
        let because = |of: Option<ItemIdx>, because: &[Because]| {
            let reason = |because: &Because| ListedReason {
                item_id: views.catalog.item_id(because.item).to_owned(),
                kind: because.kind,
                share: because.share,
                similar_in: of
                    .and_then(|item| cold.items.features().shared_property(because.item, item))
                    .map(str::to_owned),
            };
            because.iter().map(reason).collect()
        };
        let items: Vec<ListedItem> = match &recommendation {
            Recommendation::Items(items) => items
                .iter()
                .map(|item| ListedItem {
                    item_id: views.catalog.item_id(item.item).to_owned(),
                    score: item.score,
                    origin: item.origin,
                    because: because(Some(item.item).filter(|_| item.origin == Origin::New), &item.because),
                })
                .collect(),
            Recommendation::Values(values) => values
                .iter()
                .map(|value| ListedItem {
                    item_id: item_type.as_ref().map_or("", |item_type| item_type.text(value.item)).to_owned(),
                    score: value.score,
                    origin: value.origin,
                    because: because(None, &value.because),
                })
                .collect(),
        };
        let is_trending = |item: &ListedItem| item.origin == Origin::Trending;
        Ok(RecommendedList {
            fallback: request.logic == Logic::Personal && !items.is_empty() && items.iter().all(is_trending),
            items,
            item_type: request.item_type.clone(),
            recomm_id: None,
            model: model.as_ref().map(|model| model.version.clone()),
        })
    }

    /// The message at an offset of the journal.
    fn message(&self, offset: u64) -> Result<Message, EngineError> {
        let bytes = self.shared.journal.get(Offset(offset))?.unwrap_or_default();
        match Entry::decode(&bytes).map_err(|source| EngineError::Entry { offset, source })? {
            Entry::Message(message) => Ok(*message),
            _ => Err(self.of_store(StoreError::Unreadable { what: "timeline" })),
        }
    }

    pub(crate) fn of_store(&self, source: StoreError) -> EngineError {
        EngineError::Store { folder: std::path::PathBuf::from("store"), source }
    }
}
