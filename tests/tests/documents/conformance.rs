//! Tests that keep `docs/CONFORMANCE.md` true, which lists the simulated parts of Temporal's
//! protocol.

use std::{collections::BTreeMap, fs, sync::LazyLock};

use durasim_service::{Cluster, Request, RequestId, ServiceConfig};
use prost::Message;
use prost_types::{FileDescriptorProto, FileDescriptorSet};
use temporalio_protos::temporal::api::{
    taskqueue::v1::TaskQueue,
    workflowservice::v1::{
        PollNexusTaskQueueRequest, RespondNexusTaskCompletedRequest, RespondNexusTaskFailedRequest,
    },
};
use tonic::{Code, Status};

use crate::{TestName, assert_tests_exist, read, table, tests_of};

/// A row of the document.
#[derive(Debug)]
struct Row {
    name: String,
    state: String,
    tests: Vec<TestName>,
    remark: String,
}

static DOCUMENT: LazyLock<String> = LazyLock::new(|| read("docs/CONFORMANCE.md"));

static PROTOS: LazyLock<Vec<FileDescriptorProto>> = LazyLock::new(|| {
    let bytes = fs::read(env!("TEMPORAL_DESCRIPTORS")).expect("the descriptors of the protocol");
    FileDescriptorSet::decode(&*bytes)
        .expect("descriptors")
        .file
});

/// Returns the rows of the table under a heading.
fn rows(heading: &str) -> Vec<Row> {
    table(&DOCUMENT, heading).into_iter().map(row).collect()
}

fn row(cells: Vec<String>) -> Row {
    let [name, state, tests, remark] = &cells[..] else {
        panic!("a row has four cells: {cells:?}")
    };
    Row {
        name: name.trim_matches('`').to_owned(),
        state: state.clone(),
        tests: tests_of(tests),
        remark: remark.clone(),
    }
}

/// Returns all rows of the document.
fn all_rows() -> Vec<Row> {
    let headings = [
        "Commands",
        "History events",
        "Activation jobs",
        "RPCs",
        "RPCs of operators",
        "RPCs of tests",
    ];
    headings.into_iter().flat_map(rows).collect()
}

#[track_caller]
fn assert_rows(heading: &str, names: Vec<String>) {
    let mut count: BTreeMap<String, i32> = names.into_iter().map(|name| (name, 0)).collect();
    assert!(
        count.len() > 5,
        "the protocol has more than {}",
        count.len()
    );
    for row in rows(heading) {
        match count.get_mut(&row.name) {
            Some(count) => *count += 1,
            None => panic!("{} is not in the protocol", row.name),
        }
    }
    let wrong: Vec<_> = count.into_iter().filter(|(_, count)| *count != 1).collect();
    assert!(wrong.is_empty(), "not in exactly one row: {wrong:?}");
}

/// Returns the names of an enum's values in `temporal.api.enums.v1` as Temporal shows them: without
/// their prefix, and without the first, which means "unspecified".
fn enum_values(name: &str, prefix: &str) -> Vec<String> {
    let found = PROTOS
        .iter()
        .filter(|file| file.package() == "temporal.api.enums.v1")
        .flat_map(|file| &file.enum_type)
        .find(|found| found.name() == name)
        .expect("an enum of the protocol");
    let values = found.value.iter().filter(|value| value.number() != 0);
    values
        .map(|value| camel_case(value.name().trim_start_matches(prefix)))
        .collect()
}

fn camel_case(name: &str) -> String {
    let word = |word: &str| word[..1].to_uppercase() + &word[1..].to_lowercase();
    name.split('_').map(word).collect()
}

/// Returns the names of the RPCs of a service.
fn rpcs(package: &str, name: &str) -> Vec<String> {
    let service = PROTOS
        .iter()
        .filter(|file| file.package() == package)
        .flat_map(|file| &file.service)
        .find(|service| service.name() == name)
        .unwrap_or_else(|| panic!("no service {name}"));
    service
        .method
        .iter()
        .map(|method| method.name().to_owned())
        .collect()
}

#[test]
fn each_command_type_has_a_row() {
    assert_rows("Commands", enum_values("CommandType", "COMMAND_TYPE_"));
}

#[test]
fn each_event_type_has_a_row() {
    assert_rows("History events", enum_values("EventType", "EVENT_TYPE_"));
}

#[test]
fn each_activation_job_has_a_row() {
    let job = PROTOS
        .iter()
        .filter(|file| file.package() == "coresdk.workflow_activation")
        .flat_map(|file| &file.message_type)
        .find(|message| message.name() == "WorkflowActivationJob")
        .expect("a job of Core's");
    assert_rows(
        "Activation jobs",
        job.field
            .iter()
            .map(|field| camel_case(field.name()))
            .collect(),
    );
}

#[test]
fn each_rpc_has_a_row() {
    assert_rows(
        "RPCs",
        rpcs("temporal.api.workflowservice.v1", "WorkflowService"),
    );
    assert_rows(
        "RPCs of operators",
        rpcs("temporal.api.operatorservice.v1", "OperatorService"),
    );
    assert_rows(
        "RPCs of tests",
        rpcs("temporal.api.testservice.v1", "TestService"),
    );
}

#[test]
fn each_row_that_is_done_names_a_test() {
    for row in all_rows() {
        assert!(
            ["done", "partly", "not"].contains(&row.state.as_str()),
            "{row:?}"
        );
        assert!(
            row.state != "done" || !row.tests.is_empty(),
            "no test: {row:?}"
        );
        assert!(
            row.state != "not" || row.tests.is_empty(),
            "a row that is not done has a test: {row:?}"
        );
    }
}

#[test]
fn each_other_row_says_what_is_missing() {
    for row in all_rows() {
        assert!(
            row.state == "done" || !row.remark.is_empty(),
            "no remark: {row:?}"
        );
    }
}

#[test]
fn each_named_test_exists() {
    assert_tests_exist(all_rows().iter().flat_map(|row| &row.tests));
}

/// Returns the error with which a cluster refuses an RPC at once, if it does.
fn refused(rpc: &str) -> Option<Status> {
    let request = match rpc {
        // These requests are refused as malformed if they are empty.
        "PollNexusTaskQueue" => PollNexusTaskQueueRequest {
            namespace: "default".to_owned(),
            task_queue: Some(TaskQueue {
                name: "queue".to_owned(),
                ..TaskQueue::default()
            }),
            ..PollNexusTaskQueueRequest::default()
        }
        .into(),
        "RespondNexusTaskCompleted" => RespondNexusTaskCompletedRequest {
            namespace: "default".to_owned(),
            ..RespondNexusTaskCompletedRequest::default()
        }
        .into(),
        "RespondNexusTaskFailed" => RespondNexusTaskFailedRequest {
            namespace: "default".to_owned(),
            ..RespondNexusTaskFailedRequest::default()
        }
        .into(),
        _ => match Request::decode(rpc, &[]) {
            Ok(request) => request,
            Err(status) => return Some(status),
        },
    };
    let mut cluster = Cluster::new(ServiceConfig::default());
    cluster.request(durasim_engine::START_MS, RequestId(1), request);
    cluster
        .take_replies()
        .pop()
        .and_then(|reply| reply.result.err())
}

#[test]
fn an_rpc_that_is_not_done_is_refused_as_unimplemented() {
    for row in rows("RPCs").into_iter().filter(|row| row.state == "not") {
        let status = refused(&row.name).unwrap_or_else(|| panic!("{} is served", row.name));
        assert_eq!(
            status.code(),
            Code::Unimplemented,
            "{}: {status:?}",
            row.name
        );
        let is_retired = status.message().contains("no longer supported");
        assert!(
            is_retired || status.message().contains(&row.name),
            "{status:?}"
        );
    }
}

#[test]
fn an_rpc_that_is_done_is_served() {
    for row in rows("RPCs").into_iter().filter(|row| row.state != "not") {
        let code = refused(&row.name).map(|status| status.code());
        assert_ne!(code, Some(Code::Unimplemented), "{}", row.name);
    }
}

#[test]
fn an_rpc_of_operators_answers_as_its_row_says() {
    for row in rows("RPCs of operators") {
        let mut cluster = Cluster::new(ServiceConfig::default());
        let answered = cluster.operate(durasim_engine::START_MS, &row.name, &[]);
        let code = answered.err().map(|status| status.code());
        assert_eq!(
            code == Some(Code::Unimplemented),
            row.state == "not",
            "{}: {code:?}",
            row.name
        );
    }
}
