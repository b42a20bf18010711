//! The activations of a history, compared with those that real Core makes of it.

use std::sync::{Arc, Mutex};

use durasim_worker::{ReplayMode, ReplayOptions, replay};
use pretty_assertions::assert_eq;
use temporalio_client::WorkflowHistory;
use temporalio_protos::coresdk::workflow_activation::WorkflowActivation;
use temporalio_sdk::{
    interceptors::WorkerInterceptor,
    workflow_replayer::{WorkflowReplayer, WorkflowReplayerOptions},
};

use crate::{
    histories::{HistoryBuilder, json},
    replays::greeted,
    support::{definitions, replay_options},
};

#[derive(Clone, Default)]
struct Activations(Arc<Mutex<Vec<WorkflowActivation>>>);

#[async_trait::async_trait(?Send)]
impl WorkerInterceptor for Activations {
    async fn on_workflow_activation(
        &self,
        activation: &WorkflowActivation,
    ) -> Result<(), anyhow::Error> {
        self.0.lock().unwrap().push(activation.clone());
        Ok(())
    }
}

/// Returns the activations that Core makes of this history, and its error if it rejects the
/// history.
fn core(history: &HistoryBuilder) -> (Vec<WorkflowActivation>, Option<String>) {
    let seen = Activations::default();
    let mut options = WorkflowReplayerOptions::new()
        .task_queue("queue")
        .worker_interceptor(seen.clone())
        .build();
    definitions().register_with_replayer(&mut options).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let rejected = runtime.block_on(async {
        let replayer = WorkflowReplayer::new(options).unwrap();
        replayer
            .replay_workflow(WorkflowHistory::from(history.history()))
            .await
            .err()
    });
    let activations = seen
        .0
        .lock()
        .unwrap()
        .iter()
        .filter(|a| !a.is_only_eviction())
        .cloned()
        .collect();
    (activations, rejected.map(|error| error.to_string()))
}

fn ours(history: &HistoryBuilder, build_id: String) -> Vec<WorkflowActivation> {
    let options = ReplayOptions {
        mode: ReplayMode::LikeCore,
        build_id,
        ..replay_options()
    };
    replay(&definitions(), &options, history.events())
        .unwrap()
        .activations
}

pub(crate) fn assert_same(history: &HistoryBuilder) {
    let (activations, rejected) = core(history);
    assert_eq!(rejected, None, "Core accepts the history");
    // The SDK makes a build id from the test's own executable.
    let version = activations
        .last()
        .and_then(|last| last.deployment_version_for_current_task.as_ref());
    let build_id = version
        .map(|version| version.build_id.clone())
        .unwrap_or_default();
    assert_eq!(ours(history, build_id), activations);
}

#[test]
fn activities_and_timers() {
    assert_same(&greeted("Ada", 60, "hello Ada"));
}

#[test]
fn a_failed_activity() {
    let mut history = HistoryBuilder::new("GreetWorkflow", [json(&"Ada")]);
    history.workflow_task();
    let greet = history.activity_scheduled("1", "Greetings::greet", [json(&"Ada")]);
    history.activity_failed(greet, "no voice");
    history.workflow_task();
    history.failed(temporalio_protos::temporal::api::failure::v1::Failure::default());
    assert_same(&history);
}

#[test]
fn signals_before_and_between_tasks() {
    let mut history = HistoryBuilder::new("WaitWorkflow", []);
    history.signaled("hear", [json(&"early")]);
    history.workflow_task();
    history.timer_started("1", 3600);
    history.completed(Some(json(&"early")));
    assert_same(&history);

    let mut history = HistoryBuilder::new("WaitWorkflow", []);
    history.workflow_task();
    history.timer_started("1", 3600);
    history.signaled("hear", [json(&"one")]);
    history.signaled("hear", [json(&"two")]);
    history.workflow_task();
    history.completed(Some(json(&"one,two")));
    assert_same(&history);
}

#[test]
fn tasks_that_failed_or_timed_out() {
    let mut history = HistoryBuilder::new("WaitWorkflow", []);
    history.workflow_task_started();
    history.workflow_task_failed();
    history.workflow_task_started();
    history.workflow_task_timed_out();
    history.workflow_task();
    history.timer_started("1", 3600);
    history.signaled("hear", [json(&"one")]);
    history.workflow_task_started();
    history.workflow_task_failed();
    history.signaled("hear", [json(&"two")]);
    history.workflow_task();
    history.completed(Some(json(&"one,two")));
    assert_same(&history);
}

#[test]
fn an_activity_cancelled_without_waiting() {
    let mut history = HistoryBuilder::new("CancelWorkflow", [json(&false)]);
    history.workflow_task();
    let greet = history.activity_scheduled("1", "Greetings::greet", [json(&"Ada")]);
    let timer = history.timer_started("1", 1);
    history.timer_fired(timer);
    history.workflow_task();
    history.activity_cancel_requested(greet);
    history.completed(Some(json(&"cancelled")));
    assert_same(&history);
}

#[test]
fn an_activity_whose_cancellation_is_waited_for() {
    let mut history = HistoryBuilder::new("CancelWorkflow", [json(&true)]);
    history.workflow_task();
    let greet = history.activity_scheduled("1", "Greetings::greet", [json(&"Ada")]);
    let timer = history.timer_started("1", 1);
    let started = history.activity_started(greet);
    history.timer_fired(timer);
    history.workflow_task();
    history.activity_cancel_requested(greet);
    history.activity_canceled(greet, started);
    history.workflow_task();
    history.completed(Some(json(&"cancelled")));
    assert_same(&history);
}

fn patched(marker: bool) -> HistoryBuilder {
    let mut history = HistoryBuilder::new("PatchedWorkflow", []);
    history.workflow_task();
    let timer = history.timer_started("1", 1);
    history.timer_fired(timer);
    history.workflow_task();
    if marker {
        history.patch_marker("better", false);
        history.versions_upserted(&["better"]);
    }
    let timer = history.timer_started("2", if marker { 2 } else { 3 });
    history.timer_fired(timer);
    history.workflow_task();
    history.completed(Some(json(&marker)));
    history
}

#[test]
fn a_patch_with_its_marker_and_without() {
    assert_same(&patched(true));
    assert_same(&patched(false));
}

#[test]
fn a_child_workflow() {
    let mut history = HistoryBuilder::new("ParentWorkflow", []);
    history.workflow_task();
    let child = history.child_started("child", "GreetWorkflow", [json(&"Ada")]);
    history.workflow_task();
    history.child_completed(child, json(&"hello Ada"));
    history.workflow_task();
    history.completed(Some(json(&"hello Ada")));
    assert_same(&history);
}

#[test]
fn local_activities_in_one_task() {
    let mut history = HistoryBuilder::new("LocalWorkflow", []);
    history.workflow_task();
    history.local_activity_marker(1, "1", "Greetings::greet", json(&"hello Ada"));
    history.local_activity_marker(2, "2", "Greetings::greet", json(&"hello Bob"));
    history.completed(Some(json(&"hello Ada, hello Bob")));
    assert_same(&history);
}

#[test]
fn local_activities_over_heartbeats() {
    let mut history = HistoryBuilder::new("LocalWorkflow", []);
    history.workflow_task();
    history.workflow_task();
    history.local_activity_marker(1, "1", "Greetings::greet", json(&"hello Ada"));
    history.workflow_task();
    history.local_activity_marker(2, "2", "Greetings::greet", json(&"hello Bob"));
    history.completed(Some(json(&"hello Ada, hello Bob")));
    assert_same(&history);
}

#[test]
fn an_accepted_update() {
    let mut history = HistoryBuilder::new("WaitWorkflow", []);
    history.workflow_task();
    history.timer_started("1", 3600);
    let scheduled = history.workflow_task_started() - 1;
    history.workflow_task_completed();
    let accepted = history.update_accepted("update-1", "tell", json(&"news"), scheduled);
    history.update_completed("update-1", accepted, json(&1));
    history.completed(Some(json(&"news")));
    assert_same(&history);
}

#[test]
fn an_update_with_the_first_task() {
    let mut history = HistoryBuilder::new("WaitWorkflow", []);
    let scheduled = history.workflow_task_started() - 1;
    history.workflow_task_completed();
    let accepted = history.update_accepted("update-1", "tell", json(&"news"), scheduled);
    history.update_completed("update-1", accepted, json(&1));
    history.timer_started("1", 3600);
    history.completed(Some(json(&"news")));
    assert_same(&history);
}

#[test]
fn a_terminated_run() {
    let mut history = HistoryBuilder::new("WaitWorkflow", []);
    history.workflow_task();
    history.timer_started("1", 3600);
    history.signaled("hear", [json(&"one")]);
    history.workflow_task_started();
    history.terminated();
    assert_same(&history);
}

#[test]
fn an_open_run() {
    let mut history = HistoryBuilder::new("WaitWorkflow", []);
    history.workflow_task();
    history.timer_started("1", 3600);
    history.signaled("hear", [json(&"one")]);
    history.workflow_task_started();
    assert_same(&history);
}

#[test]
fn a_run_that_was_reset_has_another_seed() {
    let mut history = HistoryBuilder::new("WaitWorkflow", []);
    history.workflow_task();
    history.timer_started("1", 3600);
    history.signaled("hear", [json(&"one")]);
    history.workflow_task_started();
    history.workflow_task_reset("5a0f0c62-4c43-4f57-ae0b-6d4b6f8d0001");
    history.workflow_task();
    history.completed(Some(json(&"one")));
    assert_same(&history);
}

#[test]
fn both_reject_the_history_of_another_workflow_with_the_same_message() {
    let mut history = HistoryBuilder::new("GreetWorkflow", [json(&"Ada")]);
    history.workflow_task();
    history.timer_started("1", 1);
    history.workflow_task();
    history.completed(None);
    let (_, rejected) = core(&history);
    let error = replay(&definitions(), &replay_options(), history.events())
        .unwrap_err()
        .to_string();
    let rejected = rejected.unwrap();
    assert!(
        rejected.contains(&error),
        "{rejected} should contain {error}"
    );
}
