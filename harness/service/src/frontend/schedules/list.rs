//! ListSchedules and CountSchedules.
//!
//! A query sees a schedule as the workflow that it is on the server, whose attribute `ScheduleId`
//! has the id.

use tonic::Status;

use crate::{
    api::{
        WorkflowExecution,
        enums::WorkflowExecutionStatus,
        rpc::{
            CountSchedulesRequest, CountSchedulesResponse, ListSchedulesRequest,
            ListSchedulesResponse,
        },
        schedule::ScheduleListEntry,
        workflow::WorkflowExecutionInfo,
    },
    base::search_attributes::is_reserved,
    frontend::{answer::Handled, list_workflow_executions::page, schedules::describe::typed},
    schedules::{attributes, schedule::Schedule},
    state::service::Service,
    visibility::query::Query,
};

/// The attribute that tells if a schedule is paused.
const PAUSED: &str = "TemporalSchedulePaused";

pub(in crate::frontend) fn list(service: &Service, request: &ListSchedulesRequest) -> Handled {
    let query = query(service, &request.query)?;
    let all = service.schedules.iter().map(as_workflow);
    let (found, next_page_token) = page(
        all,
        request.maximum_page_size,
        &request.next_page_token,
        |it| query.finds(it),
    )?;
    let found = found.iter().filter_map(|it| it.execution.as_ref());
    let found = found.filter_map(|it| service.schedules.get(&it.workflow_id));
    Ok(ListSchedulesResponse {
        schedules: found.map(|it| entry(service, it)).collect(),
        next_page_token,
    }
    .into())
}

pub(in crate::frontend) fn count(service: &Service, request: &CountSchedulesRequest) -> Handled {
    let query = query(service, &request.query)?;
    let all = service.schedules.iter().map(as_workflow);
    let count = all.filter(|it| query.finds(it)).count();
    Ok(CountSchedulesResponse {
        count: i64::try_from(count).unwrap_or(i64::MAX),
        groups: Vec::new(),
    }
    .into())
}

/// Reads a query for schedules.
///
/// Source: `temporalio/temporal: service/worker/scheduler/query.go`.
fn query(service: &Service, text: &str) -> Result<Query, Status> {
    let query = Query::parse(text, &service.config.search_attributes)?;
    if query.group_by.is_some() {
        return Err(Status::invalid_argument(
            "invalid query: malformed SQL query: 'GROUP BY' is not supported for schedules",
        ));
    }
    let mut names = query.attributes().into_iter().map(|it| it.alias.as_str());
    match names.find(|name| is_reserved(name) && *name != PAUSED) {
        Some(name) => Err(Status::invalid_argument(format!(
            "invalid query filter for schedules: cannot filter on {name:?}"
        ))),
        None => Ok(query),
    }
}

/// Returns the workflow that a schedule is, as queries see it.
fn as_workflow(schedule: &Schedule) -> WorkflowExecutionInfo {
    let mut search_attributes = schedule.search_attributes.clone().unwrap_or_default();
    let paused = attributes::typed("Bool", &schedule.is_paused().into());
    search_attributes
        .indexed_fields
        .insert(PAUSED.to_owned(), paused);
    WorkflowExecutionInfo {
        execution: Some(WorkflowExecution {
            workflow_id: schedule.id.clone(),
            run_id: schedule.id.clone(),
        }),
        start_time: schedule.info.create_time,
        execution_time: schedule.info.create_time,
        status: WorkflowExecutionStatus::Running.into(),
        search_attributes: Some(search_attributes),
        ..WorkflowExecutionInfo::default()
    }
}

fn entry(service: &Service, schedule: &Schedule) -> ScheduleListEntry {
    let registry = &service.config.search_attributes;
    ScheduleListEntry {
        schedule_id: schedule.id.clone(),
        memo: schedule.memo.clone(),
        search_attributes: typed(schedule.search_attributes.clone(), registry),
        info: Some(schedule.list_info()),
    }
}
