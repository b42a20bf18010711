//! The server as the official client meets it, over a real socket.

#![allow(
    clippy::disallowed_methods,
    reason = "a server runs in real time, and its tasks are Tokio's"
)]

use std::{future::Future, net::Ipv4Addr, time::Duration};

use durasim_server::{Server, ServerOptions, Time};
use prost_types::{Duration as Span, Timestamp};
use temporalio_client::{Connection, ConnectionOptions, Url, tonic::IntoRequest};
use temporalio_protos::temporal::api::{
    command::v1::{
        Command, CompleteWorkflowExecutionCommandAttributes, StartTimerCommandAttributes,
        command::Attributes,
    },
    common::v1::{WorkflowExecution, WorkflowType},
    enums::v1::{CommandType, EventType, HistoryEventFilterType},
    history::v1::HistoryEvent,
    taskqueue::v1::TaskQueue,
    testservice::v1::{
        LockTimeSkippingRequest, SleepRequest, SleepUntilRequest, UnlockTimeSkippingRequest,
    },
    workflowservice::v1::{
        DescribeWorkflowExecutionRequest, GetWorkflowExecutionHistoryRequest,
        PollWorkflowTaskQueueRequest, PollWorkflowTaskQueueResponse, RegisterNamespaceRequest,
        RespondWorkflowTaskCompletedRequest, StartWorkflowExecutionRequest,
    },
};
use tokio::{sync::oneshot, task::JoinHandle, time::Instant};
use tonic::Code;

const MONTH: Duration = Duration::from_hours(30 * 24);

/// A server that runs, and a client of it.
struct World {
    client: Connection,
    stop: oneshot::Sender<()>,
    served: JoinHandle<()>,
}

impl World {
    async fn new(time: Time) -> Self {
        Self::with(time, None).await
    }

    /// Returns a server that keeps closed workflows for this time.
    async fn with(time: Time, retention: Option<Duration>) -> Self {
        let mut options = ServerOptions::new((Ipv4Addr::LOCALHOST, 0).into());
        options.time = time;
        options.retention = retention;
        let server = Server::bind(options).await.expect("a port that is free");
        let address = server.local_address();
        let (stop, stopped) = oneshot::channel();
        let served = tokio::spawn(async move {
            let stop = async { drop(stopped.await) };
            server
                .run_until(stop)
                .await
                .expect("it serves until the stop");
        });
        let url: Url = format!("http://{address}").parse().expect("an address");
        let options = ConnectionOptions::new(url)
            .identity("a test".to_owned())
            .build();
        let client = Connection::connect(options)
            .await
            .expect("the server answers GetSystemInfo");
        Self {
            client,
            stop,
            served,
        }
    }

    async fn start(&self, workflow_id: &str) {
        let request = StartWorkflowExecutionRequest {
            namespace: "default".to_owned(),
            workflow_id: workflow_id.to_owned(),
            workflow_type: Some(WorkflowType {
                name: "Reminder".to_owned(),
            }),
            task_queue: Some(queue()),
            request_id: workflow_id.to_owned(),
            ..StartWorkflowExecutionRequest::default()
        };
        let mut service = self.client.workflow_service();
        let started = service.start_workflow_execution(request.into_request());
        started.await.expect("it starts");
    }

    async fn poll(&self) -> PollWorkflowTaskQueueResponse {
        let request = PollWorkflowTaskQueueRequest {
            namespace: "default".to_owned(),
            task_queue: Some(queue()),
            ..PollWorkflowTaskQueueRequest::default()
        };
        let mut service = self.client.workflow_service();
        let task = service.poll_workflow_task_queue(request.into_request());
        task.await.expect("a task, or none").into_inner()
    }

    /// Takes the next workflow task, and completes it with this command.
    async fn work(&self, command: Attributes) {
        let task = self.poll().await;
        assert!(!task.task_token.is_empty(), "a workflow task");
        let kind = match command {
            Attributes::StartTimerCommandAttributes(_) => CommandType::StartTimer,
            _ => CommandType::CompleteWorkflowExecution,
        };
        let request = RespondWorkflowTaskCompletedRequest {
            namespace: "default".to_owned(),
            task_token: task.task_token,
            commands: vec![Command {
                command_type: kind.into(),
                attributes: Some(command),
                ..Command::default()
            }],
            ..RespondWorkflowTaskCompletedRequest::default()
        };
        let mut service = self.client.workflow_service();
        let completed = service.respond_workflow_task_completed(request.into_request());
        completed.await.expect("commands that are accepted");
    }

    /// Waits for the closing event of a workflow, as the client's `get_result` does.
    async fn closing_event(&self, workflow_id: &str) -> Option<EventType> {
        let request = GetWorkflowExecutionHistoryRequest {
            namespace: "default".to_owned(),
            execution: Some(WorkflowExecution {
                workflow_id: workflow_id.to_owned(),
                run_id: String::new(),
            }),
            wait_new_event: true,
            history_event_filter_type: HistoryEventFilterType::CloseEvent.into(),
            ..GetWorkflowExecutionHistoryRequest::default()
        };
        let mut service = self.client.workflow_service();
        let page = service.get_workflow_execution_history(request.into_request());
        let page = page.await.expect("a page").into_inner();
        page.history?.events.first().map(HistoryEvent::event_type)
    }

    /// Returns `true` if a workflow is found.
    async fn has(&self, workflow_id: &str) -> bool {
        let request = DescribeWorkflowExecutionRequest {
            namespace: "default".to_owned(),
            execution: Some(WorkflowExecution {
                workflow_id: workflow_id.to_owned(),
                run_id: String::new(),
            }),
        };
        let mut service = self.client.workflow_service();
        let described = service.describe_workflow_execution(request.into_request());
        match described.await {
            Ok(_) => true,
            Err(missing) => {
                assert_eq!(missing.code(), Code::NotFound);
                false
            }
        }
    }

    async fn unlock(&self) {
        let mut service = self.client.test_service();
        let request = UnlockTimeSkippingRequest {}.into_request();
        let unlocked = service.unlock_time_skipping(request).await;
        unlocked.expect("a server that skips time");
    }

    async fn now_ms(&self) -> i64 {
        let mut service = self.client.test_service();
        let now = service.get_current_time(().into_request()).await;
        let now = now.expect("a server that skips time").into_inner();
        now.time.map_or(0, |at| at.seconds * 1000)
    }

    async fn end(self) {
        drop(self.stop);
        self.served.await.expect("the server ends");
    }
}

fn queue() -> TaskQueue {
    TaskQueue {
        name: "reminders".to_owned(),
        ..TaskQueue::default()
    }
}

fn timer(duration: Duration) -> Attributes {
    Attributes::StartTimerCommandAttributes(StartTimerCommandAttributes {
        timer_id: "1".to_owned(),
        start_to_fire_timeout: Some(Span {
            seconds: duration.as_secs().cast_signed(),
            nanos: 0,
        }),
    })
}

fn complete() -> Attributes {
    Attributes::CompleteWorkflowExecutionCommandAttributes(
        CompleteWorkflowExecutionCommandAttributes::default(),
    )
}

/// Fails a test that hangs.
async fn within<T>(limit: Duration, future: impl Future<Output = T>) -> T {
    tokio::time::timeout(limit, future)
        .await
        .expect("it ends in time")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_month_passes_at_once_if_nobody_holds_time_up() {
    let world = World::new(Time::Skipping { locked: false }).await;
    let before_ms = world.now_ms().await;
    world.start("reminder").await;
    world.work(timer(MONTH)).await;
    within(Duration::from_secs(30), world.work(complete())).await;
    assert_eq!(
        world.closing_event("reminder").await,
        Some(EventType::WorkflowExecutionCompleted)
    );
    let month_ms = i64::try_from(MONTH.as_millis()).expect("a month");
    assert!(world.now_ms().await - before_ms >= month_ms);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_result_is_kept_while_months_are_skipped_unless_a_retention_is_set() {
    let hour = Duration::from_hours(1);
    for (retention, is_kept) in [(None, true), (Some(hour), false)] {
        let world = World::with(Time::Skipping { locked: false }, retention).await;
        world.start("short").await;
        world.work(complete()).await;
        world.start("long").await;
        world.work(timer(MONTH)).await;
        within(Duration::from_secs(30), world.work(complete())).await;
        assert!(world.has("long").await);
        assert_eq!(world.has("short").await, is_kept, "{retention:?}");
        world.end().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn time_that_is_locked_passes_at_its_own_pace() {
    let world = World::new(Time::Skipping { locked: true }).await;
    let before_ms = world.now_ms().await;
    world.start("reminder").await;
    world.work(timer(MONTH)).await;
    assert!(world.now_ms().await - before_ms < 60_000);
    world.unlock().await;
    within(Duration::from_secs(30), world.work(complete())).await;
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_that_a_worker_has_holds_time_up() {
    let world = World::new(Time::Skipping { locked: false }).await;
    world.start("sleeper").await;
    world.work(timer(MONTH)).await;
    // This sleep is over as soon as time may skip.
    let mut service = world.client.test_service();
    let sleep = SleepRequest {
        duration: Some(Span {
            seconds: 3600,
            nanos: 0,
        }),
    };
    world.start("busy").await;
    let task = loop {
        let task = world.poll().await;
        if task
            .workflow_execution
            .as_ref()
            .is_some_and(|it| it.workflow_id == "busy")
        {
            break task;
        }
    };
    let held_ms = world.now_ms().await;
    let sleeper = tokio::spawn(async move { service.sleep(sleep.into_request()).await });
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert!(
        world.now_ms().await - held_ms < 60_000,
        "time skipped over a started task"
    );
    drop(task);
    sleeper.abort();
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unlock_with_sleep_locks_time_again() {
    let world = World::new(Time::Skipping { locked: true }).await;
    let before_ms = world.now_ms().await;
    let mut service = world.client.test_service();
    let sleep = SleepRequest {
        duration: Some(Span {
            seconds: 3600,
            nanos: 0,
        }),
    };
    within(
        Duration::from_secs(30),
        service.unlock_time_skipping_with_sleep(sleep.into_request()),
    )
    .await
    .expect("it sleeps");
    assert!(world.now_ms().await - before_ms >= 3_600_000);

    world.start("reminder").await;
    world.work(timer(MONTH)).await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert!(
        world.now_ms().await - before_ms < 2 * 3_600_000,
        "time was not locked again"
    );
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sleep_ends_at_its_moment_while_time_skips() {
    let world = World::new(Time::Skipping { locked: false }).await;
    let until_s = world.now_ms().await / 1_000 + 3_600;
    let mut service = world.client.test_service();
    let sleep = SleepUntilRequest {
        timestamp: Some(Timestamp {
            seconds: until_s,
            nanos: 0,
        }),
    };
    within(
        Duration::from_secs(30),
        service.sleep_until(sleep.into_request()),
    )
    .await
    .expect("it sleeps");
    assert!(world.now_ms().await >= until_s * 1_000);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_that_wait_side_by_side_each_lock_and_unlock_time() {
    let world = World::new(Time::Skipping { locked: true }).await;
    world.unlock().await;
    world.unlock().await;
    let mut service = world.client.test_service();
    for _ in 0..2 {
        let locked = service.lock_time_skipping(LockTimeSkippingRequest {}.into_request());
        locked.await.expect("a lock for each unlock");
    }
    world.start("reminder").await;
    world.work(timer(MONTH)).await;
    let before_ms = world.now_ms().await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert!(world.now_ms().await - before_ms < 60_000);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_in_real_time_has_no_test_service() {
    let world = World::new(Time::Real).await;
    let mut service = world.client.test_service();
    let refused = service.get_current_time(().into_request()).await;
    assert_eq!(refused.unwrap_err().code(), Code::Unimplemented);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_waits_no_longer_than_its_deadline() {
    let world = World::new(Time::Real).await;
    let mut request = PollWorkflowTaskQueueRequest {
        namespace: "default".to_owned(),
        task_queue: Some(queue()),
        ..PollWorkflowTaskQueueRequest::default()
    }
    .into_request();
    request.set_timeout(Duration::from_millis(1_500));
    let begun = Instant::now();
    let mut service = world.client.workflow_service();
    let task = service.poll_workflow_task_queue(request).await;
    let task = task.expect("no task, before the deadline").into_inner();
    assert!(task.task_token.is_empty());
    assert!(begun.elapsed() < Duration::from_millis(1_500));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_poll_whose_caller_has_gone_takes_no_task() {
    let world = World::new(Time::Real).await;
    let client = world.client.clone();
    let gone = tokio::spawn(async move {
        let request = PollWorkflowTaskQueueRequest {
            namespace: "default".to_owned(),
            task_queue: Some(queue()),
            ..PollWorkflowTaskQueueRequest::default()
        };
        let mut service = client.workflow_service();
        drop(
            service
                .poll_workflow_task_queue(request.into_request())
                .await,
        );
    });
    tokio::time::sleep(Duration::from_millis(300)).await;
    gone.abort();
    drop(gone.await);
    tokio::time::sleep(Duration::from_millis(300)).await;
    world.start("reminder").await;
    within(Duration::from_secs(10), world.work(complete())).await;
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_answers_those_who_wait() {
    let world = World::new(Time::Real).await;
    let client = world.client.clone();
    let waits = tokio::spawn(async move {
        let request = PollWorkflowTaskQueueRequest {
            namespace: "default".to_owned(),
            task_queue: Some(queue()),
            ..PollWorkflowTaskQueueRequest::default()
        };
        let mut service = client.workflow_service();
        service
            .poll_workflow_task_queue(request.into_request())
            .await
    });
    tokio::time::sleep(Duration::from_millis(300)).await;
    within(Duration::from_secs(10), world.end()).await;
    let task = within(Duration::from_secs(10), waits)
        .await
        .expect("no panic");
    assert!(
        task.expect("an empty answer")
            .into_inner()
            .task_token
            .is_empty()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_namespace_is_registered_over_the_wire() {
    let world = World::new(Time::Real).await;
    let mut service = world.client.workflow_service();
    let register = RegisterNamespaceRequest {
        namespace: "orders".to_owned(),
        workflow_execution_retention_period: Some(Span {
            seconds: 86_400,
            nanos: 0,
        }),
        ..RegisterNamespaceRequest::default()
    };
    let again = register.clone();
    service
        .register_namespace(register.into_request())
        .await
        .expect("a new namespace");
    let refused = service.register_namespace(again.into_request()).await;
    assert_eq!(refused.unwrap_err().code(), Code::AlreadyExists);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_taken_port_is_an_error_with_its_address() {
    let first = Server::bind(ServerOptions::new((Ipv4Addr::LOCALHOST, 0).into())).await;
    let address = first.as_ref().expect("a port that is free").local_address();
    let refused = Server::bind(ServerOptions::new(address)).await.unwrap_err();
    assert_eq!(
        refused.to_string(),
        format!("failed to listen on {address}")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_is_too_large_is_refused_in_words_that_sdks_know() {
    let world = World::new(Time::Real).await;
    let request = RespondWorkflowTaskCompletedRequest {
        namespace: "default".to_owned(),
        task_token: vec![0; 5 * 1024 * 1024],
        ..RespondWorkflowTaskCompletedRequest::default()
    };
    let mut service = world.client.workflow_service();
    let answer = service.respond_workflow_task_completed(request.into_request());
    let refused = answer.await.expect_err("over four mebibytes");
    assert_eq!(refused.code(), Code::ResourceExhausted);
    // The client compresses.
    assert_eq!(
        refused.message(),
        "grpc: received message after decompression larger than max"
    );
    world.end().await;
}
