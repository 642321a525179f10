//! `GET /api/workspaces/{workspace}/kpis?from=&until=`: how many recommendations there were, and
//! how many clicks and conversions they led to.

use axum::Json;
use domain::{Day, InteractionKind};
use engine::{DayInteractions, Engine, KpiRow, Kpis, Place, Rate};
use serde::{Deserialize, Serialize};

use web::error::ApiError;
use web::parameters::Parameters;
use web::workspaces::Workspace;

/// The default number of days, the last one included.
const DAYS_DEFAULT: u32 = 30;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Query {
    from: Option<String>,
    until: Option<String>,
}

#[derive(Serialize)]
pub(super) struct Body {
    kpis: Vec<RowBody>,
    interactions: Vec<InteractionsBody>,
}

#[derive(Serialize)]
struct RowBody {
    day: String,
    #[serde(flatten)]
    place: PlaceBody,
    group: Option<String>,
    recommendations: u64,
    users: u64,
    clicks: u64,
    cart_additions: u64,
    purchases: u64,
    bookmarks: u64,
    ratings: u64,
    view_portions: u64,
    revenue: f64,
    click_through_rate: RateBody,
    conversion_rate: RateBody,
}

/// The place of a list: an endpoint, or a trait.
#[derive(Serialize)]
pub(super) struct PlaceBody {
    endpoint: Option<String>,
    scenario: Option<String>,
    #[serde(rename = "trait")]
    trait_: Option<String>,
}

#[derive(Serialize)]
struct RateBody {
    value: Option<f64>,
    low: f64,
    high: f64,
}

#[derive(Serialize)]
struct InteractionsBody {
    day: String,
    detail_views: u64,
    cart_additions: u64,
    purchases: u64,
    bookmarks: u64,
    ratings: u64,
    view_portions: u64,
}

/// Days are those of the recommendations, in UTC; both ends are included.
pub(super) async fn read(
    Workspace(workspace): Workspace,
    Parameters(query): Parameters<Query>,
) -> Result<Json<Body>, ApiError> {
    let until = parse_day("until", query.until.as_deref())?
        .unwrap_or(Day::from_timestamp(workspace.handle().now()?));
    let from = parse_day("from", query.from.as_deref())?.unwrap_or(until.earlier(DAYS_DEFAULT - 1));
    if from > until {
        return Err(ApiError::invalid(format!("from is {from}, after until, which is {until}")));
    }
    let count = move |engine: &Engine| Ok(engine.snapshot().attribution.kpis(from, until));
    let Kpis { rows, interactions } = workspace.ask(count).await?;
    Ok(Json(Body {
        kpis: rows.into_iter().map(RowBody::new).collect(),
        interactions: interactions.into_iter().map(InteractionsBody::new).collect(),
    }))
}

fn parse_day(name: &str, text: Option<&str>) -> Result<Option<Day>, ApiError> {
    let parse = |text| {
        let wrong =
            || ApiError::invalid(format!("{name} is {text:?}, it must be a day as 2026-01-31"));
        Day::parse(text).ok_or_else(wrong)
    };
    text.map(parse).transpose()
}

impl RowBody {
    fn new(KpiRow { day, place, group, counts }: KpiRow) -> Self {
        let count = |kind| counts.interactions.count(kind);
        Self {
            day: day.to_string(),
            place: PlaceBody::new(place),
            group,
            recommendations: counts.recommendations,
            users: counts.users,
            clicks: count(InteractionKind::DetailView),
            cart_additions: count(InteractionKind::CartAddition),
            purchases: count(InteractionKind::Purchase),
            bookmarks: count(InteractionKind::Bookmark),
            ratings: count(InteractionKind::Rating),
            view_portions: count(InteractionKind::ViewPortion),
            revenue: counts.revenue,
            click_through_rate: RateBody::new(counts.click_through_rate()),
            conversion_rate: RateBody::new(counts.conversion_rate()),
        }
    }
}

impl PlaceBody {
    pub(super) fn new(place: Place) -> Self {
        match place {
            Place::Trait(key) => Self { endpoint: None, scenario: None, trait_: Some(key) },
            Place::Scenario { endpoint, scenario } => {
                Self { endpoint: Some(endpoint), scenario, trait_: None }
            }
        }
    }
}

impl RateBody {
    fn new(Rate { value, low, high }: Rate) -> Self {
        Self { value, low, high }
    }
}

impl InteractionsBody {
    fn new(DayInteractions { day, counts }: DayInteractions) -> Self {
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
