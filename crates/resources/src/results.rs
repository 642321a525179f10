//! Results: how many recommendations there were, and what they led to, by day, place and group.

mod csv_file;

use std::collections::BTreeMap;

use domain::{Day, InteractionKind};
use engine::{DayInteractions, Engine, KpiCounts, KpiRow, Kpis, Place, Rate};
use serde::{Deserialize, Serialize};
use web::error::ApiError;
use web::workspaces::RequestedWorkspace;

pub(crate) use self::csv_file::harmless;
pub use self::csv_file::to_csv;

/// The default number of days, the last one included.
const DAYS_DEFAULT: u32 = 30;

/// Which results are wanted. Days are those of the recommendations, in UTC; both ends are included.
#[derive(Debug, Clone, Default, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ResultsQuery {
    /// The first day, as 2026-01-31.
    pub from: Option<String>,
    /// The last day.
    pub until: Option<String>,
    /// Only lists of this scenario.
    pub scenario: Option<String>,
    /// Only lists of this group of an A/B test.
    pub group: Option<String>,
    /// What rows are summed by; none for a row for each day, place and group.
    #[param(inline)]
    pub by: Option<By>,
}

/// What rows are summed by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum By {
    /// The day.
    Day,
    /// The scenario.
    Scenario,
    /// The scenario and its group.
    Group,
    /// The operation, or that it is a trait.
    Kind,
}

/// Results of a range of days.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct Results {
    /// Ordered by day, place and group.
    pub kpis: Vec<ResultRow>,
    /// All interactions, with or without a citation, ordered by day.
    pub interactions: Vec<InteractionsRow>,
}

/// What came of the lists of a day, place and group, or of a sum of them.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct ResultRow {
    /// The day; none in sums of several.
    pub day: Option<String>,
    /// The place of the lists.
    #[serde(flatten)]
    pub place: ShownPlace,
    /// The group of an A/B test; none without a test.
    pub group: Option<String>,
    /// The counts.
    #[serde(flatten)]
    pub counts: ShownCounts,
}

/// The place of a list: an operation, or a trait. Sums of several have neither.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, utoipa::ToSchema)]
pub struct ShownPlace {
    /// The operation.
    pub endpoint: Option<String>,
    /// The scenario; none where the call named none.
    pub scenario: Option<String>,
    /// The trait, by its key.
    #[serde(rename = "trait")]
    pub trait_: Option<String>,
}

/// Counts of lists and of what they led to.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, utoipa::ToSchema)]
pub struct ShownCounts {
    /// Recommendations that were made.
    pub recommendations: u64,
    /// Different users who got them; in sums, anew for each day, place and group.
    pub users: u64,
    /// Detail views that cite them.
    pub clicks: u64,
    /// Cart additions that cite them.
    pub cart_additions: u64,
    /// Purchases that cite them.
    pub purchases: u64,
    /// Bookmarks that cite them.
    pub bookmarks: u64,
    /// Ratings that cite them.
    pub ratings: u64,
    /// View portions that cite them.
    pub view_portions: u64,
    /// The sum of the prices of those purchases.
    pub revenue: f64,
    /// The share of recommendations that were clicked.
    pub click_through_rate: ShownRate,
    /// The share of recommendations that led to a purchase.
    pub conversion_rate: ShownRate,
}

/// A share with its 95 % interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, utoipa::ToSchema)]
pub struct ShownRate {
    /// The share; none without lists.
    pub value: Option<f64>,
    /// The lower end.
    pub low: f64,
    /// The upper end.
    pub high: f64,
}

/// All interactions that arrived on a day.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct InteractionsRow {
    /// The day.
    pub day: String,
    /// Views of items.
    pub detail_views: u64,
    /// Cart additions.
    pub cart_additions: u64,
    /// Purchases.
    pub purchases: u64,
    /// Bookmarks.
    pub bookmarks: u64,
    /// Ratings.
    pub ratings: u64,
    /// View portions.
    pub view_portions: u64,
}

/// The results that a query asks for.
///
/// # Errors
/// If a day is none, or the range is turned around.
pub async fn read(
    workspace: &RequestedWorkspace,
    query: ResultsQuery,
) -> Result<Results, ApiError> {
    let (from, until) = range(workspace, &query)?;
    let count = move |engine: &Engine| Ok(engine.snapshot().attribution.kpis(from, until));
    let Kpis { mut rows, interactions } = workspace.ask(count).await?;
    rows.retain(|row| {
        let scenario = match &row.place {
            Place::Scenario { scenario, .. } => scenario.as_deref(),
            Place::Trait(_) => None,
        };
        query.scenario.as_deref().is_none_or(|wanted| scenario == Some(wanted))
            && query.group.as_deref().is_none_or(|wanted| row.group.as_deref() == Some(wanted))
    });
    let kpis = match query.by {
        None => rows.into_iter().map(ResultRow::new).collect(),
        Some(by) => sum_by(by, rows),
    };
    Ok(Results { kpis, interactions: interactions.into_iter().map(Into::into).collect() })
}

/// The first and the last day of a query.
///
/// # Errors
/// As [`read`].
pub fn range(workspace: &RequestedWorkspace, query: &ResultsQuery) -> Result<(Day, Day), ApiError> {
    let until = parse_day("until", query.until.as_deref())?
        .unwrap_or(Day::from_timestamp(workspace.handle().now()?));
    let from = parse_day("from", query.from.as_deref())?.unwrap_or(until.earlier(DAYS_DEFAULT - 1));
    if from > until {
        return Err(ApiError::invalid(format!("from is {from}, after until, which is {until}"))
            .of_parameter("from"));
    }
    Ok((from, until))
}

fn parse_day(name: &str, text: Option<&str>) -> Result<Option<Day>, ApiError> {
    let parse = |text| {
        let wrong = || {
            let message = format!(
                "{name} is {text:?}, it must be a day as 2026-01-31, from 1970-01-01 to 9999-12-30"
            );
            ApiError::invalid(message).of_parameter(name)
        };
        Day::parse(text).ok_or_else(wrong)
    };
    text.map(parse).transpose()
}

fn sum_by(by: By, rows: Vec<KpiRow>) -> Vec<ResultRow> {
    let mut sums: BTreeMap<(Option<Day>, ShownPlace, Option<String>), KpiCounts> = BTreeMap::new();
    for KpiRow { day, place, group, counts } in rows {
        let place = ShownPlace::from(place);
        let name = match by {
            By::Day => (Some(day), ShownPlace::default(), None),
            By::Scenario => (None, place, None),
            By::Group => (None, place, group),
            // The trait is a kind like each operation.
            By::Kind => {
                let trait_ = place.trait_.map(|_| "*".to_owned());
                (None, ShownPlace { endpoint: place.endpoint, scenario: None, trait_ }, None)
            }
        };
        sums.entry(name).or_default().add_all(&counts);
    }
    let row = |((day, place, group), counts): ((Option<Day>, _, _), KpiCounts)| ResultRow {
        day: day.map(|day| day.to_string()),
        place,
        group,
        counts: ShownCounts::from(&counts),
    };
    sums.into_iter().map(row).collect()
}

impl ResultRow {
    fn new(KpiRow { day, place, group, counts }: KpiRow) -> Self {
        let (place, counts) = (ShownPlace::from(place), ShownCounts::from(&counts));
        Self { day: Some(day.to_string()), place, group, counts }
    }
}

impl From<Place> for ShownPlace {
    fn from(place: Place) -> Self {
        match place {
            Place::Trait(key) => Self { trait_: Some(key), ..Self::default() },
            Place::Scenario { endpoint, scenario } => {
                Self { endpoint: Some(endpoint), scenario, trait_: None }
            }
        }
    }
}

impl From<&KpiCounts> for ShownCounts {
    fn from(counts: &KpiCounts) -> Self {
        let count = |kind| counts.interactions.count(kind);
        Self {
            recommendations: counts.recommendations,
            users: counts.users,
            clicks: count(InteractionKind::DetailView),
            cart_additions: count(InteractionKind::CartAddition),
            purchases: count(InteractionKind::Purchase),
            bookmarks: count(InteractionKind::Bookmark),
            ratings: count(InteractionKind::Rating),
            view_portions: count(InteractionKind::ViewPortion),
            revenue: counts.revenue,
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

impl From<DayInteractions> for InteractionsRow {
    fn from(DayInteractions { day, counts }: DayInteractions) -> Self {
        Self {
            day: day.to_string(),
            detail_views: counts.count(InteractionKind::DetailView),
            cart_additions: counts.count(InteractionKind::CartAddition),
            purchases: counts.count(InteractionKind::Purchase),
            bookmarks: counts.count(InteractionKind::Bookmark),
            ratings: counts.count(InteractionKind::Rating),
            view_portions: counts.count(InteractionKind::ViewPortion),
        }
    }
}
