//! Requests for schedules: their repetition, their conflicts and their mistakes.

use pretty_assertions::assert_eq;
use tonic::Code;

use super::*;
use crate::{
    Request,
    api::{enums::WorkflowIdReusePolicy, schedule::CalendarSpec},
    base::time::timestamp,
    testing::START_MS,
};

#[track_caller]
fn refused(request: impl Into<Request>) -> (Code, String) {
    let mut world = World::new();
    world.call(hourly(ScheduleOverlapPolicy::Skip)).unwrap();
    let status = world.call(request).unwrap_err();
    (status.code(), status.message().to_owned())
}

fn update(definition: Option<Schedule>, token: i64) -> UpdateScheduleRequest {
    UpdateScheduleRequest {
        namespace: "default".to_owned(),
        schedule_id: "hourly".to_owned(),
        schedule: definition,
        conflict_token: token.to_be_bytes().to_vec(),
        request_id: "update".to_owned(),
        ..UpdateScheduleRequest::default()
    }
}

fn delete() -> DeleteScheduleRequest {
    DeleteScheduleRequest {
        namespace: "default".to_owned(),
        schedule_id: "hourly".to_owned(),
        ..DeleteScheduleRequest::default()
    }
}

#[test]
fn a_schedule_is_created_once_by_one_request() {
    let mut world = World::new();
    let request = hourly(ScheduleOverlapPolicy::Skip);
    world.call(request.clone()).unwrap();
    world.call(request.clone()).unwrap();
    let another = CreateScheduleRequest {
        request_id: "another".to_owned(),
        ..request
    };
    let status = world.call(another.clone()).unwrap_err();
    assert_eq!(status.code(), Code::AlreadyExists);
    assert_eq!(
        status.message(),
        "schedule \"hourly\" is already registered"
    );

    world.call(delete()).unwrap();
    world.call(another).unwrap();
}

#[test]
fn a_repeated_patch_triggers_once() {
    let mut world = World::new();
    world.call(hourly(ScheduleOverlapPolicy::AllowAll)).unwrap();
    patch(&mut world, "once", triggered(ScheduleOverlapPolicy::Skip));
    patch(&mut world, "once", triggered(ScheduleOverlapPolicy::Skip));
    assert_eq!(describe(&mut world).info.unwrap().action_count, 1);
}

#[test]
fn an_update_replaces_the_definition_unless_its_token_is_outdated() {
    let mut world = World::new();
    world.call(hourly(ScheduleOverlapPolicy::AllowAll)).unwrap();
    world.pass(HOUR_MS / 2);
    let described = describe(&mut world);
    assert_eq!(described.conflict_token, 1_i64.to_be_bytes());
    let mut definition = described.schedule.unwrap();
    let daily = CalendarSpec {
        hour: "8".to_owned(),
        ..CalendarSpec::default()
    };
    definition.spec = Some(ScheduleSpec {
        calendar: vec![daily],
        ..ScheduleSpec::default()
    });
    // The server notices the conflict too late to tell of it.
    world.call(update(Some(definition.clone()), 7)).unwrap();
    let next = |world: &mut World| describe(world).info.unwrap().future_action_times[0];
    assert_eq!(next(&mut world), timestamp(START_MS + HOUR_MS));
    let request = UpdateScheduleRequest {
        request_id: "again".to_owned(),
        ..update(Some(definition), 1)
    };
    world.call(request).unwrap();
    assert_eq!(next(&mut world), timestamp(START_MS + 8 * HOUR_MS));
    let described = describe(&mut world);
    let spec = described.schedule.unwrap().spec.unwrap();
    assert_eq!(
        (spec.interval.len(), spec.structured_calendar.len()),
        (0, 1)
    );
    assert_eq!(described.conflict_token, 2_i64.to_be_bytes());
    assert_eq!(
        described.info.unwrap().update_time,
        Some(timestamp(world.now_ms))
    );
}

#[test]
fn a_deleted_schedule_acts_no_more_and_is_not_found() {
    let mut world = World::new();
    world.call(hourly(ScheduleOverlapPolicy::AllowAll)).unwrap();
    world.pass(HOUR_MS);
    world.call(delete()).unwrap();
    world.pass(24 * HOUR_MS);
    assert_eq!(runs(&world), "01:00:00Z Running\n");
    let status = world.call(delete()).unwrap_err();
    assert_eq!(status.code(), Code::NotFound);
    assert_eq!(status.message(), "workflow execution already completed");
}

#[test]
fn a_schedule_that_never_was_is_not_found() {
    let request = DescribeScheduleRequest {
        namespace: "default".to_owned(),
        schedule_id: "daily".to_owned(),
    };
    let message = "workflow not found for ID: temporal-sys-scheduler:daily";
    assert_eq!(refused(request), (Code::NotFound, message.to_owned()));
    let request = PatchScheduleRequest {
        namespace: "default".to_owned(),
        schedule_id: "daily".to_owned(),
        patch: Some(SchedulePatch::default()),
        ..PatchScheduleRequest::default()
    };
    assert_eq!(refused(request).0, Code::NotFound);
}

#[test]
fn a_mistake_is_refused_with_its_field() {
    type Spoil = fn(&mut CreateScheduleRequest);
    let mistakes: [(Spoil, &str); 6] = [
        (
            |it| it.request_id.clear(),
            "RequestId is not set on request.",
        ),
        (
            |it| definition(it).spec.as_mut().unwrap().interval[0].interval = None,
            "Invalid schedule spec: interval is too small",
        ),
        (
            |it| action(it).workflow_type = None,
            "WorkflowType is not set on request.",
        ),
        (|it| action(it).task_queue = None, "taskQueue is not set"),
        (
            |it| action(it).cron_schedule = "* * * * *".to_owned(),
            "Scheduled workflow must not contain CronSchedule",
        ),
        (
            |it| {
                let policy = WorkflowIdReusePolicy::RejectDuplicate;
                action(it).set_workflow_id_reuse_policy(policy);
            },
            "Scheduled workflow must not contain WorkflowIDReusePolicy",
        ),
    ];
    for (spoil, message) in mistakes {
        let mut request = hourly(ScheduleOverlapPolicy::Skip);
        spoil(&mut request);
        assert_eq!(
            refused(request),
            (Code::InvalidArgument, message.to_owned())
        );
    }
    let no_patch = PatchScheduleRequest {
        namespace: "default".to_owned(),
        schedule_id: "hourly".to_owned(),
        ..PatchScheduleRequest::default()
    };
    assert_eq!(refused(no_patch).1, "Patch is not set on request.");
    let no_action = Schedule::default();
    assert_eq!(
        refused(update(Some(no_action), 0)).1,
        "Only StartWorkflow action is supported for schedules"
    );
}

#[test]
fn the_times_of_a_schedule_are_listed_between_two() {
    let mut world = World::new();
    world.call(hourly(ScheduleOverlapPolicy::Skip)).unwrap();
    let request = ListScheduleMatchingTimesRequest {
        namespace: "default".to_owned(),
        schedule_id: "hourly".to_owned(),
        start_time: Some(timestamp(START_MS)),
        end_time: Some(timestamp(START_MS + 3 * HOUR_MS)),
    };
    let Response::ListScheduleMatchingTimes(response) = world.call(request).unwrap() else {
        panic!("no times");
    };
    let times = [1, 2, 3].map(|hours| timestamp(START_MS + hours * HOUR_MS));
    assert_eq!(response.start_time, times);
}
