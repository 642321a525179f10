//! What a person is due to buy once more: the modified Poisson-Gamma model (Bhagat et al., KDD'18).
//!
//! A person who bought item j on k days, the last one t ago, the first one `span` before the last, buys it at the rate
//! `(k + a) / (span + 2 |m - t| + a m_j)` while t < 2 m, afterwards `(k + a) / (span + t + a m_j)`, where m is the mean time between
//! their purchases of it, drawn towards the item's own mean m_j, and a says how much the item counts beside the person. The score is the chance
//! of a purchase within the days ahead, `1 - exp(-rate days)`, times the share of the item's buyers who ever bought it again, which every purchase
//! of the person's own after the first counts for: `(share + k - 1) / k`. Only where that share is a half or more, and from half of m on
//! until 3 m are over, is the item likely, and in the list.

mod config;
mod fit;

pub use config::Config;
pub use fit::{BuyAgain, Rhythm, fit};
