//! Lists as JSON, the same form wherever one leaves.

use engine::{Origin, RecommendedList};
use serde_json::{Value, json};

/// The long form of a list: what a trait's `<key>__detail` holds.
///
/// `{items: [{id, score, source, reason: {code, because: [{id, kind, share, similar_in}]}}], model, computed_at, fallback}`. The code says what was
/// done with the history item that speaks loudest (viewed, bought, carted, bookmarked, rated, played), or "similar" for an item that is too new
/// for any model (then each reason names the property), "buy_again" for one that is due, or "trending" where nothing in the history speaks. A list
/// of values of a property names that as `item_type`, and its ids are the values.
pub fn list_json(list: &RecommendedList, computed_at: domain::Timestamp) -> Value {
    let items: Vec<Value> = list
        .items
        .iter()
        .map(|item| {
            let because: Vec<Value> = item
                .because
                .iter()
                .map(|reason| {
                    let mut because =
                        json!({ "id": reason.item_id, "kind": reason.kind, "share": rounded(reason.share) });
                    if let Some(property) = &reason.similar_in {
                        because["similar_in"] = property.as_str().into();
                    }
                    because
                })
                .collect();
            let (source, code) = match item.origin {
                Origin::Model => {
                    ("model", item.because.first().map_or("model", |reason| reason.kind.participle()))
                }
                Origin::New => ("new", "similar"),
                Origin::Trending => ("trending", "trending"),
                Origin::RecentlyViewed => (
                    "recently_viewed",
                    item.because.first().map_or("viewed", |reason| reason.kind.participle()),
                ),
                Origin::BuyAgain => ("buy_again", "buy_again"),
            };
            json!({
                "id": item.item_id,
                "score": item.score,
                "source": source,
                "reason": { "code": code, "because": because },
            })
        })
        .collect();
    let mut shown = json!({
        "items": items,
        "model": list.model,
        "computed_at": computed_at.to_string(),
        "fallback": list.fallback,
    });
    if let Some(property) = &list.item_type {
        shown["item_type"] = property.as_str().into();
    }
    shown
}

fn rounded(share: f32) -> f64 {
    (f64::from(share) * 1_000.0).round() / 1_000.0
}
