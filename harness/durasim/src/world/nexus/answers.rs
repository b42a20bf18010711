//! The answers of handlers, and the ends of the operations that they started.

use durasim_service::{CompleteNexusOperationRequest, Request};
use temporalio_protos::temporal::api::{
    common::v1::Payload,
    failure::v1::Failure,
    nexus::v1::{Response as NexusResponse, response},
    workflowservice::v1::{RespondNexusTaskCompletedRequest, RespondNexusTaskFailedRequest},
};

use super::handlers::key;
use crate::{
    label::{Label, NexusMessage},
    nexus::NexusOperation,
    world::{client_call::ClientCall, pending::Caller, state::State},
};

impl State {
    pub(super) fn send_nexus_answer(
        &mut self,
        endpoint: usize,
        task_token: Vec<u8>,
        request_id: Option<&str>,
        label: Label,
        variant: response::Variant,
    ) {
        let request = RespondNexusTaskCompletedRequest {
            namespace: self.namespace.clone(),
            identity: format!("nexus-{}", self.nexus.endpoints[endpoint]),
            task_token,
            response: Some(NexusResponse {
                variant: Some(variant),
            }),
            ..Default::default()
        };
        self.send_nexus(endpoint, request_id, label, request.into());
    }

    pub(super) fn send_nexus_error(
        &mut self,
        endpoint: usize,
        task_token: Vec<u8>,
        request_id: Option<&str>,
        label: Label,
        failure: Failure,
    ) {
        let request = RespondNexusTaskFailedRequest {
            namespace: self.namespace.clone(),
            identity: format!("nexus-{}", self.nexus.endpoints[endpoint]),
            task_token,
            failure: Some(failure),
            ..Default::default()
        };
        self.send_nexus(endpoint, request_id, label, request.into());
    }

    fn send_nexus(
        &mut self,
        endpoint: usize,
        request_id: Option<&str>,
        label: Label,
        request: Request,
    ) {
        let caller = Caller::Nexus {
            endpoint,
            request_id: request_id.map(Into::into),
        };
        self.send_request(caller, label, request);
    }

    /// Tells the service how a started operation ended; `None` if none was started under this
    /// token.
    pub(crate) fn end_nexus_operation(
        &mut self,
        operation: &NexusOperation,
        token: &str,
        ended: Result<Payload, Box<Failure>>,
    ) -> Option<ClientCall> {
        let started = self
            .nexus
            .started
            .get(&(key(operation), token.to_owned()))?
            .clone();
        let (result, failure) = match ended {
            Ok(payload) => (Some(payload), None),
            Err(failure) => (None, Some(*failure)),
        };
        let request = CompleteNexusOperationRequest {
            callback_token: started.callback_token,
            operation_token: token.to_owned(),
            start_time_ms: Some(started.at_ms),
            result,
            failure,
            links: Vec::new(),
        };
        // A handler waits for the answer, however long it takes.
        Some(self.call(
            started.about.label(NexusMessage::Completion),
            None,
            request.into(),
        ))
    }
}
