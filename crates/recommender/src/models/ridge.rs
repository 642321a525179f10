//! Each item as a weighted sum of the other items of a user.
//!
//! EASE (Steck, WWW'19): entry (i, j) is `-P_ij / P_jj` with `P = (G + lambda I)^-1` and the
//! weighted Gram matrix `G = R'R` (items x items). It is dense, over the items with the most
//! interactions. Where there are too many items, each item j is regressed on its nearest items S
//! only: `(G_SS + lambda I)^-1 G_Sj` (fsSLIM, Ning and Karypis, ICDM'11, in closed form).

mod config;
mod fit;
pub mod nearest;

pub use config::{Config, ITEMS_MAX, NEAREST};
pub use fit::{compute_gram, fit, solve};
pub(crate) use fit::{invert_penalised, to_dense};
