//! Activity attempts: their code, their heartbeats, and the reports of their outcomes.

use std::sync::Arc;

use durasim_service::Request;
use durasim_worker::activity::{ActivityAttempt, ActivityOutcome, HeartbeatAction};
use futures::future::BoxFuture;
use temporalio_protos::temporal::api::{
    common::v1::{Payload, Payloads},
    workflowservice::v1::{
        PollActivityTaskQueueResponse, RecordActivityTaskHeartbeatRequest,
        RespondActivityTaskCanceledRequest, RespondActivityTaskCompletedRequest,
        RespondActivityTaskFailedRequest,
    },
};
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

use super::{
    ProcessRef, RunningAttempt, WorkerCall,
    alarms::ProcessAlarm,
    attempt_code::{AttemptCode, at_heartbeat_callback, clock_callback, heartbeat_callback},
    running::{CancelReason, Heartbeat, LocalTimeout, Subject},
};
use crate::{
    broken::broken,
    faults::{
        Allowance, AttemptFate, AttemptMoment, AttemptView, FailedBy, ForGood, Lazily,
        injected_failure, limit_ms,
    },
    label::{AttemptMessage, Name, Workflow},
    world::{State, diagnosis, real_io::RealIo, recorded::TaskAttempt, tolerance::tolerance},
};

impl State {
    /// Asks the faults what becomes of an attempt at this moment.
    pub(super) fn attempt_fate(
        &mut self,
        at: ProcessRef,
        moment: AttemptMoment,
        subject: Subject,
        allowance: Allowance,
        last_heartbeat_ms: Option<u64>,
        completed: bool,
    ) -> Option<AttemptFate> {
        if !self.faults.any() {
            return None;
        }
        let tolerance = tolerance!(self);
        self.faults.hurry(tolerance.hurries());
        let process = self.workers.running(at)?;
        let tolerates_crash = || tolerance.tolerates_crash(at);
        let view = AttemptView {
            moment,
            label: subject.label(),
            task_queue: &process.spec.task_queue,
            shuts_down: process.shutting_down.is_some(),
            version: process.version,
            attempt: subject.number,
            allowance,
            last_heartbeat_ms,
            completed,
            tolerates_crash: &Lazily::new(&tolerates_crash),
        };
        let fate = self.faults.attempt(&mut self.choices, self.now_ms, &view);
        self.watch_faults(None, Some(at));
        fate
    }

    pub(super) fn activity_task_arrives(
        &mut self,
        at: ProcessRef,
        task: PollActivityTaskQueueResponse,
    ) {
        let execution = task.workflow_execution.as_ref();
        let run_id = execution.map_or("", |it| it.run_id.as_str());
        let subject = Subject::of(&task, &mut self.names);
        let (label, number) = (subject.label(), subject.number);
        self.monotony.attempt_begins(&label.text(), number);
        self.record("activity task", TaskAttempt(label, number.into()));
        self.watch_attempt(at, label, (run_id, &task.activity_id), number, false);

        // Faults that happen before the code begins.
        let allowance = if self.faults.any() {
            tolerance!(self).allowance(&task)
        } else {
            Allowance::default()
        };
        let fate = match self.fate_at_start(at, &task, subject, allowance) {
            Some(AttemptFate::Fail(failure)) => {
                self.watch_attempt_failed(&failure);
                let outcome = ActivityOutcome::Failed(failure);
                return self.report_attempt(at, &task.task_token, subject, outcome, None);
            }
            Some(AttemptFate::CutOff(partition)) => {
                self.cut_off(at, partition);
                None
            }
            fate => fate,
        };

        // The code, in a task of its own.
        let Some(process) = self.workers.running(at) else {
            return;
        };
        let token: Arc<[u8]> = task.task_token.as_slice().into();
        let bounded = self.is_bounded(&task);
        let span = tracing::debug_span!(
            target: "durasim",
            "activity",
            activity = %label,
            run_id,
            attempt = number
        );
        let report_lost = matches!(fate, Some(AttemptFate::LoseReport));
        let heartbeat = Heartbeat::new(&task);
        let local_timeout = LocalTimeout::new(&task, self.now_ms);
        let mut attempt = ActivityAttempt::new(task, &*process.spec.task_queue, clock_callback());
        attempt.heartbeat = heartbeat_callback(at, token.clone());
        let real_io = self.real_io_of(at, subject.activity);
        let asks = self.faults.any();
        if asks {
            attempt.at_heartbeat = at_heartbeat_callback(at, token.clone());
        }
        let begun = self.begin_attempt(at, attempt, subject.workflow);
        let Some((code, cancel)) = begun else {
            return;
        };
        let runs = AttemptCode {
            at,
            token: token.clone(),
            code,
            fate,
            asks,
            real_io,
        };
        let task = self
            .executor
            .spawn(label.text(), runs.run().instrument(span));
        let attempt = RunningAttempt {
            task,
            subject,
            cancel,
            heartbeat,
            allowance,
            cancelled: None,
            local_timeout,
            bounded,
            report_lost,
        };
        let mut is_told_to_stop = false;
        if let Some(process) = self.workers.running_mut(at) {
            process.attempts.insert(token.clone(), Box::new(attempt));
            is_told_to_stop = process.shutting_down.as_ref().is_some_and(|it| it.cancels);
        }
        if is_told_to_stop {
            self.cancel_for_shutdown(at, &token);
        }
        self.set_local_timeout(at, token);
    }

    /// Asks the faults what becomes of an attempt as it starts. An activity that fails for good is
    /// not asked for again.
    fn fate_at_start(
        &mut self,
        at: ProcessRef,
        task: &PollActivityTaskQueueResponse,
        subject: Subject,
        allowance: Allowance,
    ) -> Option<AttemptFate> {
        let execution = task.workflow_execution.as_ref();
        let run_id = execution.map_or("", |it| it.run_id.as_str());
        let how = self.faults.for_good(run_id, &task.activity_id);
        let how = if let Some(how) = how {
            how
        } else {
            let starts = AttemptMoment::Starts;
            match self.attempt_fate(at, starts, subject, allowance, None, false) {
                Some(AttemptFate::ForGood(how)) => how,
                fate => return fate,
            }
        };
        self.faults.fail_for_good(run_id, &task.activity_id, how);
        Some(match how {
            ForGood::Fails => AttemptFate::Fail(Box::new(injected_failure(FailedBy::Exhaustion))),
            ForGood::ReportLost => AttemptFate::LoseReport,
        })
    }

    /// Hands an attempt to the code of its process. Returns the future that runs it, and the token
    /// that cancels it; `None` if the process has died, or has no such activity, which ends the
    /// world.
    pub(super) fn begin_attempt(
        &mut self,
        at: ProcessRef,
        mut attempt: ActivityAttempt,
        workflow: Workflow,
    ) -> Option<(BoxFuture<'static, ActivityOutcome>, CancellationToken)> {
        let process = self.workers.running(at)?;
        attempt.log = self.activity_log.clone();
        attempt.data_converter = process.data_converter.clone();
        attempt.client = Some(process.client(&self.namespace));
        let cancel = attempt.cancel.clone();
        match process.activities.start(attempt) {
            Ok(future) => Some((future, cancel)),
            Err(unregistered) => {
                let workflow_id = self.names.id_of(workflow).unwrap_or_default();
                let report = diagnosis::unregistered_activity(self, &unregistered, workflow_id);
                self.fail(report);
                None
            }
        }
    }

    /// Returns the permission of an activity to do real input and output, if it has one.
    pub(super) fn real_io_of(&mut self, at: ProcessRef, activity: Name) -> Option<RealIo> {
        let process = self.workers.running(at)?;
        if !process.has_real_io() {
            return None;
        }
        let name = activity.to_string();
        process
            .may_do_real_io(&name)
            .then(|| self.real_io.begins(name))
    }

    /// Returns `true` if the activity of a task is given up at some time, however often it fails.
    fn is_bounded(&self, task: &PollActivityTaskQueueResponse) -> bool {
        let policy = task.retry_policy.as_ref();
        policy.is_none_or(|policy| policy.maximum_attempts > 0)
            || limit_ms(task.schedule_to_close_timeout.as_ref()).is_some()
            || tolerance!(self)
                .run_deadline_ms(task.workflow_execution.as_ref())
                .is_some()
    }

    /// The code of an attempt is done.
    pub(super) fn attempt_done(&mut self, at: ProcessRef, token: &[u8], outcome: ActivityOutcome) {
        let Some(attempt) = self.take_attempt(at, token) else {
            return;
        };
        let RunningAttempt {
            subject,
            heartbeat,
            allowance,
            cancelled,
            bounded,
            report_lost,
            ..
        } = *attempt;
        if report_lost && matches!(outcome, ActivityOutcome::Completed(_)) {
            return;
        }
        if let ActivityOutcome::Panicked { message, .. } = &outcome
            && let Some(report) = diagnosis::real_io_in_activity(subject.activity, message)
        {
            return self.fail(report);
        }
        let outcome = match cancelled {
            Some(CancelReason::WorkerShutdown) => outcome.of_worker_that_shuts_down(),
            _ => outcome,
        };
        // Core does not report what the service does not want to know.
        let is_reported = cancelled != Some(CancelReason::NotFound);
        let allowance = tolerance!(self).still_allowed(token, allowance);
        let (done, completed) = (
            AttemptMoment::Done,
            is_reported && matches!(outcome, ActivityOutcome::Completed(_)),
        );
        match self.attempt_fate(at, done, subject, allowance, None, completed) {
            Some(AttemptFate::Crash {
                restart_after_ms,
                version,
            }) => {
                return self.crash_worker(at, restart_after_ms, version);
            }
            Some(AttemptFate::ShutDown(shutdown)) => self.shut_down(at, shutdown),
            Some(AttemptFate::CutOff(partition)) => self.cut_off(at, partition),
            Some(AttemptFate::LoseReport) => return,
            _ => {}
        }
        match &outcome {
            ActivityOutcome::Failed(_) if !bounded => self.monotony.attempt_failed(),
            _ => self.monotony.ends(),
        }
        if let ActivityOutcome::Panicked { message, .. } = &outcome
            && let Some(report) =
                diagnosis::activity_panicked(subject.label(), subject.number, message, bounded)
        {
            return self.fail(report);
        }
        if is_reported || matches!(outcome, ActivityOutcome::Fault(_)) {
            let details = heartbeat.throttle.into_latest();
            self.report_attempt(at, token, subject, outcome, details);
        }
    }

    pub(super) fn report_attempt(
        &mut self,
        at: ProcessRef,
        token: &[u8],
        subject: Subject,
        outcome: ActivityOutcome,
        last_heartbeat: Option<Vec<Payload>>,
    ) {
        let Some(process) = self.workers.running(at) else {
            return;
        };
        let (task_token, namespace) = (token.to_vec(), self.namespace.clone());
        let identity = process.identity.clone();
        let worker_version = process.version_stamp.clone();
        #[allow(deprecated, reason = "Core still sends the stamp")]
        let (message, request): (_, Request) = match outcome {
            ActivityOutcome::Completed(result) => (
                AttemptMessage::Completed,
                RespondActivityTaskCompletedRequest {
                    task_token,
                    result,
                    identity,
                    worker_version,
                    namespace,
                    ..Default::default()
                }
                .into(),
            ),
            ActivityOutcome::Failed(failure) | ActivityOutcome::Panicked { failure, .. } => (
                AttemptMessage::Failed,
                RespondActivityTaskFailedRequest {
                    task_token,
                    failure: Some(*failure),
                    last_heartbeat_details: last_heartbeat.map(|payloads| Payloads { payloads }),
                    identity,
                    worker_version,
                    namespace,
                    ..Default::default()
                }
                .into(),
            ),
            ActivityOutcome::Canceled(details) => (
                AttemptMessage::Canceled,
                RespondActivityTaskCanceledRequest {
                    task_token,
                    details,
                    identity,
                    worker_version,
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
        self.worker_request(at, WorkerCall::Report, subject.message(message), request);
    }

    /// Asks the code of an attempt to stop, unless it was asked before.
    pub(super) fn cancel_attempt(&mut self, at: ProcessRef, token: &[u8], reason: CancelReason) {
        if let Some(attempt) = self.running_attempt(at, token)
            && attempt.cancelled.is_none()
        {
            attempt.cancelled = Some(reason);
            attempt.cancel.cancel();
        }
    }

    /// The service has answered a heartbeat of an attempt, or its call has failed.
    pub(super) fn heartbeat_answered(&mut self, at: ProcessRef, token: &[u8]) {
        if let Some(attempt) = self.running_attempt(at, token)
            && attempt.local_timeout.has_heartbeats()
        {
            self.set_local_timeout(at, token.into());
        }
    }

    /// Sets the clock by which the worker gives up on an attempt of which the service hears now.
    fn set_local_timeout(&mut self, at: ProcessRef, token: Arc<[u8]>) {
        let now_ms = self.now_ms;
        let Some(attempt) = self.running_attempt(at, &token) else {
            return;
        };
        let before = attempt.local_timeout.alarm.take();
        let due_ms = attempt.local_timeout.due_ms(now_ms);
        if let Some(alarm) = before {
            self.workers.alarms.forget(alarm);
        }
        let Some(due_ms) = due_ms.filter(|_| !broken!(LocalTimeouts)) else {
            return;
        };
        let alarm = ProcessAlarm::LocalTimeout {
            token: token.clone(),
        };
        let alarm = self.set_alarm(at, due_ms, alarm);
        if let Some(attempt) = self.running_attempt(at, &token) {
            attempt.local_timeout.alarm = Some(alarm);
        }
    }

    /// Takes an attempt whose code runs no longer from its process.
    pub(super) fn take_attempt(
        &mut self,
        at: ProcessRef,
        token: &[u8],
    ) -> Option<Box<RunningAttempt>> {
        let attempt = self.workers.running_mut(at)?.attempts.remove(token)?;
        self.watch_attempt_end(at, attempt.subject.label(), attempt.subject.number);
        if let Some(alarm) = attempt.local_timeout.alarm {
            self.workers.alarms.forget(alarm);
        }
        Some(attempt)
    }

    pub(super) fn running_attempt(
        &mut self,
        at: ProcessRef,
        token: &[u8],
    ) -> Option<&mut RunningAttempt> {
        let attempts = &mut self.workers.running_mut(at)?.attempts;
        attempts.get_mut(token).map(|attempt| &mut **attempt)
    }

    /// An attempt records a heartbeat, which is sent now or when the throttle allows.
    pub(super) fn heartbeat(&mut self, at: ProcessRef, token: &[u8], details: Vec<Payload>) {
        let now_ms = self.now_ms;
        let Some(attempt) = self.running_attempt(at, token) else {
            return;
        };
        attempt.heartbeat.throttled += 1;
        match attempt.heartbeat.throttle.record(now_ms, details) {
            HeartbeatAction::Send(details) => self.send_heartbeat(at, token, details),
            HeartbeatAction::Hold { until_ms } => {
                let token = token.to_vec();
                let _ = self.set_alarm(at, until_ms, ProcessAlarm::Heartbeat { token });
            }
            HeartbeatAction::Held => {}
        }
    }

    /// The throttle of an attempt's heartbeats ends: the details that it held back are sent.
    pub(super) fn heartbeat_due(&mut self, at: ProcessRef, token: &[u8]) {
        let now_ms = self.now_ms;
        let held = self
            .running_attempt(at, token)
            .and_then(|attempt| attempt.heartbeat.throttle.due(now_ms));
        if let Some(details) = held {
            self.send_heartbeat(at, token, details);
        }
    }

    fn send_heartbeat(&mut self, at: ProcessRef, token: &[u8], details: Vec<Payload>) {
        let Some(attempt) = self.running_attempt(at, token) else {
            return;
        };
        if attempt.heartbeat.lost {
            return;
        }
        let last = attempt.heartbeat.throttled;
        let first = std::mem::replace(&mut attempt.heartbeat.told, last) + 1;
        let sent = AttemptMoment::HeartbeatSent { first, last };
        let (subject, allowance) = (attempt.subject, attempt.allowance);
        let allowance = tolerance!(self).still_allowed(token, allowance);
        let fate = self.attempt_fate(at, sent, subject, allowance, None, false);
        if let Some(AttemptFate::LoseHeartbeat { and_later }) = fate {
            if let Some(attempt) = self.running_attempt(at, token) {
                attempt.heartbeat.lost = and_later;
            }
            return;
        }
        let Some(process) = self.workers.running(at) else {
            return;
        };
        let request = RecordActivityTaskHeartbeatRequest {
            task_token: token.to_vec(),
            details: Some(Payloads { payloads: details }),
            identity: process.identity.clone(),
            namespace: self.namespace.clone(),
            ..Default::default()
        };
        let token = token.to_vec();
        let label = subject.message(AttemptMessage::Heartbeat);
        self.worker_request(at, WorkerCall::Heartbeat { token }, label, request.into());
    }
}
