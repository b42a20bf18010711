//! The stack of another thread: a signal lets the thread note its own return addresses.
//!
//! The handler runs wherever the thread happens to be, perhaps within the allocator. So it does
//! nothing but walk the stack and store addresses, which takes neither memory nor locks; the thread
//! that asks gives them names.

#![allow(
    unsafe_code,
    reason = "signals are handled and sent through the C library"
)]

use std::{
    ffi::{c_int, c_void},
    fmt::Write,
    mem,
    os::unix::thread::JoinHandleExt,
    ptr,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread::JoinHandle,
    time::Duration,
};

/// The number of frames that are kept.
const FRAMES: usize = 256;

/// The number of times that the answer of a thread is looked for, a little while apart.
const LOOKS: u32 = 200;

static ADDRESSES: [AtomicUsize; FRAMES] = [const { AtomicUsize::new(0) }; FRAMES];
static FOUND: AtomicUsize = AtomicUsize::new(0);
/// True while a thread is asked for its stack.
static ASKED: AtomicBool = AtomicBool::new(false);
static ANSWERED: AtomicBool = AtomicBool::new(false);
/// Held by the one thread that asks.
static ASKS: Mutex<()> = Mutex::new(());

/// A thread whose stack may be asked for, as long as it runs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct StuckThread(libc::pthread_t);

impl StuckThread {
    /// Returns the thread of a handle.
    pub(crate) fn of<T>(thread: &JoinHandle<T>) -> Self {
        Self(thread.as_pthread_t())
    }

    /// Returns the stack of the thread, which must not have ended; empty if it does not answer.
    pub(crate) fn backtrace(self) -> String {
        let _one_at_a_time = ASKS.lock().unwrap_or_else(PoisonError::into_inner);
        // The last of the signals that no program is known to use.
        let signal = libc::SIGRTMAX() - 3;
        if !listens(signal) {
            return String::new();
        }
        FOUND.store(0, Ordering::Relaxed);
        ANSWERED.store(false, Ordering::Relaxed);
        ASKED.store(true, Ordering::Release);
        // SAFETY: the thread has not ended, and the signal has a handler.
        let sent = unsafe { libc::pthread_kill(self.0, signal) } == 0;
        let answers = sent
            && (0..LOOKS).any(|_| {
                wait_a_little();
                ANSWERED.load(Ordering::Acquire)
            });
        ASKED.store(false, Ordering::Release);
        if answers { names() } else { String::new() }
    }

    /// Lets every other thread go first, for a thread that runs on without end.
    pub(crate) fn lower_priority(self) {
        // SAFETY: all fields of the structure may be zero.
        let parameters: libc::sched_param = unsafe { mem::zeroed() };
        // SAFETY: the thread has not ended. If it may not be lowered, nothing happens.
        unsafe { libc::pthread_setschedparam(self.0, libc::SCHED_IDLE, &raw const parameters) };
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the thread that is asked runs in the machine's time"
)]
fn wait_a_little() {
    std::thread::sleep(Duration::from_millis(5));
}

/// Installs the handler; returns `false` if the program handles the signal itself.
fn listens(signal: c_int) -> bool {
    let handler: extern "C" fn(c_int, *mut libc::siginfo_t, *mut c_void) = note_stack;
    // SAFETY: both structures may be zero; the handler has the signature that the flag asks for.
    unsafe {
        let mut before: libc::sigaction = mem::zeroed();
        if libc::sigaction(signal, ptr::null(), &raw mut before) != 0 {
            return false;
        }
        let ours = handler as libc::sighandler_t;
        if before.sa_sigaction == ours {
            return true;
        }
        if before.sa_sigaction != libc::SIG_DFL {
            return false;
        }
        let mut action: libc::sigaction = mem::zeroed();
        action.sa_sigaction = ours;
        action.sa_flags = libc::SA_SIGINFO | libc::SA_RESTART;
        libc::sigaction(signal, &raw const action, ptr::null_mut()) == 0
    }
}

extern "C" fn note_stack(_: c_int, _: *mut libc::siginfo_t, _: *mut c_void) {
    if !ASKED.swap(false, Ordering::Acquire) {
        return;
    }
    let mut count = 0;
    // SAFETY: one thread at a time is asked, and the walk touches no symbols.
    unsafe {
        backtrace::trace_unsynchronized(|frame| {
            ADDRESSES[count].store(frame.ip() as usize, Ordering::Relaxed);
            count += 1;
            count < FRAMES
        });
    }
    FOUND.store(count, Ordering::Relaxed);
    ANSWERED.store(true, Ordering::Release);
}

/// Returns the stored addresses with their names, in the format of the standard library.
fn names() -> String {
    let mut text = String::new();
    let found = FOUND.load(Ordering::Relaxed);
    for (number, address) in ADDRESSES[..found].iter().enumerate() {
        // An address of return is that of the instruction after the call.
        let address = address.load(Ordering::Relaxed).saturating_sub(1);
        backtrace::resolve(address as *mut c_void, |symbol| {
            let name = symbol
                .name()
                .map_or_else(String::new, |it| format!("{it:#}"));
            let _ = writeln!(text, "{number:4}: {name}");
            if let (Some(file), Some(line)) = (symbol.filename(), symbol.lineno()) {
                let _ = writeln!(text, "             at {}:{line}", file.display());
            }
        });
    }
    text
}
