//! Previews of product-based audiences: who is interested, and size against expected response.

use std::sync::Arc;
use std::time::Instant;

use domain::{LikelyAudience, Timestamp};
use engine::{CurvePoint, Engine, RESPONDERS_MIN, RequestBudget, Response, ResponseCurve};
use serde::Serialize;
use web::error::ApiError;
use web::workspaces::RequestedWorkspace;

use crate::audience_preview::ShownEstimate;
use crate::people::ShownPerson;

/// What a product-based audience would come to.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct ShownLikely {
    /// How many items it is about.
    pub n_items: u64,
    /// What the definition names and the workspace does not know: items, the property, or its
    /// value.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unknown: Vec<String>,
    /// How many people may be chosen: everybody, or the members of `among`.
    pub n_people: u64,
    /// How many of them were scored within the time, at random.
    pub n_scored: u64,
    /// How many have any interest, of those who are not left out. No audience becomes larger.
    pub interested: ShownEstimate,
    /// Up to 5 of those with the best scores, best first.
    pub sample: Vec<LikelyMember>,
    /// Size against response; none where that cannot be said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub curve: Option<ShownCurve>,
    /// Why there is no curve.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub no_curve: Option<String>,
    /// How long it took, in milliseconds.
    pub took_ms: u64,
}

/// Somebody who is likely to act.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct LikelyMember {
    /// The person.
    pub person: ShownPerson,
    /// The score, comparable within one preview only.
    pub score: f32,
}

/// Size against response, counted in a time that the model had not seen.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct ShownCurve {
    /// The version of the model that ordered people.
    pub model: String,
    /// Actions after this time are responses.
    pub since: Timestamp,
    /// How many people were ordered.
    pub n_people: u64,
    /// How many of them responded.
    pub n_responders: u64,
    /// The share that responded: the rate of people at random.
    pub random: f64,
    /// About 20 sizes, the smallest first.
    pub points: Vec<ShownPoint>,
}

/// The response of the best people.
#[derive(Debug, Clone, Copy, Serialize, utoipa::ToSchema)]
pub struct ShownPoint {
    /// How many people the audience would have.
    pub size: u64,
    /// The share of them that responded.
    pub rate: f64,
    /// The lower bound of its 95 % interval.
    pub low: f64,
    /// The upper bound.
    pub high: f64,
    /// How many would respond in a time as long.
    pub expected: u64,
    /// How many of as many people at random would.
    pub expected_random: u64,
}

/// What a product-based audience would come to. It takes less than 2 s, whatever the number of
/// people.
///
/// # Errors
/// If the definition is wrong, or names an audience that there is not.
pub async fn preview(
    workspace: &RequestedWorkspace,
    likely: LikelyAudience,
) -> Result<ShownLikely, ApiError> {
    let preview =
        move |engine: &Engine, budget: &Arc<RequestBudget>| preview_with(engine, &likely, budget);
    workspace.ask_in_steps(preview).await
}

/// As [`preview`], where the workspace is at hand.
///
/// # Errors
/// As [`preview`].
pub fn preview_with(
    engine: &Engine,
    likely: &LikelyAudience,
    budget: &Arc<RequestBudget>,
) -> Result<ShownLikely, ApiError> {
    likely.validate().map_err(|what| wrong(&what))?;
    if let Some(key) = &likely.among
        && engine.config().audience(key).is_none()
    {
        let what = format!("among is {key:?}: there is no such audience");
        return Err(ApiError::invalid(what).at("/among"));
    }
    let started = Instant::now();
    let found = engine.preview_likely(likely, budget)?;
    let mut sample = Vec::with_capacity(found.sample.len());
    for (user, score) in found.sample {
        if let Some(person) = ShownPerson::new(engine, user)? {
            sample.push(LikelyMember { person, score });
        }
    }
    let (curve, no_curve) = match found.response {
        Response::Curve(curve) => (Some(ShownCurve::from(curve)), None),
        Response::TooFew { n_responders, since } => {
            (None, Some(say_too_few(n_responders, since, likely)))
        }
    };
    Ok(ShownLikely {
        n_items: found.n_items,
        unknown: engine.unknown_likely(likely)?,
        n_people: found.n_people,
        n_scored: found.n_scored,
        interested: found.interested.into(),
        sample,
        curve,
        no_curve,
        took_ms: started.elapsed().as_millis() as u64,
    })
}

/// The error for a mistake in what is previewed, which is the whole body here.
fn wrong(what: &str) -> ApiError {
    let Some(own) = what.strip_prefix("likely.") else { return ApiError::invalid(what) };
    let key = own.split([' ', '.', ':']).next().unwrap_or_default();
    ApiError::invalid(own).at(format!("/{key}"))
}

fn say_too_few(n_responders: u64, since: Option<Timestamp>, likely: &LikelyAudience) -> String {
    let Some(since) = since else {
        return "there is no model yet by which people could be ordered".to_owned();
    };
    let of_whom = match likely.exclude_acted {
        true => " who had not acted on them before",
        false => "",
    };
    format!(
        "{n_responders} people{of_whom} acted on these items after {since}, up to which the oldest model that is kept has learnt; {RESPONDERS_MIN} are needed to say how the best respond"
    )
}

impl From<ResponseCurve> for ShownCurve {
    fn from(curve: ResponseCurve) -> Self {
        let random = curve.n_responders as f64 / curve.n_people.max(1) as f64;
        let expected = |size: u64, rate: f64| (size as f64 * rate).round() as u64;
        let point = |CurvePoint { size, rate }: &CurvePoint| {
            let value = rate.value.unwrap_or_default();
            ShownPoint {
                size: *size,
                rate: value,
                low: rate.low,
                high: rate.high,
                expected: expected(*size, value),
                expected_random: expected(*size, random),
            }
        };
        Self {
            points: curve.points.iter().map(point).collect(),
            model: curve.model,
            since: curve.since,
            n_people: curve.n_people,
            n_responders: curve.n_responders,
            random,
        }
    }
}
