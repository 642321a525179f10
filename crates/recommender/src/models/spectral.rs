//! Tastes that many people share, as directions.
//!
//! With N = D_u^-1/2 R D_i^-1/2 of the weighted users x items matrix R, and V and s its largest right singular vectors and values, item i
//! speaks for item j with `(d_i^-1/2 V_i) s^filter (d_j^1/2 V_j)'`: a smooth low-pass graph filter. With filter 0 it is the ideal filter of
//! GF-CF (Shen et al., CIKM'21).

mod config;
mod fit;

pub use config::Config;
pub use fit::{Decomposition, filter, fit};
