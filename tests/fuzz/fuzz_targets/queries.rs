//! Whatever is typed as a query of visibility, it lists, or is refused as invalid with a reason.

#![no_main]

use durasim_service::{Request, RequestId, Service, ServiceConfig};
use libfuzzer_sys::fuzz_target;
use temporalio_protos::temporal::api::workflowservice::v1::{
    CountWorkflowExecutionsRequest, ListWorkflowExecutionsRequest, StartWorkflowExecutionRequest,
};
use tonic::Code;

fuzz_target!(|query: &str| {
    let mut service = Service::new(ServiceConfig::default());
    let mut start = StartWorkflowExecutionRequest {
        namespace: "default".to_owned(),
        workflow_id: "a".to_owned(),
        ..StartWorkflowExecutionRequest::default()
    };
    "Order".clone_into(&mut start.workflow_type.get_or_insert_default().name);
    "orders".clone_into(&mut start.task_queue.get_or_insert_default().name);
    let list = ListWorkflowExecutionsRequest {
        namespace: "default".to_owned(),
        query: query.to_owned(),
        ..ListWorkflowExecutionsRequest::default()
    };
    let count = CountWorkflowExecutionsRequest {
        namespace: "default".to_owned(),
        query: query.to_owned(),
    };
    let asked: [Request; 3] = [start.into(), list.into(), count.into()];
    for (request, id) in asked.into_iter().zip(1..) {
        service.request(1_000, RequestId(id), request);
    }
    for reply in service.take_replies() {
        if let Err(refused) = reply.result {
            assert_eq!(refused.code(), Code::InvalidArgument, "{query}");
            assert!(!refused.message().is_empty(), "{query}");
        }
    }
});
