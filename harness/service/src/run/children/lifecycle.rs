//! The life of a child: started or not, then closed.

use crate::{
    api::{
        Attributes, WorkflowExecution, enums::StartChildWorkflowExecutionFailedCause, history::*,
    },
    run::{
        Run,
        children::{closed_child_of, run_id_of},
    },
};

impl Run {
    /// Returns the attributes with which a child was initiated.
    pub(crate) fn child_initiated(
        &self,
        initiated_event_id: i64,
    ) -> Option<&StartChildWorkflowExecutionInitiatedEventAttributes> {
        match self.history.attributes(initiated_event_id) {
            Some(Attributes::StartChildWorkflowExecutionInitiatedEventAttributes(initiated)) => {
                Some(initiated)
            }
            _ => None,
        }
    }

    /// Repeats an event of a child in this run: another run got the event, and both runs initiated
    /// the child by the same event.
    pub(crate) fn reapply_child_event(&mut self, now_ms: u64, attributes: &Attributes) {
        if let Attributes::ChildWorkflowExecutionStartedEventAttributes(started) = attributes {
            let pending = self.children.get(started.initiated_event_id);
            if pending.is_some_and(|child| !child.is_started()) {
                let child = self
                    .children
                    .by_initiated_event_id
                    .get_mut(&started.initiated_event_id);
                if let Some(child) = child {
                    child.first_run_id = run_id_of(started);
                    child.started_event_id = self.history.add(now_ms, (**started).clone());
                }
            }
            return;
        }
        let Some(initiated_event_id) = closed_child_of(attributes) else {
            return;
        };
        let Some(child) = self
            .children
            .by_initiated_event_id
            .remove(&initiated_event_id)
        else {
            return;
        };
        let mut attributes = attributes.clone();
        set_started_event_id(&mut attributes, child.started_event_id);
        self.history.add(now_ms, attributes);
    }

    /// Records that a child was started.
    pub(crate) fn child_started(
        &mut self,
        now_ms: u64,
        initiated_event_id: i64,
        first_run_id: &str,
    ) {
        let Some(child) = self
            .children
            .by_initiated_event_id
            .get_mut(&initiated_event_id)
        else {
            return;
        };
        first_run_id.clone_into(&mut child.first_run_id);
        let attributes = ChildWorkflowExecutionStartedEventAttributes {
            namespace: child.namespace.clone(),
            namespace_id: child.namespace_id.clone(),
            initiated_event_id,
            workflow_execution: Some(WorkflowExecution {
                workflow_id: child.workflow_id.clone(),
                run_id: first_run_id.to_owned(),
            }),
            workflow_type: child.workflow_type.clone(),
            header: None,
        };
        let header = self
            .child_initiated(initiated_event_id)
            .and_then(|initiated| initiated.header.clone());
        let started_event_id = self.history.add(
            now_ms,
            ChildWorkflowExecutionStartedEventAttributes {
                header,
                ..attributes
            },
        );
        if let Some(child) = self
            .children
            .by_initiated_event_id
            .get_mut(&initiated_event_id)
        {
            child.started_event_id = started_event_id;
        }
        self.ensure_workflow_task(now_ms);
    }

    /// Records that a child could not be started.
    pub(crate) fn child_start_failed(
        &mut self,
        now_ms: u64,
        initiated_event_id: i64,
        cause: StartChildWorkflowExecutionFailedCause,
    ) {
        let Some(child) = self
            .children
            .by_initiated_event_id
            .remove(&initiated_event_id)
        else {
            return;
        };
        self.history.add(
            now_ms,
            StartChildWorkflowExecutionFailedEventAttributes {
                namespace: child.namespace,
                namespace_id: child.namespace_id,
                workflow_id: child.workflow_id,
                workflow_type: child.workflow_type,
                cause: cause.into(),
                initiated_event_id,
                // The server leaves the completed event unset here.
                ..StartChildWorkflowExecutionFailedEventAttributes::default()
            },
        );
        self.ensure_workflow_task(now_ms);
    }

    /// Records the closing of a child, from the closing event of the last run of its chain.
    pub(crate) fn child_closed(
        &mut self,
        now_ms: u64,
        initiated_event_id: i64,
        execution: WorkflowExecution,
        closing: Attributes,
    ) {
        let Some(child) = self
            .children
            .by_initiated_event_id
            .remove(&initiated_event_id)
        else {
            return;
        };
        macro_rules! closed {
            ($kind:ident { $($field:ident: $value:expr),* $(,)? }) => {
                self.history.add(now_ms, $kind {
                    namespace: child.namespace,
                    namespace_id: child.namespace_id,
                    workflow_execution: Some(execution),
                    workflow_type: child.workflow_type,
                    initiated_event_id,
                    started_event_id: child.started_event_id,
                    $($field: $value,)*
                })
            };
        }
        match closing {
            Attributes::WorkflowExecutionCompletedEventAttributes(closing) => {
                closed!(ChildWorkflowExecutionCompletedEventAttributes {
                    result: closing.result
                })
            }
            Attributes::WorkflowExecutionFailedEventAttributes(closing) => {
                closed!(ChildWorkflowExecutionFailedEventAttributes {
                    failure: closing.failure,
                    retry_state: closing.retry_state,
                })
            }
            Attributes::WorkflowExecutionCanceledEventAttributes(closing) => {
                closed!(ChildWorkflowExecutionCanceledEventAttributes {
                    details: closing.details
                })
            }
            Attributes::WorkflowExecutionTerminatedEventAttributes(_) => {
                closed!(ChildWorkflowExecutionTerminatedEventAttributes {})
            }
            Attributes::WorkflowExecutionTimedOutEventAttributes(closing) => {
                closed!(ChildWorkflowExecutionTimedOutEventAttributes {
                    retry_state: closing.retry_state
                })
            }
            other => unreachable!("the last event of the last run of a chain closes it: {other:?}"),
        };
        self.ensure_workflow_task(now_ms);
    }
}

fn set_started_event_id(attributes: &mut Attributes, started_event_id: i64) {
    match attributes {
        Attributes::ChildWorkflowExecutionCompletedEventAttributes(closed) => {
            closed.started_event_id = started_event_id;
        }
        Attributes::ChildWorkflowExecutionFailedEventAttributes(closed) => {
            closed.started_event_id = started_event_id;
        }
        Attributes::ChildWorkflowExecutionCanceledEventAttributes(closed) => {
            closed.started_event_id = started_event_id;
        }
        Attributes::ChildWorkflowExecutionTimedOutEventAttributes(closed) => {
            closed.started_event_id = started_event_id;
        }
        Attributes::ChildWorkflowExecutionTerminatedEventAttributes(closed) => {
            closed.started_event_id = started_event_id;
        }
        _ => {}
    }
}
