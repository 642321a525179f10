#![doc = include_str!("../README.md")]

mod accumulator;
mod csr;
mod gram;
mod top_k;

pub use accumulator::Accumulator;
pub use csr::Csr;
pub use gram::gram_top_k;
pub use top_k::top_k;
