//! Each item as a weighted sum of the others in a person's set.
//!
//! EASE (Steck, WWW'19): with G the weighted gram and P = (G + lambda I)^-1, item i speaks for item j with `-P_ij / P_jj`. Dense, over
//! the items with the most interactions. Where there are too many items for that, each item j is explained by its nearest ones S alone:
//! `(G_SS + lambda I)^-1 G_Sj` (fsSLIM, Ning and Karypis, ICDM'11, in closed form).

mod config;
mod fit;
pub mod nearest;

pub use config::{Config, ITEMS_MAX, NEAREST};
pub(crate) use fit::{dense_of, penalised_inverse};
pub use fit::{fit, gram, solve};
