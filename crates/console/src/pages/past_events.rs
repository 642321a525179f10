//! How far the past events are read that an audience or a computed trait asks for.

use std::time::Duration;

use domain::quantity::grouped;
use maud::{Markup, Render};
use resources::audiences::HistoryRead;

use crate::ui::{Progress, ProgressState};

/// How often it is told how far the reading is.
pub(super) const LIVE_INTERVAL: Duration = Duration::from_secs(1);

/// How far the reading is. `meanwhile` says what becomes of those who are not read yet.
pub(super) fn progress(history: HistoryRead, meanwhile: &str) -> Markup {
    let HistoryRead { people, read } = history;
    let detail = format!("{} of {} people. {meanwhile}", grouped(read), grouped(people));
    let share = (people > 0).then(|| read as f64 / people as f64);
    let state = ProgressState::Running(share);
    Progress { label: "Past events are being read", state, detail: &detail, actions: None }.render()
}
