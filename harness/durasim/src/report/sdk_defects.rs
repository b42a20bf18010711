//! Known defects of the SDK that sound workflows meet.
//!
//! durasim does what the SDK does, for a live worker would do it too. The report says that the SDK
//! is at fault, and names the workaround.
//!
//! Text is recognised here and nowhere else in the crate: only text that the SDK and Core hand over
//! without a type, and only if the history shows the cause too.

use std::sync::Arc;

use durasim_events::HistoryEvent;
use temporalio_protos::temporal::api::enums::v1::EventType;

/// A defect of `temporalio-sdk` 1.1.
pub(super) struct SdkDefect {
    /// The defect in one sentence.
    pub(super) what: &'static str,
    /// The workaround.
    pub(super) remedy: &'static str,
}

/// The events of a run.
type Events = [Arc<HistoryEvent>];

/// A defect that a message gives away, if the history shows its cause.
struct Clue {
    /// The words that no other message of the SDK has. A panic of workflow code may have any words.
    words: &'static str,
    /// Returns `true` if the history has what the defect takes. The last events, those since the
    /// last workflow task that completed, come in a list of their own.
    shown: fn(events: &Events, last: &Events) -> bool,
    defect: SdkDefect,
}

const CLUES: [Clue; 3] = [
    Clue {
        words: "resolution must have a registered unblocker",
        shown: |_, last| has(last, &[EventType::TimerFired]),
        defect: SdkDefect {
            what: "temporalio-sdk panics when one workflow task cancels a timer and also fires it",
            remedy: "give the timer a token of its own (`TimerOptions`, \
                     `WorkflowCancellationToken::new()`) that is never cancelled, and `select!` \
                     between the timer and the cancellation, or a flag that the signal sets; a \
                     timer that loses a `select!` needs no cancelling. The workflow is sound: the \
                     SDK drops a cancelled timer, and then does not find it when it fires in the \
                     same task, on every retry",
        },
    },
    // `temporalio-sdk-core: src/worker/workflow/machines/
    // {signal_external,child_workflow,local_activity}_state_machine.rs` have no `Cancel` from these
    // states. The message of events that do not fit has other words.
    Clue {
        words: "Invalid transition in state machine",
        shown: |events, _| {
            let over = [
                EventType::SignalExternalWorkflowExecutionFailed,
                EventType::ChildWorkflowExecutionTerminated,
                EventType::MarkerRecorded,
            ];
            has(events, &over)
        },
        defect: SdkDefect {
            what: "temporalio-sdk fails the workflow task when it cancels something that is over \
                   already",
            remedy: "await the signal, child or local activity, or give it a token of its own \
                     (`WorkflowCancellationToken::new()`) that is never cancelled. The workflow is \
                     sound: Core refuses to cancel a signal that has failed, a child that was \
                     terminated, or a local activity that has ended, on every retry; and a \
                     cancelled workflow or token cancels these too, unless code has looked at \
                     their outcome",
        },
    },
    // `activity_state_machine.rs`: from `Canceled` only the completion has a transition.
    Clue {
        words: "ActivityMachine in state Canceled says the transition is invalid",
        shown: |_, last| {
            let ends = [
                EventType::ActivityTaskFailed,
                EventType::ActivityTaskTimedOut,
            ];
            has(last, &ends)
        },
        defect: SdkDefect {
            what: "temporalio-sdk fails the workflow task when an abandoned activity fails or \
                   times out",
            remedy: "cancel the activity with `TryCancel`, which goes on at once too; or give it a \
                     token of its own (`WorkflowCancellationToken::new()`) that is never \
                     cancelled, and let it lose a `select!`. The workflow is sound: once an \
                     activity was cancelled with `ActivityCancellationType::Abandon`, Core accepts \
                     only its completion, on every retry",
        },
    },
];

/// The defect behind commands that follow the command that closes the run.
///
/// `managed_run.rs` puts the closing command last within an activation, but code that cancels
/// itself makes another activation.
pub(super) const COMMANDS_AFTER_CLOSE: SdkDefect = SdkDefect {
    what: "temporalio-sdk lets a handler go on after the command that closes the run, and the \
           service refuses both",
    remedy: "let `run` wait for its handlers, `ctx.wait_condition_with_options(|_| \
             ctx.all_handlers_finished(), ..)` with a token of its own \
             (`WorkflowCancellationToken::new()`), or give such a token to whatever handlers do \
             after a cancellation. The workflow is sound: what a handler starts when it is \
             cancelled already ends in an activation of its own, after the one in which `run` \
             returned, on every retry",
};

/// The defect behind a search attribute that is unset.
///
/// `temporalio-common: src/search_attributes.rs` sends a payload without an encoding, and the
/// server (`common/searchattribute/validator.go`) decodes every value.
pub(super) const EMPTY_SEARCH_ATTRIBUTE: SdkDefect = SdkDefect {
    what: "temporalio-sdk unsets a search attribute by an empty payload, which the service \
           refuses",
    remedy: "set the attribute to a value that stands for none, or give an attribute of the type \
             `KeywordList` an empty list, which unsets it, instead of calling `value_unset()`. The \
             workflow is sound: the server decodes every value and fails the workflow task, on \
             every retry",
};

/// The defect behind a workflow that awaits the start of a child for ever.
///
/// `child_workflow_state_machine.rs`: cancelled in `StartEventRecorded`, a child that need not be
/// awaited is `Cancelled` at once, where its start has no transition that answers.
pub(super) const UNANSWERED_START: SdkDefect = SdkDefect {
    what: "temporalio-sdk never resolves the start of a child that was cancelled before it began",
    remedy: "cancel the child once it has started, after `ctx.start_child_workflow(..).await`; or \
             let it be cancelled with `WaitCancellationCompleted`. The workflow is sound: with \
             `TryCancel` or `Abandon`, Core answers a cancellation for the child, and never for \
             its start, which the code awaits",
};

/// The defect behind code that follows its history only if it gets an update together with the
/// workflow tasks before it.
///
/// `temporalio-sdk-core: src/worker/workflow/history_update.rs`: tasks without commands have no
/// activation of their own if another follows, but for an update that some task has accepted; and
/// a worker that is rebuilt for the task that brings the update has no such event yet.
pub(super) const CUT_OTHERWISE: SdkDefect = SdkDefect {
    what: "temporalio-sdk replays an update at another place than where a worker without a cache \
           handled it",
    remedy: "let `run` issue a command before it waits for the first time: start an activity or a \
             timer, or call `ctx.upsert_memo(..)`. The workflow is sound: a worker that lost its \
             cache hands an update to the code together with the workflow tasks without commands \
             before it, and a later replay hands those over first, so that timers get other \
             numbers and random numbers come in another order",
};

/// Returns the defect that a message of the SDK or of Core gives away, if the history of the run
/// shows its cause.
pub(super) fn sdk_defect(message: &str, events: &Events) -> Option<&'static SdkDefect> {
    let completed =
        |event: &Arc<HistoryEvent>| event.event_type() == EventType::WorkflowTaskCompleted;
    let last = events
        .iter()
        .rposition(completed)
        .map_or(0, |last| last + 1);
    let clue = CLUES
        .iter()
        .find(|clue| message.contains(clue.words) && (clue.shown)(events, &events[last..]))?;
    Some(&clue.defect)
}

/// Returns `true` if one of the events has one of these types.
fn has(events: &Events, types: &[EventType]) -> bool {
    events
        .iter()
        .any(|event| types.contains(&event.event_type()))
}
