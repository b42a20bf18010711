//! RecordWorkerHeartbeat, ListWorkers, CountWorkers and DescribeWorker.
//!
//! Source: `temporalio/temporal: service/matching/handler.go`,
//! `service/matching/workers/registry_impl.go`.

use serde_json::{Value, json};
use tonic::Status;

use crate::{
    api::{
        rpc::{
            CountWorkersRequest, CountWorkersResponse, DescribeWorkerRequest,
            DescribeWorkerResponse, ListWorkersRequest, ListWorkersResponse,
            RecordWorkerHeartbeatRequest, RecordWorkerHeartbeatResponse,
        },
        worker::{WorkerHeartbeat, WorkerInfo, WorkerListInfo},
    },
    base::status,
    frontend::answer::{Answer, Handled},
    state::service::Service,
    visibility::workers::WorkerQuery,
};

/// Records what workers say of themselves.
pub(super) fn record(service: &mut Service, request: RecordWorkerHeartbeatRequest) -> Answer {
    for heartbeat in request.worker_heartbeat {
        service.workers.record(heartbeat, service.now_ms);
    }
    RecordWorkerHeartbeatResponse {}.into()
}

/// Lists workers in the order of their instance keys. A page size of 0 is no limit.
pub(super) fn list(service: &Service, request: &ListWorkersRequest) -> Handled {
    let query = WorkerQuery::parse(&request.query)?;
    let after = last_key(&request.next_page_token)?;
    let found = service.workers.iter(service.now_ms);
    let mut found: Vec<_> = found
        .filter(|it| query.finds(it))
        .filter(|it| {
            after
                .as_ref()
                .is_none_or(|key| it.worker_instance_key > *key)
        })
        .collect();
    let size = usize::try_from(request.page_size).unwrap_or(0);
    let mut next_page_token = Vec::new();
    if size > 0 && found.len() > size {
        found.truncate(size);
        let last = found.last().map(|it| &it.worker_instance_key);
        next_page_token = json!({ "l": last }).to_string().into_bytes();
    }
    #[allow(deprecated, reason = "the server fills in the old field too")]
    let response = ListWorkersResponse {
        workers_info: found.iter().map(|it| info(it)).collect(),
        workers: found.iter().map(|it| list_info(it)).collect(),
        next_page_token,
    };
    Ok(response.into())
}

/// Reads a page token: the instance key of the last worker of the page before.
fn last_key(token: &[u8]) -> Result<Option<String>, Status> {
    if token.is_empty() {
        return Ok(None);
    }
    let invalid = || Status::invalid_argument("invalid next_page_token");
    let token: Value = serde_json::from_slice(token).map_err(|_| invalid())?;
    let key = token.get("l").and_then(Value::as_str);
    Ok(Some(key.ok_or_else(invalid)?.to_owned()))
}

pub(super) fn count(service: &Service, request: &CountWorkersRequest) -> Handled {
    let query = WorkerQuery::parse(&request.query)?;
    let found = service.workers.iter(service.now_ms);
    let count = found.filter(|it| query.finds(it)).count();
    Ok(CountWorkersResponse {
        count: i64::try_from(count).unwrap_or(i64::MAX),
    }
    .into())
}

pub(super) fn describe(service: &Service, request: &DescribeWorkerRequest) -> Handled {
    let key = &request.worker_instance_key;
    let worker = service.workers.get(key, service.now_ms);
    let worker = worker.ok_or_else(|| status::not_found(format!("Worker {key} not found")))?;
    Ok(DescribeWorkerResponse {
        worker_info: Some(info(worker)),
    }
    .into())
}

fn info(worker: &WorkerHeartbeat) -> WorkerInfo {
    WorkerInfo {
        worker_heartbeat: Some(worker.clone()),
    }
}

fn list_info(worker: &WorkerHeartbeat) -> WorkerListInfo {
    let worker = worker.clone();
    let host = worker.host_info.clone().unwrap_or_default();
    WorkerListInfo {
        worker_instance_key: worker.worker_instance_key,
        worker_identity: worker.worker_identity,
        task_queue: worker.task_queue,
        deployment_version: worker.deployment_version,
        sdk_name: worker.sdk_name,
        sdk_version: worker.sdk_version,
        status: worker.status,
        start_time: worker.start_time,
        host_name: host.host_name,
        worker_grouping_key: host.worker_grouping_key,
        process_id: host.process_id,
        plugins: worker.plugins,
        drivers: worker.drivers,
    }
}
