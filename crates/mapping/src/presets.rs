//! The fourteen mappings that every workspace starts with: those of the recommender destination, under their names there.

use std::sync::LazyLock;

use domain::MessageType;

use crate::{ActionType, Directive, Mapping, Trigger};

/// All presets.
pub fn presets() -> &'static [Mapping] {
    static PRESETS: LazyLock<Vec<Mapping>> = LazyLock::new(make_presets);
    &PRESETS
}

fn make_presets() -> Vec<Mapping> {
    let seen = |name, type_| Mapping {
        name,
        trigger: Trigger { type_, event: None },
        action: ActionType::AddDetailView,
        fields: adding([("itemId", path("$.name"))]),
    };
    let track = |name, event, action, fields| Mapping {
        name,
        trigger: Trigger { type_: MessageType::Track, event: Some(event) },
        action,
        fields,
    };
    let product = || ("itemId", ecommerce_item());
    let cart_item = Directive::Object(vec![
        ("itemId", ecommerce_item()),
        ("amount", path("$.properties.quantity")),
        ("price", path("$.properties.price")),
    ]);
    let order_lines = Directive::ArrayPath(
        "$.properties.products",
        vec![
            ("itemId", either("$.product_id", path("$.sku"))),
            ("amount", path("$.quantity")),
            ("price", path("$.price")),
            ("profit", path("$.profit")),
        ],
    );
    let watch_time = || {
        let times = vec![
            ("totalLength", path("$.properties.total_length")),
            ("watchTime", path("$.properties.position")),
        ];
        ("portion", Directive::Object(times))
    };
    let portion = |portion: f64| ("portion", Directive::Literal(portion));
    let video =
        || ("itemId", either("$.properties.content_asset_id", path("$.properties.content_asset_ids[0]")));
    let session = || ("sessionId", path("$.properties.session"));
    use ActionType::{
        AddBookmark, AddCartAddition, AddDetailView, AddPurchase, DeleteBookmark, DeleteCartAddition,
        MergeUsers, SetViewPortion, SetViewPortionFromWatchTime,
    };
    vec![
        seen("Page - Viewed", MessageType::Page),
        track("Ecommerce - Product Viewed", "Product Viewed", AddDetailView, adding([product()])),
        track("Ecommerce - Product Added", "Product Added", AddCartAddition, adding([("item", cart_item)])),
        track("Ecommerce - Product Removed", "Product Removed", DeleteCartAddition, deleting()),
        track(
            "Ecommerce - Order Completed",
            "Order Completed",
            AddPurchase,
            adding([("items", order_lines)]),
        ),
        track(
            "Ecommerce - Product Added to Wishlist",
            "Product Added to Wishlist",
            AddBookmark,
            adding([product()]),
        ),
        track(
            "Ecommerce - Product Removed from Wishlist",
            "Product Removed from Wishlist",
            DeleteBookmark,
            deleting(),
        ),
        track("Ecommerce - Product Shared", "Product Shared", AddBookmark, adding([product()])),
        track(
            "Video - Playback Started",
            "Video Playback Started",
            SetViewPortion,
            adding([video(), portion(0.0), session()]),
        ),
        track(
            "Video - Content Playing",
            "Video Content Playing",
            SetViewPortionFromWatchTime,
            adding([video(), watch_time(), session()]),
        ),
        track(
            "Video - Playback Paused",
            "Video Playback Paused",
            SetViewPortionFromWatchTime,
            adding([("itemId", path("$.properties.content_asset_id")), watch_time(), session()]),
        ),
        track(
            "Video - Playback Completed",
            "Video Playback Completed",
            SetViewPortion,
            adding([video(), portion(1.0), session()]),
        ),
        seen("Screen - Viewed", MessageType::Screen),
        Mapping {
            name: "Alias",
            trigger: Trigger { type_: MessageType::Alias, event: None },
            action: MergeUsers,
            fields: vec![("targetUserId", path("$.userId")), ("sourceUserId", path("$.previousId"))],
        },
    ]
}

fn path(path: &'static str) -> Directive {
    Directive::Path(path)
}

fn either(first: &'static str, second: Directive) -> Directive {
    Directive::IfExists(Box::new(path(first)), Box::new(second))
}

fn ecommerce_item() -> Directive {
    either("$.properties.product_id", path("$.properties.sku"))
}

fn user() -> Directive {
    either("$.userId", path("$.anonymousId"))
}

/// The fields of an action that adds: user, time and recommendation id beside its own.
fn adding<const N: usize>(own: [(&'static str, Directive); N]) -> Vec<(&'static str, Directive)> {
    let shared = [
        ("userId", user()),
        ("timestamp", either("$.properties.timestamp", path("$.timestamp"))),
        ("recommId", path("$.properties.recomm_id")),
    ];
    shared.into_iter().chain(own).collect()
}

/// The fields of an action that deletes: without a timestamp it deletes at any time.
fn deleting() -> Vec<(&'static str, Directive)> {
    vec![("userId", user()), ("itemId", ecommerce_item()), ("timestamp", path("$.properties.timestamp"))]
}
