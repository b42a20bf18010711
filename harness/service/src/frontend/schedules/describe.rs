//! DescribeSchedule and ListScheduleMatchingTimes.

use crate::{
    api::{
        common::SearchAttributes,
        rpc::{
            DescribeScheduleRequest, DescribeScheduleResponse, ListScheduleMatchingTimesRequest,
            ListScheduleMatchingTimesResponse,
        },
        schedule::{Schedule as Definition, schedule_action::Action},
    },
    base::{search_attributes::SearchAttributeRegistry, status, time::signed_ms},
    frontend::{
        answer::Handled,
        schedules::{token, unknown, workflows::end_of},
    },
    schedules::spec::with_defaults,
    state::service::Service,
};

/// The times of the specification that one request lists.
const MAX_TIMES: usize = 1_000;

/// Describes a schedule. If a workflow of it no longer runs, the schedule wakes and takes note.
pub(in crate::frontend) fn handle(
    service: &mut Service,
    request: &DescribeScheduleRequest,
) -> Handled {
    let id = &request.schedule_id;
    let Some(schedule) = service.schedules.get(id) else {
        return Err(if service.schedules.is_closed(id) {
            status::not_found("schedule not found")
        } else {
            unknown(id)
        });
    };
    let mut info = schedule.described_info();
    let running = info.running_workflows.len();
    info.running_workflows
        .retain(|it| end_of(service, it).is_none());
    let has_ended = info.running_workflows.len() < running;
    let registry = &service.config.search_attributes;
    let response = DescribeScheduleResponse {
        schedule: Some(described(schedule.definition(), registry)),
        info: Some(info),
        memo: schedule.memo.clone(),
        search_attributes: typed(schedule.search_attributes.clone(), registry),
        conflict_token: token(schedule.conflict_token),
    };
    if has_ended {
        service.schedules.wake(id, service.now_ms);
    }
    Ok(response.into())
}

fn described(mut definition: Definition, registry: &SearchAttributeRegistry) -> Definition {
    definition.spec = definition.spec.map(with_defaults);
    if let Some(Action::StartWorkflow(start)) =
        definition.action.as_mut().and_then(|it| it.action.as_mut())
    {
        start.search_attributes = typed(start.search_attributes.take(), registry);
    }
    definition
}

/// Adds the types of search attributes, where they are registered.
pub(super) fn typed(
    attributes: Option<SearchAttributes>,
    registry: &SearchAttributeRegistry,
) -> Option<SearchAttributes> {
    let mut attributes = attributes?;
    for (name, payload) in &mut attributes.indexed_fields {
        if let Some(value_type) = registry.type_name_of(name) {
            let metadata = &mut payload.metadata;
            metadata.insert("type".to_owned(), value_type.into());
        }
    }
    Some(attributes)
}

/// Lists the times of a schedule after one and up to another.
pub(in crate::frontend) fn matching_times(
    service: &Service,
    request: &ListScheduleMatchingTimesRequest,
) -> Handled {
    let schedule = service.schedules.get(&request.schedule_id);
    let schedule = schedule.ok_or_else(|| unknown(&request.schedule_id))?;
    let (Some(start), Some(end)) = (&request.start_time, &request.end_time) else {
        return Err(status::query_failed("missing or invalid query", None));
    };
    let mut times = Vec::new();
    let mut after_ms = signed_ms(start);
    while times.len() < MAX_TIMES {
        let next = schedule.time_after(after_ms).map_err(|_| {
            let message = "the schedule calendar specification has too many exclusions. Please \
                           modify the specification.";
            status::query_failed(message, None)
        })?;
        let Some(next_ms) = next.filter(|at_ms| *at_ms <= signed_ms(end)) else {
            break;
        };
        times.push(crate::base::time::signed_timestamp(next_ms));
        after_ms = next_ms;
    }
    Ok(ListScheduleMatchingTimesResponse { start_time: times }.into())
}
