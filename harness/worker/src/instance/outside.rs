//! Workflow code that something besides the SDK has woken: Tokio, a channel, a thread.
//!
//! The SDK's own host notices the wake at the next activation, and fails the workflow task
//! (`temporalio-sdk: src/workflow_future.rs`). If no activation comes, the workflow hangs. A person
//! then wants to know what the code would do next, so the code may go on once, and its first
//! command shows where it is.

use temporalio_protos::{
    coresdk::workflow_commands::workflow_command::Variant,
    temporal::api::enums::v1::WorkflowTaskFailedCause,
};

use super::{
    Instance, InstanceFailure, Result,
    wake::{ForeignWake, WakeTracker},
};
use crate::{Nondeterminism, TaskFailureReason, execution::IssuedCommand, sdk_words};

/// The SDK's message.
const WOKEN: &str = "a waker was invoked by a non-SDK source. This usually means workflow code \
    is using nondeterministic operations like tokio async functions or channels, other async \
    libraries, or std::thread. Use SDK-provided alternatives (ctx.timer(), ctx.state_mut() + \
    ctx.wait_condition(), etc.) instead.";

impl Instance {
    /// Fails if something besides the SDK woke workflow code while it was polled.
    pub(super) fn fail_on_foreign_wake(&self) -> Result<()> {
        match self.wakes.as_ref().and_then(WakeTracker::take_foreign_wake) {
            Some(wake) => Err(failure(woken(wake, None))),
            None => Ok(()),
        }
    }

    /// Lets workflow code that something besides the SDK has woken go on, and returns what it does;
    /// `None` if nothing has woken it. Such an instance must not be used any more.
    pub(crate) fn woken_from_outside(&mut self) -> Option<Nondeterminism> {
        let wake = self.wakes.as_ref()?.take_foreign_wake()?;
        self.wakes = None;
        let mut commands = Vec::new();
        // Only the first command matters here, not how the routines end.
        let _ = self.poll_routines(&mut commands);
        commands.extend(self.host.take());
        Some(woken(wake, commands.first()))
    }
}

fn woken(wake: ForeignWake, goes_on: Option<&IssuedCommand>) -> Nondeterminism {
    Nondeterminism {
        event_id: None,
        expected: String::new(),
        got: goes_on
            .and_then(|issued| issued.command.variant.as_ref())
            .map(words)
            .unwrap_or_default(),
        message: sdk_words::nondeterministic_future(WOKEN),
        issued_at: goes_on
            .and_then(|issued| issued.issued_at.as_deref())
            .map(str::to_owned),
        woken_from_outside: true,
        awaited_at: wake.awaited_at,
    }
}

pub(super) fn failure(woken: Nondeterminism) -> Box<InstanceFailure> {
    let cause = Some(WorkflowTaskFailedCause::NonDeterministicError);
    let mut failed = InstanceFailure::with_cause(woken.message.clone(), cause);
    failed.reason = TaskFailureReason::Nondeterminism(Box::new(woken));
    failed
}

/// Returns the failure for a future that is nondeterministic although nothing has woken it.
pub(super) fn nondeterministic(words: &str) -> Box<InstanceFailure> {
    InstanceFailure::with_cause(
        sdk_words::nondeterministic_future(words),
        Some(WorkflowTaskFailedCause::NonDeterministicError),
    )
}

fn words(command: &Variant) -> String {
    match command {
        Variant::ScheduleActivity(it) => {
            format!("ScheduleActivityTask(type: {})", it.activity_type)
        }
        Variant::ScheduleLocalActivity(it) => {
            format!("ScheduleLocalActivity(type: {})", it.activity_type)
        }
        Variant::StartChildWorkflowExecution(it) => {
            format!("StartChildWorkflowExecution(type: {})", it.workflow_type)
        }
        other => {
            let debug = format!("{other:?}");
            debug.split('(').next().unwrap_or_default().to_owned()
        }
    }
}
