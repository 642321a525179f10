//! Items that follow each other in users' sequences.
//!
//! Each pair of a user's interactions, an earlier one with item i and a later one with item j at
//! most `steps` apart, adds `discount^(distance - 1) / log2(2 + n)` to C_ij and `backward` times
//! that to C_ji, where n is the length of the user's history. Entry (i, j) of the matrix is `C_ij /
//! ((p_i + s)^a (p_j + s)^b)`, where p are the items' decayed interaction weights. Directed
//! co-occurrence with a distance discount, after sequential rules (Kamehkhosh et al., 2017; Ludewig
//! and Jannach, 2018).

mod config;
mod fit;

pub use config::Config;
pub use fit::{compute_sums, fit, normalise};
