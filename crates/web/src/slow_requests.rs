//! Requests that took the server long: the latest, with the pattern of their route and never with
//! an id, a key or a parameter.

use std::collections::VecDeque;
use std::time::Duration;

use axum::http::header::CONTENT_TYPE;
use axum::response::Response;
use domain::{Timestamp, WorkspaceId};
use parking_lot::Mutex;
use serde::Serialize;

/// A request that takes longer is slow. Nothing that somebody waits for on a page should.
pub const SLOW_REQUEST: Duration = Duration::from_millis(250);
/// The most slow requests that are kept; the oldest is forgotten.
pub const SLOW_REQUESTS_KEPT_MAX: usize = 512;

/// A request that took the server long.
#[derive(Debug, Clone, PartialEq, Serialize, utoipa::ToSchema)]
pub struct SlowRequest {
    /// When it was answered.
    pub at: Timestamp,
    /// The method of HTTP; `other` where it is none of the usual ones.
    pub method: &'static str,
    /// The pattern of its route, such as `/api/workspaces/{workspace}/people/{id}`.
    pub route: String,
    /// The workspace that it was for; none where that is not known.
    #[schema(value_type = Option<String>)]
    pub workspace: Option<WorkspaceId>,
    /// How long the server worked on it until it began to answer, in milliseconds. The time that
    /// its body took to arrive does not count.
    pub duration_ms: f64,
    /// The status of the answer.
    pub status: u16,
}

/// Of an answer: the workspace that the request was for, where the path does not name it.
#[derive(Debug, Clone)]
pub struct OfWorkspace(pub WorkspaceId);

/// Of an answer: the pattern of its route, where the router knows a part of it only.
#[derive(Debug, Clone)]
pub struct RoutePattern(pub String);

/// The latest slow requests of the process.
#[derive(Default)]
pub struct SlowRequests(Mutex<VecDeque<SlowRequest>>);

impl SlowRequests {
    /// The kept ones that `is_meant` takes, newest first.
    pub fn list(&self, is_meant: impl Fn(&SlowRequest) -> bool) -> Vec<SlowRequest> {
        self.0.lock().iter().rev().filter(|request| is_meant(request)).cloned().collect()
    }

    pub(crate) fn add(&self, request: SlowRequest) {
        let mut kept = self.0.lock();
        if kept.len() == SLOW_REQUESTS_KEPT_MAX {
            kept.pop_front();
        }
        kept.push_back(request);
    }
}

/// Whether an answer goes on until the caller leaves: how long that takes is the caller's matter.
pub(crate) fn is_stream(response: &Response) -> bool {
    let content_type = response.headers().get(CONTENT_TYPE);
    content_type.is_some_and(|value| value.as_bytes().starts_with(b"text/event-stream"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_are_kept_and_no_more() {
        let slow = SlowRequests::default();
        let request = |n: usize| SlowRequest {
            at: Timestamp(n as i64),
            method: "GET",
            route: "/console/{workspace}".to_owned(),
            workspace: None,
            duration_ms: 300.0,
            status: 200,
        };
        (0..2 * SLOW_REQUESTS_KEPT_MAX).for_each(|n| slow.add(request(n)));
        let kept = slow.list(|_| true);
        assert_eq!(kept.len(), SLOW_REQUESTS_KEPT_MAX);
        assert_eq!(kept[0], request(2 * SLOW_REQUESTS_KEPT_MAX - 1), "the newest first");
        assert!(slow.list(|request| request.at < Timestamp(0)).is_empty());
    }
}
