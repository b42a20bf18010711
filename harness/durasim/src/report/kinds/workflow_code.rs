//! Failures of workflow code that does not follow its history.
//!
//! The check `replay` reports them, and so does every rebuild of a run after an eviction or a
//! crash.

use std::sync::Arc;

use durasim_engine::START_MS;
use durasim_events::HistoryEvent;
use durasim_worker::Nondeterminism;

use crate::report::{
    Failure, FailureCode, HistoryExcerpt, SourceLine, WorkflowName, sdk_defects::sdk_defect,
    source_lines::user_line,
};

/// The remedy for an input that another run would not have.
const COMPARE_INPUTS: &str = "look for what the input depends on besides the history: a clock, \
    randomness, hash order, a static, state that a query or a validator changed. The SDK compares \
    only types and ids, so a live worker would go on with the recorded value and never report \
    the difference";

/// The remedy after the timeout of a local activity, which the SDK words in two ways.
const LOCAL_TIMEOUT: &str = "look at both `failure()` and its cause, or at neither: SDK 1.1 \
    reports the timeout of a local activity as an activity failure whose cause is the timeout, \
    but on replay as the bare timeout. `as_timeout()` finds the first and not the second, and \
    their texts differ";

/// The remedy for workflow code that awaits something outside the SDK.
const AWAIT_HISTORY: &str = "await only what a history brings: `ctx.timer` for time, an activity \
    for work, `ctx.wait_condition` for the workflow's own state, `join!` and `select!` for several \
    at once; not tasks, timers or channels of Tokio, and no threads";

/// The remedy for workflow code that starts a thread.
const NO_THREADS: &str = "do the work in an activity, which may start threads; for several things \
    at once, `join!` futures of the context";

impl Failure {
    /// Returns the failure of workflow code that starts a thread, at `location`.
    pub(crate) fn thread_started(workflow: WorkflowName, location: Option<SourceLine>) -> Self {
        let what = "workflow code starts a thread; no history brings back what a thread does, or \
                    when";
        Self::new(FailureCode::Escape, what)
            .of(workflow)
            .at(location)
            .with_remedy(NO_THREADS)
    }

    /// Returns the failure of workflow code whose commands do not match its history.
    pub(crate) fn nondeterministic(
        name: WorkflowName,
        nondeterminism: &Nondeterminism,
        events: &[Arc<HistoryEvent>],
    ) -> Self {
        let Nondeterminism {
            message,
            got,
            issued_at,
            event_id,
            woken_from_outside,
            ..
        } = nondeterminism;
        let location = issued_at.as_deref().and_then(user_line);
        if *woken_from_outside {
            let excerpt = HistoryExcerpt::tail(events, START_MS);
            let goes_on = (!got.is_empty()).then(|| got.clone());
            return Self::woken_from_outside(name, message, goes_on, excerpt, location);
        }
        let excerpt = match event_id {
            Some(event_id) => {
                HistoryExcerpt::around(events, *event_id, START_MS).got(got.clone(), "")
            }
            None => HistoryExcerpt::tail(events, START_MS),
        };
        Self::replay_differs(name, message, excerpt, location, false)
    }

    /// Returns the failure of workflow code that, fed its own history, issued another command than
    /// the history holds.
    ///
    /// The excerpt marks both; `location` is the line that issued the command. `inputs_only`: the
    /// same command with another input, which the SDK tolerates. A known defect of the SDK is
    /// reported as such.
    pub(crate) fn replay_differs(
        workflow: WorkflowName,
        message: &str,
        history: HistoryExcerpt,
        location: Option<SourceLine>,
        inputs_only: bool,
    ) -> Self {
        let failure = if let Some(defect) = sdk_defect(message) {
            Self::of_the_sdk(defect)
        } else if inputs_only {
            let what = "on replay, the workflow issues a command with another input than its \
                        history holds";
            Self::new(FailureCode::Replay, what).with_remedy(COMPARE_INPUTS)
        } else {
            let what = "on replay, the workflow does not do what its history holds";
            Self::new(FailureCode::Replay, what)
        };
        failure
            .of(workflow)
            .with_message(message)
            .with_history(history)
            .at(location)
    }

    /// Replaces the remedy by that for a local activity that timed out.
    #[must_use]
    pub(crate) fn after_local_timeout(self) -> Self {
        self.with_remedy(LOCAL_TIMEOUT)
    }

    /// Returns the failure of workflow code that awaits something outside the SDK, which woke it;
    /// `goes_on` is the command that the code then issues, at `location`.
    pub(crate) fn woken_from_outside(
        workflow: WorkflowName,
        message: &str,
        goes_on: Option<String>,
        history: HistoryExcerpt,
        location: Option<SourceLine>,
    ) -> Self {
        let history = match goes_on {
            Some(command) => history.got(command, ""),
            None => history,
        };
        let what = "workflow code awaits something outside the SDK; a replay cannot reproduce it";
        Self::new(FailureCode::Replay, what)
            .of(workflow)
            .with_message(message)
            .with_history(history)
            .at(location)
            .with_remedy(AWAIT_HISTORY)
    }
}
