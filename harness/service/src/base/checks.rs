//! Checks that requests and commands share. The messages of their statuses are the server's.

use temporalio_protos::temporal::api::{
    common::v1::Priority, enums::v1::TaskQueueKind, taskqueue::v1::TaskQueue,
};
use tonic::Status;

use crate::base::config::Limits;

/// Checks a task queue that is not a partition of another, and fills in its kind and, if it has no
/// name, its name.
///
/// Source: `temporalio/temporal: common/tqid/task_queue_validator.go`.
///
/// # Errors
///
/// INVALID_ARGUMENT, naming the mistake.
pub(crate) fn task_queue(
    task_queue: &mut Option<TaskQueue>,
    default_name: &str,
    limits: &Limits,
) -> Result<(), Status> {
    const RESERVED_PREFIX: &str = "/_sys/";
    let Some(task_queue) = task_queue else {
        return invalid("taskQueue is not set");
    };
    if task_queue.kind() == TaskQueueKind::Unspecified {
        known::<TaskQueueKind>("TaskQueueKind", task_queue.kind)?;
        task_queue.set_kind(TaskQueueKind::Normal);
    }
    if task_queue.name.is_empty() {
        if default_name.is_empty() {
            return invalid("missing task queue name");
        }
        default_name.clone_into(&mut task_queue.name);
    }
    if task_queue.name.len() > limits.id_length
        || (task_queue.kind() == TaskQueueKind::Sticky
            && task_queue.normal_name.len() > limits.id_length)
    {
        return invalid("taskQueue length exceeds limit");
    }
    if task_queue.name.starts_with(RESERVED_PREFIX) {
        return invalid(format!(
            "task queue name cannot start with reserved prefix {RESERVED_PREFIX}"
        ));
    }
    Ok(())
}

/// Checks a task queue as [`task_queue`] does, and that it is not internal to the server.
///
/// Source: `temporalio/temporal: common/primitives/task_queues.go`.
///
/// # Errors
///
/// INVALID_ARGUMENT, naming the mistake.
pub(crate) fn task_queue_of_user(
    queue: &mut Option<TaskQueue>,
    default_name: &str,
    parent: &str,
    limits: &Limits,
) -> Result<(), Status> {
    task_queue(queue, default_name, limits)?;
    let name = queue.as_ref().map_or("", |queue| &queue.name);
    let internal = |name: &str| {
        name.starts_with("temporal-sys-per-ns-")
            || name == "temporal-sys-worker-controller-per-ns-tq"
    };
    if internal(name) && !internal(parent) {
        let mut message = format!("cannot use internal per-namespace task queue:{name}");
        if !parent.is_empty() {
            message.push_str(" (in parent component task queue: ");
            message.push_str(parent);
            message.push(')');
        }
        return invalid(message);
    }
    Ok(())
}

/// Checks a priority.
///
/// Source: `temporalio/temporal: common/priorities/priority_util.go`.
///
/// # Errors
///
/// INVALID_ARGUMENT, naming the field that is out of range.
pub(crate) fn priority(priority: Option<&Priority>) -> Result<(), Status> {
    const FAIRNESS_KEY_MAX_LENGTH: usize = 64;
    let Some(priority) = priority else {
        return Ok(());
    };
    if priority.priority_key < 0 {
        return invalid("priority key can't be negative");
    }
    if priority.fairness_key.len() > FAIRNESS_KEY_MAX_LENGTH {
        return invalid("fairness key length exceeds limit");
    }
    // In Go, "not a number" is not less than 0, but it is no weight either.
    if priority.fairness_weight < 0.0 || priority.fairness_weight.is_nan() {
        return invalid("must be greater than zero");
    }
    Ok(())
}

/// Reads a number as a value of the enum `T`.
///
/// The server accepts some unknown numbers and does nothing sensible with them; an error serves a
/// test better.
///
/// # Errors
///
/// INVALID_ARGUMENT for a number that the enum does not have.
pub(crate) fn known<T: TryFrom<i32>>(name: &str, value: i32) -> Result<T, Status> {
    T::try_from(value).map_err(|_| Status::invalid_argument(format!("unknown {name}: {value}")))
}

/// Checks the size of one field against the limit on payloads.
///
/// Source: `temporalio/temporal: common/util.go` (`CheckEventBlobSizeLimit`).
///
/// # Errors
///
/// INVALID_ARGUMENT if the field is too large.
pub(crate) fn blob_size<M: prost::Message>(
    blob: Option<&M>,
    limits: &Limits,
) -> Result<(), Status> {
    if blob.is_some_and(|blob| blob.encoded_len() > limits.payload_bytes) {
        return invalid("Blob data size exceeds limit.");
    }
    Ok(())
}

/// Returns the error INVALID_ARGUMENT with this message.
pub(crate) fn invalid<T>(message: impl Into<String>) -> Result<T, Status> {
    Err(Status::invalid_argument(message))
}
