//! What a person looked at lately, the latest first: `score(j) = fading^n`, where j is the item looked at n items ago.

mod config;
mod fit;

pub use config::Config;
pub use fit::{RecentlyViewed, fit};
