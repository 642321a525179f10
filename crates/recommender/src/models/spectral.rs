//! Tastes shared by many users, as directions of a truncated decomposition.
//!
//! Let R be the weighted matrix users x items, `N = D_u^-1/2 R D_i^-1/2`, and V (items x rank) and
//! s the largest right singular vectors and values of N. Entry (i, j) is `(d_i^-1/2 V_i) s^filter
//! (d_j^1/2 V_j)'`: a smooth low-pass graph filter. With filter 0 it is the ideal filter of GF-CF
//! (Shen et al., CIKM'21).

mod config;
mod fit;

pub use config::Config;
pub use fit::{Decomposition, apply_filter, fit};
