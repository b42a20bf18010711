//! Threads that code under test started itself, of which the engine knows nothing.

#[cfg(target_os = "linux")]
use std::{fs, path::Path};

/// Returns `true` if a thread that code on this thread started may still be running.
///
/// On Linux the answer is `true` if the process has a thread that started after this one. That
/// thread may have been started elsewhere: by another world, or by the test harness. On other
/// systems, and if `/proc` cannot be read, the answer is always `true`.
pub fn may_have_started_threads() -> bool {
    has_younger_threads().unwrap_or(true)
}

/// Returns `true` if the process has a thread that started after this one; `None` if the system
/// does not tell.
#[cfg(target_os = "linux")]
fn has_younger_threads() -> Option<bool> {
    let this = started(Path::new("/proc/thread-self"))?;
    let threads = fs::read_dir("/proc/self/task").ok()?;
    // A thread that cannot be read has ended in the meantime.
    let mut starts = threads.filter_map(|thread| started(&thread.ok()?.path()));
    Some(starts.any(|other| other > this))
}

/// Returns `None`: nothing portable lists the threads of a process.
#[cfg(not(target_os = "linux"))]
fn has_younger_threads() -> Option<bool> {
    None
}

/// Returns the start time of a thread, in clock ticks since the system booted, and its id, which
/// orders threads that started in the same tick.
#[cfg(target_os = "linux")]
fn started(thread: &Path) -> Option<(u64, u64)> {
    let stat = fs::read_to_string(thread.join("stat")).ok()?;
    let id = stat.split(' ').next()?.parse().ok()?;
    // The second field is a name in parentheses, which may hold anything; the start time is the
    // twentieth field after it (`proc_pid_stat(5)`).
    let ticks = stat.rsplit_once(") ")?.1.split(' ').nth(19)?.parse().ok()?;
    Some((ticks, id))
}
