//! How long work tells how far it is, and is told whether to go on.

use web::error::ApiError;
use web::jobs::JobControl;

/// What watches a piece of long work: a job of the server, or a command in a terminal.
pub trait Progress: Sync {
    /// Is told the share done, from 0 to 1, and a sentence about what is done.
    fn tell(&self, share: f64, doing: String);

    /// Whether the work is to end early.
    fn is_cancelled(&self) -> bool;

    /// Checks that the work may go on.
    ///
    /// # Errors
    /// Why it is to end early.
    fn check(&self) -> Result<(), ApiError>;
}

impl Progress for JobControl {
    fn tell(&self, share: f64, doing: String) {
        self.tell(share, doing);
    }

    fn is_cancelled(&self) -> bool {
        self.is_cancelled()
    }

    fn check(&self) -> Result<(), ApiError> {
        self.check()
    }
}
