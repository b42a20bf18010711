//! The runs of a world that the check `replay` replays, each with its code.

use durasim_events::Attributes;
use durasim_service::ExecutionSummary;
use durasim_worker::{Nondeterminism, ReplayMode, ReplayOptions, WorkflowErrorType};

use super::State;
use crate::outcome::ReplayCase;

/// A case for each run whose workflow some worker has. A mock has no code to replay; a run that
/// nondeterminism has failed, because its worker is told to, has none that would do the same.
pub(crate) fn cases(state: &State) -> Vec<ReplayCase> {
    let executions = state.service.executions();
    let mut cases = Vec::new();
    for (index, execution) in executions.into_iter().enumerate() {
        if state.mocks.contains(&execution.run_id) {
            continue;
        }
        let Some(run_code) = state.code_of(&execution) else {
            continue;
        };
        let worker = state.workers.with_code(run_code);
        let code = &worker.spec.versions[run_code.version];
        if !code.workflows.contains(&execution.workflow_type) {
            continue;
        }
        let worker_options =
            worker
                .spec
                .options(run_code.version, &state.namespace, worker.incarnation);
        if worker_options
            .fails_workflow(&execution.workflow_type, WorkflowErrorType::Nondeterminism)
            && failed_by_nondeterminism(state, &execution)
        {
            continue;
        }
        cases.push(ReplayCase {
            history: index,
            workflow_type: execution.workflow_type,
            definitions: code.workflows.clone(),
            options: ReplayOptions {
                namespace: state.namespace.clone(),
                task_queue: execution.task_queue,
                workflow_id: execution.workflow_id,
                run_id: Some(execution.run_id),
                data_converter: worker_options.data_converter,
                detect_nondeterministic_futures: worker_options.detect_nondeterministic_futures,
                // Another version may give its commands other inputs: Core lets that through, and
                // so must this.
                mode: if run_code.is_mixed {
                    ReplayMode::Commands
                } else {
                    ReplayMode::Strict
                },
                backtraces: state.options.backtraces,
                keep_activations: false,
                ..ReplayOptions::default()
            },
        });
    }
    cases
}

fn failed_by_nondeterminism(state: &State, execution: &ExecutionSummary) -> bool {
    let events = state
        .service
        .history(&execution.workflow_id, Some(&execution.run_id))
        .unwrap_or_default();
    match events.last().and_then(|event| event.attributes.as_ref()) {
        Some(Attributes::WorkflowExecutionFailedEventAttributes(failed)) => {
            failed.failure.as_ref().is_some_and(Nondeterminism::caused)
        }
        _ => false,
    }
}
