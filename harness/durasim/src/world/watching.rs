//! Watching a world while it goes on: what its recording is made from.
//!
//! Every function here does nothing in a world that is not recorded.

use durasim_service::{DeliveryId, DeliverySummary, RequestId};
use temporalio_protos::temporal::api::{command::v1::Command, failure::v1::Failure};
use tonic::Status;

use super::{pending::CallerKind, state::State, worker::ProcessRef};
use crate::{
    faults::{Fate, is_fault_site},
    label::{Label, Workflow},
    panics,
    recording::{
        AttemptSeen, Cause, FaultSeen, Instant, Life, MessageSeen, Party, Recording, Remark,
        TaskSeen, Touch, Written,
    },
};

impl Touch {
    /// Returns the effect of a fate on a request.
    pub(super) fn of(fate: Option<&Fate>) -> Self {
        match fate {
            Some(Fate::Late(_) | Fate::Overtaken { .. }) => Self::Held,
            Some(Fate::Refused(_)) => Self::Refused,
            // The loss is that of the answer.
            Some(Fate::AnswerLost(_) | Fate::Twice(_) | Fate::Outage(_)) | None => Self::None,
        }
    }
}

impl State {
    /// Lets the recording see something, if there is one.
    fn watch(&mut self, sees: impl FnOnce(&mut Recording, Instant)) {
        if let Some(recording) = &mut self.recording {
            let now = recording.next(self.now_ms);
            sees(recording, now);
        }
    }

    /// Sees that a message, a timer or an alarm is the thing that happens now.
    pub(super) fn watch_step(&mut self, now: Option<Cause>) {
        self.watch(|recording, instant| {
            recording.now = now;
            recording.since = instant;
        });
    }

    /// Returns the party that calls.
    fn party(&self, caller: CallerKind, asked_by: Option<&str>) -> Party {
        let recording = self.recording.as_ref();
        match caller {
            CallerKind::Worker(at, _) => {
                let life = recording.and_then(|recording| recording.life(at.id()));
                life.map_or(Party::Service, Party::Process)
            }
            CallerKind::Client => Party::Client(asked_by.unwrap_or(panics::TEST).to_owned()),
            CallerKind::Nexus(_) => Party::Client("the handlers of Nexus".to_owned()),
        }
    }

    /// Sees that a request leaves its caller.
    pub(super) fn watch_request(
        &mut self,
        id: RequestId,
        caller: CallerKind,
        asked_by: Option<&str>,
        label: Label,
        touch: Touch,
    ) {
        if self.recording.is_none() {
            return;
        }
        let from = self.party(caller, asked_by);
        self.watch(|recording, sent| {
            let cause = match &from {
                Party::Client(name) => recording.answered.get(name).copied().map(Cause::Message),
                _ => recording.now,
            };
            let message = recording.send(MessageSeen {
                from,
                to: Party::Service,
                label: label.text().to_string(),
                is_reply: false,
                sent,
                arrived: None,
                touch,
                status: None,
                cause,
            });
            recording.requests.insert(id, message);
        });
        let message = self.recording.as_ref().map(|it| it.messages.len() - 1);
        self.watch_faults(message.map(Cause::Message), caller.process());
    }

    /// Sees that a fault has made a copy of a request.
    pub(super) fn watch_copy(&mut self, of: RequestId, copy: RequestId) {
        self.watch(|recording, _| {
            let Some(original) = recording.requests.get(&of) else {
                return;
            };
            let message = MessageSeen {
                touch: Touch::Copy,
                cause: Some(Cause::Message(*original)),
                ..recording.messages[*original].clone()
            };
            let message = recording.send(message);
            recording.requests.insert(copy, message);
        });
    }

    /// Sees that a request arrives at the service.
    pub(super) fn watch_arrival(&mut self, id: RequestId) {
        self.watch(|recording, now| {
            let message = recording.requests.get(&id).copied();
            recording.arrives(message, now);
        });
    }

    /// Sees that the service sends an answer.
    pub(super) fn watch_reply(&mut self, id: RequestId, caller: CallerKind, label: Label) {
        if self.recording.is_none() {
            return;
        }
        let asked_by = self.calls.get(id).and_then(|it| it.asked_by.clone());
        let to = self.party(caller, asked_by.as_deref());
        self.watch(|recording, sent| {
            let cause = recording.now;
            let message = recording.send(MessageSeen {
                from: Party::Service,
                to,
                label: label.text().to_string(),
                is_reply: true,
                sent,
                arrived: None,
                touch: Touch::None,
                status: None,
                cause,
            });
            recording.replies.insert(id, message);
        });
    }

    /// Sees the effect of faults on the answer that was sent last.
    pub(super) fn watch_touch(&mut self, touch: Touch, caller: CallerKind) {
        self.watch(|recording, _| {
            if let Some(message) = recording.messages.last_mut() {
                message.touch = touch;
            }
        });
        let message = self.recording.as_ref().map(|it| it.messages.len() - 1);
        self.watch_faults(message.map(Cause::Message), caller.process());
    }

    /// Sees that an answer, or an error in place of one, arrives at its caller.
    pub(super) fn watch_answer(&mut self, id: RequestId, status: Option<&Status>) {
        let is_awaited = self.calls.get(id).is_some();
        self.watch(|recording, now| {
            let reply = recording.replies.get(&id).copied();
            let status = status.map(|it| format!("{:?}: {}", it.code(), it.message()));
            let message = match (reply, recording.requests.get(&id).copied()) {
                (Some(reply), _) => {
                    let message = &mut recording.messages[reply];
                    if !is_awaited {
                        message.touch = Touch::Lost;
                    }
                    message.arrived = Some(now);
                    message.status = status;
                    Some(reply)
                }
                // Something on the way has answered in place of the service.
                (None, Some(request)) => {
                    let message = &mut recording.messages[request];
                    if message.touch == Touch::Refused {
                        message.arrived = Some(now);
                    }
                    message.status = status;
                    Some(request)
                }
                (None, None) => None,
            };
            if let (Some(reply), Some(Party::Client(name))) =
                (reply, reply.map(|it| recording.messages[it].to.clone()))
            {
                recording.answered.insert(name, reply);
            }
            recording.now = message.map(Cause::Message);
            recording.since = now;
        });
    }

    /// Sees a delivery from one workflow to another that is held back.
    pub(super) fn watch_delivery(
        &mut self,
        delivery: &DeliverySummary,
        label: Label,
        touch: Touch,
    ) {
        self.watch(|recording, sent| {
            let cause = recording.now;
            let message = recording.send(MessageSeen {
                from: Party::Workflow(delivery.sender.workflow_id.clone()),
                to: Party::Workflow(delivery.receiver.workflow_id.clone()),
                label: label.text().to_string(),
                is_reply: false,
                sent,
                arrived: None,
                touch,
                status: None,
                cause,
            });
            recording.deliveries.insert(delivery.id, message);
        });
        let message = self.recording.as_ref().map(|it| it.messages.len() - 1);
        self.watch_faults(message.map(Cause::Message), None);
    }

    /// Sees that a delivery that was held back is made.
    pub(super) fn watch_delivered(&mut self, id: DeliveryId) {
        self.watch(|recording, now| {
            let message = recording.deliveries.get(&id).copied();
            recording.arrives(message, now);
        });
    }

    /// Sees that a process starts.
    pub(super) fn watch_start(&mut self, at: ProcessRef, task_queue: &str, version: &str) {
        self.watch(|recording, began| {
            recording.lives.push(Life {
                at: at.id(),
                task_queue: task_queue.to_owned(),
                version: version.to_owned(),
                began,
                ended: None,
                how: String::new(),
            });
        });
    }

    /// Sees that a process ends.
    pub(super) fn watch_end(&mut self, at: ProcessRef, how: &str) {
        self.watch(|recording, now| recording.end_life(at.id(), how, now));
    }

    /// Sees something worth a remark about a process, or about the service.
    pub(super) fn watch_remark(&mut self, process: Option<ProcessRef>, words: &str) {
        self.watch(|recording, at| {
            let process = process.and_then(|at| recording.life(at.id()));
            recording.remarks.push(Remark {
                at,
                process,
                words: words.to_owned(),
            });
        });
    }

    /// Sees that a process begins a workflow task.
    pub(super) fn watch_task(&mut self, at: ProcessRef, run_id: &str, workflow: Workflow) {
        self.watch(|recording, began| {
            let Some(process) = recording.life(at.id()) else {
                return;
            };
            recording.end_task(at.id(), run_id, began);
            let cause = recording.now;
            recording.tasks.push(TaskSeen {
                process,
                run_id: run_id.to_owned(),
                label: workflow.to_string(),
                began,
                ended: None,
                failed: None,
                commands: Vec::new(),
                issued_at: Vec::new(),
                cause,
            });
            recording.now = Some(Cause::Task(recording.tasks.len() - 1));
        });
    }

    /// Sees that the code of a workflow task has issued its commands.
    pub(super) fn watch_commands(&mut self, at: ProcessRef, run_id: &str, commands: &[Command]) {
        if self.recording.is_none() {
            return;
        }
        let process = self.workers.running_mut(at);
        let issued_at = process.map(|process| process.workflows.take_backtraces());
        self.watch(|recording, now| {
            if let Some((task, seen)) = recording.task(at.id(), run_id) {
                seen.ended = Some(now);
                seen.commands = commands.iter().map(Command::command_type).collect();
                seen.issued_at = issued_at.unwrap_or_default();
                recording.now = Some(Cause::Task(task));
            }
        });
    }

    /// Sees that a workflow task has failed.
    pub(super) fn watch_task_failed(&mut self, at: ProcessRef, run_id: &str, message: &str) {
        self.watch(|recording, now| {
            if let Some((task, seen)) = recording.task(at.id(), run_id) {
                seen.ended = Some(now);
                seen.failed = Some(message.to_owned());
                recording.now = Some(Cause::Task(task));
            }
        });
    }

    /// Sees that an attempt begins in a process.
    pub(super) fn watch_attempt(
        &mut self,
        at: ProcessRef,
        label: Label,
        (run_id, activity_id): (&str, &str),
        attempt: u32,
        is_local: bool,
    ) {
        self.watch(|recording, began| {
            let Some(process) = recording.life(at.id()) else {
                return;
            };
            let cause = recording.now;
            recording.attempts.push(AttemptSeen {
                process,
                label: label.text().to_string(),
                run_id: run_id.to_owned(),
                activity_id: activity_id.to_owned(),
                attempt,
                is_local,
                failed: None,
                began,
                ended: None,
                cause,
            });
            recording.now = Some(Cause::Attempt(recording.attempts.len() - 1));
        });
    }

    /// Sees that an attempt fails before its code runs.
    pub(super) fn watch_attempt_failed(&mut self, failure: &Failure) {
        self.watch(|recording, now| {
            if let Some(attempt) = recording.attempts.last_mut() {
                attempt.ended = Some(now);
                attempt.failed = Some(failure.message.clone());
            }
        });
    }

    /// Sees that the code of an attempt has ended, and that what follows comes from it.
    pub(super) fn watch_attempt_end(&mut self, at: ProcessRef, label: Label, attempt: u32) {
        self.watch(|recording, now| {
            let Some(process) = recording.life(at.id()) else {
                return;
            };
            let label = label.text();
            let mut open = recording.attempts.iter_mut().enumerate().rev();
            let found = open.find(|(_, seen)| {
                seen.process == process
                    && seen.ended.is_none()
                    && seen.attempt == attempt
                    && *seen.label == *label
            });
            if let Some((index, seen)) = found {
                seen.ended = Some(now);
                recording.now = Some(Cause::Attempt(index));
                recording.since = now;
            }
        });
    }

    /// Sees the faults that were drawn since the last look; they happened to this.
    pub(super) fn watch_faults(&mut self, about: Option<Cause>, process: Option<ProcessRef>) {
        let Some(recording) = &mut self.recording else {
            return;
        };
        let at = recording.next(self.now_ms);
        let taken = self.choices.taken_entries();
        let process = process.and_then(|at| recording.life(at.id()));
        let about = about.or(recording.now);
        for (entry, choice) in taken.iter().enumerate().skip(recording.choices) {
            if is_fault_site(&choice.point.site) {
                recording.faults.push(FaultSeen {
                    entry,
                    at,
                    about,
                    process,
                });
            }
        }
        recording.choices = taken.len();
    }

    /// Sees the events that were written since the last look. They follow from what happens now.
    pub(super) fn watch_events(&mut self) {
        let Some(recording) = &mut self.recording else {
            return;
        };
        let (since, cause) = (recording.since, recording.now.take());
        for (run, history) in self.service.histories().enumerate() {
            if run == recording.written.len() {
                recording.written.push(Written::default());
            }
            let written = &mut recording.written[run].events;
            // A reset may have made a history shorter.
            written.resize(history.len(), (since, cause));
        }
        self.watch_faults(cause, None);
    }

    /// Ends the recording.
    pub(crate) fn take_recording(&mut self) -> Option<Box<Recording>> {
        self.watch_events();
        self.recording.take()
    }
}
