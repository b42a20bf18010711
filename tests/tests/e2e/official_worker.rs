//! The official worker and client on the simulated service: the service's answers are those that
//! real Core expects.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use durasim_tests::official_worker::with_worker;
use pretty_assertions::assert_eq;
use scenarios::{
    approval::workflow::{ApprovalWorkflow, Items},
    fetch_and_process::workflow::{FetchAndProcessWorkflow, Pages, Site, SiteUnavailable},
};
use temporalio_client::{
    WorkflowCancelOptions, WorkflowGetResultOptions, WorkflowQueryOptions, WorkflowSignalOptions,
    WorkflowStartOptions, WorkflowTerminateOptions, errors::WorkflowGetResultError,
};
use temporalio_protos::temporal::api::{enums::v1::EventType, history::v1::HistoryEvent};
use temporalio_sdk::WorkerOptions;

fn on(workflow_id: &str) -> WorkflowStartOptions {
    WorkflowStartOptions::new("queue", workflow_id).build()
}

fn approvals() -> WorkerOptions {
    WorkerOptions::new("queue")
        .register_workflow::<ApprovalWorkflow>()
        .expect("a workflow type of its own")
        .register_activities(Items)
        .build()
}

fn types(history: &[HistoryEvent]) -> Vec<EventType> {
    history.iter().map(HistoryEvent::event_type).collect()
}

/// A site that answers after the given number of failures.
struct Flaky(AtomicU32);

impl Site for Flaky {
    fn get(&self, url: &str) -> Result<String, SiteUnavailable> {
        let refused = self
            .0
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| {
                left.checked_sub(1)
            })
            .is_ok();
        if refused {
            Err(SiteUnavailable {
                url: url.to_owned(),
            })
        } else {
            Ok(format!(" page at {url} "))
        }
    }
}

#[test]
fn activities_are_retried_and_their_results_reach_the_workflow() {
    let options = WorkerOptions::new("queue")
        .register_workflow::<FetchAndProcessWorkflow>()
        .expect("a workflow type of its own")
        .register_activities(Pages::new(Arc::new(Flaky(AtomicU32::new(2)))))
        .build();
    with_worker(options, async |server, client| {
        let handle = client
            .start_workflow(FetchAndProcessWorkflow::run, "a".to_owned(), on("fetch-1"))
            .await
            .unwrap();
        let text = handle
            .get_result(WorkflowGetResultOptions::default())
            .await
            .unwrap();
        assert_eq!(text, "PAGE AT A");
        assert_eq!(
            types(&server.history("fetch-1")),
            [
                EventType::WorkflowExecutionStarted,
                EventType::WorkflowTaskScheduled,
                EventType::WorkflowTaskStarted,
                EventType::WorkflowTaskCompleted,
                EventType::ActivityTaskScheduled,
                EventType::ActivityTaskStarted,
                EventType::ActivityTaskCompleted,
                EventType::WorkflowTaskScheduled,
                EventType::WorkflowTaskStarted,
                EventType::WorkflowTaskCompleted,
                EventType::ActivityTaskScheduled,
                EventType::ActivityTaskStarted,
                EventType::ActivityTaskCompleted,
                EventType::WorkflowTaskScheduled,
                EventType::WorkflowTaskStarted,
                EventType::WorkflowTaskCompleted,
                EventType::WorkflowExecutionCompleted,
            ]
        );
    });
}

#[test]
fn a_timer_of_a_day_takes_no_time() {
    with_worker(approvals(), async |_, client| {
        let handle = client
            .start_workflow(ApprovalWorkflow::run, "a".to_owned(), on("item-1"))
            .await
            .unwrap();
        assert_eq!(
            handle
                .get_result(WorkflowGetResultOptions::default())
                .await
                .unwrap(),
            "expired"
        );
    });
}

#[test]
fn signals_and_queries_reach_a_running_and_a_closed_workflow() {
    with_worker(approvals(), async |server, client| {
        let handle = client
            .start_workflow(ApprovalWorkflow::run, "a".to_owned(), on("item-1"))
            .await
            .unwrap();
        let status = || {
            handle.query(
                ApprovalWorkflow::status,
                (),
                WorkflowQueryOptions::default(),
            )
        };
        assert_eq!(status().await.unwrap(), "pending");
        server.sleep(Duration::from_hours(1)).await;
        handle
            .signal(
                ApprovalWorkflow::approve,
                (),
                WorkflowSignalOptions::default(),
            )
            .await
            .unwrap();
        assert_eq!(
            handle
                .get_result(WorkflowGetResultOptions::default())
                .await
                .unwrap(),
            "processed a"
        );
        assert_eq!(status().await.unwrap(), "approved");
    });
}

#[test]
fn queries_work_without_a_cache() {
    let mut options = approvals();
    options.max_cached_workflows = 0;
    with_worker(options, async |server, client| {
        let handle = client
            .start_workflow(ApprovalWorkflow::run, "a".to_owned(), on("item-1"))
            .await
            .unwrap();
        let status = || {
            handle.query(
                ApprovalWorkflow::status,
                (),
                WorkflowQueryOptions::default(),
            )
        };
        assert_eq!(status().await.unwrap(), "pending");
        server.sleep(Duration::from_hours(25)).await;
        assert_eq!(status().await.unwrap(), "expired");
    });
}

#[test]
fn a_cancelled_workflow_closes_as_cancelled() {
    with_worker(approvals(), async |_, client| {
        let handle = client
            .start_workflow(ApprovalWorkflow::run, "a".to_owned(), on("item-1"))
            .await
            .unwrap();
        handle
            .cancel(WorkflowCancelOptions::default())
            .await
            .unwrap();
        let end = handle.get_result(WorkflowGetResultOptions::default()).await;
        assert!(
            matches!(end, Err(WorkflowGetResultError::Cancelled { .. })),
            "{end:?}"
        );
    });
}

#[test]
fn a_terminated_workflow_closes_as_terminated() {
    with_worker(approvals(), async |_, client| {
        let handle = client
            .start_workflow(ApprovalWorkflow::run, "a".to_owned(), on("item-1"))
            .await
            .unwrap();
        handle
            .terminate(WorkflowTerminateOptions::default())
            .await
            .unwrap();
        let end = handle.get_result(WorkflowGetResultOptions::default()).await;
        assert!(
            matches!(end, Err(WorkflowGetResultError::Terminated { .. })),
            "{end:?}"
        );
    });
}
