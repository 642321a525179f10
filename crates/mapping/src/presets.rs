//! The built-in mappings, in numbered sets. Each set contains the ones before it. The configuration
//! of a workspace has the number of its set, so that a replay maps each message as it was mapped
//! first.
//!
//! Set 1: the fourteen mappings of the recommender destination, under its names. Set 2: weak
//! signals.

use std::sync::LazyLock;

use domain::MessageType;

use crate::{ActionType, Directive, Mapping, Trigger};

/// All presets, in the order of their sets.
pub fn presets() -> &'static [Mapping] {
    static PRESETS: LazyLock<Vec<Mapping>> = LazyLock::new(make_presets);
    &PRESETS
}

/// The presets of a numbered set, including those of lower sets.
pub fn presets_in_set(set: u32) -> &'static [Mapping] {
    &presets()[..presets().partition_point(|preset| preset.set <= set)]
}

/// The presets that a numbered set adds to the one before it.
pub fn presets_added_by(set: u32) -> &'static [Mapping] {
    &presets_in_set(set)[presets_in_set(set.saturating_sub(1)).len()..]
}

fn make_presets() -> Vec<Mapping> {
    let view = |name, type_| Mapping {
        name,
        set: 1,
        trigger: Trigger { type_, event: None },
        action: ActionType::AddDetailView,
        fields: adding([("itemId", path("$.name"))]),
    };
    let track = |name, event, action, fields| Mapping {
        name,
        set: 1,
        trigger: Trigger { type_: MessageType::Track, event: Some(event) },
        action,
        fields,
    };
    let weak = |name, event, action, own| Mapping {
        set: 2,
        ..track(name, event, action, vec![("userId", user()), ("timestamp", time()), own])
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
    let listed = Directive::ArrayPath(
        "$.properties.products",
        vec![("itemId", either("$.product_id", path("$.sku")))],
    );
    let watch_time = || {
        let times = vec![
            ("totalLength", path("$.properties.total_length")),
            ("watchTime", path("$.properties.position")),
        ];
        ("portion", Directive::Object(times))
    };
    let portion = |portion: f64| ("portion", Directive::Literal(portion));
    let video = || {
        (
            "itemId",
            either("$.properties.content_asset_id", path("$.properties.content_asset_ids[0]")),
        )
    };
    let session = || ("sessionId", path("$.properties.session"));
    use ActionType::{
        AddBookmark, AddCartAddition, AddClick, AddDetailView, AddListViews, AddPurchase,
        DeleteBookmark, DeleteCartAddition, MergeUsers, SetViewPortion,
        SetViewPortionFromWatchTime,
    };
    vec![
        view("Page - Viewed", MessageType::Page),
        track("Ecommerce - Product Viewed", "Product Viewed", AddDetailView, adding([product()])),
        track(
            "Ecommerce - Product Added",
            "Product Added",
            AddCartAddition,
            adding([("item", cart_item)]),
        ),
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
        view("Screen - Viewed", MessageType::Screen),
        Mapping {
            name: "Alias",
            set: 1,
            trigger: Trigger { type_: MessageType::Alias, event: None },
            action: MergeUsers,
            fields: vec![
                ("targetUserId", path("$.userId")),
                ("sourceUserId", path("$.previousId")),
            ],
        },
        weak("Ecommerce - Product Clicked", "Product Clicked", AddClick, product()),
        weak(
            "Ecommerce - Product List Viewed",
            "Product List Viewed",
            AddListViews,
            ("items", listed),
        ),
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

fn time() -> Directive {
    either("$.properties.timestamp", path("$.timestamp"))
}

/// The fields of an action that adds an interaction: its own, and user, time and recommendation id.
fn adding<const N: usize>(own: [(&'static str, Directive); N]) -> Vec<(&'static str, Directive)> {
    let shared =
        [("userId", user()), ("timestamp", time()), ("recommId", path("$.properties.recomm_id"))];
    shared.into_iter().chain(own).collect()
}

/// The fields of an action that deletes interactions. Without a timestamp it deletes those of any
/// time.
fn deleting() -> Vec<(&'static str, Directive)> {
    vec![
        ("userId", user()),
        ("itemId", ecommerce_item()),
        ("timestamp", path("$.properties.timestamp")),
    ]
}
