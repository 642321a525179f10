//! Limits and permissions of files: the number of descriptors, the room on file systems, and who
//! may read the files of this process.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::sync::{Arc, OnceLock};

use rustix::fs::Mode;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit, umask};
use signal_hook::consts::SIGXFSZ;

/// Descriptors kept for what every server has open: listeners, logs, the runtime, files that
/// commands read.
const KEPT: u64 = 128;
/// Descriptors kept for each workspace: segments of the journal, tables of the store.
const KEPT_PER_WORKSPACE: u64 = 128;
/// Connections get at least one of so many descriptors, however many workspaces there are.
const SHARE_OF_CONNECTIONS: u64 = 4;

/// Lets the process have as many file descriptors as the system allows it.
pub(crate) fn raise_limit() {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    if let Err(error) = setrlimit(Resource::Nofile, raised) {
        tracing::warn!(%error, "the number of file descriptors cannot be raised");
    }
}

/// How many of the descriptors connections may take.
pub(crate) fn left_for_connections(n_workspaces: usize) -> usize {
    let all = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    let kept = KEPT + KEPT_PER_WORKSPACE * n_workspaces as u64;
    all.saturating_sub(kept).max(all / SHARE_OF_CONNECTIONS).try_into().unwrap_or(usize::MAX)
}

/// Makes a write beyond the largest size of files that this process may have (`ulimit -f`) an
/// error, as it is on a full disk, where the system would end the process with a signal.
pub(crate) fn survive_size_limit() {
    signal_hook::flag::register(SIGXFSZ, Arc::default()).expect("a process may handle this signal");
}

/// The umask that the process was started with.
static MASK_OF_SHELL: OnceLock<Mode> = OnceLock::new();

/// From now on no other user may read the files of this process: they hold keys and personal data.
pub(crate) fn keep_to_ourselves() {
    MASK_OF_SHELL.get_or_init(|| umask(Mode::RWXG | Mode::RWXO));
}

/// The permissions of a file that the user asked for: those of the shell's umask.
pub(crate) fn permissions_of_output() -> Permissions {
    let mask = MASK_OF_SHELL.get().copied().unwrap_or(Mode::RWXG | Mode::RWXO);
    Permissions::from_mode((Mode::from_raw_mode(0o666) - mask).as_raw_mode())
}
