//! A waker that is told when it is cloned, so that a wake names the place where it was awaited.
//!
//! A future that must wait clones the waker that it was polled with. The stack at that moment has
//! the line of the `.await`; the stack of the wake, on some thread or in a timer, has it no more.
//! [`std::task::Wake`] does not tell of clones.

#![allow(
    unsafe_code,
    reason = "only the table of a raw waker has an entry for clones"
)]

use std::{
    sync::Arc,
    task::{RawWaker, RawWakerVTable, Waker},
};

/// A listener to a waker and its clones.
pub(super) trait Listen: Send + Sync + 'static {
    /// The note that a clone carries.
    type Note: Send + Sync + 'static;

    /// Makes the note of a clone. A clone of a clone has the same note.
    fn cloned(&self) -> Self::Note;

    /// Handles a wake: `note` is that of the clone by which it came, `None` for the waker itself.
    fn woken(&self, note: Option<&Self::Note>);
}

/// Returns a waker that tells this listener of its clones and wakes.
pub(super) fn noting_waker<L: Listen>(listener: Arc<L>) -> Waker {
    let data = Data {
        listener,
        note: None,
    };
    // SAFETY: the functions of the table keep the contract of `RawWaker`, as each of them says; the
    // listener and its notes may be used and dropped on any thread.
    unsafe { Waker::from_raw(raw(data)) }
}

/// The data behind one waker.
struct Data<L: Listen> {
    listener: Arc<L>,
    note: Option<Arc<L::Note>>,
}

/// Moves the data to the heap, where one waker owns it.
fn raw<L: Listen>(data: Data<L>) -> RawWaker {
    RawWaker::new(Box::into_raw(Box::new(data)).cast(), Table::<L>::TABLE)
}

/// The functions of the wakers of one type of listener. Each gets the pointer that `raw` made.
struct Table<L>(L);

impl<L: Listen> Table<L> {
    const TABLE: &'static RawWakerVTable =
        &RawWakerVTable::new(Self::clone, Self::wake, Self::wake_by_ref, Self::drop);

    unsafe fn clone(data: *const ()) -> RawWaker {
        // SAFETY: the waker owns the data and lends it.
        let data = unsafe { &*data.cast::<Data<L>>() };
        let note = data.note.clone();
        raw(Data {
            listener: data.listener.clone(),
            note: Some(note.unwrap_or_else(|| Arc::new(data.listener.cloned()))),
        })
    }

    unsafe fn wake(data: *const ()) {
        // SAFETY: the waker owns the data and gives it up: it is used no more.
        let data = unsafe { Box::from_raw(data.cast::<Data<L>>().cast_mut()) };
        data.listener.woken(data.note.as_deref());
    }

    unsafe fn wake_by_ref(data: *const ()) {
        // SAFETY: the waker owns the data and lends it.
        let data = unsafe { &*data.cast::<Data<L>>() };
        data.listener.woken(data.note.as_deref());
    }

    unsafe fn drop(data: *const ()) {
        // SAFETY: the waker owns the data and gives it up: it is used no more.
        drop(unsafe { Box::from_raw(data.cast::<Data<L>>().cast_mut()) });
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use pretty_assertions::assert_eq;

    use super::*;

    struct Counts {
        clones: AtomicUsize,
        last: AtomicUsize,
    }

    impl Listen for Counts {
        type Note = usize;

        fn cloned(&self) -> usize {
            1 + self.clones.fetch_add(1, Ordering::Relaxed)
        }

        fn woken(&self, note: Option<&usize>) {
            self.last.store(*note.unwrap_or(&0), Ordering::Relaxed);
        }
    }

    #[test]
    fn a_clone_of_a_clone_has_its_note_on_any_thread() {
        let counts = Arc::new(Counts {
            clones: AtomicUsize::new(0),
            last: AtomicUsize::new(9),
        });
        let waker = noting_waker(counts.clone());
        let (first, second) = (waker.clone(), waker.clone());
        let of_first = first.clone();
        drop(first);
        std::thread::scope(|scope| {
            scope.spawn(|| second.wake());
        });
        assert_eq!(counts.last.load(Ordering::Relaxed), 2);
        of_first.wake_by_ref();
        assert_eq!(counts.last.load(Ordering::Relaxed), 1);
        waker.wake();
        assert_eq!(counts.last.load(Ordering::Relaxed), 0);
        drop(of_first);
        assert_eq!(Arc::strong_count(&counts), 1);
    }
}
