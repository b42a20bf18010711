//! `OperatorService`: the search attributes of namespaces, Nexus endpoints, the deletion of a
//! namespace, and the list of clusters, of which there is one.
//!
//! Source: `temporalio/temporal: service/frontend/operator_handler.go`, the part for SQL.

use prost::Message;
use temporalio_protos::temporal::api::operatorservice::v1::{
    AddSearchAttributesRequest, AddSearchAttributesResponse, ListClustersRequest,
    ListSearchAttributesRequest, ListSearchAttributesResponse, RemoveSearchAttributesRequest,
    RemoveSearchAttributesResponse,
};
use tonic::Status;

use crate::{
    api::enums::IndexedValueType,
    base::search_attributes::{SYSTEM, SearchAttributeRegistry},
    cluster::{Cluster, namespaces},
    frontend::system,
};

/// The gRPC service that operates a cluster.
pub const OPERATOR_SERVICE: &str = "temporal.api.operatorservice.v1.OperatorService";

impl Cluster {
    /// Answers an RPC of `OperatorService`, both given and answered as protobuf bytes. All its RPCs
    /// are answered at once.
    ///
    /// # Errors
    ///
    /// UNIMPLEMENTED, with its name, for an RPC that is not served; INVALID_ARGUMENT for bytes that
    /// are not its request; the server's statuses for what it refuses.
    pub fn operate(&mut self, now_ms: u64, rpc: &str, bytes: &[u8]) -> Result<Vec<u8>, Status> {
        match rpc {
            "AddSearchAttributes" => self.add_search_attributes(&decode(bytes)?),
            "RemoveSearchAttributes" => self.remove_search_attributes(&decode(bytes)?),
            "ListSearchAttributes" => self.list_search_attributes(&decode(bytes)?),
            "CreateNexusEndpoint" => self.create_nexus_endpoint(now_ms, decode(bytes)?),
            "UpdateNexusEndpoint" => self.update_nexus_endpoint(now_ms, decode(bytes)?),
            "DeleteNexusEndpoint" => self.delete_nexus_endpoint(&decode(bytes)?),
            "GetNexusEndpoint" => self.get_nexus_endpoint(&decode(bytes)?),
            "ListNexusEndpoints" => self.list_nexus_endpoints(&decode(bytes)?),
            "DeleteNamespace" => self.delete_namespace(now_ms, &decode(bytes)?),
            "ListClusters" => decode::<ListClustersRequest>(bytes).map(|_| system::clusters()),
            other => Err(Status::unimplemented(format!(
                "unknown method {other} for service {OPERATOR_SERVICE}: \
                 the simulated service does not serve it"
            ))),
        }
    }

    fn add_search_attributes(
        &mut self,
        request: &AddSearchAttributesRequest,
    ) -> Result<Vec<u8>, Status> {
        if request.search_attributes.is_empty() {
            return Err(not_set());
        }
        let registry = self.registry_of(&request.namespace)?;
        let mut changed = registry.clone();
        for (name, value_type) in &request.search_attributes {
            let value_type = IndexedValueType::try_from(*value_type).unwrap_or_default();
            changed.add(name, value_type)?;
        }
        *registry = changed;
        Ok(AddSearchAttributesResponse {}.encode_to_vec())
    }

    fn remove_search_attributes(
        &mut self,
        request: &RemoveSearchAttributesRequest,
    ) -> Result<Vec<u8>, Status> {
        if request.search_attributes.is_empty() {
            return Err(not_set());
        }
        let registry = self.registry_of(&request.namespace)?;
        let mut changed = registry.clone();
        for name in &request.search_attributes {
            changed.remove(name)?;
        }
        *registry = changed;
        Ok(RemoveSearchAttributesResponse {}.encode_to_vec())
    }

    fn list_search_attributes(
        &mut self,
        request: &ListSearchAttributesRequest,
    ) -> Result<Vec<u8>, Status> {
        let registry = self.registry_of(&request.namespace)?;
        let named =
            |(name, value_type): (&str, IndexedValueType)| (name.to_owned(), i32::from(value_type));
        let response = ListSearchAttributesResponse {
            custom_attributes: registry.custom().map(named).collect(),
            system_attributes: SYSTEM.iter().copied().map(named).collect(),
            ..ListSearchAttributesResponse::default()
        };
        Ok(response.encode_to_vec())
    }

    fn registry_of(&mut self, name: &str) -> Result<&mut SearchAttributeRegistry, Status> {
        if name.is_empty() {
            return Err(Status::invalid_argument("Namespace is not set on request."));
        }
        if self.registers_on_use {
            self.register(name);
        }
        let namespace = self.namespaces.get_mut(name);
        let namespace = namespace.ok_or_else(|| namespaces::not_found(name))?;
        Ok(&mut namespace.service.config.search_attributes)
    }
}

fn not_set() -> Status {
    Status::invalid_argument("SearchAttributes are not set on request.")
}

fn decode<M: Message + Default>(bytes: &[u8]) -> Result<M, Status> {
    M::decode(bytes).map_err(|error| Status::invalid_argument(error.to_string()))
}
