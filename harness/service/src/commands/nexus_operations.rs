//! ScheduleNexusOperation and RequestCancelNexusOperation.
//!
//! Source: `temporalio/temporal: components/nexusoperations/workflow/commands.go`, with the limits
//! of `components/nexusoperations/config.go`.

use std::collections::BTreeMap;

use crate::{
    api::{
        command::{
            RequestCancelNexusOperationCommandAttributes, ScheduleNexusOperationCommandAttributes,
        },
        enums::WorkflowTaskFailedCause as Cause,
        history::{
            NexusOperationCancelRequestedEventAttributes, NexusOperationScheduledEventAttributes,
        },
    },
    base::{
        identifiers::derived_uuid,
        reason::Reason,
        time::{nanos, validate_and_cap},
    },
    commands::{
        context::CommandContext,
        failure::{Applied, CommandFailure},
    },
    run::nexus_operations::{
        closed_nexus_operation_of,
        system::{Refusal, SYSTEM_ENDPOINT, SystemOperation},
    },
};

/// The maximum bytes of the name of a service, and of the name of an operation.
const NAME_LENGTH: usize = 1000;

/// The maximum bytes of all header fields, keys and values.
const HEADER_SIZE: usize = 8192;

/// The header fields that only the server sets.
const DISALLOWED_HEADERS: [&str; 9] = [
    "request-timeout",
    "xdc-redirection-api",
    "xdc-redirection-source-cell",
    "xdc-redirection",
    "caller-name",
    "caller-type",
    "call-initiation",
    "temporal-principal-type",
    "temporal-principal-name",
];

fn bad_schedule(message: impl Into<String>) -> CommandFailure {
    CommandFailure::new(Cause::BadScheduleNexusOperationAttributes, message)
}

fn bad_cancel(message: impl Into<String>) -> CommandFailure {
    CommandFailure::new(Cause::BadRequestCancelNexusOperationAttributes, message)
}

/// Checks that Nexus operations are served: they are experimental, and can be switched off.
fn check_served(context: &CommandContext<'_>, command: &str) -> Applied {
    if context.config.nexus {
        return Ok(());
    }
    Err(CommandFailure::new(
        Cause::FeatureDisabled,
        format!(
            "{command}: Nexus operations are experimental; enable the feature `nexus` of `durasim`"
        ),
    ))
}

pub(super) fn schedule(
    context: &mut CommandContext<'_>,
    mut command: ScheduleNexusOperationCommandAttributes,
) -> Applied {
    check_served(context, "ScheduleNexusOperation")?;
    // Check the command.
    let endpoint_id = check_endpoint(context, &command)?;
    for (field, name) in [
        ("Service", &command.service),
        ("Operation", &command.operation),
    ] {
        if name.len() > NAME_LENGTH {
            return Err(bad_schedule(format!(
                "ScheduleNexusOperationCommandAttributes.{field} exceeds length limit of \
                 {NAME_LENGTH}"
            )));
        }
    }
    check_timeouts(&mut command)?;
    context.keep_payload_within(
        command.input.as_ref(),
        Cause::BadScheduleNexusOperationAttributes,
        "ScheduleNexusOperationCommandAttributes.Input",
    )?;
    let nexus_header = header(command.nexus_header.drain().collect())?;
    let limit = context.limits.pending_nexus_operations;
    if context.run.nexus_operations.len() >= limit {
        return Err(CommandFailure::new(
            Cause::PendingNexusOperationsLimitExceeded,
            format!(
                "workflow has reached the pending nexus operation limit of {limit} for this \
                 namespace"
            ),
        ));
    }
    // Schedule the operation.
    bound_timeouts(context, &mut command);
    let scheduled_event_id = context.run.history.next_event_id().unsigned_abs();
    let decoration = context.decoration.take();
    context.run.schedule_nexus_operation(
        context.now_ms,
        NexusOperationScheduledEventAttributes {
            endpoint: command.endpoint,
            service: command.service,
            operation: command.operation,
            input: command.input,
            schedule_to_close_timeout: command.schedule_to_close_timeout,
            nexus_header: nexus_header.into_iter().collect(),
            workflow_task_completed_event_id: context.completed_event_id,
            request_id: derived_uuid(&context.run.run_id, scheduled_event_id),
            endpoint_id,
            schedule_to_start_timeout: command.schedule_to_start_timeout,
            start_to_close_timeout: command.start_to_close_timeout,
        },
        decoration,
    );
    Ok(())
}

/// Returns the id of the endpoint; that of the service itself has none.
fn check_endpoint(
    context: &CommandContext<'_>,
    command: &ScheduleNexusOperationCommandAttributes,
) -> Result<String, CommandFailure> {
    let ScheduleNexusOperationCommandAttributes { endpoint, .. } = command;
    if endpoint != SYSTEM_ENDPOINT {
        let found = context.nexus_endpoints.get(endpoint);
        return found.map(|endpoint| endpoint.id.clone()).ok_or_else(|| {
            bad_schedule(format!("endpoint {endpoint:?} not found"))
                .with_reason(Reason::UnknownNexusEndpoint)
        });
    }
    if !command.nexus_header.is_empty() {
        return Err(bad_schedule(format!(
            "ScheduleNexusOperationCommandAttributes.NexusHeader must be empty when using \
             {SYSTEM_ENDPOINT} endpoint"
        )));
    }
    let operation = SystemOperation {
        service: &command.service,
        operation: &command.operation,
        input: command.input.as_ref(),
        request_id: "",
        links: Vec::new(),
    };
    match operation.request(context.config, context.now_ms) {
        Ok(_) => Ok(String::new()),
        Err(Refusal::Handler { message, .. }) => Err(bad_schedule(message)),
        Err(Refusal::Request(refused)) => Err(CommandFailure::refusing(refused.message())),
    }
}

fn check_timeouts(command: &mut ScheduleNexusOperationCommandAttributes) -> Applied {
    for (field, timeout) in [
        (
            "ScheduleToCloseTimeout",
            &mut command.schedule_to_close_timeout,
        ),
        (
            "ScheduleToStartTimeout",
            &mut command.schedule_to_start_timeout,
        ),
        ("StartToCloseTimeout", &mut command.start_to_close_timeout),
    ] {
        validate_and_cap(timeout.as_mut()).map_err(|why| {
            bad_schedule(format!(
                "ScheduleNexusOperationCommandAttributes.{field} is invalid: {why}"
            ))
        })?;
    }
    Ok(())
}

/// Limits the timeouts of the operation by that of the run, and its other timeouts by
/// schedule-to-close.
fn bound_timeouts(
    context: &CommandContext<'_>,
    command: &mut ScheduleNexusOperationCommandAttributes,
) {
    let run_timeout = context.run.started().workflow_run_timeout;
    let (of_run, of_operation) = (
        nanos(run_timeout.as_ref()),
        nanos(command.schedule_to_close_timeout.as_ref()),
    );
    if of_run > 0 && (of_operation == 0 || of_operation > of_run) {
        command.schedule_to_close_timeout = run_timeout;
    }
    let whole = command.schedule_to_close_timeout;
    let bound = nanos(whole.as_ref());
    if bound == 0 {
        return;
    }
    for part in [
        &mut command.schedule_to_start_timeout,
        &mut command.start_to_close_timeout,
    ] {
        if nanos(part.as_ref()) > bound {
            *part = whole;
        }
    }
}

/// Returns the header with its keys in lower case.
fn header(given: BTreeMap<String, String>) -> Result<BTreeMap<String, String>, CommandFailure> {
    let mut size = 0;
    let mut header = BTreeMap::new();
    for (key, value) in given {
        let lower = key.to_lowercase();
        size += lower.len() + value.len();
        if DISALLOWED_HEADERS.contains(&lower.as_str()) {
            return Err(bad_schedule(format!(
                "ScheduleNexusOperationCommandAttributes.NexusHeader contains a disallowed header \
                 key: {key:?}"
            )));
        }
        header.insert(lower, value);
    }
    if size > HEADER_SIZE {
        return Err(bad_schedule(
            "ScheduleNexusOperationCommandAttributes.NexusHeader exceeds size limit",
        ));
    }
    Ok(header)
}

pub(super) fn request_cancel(
    context: &mut CommandContext<'_>,
    command: RequestCancelNexusOperationCommandAttributes,
) -> Applied {
    check_served(context, "RequestCancelNexusOperation")?;
    let scheduled_event_id = command.scheduled_event_id;
    match context.run.nexus_operations.get(scheduled_event_id) {
        Some(operation) if operation.cancellation.is_some() => {
            return Err(bad_cancel(format!(
                "cancelation was already requested for an operation with scheduled event ID \
                 {scheduled_event_id}"
            )));
        }
        Some(_) => {}
        // The operation may have closed while the task was started; its closing event is still in
        // the buffer then. The request is recorded all the same, because the workflow has made it.
        None => {
            let is_buffered = context.run.history.buffered().iter().any(|event| {
                let closed = event
                    .attributes
                    .as_ref()
                    .and_then(closed_nexus_operation_of);
                closed.is_some_and(|(closed, _)| closed == scheduled_event_id)
            });
            if !is_buffered {
                return Err(bad_cancel(format!(
                    "requested cancelation for a non-existing or already completed operation with \
                     scheduled event ID of {scheduled_event_id}"
                )));
            }
        }
    }
    let requested_event_id = context.run.history.add_decorated(
        context.now_ms,
        NexusOperationCancelRequestedEventAttributes {
            scheduled_event_id,
            workflow_task_completed_event_id: context.completed_event_id,
        },
        context.decoration.take(),
    );
    context
        .run
        .request_nexus_cancel(context.now_ms, scheduled_event_id, requested_event_id);
    Ok(())
}
