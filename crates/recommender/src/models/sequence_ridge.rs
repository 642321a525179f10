//! The next items as a weighted sum of the recent ones.
//!
//! At every position of a user's sequence let x be the items before it, decayed by `past` a step,
//! and y the items after it, decayed by `future` a step. With sums over all positions of all users,
//! each user weighted n^-u for a history of length n: `G = sum x x'`, `C = sum x y'` (both items x
//! items), and the matrix is `B = (G + lambda I)^-1 C`. After SLIST (Choi et al., WWW'21). Both
//! sums are sums over pairs by distance: a pair at distance t adds `past^t / (1 - past^2)` to G and
//! `sum_k past^(t-k) future^(k-1)` to C.

mod config;
mod fit;

pub use config::Config;
pub use fit::{Sums, fit, solve};
