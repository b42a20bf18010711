//! Linux with glibc: stands in front of `getrandom`, `clock_gettime` and `syscall`.
//!
//! Each definition looks for the state of a simulated thread. On other threads it calls the C
//! library's function.

#![allow(unsafe_code, reason = "defining and calling C functions is unsafe")]

use std::{
    ffi::{c_int, c_long, c_uint, c_void},
    mem, ptr,
    sync::Arc,
    time::Duration,
};

use super::{
    Ambient, Shown,
    c_library::Real,
    simulated::{
        self, ClockKind, Guard, Thread, from_timespec, real_reading, to_timespec, with_current,
    },
};

/// Makes this thread a simulated one; `stream` tells the threads of one world apart.
pub(crate) fn enter(ambient: Ambient, stream: u64, shown: Arc<Shown>) -> Guard {
    // The linker takes the definitions below into the program only if something refers to them.
    std::hint::black_box([
        getrandom as *const (),
        clock_gettime as *const (),
        KEEP_SYSCALL,
    ]);
    Guard::new(ambient, stream, shown)
}

/// Returns the kind of a clock; `None` for clocks that do not show time passing.
fn kind(clock: libc::clockid_t) -> Option<ClockKind> {
    match clock {
        libc::CLOCK_REALTIME | libc::CLOCK_REALTIME_COARSE => Some(ClockKind::Calendar),
        libc::CLOCK_MONOTONIC
        | libc::CLOCK_MONOTONIC_RAW
        | libc::CLOCK_MONOTONIC_COARSE
        | libc::CLOCK_BOOTTIME => Some(ClockKind::Monotonic),
        _ => None,
    }
}

/// See `getrandom(2)`.
#[unsafe(no_mangle)]
unsafe extern "C" fn getrandom(buffer: *mut c_void, length: usize, flags: c_uint) -> isize {
    type GetRandom = unsafe extern "C" fn(*mut c_void, usize, c_uint) -> isize;
    static REAL: Real = Real::new(c"getrandom");
    // SAFETY: the caller gives a buffer of that length.
    if let Some(filled) = with_current(|thread| unsafe { fill(thread, buffer, length, flags) }) {
        return filled;
    }
    // SAFETY: this is the type of the C library's function, and the arguments are the caller's.
    unsafe { mem::transmute::<*mut c_void, GetRandom>(REAL.address())(buffer, length, flags) }
}

/// Fills a buffer with entropy and returns its length, as `getrandom` does.
///
/// The standard library asks for the seeds of hashers with `GRND_INSECURE`, and nobody else is
/// known to use that flag.
///
/// # Safety
///
/// The buffer must be valid for writing `length` bytes, unless that is 0.
unsafe fn fill(thread: &Thread, buffer: *mut c_void, length: usize, flags: c_uint) -> isize {
    // SAFETY: as this function demands.
    unsafe {
        if flags & libc::GRND_INSECURE == 0 {
            thread.draw(buffer, length);
        } else {
            thread.fill(buffer, length);
        }
    }
    isize::try_from(length).unwrap_or(isize::MAX)
}

/// See `clock_gettime(2)`.
#[unsafe(no_mangle)]
unsafe extern "C" fn clock_gettime(clock: libc::clockid_t, time: *mut libc::timespec) -> c_int {
    // SAFETY: the arguments are the caller's.
    unsafe { simulated::clock_gettime(clock, kind(clock), time) }
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
const KEEP_SYSCALL: *const () = ptr::null();

#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
const KEEP_SYSCALL: *const () = raw::syscall as *const ();

/// `syscall`, which `getrandom` 0.2 and the standard library's waits use.
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
mod raw {
    use super::*;

    type Syscall = unsafe extern "C" fn(c_long, usize, usize, usize, usize, usize, usize) -> c_long;

    /// See `syscall(2)`.
    ///
    /// The C function is variadic. On the architectures above, variadic integers lie where the
    /// parameters of this function do, and parameters that were not passed are never looked at.
    #[unsafe(no_mangle)]
    pub(super) unsafe extern "C" fn syscall(
        number: c_long,
        first: usize,
        second: usize,
        third: usize,
        fourth: usize,
        fifth: usize,
        sixth: usize,
    ) -> c_long {
        static REAL: Real = Real::new(c"syscall");
        // SAFETY: this is how the C library's function takes its arguments.
        let real = unsafe { mem::transmute::<*mut c_void, Syscall>(REAL.address()) };
        let simulated = with_current(|thread| match number {
            libc::SYS_getrandom => {
                let buffer = ptr::with_exposed_provenance_mut(first);
                // The flags are an `int`: the upper bits of the register have no meaning.
                let flags = c_uint::try_from(third & 0xffff_ffff).unwrap_or(0);
                // SAFETY: the caller gives a buffer (the first) of that length (the second).
                c_long::try_from(unsafe { fill(thread, buffer, second, flags) }).ok()
            }
            libc::SYS_futex => {
                let deadline = ptr::with_exposed_provenance::<libc::timespec>(fourth);
                // SAFETY: for the operation that `real_deadline` asks for, the fourth argument is
                // null or a time.
                let (mut deadline, wait) = unsafe { real_deadline(thread, second, deadline) }?;
                let deadline = (&raw mut deadline).expose_provenance();
                // SAFETY: the arguments are the caller's, except for the deadline, which lives
                // until the call returns.
                let result = unsafe { real(number, first, second, third, deadline, fifth, sixth) };
                // SAFETY: the place of `errno` is always valid.
                if result == -1 && unsafe { *libc::__errno_location() } == libc::ETIMEDOUT {
                    thread.add_wait(wait);
                }
                Some(result)
            }
            _ => None,
        });
        // SAFETY: the arguments are the caller's.
        simulated
            .flatten()
            .unwrap_or_else(|| unsafe { real(number, first, second, third, fourth, fifth, sixth) })
    }

    /// Returns the deadline on the real clock of a wait with a deadline on the virtual one, and the
    /// length of the wait; `None` for other operations.
    ///
    /// The standard library computes the deadline of a wait from `clock_gettime`. The kernel knows
    /// nothing of virtual time, and would wait for days, or not at all.
    ///
    /// # Safety
    ///
    /// If the operation is `FUTEX_WAIT_BITSET`, `deadline` must be null or point to a time.
    unsafe fn real_deadline(
        thread: &Thread,
        operation: usize,
        deadline: *const libc::timespec,
    ) -> Option<(libc::timespec, Duration)> {
        // The operation is an `int`: the upper bits of the register have no meaning.
        let operation = c_int::try_from(operation & 0x7fff_ffff).ok()?;
        let command = operation & !(libc::FUTEX_PRIVATE_FLAG | libc::FUTEX_CLOCK_REALTIME);
        if command != libc::FUTEX_WAIT_BITSET || deadline.is_null() {
            return None;
        }
        let clock = match operation & libc::FUTEX_CLOCK_REALTIME {
            0 => libc::CLOCK_MONOTONIC,
            _ => libc::CLOCK_REALTIME,
        };
        // SAFETY: as this function demands.
        let deadline = from_timespec(unsafe { deadline.read() });
        let wait = deadline.saturating_sub(thread.reading(kind(clock)?));
        Some((to_timespec(real_reading(clock).saturating_add(wait)), wait))
    }
}
