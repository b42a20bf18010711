//! The lock of time: whether time may skip, and those who sleep until it has.

use std::{
    collections::{BTreeMap, VecDeque},
    time::{Duration, Instant},
};

use durasim_service::{Cluster, Rpc};
use tokio::sync::oneshot;

/// The time, in milliseconds, for which a waiting task holds time up after the last poll of its
/// queue: a worker polls again within it.
const BETWEEN_POLLS_MS: u64 = 1_000;
/// The time for which an answer to a client holds time up, so that the client may go on first.
const AFTER_ANSWER: Duration = Duration::from_millis(5);
/// The time after which a held clock is looked at again.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// The lock of time, and those who sleep.
#[derive(Debug)]
pub(crate) struct Skipping {
    /// The locks less the unlocks; time may skip unless there are more locks.
    ///
    /// The number may be negative for a while: a client that awaits several workflows at once
    /// unlocks time for each of them, and locks it again for each.
    locks: i64,
    /// The sleepers by the time at which they wake, in milliseconds since the Unix epoch, in order
    /// of their coming.
    sleepers: BTreeMap<(u64, u64), Sleeper>,
    last_sleeper: u64,
    /// The last moment at which a client got an answer.
    answered: Option<Instant>,
    /// The skips of the last moments, each with its length in milliseconds, in order. Time may skip
    /// thousands of times a second.
    skips: VecDeque<(Instant, u64)>,
    /// The sum of their lengths.
    skipped_ms: u64,
}

/// Returns `true` if a worker that polled just before this moment is likely to poll again.
fn is_recent(moment: Instant, now: Instant) -> bool {
    now.saturating_duration_since(moment) <= Duration::from_millis(BETWEEN_POLLS_MS)
}

/// Returns `true` if a client waits for the answer, and may go on with it.
pub(crate) fn waits(rpc: Rpc) -> bool {
    matches!(
        rpc,
        Rpc::GetWorkflowExecutionHistory
            | Rpc::UpdateWorkflowExecution
            | Rpc::PollWorkflowExecutionUpdate
            | Rpc::ExecuteMultiOperation
            | Rpc::QueryWorkflow
    )
}

#[derive(Debug)]
struct Sleeper {
    woken: oneshot::Sender<()>,
    /// True if time is locked again when the sleeper wakes.
    locks: bool,
}

impl Skipping {
    pub(crate) fn new(locked: bool) -> Self {
        Self {
            locks: i64::from(locked),
            sleepers: BTreeMap::new(),
            last_sleeper: 0,
            answered: None,
            skips: VecDeque::new(),
            skipped_ms: 0,
        }
    }

    /// Notes that a request was answered.
    pub(crate) fn answered(&mut self, rpc: Rpc) {
        if waits(rpc) {
            self.answered = Some(Instant::now());
        }
    }

    /// Notes that time skips by so many milliseconds.
    pub(crate) fn skips(&mut self, ms: u64) {
        self.skips.push_back((Instant::now(), ms));
        self.skipped_ms += ms;
    }

    /// Notes that time skips to the next action of a schedule. It may go on for ever, and leaves
    /// room for requests.
    pub(crate) fn schedule_acts(&mut self) {
        self.answered = Some(Instant::now());
    }

    /// Returns the moment until which time must not skip; `None` if it may. `waited_for` says if a
    /// client waits.
    pub(crate) fn held_until(
        &mut self,
        cluster: &Cluster,
        now_ms: u64,
        waited_for: bool,
    ) -> Option<Instant> {
        let now = Instant::now();
        let answered = self.answered.map(|at| at + AFTER_ANSWER);
        // A schedule alone, which may act for ever, is no reason to skip time.
        let is_needless =
            !waited_for && self.sleepers.is_empty() && cluster.awaits_only_schedules();
        if self.locks > 0 || cluster.is_working() || is_needless {
            // A change of any of them notifies the keeper of time.
            Some(now + Duration::from_hours(1))
        } else if cluster.awaits_poll(self.without_skips(now_ms, now), BETWEEN_POLLS_MS) {
            Some(now + LOOK_AGAIN)
        } else {
            answered.filter(|until| *until > now)
        }
    }

    /// Returns the time without the skips of the last moments: a worker does not poll in the
    /// milliseconds that are skipped.
    fn without_skips(&mut self, now_ms: u64, now: Instant) -> u64 {
        while let Some((at, ms)) = self.skips.front()
            && !is_recent(*at, now)
        {
            self.skipped_ms -= ms;
            self.skips.pop_front();
        }
        now_ms.saturating_sub(self.skipped_ms)
    }

    /// Returns the time at which the next sleeper wakes.
    pub(crate) fn next_ms(&self) -> Option<u64> {
        self.sleepers
            .first_key_value()
            .map(|((at_ms, _), _)| *at_ms)
    }

    /// Wakes those whose time has come.
    pub(crate) fn wake(&mut self, now_ms: u64) {
        while self.next_ms().is_some_and(|at_ms| at_ms <= now_ms)
            && let Some((_, sleeper)) = self.sleepers.pop_first()
        {
            // A sleeper that locks does so even if its caller has gone: it had unlocked time.
            self.locks += i64::from(sleeper.locks);
            self.answered = Some(Instant::now());
            let _ = sleeper.woken.send(());
        }
    }

    /// Takes a lock.
    pub(crate) fn lock(&mut self) {
        self.locks += 1;
    }

    /// Gives a lock back.
    pub(crate) fn unlock(&mut self) {
        self.locks -= 1;
    }

    /// Sleeps until a time, in milliseconds since the Unix epoch; then `locks` says if the sleeper
    /// takes a lock.
    pub(crate) fn sleep(&mut self, until_ms: u64, locks: bool) -> oneshot::Receiver<()> {
        let (woken, wakes) = oneshot::channel();
        self.last_sleeper += 1;
        let sleeper = Sleeper { woken, locks };
        self.sleepers.insert((until_ms, self.last_sleeper), sleeper);
        wakes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_worker_need_not_poll_in_time_that_is_skipped() {
        const HOUR_MS: u64 = 3_600_000;
        let mut skipping = Skipping::new(false);
        skipping.skips(HOUR_MS);
        skipping.skips(HOUR_MS);
        let now = Instant::now();
        assert_eq!(skipping.without_skips(3 * HOUR_MS, now), HOUR_MS);
        // The worker has had the time to poll again.
        let later = now + Duration::from_millis(2 * BETWEEN_POLLS_MS);
        assert_eq!(skipping.without_skips(3 * HOUR_MS, later), 3 * HOUR_MS);
    }
}
