//! Items that a user is due to buy again: the modified Poisson-Gamma model (Bhagat et al., KDD'18).
//!
//! A user bought item j on k days, the last one t days ago, the first one `span` days before the
//! last. Their purchase rate (per day) is `(k + a) / (span + 2 |m - t| + a m_j)` while t < 2 m,
//! afterwards `(k + a) / (span + t + a m_j)`. m is the mean time between the user's purchases,
//! shrunk towards the item's mean m_j; a is the weight of the item's mean, in purchases.
//!
//! The score is the probability of a purchase within the days ahead, `1 - exp(-rate days)`, times
//! the probability of any repurchase: `(share + k - 1) / k`, where share is the share of the item's
//! buyers who bought it again. An item is listed only where that probability is at least 1/2 and `m
//! / 2 <= t <= 3 m`.

mod config;
mod fit;

pub use config::Config;
pub use fit::{BuyAgain, RepurchaseStatistics, fit};
