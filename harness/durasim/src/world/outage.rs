//! Outages of the service: for a while it refuses every call, and its callers make them again.

use durasim_service::Rpc;
use tonic::{Code, Status};

use super::pending::CallerKind;
use crate::faults::{Outage, is_made_again};

/// The time after an outage within which no other one is drawn, in virtual milliseconds: longer
/// than the official client makes a call again.
const REST_MS: u64 = 30_000;

/// The outage of a world that began last.
pub(super) struct LastOutage {
    until_ms: u64,
    status: Status,
    by_hand: bool,
}

/// The intervals at which a caller makes a call again that is refused, in virtual milliseconds,
/// without jitter.
///
/// Source: `temporalio-client: src/retry.rs` (`RetryOptions`).
#[derive(Clone, Copy)]
struct Backoff {
    first_ms: f64,
    factor: f64,
    longest_ms: f64,
    gives_up_after_ms: f64,
}

/// The backoff of a call.
const OF_CALLS: Backoff = Backoff {
    first_ms: 100.0,
    factor: 1.7,
    longest_ms: 5_000.0,
    gives_up_after_ms: 10_000.0,
};

/// The backoff of a poll, which never gives up.
const OF_POLLS: Backoff = Backoff {
    first_ms: 200.0,
    factor: 2.0,
    longest_ms: 10_000.0,
    gives_up_after_ms: f64::INFINITY,
};

/// The least interval after RESOURCE_EXHAUSTED, which doubles.
const THROTTLED_MS: f64 = 1_000.0;

/// The outcome of a call that is refused for a while.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Again {
    /// It is made again with success after so many virtual milliseconds.
    After(u64),
    /// Its caller gives up after so many virtual milliseconds.
    GivesUp(u64),
}

impl Backoff {
    /// Returns the outcome of a call that is refused with this code for so long.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_precision_loss,
        clippy::cast_sign_loss,
        reason = "times of an outage are far from these limits"
    )]
    fn again(self, refused_ms: u64, code: Code) -> Again {
        let (mut at_ms, mut own_ms, mut throttled_ms) = (0.0, self.first_ms, THROTTLED_MS);
        while at_ms < refused_ms as f64 {
            if at_ms + own_ms > self.gives_up_after_ms {
                return Again::GivesUp(at_ms as u64);
            }
            at_ms += if code == Code::ResourceExhausted {
                own_ms.max(throttled_ms)
            } else {
                own_ms
            };
            own_ms = (own_ms * self.factor).min(self.longest_ms);
            throttled_ms = (throttled_ms * 2.0).min(self.longest_ms.max(10_000.0));
        }
        Again::After(at_ms.ceil() as u64)
    }
}

/// The fate of a call in an outage.
pub(super) enum InOutage {
    /// Its caller gets this error, and makes it again or not.
    Refused(Status),
    /// It arrives late by so many virtual milliseconds: a worker made it again.
    Late(u64),
    /// A worker gave it up after so many virtual milliseconds.
    GivenUp(u64, Status),
}

impl LastOutage {
    /// Begins an outage now.
    pub(super) fn new(outage: Outage, now_ms: u64) -> Self {
        Self {
            until_ms: now_ms.saturating_add(outage.ms),
            status: outage.status,
            by_hand: outage.by_hand,
        }
    }

    /// Returns `true` if another outage may be drawn by now.
    pub(super) fn is_long_ago(&self, now_ms: u64) -> bool {
        now_ms >= self.until_ms.saturating_add(REST_MS)
    }

    /// Returns the time that the outage still lasts, in virtual milliseconds; `None` if it is over.
    fn left_ms(&self, now_ms: u64) -> Option<u64> {
        let left_ms = self.until_ms.checked_sub(now_ms);
        left_ms.filter(|left_ms| *left_ms > 0)
    }

    /// Returns the fate of a request, if the service refuses every call now.
    pub(super) fn fate(&self, now_ms: u64, caller: CallerKind, rpc: Rpc) -> Option<InOutage> {
        let left_ms = self.left_ms(now_ms)?;
        match caller {
            // The service itself asks its Nexus handlers.
            CallerKind::Nexus(_) => None,
            CallerKind::Client => {
                (self.by_hand || is_made_again(rpc)).then(|| InOutage::Refused(self.status.clone()))
            }
            CallerKind::Worker(..) => Some(match OF_CALLS.again(left_ms, self.status.code()) {
                Again::After(ms) => InOutage::Late(ms),
                Again::GivesUp(ms) => InOutage::GivenUp(ms, self.status.clone()),
            }),
        }
    }

    /// Returns the time after which a worker polls with success, if the service refuses every call
    /// now.
    pub(super) fn polls_again_after_ms(&self, now_ms: u64) -> Option<u64> {
        let left_ms = self.left_ms(now_ms)?;
        match OF_POLLS.again(left_ms, self.status.code()) {
            Again::After(ms) | Again::GivesUp(ms) => Some(ms),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_made_again_at_growing_intervals_for_ten_seconds() {
        let again = |ms| OF_CALLS.again(ms, Code::Unavailable);
        assert_eq!(again(100), Again::After(100));
        assert_eq!(again(101), Again::After(270));
        assert_eq!(again(2_000), Again::After(3_306));
        assert_eq!(again(5_000), Again::After(5_720));
        assert!(matches!(again(60_000), Again::GivesUp(9_000..=10_000)));
    }

    #[test]
    fn polls_are_made_again_for_ever_and_throttled_callers_wait_longer() {
        assert_eq!(
            OF_POLLS.again(2_000, Code::Unavailable),
            Again::After(3_000)
        );
        assert_eq!(
            OF_POLLS.again(3_600_000, Code::Unavailable),
            Again::After(3_602_600)
        );
        assert_eq!(
            OF_CALLS.again(2_000, Code::ResourceExhausted),
            Again::After(3_000)
        );
    }
}
