//! Suggests a preset for an unmatched event by the words of its name.

use domain::MessageType;

use crate::presets::{presets, set_of};

/// A preset that would match the event under another name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Suggestion {
    /// The preset's name.
    pub preset: &'static str,
    /// The first numbered set of presets that contains it.
    pub set: u32,
    /// A minimal message that it matches, as JSON.
    pub example: &'static str,
}

/// Events of Segment's e-commerce vocabulary without a preset: they concern no single item, or
/// revert an order.
const ABOUT_NO_ITEM: [&str; 15] = [
    "Products Searched",
    "Product List Filtered",
    "Promotion Viewed",
    "Promotion Clicked",
    "Cart Viewed",
    "Cart Shared",
    "Checkout Started",
    "Checkout Step Viewed",
    "Checkout Step Completed",
    "Payment Info Entered",
    "Order Updated",
    "Order Refunded",
    "Order Cancelled",
    "Coupon Entered",
    "Coupon Applied",
];

const TAKEN_BACK: &[&str] =
    &["remove", "removed", "delete", "deleted", "unlike", "unliked", "unsaved"];
const CART: &[&str] = &["cart", "basket", "bag"];
const LIKED: &[&str] = &[
    "wishlist",
    "wish",
    "favorite",
    "favorited",
    "favourite",
    "bookmark",
    "bookmarked",
    "saved",
    "like",
    "liked",
];
const PLAYED: &[&str] = &[
    "video", "movie", "episode", "song", "playback", "play", "played", "watch", "watched",
    "stream", "streamed",
];
const ENDED: &[&str] = &["complete", "completed", "finished", "ended"];
const BOUGHT: &[&str] = &[
    "order",
    "ordered",
    "purchase",
    "purchased",
    "bought",
    "buy",
    "transaction",
    "sale",
    "paid",
    "checkout",
];
const SHARED: &[&str] = &["share", "shared"];
const SEEN: &[&str] = &[
    "view", "viewed", "seen", "open", "opened", "visited", "clicked", "detail", "details",
    "product", "item",
];

/// The preset's event for names with at least one word of each list; the first match counts.
const MEANINGS: [(&[&[&str]], &str); 9] = [
    (&[TAKEN_BACK, LIKED], "Product Removed from Wishlist"),
    (&[TAKEN_BACK, CART], "Product Removed"),
    (&[LIKED], "Product Added to Wishlist"),
    (&[CART], "Product Added"),
    (&[BOUGHT], "Order Completed"),
    (&[SHARED], "Product Shared"),
    (&[PLAYED, ENDED], "Video Playback Completed"),
    (&[PLAYED], "Video Playback Started"),
    (&[SEEN], "Product Viewed"),
];

/// Example messages of orders, pages, screens, and of each event of a preset.
const ORDER_EXAMPLE: &str = r#"{"type":"track","userId":"user-1","event":"Order Completed","properties":{"products":[{"product_id":"item-1","quantity":1,"price":9.5}]}}"#;
const PAGE_EXAMPLE: &str = r#"{"type":"page","userId":"user-1","name":"item-1"}"#;
const SCREEN_EXAMPLE: &str = r#"{"type":"screen","userId":"user-1","name":"item-1"}"#;
const EVENT_EXAMPLES: [(&str, &str); 11] = [
    (
        "Product Viewed",
        r#"{"type":"track","userId":"user-1","event":"Product Viewed","properties":{"product_id":"item-1"}}"#,
    ),
    (
        "Product Added",
        r#"{"type":"track","userId":"user-1","event":"Product Added","properties":{"product_id":"item-1","quantity":1,"price":9.5}}"#,
    ),
    (
        "Product Removed",
        r#"{"type":"track","userId":"user-1","event":"Product Removed","properties":{"product_id":"item-1"}}"#,
    ),
    ("Order Completed", ORDER_EXAMPLE),
    (
        "Product Clicked",
        r#"{"type":"track","userId":"user-1","event":"Product Clicked","properties":{"product_id":"item-1"}}"#,
    ),
    (
        "Product List Viewed",
        r#"{"type":"track","userId":"user-1","event":"Product List Viewed","properties":{"products":[{"product_id":"item-1"}]}}"#,
    ),
    (
        "Product Added to Wishlist",
        r#"{"type":"track","userId":"user-1","event":"Product Added to Wishlist","properties":{"product_id":"item-1"}}"#,
    ),
    (
        "Product Removed from Wishlist",
        r#"{"type":"track","userId":"user-1","event":"Product Removed from Wishlist","properties":{"product_id":"item-1"}}"#,
    ),
    (
        "Product Shared",
        r#"{"type":"track","userId":"user-1","event":"Product Shared","properties":{"product_id":"item-1"}}"#,
    ),
    (
        "Video Playback Started",
        r#"{"type":"track","userId":"user-1","event":"Video Playback Started","properties":{"content_asset_id":"item-1","session":"session-1"}}"#,
    ),
    (
        "Video Playback Completed",
        r#"{"type":"track","userId":"user-1","event":"Video Playback Completed","properties":{"content_asset_id":"item-1","session":"session-1"}}"#,
    ),
];

/// Suggests a preset for a message of this type and event name. None where no preset has a similar
/// meaning, or the event concerns no single item.
pub fn suggest(type_: MessageType, event: &str) -> Option<Suggestion> {
    let (event, example) = match type_ {
        MessageType::Page => (None, PAGE_EXAMPLE),
        MessageType::Screen => (None, SCREEN_EXAMPLE),
        MessageType::Track => {
            let (event, example) = find_similar_event(event)?;
            (Some(event), example)
        }
        MessageType::Identify | MessageType::Group | MessageType::Alias => return None,
    };
    let preset = presets().iter().find(|preset| {
        let reach = preset.trigger.reach();
        let has_type = reach.types.as_ref().is_some_and(|types| types.contains(type_.word()));
        let has_event = match (event, &reach.events) {
            (Some(event), Some(events)) => events.contains(event),
            (event, events) => event.is_none() && events.is_none(),
        };
        has_type && has_event
    })?;
    Some(Suggestion { preset: &preset.name, set: set_of(&preset.name)?, example })
}

/// The event of a preset with the same words or the same meaning, with an example.
fn find_similar_event(name: &str) -> Option<(&'static str, &'static str)> {
    let words = split_words(name);
    if ABOUT_NO_ITEM.iter().any(|other| split_words(other) == words) {
        return None;
    }
    let same = EVENT_EXAMPLES
        .iter()
        .find(|(event, _)| split_words(event) == words)
        .map(|(event, _)| *event);
    let has_one = |list: &&[&str]| words.iter().any(|word| list.contains(&word.as_str()));
    let similar =
        || MEANINGS.iter().find(|(lists, _)| lists.iter().all(has_one)).map(|(_, event)| *event);
    let event = same.or_else(similar)?;
    EVENT_EXAMPLES.iter().find(|(other, _)| *other == event).copied()
}

/// The words of a name in lower case; splits `productViewed` as well as `product_viewed`.
fn split_words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut was_small = false;
    for c in name.chars() {
        if !c.is_alphanumeric() || (was_small && c.is_uppercase()) {
            words.push(String::new());
        }
        was_small = c.is_lowercase();
        if let Some(word) = words.last_mut().filter(|_| c.is_alphanumeric()) {
            word.extend(c.to_lowercase());
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

#[cfg(test)]
mod tests {
    use domain::{Arrival, Envelope, Timestamp, check_message};

    use super::*;

    fn preset_for(event: &str) -> Option<&'static str> {
        suggest(MessageType::Track, event).map(|suggestion| suggestion.preset)
    }

    #[test]
    fn names_with_the_meaning_of_a_preset_get_it_and_others_none() {
        let cases = [
            ("product_viewed", Some("Ecommerce - Product Viewed")),
            ("productViewed", Some("Ecommerce - Product Viewed")),
            ("product_clicked", Some("Ecommerce - Product Clicked")),
            ("Banner Clicked", Some("Ecommerce - Product Viewed")),
            ("add-to-cart", Some("Ecommerce - Product Added")),
            ("Removed from basket", Some("Ecommerce - Product Removed")),
            ("purchase", Some("Ecommerce - Order Completed")),
            ("Order Completed ", Some("Ecommerce - Order Completed")),
            ("unliked favorite", Some("Ecommerce - Product Removed from Wishlist")),
            ("Song Played", Some("Video - Playback Started")),
            ("video.finished", Some("Video - Playback Completed")),
            ("productListViewed", Some("Ecommerce - Product List Viewed")),
            ("products_searched", None),
            ("Order Refunded", None),
            ("Newsletter Subscribed", None),
            ("", None),
        ];
        for (event, expected) in cases {
            assert_eq!(preset_for(event), expected, "{event:?}");
        }
        assert_eq!(suggest(MessageType::Identify, "identify"), None);
    }

    #[test]
    fn every_example_is_matched_by_its_preset() {
        let arrival =
            Arrival { received_at: Timestamp(1_700_000_000_000), source: "web", peer_ip: None };
        let events = EVENT_EXAMPLES.map(|(event, _)| (MessageType::Track, event));
        let all = events.into_iter().chain([(MessageType::Page, ""), (MessageType::Screen, "")]);
        for (type_, event) in all {
            let suggestion = suggest(type_, event).expect(event);
            let message = check_message(suggestion.example, None, &Envelope::default(), &arrival)
                .expect(event);
            let made = presets().map_by_mapping(&message);
            let made = made.iter().find(|(preset, _)| preset.name == suggestion.preset);
            let actions = made.map(|(_, made)| made.as_ref().expect(event).len());
            assert_eq!(actions, Some(1), "{}", suggestion.preset);
        }
    }
}
