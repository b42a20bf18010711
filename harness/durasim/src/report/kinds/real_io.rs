//! Failures of code that does real input or output, which a simulated world has none of.

use std::time::Duration;

use crate::{
    report::{Failure, FailureCode, WorkflowName},
    words::duration_words,
};

/// The words of Tokio's panic at code that wants a socket of a runtime that has none
/// (`tokio: src/runtime/driver.rs`). The panic has no type.
const IO_IS_DISABLED: &str = "A Tokio 1.x context was found, but IO is disabled";

/// Returns `true` if a panic with this message is that of code which does real input or output.
pub(crate) fn is_real_io(message: &str) -> bool {
    message.contains(IO_IS_DISABLED)
}

impl Failure {
    /// Returns the failure of an activity that does real input or output and may not.
    pub(crate) fn real_io_of_activity(activity_type: &str) -> Self {
        real_io(&format!("activity {activity_type}")).with_remedy(format!(
            "mock the activity: `.mock_activity({activity_type}, |call| async move {{ .. }})`. Or \
             allow it: after `.activity({activity_type})` write `.real_io()`, and the world waits \
             for it in real time; then no seed brings the world back exactly"
        ))
    }

    /// Returns the failure of a mock of an activity that does real input or output.
    pub(crate) fn real_io_of_mock(activity_type: &str) -> Self {
        real_io(&format!("the mock of {activity_type}")).with_remedy(format!(
            "let the mock answer with values of the test; or, if the activity should talk to \
             something real, register it and allow it that: \
             `.activity({activity_type}).real_io()`"
        ))
    }

    /// Returns the failure of a test that does real input or output; `who` names the test or one of
    /// its actors.
    pub(crate) fn real_io_of_test(who: &str) -> Self {
        real_io(who).with_remedy(
            "leave it to an activity that may, `.activity(..).real_io()`, which opens its own \
             connection; or do it with blocking calls in `tokio::task::spawn_blocking`",
        )
    }

    /// Returns the failure of workflow code that does real input or output.
    pub(crate) fn real_io_of_workflow(workflow: WorkflowName) -> Self {
        real_io("workflow code").of(workflow).with_remedy(
            "move it to an activity: workflow code may depend on its history alone, and a replay \
             would do it once more",
        )
    }

    /// Returns the failure of a world in which activities wait for real input or output, of which
    /// nothing has come for this long.
    pub(crate) fn silent_io(activities: &str, silent: Duration) -> Self {
        let silent = duration_words(u64::try_from(silent.as_millis()).unwrap_or(u64::MAX));
        let what = format!("{activities} has waited for real input or output for {silent}");
        Self::new(FailureCode::Limit, what).with_remedy(
            "see if the other side answers at all; if it needs that long, raise the limit: \
             `#[workflow_test(limits = Limits { max_stall_ms: 60_000, ..Limits::default() })]`",
        )
    }
}

fn real_io(who: &str) -> Failure {
    let what = format!("{who} does real input or output, and a simulated world has none");
    Failure::new(FailureCode::Escape, what)
}
