//! Each fault of the wire happens, to the messages that it is about.

use durasim_service::PolledWorkflowTask;
use pretty_assertions::assert_eq;
use temporalio_protos::temporal::api::{
    common::v1::{ActivityType, RetryPolicy, WorkflowExecution, WorkflowType},
    taskqueue::v1::{StickyExecutionAttributes, TaskQueue},
    workflowservice::v1::*,
};
use tonic::Code;

use super::*;
use crate::faults::FaultKind as Kind;

/// A wire on which one fault happens wherever it can, with the number of its requests.
struct Probe(Wire, u64);

impl Probe {
    fn of(kind: Kind) -> Self {
        let profile = FaultProfile::none().with_odds(kind, 1.0);
        Self(Wire::new(1, &profile).unwrap(), 0)
    }

    fn request(&mut self, request: impl Into<Request>) -> (Passage, Request) {
        let mut request = request.into();
        self.1 += 1;
        let passage = self.0.request(1_000, self.1, &mut request, Some(10_000));
        (passage, request)
    }

    fn answer(&mut self, answer: impl Into<Response>) -> Passage {
        self.0.answer(1_000, self.1, &Ok(answer.into()))
    }

    /// Hands a worker a workflow task.
    fn with_workflow_task(mut self) -> Self {
        self.request(PollWorkflowTaskQueueRequest {
            task_queue: Some(queue()),
            ..Default::default()
        });
        self.answer(PolledWorkflowTask::from(workflow_task()));
        self
    }

    /// Hands a worker the first attempt of an activity.
    fn with_activity_task(mut self) -> Self {
        self.request(PollActivityTaskQueueRequest {
            task_queue: Some(queue()),
            ..Default::default()
        });
        self.answer(PollActivityTaskQueueResponse {
            task_token: b"attempt".to_vec(),
            workflow_execution: Some(order()),
            workflow_type: Some(WorkflowType {
                name: "Order".to_owned(),
            }),
            activity_type: Some(ActivityType {
                name: "pay".to_owned(),
            }),
            attempt: 1,
            start_to_close_timeout: std::time::Duration::from_secs(10).try_into().ok(),
            retry_policy: Some(RetryPolicy {
                initial_interval: std::time::Duration::from_secs(1).try_into().ok(),
                backoff_coefficient: 2.0,
                ..RetryPolicy::default()
            }),
            ..Default::default()
        });
        self
    }
}

fn queue() -> TaskQueue {
    TaskQueue {
        name: "queue".to_owned(),
        ..TaskQueue::default()
    }
}

fn order() -> WorkflowExecution {
    WorkflowExecution {
        workflow_id: "order-1".to_owned(),
        run_id: String::new(),
    }
}

fn workflow_task() -> PollWorkflowTaskQueueResponse {
    PollWorkflowTaskQueueResponse {
        task_token: b"task".to_vec(),
        workflow_execution: Some(order()),
        workflow_type: Some(WorkflowType {
            name: "Order".to_owned(),
        }),
        attempt: 1,
        ..Default::default()
    }
}

fn signal() -> SignalWorkflowExecutionRequest {
    SignalWorkflowExecutionRequest {
        workflow_execution: Some(order()),
        signal_name: "pay".to_owned(),
        ..Default::default()
    }
}

fn completed() -> RespondWorkflowTaskCompletedRequest {
    RespondWorkflowTaskCompletedRequest {
        task_token: b"task".to_vec(),
        sticky_attributes: Some(StickyExecutionAttributes::default()),
        ..Default::default()
    }
}

#[test]
fn signals_are_late_overtaken_and_sent_twice() {
    let late = |passage| matches!(passage, Passage::Late(late) if late != Lateness::default());
    assert!(late(Probe::of(Kind::SignalDelay).request(signal()).0));
    assert!(late(Probe::of(Kind::SignalReorder).request(signal()).0));
    let mut twice = Probe::of(Kind::SignalDuplicate);
    assert!(matches!(twice.request(signal()).0, Passage::Twice(_)));
    assert_eq!(twice.0.struck().len(), 1);
    assert!(
        twice.0.struck()[0].starts_with("+0s send signal pay to"),
        "{:?}",
        twice.0.struck()
    );
}

#[test]
fn calls_are_refused_and_so_is_all_that_follows_in_an_outage() {
    let mut unavailable = Probe::of(Kind::ClientUnavailable);
    let (passage, _) = unavailable.request(signal());
    assert!(matches!(passage, Passage::Refused(status) if status.code() == Code::Unavailable));

    let mut outage = Probe::of(Kind::ServiceOutage);
    assert!(matches!(outage.request(signal()).0, Passage::Refused(_)));
    let (passage, _) = outage.request(PollWorkflowTaskQueueRequest::default());
    assert!(
        matches!(passage, Passage::Refused(_)),
        "everybody is refused"
    );
    let mut later = Request::from(PollWorkflowTaskQueueRequest::default());
    let passage = outage.0.request(5_000, 9, &mut later, None);
    assert!(matches!(passage, Passage::OnTime), "it is over");
}

#[test]
fn a_task_of_a_worker_is_late_answered_too_late_or_loses_its_sticky_queue() {
    let mut delayed = Probe::of(Kind::MessageDelay);
    delayed.request(PollWorkflowTaskQueueRequest {
        task_queue: Some(queue()),
        ..Default::default()
    });
    let passage = delayed.answer(PolledWorkflowTask::from(workflow_task()));
    assert!(matches!(passage, Passage::Late(_)));

    let mut timeout = Probe::of(Kind::WorkflowTaskTimeout).with_workflow_task();
    let (passage, _) = timeout.request(completed());
    assert!(
        matches!(passage, Passage::Late(late) if late.ms > 10_000),
        "past its timeout"
    );

    let mut evicted = Probe::of(Kind::CacheEviction).with_workflow_task();
    let (passage, Request::RespondWorkflowTaskCompleted(sent)) = evicted.request(completed())
    else {
        panic!("another request")
    };
    assert!(matches!(passage, Passage::OnTime));
    assert_eq!(sent.sticky_attributes, None);
}

#[test]
fn completions_and_heartbeats_of_activities_are_lost() {
    let is_lost = |passage: Passage| {
        let Passage::Refused(status) = passage else {
            return false;
        };
        status.code() == Code::DeadlineExceeded
    };
    let mut completion = Probe::of(Kind::ActivityCompletionLost).with_activity_task();
    let (passage, _) = completion.request(RespondActivityTaskCompletedRequest {
        task_token: b"attempt".to_vec(),
        ..Default::default()
    });
    assert!(is_lost(passage));
    let mut heartbeat = Probe::of(Kind::HeartbeatLoss).with_activity_task();
    let (passage, _) = heartbeat.request(RecordActivityTaskHeartbeatRequest {
        task_token: b"attempt".to_vec(),
        ..Default::default()
    });
    assert!(is_lost(passage));
}

#[test]
fn the_answer_to_an_update_is_lost() {
    let mut lost = Probe::of(Kind::UpdateAnswerLost);
    lost.request(UpdateWorkflowExecutionRequest {
        workflow_execution: Some(order()),
        ..Default::default()
    });
    let passage = lost.answer(UpdateWorkflowExecutionResponse::default());
    assert!(matches!(passage, Passage::Unanswered(_)));
}

#[test]
fn each_fault_of_the_wire_is_known_and_the_others_are_refused_by_name() {
    let refused = Wire::new(1, &FaultProfile::crashes()).err().unwrap();
    assert_eq!(
        refused.to_string(),
        "only a test in Rust has the faults worker_deploy, worker_crash, worker_shutdown, \
         worker_partition, workflow_task_failure; over the wire there are \
         activity_completion_lost, cache_eviction, client_unavailable, heartbeat_loss, \
         message_delay, service_outage, signal_delay, signal_duplicate, signal_reorder, \
         update_answer_lost, workflow_task_timeout"
    );
    let (profile, off) = on_the_wire(FaultProfile::all());
    assert!(off.contains(&Kind::WorkerCrash));
    assert!(Wire::new(1, &profile).is_ok());
}

#[test]
fn the_same_seed_makes_the_same_choices() {
    let struck = |seed| {
        let mut wire = Wire::new(seed, &on_the_wire(FaultProfile::all()).0).unwrap();
        for id in 0..100 {
            wire.request(id, id, &mut signal().into(), None);
        }
        wire.struck()
    };
    assert_eq!(struck(3), struck(3));
    assert!((0..10).any(|seed| struck(seed) != struck(3)));
}
