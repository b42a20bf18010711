//! Workflow tasks, on a cached run and on one that is replayed.

use durasim_worker::{WorkflowTaskProgress, WorkflowWorker};
use pretty_assertions::assert_eq;
use temporalio_protos::temporal::api::{
    enums::v1::CommandType,
    workflowservice::v1::{GetWorkflowExecutionHistoryResponse, PollWorkflowTaskQueueResponse},
};

use crate::{
    histories::{HistoryBuilder, RUN_ID, json},
    support::{completed, definitions, kinds, options, result, worker},
};

/// Returns a history of the greeting workflow up to its last workflow task.
fn greeted() -> HistoryBuilder {
    let mut history = HistoryBuilder::new("GreetWorkflow", [json(&"Ada")]);
    history.workflow_task();
    let greet = history.activity_scheduled("1", "Greetings::greet", [json(&"Ada")]);
    history.activity_completed(greet, json(&"hello Ada"));
    history.workflow_task();
    let timer = history.timer_started("1", 60);
    history.timer_fired(timer);
    history
}

#[test]
fn each_task_of_a_cached_run_continues_where_the_last_one_stopped() {
    let mut worker = worker();
    let mut history = HistoryBuilder::new("GreetWorkflow", [json(&"Ada")]);
    history.workflow_task_started();
    let first = completed(worker.on_task(history.task()));
    assert_eq!(kinds(&first), [CommandType::ScheduleActivityTask]);
    assert_eq!(first.sdk_metadata.unwrap().core_used_flags, [1, 2, 3]);

    let after = history.workflow_task_completed();
    let greet = history.activity_scheduled("1", "Greetings::greet", [json(&"Ada")]);
    history.activity_completed(greet, json(&"hello Ada"));
    history.workflow_task_started();
    let second = completed(worker.on_task(history.task_from(after)));
    assert_eq!(kinds(&second), [CommandType::StartTimer]);
    assert_eq!(second.sdk_metadata.unwrap().core_used_flags, [0; 0]);

    let after = history.workflow_task_completed();
    let timer = history.timer_started("1", 60);
    history.timer_fired(timer);
    history.workflow_task_started();
    let third = completed(worker.on_task(history.task_from(after)));
    assert_eq!(kinds(&third), [CommandType::CompleteWorkflowExecution]);
    assert_eq!(result(&third), "\"hello Ada\"");
    assert_eq!(worker.cached(), [""; 0], "a closed run is not kept");
}

#[test]
fn a_worker_without_a_cache_replays_and_answers_the_same() {
    let mut options = options();
    options.max_cached = 0;
    let mut worker = WorkflowWorker::new(options, definitions());
    let mut history = greeted();
    history.workflow_task_started();
    let last = completed(worker.on_task(history.task()));
    assert_eq!(result(&last), "\"hello Ada\"");
    assert_eq!(last.sticky_attributes, None);
    assert!(!last.return_new_workflow_task);
}

#[test]
fn a_run_without_a_cache_is_forgotten_after_each_task() {
    let mut options = options();
    options.max_cached = 0;
    let mut worker = WorkflowWorker::new(options, definitions());
    let mut history = HistoryBuilder::new("GreetWorkflow", [json(&"Ada")]);
    history.workflow_task_started();
    completed(worker.on_task(history.task()));
    assert_eq!(worker.cached(), [""; 0]);
}

#[test]
fn a_partial_history_without_a_cached_run_leads_to_a_request_for_all_of_it() {
    let mut worker = worker();
    let mut history = greeted();
    let from = i64::try_from(history.events().len()).unwrap();
    let whole = history.history();
    history.workflow_task_started();
    let WorkflowTaskProgress::NeedsHistory { fetch, request } =
        worker.on_task(history.task_from(from))
    else {
        panic!("the history is partial");
    };
    assert_eq!(fetch.run_id, RUN_ID);
    assert_eq!(request.execution.unwrap().run_id, RUN_ID);
    // The events of the task come after those of the page: they are not recorded yet.
    let page = GetWorkflowExecutionHistoryResponse {
        history: Some(whole),
        ..Default::default()
    };
    let last = completed(worker.on_history_page(&fetch, page));
    assert_eq!(result(&last), "\"hello Ada\"");
}

#[test]
fn a_late_task_does_not_replace_a_newer_one_that_waits_for_history() {
    let mut worker = worker();
    let mut history = greeted();
    let from = i64::try_from(history.events().len()).unwrap();
    history.workflow_task_started();
    let late = history.task_from(from);
    history.workflow_task_timed_out();
    let whole = history.history();
    history.workflow_task_started();
    let WorkflowTaskProgress::NeedsHistory { fetch, .. } = worker.on_task(history.task_from(from))
    else {
        panic!("the history is partial");
    };
    assert!(matches!(worker.on_task(late), WorkflowTaskProgress::Idle));
    let page = GetWorkflowExecutionHistoryResponse {
        history: Some(whole),
        ..Default::default()
    };
    let last = completed(worker.on_history_page(&fetch, page));
    assert_eq!(result(&last), "\"hello Ada\"");
}

#[test]
fn a_page_for_an_older_task_is_not_given_to_a_newer_one() {
    let mut worker = worker();
    let mut history = greeted();
    let from = i64::try_from(history.events().len()).unwrap();
    history.workflow_task_started();
    let older = history.task_from(from);
    let short = history.history();
    history.workflow_task_timed_out();
    let whole = history.history();
    history.workflow_task_started();
    let newer = history.task_from(from);
    let page = |history| GetWorkflowExecutionHistoryResponse {
        history: Some(history),
        ..Default::default()
    };
    let WorkflowTaskProgress::NeedsHistory { fetch: late, .. } = worker.on_task(older) else {
        panic!("the history is partial");
    };
    let WorkflowTaskProgress::NeedsHistory { fetch, .. } = worker.on_task(newer) else {
        panic!("the history is partial");
    };
    assert!(!worker.is_fetching(&late));
    assert!(matches!(
        worker.on_history_page(&late, page(short)),
        WorkflowTaskProgress::Idle
    ));
    let last = completed(worker.on_history_page(&fetch, page(whole)));
    assert_eq!(result(&last), "\"hello Ada\"");
}

#[test]
fn pages_are_fetched_until_there_is_no_token() {
    let mut worker = worker();
    let mut history = greeted();
    history.workflow_task_started();
    let mut task = history.task();
    let mut rest = task.history.as_mut().unwrap().events.split_off(4);
    task.next_page_token = b"1".to_vec();
    let WorkflowTaskProgress::NeedsHistory { fetch, .. } = worker.on_task(task) else {
        panic!("the history is partial");
    };
    let last_page = rest.split_off(5);
    let page = |events, token: &[u8]| GetWorkflowExecutionHistoryResponse {
        history: Some(temporalio_protos::temporal::api::history::v1::History { events }),
        next_page_token: token.to_vec(),
        ..Default::default()
    };
    let WorkflowTaskProgress::NeedsHistory { request, .. } =
        worker.on_history_page(&fetch, page(rest, b"2"))
    else {
        panic!("there is another page");
    };
    assert_eq!(request.next_page_token, b"2");
    let last = completed(worker.on_history_page(&fetch, page(last_page, b"")));
    assert_eq!(result(&last), "\"hello Ada\"");
}

#[test]
fn the_least_recently_used_run_makes_room() {
    let mut options = options();
    options.max_cached = 2;
    let mut worker = WorkflowWorker::new(options, definitions());
    let mut history = HistoryBuilder::new("WaitWorkflow", []);
    history.workflow_task_started();
    for run_id in ["a", "b", "c"] {
        let mut task = history.task();
        task.workflow_execution.as_mut().unwrap().run_id = run_id.to_owned();
        completed(worker.on_task(task));
    }
    assert_eq!(worker.cached(), ["b", "c"]);
}

#[test]
fn a_poll_that_found_nothing_is_not_a_task() {
    assert!(matches!(
        worker().on_task(PollWorkflowTaskQueueResponse::default()),
        WorkflowTaskProgress::Idle
    ));
}

#[test]
fn a_signal_reaches_a_workflow_that_waits_for_it() {
    let mut worker = worker();
    let mut history = HistoryBuilder::new("WaitWorkflow", []);
    history.workflow_task_started();
    completed(worker.on_task(history.task()));
    let after = history.workflow_task_completed();
    history.timer_started("1", 3600);
    history.signaled("hear", [json(&"bells")]);
    history.workflow_task_started();
    let last = completed(worker.on_task(history.task_from(after)));
    assert_eq!(result(&last), "\"bells\"");
}

#[test]
fn a_lost_completion_is_reproduced_by_replay() {
    let mut worker = worker();
    let mut history = HistoryBuilder::new("GreetWorkflow", [json(&"Ada")]);
    history.workflow_task_started();
    completed(worker.on_task(history.task()));
    // The completion is lost, and the worker does not learn of it.
    history.workflow_task_timed_out();
    history.workflow_task_started();
    let again = completed(worker.on_task(history.task()));
    assert_eq!(kinds(&again), [CommandType::ScheduleActivityTask]);
}
