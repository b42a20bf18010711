//! Many seeds on several threads, with results in the order of the seeds.

use std::{
    collections::BTreeMap,
    num::NonZero,
    ops::Range,
    sync::{
        atomic::{AtomicU64, Ordering},
        mpsc,
    },
    thread,
};

/// Runs `work` for every seed on `jobs` threads and passes the results to `take` in the order of
/// the seeds, each as soon as its predecessors are there. Stops early if `take` fails.
///
/// # Errors
///
/// If `take` fails.
pub(super) fn in_order<T: Send, E>(
    seeds: Range<u64>,
    jobs: NonZero<usize>,
    work: impl Fn(u64) -> T + Sync,
    mut take: impl FnMut(T) -> Result<(), E>,
) -> Result<(), E> {
    let next = AtomicU64::new(seeds.start);
    let (sender, results) = mpsc::channel();
    thread::scope(|scope| {
        // More threads than seeds would have no work.
        let threads = u64::try_from(jobs.get())
            .unwrap_or(u64::MAX)
            .min(seeds.end.saturating_sub(seeds.start));
        for _ in 0..threads {
            let sender = sender.clone();
            let (next, work) = (&next, &work);
            scope.spawn(move || {
                loop {
                    // The last seed may be the largest number there is, so the counter stops at the
                    // end.
                    let taken = next.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |seed| {
                        (seed < seeds.end).then(|| seed + 1)
                    });
                    let Ok(seed) = taken else { break };
                    // The receiver is gone once `take` has failed.
                    if sender.send((seed, work(seed))).is_err() {
                        break;
                    }
                }
            });
        }
        drop(sender);

        let mut early = BTreeMap::new();
        let mut awaited = seeds.start;
        for (seed, result) in results {
            early.insert(seed, result);
            while let Some(result) = early.remove(&awaited) {
                awaited += 1;
                if let Err(error) = take(result) {
                    next.store(seeds.end, Ordering::Relaxed);
                    return Err(error);
                }
            }
        }
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_come_in_the_order_of_their_seeds() {
        let jobs = NonZero::new(4).unwrap();
        let mut taken = Vec::new();
        let done = in_order(
            10..200,
            jobs,
            |seed| seed * 2,
            |result| {
                taken.push(result);
                Ok::<_, ()>(())
            },
        );
        assert_eq!(done, Ok(()));
        assert_eq!(taken, (10..200).map(|seed| seed * 2).collect::<Vec<_>>());
    }

    #[test]
    fn a_range_up_to_the_largest_number_ends() {
        let jobs = NonZero::new(4).unwrap();
        let mut taken = Vec::new();
        let seeds = u64::MAX - 5..u64::MAX;
        let done = in_order(
            seeds.clone(),
            jobs,
            |seed| seed,
            |seed| {
                taken.push(seed);
                Ok::<_, ()>(())
            },
        );
        assert_eq!(done, Ok(()));
        assert_eq!(taken, seeds.collect::<Vec<_>>());
    }

    #[test]
    fn take_is_not_called_after_it_fails() {
        let jobs = NonZero::new(4).unwrap();
        let mut taken = 0;
        let done = in_order(
            0..1000,
            jobs,
            |seed| seed,
            |seed| {
                taken += 1;
                if seed == 5 { Err("enough") } else { Ok(()) }
            },
        );
        assert_eq!(done, Err("enough"));
        assert_eq!(taken, 6);
    }
}
