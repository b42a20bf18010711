//! The host of mocked workflows: it answers their workflow tasks with the outcomes of closures.
//!
//! A closure may wait; a workflow task may not. So a task is held until its closure waits for
//! something, and is then completed without commands. When the closure is done, a signal to the run
//! itself wakes the run, which closes in its next task. The outcome is kept until then: a task that
//! is lost is answered again with the same outcome.

use std::{collections::BTreeMap, future::poll_fn, task::Poll};

use durasim_service::{PolledWorkflowTask, Request, time::instant_ms};
use durasim_worker::WorkflowTaskProgress;
use futures::future::LocalBoxFuture;
use temporalio_protos::temporal::api::{
    command::v1::{
        CancelWorkflowExecutionCommandAttributes, Command,
        CompleteWorkflowExecutionCommandAttributes, FailWorkflowExecutionCommandAttributes,
        command::Attributes,
    },
    common::v1::WorkflowExecution,
    enums::v1::{CommandType, EventType, QueryResultType},
    query::v1::WorkflowQueryResult,
    workflowservice::v1::{
        RespondQueryTaskCompletedRequest, RespondWorkflowTaskCompletedRequest,
        SignalWorkflowExecutionRequest,
    },
};
use tokio_util::sync::CancellationToken;

use super::{World, diagnosis, state::State, worker::ProcessRef};
use crate::{
    label::Workflow,
    mock_workflow::{
        MockEnd, MockResult, MockStart, MockWorkflow, WorkflowCallOutcome, WorkflowCallRecord,
        WorkflowCalls,
    },
};

/// The signal by which a mock wakes its run. It stands in history where a workflow's own timer or
/// activity would.
const DONE_SIGNAL: &str = "__durasim_mock_done";

/// The runs that mocks stand for, by run id, and the log of all calls.
#[derive(Default)]
pub(crate) struct MockRuns {
    runs: BTreeMap<String, MockRun>,
    pub(crate) calls: WorkflowCalls,
}

struct MockRun {
    workflow_id: String,
    cancel: CancellationToken,
    /// The workflow task that waits for the closure's first await.
    held: Option<HeldTask>,
    /// True once the closure waits: the run must be woken to learn how the closure ended.
    waits: bool,
    end: Option<MockEnd>,
}

struct HeldTask {
    at: ProcessRef,
    task: PolledWorkflowTask,
}

impl MockRuns {
    /// Returns `true` if a mock stands for this run.
    pub(crate) fn contains(&self, run_id: &str) -> bool {
        self.runs.contains_key(run_id)
    }
}

impl State {
    /// Returns the calls of the mocks of a workflow type, in the order in which they were made.
    pub(crate) fn mocked_calls(&self, workflow_type: &str) -> Vec<WorkflowCallRecord> {
        let mut calls = self.mocks.calls.of_type(workflow_type);
        for call in &mut calls {
            // Its closure may wait for something yet, and is let go when that wakes it.
            if call.outcome == WorkflowCallOutcome::Running
                && let Some(closed_ms) = self.closed_ms(&call.workflow_id, &call.run_id)
            {
                call.outcome = WorkflowCallOutcome::Abandoned;
                call.finished_ms = Some(closed_ms);
            }
        }
        calls
    }

    /// Returns the time at which a run closed, if it has.
    fn closed_ms(&self, workflow_id: &str, run_id: &str) -> Option<u64> {
        if self.service.execution(run_id)?.open {
            return None;
        }
        let (_, events) = self.service.run(workflow_id, Some(run_id))?;
        events.last()?.event_time.as_ref().map(instant_ms)
    }

    /// A process gets a workflow task of a mocked workflow.
    pub(super) fn mock_task_arrives(
        &mut self,
        at: ProcessRef,
        run_id: &str,
        workflow: Workflow,
        mock: &MockWorkflow,
        task: PolledWorkflowTask,
    ) {
        if task.query.is_some() {
            let answer = WorkflowTaskProgress::QueryAnswered(Box::new(self.query_refused(task)));
            return self.workflow_task_progress(at, run_id, answer);
        }
        if !self.mocks.contains(run_id) && !self.start_mock(at, run_id, workflow, mock, &task) {
            return;
        }
        let cancelled = self.is_cancel_requested(&task);
        let Some(run) = self.mocks.runs.get_mut(run_id) else {
            return;
        };
        if cancelled {
            run.cancel.cancel();
        }
        if run.end.is_some() || run.waits {
            self.answer_mock_task(at, run_id, task);
        } else {
            run.held = Some(HeldTask { at, task });
        }
    }

    /// Calls the mock, as a task of the executor. Returns `false` if the run's start is not known.
    fn start_mock(
        &mut self,
        at: ProcessRef,
        run_id: &str,
        workflow: Workflow,
        mock: &MockWorkflow,
        task: &PolledWorkflowTask,
    ) -> bool {
        let workflow_id = task
            .workflow_execution
            .as_ref()
            .map_or_else(String::new, |run| run.workflow_id.clone());
        let events = self
            .service
            .history(&workflow_id, Some(run_id))
            .unwrap_or_default();
        let Some(durasim_events::Attributes::WorkflowExecutionStartedEventAttributes(started)) =
            events.first().and_then(|event| event.attributes.as_ref())
        else {
            return false;
        };
        let Some(process) = self.workers.running(at) else {
            return false;
        };
        let start = MockStart {
            workflow_type: started
                .workflow_type
                .as_ref()
                .map_or_else(String::new, |t| t.name.clone()),
            workflow_id: workflow_id.clone(),
            run_id: run_id.to_owned(),
            parent_workflow_id: started
                .parent_workflow_execution
                .as_ref()
                .map(|p| p.workflow_id.clone()),
            attempt: u32::try_from(started.attempt).unwrap_or(1),
            input: started.input.clone().unwrap_or_default(),
            cancel: CancellationToken::new(),
            data_converter: process.data_converter.clone(),
            calls: self.mocks.calls.clone(),
            clock: self.clock.clone(),
        };
        let run = MockRun {
            workflow_id,
            cancel: start.cancel.clone(),
            held: None,
            waits: false,
            end: None,
        };
        self.mocks.runs.insert(run_id.to_owned(), run);
        let (mock, run_id) = (mock.clone(), run_id.to_owned());
        self.executor.spawn(format!("{workflow}/mock"), async move {
            let mut future = mock(start);
            let first = poll_fn(|cx| Poll::Ready(future.as_mut().poll(cx))).await;
            let ended = match first {
                Poll::Ready(ended) => Some(ended),
                Poll::Pending => {
                    World::current().state().mock_waits(&run_id);
                    while_open(&run_id, future).await
                }
            };
            if let Some(ended) = ended {
                World::current().state().mock_done(&run_id, ended);
            }
        });
        true
    }

    /// The closure waits for something: the workflow task goes back without commands.
    fn mock_waits(&mut self, run_id: &str) {
        let Some(run) = self.mocks.runs.get_mut(run_id) else {
            return;
        };
        run.waits = true;
        self.answer_held_task(run_id);
    }

    fn mock_done(&mut self, run_id: &str, ended: MockResult) {
        let end = match ended {
            Ok(end) => end,
            Err(why) => return self.fail(diagnosis::unusable_mock(&why)),
        };
        let Some(run) = self.mocks.runs.get_mut(run_id) else {
            return;
        };
        run.end = Some(end);
        if run.waits {
            self.wake_mocked_run(run_id);
        } else {
            self.answer_held_task(run_id);
        }
    }

    fn answer_held_task(&mut self, run_id: &str) {
        let held = self
            .mocks
            .runs
            .get_mut(run_id)
            .and_then(|run| run.held.take());
        // A task that was lost with its process comes again.
        if let Some(HeldTask { at, task }) = held {
            self.answer_mock_task(at, run_id, task);
        }
    }

    /// Completes a workflow task with how the mock ended, or without commands if it has not.
    fn answer_mock_task(&mut self, at: ProcessRef, run_id: &str, task: PolledWorkflowTask) {
        let Some(process) = self.workers.running(at) else {
            return;
        };
        let end = self.mocks.runs.get(run_id).and_then(|run| run.end.clone());
        let refused = |id| {
            let answer = WorkflowQueryResult {
                result_type: QueryResultType::Failed.into(),
                error_message: NO_QUERIES.to_owned(),
                ..Default::default()
            };
            (id, answer)
        };
        // An update is not answered: the service rejects what a worker leaves unprocessed.
        let request = RespondWorkflowTaskCompletedRequest {
            task_token: task.task_token.clone(),
            commands: end.into_iter().map(closing_command).collect(),
            query_results: task.queries.keys().cloned().map(refused).collect(),
            identity: process.identity.clone(),
            namespace: self.namespace.clone(),
            ..Default::default()
        };
        self.workflow_task_progress(
            at,
            run_id,
            WorkflowTaskProgress::Completed(Box::new(request)),
        );
    }

    fn wake_mocked_run(&mut self, run_id: &str) {
        let Some(run) = self.mocks.runs.get(run_id) else {
            return;
        };
        let signal = SignalWorkflowExecutionRequest {
            namespace: self.namespace.clone(),
            workflow_execution: Some(WorkflowExecution {
                workflow_id: run.workflow_id.clone(),
                run_id: run_id.to_owned(),
            }),
            signal_name: DONE_SIGNAL.to_owned(),
            request_id: format!("{run_id}{DONE_SIGNAL}"),
            ..Default::default()
        };
        // It stands for the passing of time in the workflow, so it is no message that could be late
        // or lost.
        let id = self.calls.next_id();
        self.service.request(self.now_ms, id, Request::from(signal));
    }

    fn is_cancel_requested(&self, task: &PolledWorkflowTask) -> bool {
        let execution = task.workflow_execution.as_ref();
        let events = execution
            .and_then(|run| self.service.history(&run.workflow_id, Some(&run.run_id)))
            .unwrap_or_default();
        events
            .iter()
            .any(|event| event.event_type() == EventType::WorkflowExecutionCancelRequested)
    }

    fn query_refused(&self, task: PolledWorkflowTask) -> RespondQueryTaskCompletedRequest {
        RespondQueryTaskCompletedRequest {
            task_token: task.task_token.clone(),
            completed_type: QueryResultType::Failed.into(),
            error_message: NO_QUERIES.to_owned(),
            namespace: self.namespace.clone(),
            ..Default::default()
        }
    }
}

const NO_QUERIES: &str = "the workflow is mocked: a mock has no query handlers";

fn closing_command(end: MockEnd) -> Command {
    let (command_type, attributes) = match end {
        MockEnd::Completed(result) => (
            CommandType::CompleteWorkflowExecution,
            Attributes::CompleteWorkflowExecutionCommandAttributes(
                CompleteWorkflowExecutionCommandAttributes {
                    result: Some(result),
                },
            ),
        ),
        MockEnd::Failed(failure) => (
            CommandType::FailWorkflowExecution,
            Attributes::FailWorkflowExecutionCommandAttributes(
                FailWorkflowExecutionCommandAttributes {
                    failure: Some(*failure),
                },
            ),
        ),
        MockEnd::Canceled(details) => (
            CommandType::CancelWorkflowExecution,
            Attributes::CancelWorkflowExecutionCommandAttributes(
                CancelWorkflowExecutionCommandAttributes { details },
            ),
        ),
    };
    Command {
        command_type: command_type.into(),
        attributes: Some(attributes),
        ..Default::default()
    }
}

/// Polls a closure while its run is open. Returns `None` once something else has closed the run: a
/// workflow would do nothing more either.
async fn while_open(
    run_id: &str,
    mut future: LocalBoxFuture<'static, MockResult>,
) -> Option<MockResult> {
    poll_fn(|cx| {
        let is_open = World::current()
            .state()
            .service
            .execution(run_id)
            .is_some_and(|run| run.open);
        if is_open {
            future.as_mut().poll(cx).map(Some)
        } else {
            Poll::Ready(None)
        }
    })
    .await
}
