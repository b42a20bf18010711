//! Activities that timed out because no worker polls for them, behind the failure of a test.
//!
//! A worker without any activity does not poll for activities, as the SDK's worker does not: the
//! activities of its workflows wait for another worker, which may well come. The timeout is
//! Temporal's, and a test may be about it. If the test fails of the timeout, the missing
//! registration is reported instead.

use super::registration;
use crate::{
    report::{Failure, WorkflowName},
    world::State,
};

/// An activity that no worker polls for, with the timeout that ended it.
pub(crate) struct Unpolled {
    /// The message of the timeout, as the workflow and the test get it.
    timeout: String,
    /// The failure for want of the activity.
    unregistered: Failure,
}

impl Unpolled {
    /// Returns the failure for want of the activity, if its timeout is what the test failed of.
    pub(crate) fn behind(&self, failure: &Failure) -> Option<Failure> {
        let words = failure.message.as_ref()?;
        if !words.contains(&self.timeout) {
            return None;
        }
        let mut unregistered = self.unregistered.clone().at(failure.location.clone());
        if let Some(message) = &mut unregistered.message {
            message.push_str("\nand so the test failed: ");
            message.push_str(words);
        }
        Some(unregistered)
    }
}

/// Returns the activities that timed out because no worker has them, in the order of their timeouts
/// within a run.
pub(crate) fn unpolled(state: &State) -> Vec<Unpolled> {
    let timed_out = state.service.unpolled_activities().into_iter();
    timed_out
        .filter_map(|activity| {
            let (name, task_queue) = (&activity.activity_type, &activity.task_queue);
            let registered = registration::activities(state, task_queue);
            if registered
                .iter()
                .any(|it| it.task_queue == *task_queue && it.has(name))
            {
                return None;
            }
            let workflow = WorkflowName::new(&activity.workflow_type, &activity.workflow_id);
            let unregistered =
                Failure::unregistered_activity(name, task_queue, Some(workflow), &registered);
            Some(Unpolled {
                timeout: activity.message,
                unregistered,
            })
        })
        .collect()
}
