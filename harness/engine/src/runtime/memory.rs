//! Memory that outlives the threads of runs: their stacks, and what they allocated.
//!
//! Each run has a thread of its own, and a thread's stack is given back to the system when it ends.
//! The system then has every processor forget what it knows of that memory, and finds new memory
//! for the next thread, page by page: a sixth of the time of a small run, and most of what runs on
//! several threads lose to each other. So the thread that starts runs keeps a stack for them.
//!
//! The standard library starts threads on new stacks only. So this module stands in front of the C
//! functions that it starts them with, and changes what they do for a thread that has a stack of
//! ours:
//!
//! - `pthread_attr_setstacksize` also says which memory that is, and notes when another thread is
//!   started;
//! - `pthread_attr_getguardsize` tells of our guard, for the C library knows only of those that it
//!   makes itself;
//! - `sigaltstack` finds a stack for signals there already, so that none is mapped and unmapped for
//!   each thread.
//!
//! A stack that overflows is reported as ever.
//!
//! For the same reason the C library is told to keep what memory a run gives back for the next: it
//! would return all but the last 128 KiB, and a run of 10,000 events would spend a seventh of its
//! time on getting it again.

#![allow(
    unsafe_code,
    reason = "defining and calling C functions is unsafe, as is memory that the system maps"
)]

use std::cell::{Cell, RefCell};
use std::ffi::{c_int, c_void};
use std::sync::Once;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::{mem, ptr};

use super::STACK_BYTES;
use crate::c_library::Real;

/// A multiple of every size of page.
const GUARD_BYTES: usize = 64 * 1024;
const SIGNAL_STACK_BYTES: usize = 64 * 1024;
/// A stack lies this far up in its mapping: above a guard, the stack for signals, and another
/// guard.
const BELOW_BYTES: usize = 2 * GUARD_BYTES + SIGNAL_STACK_BYTES;
/// How much of what was given back is kept, for each thread that runs are on at once.
const KEPT_BYTES: c_int = 64 * 1024 * 1024;

/// The lowest address of each stack there is. More threads than places start runs on new stacks.
static STACKS: [AtomicUsize; 64] = [const { AtomicUsize::new(0) }; 64];

thread_local! {
    /// The stack for the runs that this thread starts.
    static KEPT: RefCell<Option<Stack>> = const { RefCell::new(None) };
    /// The lowest address of the stack that the next thread is to have, if this thread starts it.
    static LENT: Cell<*mut c_void> = const { Cell::new(ptr::null_mut()) };
    /// Whether this thread has started another, other than for a run.
    static STARTED: Cell<bool> = const { Cell::new(false) };
}

/// Whether this thread may have started others, other than for runs.
pub(super) fn may_have_started_threads() -> bool {
    STARTED.get()
}

/// Calls `start_and_join`, and the thread that it starts has the stack that the one before it had.
///
/// That thread must have ended when it returns, and the size of stack that it asks for be
/// [`STACK_BYTES`].
pub(super) fn lend<T>(start_and_join: impl FnOnce() -> T) -> T {
    // The linker takes the definitions below into the program only if something refers to them.
    std::hint::black_box([
        pthread_attr_setstacksize as *const (),
        pthread_attr_getguardsize as *const (),
        sigaltstack as *const (),
    ]);
    keep_memory();
    // Without memory for it, the thread gets a new stack, or the error from there.
    let Some(stack) = KEPT.take().or_else(Stack::map) else {
        return start_and_join();
    };
    LENT.set(stack.lowest());
    let _lent = Lent(Some(stack));
    start_and_join()
}

/// Has the C library keep memory for the next run, from the first one on.
fn keep_memory() {
    static ONCE: Once = Once::new();
    // SAFETY: it changes one number, which other threads that free memory at this moment read
    // before or after.
    ONCE.call_once(|| unsafe {
        libc::mallopt(libc::M_TRIM_THRESHOLD, KEPT_BYTES);
    });
}

/// Keeps the stack when it is dropped, after a panic too.
struct Lent(Option<Stack>);

impl Drop for Lent {
    fn drop(&mut self) {
        LENT.set(ptr::null_mut());
        KEPT.set(self.0.take());
    }
}

#[derive(Debug)]
struct Stack {
    mapping: *mut c_void,
    place: &'static AtomicUsize,
}

impl Stack {
    const MAPPED_BYTES: usize = BELOW_BYTES + STACK_BYTES;

    fn map() -> Option<Self> {
        let readable = libc::PROT_READ | libc::PROT_WRITE;
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_STACK | libc::MAP_NORESERVE;
        // SAFETY: the system chooses a place where nothing is.
        let mapping =
            unsafe { libc::mmap(ptr::null_mut(), Self::MAPPED_BYTES, readable, flags, -1, 0) };
        if mapping == libc::MAP_FAILED {
            return None;
        }
        let lowest = mapping.expose_provenance() + BELOW_BYTES;
        let take = |place: &&AtomicUsize| {
            place
                .compare_exchange(0, lowest, Ordering::Relaxed, Ordering::Relaxed)
                .is_ok()
        };
        let Some(place) = STACKS.iter().find(take) else {
            // SAFETY: it is the mapping made above, and nobody has it.
            unsafe { libc::munmap(mapping, Self::MAPPED_BYTES) };
            return None;
        };
        let stack = Self { mapping, place };
        let guarded = [0, GUARD_BYTES + SIGNAL_STACK_BYTES]
            .into_iter()
            .all(|offset| {
                // SAFETY: this part of the mapping is there, and nothing is in it.
                unsafe {
                    libc::mprotect(mapping.byte_add(offset), GUARD_BYTES, libc::PROT_NONE) == 0
                }
            });
        guarded.then_some(stack)
    }

    fn lowest(&self) -> *mut c_void {
        self.mapping.wrapping_byte_add(BELOW_BYTES)
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        self.place.store(0, Ordering::Relaxed);
        // SAFETY: it is the mapping, whole, and no thread is on it: `lend` has it while one is.
        unsafe { libc::munmap(self.mapping, Self::MAPPED_BYTES) };
    }
}

/// The lowest address of the stack of this thread, if it is one of ours.
fn of_this_thread() -> Option<usize> {
    let on_it = 0_u8;
    let here = std::hint::black_box(&raw const on_it).addr();
    let lowest = STACKS.iter().map(|place| place.load(Ordering::Relaxed));
    lowest
        .filter(|lowest| *lowest != 0)
        .find(|lowest| (*lowest..*lowest + STACK_BYTES).contains(&here))
}

type SetStackSize = unsafe extern "C" fn(*mut libc::pthread_attr_t, usize) -> c_int;
type GetGuardSize = unsafe extern "C" fn(*const libc::pthread_attr_t, *mut usize) -> c_int;
type SigAltStack = unsafe extern "C" fn(*const libc::stack_t, *mut libc::stack_t) -> c_int;

/// See `pthread_attr_setstacksize(3)`.
#[unsafe(no_mangle)]
unsafe extern "C" fn pthread_attr_setstacksize(
    attributes: *mut libc::pthread_attr_t,
    bytes: usize,
) -> c_int {
    static REAL: Real = Real::new(c"pthread_attr_setstacksize");
    if bytes == STACK_BYTES
        && let lent = LENT.replace(ptr::null_mut())
        && !lent.is_null()
    {
        // SAFETY: the attributes are the caller's; what is lent is a whole stack, mapped, with no
        // thread on it.
        return unsafe { libc::pthread_attr_setstack(attributes, lent, bytes) };
    }
    STARTED.set(true);
    // SAFETY: this is the type of the C library's function, and the arguments are the caller's.
    unsafe { mem::transmute::<*mut c_void, SetStackSize>(REAL.address())(attributes, bytes) }
}

/// See `pthread_attr_getguardsize(3)`.
#[unsafe(no_mangle)]
unsafe extern "C" fn pthread_attr_getguardsize(
    attributes: *const libc::pthread_attr_t,
    bytes: *mut usize,
) -> c_int {
    static REAL: Real = Real::new(c"pthread_attr_getguardsize");
    // SAFETY: this is the type of the C library's function, and the arguments are the caller's.
    let result =
        unsafe { mem::transmute::<*mut c_void, GetGuardSize>(REAL.address())(attributes, bytes) };
    if result == 0 && of_this_thread().is_some() {
        // SAFETY: the C library has just written there.
        unsafe { bytes.write(GUARD_BYTES) };
    }
    result
}

/// See `sigaltstack(2)`.
#[unsafe(no_mangle)]
unsafe extern "C" fn sigaltstack(new: *const libc::stack_t, old: *mut libc::stack_t) -> c_int {
    static REAL: Real = Real::new(c"sigaltstack");
    // SAFETY: this is the type of the C library's function.
    let real = unsafe { mem::transmute::<*mut c_void, SigAltStack>(REAL.address()) };
    // SAFETY: the arguments are the caller's.
    let result = unsafe { real(new, old) };
    // SAFETY: where it succeeded, the C library has just written what is there, unless nobody asks
    // for it.
    let Some(old) = (unsafe { old.as_mut() }) else {
        return result;
    };
    if let (0, true, Some(lowest)) = (result, new.is_null(), of_this_thread())
        && old.ss_flags & libc::SS_DISABLE != 0
    {
        let ss_sp = ptr::with_exposed_provenance_mut(lowest - GUARD_BYTES - SIGNAL_STACK_BYTES);
        *old = libc::stack_t {
            ss_sp,
            ss_flags: 0,
            ss_size: SIGNAL_STACK_BYTES,
        };
        // SAFETY: the memory is there for longer than the thread, which nobody else shares it with.
        return unsafe { real(old, ptr::null_mut()) };
    }
    result
}

#[cfg(test)]
mod tests {
    use std::process::Command;
    use std::sync::{Barrier, Mutex, PoisonError};
    use std::thread;

    use super::{may_have_started_threads, of_this_thread};
    use crate::{Ambient, simulate};

    /// One of the tests takes all places there are.
    static PLACES: Mutex<()> = Mutex::new(());

    fn stack_of_a_run() -> Option<usize> {
        simulate(Ambient::default(), || async { of_this_thread() })
    }

    #[test]
    fn runs_that_one_thread_starts_have_one_stack_a_panic_between_or_not() {
        let _places = PLACES.lock().unwrap_or_else(PoisonError::into_inner);
        let first = stack_of_a_run();
        assert!(first.is_some());
        let panicking = std::panic::catch_unwind(|| {
            simulate(Ambient::default(), || async { panic!("as the test says") })
        });
        assert!(panicking.is_err());
        assert_eq!(stack_of_a_run(), first);
        assert_eq!(of_this_thread(), None, "this thread's own stack is another");
    }

    #[test]
    fn a_run_knows_whether_it_started_a_thread_and_a_run_inside_it_is_none() {
        let started = simulate(Ambient::default(), || async {
            stack_of_a_run();
            let before = may_have_started_threads();
            thread::scope(|scope| scope.spawn(|| ()).join().unwrap());
            (before, may_have_started_threads())
        });
        assert_eq!(started, (false, true));
    }

    #[test]
    fn a_run_inside_another_has_a_stack_of_its_own() {
        let _places = PLACES.lock().unwrap_or_else(PoisonError::into_inner);
        let (outer, inner) = simulate(Ambient::default(), || async {
            (of_this_thread(), stack_of_a_run())
        });
        assert!(inner.is_some());
        assert_ne!(outer, inner);
    }

    #[test]
    fn more_threads_than_there_are_places_for_stacks_start_runs_as_well() {
        let _places = PLACES.lock().unwrap_or_else(PoisonError::into_inner);
        let all = Barrier::new(100);
        let run = || {
            simulate(Ambient::default(), || async {
                all.wait();
                of_this_thread()
            })
        };
        let stacks = thread::scope(|scope| {
            let runs = [(); 100].map(|()| scope.spawn(run));
            runs.map(|run| run.join().unwrap())
        });
        let mut kept = stacks.into_iter().flatten().collect::<Vec<_>>();
        kept.sort_unstable();
        kept.dedup();
        assert_eq!(
            kept.len(),
            stacks.iter().flatten().count(),
            "nobody shares a stack"
        );
        assert!(kept.len() < 100);
    }

    #[test]
    fn a_stack_that_overflows_is_reported_by_the_name_of_its_test() {
        let this = std::env::current_exe().unwrap();
        let test = "runtime::memory::tests::overflows";
        let output = Command::new(this)
            .args([test, "--exact", "--ignored", "--nocapture"])
            .output()
            .unwrap();
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(
            told.contains(&format!("thread '{test}'")) && told.contains("has overflowed its stack"),
            "{told}"
        );
    }

    #[test]
    #[ignore = "it ends the process; another test starts it"]
    fn overflows() {
        #[expect(unconditional_recursion, reason = "that is what overflows a stack")]
        fn recurse(depth: &mut [u64; 64]) -> u64 {
            let mut deeper = *depth;
            deeper[7] += 1;
            std::hint::black_box(recurse(&mut deeper) + depth[7])
        }
        simulate(Ambient::default(), || async { recurse(&mut [0; 64]) });
    }
}
