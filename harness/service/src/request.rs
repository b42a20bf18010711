//! The RPCs of `WorkflowService` that the simulated service serves, as one enum each way.
//!
//! The service speaks the messages of Temporal's public API and nothing else, so the official client, the
//! official worker and the simulator's own worker all reach it the same way. An RPC is a variant of
//! [`Request`] and of [`Response`] under its own name; adding one is one line in the list below.
//!
//! ```
//! use durasim_service::{Request, request::status_of_unserved};
//! use temporalio_protos::temporal::api::workflowservice::v1::GetSystemInfoRequest;
//!
//! let request = Request::decode("GetSystemInfo", &[]).unwrap();
//! assert_eq!(request, GetSystemInfoRequest {}.into());
//! assert_eq!(request.rpc(), "GetSystemInfo");
//!
//! let refused = Request::decode("ListSchedules", &[]).unwrap_err();
//! assert_eq!(refused.message(), status_of_unserved("ListSchedules").message());
//! ```
//!
//! Messages are boxed: an enum of them is two words, and moves through queues and match arms cheaply.

use prost::Message;
use tonic::Status;

/// The messages of `WorkflowService`, and those that reach the server another way.
mod v1 {
    pub(super) use crate::nexus::{CompleteNexusOperationRequest, CompleteNexusOperationResponse};
    pub(super) use temporalio_protos::temporal::api::workflowservice::v1::*;
}

/// The gRPC service whose RPCs these are.
pub const WORKFLOW_SERVICE: &str = "temporal.api.workflowservice.v1.WorkflowService";

macro_rules! rpcs {
    ($($rpc:ident($request:ident) -> $response:ident,)+) => {
        /// A request to the simulated service: one variant for each RPC that it serves.
        #[derive(Clone, Debug, PartialEq)]
        #[allow(missing_docs, reason = "each variant is the RPC it is named for")]
        pub enum Request {
            $($rpc(Box<v1::$request>),)+
        }

        /// The answer of the simulated service to the [`Request`] of the same name.
        #[derive(Clone, Debug, PartialEq)]
        #[allow(missing_docs, reason = "each variant is the RPC it is named for")]
        pub enum Response {
            $($rpc(Box<v1::$response>),)+
        }

        /// The names of the RPCs served, in the order of [`Request`]'s variants.
        pub const SERVED: &[&str] = &[$(stringify!($rpc)),+];

        impl Request {
            /// Reads the request of an RPC from its protobuf bytes.
            ///
            /// # Errors
            ///
            /// UNIMPLEMENTED, naming the RPC, for one that is not served; INVALID_ARGUMENT for bytes that are
            /// not its request.
            pub fn decode(rpc: &str, bytes: &[u8]) -> Result<Self, Status> {
                match rpc {
                    $(stringify!($rpc) => v1::$request::decode(bytes)
                        .map(Self::from)
                        .map_err(|garbage| undecodable(rpc, &garbage)),)+
                    _ => Err(status_of_unserved(rpc)),
                }
            }

            /// The name of the RPC, as in `WorkflowService`.
            pub fn rpc(&self) -> &'static str {
                match self {
                    $(Self::$rpc(_) => stringify!($rpc),)+
                }
            }

            /// The protobuf bytes of the request.
            pub fn encode_to_vec(&self) -> Vec<u8> {
                match self {
                    $(Self::$rpc(request) => request.encode_to_vec(),)+
                }
            }
        }

        impl Response {
            /// Reads the response of an RPC from its protobuf bytes.
            ///
            /// # Errors
            ///
            /// As [`Request::decode`].
            pub fn decode(rpc: &str, bytes: &[u8]) -> Result<Self, Status> {
                match rpc {
                    $(stringify!($rpc) => v1::$response::decode(bytes)
                        .map(Self::from)
                        .map_err(|garbage| undecodable(rpc, &garbage)),)+
                    _ => Err(status_of_unserved(rpc)),
                }
            }

            /// The name of the RPC, as in `WorkflowService`.
            pub fn rpc(&self) -> &'static str {
                match self {
                    $(Self::$rpc(_) => stringify!($rpc),)+
                }
            }

            /// The protobuf bytes of the response.
            pub fn encode_to_vec(&self) -> Vec<u8> {
                match self {
                    $(Self::$rpc(response) => response.encode_to_vec(),)+
                }
            }
        }

        $(
            impl From<v1::$request> for Request {
                fn from(request: v1::$request) -> Self {
                    Self::$rpc(Box::new(request))
                }
            }

            impl From<v1::$response> for Response {
                fn from(response: v1::$response) -> Self {
                    Self::$rpc(Box::new(response))
                }
            }
        )+
    };
}

rpcs! {
    GetSystemInfo(GetSystemInfoRequest) -> GetSystemInfoResponse,
    DescribeNamespace(DescribeNamespaceRequest) -> DescribeNamespaceResponse,

    StartWorkflowExecution(StartWorkflowExecutionRequest) -> StartWorkflowExecutionResponse,
    SignalWorkflowExecution(SignalWorkflowExecutionRequest) -> SignalWorkflowExecutionResponse,
    SignalWithStartWorkflowExecution(SignalWithStartWorkflowExecutionRequest)
        -> SignalWithStartWorkflowExecutionResponse,
    UpdateWorkflowExecution(UpdateWorkflowExecutionRequest) -> UpdateWorkflowExecutionResponse,
    PollWorkflowExecutionUpdate(PollWorkflowExecutionUpdateRequest) -> PollWorkflowExecutionUpdateResponse,
    ExecuteMultiOperation(ExecuteMultiOperationRequest) -> ExecuteMultiOperationResponse,
    QueryWorkflow(QueryWorkflowRequest) -> QueryWorkflowResponse,
    RequestCancelWorkflowExecution(RequestCancelWorkflowExecutionRequest)
        -> RequestCancelWorkflowExecutionResponse,
    TerminateWorkflowExecution(TerminateWorkflowExecutionRequest) -> TerminateWorkflowExecutionResponse,
    ResetWorkflowExecution(ResetWorkflowExecutionRequest) -> ResetWorkflowExecutionResponse,
    DescribeWorkflowExecution(DescribeWorkflowExecutionRequest) -> DescribeWorkflowExecutionResponse,
    GetWorkflowExecutionHistory(GetWorkflowExecutionHistoryRequest) -> GetWorkflowExecutionHistoryResponse,
    GetWorkflowExecutionHistoryReverse(GetWorkflowExecutionHistoryReverseRequest)
        -> GetWorkflowExecutionHistoryReverseResponse,

    PollWorkflowTaskQueue(PollWorkflowTaskQueueRequest) -> PollWorkflowTaskQueueResponse,
    RespondWorkflowTaskCompleted(RespondWorkflowTaskCompletedRequest) -> RespondWorkflowTaskCompletedResponse,
    RespondWorkflowTaskFailed(RespondWorkflowTaskFailedRequest) -> RespondWorkflowTaskFailedResponse,
    RespondQueryTaskCompleted(RespondQueryTaskCompletedRequest) -> RespondQueryTaskCompletedResponse,
    ResetStickyTaskQueue(ResetStickyTaskQueueRequest) -> ResetStickyTaskQueueResponse,

    PollActivityTaskQueue(PollActivityTaskQueueRequest) -> PollActivityTaskQueueResponse,
    RecordActivityTaskHeartbeat(RecordActivityTaskHeartbeatRequest) -> RecordActivityTaskHeartbeatResponse,
    RecordActivityTaskHeartbeatById(RecordActivityTaskHeartbeatByIdRequest)
        -> RecordActivityTaskHeartbeatByIdResponse,
    RespondActivityTaskCompleted(RespondActivityTaskCompletedRequest) -> RespondActivityTaskCompletedResponse,
    RespondActivityTaskCompletedById(RespondActivityTaskCompletedByIdRequest)
        -> RespondActivityTaskCompletedByIdResponse,
    RespondActivityTaskFailed(RespondActivityTaskFailedRequest) -> RespondActivityTaskFailedResponse,
    RespondActivityTaskFailedById(RespondActivityTaskFailedByIdRequest)
        -> RespondActivityTaskFailedByIdResponse,
    RespondActivityTaskCanceled(RespondActivityTaskCanceledRequest) -> RespondActivityTaskCanceledResponse,
    RespondActivityTaskCanceledById(RespondActivityTaskCanceledByIdRequest)
        -> RespondActivityTaskCanceledByIdResponse,

    PollNexusTaskQueue(PollNexusTaskQueueRequest) -> PollNexusTaskQueueResponse,
    RespondNexusTaskCompleted(RespondNexusTaskCompletedRequest) -> RespondNexusTaskCompletedResponse,
    RespondNexusTaskFailed(RespondNexusTaskFailedRequest) -> RespondNexusTaskFailedResponse,
    // The callback of a started operation, no RPC of `WorkflowService`.
    CompleteNexusOperation(CompleteNexusOperationRequest) -> CompleteNexusOperationResponse,

    DescribeTaskQueue(DescribeTaskQueueRequest) -> DescribeTaskQueueResponse,
    ShutdownWorker(ShutdownWorkerRequest) -> ShutdownWorkerResponse,
}

/// The status that answers an RPC which is not served: UNIMPLEMENTED, with its name.
pub fn status_of_unserved(rpc: &str) -> Status {
    Status::unimplemented(format!(
        "unknown method {rpc} for service {WORKFLOW_SERVICE}: the simulated service does not serve it"
    ))
}

fn undecodable(rpc: &str, garbage: &prost::DecodeError) -> Status {
    Status::invalid_argument(format!("{rpc}: the bytes are not its message: {garbage}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use tonic::Code;

    #[test]
    fn every_rpc_served_decodes_under_its_own_name() {
        for rpc in SERVED {
            assert_eq!(Request::decode(rpc, &[]).unwrap().rpc(), *rpc);
            assert_eq!(Response::decode(rpc, &[]).unwrap().rpc(), *rpc);
        }
    }

    #[test]
    fn a_request_survives_its_bytes() {
        let request = Request::from(v1::QueryWorkflowRequest {
            namespace: "default".into(),
            ..v1::QueryWorkflowRequest::default()
        });
        assert_eq!(Request::decode("QueryWorkflow", &request.encode_to_vec()).unwrap(), request);
    }

    #[test]
    fn an_rpc_that_is_not_served_is_refused_by_name() {
        let refused = Request::decode("ListSchedules", &[]).unwrap_err();
        assert_eq!(refused.code(), Code::Unimplemented);
        assert!(refused.message().contains("ListSchedules"), "{}", refused.message());
    }

    #[test]
    fn garbage_is_an_invalid_argument() {
        let refused = Request::decode("QueryWorkflow", &[0xff]).unwrap_err();
        assert_eq!(refused.code(), Code::InvalidArgument);
        assert!(refused.message().contains("QueryWorkflow"), "{}", refused.message());
    }
}
