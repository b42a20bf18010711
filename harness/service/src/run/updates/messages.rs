//! What a worker says of updates, in the messages of a completed workflow task.
//!
//! `temporalio/temporal: service/history/workflow/update/update.go`, `docs/architecture/message-protocol.md`

use prost::Message as _;

use super::{Progress, request_message_id};
use crate::{
    api::{
        history::{
            WorkflowExecutionUpdateAcceptedEventAttributes, WorkflowExecutionUpdateCompletedEventAttributes,
        },
        protocol::Message,
        update::{Acceptance, Rejection, Response},
    },
    run::Run,
};

impl Run {
    /// Applies one message.
    ///
    /// # Errors
    ///
    /// Why the message is bad: the workflow task then fails with BAD_UPDATE_WORKFLOW_EXECUTION_MESSAGE.
    pub(crate) fn apply_update_message(&mut self, now_ms: u64, message: Message) -> Result<(), String> {
        let id = message.protocol_instance_id;
        let Some(body) = message.body else {
            return Err(format!("Update {id} received message with nil body"));
        };
        let undecodable = |error: prost::DecodeError| format!("unable to unmarshal request: {error}");
        match body.type_url.rsplit('/').next() {
            Some("temporal.api.update.v1.Acceptance") => {
                let accepted = Acceptance::decode(&*body.value).map_err(undecodable)?;
                self.accept_update(now_ms, &id, accepted)
            }
            Some("temporal.api.update.v1.Rejection") => {
                let rejected = Rejection::decode(&*body.value).map_err(undecodable)?;
                self.reject_update(&id, rejected)
            }
            Some("temporal.api.update.v1.Response") => {
                let response = Response::decode(&*body.value).map_err(undecodable)?;
                self.complete_update(now_ms, &id, response)
            }
            _ => Err(format!("unsupported protocol message {}", body.type_url)),
        }
    }

    fn accept_update(&mut self, now_ms: u64, id: &str, mut accepted: Acceptance) -> Result<(), String> {
        if self.updates.get(id).is_none() && accepted.accepted_request.is_some() {
            // The server has forgotten it; the worker has not.
            self.updates.insert(id.to_owned(), accepted.accepted_request.take());
        }
        let update = self.updates.get(id).ok_or_else(|| unknown(id))?;
        if !matches!(update.progress, Progress::Admitted | Progress::Sent) {
            return Err(out_of_order(id, "Acceptance"));
        }
        if !self.is_running() {
            return Ok(());
        }
        let accepted_request = update.request.clone();
        let event_id = self.history.add(
            now_ms,
            WorkflowExecutionUpdateAcceptedEventAttributes {
                protocol_instance_id: id.to_owned(),
                accepted_request_message_id: request_message_id(id),
                accepted_request_sequencing_event_id: accepted.accepted_request_sequencing_event_id,
                accepted_request,
            },
        );
        self.updates.set(id, Progress::Accepted { event_id });
        Ok(())
    }

    fn reject_update(&mut self, id: &str, rejected: Rejection) -> Result<(), String> {
        if self.updates.get(id).is_none() && rejected.rejected_request.is_some() {
            self.updates.insert(id.to_owned(), rejected.rejected_request);
        }
        let update = self.updates.get(id).ok_or_else(|| unknown(id))?;
        if !matches!(update.progress, Progress::Admitted | Progress::Sent) {
            return Err(out_of_order(id, "Rejection"));
        }
        let Some(failure) = rejected.failure else {
            return Err(format!("Update {id}: rejection without a failure"));
        };
        self.updates.set(id, Progress::Rejected(failure));
        Ok(())
    }

    fn complete_update(&mut self, now_ms: u64, id: &str, response: Response) -> Result<(), String> {
        let update = self.updates.get(id).ok_or_else(|| unknown(id))?;
        if !self.is_running() {
            // It has failed with the run, or will be given up.
            return Ok(());
        }
        let Progress::Accepted { event_id: accepted_event_id } = update.progress else {
            return Err(out_of_order(id, "Response"));
        };
        if response.outcome.as_ref().is_none_or(|outcome| outcome.value.is_none()) {
            return Err(format!("Update {id}: response without an outcome"));
        }
        let event_id = self.history.add(
            now_ms,
            WorkflowExecutionUpdateCompletedEventAttributes {
                meta: response.meta,
                accepted_event_id,
                outcome: response.outcome,
            },
        );
        self.updates.set(id, Progress::Completed { event_id });
        Ok(())
    }
}

fn unknown(id: &str) -> String {
    format!(
        "update {id} wasn't found on the server. This is most likely a transient error which will be resolved \
         automatically by retries"
    )
}

fn out_of_order(id: &str, message: &str) -> String {
    format!("invalid state transition attempted for Update {id}: received {message} message")
}
