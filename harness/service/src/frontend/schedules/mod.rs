//! CreateSchedule, UpdateSchedule, PatchSchedule and DeleteSchedule, and the turns of schedules.
//!
//! The server sends changes to the workflow that a schedule is, and answers before it has made
//! them. Here they are made at once.
//!
//! Source: `temporalio/temporal: service/frontend/workflow_handler.go`.

pub(super) mod describe;
pub(super) mod list;
#[cfg(test)]
mod tests;
mod workflows;

use tonic::Status;

use crate::{
    api::rpc::{
        CreateScheduleRequest, CreateScheduleResponse, DeleteScheduleRequest,
        DeleteScheduleResponse, PatchScheduleRequest, PatchScheduleResponse, UpdateScheduleRequest,
        UpdateScheduleResponse,
    },
    base::status,
    frontend::{
        answer::Handled, schedules::workflows::OfService, validate::schedule::WORKFLOW_ID_PREFIX,
    },
    schedules::schedule::{Change, NewSchedule, Schedule, Update},
    state::service::Service,
};

/// Lets one of the schedules whose turn has come take it.
pub(crate) fn fire(service: &mut Service, index: usize) {
    let due = service.schedules.due(service.now_ms).nth(index);
    if let Some(id) = due.map(str::to_owned) {
        service.schedules.turn_taken();
        turn(service, &id, None);
    }
}

fn turn(service: &mut Service, id: &str, change: Option<Change>) {
    if let Some(schedule) = service.schedules.take(id) {
        turn_of(service, schedule, change);
    }
}

fn turn_of(service: &mut Service, mut schedule: Schedule, change: Option<Change>) {
    schedule.turn(service.now_ms, change, &mut OfService(service));
    let closed = schedule.is_closed.then(|| schedule.id.clone());
    service.schedules.put(schedule);
    if let Some(id) = closed {
        service.retain_schedule(&id);
    }
}

/// Creates a schedule, which takes its first turn. A repeated request creates none.
pub(super) fn create(service: &mut Service, request: CreateScheduleRequest) -> Handled {
    let id = request.schedule_id;
    if let Some(schedule) = service.schedules.get(&id) {
        if schedule.create_request_id == request.request_id {
            return Ok(created());
        }
        let message = format!("schedule {id:?} is already registered");
        return Err(status::already_started(message, "", "", ""));
    }
    let new = NewSchedule {
        id,
        request_id: request.request_id,
        definition: request.schedule.unwrap_or_default(),
        memo: request.memo.filter(|memo| !memo.fields.is_empty()),
        search_attributes: request
            .search_attributes
            .filter(|it| !it.indexed_fields.is_empty()),
    };
    let schedule =
        Schedule::new(new, &service.config, service.now_ms).map_err(Status::invalid_argument)?;
    turn_of(service, schedule, request.initial_patch.map(Change::Patch));
    Ok(created())
}

fn created() -> super::answer::Answer {
    CreateScheduleResponse {
        conflict_token: token(1),
    }
    .into()
}

/// Returns the bytes of a conflict token.
fn token(conflict_token: i64) -> Vec<u8> {
    conflict_token.to_be_bytes().to_vec()
}

pub(super) fn update(service: &mut Service, request: UpdateScheduleRequest) -> Handled {
    let token = request.conflict_token.first_chunk().copied();
    let update = Update {
        definition: request.schedule.unwrap_or_default(),
        conflict_token: token.map_or(0, i64::from_be_bytes),
        search_attributes: request.search_attributes,
    };
    let change = Change::Update(Box::new(update));
    change_once(service, &request.schedule_id, &request.request_id, change)?;
    Ok(UpdateScheduleResponse {}.into())
}

pub(super) fn patch(service: &mut Service, request: PatchScheduleRequest) -> Handled {
    let change = Change::Patch(request.patch.unwrap_or_default());
    change_once(service, &request.schedule_id, &request.request_id, change)?;
    Ok(PatchScheduleResponse {}.into())
}

/// Changes a schedule, unless the request is repeated.
fn change_once(
    service: &mut Service,
    id: &str,
    request_id: &str,
    change: Change,
) -> Result<(), Status> {
    let Some(mut schedule) = service.schedules.take(id) else {
        return Err(missing(service, id));
    };
    if schedule.is_new_request(request_id) {
        turn_of(service, schedule, Some(change));
    } else {
        service.schedules.put(schedule);
    }
    Ok(())
}

pub(super) fn delete(service: &mut Service, request: &DeleteScheduleRequest) -> Handled {
    if !service.schedules.close(&request.schedule_id) {
        return Err(missing(service, &request.schedule_id));
    }
    service.retain_schedule(&request.schedule_id);
    Ok(DeleteScheduleResponse {}.into())
}

/// Returns NOT_FOUND for a schedule to change, in the words for the workflow that it is on the
/// server.
fn missing(service: &Service, id: &str) -> Status {
    if service.schedules.is_closed(id) {
        status::not_found("workflow execution already completed")
    } else {
        unknown(id)
    }
}

/// Returns NOT_FOUND for a schedule that never was.
fn unknown(id: &str) -> Status {
    status::not_found(format!(
        "workflow not found for ID: {WORKFLOW_ID_PREFIX}{id}"
    ))
}
