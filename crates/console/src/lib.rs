#![doc = include_str!("../README.md")]

pub mod assets;
pub mod headers;
pub mod page;
pub mod theme;
pub mod ui;

/// The path below which everything is served. A workspace has its pages below its id.
pub const ROOT: &str = "/console";

/// The path below which everything is served that belongs to no workspace: signing in, assets. No
/// id of a workspace begins with a hyphen.
pub const COMMON: &str = "/console/-";
