//! Chains of runs drawn at random, with a model of the server's rules.
//!
//! `service/history/workflow/{retry,mutable_state_impl,task_generator}.go`,
//! `common/backoff/cron.go`,
//! `service/history/api/respondworkflowtaskcompleted/workflow_task_completed_handler.go`,
//! `service/history/timer_queue_active_task_executor.go`

use serde::{Deserialize, Serialize};
use temporalio_protos::temporal::api::enums::v1::{ContinueAsNewInitiator, RetryState};

use super::Draws;

/// The time for which chains are watched, in milliseconds.
pub(super) const WATCHED_MS: u64 = 300_000;

/// A workflow with its options and the behaviour of its runs.
#[derive(Clone, Debug)]
pub(super) struct Case {
    pub(super) run_timeout: Option<u64>,
    pub(super) execution_timeout: Option<u64>,
    pub(super) retry: Option<Retry>,
    pub(super) cron: Option<Cron>,
    /// The behaviours of runs; [`doing`] assigns them.
    pub(super) runs: Vec<Run>,
}

/// A retry policy, in seconds.
#[derive(Clone, Debug)]
pub(super) struct Retry {
    pub(super) initial_interval: u64,
    pub(super) coefficient: f64,
    pub(super) maximum_interval: Option<u64>,
    pub(super) maximum_attempts: u32,
    pub(super) non_retryable: Vec<String>,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Cron {
    /// At the full minutes that this number divides.
    Minutes(u64),
    /// The given number of seconds after the last time.
    Every(u64),
}

impl Cron {
    pub(super) fn schedule(self) -> String {
        match self {
            Self::Minutes(minutes) => format!("*/{minutes} * * * *"),
            Self::Every(seconds) => format!("@every {seconds}s"),
        }
    }

    const fn next(self, after_ms: u64) -> u64 {
        match self {
            Self::Minutes(minutes) => (after_ms / (minutes * 60_000) + 1) * minutes * 60_000,
            Self::Every(seconds) => after_ms / 1000 * 1000 + seconds * 1000,
        }
    }
}

/// The behaviour of a run.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Run {
    pub(super) takes_ms: u64,
    pub(super) ends: End,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) enum End {
    Well,
    Badly {
        type_name: String,
        is_retryable: bool,
        delay_ms: Option<u64>,
    },
    ContinuesAsNew {
        delay_ms: Option<u64>,
    },
}

/// Returns the behaviour of the run whose first task begins at this time, in milliseconds since the
/// Unix epoch.
pub(super) fn doing(runs: &[Run], begins_ms: u64, attempt: u32) -> &Run {
    let mixed = Draws(begins_ms + u64::from(attempt)).next();
    &runs[usize::try_from(mixed % runs.len() as u64).unwrap()]
}

/// The beginning and end of a run; times in milliseconds since the Unix epoch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Seen {
    pub(super) started_ms: u64,
    pub(super) delay_ms: u64,
    pub(super) attempt: u32,
    pub(super) initiator: ContinueAsNewInitiator,
    /// The time and type of the end; `None` if the run was still running.
    pub(super) closed: Option<(u64, How)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum How {
    Completed,
    Failed(RetryState),
    TimedOut(RetryState),
    ContinuedAsNew,
}

pub(super) fn case(draws: &mut Draws) -> Case {
    let cron = draws.percent(45).then(|| match draws.between(0, 4) {
        0 => Cron::Minutes(2),
        1 => Cron::Every(7),
        2 => Cron::Every(45),
        _ => Cron::Minutes(1),
    });
    let types = ["Busy", "Ill", "TemporalTimeout:StartToClose"];
    let retry = draws.percent(60).then(|| {
        let initial_interval = draws.between(1, 6);
        Retry {
            initial_interval,
            coefficient: draws.one_of(&[1.0, 1.5, 2.0, 3.0]),
            maximum_interval: draws.maybe(40, initial_interval, 20),
            maximum_attempts: draws.one_of(&[0, 1, 2, 3, 5]),
            non_retryable: types
                .iter()
                .filter(|_| draws.percent(15))
                .map(|it| (*it).to_owned())
                .collect(),
        }
    });
    Case {
        run_timeout: draws.maybe(50, 2, 70),
        execution_timeout: draws.maybe(50, 10, 280),
        retry,
        cron,
        runs: (0..draws.between(1, 7)).map(|_| run(draws)).collect(),
    }
}

fn run(draws: &mut Draws) -> Run {
    let takes_ms = match draws.between(0, 10) {
        0 | 1 => draws.between(1, 900),
        2 | 3 => 1_000_000,
        _ => draws.between(900, 40_000),
    };
    let ends = match draws.between(0, 10) {
        0..3 => End::Well,
        3 | 4 => End::ContinuesAsNew {
            delay_ms: draws.maybe(40, 1, 5_000),
        },
        _ => End::Badly {
            type_name: draws.one_of(&["Busy", "Ill"]).to_owned(),
            is_retryable: !draws.percent(5),
            delay_ms: draws.maybe(25, 1, 30_000),
        },
    };
    Run { takes_ms, ends }
}

const fn ms(seconds: u64) -> u64 {
    seconds * 1000
}

/// Returns the runs of a chain that starts at this time, until the end of the watched time; `None`
/// if two things coincide.
pub(super) fn chain(case: &Case, started_ms: u64) -> Option<Vec<Seen>> {
    let delay_ms = case
        .cron
        .map_or(0, |cron| whole_seconds(cron.next(started_ms) - started_ms));
    let initiator = case.cron.map_or(ContinueAsNewInitiator::Unspecified, |_| {
        ContinueAsNewInitiator::CronSchedule
    });
    let mut model = Model {
        case,
        ends_ms: started_ms + WATCHED_MS,
        expires_ms: case.execution_timeout.map(|it| started_ms + ms(it)),
        run_timeout_ms: [case.run_timeout, case.execution_timeout]
            .into_iter()
            .flatten()
            .min()
            .map(ms),
        cron: case.cron,
    };
    let mut seen = Vec::new();
    let mut next = Some(Seen {
        started_ms,
        delay_ms,
        attempt: 1,
        initiator,
        closed: None,
    });
    while let Some(mut run) = next.take() {
        let (closed, follows) = model.closes(&run)?;
        run.closed = closed;
        seen.push(run);
        next = follows;
    }
    Some(seen)
}

const fn whole_seconds(ms: u64) -> u64 {
    ms.div_ceil(1000) * 1000
}

struct Model<'a> {
    case: &'a Case,
    ends_ms: u64,
    expires_ms: Option<u64>,
    run_timeout_ms: Option<u64>,
    /// Continuing as new ends the schedule, because Core's command has none.
    cron: Option<Cron>,
}

type Closed = (Option<(u64, How)>, Option<Seen>);

impl Model<'_> {
    /// Returns the end of a run and the next run; `None` if two things coincide.
    fn closes(&mut self, run: &Seen) -> Option<Closed> {
        let begins_ms = run.started_ms + run.delay_ms;
        let doing = doing(&self.case.runs, begins_ms, run.attempt);
        let done_ms = begins_ms + doing.takes_ms;
        let expires_ms = self.expires_ms.unwrap_or(u64::MAX);
        let times_out_ms = self
            .run_timeout_ms
            .map_or(u64::MAX, |timeout| begins_ms + timeout)
            .min(expires_ms);
        if done_ms == times_out_ms || [done_ms, times_out_ms].contains(&self.ends_ms) {
            return None;
        }
        let at_ms = done_ms.min(times_out_ms);
        if at_ms > self.ends_ms {
            return Some((None, None));
        }
        let (how, follows) = if times_out_ms < done_ms {
            self.times_out(run, at_ms)
        } else {
            match &doing.ends {
                End::Well => (How::Completed, self.scheduled(run, at_ms)),
                End::ContinuesAsNew { delay_ms } => {
                    self.cron = None;
                    let next = begins(
                        run,
                        at_ms,
                        delay_ms.unwrap_or(0),
                        1,
                        ContinueAsNewInitiator::Workflow,
                    );
                    (How::ContinuedAsNew, Some(next))
                }
                End::Badly {
                    type_name,
                    is_retryable,
                    delay_ms,
                } => {
                    let (state, next) =
                        self.retried(run, at_ms, type_name, *is_retryable, *delay_ms);
                    (
                        How::Failed(state),
                        next.or_else(|| self.scheduled(run, at_ms)),
                    )
                }
            }
        };
        Some((Some((at_ms, how)), follows))
    }

    fn times_out(&self, run: &Seen, at_ms: u64) -> (How, Option<Seen>) {
        if self
            .expires_ms
            .is_some_and(|expires_ms| at_ms >= expires_ms)
        {
            return (How::TimedOut(RetryState::Timeout), None);
        }
        let (state, next) = self.retried(run, at_ms, "TemporalTimeout:StartToClose", true, None);
        (
            How::TimedOut(state),
            next.or_else(|| self.scheduled(run, at_ms)),
        )
    }

    fn retried(
        &self,
        run: &Seen,
        at_ms: u64,
        type_name: &str,
        is_retryable: bool,
        asked_ms: Option<u64>,
    ) -> (RetryState, Option<Seen>) {
        let Some(policy) = &self.case.retry else {
            return (RetryState::RetryPolicyNotSet, None);
        };
        if !is_retryable || policy.non_retryable.iter().any(|it| it == type_name) {
            return (RetryState::NonRetryableFailure, None);
        }
        if policy.maximum_attempts > 0 && run.attempt >= policy.maximum_attempts {
            return (RetryState::MaximumAttemptsReached, None);
        }
        let initial_ms = ms(policy.initial_interval);
        let maximum_ms = policy.maximum_interval.map_or(initial_ms * 100, ms);
        let power = i32::try_from(run.attempt - 1).unwrap();
        let computed_ms = (initial_ms as f64 * policy.coefficient.powi(power)).ceil() as u64;
        let delay_ms = asked_ms.unwrap_or(computed_ms).min(maximum_ms);
        if self
            .expires_ms
            .is_some_and(|expires_ms| at_ms + delay_ms > expires_ms)
        {
            return (RetryState::Timeout, None);
        }
        let next = begins(
            run,
            at_ms,
            delay_ms,
            run.attempt + 1,
            ContinueAsNewInitiator::Retry,
        );
        (RetryState::InProgress, Some(next))
    }

    /// Returns the next run of the cron schedule.
    fn scheduled(&self, run: &Seen, at_ms: u64) -> Option<Seen> {
        let cron = self.cron?;
        let mut next_ms = cron.next(run.started_ms + run.delay_ms);
        while next_ms < at_ms {
            next_ms = cron.next(next_ms);
        }
        let delay_ms = whole_seconds(next_ms - at_ms);
        Some(begins(
            run,
            at_ms,
            delay_ms,
            1,
            ContinueAsNewInitiator::CronSchedule,
        ))
    }
}

/// Returns the next run, which begins at least a second after this one began.
fn begins(
    run: &Seen,
    at_ms: u64,
    delay_ms: u64,
    attempt: u32,
    initiator: ContinueAsNewInitiator,
) -> Seen {
    let lifetime_ms = at_ms - (run.started_ms + run.delay_ms);
    let delay_ms = delay_ms.max(1000_u64.saturating_sub(lifetime_ms));
    Seen {
        started_ms: at_ms,
        delay_ms,
        attempt,
        initiator,
        closed: None,
    }
}
