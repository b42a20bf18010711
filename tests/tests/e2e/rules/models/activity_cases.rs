//! Activities drawn at random, with a model of the server's rules.
//!
//! `service/history/workflow/{retry,timer_sequence,mutable_state_impl}.go`,
//! `service/history/timer_queue_active_task_executor.go`, `chasm/lib/activity/validator.go`

use temporalio_protos::temporal::api::enums::v1::{RetryState, TimeoutType};

use super::Draws;
use crate::rules::activities::Settings;

/// The time at which the worker of the late queue comes, in milliseconds.
pub(super) const LATE_MS: u64 = 7_123;

/// An activity with its options and the behaviour of its attempts.
#[derive(Clone, Debug)]
pub(super) struct Case {
    pub(super) settings: Settings,
    pub(super) run_timeout: Option<u64>,
    /// The time at which the workflow cancels the activity, in milliseconds.
    pub(super) cancelled_ms: Option<u64>,
    /// True if the activity's worker comes only at [`LATE_MS`].
    pub(super) is_late: bool,
    /// The behaviour of the attempts; later attempts are like the last.
    pub(super) attempts: Vec<Attempt>,
}

/// The behaviour of an attempt, in milliseconds since it started.
#[derive(Clone, Debug)]
pub(super) struct Attempt {
    pub(super) heartbeat_ms: Option<u64>,
    pub(super) takes_ms: u64,
    pub(super) ends: End,
}

#[derive(Clone, Debug)]
pub(super) enum End {
    Well,
    Badly {
        type_name: &'static str,
        is_retryable: bool,
        delay_ms: Option<u64>,
    },
}

/// The end of an activity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Closing {
    pub(super) how: How,
    /// The time in milliseconds since the activity was scheduled.
    pub(super) after_ms: u64,
    /// The number of the attempt under way and its start.
    pub(super) started: Option<(u32, u64)>,
    pub(super) last_failure: Option<String>,
    pub(super) retry_state: RetryState,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum How {
    Completed,
    Failed,
    Canceled,
    TimedOut(TimeoutType),
}

pub(super) fn case(draws: &mut Draws) -> Case {
    let start_to_close = draws.maybe(70, 1, 12);
    let schedule_to_close = draws.maybe(if start_to_close.is_some() { 50 } else { 100 }, 1, 40);
    let types = [
        "Busy",
        "busy",
        "Ill",
        "TemporalTimeout:StartToClose",
        "TemporalTimeout:Heartbeat",
    ];
    let is_late = draws.percent(25);
    let settings = Settings {
        start_to_close,
        schedule_to_close,
        schedule_to_start: draws.maybe(30, 1, 12),
        heartbeat: draws.maybe(40, 1, 8),
        initial_interval: draws.maybe(60, 1, 6),
        coefficient: draws.one_of(&[None, Some(1.0), Some(1.5), Some(3.0)]),
        maximum_interval: draws.maybe(30, 6, 12),
        maximum_attempts: draws.one_of(&[0, 0, 1, 2, 3, 5]),
        non_retryable: types
            .iter()
            .filter(|_| draws.percent(12))
            .map(|it| (*it).to_owned())
            .collect(),
        task_queue: is_late.then(|| "late".to_owned()),
    };
    let count = draws.between(1, 6);
    Case {
        settings,
        run_timeout: draws.maybe(20, 5, 60),
        cancelled_ms: draws.maybe(20, 1, 30_000),
        is_late,
        attempts: (0..count)
            .map(|number| attempt(draws, number + 1 == count))
            .collect(),
    }
}

fn attempt(draws: &mut Draws, is_last: bool) -> Attempt {
    let end = draws.between(0, 10);
    let ends = if is_last && end < 6 || end < 1 {
        End::Well
    } else {
        End::Badly {
            type_name: draws.one_of(&["Busy", "Ill"]),
            is_retryable: !draws.percent(5),
            delay_ms: draws.maybe(25, 1, 15_000),
        }
    };
    Attempt {
        heartbeat_ms: draws.maybe(40, 1, 9_000),
        takes_ms: if draws.percent(25) {
            1_000_000
        } else {
            draws.between(1, 9_000)
        },
        ends,
    }
}

const fn ms(seconds: u64) -> u64 {
    seconds * 1000
}

/// The four timeouts as the server normalizes them, in milliseconds.
struct Timeouts {
    schedule_to_close: Option<u64>,
    schedule_to_start: Option<u64>,
    start_to_close: Option<u64>,
    heartbeat: Option<u64>,
}

impl Timeouts {
    fn of(case: &Case) -> Self {
        let settings = &case.settings;
        let run = case.run_timeout.map(ms);
        let at_most = |value: Option<u64>, limit: Option<u64>| match (value, limit) {
            (Some(value), Some(limit)) => Some(value.min(limit)),
            (value, limit) => value.or(limit),
        };
        let schedule_to_close = at_most(settings.schedule_to_close.map(ms), run);
        let start_to_close = at_most(settings.start_to_close.map(ms), schedule_to_close);
        Self {
            schedule_to_close,
            schedule_to_start: at_most(settings.schedule_to_start.map(ms), schedule_to_close),
            start_to_close,
            heartbeat: settings
                .heartbeat
                .map(|it| ms(it).min(start_to_close.unwrap_or(u64::MAX))),
        }
    }
}

/// The next thing that happens to an activity. Things at the same time happen in this order, which
/// is the order of the timers' numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Next {
    StartToClose,
    ScheduleToStart,
    ScheduleToClose,
    Heartbeat,
    Ends,
    Cancelled,
    Starts,
}

/// Returns the end of an activity; `None` if two things without a defined order coincide, or if the
/// activity lasts too long.
pub(super) fn closing(case: &Case) -> Option<Closing> {
    let mut model = Model {
        case,
        timeouts: Timeouts::of(case),
        attempt: 1,
        scheduled_ms: 0,
        started_ms: None,
        is_cancelled: false,
        last_failure: None,
    };
    // An activity may be retried for ever.
    while model.attempt < 20 {
        let (next, at_ms) = model.next()?;
        if let Some(closing) = model.happens(next, at_ms) {
            return Some(closing);
        }
    }
    None
}

struct Model<'a> {
    case: &'a Case,
    timeouts: Timeouts,
    attempt: u32,
    scheduled_ms: u64,
    started_ms: Option<u64>,
    is_cancelled: bool,
    last_failure: Option<String>,
}

impl Model<'_> {
    fn behaviour(&self) -> &Attempt {
        let index = usize::try_from(self.attempt - 1)
            .unwrap()
            .min(self.case.attempts.len() - 1);
        &self.case.attempts[index]
    }

    fn next(&self) -> Option<(Next, u64)> {
        let after = |from: u64, timeout: Option<u64>| timeout.map(|timeout| from + timeout);
        let mut all = vec![(Next::ScheduleToClose, self.timeouts.schedule_to_close)];
        if let Some(started_ms) = self.started_ms {
            let behaviour = self.behaviour();
            // A heartbeat counts if it comes in time.
            let heard_ms = behaviour.heartbeat_ms.filter(|it| {
                *it < behaviour.takes_ms && self.timeouts.heartbeat.is_none_or(|limit| *it < limit)
            });
            all.push((
                Next::StartToClose,
                after(started_ms, self.timeouts.start_to_close),
            ));
            all.push((
                Next::Heartbeat,
                after(started_ms + heard_ms.unwrap_or(0), self.timeouts.heartbeat),
            ));
            all.push((Next::Ends, Some(started_ms + behaviour.takes_ms)));
        } else {
            let worker_ms = if self.case.is_late { LATE_MS } else { 0 };
            all.push((
                Next::ScheduleToStart,
                after(self.scheduled_ms, self.timeouts.schedule_to_start),
            ));
            all.push((Next::Starts, Some(self.scheduled_ms.max(worker_ms))));
        }
        if !self.is_cancelled {
            all.push((Next::Cancelled, self.case.cancelled_ms));
        }
        let all = all
            .into_iter()
            .filter_map(|(next, at_ms)| Some((at_ms?, next)));
        let (at_ms, next) = all.clone().min()?;
        let at_once = all
            .filter(|(other, next)| *other == at_ms && *next > Next::Heartbeat)
            .count();
        let is_clear = at_once == 0 || at_once == 1 && next > Next::Heartbeat;
        is_clear.then_some((next, at_ms))
    }

    fn happens(&mut self, next: Next, at_ms: u64) -> Option<Closing> {
        let timeout = match next {
            Next::Starts => {
                self.started_ms = Some(at_ms);
                return None;
            }
            Next::Cancelled => {
                self.is_cancelled = true;
                let is_running = self.started_ms.is_some();
                return (!is_running)
                    .then(|| self.closes(How::Canceled, at_ms, RetryState::Unspecified));
            }
            Next::Ends => return self.ends(at_ms),
            Next::StartToClose => TimeoutType::StartToClose,
            Next::ScheduleToStart => TimeoutType::ScheduleToStart,
            Next::ScheduleToClose => TimeoutType::ScheduleToClose,
            Next::Heartbeat => TimeoutType::Heartbeat,
        };
        let name = format!("{timeout:?}");
        match self.retry(&format!("TemporalTimeout:{name}"), true, None, at_ms) {
            Ok(scheduled_ms) => {
                self.tries_again(scheduled_ms, name);
                None
            }
            Err(RetryState::Timeout) if timeout != TimeoutType::ScheduleToStart => {
                Some(self.closes(
                    How::TimedOut(TimeoutType::ScheduleToClose),
                    at_ms,
                    RetryState::Timeout,
                ))
            }
            Err(state) => Some(self.closes(How::TimedOut(timeout), at_ms, state)),
        }
    }

    fn ends(&mut self, at_ms: u64) -> Option<Closing> {
        let (type_name, is_retryable, delay_ms) = match self.behaviour().ends {
            End::Well => return Some(self.closes(How::Completed, at_ms, RetryState::Unspecified)),
            End::Badly {
                type_name,
                is_retryable,
                delay_ms,
            } => (type_name, is_retryable, delay_ms),
        };
        match self.retry(type_name, is_retryable, delay_ms, at_ms) {
            Ok(scheduled_ms) => {
                self.tries_again(scheduled_ms, type_name.to_owned());
                None
            }
            Err(state) => Some(self.closes(How::Failed, at_ms, state)),
        }
    }

    /// Returns the time at which the next attempt is scheduled.
    fn retry(
        &self,
        type_name: &str,
        is_retryable: bool,
        delay_ms: Option<u64>,
        at_ms: u64,
    ) -> Result<u64, RetryState> {
        let settings = &self.case.settings;
        if self.is_cancelled {
            return Err(RetryState::CancelRequested);
        }
        if [
            "TemporalTimeout:ScheduleToStart",
            "TemporalTimeout:ScheduleToClose",
        ]
        .contains(&type_name)
        {
            return Err(RetryState::Timeout);
        }
        if !is_retryable || settings.non_retryable.iter().any(|it| it == type_name) {
            return Err(RetryState::NonRetryableFailure);
        }
        if settings.maximum_attempts > 0 && self.attempt >= settings.maximum_attempts {
            return Err(RetryState::MaximumAttemptsReached);
        }
        let initial_ms = ms(settings.initial_interval.unwrap_or(1));
        let maximum_ms = settings.maximum_interval.map_or(initial_ms * 100, ms);
        let power = i32::try_from(self.attempt - 1).unwrap();
        // The server has a finer clock than the simulation, which counts whole milliseconds.
        let exact = initial_ms as f64 * settings.coefficient.unwrap_or(2.0).powi(power);
        let scheduled_ms = at_ms + delay_ms.unwrap_or((exact.ceil() as u64).min(maximum_ms));
        if self
            .timeouts
            .schedule_to_close
            .is_some_and(|deadline_ms| scheduled_ms > deadline_ms)
        {
            return Err(RetryState::Timeout);
        }
        Ok(scheduled_ms)
    }

    fn tries_again(&mut self, scheduled_ms: u64, failure: String) {
        self.attempt += 1;
        self.scheduled_ms = scheduled_ms;
        self.started_ms = None;
        self.last_failure = Some(failure);
    }

    fn closes(&self, how: How, after_ms: u64, retry_state: RetryState) -> Closing {
        let started = self.started_ms.map(|started_ms| (self.attempt, started_ms));
        // The failure stands in the started event, or is the cause of a timeout.
        let is_told = started.is_some() || matches!(how, How::TimedOut(_));
        let last_failure = self.last_failure.clone().filter(|_| is_told);
        Closing {
            how,
            after_ms,
            started,
            last_failure,
            retry_state,
        }
    }
}
