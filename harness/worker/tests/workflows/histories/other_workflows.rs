//! The events of other workflows: children, signals and requests to cancel.

use temporalio_protos::temporal::api::{
    common::v1::{Payload, WorkflowExecution, WorkflowType},
    enums::v1::{
        CancelExternalWorkflowExecutionFailedCause, SignalExternalWorkflowExecutionFailedCause,
    },
    history::v1::{
        ChildWorkflowExecutionCompletedEventAttributes,
        ChildWorkflowExecutionStartedEventAttributes,
        ExternalWorkflowExecutionCancelRequestedEventAttributes,
        ExternalWorkflowExecutionSignaledEventAttributes,
        RequestCancelExternalWorkflowExecutionFailedEventAttributes,
        RequestCancelExternalWorkflowExecutionInitiatedEventAttributes,
        SignalExternalWorkflowExecutionFailedEventAttributes,
        SignalExternalWorkflowExecutionInitiatedEventAttributes,
        StartChildWorkflowExecutionInitiatedEventAttributes, history_event::Attributes,
    },
};

use super::{HistoryBuilder, RUN_ID, payloads, task_queue};

const NOT_SIGNALED: SignalExternalWorkflowExecutionFailedCause =
    SignalExternalWorkflowExecutionFailedCause::ExternalWorkflowExecutionNotFound;
const NOT_CANCELED: CancelExternalWorkflowExecutionFailedCause =
    CancelExternalWorkflowExecutionFailedCause::ExternalWorkflowExecutionNotFound;

impl HistoryBuilder {
    /// Adds the initiation and the start of a child workflow, and returns the event id of the
    /// initiation.
    pub(crate) fn child_started(
        &mut self,
        workflow_id: &str,
        workflow_type: &str,
        input: impl IntoIterator<Item = Payload>,
    ) -> i64 {
        let initiated_event_id = self.add(
            Attributes::StartChildWorkflowExecutionInitiatedEventAttributes(
                StartChildWorkflowExecutionInitiatedEventAttributes {
                    workflow_id: workflow_id.to_owned(),
                    workflow_type: Some(WorkflowType {
                        name: workflow_type.to_owned(),
                    }),
                    input: payloads(input),
                    task_queue: Some(task_queue()),
                    ..Default::default()
                },
            ),
        );
        self.add(Attributes::ChildWorkflowExecutionStartedEventAttributes(
            ChildWorkflowExecutionStartedEventAttributes {
                initiated_event_id,
                workflow_execution: Some(child_execution(workflow_id)),
                workflow_type: Some(WorkflowType {
                    name: workflow_type.to_owned(),
                }),
                ..Default::default()
            },
        ));
        initiated_event_id
    }

    /// Adds the completion of the child workflow that the event initiated.
    pub(crate) fn child_completed(&mut self, initiated_event_id: i64, result: Payload) -> i64 {
        self.add(Attributes::ChildWorkflowExecutionCompletedEventAttributes(
            ChildWorkflowExecutionCompletedEventAttributes {
                initiated_event_id,
                started_event_id: initiated_event_id + 1,
                result: payloads([result]),
                ..Default::default()
            },
        ))
    }

    /// Adds the initiation of a signal to another workflow.
    pub(crate) fn signal_external_initiated(
        &mut self,
        workflow_id: &str,
        signal_name: &str,
        input: impl IntoIterator<Item = Payload>,
    ) -> i64 {
        self.add(
            Attributes::SignalExternalWorkflowExecutionInitiatedEventAttributes(
                SignalExternalWorkflowExecutionInitiatedEventAttributes {
                    workflow_execution: Some(external(workflow_id)),
                    signal_name: signal_name.to_owned(),
                    input: payloads(input),
                    ..Default::default()
                },
            ),
        )
    }

    /// Adds the delivery of the signal to the other workflow.
    pub(crate) fn external_signaled(&mut self, initiated_event_id: i64, workflow_id: &str) -> i64 {
        self.add(
            Attributes::ExternalWorkflowExecutionSignaledEventAttributes(
                ExternalWorkflowExecutionSignaledEventAttributes {
                    initiated_event_id,
                    workflow_execution: Some(external(workflow_id)),
                    ..Default::default()
                },
            ),
        )
    }

    /// Adds the failure of the signal: there is no such workflow.
    pub(crate) fn signal_external_failed(
        &mut self,
        initiated_event_id: i64,
        workflow_id: &str,
    ) -> i64 {
        self.add(
            Attributes::SignalExternalWorkflowExecutionFailedEventAttributes(
                SignalExternalWorkflowExecutionFailedEventAttributes {
                    initiated_event_id,
                    workflow_execution: Some(external(workflow_id)),
                    cause: NOT_SIGNALED as i32,
                    ..Default::default()
                },
            ),
        )
    }

    /// Adds the initiation of a request to cancel another workflow.
    pub(crate) fn cancel_external_initiated(&mut self, workflow_id: &str) -> i64 {
        self.add(
            Attributes::RequestCancelExternalWorkflowExecutionInitiatedEventAttributes(
                RequestCancelExternalWorkflowExecutionInitiatedEventAttributes {
                    workflow_execution: Some(external(workflow_id)),
                    ..Default::default()
                },
            ),
        )
    }

    /// Adds the delivery of the request to the other workflow.
    pub(crate) fn external_cancel_requested(
        &mut self,
        initiated_event_id: i64,
        workflow_id: &str,
    ) -> i64 {
        self.add(
            Attributes::ExternalWorkflowExecutionCancelRequestedEventAttributes(
                ExternalWorkflowExecutionCancelRequestedEventAttributes {
                    initiated_event_id,
                    workflow_execution: Some(external(workflow_id)),
                    ..Default::default()
                },
            ),
        )
    }

    /// Adds the failure of the request: there is no such workflow.
    pub(crate) fn cancel_external_failed(
        &mut self,
        initiated_event_id: i64,
        workflow_id: &str,
    ) -> i64 {
        self.add(
            Attributes::RequestCancelExternalWorkflowExecutionFailedEventAttributes(
                RequestCancelExternalWorkflowExecutionFailedEventAttributes {
                    initiated_event_id,
                    workflow_execution: Some(external(workflow_id)),
                    cause: NOT_CANCELED as i32,
                    ..Default::default()
                },
            ),
        )
    }
}

fn child_execution(workflow_id: &str) -> WorkflowExecution {
    WorkflowExecution {
        workflow_id: workflow_id.to_owned(),
        run_id: RUN_ID.to_owned(),
    }
}

fn external(workflow_id: &str) -> WorkflowExecution {
    WorkflowExecution {
        workflow_id: workflow_id.to_owned(),
        run_id: String::new(),
    }
}
