#![doc = include_str!("../README.md")]

pub mod access;
mod address;
pub mod admission;
mod app;
pub mod auth;
pub mod background;
mod browser_library;
mod connections;
pub mod error;
pub mod jobs;
pub mod json;
mod layers;
mod metrics;
pub mod oauth;
pub mod parameters;
pub mod slow_requests;
pub mod streams;
pub mod workspaces;

pub use admission::CallerLimits;
pub use app::{App, Installation, Settings};
pub use browser_library::{BrowserLibrary, BrowserLibraryError};
pub use connections::{ConnectionLimits, ConnectionUse, Connections, Listener, Tls, serve};
pub use layers::layered;
pub use metrics::install_metrics;
pub use workspaces::Workspaces;
