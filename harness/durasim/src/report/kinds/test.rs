//! Failures of the test itself: it panics, returns an error, waits forever, or cannot be run.

use durasim_engine::Stalled;

use crate::{
    limits::{LimitExceeded, Limits},
    report::{
        Diagnosis, Failure, FailureCode, SourceLine, WorkflowName,
        source_lines::{user_frames, user_line},
    },
    words::duration_words,
};

/// The remedy for a history that reaches the service's own limits, which no test can raise.
const CONTINUE_AS_NEW: &str = "look for an endless loop first; if the workflow should run that \
    long, let it continue as new when `ctx.continue_as_new_suggested()` says so: the limit is \
    Temporal's own, and no test can raise it";

impl Failure {
    /// Returns the failure of a test that panicked, most often by an assertion of its own.
    pub(crate) fn panicked(message: impl Into<String>, location: Option<SourceLine>) -> Self {
        Self::new(FailureCode::Panic, "the test panicked")
            .with_message(message)
            .at(location)
    }

    /// Returns the failure of a test that returned an error.
    pub(crate) fn returned_error(message: impl Into<String>, location: Option<SourceLine>) -> Self {
        Self::new(FailureCode::Error, "the test returned an error")
            .with_message(message)
            .at(location)
    }

    /// Returns the failure of a test whose worker cannot start.
    pub(crate) fn worker_cannot_start(
        message: impl Into<String>,
        location: Option<SourceLine>,
    ) -> Self {
        Self::new(FailureCode::Setup, "a worker cannot start")
            .with_message(message)
            .at(location)
    }

    /// Returns the failure of a test that cannot be run, or not as it is set up: an attribute, a
    /// variable or a saved file asks for something impossible.
    pub(crate) fn setup(message: impl Into<String>) -> Self {
        Self::new(FailureCode::Setup, "the test cannot be run as it is set up")
            .with_message(message)
    }

    /// Returns the failure of a world in which nothing can happen any more; `now_ms` is the virtual
    /// time since its start.
    pub(crate) fn stuck(now_ms: u64, diagnosis: Diagnosis) -> Self {
        let what = format!("at +{} nothing can happen any more", duration_words(now_ms));
        Self::new(FailureCode::Stuck, what)
            .of(diagnosis.first_workflow())
            .with_diagnosis(diagnosis)
    }

    /// Returns the failure of a world that exceeded a limit.
    pub(crate) fn limit(exceeded: &LimitExceeded, diagnosis: Option<Diagnosis>) -> Self {
        // The second half of the error is a remedy; the remedy here is worded for the attribute.
        let words = exceeded.to_string();
        let what = words
            .split_once("; ")
            .map_or(words.as_str(), |(what, _)| what);
        let endless_retries = diagnosis
            .as_ref()
            .and_then(Diagnosis::remedy_of_endless_retries);
        let remedy = if is_of_temporal(exceeded) {
            CONTINUE_AS_NEW.to_owned()
        } else if let Some(remedy) = endless_retries {
            remedy
        } else {
            format!(
                "look for an endless loop first; if the world needs that long, raise the limit: \
                 `#[workflow_test(limits = Limits {{ {}, ..Limits::default() }})]`",
                exceeded.raised()
            )
        };
        let mut failure = Self::new(FailureCode::Limit, what).with_remedy(remedy);
        failure.diagnosis = diagnosis;
        failure
    }

    /// Returns the failure of a world in which an activity fails on every attempt, and nothing else
    /// can happen.
    pub(crate) fn endless_retries(diagnosis: Diagnosis) -> Self {
        let (activity_type, attempts) = diagnosis.endless_retries().unwrap_or(("an activity", 0));
        let what = format!(
            "{activity_type} has failed on {attempts} attempts, is retried forever, and nothing \
             else can happen any more"
        );
        let fix = diagnosis.remedy_of_endless_retries().unwrap_or_default();
        Self::new(FailureCode::Limit, what)
            .of(diagnosis.first_workflow())
            .with_remedy(format!(
                "{fix}. {}",
                raised("the activity polls that often")
            ))
            .with_diagnosis(diagnosis)
    }

    /// Returns the failure of a world in which a workflow waits for one timer after the other, so
    /// many by now, and nothing else can happen.
    pub(crate) fn endless_timers(timers: u64, diagnosis: Diagnosis) -> Self {
        let what = format!(
            "the workflow has waited for {timers} timers, one after the other, and nothing else \
             can happen any more"
        );
        Self::new(FailureCode::Limit, what)
            .of(diagnosis.first_workflow())
            .with_remedy(format!(
                "look for an endless loop. A workflow that should wait that often continues as \
                 new when `ctx.continue_as_new_suggested()` says so. {}",
                raised("the workflow does end")
            ))
            .with_diagnosis(diagnosis)
    }

    /// Returns the failure of a world in which schedules have acted so often since the test last
    /// went on, and nothing else can happen.
    pub(crate) fn endless_schedules(turns: u64, diagnosis: Diagnosis) -> Self {
        let what = format!(
            "schedules have acted {turns} times, the test waits, and nothing else can happen any \
             more"
        );
        let missing = diagnosis.remedy();
        let missing = missing.unwrap_or_else(|| "send or start what is missing".to_owned());
        Self::new(FailureCode::Limit, what)
            .of(diagnosis.first_workflow())
            .with_remedy(format!(
                "{missing}, or wait for a time with `env.sleep`. {}",
                raised("the test does go on")
            ))
            .with_diagnosis(diagnosis)
    }

    /// Returns the failure of a world in which `who` has asked the service so often, and nothing
    /// can change the answer.
    pub(crate) fn asked_in_vain(who: &str, questions: u64, diagnosis: Diagnosis) -> Self {
        let what = format!(
            "{who} has asked {questions} times in a row, and nothing can change the answer any more"
        );
        let missing = diagnosis.remedy();
        let missing = missing.unwrap_or_else(|| "send or start what is missing".to_owned());
        Self::new(FailureCode::Limit, what)
            .of(diagnosis.first_workflow())
            .with_remedy(format!(
                "{missing}. Await the result in place of polling: virtual time costs nothing. {}",
                raised("the loop does end")
            ))
            .with_diagnosis(diagnosis)
    }

    /// Returns the failure of a world that was given up, because code kept its thread.
    /// `code` names the code.
    pub(crate) fn stalled(code: &str, stalled: &Stalled) -> Self {
        let what = format!(
            "{code} has kept the thread of its world for {} of real time",
            duration_words(u64::try_from(stalled.patience.as_millis()).unwrap_or(u64::MAX))
        );
        let failure = Self::new(FailureCode::Limit, what)
            .at(user_line(&stalled.backtrace))
            .with_remedy(
                "look for a loop without an await, a lock that is never released, or a call that \
                 blocks; if the code needs that long, raise the limit: \
                 `#[workflow_test(limits = Limits { max_stall_ms: 60_000, ..Limits::default() })]`",
            );
        let frames = user_frames(&stalled.backtrace);
        if frames.is_empty() {
            return failure;
        }
        failure.with_message(format!("it is in\n{}", frames.join("\n")))
    }

    /// Returns the failure of a test that returned an error after the service had terminated a run
    /// for its size; `reason` is the service's.
    pub(crate) fn outgrown(
        workflow: WorkflowName,
        reason: &str,
        message: impl Into<String>,
        location: Option<SourceLine>,
    ) -> Self {
        let what = format!("the service terminated a workflow, as Temporal would: {reason}");
        Self::new(FailureCode::Limit, what)
            .of(workflow)
            .with_message(message)
            .at(location)
            .with_remedy(CONTINUE_AS_NEW)
    }

    /// Returns the failure of code that left the simulated world; `what` says how, in words that
    /// follow "the test".
    pub(crate) fn escaped(what: &str, location: Option<SourceLine>) -> Self {
        Self::new(FailureCode::Escape, format!("the test {what}")).at(location)
    }
}

/// Returns the remedy for a world that needs more than the defaults allow.
fn raised(reason: &str) -> String {
    format!(
        "If {reason}, raise the limit: `#[workflow_test(limits = Limits {{ max_steps: 2_500_000, \
         ..Limits::default() }})]`"
    )
}

/// Returns `true` if no test can raise the limit: it is that of a real server.
fn is_of_temporal(exceeded: &LimitExceeded) -> bool {
    matches!(
        exceeded,
        LimitExceeded::HistoryEvents { limit, .. }
            if *limit >= Limits::default().max_history_events
    )
}
