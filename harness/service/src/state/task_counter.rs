//! The rate at which something happens to the tasks of a queue, over the last half minute.
//!
//! Source: `temporalio/temporal: service/matching/task_tracker.go`.

/// The time that is counted together.
const BUCKET_MS: u64 = 5_000;
/// The time over which a rate is measured.
const INTERVAL_MS: u64 = 30_000;
const BUCKETS: usize = 7;

/// A count over time.
#[derive(Debug)]
pub(crate) struct TaskCounter {
    start_ms: u64,
    bucket_start_ms: u64,
    buckets: [u32; BUCKETS],
    place: usize,
}

impl TaskCounter {
    /// Returns a count that begins now.
    pub(crate) fn new(now_ms: u64) -> Self {
        Self {
            start_ms: now_ms,
            bucket_start_ms: now_ms,
            buckets: [0; BUCKETS],
            place: 0,
        }
    }

    /// Counts one more.
    pub(crate) fn count(&mut self, now_ms: u64) {
        let passed = now_ms.saturating_sub(self.bucket_start_ms) / BUCKET_MS;
        if passed > 0 {
            for _ in 0..passed.min(BUCKETS as u64) {
                self.place = (self.place + 1) % BUCKETS;
                self.buckets[self.place] = 0;
            }
            self.bucket_start_ms += passed * BUCKET_MS;
        }
        self.buckets[self.place] += 1;
    }

    /// Returns the number of them in a second.
    #[allow(
        clippy::cast_precision_loss,
        reason = "the message has rates of this precision"
    )]
    pub(crate) fn rate(&self, now_ms: u64) -> f32 {
        // The buckets that a count now would empty count no more.
        let passed = now_ms.saturating_sub(self.bucket_start_ms) / BUCKET_MS;
        let kept = BUCKETS.saturating_sub(usize::try_from(passed).unwrap_or(BUCKETS));
        let newest_first = (0..kept).map(|age| (self.place + BUCKETS - age) % BUCKETS);
        let total: u32 = newest_first.map(|place| self.buckets[place]).sum();
        let in_bucket_ms = now_ms.saturating_sub(self.bucket_start_ms + passed * BUCKET_MS);
        let elapsed_ms = (in_bucket_ms + INTERVAL_MS).min(now_ms.saturating_sub(self.start_ms));
        if elapsed_ms == 0 {
            return 0.0;
        }
        total as f32 / (elapsed_ms as f32 / 1_000.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_that_of_the_last_half_minute() {
        let mut counter = TaskCounter::new(0);
        assert_eq!(counter.rate(0).to_bits(), 0.0_f32.to_bits());
        for second in 0..10 {
            counter.count(1_000 * second);
            counter.count(1_000 * second);
        }
        assert!((counter.rate(10_000) - 2.0).abs() < 0.01);
        assert!((counter.rate(30_000) - 20.0 / 30.0).abs() < 0.01);
        assert!(counter.rate(60_000) < 0.01);
    }
}
