//! Functions of the C library that this crate stands in front of.
//!
//! The linker takes a program's own definition of a function before that of a shared library, and
//! this crate's definitions are part of the program. Each passes on what does not concern a run.

#![allow(unsafe_code, reason = "asking for a C function is unsafe")]

use std::ffi::{CStr, c_void};
use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering};

/// A function of the C library, found when it is first needed.
///
/// No lock guards the search: a lock of the standard library would come back here to wait.
pub(crate) struct Real {
    name: &'static CStr,
    address: AtomicPtr<c_void>,
}

impl Real {
    pub(crate) const fn new(name: &'static CStr) -> Self {
        Self {
            name,
            address: AtomicPtr::new(ptr::null_mut()),
        }
    }

    pub(crate) fn address(&self) -> *mut c_void {
        let known = self.address.load(Ordering::Relaxed);
        if !known.is_null() {
            return known;
        }
        // SAFETY: the name is a C string, and `RTLD_NEXT` a handle that is always there.
        let found = unsafe { libc::dlsym(libc::RTLD_NEXT, self.name.as_ptr()) };
        if found.is_null() {
            // Called from within C functions, where a panic may not pass.
            std::process::abort();
        }
        self.address.store(found, Ordering::Relaxed);
        found
    }
}
