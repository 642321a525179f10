//! The next items as a weighted sum of the recent ones.
//!
//! At every place of a user's sequence let x be the history before it, decayed by `past` a step, and y what follows, decayed by `future` a step.
//! With sums over all places of all users, each weighted n^-u, `G = sum x x'` and `C = sum x y'`: B = (G + lambda I)^-1 C. The idea of SLIST
//! (Choi et al., WWW'21). Both sums are sums over pairs by distance: a pair at distance t adds `past^t / (1 - past^2)` to G and
//! `sum_k past^(t-k) future^(k-1)` to C.

mod config;
mod fit;

pub use config::Config;
pub use fit::{Sums, fit, solve};
