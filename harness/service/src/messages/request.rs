//! The RPCs of `WorkflowService` that the simulated service serves: one enum for requests, one for
//! responses, and one for their names.
//!
//! The service speaks the messages of Temporal's public API and nothing else, so the official
//! client, the official worker and the simulator's own worker all reach it the same way. An RPC is
//! a variant of [`Rpc`], of [`Request`] and of [`Response`] under its own name; adding one is one
//! line in the list below.
//!
//! ```
//! use durasim_service::{Request, Rpc, request::status_of_unserved};
//! use temporalio_protos::temporal::api::workflowservice::v1::GetSystemInfoRequest;
//!
//! let request = Request::decode("GetSystemInfo", &[]).unwrap();
//! assert_eq!(request, GetSystemInfoRequest {}.into());
//! assert_eq!(request.rpc(), Rpc::GetSystemInfo);
//! assert_eq!(request.rpc().name(), "GetSystemInfo");
//!
//! let archived = "ListArchivedWorkflowExecutions";
//! let refused = Request::decode(archived, &[]).unwrap_err();
//! assert_eq!(refused.message(), status_of_unserved(archived).message());
//! ```
//!
//! Messages are boxed: an enum of them takes two words, so it is cheap to move through queues and
//! match arms.

use std::{fmt, str::FromStr};

use prost::Message;
use tonic::Status;

use crate::messages::polled_workflow_task::PolledWorkflowTask;

/// The messages of `WorkflowService`, and those that reach the server on another way.
mod v1 {
    pub(super) use crate::messages::nexus_completion::CompleteNexusOperationRequest;
    pub(super) use crate::messages::nexus_completion::CompleteNexusOperationResponse;
    pub(super) use temporalio_protos::temporal::api::workflowservice::v1::*;
}

/// The gRPC service that the RPCs belong to.
pub const WORKFLOW_SERVICE: &str = "temporal.api.workflowservice.v1.WorkflowService";

macro_rules! rpcs {
    ($($rpc:ident($request:ident) -> $response:ty,)+) => {
        /// A request to the simulated service: one variant for each RPC that it serves.
        #[derive(Clone, Debug, PartialEq)]
        #[allow(missing_docs, reason = "each variant is the RPC it is named for")]
        pub enum Request {
            $($rpc(Box<v1::$request>),)+
        }

        /// The response of the simulated service to the [`Request`] of the same name.
        #[derive(Clone, Debug, PartialEq)]
        #[allow(missing_docs, reason = "each variant is the RPC it is named for")]
        pub enum Response {
            $($rpc(Box<$response>),)+
        }

        /// An RPC that the simulated service serves, named as in `WorkflowService`.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[allow(missing_docs, reason = "each variant is the RPC it is named for")]
        pub enum Rpc {
            $($rpc,)+
        }

        impl Rpc {
            /// All RPCs that the service serves, in the order of their variants.
            pub const ALL: &'static [Self] = &[$(Self::$rpc),+];

            /// Returns the name of the RPC, as in `WorkflowService`.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$rpc => stringify!($rpc),)+
                }
            }

            /// Returns the RPC of this name, if the service serves one.
            pub fn from_name(name: &str) -> Option<Self> {
                match name {
                    $(stringify!($rpc) => Some(Self::$rpc),)+
                    _ => None,
                }
            }
        }

        impl Request {
            /// Reads the request of an RPC from its protobuf bytes.
            ///
            /// # Errors
            ///
            /// UNIMPLEMENTED, with the name of the RPC, if the service does not serve it;
            /// INVALID_ARGUMENT if the bytes are not its request.
            pub fn decode(rpc: &str, bytes: &[u8]) -> Result<Self, Status> {
                let rpc: Rpc = rpc.parse()?;
                match rpc {
                    $(Rpc::$rpc => v1::$request::decode(bytes).map(Self::from),)+
                }
                .map_err(|error| undecodable(rpc, &error))
            }

            /// Returns the RPC that the request is for.
            pub fn rpc(&self) -> Rpc {
                match self {
                    $(Self::$rpc(_) => Rpc::$rpc,)+
                }
            }

            /// Encodes the request as its protobuf bytes.
            pub fn encode_to_vec(&self) -> Vec<u8> {
                match self {
                    $(Self::$rpc(request) => request.encode_to_vec(),)+
                }
            }
        }

        impl Response {
            /// Returns the RPC that the response answers.
            pub fn rpc(&self) -> Rpc {
                match self {
                    $(Self::$rpc(_) => Rpc::$rpc,)+
                }
            }

            /// Encodes the response as its protobuf bytes.
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

            impl From<$response> for Response {
                fn from(response: $response) -> Self {
                    Self::$rpc(Box::new(response))
                }
            }
        )+
    };
}

rpcs! {
    GetSystemInfo(GetSystemInfoRequest) -> v1::GetSystemInfoResponse,
    GetClusterInfo(GetClusterInfoRequest) -> v1::GetClusterInfoResponse,
    GetSearchAttributes(GetSearchAttributesRequest) -> v1::GetSearchAttributesResponse,
    // Namespaces, which only a cluster serves.
    RegisterNamespace(RegisterNamespaceRequest) -> v1::RegisterNamespaceResponse,
    DescribeNamespace(DescribeNamespaceRequest) -> v1::DescribeNamespaceResponse,
    ListNamespaces(ListNamespacesRequest) -> v1::ListNamespacesResponse,
    UpdateNamespace(UpdateNamespaceRequest) -> v1::UpdateNamespaceResponse,
    DeprecateNamespace(DeprecateNamespaceRequest) -> v1::DeprecateNamespaceResponse,

    StartWorkflowExecution(StartWorkflowExecutionRequest) -> v1::StartWorkflowExecutionResponse,
    SignalWorkflowExecution(SignalWorkflowExecutionRequest) -> v1::SignalWorkflowExecutionResponse,
    SignalWithStartWorkflowExecution(SignalWithStartWorkflowExecutionRequest)
        -> v1::SignalWithStartWorkflowExecutionResponse,
    UpdateWorkflowExecution(UpdateWorkflowExecutionRequest) -> v1::UpdateWorkflowExecutionResponse,
    PollWorkflowExecutionUpdate(PollWorkflowExecutionUpdateRequest)
        -> v1::PollWorkflowExecutionUpdateResponse,
    ExecuteMultiOperation(ExecuteMultiOperationRequest) -> v1::ExecuteMultiOperationResponse,
    QueryWorkflow(QueryWorkflowRequest) -> v1::QueryWorkflowResponse,
    RequestCancelWorkflowExecution(RequestCancelWorkflowExecutionRequest)
        -> v1::RequestCancelWorkflowExecutionResponse,
    TerminateWorkflowExecution(TerminateWorkflowExecutionRequest)
        -> v1::TerminateWorkflowExecutionResponse,
    ResetWorkflowExecution(ResetWorkflowExecutionRequest) -> v1::ResetWorkflowExecutionResponse,
    DeleteWorkflowExecution(DeleteWorkflowExecutionRequest) -> v1::DeleteWorkflowExecutionResponse,
    UpdateWorkflowExecutionOptions(UpdateWorkflowExecutionOptionsRequest)
        -> v1::UpdateWorkflowExecutionOptionsResponse,
    DescribeWorkflowExecution(DescribeWorkflowExecutionRequest)
        -> v1::DescribeWorkflowExecutionResponse,
    ListWorkflowExecutions(ListWorkflowExecutionsRequest) -> v1::ListWorkflowExecutionsResponse,
    ScanWorkflowExecutions(ScanWorkflowExecutionsRequest) -> v1::ScanWorkflowExecutionsResponse,
    CountWorkflowExecutions(CountWorkflowExecutionsRequest) -> v1::CountWorkflowExecutionsResponse,
    ListOpenWorkflowExecutions(ListOpenWorkflowExecutionsRequest)
        -> v1::ListOpenWorkflowExecutionsResponse,
    ListClosedWorkflowExecutions(ListClosedWorkflowExecutionsRequest)
        -> v1::ListClosedWorkflowExecutionsResponse,
    GetWorkflowExecutionHistory(GetWorkflowExecutionHistoryRequest)
        -> v1::GetWorkflowExecutionHistoryResponse,
    GetWorkflowExecutionHistoryReverse(GetWorkflowExecutionHistoryReverseRequest)
        -> v1::GetWorkflowExecutionHistoryReverseResponse,

    PollWorkflowTaskQueue(PollWorkflowTaskQueueRequest) -> PolledWorkflowTask,
    RespondWorkflowTaskCompleted(RespondWorkflowTaskCompletedRequest)
        -> v1::RespondWorkflowTaskCompletedResponse,
    RespondWorkflowTaskFailed(RespondWorkflowTaskFailedRequest)
        -> v1::RespondWorkflowTaskFailedResponse,
    RespondQueryTaskCompleted(RespondQueryTaskCompletedRequest)
        -> v1::RespondQueryTaskCompletedResponse,
    ResetStickyTaskQueue(ResetStickyTaskQueueRequest) -> v1::ResetStickyTaskQueueResponse,

    PollActivityTaskQueue(PollActivityTaskQueueRequest) -> v1::PollActivityTaskQueueResponse,
    RecordActivityTaskHeartbeat(RecordActivityTaskHeartbeatRequest)
        -> v1::RecordActivityTaskHeartbeatResponse,
    RecordActivityTaskHeartbeatById(RecordActivityTaskHeartbeatByIdRequest)
        -> v1::RecordActivityTaskHeartbeatByIdResponse,
    RespondActivityTaskCompleted(RespondActivityTaskCompletedRequest)
        -> v1::RespondActivityTaskCompletedResponse,
    RespondActivityTaskCompletedById(RespondActivityTaskCompletedByIdRequest)
        -> v1::RespondActivityTaskCompletedByIdResponse,
    RespondActivityTaskFailed(RespondActivityTaskFailedRequest)
        -> v1::RespondActivityTaskFailedResponse,
    RespondActivityTaskFailedById(RespondActivityTaskFailedByIdRequest)
        -> v1::RespondActivityTaskFailedByIdResponse,
    RespondActivityTaskCanceled(RespondActivityTaskCanceledRequest)
        -> v1::RespondActivityTaskCanceledResponse,
    RespondActivityTaskCanceledById(RespondActivityTaskCanceledByIdRequest)
        -> v1::RespondActivityTaskCanceledByIdResponse,

    // Operators' changes to activities.
    PauseActivity(PauseActivityRequest) -> v1::PauseActivityResponse,
    UnpauseActivity(UnpauseActivityRequest) -> v1::UnpauseActivityResponse,
    ResetActivity(ResetActivityRequest) -> v1::ResetActivityResponse,
    UpdateActivityOptions(UpdateActivityOptionsRequest) -> v1::UpdateActivityOptionsResponse,
    PauseActivityExecution(PauseActivityExecutionRequest) -> v1::PauseActivityExecutionResponse,
    UnpauseActivityExecution(UnpauseActivityExecutionRequest)
        -> v1::UnpauseActivityExecutionResponse,
    ResetActivityExecution(ResetActivityExecutionRequest) -> v1::ResetActivityExecutionResponse,
    UpdateActivityExecutionOptions(UpdateActivityExecutionOptionsRequest)
        -> v1::UpdateActivityExecutionOptionsResponse,

    // Standalone activities.
    StartActivityExecution(StartActivityExecutionRequest) -> v1::StartActivityExecutionResponse,
    DescribeActivityExecution(DescribeActivityExecutionRequest)
        -> v1::DescribeActivityExecutionResponse,
    PollActivityExecution(PollActivityExecutionRequest) -> v1::PollActivityExecutionResponse,
    ListActivityExecutions(ListActivityExecutionsRequest) -> v1::ListActivityExecutionsResponse,
    CountActivityExecutions(CountActivityExecutionsRequest) -> v1::CountActivityExecutionsResponse,
    RequestCancelActivityExecution(RequestCancelActivityExecutionRequest)
        -> v1::RequestCancelActivityExecutionResponse,
    TerminateActivityExecution(TerminateActivityExecutionRequest)
        -> v1::TerminateActivityExecutionResponse,
    DeleteActivityExecution(DeleteActivityExecutionRequest) -> v1::DeleteActivityExecutionResponse,

    // Standalone Nexus operations.
    StartNexusOperationExecution(StartNexusOperationExecutionRequest)
        -> v1::StartNexusOperationExecutionResponse,
    DescribeNexusOperationExecution(DescribeNexusOperationExecutionRequest)
        -> v1::DescribeNexusOperationExecutionResponse,
    PollNexusOperationExecution(PollNexusOperationExecutionRequest)
        -> v1::PollNexusOperationExecutionResponse,
    ListNexusOperationExecutions(ListNexusOperationExecutionsRequest)
        -> v1::ListNexusOperationExecutionsResponse,
    CountNexusOperationExecutions(CountNexusOperationExecutionsRequest)
        -> v1::CountNexusOperationExecutionsResponse,
    RequestCancelNexusOperationExecution(RequestCancelNexusOperationExecutionRequest)
        -> v1::RequestCancelNexusOperationExecutionResponse,
    TerminateNexusOperationExecution(TerminateNexusOperationExecutionRequest)
        -> v1::TerminateNexusOperationExecutionResponse,
    DeleteNexusOperationExecution(DeleteNexusOperationExecutionRequest)
        -> v1::DeleteNexusOperationExecutionResponse,

    PollNexusTaskQueue(PollNexusTaskQueueRequest) -> v1::PollNexusTaskQueueResponse,
    RespondNexusTaskCompleted(RespondNexusTaskCompletedRequest)
        -> v1::RespondNexusTaskCompletedResponse,
    RespondNexusTaskFailed(RespondNexusTaskFailedRequest) -> v1::RespondNexusTaskFailedResponse,
    // The callback of a started operation, which is no RPC of `WorkflowService`.
    CompleteNexusOperation(CompleteNexusOperationRequest) -> v1::CompleteNexusOperationResponse,

    ListTaskQueuePartitions(ListTaskQueuePartitionsRequest)
        -> v1::ListTaskQueuePartitionsResponse,
    RecordWorkerHeartbeat(RecordWorkerHeartbeatRequest) -> v1::RecordWorkerHeartbeatResponse,
    ListWorkers(ListWorkersRequest) -> v1::ListWorkersResponse,
    CountWorkers(CountWorkersRequest) -> v1::CountWorkersResponse,
    DescribeWorker(DescribeWorkerRequest) -> v1::DescribeWorkerResponse,

    CreateSchedule(CreateScheduleRequest) -> v1::CreateScheduleResponse,
    DescribeSchedule(DescribeScheduleRequest) -> v1::DescribeScheduleResponse,
    UpdateSchedule(UpdateScheduleRequest) -> v1::UpdateScheduleResponse,
    PatchSchedule(PatchScheduleRequest) -> v1::PatchScheduleResponse,
    ListScheduleMatchingTimes(ListScheduleMatchingTimesRequest)
        -> v1::ListScheduleMatchingTimesResponse,
    DeleteSchedule(DeleteScheduleRequest) -> v1::DeleteScheduleResponse,
    ListSchedules(ListSchedulesRequest) -> v1::ListSchedulesResponse,
    CountSchedules(CountSchedulesRequest) -> v1::CountSchedulesResponse,

    UpdateTaskQueueConfig(UpdateTaskQueueConfigRequest) -> v1::UpdateTaskQueueConfigResponse,

    // Features that a server has disabled by default.
    PauseWorkflowExecution(PauseWorkflowExecutionRequest) -> v1::PauseWorkflowExecutionResponse,
    UnpauseWorkflowExecution(UnpauseWorkflowExecutionRequest)
        -> v1::UnpauseWorkflowExecutionResponse,
    PollWorkflowExecutionTimeSkipping(PollWorkflowExecutionTimeSkippingRequest)
        -> v1::PollWorkflowExecutionTimeSkippingResponse,
    CreateWorkflowRule(CreateWorkflowRuleRequest) -> v1::CreateWorkflowRuleResponse,
    DescribeWorkflowRule(DescribeWorkflowRuleRequest) -> v1::DescribeWorkflowRuleResponse,
    DeleteWorkflowRule(DeleteWorkflowRuleRequest) -> v1::DeleteWorkflowRuleResponse,
    ListWorkflowRules(ListWorkflowRulesRequest) -> v1::ListWorkflowRulesResponse,
    TriggerWorkflowRule(TriggerWorkflowRuleRequest) -> v1::TriggerWorkflowRuleResponse,

    // Batch operations.
    StartBatchOperation(StartBatchOperationRequest) -> v1::StartBatchOperationResponse,
    StopBatchOperation(StopBatchOperationRequest) -> v1::StopBatchOperationResponse,
    DescribeBatchOperation(DescribeBatchOperationRequest) -> v1::DescribeBatchOperationResponse,
    ListBatchOperations(ListBatchOperationsRequest) -> v1::ListBatchOperationsResponse,

    // Worker deployments.
    DescribeWorkerDeployment(DescribeWorkerDeploymentRequest)
        -> v1::DescribeWorkerDeploymentResponse,
    DescribeWorkerDeploymentVersion(DescribeWorkerDeploymentVersionRequest)
        -> v1::DescribeWorkerDeploymentVersionResponse,
    ListWorkerDeployments(ListWorkerDeploymentsRequest) -> v1::ListWorkerDeploymentsResponse,
    SetWorkerDeploymentCurrentVersion(SetWorkerDeploymentCurrentVersionRequest)
        -> v1::SetWorkerDeploymentCurrentVersionResponse,
    SetWorkerDeploymentRampingVersion(SetWorkerDeploymentRampingVersionRequest)
        -> v1::SetWorkerDeploymentRampingVersionResponse,
    DeleteWorkerDeployment(DeleteWorkerDeploymentRequest) -> v1::DeleteWorkerDeploymentResponse,
    DeleteWorkerDeploymentVersion(DeleteWorkerDeploymentVersionRequest)
        -> v1::DeleteWorkerDeploymentVersionResponse,
    CreateWorkerDeployment(CreateWorkerDeploymentRequest) -> v1::CreateWorkerDeploymentResponse,
    CreateWorkerDeploymentVersion(CreateWorkerDeploymentVersionRequest)
        -> v1::CreateWorkerDeploymentVersionResponse,
    UpdateWorkerDeploymentVersionMetadata(UpdateWorkerDeploymentVersionMetadataRequest)
        -> v1::UpdateWorkerDeploymentVersionMetadataResponse,
    SetWorkerDeploymentManager(SetWorkerDeploymentManagerRequest)
        -> v1::SetWorkerDeploymentManagerResponse,

    // Versioning by build ids, which is off by default.
    UpdateWorkerBuildIdCompatibility(UpdateWorkerBuildIdCompatibilityRequest)
        -> v1::UpdateWorkerBuildIdCompatibilityResponse,
    GetWorkerBuildIdCompatibility(GetWorkerBuildIdCompatibilityRequest)
        -> v1::GetWorkerBuildIdCompatibilityResponse,
    UpdateWorkerVersioningRules(UpdateWorkerVersioningRulesRequest)
        -> v1::UpdateWorkerVersioningRulesResponse,
    GetWorkerVersioningRules(GetWorkerVersioningRulesRequest)
        -> v1::GetWorkerVersioningRulesResponse,
    GetWorkerTaskReachability(GetWorkerTaskReachabilityRequest)
        -> v1::GetWorkerTaskReachabilityResponse,

    DescribeTaskQueue(DescribeTaskQueueRequest) -> v1::DescribeTaskQueueResponse,
    ShutdownWorker(ShutdownWorkerRequest) -> v1::ShutdownWorkerResponse,
}

impl fmt::Display for Rpc {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.name())
    }
}

impl FromStr for Rpc {
    type Err = Status;

    /// Reads the name of an RPC.
    ///
    /// # Errors
    ///
    /// [`status_of_unserved`] if the service serves no RPC of this name.
    fn from_str(name: &str) -> Result<Self, Status> {
        Self::from_name(name).ok_or_else(|| status_of_unserved(name))
    }
}

/// The RPCs that the server itself no longer serves.
const RETIRED: [&str; 5] = [
    "DescribeDeployment",
    "ListDeployments",
    "GetDeploymentReachability",
    "GetCurrentDeployment",
    "SetCurrentDeployment",
];

/// Returns the status that answers an RPC which is not served: UNIMPLEMENTED, with its name.
pub fn status_of_unserved(rpc: &str) -> Status {
    if RETIRED.contains(&rpc) {
        return Status::unimplemented(
            "Deployments are deprecated and no longer supported, use Worker Deployments instead",
        );
    }
    Status::unimplemented(format!(
        "unknown method {rpc} for service {WORKFLOW_SERVICE}: \
         the simulated service does not serve it"
    ))
}

fn undecodable(rpc: Rpc, error: &prost::DecodeError) -> Status {
    Status::invalid_argument(format!("{rpc}: the bytes are not its message: {error}"))
}

#[cfg(test)]
mod tests {
    use tonic::Code;

    use super::*;

    #[test]
    fn every_rpc_served_decodes_under_its_own_name() {
        for &rpc in Rpc::ALL {
            assert_eq!(Request::decode(rpc.name(), &[]).unwrap().rpc(), rpc);
        }
    }

    #[test]
    fn an_rpc_is_displayed_and_read_by_its_name() {
        for &rpc in Rpc::ALL {
            assert_eq!(rpc.to_string(), rpc.name());
            assert_eq!(Rpc::from_name(rpc.name()), Some(rpc));
            assert_eq!(rpc.name().parse::<Rpc>().unwrap(), rpc);
        }
        assert_eq!(Rpc::from_name("ListArchivedWorkflowExecutions"), None);
    }

    #[test]
    fn a_request_survives_its_bytes() {
        let request = Request::from(v1::QueryWorkflowRequest {
            namespace: "default".into(),
            ..v1::QueryWorkflowRequest::default()
        });
        assert_eq!(
            Request::decode("QueryWorkflow", &request.encode_to_vec()).unwrap(),
            request
        );
    }

    #[test]
    fn an_rpc_that_is_not_served_is_refused_by_name() {
        let refused = Request::decode("ListArchivedWorkflowExecutions", &[]).unwrap_err();
        assert_eq!(refused.code(), Code::Unimplemented);
        assert!(
            refused.message().contains("ListArchivedWorkflowExecutions"),
            "{}",
            refused.message()
        );
    }

    #[test]
    fn garbage_is_an_invalid_argument() {
        let refused = Request::decode("QueryWorkflow", &[0xff]).unwrap_err();
        assert_eq!(refused.code(), Code::InvalidArgument);
        assert!(
            refused.message().contains("QueryWorkflow"),
            "{}",
            refused.message()
        );
    }
}
