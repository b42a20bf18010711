//! The updates of a run: admitted, sent to a worker, accepted or rejected, completed.
//!
//! Only acceptance and completion are events. An update that is only admitted leaves no trace, nor
//! does a rejected one. When a run closes, the updates that it has accepted and not completed fail.
//! Updates that it has not accepted may go to the run that continues it.
//!
//! Source: `temporalio/temporal:
//! service/history/workflow/update/{registry,update,abort_reason}.go`,
//! `docs/architecture/workflow-update.md`.

mod answers;
pub(crate) mod callbacks;
mod messages;
#[cfg(test)]
mod tests;

use prost::{Message as _, Name as _};
use prost_types::Any;
use tonic::Status;

use crate::{
    api::{
        Attributes,
        enums::UpdateWorkflowExecutionLifecycleStage as Stage,
        failure::{ApplicationFailureInfo, Failure, failure::FailureInfo},
        protocol::{Message, message::SequencingId},
        update::{Outcome, Request},
    },
    base::status,
    run::{callbacks::CompletionCallback, undo::UndoMap, updates::callbacks::Attachment},
};

/// The number of updates that one run admits (`history.maxTotalUpdates`).
const MAXIMUM_TOTAL: usize = 2000;
/// The bytes of the updates in flight that one run admits (`history.maxInFlightUpdatePayloads`).
const MAXIMUM_IN_FLIGHT_BYTES: usize = 20 * 1024 * 1024;
/// The number of updates from which a workflow task suggests continue-as-new: nine tenths of the
/// limit (`history.maxTotalUpdates.suggestContinueAsNewThreshold`).
const SUGGEST_CONTINUE_AS_NEW: usize = 1800;

/// The progress of an update that has no outcome yet.
macro_rules! in_flight_progress {
    () => {
        Progress::Admitted | Progress::Sent | Progress::Accepted { .. }
    };
}

/// The progress of an update that leaves no trace once its callers have their answers.
macro_rules! forgettable_progress {
    () => {
        Progress::Rejected(_) | Progress::Aborted(_) | Progress::Closed | Progress::Moved
    };
}

/// The progress of an update.
#[derive(Clone, Debug)]
pub(crate) enum Progress {
    /// The update waits for a workflow task.
    Admitted,
    /// The update is with the worker that has the started workflow task.
    Sent,
    Accepted {
        event_id: i64,
    },
    /// The event has the outcome of the update.
    Completed {
        event_id: i64,
    },
    /// The worker rejected the update, or did not answer it. The update is forgotten once its
    /// callers have their answers.
    Rejected(Failure),
    /// The run closed after it had accepted the update.
    Failed(Failure),
    /// The workflow task that carried the update failed. The update is forgotten once its callers
    /// have their answers.
    Aborted(Status),
    /// The run closed before it accepted the update, and no run continues it.
    Closed,
    /// The run closed before it accepted the update, and another run continues it and gets the
    /// update.
    Moved,
}

/// An update.
#[derive(Clone, Debug)]
pub(crate) struct Update {
    /// The place in the order of admission.
    ordinal: u64,
    /// The request; `None` after a reset, where the event has it.
    pub(crate) request: Option<Request>,
    pub(crate) progress: Progress,
    /// The callers that hear of its end.
    pub(crate) callbacks: Vec<CompletionCallback>,
    /// The callbacks of later requests, until the update is accepted.
    attachments: Vec<Attachment>,
}

impl Update {
    fn has_callbacks_of(&self, request_id: &str) -> bool {
        self.callbacks.iter().any(|it| it.request_id == request_id)
    }
}

/// The answer to a caller whose update has reached the stage that the caller waits for.
pub(crate) enum UpdateAnswer {
    Reached {
        stage: Stage,
        outcome: Box<Option<Outcome>>,
    },
    Refused(Status),
    /// Another run continues this one: ask that run.
    Moved,
    /// The run closed, and no run continues it.
    Closed,
}

/// The updates of a run, by id.
#[derive(Debug, Default)]
pub(crate) struct Updates {
    by_id: UndoMap<String, Update>,
    admitted: u64,
    /// True if an update is to be forgotten.
    has_forgettable: bool,
    /// True if an update has ever had a callback.
    has_callbacks: bool,
}

impl Updates {
    pub(crate) fn get(&self, id: &str) -> Option<&Update> {
        self.by_id.get(id)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.by_id.len() == 0
    }

    pub(crate) fn savepoint(&mut self) {
        self.by_id.savepoint();
    }

    pub(crate) fn commit(&mut self) {
        self.by_id.commit();
    }

    pub(crate) fn rollback(&mut self) {
        self.by_id.rollback();
    }

    /// Admits an update that the run does not have.
    ///
    /// # Errors
    ///
    /// RESOURCE_EXHAUSTED if too many updates, or too large ones, are in flight;
    /// FAILED_PRECONDITION if the run has too many updates in all.
    pub(crate) fn admit(&mut self, id: String, request: Request) -> Result<(), Status> {
        const MAXIMUM_IN_FLIGHT: usize = 10;
        let in_flight = || {
            self.by_id
                .iter()
                .filter(|(_, update)| matches!(update.progress, in_flight_progress!()))
        };
        if in_flight().count() >= MAXIMUM_IN_FLIGHT {
            return Err(Status::resource_exhausted(format!(
                "limit on number of concurrent in-flight updates has been reached \
                 ({MAXIMUM_IN_FLIGHT})"
            )));
        }
        self.keep_total_within()?;
        let bytes: usize = in_flight()
            .map(|(id, update)| {
                id.len()
                    + update
                        .request
                        .as_ref()
                        .map_or(0, prost::Message::encoded_len)
            })
            .sum();
        if bytes + request.encoded_len() >= MAXIMUM_IN_FLIGHT_BYTES {
            return Err(Status::resource_exhausted(format!(
                "limit on total payload size of in-flight updates has been reached \
                 ({MAXIMUM_IN_FLIGHT_BYTES} bytes)"
            )));
        }
        self.insert(id, Some(request));
        Ok(())
    }

    fn keep_total_within(&self) -> Result<(), Status> {
        if self.by_id.len() >= MAXIMUM_TOTAL {
            return Err(Status::failed_precondition(format!(
                "The limit on the total number of distinct updates in this workflow has been \
                 reached ({MAXIMUM_TOTAL}). Make sure any duplicate updates share an Update ID so \
                 the server can deduplicate them, and consider rejecting updates that you aren't \
                 going to process. You can also Continue-as-New to avoid this; we recommend you \
                 check Continue-as-New Suggested in your Workflow."
            )));
        }
        Ok(())
    }

    /// Admits an update that an event admits.
    pub(crate) fn readmit(&mut self, id: String) {
        if self.get(&id).is_none() {
            self.insert(id, None);
        }
    }

    /// Restores updates from an event in history.
    pub(crate) fn restore(&mut self, at_ms: u64, event_id: i64, attributes: &Attributes) {
        match attributes {
            Attributes::WorkflowExecutionUpdateAdmittedEventAttributes(admitted) => {
                if let Some(meta) = admitted
                    .request
                    .as_ref()
                    .and_then(|request| request.meta.as_ref())
                {
                    self.readmit(meta.update_id.clone());
                }
            }
            Attributes::WorkflowExecutionUpdateAcceptedEventAttributes(accepted) => {
                self.readmit(accepted.protocol_instance_id.clone());
                self.set(
                    &accepted.protocol_instance_id,
                    Progress::Accepted { event_id },
                );
                if let Some(request) = &accepted.accepted_request {
                    self.register_callbacks(
                        at_ms,
                        &accepted.protocol_instance_id,
                        &request.request_id,
                        &request.completion_callbacks,
                    );
                }
            }
            Attributes::WorkflowExecutionUpdateCompletedEventAttributes(completed) => {
                let accepted_event_id = completed.accepted_event_id;
                let is_accepted_there = |progress: &Progress| {
                    matches!(
                        progress,
                        Progress::Accepted { event_id } if *event_id == accepted_event_id
                    )
                };
                for id in self.ids(is_accepted_there) {
                    self.set(&id, Progress::Completed { event_id });
                    // They were called when the event was written.
                    for called in self.due_callbacks() {
                        self.called(at_ms, &called, None);
                    }
                }
            }
            _ => {}
        }
    }

    fn insert(&mut self, id: String, request: Option<Request>) {
        self.admitted += 1;
        self.by_id.insert(
            id,
            Update {
                ordinal: self.admitted,
                request,
                progress: Progress::Admitted,
                callbacks: Vec::new(),
                attachments: Vec::new(),
            },
        );
    }

    fn set(&mut self, id: &str, progress: Progress) {
        if let Some(update) = self.by_id.get_mut(id) {
            self.has_forgettable |= matches!(progress, forgettable_progress!());
            if !matches!(progress, Progress::Admitted | Progress::Sent) {
                update.request = None;
            }
            update.progress = progress;
        }
    }

    /// Returns the ids of the updates with this progress, in the order of admission.
    fn ids(&self, are: impl Fn(&Progress) -> bool) -> Vec<String> {
        let mut ids: Vec<_> = self
            .by_id
            .iter()
            .filter(|(_, update)| are(&update.progress))
            .map(|(id, update)| (update.ordinal, id.clone()))
            .collect();
        ids.sort_unstable();
        ids.into_iter().map(|(_, id)| id).collect()
    }

    /// Returns `true` if the run should continue as new before it reaches its limit of updates.
    pub(crate) fn are_nearly_too_many(&self) -> bool {
        self.by_id.len() >= SUGGEST_CONTINUE_AS_NEW
    }

    /// Returns the updates without an outcome, in the order of admission.
    pub(crate) fn pending(&self) -> Vec<String> {
        self.ids(|progress| matches!(progress, in_flight_progress!()))
    }

    /// Returns `true` if an update waits to be sent to a worker.
    pub(crate) fn has_outgoing(&self) -> bool {
        self.by_id
            .values()
            .any(|update| matches!(update.progress, Progress::Admitted | Progress::Sent))
    }

    /// Returns the requests for the worker that gets this started task.
    ///
    /// Unless the task is a heartbeat, they include the requests that went out with an earlier task
    /// and were not answered.
    pub(crate) fn send(&mut self, started_event_id: i64, is_heartbeat: bool) -> Vec<Message> {
        let ids = self.ids(|progress| match progress {
            Progress::Admitted => true,
            Progress::Sent => !is_heartbeat,
            _ => false,
        });
        ids.into_iter()
            .filter_map(|id| {
                self.set(&id, Progress::Sent);
                let request = self.get(&id)?.request.as_ref()?;
                Some(Message {
                    id: request_message_id(&id),
                    body: Some(Any {
                        type_url: Request::type_url(),
                        value: request.encode_to_vec(),
                    }),
                    protocol_instance_id: id,
                    sequencing_id: Some(SequencingId::EventId(started_event_id - 1)),
                })
            })
            .collect()
    }

    /// Rejects the updates that a completed task did not answer: its worker does not support
    /// updates.
    pub(crate) fn reject_unprocessed(&mut self) {
        for id in self.ids(|progress| matches!(progress, Progress::Sent)) {
            let failure = server_failure(
                "UnprocessedUpdate",
                "Workflow Update is rejected because it wasn't processed by worker. Probably, \
                 Workflow Update is not supported by the worker.",
            );
            self.set(&id, Progress::Rejected(failure));
        }
    }

    /// Aborts the updates that were sent with a task that the server failed. They are not sent
    /// again.
    pub(crate) fn abort_sent(&mut self) {
        for id in self.ids(|progress| matches!(progress, Progress::Sent)) {
            let status = status::workflow_not_ready(
                "Unable to perform workflow execution update due to unexpected workflow task \
                 failure.",
            );
            self.set(&id, Progress::Aborted(status));
        }
    }

    /// Fails the accepted updates of a run that closes.
    pub(crate) fn fail_accepted(&mut self) {
        for id in self.ids(|progress| matches!(progress, Progress::Accepted { .. })) {
            self.set(&id, Progress::Failed(closed_failure()));
        }
    }

    /// Gives up the updates that a closing run has not accepted: they move to the run that
    /// continues it, if there is one.
    pub(crate) fn give_up_unaccepted(&mut self, is_continued: bool) {
        for id in self.ids(|progress| matches!(progress, Progress::Admitted | Progress::Sent)) {
            self.set(
                &id,
                if is_continued {
                    Progress::Moved
                } else {
                    Progress::Closed
                },
            );
        }
    }

    /// Forgets the updates that leave no trace, once their callers have their answers.
    pub(crate) fn forget(&mut self) {
        if !std::mem::take(&mut self.has_forgettable) {
            return;
        }
        for id in self.ids(|progress| matches!(progress, forgettable_progress!())) {
            self.by_id.remove(&id);
        }
    }
}

/// Returns the id of the message that carries the request of an update.
pub(crate) fn request_message_id(update_id: &str) -> String {
    format!("{update_id}/request")
}

fn closed_failure() -> Failure {
    server_failure(
        "AcceptedUpdateCompletedWorkflow",
        "Workflow Update failed because the Workflow completed before the Update completed.",
    )
}

fn server_failure(failure_type: &str, message: &str) -> Failure {
    Failure {
        message: message.to_owned(),
        source: "Server".to_owned(),
        failure_info: Some(FailureInfo::ApplicationFailureInfo(
            ApplicationFailureInfo {
                r#type: failure_type.to_owned(),
                non_retryable: true,
                ..ApplicationFailureInfo::default()
            },
        )),
        ..Failure::default()
    }
}
