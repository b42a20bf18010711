//! Schedules, from creation to deletion.

mod actions;
mod lists;
mod requests;

use std::fmt::Write;

use crate::{
    Response,
    api::{
        common::WorkflowType,
        enums::ScheduleOverlapPolicy,
        rpc::*,
        schedule::{
            IntervalSpec, Schedule, ScheduleAction, SchedulePatch, SchedulePolicies, ScheduleSpec,
            TriggerImmediatelyRequest, schedule_action::Action,
        },
        workflow::NewWorkflowExecutionInfo,
    },
    base::time::duration,
    testing::{TASK_QUEUE, World, complete_workflow, queue},
};

const HOUR_MS: u64 = 3_600_000;

/// Returns the request for a schedule that acts every hour, under this policy.
fn hourly(policy: ScheduleOverlapPolicy) -> CreateScheduleRequest {
    let interval = IntervalSpec {
        interval: Some(duration(HOUR_MS)),
        phase: None,
    };
    let start = NewWorkflowExecutionInfo {
        workflow_id: "report".to_owned(),
        workflow_type: Some(WorkflowType {
            name: "Report".to_owned(),
        }),
        task_queue: queue(TASK_QUEUE),
        ..NewWorkflowExecutionInfo::default()
    };
    CreateScheduleRequest {
        namespace: "default".to_owned(),
        schedule_id: "hourly".to_owned(),
        schedule: Some(Schedule {
            spec: Some(ScheduleSpec {
                interval: vec![interval],
                ..ScheduleSpec::default()
            }),
            action: Some(ScheduleAction {
                action: Some(Action::StartWorkflow(start)),
            }),
            policies: Some(SchedulePolicies {
                overlap_policy: policy.into(),
                ..SchedulePolicies::default()
            }),
            ..Schedule::default()
        }),
        identity: "client".to_owned(),
        request_id: "create".to_owned(),
        ..CreateScheduleRequest::default()
    }
}

fn definition(request: &mut CreateScheduleRequest) -> &mut Schedule {
    request.schedule.as_mut().unwrap()
}

fn action(request: &mut CreateScheduleRequest) -> &mut NewWorkflowExecutionInfo {
    let action = definition(request).action.as_mut().unwrap();
    let Some(Action::StartWorkflow(start)) = &mut action.action else {
        panic!("no workflow");
    };
    start
}

fn describe(world: &mut World) -> DescribeScheduleResponse {
    let request = DescribeScheduleRequest {
        namespace: "default".to_owned(),
        schedule_id: "hourly".to_owned(),
    };
    match world.call(request).unwrap() {
        Response::DescribeSchedule(response) => *response,
        other => panic!("not a description: {other:?}"),
    }
}

fn patch(world: &mut World, request_id: &str, patch: SchedulePatch) {
    let request = PatchScheduleRequest {
        namespace: "default".to_owned(),
        schedule_id: "hourly".to_owned(),
        patch: Some(patch),
        request_id: request_id.to_owned(),
        ..PatchScheduleRequest::default()
    };
    world.call(request).unwrap();
}

fn triggered(policy: ScheduleOverlapPolicy) -> SchedulePatch {
    SchedulePatch {
        trigger_immediately: Some(TriggerImmediatelyRequest {
            overlap_policy: policy.into(),
            scheduled_time: None,
        }),
        ..SchedulePatch::default()
    }
}

/// Returns the workflow ids of all runs in the order of their starts, with their statuses.
fn runs(world: &World) -> String {
    let mut all = String::new();
    for run in world.service.executions.iter() {
        let id = run.workflow_id.strip_prefix("report-2024-01-01T");
        let id = id.unwrap_or(&run.workflow_id);
        writeln!(all, "{id} {:?}", run.state.status).unwrap();
    }
    all
}

/// Completes the next workflow task with the end of its workflow.
fn complete_next(world: &mut World) {
    world.run_workflow_task(vec![complete_workflow("done")]);
}
