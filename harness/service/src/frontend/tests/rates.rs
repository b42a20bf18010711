//! The rates of task queues.

use pretty_assertions::assert_eq;
use tonic::Code;

use super::*;
use crate::api::{
    common::ActivityType,
    enums::{RateLimitSource, TaskQueueType},
    rpc::update_task_queue_config_request::RateLimitUpdate,
    taskqueue::{RateLimit, TaskQueueMetadata},
};

/// Returns a world in which this many standalone activities wait for a worker.
fn with_activities(number: usize) -> World {
    let mut world = World::new();
    for number in 0..number {
        let request = StartActivityExecutionRequest {
            namespace: "default".to_owned(),
            activity_id: format!("charge-{number}"),
            activity_type: Some(ActivityType {
                name: "Charge".to_owned(),
            }),
            task_queue: queue(TASK_QUEUE),
            start_to_close_timeout: Some(duration(3_600_000)),
            ..StartActivityExecutionRequest::default()
        };
        world.call(request).expect("a start");
    }
    world
}

fn update_request(rate: Option<f32>) -> UpdateTaskQueueConfigRequest {
    UpdateTaskQueueConfigRequest {
        namespace: "default".to_owned(),
        task_queue: TASK_QUEUE.to_owned(),
        task_queue_type: TaskQueueType::Activity.into(),
        identity: "ann".to_owned(),
        update_queue_rate_limit: Some(RateLimitUpdate {
            rate_limit: rate.map(|requests_per_second| RateLimit {
                requests_per_second,
            }),
            reason: "the bank is slow".to_owned(),
        }),
        ..UpdateTaskQueueConfigRequest::default()
    }
}

#[track_caller]
fn set_rate(world: &mut World, rate: Option<f32>) {
    world.call(update_request(rate)).expect("an update");
}

fn poll() -> PollActivityTaskQueueRequest {
    PollActivityTaskQueueRequest {
        namespace: "default".to_owned(),
        task_queue: queue(TASK_QUEUE),
        ..PollActivityTaskQueueRequest::default()
    }
}

/// Sends polls, and returns how many of them have a task after this time.
fn taken(world: &mut World, polls: &[crate::RequestId], ms: u64) -> usize {
    world.pass(ms);
    let answered = polls.iter().filter(|poll| world.reply(**poll).is_some());
    answered.count()
}

fn description(world: &mut World) -> DescribeTaskQueueResponse {
    let request = DescribeTaskQueueRequest {
        namespace: "default".to_owned(),
        task_queue: queue(TASK_QUEUE),
        task_queue_type: TaskQueueType::Activity.into(),
        report_config: true,
        report_stats: true,
        ..DescribeTaskQueueRequest::default()
    };
    match world.call(request) {
        Ok(Response::DescribeTaskQueue(description)) => *description,
        other => panic!("not a description: {other:?}"),
    }
}

fn effective(world: &mut World) -> (f32, RateLimitSource) {
    let limit = description(world).effective_rate_limit.unwrap();
    (limit.requests_per_second, limit.rate_limit_source())
}

#[test]
fn a_queue_hands_out_a_burst_of_a_second_and_then_keeps_its_rate() {
    let mut world = with_activities(20);
    set_rate(&mut world, Some(5.0));
    let polls: Vec<_> = (0..20).map(|_| world.send(poll())).collect();
    // A queue that has rested may hand out the tasks of a second more.
    assert_eq!(taken(&mut world, &polls, 0), 6);
    assert!(description(&mut world).stats.unwrap().rate_limiting_active);
    assert_eq!(taken(&mut world, &polls, 199), 0);
    assert_eq!(taken(&mut world, &polls, 1), 1);
    assert_eq!(taken(&mut world, &polls, 1_000), 5);
    assert_eq!(taken(&mut world, &polls, 10_000), 8);
}

#[test]
fn a_rate_of_zero_pauses_a_queue_until_the_rate_is_removed() {
    let mut world = with_activities(2);
    set_rate(&mut world, Some(0.0));
    let polls: Vec<_> = (0..2).map(|_| world.send(poll())).collect();
    assert_eq!(taken(&mut world, &polls, 3_600_000 - 1), 0);
    set_rate(&mut world, None);
    assert_eq!(taken(&mut world, &polls, 0), 2);
}

#[test]
fn a_higher_rate_shortens_the_wait() {
    let mut world = with_activities(3);
    set_rate(&mut world, Some(0.001));
    let polls: Vec<_> = (0..3).map(|_| world.send(poll())).collect();
    assert_eq!(taken(&mut world, &polls, 0), 1);
    set_rate(&mut world, Some(1.0));
    assert_eq!(taken(&mut world, &polls, 1_999), 0);
    assert_eq!(taken(&mut world, &polls, 1), 1);
    assert_eq!(taken(&mut world, &polls, 1_000), 1);
}

#[test]
fn the_rate_of_a_worker_counts_unless_a_client_has_set_one() {
    let mut world = with_activities(0);
    assert_eq!(effective(&mut world), (4_000.0, RateLimitSource::System));
    let mut limited = poll();
    limited.task_queue_metadata = Some(TaskQueueMetadata {
        max_tasks_per_second: Some(2.0),
    });
    world.send(limited.clone());
    assert_eq!(effective(&mut world), (2.0, RateLimitSource::Worker));
    set_rate(&mut world, Some(7.0));
    assert_eq!(effective(&mut world), (7.0, RateLimitSource::Api));
    set_rate(&mut world, Some(9_000.0));
    assert_eq!(effective(&mut world), (4_000.0, RateLimitSource::System));
    set_rate(&mut world, None);
    world.send(poll());
    assert_eq!(effective(&mut world), (4_000.0, RateLimitSource::System));
}

#[test]
fn a_description_has_the_rates_and_the_age_of_the_tasks_of_each_priority() {
    let mut world = with_activities(30);
    world.pass(10_000);
    let polls: Vec<_> = (0..10).map(|_| world.send(poll())).collect();
    assert_eq!(taken(&mut world, &polls, 0), 10);
    let description = description(&mut world);
    let stats = description.stats.unwrap();
    assert_eq!(
        (
            stats.approximate_backlog_count,
            stats.approximate_backlog_age
        ),
        (20, Some(duration(10_000)))
    );
    assert!((stats.tasks_add_rate - 3.0).abs() < 0.01, "{stats:?}");
    assert!((stats.tasks_dispatch_rate - 1.0).abs() < 0.01, "{stats:?}");
    // A task without a priority has the third of five.
    assert_eq!(description.stats_by_priority_key[&3], stats);
    assert_eq!(description.stats_by_priority_key.len(), 1);
}

#[test]
fn the_configuration_of_a_queue_shows_who_changed_it_and_why() {
    let mut world = with_activities(0);
    let mut request = update_request(Some(5.0));
    request.set_fairness_weight_overrides = [("ann".to_owned(), 2.0)].into();
    let Ok(Response::UpdateTaskQueueConfig(response)) = world.call(request) else {
        panic!("no update")
    };
    let config = response.config.unwrap();
    assert_eq!(description(&mut world).config, Some(config.clone()));
    let metadata = config.queue_rate_limit.unwrap().metadata.unwrap();
    assert_eq!(
        (&*metadata.update_identity, &*metadata.reason),
        ("ann", "the bank is slow")
    );
    let unset = UpdateTaskQueueConfigRequest {
        update_queue_rate_limit: None,
        unset_fairness_weight_overrides: vec!["ann".to_owned()],
        ..update_request(None)
    };
    world.call(unset).unwrap();
    let config = description(&mut world).config.unwrap();
    assert!(config.fairness_weight_overrides.is_empty());
    assert!(config.queue_rate_limit.is_some());
}

#[test]
fn a_change_of_the_configuration_is_checked() {
    let mut world = with_activities(0);
    let of_workflows = UpdateTaskQueueConfigRequest {
        task_queue_type: TaskQueueType::Workflow.into(),
        ..update_request(Some(1.0))
    };
    let mut nameless = update_request(None);
    nameless.set_fairness_weight_overrides = [(String::new(), 1.0)].into();
    let mut weightless = update_request(None);
    weightless.set_fairness_weight_overrides = [("ann".to_owned(), 0.0)].into();
    let mut both = update_request(None);
    both.set_fairness_weight_overrides = [("ann".to_owned(), 1.0)].into();
    both.unset_fairness_weight_overrides = vec!["ann".to_owned()];
    let cases = [
        (
            of_workflows,
            "Setting rate limit on workflow task queues is not allowed.",
        ),
        (
            update_request(Some(-1.0)),
            "RequestsPerSecond for UpdateQueueRateLimit rate limit must be non-negative.",
        ),
        (nameless, "fairness weight override key must not be empty"),
        (
            weightless,
            "invalid fairness weight weight for key \"ann\": must be greater than zero",
        ),
        (
            both,
            "fairness weight override key \"ann\" present in both set and unset lists",
        ),
    ];
    for (request, message) in cases {
        let refused = world.call(request).unwrap_err();
        assert_eq!(
            (refused.code(), refused.message()),
            (Code::InvalidArgument, message)
        );
    }
}
