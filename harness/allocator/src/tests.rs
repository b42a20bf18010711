#![allow(clippy::disallowed_methods, reason = "other threads are the point")]

use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicUsize, Ordering},
    thread,
};

use super::*;

#[global_allocator]
static ALLOCATOR: WorldAllocator = WorldAllocator;

/// The number of chunks that were taken from the system.
pub(super) static CHUNKS: AtomicUsize = AtomicUsize::new(0);

/// Allocates, grows, shrinks and frees vectors of many sizes, each filled with a byte of its own.
fn churn(seed: u64) {
    let mut state = seed;
    let mut draw = |below: usize| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(state >> 33).unwrap() % below
    };
    let mut live: BTreeMap<usize, (u8, Vec<u8>)> = BTreeMap::new();
    for round in 0..3_000 {
        let (slot, size) = (draw(64), draw(3_000) + draw(2) * draw(60_000));
        let byte = u8::try_from(round % 251).unwrap();
        match draw(3) {
            0 => _ = live.insert(slot, (byte, vec![byte; size])),
            1 => _ = live.remove(&slot),
            _ => {
                if let Some((byte, block)) = live.get_mut(&slot) {
                    block.resize(size, *byte);
                    block.shrink_to_fit();
                }
            }
        }
        if let Some((byte, block)) = live.get(&slot) {
            assert!(block.iter().all(|it| it == byte), "a block was overwritten");
        }
    }
    assert!(
        live.values()
            .all(|(byte, block)| block.iter().all(|it| it == byte))
    );
}

#[test]
fn blocks_keep_their_content_on_many_threads() {
    thread::scope(|scope| {
        for seed in 0..8 {
            scope.spawn(move || churn(seed));
        }
    });
}

#[test]
fn a_block_may_be_freed_by_another_thread() {
    let blocks: Vec<_> = (0..500_usize).map(|size| vec![7_u8; size]).collect();
    let freed = thread::spawn(move || blocks.iter().map(Vec::len).sum::<usize>());
    assert_eq!(freed.join().unwrap(), 499 * 500 / 2);
}

#[test]
fn zeroed_memory_is_zero_also_where_it_was_used_before() {
    for _ in 0..3 {
        drop(vec![0xff_u8; 700]);
        assert!(vec![0_u8; 700].iter().all(|byte| *byte == 0));
    }
}

#[test]
fn a_thread_may_allocate_while_its_locals_are_dropped() {
    struct Late;
    impl Drop for Late {
        fn drop(&mut self) {
            churn(99);
        }
    }
    thread_local! {
        static LATE: Late = const { Late };
    }
    for _ in 0..4 {
        let ends = thread::spawn(|| LATE.with(|_| drop(vec![1_u8; 100])));
        ends.join().unwrap();
    }
}

#[test]
fn blocks_that_another_thread_frees_serve_the_threads_after_it() {
    let world = || {
        exchange_lists();
        let report = thread::spawn(|| vec![vec![7_u8; 500]; 1_000]);
        drop(report.join().unwrap());
    };
    for _ in 0..10 {
        world();
    }
    let before = CHUNKS.load(Ordering::Relaxed);
    for _ in 0..400 {
        world();
    }
    // Each of the 400 has the memory of a chunk. The other tests take some too.
    let taken = CHUNKS.load(Ordering::Relaxed) - before;
    assert!(taken < 150, "{taken} chunks");
}
