//! The limits of a world: bounds that stop a world that would go on for ever.

use std::time::Duration;

/// A world with faults may take this many times the steps of the fault-free world ..
const TIMES_FAULT_FREE: u64 = 20;

/// .. and this many more: enough for thousands of attempts of an activity.
const STEPS_OF_FAULTS: u64 = 20_000;

/// The bounds on one world.
///
/// A world that exceeds one of them fails, and its report names the limit and how to raise it.
///
/// ```
/// use durasim::Limits;
///
/// let limits = Limits { max_steps: 1_000_000, ..Limits::default() };
/// assert_eq!(limits.max_history_events, 51_200);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The number of steps: messages delivered and timers fired.
    ///
    /// A world with faults may take twenty times the steps of the fault-free world, and 20,000
    /// more. A world in which nothing happens but attempts of an activity that fail (2,000 of
    /// them), timers of one workflow (4,096 within a week), or actions of schedules (2,000), fails
    /// too, if nothing else ever could happen. None of them counts in a test that raises this
    /// limit, or that of events.
    ///
    /// The same number bounds the polls of tasks between two steps: a task that yields in a loop,
    /// or sleeps and looks again for something that never comes, takes no step.
    pub max_steps: u64,
    /// The virtual time since the start of the world, in milliseconds.
    pub max_virtual_ms: u64,
    /// The number of events in the history of one workflow run. Temporal's own limit is 51,200.
    pub max_history_events: u64,
    /// The real time for which code may keep the thread of its world, in milliseconds: a workflow,
    /// an activity, a mock or the test that loops without an await, or blocks the thread.
    ///
    /// The world is given up then, and its thread is left to itself. A world under a debugger is
    /// not watched where the system tells of it (Linux), nor is any if this is `u64::MAX`.
    pub max_stall_ms: u64,
}

impl Default for Limits {
    /// Returns 250,000 steps, ten virtual years, Temporal's own limit of 51,200 events, and ten
    /// seconds of real time without a step.
    ///
    /// A world that reaches the limit of events takes some 40,000 steps.
    fn default() -> Self {
        let durasim_engine::Limits {
            max_steps,
            max_virtual_ms,
        } = durasim_engine::Limits::default();
        Self {
            max_steps,
            max_virtual_ms,
            max_history_events: 51_200,
            max_stall_ms: 10_000,
        }
    }
}

/// The error of a world that exceeded one of its [`Limits`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum LimitExceeded {
    /// Too many steps, or too much virtual time.
    #[error(transparent)]
    Engine(#[from] durasim_engine::LimitExceeded),
    /// Far more steps than the fault-free world took.
    #[error(
        "the world took more than {limit} steps, where the fault-free world took {fault_free}; if \
         it should, raise `Limits::max_steps`"
    )]
    StepsBeside {
        /// The limit in force.
        limit: u64,
        /// The number of steps of the fault-free world.
        fault_free: u64,
    },
    /// Too many events in one history.
    #[error(
        "the history of workflow `{workflow_id}` has more than {limit} events; if it should, raise \
         `Limits::max_history_events`"
    )]
    HistoryEvents {
        /// The workflow whose history it is.
        workflow_id: String,
        /// The limit in force.
        limit: u64,
    },
}

impl LimitExceeded {
    /// Returns the exceeded field of [`Limits`] at ten times its value, as a test would write it.
    pub(crate) fn raised(&self) -> String {
        use durasim_engine::LimitExceeded as Engine;
        let (field, limit) = match self {
            Self::Engine(Engine::Steps { limit }) => ("max_steps", limit),
            Self::Engine(Engine::VirtualTime { limit_ms }) => ("max_virtual_ms", limit_ms),
            Self::StepsBeside { .. } => ("max_steps", &Limits::default().max_steps),
            Self::HistoryEvents { limit, .. } => ("max_history_events", limit),
            Self::Engine(_) => return "..".to_owned(),
        };
        format!("{field}: {}", limit.saturating_mul(10))
    }
}

impl Limits {
    /// Returns the limits that the engine checks.
    fn engine(&self) -> durasim_engine::Limits {
        durasim_engine::Limits {
            max_steps: self.max_steps,
            max_virtual_ms: self.max_virtual_ms,
        }
    }

    /// Checks the number of steps taken so far.
    ///
    /// # Errors
    ///
    /// If they are more than [`Limits::max_steps`].
    pub(crate) fn check_steps(&self, steps: u64) -> Result<(), LimitExceeded> {
        Ok(self.engine().check_steps(steps)?)
    }

    /// Checks the number of steps taken so far beside those of the fault-free world, unless the
    /// test has raised [`Limits::max_steps`].
    ///
    /// # Errors
    ///
    /// If the steps are far more.
    pub(crate) fn check_steps_beside(
        &self,
        steps: u64,
        fault_free: u64,
    ) -> Result<(), LimitExceeded> {
        let limit = fault_free
            .saturating_mul(TIMES_FAULT_FREE)
            .saturating_add(STEPS_OF_FAULTS);
        if steps <= limit || self.are_raised() {
            return Ok(());
        }
        Err(LimitExceeded::StepsBeside { limit, fault_free })
    }

    /// Returns `true` if the test allows its worlds more than the defaults do.
    pub(crate) fn are_raised(&self) -> bool {
        let default = Self::default();
        self.max_steps > default.max_steps || self.max_history_events > default.max_history_events
    }

    /// Checks a virtual time, in milliseconds since the Unix epoch.
    ///
    /// # Errors
    ///
    /// If it is more than [`Limits::max_virtual_ms`] after the start of the world.
    pub(crate) fn check_time(&self, now_ms: u64) -> Result<(), LimitExceeded> {
        Ok(self.engine().check_time(now_ms)?)
    }

    /// Checks the number of events in the history of one workflow run.
    ///
    /// # Errors
    ///
    /// If they are more than [`Limits::max_history_events`].
    pub(crate) fn check_history(
        &self,
        workflow_id: &str,
        events: u64,
    ) -> Result<(), LimitExceeded> {
        if events > self.max_history_events {
            let (workflow_id, limit) = (workflow_id.to_owned(), self.max_history_events);
            return Err(LimitExceeded::HistoryEvents { workflow_id, limit });
        }
        Ok(())
    }

    /// Returns the real time for which code may keep the thread of its world, if it is watched.
    pub(crate) fn patience(&self) -> Option<Duration> {
        (self.max_stall_ms < u64::MAX).then(|| Duration::from_millis(self.max_stall_ms))
    }

    /// Returns the last virtual moment of a world, in milliseconds since the Unix epoch.
    pub(crate) fn end_ms(&self) -> u64 {
        self.engine().end_ms()
    }
}
