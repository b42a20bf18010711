//! Real Core as it replays a history: its verdict, and every activation that it derived.

use durasim::History;
use scenarios::scenario::Workflows;
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};
use temporalio_client::WorkflowHistory;
use temporalio_protos::{
    coresdk::workflow_activation::{WorkflowActivation, workflow_activation_job::Variant},
    temporal::api::history::v1::History as HistoryProto,
};
use temporalio_sdk::{
    interceptors::WorkerInterceptor,
    workflow_replayer::{WorkflowReplayer, WorkflowReplayerOptions},
};

/// What real Core made of a history.
#[derive(Clone, Debug)]
pub struct CoreReplay {
    /// Why it rejected the history, if it did.
    pub rejected: Option<String>,
    /// Every activation of the run, but for the last, which only evicts it.
    pub activations: Vec<WorkflowActivation>,
}

/// Replays histories of one scenario, all with one replayer; the answers are in the order of the histories.
///
/// # Panics
///
/// If the replayer itself fails.
pub fn replay(workflows: &Workflows, histories: &[History], task_queue: &str) -> Vec<CoreReplay> {
    let recorder = Recorder::default();
    let recorded = recorder.activations.clone();
    let mut options =
        WorkflowReplayerOptions::new().task_queue(task_queue).worker_interceptor(recorder).build();
    (workflows.replayer)(&mut options).expect("workflow types of their own");
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a Tokio runtime");
    let inputs: Vec<_> = histories.iter().map(input).collect();
    let results = runtime
        .block_on(async { WorkflowReplayer::new(options)?.replay_workflows(inputs).await })
        .expect("the replayer runs");
    let mut recorded = recorded.lock().unwrap_or_else(PoisonError::into_inner);
    let answer =
        |(history, result): (&History, temporalio_sdk::workflow_replayer::WorkflowReplayResult)| CoreReplay {
            rejected: result.replay_failure.map(|failure| failure.to_string()),
            activations: recorded.remove(history.run_id()).unwrap_or_default(),
        };
    histories.iter().zip(results).map(answer).collect()
}

fn input(history: &History) -> WorkflowHistory {
    HistoryProto { events: history.events().to_vec() }.into()
}

/// Keeps activations by run id.
#[derive(Default)]
struct Recorder {
    activations: Arc<Mutex<BTreeMap<String, Vec<WorkflowActivation>>>>,
}

#[async_trait::async_trait(?Send)]
impl WorkerInterceptor for Recorder {
    async fn on_workflow_activation(&self, activation: &WorkflowActivation) -> anyhow::Result<()> {
        let evicts =
            activation.jobs.iter().any(|job| matches!(job.variant, Some(Variant::RemoveFromCache(_))));
        if !evicts {
            let mut activations = self.activations.lock().unwrap_or_else(PoisonError::into_inner);
            activations.entry(activation.run_id.clone()).or_default().push(activation.clone());
        }
        Ok(())
    }
}
