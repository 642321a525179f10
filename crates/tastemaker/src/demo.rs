//! The parts of the demo: a catalog of real albums and listeners who are made up.

pub(crate) mod albums;
pub(crate) mod listeners;
