//! The throttle of an attempt's heartbeats.
//!
//! Core sends the first heartbeat of an attempt at once. For an interval after each heartbeat that
//! was sent, it holds the latest details back, and sends them when the interval ends.
//! (`temporalio-sdk-core: src/worker/activities/activity_heartbeat_manager.rs`)

use temporalio_protos::temporal::api::{
    common::v1::Payload, workflowservice::v1::PollActivityTaskQueueResponse,
};

use crate::time;

/// The interval of an activity without a heartbeat timeout.
const DEFAULT_INTERVAL_MS: u64 = 30_000;

/// The longest interval, however long the heartbeat timeout.
const MAX_INTERVAL_MS: u64 = 60_000;

/// The heartbeats of one attempt, throttled as Core throttles them.
///
/// ```
/// use durasim_worker::activity::{HeartbeatAction, HeartbeatThrottle};
///
/// // Without a heartbeat timeout, one heartbeat is sent in 30 seconds.
/// let mut throttle = HeartbeatThrottle::new(&Default::default());
/// assert_eq!(throttle.record(0, vec![]), HeartbeatAction::Send(vec![]));
/// assert_eq!(throttle.record(1_000, vec![]), HeartbeatAction::Hold { until_ms: 30_000 });
/// assert_eq!(throttle.record(2_000, vec![]), HeartbeatAction::Held);
/// assert_eq!(throttle.due(30_000), Some(vec![]));
/// ```
#[derive(Debug)]
pub struct HeartbeatThrottle {
    interval_ms: u64,
    last_sent_ms: Option<u64>,
    /// The latest details.
    latest: Option<Vec<Payload>>,
    /// True if the latest details were not sent.
    is_held: bool,
}

/// The consequence of a recorded heartbeat, for the host of the attempt.
#[derive(Debug, Clone, PartialEq)]
#[must_use]
pub enum HeartbeatAction {
    /// Send these details now.
    Send(Vec<Payload>),
    /// Call [`HeartbeatThrottle::due`] at this time.
    Hold {
        /// The end of the interval, in milliseconds since the Unix epoch.
        until_ms: u64,
    },
    /// Do nothing: the details replace others that were held, whose time is set already.
    Held,
}

impl HeartbeatThrottle {
    /// Returns the throttle of an attempt that has not recorded a heartbeat yet.
    ///
    /// The interval is 80 % of the heartbeat timeout, at most 60 seconds, and 30 seconds without a
    /// heartbeat timeout. (`temporalio-sdk-core: src/worker/activities.rs`)
    pub fn new(task: &PollActivityTaskQueueResponse) -> Self {
        let interval_ms = time::duration(task.heartbeat_timeout)
            .map(time::as_millis)
            .filter(|timeout_ms| *timeout_ms > 0)
            .map_or(DEFAULT_INTERVAL_MS, |timeout_ms| {
                (timeout_ms.saturating_mul(8) / 10).min(MAX_INTERVAL_MS)
            });
        Self {
            interval_ms,
            last_sent_ms: None,
            latest: None,
            is_held: false,
        }
    }

    /// Records a heartbeat, and returns what the host does about it.
    pub fn record(&mut self, now_ms: u64, details: Vec<Payload>) -> HeartbeatAction {
        // At the end of the interval too: the alarm has not sent the older details yet.
        if self.is_held {
            self.latest = Some(details);
            return HeartbeatAction::Held;
        }
        let until_ms = self
            .last_sent_ms
            .map(|last_ms| last_ms + self.interval_ms)
            .filter(|until_ms| *until_ms > now_ms);
        if let Some(until_ms) = until_ms {
            self.latest = Some(details);
            self.is_held = true;
            HeartbeatAction::Hold { until_ms }
        } else {
            self.last_sent_ms = Some(now_ms);
            self.latest = Some(details.clone());
            HeartbeatAction::Send(details)
        }
    }

    /// Ends the interval that a [`HeartbeatAction::Hold`] named, and returns the details to send.
    pub fn due(&mut self, now_ms: u64) -> Option<Vec<Payload>> {
        if !std::mem::take(&mut self.is_held) {
            return None;
        }
        self.last_sent_ms = Some(now_ms);
        self.latest.clone()
    }

    /// Returns the time at which the service last hears of the attempt if its code records nothing
    /// more; `None` if the code has recorded nothing.
    pub fn last_sent_ms(&self) -> Option<u64> {
        let held_ms = if self.is_held { self.interval_ms } else { 0 };
        self.last_sent_ms.map(|sent_ms| sent_ms + held_ms)
    }

    /// Returns the details of the latest heartbeat, sent or not: a failed attempt reports them.
    ///
    /// Source: `temporalio-sdk-core: src/worker/activities.rs`, `last_heartbeat_details`.
    pub fn into_latest(self) -> Option<Vec<Payload>> {
        self.latest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the throttle of an attempt with a heartbeat timeout of that many seconds.
    fn throttle(timeout_seconds: impl Into<Option<i64>>) -> HeartbeatThrottle {
        let duration = |seconds| prost_types::Duration { seconds, nanos: 0 };
        HeartbeatThrottle::new(&PollActivityTaskQueueResponse {
            heartbeat_timeout: timeout_seconds.into().map(duration),
            ..Default::default()
        })
    }

    fn details(data: &str) -> Vec<Payload> {
        vec![Payload {
            data: data.into(),
            ..Default::default()
        }]
    }

    #[test]
    fn the_interval_is_four_fifths_of_the_timeout_and_at_most_a_minute() {
        let interval_ms = |timeout: Option<i64>| throttle(timeout).interval_ms;
        assert_eq!(interval_ms(Some(10)), 8_000);
        assert_eq!(interval_ms(Some(75)), 60_000);
        assert_eq!(interval_ms(Some(3_600)), 60_000);
        assert_eq!(interval_ms(Some(i64::MAX)), 60_000);
    }

    #[test]
    fn the_interval_is_half_a_minute_without_a_usable_timeout() {
        let interval_ms = |timeout: Option<i64>| throttle(timeout).interval_ms;
        assert_eq!(interval_ms(None), 30_000);
        assert_eq!(interval_ms(Some(0)), 30_000);
        assert_eq!(interval_ms(Some(-5)), 30_000);
    }

    #[test]
    fn the_first_heartbeat_is_sent_at_once() {
        let mut throttle = throttle(10);
        let action = throttle.record(5, details("first"));
        assert_eq!(action, HeartbeatAction::Send(details("first")));
        assert_eq!(throttle.last_sent_ms(), Some(5));
    }

    #[test]
    fn the_latest_details_are_sent_when_the_interval_ends() {
        let mut throttle = throttle(10);
        let _ = throttle.record(0, details("first"));
        let held = throttle.record(1_000, details("second"));
        assert_eq!(held, HeartbeatAction::Hold { until_ms: 8_000 });
        let replaced = throttle.record(7_999, details("third"));
        assert_eq!(replaced, HeartbeatAction::Held);
        assert_eq!(throttle.due(8_000), Some(details("third")));
        assert_eq!(throttle.due(8_000), None);
    }

    #[test]
    fn details_sent_when_the_interval_ends_start_another_interval() {
        let mut throttle = throttle(10);
        let _ = throttle.record(0, details("first"));
        let _ = throttle.record(1_000, details("second"));
        let _ = throttle.due(8_000);
        let held = throttle.record(9_000, details("third"));
        assert_eq!(held, HeartbeatAction::Hold { until_ms: 16_000 });
    }

    #[test]
    fn a_heartbeat_after_a_quiet_interval_is_sent_at_once() {
        let mut throttle = throttle(10);
        let _ = throttle.record(0, details("first"));
        let action = throttle.record(8_000, details("second"));
        assert_eq!(action, HeartbeatAction::Send(details("second")));
    }

    #[test]
    fn the_latest_details_are_known_at_the_end_of_the_attempt_held_or_sent() {
        let mut throttle = throttle(10);
        let _ = throttle.record(0, details("first"));
        let _ = throttle.record(1_000, details("second"));
        assert_eq!(throttle.last_sent_ms(), Some(8_000));
        let _ = throttle.due(8_000);
        assert_eq!(throttle.into_latest(), Some(details("second")));
    }

    #[test]
    fn a_heartbeat_at_the_end_of_the_interval_replaces_the_held_one() {
        let mut throttle = throttle(10);
        assert_eq!(
            throttle.record(0, details("1")),
            HeartbeatAction::Send(details("1"))
        );
        let until_ms = 8_000;
        assert_eq!(
            throttle.record(1_000, details("2")),
            HeartbeatAction::Hold { until_ms }
        );
        assert_eq!(
            throttle.record(until_ms, details("3")),
            HeartbeatAction::Held
        );
        assert_eq!(throttle.due(until_ms), Some(details("3")));
    }
}
