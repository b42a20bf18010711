//! The completion callbacks of updates.

use pretty_assertions::assert_eq;

use super::*;
use crate::api::{
    command::ScheduleNexusOperationCommandAttributes,
    common::{
        Callback,
        callback::{Nexus, Variant},
    },
    enums::{CallbackState, EventType},
    nexus::request,
    workflow::{CallbackInfo, callback_info::trigger},
};

/// Returns the request of a handler whose operation ends with the update.
fn with_callback(request_id: &str) -> UpdateWorkflowExecutionRequest {
    let mut request = update_request("stock", "u", Stage::Accepted);
    let update = request.request.get_or_insert_default();
    update.request_id = request_id.to_owned();
    update.completion_callbacks = vec![Callback {
        variant: Some(Variant::Nexus(Nexus {
            url: "temporal://system".to_owned(),
            ..Nexus::default()
        })),
        links: vec![crate::base::links::to_event(
            "default",
            "order",
            "run",
            5,
            NexusOperationScheduled,
        )],
    }];
    request
}

/// Returns a world in which the update was accepted, with its first callback.
fn accepted() -> World {
    let mut world = idle();
    world.send(with_callback("first"));
    let task = world.workflow_task();
    world
        .respond(answered(&task, vec![], vec![accept("u")]))
        .unwrap();
    world
}

fn callbacks(world: &mut World) -> Vec<CallbackInfo> {
    let request = DescribeWorkflowExecutionRequest {
        namespace: "default".to_owned(),
        execution: execution("stock"),
    };
    match world.call(request) {
        Ok(Response::DescribeWorkflowExecution(description)) => description.callbacks,
        other => panic!("not a description: {other:?}"),
    }
}

fn states(world: &mut World) -> Vec<(String, CallbackState)> {
    let callbacks = callbacks(world).into_iter();
    callbacks
        .map(|it| (it.request_id.clone(), it.state()))
        .collect()
}

#[test]
fn the_callback_of_an_update_waits_for_its_outcome() {
    let mut world = idle();
    let id = world.send(with_callback("first"));
    let task = world.workflow_task();
    assert_eq!(callbacks(&mut world), [], "it is not accepted yet");
    world
        .respond(answered(&task, vec![], vec![accept("u")]))
        .unwrap();
    let [registered] = &callbacks(&mut world)[..] else {
        panic!("not one callback")
    };
    assert_eq!(registered.state(), CallbackState::Standby);
    let trigger = registered.trigger.as_ref().unwrap().variant.clone();
    assert!(matches!(
        trigger,
        Some(trigger::Variant::UpdateWorkflowExecutionCompleted(update)) if update.update_id == "u"
    ));
    match world.reply(id) {
        Some(Ok(Response::UpdateWorkflowExecution(response))) => {
            assert!(response.link.is_some(), "the link to the acceptance");
        }
        other => panic!("not updated: {other:?}"),
    }
    let accepted = world.last_event("stock");
    assert_eq!(accepted.event_type(), WorkflowExecutionUpdateAccepted);
    assert_eq!(accepted.links.len(), 1, "the link of the callback");
    signal(&mut world);
    let task = world.workflow_task();
    world
        .respond(answered(&task, vec![], vec![complete("u")]))
        .unwrap();
    // Its header names no operation.
    assert_eq!(
        states(&mut world),
        [("first".to_owned(), CallbackState::Failed)]
    );
}

#[test]
fn a_later_request_attaches_its_callback_to_an_accepted_update_once() {
    let mut world = accepted();
    for _ in 0..2 {
        world.send(with_callback("second"));
    }
    let standby = |id: &str| (id.to_owned(), CallbackState::Standby);
    assert_eq!(states(&mut world), [standby("first"), standby("second")]);
    let types = world.event_types("stock");
    let attached = |it: &&EventType| **it == WorkflowExecutionOptionsUpdated;
    assert_eq!(types.iter().filter(attached).count(), 1);
}

#[test]
fn a_callback_that_comes_before_the_acceptance_is_attached_with_it() {
    let mut world = idle();
    world.send(with_callback("first"));
    let task = world.workflow_task();
    world.send(with_callback("second"));
    world
        .respond(answered(&task, vec![], vec![accept("u"), complete("u")]))
        .unwrap();
    let failed = |id: &str| (id.to_owned(), CallbackState::Failed);
    assert_eq!(states(&mut world), [failed("first"), failed("second")]);
}

#[test]
fn the_callback_of_an_update_hears_of_the_end_of_its_workflow() {
    let mut world = accepted();
    terminate(&mut world, "stock");
    assert_eq!(
        states(&mut world),
        [("first".to_owned(), CallbackState::Failed)]
    );
}

#[test]
fn the_outcome_of_an_update_completes_the_operation_that_it_stands_for() {
    let mut world = idle();
    world.service.create_nexus_endpoint("store", "handlers");
    world.start("order");
    world.run_workflow_task(vec![Command::ScheduleNexusOperationCommandAttributes(
        ScheduleNexusOperationCommandAttributes {
            endpoint: "store".to_owned(),
            service: "Store".to_owned(),
            operation: "reserve".to_owned(),
            ..ScheduleNexusOperationCommandAttributes::default()
        },
    )]);
    let task = match world.call(PollNexusTaskQueueRequest {
        namespace: "default".to_owned(),
        task_queue: queue("handlers"),
        ..PollNexusTaskQueueRequest::default()
    }) {
        Ok(Response::PollNexusTaskQueue(task)) => *task,
        other => panic!("not a Nexus task: {other:?}"),
    };
    let Some(request::Variant::StartOperation(start)) = task.request.unwrap().variant else {
        panic!("not a request to start")
    };
    let mut request = with_callback("first");
    let update = request.request.get_or_insert_default();
    update.completion_callbacks[0].variant = Some(Variant::Nexus(Nexus {
        url: start.callback,
        header: start.callback_header,
    }));
    world.send(request);
    let task = world.workflow_task();
    world
        .respond(answered(&task, vec![], vec![accept("u"), complete("u")]))
        .unwrap();
    let types = world.event_types("order");
    assert!(types.contains(&NexusOperationCompleted), "{types:?}");
    assert_eq!(
        states(&mut world),
        [("first".to_owned(), CallbackState::Succeeded)]
    );
}

#[test]
fn callbacks_need_a_request_id() {
    let mut world = idle();
    let refused = world.call(with_callback("")).unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument);
    assert_eq!(
        refused.message(),
        "invalid *update.Request: request_id is required when completion_callbacks are set"
    );
}

fn signal(world: &mut World) {
    world
        .call(SignalWorkflowExecutionRequest {
            namespace: "default".to_owned(),
            workflow_execution: execution("stock"),
            signal_name: "go on".to_owned(),
            ..SignalWorkflowExecutionRequest::default()
        })
        .unwrap();
}
