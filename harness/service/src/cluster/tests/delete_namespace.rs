//! DeleteNamespace.

use pretty_assertions::assert_eq;
use temporalio_protos::temporal::api::operatorservice::v1::{
    DeleteNamespaceRequest, DeleteNamespaceResponse,
};

use super::{
    nexus_endpoints::{create, spec},
    *,
};
use crate::testing::poll_request;

fn delete(cluster: &mut Cluster, name: &str) -> Result<String, Status> {
    let request = DeleteNamespaceRequest {
        namespace: name.to_owned(),
        ..DeleteNamespaceRequest::default()
    };
    let bytes = operate(cluster, "DeleteNamespace", &request)?;
    let response = DeleteNamespaceResponse::decode(&*bytes).unwrap();
    Ok(response.deleted_namespace)
}

#[test]
fn a_deleted_namespace_is_not_found_and_its_name_is_free() {
    let mut cluster = Cluster::new(ServiceConfig::default());
    register(&mut cluster, "orders").unwrap();
    let id = describe(&mut cluster, "orders").namespace_info.unwrap().id;
    assert_eq!(
        delete(&mut cluster, "orders").unwrap(),
        format!("orders-deleted-{}", &id[..5])
    );
    assert_eq!(names(&mut cluster, 0, &[]).0, ["default"]);
    let neighbours = &cluster.namespaces["default"].service.config.neighbours;
    assert!(neighbours.is_empty());
    let mut start = start_request("w");
    start.namespace = "orders".to_owned();
    let refused = call(&mut cluster, start).unwrap_err();
    assert_eq!(refused.code(), Code::NotFound);
    register(&mut cluster, "orders").unwrap();
}

#[test]
fn a_namespace_is_deleted_by_its_id_too() {
    let mut cluster = Cluster::new(ServiceConfig::default());
    register(&mut cluster, "orders").unwrap();
    let request = DeleteNamespaceRequest {
        namespace_id: describe(&mut cluster, "orders").namespace_info.unwrap().id,
        ..DeleteNamespaceRequest::default()
    };
    operate(&mut cluster, "DeleteNamespace", &request).unwrap();
    assert_eq!(names(&mut cluster, 0, &[]).0, ["default"]);
}

#[test]
fn a_poll_in_a_deleted_namespace_ends_without_a_task() {
    let mut cluster = Cluster::new(ServiceConfig::default());
    register(&mut cluster, "orders").unwrap();
    let mut poll = poll_request();
    poll.namespace = "orders".to_owned();
    cluster.request(1_000, RequestId(7), poll.into());
    delete(&mut cluster, "orders").unwrap();
    assert!(cluster.take_replies().is_empty());
    cluster.expire(2_000, RequestId(7));
    let replies = cluster.take_replies();
    assert_eq!(replies[0].id, RequestId(7));
    assert!(replies[0].result.is_ok());
}

#[test]
fn a_namespace_that_is_unknown_unnamed_or_in_use_is_not_deleted() {
    let mut cluster = Cluster::new(ServiceConfig::default());
    let refused = delete(&mut cluster, "").unwrap_err();
    assert_eq!(refused.message(), "namespace or namespace ID is required");
    let refused = delete(&mut cluster, "orders").unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument);
    assert_eq!(refused.message(), "namespace orders is not found");
    create(&mut cluster, spec("payments", "default")).unwrap();
    let refused = delete(&mut cluster, "default").unwrap_err();
    assert_eq!(refused.code(), Code::FailedPrecondition);
    assert!(refused.message().ends_with("a Nexus endpoint payments"));
}
