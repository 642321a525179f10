//! Filters and boosters: parsed once, checked against the schema, and computed for all items where
//! one comes again and again.
//!
//! A filter or booster that asks for nothing but the item, and for the time at most, gives an item
//! the same in every request. When it comes a second time it is computed for all items and kept;
//! after that, items that changed are computed again before it is used.

mod budget;
mod computed;

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use domain::Timestamp;
use lru::LruCache;
use parking_lot::Mutex;
use reql::{Compiled, Context, Expression, ReqlError, Rows, Schema};
use state::Views;

pub(crate) use self::budget::Budget;
pub use self::budget::{EVALUATION_TIME_MAX, ExpressionError};
use self::computed::Computed;
use crate::{LiveState, MemoryBudget, MemoryPart, Reservation};

/// The most expressions that are kept in memory, parsed, within what the memory budget allows.
const EXPRESSIONS_MAX: NonZeroUsize = NonZeroUsize::new(1_000).expect("above 0");
/// Values that were used within this time are not evicted; others are then evaluated candidate by
/// candidate.
const VALUES_IDLE_MIN: Duration = Duration::from_secs(10);
/// What depends on the time may be so old, in seconds, before a request computes it itself, which
/// takes at most one part of so many of the time. Where [`crate::Serving::refresh`] is called often
/// enough, none does.
const TIME_STEP_S: f64 = 3.0;
const TIME_FACTOR: f64 = 20.0;

/// The use of an expression.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum ExpressionUse {
    Filter,
    Booster,
}

/// The expressions of a workspace that were used lately.
pub(crate) struct Expressions {
    cached: Mutex<LruCache<(ExpressionUse, String), Arc<Cached>>>,
    memory: Arc<MemoryBudget>,
}

struct Cached {
    expression: Expression,
    /// Whether the value of an item is the same for all requests.
    depends_on_item_only: bool,
    depends_on_time: bool,
    /// The time of the last use.
    last_used_at: Mutex<Instant>,
    /// When it was last used for items; none before the first time.
    last_used_for_items_at: Mutex<Option<Instant>>,
    values: Mutex<Option<Arc<Computed>>>,
    /// For the values.
    room: Mutex<Option<Reservation>>,
    /// For the expression; none where it is used once and not kept.
    parsed_room: Option<Reservation>,
    /// Held while the values are computed.
    computing: Mutex<()>,
    /// Whether a request has used the values since they were refreshed.
    was_used_since_refresh: AtomicBool,
}

/// A filter or booster that is ready for the rows of one request.
pub(crate) struct PreparedExpression<'a> {
    use_: ExpressionUse,
    computed: Option<Arc<Computed>>,
    compiled: Compiled<'a>,
    budget: &'a Budget,
}

impl PreparedExpression<'_> {
    /// See [`Compiled::row_key`].
    pub(crate) fn row_key(&self) -> Option<String> {
        self.compiled.row_key()
    }

    /// Whether a filter lets the row pass.
    pub(crate) fn allows(&self, row: u32) -> bool {
        self.value(row) != 0.0
    }

    /// The value of the expression for the row; 1 if a booster yields no number.
    pub(crate) fn value(&self, row: u32) -> f32 {
        match &self.computed {
            Some(computed) => computed.by_item.get(row as usize).copied().unwrap_or(0.0),
            None if self.budget.allows_row() => evaluate(self.use_, &self.compiled, row),
            None => 0.0,
        }
    }
}

fn evaluate(use_: ExpressionUse, compiled: &Compiled<'_>, row: u32) -> f32 {
    match use_ {
        ExpressionUse::Filter => f32::from(u8::from(compiled.evaluate_boolean(row))),
        ExpressionUse::Booster => match compiled.evaluate_number(row) {
            Some(number) if !number.is_nan() => {
                number.clamp(f64::from(f32::MIN), f64::from(f32::MAX)) as f32
            }
            _ => 1.0,
        },
    }
}

impl Expressions {
    pub(crate) fn new(memory: Arc<MemoryBudget>) -> Self {
        Self { cached: Mutex::new(LruCache::new(EXPRESSIONS_MAX)), memory }
    }

    fn get_or_parse(&self, use_: ExpressionUse, text: &str) -> Result<Arc<Cached>, ReqlError> {
        let key = (use_, text.to_owned());
        if let Some(cached) = self.cached.lock().get(&key) {
            *cached.last_used_at.lock() = Instant::now();
            return Ok(Arc::clone(cached));
        }
        let expression = reql::parse(text)?;
        let depends_on = expression.dependencies();
        let n_bytes = size_of::<Cached>() + text.len() + expression.n_bytes();
        let mut all = self.cached.lock();
        let cached = Arc::new(Cached {
            depends_on_item_only: depends_on.row && !depends_on.context && !depends_on.randomness,
            depends_on_time: depends_on.time,
            expression,
            last_used_at: Mutex::new(Instant::now()),
            last_used_for_items_at: Mutex::new(None),
            values: Mutex::new(None),
            room: Mutex::new(None),
            parsed_room: self.make_room_for_parsed(&mut all, n_bytes),
            computing: Mutex::new(()),
            was_used_since_refresh: AtomicBool::new(false),
        });
        if cached.parsed_room.is_some() {
            all.put(key, Arc::clone(&cached));
        }
        Ok(cached)
    }

    /// Room for so many bytes of an expression, once those are gone that were not used for the
    /// longest time; none where that is not enough.
    fn make_room_for_parsed(
        &self,
        all: &mut LruCache<(ExpressionUse, String), Arc<Cached>>,
        n_bytes: usize,
    ) -> Option<Reservation> {
        let part = MemoryPart::Expressions;
        if let Some(room) = self.memory.reserve(part, n_bytes) {
            return Some(room);
        }
        let of_one =
            |cached: &Arc<Cached>| cached.parsed_room.as_ref().map_or(0, Reservation::n_bytes);
        let own: usize = all.iter().map(|(_, cached)| of_one(cached)).sum();
        if n_bytes > self.memory.room(part) + own {
            return None;
        }
        loop {
            all.pop_lru()?;
            if let Some(room) = self.memory.reserve(part, n_bytes) {
                return Some(room);
            }
        }
    }

    /// Drops values that were not used within a time, which makes room in the budget of all
    /// workspaces.
    pub(crate) fn drop_idle(&self, idle_max: Duration) {
        let mut all = self.cached.lock();
        while all
            .peek_lru()
            .is_some_and(|(_, cached)| cached.last_used_at.lock().elapsed() >= idle_max)
        {
            all.pop_lru();
        }
    }

    /// Does something with a parsed expression.
    pub(crate) fn with<T>(
        &self,
        use_: ExpressionUse,
        text: &str,
        what: impl FnOnce(&Expression) -> T,
    ) -> Result<T, ReqlError> {
        Ok(what(&self.get_or_parse(use_, text)?.expression))
    }

    /// Parses an expression and checks it against a schema.
    pub(crate) fn check(
        &self,
        use_: ExpressionUse,
        text: &str,
        schema: &dyn Schema,
    ) -> Result<(), ReqlError> {
        let cached = self.get_or_parse(use_, text)?;
        match use_ {
            ExpressionUse::Filter => cached.expression.check_filter(schema),
            ExpressionUse::Booster => cached.expression.check_booster(schema),
        }
    }

    /// An expression for users or segments, or one that is used once.
    pub(crate) fn prepare_for_rows<'a>(
        &self,
        use_: ExpressionUse,
        text: &str,
        rows: &'a dyn Rows,
        context: &'a dyn Context,
        budget: &'a Budget,
    ) -> Result<PreparedExpression<'a>, ReqlError> {
        let compiled = self.get_or_parse(use_, text)?.expression.compile(rows, context);
        Ok(PreparedExpression { use_, computed: None, compiled, budget })
    }

    /// An expression for items. Where its values are kept and as new as the items, they are taken.
    pub(crate) fn prepare_for_items<'a>(
        &self,
        use_: ExpressionUse,
        text: &str,
        views: &Views,
        rows: &'a dyn Rows,
        context: &'a dyn Context,
        budget: &'a Budget,
    ) -> Result<PreparedExpression<'a>, ReqlError> {
        let cached = self.get_or_parse(use_, text)?;
        let compiled = cached.expression.compile(rows, context);
        let mut ready = PreparedExpression { use_, computed: None, compiled, budget };
        ready.computed = catch_up(views, &cached, &ready);
        Ok(ready)
    }

    /// Computes the values of an expression for items that comes again and again, where they are
    /// not known or too old: in steps, before a list takes a snapshot.
    pub(crate) fn prepare(
        &self,
        live: &LiveState,
        use_: ExpressionUse,
        text: &str,
        now: Timestamp,
    ) -> Result<(), ReqlError> {
        let cached = self.get_or_parse(use_, text)?;
        let was_used = cached.last_used_for_items_at.lock().replace(Instant::now()).is_some();
        let (revision, n_items) = {
            let views = live.snapshot();
            (views.catalog.table().revision(), views.catalog.n_items())
        };
        if !cached.depends_on_item_only || !was_used || !self.has_room(&cached, n_items) {
            return Ok(());
        }
        cached.was_used_since_refresh.store(true, Ordering::Relaxed);
        let now_s = seconds(now);
        let is_current = |known: &Arc<Computed>| {
            let time_step_s = TIME_STEP_S.max(TIME_FACTOR * known.duration.as_secs_f64());
            let is_of_time = !cached.depends_on_time || now_s - known.now_s < time_step_s;
            is_of_time && (known.revision == revision || known.can_catch_up(&live.snapshot()))
        };
        let known = || cached.values.lock().clone();
        let _computing = match known() {
            Some(known) if is_current(&known) => return Ok(()),
            // One computes them anew; the others go on with those of a moment ago.
            Some(_) => match cached.computing.try_lock() {
                Some(computing) => computing,
                None => return Ok(()),
            },
            None => cached.computing.lock(),
        };
        // Another thread may have computed them meanwhile.
        if known().is_none_or(|known| !is_current(&known)) {
            let computed = Computed::compute(live, use_, &cached.expression, now_s);
            *cached.values.lock() = computed.map(Arc::new);
        }
        Ok(())
    }

    /// Computes anew what depends on the time, in steps, so that neither requests nor the fold wait
    /// for it.
    pub(crate) fn refresh(&self, live: &LiveState, now: Timestamp) {
        let cached: Vec<(ExpressionUse, Arc<Cached>)> = {
            let all = self.cached.lock();
            let timed = all.iter().filter(|(_, cached)| cached.depends_on_time);
            timed.map(|((use_, _), cached)| (*use_, Arc::clone(cached))).collect()
        };
        let now_s = seconds(now);
        for (use_, cached) in cached {
            let is_old = || cached.values.lock().as_ref().is_some_and(|known| known.now_s != now_s);
            if cached.was_used_since_refresh.swap(false, Ordering::Relaxed)
                && is_old()
                && let Some(computed) = Computed::compute(live, use_, &cached.expression, now_s)
            {
                // Unless they had to make room meanwhile.
                if let Some(values) = cached.values.lock().as_mut() {
                    *values = Arc::new(computed);
                }
            }
        }
    }

    /// Whether the values of so many items may be kept of an expression; where not, it has none.
    fn has_room(&self, cached: &Cached, n_items: usize) -> bool {
        let n_bytes = Computed::n_bytes(n_items);
        if cached.room.lock().as_mut().is_some_and(|room| room.try_resize(n_bytes)) {
            return true;
        }
        let room = self.make_room(n_bytes);
        let has_room = room.is_some();
        if !has_room {
            *cached.values.lock() = None;
        }
        *cached.room.lock() = room;
        has_room
    }

    /// Reserves bytes for values, after evicting values that were not used lately; none if that is
    /// not enough.
    fn make_room(&self, n_bytes: usize) -> Option<Reservation> {
        let part = MemoryPart::ExpressionValues;
        if let Some(room) = self.memory.reserve(part, n_bytes) {
            return Some(room);
        }
        let all = self.cached.lock();
        let is_idle = |cached: &Cached| {
            cached.last_used_for_items_at.lock().is_none_or(|at| at.elapsed() >= VALUES_IDLE_MIN)
        };
        // Those first that were not used for the longest time.
        let idle: Vec<(&Arc<Cached>, usize)> = all
            .iter()
            .rev()
            .filter(|(_, cached)| is_idle(cached))
            .filter_map(|(_, cached)| Some((cached, cached.room.lock().as_ref()?.n_bytes())))
            .collect();
        if n_bytes > self.memory.room(part) + idle.iter().map(|(_, n_bytes)| n_bytes).sum::<usize>()
        {
            return None;
        }
        idle.into_iter().find_map(|(cached, _)| {
            *cached.values.lock() = None;
            *cached.room.lock() = None;
            self.memory.reserve(part, n_bytes)
        })
    }
}

/// The whole second of a time, so that all calls within a second get the same.
fn seconds(at: Timestamp) -> f64 {
    at.0.div_euclid(1_000) as f64
}

/// The values as new as the items, those that have changed computed again; none where they are not
/// known, or too many have changed.
fn catch_up(
    views: &Views,
    cached: &Cached,
    ready: &PreparedExpression<'_>,
) -> Option<Arc<Computed>> {
    let known = cached.values.lock().clone()?;
    if known.is_current(views) {
        return Some(known);
    }
    let computed = Arc::new(known.catch_up(views, ready.use_, |row| ready.value(row))?);
    ready.budget.check().ok()?;
    *cached.values.lock() = Some(Arc::clone(&computed));
    Some(computed)
}

/// The filters and boosters of a list.
pub(crate) struct Selection<'a> {
    pub(crate) filters: Vec<PreparedExpression<'a>>,
    pub(crate) boosters: Vec<PreparedExpression<'a>>,
}

impl Selection<'_> {
    pub(crate) fn allows(&self, row: u32) -> bool {
        self.filters.iter().all(|filter| filter.allows(row))
    }

    pub(crate) fn boost(&self, row: u32) -> f32 {
        self.boosters.iter().map(|booster| booster.value(row)).product()
    }

    /// The items that pass the strictest of the filters, where they are known and few.
    pub(crate) fn candidate_set(&self) -> Option<&[u32]> {
        let few = self
            .filters
            .iter()
            .filter_map(|filter| filter.computed.as_ref()?.candidate_set.as_deref());
        few.min_by_key(|items| items.len())
    }

    /// The booster's value for each item and the largest value, if they are cached.
    pub(crate) fn boosts(&self) -> Option<(&[f32], f32)> {
        match &self.boosters[..] {
            [booster] => {
                booster.computed.as_ref().map(|computed| (&computed.by_item[..], computed.max))
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The values of 10 units of items take about 42 units of bytes.
    const UNIT: usize = 10_000;

    #[test]
    fn values_make_room_when_nobody_asks_for_them_and_texts_take_none() {
        let expressions = Expressions::new(MemoryBudget::new(4 * 110 * UNIT));
        let make_room = |n_units: usize| expressions.make_room(n_units * UNIT).is_some();
        let keep = |text: &str, used_at| {
            let cached = expressions.get_or_parse(ExpressionUse::Filter, text).unwrap();
            assert!(expressions.has_room(&cached, 10 * UNIT));
            let computed = Computed::new(
                ExpressionUse::Filter,
                (0, 0.0),
                vec![1.0; 10 * UNIT],
                Duration::ZERO,
            );
            *cached.values.lock() = Some(Arc::new(computed));
            *cached.last_used_for_items_at.lock() = used_at;
            cached
        };
        let has_values = |cached: &Cached| cached.values.lock().is_some();
        for n in 0..EXPRESSIONS_MAX.get() {
            expressions.get_or_parse(ExpressionUse::Filter, &format!("'n' == {n}")).unwrap();
        }
        let idle = keep("'a'", None);
        let other = keep("'b'", None);
        assert!(make_room(20) && has_values(&idle) && has_values(&other), "there is room");
        expressions.get_or_parse(ExpressionUse::Filter, "'a'").unwrap();
        assert!(make_room(40));
        assert!(
            has_values(&idle) && !has_values(&other),
            "what was not used for the longest time goes"
        );
        let busy = keep("'c'", Some(Instant::now()));
        assert!(!make_room(100), "what is in use stays");
        assert!(has_values(&busy) && has_values(&idle), "and what is idle is not lost for nothing");
        assert!(make_room(60) && !has_values(&idle) && has_values(&busy));
        assert!(!make_room(111));
        assert!(expressions.has_room(&busy, 10 * UNIT), "it is there");
        assert!(
            !expressions.has_room(&busy, 100 * UNIT) && !has_values(&busy),
            "there are more items than there is room for"
        );
    }

    #[test]
    fn expressions_give_way_to_newer_ones_and_one_that_is_too_large_to_none() {
        let expressions = Expressions::new(MemoryBudget::new(4 * 100_000));
        let bytes = || expressions.memory.bytes_by_part()[MemoryPart::Expressions as usize].1;
        let text = |n: usize, words: usize| {
            (0..words).map(|m| format!("'p' == {n}{m}")).collect::<Vec<_>>().join(" or ")
        };
        for n in 0..100 {
            expressions.get_or_parse(ExpressionUse::Filter, &text(n, 50)).unwrap();
            assert!(bytes() <= 100_000);
        }
        let n_kept = expressions.cached.lock().len();
        assert!((2..100).contains(&n_kept), "{n_kept}");
        let last = expressions.get_or_parse(ExpressionUse::Filter, &text(99, 50)).unwrap();
        assert!(Arc::ptr_eq(
            &last,
            &expressions.get_or_parse(ExpressionUse::Filter, &text(99, 50)).unwrap()
        ));
        expressions.get_or_parse(ExpressionUse::Filter, &text(0, 3_000)).unwrap();
        assert_eq!(expressions.cached.lock().len(), n_kept, "it is used once");
        drop(last);
        expressions.drop_idle(VALUES_IDLE_MIN * 100);
        assert_eq!(expressions.cached.lock().len(), n_kept);
        expressions.drop_idle(Duration::ZERO);
        assert_eq!(bytes(), 0);
    }
}
