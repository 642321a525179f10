//! Filters and boosters: parsed once, checked against the schema, and computed for all items where one comes again and again.
//!
//! A filter or booster that asks for nothing but the item, and for the time at most, gives an item the same in every request. When it comes
//! a second time it is computed for all items and kept; after that, items that changed are computed again before it is used.

use std::cell::Cell;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::{Duration, Instant};

use lru::LruCache;
use parking_lot::Mutex;
use reql::{Compiled, Context, Expression, ReqlError, Rows, Schema};

use crate::views::Views;

/// The most expressions that are kept in memory, parsed.
const EXPRESSIONS_MAX: NonZeroUsize = NonZeroUsize::new(1_000).expect("above 0");
/// The most bytes of values that are kept, over all expressions.
const VALUES_BYTES_MAX: usize = 128 * 1_024 * 1_024;
/// How long the filters and boosters of one request may be evaluated for.
pub(crate) const EVALUATION_TIME_MAX: Duration = Duration::from_secs(1);
/// How many rows are evaluated between two looks at the clock.
const ROWS_PER_LOOK: u32 = 64;

/// Why there is no value of an expression.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ExpressionError {
    /// It is no expression, or none of this catalog's.
    #[error(transparent)]
    Reql(#[from] ReqlError),
    /// It asks for too much of too many.
    #[error("it takes longer than {} s for all candidates: simplify it", EVALUATION_TIME_MAX.as_secs())]
    TooSlow,
}

/// What an expression is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Use {
    Filter,
    Booster,
}

/// The expressions of a workspace that were used lately.
pub(crate) struct Expressions {
    cached: Mutex<LruCache<(Use, String), Arc<Cached>>>,
}

struct Cached {
    expression: Expression,
    /// Whether an item has one value, whoever asks.
    is_of_item: bool,
    depends_on_time: bool,
    values: Mutex<Values>,
}

#[derive(Default)]
enum Values {
    /// It was not used yet.
    #[default]
    New,
    /// It was used once.
    Used,
    Computed(Arc<Computed>),
}

/// The values of all items in one state of their properties.
struct Computed {
    revision: u64,
    now_s: f64,
    /// What scores are multiplied with; of filters 1 and 0.
    by_item: Vec<f32>,
}

/// How long evaluation may go on in one request.
pub(crate) struct Budget {
    ends_at: Instant,
    n_rows: Cell<u32>,
    is_spent: Cell<bool>,
}

impl Budget {
    pub(crate) fn new() -> Self {
        let ends_at = Instant::now() + EVALUATION_TIME_MAX;
        Self { ends_at, n_rows: Cell::new(0), is_spent: Cell::new(false) }
    }

    /// An error where evaluation was given up: then nothing that came of it counts.
    pub(crate) fn check(&self) -> Result<(), ExpressionError> {
        if self.is_spent.get() { Err(ExpressionError::TooSlow) } else { Ok(()) }
    }

    /// Whether one more row may be evaluated.
    pub(crate) fn allows_row(&self) -> bool {
        let n = self.n_rows.get().wrapping_add(1);
        self.n_rows.set(n);
        if n.is_multiple_of(ROWS_PER_LOOK) && Instant::now() > self.ends_at {
            self.is_spent.set(true);
        }
        !self.is_spent.get()
    }
}

/// A filter or booster that is ready for the rows of one request.
pub(crate) struct Ready<'a> {
    use_: Use,
    computed: Option<Arc<Computed>>,
    compiled: Compiled<'a>,
    budget: &'a Budget,
}

impl Ready<'_> {
    /// Whether a filter lets the row pass.
    pub(crate) fn allows(&self, row: u32) -> bool {
        self.value(row) != 0.0
    }

    /// What the score of the row is multiplied with; where a booster says nothing, 1.
    pub(crate) fn value(&self, row: u32) -> f32 {
        match &self.computed {
            Some(computed) => computed.by_item.get(row as usize).copied().unwrap_or(0.0),
            None if self.budget.allows_row() => value_of(self.use_, &self.compiled, row),
            None => 0.0,
        }
    }
}

fn value_of(use_: Use, compiled: &Compiled<'_>, row: u32) -> f32 {
    match use_ {
        Use::Filter => f32::from(u8::from(compiled.boolean(row))),
        Use::Booster => match compiled.number(row) {
            Some(number) if !number.is_nan() => number.clamp(f64::from(f32::MIN), f64::from(f32::MAX)) as f32,
            _ => 1.0,
        },
    }
}

impl Expressions {
    pub(crate) fn new() -> Self {
        Self { cached: Mutex::new(LruCache::new(EXPRESSIONS_MAX)) }
    }

    fn cached(&self, use_: Use, text: &str) -> Result<Arc<Cached>, ReqlError> {
        let key = (use_, text.to_owned());
        if let Some(cached) = self.cached.lock().get(&key) {
            return Ok(Arc::clone(cached));
        }
        let expression = reql::parse(text)?;
        let depends_on = expression.dependencies();
        let cached = Arc::new(Cached {
            is_of_item: depends_on.row && !depends_on.context && !depends_on.chance,
            depends_on_time: depends_on.time,
            expression,
            values: Mutex::default(),
        });
        self.cached.lock().put(key, Arc::clone(&cached));
        Ok(cached)
    }

    /// Parses an expression and checks it against a schema.
    pub(crate) fn check(&self, use_: Use, text: &str, schema: &dyn Schema) -> Result<(), ReqlError> {
        let cached = self.cached(use_, text)?;
        match use_ {
            Use::Filter => cached.expression.check_filter(schema),
            Use::Booster => cached.expression.check_booster(schema),
        }
    }

    /// An expression for users or segments, or one that is used once.
    pub(crate) fn of_rows<'a>(
        &self,
        use_: Use,
        text: &str,
        rows: &'a dyn Rows,
        context: &'a dyn Context,
        budget: &'a Budget,
    ) -> Result<Ready<'a>, ReqlError> {
        let compiled = self.cached(use_, text)?.expression.compile(rows, context);
        Ok(Ready { use_, computed: None, compiled, budget })
    }

    /// An expression for items.
    pub(crate) fn of_items<'a>(
        &self,
        use_: Use,
        text: &str,
        views: &Views,
        rows: &'a dyn Rows,
        context: &'a dyn Context,
        budget: &'a Budget,
    ) -> Result<Ready<'a>, ReqlError> {
        let cached = self.cached(use_, text)?;
        let compiled = cached.expression.compile(rows, context);
        let mut ready = Ready { use_, computed: None, compiled, budget };
        let n_bytes = views.catalog.n_items() * size_of::<f32>();
        if !cached.is_of_item || n_bytes * self.cached.lock().len() > VALUES_BYTES_MAX {
            return Ok(ready);
        }
        let mut values = cached.values.lock();
        match &*values {
            Values::New => *values = Values::Used,
            Values::Used => {
                ready.computed = computed(views, &cached, &ready, context.now_s(), None);
            }
            Values::Computed(known) => {
                ready.computed = computed(views, &cached, &ready, context.now_s(), Some(known));
            }
        }
        if let Some(computed) = &ready.computed {
            *values = Values::Computed(Arc::clone(computed));
        }
        Ok(ready)
    }
}

/// The values of all items, those that are known taken over where nothing has changed; none where that takes too long.
fn computed(
    views: &Views,
    cached: &Cached,
    ready: &Ready<'_>,
    now_s: f64,
    known: Option<&Arc<Computed>>,
) -> Option<Arc<Computed>> {
    let table = views.catalog.table();
    let (revision, n_items) = (table.revision(), views.catalog.n_items());
    let known = known.filter(|known| !cached.depends_on_time || known.now_s == now_s);
    let changed = known.and_then(|known| Some((known, table.changed_since(known.revision)?)));
    let Some((known, changed)) = changed else {
        let mut by_item = Vec::with_capacity(n_items);
        for row in 0..n_items as u32 {
            by_item.push(ready.value(row));
        }
        return ready.budget.check().is_ok().then(|| Arc::new(Computed { revision, now_s, by_item }));
    };
    if known.revision == revision && known.by_item.len() == n_items {
        return Some(Arc::clone(known));
    }
    let mut by_item = known.by_item.clone();
    let n_known = by_item.len();
    by_item.resize(n_items, 0.0);
    let new = n_known as u32..n_items as u32;
    for row in changed.chain(new) {
        by_item[row as usize] = ready.value(row);
    }
    ready.budget.check().is_ok().then(|| Arc::new(Computed { revision, now_s, by_item }))
}

/// What a row must pass, and what its score is multiplied with.
pub(crate) struct Selection<'a> {
    pub(crate) filters: Vec<Ready<'a>>,
    pub(crate) boosters: Vec<Ready<'a>>,
}

impl Selection<'_> {
    pub(crate) fn allows(&self, row: u32) -> bool {
        self.filters.iter().all(|filter| filter.allows(row))
    }

    pub(crate) fn boost(&self, row: u32) -> f32 {
        self.boosters.iter().map(|booster| booster.value(row)).product()
    }
}
