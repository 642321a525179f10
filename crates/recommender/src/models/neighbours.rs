//! Items chosen by the same users.
//!
//! Entry (i, j) is `C_ij / ((d_i + s)^a (d_j + s)^b)` with `C_ij = sum_u w_ui w_uj / d_u`, where
//! w_ui are decayed interaction weights, d their sums by user or item, and s the smoothing. The
//! neighbour model of Sarwar et al. (WWW'01) in the normalization of linear graph filters (Shen et
//! al., CIKM'21), with two exponents in place of one 1/2.

mod config;
mod fit;

pub use config::Config;
pub use fit::{compute_sums, fit, normalise};
