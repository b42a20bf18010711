//! The sizes of blocks: steps of 16 bytes up to 2 KiB, then four steps for each doubling.

use std::alloc::Layout;

/// The largest block that is not the system's, in bytes.
const MAX: usize = 32 * 1024;

/// The largest block whose size is a multiple of 16 bytes, in bytes.
const FINE: usize = 2048;

/// The largest alignment of a block, in bytes.
const ALIGN: usize = 16;

/// The number of classes, and one that no block has: a block's size in steps of 16 bytes, rounded
/// up, is the index of its class, which costs one instruction less than one below it.
pub(crate) const CLASSES: usize = 1 + FINE / 16 + 4 * (MAX / FINE).ilog2() as usize;

/// A class of blocks of one size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Class(usize);

impl Class {
    /// Returns the class of a layout; `None` if its blocks are the system's.
    #[inline]
    pub(crate) fn of(layout: Layout) -> Option<Self> {
        if layout.size() > MAX || layout.align() > ALIGN {
            return None;
        }
        Some(Self::of_size(layout.size().max(1)))
    }

    /// Returns the class of a layout of at most 2 KiB, as nearly all are; `None` for any other.
    #[inline]
    pub(crate) fn of_fine(layout: Layout) -> Option<Self> {
        if layout.size() > FINE || layout.align() > ALIGN {
            return None;
        }
        Some(Self(layout.size().div_ceil(16)))
    }

    #[inline]
    fn of_size(size: usize) -> Self {
        if size <= FINE {
            return Self(size.div_ceil(16));
        }
        // The doubling that the size is in, and the quarter of it.
        let doubling = (size - 1).ilog2();
        let quarter = ((size - 1) >> (doubling - 2)) & 3;
        Self(1 + FINE / 16 + 4 * (doubling - FINE.ilog2()) as usize + quarter)
    }

    #[inline]
    pub(crate) fn index(self) -> usize {
        self.0
    }

    /// Returns the size of the blocks, in bytes: a multiple of 16.
    #[inline]
    pub(crate) fn block_size(self) -> usize {
        let Some(coarse) = self.0.checked_sub(1 + FINE / 16) else {
            return self.0 * 16;
        };
        let (doubling, quarter) = (coarse / 4, coarse % 4);
        (FINE << doubling) / 4 * (quarter + 5)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_size_fits_its_class_and_no_smaller_one() {
        for size in 1..=MAX {
            let layout = Layout::from_size_align(size, 8).unwrap();
            let class = Class::of(layout).unwrap();
            assert_eq!(Class::of_fine(layout), (size <= FINE).then_some(class));
            assert!(class.index() < CLASSES, "{size}");
            assert!(
                class.block_size() >= size,
                "{size} in {}",
                class.block_size()
            );
            assert!(class.block_size().is_multiple_of(16));
            if let Some(below) = class.0.checked_sub(1) {
                assert!(Class(below).block_size() < size, "{size}");
            }
        }
        let largest = Class::of(Layout::from_size_align(MAX, 1).unwrap()).unwrap();
        assert_eq!((largest.index(), largest.block_size()), (CLASSES - 1, MAX));
    }

    #[test]
    fn large_blocks_and_large_alignments_are_the_systems() {
        for (size, align) in [(MAX + 1, 8), (64, 32)] {
            let layout = Layout::from_size_align(size, align).unwrap();
            assert_eq!((Class::of(layout), Class::of_fine(layout)), (None, None));
        }
    }
}
