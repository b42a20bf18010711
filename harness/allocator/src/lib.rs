//! An allocator for programs that run simulated worlds by the thousand.
//!
//! A world has a thread of its own, lives for less than a millisecond, and makes some thousand
//! small allocations. A general allocator sets its caches up anew for each thread, and takes its
//! slow paths most of the time. This allocator keeps free blocks in lists by size. A thread takes a
//! set of lists when it first allocates, and leaves the set to the next thread when it ends: the
//! memory of one world serves the next.
//!
//! A program opts in:
//!
//! ```
//! #[global_allocator]
//! static ALLOCATOR: durasim_allocator::WorldAllocator = durasim_allocator::WorldAllocator;
//!
//! assert_eq!(vec![1; 3], [1, 1, 1]);
//! ```
//!
//! # Limits
//!
//! Memory of small blocks (32 KiB at most) is never returned to the system: the program keeps the
//! most that it has ever used at once. Larger blocks, and blocks with an alignment above 16 bytes,
//! are the system allocator's.

#![allow(
    unsafe_code,
    reason = "an allocator hands out raw memory; each use says why it is sound"
)]

mod classes;
mod lists;

use std::{
    alloc::{GlobalAlloc, Layout, System},
    cell::Cell,
    ptr::{self, NonNull},
};

use classes::Class;
use lists::{Lists, Pool};

/// The allocator, to be named in a `#[global_allocator]`.
///
/// ```
/// #[global_allocator]
/// static ALLOCATOR: durasim_allocator::WorldAllocator = durasim_allocator::WorldAllocator;
/// assert_eq!(vec![1; 3], [1, 1, 1]);
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct WorldAllocator;

/// The sets of lists that no thread has.
static POOL: Pool = Pool::new();

thread_local! {
    /// The set of lists of this thread; `None` before its first allocation and after its end.
    static LISTS: Cell<Option<NonNull<Lists>>> = const { Cell::new(None) };
    /// Gives the set back when the thread ends.
    static AT_END: Guard = const { Guard };
}

struct Guard;

impl Drop for Guard {
    fn drop(&mut self) {
        if let Some(lists) = LISTS.take() {
            POOL.put(lists);
        }
    }
}

/// Calls a function with the lists of this thread; returns `None` if it has none.
#[inline]
fn with_own_lists<T>(call: impl FnOnce(&mut Lists) -> T) -> Option<T> {
    let mut lists = LISTS.get()?;
    // SAFETY: the set belongs to this thread, and `call` does not allocate, so that nothing else
    // refers to it now.
    Some(call(unsafe { lists.as_mut() }))
}

/// Calls a function with the lists of this thread. A thread that is about to end has none any more,
/// and borrows a set from the pool for the call.
fn with_lists<T>(mut call: impl FnMut(&mut Lists) -> T) -> T {
    match with_own_lists(&mut call) {
        Some(result) => result,
        None => borrowed(call),
    }
}

#[cold]
fn borrowed<T>(call: impl FnOnce(&mut Lists) -> T) -> T {
    let mut lists = POOL.take();
    // SAFETY: the pool gives a set to one taker at a time.
    let result = call(unsafe { lists.as_mut() });
    // The set stays with the thread if the thread's end can still be noticed. To ask for that may
    // allocate, so the thread has the set before it asks.
    LISTS.set(Some(lists));
    if AT_END.try_with(|_| ()).is_err()
        && let Some(lists) = LISTS.take()
    {
        POOL.put(lists);
    }
    result
}

/// Exchanges the lists of this thread for some that no thread has, if there are any.
///
/// A thread that runs worlds on other threads frees the blocks of their reports, and allocates few.
/// If it kept its lists, they would grow with each world, and each world would take new memory. So
/// such a thread calls this before each world. Without [`WorldAllocator`] it does nothing.
pub fn exchange_lists() {
    if let Some(own) = LISTS.get() {
        LISTS.set(Some(POOL.exchange(own)));
    }
}

/// Allocates a block that is large, or of which no free one is at hand. Apart from the usual case,
/// which is a dozen instructions.
#[cold]
#[inline(never)]
unsafe fn alloc_slowly(layout: Layout) -> *mut u8 {
    match Class::of(layout) {
        Some(class) => with_lists(|lists| lists.take(class)),
        // SAFETY: the caller's layout is passed on.
        None => unsafe { System.alloc(layout) },
    }
}

/// Gives a block back that is large, or whose thread has no lists.
#[cold]
#[inline(never)]
unsafe fn dealloc_slowly(block: *mut u8, layout: Layout) {
    match (Class::of(layout), NonNull::new(block)) {
        (Some(class), Some(block)) => with_lists(|lists| lists.put(class, block)),
        // SAFETY: a block of such a layout is the system's.
        _ => unsafe { System.dealloc(block, layout) },
    }
}

// SAFETY: a block comes from a chunk of its class, from the free list of that class, or from the
// system; it is given back to where its layout says that it came from, and is in one place at a
// time.
unsafe impl GlobalAlloc for WorldAllocator {
    // Neither this nor `dealloc` is `#[inline]`: a program that is not optimized would compile its
    // own copy without optimization, and spend a third of its time there.
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if let Some(class) = Class::of_fine(layout)
            && let Some(Some(block)) = with_own_lists(|lists| lists.take_free(class))
        {
            return block.as_ptr();
        }
        // SAFETY: the caller's layout is passed on.
        unsafe { alloc_slowly(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: the caller guarantees that this is a block, which is not null.
        let own = unsafe { NonNull::new_unchecked(block) };
        if let Some(class) = Class::of_fine(layout)
            && with_own_lists(|lists| lists.put(class, own)).is_some()
        {
            return;
        }
        // SAFETY: the caller's block and layout are passed on.
        unsafe { dealloc_slowly(block, layout) };
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        if Class::of(layout).is_none() {
            // SAFETY: the caller's layout is passed on.
            return unsafe { System.alloc_zeroed(layout) };
        }
        // SAFETY: the caller's layout is passed on, and the block has its size.
        unsafe {
            let block = self.alloc(layout);
            if !block.is_null() {
                ptr::write_bytes(block, 0, layout.size());
            }
            block
        }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        // SAFETY: the caller guarantees that the new size is valid for the alignment.
        let new_layout = unsafe { Layout::from_size_align_unchecked(new_size, layout.align()) };
        match (Class::of(layout), Class::of(new_layout)) {
            // A block of the same class has room for both sizes.
            (Some(old), Some(new)) if old == new => block,
            // SAFETY: both are the system's.
            (None, None) => unsafe { System.realloc(block, layout, new_size) },
            // SAFETY: the new block does not overlap, and both have room for the smaller size.
            _ => unsafe {
                let new_block = self.alloc(new_layout);
                if !new_block.is_null() {
                    ptr::copy_nonoverlapping(block, new_block, layout.size().min(new_size));
                    self.dealloc(block, layout);
                }
                new_block
            },
        }
    }
}

#[cfg(test)]
mod tests;
