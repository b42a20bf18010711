//! The deliveries from one run to another, as their carrier sees them.
//!
//! A delivery that nobody holds back is made as soon as the service [fires](Service::fire) what is
//! due.

use crate::{
    api::WorkflowExecution,
    base::identifiers::{DeliveryId, RunKey},
    executors::deliveries,
    run::transfer::Delivery,
    state::{deliveries::Queued, service::Service},
};

/// A delivery that has not been made.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct DeliverySummary {
    /// Its id.
    pub id: DeliveryId,
    /// The action of the one run on the other.
    pub kind: DeliveryKind,
    /// The run that it comes from.
    pub sender: WorkflowExecution,
    /// The workflow that it goes to; the run id may be empty.
    pub receiver: WorkflowExecution,
}

/// The action of one run on another.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DeliveryKind {
    /// A parent starts a child of this type.
    StartChild {
        /// The workflow type.
        workflow_type: String,
    },
    /// A child tells its parent that it has closed.
    ChildClosed,
    /// A parent that has closed ends a child, or requests its cancellation.
    ParentClosed,
    /// A workflow sends another one a signal.
    Signal {
        /// The name of the signal.
        name: String,
    },
    /// A workflow requests the cancellation of another one.
    RequestCancel,
}

impl Service {
    /// Returns the deliveries that came up since the last call, and have not been made.
    pub fn take_new_deliveries(&mut self) -> Vec<DeliverySummary> {
        let Some(new) = self.deliveries.take_new() else {
            return Vec::new();
        };
        new.into_iter()
            .filter_map(|queued| self.summary(queued))
            .collect()
    }

    /// Holds a delivery back until it is [released](Self::release_delivery), as a queue that lags
    /// does.
    pub fn hold_delivery(&mut self, id: DeliveryId) {
        self.deliveries.hold(id);
    }

    /// Makes a delivery that was held back.
    pub fn release_delivery(&mut self, now_ms: u64, id: DeliveryId) {
        self.advance(now_ms);
        if let Some(queued) = self.deliveries.take_held(id) {
            deliveries::make(self, queued);
        }
        self.settle();
    }

    /// Lets the answer to a signal or a cancel request be lost: it reaches the other run, and the
    /// sender asks again a second later. Changes nothing about other deliveries.
    pub fn lose_delivery_answer(&mut self, id: DeliveryId) {
        if let Some(queued) = self.deliveries.find(id) {
            queued.loses_answer = true;
        }
    }

    fn summary(&self, queued: Queued) -> Option<DeliverySummary> {
        let run = |key: RunKey| self.executions.run(key);
        let source = run(queued.delivery.source());
        let (kind, receiver) = match queued.delivery {
            Delivery::StartChild {
                initiated_event_id, ..
            } => {
                let initiated = source.child_initiated(initiated_event_id)?;
                let workflow_type = initiated.workflow_type.as_ref();
                let kind = DeliveryKind::StartChild {
                    workflow_type: workflow_type.map_or_else(String::new, |it| it.name.clone()),
                };
                (kind, of_workflow(&initiated.workflow_id))
            }
            Delivery::ChildClosed { .. } => {
                let parent = source.started().parent_workflow_execution.clone()?;
                (DeliveryKind::ChildClosed, parent)
            }
            Delivery::ParentClosePolicy {
                initiated_event_id, ..
            } => {
                let child = source.children.get(initiated_event_id)?;
                (DeliveryKind::ParentClosed, of_workflow(&child.workflow_id))
            }
            Delivery::Signal {
                initiated_event_id, ..
            } => {
                let initiated = source.signal_initiated(initiated_event_id)?;
                let kind = DeliveryKind::Signal {
                    name: initiated.signal_name.clone(),
                };
                (kind, initiated.workflow_execution.clone()?)
            }
            Delivery::RequestCancel {
                initiated_event_id, ..
            } => {
                let initiated = source.cancel_initiated(initiated_event_id)?;
                let receiver = initiated.workflow_execution.clone()?;
                (DeliveryKind::RequestCancel, receiver)
            }
        };
        Some(DeliverySummary {
            id: queued.id,
            kind,
            sender: source.execution(),
            receiver,
        })
    }
}

fn of_workflow(workflow_id: &str) -> WorkflowExecution {
    WorkflowExecution {
        workflow_id: workflow_id.to_owned(),
        run_id: String::new(),
    }
}
