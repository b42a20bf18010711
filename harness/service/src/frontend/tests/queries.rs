//! Queries, as clients and workers see them.

use pretty_assertions::assert_eq;
use tonic::{Code, Status};

use crate::{
    RequestId, ServiceConfig,
    api::{
        enums::{QueryRejectCondition, QueryResultType, WorkflowExecutionStatus},
        query::WorkflowQueryResult,
        rpc::*,
    },
    base::time::duration,
    messages::request::Response,
    testing::*,
};

fn answer_query(world: &mut World, task: &PollWorkflowTaskQueueResponse, answer: &str) {
    let request = RespondQueryTaskCompletedRequest {
        namespace: "default".to_owned(),
        task_token: task.task_token.clone(),
        completed_type: QueryResultType::Answered.into(),
        query_result: payloads(answer),
        ..RespondQueryTaskCompletedRequest::default()
    };
    world.call(request).expect("an answer that is accepted");
}

#[track_caller]
fn answered(reply: Option<Result<Response, Status>>) -> QueryWorkflowResponse {
    match reply {
        Some(Ok(Response::QueryWorkflow(response))) => *response,
        other => panic!("not answered: {other:?}"),
    }
}

/// Queries a workflow, with this much time until the deadline.
fn query_for(world: &mut World, workflow_id: &str, ms: u64) -> RequestId {
    let deadline_ms = world.now_ms + ms;
    world.send_until(query_request(workflow_id), deadline_ms)
}

#[track_caller]
fn refused(reply: Option<Result<Response, Status>>) -> (Code, String) {
    let status = reply.expect("an answer").expect_err("a refusal");
    (status.code(), status.message().to_owned())
}

/// Starts a run that waits for a timer of an hour, in the cache of a sticky worker.
fn sticky_run(world: &mut World) {
    world.start("order");
    let task = world.workflow_task();
    world
        .respond(sticky_completion(
            &task,
            vec![start_timer("1", 3_600_000)],
            "sticky",
        ))
        .unwrap();
}

#[test]
fn a_query_goes_along_with_a_pending_workflow_task() {
    let mut world = World::new();
    world.start("order");
    let query = world.send(query_request("order"));
    let task = world.workflow_task();
    let (id, asked) = task.queries.iter().next().expect("the query");
    assert_eq!(asked.query_type, "status");
    let mut request = completion(&task, vec![start_timer("1", 1_000)]);
    request.query_results.insert(
        id.clone(),
        WorkflowQueryResult {
            result_type: QueryResultType::Answered.into(),
            answer: payloads("fine"),
            ..WorkflowQueryResult::default()
        },
    );
    world.respond(request).unwrap();
    assert_eq!(answered(world.reply(query)).query_result, payloads("fine"));
}

#[test]
fn a_query_of_a_waiting_run_goes_to_a_worker_directly_with_the_whole_history() {
    let mut world = World::new();
    world.start("order");
    world.run_workflow_task(vec![start_timer("1", 1_000)]);
    let query = world.send(query_request("order"));
    let task = world.workflow_task();
    assert_eq!(task.query.as_ref().unwrap().query_type, "status");
    assert_eq!(task.history.as_ref().unwrap().events.len(), 5);
    assert_eq!(task.previous_started_event_id, 3);
    assert_eq!(task.started_event_id, 0, "a query starts no workflow task");
    answer_query(&mut world, &task, "waiting");
    assert_eq!(
        answered(world.reply(query)).query_result,
        payloads("waiting")
    );
    assert_eq!(world.history("order").len(), 5);
}

/// The server does not check again, so the query shows a state that lacks the events of the new
/// task.
#[test]
fn a_query_precedes_a_later_task_unless_queries_are_patient() {
    for patient_queries in [false, true] {
        let mut world = World::with(ServiceConfig {
            patient_queries,
            ..ServiceConfig::default()
        });
        world.start("order");
        world.run_workflow_task(vec![start_timer("1", 1_000)]);
        world.send(query_request("order"));
        world.pass(1_000);
        let task = world.workflow_task();
        assert_eq!(task.query.is_none(), patient_queries);
        assert_eq!(task.queries.len(), usize::from(patient_queries));
    }
}

#[test]
fn patient_queries_wait_together_for_a_task_that_fails_again_and_again() {
    let mut world = World::with(ServiceConfig {
        patient_queries: true,
        ..ServiceConfig::default()
    });
    world.start("order");
    for _ in 0..4 {
        let lost = world.workflow_task();
        world.pass(10_000 * u64::try_from(lost.attempt).unwrap_or(1) * 60);
    }
    let queries = [
        world.send(query_request("order")),
        world.send(query_request("order")),
    ];
    assert_eq!(world.workflow_task().queries.len(), 2);
    assert!(
        queries
            .into_iter()
            .all(|query| world.reply(query).is_none())
    );
}

#[test]
fn a_query_goes_to_the_sticky_worker_or_elsewhere_if_that_worker_is_gone() {
    let mut world = World::new();
    sticky_run(&mut world);
    let poll = world.send(sticky_poll_request("sticky"));
    let first = world.send(query_request("order"));
    let Some(Ok(Response::PollWorkflowTaskQueue(task))) = world.reply(poll) else {
        panic!("no task")
    };
    assert!(task.history.as_ref().unwrap().events.is_empty());
    answer_query(&mut world, &task, "cached");
    assert_eq!(
        answered(world.reply(first)).query_result,
        payloads("cached")
    );

    let second = world.send(query_request("order"));
    world.pass(10_000);
    let task = world.workflow_task();
    assert_eq!(task.history.as_ref().unwrap().events.len(), 5);
    answer_query(&mut world, &task, "replayed");
    assert_eq!(
        answered(world.reply(second)).query_result,
        payloads("replayed")
    );
}

#[test]
fn a_closed_run_is_queried_too_unless_the_caller_rejects_that() {
    let mut world = World::new();
    world.start("order");
    world.run_workflow_task(vec![complete_workflow("done")]);
    let query = world.send(query_request("order"));
    let task = world.workflow_task();
    answer_query(&mut world, &task, "closed");
    assert_eq!(
        answered(world.reply(query)).query_result,
        payloads("closed")
    );
    let rejecting = QueryWorkflowRequest {
        query_reject_condition: QueryRejectCondition::NotOpen.into(),
        ..query_request("order")
    };
    let query = world.send(rejecting);
    let rejected = answered(world.reply(query))
        .query_rejected
        .expect("a rejection");
    assert_eq!(rejected.status(), WorkflowExecutionStatus::Completed);
}

#[test]
fn a_query_fails_at_once_while_the_workflow_task_keeps_failing() {
    let mut world = World::new();
    world.start("order");
    for _ in 0..2 {
        let task = world.workflow_task();
        let request = RespondWorkflowTaskFailedRequest {
            namespace: "default".to_owned(),
            task_token: task.task_token.clone(),
            ..RespondWorkflowTaskFailedRequest::default()
        };
        world.call(request).unwrap();
    }
    assert_eq!(
        world.call(query_request("order")).unwrap_err().code(),
        Code::FailedPrecondition
    );
}

#[test]
fn an_unanswered_query_of_a_task_that_ends_the_run_goes_to_the_closed_run() {
    let mut world = World::new();
    world.start("order");
    let query = world.send(query_request("order"));
    world.run_workflow_task(vec![complete_workflow("done")]);
    assert!(world.reply(query).is_none());
    let task = world.workflow_task();
    answer_query(&mut world, &task, "closed");
    assert_eq!(
        answered(world.reply(query)).query_result,
        payloads("closed")
    );
}

#[test]
fn a_query_lost_with_its_sticky_worker_goes_to_another_worker() {
    let mut world = World::new();
    sticky_run(&mut world);
    let poll = world.send(sticky_poll_request("sticky"));
    let query = world.send(query_request("order"));
    let Some(Ok(Response::PollWorkflowTaskQueue(lost))) = world.reply(poll) else {
        panic!("no task")
    };
    world.pass(9_999);
    assert!(!world.has_workflow_task());
    world.pass(1);
    let task = world.workflow_task();
    assert_eq!(task.query.as_ref().unwrap().query_type, "status");

    let late = RespondQueryTaskCompletedRequest {
        task_token: lost.task_token.clone(),
        completed_type: QueryResultType::Answered.into(),
        ..RespondQueryTaskCompletedRequest::default()
    };
    let stale = world.call(late).unwrap_err();
    assert_eq!(
        (stale.code(), stale.message()),
        (Code::NotFound, "query task not found, or already expired")
    );
    answer_query(&mut world, &task, "replayed");
    assert_eq!(
        answered(world.reply(query)).query_result,
        payloads("replayed")
    );
    assert_eq!(world.service.next_due_ms(), Some(START_MS + 3_600_000));
}

#[test]
fn a_query_lost_with_its_worker_ends_at_its_deadline() {
    let mut world = World::new();
    world.start("order");
    world.run_workflow_task(vec![start_timer("1", 3_600_000)]);
    let query = query_for(&mut world, "order", 30_000);
    world.workflow_task();
    world.pass(29_999);
    assert!(world.reply(query).is_none());
    world.pass(1);
    assert_eq!(
        refused(world.reply(query)),
        (
            Code::DeadlineExceeded,
            "context deadline exceeded".to_owned()
        )
    );
}

#[test]
fn a_query_without_a_polling_worker_is_refused_a_second_before_its_deadline() {
    let mut world = World::new();
    world.start("order");
    world.run_workflow_task(vec![start_timer("1", 3_600_000)]);
    world.pass(60_000);
    let query = query_for(&mut world, "order", 30_000);
    world.pass(28_999);
    assert!(world.reply(query).is_none());
    world.pass(1);
    let (code, message) = refused(world.reply(query));
    assert_eq!(code, Code::FailedPrecondition);
    assert_eq!(
        message,
        "no poller seen for task queue recently, worker may be down"
    );
    assert!(!world.has_workflow_task());
}

#[test]
fn a_query_waits_until_its_deadline_for_a_worker_that_polled_recently() {
    let mut world = World::new();
    world.start("order");
    world.run_workflow_task(vec![start_timer("1", 3_600_000)]);
    let query = query_for(&mut world, "order", 10_000);
    world.pass(9_999);
    assert!(world.reply(query).is_none());
    world.pass(1);
    assert_eq!(refused(world.reply(query)).0, Code::DeadlineExceeded);
}

#[test]
fn a_query_that_waits_for_a_workflow_task_has_a_deadline_too() {
    let mut world = World::new();
    world.start("order");
    let query = query_for(&mut world, "order", 5_000);
    let task = world.workflow_task();
    world.pass(5_000);
    assert_eq!(refused(world.reply(query)).0, Code::DeadlineExceeded);
    world
        .complete(&task, vec![complete_workflow("done")])
        .unwrap();
    assert!(!world.has_workflow_task());
}

#[test]
fn a_query_waits_for_a_delayed_first_task_that_comes_before_its_deadline() {
    let mut world = World::new();
    let delayed = StartWorkflowExecutionRequest {
        workflow_start_delay: Some(duration(5_000)),
        ..start_request("order")
    };
    world.call(delayed).unwrap();
    for (ms, message) in [
        (4_999, "Workflow task is not scheduled yet."),
        (0, "context deadline exceeded"),
    ] {
        let early = query_for(&mut world, "order", ms);
        assert_eq!(refused(world.reply(early)).1, message);
    }
    let patient = query_for(&mut world, "order", 30_000);
    world.pass(5_000);
    assert_eq!(world.workflow_task().queries.len(), 1);
    assert!(world.reply(patient).is_none());
}

/// Source: `temporalio/temporal: service/history/api/respondworkflowtaskcompleted/api.go`
/// (`handleBufferedQueries`).
#[test]
fn an_answer_counts_despite_bad_commands_but_not_in_a_refused_completion() {
    let mut world = World::new();
    world.start("order");
    let query = world.send(query_request("order"));
    let task = world.workflow_task();
    let with_answer = |commands| RespondWorkflowTaskCompletedRequest {
        query_results: task
            .queries
            .keys()
            .map(|id| {
                let result = WorkflowQueryResult {
                    result_type: QueryResultType::Answered.into(),
                    answer: payloads("seen"),
                    ..WorkflowQueryResult::default()
                };
                (id.clone(), result)
            })
            .collect(),
        ..completion(&task, commands)
    };
    let twice = with_answer(vec![complete_workflow("once"), complete_workflow("twice")]);
    world.respond(twice).unwrap_err();
    assert!(
        world.reply(query).is_none(),
        "the completion was not taken in"
    );
    world
        .respond(with_answer(vec![start_timer("", 1)]))
        .unwrap_err();
    assert_eq!(answered(world.reply(query)).query_result, payloads("seen"));
}

#[test]
fn an_answer_that_is_too_large_fails_the_query() {
    let mut config = ServiceConfig::default();
    config.limits.payload_bytes = 30;
    let mut world = World::with(config);
    world.start("order");
    world.run_workflow_task(vec![start_timer("1", 3_600_000)]);
    let query = world.send(query_request("order"));
    let task = world.workflow_task();
    answer_query(&mut world, &task, &"x".repeat(31));
    let too_large = (
        Code::InvalidArgument,
        "Blob data size exceeds limit.".to_owned(),
    );
    assert_eq!(refused(world.reply(query)), too_large);
}
