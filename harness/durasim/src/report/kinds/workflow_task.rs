//! Failures of workflow tasks: no attempt succeeds.

use crate::report::{
    Failure, FailureCode, SourceLine, WorkflowName,
    sdk_defects::{SdkDefect, sdk_defect},
};

impl Failure {
    /// Workflow code fails its task on every attempt: a panic, or what the SDK makes of an error.
    ///
    /// A known defect of the SDK is reported as such, with the way around it.
    pub(crate) fn workflow_task_fails(
        workflow: WorkflowName,
        attempts: u32,
        message: &str,
        location: Option<SourceLine>,
    ) -> Self {
        let failure = sdk_defect(message).map(Self::of_the_sdk);
        failure
            .unwrap_or_else(|| {
                let noun = if attempts == 1 { "attempt" } else { "attempts" };
                let what =
                    format!("workflow code fails its workflow task, {attempts} {noun} so far");
                Self::new(FailureCode::WorkflowTask, what)
            })
            .of(workflow)
            .with_message(message)
            .at(location)
    }

    /// The service refuses the commands of a workflow task, on every attempt.
    ///
    /// A known defect of the SDK is reported as such, with the way around it.
    pub(crate) fn commands_refused(workflow: WorkflowName, attempts: u32, message: &str) -> Self {
        if let Some(defect) = sdk_defect(message) {
            return Self::of_the_sdk(defect).of(workflow).with_message(message);
        }
        let noun = if attempts == 1 { "attempt" } else { "attempts" };
        let what = format!(
            "the service refuses the commands of a workflow task, {attempts} {noun} so far"
        );
        let remedy = if message.contains("NexusOperation") && message.contains("endpoint") {
            "handle the operation in the test, which makes its endpoint: `env.nexus_operation(endpoint, service, \
             operation, |call: NexusCall<..>| async move { .. })`; or correct the endpoint in the workflow"
        } else {
            "correct what the workflow asks for: the service would refuse it on a real cluster too, and retry the \
             task without end"
        };
        Self::new(FailureCode::WorkflowTask, what)
            .of(workflow)
            .with_message(message)
            .with_remedy(remedy)
    }

    /// A known defect of the SDK.
    pub(super) fn of_the_sdk(defect: &SdkDefect) -> Self {
        Self::new(FailureCode::Sdk, defect.what).with_remedy(defect.remedy)
    }
}
