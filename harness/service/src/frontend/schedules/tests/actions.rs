//! The actions of schedules in time.

use pretty_assertions::assert_eq;

use super::*;
use crate::{
    api::{
        Attributes, HistoryEvent,
        command::{FailWorkflowExecutionCommandAttributes, command},
        failure::Failure,
        history::WorkflowExecutionStartedEventAttributes,
        schedule::{BackfillRequest, ScheduleState},
    },
    base::time::timestamp,
    testing::{START_MS, payloads},
};

fn created(policy: ScheduleOverlapPolicy) -> World {
    let mut world = World::new();
    world.call(hourly(policy)).unwrap();
    world
}

fn started(event: &HistoryEvent) -> &WorkflowExecutionStartedEventAttributes {
    match &event.attributes {
        Some(Attributes::WorkflowExecutionStartedEventAttributes(started)) => started,
        other => panic!("not a start: {other:?}"),
    }
}

fn fail_workflow(message: &str) -> command::Attributes {
    let failure = Failure {
        message: message.to_owned(),
        ..Failure::default()
    };
    command::Attributes::FailWorkflowExecutionCommandAttributes(
        FailWorkflowExecutionCommandAttributes {
            failure: Some(failure),
        },
    )
}

#[test]
fn a_workflow_is_started_whenever_the_time_comes() {
    let mut world = created(ScheduleOverlapPolicy::AllowAll);
    assert_eq!(runs(&world), "");
    world.pass(2 * HOUR_MS);
    assert_eq!(runs(&world), "01:00:00Z Running\n02:00:00Z Running\n");

    let history = world.history("report-2024-01-01T01:00:00Z");
    let started = started(&history[0]);
    assert_eq!(started.identity, "temporal-scheduler-default-hourly");
    let attributes = started.search_attributes.as_ref().unwrap();
    let value = |name: &str| {
        let data = &attributes.indexed_fields[name].data;
        String::from_utf8(data.clone()).unwrap()
    };
    assert_eq!(value("TemporalScheduledById"), "\"hourly\"");
    assert_eq!(
        value("TemporalScheduledStartTime"),
        "\"2024-01-01T01:00:00Z\""
    );

    let info = describe(&mut world).info.unwrap();
    assert_eq!(info.action_count, 2);
    let recent = &info.recent_actions[1];
    assert_eq!(
        recent.schedule_time,
        Some(timestamp(START_MS + 2 * HOUR_MS))
    );
    assert_eq!(recent.actual_time, recent.schedule_time);
    assert_eq!(info.future_action_times.len(), 10);
    assert_eq!(
        info.future_action_times[0],
        timestamp(START_MS + 3 * HOUR_MS)
    );
    // Workflows that may overlap are not tracked.
    assert_eq!(info.running_workflows, []);
}

#[test]
fn a_start_beside_a_running_workflow_is_skipped_by_default() {
    let mut world = created(ScheduleOverlapPolicy::Unspecified);
    world.pass(2 * HOUR_MS);
    assert_eq!(runs(&world), "01:00:00Z Running\n");
    let described = describe(&mut world);
    let policies = described.schedule.unwrap().policies.unwrap();
    assert_eq!(policies.overlap_policy(), ScheduleOverlapPolicy::Skip);
    assert_eq!(policies.catchup_window.unwrap().seconds, 365 * 24 * 3600);
    let info = described.info.unwrap();
    assert_eq!((info.action_count, info.overlap_skipped), (1, 1));
    assert_eq!(info.running_workflows.len(), 1);

    complete_next(&mut world);
    assert_eq!(describe(&mut world).info.unwrap().running_workflows, []);
    world.pass(HOUR_MS);
    assert_eq!(runs(&world), "01:00:00Z Completed\n03:00:00Z Running\n");
}

#[test]
fn buffered_starts_wait_for_the_running_workflow_to_close() {
    let mut world = created(ScheduleOverlapPolicy::BufferAll);
    world.pass(3 * HOUR_MS + HOUR_MS / 2);
    assert_eq!(describe(&mut world).info.unwrap().buffer_size, 2);
    complete_next(&mut world);
    world.pass(0);
    assert_eq!(runs(&world), "01:00:00Z Completed\n02:00:00Z Running\n");
    complete_next(&mut world);
    world.pass(0);
    assert_eq!(describe(&mut world).info.unwrap().buffer_size, 0);

    let mut world = created(ScheduleOverlapPolicy::BufferOne);
    world.pass(4 * HOUR_MS);
    let info = describe(&mut world).info.unwrap();
    assert_eq!((info.buffer_size, info.overlap_skipped), (1, 2));
}

#[test]
fn the_running_workflow_makes_way_for_the_next() {
    let mut world = created(ScheduleOverlapPolicy::TerminateOther);
    world.pass(2 * HOUR_MS);
    assert_eq!(runs(&world), "01:00:00Z Terminated\n02:00:00Z Running\n");

    let mut world = created(ScheduleOverlapPolicy::CancelOther);
    world.pass(2 * HOUR_MS);
    assert_eq!(runs(&world), "01:00:00Z Running\n");
    complete_next(&mut world);
    world.pass(0);
    assert_eq!(runs(&world), "01:00:00Z Completed\n02:00:00Z Running\n");
}

#[test]
fn results_and_failures_pass_to_the_next_run() {
    let mut world = created(ScheduleOverlapPolicy::Skip);
    world.pass(HOUR_MS);
    complete_next(&mut world);
    world.pass(HOUR_MS);
    world.run_workflow_task(vec![fail_workflow("no paper")]);
    world.pass(HOUR_MS);
    let second = world.history("report-2024-01-01T02:00:00Z");
    assert_eq!(started(&second[0]).last_completion_result, payloads("done"));
    let third = started(&world.history("report-2024-01-01T03:00:00Z")[0]).clone();
    assert_eq!(third.last_completion_result, payloads("done"));
    assert_eq!(third.continued_failure.unwrap().message, "no paper");
    assert_eq!(describe(&mut world).info.unwrap().action_count, 3);
}

#[test]
fn a_failure_pauses_the_schedule_if_its_policy_says_so() {
    let mut world = World::new();
    let mut request = hourly(ScheduleOverlapPolicy::Skip);
    definition(&mut request)
        .policies
        .as_mut()
        .unwrap()
        .pause_on_failure = true;
    world.call(request).unwrap();
    world.pass(HOUR_MS);
    world.run_workflow_task(vec![fail_workflow("no paper")]);
    world.pass(2 * HOUR_MS);
    assert_eq!(runs(&world), "01:00:00Z Failed\n");
    let state = describe(&mut world).schedule.unwrap().state.unwrap();
    assert!(state.paused);
    assert_eq!(
        state.notes,
        "paused due to workflow failure: report-2024-01-01T01:00:00Z: no paper"
    );
}

#[test]
fn a_paused_schedule_misses_what_comes_while_it_is_paused() {
    let mut world = created(ScheduleOverlapPolicy::AllowAll);
    let pause = SchedulePatch {
        pause: "holiday".to_owned(),
        ..SchedulePatch::default()
    };
    patch(&mut world, "pause", pause);
    assert_eq!(world.service.next_due_ms(), None);
    world.pass(2 * HOUR_MS);
    let unpause = SchedulePatch {
        unpause: "back".to_owned(),
        ..SchedulePatch::default()
    };
    patch(&mut world, "unpause", unpause);
    world.pass(HOUR_MS);
    assert_eq!(runs(&world), "03:00:00Z Running\n");
    let described = describe(&mut world);
    assert_eq!(described.schedule.unwrap().state.unwrap().notes, "back");
    assert_eq!(described.conflict_token, 3_i64.to_be_bytes());
}

#[test]
fn a_schedule_with_so_many_actions_ends_a_week_after_the_last() {
    let mut world = World::new();
    let mut request = hourly(ScheduleOverlapPolicy::AllowAll);
    definition(&mut request).state = Some(ScheduleState {
        limited_actions: true,
        remaining_actions: 2,
        ..ScheduleState::default()
    });
    world.call(request).unwrap();
    assert_eq!(
        describe(&mut world).info.unwrap().future_action_times.len(),
        2
    );
    world.pass(24 * HOUR_MS);
    assert_eq!(runs(&world), "01:00:00Z Running\n02:00:00Z Running\n");
    let state = describe(&mut world).schedule.unwrap().state.unwrap();
    assert_eq!(state.remaining_actions, 0);
    world.pass(7 * 24 * HOUR_MS);
    let request = DescribeScheduleRequest {
        namespace: "default".to_owned(),
        schedule_id: "hourly".to_owned(),
    };
    assert_eq!(
        world.call(request).unwrap_err().message(),
        "schedule not found"
    );
}

#[test]
fn an_action_is_triggered_at_once_even_while_paused() {
    let mut world = World::new();
    let mut request = hourly(ScheduleOverlapPolicy::Skip);
    definition(&mut request).state = Some(ScheduleState {
        paused: true,
        ..ScheduleState::default()
    });
    request.initial_patch = Some(triggered(ScheduleOverlapPolicy::Unspecified));
    world.call(request).unwrap();
    assert_eq!(runs(&world), "00:00:00Z Running\n");
    world.pass(90_000);
    patch(
        &mut world,
        "skipped",
        triggered(ScheduleOverlapPolicy::Unspecified),
    );
    patch(
        &mut world,
        "made",
        triggered(ScheduleOverlapPolicy::AllowAll),
    );
    assert_eq!(runs(&world), "00:00:00Z Running\n00:01:30Z Running\n");
}

#[test]
fn a_backfill_makes_the_actions_of_a_past_time_with_both_ends() {
    let mut world = created(ScheduleOverlapPolicy::Skip);
    let backfill = BackfillRequest {
        start_time: Some(timestamp(START_MS - 30 * HOUR_MS)),
        end_time: Some(timestamp(START_MS - 6 * HOUR_MS)),
        overlap_policy: ScheduleOverlapPolicy::AllowAll.into(),
    };
    let backfill = SchedulePatch {
        backfill_request: vec![backfill],
        ..SchedulePatch::default()
    };
    patch(&mut world, "backfill", backfill);
    // Ten of them now, the others a second later each time.
    assert_eq!(world.service.executions.iter().count(), 10);
    world.pass(2_000);
    assert_eq!(world.service.executions.iter().count(), 25);
    let first = world.service.executions.iter().next().unwrap();
    assert_eq!(first.workflow_id, "report-2023-12-30T18:00:00Z");
    assert_eq!(describe(&mut world).info.unwrap().action_count, 25);
}

#[test]
fn an_action_later_than_the_catch_up_window_is_missed() {
    let mut world = World::new();
    let mut request = hourly(ScheduleOverlapPolicy::AllowAll);
    let policies = definition(&mut request).policies.as_mut().unwrap();
    policies.catchup_window = Some(duration(HOUR_MS));
    world.call(request).unwrap();
    // The service was away for some hours.
    world.now_ms += 5 * HOUR_MS / 2;
    world.pass(0);
    assert_eq!(runs(&world), "02:00:00Z Running\n");
    assert_eq!(describe(&mut world).info.unwrap().missed_catchup_window, 1);
}

#[test]
fn an_id_that_is_taken_is_no_action() {
    let mut world = World::new();
    world.start("report-2024-01-01T01:00:00Z");
    world.call(hourly(ScheduleOverlapPolicy::Skip)).unwrap();
    world.pass(2 * HOUR_MS);
    assert_eq!(describe(&mut world).info.unwrap().action_count, 1);
    assert_eq!(runs(&world), "01:00:00Z Running\n02:00:00Z Running\n");
}
