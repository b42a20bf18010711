//! What the SDK itself does wrong, known by its words: sound workflows meet it, and no change of
//! theirs is to blame.
//!
//! Each is shown as it is, for a live worker would do the same; the report says whose fault it is,
//! and the way around.

/// A defect of `temporalio-sdk` 1.1.
pub(super) struct SdkDefect {
    /// Words of its message that nothing else says.
    words: &'static str,
    /// What the SDK does.
    pub(super) what: &'static str,
    /// The way around it.
    pub(super) remedy: &'static str,
}

/// One for each defect.
const KNOWN: [SdkDefect; 4] = [
    SdkDefect {
        words: "resolution must have a registered unblocker",
        what: "temporalio-sdk panics when one workflow task cancels a timer and also brings its firing",
        remedy: "the workflow is sound, the SDK is not: it drops a timer on cancellation and then finds it gone when it \
                 fires in the same task, on every retry. Around it: give the timer a token of its own \
                 (`TimerOptions`, `WorkflowCancellationToken::new()`) that is never cancelled, and `select!` the timer \
                 with the cancellation or with a flag that the signal sets; a timer that loses the `select!` needs no \
                 cancelling",
    },
    // `temporalio-sdk-core:
    // src/worker/workflow/machines/{signal_external,child_workflow,local_activity}_state_machine.rs`
    // have no `Cancel` from these states; events that do not fit are told in other words.
    SdkDefect {
        words: "Invalid transition in state machine",
        what: "temporalio-sdk fails the workflow task when something is cancelled that is over already",
        remedy: "the workflow is sound, the SDK is not: Core refuses to cancel a signal that has failed, a child that \
                 was terminated, or a local activity that has ended, and a cancelled workflow or token cancels those too \
                 whose outcome no code has looked at, on every retry. Around it: await the signal, child or local \
                 activity, or give it a token of its own (`WorkflowCancellationToken::new()`) that is never cancelled",
    },
    // `activity_state_machine.rs`: from `Canceled` there is a way for the completion alone.
    SdkDefect {
        words: "ActivityMachine in state Canceled says the transition is invalid",
        what: "temporalio-sdk fails the workflow task when an activity that was abandoned fails or times out",
        remedy: "the workflow is sound, the SDK is not: of an activity cancelled with \
                 `ActivityCancellationType::Abandon` Core takes the completion and nothing else, on every retry. Around \
                 it: `TryCancel`, which goes on at once too; or a token of its own \
                 (`WorkflowCancellationToken::new()`) that is never cancelled, and a `select!` that the activity loses",
    },
    // `managed_run.rs` puts the closing command last within an activation, and what cancels itself
    // makes another one.
    SdkDefect {
        words: "must be the last command",
        what: "temporalio-sdk lets a handler go on after the command that closes the run, and the service refuses both",
        remedy: "the workflow is sound, the SDK is not: what a handler begins when it is cancelled already ends in an \
                 activation of its own, after the one in which `run` returned, on every retry. Around it: let `run` wait \
                 for its handlers, `ctx.wait_condition_with_options(|_| ctx.all_handlers_finished(), ..)` with a token of \
                 its own (`WorkflowCancellationToken::new()`), or give what handlers do after a cancellation such a token",
    },
];

/// The defect that this message is of, if it is one.
pub(super) fn sdk_defect(message: &str) -> Option<&'static SdkDefect> {
    KNOWN.iter().find(|defect| message.contains(defect.words))
}
