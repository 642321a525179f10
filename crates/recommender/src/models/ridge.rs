//! Each item as a weighted sum of the others in a person's set.
//!
//! EASE (Steck, WWW'19): with G the weighted gram and P = (G + lambda I)^-1, item i speaks for item j with `-P_ij / P_jj`. Dense, over
//! the items with the most interactions.

mod config;
mod fit;

pub use config::{Config, ITEMS_MAX};
pub(crate) use fit::{dense_of, penalised_inverse};
pub use fit::{fit, gram, solve};
