//! The descriptors of Temporal's protocol.

use std::sync::LazyLock;

use durasim_service::Rpc;
use prost_reflect::{DescriptorPool, MessageDescriptor, MethodDescriptor};

static TYPES: LazyLock<DescriptorPool> = LazyLock::new(|| {
    DescriptorPool::decode(include_bytes!(env!("TEMPORAL_DESCRIPTORS")).as_slice())
        .expect("the SDK's descriptors are well formed")
});

/// Returns the messages of an RPC, if it belongs to `WorkflowService`.
pub(crate) fn workflow_rpc(rpc: Rpc) -> Option<(MessageDescriptor, MessageDescriptor)> {
    let methods = methods("temporal.api.workflowservice.v1.WorkflowService");
    let method = methods.into_iter().find(|it| it.name() == rpc.name())?;
    Some((method.input(), method.output()))
}

/// Returns the RPCs of `OperatorService`.
pub(crate) fn operator_rpcs() -> Vec<MethodDescriptor> {
    methods("temporal.api.operatorservice.v1.OperatorService")
}

fn methods(service: &str) -> Vec<MethodDescriptor> {
    let service = TYPES.get_service_by_name(service).expect("a service");
    service.methods().collect()
}
