//! Rejected messages, with the reasons.

use domain::{MessageType, Timestamp};
use serde::Serialize;
use web::error::ApiError;
use web::workspaces::RequestedWorkspace;

use crate::live::Excerpt;

/// All-time counts by source and reason, and the latest rejections.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct Rejections {
    /// The number of all time.
    pub total: u64,
    /// By source and reason.
    pub counts: Vec<RejectionCount>,
    /// Newest first.
    pub latest: Vec<RejectedMessage>,
}

/// How often a source's messages were rejected for a reason.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct RejectionCount {
    /// The name of the source.
    pub source: String,
    /// The code of the reason.
    pub reason: &'static str,
    /// The reason in words, for pages.
    #[serde(skip)]
    pub title: &'static str,
    /// Whether the messages were applied in part, for pages.
    #[serde(skip)]
    pub is_applied: bool,
    /// The number of all time.
    pub count: u64,
}

/// A rejected message.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct RejectedMessage {
    /// The code of the reason.
    pub reason: &'static str,
    /// The reason in words.
    pub detail: String,
    /// Where in the message the mistake is, as a JSON pointer; empty for the whole of it.
    pub place: &'static str,
    /// The name of the source.
    pub source: String,
    /// The message's id, where it had a usable one.
    pub message_id: Option<String>,
    /// The message's type, where it had one.
    #[serde(rename = "type")]
    pub type_: Option<MessageType>,
    /// The time of arrival.
    pub received_at: Timestamp,
    /// The beginning of its text, without write keys.
    pub excerpt: String,
    /// The same as JSON, for pages: where it was cut, without the value that was cut.
    #[serde(skip)]
    pub json: String,
}

/// The latest rejections, at most `limit`, with the counts of all.
///
/// # Errors
/// 503 where the workspace is closed.
pub async fn read(workspace: &RequestedWorkspace, limit: usize) -> Result<Rejections, ApiError> {
    let report = workspace.ask(move |engine| Ok(engine.snapshot().rejections(limit))).await?;
    Ok(Rejections {
        total: report.counts.values().sum(),
        counts: report
            .counts
            .into_iter()
            .map(|((source, reason), count)| RejectionCount {
                source,
                reason: reason.code(),
                title: reason.title(),
                is_applied: reason.is_applied(),
                count,
            })
            .collect(),
        latest: report
            .latest
            .into_iter()
            .map(|rejection| RejectedMessage {
                place: rejection.place(),
                json: Excerpt::new(&rejection.excerpt).text,
                reason: rejection.reason.code(),
                detail: rejection.detail,
                source: rejection.source,
                message_id: rejection.message_id,
                type_: rejection.type_,
                received_at: rejection.received_at,
                excerpt: engine::redact_write_keys(&rejection.excerpt),
            })
            .collect(),
    })
}
