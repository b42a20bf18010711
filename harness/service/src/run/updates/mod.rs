//! The updates of a run: admitted, sent to a worker, accepted or rejected, completed.
//!
//! Only acceptance and completion are events. An update that is merely admitted, and one that is
//! rejected, leaves no trace. A run that closes fails what it has accepted and not completed; what
//! it has not accepted may still go to the run that continues it.
//!
//! `temporalio/temporal: service/history/workflow/update/{registry,update,abort_reason}.go`,
//! `docs/architecture/workflow-update.md`

mod answers;
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
    run::undo::UndoMap,
};

/// The updates that one run takes (`history.maxTotalUpdates`).
const MAXIMUM_TOTAL: usize = 2000;
/// Bytes of the updates in flight that one run takes (`history.maxInFlightUpdatePayloads`).
const MAXIMUM_IN_FLIGHT_BYTES: usize = 20 * 1024 * 1024;
/// From this many on, a workflow task suggests continue-as-new: nine in ten
/// (`history.maxTotalUpdates.suggestContinueAsNewThreshold`).
const SUGGEST_CONTINUE_AS_NEW: usize = 1800;

/// An update that has no outcome yet.
macro_rules! in_flight_progress {
    () => {
        Progress::Admitted | Progress::Sent | Progress::Accepted { .. }
    };
}

/// An update that leaves no trace, once its callers have been told.
macro_rules! forgettable_progress {
    () => {
        Progress::Rejected(_) | Progress::Aborted(_) | Progress::Closed | Progress::Moved
    };
}

/// How far an update has come.
#[derive(Clone, Debug)]
pub(crate) enum Progress {
    /// It waits for a workflow task.
    Admitted,
    /// It is with the worker that has the started workflow task.
    Sent,
    Accepted {
        event_id: i64,
    },
    /// Its outcome is in this event.
    Completed {
        event_id: i64,
    },
    /// The worker rejected it, or did not answer it. It is forgotten once its callers have been
    /// told.
    Rejected(Failure),
    /// The run closed after it was accepted.
    Failed(Failure),
    /// The workflow task that it was sent with failed. It is forgotten once its callers have been
    /// told.
    Aborted(Status),
    /// The run closed before it was accepted, and none continues it.
    Closed,
    /// The run closed before it was accepted, and another continues it, which the update is sent
    /// to.
    Moved,
}

/// An update.
#[derive(Clone, Debug)]
pub(crate) struct Update {
    /// The place in the order of admission.
    ordinal: u64,
    /// What was asked; none after a reset, when its event says it.
    pub(crate) request: Option<Request>,
    pub(crate) progress: Progress,
}

/// What a caller hears of an update that has come as far as it waits for.
pub(crate) enum UpdateAnswer {
    Reached {
        stage: Stage,
        outcome: Box<Option<Outcome>>,
    },
    Refused(Status),
    /// Ask the run that continues this one.
    Moved,
    /// The run closed, and none continues it.
    Closed,
}

/// The updates of a run, by id.
#[derive(Debug, Default)]
pub(crate) struct Updates {
    by_id: UndoMap<String, Update>,
    admitted: u64,
    /// Whether anything is to be forgotten.
    has_forgettable: bool,
}

impl Updates {
    pub(crate) fn get(&self, id: &str) -> Option<&Update> {
        self.by_id.get(&id.to_owned())
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

    /// Takes an update in that is not there yet.
    ///
    /// # Errors
    ///
    /// RESOURCE_EXHAUSTED for too many or too large ones at once, FAILED_PRECONDITION for too many
    /// in all.
    pub(crate) fn admit(&mut self, id: String, request: Request) -> Result<(), Status> {
        const MAXIMUM_IN_FLIGHT: usize = 10;
        let in_flight = || {
            self.by_id
                .iter()
                .filter(|(_, update)| matches!(update.progress, in_flight_progress!()))
        };
        if in_flight().count() >= MAXIMUM_IN_FLIGHT {
            return Err(Status::resource_exhausted(format!(
                "limit on number of concurrent in-flight updates has been reached ({MAXIMUM_IN_FLIGHT})"
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
                "limit on total payload size of in-flight updates has been reached ({MAXIMUM_IN_FLIGHT_BYTES} bytes)"
            )));
        }
        self.insert(id, Some(request));
        Ok(())
    }

    fn keep_total_within(&self) -> Result<(), Status> {
        if self.by_id.len() >= MAXIMUM_TOTAL {
            return Err(Status::failed_precondition(format!(
                "The limit on the total number of distinct updates in this workflow has been reached \
                 ({MAXIMUM_TOTAL}). Make sure any duplicate updates share an Update ID so the server can deduplicate \
                 them, and consider rejecting updates that you aren't going to process. You can also Continue-as-New \
                 to avoid this; we recommend you check Continue-as-New Suggested in your Workflow."
            )));
        }
        Ok(())
    }

    /// Takes in an update that an event has admitted.
    pub(crate) fn readmit(&mut self, id: String) {
        if self.get(&id).is_none() {
            self.insert(id, None);
        }
    }

    /// Takes in what an event in history says.
    pub(crate) fn restore(&mut self, event_id: i64, attributes: &Attributes) {
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
            }
            Attributes::WorkflowExecutionUpdateCompletedEventAttributes(completed) => {
                let accepted = |progress: &Progress| matches!(progress, Progress::Accepted { event_id } if *event_id == completed.accepted_event_id);
                for id in self.ids(accepted) {
                    self.set(&id, Progress::Completed { event_id });
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
            },
        );
    }

    fn set(&mut self, id: &str, progress: Progress) {
        if let Some(update) = self.by_id.get_mut(&id.to_owned()) {
            self.has_forgettable |= matches!(progress, forgettable_progress!());
            if !matches!(progress, Progress::Admitted | Progress::Sent) {
                update.request = None;
            }
            update.progress = progress;
        }
    }

    /// The ids of the updates that are so far, in the order of admission.
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

    /// Whether the run should continue as new before it can take no more.
    pub(crate) fn are_nearly_too_many(&self) -> bool {
        self.by_id.len() >= SUGGEST_CONTINUE_AS_NEW
    }

    /// The updates without an outcome, in the order of admission.
    pub(crate) fn pending(&self) -> Vec<String> {
        self.ids(|progress| matches!(progress, in_flight_progress!()))
    }

    /// Whether a worker has something to hear.
    pub(crate) fn has_outgoing(&self) -> bool {
        self.by_id
            .values()
            .any(|update| matches!(update.progress, Progress::Admitted | Progress::Sent))
    }

    /// The requests for the worker that gets this started task. What went out with an earlier task
    /// and was not answered goes out again, unless the task is a heartbeat.
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

    /// A worker that completes its task without a word on an update that it was sent does not know
    /// updates.
    pub(crate) fn reject_unprocessed(&mut self) {
        for id in self.ids(|progress| matches!(progress, Progress::Sent)) {
            let failure = server_failure(
                "UnprocessedUpdate",
                "Workflow Update is rejected because it wasn't processed by worker. Probably, Workflow Update is not \
                 supported by the worker.",
            );
            self.set(&id, Progress::Rejected(failure));
        }
    }

    /// The server failed the task that these updates were sent with: they are not tried again.
    pub(crate) fn abort_sent(&mut self) {
        for id in self.ids(|progress| matches!(progress, Progress::Sent)) {
            let why = "Unable to perform workflow execution update due to unexpected workflow task failure.";
            self.set(&id, Progress::Aborted(status::workflow_not_ready(why)));
        }
    }

    /// The run closed: what it accepted fails.
    pub(crate) fn fail_accepted(&mut self) {
        for id in self.ids(|progress| matches!(progress, Progress::Accepted { .. })) {
            self.set(&id, Progress::Failed(closed_failure()));
        }
    }

    /// The run closed: what it did not accept goes to the run that continues it, or nowhere.
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

    /// Forgets what leaves no trace, once its callers have been told.
    pub(crate) fn forget(&mut self) {
        if !std::mem::take(&mut self.has_forgettable) {
            return;
        }
        for id in self.ids(|progress| matches!(progress, forgettable_progress!())) {
            self.by_id.remove(&id);
        }
    }
}

/// The id of the message that carries the request of an update.
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
