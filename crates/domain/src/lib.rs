#![doc = include_str!("../README.md")]

pub mod day;
pub mod endpoint;
pub mod id;
pub mod interaction;
pub mod json;
pub mod list;
pub mod message;
pub mod property;
pub mod quantity;
pub mod role;
pub mod scenario;
pub mod timestamp;
pub mod weak_signal;
pub mod workspace;

pub use day::Day;
pub use endpoint::{Endpoint, Entries, Target};
pub use id::{ItemIdx, UserIdx, WorkspaceId, WorkspaceIdError};
pub use interaction::{Interaction, InteractionKind, InteractionSelector};
pub use list::{
    AssetType, Exclusion, ExpressionRole, Fallback, InteractionWeights, ListCaller, ListRequest,
    ListSettings, Logic, Relevance,
};
pub use message::{
    Arrival, Envelope, Message, MessageType, Rejection, RejectionReason, check_message,
};
pub use property::{Column, PropertyType, PropertyValue};
pub use quantity::{counted, grouped};
pub use role::{Grant, Right, Role};
pub use scenario::{Group, Scenario};
pub use timestamp::Timestamp;
pub use weak_signal::{WeakSignalKind, WeakSignalWeights};
pub use workspace::{
    Destination, ENGINE_DESTINATION, EarlierKey, OAuth, OAuthKey, PRESETS_LATEST, Source,
    TOKEN_LIFETIME_S_DEFAULT, Token, TokenKind, TraitDefinition, TraitKind, WorkspaceConfig,
    WorkspaceConfigError, WorkspaceSettings,
};
