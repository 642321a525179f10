//! Items that the same users like.
//!
//! With `R` the users x items matrix of weights, `du` and `di` its row and column sums and `N = du^-1/2 R di^-1/2`, the item-item
//! matrix is `N'N`, each row pruned to its strongest entries. A weight is that of the kind times `0.5^(age / half-life)`: without the
//! decay old habits outweigh what sells now.

mod config;
mod fit;

pub use config::Config;
pub use fit::fit;
