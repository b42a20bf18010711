//! Closed executions are dropped after their retention, and deleted ones at once.

use pretty_assertions::assert_eq;
use tonic::Code;

use super::*;
use crate::{
    Retention, ServiceConfig,
    api::{
        command::{
            ScheduleActivityTaskCommandAttributes, StartChildWorkflowExecutionCommandAttributes,
            command::Attributes as Command,
        },
        common::{ActivityType, Payload},
        schedule::Schedule,
        workflow::WorkflowExecutionInfo,
    },
};

const HOUR_MS: u64 = 3_600_000;
const DAY_MS: u64 = 24 * HOUR_MS;
/// The retention of these tests, and the longest time beyond it.
const GONE_MS: u64 = DAY_MS + HOUR_MS / 2;

/// The workflows of one round: those of a full page of places.
const WORKFLOWS: usize = 1024;

/// Returns a world whose closed executions are kept for a day.
fn world() -> World {
    with_retention(Retention::AfterClose { ms: DAY_MS })
}

fn with_retention(retention: Retention) -> World {
    World::with(ServiceConfig {
        retention,
        ..ServiceConfig::default()
    })
}

fn describe(
    world: &mut World,
    run_id: &str,
) -> Result<DescribeWorkflowExecutionResponse, tonic::Status> {
    let request = DescribeWorkflowExecutionRequest {
        namespace: "default".to_owned(),
        execution: Some(WorkflowExecution {
            workflow_id: "order".to_owned(),
            run_id: run_id.to_owned(),
        }),
    };
    match world.call(request)? {
        Response::DescribeWorkflowExecution(description) => Ok(*description),
        other => panic!("not a description: {other:?}"),
    }
}

fn listed(world: &mut World) -> Vec<WorkflowExecutionInfo> {
    let request = ListWorkflowExecutionsRequest {
        namespace: "default".to_owned(),
        ..ListWorkflowExecutionsRequest::default()
    };
    match world.call(request) {
        Ok(Response::ListWorkflowExecutions(page)) => page.executions,
        other => panic!("not a list: {other:?}"),
    }
}

#[test]
fn a_closed_run_is_found_until_its_retention_ends() {
    let mut world = world();
    let run_id = world.start("order");
    world.run_workflow_task(vec![complete_workflow("done")]);
    world.pass(DAY_MS - 1);
    assert!(describe(&mut world, &run_id).is_ok());
    assert_eq!(listed(&mut world).len(), 1);

    world.pass(GONE_MS - DAY_MS + 1);
    let missing = describe(&mut world, &run_id).unwrap_err();
    assert_eq!(
        (missing.code(), missing.message()),
        (
            Code::NotFound,
            &*format!(
                "workflow execution not found for workflow ID \"order\" and run ID {run_id:?}"
            )
        )
    );
    let missing = world.call(history_request("order")).unwrap_err();
    assert_eq!(
        (missing.code(), missing.message()),
        (Code::NotFound, "workflow not found for ID: order")
    );
    assert_eq!(listed(&mut world), []);
}

#[test]
fn a_dropped_run_leaves_its_id_and_its_request_id_for_others() {
    let mut world = world();
    let first = world.start("order");
    world.run_workflow_task(vec![complete_workflow("done")]);
    let mut again = start_request("order");
    again.set_workflow_id_reuse_policy(WorkflowIdReusePolicy::RejectDuplicate);
    assert_eq!(start(&mut world, again.clone()).run_id, first);

    world.pass(GONE_MS);
    let second = start(&mut world, again);
    assert_ne!(second.run_id, first);
    world.run_workflow_task(vec![complete_workflow("done")]);
    world.pass(GONE_MS);
    let third = world.start("order");
    assert_ne!(third, first);
    assert_ne!(third, second.run_id);
}

#[test]
fn an_open_run_is_kept_for_ever() {
    let mut world = world();
    let run_id = world.start("order");
    world.run_workflow_task(vec![start_timer("1", 10 * DAY_MS)]);
    world.pass(9 * DAY_MS);
    assert!(describe(&mut world, &run_id).is_ok());
    world.pass(DAY_MS);
    world.run_workflow_task(vec![complete_workflow("done")]);
    world.pass(DAY_MS - 1);
    assert!(describe(&mut world, &run_id).is_ok());
}

#[test]
fn a_page_of_a_history_is_not_found_after_the_retention() {
    let mut world = world();
    world.start("order");
    world.run_workflow_task(vec![complete_workflow("done")]);
    let first = GetWorkflowExecutionHistoryRequest {
        maximum_page_size: 1,
        ..history_request("order")
    };
    let Ok(Response::GetWorkflowExecutionHistory(page)) = world.call(first.clone()) else {
        panic!("no page")
    };
    let second = GetWorkflowExecutionHistoryRequest {
        next_page_token: page.next_page_token,
        ..first
    };
    assert!(world.call(second.clone()).is_ok());
    world.pass(GONE_MS);
    assert_eq!(world.call(second).unwrap_err().code(), Code::NotFound);
}

#[test]
fn a_task_of_a_dropped_run_is_stale() {
    let mut world = world();
    world.start("order");
    let task = world.workflow_task();
    terminate(&mut world, "order");
    world.start("other");
    terminate(&mut world, "other");
    world.pass(GONE_MS);
    let late = world.complete(&task, vec![complete_workflow("done")]);
    assert_eq!(late.unwrap_err().code(), Code::NotFound);
    assert!(!world.has_workflow_task());
}

#[test]
fn without_a_retention_closed_runs_are_kept_and_deleted_ones_are_not() {
    let mut world = with_retention(Retention::UntilDeleted);
    let run_id = world.start("order");
    world.run_workflow_task(vec![complete_workflow("done")]);
    world.pass(365 * DAY_MS);
    assert!(describe(&mut world, &run_id).is_ok());
    let before = held(&world);
    world.start("other");
    delete(&mut world, "other");
    world.has_workflow_task();
    assert_eq!(held(&world) / 100, before / 100);
}

#[test]
fn a_world_keeps_the_histories_of_deleted_runs() {
    let mut world = World::new();
    world.start("order");
    delete(&mut world, "order");
    assert_eq!(world.service.executions().count(), 0);
    assert_eq!(world.service.into_histories().count(), 1);
}

/// Returns a measure of all that the service holds: the length of its description.
fn held(world: &World) -> usize {
    format!("{:?}", world.service).len()
}

#[test]
fn a_long_life_leaves_nothing_behind() {
    let mut world = world();
    let mut sizes = Vec::new();
    for round in 0..3 {
        for number in 0..WORKFLOWS {
            live(&mut world, &format!("{round}-{number}"));
        }
        world.pass(GONE_MS);
        // What has gone is dropped with the next request.
        assert_eq!(listed(&mut world), []);
        sizes.push(held(&world));
    }
    // A page of places that are all free leaves some 30 bytes, and a number may get a digit more.
    assert!(sizes[2].abs_diff(sizes[1]) < WORKFLOWS / 4, "{sizes:?}");
}

/// Runs a workflow with a child, an activity, a signal, a query and clients who wait, and beside it
/// another one whose tasks no worker takes, a standalone activity and a schedule.
fn live(world: &mut World, name: &str) {
    let (order, child) = (format!("order-{name}"), format!("child-{name}"));
    world.start(&order);
    world.run_workflow_task(vec![schedule_activity(), start_child(&child)]);
    let waits = world.send(GetWorkflowExecutionHistoryRequest {
        wait_new_event: true,
        history_event_filter_type: HistoryEventFilterType::CloseEvent.into(),
        ..history_request(&order)
    });
    signal(world, &order);
    world.run_workflow_task(vec![]);
    world.pass(1);
    let gone = world.send(history_request(&order));
    world.service.cancel(gone);
    answer_activity(world);
    // The child's task and those of its parent.
    while world.has_task_for(vec![complete_workflow("done")]) {}
    assert!(world.reply(waits).is_some(), "{order} has not closed");
    let query = world.send(query_request(&order));
    world.service.cancel(query);

    let idle = format!("idle-{name}");
    let mut unpolled = start_request(&idle);
    unpolled.task_queue = queue("unpolled");
    start(world, unpolled);
    terminate(world, &idle);
    if name.ends_with('0') {
        delete(world, &idle);
    }

    standalone_activity(world, name);
    let schedule_id = format!("schedule-{name}");
    world
        .call(CreateScheduleRequest {
            namespace: "default".to_owned(),
            schedule_id: schedule_id.clone(),
            schedule: Some(Schedule::default()),
            request_id: "create".to_owned(),
            ..CreateScheduleRequest::default()
        })
        .ok();
    let deleted = DeleteScheduleRequest {
        namespace: "default".to_owned(),
        schedule_id,
        ..DeleteScheduleRequest::default()
    };
    world.call(deleted).ok();
}

impl World {
    /// Completes a workflow task with these commands, if there is one.
    fn has_task_for(&mut self, commands: Vec<Command>) -> bool {
        self.pass(1);
        let poll = self.send(poll_request());
        let Some(Ok(Response::PollWorkflowTaskQueue(task))) = self.reply(poll) else {
            self.service.cancel(poll);
            return false;
        };
        self.complete(&task.into_message(), commands).unwrap();
        true
    }
}

fn schedule_activity() -> Command {
    Command::ScheduleActivityTaskCommandAttributes(ScheduleActivityTaskCommandAttributes {
        activity_id: "1".to_owned(),
        activity_type: Some(ActivityType {
            name: "Charge".to_owned(),
        }),
        task_queue: queue(TASK_QUEUE),
        start_to_close_timeout: Some(duration(10_000)),
        ..ScheduleActivityTaskCommandAttributes::default()
    })
}

fn start_child(workflow_id: &str) -> Command {
    let child = StartChildWorkflowExecutionCommandAttributes {
        workflow_id: workflow_id.to_owned(),
        workflow_type: Some(WorkflowType {
            name: "Workflow".to_owned(),
        }),
        task_queue: queue(TASK_QUEUE),
        ..StartChildWorkflowExecutionCommandAttributes::default()
    };
    Command::StartChildWorkflowExecutionCommandAttributes(child)
}

fn signal(world: &mut World, workflow_id: &str) {
    let request = SignalWorkflowExecutionRequest {
        namespace: "default".to_owned(),
        workflow_execution: execution(workflow_id),
        signal_name: "go".to_owned(),
        request_id: format!("signal-{workflow_id}"),
        ..SignalWorkflowExecutionRequest::default()
    };
    world.call(request).expect("a signal that is taken");
}

fn terminate(world: &mut World, workflow_id: &str) {
    let request = TerminateWorkflowExecutionRequest {
        namespace: "default".to_owned(),
        workflow_execution: execution(workflow_id),
        ..TerminateWorkflowExecutionRequest::default()
    };
    world.call(request).expect("an open run");
}

fn delete(world: &mut World, workflow_id: &str) {
    let request = DeleteWorkflowExecutionRequest {
        namespace: "default".to_owned(),
        workflow_execution: execution(workflow_id),
    };
    world.call(request).expect("a run");
}

#[track_caller]
fn answer_activity(world: &mut World) {
    let poll = PollActivityTaskQueueRequest {
        namespace: "default".to_owned(),
        task_queue: queue(TASK_QUEUE),
        ..PollActivityTaskQueueRequest::default()
    };
    let Ok(Response::PollActivityTaskQueue(task)) = world.call(poll) else {
        panic!("no activity task")
    };
    let answer = RespondActivityTaskCompletedRequest {
        namespace: "default".to_owned(),
        task_token: task.task_token.clone(),
        ..RespondActivityTaskCompletedRequest::default()
    };
    world.call(answer).expect("an open attempt");
}

fn standalone_activity(world: &mut World, name: &str) {
    let request = StartActivityExecutionRequest {
        namespace: "default".to_owned(),
        activity_id: format!("activity-{name}"),
        activity_type: Some(ActivityType {
            name: "Charge".to_owned(),
        }),
        task_queue: queue(TASK_QUEUE),
        start_to_close_timeout: Some(duration(10_000)),
        input: Some(crate::api::Payloads {
            payloads: vec![Payload::default()],
        }),
        ..StartActivityExecutionRequest::default()
    };
    world.call(request).expect("a start");
    answer_activity(world);
}
