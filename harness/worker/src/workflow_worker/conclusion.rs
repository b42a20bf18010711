//! The conclusion of a workflow task: from the outcome of a run to the progress of the worker.

use temporalio_protos::temporal::api::enums::v1::WorkflowTaskFailedCause;

use super::{
    QueryFailure, WorkflowErrorType, WorkflowTaskFailure, WorkflowTaskProgress, WorkflowWorker,
    outcome::{RunFailure, RunOutcome},
    requests,
    run::Run,
    task::OpenTask,
};

impl WorkflowWorker {
    /// Turns the outcome of a run into the progress of the worker.
    pub(super) fn conclude(&mut self, run_id: &str, outcome: RunOutcome) -> WorkflowTaskProgress {
        match outcome {
            RunOutcome::Completed {
                task,
                response,
                queries,
                force_new_task,
            } => {
                let run = self.runs.get(run_id);
                let attempts = run.map_or(0, Run::nonfirst_local_attempts);
                self.evict_if_done(run_id);
                let mut response = response;
                self.backtraces = std::mem::take(&mut response.issued_at);
                WorkflowTaskProgress::Completed(Box::new(requests::completed(
                    &self.options,
                    task,
                    *response,
                    queries,
                    force_new_task,
                    attempts,
                )))
            }
            RunOutcome::QueryAnswered { task, result } => {
                self.evict_if_done(run_id);
                let request = requests::query_answered(&self.options, task, result);
                WorkflowTaskProgress::QueryAnswered(Box::new(request))
            }
            RunOutcome::Failed { task, failed } => self.failed(run_id, task, failed),
            RunOutcome::Waits => match self.take_local_activity_work(run_id) {
                Some(work) => WorkflowTaskProgress::RunLocalActivities(Box::new(work)),
                None => WorkflowTaskProgress::Idle,
            },
        }
    }

    /// Evicts a run that is not needed any more: a closed one, or any without a cache.
    fn evict_if_done(&mut self, run_id: &str) {
        let Some(run) = self.runs.get(run_id) else {
            return;
        };
        let execution = &run.execution;
        let unneeded = self.options.max_cached == 0
            && execution.outstanding_local_activities() == 0
            && !execution.has_pending_jobs();
        if !run.is_busy() && (run.is_finished() || unneeded) {
            let removed = self.runs.remove(run_id);
            self.closed_with_local_activities = removed.and_then(|mut run| run.take_local_work());
        }
    }

    /// Fails a task, and evicts its run.
    pub(super) fn failed(
        &mut self,
        run_id: &str,
        task: Option<OpenTask>,
        failed: Box<RunFailure>,
    ) -> WorkflowTaskProgress {
        let run = self.runs.remove(run_id);
        let RunFailure {
            failure,
            cause,
            reason,
            ..
        } = *failed;
        let task_token = task
            .as_ref()
            .map(|task| task.token.clone())
            .unwrap_or_default();
        let request = match task {
            // A legacy query is answered with the failure.
            Some(task) if task.is_legacy_query => {
                let request = requests::query_failed(&self.options, task, cause, failure);
                return WorkflowTaskProgress::QueryFailed(Box::new(QueryFailure {
                    request,
                    nondeterminism: reason.nondeterminism(),
                }));
            }
            // The failure of a first attempt is reported, or fails the workflow itself.
            Some(task) if task.attempt <= 1 => {
                let fails_workflow = cause == WorkflowTaskFailedCause::NonDeterministicError
                    && self
                        .options
                        .fails_workflow(&task.workflow_type, WorkflowErrorType::Nondeterminism);
                if fails_workflow
                    && let Some(response) =
                        run.and_then(|mut run| run.fail_workflow(failure.clone()))
                {
                    return WorkflowTaskProgress::Completed(Box::new(requests::completed(
                        &self.options,
                        task,
                        response,
                        Vec::new(),
                        false,
                        0,
                    )));
                }
                Some(Box::new(requests::failed(
                    &self.options,
                    task,
                    cause,
                    failure.clone(),
                )))
            }
            // Core is silent about later attempts, which time out.
            _ => None,
        };
        let failure = WorkflowTaskFailure {
            task_token,
            request,
            failure,
            cause,
            reason,
        };
        WorkflowTaskProgress::Failed(Box::new(failure))
    }
}
