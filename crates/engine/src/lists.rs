//! Lists of recommendations: what they are made of, and their form with external ids.

use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use domain::{InteractionKind, ItemIdx, ListRequest, Logic, Timestamp, TraitDefinition, UserIdx};
use rayon::prelude::*;
use recommender::{
    Because, ColdItems, Eligibility, HistoryEntry, ItemType, Model, Origin, Recommendation, Request, Shown,
    Sources, Values, WeakSignal, recommend,
};
use rustc_hash::FxHashSet;
use uuid::Uuid;

use crate::item_types::Grouping;
use crate::views::Views;
use crate::{Engine, EngineError, now};

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
    /// When a list first went by it although the properties had changed.
    outdated_since: OnceLock<Instant>,
    items: ColdItems,
}

/// What cold items are like is made anew after a change at most so often ...
const COLD_INTERVAL_MIN: Duration = Duration::from_secs(1);
/// ... and takes at most this share of the time.
const COLD_INTERVAL_FACTOR: u32 = 10;
/// A list makes it itself where [`Engine::refresh`] is behind by so many intervals.
const COLD_INTERVALS_BEHIND: u32 = 2;

impl Cold {
    /// What it takes in memory, in bytes.
    pub(crate) fn n_bytes(&self) -> usize {
        self.items.n_bytes()
    }

    fn interval(&self) -> Duration {
        COLD_INTERVAL_MIN.max(self.duration * COLD_INTERVAL_FACTOR)
    }

    /// Single items change all the time; what they are like is made anew from time to time.
    fn is_due(&self, revision: u64) -> bool {
        self.revision != revision && self.made_at.elapsed() >= self.interval()
    }

    /// Lists go by what is known for a moment longer.
    fn is_fresh(&self, revision: u64) -> bool {
        let asked_since = || self.outdated_since.get_or_init(Instant::now).elapsed();
        self.revision == revision || asked_since() < self.interval() * COLD_INTERVALS_BEHIND
    }
}

/// What every list of a moment is made of, beside the views.
pub(crate) struct Ready {
    model: Option<Arc<Model>>,
    cold: Arc<Cold>,
}

impl Ready {
    pub(crate) fn sources<'a>(&'a self, views: &'a Views) -> Sources<'a> {
        Sources {
            model: self.model.as_deref(),
            cold: &self.cold.items,
            histories: views.interactions.histories(),
            interaction_weights: views.config.interaction_weights,
            weak_weights: views.weak_weights(self.model.as_ref().map(|model| model.version.as_str())),
            n_items: views.catalog.n_items(),
        }
    }

    pub(crate) fn model_version(&self) -> Option<String> {
        self.model.as_ref().map(|model| model.version.clone())
    }
}

/// What a list goes by of the user whom it is for.
pub(crate) struct Asker<'a> {
    history: &'a [HistoryEntry],
    weak: &'a [WeakSignal],
    /// Items that are left out and that the history no longer holds.
    older: FxHashSet<ItemIdx>,
    shown: Vec<Shown>,
}

impl<'a> Asker<'a> {
    /// What may be in the list, of what `is_available`.
    pub(crate) fn eligibility<'b>(
        &self,
        is_available: &'b dyn Fn(ItemIdx) -> bool,
        list: &ListRequest,
        left_out: &FxHashSet<ItemIdx>,
    ) -> Eligibility<'b> {
        let older = self.older.iter().chain(left_out).copied();
        Eligibility::new(is_available, list.exclude, self.history, older)
    }

    pub(crate) fn request<'b>(
        &'b self,
        list: &'b ListRequest,
        eligibility: &'b Eligibility<'b>,
    ) -> Request<'b> {
        Request {
            weak: self.weak,
            shown: &self.shown,
            now_s: now().seconds_u32(),
            ..Request::new(list, self.history, eligibility)
        }
    }
}

impl Engine {
    /// Recommends to a user, or to somebody unknown, from the history as it is now. Nothing is remembered of it: see [`Engine::serve`].
    pub fn recommend(
        &self,
        user: Option<UserIdx>,
        request: &ListRequest,
    ) -> Result<RecommendedList, EngineError> {
        self.recommend_at(user, request, now())
    }

    /// As [`Engine::recommend`], at another time than now.
    pub(crate) fn recommend_at(
        &self,
        user: Option<UserIdx>,
        request: &ListRequest,
        at: Timestamp,
    ) -> Result<RecommendedList, EngineError> {
        let ready = self.ready();
        let views = self.shared.views.read();
        self.list(&views, &ready, user, request, at)
    }

    /// Recommends to many at once, on all cores; the lists come in the order of the users.
    pub fn recommend_many(
        &self,
        users: &[Option<UserIdx>],
        request: &ListRequest,
    ) -> Result<Vec<RecommendedList>, EngineError> {
        let ready = self.ready();
        users
            .par_iter()
            .map(|&user| {
                // Taken for each user, so that the fold gets its turns.
                let views = self.shared.views.read();
                self.list(&views, &ready, user, request, now())
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

    /// What the model in use does not know; made when the model or the items have changed since it was last asked for.
    fn cold(&self, model: Option<&Model>) -> Arc<Cold> {
        let (of, revision) = self.state_of_cold(model);
        let known = || self.cold.load_full().filter(|cold| cold.of == of);
        let _one_at_a_time = match known() {
            Some(cold) if cold.is_fresh(revision) => return cold,
            // One makes it anew; the others go on with what was known a moment ago.
            Some(cold) => match self.cold_lock.try_lock() {
                Some(lock) => lock,
                None => return cold,
            },
            None => self.cold_lock.lock(),
        };
        if let Some(cold) = known().filter(|cold| cold.is_fresh(revision)) {
            return cold;
        }
        let cold = Arc::new(self.make_cold(model));
        self.cold.store(Some(Arc::clone(&cold)));
        cold
    }

    fn state_of_cold(&self, model: Option<&Model>) -> ((Option<String>, Option<u32>), u64) {
        let catalog = &self.shared.views.read().catalog;
        let catalog_version = catalog.current().map(|version| version.version);
        ((model.map(|model| model.version.clone()), catalog_version), catalog.table().revision())
    }

    fn make_cold(&self, model: Option<&Model>) -> Cold {
        let started = Instant::now();
        let (of, revision) = self.state_of_cold(model);
        let n_items = self.shared.views.read().catalog.n_items();
        let items = ColdItems::of(self.features(n_items), model);
        let (made_at, duration) = (Instant::now(), started.elapsed());
        Cold { of, revision, made_at, duration, outdated_since: OnceLock::new(), items }
    }

    /// Makes anew what lists know of cold items, where they were asked for and items have changed.
    pub(crate) fn refresh_cold(&self) {
        let model = self.model.load_full();
        let (of, revision) = self.state_of_cold(model.as_deref());
        if self.cold.load_full().is_some_and(|cold| cold.of == of && cold.is_due(revision)) {
            let _one_at_a_time = self.cold_lock.lock();
            self.cold.store(Some(Arc::new(self.make_cold(model.as_deref()))));
        }
    }

    /// Uses a model from now on, together with what it does not know.
    pub(crate) fn switch_model(&self, model: Model) {
        let _one_at_a_time = self.cold_lock.lock();
        let cold = self.make_cold(Some(&model));
        self.model.store(Some(Arc::new(model)));
        self.cold.store(Some(Arc::new(cold)));
    }

    /// What lists are made of, as it is now.
    pub(crate) fn ready(&self) -> Ready {
        let model = self.model.load_full();
        let cold = self.cold(model.as_deref());
        Ready { model, cold }
    }

    /// What a list goes by of a user, or of somebody unknown.
    pub(crate) fn asker<'v>(
        &self,
        views: &'v Views,
        user: Option<UserIdx>,
        list: &ListRequest,
    ) -> Result<Asker<'v>, EngineError> {
        let histories = views.interactions.histories();
        let older = match user.filter(|user| histories.is_full(*user)) {
            Some(user) => views
                .interactions
                .items_of(&self.shared.store, user, |kind| recommender::excludes(list.exclude, kind))
                .map_err(|source| self.of_store(source))?,
            None => FxHashSet::default(),
        };
        let shown = match user.filter(|_| list.rotation_rate > 0.0) {
            Some(user) => [views.shown.of(user), &self.recorder.shown(user)].concat(),
            None => Vec::new(),
        };
        let history = user.map_or(&[][..], |user| histories.row(user));
        let weak = user.map_or(&[][..], |user| views.weak_signals.row(user));
        Ok(Asker { history, weak, older, shown })
    }

    fn list(
        &self,
        views: &Views,
        ready: &Ready,
        user: Option<UserIdx>,
        request: &ListRequest,
        at: Timestamp,
    ) -> Result<RecommendedList, EngineError> {
        let grouping = request.item_type.clone().map(Grouping::Property);
        let item_type = grouping.map(|grouping| self.item_types.get(views, &grouping)).transpose()?;
        let values =
            item_type.as_deref().map(|item_type| Values { item_type, allows: &|_| true, booster: None });
        let asker = self.asker(views, user, request)?;
        let is_available = |item: ItemIdx| views.catalog.is_available(item);
        let eligibility = asker.eligibility(&is_available, request, &FxHashSet::default());
        let asked = Request { values, now_s: at.seconds_u32(), ..asker.request(request, &eligibility) };
        let recommendation = recommend(ready.sources(views), &asked);
        let items = self.named(views, ready, item_type.as_deref(), &recommendation);
        let is_trending = |item: &ListedItem| item.origin == Origin::Trending;
        Ok(RecommendedList {
            fallback: request.logic == Logic::Personal && !items.is_empty() && items.iter().all(is_trending),
            items,
            item_type: request.item_type.clone(),
            recomm_id: None,
            model: ready.model_version(),
        })
    }

    /// A list with its reasons by external ids.
    fn named(
        &self,
        views: &Views,
        ready: &Ready,
        item_type: Option<&ItemType>,
        recommendation: &Recommendation,
    ) -> Vec<ListedItem> {
        let features = ready.cold.items.features();
        let because = |of: Option<ItemIdx>, because: &[Because]| {
            let reason = |because: &Because| ListedReason {
                item_id: views.catalog.item_id(because.item).to_owned(),
                kind: because.kind,
                share: because.share,
                similar_in: of
                    .and_then(|item| features.shared_property(because.item, item))
                    .map(str::to_owned),
            };
            because.iter().map(reason).collect()
        };
        match recommendation {
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
                    item_id: item_type.map_or("", |item_type| item_type.text(value.item)).to_owned(),
                    score: value.score,
                    origin: value.origin,
                    because: because(None, &value.because),
                })
                .collect(),
        }
    }
}
