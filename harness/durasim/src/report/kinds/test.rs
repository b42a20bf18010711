//! Failures of the test itself: it panics, returns an error, waits forever, or cannot be run.

use crate::{
    limits::{LimitExceeded, Limits},
    report::{Comparison, Diagnosis, Failure, FailureCode, SourceLine, WorkflowName},
    words::duration_words,
};

/// The remedy for a history that reaches the service's own limits, which no test can raise.
const CONTINUE_AS_NEW: &str = "look for a loop without end first; if the workflow should run that long, let it continue as new \
     (`ctx.continue_as_new_suggested()` says when): the limit is Temporal's own, and cannot be raised";

impl Failure {
    /// The test panicked: its own assertion, most often.
    pub(crate) fn panicked(message: impl Into<String>, location: Option<SourceLine>) -> Self {
        Self::new(FailureCode::Panic, "the test panicked")
            .with_message(message)
            .at(location)
    }

    /// The test returned an error.
    pub(crate) fn returned_error(message: impl Into<String>, location: Option<SourceLine>) -> Self {
        Self::new(FailureCode::Error, "the test returned an error")
            .with_message(message)
            .at(location)
    }

    /// The test cannot be run, or not as it is set up: an attribute, a variable or a saved file
    /// asks for something impossible.
    pub(crate) fn setup(message: impl Into<String>) -> Self {
        Self::new(FailureCode::Setup, "the test cannot be run as it is set up")
            .with_message(message)
    }

    /// Nothing can happen any more; `now_ms` is the virtual time since the start of the world.
    pub(crate) fn stuck(now_ms: u64, diagnosis: Diagnosis) -> Self {
        let what = format!(
            "nothing can happen any more, at +{}",
            duration_words(now_ms)
        );
        Self::new(FailureCode::Stuck, what)
            .of(diagnosis.first_workflow())
            .with_diagnosis(diagnosis)
    }

    /// The world exceeded a limit. The error names the limit and how to raise it.
    pub(crate) fn limit(exceeded: &LimitExceeded, diagnosis: Option<Diagnosis>) -> Self {
        // The error's own second half is the remedy; here the remedy is worded for the attribute.
        let words = exceeded.to_string();
        let what = words
            .split_once("; ")
            .map_or(words.as_str(), |(what, _)| what);
        let endless_retries = diagnosis.as_ref().and_then(Diagnosis::endless_retries);
        let remedy = if is_of_temporal(exceeded) {
            CONTINUE_AS_NEW.to_owned()
        } else if let Some(remedy) = endless_retries {
            remedy
        } else {
            format!(
                "look for a loop without end first; if the run should be that long, raise the limit: \
                 `#[workflow_test(limits = Limits {{ {}, ..Limits::default() }})]`",
                exceeded.raised()
            )
        };
        let mut failure = Self::new(FailureCode::Limit, what).with_remedy(remedy);
        failure.diagnosis = diagnosis;
        failure
    }

    /// The test returned an error, and the service had terminated a run for its size; `reason` is
    /// the service's.
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

    /// Code left the simulated world; `what` says how, in words that follow "the test".
    pub(crate) fn escaped(what: &str, location: Option<SourceLine>) -> Self {
        Self::new(FailureCode::Escape, format!("the test {what}")).at(location)
    }

    /// Two worlds of the same choices part; `expected` and `actual` are their traces from there on.
    pub(crate) fn unrepeatable(expected: impl Into<String>, actual: impl Into<String>) -> Self {
        let comparison = Comparison {
            label: "trace".to_owned(),
            expected_from: "the first run".to_owned(),
            expected: expected.into(),
            actual_from: "the second".to_owned(),
            actual: actual.into(),
        };
        Self::new(
            FailureCode::Unrepeatable,
            "two runs of the same choices differ",
        )
        .with_comparison(comparison)
    }
}

/// Returns `true` if no test can raise the limit: it is that of a real server.
fn is_of_temporal(exceeded: &LimitExceeded) -> bool {
    matches!(
        exceeded,
        LimitExceeded::HistoryEvents { limit, .. }
            if *limit >= Limits::default().max_history_events
    )
}
