//! The state of a simulated thread, shared by all systems on which clocks and entropy are
//! simulated.

#![allow(
    unsafe_code,
    reason = "C functions are unsafe, as is a pointer to the state of a thread"
)]

use std::{
    backtrace::Backtrace,
    cell::{Cell, RefCell},
    ffi::{c_int, c_long, c_void},
    marker::PhantomData,
    mem, ptr, slice,
    sync::Arc,
    time::Duration,
};

use rand_chacha::{
    ChaCha8Rng,
    rand_core::{RngCore, SeedableRng},
};

use super::{Ambient, Looks, Shown, c_library::Real};
use crate::time::START_MS;

/// The reading of monotonic clocks at the start of a world: enough for code that subtracts from it.
const MONOTONIC_START: Duration = Duration::from_hours(24 * 365);

thread_local! {
    /// The state of this thread; null if it is not simulated. The cell needs no destructor, so it
    /// exists for as long as the thread.
    static CURRENT: Cell<*const Thread> = const { Cell::new(ptr::null()) };
}

/// The clocks and entropy of one simulated thread.
#[derive(Debug)]
pub(super) struct Thread {
    entropy: RefCell<ChaCha8Rng>,
    shown: Arc<Shown>,
    clock_offset_ns: i64,
    /// The real time that this thread spent in waits that timed out.
    waited: Cell<Duration>,
    looks: Cell<Looks>,
    /// True while code runs that must not start threads.
    pub(super) notes_threads: Cell<bool>,
    /// The stack of the first start of a thread by such code.
    pub(super) started_by: RefCell<Option<Backtrace>>,
}

/// A kind of clock that is simulated.
#[derive(Clone, Copy, Debug)]
pub(super) enum ClockKind {
    /// The time since the Unix epoch.
    Calendar,
    /// The time since an arbitrary moment, which no one sets.
    Monotonic,
}

/// Makes this thread a simulated one until it is dropped.
#[derive(Debug)]
pub(crate) struct Guard {
    thread: Box<Thread>,
    /// The guard belongs to the thread that made it.
    not_send: PhantomData<*const ()>,
}

impl Guard {
    /// Makes this thread a simulated one; `stream` tells the threads of one world apart.
    pub(super) fn new(ambient: Ambient, stream: u64, shown: Arc<Shown>) -> Self {
        super::threads::keep();
        let mut key = *b"--------durasim: ambient entropy";
        key[..8].copy_from_slice(&ambient.seed.to_le_bytes());
        let mut entropy = ChaCha8Rng::from_seed(key);
        entropy.set_stream(stream);
        let thread = Box::new(Thread {
            entropy: RefCell::new(entropy),
            shown,
            clock_offset_ns: ambient.clock_offset_ns,
            waited: Cell::new(Duration::ZERO),
            looks: Cell::default(),
            notes_threads: Cell::default(),
            started_by: RefCell::default(),
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

/// Runs `real` with the machine's clocks and entropy on this thread.
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

/// Runs `simulated` with the state of this thread; returns `None` if this thread is not simulated.
pub(super) fn with_current<T>(simulated: impl FnOnce(&Thread) -> T) -> Option<T> {
    let current = CURRENT.get();
    // SAFETY: a pointer that is not null was set by a `Guard` of this thread. The guard is not
    // `Send`, owns the state, and sets the pointer to null before it drops the state.
    unsafe { current.as_ref() }.map(simulated)
}

/// Notes that code of this thread looked past the simulation, if the thread is simulated.
pub(super) fn note(looks: Looks) {
    with_current(|thread| thread.note(looks));
}

/// Takes what code of this thread looked at since the last call.
pub(super) fn take_looks() -> Looks {
    with_current(|thread| thread.looks.take()).unwrap_or_default()
}

impl Thread {
    /// Fills a buffer with entropy that code asked for.
    ///
    /// # Safety
    ///
    /// The buffer must be valid for writing `length` bytes, unless that is 0.
    pub(super) unsafe fn draw(&self, buffer: *mut c_void, length: usize) {
        self.note(Looks {
            entropy: true,
            ..Looks::default()
        });
        // SAFETY: as this function demands.
        unsafe { self.fill(buffer, length) };
    }

    /// Fills a buffer with entropy.
    ///
    /// # Safety
    ///
    /// The buffer must be valid for writing `length` bytes, unless that is 0.
    pub(super) unsafe fn fill(&self, buffer: *mut c_void, length: usize) {
        if length > 0 {
            // SAFETY: the caller promises a valid buffer. The zeros make its bytes initialized.
            let bytes = unsafe {
                ptr::write_bytes(buffer.cast::<u8>(), 0, length);
                slice::from_raw_parts_mut(buffer.cast::<u8>(), length)
            };
            self.entropy.borrow_mut().fill_bytes(bytes);
        }
    }

    /// Notes that code of this thread looked past the simulation.
    pub(super) fn note(&self, looks: Looks) {
        let before = self.looks.get();
        self.looks.set(Looks {
            entropy: before.entropy || looks.entropy,
            clocks: before.clocks || looks.clocks,
        });
    }

    /// Returns the reading of a clock.
    pub(super) fn reading(&self, clock: ClockKind) -> Duration {
        let shown = self.shown.get();
        match clock {
            ClockKind::Calendar => {
                let offset = Duration::from_nanos(self.clock_offset_ns.unsigned_abs());
                let since_epoch = Duration::from_millis(START_MS).saturating_add(shown);
                match self.clock_offset_ns {
                    0.. => since_epoch.saturating_add(offset),
                    _ => since_epoch.saturating_sub(offset),
                }
            }
            ClockKind::Monotonic => MONOTONIC_START
                .saturating_add(shown)
                .saturating_add(self.waited.get()),
        }
    }

    /// Returns the reading of a clock to code that asks for it.
    pub(super) fn read(&self, clock: ClockKind) -> Duration {
        self.note(Looks {
            clocks: true,
            ..Looks::default()
        });
        self.reading(clock)
    }

    /// Adds the real time of a wait that timed out to this thread's monotonic clocks.
    ///
    /// Without it, code that waits in a loop until a deadline would never get there.
    pub(super) fn add_wait(&self, wait: Duration) {
        self.waited.set(self.waited.get().saturating_add(wait));
    }
}

/// Does what `clock_gettime` does, with the clocks of this thread if it is a simulated one.
///
/// `kind` is `None` for clocks that do not show time passing, such as the processor's.
///
/// # Safety
///
/// `time` must be null or valid for writing.
pub(super) unsafe fn clock_gettime(
    clock: libc::clockid_t,
    kind: Option<ClockKind>,
    time: *mut libc::timespec,
) -> c_int {
    if let Some(kind) = kind
        && let Some(reading) = with_current(|thread| thread.read(kind))
        && !time.is_null()
    {
        // SAFETY: the caller promises a valid place.
        unsafe { time.write(to_timespec(reading)) };
        return 0;
    }
    // SAFETY: the arguments are the caller's.
    unsafe { real_clock_gettime(clock, time) }
}

/// Calls the C library's `clock_gettime`.
///
/// # Safety
///
/// `time` must be null or valid for writing.
pub(super) unsafe fn real_clock_gettime(
    clock: libc::clockid_t,
    time: *mut libc::timespec,
) -> c_int {
    type ClockGetTime = unsafe extern "C" fn(libc::clockid_t, *mut libc::timespec) -> c_int;
    static REAL: Real = Real::new(c"clock_gettime");
    // SAFETY: this is the type of the C library's function, and the arguments are the caller's.
    unsafe { mem::transmute::<*mut c_void, ClockGetTime>(REAL.address())(clock, time) }
}

/// Reads a clock of the machine.
pub(super) fn real_reading(clock: libc::clockid_t) -> Duration {
    let mut now = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: the place to write to is a local variable.
    unsafe { real_clock_gettime(clock, &raw mut now) };
    from_timespec(now)
}

pub(super) fn to_timespec(time: Duration) -> libc::timespec {
    libc::timespec {
        tv_sec: libc::time_t::try_from(time.as_secs()).unwrap_or(libc::time_t::MAX),
        tv_nsec: c_long::from(time.subsec_nanos().cast_signed()),
    }
}

/// Converts a time; a negative one is 0.
pub(super) fn from_timespec(time: libc::timespec) -> Duration {
    Duration::new(time.tv_sec.max(0).cast_unsigned(), 0)
        .saturating_add(Duration::from_nanos(time.tv_nsec.max(0).cast_unsigned()))
}
