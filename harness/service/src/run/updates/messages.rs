//! The messages about updates in a completed workflow task.
//!
//! Source: `temporalio/temporal: service/history/workflow/update/update.go`,
//! `docs/architecture/message-protocol.md`.

use prost::Message as _;

use crate::{
    api::{
        history::{
            WorkflowExecutionUpdateAcceptedEventAttributes,
            WorkflowExecutionUpdateCompletedEventAttributes,
        },
        protocol::Message,
        update::{Acceptance, Rejection, Request, Response},
    },
    history::EventDecoration,
    run::{
        Run,
        updates::{Progress, Update, callbacks::links_of, request_message_id},
    },
};

impl Run {
    /// Applies one message. A closed run accepts rejections only; other messages are ignored, since
    /// the run has given its updates up.
    ///
    /// # Errors
    ///
    /// The reason why the message is bad. The workflow task then fails with
    /// BAD_UPDATE_WORKFLOW_EXECUTION_MESSAGE.
    pub(crate) fn apply_update_message(
        &mut self,
        now_ms: u64,
        message: Message,
    ) -> Result<(), String> {
        let id = message.protocol_instance_id;
        let Some(body) = message.body else {
            return Err(format!("Update {id} received message with nil body"));
        };
        let undecodable =
            |error: prost::DecodeError| format!("unable to unmarshal request: {error}");
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

    /// Returns the update that a message is about. If the server has forgotten the update and the
    /// worker has not, it is restored from the request in the message.
    fn update_or_resurrected(
        &mut self,
        id: &str,
        request: Option<Request>,
    ) -> Result<&Update, String> {
        if self.updates.get(id).is_none()
            && let Some(request) = request
        {
            self.updates
                .keep_total_within()
                .map_err(|refused| refused.message().to_owned())?;
            self.updates.insert(id.to_owned(), Some(request));
        }
        self.updates.get(id).ok_or_else(|| {
            format!(
                "update {id} wasn't found on the server. This is most likely a transient error \
                 which will be resolved automatically by retries"
            )
        })
    }

    fn accept_update(
        &mut self,
        now_ms: u64,
        id: &str,
        mut accepted: Acceptance,
    ) -> Result<(), String> {
        const MESSAGE: &str = "*update.Acceptance";
        let is_running = self.is_running();
        let update = self.update_or_resurrected(id, accepted.accepted_request.take())?;
        if !is_running {
            return Ok(());
        }
        check_progress(id, &update.progress, MESSAGE, |progress| {
            matches!(progress, Progress::Admitted | Progress::Sent)
        })?;
        for (is_set, field) in [
            (
                accepted.accepted_request_sequencing_event_id != 0,
                "accepted_request_sequencing_event_id",
            ),
            (
                !accepted.accepted_request_message_id.is_empty(),
                "accepted_request_message_id",
            ),
        ] {
            check_field(is_set, MESSAGE, field)?;
        }
        let accepted_request = update.request.clone();
        let request = update.request.clone().unwrap_or_default();
        let decoration = EventDecoration {
            links: links_of(accepted_request.as_ref()),
            ..EventDecoration::default()
        };
        let event_id = self.history.add_decorated(
            now_ms,
            WorkflowExecutionUpdateAcceptedEventAttributes {
                protocol_instance_id: id.to_owned(),
                accepted_request_message_id: request_message_id(id),
                accepted_request_sequencing_event_id: accepted.accepted_request_sequencing_event_id,
                accepted_request,
            },
            decoration,
        );
        self.updates.set(id, Progress::Accepted { event_id });
        let (request_id, callbacks) = (&request.request_id, &request.completion_callbacks);
        self.updates
            .register_callbacks(now_ms, id, request_id, callbacks);
        for attachment in self.updates.take_attachments(id) {
            self.record_attachment(now_ms, id, attachment);
        }
        Ok(())
    }

    fn reject_update(&mut self, id: &str, rejected: Rejection) -> Result<(), String> {
        let update = self.update_or_resurrected(id, rejected.rejected_request)?;
        check_progress(id, &update.progress, "*update.Rejection", |progress| {
            matches!(progress, Progress::Admitted | Progress::Sent)
        })?;
        self.updates
            .set(id, Progress::Rejected(rejected.failure.unwrap_or_default()));
        Ok(())
    }

    fn complete_update(&mut self, now_ms: u64, id: &str, response: Response) -> Result<(), String> {
        const MESSAGE: &str = "*update.Response";
        let is_running = self.is_running();
        let update = self.update_or_resurrected(id, None)?;
        if !is_running {
            return Ok(());
        }
        check_progress(id, &update.progress, MESSAGE, |progress| {
            matches!(progress, Progress::Accepted { .. })
        })?;
        let Progress::Accepted {
            event_id: accepted_event_id,
        } = update.progress
        else {
            return Ok(());
        };
        let meta = response.meta.as_ref();
        let update_id = meta.map_or("", |meta| &meta.update_id);
        check_field(meta.is_some(), MESSAGE, "meta")?;
        check_field(!update_id.is_empty(), MESSAGE, "meta.update_id")?;
        if update_id != id {
            return Err(format!("invalid {MESSAGE}: meta.update_id != {id}"));
        }
        check_field(response.outcome.is_some(), MESSAGE, "outcome")?;
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

/// Source: `temporalio/temporal: service/history/workflow/update/validation.go`.
fn check_field(is_set: bool, message: &str, field: &str) -> Result<(), String> {
    if is_set {
        Ok(())
    } else {
        Err(format!("invalid {message}: {field} is not set"))
    }
}

fn check_progress(
    id: &str,
    progress: &Progress,
    message: &str,
    may_be: impl Fn(&Progress) -> bool,
) -> Result<(), String> {
    if may_be(progress) {
        return Ok(());
    }
    let state = match progress {
        Progress::Admitted => "Admitted",
        Progress::Sent => "Sent",
        Progress::Accepted { .. } => "Accepted",
        Progress::Completed { .. } | Progress::Rejected(_) => "Completed",
        Progress::Failed(_) | Progress::Aborted(_) | Progress::Closed | Progress::Moved => {
            "Aborted"
        }
    };
    Err(format!(
        "invalid state transition attempted for Update {id}: received {message} message while in \
         state {state}"
    ))
}
