//! Settings of lists with their words, for forms of scenarios and traits.

/// The kinds of interactions that count for a list.
pub(super) const INTERACTIONS: [(&str, &str); 7] = [
    ("", "Everything"),
    ("detail_view", "Views"),
    ("purchase", "Purchases"),
    ("rating", "Ratings"),
    ("cart_addition", "Additions to the cart"),
    ("bookmark", "Bookmarks"),
    ("view_portion", "Plays"),
];

/// What fills up a list.
pub(super) const FALLBACKS: [(&str, &str); 4] = [
    ("", "What suits the list"),
    ("trending", "Popular now"),
    ("personal", "Personal taste, then popular now"),
    ("none", "Nothing"),
];
