//! Checking the journal of an open workspace: every segment is read from time to time, so that
//! damage is found while there still is a backup of it.

use std::ops::ControlFlow;

use journal::JournalCheck;

use crate::error::describe_error;
use crate::{CheckProgress, Engine, Finding};

impl Engine {
    /// Reads the whole journal once and checks every checksum, while the workspace is in use.
    /// `pace` gets the bytes just read; it may wait, so that the check does not occupy the disk,
    /// and may stop the check. Damage stays in [`Engine::findings`] until a later check has read
    /// the whole journal.
    pub fn check_journal(&self, pace: &mut dyn FnMut(u64) -> ControlFlow<()>) -> JournalCheck {
        let workspace = self.id().to_string();
        let progress = metrics::gauge!("journal_check_progress", "workspace" => workspace.clone());
        let checked =
            metrics::counter!("journal_checked_bytes_total", "workspace" => workspace.clone());
        progress.set(0.0);
        let started_at = self.now();
        let note = |share, ended_at, is_complete| {
            let progress = CheckProgress { started_at, share, ended_at, is_complete };
            *self.journal_check.lock() = Some(progress);
        };
        note(0.0, None, false);
        let mut share = 0.0;
        let mut n_read = 0;
        let check = self.shared.journal.check(&mut |bytes, total_bytes| {
            n_read += bytes;
            checked.increment(bytes);
            share = n_read as f64 / total_bytes.max(1) as f64;
            progress.set(share);
            note(share, None, false);
            pace(bytes)
        });
        let share = if check.is_complete { 1.0 } else { share };
        note(share, Some(self.now()), check.is_complete);
        let damaged = check.damaged.iter();
        let mut found: Vec<Finding> =
            damaged.map(|error| Finding::Journal { text: describe_error(error) }).collect();
        if check.is_complete {
            match self.snapshots.check() {
                Ok(damaged) => found.extend(damaged),
                Err(error) => tracing::warn!(%error, "snapshots of the state cannot be checked"),
            }
        }
        for finding in &found {
            tracing::error!(workspace, %finding, "the stored data is damaged");
        }
        let mut findings = self.findings.lock();
        if check.is_complete {
            progress.set(1.0);
            findings.retain(|finding| {
                !matches!(finding, Finding::Journal { .. } | Finding::Snapshot { .. })
            });
        }
        for finding in found {
            if !findings.contains(&finding) {
                findings.push(finding);
            }
        }
        let n_damaged =
            findings.iter().filter(|finding| matches!(finding, Finding::Journal { .. })).count();
        metrics::gauge!("journal_damaged_segments", "workspace" => workspace).set(n_damaged as f64);
        check
    }

    /// The check of the journal that is under way, or the last one since the workspace was opened.
    pub fn journal_check(&self) -> Option<CheckProgress> {
        *self.journal_check.lock()
    }

    /// The damage that checks have found in the stored data.
    pub fn findings(&self) -> Vec<Finding> {
        self.findings.lock().clone()
    }
}
