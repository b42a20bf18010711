//! Stands in front of the C library's `getrandom`, `clock_gettime` and `syscall`, for simulated
//! threads only.
//!
//! Each definition looks for the state of a simulated thread; without one it calls the C library's.

#![allow(unsafe_code, reason = "defining and calling C functions is unsafe")]

use std::cell::{Cell, RefCell};
use std::ffi::{c_int, c_long, c_uint, c_void};
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;
use std::{mem, ptr, slice};

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};

use super::{Ambient, Shown};
use crate::c_library::Real;
use crate::clock::START_MS;

/// What `CLOCK_MONOTONIC` shows at the start of a run: enough for code that subtracts from it.
const MONOTONIC_START: Duration = Duration::from_hours(24 * 365);

thread_local! {
    /// Null on every thread that is not simulated. Needs no destructor, so it is there for as long
    /// as the thread.
    static CURRENT: Cell<*const Thread> = const { Cell::new(ptr::null()) };
}

/// What one simulated thread is told.
#[derive(Debug)]
struct Thread {
    entropy: RefCell<ChaCha8Rng>,
    shown: Arc<Shown>,
    clock_offset_ms: i64,
    /// Real time that this thread spent in waits that ran out.
    waited: Cell<Duration>,
}

/// Makes the thread a simulated one until it is dropped.
#[derive(Debug)]
pub(crate) struct Guard {
    thread: Box<Thread>,
    /// It belongs to the thread that made it.
    not_send: PhantomData<*const ()>,
}

impl Guard {
    /// Begins; `stream` tells the threads of one run apart.
    pub(crate) fn enter(ambient: Ambient, stream: u64, shown: Arc<Shown>) -> Self {
        // The linker takes the definitions below into the program only if something refers to them.
        std::hint::black_box([
            getrandom as *const (),
            clock_gettime as *const (),
            KEEP_SYSCALL,
        ]);
        let mut key = *b"--------durasim: ambient entropy";
        key[..8].copy_from_slice(&ambient.seed.to_le_bytes());
        let mut entropy = ChaCha8Rng::from_seed(key);
        entropy.set_stream(stream);
        let thread = Box::new(Thread {
            entropy: RefCell::new(entropy),
            shown,
            clock_offset_ms: ambient.clock_offset_ms,
            waited: Cell::new(Duration::ZERO),
        });
        CURRENT.set(&raw const *thread);
        Self {
            thread,
            not_send: PhantomData,
        }
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        debug_assert!(
            ptr::eq(CURRENT.get(), &raw const *self.thread),
            "guards end in the order they began"
        );
        CURRENT.set(ptr::null());
    }
}

/// Runs `real` with the thread's view of the machine restored.
pub(crate) fn suspended<T>(real: impl FnOnce() -> T) -> T {
    struct Restore(*const Thread);
    impl Drop for Restore {
        fn drop(&mut self) {
            CURRENT.set(self.0);
        }
    }
    let _restore = Restore(CURRENT.replace(ptr::null()));
    real()
}

/// Runs `simulated` with the state of this thread, if it is a simulated one.
fn with_current<T>(simulated: impl FnOnce(&Thread) -> T) -> Option<T> {
    let current = CURRENT.get();
    // SAFETY: a pointer that is not null was set by a `Guard` of this thread, which is not `Send`,
    // owns what it points to, and sets it back to null before that is dropped.
    unsafe { current.as_ref() }.map(simulated)
}

impl Thread {
    fn fill(&self, bytes: &mut [u8]) {
        self.entropy.borrow_mut().fill_bytes(bytes);
    }

    fn monotonic(&self) -> Duration {
        MONOTONIC_START
            .saturating_add(self.shown.get())
            .saturating_add(self.waited.get())
    }

    fn calendar(&self) -> Duration {
        let start_ms = START_MS.saturating_add_signed(self.clock_offset_ms);
        Duration::from_millis(start_ms).saturating_add(self.shown.get())
    }

    /// What a clock shows; `None` for clocks that count something else than time passing.
    fn reading(&self, clock: libc::clockid_t) -> Option<Duration> {
        match clock {
            libc::CLOCK_REALTIME | libc::CLOCK_REALTIME_COARSE => Some(self.calendar()),
            libc::CLOCK_MONOTONIC
            | libc::CLOCK_MONOTONIC_RAW
            | libc::CLOCK_MONOTONIC_COARSE
            | libc::CLOCK_BOOTTIME => Some(self.monotonic()),
            _ => None,
        }
    }
}

type GetRandom = unsafe extern "C" fn(*mut c_void, usize, c_uint) -> isize;
type ClockGetTime = unsafe extern "C" fn(libc::clockid_t, *mut libc::timespec) -> c_int;

/// See `getrandom(2)`.
#[unsafe(no_mangle)]
unsafe extern "C" fn getrandom(buffer: *mut c_void, length: usize, flags: c_uint) -> isize {
    static REAL: Real = Real::new(c"getrandom");
    // SAFETY: the caller gives a buffer of that length.
    if let Some(filled) = with_current(|thread| unsafe { fill(thread, buffer, length) }) {
        return filled;
    }
    // SAFETY: this is the type of the C library's function, and the arguments are the caller's.
    unsafe { mem::transmute::<*mut c_void, GetRandom>(REAL.address())(buffer, length, flags) }
}

/// # Safety
///
/// The buffer must be valid for writing `length` bytes, unless that is 0.
unsafe fn fill(thread: &Thread, buffer: *mut c_void, length: usize) -> isize {
    if length > 0 {
        // SAFETY: as this function demands; what was there is overwritten, never read.
        let bytes = unsafe {
            ptr::write_bytes(buffer.cast::<u8>(), 0, length);
            slice::from_raw_parts_mut(buffer.cast::<u8>(), length)
        };
        thread.fill(bytes);
    }
    isize::try_from(length).unwrap_or(isize::MAX)
}

/// See `clock_gettime(2)`.
#[unsafe(no_mangle)]
unsafe extern "C" fn clock_gettime(clock: libc::clockid_t, time: *mut libc::timespec) -> c_int {
    if let Some(reading) = with_current(|thread| thread.reading(clock)).flatten()
        && !time.is_null()
    {
        // SAFETY: the caller gives a place to write to.
        unsafe { time.write(to_timespec(reading)) };
        return 0;
    }
    // SAFETY: the arguments are the caller's.
    unsafe { real_clock_gettime(clock, time) }
}

unsafe fn real_clock_gettime(clock: libc::clockid_t, time: *mut libc::timespec) -> c_int {
    static REAL: Real = Real::new(c"clock_gettime");
    // SAFETY: this is the type of the C library's function, and the arguments are the caller's.
    unsafe { mem::transmute::<*mut c_void, ClockGetTime>(REAL.address())(clock, time) }
}

fn to_timespec(time: Duration) -> libc::timespec {
    libc::timespec {
        tv_sec: libc::time_t::try_from(time.as_secs()).unwrap_or(libc::time_t::MAX),
        tv_nsec: c_long::from(time.subsec_nanos().cast_signed()),
    }
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

    /// See `syscall(2)`. It is variadic in C; on the architectures above, integers that are passed
    /// so lie where the parameters of this function do, and those that were not passed are never
    /// looked at.
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
                // SAFETY: the caller gives a buffer (the first) of that length (the second).
                c_long::try_from(unsafe { fill(thread, buffer, second) }).ok()
            }
            libc::SYS_futex => {
                let deadline = ptr::with_exposed_provenance::<libc::timespec>(fourth);
                // SAFETY: for the operation that `real_deadline` asks for, the fourth argument is
                // null or a time.
                let (mut deadline, wait) = unsafe { real_deadline(thread, second, deadline) }?;
                let deadline = (&raw mut deadline).expose_provenance();
                // SAFETY: the arguments are the caller's, but for the deadline, which lives until
                // the call returns.
                let result = unsafe { real(number, first, second, third, deadline, fifth, sixth) };
                // SAFETY: the place of `errno` is always valid.
                if result == -1 && unsafe { *libc::__errno_location() } == libc::ETIMEDOUT {
                    thread.waited.set(thread.waited.get().saturating_add(wait));
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

    /// The moment on the real clock at which a wait ends that was asked for on the virtual one, and
    /// how long it is.
    ///
    /// The standard library waits until a moment that it computes from `clock_gettime`; the kernel
    /// knows nothing of virtual time, and would wait for days, or not at all.
    ///
    /// # Safety
    ///
    /// If the operation is `FUTEX_WAIT_BITSET`, `deadline` must be null or point to a time.
    unsafe fn real_deadline(
        thread: &Thread,
        operation: usize,
        deadline: *const libc::timespec,
    ) -> Option<(libc::timespec, Duration)> {
        // The operation is an `int`: what is above its bits in the register means nothing.
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
        let wait = deadline.saturating_sub(thread.reading(clock)?);
        let mut now = libc::timespec {
            tv_sec: 0,
            tv_nsec: 0,
        };
        // SAFETY: the place to write to is ours.
        unsafe { real_clock_gettime(clock, &raw mut now) };
        Some((to_timespec(from_timespec(now).saturating_add(wait)), wait))
    }

    fn from_timespec(time: libc::timespec) -> Duration {
        Duration::new(time.tv_sec.max(0).cast_unsigned(), 0)
            .saturating_add(Duration::from_nanos(time.tv_nsec.max(0).cast_unsigned()))
    }
}
