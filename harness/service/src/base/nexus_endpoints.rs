//! The Nexus endpoints of the service.
//!
//! Source: `temporalio/temporal: common/nexus/endpoint_registry.go`.

use std::collections::BTreeMap;

/// The target of the requests to an endpoint.
#[derive(Clone, Debug)]
pub(crate) struct NexusEndpoint {
    pub(crate) id: String,
    pub(crate) task_queue: String,
}

/// All endpoints, by name.
#[derive(Clone, Debug, Default)]
pub(crate) struct NexusEndpoints {
    by_name: BTreeMap<String, NexusEndpoint>,
}

impl NexusEndpoints {
    pub(crate) fn insert(&mut self, name: String, endpoint: NexusEndpoint) {
        self.by_name.insert(name, endpoint);
    }

    pub(crate) fn get(&self, name: &str) -> Option<&NexusEndpoint> {
        self.by_name.get(name)
    }
}
