//! Sets of free lists, and the pool of those that no thread has.

use std::{
    alloc::{GlobalAlloc, Layout, System},
    hint,
    ptr::{self, NonNull},
    sync::atomic::{AtomicBool, Ordering},
};

use crate::classes::{CLASSES, Class};

/// The size of the pieces in which memory is taken from the system, in bytes.
const CHUNK: usize = 512 * 1024;

/// A free block: it holds the next free block of its class.
struct Free {
    next: Option<NonNull<Free>>,
}

/// The free blocks by class, and the rest of a chunk to cut new blocks from.
pub(crate) struct Lists {
    free: [Option<NonNull<Free>>; CLASSES],
    chunk: *mut u8,
    left: usize,
    /// The next set in the pool.
    next: Option<NonNull<Lists>>,
}

impl Lists {
    /// Takes a block; null if the system has no memory left.
    pub(crate) fn take(&mut self, class: Class) -> *mut u8 {
        match self.take_free(class) {
            Some(block) => block.as_ptr(),
            None => self.cut(class.block_size()),
        }
    }

    /// Takes a free block, if there is one of the class.
    #[inline]
    pub(crate) fn take_free(&mut self, class: Class) -> Option<NonNull<u8>> {
        let first = &mut self.free[class.index()];
        let block = (*first)?;
        // SAFETY: a block in the list is free, and was written when it was put there.
        *first = unsafe { block.as_ref() }.next;
        Some(block.cast())
    }

    #[cold]
    fn cut(&mut self, size: usize) -> *mut u8 {
        if self.left < size {
            // The rest of the old chunk is lost: less than a block.
            let layout = Layout::from_size_align(CHUNK, 16).expect("a valid layout");
            // SAFETY: the layout has a size.
            let chunk = unsafe { System.alloc(layout) };
            #[cfg(test)]
            crate::tests::CHUNKS.fetch_add(1, Ordering::Relaxed);
            if chunk.is_null() {
                return ptr::null_mut();
            }
            self.chunk = chunk;
            self.left = CHUNK;
        }
        let block = self.chunk;
        // SAFETY: the chunk has at least `size` bytes left.
        self.chunk = unsafe { block.add(size) };
        self.left -= size;
        block
    }

    /// Takes a block back.
    #[inline]
    pub(crate) fn put(&mut self, class: Class, block: NonNull<u8>) {
        let mut block: NonNull<Free> = block.cast();
        let next = self.free[class.index()];
        // SAFETY: nobody uses the block any more; each block is 16 bytes large at least, and
        // aligned to 16 bytes.
        *unsafe { block.as_mut() } = Free { next };
        self.free[class.index()] = Some(block);
    }
}

/// The sets of lists that no thread has.
pub(crate) struct Pool {
    locked: AtomicBool,
    first: std::cell::UnsafeCell<Option<NonNull<Lists>>>,
}

// SAFETY: `first` and the sets in the pool are used under the lock alone.
unsafe impl Sync for Pool {}

impl Pool {
    pub(crate) const fn new() -> Self {
        Self {
            locked: AtomicBool::new(false),
            first: std::cell::UnsafeCell::new(None),
        }
    }

    /// Calls a function with the first set. The lock is held for a few instructions, twice in the
    /// life of a thread.
    fn locked<T>(&self, call: impl FnOnce(&mut Option<NonNull<Lists>>) -> T) -> T {
        while self.locked.swap(true, Ordering::Acquire) {
            hint::spin_loop();
        }
        // SAFETY: the lock is held.
        let result = call(unsafe { &mut *self.first.get() });
        self.locked.store(false, Ordering::Release);
        result
    }

    /// Takes a set out of the pool, or makes one.
    pub(crate) fn take(&self) -> NonNull<Lists> {
        let idle = self.locked(|first| {
            let lists = (*first)?;
            // SAFETY: a set in the pool is valid, and used under the lock alone.
            *first = unsafe { lists.as_ref() }.next;
            Some(lists)
        });
        idle.unwrap_or_else(Self::make)
    }

    #[cold]
    fn make() -> NonNull<Lists> {
        let layout = Layout::new::<Lists>();
        // SAFETY: the layout has a size.
        let lists: *mut Lists = unsafe { System.alloc(layout) }.cast();
        let Some(lists) = NonNull::new(lists) else {
            std::alloc::handle_alloc_error(layout)
        };
        let empty = Lists {
            free: [None; CLASSES],
            chunk: ptr::null_mut(),
            left: 0,
            next: None,
        };
        // SAFETY: the memory is new, and has the layout of a set.
        unsafe { lists.write(empty) };
        lists
    }

    /// Exchanges a set for one in the pool; returns it again if the pool is empty.
    pub(crate) fn exchange(&self, mut lists: NonNull<Lists>) -> NonNull<Lists> {
        self.locked(|first| {
            let Some(idle) = *first else { return lists };
            // SAFETY: the caller gives the set up, and a set in the pool is used under the lock
            // alone.
            unsafe { lists.as_mut().next = idle.as_ref().next };
            *first = Some(lists);
            idle
        })
    }

    /// Puts a set into the pool.
    pub(crate) fn put(&self, mut lists: NonNull<Lists>) {
        self.locked(|first| {
            // SAFETY: the caller gives the set up.
            unsafe { lists.as_mut() }.next = *first;
            *first = Some(lists);
        });
    }
}
