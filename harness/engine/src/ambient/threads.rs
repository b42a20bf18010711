//! Starts of threads by code that must not start any: stands in front of `pthread_create`.
//!
//! The thread starts all the same. Its start is only noted, with the stack that asked for it.

#![allow(unsafe_code, reason = "defining and calling C functions is unsafe")]

use std::{
    backtrace::Backtrace,
    ffi::{c_int, c_void},
    mem,
};

use super::{c_library::Real, simulated::with_current};

/// Keeps the definition below in the program: the linker takes it only if something refers to it.
pub(super) fn keep() {
    std::hint::black_box(pthread_create as *const ());
}

/// Runs code that must not start threads, and notes the first start of one.
pub(crate) fn noting_threads<T>(code: impl FnOnce() -> T) -> T {
    struct Restore(bool);
    impl Drop for Restore {
        fn drop(&mut self) {
            with_current(|thread| thread.notes_threads.set(self.0));
        }
    }
    let before = with_current(|thread| thread.notes_threads.replace(true));
    let _restore = Restore(before.unwrap_or_default());
    code()
}

/// Takes the stack of the first start of a thread that was noted since the last call.
pub(crate) fn take_thread_start() -> Option<String> {
    let start = with_current(|thread| thread.started_by.take())??;
    Some(start.to_string())
}

/// See `pthread_create(3)`.
#[unsafe(no_mangle)]
unsafe extern "C" fn pthread_create(
    thread: *mut libc::pthread_t,
    attributes: *const libc::pthread_attr_t,
    start: extern "C" fn(*mut c_void) -> *mut c_void,
    argument: *mut c_void,
) -> c_int {
    type Create = unsafe extern "C" fn(
        *mut libc::pthread_t,
        *const libc::pthread_attr_t,
        extern "C" fn(*mut c_void) -> *mut c_void,
        *mut c_void,
    ) -> c_int;
    static REAL: Real = Real::new(c"pthread_create");
    with_current(|thread| {
        if thread.notes_threads.get() && thread.started_by.borrow().is_none() {
            thread.started_by.replace(Some(Backtrace::force_capture()));
        }
    });
    // SAFETY: this is the type of the C library's function, and the arguments are the caller's.
    unsafe {
        mem::transmute::<*mut c_void, Create>(REAL.address())(thread, attributes, start, argument)
    }
}
