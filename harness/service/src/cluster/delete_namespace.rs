//! `OperatorService`: DeleteNamespace.
//!
//! A server first renames a namespace that it deletes, and then deletes its executions one by one.
//! Here they are gone at once.
//!
//! Source: `temporalio/temporal: service/worker/deletenamespace/{workflow,activities}.go`.

use prost::Message;
use temporalio_protos::temporal::api::{
    nexus::v1::endpoint_target::Variant,
    operatorservice::v1::{DeleteNamespaceRequest, DeleteNamespaceResponse},
};
use tonic::Status;

use crate::{cluster::Cluster, state::service::Service};

/// The characters of its id that the name of a deleted namespace ends with.
const SUFFIX: usize = 5;
/// The time for which requests that wait in a deleted namespace may wait for their end.
const LAST_WAITS_MS: u64 = 10 * 60 * 1000;

/// A deleted namespace. Nothing happens there any more.
#[derive(Debug)]
pub(super) struct Deleted {
    pub(super) service: Service,
    deleted_ms: u64,
}

impl Cluster {
    pub(super) fn delete_namespace(
        &mut self,
        now_ms: u64,
        request: &DeleteNamespaceRequest,
    ) -> Result<Vec<u8>, Status> {
        let (name, id) = (&request.namespace, &request.namespace_id);
        let refused = match (name.is_empty(), id.is_empty()) {
            (true, true) => Some("namespace or namespace ID is required"),
            (false, false) => Some("only one of namespace or namespace ID must be set"),
            _ => None,
        };
        if let Some(refused) = refused {
            return Err(Status::invalid_argument(refused));
        }
        let found = self
            .namespaces
            .iter()
            .find(|(known, namespace)| *known == name || namespace.id() == id);
        let Some((name, id)) =
            found.map(|(name, namespace)| (name.clone(), namespace.id().to_owned()))
        else {
            let unknown = if name.is_empty() { id } else { name };
            return Err(Status::invalid_argument(format!(
                "namespace {unknown} is not found"
            )));
        };
        if let Some(endpoint) = self.endpoint_into(&name) {
            return Err(Status::failed_precondition(format!(
                "cannot delete a namespace that is a target of a Nexus endpoint {endpoint}"
            )));
        }
        if let Some(namespace) = self.namespaces.shift_remove(&name) {
            self.tell_names();
            self.deleted
                .retain(|deleted| deleted.deleted_ms + LAST_WAITS_MS > now_ms);
            self.deleted.push(Deleted {
                service: namespace.service,
                deleted_ms: now_ms,
            });
            self.tell_names();
        }
        Ok(DeleteNamespaceResponse {
            deleted_namespace: format!("{name}-deleted-{}", &id[..SUFFIX]),
        }
        .encode_to_vec())
    }

    /// Returns the name of a Nexus endpoint whose target is in a namespace.
    fn endpoint_into(&self, namespace: &str) -> Option<&str> {
        self.endpoints.values().find_map(|endpoint| {
            let spec = endpoint.spec.as_ref()?;
            match spec.target.as_ref()?.variant.as_ref()? {
                Variant::Worker(worker) if worker.namespace == namespace => Some(&*spec.name),
                _ => None,
            }
        })
    }
}
