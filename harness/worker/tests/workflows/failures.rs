//! Workflow tasks that fail, and the reasons that the worker gives.

use durasim_worker::{TaskFailureReason, WorkflowTaskFailure, WorkflowTaskProgress};
use pretty_assertions::assert_eq;
use temporalio_protos::temporal::api::enums::v1::WorkflowTaskFailedCause;

use crate::{
    histories::{HistoryBuilder, json},
    support::worker,
};

/// Returns the failure of the first workflow task of this history.
fn failure(mut history: HistoryBuilder) -> WorkflowTaskFailure {
    history.workflow_task_started();
    match worker().on_task(history.task()) {
        WorkflowTaskProgress::Failed(failed) => *failed,
        other => panic!("the workflow task should fail: {other:?}"),
    }
}

#[test]
fn a_panic_fails_the_task_and_is_caught_with_its_place() {
    let mut worker = worker();
    let mut history = HistoryBuilder::new("PanicWorkflow", []);
    history.workflow_task_started();
    let WorkflowTaskProgress::Failed(failed) = worker.on_task(history.task()) else {
        panic!("the workflow panics");
    };
    assert_eq!(
        failed.failure.message,
        "Workflow function panicked: out of luck"
    );
    assert_eq!(
        failed.cause,
        WorkflowTaskFailedCause::WorkflowWorkerUnhandledFailure
    );
    let TaskFailureReason::Panic(panic) = failed.reason else {
        panic!("the reason is a panic");
    };
    assert_eq!(panic.message, "out of luck");
    assert!(panic.location.unwrap().contains("code.rs"));
    assert_eq!(
        failed.request.unwrap().cause(),
        WorkflowTaskFailedCause::WorkflowWorkerUnhandledFailure
    );
    assert_eq!(worker.cached(), [""; 0]);
}

#[test]
fn later_attempts_of_a_failing_task_are_not_reported() {
    let mut worker = worker();
    let mut history = HistoryBuilder::new("PanicWorkflow", []);
    history.workflow_task_started();
    let mut task = history.task();
    task.attempt = 2;
    let WorkflowTaskProgress::Failed(failed) = worker.on_task(task) else {
        panic!("the workflow panics")
    };
    assert_eq!(failed.request, None);
}

#[test]
fn a_workflow_type_that_is_not_registered_fails_the_task() {
    let failed = failure(HistoryBuilder::new("NoSuchWorkflow", []));
    let message = "Workflow type NoSuchWorkflow not found";
    assert_eq!(failed.failure.message, message);
    assert_eq!(failed.reason, TaskFailureReason::Other);
}

#[test]
fn a_channel_in_workflow_code_is_detected() {
    let failed = failure(HistoryBuilder::new("ChannelWorkflow", []));
    assert_eq!(failed.cause, WorkflowTaskFailedCause::NonDeterministicError);
    assert!(failed.failure.message.starts_with(
        "[TMPRL1100] Nondeterministic future detected: a waker was invoked by a non-SDK source."
    ));
    let nondeterminism = failed.reason.nondeterminism().unwrap();
    assert!(nondeterminism.woken_from_outside);
}

#[test]
fn an_input_of_another_type_is_the_reason_why_a_workflow_cannot_start() {
    let failed = failure(HistoryBuilder::new("GreetWorkflow", [json(&1)]));
    assert_eq!(failed.reason, TaskFailureReason::WorkflowInput);
}

#[test]
fn a_signal_with_an_input_of_another_type_is_the_reason_of_a_failure() {
    let mut history = HistoryBuilder::new("WaitWorkflow", []);
    history.signaled("hear", [json(&1)]);
    assert_eq!(failure(history).reason, TaskFailureReason::Payload);
}
