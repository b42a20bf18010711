//! Updates: requested by message, accepted or rejected, then completed.

use durasim_events::{Attributes, HistoryEvent};
use temporalio_protos::{
    coresdk::{
        workflow_activation::DoUpdate,
        workflow_commands::{UpdateResponse, update_response},
    },
    temporal::api::{
        command::v1::{ProtocolMessageCommandAttributes, command},
        enums::v1::EventType,
        failure::v1::Failure,
        protocol::v1::{Message as ProtocolMessage, message::SequencingId},
        update::v1::{
            Acceptance, Meta, Outcome, Rejection, Request, Response as UpdateOutcome, outcome,
        },
    },
    utilities::pack_any,
};

use super::{Annotations, Response, Responses, Result, fatal, invalid_event, nondeterminism};

#[derive(Debug, Clone, PartialEq)]
enum State {
    RequestInitiated,
    Accepted,
    AcceptCommandCreated,
    AcceptCommandRecorded,
    Completed,
    CompletedCommandCreated,
    CompletedCommandRecorded,
    CompletedImmediately,
    CompletedImmediatelyAcceptCreated,
    CompletedImmediatelyCompleteCreated,
    Rejected,
}

/// A request for an update, from the message of a task or from an accepted event.
#[derive(Debug, Clone)]
pub(crate) struct IncomingUpdate {
    pub(crate) message_id: String,
    pub(crate) protocol_instance_id: String,
    pub(crate) sequencing_event_id: Option<i64>,
    pub(crate) request: Request,
}

impl IncomingUpdate {
    /// Reads a protocol message that came with a workflow task.
    pub(crate) fn from_message(message: &ProtocolMessage) -> Result<Self> {
        let body = message
            .body
            .as_ref()
            .ok_or_else(|| fatal!("Protocol message body must be populated"))?;
        let request = body
            .to_msg::<Request>()
            .map_err(|error| fatal!("{error}"))?;
        let sequencing_event_id = match &message.sequencing_id {
            Some(SequencingId::EventId(id)) => Some(*id),
            _ => None,
        };
        Self {
            message_id: message.id.clone(),
            protocol_instance_id: message.protocol_instance_id.clone(),
            sequencing_event_id,
            request,
        }
        .checked()
    }

    /// Reads the request that an admitted or accepted event holds.
    pub(crate) fn from_event(event: &HistoryEvent) -> Result<Self> {
        match &event.attributes {
            Some(Attributes::WorkflowExecutionUpdateAdmittedEventAttributes(admitted)) => {
                let request = admitted
                    .request
                    .clone()
                    .ok_or_else(|| fatal!("Update admitted event must contain request"))?;
                let id = request
                    .meta
                    .as_ref()
                    .map(|meta| meta.update_id.clone())
                    .unwrap_or_default();
                Self {
                    message_id: format!("{id}/request"),
                    protocol_instance_id: id,
                    sequencing_event_id: Some(event.event_id),
                    request,
                }
                .checked()
            }
            Some(Attributes::WorkflowExecutionUpdateAcceptedEventAttributes(accepted)) => Self {
                message_id: accepted.accepted_request_message_id.clone(),
                protocol_instance_id: accepted.protocol_instance_id.clone(),
                sequencing_event_id: Some(accepted.accepted_request_sequencing_event_id),
                request: accepted
                    .accepted_request
                    .clone()
                    .ok_or_else(|| fatal!("Update accepted event must contain accepted request"))?,
            }
            .checked(),
            _ => Err(fatal!(
                "Cannot convert event {event} into an update request"
            )),
        }
    }

    fn checked(self) -> Result<Self> {
        if self.request.input.is_none() {
            return Err(fatal!("Update request's `input` field must be populated"));
        }
        if self.request.meta.is_none() {
            return Err(fatal!("Update request's `meta` field must be populated"));
        }
        Ok(self)
    }
}

/// An update under way.
#[derive(Debug)]
pub(crate) struct Update {
    state: State,
    message_id: String,
    protocol_instance_id: String,
    sequencing_event_id: i64,
    meta: Meta,
    request: Request,
}

impl Update {
    /// Returns the machine, and the job that hands the update to workflow code.
    pub(crate) fn request(incoming: IncomingUpdate, replaying: bool) -> Result<(Self, Response)> {
        let Some(sequencing_event_id) = incoming.sequencing_event_id else {
            return Err(fatal!(
                "Update request messages must contain an event sequencing id! This is a server bug."
            ));
        };
        let meta = incoming.request.meta.clone().unwrap_or_default();
        let input = incoming.request.input.clone().unwrap_or_default();
        let job = DoUpdate {
            id: meta.update_id.clone(),
            protocol_instance_id: incoming.protocol_instance_id.clone(),
            name: input.name,
            input: input.args.map(|args| args.payloads).unwrap_or_default(),
            headers: input.header.map(|header| header.fields).unwrap_or_default(),
            meta: Some(meta.clone()),
            run_validator: !replaying,
        };
        let machine = Self {
            state: State::RequestInitiated,
            message_id: incoming.message_id,
            protocol_instance_id: incoming.protocol_instance_id,
            sequencing_event_id,
            meta,
            request: incoming.request,
        };
        Ok((machine, job.into()))
    }

    /// Handles a response of workflow code, which accepts, rejects, completes or fails the update.
    pub(crate) fn on_response(&mut self, response: UpdateResponse) -> Result<Responses> {
        use update_response::Response as Answer;
        let Some(answer) = response.response else {
            return Err(fatal!(
                "Update response for update {} had an empty result, this is a lang layer bug.",
                self.meta.update_id
            ));
        };
        match (answer, &self.state) {
            (Answer::Accepted(()), State::RequestInitiated) => {
                self.state = State::Accepted;
                self.accept()
            }
            (Answer::Rejected(failure), State::RequestInitiated) => {
                self.state = State::Rejected;
                self.reject(failure)
            }
            (Answer::Completed(payload), state) if completes(state) => {
                self.complete(outcome::Value::Success(payload.into()))
            }
            (Answer::Rejected(failure), state) if completes(state) => {
                self.complete(outcome::Value::Failure(failure))
            }
            _ => Err(nondeterminism!(
                "Invalid transition while handling update response (id {}) in state {:?}",
                self.meta.update_id,
                self.state
            )),
        }
    }

    fn accept(&mut self) -> Result<Responses> {
        let acceptance = Acceptance {
            accepted_request_message_id: self.message_id.clone(),
            accepted_request_sequencing_event_id: self.sequencing_event_id,
            accepted_request: Some(std::mem::take(&mut self.request)),
        };
        self.message_and_command("accept", "Acceptance", &acceptance)
    }

    fn reject(&mut self, failure: Failure) -> Result<Responses> {
        let rejection = Rejection {
            rejected_request_message_id: self.message_id.clone(),
            rejected_request_sequencing_event_id: self.sequencing_event_id,
            rejected_request: Some(std::mem::take(&mut self.request)),
            failure: Some(failure),
        };
        Ok(vec![Response::Message(self.message(
            "reject",
            "Rejection",
            &rejection,
        )?)])
    }

    fn complete(&mut self, value: outcome::Value) -> Result<Responses> {
        self.state = match self.state {
            State::Accepted => State::CompletedImmediately,
            State::AcceptCommandCreated => State::CompletedImmediatelyAcceptCreated,
            _ => State::Completed,
        };
        let response = UpdateOutcome {
            meta: Some(self.meta.clone()),
            outcome: Some(Outcome { value: Some(value) }),
        };
        self.message_and_command("complete", "Response", &response)
    }

    fn message_and_command<M: prost::Message>(
        &self,
        what: &str,
        kind: &str,
        body: &M,
    ) -> Result<Responses> {
        let message = self.message(what, kind, body)?;
        let attributes = command::Attributes::ProtocolMessageCommandAttributes(
            ProtocolMessageCommandAttributes {
                message_id: message.id.clone(),
            },
        );
        let command = Annotations::default().command(attributes);
        Ok(vec![
            Response::Message(message),
            Response::Command(Box::new(command)),
        ])
    }

    fn message<M: prost::Message>(
        &self,
        what: &str,
        kind: &str,
        body: &M,
    ) -> Result<ProtocolMessage> {
        let body = pack_any(
            format!("type.googleapis.com/temporal.api.update.v1.{kind}"),
            body,
        )
        .map_err(|error| fatal!("Failed to serialize update response: {error:?}"))?;
        Ok(ProtocolMessage {
            id: format!("{}/{what}", self.message_id),
            protocol_instance_id: self.protocol_instance_id.clone(),
            body: Some(body),
            ..Default::default()
        })
    }

    pub(crate) fn on_command(&mut self) -> Result<()> {
        self.state = match self.state {
            State::Accepted => State::AcceptCommandCreated,
            State::Completed => State::CompletedCommandCreated,
            // An update that completes at once sends two messages, each with a command.
            State::CompletedImmediately => State::CompletedImmediatelyAcceptCreated,
            State::CompletedImmediatelyAcceptCreated => State::CompletedImmediatelyCompleteCreated,
            _ => {
                return Err(nondeterminism!(
                    "Unexpected update command in state {:?}",
                    self.state
                ));
            }
        };
        Ok(())
    }

    pub(crate) fn on_event(&mut self, event: &HistoryEvent) -> Result<Responses> {
        self.state = match (event.event_type(), &self.state) {
            (EventType::WorkflowExecutionUpdateAccepted, State::AcceptCommandCreated) => {
                State::AcceptCommandRecorded
            }
            (
                EventType::WorkflowExecutionUpdateAccepted,
                State::CompletedImmediatelyCompleteCreated,
            ) => State::CompletedCommandCreated,
            (EventType::WorkflowExecutionUpdateCompleted, State::CompletedCommandCreated) => {
                State::CompletedCommandRecorded
            }
            (
                EventType::WorkflowExecutionUpdateAccepted
                | EventType::WorkflowExecutionUpdateCompleted,
                state,
            ) => return Err(invalid_event("UpdateMachine", state, event)),
            _ => {
                return Err(nondeterminism!(
                    "Update machine does not handle this event: {event}"
                ));
            }
        };
        Ok(Vec::new())
    }

    pub(crate) fn is_final(&self) -> bool {
        matches!(
            self.state,
            State::CompletedCommandRecorded | State::Rejected
        )
    }
}

/// Returns `true` if an accepted update may complete in this state.
fn completes(state: &State) -> bool {
    matches!(
        state,
        State::Accepted | State::AcceptCommandCreated | State::AcceptCommandRecorded
    )
}
