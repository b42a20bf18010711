//! Failures of workflow code that does not follow its history.
//!
//! The check `replay` reports them, and so does every rebuild of a run after an eviction or a
//! crash.

use std::sync::Arc;

use durasim_events::HistoryEvent;
use durasim_worker::Nondeterminism;

use crate::report::{
    Failure, FailureCode, HistoryExcerpt, SourceLine, WorkflowName,
    sdk_defects::sdk_defect,
    source_lines::{called_by_user, user_line},
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

/// Things outside the SDK that workflow code awaits: how the name of the type begins, the name for
/// people, and the remedy.
const OUTSIDE: [(&str, &str, &str); 5] = [
    (
        "tokio::runtime::task::",
        "a task of `tokio::spawn`",
        "do the work in an activity; or, if it awaits only the SDK, in the workflow itself, with \
         `join!` or `select!` of `temporalio_sdk::workflows`",
    ),
    (
        "tokio::time::",
        "a timer of `tokio::time`",
        "await `ctx.timer(duration)`, and race it with `select!` of `temporalio_sdk::workflows`",
    ),
    (
        "tokio::sync::",
        "a lock or a channel of `tokio::sync`",
        "keep the value in the workflow's own state, and await it with `ctx.wait_condition`",
    ),
    (
        "futures_util::future::join_all",
        "`join_all` of the crate `futures`, with more than 30 futures",
        "use `join_all` of `temporalio_sdk::workflows`: beyond 30 futures, that of `futures` wakes \
         workflow code by itself",
    ),
    (
        "futures_util::",
        "a future or a collection of the crate `futures`",
        "use `join_all`, `join!` and `select!` of `temporalio_sdk::workflows`: those of `futures` \
         may wake workflow code by themselves",
    ),
];

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

    /// Returns the failure of workflow code whose commands do not match its history. The times of
    /// the excerpt count from `zero_ms`.
    pub(crate) fn nondeterministic(
        name: WorkflowName,
        nondeterminism: &Nondeterminism,
        events: &[Arc<HistoryEvent>],
        zero_ms: u64,
    ) -> Self {
        let Nondeterminism {
            message,
            got,
            issued_at,
            event_id,
            woken_from_outside,
            awaited_at,
            ..
        } = nondeterminism;
        let location = issued_at.as_deref().and_then(user_line);
        if *woken_from_outside {
            let excerpt = HistoryExcerpt::tail(events, zero_ms);
            let goes_on = (!got.is_empty()).then(|| got.clone());
            let awaited_at = awaited_at.as_deref();
            let location = awaited_at.and_then(user_line).or(location);
            let awaited = awaited_at.and_then(called_by_user);
            return Self::woken_from_outside(name, message, goes_on, excerpt, location)
                .of_awaiting(awaited.as_deref());
        }
        let excerpt = match event_id {
            Some(event_id) => {
                HistoryExcerpt::around(events, *event_id, zero_ms).got(got.clone(), "")
            }
            None => HistoryExcerpt::tail(events, zero_ms),
        };
        Self::replay_differs(name, message, (events, excerpt), location, false)
    }

    /// Returns the failure of workflow code that, fed its own history, issued another command than
    /// the history holds.
    ///
    /// The excerpt of `events` marks both; `location` is the line that issued the command.
    /// `inputs_only`: the same command with another input, which the SDK tolerates. A known defect
    /// of the SDK is reported as such.
    pub(crate) fn replay_differs(
        workflow: WorkflowName,
        message: &str,
        (events, excerpt): (&[Arc<HistoryEvent>], HistoryExcerpt),
        location: Option<SourceLine>,
        inputs_only: bool,
    ) -> Self {
        let failure = if let Some(defect) = sdk_defect(message, events) {
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
            .with_history(excerpt)
            .at(location)
    }

    /// Names the type that workflow code awaits outside the SDK, if it is known.
    #[must_use]
    fn of_awaiting(mut self, awaited: Option<&str>) -> Self {
        let Some(awaited) = awaited else { return self };
        let known = OUTSIDE
            .iter()
            .find(|(begins, ..)| awaited.starts_with(begins));
        let name = known.map_or_else(|| format!("`{awaited}`"), |(_, name, _)| (*name).to_owned());
        self.what =
            format!("workflow code awaits {name}, outside the SDK; a replay cannot reproduce it");
        match known {
            Some((.., remedy)) => self.with_remedy(*remedy),
            None => self,
        }
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
