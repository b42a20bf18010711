//! The functions of the C library that this crate stands in front of.
//!
//! The linker takes a program's own definition of a function before that of a shared library, and
//! this crate's definitions are part of the program. Each definition passes on the calls of threads
//! that are not simulated.

#![allow(unsafe_code, reason = "asking for a C function is unsafe")]

use std::{
    ffi::{CStr, c_void},
    ptr,
    sync::atomic::{AtomicPtr, Ordering},
};

/// A function of the C library, looked up when it is first needed.
///
/// No lock guards the lookup: a lock of the standard library would call the definitions of this
/// crate to wait.
pub(super) struct Real {
    name: &'static CStr,
    address: AtomicPtr<c_void>,
}

impl Real {
    pub(super) const fn new(name: &'static CStr) -> Self {
        Self {
            name,
            address: AtomicPtr::new(ptr::null_mut()),
        }
    }

    /// Returns the address of the function; ends the process if the C library has none.
    pub(super) fn address(&self) -> *mut c_void {
        let known = self.address.load(Ordering::Relaxed);
        if !known.is_null() {
            return known;
        }
        // SAFETY: the name is a C string, and `RTLD_NEXT` a handle that always exists.
        let found = unsafe { libc::dlsym(libc::RTLD_NEXT, self.name.as_ptr()) };
        if found.is_null() {
            // The caller is a C function, through which a panic must not pass.
            std::process::abort();
        }
        self.address.store(found, Ordering::Relaxed);
        found
    }
}
