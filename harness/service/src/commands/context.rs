//! The context in which commands are applied.

use prost::Message;

use crate::{
    api::{
        common::{Memo, SearchAttributes},
        enums::WorkflowTaskFailedCause,
        protocol,
        taskqueue::TaskQueue,
    },
    base::{
        config::{Limits, ServiceConfig},
        identifiers::derived_uuid,
        nexus_endpoints::NexusEndpoints,
        reason::Reason,
        search_attributes::check_sizes,
    },
    commands::failure::{Applied, CommandFailure},
    deployments::Deployments,
    history::EventDecoration,
    run::{Run, start::NewRun},
};

/// The state that command handlers use and change.
pub(crate) struct CommandContext<'a> {
    pub(crate) run: &'a mut Run,
    pub(crate) now_ms: u64,
    pub(crate) config: &'a ServiceConfig,
    pub(crate) limits: &'a Limits,
    pub(crate) nexus_endpoints: &'a NexusEndpoints,
    pub(crate) deployments: &'a Deployments,
    /// The id of the WorkflowTaskCompleted event that the commands belong to.
    pub(crate) completed_event_id: i64,
    pub(crate) identity: &'a str,
    /// True if events came while the task was started. The run must not close before its workflow
    /// has seen them.
    pub(crate) has_buffered_events: bool,
    /// True if something happened that the workflow must see in another task.
    pub(crate) needs_workflow_task: bool,
    /// The ids of the activities that the worker wants to begin at once.
    pub(crate) eager_activities: Vec<String>,
    /// The ordinal, among the runs of its workflow id, of the run that a closing command may start.
    pub(crate) next_run_ordinal: u64,
    /// The run that a closing command starts.
    pub(crate) next_run: Option<Box<NewRun>>,
    /// The worker's messages about updates that have not been applied yet.
    pub(crate) messages: Vec<protocol::Message>,
    /// The metadata and groups of the command that is being applied.
    pub(crate) decoration: EventDecoration,
}

impl CommandContext<'_> {
    /// Returns `true` if a command names the task queue of its own run.
    pub(crate) fn is_own_queue(&self, queue: Option<&TaskQueue>) -> bool {
        queue.is_none_or(|queue| queue.name == self.run.task_queue_name())
    }

    /// Returns the id of the run that a closing command may start.
    pub(crate) fn next_run_id(&self) -> String {
        derived_uuid(&self.run.workflow_id, self.next_run_ordinal)
    }

    /// Checks the namespace of a command that reaches another run. Commands stay in the namespace
    /// of their run (`system.enableCrossNamespaceCommands`).
    ///
    /// # Errors
    ///
    /// The cause for another namespace; NOT_FOUND for an unknown one: the server answers the worker
    /// with it, and leaves the task to time out.
    ///
    /// Source: `temporalio/temporal: service/history/api/command_attr_validator.go`
    /// (`validateCrossNamespaceCall`).
    pub(super) fn check_namespace(
        &self,
        namespace: &str,
        cause: WorkflowTaskFailedCause,
    ) -> Applied {
        if namespace.is_empty() || namespace == self.config.namespace {
            return Ok(());
        }
        if self.config.neighbours.contains(namespace) {
            let refused = "cross namespace commands are not allowed";
            return Err(CommandFailure::new(cause, refused));
        }
        Err(CommandFailure::unknown_namespace(namespace))
    }

    /// Checks search attributes that a command sets.
    ///
    /// # Errors
    ///
    /// BAD_SEARCH_ATTRIBUTES for an unknown name, or for a value that does not fit its attribute.
    pub(super) fn check_search_attributes(&self, attributes: Option<&SearchAttributes>) -> Applied {
        let registry = &self.config.search_attributes;
        let checked = registry.check(&self.config.namespace, attributes);
        let cause = WorkflowTaskFailedCause::BadSearchAttributes;
        checked.map_err(|refused| {
            let failure = CommandFailure::new(cause, refused.message());
            match Reason::of(&refused) {
                Some(reason) => failure.with_reason(reason),
                None => failure,
            }
        })
    }

    /// Checks that the workflow has seen all events, as it must before the run closes.
    ///
    /// # Errors
    ///
    /// UNHANDLED_COMMAND if events are buffered.
    pub(crate) fn may_close(&self) -> Applied {
        if self.has_buffered_events {
            let failure = CommandFailure::new(WorkflowTaskFailedCause::UnhandledCommand, "");
            return Err(failure.with_reason(Reason::UnhandledCommand));
        }
        Ok(())
    }

    /// Checks the size of a payload.
    ///
    /// # Errors
    ///
    /// A failure with this cause, which also terminates the run, if the payload is too large.
    pub(crate) fn keep_payload_within(
        &self,
        payload: Option<&impl Message>,
        cause: WorkflowTaskFailedCause,
        field: &str,
    ) -> Applied {
        let bytes = payload.map_or(0, Message::encoded_len);
        if bytes > self.limits.payload_bytes {
            let message = format!("{field} exceeds size limit.");
            return Err(CommandFailure::terminating(cause, message));
        }
        Ok(())
    }

    /// Checks a size against the limit on payloads.
    ///
    /// # Errors
    ///
    /// A failure with this cause, which also terminates the run, if the size is too large.
    pub(super) fn keep_size_within(
        &self,
        bytes: usize,
        cause: WorkflowTaskFailedCause,
        message: &str,
    ) -> Applied {
        if bytes > self.limits.payload_bytes {
            return Err(CommandFailure::terminating(cause, message));
        }
        Ok(())
    }

    /// Checks the size of search attributes.
    ///
    /// # Errors
    ///
    /// A failure with this cause, which also terminates the run, if they are too large.
    pub(super) fn keep_search_attributes_within(
        attributes: Option<&SearchAttributes>,
        cause: WorkflowTaskFailedCause,
    ) -> Applied {
        let checked = attributes.map_or(Ok(()), check_sizes);
        checked.map_err(|refused| CommandFailure::terminating(cause, refused.message()))
    }

    /// Checks the size of a memo.
    ///
    /// # Errors
    ///
    /// A failure with this cause, which also terminates the run, if the memo is too large.
    pub(super) fn keep_memo_within(
        &self,
        memo: Option<&Memo>,
        cause: WorkflowTaskFailedCause,
        message: &str,
    ) -> Applied {
        if memo.is_some_and(|memo| memo.encoded_len() > self.limits.memo_bytes) {
            return Err(CommandFailure::terminating(cause, message));
        }
        Ok(())
    }
}
