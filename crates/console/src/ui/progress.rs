//! How far a job has come.

use maud::{Markup, Render, html};

use super::{Badge, Tone, Unit};

/// What became of a job so far.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum ProgressState {
    /// Under way; the share from 0 to 1 where it is known.
    Running(Option<f64>),
    /// Ended as wanted.
    Done,
    /// Ended with an error.
    Failed,
    /// Ended because somebody asked for it.
    Cancelled,
}

/// The progress of a job such as training, an import or an export.
pub struct Progress<'a> {
    /// The job: "Training run 41".
    pub label: &'a str,
    /// How far it is.
    pub state: ProgressState,
    /// What happens now, or what came of it: "judging 3 of 8 candidates, about 2 minutes left".
    pub detail: &'a str,
    /// Buttons, such as "Cancel".
    pub actions: Option<Markup>,
}

impl Render for Progress<'_> {
    fn render(&self) -> Markup {
        let (tone, word) = match self.state {
            ProgressState::Running(_) => (Tone::Accent, "running"),
            ProgressState::Done => (Tone::Good, "done"),
            ProgressState::Failed => (Tone::Bad, "failed"),
            ProgressState::Cancelled => (Tone::Neutral, "cancelled"),
        };
        html! {
            div class="progress" {
                div class="progress-head" {
                    span class="progress-label" { (self.label) }
                    (Badge::of(tone, word))
                    @if let ProgressState::Running(Some(share)) = self.state {
                        span class="progress-share" { (Unit::RoundShare.text(share)) }
                    }
                    @if let Some(actions) = &self.actions { div class="actions" { (actions) } }
                }
                @match self.state {
                    ProgressState::Running(Some(share)) =>
                        progress max="1" value=(format!("{:.3}", share.clamp(0.0, 1.0)))
                            aria-label=(self.label) {},
                    ProgressState::Running(None) => progress aria-label=(self.label) {},
                    _ => {}
                }
                p class="progress-detail" { (self.detail) }
            }
        }
    }
}
