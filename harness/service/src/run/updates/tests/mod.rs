//! Updates, as their callers, their workers and the history see them.

mod callbacks;
mod refusals;
mod speculative_tasks;
mod with_start;

use pretty_assertions::assert_eq;
use prost::{Message as _, Name};
use prost_types::Any;
use tonic::{Code, Status};

use crate::{
    RequestId,
    api::{
        Attributes,
        command::command::Attributes as Command,
        enums::{EventType::*, UpdateWorkflowExecutionLifecycleStage as Stage},
        failure::Failure,
        protocol::Message,
        rpc::*,
        update::{
            Acceptance, Input, Meta, Outcome, Rejection, Request, Response as UpdateResponse,
            WaitPolicy, outcome,
        },
    },
    messages::request::Response,
    testing::*,
};

fn update_request(
    workflow_id: &str,
    update_id: &str,
    stage: Stage,
) -> UpdateWorkflowExecutionRequest {
    UpdateWorkflowExecutionRequest {
        namespace: "default".to_owned(),
        workflow_execution: execution(workflow_id),
        wait_policy: Some(WaitPolicy {
            lifecycle_stage: stage.into(),
        }),
        request: Some(Request {
            meta: Some(Meta {
                update_id: update_id.to_owned(),
                identity: "client".to_owned(),
            }),
            input: Some(Input {
                name: "reserve".to_owned(),
                args: payloads("3"),
                header: None,
            }),
            ..Request::default()
        }),
        ..UpdateWorkflowExecutionRequest::default()
    }
}

fn message<M: prost::Message + Name>(update_id: &str, body: &M) -> Message {
    Message {
        id: format!("{update_id}/{}", M::NAME),
        protocol_instance_id: update_id.to_owned(),
        body: Some(Any {
            type_url: M::type_url(),
            value: body.encode_to_vec(),
        }),
        ..Message::default()
    }
}

fn accept(update_id: &str) -> Message {
    let acceptance = Acceptance {
        accepted_request_message_id: format!("{update_id}/request"),
        accepted_request_sequencing_event_id: 1,
        ..Acceptance::default()
    };
    message(update_id, &acceptance)
}

fn reject(update_id: &str) -> Message {
    let failure = Some(Failure {
        message: "no stock".to_owned(),
        ..Failure::default()
    });
    message(
        update_id,
        &Rejection {
            failure,
            ..Rejection::default()
        },
    )
}

fn complete(update_id: &str) -> Message {
    let outcome = Some(Outcome {
        value: payloads("done").map(outcome::Value::Success),
    });
    let meta = Some(Meta {
        update_id: update_id.to_owned(),
        identity: String::new(),
    });
    message(update_id, &UpdateResponse { meta, outcome })
}

fn answered(
    task: &PollWorkflowTaskQueueResponse,
    commands: Vec<Command>,
    messages: Vec<Message>,
) -> RespondWorkflowTaskCompletedRequest {
    RespondWorkflowTaskCompletedRequest {
        messages,
        return_new_workflow_task: true,
        capabilities: Some(respond_workflow_task_completed_request::Capabilities {
            discard_speculative_workflow_task_with_events: true,
        }),
        ..completion(task, commands)
    }
}

fn reached(world: &mut World, id: RequestId) -> Option<(Stage, Option<outcome::Value>)> {
    match world.reply(id)? {
        Ok(Response::UpdateWorkflowExecution(response)) => Some((
            response.stage(),
            response.outcome.and_then(|outcome| outcome.value),
        )),
        other => panic!("not updated: {other:?}"),
    }
}

fn refused(world: &mut World, id: RequestId) -> Status {
    world.reply(id).expect("an answer").expect_err("a refusal")
}

fn terminate(world: &mut World, workflow_id: &str) {
    let request = TerminateWorkflowExecutionRequest {
        namespace: "default".to_owned(),
        workflow_execution: execution(workflow_id),
        ..TerminateWorkflowExecutionRequest::default()
    };
    world.call(request).unwrap();
}

/// Returns a workflow that waits, with no workflow task pending.
fn idle() -> World {
    let mut world = World::new();
    world.start("stock");
    world.run_workflow_task(vec![start_timer("1", 3_600_000)]);
    world
}

const IDLE_EVENTS: usize = 5;

#[test]
fn an_update_is_accepted_and_completed_by_one_task() {
    let mut world = idle();
    let id = world.send(update_request("stock", "u", Stage::Completed));
    let task = world.workflow_task();
    let [request] = &task.messages[..] else {
        panic!("{:?}", task.messages)
    };
    assert_eq!(
        (request.id.as_str(), request.protocol_instance_id.as_str()),
        ("u/request", "u")
    );
    let sent = Request::decode(&*request.body.as_ref().unwrap().value).unwrap();
    assert_eq!(sent.input.unwrap().name, "reserve");
    assert_eq!(
        world.history("stock").len(),
        IDLE_EVENTS,
        "a speculative task is not in history"
    );
    world
        .respond(answered(&task, vec![], vec![accept("u"), complete("u")]))
        .unwrap();
    assert_eq!(
        reached(&mut world, id),
        Some((
            Stage::Completed,
            payloads("done").map(outcome::Value::Success)
        ))
    );
    assert_eq!(
        world.event_types("stock")[IDLE_EVENTS..],
        [
            WorkflowTaskScheduled,
            WorkflowTaskStarted,
            WorkflowTaskCompleted,
            WorkflowExecutionUpdateAccepted,
            WorkflowExecutionUpdateCompleted,
        ]
    );
    let Some(Attributes::WorkflowExecutionUpdateCompletedEventAttributes(completed)) =
        &world.last_event("stock").attributes
    else {
        panic!("not completed")
    };
    assert_eq!(completed.accepted_event_id, 9);
}

#[test]
fn a_caller_that_waits_for_acceptance_is_answered_before_completion() {
    let mut world = idle();
    let accepted = world.send(update_request("stock", "u", Stage::Accepted));
    let completed = world.send(update_request("stock", "u", Stage::Completed));
    let task = world.workflow_task();
    assert_eq!(task.messages.len(), 1, "the same id is the same update");
    world
        .respond(answered(&task, vec![], vec![accept("u")]))
        .unwrap();
    assert_eq!(reached(&mut world, accepted), Some((Stage::Accepted, None)));
    assert!(reached(&mut world, completed).is_none());
    world.pass(3_600_000);
    let task = world.workflow_task();
    assert!(
        task.messages.is_empty(),
        "an accepted update is not sent again"
    );
    world
        .respond(answered(&task, vec![], vec![complete("u")]))
        .unwrap();
    assert_eq!(reached(&mut world, completed).unwrap().0, Stage::Completed);
}

#[test]
fn an_update_of_a_known_id_gets_its_outcome_even_from_a_closed_run() {
    let mut world = idle();
    let id = world.send(update_request("stock", "u", Stage::Completed));
    let task = world.workflow_task();
    let messages = vec![accept("u"), complete("u")];
    world
        .respond(answered(&task, vec![complete_workflow("")], messages))
        .unwrap();
    // Messages without commands count after the command that closed the run.
    assert_eq!(refused(&mut world, id).code(), Code::NotFound);

    let mut world = idle();
    let id = world.send(update_request("stock", "u", Stage::Completed));
    let task = world.workflow_task();
    world
        .respond(answered(&task, vec![], vec![accept("u"), complete("u")]))
        .unwrap();
    assert!(reached(&mut world, id).is_some());
    terminate(&mut world, "stock");
    let again = world.send(update_request("stock", "u", Stage::Completed));
    assert_eq!(reached(&mut world, again).unwrap().0, Stage::Completed);
    let other = world.send(update_request("stock", "other", Stage::Completed));
    assert_eq!(refused(&mut world, other).code(), Code::NotFound);
}

#[test]
fn a_closing_run_fails_accepted_updates_and_gives_up_the_others() {
    let mut world = idle();
    let accepted = world.send(update_request("stock", "accepted", Stage::Completed));
    let task = world.workflow_task();
    world
        .respond(answered(&task, vec![], vec![accept("accepted")]))
        .unwrap();
    let waiting = world.send(update_request("stock", "waiting", Stage::Completed));
    terminate(&mut world, "stock");
    let (stage, outcome) = reached(&mut world, accepted).unwrap();
    assert_eq!(stage, Stage::Completed);
    let Some(outcome::Value::Failure(failure)) = outcome else {
        panic!("{outcome:?}")
    };
    assert!(
        failure
            .message
            .contains("the Workflow completed before the Update completed")
    );
    assert!(
        refused(&mut world, waiting)
            .message()
            .contains("aborted by closing workflow")
    );
}

#[test]
fn an_update_that_a_run_did_not_accept_goes_to_the_run_that_continues_it() {
    let mut world = idle();
    world.pass(3_600_000);
    let task = world.workflow_task();
    let id = world.send(update_request("stock", "u", Stage::Accepted));
    let again = crate::api::command::ContinueAsNewWorkflowExecutionCommandAttributes::default();
    let again = Command::ContinueAsNewWorkflowExecutionCommandAttributes(again);
    world.respond(answered(&task, vec![again], vec![])).unwrap();
    assert!(world.reply(id).is_none());
    let task = world.workflow_task();
    assert_eq!(task.messages.len(), 1);
    world
        .respond(answered(&task, vec![], vec![accept("u")]))
        .unwrap();
    assert_eq!(reached(&mut world, id), Some((Stage::Accepted, None)));
}

#[test]
fn an_update_that_its_worker_does_not_answer_is_rejected() {
    let mut world = idle();
    let id = world.send(update_request("stock", "u", Stage::Accepted));
    let task = world.workflow_task();
    world.respond(answered(&task, vec![], vec![])).unwrap();
    let (_, outcome) = reached(&mut world, id).unwrap();
    let Some(outcome::Value::Failure(failure)) = outcome else {
        panic!("{outcome:?}")
    };
    assert!(
        failure.message.contains("wasn't processed by worker"),
        "{}",
        failure.message
    );
}

#[test]
fn an_update_during_a_task_comes_with_the_next_one() {
    let mut world = idle();
    world.pass(3_600_000);
    let task = world.workflow_task();
    let id = world.send(update_request("stock", "u", Stage::Accepted));
    let response = world
        .respond(answered(&task, vec![start_timer("2", 1_000)], vec![]))
        .unwrap();
    let next = response.workflow_task.expect("the next task at once");
    assert_eq!(next.messages.len(), 1);
    world
        .respond(answered(&next, vec![], vec![reject("u")]))
        .unwrap();
    assert!(reached(&mut world, id).is_some());
    assert_eq!(world.last_event("stock").event_type(), TimerStarted);
}

#[test]
fn an_update_goes_out_again_after_its_task_failed() {
    let mut world = idle();
    let id = world.send(update_request("stock", "u", Stage::Accepted));
    let task = world.workflow_task();
    let failed = RespondWorkflowTaskFailedRequest {
        namespace: "default".to_owned(),
        task_token: task.task_token.clone(),
        ..RespondWorkflowTaskFailedRequest::default()
    };
    world.call(failed).unwrap();
    let task = world.workflow_task();
    assert_eq!((task.attempt, task.messages.len()), (2, 1));
    world
        .respond(answered(&task, vec![], vec![accept("u")]))
        .unwrap();
    assert!(reached(&mut world, id).is_some());
}

#[test]
fn messages_apply_at_the_place_of_their_command() {
    let mut world = idle();
    world.send(update_request("stock", "u", Stage::Accepted));
    let task = world.workflow_task();
    let protocol = |id: &str| {
        Command::ProtocolMessageCommandAttributes(
            crate::api::command::ProtocolMessageCommandAttributes {
                message_id: id.to_owned(),
            },
        )
    };
    let commands = vec![
        protocol("u/Acceptance"),
        start_timer("2", 1_000),
        protocol("u/Response"),
    ];
    world
        .respond(answered(&task, commands, vec![complete("u"), accept("u")]))
        .unwrap();
    assert_eq!(
        world.event_types("stock")[IDLE_EVENTS + 3..],
        [
            WorkflowExecutionUpdateAccepted,
            TimerStarted,
            WorkflowExecutionUpdateCompleted
        ]
    );
}

#[test]
fn a_bad_message_fails_the_task_and_the_update() {
    let mut world = idle();
    let id = world.send(update_request("stock", "u", Stage::Accepted));
    let task = world.workflow_task();
    let refusal = world
        .respond(answered(&task, vec![], vec![complete("u")]))
        .unwrap_err();
    assert!(
        refusal
            .message()
            .starts_with("BadUpdateWorkflowExecutionMessage"),
        "{}",
        refusal.message()
    );
    assert_eq!(refused(&mut world, id).code(), Code::FailedPrecondition);
}

#[test]
fn a_poll_waits_for_an_update_and_an_unknown_update_is_not_found() {
    let mut world = idle();
    world.send(update_request("stock", "u", Stage::Accepted));
    let poll = |update_id: &str| PollWorkflowExecutionUpdateRequest {
        namespace: "default".to_owned(),
        update_ref: Some(crate::api::update::UpdateRef {
            workflow_execution: execution("stock"),
            update_id: update_id.to_owned(),
        }),
        wait_policy: Some(WaitPolicy {
            lifecycle_stage: Stage::Completed.into(),
        }),
        ..PollWorkflowExecutionUpdateRequest::default()
    };
    let id = world.send(poll("u"));
    let unknown = world.send(poll("other"));
    assert_eq!(refused(&mut world, unknown).code(), Code::NotFound);
    let task = world.workflow_task();
    world
        .respond(answered(&task, vec![], vec![accept("u"), complete("u")]))
        .unwrap();
    let Some(Ok(Response::PollWorkflowExecutionUpdate(response))) = world.reply(id) else {
        panic!("no answer")
    };
    assert_eq!(response.stage(), Stage::Completed);
}

/// Source: `temporalio/temporal: service/history/workflow/update/update.go` (`WaitLifecycleStage`).
#[test]
fn a_deadline_within_a_long_poll_ends_the_wait() {
    let mut world = idle();
    let soon_ms = world.now_ms + 5_000;
    let impatient = world.send_until(update_request("stock", "u", Stage::Completed), soon_ms);
    let later_ms = world.now_ms + 30_000;
    let patient = world.send_until(update_request("stock", "u", Stage::Completed), later_ms);
    let gone = world.send_until(update_request("stock", "u", Stage::Completed), soon_ms);
    world.service.cancel(gone);
    world.pass(4_999);
    assert!(world.reply(impatient).is_none());
    world.pass(1);
    assert_eq!(
        refused(&mut world, impatient).code(),
        Code::DeadlineExceeded
    );
    world.pass(60_000);
    assert!(world.reply(gone).is_none() && world.reply(patient).is_none());
    let task = world.workflow_task();
    world
        .respond(answered(&task, vec![], vec![accept("u"), complete("u")]))
        .unwrap();
    assert_eq!(reached(&mut world, patient).unwrap().0, Stage::Completed);
}

#[test]
fn an_accepted_update_returns_as_admitted_after_a_reset() {
    let mut world = idle();
    world.send(update_request("stock", "u", Stage::Accepted));
    let task = world.workflow_task();
    world
        .respond(answered(&task, vec![], vec![accept("u")]))
        .unwrap();
    let request = ResetWorkflowExecutionRequest {
        namespace: "default".to_owned(),
        workflow_execution: execution("stock"),
        workflow_task_finish_event_id: 4,
        request_id: "reset".to_owned(),
        ..ResetWorkflowExecutionRequest::default()
    };
    world.call(request).unwrap();
    let events = world.event_types("stock");
    assert!(
        events.contains(&WorkflowExecutionUpdateAdmitted),
        "{events:?}"
    );
    assert!(
        !events.contains(&WorkflowExecutionUpdateAccepted),
        "{events:?}"
    );
}
