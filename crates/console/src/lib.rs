#![doc = include_str!("../README.md")]

pub mod assets;
pub mod headers;
pub mod page;
pub mod theme;
pub mod ui;

/// The path below which all pages and assets are served.
pub const ROOT: &str = "/console";
