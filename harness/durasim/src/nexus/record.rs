//! Records of the requests that reached handlers, with their answers, in the order of the requests.

use std::{cell::RefCell, collections::BTreeMap, rc::Rc};

use durasim_engine::Clock;
use temporalio_common::data_converters::{
    DataConverter, GenericPayloadConverter, PayloadConversionError, PayloadConverter,
    SerializationContext, TemporalDeserializable,
};
use temporalio_protos::temporal::api::{common::v1::Payload, failure::v1::Failure};

use super::handler::{Answer, CONTEXT, CancelRequest, StartRequest};

/// One request to start an operation, as it was recorded.
#[derive(Debug, Clone)]
pub struct NexusCallRecord {
    /// The endpoint.
    pub endpoint: String,
    /// The service.
    pub service: String,
    /// The operation.
    pub operation: String,
    /// The request id, the same for every request to start this one operation.
    pub request_id: String,
    /// Counts the requests that reached the handler for this one operation, from 1.
    pub attempt: u32,
    /// The header, keys in lower case.
    pub headers: BTreeMap<String, String>,
    /// The input of the operation, after the codec.
    pub payload: Option<Payload>,
    /// The time of the request, in milliseconds of virtual time since the Unix epoch.
    pub started_ms: u64,
    /// The time of the answer, in milliseconds of virtual time since the Unix epoch; `None` before
    /// it.
    pub finished_ms: Option<u64>,
    /// The answer.
    pub outcome: NexusCallOutcome,
    converter: PayloadConverter,
}

/// The answer of a handler to a request to start an operation. The service may never have received
/// it.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum NexusCallOutcome {
    /// Nothing yet.
    Running,
    /// The operation is done, with this result.
    Completed(Payload),
    /// The operation completes later.
    Started {
        /// The token it is known by.
        token: String,
    },
    /// The operation failed, or was canceled.
    Unsuccessful(Box<Failure>),
    /// The handler could not do what it was asked for.
    HandlerError(Box<Failure>),
    /// The world ended first.
    Abandoned,
}

impl NexusCallRecord {
    /// The input, decoded.
    ///
    /// # Errors
    ///
    /// If the payload does not hold a `T`.
    pub fn input<T: TemporalDeserializable + 'static>(&self) -> Result<T, PayloadConversionError> {
        self.decode(self.payload.clone())
    }

    /// The result, decoded; `None` unless the operation was done at once.
    ///
    /// # Errors
    ///
    /// If the payload does not hold a `T`.
    pub fn output<T: TemporalDeserializable + 'static>(
        &self,
    ) -> Result<Option<T>, PayloadConversionError> {
        match &self.outcome {
            NexusCallOutcome::Completed(payload) => self.decode(Some(payload.clone())).map(Some),
            _ => Ok(None),
        }
    }

    fn decode<T: TemporalDeserializable + 'static>(
        &self,
        payload: Option<Payload>,
    ) -> Result<T, PayloadConversionError> {
        let context = SerializationContext::new(&CONTEXT, &self.converter);
        self.converter
            .from_payloads(&context, payload.into_iter().collect())
    }
}

/// One request to cancel an operation, as it was recorded.
#[derive(Debug, Clone)]
pub struct NexusCancelRecord {
    /// The endpoint.
    pub endpoint: String,
    /// The service.
    pub service: String,
    /// The operation.
    pub operation: String,
    /// The token that the handler gave the operation.
    pub token: String,
    /// Counts the requests to cancel this one operation, from 1.
    pub attempt: u32,
    /// The header, keys in lower case.
    pub headers: BTreeMap<String, String>,
    /// The time of the request, in milliseconds of virtual time since the Unix epoch.
    pub started_ms: u64,
    /// The time of the answer, in milliseconds of virtual time since the Unix epoch; `None` before
    /// it.
    pub finished_ms: Option<u64>,
    /// The answer.
    pub outcome: NexusCancelOutcome,
}

/// The answer of a handler to a request to cancel an operation.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum NexusCancelOutcome {
    /// Nothing yet.
    Running,
    /// It took the request.
    Accepted,
    /// It could not do what it was asked for.
    HandlerError(Box<Failure>),
    /// The world ended first.
    Abandoned,
}

/// The log of all requests to handlers of one world. A clone is another handle to the same log.
#[derive(Clone)]
pub(crate) struct NexusCalls {
    starts: Rc<RefCell<Vec<NexusCallRecord>>>,
    cancels: Rc<RefCell<Vec<NexusCancelRecord>>>,
    clock: Rc<Clock>,
}

impl NexusCalls {
    pub(crate) fn new(clock: Rc<Clock>) -> Self {
        Self {
            starts: Rc::default(),
            cancels: Rc::default(),
            clock,
        }
    }

    pub(crate) fn starts(
        &self,
        endpoint: &str,
        service: &str,
        operation: &str,
    ) -> Vec<NexusCallRecord> {
        let of_it = |call: &&NexusCallRecord| {
            (
                call.endpoint.as_str(),
                call.service.as_str(),
                call.operation.as_str(),
            ) == (endpoint, service, operation)
        };
        self.starts.borrow().iter().filter(of_it).cloned().collect()
    }

    pub(crate) fn cancels(
        &self,
        endpoint: &str,
        service: &str,
        operation: &str,
    ) -> Vec<NexusCancelRecord> {
        let of_it = |call: &&NexusCancelRecord| {
            (
                call.endpoint.as_str(),
                call.service.as_str(),
                call.operation.as_str(),
            ) == (endpoint, service, operation)
        };
        self.cancels
            .borrow()
            .iter()
            .filter(of_it)
            .cloned()
            .collect()
    }

    pub(super) fn begin_start(
        &self,
        request: &StartRequest,
        payload: Option<Payload>,
        converter: &DataConverter,
    ) -> OpenStart {
        let mut starts = self.starts.borrow_mut();
        starts.push(NexusCallRecord {
            endpoint: request.endpoint.clone(),
            service: request.service.clone(),
            operation: request.operation.clone(),
            request_id: request.request_id.clone(),
            attempt: request.attempt,
            headers: request.headers.clone(),
            payload,
            started_ms: self.clock.now_ms(),
            finished_ms: None,
            outcome: NexusCallOutcome::Running,
            converter: converter.payload_converter().clone(),
        });
        OpenStart {
            calls: self.clone(),
            index: starts.len() - 1,
        }
    }

    pub(super) fn begin_cancel(&self, request: &CancelRequest) -> OpenCancel {
        let mut cancels = self.cancels.borrow_mut();
        cancels.push(NexusCancelRecord {
            endpoint: request.endpoint.clone(),
            service: request.call.service.clone(),
            operation: request.call.operation.clone(),
            token: request.call.token.clone(),
            attempt: request.call.attempt,
            headers: request.call.headers.clone(),
            started_ms: self.clock.now_ms(),
            finished_ms: None,
            outcome: NexusCancelOutcome::Running,
        });
        OpenCancel {
            calls: self.clone(),
            index: cancels.len() - 1,
        }
    }
}

/// A request to start that has no answer yet; dropping it marks it as abandoned.
pub(super) struct OpenStart {
    calls: NexusCalls,
    index: usize,
}

impl OpenStart {
    pub(super) fn end(self, answer: &Answer) {
        self.set(match answer {
            Answer::Completed(payload) => NexusCallOutcome::Completed(payload.clone()),
            Answer::Started { token, .. } => NexusCallOutcome::Started {
                token: token.clone(),
            },
            Answer::Unsuccessful(failure) => NexusCallOutcome::Unsuccessful(failure.clone()),
            Answer::Error(failure) => NexusCallOutcome::HandlerError(failure.clone()),
        });
    }

    fn set(&self, outcome: NexusCallOutcome) {
        let call = &mut self.calls.starts.borrow_mut()[self.index];
        if call.finished_ms.is_none() {
            call.outcome = outcome;
            call.finished_ms = Some(self.calls.clock.now_ms());
        }
    }
}

impl Drop for OpenStart {
    fn drop(&mut self) {
        self.set(NexusCallOutcome::Abandoned);
    }
}

/// A request to cancel that has no answer yet; dropping it marks it as abandoned.
pub(super) struct OpenCancel {
    calls: NexusCalls,
    index: usize,
}

impl OpenCancel {
    pub(super) fn end(self, answer: &Result<(), Box<Failure>>) {
        self.set(match answer {
            Ok(()) => NexusCancelOutcome::Accepted,
            Err(failure) => NexusCancelOutcome::HandlerError(failure.clone()),
        });
    }

    fn set(&self, outcome: NexusCancelOutcome) {
        let call = &mut self.calls.cancels.borrow_mut()[self.index];
        if call.finished_ms.is_none() {
            call.outcome = outcome;
            call.finished_ms = Some(self.calls.clock.now_ms());
        }
    }
}

impl Drop for OpenCancel {
    fn drop(&mut self) {
        self.set(NexusCancelOutcome::Abandoned);
    }
}
