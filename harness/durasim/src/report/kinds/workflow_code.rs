//! Failures of workflow code that does not follow its history.
//!
//! The check `replay` reports them, and so does every rebuild of a run after an eviction or a crash.

use std::sync::Arc;

use durasim_engine::START_MS;
use durasim_worker::Nondeterminism;
use temporalio_protos::temporal::api::history::v1::HistoryEvent;

use crate::report::{
    Failure, FailureCode, HistoryExcerpt, SourceLine, WorkflowName, sdk_defects::sdk_defect,
    source_lines::user_line,
};

impl Failure {
    /// Workflow code issued commands that do not match its history.
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

    /// Workflow code, fed its own history, issued another command than the history holds.
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
            Self::new(
                FailureCode::Replay,
                "replayed, the workflow issues a command with another input than its history holds",
            )
            .with_remedy(
                "the input depends on something besides the history: a clock, randomness, hash order, a static. \
                 The SDK compares types and ids only, so a live worker would go on with the recorded value \
                 and never tell",
            )
        } else {
            Self::new(
                FailureCode::Replay,
                "replayed, the workflow does not do what its history holds",
            )
        };
        failure
            .of(workflow)
            .with_message(message)
            .with_history(history)
            .at(location)
    }

    /// Returns the same failure with the remedy for a local activity that timed out, which the SDK
    /// words in two ways.
    #[must_use]
    pub(crate) fn after_local_timeout(self) -> Self {
        self.with_remedy(
            "a local activity timed out. SDK 1.1 tells that as an activity failure whose cause is the \
             timeout, but on replay as the bare timeout: `as_timeout()` finds the first and not the \
             second, and their texts differ. Look at `failure()` and at its cause alike, or at neither",
        )
    }

    /// Workflow code waited for something outside the SDK, which woke it; `goes_on` is the command
    /// that the code then issues, at `location`.
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
        Self::new(
            FailureCode::Replay,
            "the workflow waits for what is not the SDK's, and no history brings it back",
        )
        .of(workflow)
        .with_message(message)
        .with_history(history)
        .at(location)
        .with_remedy(
            "a workflow waits for what its history brings: `ctx.timer` for time, an activity for work, \
             `ctx.wait_condition` for its own state, `join!` and `select!` for several at once; not for tasks, \
             timers and channels of Tokio, nor for threads",
        )
    }
}
