//! The replay of a history by real Core: its verdict, and every activation that it derived.

use std::sync::{Arc, Mutex, PoisonError};

use durasim::History;
use scenarios::scenario::Workflows;
use temporalio_client::WorkflowHistory;
use temporalio_protos::coresdk::workflow_activation::{
    WorkflowActivation, workflow_activation_job::Variant,
};
use temporalio_sdk::{
    interceptors::WorkerInterceptor,
    workflow_replayer::{WorkflowReplayer, WorkflowReplayerOptions},
};

/// The only namespace of a simulated service.
pub(crate) const NAMESPACE: &str = "default";

/// The result of real Core's replay of a history.
#[derive(Clone, Debug)]
pub struct CoreReplay {
    /// The reason if Core rejected the history.
    pub rejected: Option<String>,
    /// All activations of the run except the last, which only evicts it.
    pub activations: Vec<WorkflowActivation>,
}

/// Replays a history in a new replayer, because a replayer with several histories may shut down
/// before the last is done.
///
/// # Panics
///
/// If the replayer itself fails.
pub fn replay(workflows: &Workflows, history: &History, task_queue: &str) -> CoreReplay {
    let recorder = Recorder::default();
    let recorded = recorder.activations.clone();
    let mut options = WorkflowReplayerOptions::new()
        .namespace(NAMESPACE)
        .task_queue(task_queue)
        .worker_interceptor(recorder)
        .build();
    (workflows.replayer)(&mut options).expect("workflow types of their own");
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a Tokio runtime");
    let results = runtime
        .block_on(async {
            WorkflowReplayer::new(options)?
                .replay_workflows([WorkflowHistory::from(history)])
                .await
        })
        .expect("the replayer runs");
    let rejected = results
        .into_iter()
        .find_map(|result| result.replay_failure)
        .map(|failure| failure.to_string());
    let activations = std::mem::take(&mut *recorded.lock().unwrap_or_else(PoisonError::into_inner));
    CoreReplay {
        rejected,
        activations,
    }
}

/// An interceptor that keeps activations.
#[derive(Default)]
struct Recorder {
    activations: Arc<Mutex<Vec<WorkflowActivation>>>,
}

#[async_trait::async_trait(?Send)]
impl WorkerInterceptor for Recorder {
    async fn on_workflow_activation(&self, activation: &WorkflowActivation) -> anyhow::Result<()> {
        let evicts = activation
            .jobs
            .iter()
            .any(|job| matches!(job.variant, Some(Variant::RemoveFromCache(_))));
        if !evicts {
            self.activations
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(activation.clone());
        }
        Ok(())
    }
}
