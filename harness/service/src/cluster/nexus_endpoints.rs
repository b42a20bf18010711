//! `OperatorService`: the Nexus endpoints of a cluster, and all that goes from one namespace to
//! another for them.
//!
//! Source: `temporalio/temporal: service/frontend/nexus_endpoint_client.go`,
//! `service/matching/nexus_endpoint_client.go`.

use prost::Message;
use temporalio_protos::temporal::api::{
    nexus::v1::{Endpoint, EndpointSpec, endpoint_target::Variant},
    operatorservice::v1::*,
};
use tonic::Status;

use crate::{
    base::{identifiers::derived_uuid, nexus_endpoints::NexusEndpoint, time::timestamp},
    cluster::Cluster,
};

/// The longest name of an endpoint (`limit.endpointNameMaxLength`).
const NAME_LENGTH: usize = 200;
/// The largest description of an endpoint, in bytes (`limit.endpointDescriptionMaxSize`).
const DESCRIPTION_BYTES: usize = 20_000;
/// The endpoints of a page if a request names no number, and at most
/// (`limit.endpointListDefaultPageSize`, `limit.endpointListMaxPageSize`).
const PAGE: usize = 100;
const MAX_PAGE: usize = 1_000;

impl Cluster {
    pub(super) fn create_nexus_endpoint(
        &mut self,
        now_ms: u64,
        request: CreateNexusEndpointRequest,
    ) -> Result<Vec<u8>, Status> {
        let spec = request.spec.unwrap_or_default();
        self.check(&spec)?;
        if self.endpoint_named(&spec.name).is_some() {
            return Err(Status::already_exists(format!(
                "error creating Nexus endpoint. Endpoint with name {} already registered",
                spec.name
            )));
        }
        self.endpoints_created += 1;
        let id = derived_uuid("nexus endpoint", self.endpoints_created);
        let endpoint = Endpoint {
            version: 1,
            url_prefix: format!("/nexus/endpoints/{id}/services"),
            id: id.clone(),
            spec: Some(spec),
            created_time: Some(timestamp(now_ms)),
            last_modified_time: None,
        };
        self.endpoints.insert(id, endpoint.clone());
        self.tell_endpoints();
        Ok(CreateNexusEndpointResponse {
            endpoint: Some(endpoint),
        }
        .encode_to_vec())
    }

    pub(super) fn update_nexus_endpoint(
        &mut self,
        now_ms: u64,
        request: UpdateNexusEndpointRequest,
    ) -> Result<Vec<u8>, Status> {
        let spec = request.spec.unwrap_or_default();
        self.check(&spec)?;
        let other = self.endpoint_named(&spec.name);
        if other.is_some_and(|other| other.id != request.id) {
            return Err(Status::already_exists(format!(
                "error updating Nexus endpoint. Endpoint with name {} already registered",
                spec.name
            )));
        }
        let Some(endpoint) = self.endpoints.get_mut(&request.id) else {
            return Err(Status::not_found(format!(
                "error updating Nexus endpoint. endpoint ID {} not found",
                request.id
            )));
        };
        if endpoint.version != request.version {
            return Err(Status::failed_precondition(format!(
                "nexus endpoint version mismatch. received: {} expected {}",
                request.version, endpoint.version
            )));
        }
        endpoint.version += 1;
        endpoint.spec = Some(spec);
        endpoint.last_modified_time = Some(timestamp(now_ms));
        let updated = endpoint.clone();
        self.tell_endpoints();
        Ok(UpdateNexusEndpointResponse {
            endpoint: Some(updated),
        }
        .encode_to_vec())
    }

    pub(super) fn delete_nexus_endpoint(
        &mut self,
        request: &DeleteNexusEndpointRequest,
    ) -> Result<Vec<u8>, Status> {
        let mut issues = id_issues(&request.id);
        if request.version <= 0 {
            issues.push("endpoint version is non-positive".to_owned());
        }
        refuse(&issues)?;
        if self.endpoints.remove(&request.id).is_none() {
            return Err(Status::not_found(format!(
                "error deleting nexus endpoint with ID: {}",
                request.id
            )));
        }
        self.tell_endpoints();
        Ok(DeleteNexusEndpointResponse {}.encode_to_vec())
    }

    pub(super) fn get_nexus_endpoint(
        &self,
        request: &GetNexusEndpointRequest,
    ) -> Result<Vec<u8>, Status> {
        refuse(&id_issues(&request.id))?;
        let endpoint = self.endpoints.get(&request.id).cloned();
        let endpoint = endpoint.ok_or_else(|| {
            Status::not_found(format!(
                "error looking up Nexus endpoint with ID `{}`",
                request.id
            ))
        })?;
        Ok(GetNexusEndpointResponse {
            endpoint: Some(endpoint),
        }
        .encode_to_vec())
    }

    /// Lists endpoints in the order of their ids. With a name, the page is that endpoint alone.
    pub(super) fn list_nexus_endpoints(
        &self,
        request: &ListNexusEndpointsRequest,
    ) -> Result<Vec<u8>, Status> {
        if !request.name.is_empty() {
            return Ok(ListNexusEndpointsResponse {
                endpoints: self
                    .endpoint_named(&request.name)
                    .cloned()
                    .into_iter()
                    .collect(),
                next_page_token: Vec::new(),
            }
            .encode_to_vec());
        }
        let page_size = match usize::try_from(request.page_size) {
            Err(_) => return Err(Status::invalid_argument("page_size is negative")),
            Ok(0) => PAGE,
            Ok(size) if size > MAX_PAGE => {
                return Err(Status::invalid_argument(format!(
                    "page_size exceeds limit of {MAX_PAGE}"
                )));
            }
            Ok(size) => size,
        };
        // A token is the last id of the page before.
        let last = String::from_utf8_lossy(&request.next_page_token);
        let after = |endpoint: &&Endpoint| *endpoint.id > *last;
        let mut rest = self.endpoints.values().filter(after);
        let endpoints: Vec<Endpoint> = rest.by_ref().take(page_size).cloned().collect();
        let next = rest.next().and(endpoints.last());
        let next_page_token = next.map_or_else(Vec::new, |last| last.id.clone().into_bytes());
        Ok(ListNexusEndpointsResponse {
            endpoints,
            next_page_token,
        }
        .encode_to_vec())
    }

    fn endpoint_named(&self, name: &str) -> Option<&Endpoint> {
        let is_named = |it: &&Endpoint| it.spec.as_ref().is_some_and(|spec| spec.name == name);
        self.endpoints.values().find(is_named)
    }

    fn check(&self, spec: &EndpointSpec) -> Result<(), Status> {
        let mut issues = name_issues(&spec.name);
        match spec
            .target
            .as_ref()
            .and_then(|target| target.variant.as_ref())
        {
            None => {
                issues.push("empty target variant".to_owned());
                return refuse(&issues);
            }
            Some(Variant::Worker(worker)) => {
                if worker.namespace.is_empty() {
                    issues.push("target namespace not set".to_owned());
                } else if !self.namespaces.contains_key(&worker.namespace) {
                    return Err(Status::failed_precondition(format!(
                        "could not verify namespace referenced by target exists: Namespace {} is \
                         not found.",
                        worker.namespace
                    )));
                }
                if let Some(why) = task_queue_issue(&worker.task_queue, self) {
                    issues.push(format!("invalid target task queue: {why:?}"));
                }
            }
            Some(Variant::External(_)) => {
                return Err(Status::unimplemented(
                    "the simulated service calls no URL: the target of an endpoint is a task queue",
                ));
            }
        }
        let description = spec.description.as_ref().map_or(0, Message::encoded_len);
        if description > DESCRIPTION_BYTES {
            issues.push(format!(
                "description size exceeds limit of {DESCRIPTION_BYTES}"
            ));
        }
        refuse(&issues)
    }

    /// Tells every namespace the endpoints of the cluster.
    pub(super) fn tell_endpoints(&mut self) {
        let target = |endpoint: &Endpoint| {
            let spec = endpoint.spec.clone()?;
            let Variant::Worker(worker) = spec.target?.variant? else {
                return None;
            };
            let known = NexusEndpoint {
                id: endpoint.id.clone(),
                namespace: worker.namespace,
                task_queue: worker.task_queue,
            };
            Some((spec.name, known))
        };
        for namespace in self.namespaces.values_mut() {
            namespace.service.nexus_endpoints =
                self.endpoints.values().filter_map(target).collect();
        }
    }
}

fn name_issues(name: &str) -> Vec<String> {
    if name.is_empty() {
        return vec!["endpoint name not set".to_owned()];
    }
    let mut issues = Vec::new();
    if name.len() > NAME_LENGTH {
        issues.push(format!(
            "endpoint name exceeds length limit of {NAME_LENGTH}"
        ));
    }
    let letters = name.as_bytes();
    let is_valid = letters.len() > 1
        && letters[0].is_ascii_alphabetic()
        && letters[letters.len() - 1].is_ascii_alphanumeric()
        && letters
            .iter()
            .all(|it| it.is_ascii_alphanumeric() || *it == b'-');
    if !is_valid {
        issues.push(
            r#"endpoint name must match the regex: "^[a-zA-Z][a-zA-Z0-9\\-]*[a-zA-Z0-9]$""#
                .to_owned(),
        );
    }
    issues
}

fn task_queue_issue(name: &str, cluster: &Cluster) -> Option<String> {
    if name.is_empty() {
        return Some("taskQueue is not set".to_owned());
    }
    if name.len() > cluster.config.limits.id_length {
        return Some("taskQueue length exceeds limit".to_owned());
    }
    let is_reserved = name.starts_with("/_sys/");
    is_reserved.then(|| "task queue name cannot start with reserved prefix /_sys/".to_owned())
}

fn id_issues(id: &str) -> Vec<String> {
    if id.is_empty() {
        return vec!["endpoint ID not set".to_owned()];
    }
    match uuid::Uuid::try_parse(id) {
        Ok(_) => Vec::new(),
        Err(why) => vec![format!("malformed endpoint ID: {:?}", why.to_string())],
    }
}

fn refuse(issues: &[String]) -> Result<(), Status> {
    if issues.is_empty() {
        return Ok(());
    }
    Err(Status::invalid_argument(issues.join(", ")))
}
