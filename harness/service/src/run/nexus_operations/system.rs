//! The endpoint `__temporal_system`: operations that the service performs itself.
//!
//! There is one: a workflow signals another workflow, and starts it if it does not run. Its input
//! is the request of the RPC, without the fields that the service fills in.
//!
//! Source: `temporalio/temporal: chasm/lib/workflow/nexus_service.go`,
//! `chasm/nexus_operation_processor.go`, `common/sdk/converter.go`.

use prost::Message;
use tonic::Status;

use crate::{
    api::{
        common::{Link, Payload},
        rpc::{SignalWithStartWorkflowExecutionRequest, SignalWithStartWorkflowExecutionResponse},
    },
    base::{checks::invalid, config::ServiceConfig, search_attributes::check_sizes},
    policies::start_requests,
};

/// The name of the endpoint. No other endpoint can have it.
pub(crate) const SYSTEM_ENDPOINT: &str = "__temporal_system";

const SERVICE: &str = "temporal.api.workflowservice.v1.WorkflowService";
const OPERATION: &str = "SignalWithStartWorkflowExecution";
const REQUEST: &str = "temporal.api.workflowservice.v1.SignalWithStartWorkflowExecutionRequest";
const RESPONSE: &str = "temporal.api.workflowservice.v1.SignalWithStartWorkflowExecutionResponse";
/// The field of a payload's metadata by which SDKs know the payloads of this endpoint.
const IS_SYSTEM_PAYLOAD: &str = "__temporal_system_payload";

/// An operation on the endpoint, as its caller schedules it.
pub(crate) struct SystemOperation<'a> {
    pub(crate) service: &'a str,
    pub(crate) operation: &'a str,
    pub(crate) input: Option<&'a Payload>,
    pub(crate) request_id: &'a str,
    /// The link to the event that scheduled it.
    pub(crate) links: Vec<Link>,
}

/// The reason for which there is no such operation.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// The service or the operation is unknown, or the input cannot be decoded: an error of a
    /// handler, of this type.
    Handler {
        error_type: &'static str,
        message: String,
    },
    /// The request is malformed.
    Request(Status),
}

impl SystemOperation<'_> {
    /// Returns the request that the operation makes, with its defaults.
    ///
    /// # Errors
    ///
    /// The refusal of an operation that does not exist, or of a malformed request.
    pub(crate) fn request(
        self,
        config: &ServiceConfig,
        now_ms: u64,
    ) -> Result<SignalWithStartWorkflowExecutionRequest, Refusal> {
        let not_found = |what: &str, name: &str| Refusal::Handler {
            error_type: "NOT_FOUND",
            message: format!("{what} {name:?} not found"),
        };
        if self.service != SERVICE {
            return Err(not_found("service", self.service));
        }
        if self.operation != OPERATION {
            return Err(not_found("operation", self.operation));
        }
        let mut request = decode(self.input)?;
        self.complete(&mut request, config, now_ms)
            .map_err(Refusal::Request)?;
        Ok(request)
    }

    /// Fills in the fields of a request that are the service's, and checks it.
    fn complete(
        self,
        request: &mut SignalWithStartWorkflowExecutionRequest,
        config: &ServiceConfig,
        now_ms: u64,
    ) -> Result<(), Status> {
        if request.namespace.is_empty() {
            request.namespace.clone_from(&config.namespace);
        }
        if request.namespace != config.namespace {
            return invalid(format!(
                "Namespace in request {:?} does not match namespace in context {:?}",
                request.namespace, config.namespace
            ));
        }
        if !request.request_id.is_empty() {
            return invalid("RequestID should not be set on the request");
        }
        if !request.links.is_empty() {
            return invalid("Links should not be set on the request");
        }
        self.request_id.clone_into(&mut request.request_id);
        request.links = self.links;
        start_requests::signal_with_start(request, &config.limits, now_ms)?;
        let attributes = request.search_attributes.as_ref();
        config
            .search_attributes
            .check(&config.namespace, attributes)?;
        attributes.map_or(Ok(()), check_sizes)
    }
}

fn decode(input: Option<&Payload>) -> Result<SignalWithStartWorkflowExecutionRequest, Refusal> {
    let undecodable = |why: String| Refusal::Handler {
        error_type: "BAD_REQUEST",
        message: format!("failed to decode input payload: {why}"),
    };
    let Some(payload) = input else {
        return Err(Refusal::Request(Status::invalid_argument(
            "Request is empty",
        )));
    };
    let field = |name: &str| {
        let value = payload.metadata.get(name).map_or(&[][..], Vec::as_slice);
        String::from_utf8_lossy(value).into_owned()
    };
    let (encoding, message_type) = (field("encoding"), field("messageType"));
    if encoding != "binary/protobuf" {
        return Err(undecodable(format!(
            "encoding {encoding:?} is not supported"
        )));
    }
    if !message_type.is_empty() && message_type != REQUEST {
        return Err(undecodable(format!("unexpected message {message_type:?}")));
    }
    SignalWithStartWorkflowExecutionRequest::decode(payload.data.as_slice())
        .map_err(|error| undecodable(error.to_string()))
}

/// Returns the result of the operation.
pub(crate) fn result(response: SignalWithStartWorkflowExecutionResponse) -> Payload {
    let response = SignalWithStartWorkflowExecutionResponse {
        first_execution_run_id: String::new(),
        ..response
    };
    let metadata = [
        ("encoding", "binary/protobuf"),
        ("messageType", RESPONSE),
        (IS_SYSTEM_PAYLOAD, "true"),
    ];
    Payload {
        metadata: metadata
            .map(|(name, value)| (name.to_owned(), value.into()))
            .into(),
        data: response.encode_to_vec(),
        ..Payload::default()
    }
}
