//! Queries, alone and beside other work.

use durasim_worker::WorkflowTaskProgress;
use pretty_assertions::assert_eq;
use temporalio_protos::temporal::api::{
    enums::v1::QueryResultType, workflowservice::v1::GetWorkflowExecutionHistoryResponse,
};

use crate::{
    histories::{HistoryBuilder, json, query, update_message},
    support::{completed, kinds, query_answered, result, worker},
};

fn waiting() -> HistoryBuilder {
    let mut history = HistoryBuilder::new("WaitWorkflow", []);
    history.workflow_task_started();
    history
}

#[test]
fn a_query_alone_is_answered_by_the_cached_run() {
    let mut worker = worker();
    let mut history = waiting();
    completed(worker.on_task(history.task()));
    history.workflow_task_completed();
    history.timer_started("1", 3600);
    let answer = query_answered(worker.on_task(history.query_task("heard", false)));
    assert_eq!(answer.completed_type(), QueryResultType::Answered);
    assert_eq!(answer.query_result.unwrap().payloads[0].data, b"0");
    assert_eq!(worker.cached().len(), 1, "a query leaves the run as it was");
}

#[test]
fn a_query_on_a_run_that_is_not_cached_replays_it() {
    let mut history = waiting();
    history.workflow_task_completed();
    history.timer_started("1", 3600);
    let answer = query_answered(worker().on_task(history.query_task("heard", true)));
    assert_eq!(answer.query_result.unwrap().payloads[0].data, b"0");
}

#[test]
fn a_closed_run_answers_queries() {
    let mut history = waiting();
    history.workflow_task_completed();
    history.timer_started("1", 3600);
    history.signaled("hear", [json(&"bells")]);
    history.workflow_task();
    history.completed(Some(json(&"bells")));
    let mut worker = worker();
    let answer = query_answered(worker.on_task(history.query_task("heard", true)));
    assert_eq!(answer.query_result.unwrap().payloads[0].data, b"1");
}

#[test]
fn queries_that_come_with_a_task_are_answered_after_it() {
    let mut worker = worker();
    let history = waiting();
    let mut task = history.task();
    task.queries.insert("q1".to_owned(), query("heard"));
    task.queries.insert("q2".to_owned(), query("no_such_query"));
    let request = completed(worker.on_task(task));
    assert_eq!(kinds(&request).len(), 1);
    assert_eq!(
        request.query_results["q1"].result_type(),
        QueryResultType::Answered
    );
    assert_eq!(
        request.query_results["q2"].result_type(),
        QueryResultType::Failed
    );
}

#[test]
fn a_query_fails_if_history_cannot_be_replayed_for_it() {
    let mut history = HistoryBuilder::new("PanicWorkflow", []);
    history.workflow_task_started();
    let WorkflowTaskProgress::QueryFailed(failed) =
        worker().on_task(history.query_task("heard", true))
    else {
        panic!("the code panics");
    };
    assert_eq!(failed.request.completed_type(), QueryResultType::Failed);
    assert_eq!(
        failed.request.error_message,
        "Workflow function panicked: out of luck"
    );
    assert_eq!(failed.nondeterminism, None);
}

#[test]
fn a_query_reports_the_difference_if_code_follows_another_history() {
    let mut history = HistoryBuilder::new("WaitWorkflow", []);
    history.workflow_task();
    history.activity_scheduled("1", "Greetings::greet", []);
    let WorkflowTaskProgress::QueryFailed(failed) =
        worker().on_task(history.query_task("heard", true))
    else {
        panic!("the history is another workflow's");
    };
    assert_eq!(failed.nondeterminism.unwrap().event_id, Some(5));
}

#[test]
fn an_empty_query_task_without_a_cached_run_leads_to_a_request_for_history() {
    let mut history = waiting();
    history.workflow_task_completed();
    assert!(matches!(
        worker().on_task(history.query_task("heard", false)),
        WorkflowTaskProgress::NeedsHistory { .. }
    ));
}

#[test]
fn a_task_that_comes_while_a_query_fetches_history_keeps_its_events() {
    let mut worker = worker();
    let mut history = waiting();
    history.workflow_task_completed();
    history.timer_started("1", 3600);
    let WorkflowTaskProgress::NeedsHistory { fetch, .. } =
        worker.on_task(history.query_task("heard", false))
    else {
        panic!("the run is not cached");
    };
    let page = GetWorkflowExecutionHistoryResponse {
        history: Some(history.history()),
        ..Default::default()
    };
    let from = history.signaled("hear", [json(&"bells")]);
    history.workflow_task_started();
    assert!(matches!(
        worker.on_task(history.task_from(from)),
        WorkflowTaskProgress::Idle
    ));

    let answer = query_answered(worker.on_history_page(&fetch, page));
    assert_eq!(answer.query_result.unwrap().payloads[0].data, b"0");
    let (_, progress) = worker.next_buffered().expect("the task has waited");
    assert_eq!(result(&completed(progress)), "\"bells\"");
}

#[test]
fn a_task_that_starts_while_a_query_fetches_history_keeps_its_updates() {
    let mut worker = worker();
    let mut history = waiting();
    history.workflow_task_completed();
    history.timer_started("1", 3600);
    let query = history.query_task("heard", false);
    let WorkflowTaskProgress::NeedsHistory { fetch, .. } = worker.on_task(query) else {
        panic!("the run is not cached");
    };
    let started = history.workflow_task_started();
    let page = GetWorkflowExecutionHistoryResponse {
        history: Some(history.history()),
        ..Default::default()
    };
    let mut task = history.task_from(started - 1);
    let update = update_message("update-1", "tell", json(&"news"), started);
    task.messages.push(update);
    worker.on_task(task);

    let answer = query_answered(worker.on_history_page(&fetch, page));
    assert_eq!(answer.query_result.unwrap().payloads[0].data, b"0");
    let (_, progress) = worker.next_buffered().expect("the task has waited");
    let request = completed(progress);
    assert_eq!(request.messages.len(), 2, "accepted and completed");
    assert_eq!(result(&request), "\"news\"");
}
