//! Priorities order the tasks that wait for pollers.

use pretty_assertions::assert_eq;

use super::*;
use crate::api::{
    command::{ScheduleActivityTaskCommandAttributes, command::Attributes as Command},
    common::{ActivityType, Priority},
    workflow::WorkflowExecutionOptions,
};

fn priority(priority_key: i32) -> Priority {
    Priority {
        priority_key,
        ..Priority::default()
    }
}

fn start_with(world: &mut World, workflow_id: &str, priority_key: i32) {
    let request = StartWorkflowExecutionRequest {
        priority: Some(priority(priority_key)),
        ..start_request(workflow_id)
    };
    start(world, request);
}

/// Takes all workflow tasks that wait, and returns the workflow ids in the order of the tasks.
fn order(world: &mut World) -> Vec<String> {
    let mut order = Vec::new();
    loop {
        let poll = world.send(poll_request());
        let Some(reply) = world.reply(poll) else {
            world.service.cancel(poll);
            return order;
        };
        let Ok(Response::PollWorkflowTaskQueue(task)) = reply else {
            panic!("not a task")
        };
        order.push(task.into_message().workflow_execution.unwrap().workflow_id);
    }
}

#[test]
fn a_task_of_higher_priority_goes_first_and_others_in_the_order_of_their_coming() {
    let mut world = World::new();
    for (id, key) in [("low", 5), ("middle-1", 0), ("high", 1), ("middle-2", 3)] {
        start_with(&mut world, id, key);
    }
    assert_eq!(order(&mut world), ["high", "middle-1", "middle-2", "low"]);
}

#[test]
fn fairness_keys_do_not_order_tasks() {
    let mut world = World::new();
    for (id, fairness_key) in [("1", "ann"), ("2", "ann"), ("3", "bob")] {
        let request = StartWorkflowExecutionRequest {
            priority: Some(Priority {
                fairness_key: fairness_key.to_owned(),
                fairness_weight: 10.0,
                ..Priority::default()
            }),
            ..start_request(id)
        };
        start(&mut world, request);
    }
    assert_eq!(order(&mut world), ["1", "2", "3"]);
}

#[test]
fn a_workflow_that_gets_another_priority_is_put_in_its_new_place() {
    let mut world = World::new();
    for id in ["1", "2", "3"] {
        world.start(id);
    }
    for (id, key) in [("3", 1), ("1", 4)] {
        let update = UpdateWorkflowExecutionOptionsRequest {
            namespace: "default".to_owned(),
            workflow_execution: execution(id),
            workflow_execution_options: Some(WorkflowExecutionOptions {
                priority: Some(priority(key)),
                ..WorkflowExecutionOptions::default()
            }),
            update_mask: Some(prost_types::FieldMask {
                paths: vec!["priority".to_owned()],
            }),
            ..UpdateWorkflowExecutionOptionsRequest::default()
        };
        world.call(update).unwrap();
    }
    assert_eq!(order(&mut world), ["3", "2", "1"]);
}

#[test]
fn an_activity_has_the_priority_of_its_workflow_unless_it_has_one_of_its_own() {
    let mut world = World::new();
    start_with(&mut world, "order", 4);
    let activity = |id: &str, key: i32| {
        Command::ScheduleActivityTaskCommandAttributes(ScheduleActivityTaskCommandAttributes {
            activity_id: id.to_owned(),
            activity_type: Some(ActivityType {
                name: "Charge".to_owned(),
            }),
            task_queue: queue(TASK_QUEUE),
            start_to_close_timeout: Some(duration(10_000)),
            priority: Some(priority(key)),
            ..ScheduleActivityTaskCommandAttributes::default()
        })
    };
    let commands = vec![activity("as the workflow", 0), activity("own", 2)];
    world.run_workflow_task(commands);
    let standalone = StartActivityExecutionRequest {
        namespace: "default".to_owned(),
        activity_id: "standalone".to_owned(),
        activity_type: Some(ActivityType {
            name: "Charge".to_owned(),
        }),
        task_queue: queue(TASK_QUEUE),
        start_to_close_timeout: Some(duration(10_000)),
        ..StartActivityExecutionRequest::default()
    };
    world.call(standalone).unwrap();
    let mut order = Vec::new();
    for _ in 0..3 {
        let poll = PollActivityTaskQueueRequest {
            namespace: "default".to_owned(),
            task_queue: queue(TASK_QUEUE),
            ..PollActivityTaskQueueRequest::default()
        };
        let Ok(Response::PollActivityTaskQueue(task)) = world.call(poll) else {
            panic!("no activity task")
        };
        order.push(task.activity_id);
    }
    assert_eq!(order, ["own", "standalone", "as the workflow"]);
}

#[test]
fn a_query_goes_before_the_tasks_of_its_priority_and_behind_those_above() {
    let mut world = World::new();
    start_with(&mut world, "asked", 3);
    world.run_workflow_task(vec![start_timer("1", 3_600_000)]);
    start_with(&mut world, "same", 3);
    start_with(&mut world, "high", 1);
    world.send(query_request("asked"));
    assert_eq!(order(&mut world), ["high", "asked", "same"]);
}
