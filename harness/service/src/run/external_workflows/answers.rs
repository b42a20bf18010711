//! The answers to the signals and cancel requests that a run sent to others.

use crate::{
    api::{
        Attributes,
        enums::{
            CancelExternalWorkflowExecutionFailedCause, SignalExternalWorkflowExecutionFailedCause,
        },
        history::*,
    },
    run::Run,
};

impl Run {
    pub(crate) fn signal_initiated(
        &self,
        initiated_event_id: i64,
    ) -> Option<&SignalExternalWorkflowExecutionInitiatedEventAttributes> {
        match self.history.attributes(initiated_event_id) {
            Some(Attributes::SignalExternalWorkflowExecutionInitiatedEventAttributes(
                initiated,
            )) => Some(initiated),
            _ => None,
        }
    }

    pub(crate) fn cancel_initiated(
        &self,
        initiated_event_id: i64,
    ) -> Option<&RequestCancelExternalWorkflowExecutionInitiatedEventAttributes> {
        match self.history.attributes(initiated_event_id) {
            Some(Attributes::RequestCancelExternalWorkflowExecutionInitiatedEventAttributes(
                initiated,
            )) => Some(initiated),
            _ => None,
        }
    }

    /// Records the outcome of a signal to another run of this namespace.
    #[allow(deprecated, reason = "the server still copies `control`")]
    pub(crate) fn signal_answered(
        &mut self,
        now_ms: u64,
        initiated_event_id: i64,
        namespace: &str,
        answer: Result<(), SignalExternalWorkflowExecutionFailedCause>,
    ) {
        if self.external.signals.remove(&initiated_event_id).is_none() {
            return;
        }
        let Some(initiated) = self.signal_initiated(initiated_event_id).cloned() else {
            return;
        };
        match answer {
            Ok(()) => self.history.add(
                now_ms,
                ExternalWorkflowExecutionSignaledEventAttributes {
                    initiated_event_id,
                    namespace: namespace.to_owned(),
                    namespace_id: initiated.namespace_id,
                    workflow_execution: initiated.workflow_execution,
                    control: initiated.control,
                },
            ),
            Err(cause) => self.history.add(
                now_ms,
                SignalExternalWorkflowExecutionFailedEventAttributes {
                    cause: cause.into(),
                    namespace: namespace.to_owned(),
                    namespace_id: initiated.namespace_id,
                    workflow_execution: initiated.workflow_execution,
                    initiated_event_id,
                    control: initiated.control,
                    // The server leaves the completed event unset here.
                    ..SignalExternalWorkflowExecutionFailedEventAttributes::default()
                },
            ),
        };
        self.ensure_workflow_task(now_ms);
    }

    /// Records the outcome of a cancel request to another run of this namespace.
    pub(crate) fn cancel_answered(
        &mut self,
        now_ms: u64,
        initiated_event_id: i64,
        namespace: &str,
        answer: Result<(), CancelExternalWorkflowExecutionFailedCause>,
    ) {
        if self.external.cancels.remove(&initiated_event_id).is_none() {
            return;
        }
        let Some(initiated) = self.cancel_initiated(initiated_event_id).cloned() else {
            return;
        };
        match answer {
            Ok(()) => self.history.add(
                now_ms,
                ExternalWorkflowExecutionCancelRequestedEventAttributes {
                    initiated_event_id,
                    namespace: namespace.to_owned(),
                    namespace_id: initiated.namespace_id,
                    workflow_execution: initiated.workflow_execution,
                },
            ),
            Err(cause) => self.history.add(
                now_ms,
                RequestCancelExternalWorkflowExecutionFailedEventAttributes {
                    cause: cause.into(),
                    namespace: namespace.to_owned(),
                    namespace_id: initiated.namespace_id,
                    workflow_execution: initiated.workflow_execution,
                    initiated_event_id,
                    // The server leaves the completed event unset here.
                    ..RequestCancelExternalWorkflowExecutionFailedEventAttributes::default()
                },
            ),
        };
        self.ensure_workflow_task(now_ms);
    }
}
