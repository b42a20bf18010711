//! The rate at which a task queue hands out its tasks.
//!
//! A client sets the rate, or the last worker that polled. A queue without a rate hands out tasks
//! as fast as workers poll: the limit that a server has for every queue is shown, and not kept.
//!
//! Source: `temporalio/temporal: service/matching/ratelimit_manager.go`,
//! `service/matching/matcher_data.go` (`simpleLimiter`).

use crate::api::{enums::RateLimitSource, taskqueue::TaskQueueConfig};

/// The tasks a second that a server hands out from any queue
/// (`admin.matchingNamespaceTaskqueueToPartitionDispatchRate`), with its four partitions.
const SYSTEM_RATE: f64 = 4_000.0;
/// The rate under which a queue hands out nothing.
const NO_RATE: f64 = 1e-9;
/// The time for which a queue that has rested hands out tasks at once.
const BURST_NS: u64 = NS_PER_SECOND;
const NS_PER_SECOND: u64 = 1_000_000_000;
const NS_PER_MS: u64 = 1_000_000;

/// The rate of a task queue, and the time at which its next task may go.
#[derive(Debug, Default)]
pub(crate) struct RateLimit {
    /// The configuration that clients have set.
    pub(crate) config: TaskQueueConfig,
    /// The rate of the last worker that polled.
    worker_rate: Option<f64>,
    /// The time from which the next task may go, in nanoseconds since the Unix epoch.
    ready_ns: u64,
    /// The time that is among those of all queues, in milliseconds, if the queue waits for it.
    pub(crate) armed_ms: Option<u64>,
}

impl RateLimit {
    /// Returns the rate in tasks a second, and its source.
    pub(crate) fn effective(&self) -> (f64, RateLimitSource) {
        let of_client = self.config.queue_rate_limit.as_ref();
        let of_client = of_client.and_then(|limit| limit.rate_limit);
        let (rate, source) = match (of_client, self.worker_rate) {
            (Some(limit), _) => (limit.requests_per_second.into(), RateLimitSource::Api),
            (None, Some(rate)) => (rate, RateLimitSource::Worker),
            (None, None) => return Self::of_system(),
        };
        if rate < SYSTEM_RATE {
            (rate, source)
        } else {
            Self::of_system()
        }
    }

    /// Returns the rate that every queue has.
    pub(crate) fn of_system() -> (f64, RateLimitSource) {
        (SYSTEM_RATE, RateLimitSource::System)
    }

    /// Returns the time from one task to the next, in nanoseconds: `None` if no task may go, 0 if
    /// the queue has no rate.
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the longest time fits, and none is negative"
    )]
    fn interval_ns(&self) -> Option<u64> {
        match self.effective() {
            (_, RateLimitSource::System) => Some(0),
            (rate, _) if rate <= NO_RATE => None,
            (rate, _) => Some((1e9 / rate) as u64),
        }
    }

    /// Changes the rate. A task that waited for a lower rate need not wait as long any more.
    pub(crate) fn change(&mut self, now_ms: u64, change: impl FnOnce(&mut Self)) {
        change(self);
        self.ready_ns = match self.interval_ns() {
            None => u64::MAX,
            Some(0) => 0,
            Some(interval_ns) => {
                let latest_ns = now_ms * NS_PER_MS + interval_ns + BURST_NS;
                self.ready_ns.min(latest_ns)
            }
        };
    }

    /// Sets the rate of the worker that polls.
    pub(crate) fn set_worker_rate(&mut self, now_ms: u64, rate: Option<f64>) {
        if self.worker_rate != rate {
            self.change(now_ms, |limit| limit.worker_rate = rate);
        }
    }

    /// Returns the time at which the next task may go, in milliseconds; `None` if none may.
    pub(crate) fn ready_ms(&self) -> Option<u64> {
        (self.ready_ns != u64::MAX).then(|| self.ready_ns.div_ceil(NS_PER_MS))
    }

    /// Returns `true` if a task waits for the time at which it may go, or if none may go.
    pub(crate) fn is_active(&self) -> bool {
        self.armed_ms.is_some() || self.ready_ms().is_none()
    }

    /// Notes that a task went.
    pub(crate) fn spend(&mut self, now_ms: u64) {
        let Some(interval_ns) = self.interval_ns() else {
            return;
        };
        if interval_ns > 0 {
            let earliest_ns = (now_ms * NS_PER_MS).saturating_sub(BURST_NS);
            self.ready_ns = self.ready_ns.max(earliest_ns) + interval_ns;
        }
    }
}
