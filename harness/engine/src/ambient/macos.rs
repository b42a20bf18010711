//! macOS: stands in front of `CCRandomGenerateBytes`, `getentropy`, `clock_gettime` and
//! `mach_absolute_time`, and counts the waits that time out.
//!
//! Each definition looks for the state of a simulated thread. On other threads it calls the
//! system's function.
//!
//! **Untested**: this file has been compiled, but on another system, and has never run. So that it
//! compiles there, the constants and types of the system's headers are written out here.

#![allow(unsafe_code, reason = "defining and calling C functions is unsafe")]

use std::{
    ffi::{c_int, c_void},
    mem,
    sync::{Arc, OnceLock},
    time::Duration,
};

use super::{
    Ambient, Shown,
    c_library::Real,
    simulated::{self, ClockKind, Guard, from_timespec, real_reading, with_current},
};

// See `<time.h>`.
const CLOCK_REALTIME: libc::clockid_t = 0;
const CLOCK_MONOTONIC_RAW: libc::clockid_t = 4;
const CLOCK_MONOTONIC_RAW_APPROX: libc::clockid_t = 5;
const CLOCK_MONOTONIC: libc::clockid_t = 6;
const CLOCK_UPTIME_RAW: libc::clockid_t = 8;
const CLOCK_UPTIME_RAW_APPROX: libc::clockid_t = 9;

/// The most bytes that `getentropy` fills at once.
const MAX_GETENTROPY: usize = 256;

/// Makes this thread a simulated one; `stream` tells the threads of one world apart.
pub(crate) fn enter(ambient: Ambient, stream: u64, shown: Arc<Shown>) -> Guard {
    // The linker takes the definitions below into the program only if something refers to them.
    std::hint::black_box([
        CCRandomGenerateBytes as *const (),
        getentropy as *const (),
        clock_gettime as *const (),
        mach_absolute_time as *const (),
        pthread_cond_timedwait_relative_np as *const (),
        dispatch_semaphore_wait as *const (),
    ]);
    // On a simulated thread the first call would come from within a definition below.
    timebase();
    Guard::new(ambient, stream, shown)
}

/// Returns the kind of a clock; `None` for clocks that do not show time passing.
fn kind(clock: libc::clockid_t) -> Option<ClockKind> {
    match clock {
        CLOCK_REALTIME => Some(ClockKind::Calendar),
        CLOCK_MONOTONIC
        | CLOCK_MONOTONIC_RAW
        | CLOCK_MONOTONIC_RAW_APPROX
        | CLOCK_UPTIME_RAW
        | CLOCK_UPTIME_RAW_APPROX => Some(ClockKind::Monotonic),
        _ => None,
    }
}

/// See `<CommonCrypto/CommonRandom.h>`; the standard library seeds its hash maps with it.
#[allow(non_snake_case, reason = "it is the name of the system's function")]
#[unsafe(no_mangle)]
unsafe extern "C" fn CCRandomGenerateBytes(buffer: *mut c_void, length: usize) -> i32 {
    type Generate = unsafe extern "C" fn(*mut c_void, usize) -> i32;
    static REAL: Real = Real::new(c"CCRandomGenerateBytes");
    // SAFETY: the caller gives a buffer of that length.
    if with_current(|thread| unsafe { thread.fill(buffer, length) }).is_some() {
        return 0;
    }
    // SAFETY: this is the type of the system's function, and the arguments are the caller's.
    unsafe { mem::transmute::<*mut c_void, Generate>(REAL.address())(buffer, length) }
}

/// See `getentropy(2)`; the crate `getrandom` uses it.
#[unsafe(no_mangle)]
unsafe extern "C" fn getentropy(buffer: *mut c_void, length: usize) -> c_int {
    type GetEntropy = unsafe extern "C" fn(*mut c_void, usize) -> c_int;
    static REAL: Real = Real::new(c"getentropy");
    // SAFETY: the caller gives a buffer of that length.
    let draw = || with_current(|thread| unsafe { thread.draw(buffer, length) });
    if length <= MAX_GETENTROPY && draw().is_some() {
        return 0;
    }
    // SAFETY: this is the type of the system's function, and the arguments are the caller's.
    unsafe { mem::transmute::<*mut c_void, GetEntropy>(REAL.address())(buffer, length) }
}

/// See `clock_gettime(3)`; the standard library's clocks use it.
#[unsafe(no_mangle)]
unsafe extern "C" fn clock_gettime(clock: libc::clockid_t, time: *mut libc::timespec) -> c_int {
    // SAFETY: the arguments are the caller's.
    unsafe { simulated::clock_gettime(clock, kind(clock), time) }
}

/// See `<mach/mach_time.h>`; crates that read the clock without the standard library use it.
#[unsafe(no_mangle)]
extern "C" fn mach_absolute_time() -> u64 {
    type AbsoluteTime = extern "C" fn() -> u64;
    static REAL: Real = Real::new(c"mach_absolute_time");
    if let Some(reading) = with_current(|thread| thread.read(ClockKind::Monotonic)) {
        return to_ticks(reading, timebase());
    }
    // SAFETY: this is the type of the system's function.
    unsafe { mem::transmute::<*mut c_void, AbsoluteTime>(REAL.address())() }
}

/// The length of a tick of `mach_absolute_time`: `numer / denom` nanoseconds. See
/// `<mach/mach_time.h>`.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
struct Timebase {
    numer: u32,
    denom: u32,
}

unsafe extern "C" {
    fn mach_timebase_info(info: *mut Timebase) -> c_int;
}

fn timebase() -> Timebase {
    static TIMEBASE: OnceLock<Timebase> = OnceLock::new();
    *TIMEBASE.get_or_init(|| {
        let mut timebase = Timebase { numer: 1, denom: 1 };
        // SAFETY: the place to write to is a local variable.
        unsafe { mach_timebase_info(&raw mut timebase) };
        timebase
    })
}

fn to_ticks(time: Duration, timebase: Timebase) -> u64 {
    let ticks = time.as_nanos() * u128::from(timebase.denom) / u128::from(timebase.numer.max(1));
    u64::try_from(ticks).unwrap_or(u64::MAX)
}

/// See `<pthread.h>`; `Condvar::wait_timeout` uses it. The time that it waits for is relative, so
/// only the wait has to be counted.
#[unsafe(no_mangle)]
unsafe extern "C" fn pthread_cond_timedwait_relative_np(
    condition: *mut libc::pthread_cond_t,
    mutex: *mut libc::pthread_mutex_t,
    timeout: *const libc::timespec,
) -> c_int {
    type TimedWait = unsafe extern "C" fn(
        *mut libc::pthread_cond_t,
        *mut libc::pthread_mutex_t,
        *const libc::timespec,
    ) -> c_int;
    static REAL: Real = Real::new(c"pthread_cond_timedwait_relative_np");
    // SAFETY: this is the type of the system's function.
    let real = unsafe { mem::transmute::<*mut c_void, TimedWait>(REAL.address()) };
    // SAFETY: the arguments are the caller's.
    let result = unsafe { real(condition, mutex, timeout) };
    if result == libc::ETIMEDOUT && !timeout.is_null() {
        // SAFETY: the caller gives a valid time.
        let wait = from_timespec(unsafe { timeout.read() });
        with_current(|thread| thread.add_wait(wait));
    }
    result
}

/// See `<dispatch/semaphore.h>`; `thread::park_timeout`, and so channels, use it. Its deadline is
/// on the machine's clock: libdispatch computes it, and does not call the definitions above. So
/// only the wait has to be counted, as long as it took.
#[unsafe(no_mangle)]
unsafe extern "C" fn dispatch_semaphore_wait(semaphore: *mut c_void, timeout: u64) -> isize {
    type Wait = unsafe extern "C" fn(*mut c_void, u64) -> isize;
    static REAL: Real = Real::new(c"dispatch_semaphore_wait");
    // SAFETY: this is the type of the system's function.
    let real = unsafe { mem::transmute::<*mut c_void, Wait>(REAL.address()) };
    let began = real_reading(CLOCK_UPTIME_RAW);
    // SAFETY: the arguments are the caller's.
    let result = unsafe { real(semaphore, timeout) };
    if result != 0 {
        let wait = real_reading(CLOCK_UPTIME_RAW).saturating_sub(began);
        with_current(|thread| thread.add_wait(wait));
    }
    result
}
