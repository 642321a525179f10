//! Items that the same people choose.
//!
//! From sums over users `C_ij = sum_u w_ui w_uj / d_u`, item i speaks for item j with `C_ij / ((d_i + s)^a (d_j + s)^b)`: the neighbour model
//! of Sarwar et al. (WWW'01) in the normalisation of linear graph filters (Shen et al., CIKM'21), with two exponents in place of one 1/2.
//!
mod config;
mod fit;

pub use config::Config;
pub use fit::{fit, normalise, sums};
