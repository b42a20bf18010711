//! Answers to the callers that wait for an update.

use crate::{
    api::{
        Attributes,
        enums::UpdateWorkflowExecutionLifecycleStage as Stage,
        failure::Failure,
        update::{Outcome, outcome},
    },
    run::updates::UpdateAnswer,
    run::{Run, updates::Progress},
};

impl Run {
    /// Returns the answer to a caller that waits for this stage, if there is one yet.
    pub(crate) fn update_answer(&self, id: &str, wanted: Stage) -> Option<UpdateAnswer> {
        let failed = |failure: &Failure| Outcome {
            value: Some(outcome::Value::Failure(failure.clone())),
        };
        let completed = |outcome| {
            Some(UpdateAnswer::Reached {
                stage: Stage::Completed,
                outcome: Box::new(Some(outcome)),
            })
        };
        match &self.updates.get(id)?.progress {
            Progress::Admitted | Progress::Sent => {
                (wanted < Stage::Accepted).then_some(UpdateAnswer::Reached {
                    stage: Stage::Admitted,
                    outcome: Box::default(),
                })
            }
            Progress::Accepted { .. } => {
                (wanted <= Stage::Accepted).then_some(UpdateAnswer::Reached {
                    stage: Stage::Accepted,
                    outcome: Box::default(),
                })
            }
            Progress::Completed { event_id } => completed(self.update_outcome(*event_id)),
            Progress::Rejected(failure) | Progress::Failed(failure) => completed(failed(failure)),
            Progress::Aborted(status) => Some(UpdateAnswer::Refused(status.clone())),
            Progress::Moved => Some(UpdateAnswer::Moved),
            Progress::Closed => Some(UpdateAnswer::Closed),
        }
    }

    fn update_outcome(&self, event_id: i64) -> Outcome {
        match self.history.attributes(event_id) {
            Some(Attributes::WorkflowExecutionUpdateCompletedEventAttributes(completed)) => {
                completed.outcome.clone().unwrap_or_default()
            }
            other => unreachable!("a completed update has its event, not {other:?}"),
        }
    }
}
