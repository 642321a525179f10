//! Commands that change what a workspace holds.

use engine::{Command, Entry, Outcome};
use web::error::ApiError;
use web::workspaces::RequestedWorkspace;

/// Submits a command; it is durable and applied when this returns.
///
/// # Errors
/// If it is refused, the workspace is closed, or the journal does not take it.
pub(crate) async fn submit(
    workspace: &RequestedWorkspace,
    command: Command,
) -> Result<(), ApiError> {
    let handle = workspace.handle();
    let entry = Entry::Command { received_at: handle.now()?, command: Box::new(command) };
    for outcome in handle.submit::<ApiError>(vec![entry]).await? {
        if let Outcome::Refused(refusal) = outcome {
            return Err(refusal.into());
        }
    }
    Ok(())
}
