//! ListWorkflowExecutions, ScanWorkflowExecutions, CountWorkflowExecutions,
//! ListOpenWorkflowExecutions and ListClosedWorkflowExecutions.
//!
//! Runs are visible at once; on the server they become visible a moment later.
//!
//! Source: `temporalio/temporal: service/frontend/workflow_handler.go`,
//! `common/persistence/visibility/store/sql/visibility_store.go`.

use std::{cmp::Reverse, collections::BTreeMap};

use temporalio_protos::temporal::api::filter::v1::StartTimeFilter;
use tonic::Status;

use crate::{
    api::{
        WorkflowExecution,
        common::Payload,
        enums::WorkflowExecutionStatus,
        rpc::{
            CountWorkflowExecutionsRequest, CountWorkflowExecutionsResponse,
            ListClosedWorkflowExecutionsRequest, ListClosedWorkflowExecutionsResponse,
            ListOpenWorkflowExecutionsRequest, ListOpenWorkflowExecutionsResponse,
            ListWorkflowExecutionsRequest, ListWorkflowExecutionsResponse,
            ScanWorkflowExecutionsRequest, ScanWorkflowExecutionsResponse,
            count_workflow_executions_response::AggregationGroup,
            list_closed_workflow_executions_request::Filters as Closed,
            list_open_workflow_executions_request::Filters as Open,
        },
        workflow::WorkflowExecutionInfo,
    },
    base::time::instant_ms,
    frontend::{answer::Handled, describe_workflow_execution::execution_info},
    state::service::Service,
    visibility::{query::Query, values::Value},
};

/// The runs of the largest page (`frontend.visibilityMaxPageSize`).
const MAX_PAGE: usize = 1000;

/// A page of runs, and the token of the next page; empty after the last.
pub(super) type Page = (Vec<WorkflowExecutionInfo>, Vec<u8>);

pub(super) fn list(service: &Service, request: &ListWorkflowExecutionsRequest) -> Handled {
    let (executions, next_page_token) = found(
        service,
        &request.query,
        request.page_size,
        &request.next_page_token,
    )?;
    Ok(ListWorkflowExecutionsResponse {
        executions,
        next_page_token,
    }
    .into())
}

pub(super) fn scan(service: &Service, request: &ScanWorkflowExecutionsRequest) -> Handled {
    let (executions, next_page_token) = found(
        service,
        &request.query,
        request.page_size,
        &request.next_page_token,
    )?;
    Ok(ScanWorkflowExecutionsResponse {
        executions,
        next_page_token,
    }
    .into())
}

/// Returns a page of the runs that a query finds, and the token of the next page.
fn found(service: &Service, query: &str, page_size: i32, token: &[u8]) -> Result<Page, Status> {
    let query = Query::parse(query, &service.config.search_attributes)?;
    page(runs(service), page_size, token, |run| query.finds(run))
}

/// Returns all the runs that a query finds, in the order of a list.
///
/// # Errors
///
/// Those of a list.
pub(super) fn all(service: &Service, query: &str) -> Result<Vec<WorkflowExecution>, Status> {
    let query = Query::parse(query, &service.config.search_attributes)?;
    Ok(in_a_list(runs(service), |run| query.finds(run)))
}

/// Returns the executions that a filter wants, in the order of a list.
pub(super) fn in_a_list(
    executions: impl Iterator<Item = WorkflowExecutionInfo>,
    is_wanted: impl Fn(&WorkflowExecutionInfo) -> bool,
) -> Vec<WorkflowExecution> {
    let found = in_order(executions, is_wanted);
    found
        .into_iter()
        .filter_map(|(_, run)| run.execution)
        .collect()
}

/// Counts runs, one group for each value of the attribute in `GROUP BY`.
pub(super) fn count(service: &Service, request: &CountWorkflowExecutionsRequest) -> Handled {
    let query = Query::parse(&request.query, &service.config.search_attributes)?;
    let (count, groups) = counted(runs(service), &query);
    let groups = groups.into_iter().map(|(value, count)| AggregationGroup {
        group_values: vec![value],
        count,
    });
    Ok(CountWorkflowExecutionsResponse {
        count,
        groups: groups.collect(),
    }
    .into())
}

/// Counts the executions that a query finds, and those of each group.
pub(super) fn counted(
    executions: impl Iterator<Item = WorkflowExecutionInfo>,
    query: &Query,
) -> (i64, Vec<(Payload, i64)>) {
    let found: Vec<_> = executions.filter(|run| query.finds(run)).collect();
    let mut groups: BTreeMap<Vec<u8>, (Payload, i64)> = BTreeMap::new();
    if let Some(attribute) = &query.group_by {
        for run in &found {
            let value = group_value(attribute.values(run).first());
            let group = groups.entry(value.data.clone()).or_insert((value, 0));
            group.1 += 1;
        }
    }
    let count = i64::try_from(found.len()).unwrap_or(i64::MAX);
    (count, groups.into_values().collect())
}

/// Returns the value of a group, as a search attribute has it.
fn group_value(value: Option<&Value>) -> Payload {
    let json = match value {
        Some(Value::Text(text)) => serde_json::Value::from(text.as_str()),
        _ => serde_json::Value::Null,
    };
    let metadata = [("encoding", "json/plain"), ("type", "Keyword")];
    Payload {
        metadata: metadata
            .map(|(key, value)| (key.to_owned(), value.as_bytes().to_vec()))
            .into(),
        data: json.to_string().into_bytes(),
        ..Payload::default()
    }
}

pub(super) fn list_open(service: &Service, request: &ListOpenWorkflowExecutionsRequest) -> Handled {
    let (executions, next_page_token) = page(
        runs(service),
        request.maximum_page_size,
        &request.next_page_token,
        |run| {
            let is_wanted = match &request.filters {
                Some(Open::ExecutionFilter(filter)) => id_of(run) == filter.workflow_id,
                Some(Open::TypeFilter(filter)) => type_of(run) == filter.name,
                None => true,
            };
            let started = run.start_time.as_ref().map_or(0, instant_ms);
            run.status() == WorkflowExecutionStatus::Running
                && is_wanted
                && is_within(request.start_time_filter.as_ref(), started)
        },
    )?;
    Ok(ListOpenWorkflowExecutionsResponse {
        executions,
        next_page_token,
    }
    .into())
}

pub(super) fn list_closed(
    service: &Service,
    request: &ListClosedWorkflowExecutionsRequest,
) -> Handled {
    let (executions, next_page_token) = page(
        runs(service),
        request.maximum_page_size,
        &request.next_page_token,
        |run| {
            let is_wanted = match &request.filters {
                Some(Closed::ExecutionFilter(filter)) => id_of(run) == filter.workflow_id,
                Some(Closed::TypeFilter(filter)) => type_of(run) == filter.name,
                Some(Closed::StatusFilter(filter)) => run.status() == filter.status(),
                None => true,
            };
            let closed = run.close_time.as_ref().map_or(0, instant_ms);
            run.status() != WorkflowExecutionStatus::Running
                && is_wanted
                && is_within(request.start_time_filter.as_ref(), closed)
        },
    )?;
    Ok(ListClosedWorkflowExecutionsResponse {
        executions,
        next_page_token,
    }
    .into())
}

fn id_of(run: &WorkflowExecutionInfo) -> &str {
    run.execution.as_ref().map_or("", |it| &it.workflow_id)
}

fn type_of(run: &WorkflowExecutionInfo) -> &str {
    run.r#type.as_ref().map_or("", |it| &it.name)
}

fn is_within(filter: Option<&StartTimeFilter>, at_ms: u64) -> bool {
    let Some(filter) = filter else { return true };
    let earliest_ms = filter.earliest_time.as_ref().map_or(0, instant_ms);
    let latest_ms = filter.latest_time.as_ref().map(instant_ms);
    earliest_ms <= at_ms && latest_ms.is_none_or(|latest_ms| at_ms <= latest_ms)
}

/// Returns the executions that a filter wants, in order: open ones first, then those that closed
/// last; and the token of the next page.
pub(super) fn page(
    executions: impl Iterator<Item = WorkflowExecutionInfo>,
    page_size: i32,
    token: &[u8],
    is_wanted: impl Fn(&WorkflowExecutionInfo) -> bool,
) -> Result<Page, Status> {
    let page_size = usize::try_from(page_size).unwrap_or(0);
    let page_size = match page_size {
        0 => MAX_PAGE,
        _ => page_size.min(MAX_PAGE),
    };
    let after = Place::of_token(token)?;
    let mut found = in_order(executions, is_wanted);
    found.retain(|(place, _)| after.as_ref().is_none_or(|after| place > after));
    let next = (found.len() > page_size)
        .then(|| {
            found
                .get(page_size.saturating_sub(1))
                .map(|(place, _)| place.token())
        })
        .flatten();
    let runs = found.into_iter().take(page_size).map(|(_, run)| run);
    Ok((runs.collect(), next.unwrap_or_default()))
}

/// Returns the executions that a filter wants, each with its place, in the order of their places.
fn in_order(
    executions: impl Iterator<Item = WorkflowExecutionInfo>,
    is_wanted: impl Fn(&WorkflowExecutionInfo) -> bool,
) -> Vec<(Place, WorkflowExecutionInfo)> {
    let mut found: Vec<_> = executions
        .filter(|run| is_wanted(run))
        .map(|run| (Place::of(&run), run))
        .collect();
    found.sort_by(|(left, _), (right, _)| left.cmp(right));
    found
}

fn runs(service: &Service) -> impl Iterator<Item = WorkflowExecutionInfo> {
    service.executions.iter().map(execution_info)
}

/// The place of a run in a list. A token names the last run of its page, so that runs which start
/// or close between two pages move no others.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    close_ms: Reverse<u64>,
    start_ms: Reverse<u64>,
    run_id: String,
}

impl Place {
    fn of(run: &WorkflowExecutionInfo) -> Self {
        Self {
            close_ms: Reverse(run.close_time.as_ref().map_or(u64::MAX, instant_ms)),
            start_ms: Reverse(run.start_time.as_ref().map_or(0, instant_ms)),
            run_id: run
                .execution
                .as_ref()
                .map_or_else(String::new, |it| it.run_id.clone()),
        }
    }

    fn token(&self) -> Vec<u8> {
        format!("{},{},{}", self.close_ms.0, self.start_ms.0, self.run_id).into_bytes()
    }

    /// Reads a page token; an empty one is none.
    fn of_token(token: &[u8]) -> Result<Option<Self>, Status> {
        let invalid = || Status::invalid_argument("Invalid NextPageToken.");
        if token.is_empty() {
            return Ok(None);
        }
        let text = std::str::from_utf8(token).map_err(|_| invalid())?;
        let mut parts = text.splitn(3, ',');
        let mut part = || parts.next().ok_or_else(invalid);
        let close_ms = part()?.parse().map_err(|_| invalid())?;
        let start_ms = part()?.parse().map_err(|_| invalid())?;
        Ok(Some(Self {
            close_ms: Reverse(close_ms),
            start_ms: Reverse(start_ms),
            run_id: part()?.to_owned(),
        }))
    }
}
