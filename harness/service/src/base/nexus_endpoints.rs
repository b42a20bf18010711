//! The Nexus endpoints that a service knows.
//!
//! Source: `temporalio/temporal: common/nexus/endpoint_registry.go`.

use std::collections::BTreeMap;

/// The target of completions, by which the server recognises its own workers.
pub(crate) const CALLBACK_URL: &str = "temporal://system";

/// The target of the requests to an endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NexusEndpoint {
    pub(crate) id: String,
    pub(crate) namespace: String,
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

impl FromIterator<(String, NexusEndpoint)> for NexusEndpoints {
    fn from_iter<I: IntoIterator<Item = (String, NexusEndpoint)>>(endpoints: I) -> Self {
        Self {
            by_name: endpoints.into_iter().collect(),
        }
    }
}
