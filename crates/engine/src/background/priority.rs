//! The priority of threads.

/// Makes the calling thread run only while no other thread wants the processor.
#[cfg(target_os = "linux")]
pub(crate) fn run_when_idle() -> Result<(), thread_priority::Error> {
    use thread_priority::{NormalThreadSchedulePolicy, ThreadPriority, ThreadSchedulePolicy};
    thread_priority::set_thread_priority_and_policy(
        thread_priority::thread_native_id(),
        ThreadPriority::Min,
        ThreadSchedulePolicy::Normal(NormalThreadSchedulePolicy::Idle),
    )
}

/// Gives the calling thread the lowest priority.
#[cfg(not(target_os = "linux"))]
pub(crate) fn run_when_idle() -> Result<(), thread_priority::Error> {
    thread_priority::ThreadPriority::Min.set_for_current()
}
