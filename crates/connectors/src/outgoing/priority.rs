//! The priority of threads that send.

/// How much nicer than others a thread is that sends: a thread of a caller gets nine times its
/// share of a processor that both want. With none at all, requests under way would run into their
/// deadlines as long as callers take everything.
#[cfg(target_os = "linux")]
const NICENESS: i32 = 10;

/// Lets the calling thread stand back behind those that callers wait for. On Linux alone, where it
/// takes the thread and not the process.
pub fn stand_back() {
    // Being nicer is always allowed.
    #[cfg(target_os = "linux")]
    rustix::process::nice(NICENESS).ok();
}
