//! Failures of workflow tasks: no attempt succeeds.

use std::sync::Arc;

use durasim_engine::START_MS;
use durasim_events::HistoryEvent;
use durasim_service::Reason;

use crate::report::{
    Failure, FailureCode, HistoryExcerpt, SourceLine, WorkflowName,
    sdk_defects::{
        COMMANDS_AFTER_CLOSE, CUT_OTHERWISE, EMPTY_SEARCH_ATTRIBUTE, SdkDefect, UNANSWERED_START,
        sdk_defect,
    },
};

/// The remedy for a Nexus operation at an endpoint that does not exist.
const HANDLE_OPERATION: &str = "handle the operation in the test, which makes its endpoint: \
    `env.nexus_operation(endpoint, service, operation, |call: NexusCall<..>| async move { .. })`; \
    or correct the endpoint in the workflow";

/// The remedy for other commands that the service refuses.
const CORRECT_COMMAND: &str = "correct what the workflow asks for: a real cluster would refuse it \
    too, and retry the task forever";

impl Failure {
    /// Returns the failure of workflow code that fails its task on every attempt: by a panic, or by
    /// an error that the SDK does not tolerate.
    ///
    /// A known defect of the SDK is reported as such.
    pub(crate) fn workflow_task_fails(
        workflow: WorkflowName,
        attempts: u32,
        message: &str,
        location: Option<SourceLine>,
        events: &[Arc<HistoryEvent>],
    ) -> Self {
        let failure = match sdk_defect(message, events) {
            Some(defect) => Self::of_the_sdk(defect),
            None => Self::new(
                FailureCode::WorkflowTask,
                format!(
                    "workflow code fails its workflow task on every attempt, {attempts} so far"
                ),
            ),
        };
        failure.of(workflow).with_message(message).at(location)
    }

    /// Returns the failure of a workflow task whose commands the service refuses on every attempt.
    ///
    /// A known defect of the SDK is reported as such.
    pub(crate) fn commands_refused(
        workflow: WorkflowName,
        attempts: u32,
        message: &str,
        reason: Option<Reason>,
    ) -> Self {
        let refused = |remedy| {
            let what = format!(
                "the service refuses the commands of a workflow task on every attempt, \
                 {attempts} so far"
            );
            Self::new(FailureCode::WorkflowTask, what).with_remedy(remedy)
        };
        let failure = match reason {
            Some(Reason::CommandsAfterClose) => Self::of_the_sdk(&COMMANDS_AFTER_CLOSE),
            Some(Reason::EmptySearchAttribute) => Self::of_the_sdk(&EMPTY_SEARCH_ATTRIBUTE),
            Some(Reason::UnknownNexusEndpoint) => refused(HANDLE_OPERATION),
            _ => refused(CORRECT_COMMAND),
        };
        failure.of(workflow).with_message(message)
    }

    /// Returns the failure of a workflow that awaits the start of a child, which the SDK never
    /// resolves.
    pub(crate) fn unanswered_start(workflow: WorkflowName, child_id: &str) -> Self {
        Self::of_the_sdk(&UNANSWERED_START)
            .of(workflow)
            .with_message(format!("the workflow awaits the start of child {child_id}"))
    }

    /// Returns the failure of a workflow whose updates the SDK replays at another place.
    pub(crate) fn cut_otherwise(
        workflow: WorkflowName,
        message: &str,
        events: &[Arc<HistoryEvent>],
    ) -> Self {
        Self::of_the_sdk(&CUT_OTHERWISE)
            .of(workflow)
            .with_message(message)
            .with_history(HistoryExcerpt::tail(events, START_MS))
    }

    /// Returns the failure of a known defect of the SDK.
    pub(super) fn of_the_sdk(defect: &SdkDefect) -> Self {
        Self::new(FailureCode::Sdk, defect.what).with_remedy(defect.remedy)
    }
}
