//! `core_replay`: the SDK's own `WorkflowReplayer`, which is real Core, accepts the history.
//!
//! The replayer owns a thread and takes milliseconds, so this check is off unless a test asks for
//! it.

use temporalio_client::WorkflowHistory;
use temporalio_protos::temporal::api::enums::v1::EventType;
use temporalio_sdk::workflow_replayer::WorkflowReplayerOptions;

use super::{Check, Needs};
use crate::{
    history::History,
    outcome::{ReplayCase, WorldOptions, WorldReport},
    report::{Failure, FailureCode, HistoryExcerpt, WorkflowName},
};

pub(super) const CHECK: Check = Check {
    code: FailureCode::CoreReplay,
    needs: Needs::Histories(check),
};

/// Returns the failure of the first history that Core rejects, if the options ask for Core.
fn check(report: &WorldReport, options: &WorldOptions) -> Option<Failure> {
    if !options.core_replay {
        return None;
    }
    report.replays.iter().find_map(|case| {
        let history = report.history(case.history);
        // A run that no worker has seen has nothing to replay, and Core would wait for it forever.
        if !history
            .event_types()
            .contains(&EventType::WorkflowTaskStarted)
        {
            return None;
        }
        let message = replay(case, history).err()?;
        let name = WorkflowName::new(&case.workflow_type, history.workflow_id());
        let excerpt = HistoryExcerpt::tail(history.shared(), history.zero_ms());
        Some(failure(name, message, excerpt))
    })
}

/// Returns the failure of a history that Core rejects.
pub(super) fn failure(workflow: WorkflowName, message: String, history: HistoryExcerpt) -> Failure {
    Failure::new(
        FailureCode::CoreReplay,
        "the SDK's WorkflowReplayer rejects the history",
    )
    .of(workflow)
    .with_message(message)
    .with_history(history)
}

fn replay(case: &ReplayCase, history: &History) -> Result<(), String> {
    let mut options = WorkflowReplayerOptions::new()
        .namespace(case.options.namespace.clone())
        .task_queue(case.options.task_queue.clone())
        .data_converter(case.options.data_converter.clone())
        .detect_nondeterministic_futures(case.options.detect_nondeterministic_futures)
        .build();
    case.definitions
        .register_with_replayer(&mut options)
        .map_err(|error| error.to_string())?;
    durasim_sdk::replay(options, WorkflowHistory::from(history))
}
