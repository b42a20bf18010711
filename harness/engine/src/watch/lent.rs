//! A value lent to the thread of a world, which may outlive the loan.

#![allow(
    unsafe_code,
    reason = "a thread that is given up may run longer than the value lives"
)]

use std::{
    ptr::NonNull,
    sync::{Arc, Mutex, PoisonError, TryLockError},
    thread,
};

/// A value lent to the thread of a world. It is taken back from a thread that is given up.
#[derive(Debug)]
pub struct Lent<A: ?Sized>(Arc<Mutex<Option<Pointer<A>>>>);

#[derive(Debug)]
struct Pointer<A: ?Sized>(NonNull<A>);

// SAFETY: the pointer is used as a shared reference only, which threads may share.
unsafe impl<A: ?Sized + Sync> Send for Pointer<A> {}

impl<A: ?Sized> Lent<A> {
    /// Lends a value.
    ///
    /// # Safety
    ///
    /// The value must outlive the loan: until [`take_back`](Self::take_back) returned `true`, or
    /// every handle to the loan is gone.
    pub(crate) unsafe fn new(value: &A) -> Self {
        Self(Arc::new(Mutex::new(Some(Pointer(NonNull::from(value))))))
    }

    /// Makes another handle to the same loan.
    pub(crate) fn share(&self) -> Self {
        Self(self.0.clone())
    }

    /// Ends the loan. Returns `false` if the value is in use.
    pub(crate) fn take_back(&self) -> bool {
        match self.0.try_lock() {
            Ok(mut lent) => *lent = None,
            Err(TryLockError::Poisoned(poisoned)) => *poisoned.into_inner() = None,
            Err(TryLockError::WouldBlock) => return false,
        }
        true
    }

    /// Uses the value.
    ///
    /// A thread from which the value was taken back stands still here for ever: nobody waits for
    /// it.
    pub fn with<R: 'static>(&self, use_it: impl FnOnce(&A) -> R) -> R {
        let lent = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(pointer) = &*lent else {
            drop(lent);
            loop {
                thread::park();
            }
        };
        // SAFETY: the value lives until it is taken back, which the lock keeps from happening now.
        use_it(unsafe { pointer.0.as_ref() })
    }
}

#[cfg(test)]
mod tests {
    use super::Lent;

    #[test]
    fn a_value_in_use_is_not_taken_back() {
        let value = 7;
        // SAFETY: the value outlives the loan.
        let lent = unsafe { Lent::new(&value) };
        let other = lent.share();
        assert_eq!(lent.with(|value| (*value, other.take_back())), (7, false));
        assert!(other.take_back());
    }
}
