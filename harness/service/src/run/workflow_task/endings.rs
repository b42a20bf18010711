//! The end of a workflow task: completed, failed or timed out.
//!
//! Source: `temporalio/temporal: service/history/workflow/workflow_task_state_machine.go`.

use crate::{
    api::{
        common::WorkerVersionStamp,
        deployment::WorkerDeploymentOptions,
        enums::{TimeoutType, VersioningBehavior, WorkflowTaskFailedCause},
        history::*,
        rpc::RespondWorkflowTaskCompletedRequest,
    },
    base::versions::{is_versioned, version_of},
    run::{
        Run,
        workflow_task::{Starter, WorkflowTaskFailure, WorkflowTaskKind, WorkflowTaskProblem},
    },
};

/// Returns the stamp of a worker that does not use the old versioning by build ids, which the
/// server keeps out of started events.
pub(crate) fn unversioned(stamp: Option<&WorkerVersionStamp>) -> Option<&WorkerVersionStamp> {
    stamp.filter(|stamp| !stamp.use_versioning)
}

/// Returns the behavior of a workflow that its worker tells. SDKs tell a default behavior even of a
/// worker that is not versioned.
fn versioning_behavior(
    request: &RespondWorkflowTaskCompletedRequest,
    options: Option<&WorkerDeploymentOptions>,
) -> VersioningBehavior {
    if options.is_some_and(|options| !is_versioned(options)) {
        return VersioningBehavior::Unspecified;
    }
    request.versioning_behavior()
}

impl Run {
    #[allow(
        deprecated,
        reason = "the SDK's Core reads the build id of a task from the stamp"
    )]
    /// Completes the started task. Returns the id of its completed event, or `None` for a
    /// speculative task that leaves no trace.
    pub(crate) fn complete_workflow_task(
        &mut self,
        now_ms: u64,
        request: &mut RespondWorkflowTaskCompletedRequest,
    ) -> Option<i64> {
        let mut task = self.state.workflow_task.current.take()?;
        let is_written = task.attempt == 1 && task.kind == WorkflowTaskKind::Normal;
        self.state.workflow_task.attempt = 1;
        self.state.workflow_task.close_attempted = false;
        if task.kind == WorkflowTaskKind::Speculative && self.is_discarded_when_complete(request) {
            return None;
        }
        if !is_written {
            let stamp = unversioned(request.worker_version_stamp.as_ref());
            let identity = &request.identity;
            self.write_held_back_events(&mut task, Starter { identity, stamp });
        }
        self.state.workflow_task.last_completed_started_event_id = task.started_event_id;
        self.state.workflow_task.last_problem = None;
        let options = request.deployment_options.take();
        let versioning_behavior = versioning_behavior(request, options.as_ref());
        let attributes = WorkflowTaskCompletedEventAttributes {
            scheduled_event_id: task.scheduled_event_id,
            started_event_id: task.started_event_id,
            identity: request.identity.clone(),
            binary_checksum: std::mem::take(&mut request.binary_checksum),
            worker_version: request.worker_version_stamp.take(),
            sdk_metadata: request.sdk_metadata.take(),
            metering_metadata: request.metering_metadata.take(),
            versioning_behavior: versioning_behavior.into(),
            deployment_version: version_of(options.as_ref()),
            worker_deployment_name: options.map_or_else(String::new, |it| it.deployment_name),
            ..WorkflowTaskCompletedEventAttributes::default()
        };
        if self.apply_completed_version(&attributes) {
            self.reschedule_activities(now_ms.saturating_sub(task.scheduled_ms));
        }
        Some(self.history.add(now_ms, attributes))
    }

    /// Returns `true` if a speculative task with this answer leaves no trace: it only rejects
    /// updates, and its worker has seen no events that the history lacks.
    fn is_discarded_when_complete(&self, request: &RespondWorkflowTaskCompletedRequest) -> bool {
        const MAXIMUM_DISCARDED_EVENTS: i64 = 10;
        let after_last_completed = self.state.workflow_task.last_completed_started_event_id + 2;
        let can_drop_events = request
            .capabilities
            .as_ref()
            .is_some_and(|capabilities| capabilities.discard_speculative_workflow_task_with_events);
        let dropped = if can_drop_events {
            MAXIMUM_DISCARDED_EVENTS
        } else {
            0
        };
        request.commands.is_empty()
            && !request.force_create_new_workflow_task
            && self.history.next_event_id() <= after_last_completed + dropped
            && request.messages.iter().all(|message| {
                message
                    .body
                    .as_ref()
                    .is_some_and(|body| body.type_url.ends_with("temporal.api.update.v1.Rejection"))
            })
    }

    /// Fails the started task.
    #[allow(deprecated, reason = "the server still writes the checksum")]
    pub(crate) fn fail_workflow_task(&mut self, now_ms: u64, failed: WorkflowTaskFailure) {
        let Some(mut task) = self.state.workflow_task.current.clone() else {
            return;
        };
        let message = failed
            .failure
            .as_ref()
            .map_or_else(String::new, |failure| failure.message.clone());
        // Remember the failure for descriptions and reports.
        self.state.workflow_task.last_problem = Some(WorkflowTaskProblem::Failed {
            cause: failed.cause,
            message,
        });
        // Write the events of the task, unless it is a repetition.
        if task.kind == WorkflowTaskKind::Speculative {
            let stamp = unversioned(failed.stamp.as_ref());
            let identity = &failed.identity;
            self.write_held_back_events(&mut task, Starter { identity, stamp });
        }
        let cause = failed.cause;
        if !self.state.workflow_task.is_transient() {
            self.history.add(
                now_ms,
                WorkflowTaskFailedEventAttributes {
                    scheduled_event_id: task.scheduled_event_id,
                    started_event_id: task.started_event_id,
                    cause: cause.into(),
                    failure: failed.failure,
                    identity: failed.identity,
                    binary_checksum: failed.binary_checksum,
                    base_run_id: failed.base_run_id,
                    new_run_id: failed.new_run_id,
                    ..WorkflowTaskFailedEventAttributes::default()
                },
            );
        }
        // Prepare the next attempt.
        self.drop_failed_workflow_task(true);
        match cause {
            WorkflowTaskFailedCause::ResetWorkflow
            | WorkflowTaskFailedCause::FailoverCloseCommand => {
                self.state.workflow_task.attempt = 1;
            }
            WorkflowTaskFailedCause::UnhandledCommand => {
                self.state.workflow_task.close_attempted = true;
            }
            _ => {}
        }
    }

    /// Times out the started task, or the task that no worker took from the sticky queue.
    pub(crate) fn time_out_workflow_task(&mut self, now_ms: u64, timeout_type: TimeoutType) {
        let Some(mut task) = self.state.workflow_task.current.clone() else {
            return;
        };
        let is_start_to_close = timeout_type == TimeoutType::StartToClose;
        if task.kind == WorkflowTaskKind::Speculative {
            if is_start_to_close {
                self.write_held_back_events(&mut task, "".into());
            } else {
                task.scheduled_event_id = self.add_workflow_task_scheduled_event(
                    task.scheduled_ms,
                    task.timeout_ms,
                    task.attempt,
                );
            }
        }
        if !is_start_to_close || !self.state.workflow_task.is_transient() {
            self.history.add(
                now_ms,
                WorkflowTaskTimedOutEventAttributes {
                    scheduled_event_id: task.scheduled_event_id,
                    started_event_id: if is_start_to_close {
                        task.started_event_id
                    } else {
                        0
                    },
                    timeout_type: timeout_type.into(),
                },
            );
        }
        if is_start_to_close {
            self.state.workflow_task.last_problem =
                Some(WorkflowTaskProblem::TimedOut(timeout_type));
        }
        self.drop_failed_workflow_task(is_start_to_close);
    }

    /// Drops a task that did not complete. On the sticky queue, this ends stickiness, and the next
    /// attempt is a first one.
    fn drop_failed_workflow_task(&mut self, increment_attempt: bool) {
        let state = &mut self.state.workflow_task;
        let was_sticky = state.sticky.take().is_some();
        state.attempt = if increment_attempt && !was_sticky {
            state.attempt + 1
        } else {
            1
        };
        state.current = None;
        state.close_attempted = false;
    }
}
