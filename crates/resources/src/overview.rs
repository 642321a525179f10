//! How a workspace is doing: messages, sizes, the model in use, results, and what needs attention.

use std::collections::BTreeMap;
use std::sync::Arc;

use domain::{Day, RejectionReason, Right, Timestamp, WorkspaceId, counted};
use engine::{
    Comparison, Counts, DiskRoom, Engine, FIRST_TRAINING_INTERACTIONS, KpiCounts, MessageRates,
    Metrics, Rate, TrainingRun, TrainingRunState,
};
use serde::Serialize;
use web::App;
use web::access::Caller;
use web::error::ApiError;
use web::workspaces::RequestedWorkspace;

use crate::background::{self, BackgroundThread, ThreadActivity};

/// The days of results, and of the period before that they stand beside.
pub const RESULT_DAYS: u32 = 14;
/// Rejections that are older need no attention any more.
const REJECTIONS_MS: i64 = 24 * 3_600 * 1_000;
/// A model that is older needs attention, if there is anything new to learn from.
const MODEL_AGE_MAX_MS: i64 = 7 * 24 * 3_600 * 1_000;
/// From this share of the disk on, somebody should make room.
pub const DISK_FULL_SHARE: f64 = 0.9;

/// How a workspace is doing.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct Overview {
    /// The time of the answer.
    pub at: Timestamp,
    /// The sizes of the workspace.
    pub counts: Counts,
    /// The number of items that lists may have at the moment: on, in stock and valid.
    pub items_on_offer: u64,
    /// Messages of the last hour by minute, since the workspace was opened.
    pub messages: MessageRates,
    /// What needs attention, the worst first.
    pub attention: Vec<Attention>,
    /// Model and results; none for callers who may only see people.
    pub figures: Option<Figures>,
}

/// The model in use and the results of recommendations.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct Figures {
    /// The model in use; none before the first training.
    pub model: Option<ModelInUse>,
    /// The last 14 days, today included.
    pub results: Results,
    /// The 14 days before those.
    pub results_before: Results,
    /// Each of the 28 days, oldest first, without gaps.
    pub days: Vec<DayResults>,
}

/// The model in use, and how accurate it was when it was judged.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct ModelInUse {
    /// Its version.
    pub version: String,
    /// When its training ended.
    pub finished_at: Timestamp,
    /// Its metrics on held-out interactions.
    pub metrics: Metrics,
    /// The same of popularity.
    pub popularity: Metrics,
    /// Its accuracy beside that of popularity, with an interval of 95 %; none where it was not
    /// judged by enough people.
    pub beside_popularity: Option<Comparison>,
    /// Interactions of all time when it was trained.
    pub n_interactions: u64,
}

/// The results of recommendations in some days.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
#[schema(as = OverviewResults)]
pub struct Results {
    /// The first day.
    pub from: String,
    /// The last day, included.
    pub until: String,
    /// The number of recommendations.
    pub recommendations: u64,
    /// The share of them that were clicked.
    pub click_through_rate: ShownRate,
    /// The share of them that led to a purchase.
    pub conversion_rate: ShownRate,
    /// The sum of the prices of those purchases.
    pub revenue: f64,
}

/// The results of one day.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct DayResults {
    /// The day.
    #[serde(serialize_with = "serialize_day")]
    #[schema(value_type = String)]
    pub day: Day,
    /// The number of recommendations.
    pub recommendations: u64,
    /// The share of them that were clicked.
    pub click_through_rate: ShownRate,
    /// The share of them that led to a purchase.
    pub conversion_rate: ShownRate,
}

/// A rate with its 95 % interval.
#[derive(Debug, Clone, Copy, Serialize, utoipa::ToSchema)]
#[schema(as = OverviewRate)]
pub struct ShownRate {
    /// The rate; none without any trial.
    pub value: Option<f64>,
    /// The lower end of the interval.
    pub low: f64,
    /// The upper end of the interval.
    pub high: f64,
}

/// Something that needs attention.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Attention {
    /// How much.
    pub severity: Severity,
    /// Where it can be looked at.
    pub place: AttentionPlace,
    /// What it is, in one sentence.
    pub title: String,
    /// What follows from it, or what to do.
    pub text: String,
}

/// How much attention something needs, the worst first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Something fails.
    Error,
    /// Something will fail, or gets worse.
    Warning,
    /// Something is worth knowing.
    Note,
}

/// Where something that needs attention can be looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AttentionPlace {
    /// The rejected messages.
    Rejections,
    /// The messages that were applied in part.
    AppliedInPart,
    /// The training runs.
    Models,
    /// Disk, memory, problems and background work.
    Operations,
}

/// Says how a workspace is doing.
///
/// # Errors
/// 503 where the workspace is closed.
pub async fn read(
    app: &Arc<App>,
    workspace: &RequestedWorkspace,
    caller: &Caller,
) -> Result<Overview, ApiError> {
    let sees_figures = caller.grant.role.has(Right::ReadWorkspace);
    let closed = app.workspaces.closed().into_iter();
    let closed: Vec<_> = closed.filter(|(id, _)| caller.grant.covers(id.as_str())).collect();
    let app = Arc::clone(app);
    workspace.run(move |engine| Ok(Overview::new(&app, engine, &closed, sees_figures))).await
}

impl Overview {
    fn new(
        app: &App,
        engine: &Engine,
        closed: &[(WorkspaceId, String)],
        sees_figures: bool,
    ) -> Self {
        let at = engine.now();
        let counts = engine.counts();
        let figures = sees_figures.then(|| Figures::new(engine, at));
        let mut attention = rejections(engine, at);
        if let Some(figures) = &figures {
            let run = engine.last_training_run();
            attention.extend(training(figures.model.as_ref(), run.as_ref(), &counts, at));
            attention.extend(disk(engine));
            attention.extend(problems(engine, closed));
            let failing = background_work(app, engine);
            // A training run that failed, for one, is told already.
            let is_new =
                |one: &Attention| !attention.iter().any(|told| told.text.contains(&one.text));
            let failing: Vec<_> = failing.filter(is_new).collect();
            attention.extend(failing);
        }
        attention.sort_by_key(|attention| attention.severity);
        let items_on_offer = engine.catalog_counts().iter().map(|count| count.n_offered).sum();
        let messages = engine.message_rates();
        Self { at, counts, items_on_offer, messages, attention, figures }
    }
}

impl Figures {
    fn new(engine: &Engine, at: Timestamp) -> Self {
        let today = Day::from_timestamp(at);
        let first = today.earlier(2 * RESULT_DAYS - 1);
        let by_day: BTreeMap<Day, KpiCounts> =
            engine.snapshot().attribution.sum_kpis(first, today).into_iter().collect();
        let days: Vec<Day> = (0..2 * RESULT_DAYS).rev().map(|n| today.earlier(n)).collect();
        let of_day = |day: &Day| by_day.get(day).copied().unwrap_or_default();
        let (before, last) = days.split_at(RESULT_DAYS as usize);
        let model = engine.training().map(|training| ModelInUse {
            version: training.version,
            finished_at: training.finished_at,
            metrics: training.search.blend,
            popularity: training.search.popularity,
            beside_popularity: training.beside_popularity,
            n_interactions: training.n_interactions_total,
        });
        Self {
            model,
            results: Results::new(last, of_day),
            results_before: Results::new(before, of_day),
            days: days.iter().map(|day| DayResults::new(*day, of_day(day))).collect(),
        }
    }
}

impl Results {
    fn new(days: &[Day], of_day: impl Fn(&Day) -> KpiCounts) -> Self {
        let sums = days.iter().map(of_day);
        let sums = sums.fold(KpiCounts::default(), |sums, counts| sums.plus(&counts));
        let name = |day: Option<&Day>| day.map_or(String::new(), Day::to_string);
        Self {
            from: name(days.first()),
            until: name(days.last()),
            recommendations: sums.recommendations,
            click_through_rate: sums.click_through_rate().into(),
            conversion_rate: sums.conversion_rate().into(),
            revenue: sums.revenue,
        }
    }
}

impl DayResults {
    fn new(day: Day, counts: KpiCounts) -> Self {
        Self {
            day,
            recommendations: counts.recommendations,
            click_through_rate: counts.click_through_rate().into(),
            conversion_rate: counts.conversion_rate().into(),
        }
    }
}

impl From<Rate> for ShownRate {
    fn from(Rate { value, low, high }: Rate) -> Self {
        Self { value, low, high }
    }
}

fn serialize_day<S: serde::Serializer>(day: &Day, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(day)
}

/// Rejections of the last day, by source and reason. Only the latest are kept, so that there may
/// have been more.
fn rejections(engine: &Engine, at: Timestamp) -> Vec<Attention> {
    let mut found: BTreeMap<(String, RejectionReason), (u64, String)> = BTreeMap::new();
    let views = engine.snapshot();
    let recent = views.rejections.latest();
    for rejection in recent.take_while(|one| at.0 - one.received_at.0 <= REJECTIONS_MS) {
        let key = (rejection.source.clone(), rejection.reason);
        found.entry(key).or_insert_with(|| (0, rejection.detail.clone())).0 += 1;
    }
    drop(views);
    let describe = |((source, reason), (n, detail)): ((String, RejectionReason), (u64, String))| {
        let messages = counted(n, "message", "messages");
        let were = if n == 1 { "was" } else { "were" };
        let (severity, place, became) = match reason {
            reason if reason.is_applied() => {
                (Severity::Note, AttentionPlace::AppliedInPart, "understood in part only")
            }
            _ => (Severity::Warning, AttentionPlace::Rejections, "refused"),
        };
        Attention {
            severity,
            place,
            title: format!("{messages} of the source “{source}” {were} {became} in the last day"),
            text: format!("The latest reason: {detail}."),
        }
    };
    found.into_iter().map(describe).collect()
}

fn training(
    model: Option<&ModelInUse>,
    run: Option<&TrainingRun>,
    counts: &Counts,
    at: Timestamp,
) -> Option<Attention> {
    let attention = |severity, title: String, text: String| {
        Some(Attention { severity, place: AttentionPlace::Models, title, text })
    };
    if let Some(TrainingRun { state: TrainingRunState::Failed { error }, .. }) = run {
        let title = "The last training failed".to_owned();
        return attention(Severity::Error, title, format!("{error}."));
    }
    if let Some(TrainingRun { state: TrainingRunState::Done { training }, .. }) = run
        && let Some(why) = training.refused.as_ref().filter(|_| model.is_some())
    {
        let title = "The last trained model was refused, the one before stays in use".to_owned();
        return attention(Severity::Warning, title, format!("{why}."));
    }
    match model {
        Some(model)
            if at.0 - model.finished_at.0 > MODEL_AGE_MAX_MS
                && counts.interactions > model.n_interactions =>
        {
            let n_new = counts.interactions - model.n_interactions;
            let days = (at.0 - model.finished_at.0) / (24 * 3_600 * 1_000);
            let title = format!("The model in use learned {days} days ago");
            let since = counted(n_new, "interaction is", "interactions are");
            attention(Severity::Warning, title, format!("{since} new since then."))
        }
        None if counts.interactions >= FIRST_TRAINING_INTERACTIONS => {
            let title = "There is no model yet, and enough to learn from".to_owned();
            let text = "Until one is trained, everybody sees what is popular.".to_owned();
            attention(Severity::Note, title, text)
        }
        _ => None,
    }
}

/// The file system of the journal, where it is nearly full.
fn disk(engine: &Engine) -> Option<Attention> {
    let [journal, _] = engine.folders();
    let room = DiskRoom::of(&journal).filter(|room| room.used_share() > DISK_FULL_SHARE)?;
    Some(Attention {
        severity: Severity::Warning,
        place: AttentionPlace::Operations,
        title: "The disk is nearly full".to_owned(),
        text: format!(
            "{:.1} % are free. Once nothing is left, messages are refused.",
            100.0 * (1.0 - room.used_share())
        ),
    })
}

fn problems(engine: &Engine, closed: &[(WorkspaceId, String)]) -> Vec<Attention> {
    let attention = |title: String, text: String| Attention {
        severity: Severity::Error,
        place: AttentionPlace::Operations,
        title,
        text,
    };
    let own = engine.problems().into_iter();
    let own = own
        .map(|problem| attention("This workspace has a problem".to_owned(), format!("{problem}.")));
    let others = closed
        .iter()
        .map(|(id, why)| attention(format!("The workspace {id} is closed"), format!("{why}.")));
    own.chain(others).collect()
}

/// The background threads that failed in what they last did for this workspace or for all, and
/// those that have ended.
fn background_work(app: &App, engine: &Engine) -> impl Iterator<Item = Attention> {
    let threads = background::list(app, engine, |id| id == engine.id()).into_iter();
    let is_stopping = app.is_stopping();
    threads.filter_map(
        move |BackgroundThread { name, activity, is_failing, last_failure, .. }| {
            let said = last_failure.map(|failure| format!("{}.", failure.text));
            let (title, text) = match activity {
                ThreadActivity::Ended if !is_stopping => (
                    format!("The background thread “{name}” has ended"),
                    said.unwrap_or_else(|| {
                        "Nothing is done of its work before a restart.".to_owned()
                    }),
                ),
                _ if is_failing => (format!("The background thread “{name}” fails"), said?),
                _ => return None,
            };
            let (severity, place) = (Severity::Error, AttentionPlace::Operations);
            Some(Attention { severity, place, title, text })
        },
    )
}
