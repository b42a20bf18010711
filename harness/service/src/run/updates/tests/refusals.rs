//! Updates that are refused, and messages about updates that are refused.

use pretty_assertions::assert_eq;

use super::*;
use crate::{api::enums::WorkflowTaskFailedCause, base::time::duration};

fn fail_task(world: &mut World) {
    let task = world.workflow_task();
    let failed = RespondWorkflowTaskFailedRequest {
        task_token: task.task_token,
        cause: WorkflowTaskFailedCause::WorkflowWorkerUnhandledFailure.into(),
        ..RespondWorkflowTaskFailedRequest::default()
    };
    world.call(failed).unwrap();
}

#[test]
fn even_a_known_update_is_refused_while_the_workflow_task_keeps_failing() {
    let mut world = idle();
    world.send(update_request("stock", "u", Stage::Accepted));
    let task = world.workflow_task();
    world
        .respond(answered(&task, vec![], vec![accept("u")]))
        .unwrap();
    world.pass(3_600_000);
    for _ in 0..2 {
        fail_task(&mut world);
    }
    let again = world.send(update_request("stock", "u", Stage::Completed));
    let refusal = refused(&mut world, again);
    assert_eq!(refusal.code(), Code::FailedPrecondition);
    assert!(
        refusal
            .message()
            .ends_with("due to Workflow Task in failed state."),
        "{}",
        refusal.message()
    );
}

#[test]
fn the_total_size_of_updates_in_flight_is_limited() {
    let mut world = idle();
    let large = |update_id: &str| {
        let mut request = update_request("stock", update_id, Stage::Accepted);
        let data = "x".repeat(12 * 1024 * 1024);
        request
            .request
            .as_mut()
            .unwrap()
            .input
            .as_mut()
            .unwrap()
            .args = payloads(&data);
        request
    };
    let first = world.send(large("first"));
    let second = world.send(large("second"));
    assert!(world.reply(first).is_none());
    let refusal = refused(&mut world, second);
    assert_eq!(refusal.code(), Code::ResourceExhausted);
    assert!(
        refusal
            .message()
            .contains("total payload size of in-flight updates"),
        "{}",
        refusal.message()
    );
}

#[test]
fn a_rejection_needs_no_failure() {
    let mut world = idle();
    let id = world.send(update_request("stock", "u", Stage::Completed));
    let task = world.workflow_task();
    let rejection = message("u", &Rejection::default());
    world
        .respond(answered(&task, vec![], vec![rejection]))
        .unwrap();
    let (stage, outcome) = reached(&mut world, id).unwrap();
    assert_eq!(
        (stage, outcome),
        (
            Stage::Completed,
            Some(outcome::Value::Failure(Failure::default()))
        )
    );
}

#[test]
fn an_acceptance_names_its_request_and_a_response_its_update() {
    let spoiled: [(Message, &str); 4] = [
        (
            message("u", &Acceptance::default()),
            "accepted_request_sequencing_event_id is not set",
        ),
        (
            message(
                "u",
                &Acceptance {
                    accepted_request_sequencing_event_id: 1,
                    ..Acceptance::default()
                },
            ),
            "accepted_request_message_id is not set",
        ),
        (
            message("u", &UpdateResponse::default()),
            "received *update.Response message while in state Sent",
        ),
        (
            message("u", &Meta::default()),
            "unsupported protocol message",
        ),
    ];
    for (spoiled, named) in spoiled {
        let mut world = idle();
        world.send(update_request("stock", "u", Stage::Accepted));
        let task = world.workflow_task();
        let refusal = world
            .respond(answered(&task, vec![], vec![spoiled]))
            .unwrap_err();
        assert_eq!(refusal.code(), Code::InvalidArgument);
        assert!(refusal.message().contains(named), "{}", refusal.message());
    }
    let another = UpdateResponse {
        meta: Some(Meta {
            update_id: "another".to_owned(),
            identity: String::new(),
        }),
        outcome: Some(Outcome::default()),
    };
    let mut world = idle();
    world.send(update_request("stock", "u", Stage::Accepted));
    let task = world.workflow_task();
    let refusal = world
        .respond(answered(
            &task,
            vec![],
            vec![accept("u"), message("u", &another)],
        ))
        .unwrap_err();
    assert!(
        refusal.message().contains("meta.update_id != u"),
        "{}",
        refusal.message()
    );
}

#[test]
fn an_update_rejected_before_a_delayed_first_task_does_not_replace_it() {
    let mut world = World::new();
    let delayed = StartWorkflowExecutionRequest {
        workflow_start_delay: Some(duration(60_000)),
        ..start_request("stock")
    };
    world.call(delayed).unwrap();
    let id = world.send(update_request("stock", "u", Stage::Completed));
    let task = world.workflow_task();
    world
        .respond(answered(&task, vec![], vec![reject("u")]))
        .unwrap();
    assert_eq!(reached(&mut world, id).unwrap().0, Stage::Completed);
    assert_eq!(world.event_types("stock"), [WorkflowExecutionStarted]);
    world.pass(59_999);
    assert!(!world.has_workflow_task());
    world.pass(1);
    world.run_workflow_task(vec![complete_workflow("done")]);
}

#[test]
fn an_update_accepted_before_a_delayed_first_task_replaces_it() {
    let mut world = World::new();
    let delayed = StartWorkflowExecutionRequest {
        workflow_start_delay: Some(duration(60_000)),
        ..start_request("stock")
    };
    world.call(delayed).unwrap();
    world.send(update_request("stock", "u", Stage::Completed));
    let task = world.workflow_task();
    world
        .respond(answered(&task, vec![], vec![accept("u")]))
        .unwrap();
    let events = world.history("stock").len();
    world.pass(60_000);
    assert_eq!(world.history("stock").len(), events);
}

#[test]
fn a_speculative_task_that_cannot_be_completed_clears_stickiness() {
    let mut world = World::new();
    world.start("stock");
    let task = world.workflow_task();
    world
        .respond(sticky_completion(
            &task,
            vec![start_timer("1", 3_600_000)],
            "sticky",
        ))
        .unwrap();
    let poll = world.send(sticky_poll_request("sticky"));
    world.send(update_request("stock", "u", Stage::Accepted));
    let Some(Ok(Response::PollWorkflowTaskQueue(task))) = world.reply(poll) else {
        panic!("no task")
    };
    let twice = vec![complete_workflow("once"), complete_workflow("twice")];
    let refusal = world.respond(answered(&task, twice, vec![])).unwrap_err();
    assert!(
        refusal.message().starts_with("invalid command sequence"),
        "{}",
        refusal.message()
    );
    world.pass(10_000);
    let retried = world.workflow_task();
    assert_eq!(retried.history.unwrap().events[0].event_id, 1);
}

#[test]
fn the_token_of_a_task_that_left_no_trace_is_not_that_of_the_next_one() {
    let mut world = idle();
    world.send(update_request("stock", "first", Stage::Completed));
    let first = world.workflow_task();
    world
        .respond(answered(&first, vec![], vec![reject("first")]))
        .unwrap();
    world.send(update_request("stock", "second", Stage::Completed));
    let second = world.workflow_task();
    assert_eq!(first.started_event_id, second.started_event_id);
    let stale = world
        .respond(answered(&first, vec![], vec![reject("second")]))
        .unwrap_err();
    assert_eq!(stale.code(), Code::NotFound);
    world
        .respond(answered(&second, vec![], vec![reject("second")]))
        .unwrap();
}

/// A failed task is retried at once, even if the first workflow task is still delayed.
#[test]
fn a_task_that_fails_before_a_delayed_first_task_is_retried_at_once() {
    let mut world = World::new();
    let delayed = StartWorkflowExecutionRequest {
        workflow_start_delay: Some(duration(60_000)),
        ..start_request("order")
    };
    world.call(delayed).unwrap();
    world.send(update_request("order", "u", Stage::Completed));
    let task = world.workflow_task();
    let failed = RespondWorkflowTaskFailedRequest {
        namespace: "default".to_owned(),
        task_token: task.task_token,
        ..RespondWorkflowTaskFailedRequest::default()
    };
    world.call(failed).unwrap();
    let again = world.workflow_task();
    assert_eq!((again.attempt, again.messages.len()), (2, 1));
}

/// Source: `temporalio/temporal: common/protocol/naming.go`.
#[test]
fn an_empty_message_refuses_the_completion_and_leaves_the_task() {
    let body = |type_url: &str| {
        Some(Any {
            type_url: type_url.to_owned(),
            value: Vec::new(),
        })
    };
    let refusals = [
        (None, "nil message body"),
        (body(""), "no message name specified"),
        (
            body("Acceptance"),
            "failed to extract protocol type: no . found in \"Acceptance\"",
        ),
    ];
    let mut world = idle();
    world.send(update_request("stock", "u", Stage::Completed));
    let task = world.workflow_task();
    for (body, words) in refusals {
        let nothing = Message {
            body,
            protocol_instance_id: "u".to_owned(),
            ..Message::default()
        };
        let refusal = world
            .respond(answered(&task, vec![], vec![nothing]))
            .unwrap_err();
        assert_eq!(
            (refusal.code(), refusal.message()),
            (Code::InvalidArgument, words)
        );
    }
    world
        .respond(answered(&task, vec![], vec![accept("u")]))
        .unwrap();
}
