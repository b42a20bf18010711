//! Nexus endpoints, and operations whose handlers are in another namespace.

use pretty_assertions::assert_eq;
use temporalio_protos::temporal::api::{
    nexus::v1::{
        self as nexus, Endpoint, EndpointSpec, EndpointTarget,
        endpoint_target::{External, Variant, Worker},
        request, response, start_operation_response as start,
    },
    operatorservice::v1::*,
};

use super::*;
use crate::{
    api::{
        command::{Command, ScheduleNexusOperationCommandAttributes, command::Attributes},
        enums::EventType,
        rpc::*,
    },
    testing::{TASK_QUEUE, poll_request, queue},
};

pub(super) fn spec(name: &str, namespace: &str) -> EndpointSpec {
    EndpointSpec {
        name: name.to_owned(),
        description: None,
        target: Some(EndpointTarget {
            variant: Some(Variant::Worker(Worker {
                namespace: namespace.to_owned(),
                task_queue: "handlers".to_owned(),
            })),
        }),
    }
}

pub(super) fn create(cluster: &mut Cluster, spec: EndpointSpec) -> Result<Endpoint, Status> {
    let request = CreateNexusEndpointRequest { spec: Some(spec) };
    let bytes = operate(cluster, "CreateNexusEndpoint", &request)?;
    let response = CreateNexusEndpointResponse::decode(bytes.as_slice()).unwrap();
    Ok(response.endpoint.unwrap())
}

fn list(cluster: &mut Cluster, request: &ListNexusEndpointsRequest) -> (Vec<String>, Vec<u8>) {
    let bytes = operate(cluster, "ListNexusEndpoints", request).unwrap();
    let response = ListNexusEndpointsResponse::decode(bytes.as_slice()).unwrap();
    let names = response.endpoints.into_iter().filter_map(|it| it.spec);
    (
        names.map(|spec| spec.name).collect(),
        response.next_page_token,
    )
}

#[test]
fn an_endpoint_is_created_updated_found_and_deleted() {
    let mut cluster = Cluster::new(ServiceConfig::default());
    let created = create(&mut cluster, spec("bank", "default")).unwrap();
    assert_eq!((created.version, created.last_modified_time), (1, None));
    let request = UpdateNexusEndpointRequest {
        id: created.id.clone(),
        version: created.version,
        spec: Some(spec("bank-of-ann", "default")),
    };
    operate(&mut cluster, "UpdateNexusEndpoint", &request).unwrap();
    let stale = operate(&mut cluster, "UpdateNexusEndpoint", &request).unwrap_err();
    assert_eq!(stale.code(), Code::FailedPrecondition);

    let request = GetNexusEndpointRequest {
        id: created.id.clone(),
    };
    let bytes = operate(&mut cluster, "GetNexusEndpoint", &request).unwrap();
    let found = GetNexusEndpointResponse::decode(bytes.as_slice())
        .unwrap()
        .endpoint
        .unwrap();
    assert_eq!(
        (found.version, found.spec.unwrap().name.as_str()),
        (2, "bank-of-ann")
    );

    let delete = DeleteNexusEndpointRequest {
        id: created.id.clone(),
        version: 2,
    };
    operate(&mut cluster, "DeleteNexusEndpoint", &delete).unwrap();
    let gone = operate(&mut cluster, "GetNexusEndpoint", &request).unwrap_err();
    assert_eq!(gone.code(), Code::NotFound);
}

#[test]
fn endpoints_are_listed_in_pages_or_by_name() {
    let mut cluster = Cluster::new(ServiceConfig::default());
    for name in ["ann", "bob", "cyd"] {
        create(&mut cluster, spec(name, "default")).unwrap();
    }
    let mut request = ListNexusEndpointsRequest {
        page_size: 2,
        ..ListNexusEndpointsRequest::default()
    };
    let (mut names, token) = list(&mut cluster, &request);
    assert_eq!(names.len(), 2);
    request.next_page_token = token;
    let (rest, token) = list(&mut cluster, &request);
    assert!(token.is_empty());
    names.extend(rest);
    names.sort_unstable();
    assert_eq!(names, ["ann", "bob", "cyd"]);

    let by_name = ListNexusEndpointsRequest {
        name: "bob".to_owned(),
        ..ListNexusEndpointsRequest::default()
    };
    assert_eq!(list(&mut cluster, &by_name).0, ["bob"]);
}

#[test]
fn an_endpoint_needs_a_name_of_its_own_and_a_task_queue_of_a_namespace() {
    let mut cluster = Cluster::new(ServiceConfig::default());
    create(&mut cluster, spec("bank", "default")).unwrap();
    let external = EndpointSpec {
        target: Some(EndpointTarget {
            variant: Some(Variant::External(External {
                url: "http://example.com".to_owned(),
            })),
        }),
        ..spec("outside", "default")
    };
    for (spec, code, message) in [
        (
            spec("bank", "default"),
            Code::AlreadyExists,
            "error creating Nexus endpoint. Endpoint with name bank already registered",
        ),
        (
            spec("shop", "elsewhere"),
            Code::FailedPrecondition,
            "could not verify namespace referenced by target exists: Namespace elsewhere is not \
             found.",
        ),
        (
            EndpointSpec::default(),
            Code::InvalidArgument,
            "endpoint name not set, empty target variant",
        ),
        (
            spec("not a name", "default"),
            Code::InvalidArgument,
            r#"endpoint name must match the regex: "^[a-zA-Z][a-zA-Z0-9\\-]*[a-zA-Z0-9]$""#,
        ),
        (
            external,
            Code::Unimplemented,
            "the simulated service calls no URL: the target of an endpoint is a task queue",
        ),
    ] {
        let refused = create(&mut cluster, spec).unwrap_err();
        assert_eq!((refused.code(), refused.message()), (code, message));
    }
}

/// Returns a cluster in which a run of `default` has scheduled an operation whose handler polls in
/// the namespace `bank`.
fn across_namespaces() -> Cluster {
    let mut cluster = Cluster::new(ServiceConfig::default());
    register(&mut cluster, "bank").unwrap();
    create(&mut cluster, spec("bank", "bank")).unwrap();
    call(&mut cluster, start_request("order")).unwrap();
    let Ok(Response::PollWorkflowTaskQueue(task)) = call(&mut cluster, poll_request()) else {
        panic!("no workflow task")
    };
    let schedule = ScheduleNexusOperationCommandAttributes {
        endpoint: "bank".to_owned(),
        service: "Payments".to_owned(),
        operation: "charge".to_owned(),
        ..ScheduleNexusOperationCommandAttributes::default()
    };
    let completion = RespondWorkflowTaskCompletedRequest {
        namespace: "default".to_owned(),
        task_token: task.into_message().task_token,
        commands: vec![Command {
            attributes: Some(Attributes::ScheduleNexusOperationCommandAttributes(
                schedule,
            )),
            ..Command::default()
        }],
        ..RespondWorkflowTaskCompletedRequest::default()
    };
    call(&mut cluster, completion).unwrap();
    cluster
}

fn handler_poll() -> PollNexusTaskQueueRequest {
    PollNexusTaskQueueRequest {
        namespace: "bank".to_owned(),
        task_queue: queue("handlers"),
        ..PollNexusTaskQueueRequest::default()
    }
}

#[track_caller]
fn answer_with(cluster: &mut Cluster, task: &PollNexusTaskQueueResponse, variant: start::Variant) {
    let answer = RespondNexusTaskCompletedRequest {
        namespace: "bank".to_owned(),
        task_token: task.task_token.clone(),
        response: Some(nexus::Response {
            variant: Some(response::Variant::StartOperation(
                nexus::StartOperationResponse {
                    variant: Some(variant),
                },
            )),
        }),
        ..RespondNexusTaskCompletedRequest::default()
    };
    call(cluster, answer).unwrap();
}

#[track_caller]
fn event_types(cluster: &Cluster) -> Vec<EventType> {
    let service = &cluster.namespaces["default"].service;
    let history = service.history("order", None).expect("a run");
    history.iter().map(|event| event.event_type()).collect()
}

#[test]
fn a_handler_in_another_namespace_answers_an_operation() {
    let mut cluster = across_namespaces();
    let Ok(Response::PollNexusTaskQueue(task)) = call(&mut cluster, handler_poll()) else {
        panic!("no Nexus task")
    };
    answer_with(
        &mut cluster,
        &task,
        start::Variant::SyncSuccess(start::Sync::default()),
    );
    let types = event_types(&cluster);
    assert!(
        types.contains(&EventType::NexusOperationCompleted),
        "{types:?}"
    );
}

#[test]
fn a_poll_that_waits_in_another_namespace_gets_the_next_request() {
    let mut cluster = across_namespaces();
    let Ok(Response::PollNexusTaskQueue(_)) = call(&mut cluster, handler_poll()) else {
        panic!("no Nexus task")
    };
    // The request is given up after nine seconds, and made again a second later.
    cluster.request(1_000, RequestId(2), handler_poll().into());
    assert!(cluster.take_replies().is_empty());
    cluster.fire_due(10_000);
    cluster.fire_due(12_000);
    let reply = cluster.take_replies().pop().expect("the request, again");
    assert_eq!(reply.id, RequestId(2));
}

#[test]
fn a_workflow_in_another_namespace_completes_an_operation() {
    let mut cluster = across_namespaces();
    let Ok(Response::PollNexusTaskQueue(task)) = call(&mut cluster, handler_poll()) else {
        panic!("no Nexus task")
    };
    let Some(request::Variant::StartOperation(asked)) = task
        .request
        .as_ref()
        .and_then(|request| request.variant.clone())
    else {
        panic!("not a request to start")
    };
    let started = start::Async {
        operation_token: "payment".to_owned(),
        ..start::Async::default()
    };
    answer_with(&mut cluster, &task, start::Variant::AsyncSuccess(started));
    let payment = StartWorkflowExecutionRequest {
        namespace: "bank".to_owned(),
        completion_callbacks: vec![crate::api::common::Callback {
            variant: Some(crate::api::common::callback::Variant::Nexus(
                crate::api::common::callback::Nexus {
                    url: asked.callback,
                    header: asked.callback_header,
                },
            )),
            ..Default::default()
        }],
        ..start_request("payment")
    };
    call(&mut cluster, payment).unwrap();
    let terminate = TerminateWorkflowExecutionRequest {
        namespace: "bank".to_owned(),
        workflow_execution: crate::testing::execution("payment"),
        ..TerminateWorkflowExecutionRequest::default()
    };
    call(&mut cluster, terminate).unwrap();
    call(
        &mut cluster,
        PollWorkflowTaskQueueRequest {
            task_queue: queue(TASK_QUEUE),
            ..poll_request()
        },
    )
    .unwrap();
    let types = event_types(&cluster);
    assert!(
        types.contains(&EventType::NexusOperationStarted),
        "{types:?}"
    );
    assert!(
        types.contains(&EventType::NexusOperationFailed),
        "{types:?}"
    );
}
