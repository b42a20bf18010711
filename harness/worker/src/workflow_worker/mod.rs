//! The workflow side of a worker process: workflow tasks in, completions out.
//!
//! A worker keeps the runs it has worked on in a bounded cache, so that a sticky task, with the new
//! part of history only, finds its workflow instance as it was. Without the instance the whole
//! history is needed and replayed: [`WorkflowTaskProgress::NeedsHistory`] asks for it. The results
//! are the same.
//!
//! What the caller owes the worker:
//!
//! - if the service did not accept a completion or a failure (or it is not known whether it did),
//!   call [`WorkflowWorker::evict`], as Core does on any error;
//! - if it did accept a completion, hand its response to [`WorkflowWorker::on_completed`];
//! - after each progress, see [`WorkflowWorker::take_local_activity_work`]; local activities of
//!   runs that are no longer cached are nobody's, and should be dropped.

mod local_activities;
mod options;
mod progress;
mod requests;
mod run;

use std::{borrow::Cow, collections::BTreeMap, rc::Rc, sync::Arc};

use temporalio_protos::{
    coresdk::workflow_activation::{QueryWorkflow, query_to_job},
    temporal::api::{
        common::v1::WorkflowExecution,
        enums::v1::{EventType, WorkflowTaskFailedCause},
        failure::v1::Failure,
        history::v1::HistoryEvent,
        query::v1::WorkflowQuery,
        workflowservice::v1::{
            GetWorkflowExecutionHistoryResponse, PollWorkflowTaskQueueResponse,
            RespondWorkflowTaskCompletedResponse,
        },
    },
};

pub use options::{WorkflowErrorType, WorkflowWorkerOptions};
pub use progress::{
    LocalActivityWork, QueryFailure, WorkflowTaskFailure, WorkflowTaskHeartbeat,
    WorkflowTaskProgress,
};
use run::LEGACY_QUERY_ID;
pub(crate) use run::{OpenTask, Run, RunFailure, RunOutcome, RunSettings};

use crate::{
    LocalActivityResolution, Nondeterminism, TaskFailureReason, WorkflowDefinitions,
    codec::uses_codec,
    execution::{Execution, WorkerFacts},
    history::{History, Pages},
    instance::InstanceSettings,
    machines::{IncomingUpdate, MachineError},
};

/// Runs the workflow tasks of one worker process.
pub struct WorkflowWorker {
    options: WorkflowWorkerOptions,
    settings: Rc<RunSettings>,
    facts: Rc<WorkerFacts>,
    runs: BTreeMap<String, Cached>,
    /// What is to be done about the local activities of the run that was closed last.
    closed_with_local_activities: Option<LocalActivityWork>,
    /// Counts uses, to know which run was used least recently.
    uses: u64,
    /// Tasks that wait for history.
    fetching: BTreeMap<String, (Work, Pages)>,
    /// Tasks that came while their run was busy, each with its events.
    buffered: Vec<(PollWorkflowTaskQueueResponse, Vec<Arc<HistoryEvent>>)>,
}

struct Cached {
    run: Run<'static>,
    last_use: u64,
}

/// A workflow task without its history.
struct Work {
    execution: WorkflowExecution,
    previous_started_event_id: i64,
    started_event_id: i64,
    messages: Vec<IncomingUpdate>,
    task: OpenTask,
}

impl WorkflowWorker {
    /// A worker with an empty cache.
    pub fn new(options: WorkflowWorkerOptions, definitions: WorkflowDefinitions) -> Self {
        let facts = Rc::new(WorkerFacts {
            namespace: options.namespace.clone(),
            task_queue: options.task_queue.clone(),
            build_id: options.build_id.clone(),
            sdk_name: options.sdk_name.clone(),
            sdk_version: options.sdk_version.clone(),
            strict: false,
            compares_inputs: false,
            codec: None,
        });
        let instance = Rc::new(InstanceSettings {
            namespace: options.namespace.clone(),
            task_queue: options.task_queue.clone(),
            data_converter: options.data_converter.clone(),
            codec: uses_codec(&options.data_converter),
            detect_nondeterministic_futures: options.detect_nondeterministic_futures,
            patch_activation_callback: options.patch_activation_callback.clone(),
            backtraces: options.backtraces,
        });
        Self {
            options,
            settings: Rc::new(RunSettings {
                definitions,
                instance,
            }),
            facts,
            runs: BTreeMap::new(),
            closed_with_local_activities: None,
            uses: 0,
            fetching: BTreeMap::new(),
            buffered: Vec::new(),
        }
    }

    /// Handles the response of a workflow task poll, or the task that came with a completion's
    /// response.
    ///
    /// An empty response, as a poll that found nothing has it, leads to
    /// [`WorkflowTaskProgress::Idle`].
    pub fn on_task(&mut self, mut response: PollWorkflowTaskQueueResponse) -> WorkflowTaskProgress {
        let events = response
            .history
            .take()
            .map(|history| history.events)
            .unwrap_or_default();
        self.on_shared_task(response, events.into_iter().map(Arc::new).collect())
    }

    /// The same, with events that are shared with whoever sent them.
    pub fn on_shared_task(
        &mut self,
        mut response: PollWorkflowTaskQueueResponse,
        events: Vec<Arc<HistoryEvent>>,
    ) -> WorkflowTaskProgress {
        let (Some(execution), Some(_)) = (&response.workflow_execution, &response.workflow_type)
        else {
            return WorkflowTaskProgress::Idle;
        };
        let run_id = execution.run_id.clone();
        let busy = self
            .runs
            .get(&run_id)
            .is_some_and(|cached| cached.run.is_busy());
        let only_query = response.query.is_some() && response.started_event_id == 0;
        if let Some((waiting, _)) = self.fetching.get(&run_id) {
            // A newer task replaces the one that waits; a query, which starts no task, waits its
            // turn and keeps it.
            if response.query.is_some() || waiting.task.is_legacy_query {
                self.buffered.push((response, events));
                return WorkflowTaskProgress::Idle;
            }
            if response.started_event_id < waiting.started_event_id {
                // It was late on its way, and the service has given up on it.
                return WorkflowTaskProgress::Idle;
            }
            self.fetching.remove(&run_id);
        }
        let next_page_token = std::mem::take(&mut response.next_page_token);
        let work = match Work::new(response) {
            Ok(work) => work,
            Err((task, failure)) => return self.failed(&run_id, Some(task), failure),
        };
        if only_query
            && busy
            && let Some(cached) = self.runs.get_mut(&run_id)
        {
            let outcome = cached.run.answer_query(work.task);
            return self.conclude(&run_id, outcome);
        }
        let first_event_id = events.first().map(|event| event.event_id);
        if self.is_stale(&run_id, &events) {
            self.runs.remove(&run_id);
        }
        if self.runs.contains_key(&run_id)
            && (next_page_token.is_empty() || first_event_id.is_none())
        {
            return self.run_task(work, events);
        }
        if first_event_id == Some(1) && next_page_token.is_empty() {
            return self.run_task(work, events);
        }
        if events.is_empty() && work.task.queries.is_empty() {
            let message = "Received an empty workflow task with no queries or history";
            return self.failed(&run_id, Some(work.task), no_history(message));
        }
        let pages = if first_event_id == Some(1) || self.runs.contains_key(&run_id) {
            Pages::following(work.execution.clone(), events, next_page_token)
        } else {
            Pages::from_start(work.execution.clone(), events)
        };
        self.fetch(run_id, work, pages)
    }

    /// Goes on with a task that needed more history.
    pub fn on_history_page(
        &mut self,
        run_id: &str,
        page: GetWorkflowExecutionHistoryResponse,
    ) -> WorkflowTaskProgress {
        let Some((work, mut pages)) = self.fetching.remove(run_id) else {
            return WorkflowTaskProgress::Idle;
        };
        if !pages.add(page) {
            return self.fetch(run_id.to_owned(), work, pages);
        }
        let events = pages.into_events();
        if events
            .last()
            .is_none_or(|event| event.event_id < work.started_event_id)
        {
            let failure = no_history("Fetching history failed: Fetched empty history page");
            return self.failed(run_id, Some(work.task), failure);
        }
        self.run_task(work, events)
    }

    /// Goes on with a task that waits for a local activity.
    pub fn on_local_activity(
        &mut self,
        run_id: &str,
        seq: u32,
        resolution: LocalActivityResolution,
    ) -> WorkflowTaskProgress {
        let Some(cached) = self.runs.get_mut(run_id) else {
            return WorkflowTaskProgress::Idle;
        };
        let outcome = cached.run.on_local_activity(seq, resolution);
        self.conclude(run_id, outcome)
    }

    /// Completes the task of this number early, since its local activities take long, so that it
    /// does not time out. If it has been completed already, nothing comes of it.
    pub fn on_heartbeat_due(&mut self, run_id: &str, task: u64) -> WorkflowTaskProgress {
        let Some(cached) = self.runs.get_mut(run_id) else {
            return WorkflowTaskProgress::Idle;
        };
        let outcome = cached.run.on_heartbeat_due(task);
        self.conclude(run_id, outcome)
    }

    /// The service accepted the completion of a task.
    ///
    /// A speculative task that brought nothing but a rejected update vanishes from history: the
    /// response says so, and the run must forget it. A task that the response holds is not taken:
    /// give it to [`Self::on_task`].
    pub fn on_completed(&mut self, run_id: &str, response: &RespondWorkflowTaskCompletedResponse) {
        if response.reset_history_event_id > 0
            && let Some(cached) = self.runs.get_mut(run_id)
        {
            cached
                .run
                .execution
                .reset_last_started(response.reset_history_event_id);
        }
    }

    /// What is to be done about a run's local activities since the last progress.
    ///
    /// [`WorkflowTaskProgress::RunLocalActivities`] hands it out already; beside another progress
    /// (a completion that cancels what still runs, say) it has to be asked for.
    pub fn take_local_activity_work(&mut self, run_id: &str) -> Option<LocalActivityWork> {
        match self.runs.get_mut(run_id) {
            Some(cached) => cached.run.take_local_work(),
            None => self
                .closed_with_local_activities
                .take_if(|work| work.run_id == run_id),
        }
    }

    /// Goes on with a task that came while its run was busy, if there is one whose turn it is; of
    /// which run.
    pub fn next_buffered(&mut self) -> Option<(String, WorkflowTaskProgress)> {
        let ready = self.buffered.iter().position(|(response, _)| {
            response
                .workflow_execution
                .as_ref()
                .is_none_or(|execution| !self.fetching.contains_key(&execution.run_id))
        })?;
        let (response, events) = self.buffered.remove(ready);
        let run_id = response
            .workflow_execution
            .as_ref()
            .map_or_else(String::new, |run| run.run_id.clone());
        Some((run_id, self.on_shared_task(response, events)))
    }

    /// Forgets a run; its next task replays it from the first event.
    pub fn evict(&mut self, run_id: &str) {
        self.runs.remove(run_id);
        self.fetching.remove(run_id);
    }

    /// The first run, by its id, whose code something besides the SDK has woken, and what that code
    /// does then: Core never hears of it. Such a run is of no use any more, so this is for a
    /// worker's end.
    pub fn woken_from_outside(&mut self) -> Option<(String, Nondeterminism)> {
        self.runs
            .iter_mut()
            .find_map(|(run_id, cached)| Some((run_id.clone(), cached.run.woken_from_outside()?)))
    }

    /// The run ids in the cache, the least recently used first.
    pub fn cached(&self) -> Vec<&str> {
        let mut runs: Vec<_> = self
            .runs
            .iter()
            .map(|(id, cached)| (cached.last_use, id.as_str()))
            .collect();
        runs.sort_unstable();
        runs.into_iter().map(|(_, id)| id).collect()
    }

    /// Whether the cached run has sent commands that its new history does not have: the caller lost
    /// a completion on the way and forgot to evict the run. Only a replay can tell what to do.
    fn is_stale(&self, run_id: &str, events: &[Arc<HistoryEvent>]) -> bool {
        let Some(cached) = self.runs.get(run_id) else {
            return false;
        };
        let execution = &cached.run.execution;
        execution.has_unrecorded_commands()
            && events
                .iter()
                .find(|event| event.event_id == execution.last_processed_event() + 1)
                .is_some_and(|event| event.event_type() != EventType::WorkflowTaskCompleted)
    }

    fn fetch(&mut self, run_id: String, work: Work, pages: Pages) -> WorkflowTaskProgress {
        let request = Box::new(pages.request(&self.options.namespace));
        self.fetching.insert(run_id.clone(), (work, pages));
        WorkflowTaskProgress::NeedsHistory { run_id, request }
    }

    fn run_task(&mut self, work: Work, events: Vec<Arc<HistoryEvent>>) -> WorkflowTaskProgress {
        let Work {
            execution,
            previous_started_event_id,
            started_event_id,
            messages,
            task,
        } = work;
        let run_id = execution.run_id.clone();
        if !self.runs.contains_key(&run_id) {
            self.make_room();
            let execution = Execution::new(
                Rc::clone(&self.facts),
                execution.workflow_id,
                execution.run_id,
            );
            let run = Run::new(execution, Rc::clone(&self.settings));
            self.runs
                .insert(run_id.clone(), Cached { run, last_use: 0 });
        }
        self.uses += 1;
        let Some(cached) = self.runs.get_mut(&run_id) else {
            return WorkflowTaskProgress::Idle;
        };
        cached.last_use = self.uses;
        let run = &mut cached.run;
        let expired = task.is_legacy_query
            && started_event_id == 0
            && previous_started_event_id < run.execution.last_started_event_id();
        if expired {
            // Core drops it: asked again, it can be answered.
            return WorkflowTaskProgress::Idle;
        }
        let history = History::new(Cow::Owned(events), previous_started_event_id, true);
        let outcome = run.on_task(history, messages, task, self.uses);
        self.conclude(&run_id, outcome)
    }

    fn make_room(&mut self) {
        while self.runs.len() >= self.options.max_cached.max(1) {
            let idle = self.runs.iter().filter(|(_, cached)| !cached.run.is_busy());
            let Some((run_id, _)) = idle.min_by_key(|(_, cached)| cached.last_use) else {
                return;
            };
            let run_id = run_id.clone();
            self.runs.remove(&run_id);
        }
    }

    fn conclude(&mut self, run_id: &str, outcome: RunOutcome) -> WorkflowTaskProgress {
        match outcome {
            RunOutcome::Completed {
                task,
                response,
                queries,
                force_new_task,
            } => {
                let attempts = self
                    .runs
                    .get(run_id)
                    .map_or(0, |cached| cached.run.nonfirst_local_attempts());
                self.evict_if_done(run_id);
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

    /// A run that is closed is not needed any more; without a cache, none is.
    fn evict_if_done(&mut self, run_id: &str) {
        let Some(cached) = self.runs.get(run_id) else {
            return;
        };
        let execution = &cached.run.execution;
        let unneeded = self.options.max_cached == 0
            && execution.outstanding_local_activities() == 0
            && !execution.has_pending_jobs();
        if !cached.run.is_busy() && (cached.run.is_finished() || unneeded) {
            let removed = self.runs.remove(run_id);
            self.closed_with_local_activities =
                removed.and_then(|mut cached| cached.run.take_local_work());
        }
    }

    fn failed(
        &mut self,
        run_id: &str,
        task: Option<OpenTask>,
        failed: Box<RunFailure>,
    ) -> WorkflowTaskProgress {
        let run = self.runs.remove(run_id).map(|cached| cached.run);
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
            Some(task) if task.is_legacy_query => {
                let request = requests::query_failed(&self.options, task, cause, failure);
                return WorkflowTaskProgress::QueryFailed(Box::new(QueryFailure {
                    request,
                    nondeterminism: reason.nondeterminism(),
                }));
            }
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

impl Work {
    /// Reads a task; one whose messages cannot be read fails.
    fn new(response: PollWorkflowTaskQueueResponse) -> Result<Self, (OpenTask, Box<RunFailure>)> {
        let is_legacy_query = response.query.is_some();
        let mut queries: Vec<QueryWorkflow> = response
            .queries
            .into_iter()
            .map(|(id, query)| query_to_job(id, query))
            .collect();
        // They come as a map: this protects every run that gets more than one at once.
        queries.sort_unstable_by(|a, b| a.query_id.cmp(&b.query_id));
        queries.extend(
            response
                .query
                .map(|query: WorkflowQuery| query_to_job(LEGACY_QUERY_ID.to_owned(), query)),
        );
        let task = OpenTask {
            workflow_type: response.workflow_type.unwrap_or_default().name,
            token: response.task_token,
            attempt: u32::try_from(response.attempt).unwrap_or(1),
            queries,
            is_legacy_query,
        };
        let messages: Result<_, MachineError> = response
            .messages
            .iter()
            .map(IncomingUpdate::from_message)
            .collect();
        match messages {
            Ok(messages) => Ok(Self {
                execution: response.workflow_execution.unwrap_or_default(),
                previous_started_event_id: response.previous_started_event_id,
                started_event_id: response.started_event_id,
                messages,
                task,
            }),
            Err(error) => Err((task, error.into())),
        }
    }
}

fn no_history(message: &str) -> Box<RunFailure> {
    Box::new(RunFailure {
        failure: Failure::application_failure(message.to_owned(), true),
        cause: WorkflowTaskFailedCause::WorkflowWorkerUnhandledFailure,
        reason: TaskFailureReason::Other,
        error: None,
    })
}
