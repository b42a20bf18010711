//! The runs of a world that the check `replay` replays, each with its code.

use durasim_events::Attributes;
use durasim_service::ExecutionSummary;
use durasim_worker::{Nondeterminism, ReplayMode, ReplayOptions, WorkflowErrorType};

use super::{State, diagnosis, worker::WorkerProcess};
use crate::{history::History, outcome::ReplayCase, report::Failure};

/// A case for each run whose workflow some worker has.
pub(crate) fn cases(state: &State) -> Vec<ReplayCase> {
    let executions = state.service.executions().enumerate();
    executions
        .filter_map(|(index, execution)| case(state, index, execution))
        .collect()
}

/// The case for a run, if some worker has its workflow; `history` is the index of its history. A
/// mock has no code to replay; a run that nondeterminism has failed, because its worker is told to,
/// has none that would do the same.
pub(crate) fn case(
    state: &State,
    history: usize,
    execution: ExecutionSummary,
) -> Option<ReplayCase> {
    if state.mocks.contains(&execution.run_id) {
        return None;
    }
    let run_code = state.code_of(&execution)?;
    let worker = state.workers.with_code(run_code);
    let code = &worker.spec.versions[run_code.version];
    if !code.workflows.contains(&execution.workflow_type) {
        return None;
    }
    let worker_options =
        worker
            .spec
            .options(run_code.version, &state.namespace, worker.incarnation);
    if worker_options.fails_workflow(&execution.workflow_type, WorkflowErrorType::Nondeterminism)
        && failed_by_nondeterminism(state, &execution)
    {
        return None;
    }
    let run_id = execution.run_id;
    Some(ReplayCase {
        history,
        workflow_type: execution.workflow_type,
        definitions: code.workflows.clone(),
        options: ReplayOptions {
            namespace: state.namespace.clone(),
            task_queue: execution.task_queue,
            workflow_id: execution.workflow_id,
            run_id: Some(run_id.clone()),
            data_converter: worker_options.data_converter,
            detect_nondeterministic_futures: worker_options.detect_nondeterministic_futures,
            // Another version may give its commands other inputs: Core lets that through, and so
            // must this.
            mode: if run_code.is_mixed || state.imported.contains(&run_id) {
                ReplayMode::Commands
            } else {
                ReplayMode::Strict
            },
            backtraces: state.options.backtraces,
            keep_activations: false,
            ..ReplayOptions::default()
        },
    })
}

/// Returns a case for each history from elsewhere. Its index counts on from the world's own.
///
/// # Errors
///
/// The failure of the first whose workflow type no worker has.
pub(crate) fn of_given(state: &State, given: &[History]) -> Result<Vec<ReplayCase>, Box<Failure>> {
    let own = state.service.histories().count();
    let cases = given.iter().zip(own..).map(|(history, index)| {
        let workflow_type = history.workflow_type();
        let has_code = |process: &&WorkerProcess| {
            let version = &process.spec.versions[process.version];
            version.workflows.contains(workflow_type)
        };
        let task_queue = history.task_queue();
        let of_its_queue = |process: &&WorkerProcess| &*process.spec.task_queue == task_queue;
        let mut of_queue = state.workers.iter().filter(of_its_queue);
        let worker = of_queue
            .find(has_code)
            .or_else(|| state.workers.iter().find(has_code));
        let Some(worker) = worker else {
            let unregistered = diagnosis::unregistered_workflow(
                state,
                workflow_type,
                history.workflow_id(),
                task_queue,
            );
            return Err(Box::new(unregistered));
        };
        let options = worker
            .spec
            .options(worker.version, &state.namespace, worker.incarnation);
        let code = &worker.spec.versions[worker.version];
        Ok(ReplayCase {
            history: index,
            workflow_type: workflow_type.to_owned(),
            definitions: code.workflows.clone(),
            options: ReplayOptions {
                namespace: state.namespace.clone(),
                task_queue: task_queue.to_owned(),
                workflow_id: history.workflow_id().to_owned(),
                run_id: Some(history.run_id().to_owned()),
                data_converter: options.data_converter,
                detect_nondeterministic_futures: options.detect_nondeterministic_futures,
                // Today's code may give its commands other inputs: Core lets that through.
                mode: ReplayMode::Commands,
                backtraces: state.options.backtraces,
                keep_activations: false,
                ..ReplayOptions::default()
            },
        })
    });
    cases.collect()
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
