//! What a worker process does with activity tasks: attempts, their heartbeats, and what it reports
//! of them.

use super::{
    World, diagnosis,
    process::{Alarm, Heartbeat, RunningAttempt, WorkerCall},
    state::State,
};
use crate::faults::{Allowance, AttemptFate, AttemptMoment, AttemptView, first_await, limit_ms};
use durasim_service::Request;
use durasim_worker::activity::{
    ActivityAttempt, ActivityOutcome, HeartbeatAction, HeartbeatThrottle,
};
use std::{rc::Rc, sync::Arc};
use temporalio_protos::temporal::api::{
    common::v1::{Payload, Payloads},
    workflowservice::v1::{
        PollActivityTaskQueueResponse, RecordActivityTaskHeartbeatRequest,
        RespondActivityTaskCanceledRequest, RespondActivityTaskCompletedRequest,
        RespondActivityTaskFailedRequest,
    },
};
use tracing::Instrument;

impl State {
    fn attempt_fate(
        &mut self,
        worker: usize,
        moment: AttemptMoment,
        label: &str,
        attempt: u32,
        allowance: Allowance,
        completed: bool,
    ) -> Option<AttemptFate> {
        if !self.faults.any() {
            return None;
        }
        self.faults.hurry(self.hurries());
        let process = &self.workers[worker];
        let view = AttemptView {
            moment,
            label,
            task_queue: &process.spec.task_queue,
            version: process.version,
            attempt,
            allowance,
            completed,
            bears_crash: self.bears_crash(worker),
        };
        self.faults.attempt(&mut self.choices, self.now_ms, &view)
    }

    pub(super) fn activity_task_arrives(
        &mut self,
        worker: usize,
        task: PollActivityTaskQueueResponse,
    ) {
        let execution = task.workflow_execution.clone().unwrap_or_default();
        let workflow_type = task.workflow_type.as_ref().map_or("", |t| t.name.as_str());
        let activity_type = task.activity_type.as_ref().map_or("", |t| t.name.as_str());
        let workflow = self.names.name(&execution.workflow_id, workflow_type);
        let label: Rc<str> = format!("{workflow}/{activity_type}").into();
        let number = u32::try_from(task.attempt).unwrap_or(1);
        self.record("activity task", format_args!("{label} attempt {number}"));
        let allowance = if self.faults.any() {
            self.allowance(&task)
        } else {
            Allowance::default()
        };
        let fate = match self.attempt_fate(
            worker,
            AttemptMoment::Starts,
            &label,
            number,
            allowance,
            false,
        ) {
            Some(AttemptFate::Fail(failure)) => {
                let outcome = ActivityOutcome::Failed(failure);
                return self.report_attempt(worker, &task.task_token, &label, outcome, None);
            }
            Some(AttemptFate::Crash {
                restart_after_ms,
                version,
            }) => {
                return self.crash_worker(worker, restart_after_ms, version);
            }
            fate => fate,
        };
        let token = task.task_token.clone();
        let bounded = task
            .retry_policy
            .as_ref()
            .is_none_or(|policy| policy.maximum_attempts > 0)
            || limit_ms(task.schedule_to_close_timeout.as_ref()).is_some()
            || self
                .run_deadline_ms(task.workflow_execution.as_ref())
                .is_some();
        let heartbeat = Heartbeat {
            throttle: HeartbeatThrottle::new(&task),
            lost: false,
        };
        let process = &self.workers[worker];
        let incarnation = process.incarnation;
        let mut attempt = ActivityAttempt::new(task, &*process.spec.task_queue, clock_callback());
        attempt.heartbeat = heartbeat_callback(worker, incarnation, token.clone());
        attempt.log = self.calls.clone();
        attempt.data_converter = process.data_converter.clone();
        attempt.client = Some(process.client(&self.namespace));
        let cancel = attempt.cancel.clone();
        let future = match process.activities.start(attempt) {
            Ok(future) => future,
            Err(unregistered) => {
                let report =
                    diagnosis::unregistered_activity(self, &unregistered, &execution.workflow_id);
                return self.fail(report);
            }
        };
        let attempt_token = token.clone();
        let span = tracing::debug_span!(target: "durasim", "activity", activity = %label, run_id = execution.run_id, attempt = number);
        let runs = async move {
            let mut future = future;
            let outcome = match fate {
                Some(AttemptFate::Pause(pause)) => pause.of(future).await,
                Some(AttemptFate::CrashAtFirstAwait {
                    restart_after_ms,
                    version,
                }) => {
                    // Whatever it returns without an await is lost with the process.
                    let _ = first_await(&mut future).await;
                    let world = World::current();
                    return world.state().attempt_dies(
                        worker,
                        incarnation,
                        &attempt_token,
                        restart_after_ms,
                        version,
                    );
                }
                _ => future.await,
            };
            World::current()
                .state()
                .attempt_done(worker, incarnation, &attempt_token, outcome);
        };
        let task = self.executor.spawn(label.clone(), runs.instrument(span));
        let attempt = RunningAttempt {
            task,
            label,
            number,
            cancel,
            heartbeat,
            allowance,
            bounded,
        };
        self.workers[worker].attempts.insert(token, attempt);
    }

    /// The worker dies of a fault while this attempt runs.
    fn attempt_dies(
        &mut self,
        worker: usize,
        incarnation: u32,
        token: &[u8],
        restart_after_ms: u64,
        version: usize,
    ) {
        let process = &mut self.workers[worker];
        // The attempt's own task is the one that runs: it ends by itself.
        if process.incarnation == incarnation && process.attempts.remove(token).is_some() {
            self.crash_worker(worker, restart_after_ms, version);
        }
    }

    fn attempt_done(
        &mut self,
        worker: usize,
        incarnation: u32,
        token: &[u8],
        outcome: ActivityOutcome,
    ) {
        let process = &mut self.workers[worker];
        if process.incarnation != incarnation {
            return;
        }
        let Some(attempt) = process.attempts.remove(token) else {
            return;
        };
        let RunningAttempt {
            label,
            number,
            heartbeat,
            allowance,
            bounded,
            ..
        } = attempt;
        let allowance = self.still_allowed(token, allowance);
        let completed = matches!(outcome, ActivityOutcome::Completed(_));
        match self.attempt_fate(
            worker,
            AttemptMoment::Done,
            &label,
            number,
            allowance,
            completed,
        ) {
            Some(AttemptFate::Crash {
                restart_after_ms,
                version,
            }) => {
                return self.crash_worker(worker, restart_after_ms, version);
            }
            Some(AttemptFate::LoseReport) => return,
            _ => {}
        }
        if let ActivityOutcome::Failed(failure) = &outcome
            && let Some(report) = diagnosis::activity_panicked(&label, number, failure, bounded)
        {
            return self.fail(report);
        }
        self.report_attempt(worker, token, &label, outcome, heartbeat.throttle.unsent());
    }

    fn report_attempt(
        &mut self,
        worker: usize,
        token: &[u8],
        label: &Rc<str>,
        outcome: ActivityOutcome,
        unsent_heartbeat: Option<Vec<Payload>>,
    ) {
        let (task_token, namespace) = (token.to_vec(), self.namespace.clone());
        let identity = self.workers[worker].identity.clone();
        let (what, request): (&str, Request) = match outcome {
            ActivityOutcome::Completed(result) => (
                "completed",
                RespondActivityTaskCompletedRequest {
                    task_token,
                    result,
                    identity,
                    namespace,
                    ..Default::default()
                }
                .into(),
            ),
            ActivityOutcome::Failed(failure) => (
                "failed",
                RespondActivityTaskFailedRequest {
                    task_token,
                    failure: Some(*failure),
                    last_heartbeat_details: unsent_heartbeat.map(|payloads| Payloads { payloads }),
                    identity,
                    namespace,
                    ..Default::default()
                }
                .into(),
            ),
            ActivityOutcome::Canceled(details) => (
                "canceled",
                RespondActivityTaskCanceledRequest {
                    task_token,
                    details,
                    identity,
                    namespace,
                    ..Default::default()
                }
                .into(),
            ),
            ActivityOutcome::Fault(fault) => {
                let report = diagnosis::unsimulated_attempt(&fault);
                return self.fail(report);
            }
            _ => return,
        };
        let label = format!("{label}/{what}").into();
        self.worker_request(worker, WorkerCall::Report, label, request);
    }

    pub(super) fn cancel_attempt(&mut self, worker: usize, token: &[u8]) {
        if let Some(attempt) = self.workers[worker].attempts.get(token) {
            attempt.cancel.cancel();
        }
    }

    /// An attempt records a heartbeat: sent now, or when the throttle allows.
    fn heartbeat(&mut self, worker: usize, incarnation: u32, token: &[u8], details: Vec<Payload>) {
        let now_ms = self.now_ms;
        let process = &mut self.workers[worker];
        if process.incarnation != incarnation {
            return;
        }
        let Some(attempt) = process.attempts.get_mut(token) else {
            return;
        };
        match attempt.heartbeat.throttle.record(now_ms, details) {
            HeartbeatAction::Send(details) => self.send_heartbeat(worker, token, details),
            HeartbeatAction::Hold { until_ms } => {
                let token = token.to_vec();
                let alarm = Alarm::Heartbeat {
                    worker,
                    incarnation,
                    token,
                };
                self.alarms.set(until_ms, alarm);
            }
            HeartbeatAction::Held => {}
        }
    }

    /// The throttle of an attempt's heartbeats ends: what it held back is sent.
    pub(super) fn heartbeat_due(&mut self, worker: usize, token: &[u8]) {
        let now_ms = self.now_ms;
        let held = self.workers[worker]
            .attempts
            .get_mut(token)
            .and_then(|attempt| attempt.heartbeat.throttle.due(now_ms));
        if let Some(details) = held {
            self.send_heartbeat(worker, token, details);
        }
    }

    fn send_heartbeat(&mut self, worker: usize, token: &[u8], details: Vec<Payload>) {
        let Some(attempt) = self.workers[worker].attempts.get(token) else {
            return;
        };
        if attempt.heartbeat.lost {
            return;
        }
        let (name, number, allowance) = (attempt.label.clone(), attempt.number, attempt.allowance);
        let allowance = self.still_allowed(token, allowance);
        if let Some(AttemptFate::LoseHeartbeat { and_later }) = self.attempt_fate(
            worker,
            AttemptMoment::Heartbeat,
            &name,
            number,
            allowance,
            false,
        ) {
            if let Some(attempt) = self.workers[worker].attempts.get_mut(token) {
                attempt.heartbeat.lost = and_later;
            }
            return;
        }
        let label = format!("{name}/heartbeat").into();
        let request = RecordActivityTaskHeartbeatRequest {
            task_token: token.to_vec(),
            details: Some(Payloads { payloads: details }),
            identity: self.workers[worker].identity.clone(),
            namespace: self.namespace.clone(),
            ..Default::default()
        };
        self.worker_request(
            worker,
            WorkerCall::Heartbeat {
                token: token.to_vec(),
            },
            label,
            request.into(),
        );
    }
}

pub(super) fn clock_callback() -> Arc<dyn Fn() -> u64 + Send + Sync> {
    Arc::new(|| World::current().clock.now_ms())
}

fn heartbeat_callback(
    worker: usize,
    incarnation: u32,
    token: Vec<u8>,
) -> Arc<dyn Fn(Vec<Payload>) + Send + Sync> {
    Arc::new(move |details| {
        // An attempt may outlive its world only while it is dropped: nobody is left to hear its
        // heartbeat.
        if let Some(world) = World::try_current() {
            world
                .state()
                .heartbeat(worker, incarnation, &token, details);
        }
    })
}
