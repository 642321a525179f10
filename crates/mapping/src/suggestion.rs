//! Suggests a preset for an unmatched event by its name, with an example.

use domain::MessageType;

use crate::Mapping;

/// A preset that would take an event under another name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Suggestion {
    /// The preset's name.
    pub preset: &'static str,
    /// The first numbered set of presets that has it.
    pub set: u32,
    /// A message that it takes, as JSON, with the least that it needs.
    pub example: &'static str,
}

/// Events of Segment's e-commerce vocabulary that no preset means: they are about no single item, or take something back.
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

const TAKEN_BACK: &[&str] = &["remove", "removed", "delete", "deleted", "unlike", "unliked", "unsaved"];
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
    "video", "movie", "episode", "song", "playback", "play", "played", "watch", "watched", "stream",
    "streamed",
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
    "view", "viewed", "seen", "open", "opened", "visited", "clicked", "detail", "details", "product", "item",
];

/// The event of a preset for names that have a word of each list; the first that fits counts.
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

/// Examples by preset: of one item, of the lines of an order, of a video, of a page and of a screen.
const OF_ORDER: &str = r#"{"type":"track","userId":"user-1","event":"Order Completed","properties":{"products":[{"product_id":"item-1","quantity":1,"price":9.5}]}}"#;
const OF_PAGE: &str = r#"{"type":"page","userId":"user-1","name":"item-1"}"#;
const OF_SCREEN: &str = r#"{"type":"screen","userId":"user-1","name":"item-1"}"#;
const OF_EVENTS: [(&str, &str); 11] = [
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
    ("Order Completed", OF_ORDER),
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

/// The preset that means what a message of this type and event name says, and an example; none where no name of a preset comes near, or
/// the event is about no single item.
pub fn suggest(presets: &'static [Mapping], type_: MessageType, event: &str) -> Option<Suggestion> {
    let (event, example) = match type_ {
        MessageType::Page => (None, OF_PAGE),
        MessageType::Screen => (None, OF_SCREEN),
        MessageType::Track => {
            let (event, example) = event_like(event)?;
            (Some(event), example)
        }
        MessageType::Identify | MessageType::Group | MessageType::Alias => return None,
    };
    let is_meant = |preset: &&Mapping| (preset.trigger.type_, preset.trigger.event) == (type_, event);
    let preset = presets.iter().find(is_meant)?;
    Some(Suggestion { preset: preset.name, set: preset.set, example })
}

/// The event of a preset that an event's name is like, with an example.
fn event_like(name: &str) -> Option<(&'static str, &'static str)> {
    let words = words_of(name);
    if ABOUT_NO_ITEM.iter().any(|other| words_of(other) == words) {
        return None;
    }
    let same = OF_EVENTS.iter().find(|(event, _)| words_of(event) == words).map(|(event, _)| *event);
    let has_one = |list: &&[&str]| words.iter().any(|word| list.contains(&word.as_str()));
    let like = || MEANINGS.iter().find(|(lists, _)| lists.iter().all(has_one)).map(|(_, event)| *event);
    let event = same.or_else(like)?;
    OF_EVENTS.iter().find(|(other, _)| *other == event).copied()
}

/// The words of a name in small letters; `productViewed` and `product_viewed` have the same.
fn words_of(name: &str) -> Vec<String> {
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
    use crate::{actions_of, presets};

    fn preset_for(event: &str) -> Option<&'static str> {
        suggest(presets(), MessageType::Track, event).map(|suggestion| suggestion.preset)
    }

    #[test]
    fn names_that_mean_a_preset_get_it_and_others_none() {
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
        assert_eq!(suggest(presets(), MessageType::Identify, "identify"), None);
    }

    #[test]
    fn every_example_is_taken_by_the_preset_that_it_stands_for() {
        let arrival = Arrival { received_at: Timestamp(1_700_000_000_000), source: "web", peer_ip: None };
        let of_events = OF_EVENTS.map(|(event, _)| (MessageType::Track, event));
        let all = of_events.into_iter().chain([(MessageType::Page, ""), (MessageType::Screen, "")]);
        for (type_, event) in all {
            let suggestion = suggest(presets(), type_, event).expect(event);
            let message =
                check_message(suggestion.example, None, &Envelope::default(), &arrival).expect(event);
            let preset = presets().iter().filter(|preset| preset.name == suggestion.preset);
            let preset: Vec<_> = preset.cloned().collect();
            let made = actions_of(&preset, &message);
            assert!(made.len() == 1 && made[0].is_ok(), "{}: {made:?}", suggestion.preset);
        }
    }
}
