//! The items that a user viewed, latest first: `score = fading^n`, where n is the number of other
//! items viewed since.

mod config;
mod fit;

pub use config::Config;
pub use fit::{RecentlyViewed, fit};
