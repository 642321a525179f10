#![doc = include_str!("../README.md")]

mod accumulator;
mod csr;
mod dense;
mod gram;
mod kernels;
mod svd;
mod top_k;

pub use accumulator::Accumulator;
pub use csr::Csr;
pub use dense::{Dense, NotPositiveDefinite};
pub use gram::add_gram_row;
pub use kernels::{add_scaled, count_at_least, dot_weighted};
pub use svd::{TruncatedSvd, truncated_svd};
pub use top_k::{TopK, retain_top_k, top_k};
