//! Nexus operations, compared with real Core and replayed with another input.

use pretty_assertions::assert_eq;
use serde::{Deserialize, Serialize};
use temporalio_macros::{workflow, workflow_methods};
use temporalio_protos::{
    coresdk::nexus::{NexusOperationResult, nexus_operation_result::Status},
    temporal::api::{command::v1::command::Attributes as Command, enums::v1::CommandType},
};
use temporalio_sdk::{
    CancellableFuture, NexusOperationCancellationType as CancellationType, NexusOperationOptions,
    WorkflowContext, WorkflowResult,
};

use crate::{
    histories::{HistoryBuilder, json},
    parity::assert_same,
    replays::what_differs,
    support::{completed, kinds, result, worker},
};

/// The time at which the operation is cancelled.
#[derive(Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) enum Cancels {
    Never,
    AtOnce,
    /// A second after it was scheduled.
    Unstarted,
    /// A second after it has started.
    Started,
}

#[derive(Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Plan {
    cancels: Cancels,
    cancellation_type: CancellationType,
}

/// Starts one operation, and returns a description of its result.
#[workflow]
#[derive(Default)]
pub(crate) struct NexusWorkflow;

#[workflow_methods]
impl NexusWorkflow {
    #[run]
    pub(crate) async fn run(ctx: &mut WorkflowContext<Self>, plan: Plan) -> WorkflowResult<String> {
        let options = NexusOperationOptions::builder()
            .endpoint("bank")
            .service("Payments")
            .operation("charge")
            .input(json(&100))
            .cancellation_type(plan.cancellation_type)
            .build();
        let start = ctx.start_nexus_operation(options);
        if plan.cancels == Cancels::Unstarted {
            ctx.timer(std::time::Duration::from_secs(1)).await;
        }
        if matches!(plan.cancels, Cancels::AtOnce | Cancels::Unstarted) {
            start.cancel();
        }
        let operation = match start.await {
            Ok(operation) => operation,
            Err(failure) => return Ok(format!("not started: {}", failure.message)),
        };
        if plan.cancels == Cancels::Started {
            ctx.timer(std::time::Duration::from_secs(1)).await;
            operation.cancel();
        }
        let token = operation.operation_token.clone().unwrap_or_default();
        Ok(format!("{token} {}", in_words(&operation.result().await)))
    }
}

fn in_words(result: &NexusOperationResult) -> String {
    match &result.status {
        Some(Status::Completed(payload)) => String::from_utf8_lossy(&payload.data).into_owned(),
        Some(Status::Failed(failure)) => format!("failed: {}", failure.message),
        Some(Status::Cancelled(failure)) => format!("cancelled: {}", failure.message),
        Some(Status::TimedOut(failure)) => format!("timed out: {}", failure.message),
        None => "nothing".to_owned(),
    }
}

fn began(cancels: Cancels, cancellation_type: CancellationType) -> (HistoryBuilder, i64) {
    let mut history = HistoryBuilder::new(
        "NexusWorkflow",
        [json(&Plan {
            cancels,
            cancellation_type,
        })],
    );
    history.workflow_task();
    let scheduled = history.nexus_operation_scheduled("bank", "Payments", "charge", json(&100));
    (history, scheduled)
}

fn uncancelled() -> (HistoryBuilder, i64) {
    began(Cancels::Never, CancellationType::WaitCancellationCompleted)
}

/// Returns a history up to the task in which a started operation is cancelled, with the ids of the
/// events that scheduled the operation and requested its cancellation.
fn cancelled(cancellation_type: CancellationType) -> (HistoryBuilder, i64, i64) {
    let (mut history, scheduled) = began(Cancels::Started, cancellation_type);
    history.nexus_operation_started(scheduled, "token");
    history.workflow_task();
    let timer = history.timer_started("1", 1);
    history.timer_fired(timer);
    history.workflow_task();
    let is_requested = cancellation_type != CancellationType::Abandon;
    let requested = if is_requested {
        history.nexus_cancel_requested(scheduled)
    } else {
        0
    };
    (history, scheduled, requested)
}

#[test]
fn a_nexus_operation_answered_at_once() {
    let (mut history, scheduled) = uncancelled();
    history.nexus_operation_completed(scheduled, json(&"receipt"));
    history.workflow_task();
    history.completed(Some(json(&" \"receipt\"")));
    assert_same(&history);

    let (mut history, scheduled) = uncancelled();
    history.nexus_operation_failed(scheduled, "declined");
    history.workflow_task();
    history.completed(Some(json(&"not started: declined")));
    assert_same(&history);
}

#[test]
fn a_nexus_operation_that_started_and_ended() {
    let started = || {
        let (mut history, scheduled) = uncancelled();
        history.nexus_operation_started(scheduled, "token");
        history.workflow_task();
        (history, scheduled)
    };
    let (mut history, scheduled) = started();
    history.nexus_operation_completed(scheduled, json(&"receipt"));
    history.workflow_task();
    history.completed(Some(json(&"token \"receipt\"")));
    assert_same(&history);

    let (mut history, scheduled) = started();
    history.nexus_operation_failed(scheduled, "declined");
    history.workflow_task();
    history.completed(Some(json(&"token failed: declined")));
    assert_same(&history);

    let (mut history, scheduled) = started();
    history.nexus_operation_timed_out(scheduled);
    history.workflow_task();
    history.completed(Some(json(&"token timed out: ")));
    assert_same(&history);
}

#[test]
fn a_nexus_operation_that_started_and_ended_before_one_task() {
    let (mut history, scheduled) = uncancelled();
    history.nexus_operation_started(scheduled, "token");
    history.nexus_operation_completed(scheduled, json(&"receipt"));
    history.workflow_task();
    history.completed(Some(json(&"token \"receipt\"")));
    assert_same(&history);
}

#[test]
fn a_nexus_operation_cancelled_before_it_was_scheduled() {
    let plan = Plan {
        cancels: Cancels::AtOnce,
        cancellation_type: CancellationType::TryCancel,
    };
    let mut history = HistoryBuilder::new("NexusWorkflow", [json(&plan)]);
    history.workflow_task();
    history.completed(Some(json(
        &"not started: Nexus Operation cancelled before scheduled",
    )));
    assert_same(&history);
}

#[test]
fn a_nexus_operation_whose_cancellation_is_waited_for() {
    let (mut history, scheduled, requested) =
        cancelled(CancellationType::WaitCancellationCompleted);
    history.nexus_cancel_completed(scheduled, requested);
    history.workflow_task();
    history.nexus_operation_canceled(scheduled);
    history.workflow_task();
    history.completed(Some(json(&"token cancelled: ")));
    assert_same(&history);

    let (mut history, scheduled, requested) =
        cancelled(CancellationType::WaitCancellationCompleted);
    history.nexus_cancel_failed(scheduled, requested);
    history.workflow_task();
    history.nexus_operation_completed(scheduled, json(&"receipt"));
    history.workflow_task();
    history.completed(Some(json(&"token \"receipt\"")));
    assert_same(&history);
}

#[test]
fn a_nexus_operation_whose_request_to_cancel_is_waited_for() {
    let (mut history, scheduled, requested) =
        cancelled(CancellationType::WaitCancellationRequested);
    history.nexus_cancel_completed(scheduled, requested);
    history.workflow_task();
    history.completed(Some(json(
        &"token cancelled: Nexus operation cancellation request completed",
    )));
    assert_same(&history);

    let (mut history, scheduled, requested) =
        cancelled(CancellationType::WaitCancellationRequested);
    history.nexus_cancel_failed(scheduled, requested);
    history.workflow_task();
    history.completed(Some(json(
        &"token failed: Nexus operation cancellation request failed",
    )));
    assert_same(&history);
}

#[test]
fn a_nexus_operation_whose_cancellation_is_not_waited_for() {
    for cancellation_type in [CancellationType::TryCancel, CancellationType::Abandon] {
        let (mut history, _, _) = cancelled(cancellation_type);
        history.completed(Some(json(
            &"token cancelled: Nexus operation cancelled after starting",
        )));
        assert_same(&history);
    }
}

#[test]
fn a_nexus_operation_cancelled_before_it_started() {
    let (mut history, scheduled) = began(
        Cancels::Unstarted,
        CancellationType::WaitCancellationCompleted,
    );
    let timer = history.timer_started("1", 1);
    history.timer_fired(timer);
    history.workflow_task();
    let requested = history.nexus_cancel_requested(scheduled);
    history.nexus_operation_started(scheduled, "token");
    history.workflow_task();
    history.nexus_cancel_completed(scheduled, requested);
    history.nexus_operation_canceled(scheduled);
    history.workflow_task();
    history.completed(Some(json(&"token cancelled: ")));
    assert_same(&history);
}

#[test]
fn a_worker_requests_to_cancel_an_operation_whose_end_it_does_not_await() {
    let (mut history, scheduled) = began(Cancels::Started, CancellationType::TryCancel);
    history.nexus_operation_started(scheduled, "token");
    history.workflow_task();
    let timer = history.timer_started("1", 1);
    history.timer_fired(timer);
    history.workflow_task_started();
    let answer = completed(worker().on_task(history.task()));
    assert_eq!(
        kinds(&answer),
        [
            CommandType::RequestCancelNexusOperation,
            CommandType::CompleteWorkflowExecution
        ]
    );
    assert!(matches!(
        &answer.commands[0].attributes,
        Some(Command::RequestCancelNexusOperationCommandAttributes(cancel))
            if cancel.scheduled_event_id == scheduled
    ));
    assert!(
        result(&answer).contains("cancelled after starting"),
        "{}",
        result(&answer)
    );
}

#[test]
fn a_nexus_operation_of_another_input_differs() {
    let plan = Plan {
        cancels: Cancels::Never,
        cancellation_type: CancellationType::Abandon,
    };
    let mut history = HistoryBuilder::new("NexusWorkflow", [json(&plan)]);
    history.workflow_task();
    let scheduled = history.nexus_operation_scheduled("bank", "Payments", "charge", json(&200));
    history.nexus_operation_completed(scheduled, json(&"receipt"));
    history.workflow_task();
    history.completed(Some(json(&" \"receipt\"")));
    assert!(
        what_differs(&history).starts_with("input: "),
        "{}",
        what_differs(&history)
    );
}
