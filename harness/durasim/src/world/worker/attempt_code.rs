//! The code of an activity attempt while it runs: faults may happen at each of its awaits and each
//! of its heartbeats.

use std::{
    future::poll_fn,
    sync::{Arc, LazyLock},
    task::Poll,
    time::Duration,
};

use durasim_worker::activity::{
    ActivityOutcome, AtHeartbeat, AtHeartbeatCallback, ClockCallback, HeartbeatCallback,
};
use futures::future::BoxFuture;
use temporalio_protos::temporal::api::failure::v1::Failure as FailureProto;

use super::{ProcessRef, running::CancelReason};
use crate::{
    faults::{AttemptFate, AttemptMoment},
    world::{State, World, real_io::RealIo, tolerance::tolerance},
};

/// The code of one attempt.
pub(super) struct AttemptCode {
    pub(super) at: ProcessRef,
    pub(super) token: Arc<[u8]>,
    pub(super) code: BoxFuture<'static, ActivityOutcome>,
    /// The fate that the faults chose as the attempt started.
    pub(super) fate: Option<AttemptFate>,
    /// True if faults may happen at the awaits of the code.
    pub(super) asks: bool,
    /// The permission to do real input and output.
    pub(super) real_io: Option<RealIo>,
}

impl AttemptCode {
    /// Runs the code to its end, unless a fault ends it before.
    pub(super) async fn run(mut self) {
        let mut at_first_await = match self.fate.take() {
            Some(AttemptFate::Pause { ms }) => {
                tokio::time::sleep(Duration::from_millis(ms)).await;
                None
            }
            Some(AttemptFate::AtFirstAwait(fate)) => Some(*fate),
            _ => None,
        };
        let mut awaits = 0;
        loop {
            let (outcome, fate) = self.poll(&mut at_first_await, &mut awaits).await;
            let world = World::current();
            match fate {
                Some(
                    AttemptFate::Crash {
                        restart_after_ms,
                        version,
                    }
                    | AttemptFate::CrashBeforeHeartbeat {
                        restart_after_ms,
                        version,
                    },
                ) => {
                    // A result without an await is lost with the process.
                    let mut state = world.state();
                    return state.attempt_dies(self.at, &self.token, restart_after_ms, version);
                }
                Some(AttemptFate::Fail(failure)) => {
                    let mut state = world.state();
                    return state.attempt_fails(self.at, &self.token, failure);
                }
                Some(AttemptFate::Pause { ms }) => {
                    tokio::time::sleep(Duration::from_millis(ms)).await;
                }
                Some(AttemptFate::ShutDown(shutdown)) => {
                    world.state().shut_down(self.at, shutdown);
                }
                _ => {}
            }
            if let Some(outcome) = outcome {
                let mut state = world.state();
                return state.attempt_done(self.at, &self.token, outcome);
            }
        }
    }

    /// Polls the code until it is done, or something happens to it at an await or a heartbeat.
    async fn poll(
        &mut self,
        at_first_await: &mut Option<AttemptFate>,
        awaits: &mut u32,
    ) -> (Option<ActivityOutcome>, Option<AttemptFate>) {
        poll_fn(|cx| {
            let polled = match &self.real_io {
                Some(real_io) => real_io.poll(self.code.as_mut(), cx),
                None => self.code.as_mut().poll(cx),
            };
            let mut fate = at_first_await.take();
            if self.asks {
                let world = World::current();
                let mut state = world.state();
                fate = fate.or_else(|| state.fate_at_heartbeat(self.at, &self.token));
                if polled.is_pending() {
                    *awaits += 1;
                    fate = fate.or_else(|| state.fate_at_await(self.at, &self.token, *awaits));
                }
            }
            match (polled, fate) {
                (Poll::Ready(outcome), fate) => Poll::Ready((Some(outcome), fate)),
                (Poll::Pending, None) => Poll::Pending,
                (Poll::Pending, fate) => Poll::Ready((None, fate)),
            }
        })
        .await
    }
}

impl State {
    /// The code of an attempt has come to an await.
    fn fate_at_await(&mut self, at: ProcessRef, token: &[u8], number: u32) -> Option<AttemptFate> {
        self.fate_inside(at, token, AttemptMoment::Await(number))
    }

    /// Returns the fate that the faults chose at a heartbeat of the poll that has just ended.
    fn fate_at_heartbeat(&mut self, at: ProcessRef, token: &[u8]) -> Option<AttemptFate> {
        self.running_attempt(at, token)?.heartbeat.fate.take()
    }

    /// The code of an attempt records a heartbeat.
    fn at_heartbeat(&mut self, at: ProcessRef, token: &[u8]) -> AtHeartbeat {
        let Some(attempt) = self.running_attempt(at, token) else {
            return AtHeartbeat::GoOn;
        };
        attempt.heartbeat.recorded += 1;
        let number = attempt.heartbeat.recorded;
        let fate = self.fate_inside(at, token, AttemptMoment::Heartbeat(number));
        let does = match &fate {
            None => return AtHeartbeat::GoOn,
            Some(AttemptFate::ShutDown(shutdown)) => {
                self.shut_down(at, *shutdown);
                return AtHeartbeat::GoOn;
            }
            Some(AttemptFate::CrashBeforeHeartbeat { .. }) => AtHeartbeat::StopBefore,
            Some(_) => AtHeartbeat::Stop,
        };
        if let Some(attempt) = self.running_attempt(at, token) {
            attempt.heartbeat.fate = fate;
        }
        does
    }

    /// Asks the faults what becomes of an attempt at a place inside its code.
    fn fate_inside(
        &mut self,
        at: ProcessRef,
        token: &[u8],
        moment: AttemptMoment,
    ) -> Option<AttemptFate> {
        let attempt = self.running_attempt(at, token)?;
        let (subject, allowance) = (attempt.subject, attempt.allowance);
        let last_heartbeat_ms = attempt.heartbeat.throttle.last_sent_ms();
        let allowance = tolerance!(self).still_allowed(token, allowance);
        self.attempt_fate(at, moment, subject, allowance, last_heartbeat_ms, false)
    }

    /// The process dies of a fault while this attempt runs.
    fn attempt_dies(
        &mut self,
        at: ProcessRef,
        token: &[u8],
        restart_after_ms: u64,
        version: usize,
    ) {
        // The attempt's own task is the one that runs: it ends by itself.
        if self.take_attempt(at, token).is_some() {
            self.crash_worker(at, restart_after_ms, version);
        }
    }

    /// This attempt fails of a fault in the middle of its code.
    fn attempt_fails(&mut self, at: ProcessRef, token: &[u8], failure: Box<FailureProto>) {
        if let Some(attempt) = self.take_attempt(at, token)
            && attempt.cancelled != Some(CancelReason::NotFound)
        {
            let details = attempt.heartbeat.throttle.into_latest();
            let outcome = ActivityOutcome::Failed(failure);
            self.report_attempt(at, token, attempt.subject, outcome, details);
        }
    }
}

/// Returns the callback that lets faults happen at the heartbeats of an attempt.
pub(super) fn at_heartbeat_callback(at: ProcessRef, token: Arc<[u8]>) -> AtHeartbeatCallback {
    Arc::new(move || {
        // An attempt outlives its world only while it is dropped.
        World::try_current().map_or(AtHeartbeat::GoOn, |world| {
            world.state().at_heartbeat(at, &token)
        })
    })
}

/// Returns the clock that activities read, which is that of their thread's world.
pub(super) fn clock_callback() -> ClockCallback {
    static CLOCK: LazyLock<ClockCallback> =
        LazyLock::new(|| Arc::new(|| World::current().clock.now_ms()));
    CLOCK.clone()
}

/// Returns the callback that takes the heartbeats of an attempt.
pub(super) fn heartbeat_callback(at: ProcessRef, token: Arc<[u8]>) -> HeartbeatCallback {
    Arc::new(move |details| {
        // An attempt outlives its world only while it is dropped: nobody is left to hear its
        // heartbeat.
        if let Some(world) = World::try_current() {
            world.state().heartbeat(at, &token, details);
        }
    })
}
