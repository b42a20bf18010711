//! Workers, by what they say of themselves.

use pretty_assertions::assert_eq;

use crate::{
    api::{enums::WorkerStatus, rpc::*, worker::WorkerHeartbeat},
    messages::request::Response,
    testing::*,
};

fn heartbeat(key: &str, status: WorkerStatus) -> WorkerHeartbeat {
    WorkerHeartbeat {
        worker_instance_key: key.to_owned(),
        worker_identity: format!("{key}@host"),
        task_queue: TASK_QUEUE.to_owned(),
        status: status.into(),
        ..WorkerHeartbeat::default()
    }
}

fn record(world: &mut World, worker_heartbeat: Vec<WorkerHeartbeat>) {
    let request = RecordWorkerHeartbeatRequest {
        namespace: "default".to_owned(),
        worker_heartbeat,
        ..RecordWorkerHeartbeatRequest::default()
    };
    world.call(request).unwrap();
}

/// Returns a page of the workers that a query finds, and the token of the next page.
fn list(world: &mut World, query: &str, page_size: i32, token: Vec<u8>) -> (Vec<String>, Vec<u8>) {
    let request = ListWorkersRequest {
        namespace: "default".to_owned(),
        page_size,
        next_page_token: token,
        query: query.to_owned(),
        ..ListWorkersRequest::default()
    };
    match world.call(request) {
        Ok(Response::ListWorkers(listed)) => {
            let keys = listed.workers.into_iter().map(|it| it.worker_instance_key);
            (keys.collect(), listed.next_page_token)
        }
        other => panic!("not its response: {other:?}"),
    }
}

fn describe(key: &str) -> DescribeWorkerRequest {
    DescribeWorkerRequest {
        namespace: "default".to_owned(),
        worker_instance_key: key.to_owned(),
    }
}

#[test]
fn workers_are_listed_counted_and_described_by_their_heartbeats() {
    let mut world = World::new();
    let running = |key| heartbeat(key, WorkerStatus::Running);
    record(&mut world, vec![running("b"), running("a"), running("c")]);
    assert_eq!(list(&mut world, "", 0, vec![]).0, ["a", "b", "c"]);
    assert_eq!(
        list(&mut world, "WorkerIdentity = 'b@host'", 0, vec![]).0,
        ["b"]
    );
    let (first, token) = list(&mut world, "", 2, vec![]);
    assert_eq!(first, ["a", "b"]);
    assert_eq!(list(&mut world, "", 2, token).0, ["c"]);
    let count = CountWorkersRequest {
        namespace: "default".to_owned(),
        query: format!("TaskQueue = '{TASK_QUEUE}'"),
        ..CountWorkersRequest::default()
    };
    match world.call(count) {
        Ok(Response::CountWorkers(counted)) => assert_eq!(counted.count, 3),
        other => panic!("not its response: {other:?}"),
    }
    match world.call(describe("c")) {
        Ok(Response::DescribeWorker(described)) => {
            let heartbeat = described.worker_info.unwrap().worker_heartbeat;
            assert_eq!(heartbeat, Some(running("c")));
        }
        other => panic!("not its response: {other:?}"),
    }
}

#[test]
fn a_worker_is_forgotten_when_it_shuts_down_or_is_silent_for_five_minutes() {
    let mut world = World::new();
    let workers = ["a", "b"].map(|key| heartbeat(key, WorkerStatus::Running));
    record(&mut world, workers.into());
    world.pass(4 * 60_000);
    record(&mut world, vec![heartbeat("a", WorkerStatus::Running)]);
    world.pass(2 * 60_000);
    assert_eq!(list(&mut world, "", 0, vec![]).0, ["a"]);
    let shutdown = ShutdownWorkerRequest {
        namespace: "default".to_owned(),
        worker_heartbeat: Some(heartbeat("a", WorkerStatus::Shutdown)),
        ..ShutdownWorkerRequest::default()
    };
    world.call(shutdown).unwrap();
    assert!(list(&mut world, "", 0, vec![]).0.is_empty());
    let status = world.call(describe("a")).unwrap_err();
    assert_eq!(status.message(), "Worker a not found");
}

#[test]
fn a_worker_that_has_shut_down_gets_no_more_tasks() {
    let mut world = World::new();
    let poll = || PollWorkflowTaskQueueRequest {
        worker_instance_key: "a".to_owned(),
        ..poll_request()
    };
    let is_empty = |world: &mut World, id| match world.reply(id) {
        Some(Ok(Response::PollWorkflowTaskQueue(task))) => {
            task.into_message().task_token.is_empty()
        }
        other => panic!("not an answer to a poll: {other:?}"),
    };
    let waiting = world.send(poll());
    let of_another = world.send(PollWorkflowTaskQueueRequest {
        worker_instance_key: "b".to_owned(),
        ..poll_request()
    });
    let shutdown = ShutdownWorkerRequest {
        namespace: "default".to_owned(),
        worker_instance_key: "a".to_owned(),
        ..ShutdownWorkerRequest::default()
    };
    world.call(shutdown).unwrap();
    assert!(is_empty(&mut world, waiting));
    let late = world.send(poll());
    assert!(is_empty(&mut world, late), "a poll that was under way");
    world.start("order");
    assert!(!is_empty(&mut world, of_another), "the task of the other");
    world.pass(31_000);
    let much_later = world.send(PollWorkflowTaskQueueRequest {
        task_queue: queue("other"),
        ..poll()
    });
    assert!(world.reply(much_later).is_none(), "it waits for a task");
}
