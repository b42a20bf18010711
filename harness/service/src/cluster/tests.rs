//! Namespaces, and what passes through a cluster to one of them.

mod delete_namespace;
mod nexus_endpoints;

use pretty_assertions::assert_eq;
use prost::Message;
use temporalio_protos::temporal::api::{
    namespace::v1::{NamespaceConfig, UpdateNamespaceInfo},
    operatorservice::v1::{
        AddSearchAttributesRequest, ListClustersRequest, ListClustersResponse,
        ListSearchAttributesRequest, ListSearchAttributesResponse, RemoveSearchAttributesRequest,
    },
};
use tonic::Code;

use super::*;
use crate::{
    api::{
        common::SearchAttributes,
        enums::{ArchivalState, IndexedValueType, NamespaceState},
        rpc::{
            DeprecateNamespaceRequest, DescribeNamespaceRequest, DescribeNamespaceResponse,
            DescribeWorkflowExecutionRequest, ListNamespacesRequest, RegisterNamespaceRequest,
            UpdateNamespaceRequest,
        },
    },
    base::{
        config::Retention, payload, search_attributes::SearchAttributeRegistry, time::duration,
    },
    testing::start_request,
};

const DAY_MS: u64 = 24 * 60 * 60 * 1000;

#[track_caller]
fn call(cluster: &mut Cluster, request: impl Into<Request>) -> Result<Response, Status> {
    cluster.request(1_000, RequestId(1), request.into());
    let reply = cluster.take_replies().pop();
    reply
        .expect("requests about namespaces are answered at once")
        .result
}

fn register(cluster: &mut Cluster, name: &str) -> Result<Response, Status> {
    let request = RegisterNamespaceRequest {
        namespace: name.to_owned(),
        workflow_execution_retention_period: Some(duration(3 * DAY_MS)),
        ..RegisterNamespaceRequest::default()
    };
    call(cluster, request)
}

#[track_caller]
fn describe(cluster: &mut Cluster, name: &str) -> DescribeNamespaceResponse {
    let request = DescribeNamespaceRequest {
        namespace: name.to_owned(),
        ..DescribeNamespaceRequest::default()
    };
    match call(cluster, request) {
        Ok(Response::DescribeNamespace(description)) => *description,
        other => panic!("not a description: {other:?}"),
    }
}

#[test]
fn each_namespace_knows_of_the_others() {
    let mut cluster = Cluster::new(ServiceConfig::default());
    cluster.register("orders");
    let neighbours = |name: &str| {
        let known = &cluster.namespaces[name].service.config.neighbours;
        known.iter().cloned().collect::<Vec<_>>()
    };
    assert_eq!(neighbours("default"), ["orders"]);
    assert_eq!(neighbours("orders"), ["default"]);
}

#[test]
fn executions_close_under_the_retention_that_their_namespace_has_then() {
    let config = ServiceConfig {
        retention: Retention::AfterClose { ms: DAY_MS },
        ..ServiceConfig::default()
    };
    let mut cluster = Cluster::new(config);
    let retention_ms = |cluster: &Cluster| match cluster.namespaces["default"].service.config {
        ServiceConfig {
            retention: Retention::AfterClose { ms },
            ..
        } => ms,
        _ => 0,
    };
    assert_eq!(retention_ms(&cluster), DAY_MS);
    let update = UpdateNamespaceRequest {
        namespace: "default".to_owned(),
        config: Some(NamespaceConfig {
            workflow_execution_retention_ttl: Some(duration(3 * DAY_MS)),
            ..NamespaceConfig::default()
        }),
        ..UpdateNamespaceRequest::default()
    };
    call(&mut cluster, update).unwrap();
    assert_eq!(retention_ms(&cluster), 3 * DAY_MS);
}

#[track_caller]
fn names(cluster: &mut Cluster, page_size: i32, token: &[u8]) -> (Vec<String>, Vec<u8>) {
    let request = ListNamespacesRequest {
        page_size,
        next_page_token: token.to_vec(),
        ..ListNamespacesRequest::default()
    };
    match call(cluster, request) {
        Ok(Response::ListNamespaces(page)) => {
            let infos = page
                .namespaces
                .into_iter()
                .filter_map(|it| it.namespace_info);
            (infos.map(|info| info.name).collect(), page.next_page_token)
        }
        other => panic!("not a list: {other:?}"),
    }
}

#[test]
fn a_namespace_is_registered_with_its_retention_and_listed() {
    let mut cluster = Cluster::new(ServiceConfig::default());
    register(&mut cluster, "orders").unwrap();
    let config = describe(&mut cluster, "orders").config.unwrap();
    assert_eq!(
        config.workflow_execution_retention_ttl,
        Some(duration(3 * DAY_MS))
    );
    assert_eq!(config.history_archival_state(), ArchivalState::Disabled);
    assert_eq!(names(&mut cluster, 0, b"").0, ["default", "orders"]);
}

#[test]
fn a_registered_namespace_is_not_registered_again() {
    let mut cluster = Cluster::new(ServiceConfig::default());
    let refused = register(&mut cluster, "default").unwrap_err();
    assert_eq!(refused.code(), Code::AlreadyExists);
    assert!(!refused.details().is_empty());
}

#[test]
fn a_namespace_needs_a_retention_of_an_hour() {
    let mut cluster = Cluster::new(ServiceConfig::default());
    let request = RegisterNamespaceRequest {
        namespace: "orders".to_owned(),
        workflow_execution_retention_period: Some(duration(1_000)),
        ..RegisterNamespaceRequest::default()
    };
    let refused = call(&mut cluster, request).unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument);
    assert_eq!(
        refused.message(),
        "A valid retention period is not set on request."
    );
}

#[test]
fn namespaces_are_listed_in_pages() {
    let mut cluster = Cluster::new(ServiceConfig::default());
    register(&mut cluster, "a").unwrap();
    register(&mut cluster, "b").unwrap();
    let (first, token) = names(&mut cluster, 2, b"");
    assert_eq!(first, ["default", "a"]);
    let (second, token) = names(&mut cluster, 2, &token);
    assert_eq!(second, ["b"]);
    assert!(token.is_empty());
}

#[test]
fn a_namespace_is_described_by_its_id_too() {
    let mut cluster = Cluster::new(ServiceConfig::default());
    let by_name = describe(&mut cluster, "default");
    let request = DescribeNamespaceRequest {
        id: by_name.namespace_info.clone().unwrap().id,
        ..DescribeNamespaceRequest::default()
    };
    assert_eq!(call(&mut cluster, request).unwrap(), by_name.into());
}

#[test]
fn an_update_changes_what_it_names_and_nothing_else() {
    let mut cluster = Cluster::new(ServiceConfig::default());
    let request = UpdateNamespaceRequest {
        namespace: "default".to_owned(),
        update_info: Some(UpdateNamespaceInfo {
            description: "orders of the shop".to_owned(),
            ..UpdateNamespaceInfo::default()
        }),
        config: Some(NamespaceConfig {
            workflow_execution_retention_ttl: Some(duration(7 * DAY_MS)),
            ..NamespaceConfig::default()
        }),
        ..UpdateNamespaceRequest::default()
    };
    call(&mut cluster, request).unwrap();
    let description = describe(&mut cluster, "default");
    let info = description.namespace_info.unwrap();
    assert_eq!(info.description, "orders of the shop");
    assert_eq!(info.state(), NamespaceState::Registered);
    assert_eq!(
        description.config.unwrap().workflow_execution_retention_ttl,
        Some(duration(7 * DAY_MS))
    );
}

#[test]
fn a_deprecated_namespace_does_not_become_registered_again() {
    let mut cluster = Cluster::new(ServiceConfig::default());
    let request = DeprecateNamespaceRequest {
        namespace: "default".to_owned(),
        ..DeprecateNamespaceRequest::default()
    };
    call(&mut cluster, request).unwrap();
    let request = UpdateNamespaceRequest {
        namespace: "default".to_owned(),
        update_info: Some(UpdateNamespaceInfo {
            state: NamespaceState::Registered.into(),
            ..UpdateNamespaceInfo::default()
        }),
        ..UpdateNamespaceRequest::default()
    };
    let refused = call(&mut cluster, request).unwrap_err();
    assert_eq!(refused.message(), "Invalid namespace state update.");
}

#[test]
fn a_request_to_an_unknown_namespace_is_refused_unless_use_registers_it() {
    let mut cluster = Cluster::new(ServiceConfig::default());
    let describe = DescribeWorkflowExecutionRequest {
        namespace: "elsewhere".to_owned(),
        execution: Some(crate::api::WorkflowExecution {
            workflow_id: "order".to_owned(),
            run_id: String::new(),
        }),
    };
    let refused = call(&mut cluster, describe.clone()).unwrap_err();
    assert_eq!(refused.message(), "Namespace elsewhere is not found.");

    cluster.register_on_use(true);
    let refused = call(&mut cluster, describe).unwrap_err();
    assert_eq!(refused.message(), "workflow not found for ID: order");
}

fn operate(cluster: &mut Cluster, rpc: &str, request: &impl Message) -> Result<Vec<u8>, Status> {
    cluster.operate(1_000, rpc, &request.encode_to_vec())
}

fn add(cluster: &mut Cluster, name: &str) -> Result<Vec<u8>, Status> {
    let request = AddSearchAttributesRequest {
        namespace: "default".to_owned(),
        search_attributes: [(name.to_owned(), IndexedValueType::Keyword.into())].into(),
    };
    operate(cluster, "AddSearchAttributes", &request)
}

fn custom_attributes(cluster: &mut Cluster) -> Vec<String> {
    let request = ListSearchAttributesRequest {
        namespace: "default".to_owned(),
    };
    let bytes = operate(cluster, "ListSearchAttributes", &request).unwrap();
    let listed = ListSearchAttributesResponse::decode(bytes.as_slice()).unwrap();
    assert!(listed.system_attributes.contains_key("WorkflowId"));
    listed.custom_attributes.into_keys().collect()
}

/// Starts a workflow with the search attribute `Customer`.
fn start_for_customer(cluster: &mut Cluster) -> Result<Response, Status> {
    let payload = payload::json(r#""ann""#);
    let mut request = start_request("order");
    request.search_attributes = Some(SearchAttributes {
        indexed_fields: [("Customer".to_owned(), payload)].into(),
    });
    call(cluster, request)
}

#[test]
fn a_search_attribute_is_added_before_a_workflow_has_it() {
    let mut cluster = Cluster::new(ServiceConfig {
        search_attributes: SearchAttributeRegistry::empty(),
        ..ServiceConfig::default()
    });
    let refused = start_for_customer(&mut cluster).unwrap_err();
    assert_eq!(
        refused.message(),
        "Namespace default has no mapping defined for search attribute Customer"
    );
    add(&mut cluster, "Customer").unwrap();
    assert_eq!(custom_attributes(&mut cluster), ["Customer"]);
    start_for_customer(&mut cluster).unwrap();

    let request = RemoveSearchAttributesRequest {
        namespace: "default".to_owned(),
        search_attributes: vec!["Customer".to_owned()],
    };
    operate(&mut cluster, "RemoveSearchAttributes", &request).unwrap();
    assert!(custom_attributes(&mut cluster).is_empty());
}

#[test]
fn an_operator_sees_the_one_cluster() {
    let mut cluster = Cluster::new(ServiceConfig::default());
    let bytes = operate(
        &mut cluster,
        "ListClusters",
        &ListClustersRequest::default(),
    )
    .unwrap();
    let clusters = ListClustersResponse::decode(&*bytes).unwrap().clusters;
    assert_eq!(clusters.len(), 1);
    assert_eq!(clusters[0].cluster_name, "active");
}

#[test]
fn an_operator_is_told_what_is_not_served_and_what_is_wrong() {
    let mut cluster = Cluster::new(ServiceConfig::default());
    let refused = cluster
        .operate(1_000, "RemoveRemoteCluster", &[])
        .unwrap_err();
    assert_eq!(refused.code(), Code::Unimplemented);
    assert!(refused.message().contains("RemoveRemoteCluster"));
    let refused = cluster
        .operate(1_000, "AddSearchAttributes", &[0xff])
        .unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument);
    let refused = cluster
        .operate(1_000, "AddSearchAttributes", &[])
        .unwrap_err();
    assert_eq!(
        refused.message(),
        "SearchAttributes are not set on request."
    );
    let refused = add(&mut cluster, "TemporalColor").unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument);
}
