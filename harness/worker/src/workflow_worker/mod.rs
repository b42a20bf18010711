//! The workflow side of a worker process: workflow tasks in, completions out.
//!
//! A worker keeps the runs it has worked on in a bounded cache. A sticky task brings only the new
//! part of history, and continues with the cached workflow instance. Without the instance, the
//! worker needs the whole history, requests it by [`WorkflowTaskProgress::NeedsHistory`], and
//! replays it. The results are the same.
//!
//! The caller has these duties:
//!
//! - If the service did not accept a completion or a failure, or may not have accepted it, call
//!   [`WorkflowWorker::evict`], as Core does on any error.
//! - If the service accepted a completion, call [`WorkflowWorker::on_completed`] with its response.
//! - After each progress, call [`WorkflowWorker::take_local_activity_work`]. Drop the local
//!   activities of runs that are no longer cached: nobody waits for them.

mod cache;
mod conclusion;
mod local_activities;
mod options;
mod outcome;
mod progress;
mod requests;
mod run;
mod task;

use std::{borrow::Cow, collections::BTreeMap, rc::Rc, sync::Arc};

use durasim_events::HistoryEvent;
use temporalio_protos::temporal::api::{
    enums::v1::EventType,
    workflowservice::v1::{
        GetWorkflowExecutionHistoryResponse, PollWorkflowTaskQueueResponse,
        RespondWorkflowTaskCompletedResponse,
    },
};

pub use options::{WorkflowErrorType, WorkflowWorkerOptions};
pub(crate) use outcome::{RunFailure, RunOutcome};
pub use progress::{
    HistoryFetch, LocalActivityWork, QueryFailure, WorkflowTaskFailure, WorkflowTaskHeartbeat,
    WorkflowTaskProgress,
};
pub(crate) use run::{Run, RunSettings};
pub(crate) use task::OpenTask;

use crate::{
    LocalActivityResolution, Nondeterminism, WorkflowDefinitions,
    codec::uses_codec,
    execution::{Execution, WorkerFacts},
    history::{History, Pages},
    instance::InstanceSettings,
};
use cache::Cache;
use task::Work;

/// The part of a worker process that runs its workflow tasks.
pub struct WorkflowWorker {
    options: WorkflowWorkerOptions,
    settings: Rc<RunSettings>,
    facts: Rc<WorkerFacts>,
    runs: Cache,
    /// The work that the run which was closed last left for its local activities.
    closed_with_local_activities: Option<LocalActivityWork>,
    /// The backtraces of the commands of the last completion.
    backtraces: Vec<Option<String>>,
    /// The tasks that wait for history, by run.
    fetching: BTreeMap<String, Fetching>,
    /// The number of fetches so far.
    fetches: u64,
    /// The tasks that came while their run was busy, each with its events.
    buffered: Vec<(Box<PollWorkflowTaskQueueResponse>, Vec<Arc<HistoryEvent>>)>,
}

/// A task that waits for history.
struct Fetching {
    number: u64,
    work: Work,
    pages: Pages,
}

impl WorkflowWorker {
    /// Returns a worker with an empty cache.
    pub fn new(options: WorkflowWorkerOptions, definitions: WorkflowDefinitions) -> Self {
        let facts = Rc::new(WorkerFacts {
            namespace: options.namespace.clone(),
            task_queue: options.task_queue.clone(),
            build_id: options.own_build_id().to_owned(),
            deployment_name: options
                .deployment_options
                .as_ref()
                .map_or_else(String::new, |it| it.version.deployment_name.clone()),
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
            runs: Cache::default(),
            closed_with_local_activities: None,
            backtraces: Vec::new(),
            fetching: BTreeMap::new(),
            fetches: 0,
            buffered: Vec::new(),
        }
    }

    /// Handles a workflow task: the response of a poll, or the task in the response of a
    /// completion.
    ///
    /// The empty response of a poll that found nothing leads to [`WorkflowTaskProgress::Idle`].
    pub fn on_task(&mut self, mut response: PollWorkflowTaskQueueResponse) -> WorkflowTaskProgress {
        let events = response
            .history
            .take()
            .map(|history| history.events)
            .unwrap_or_default();
        let events = events.into_iter().map(|event| Arc::new(event.into()));
        self.on_shared_task(Box::new(response), events.collect())
    }

    /// Handles a workflow task, as [`Self::on_task`] does, whose events are shared with the sender.
    pub fn on_shared_task(
        &mut self,
        mut response: Box<PollWorkflowTaskQueueResponse>,
        events: Vec<Arc<HistoryEvent>>,
    ) -> WorkflowTaskProgress {
        let (Some(execution), Some(_)) = (&response.workflow_execution, &response.workflow_type)
        else {
            return WorkflowTaskProgress::Idle;
        };

        // A run that waits for history takes no other task meanwhile.
        let run_id = execution.run_id.clone();
        let busy = self.runs.get(&run_id).is_some_and(Run::is_busy);
        let only_query = response.query.is_some() && response.started_event_id == 0;
        if let Some(Fetching { work: waiting, .. }) = self.fetching.get(&run_id) {
            // A query starts no task, so it waits for its turn. A newer task replaces the one that
            // waits.
            if response.query.is_some() || waiting.task.is_legacy_query {
                self.buffered.push((response, events));
                return WorkflowTaskProgress::Idle;
            }
            if response.started_event_id < waiting.started_event_id {
                // The task was late on its way, and the service has given up on it.
                return WorkflowTaskProgress::Idle;
            }
            self.fetching.remove(&run_id);
        }

        // A query for a run that is busy is answered beside the task of the run.
        let next_page_token = std::mem::take(&mut response.next_page_token);
        let work = match Work::new(response) {
            Ok(work) => work,
            Err((task, failure)) => return self.failed(&run_id, Some(task), failure),
        };
        if only_query
            && busy
            && let Some(run) = self.runs.get_mut(&run_id)
        {
            let outcome = run.answer_query(work.task);
            return self.conclude(&run_id, outcome);
        }

        // Run the task if its history is whole, or continues that of a cached run.
        let first_event_id = events.first().map(|event| event.event_id);
        if self.is_stale(&run_id, &events) {
            self.runs.remove(&run_id);
        }
        if self.runs.contains(&run_id) && (next_page_token.is_empty() || first_event_id.is_none()) {
            return self.run_task(work, events);
        }
        if first_event_id == Some(1) && next_page_token.is_empty() {
            return self.run_task(work, events);
        }

        // Fetch the missing part of history.
        if events.is_empty() && work.task.queries.is_empty() {
            let message = "Received an empty workflow task with no queries or history";
            return self.failed(&run_id, Some(work.task), RunFailure::no_history(message));
        }
        let pages = if first_event_id == Some(1) || self.runs.contains(&run_id) {
            Pages::following(work.execution.clone(), events, next_page_token)
        } else {
            Pages::from_start(work.execution.clone(), events)
        };
        self.fetches += 1;
        self.fetch(
            run_id,
            Fetching {
                number: self.fetches,
                work,
                pages,
            },
        )
    }

    /// Continues a task that needed more history. The page of a fetch that is not under way any
    /// more changes nothing.
    pub fn on_history_page(
        &mut self,
        fetch: &HistoryFetch,
        page: GetWorkflowExecutionHistoryResponse,
    ) -> WorkflowTaskProgress {
        let HistoryFetch { run_id, .. } = fetch;
        let awaited = self.is_fetching(fetch);
        let Some(mut fetching) = awaited.then(|| self.fetching.remove(run_id)).flatten() else {
            return WorkflowTaskProgress::Idle;
        };
        if !fetching.pages.add(page) {
            return self.fetch(run_id.clone(), fetching);
        }
        let Fetching { work, pages, .. } = fetching;
        let mut events = pages.into_events();
        if work.task.is_legacy_query {
            leave_out_started_task(&mut events, work.previous_started_event_id);
        }
        if events
            .last()
            .is_none_or(|event| event.event_id < work.started_event_id)
        {
            let failure =
                RunFailure::no_history("Fetching history failed: Fetched empty history page");
            return self.failed(run_id, Some(work.task), failure);
        }
        self.run_task(work, events)
    }

    /// Returns `true` if a task still waits for this fetch of history.
    pub fn is_fetching(&self, fetch: &HistoryFetch) -> bool {
        self.fetching
            .get(&fetch.run_id)
            .is_some_and(|fetching| fetching.number == fetch.number)
    }

    /// Continues a task with the end of an attempt of a local activity.
    pub fn on_local_activity(
        &mut self,
        run_id: &str,
        seq: u32,
        resolution: LocalActivityResolution,
    ) -> WorkflowTaskProgress {
        let Some(run) = self.runs.get_mut(run_id) else {
            return WorkflowTaskProgress::Idle;
        };
        let outcome = run.on_local_activity(seq, resolution);
        self.conclude(run_id, outcome)
    }

    /// Completes the task of this number early, so that it does not time out while its local
    /// activities run. If the task was completed already, this does nothing.
    pub fn on_heartbeat_due(&mut self, run_id: &str, task: u64) -> WorkflowTaskProgress {
        let Some(run) = self.runs.get_mut(run_id) else {
            return WorkflowTaskProgress::Idle;
        };
        let outcome = run.on_heartbeat_due(task);
        self.conclude(run_id, outcome)
    }

    /// Notes that the service accepted the completion of a task.
    ///
    /// A speculative task that brought nothing but a rejected update vanishes from history: the
    /// response says so, and the run forgets the task. If the response holds another task, the
    /// caller must give that task to [`Self::on_task`].
    pub fn on_completed(&mut self, run_id: &str, response: &RespondWorkflowTaskCompletedResponse) {
        if response.reset_history_event_id > 0
            && let Some(run) = self.runs.get_mut(run_id)
        {
            run.execution
                .reset_last_started(response.reset_history_event_id);
        }
    }

    /// Takes the work for a run's local activities that came up since the last progress.
    ///
    /// [`WorkflowTaskProgress::RunLocalActivities`] holds such work already. Beside any other
    /// progress (a completion that cancels a running local activity, say), the caller must take it
    /// here.
    pub fn take_local_activity_work(&mut self, run_id: &str) -> Option<LocalActivityWork> {
        match self.runs.get_mut(run_id) {
            Some(run) => run.take_local_work(),
            None => self
                .closed_with_local_activities
                .take_if(|work| work.run_id == run_id),
        }
    }

    /// Handles a task that came while its run was busy, if its turn has come. Returns the id of the
    /// run, and the progress.
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

    /// Takes the backtraces of the code that issued the commands of the last completion, in their
    /// order; there may be fewer than commands.
    pub fn take_backtraces(&mut self) -> Vec<Option<String>> {
        std::mem::take(&mut self.backtraces)
    }

    /// Forgets a run. Its next task replays it from the first event.
    pub fn evict(&mut self, run_id: &str) {
        self.runs.remove(run_id);
        self.fetching.remove(run_id);
    }

    /// Returns the first run, by its id, whose code something besides the SDK has woken, and what
    /// that code does then. Core never learns of such a wake.
    ///
    /// The run must not be used any more, so this is to be called when the worker ends.
    pub fn woken_from_outside(&mut self) -> Option<(String, Nondeterminism)> {
        self.runs.iter_mut().find_map(|(run_id, run)| {
            let woken = run.woken_from_outside()?;
            Some((run_id.to_owned(), woken))
        })
    }

    /// Returns the workflow id of a child whose start Core never answers to the cached run, if
    /// there is one: workflow code that awaits the start hangs.
    pub fn unanswered_child_start(&self, run_id: &str) -> Option<&str> {
        self.runs.get(run_id)?.execution.unanswered_child_start()
    }

    /// Returns the ids of the cached runs, the least recently used first.
    pub fn cached(&self) -> Vec<&str> {
        self.runs.ids_by_use().collect()
    }

    /// Returns `true` if the run is in the cache.
    pub fn is_cached(&self, run_id: &str) -> bool {
        self.runs.contains(run_id)
    }

    /// Returns `true` if the worker holds fewer workflow tasks than this: those that it works on,
    /// and those that wait for history or for their turn.
    pub fn has_fewer_tasks_than(&self, limit: usize) -> bool {
        let waiting = self.fetching.len() + self.buffered.len();
        // A worker rarely keeps as many runs as it has slots: they need not be counted one by one.
        waiting + self.runs.len() < limit || waiting + self.runs.busy() < limit
    }

    /// Returns `true` if the cached run has sent commands that its new history does not have: a
    /// completion was lost, and the caller did not evict the run. Only a replay can go on then.
    fn is_stale(&self, run_id: &str, events: &[Arc<HistoryEvent>]) -> bool {
        let Some(Run { execution, .. }) = self.runs.get(run_id) else {
            return false;
        };
        execution.has_unrecorded_commands()
            && events
                .iter()
                .find(|event| event.event_id == execution.last_processed_event() + 1)
                .is_some_and(|event| event.event_type() != EventType::WorkflowTaskCompleted)
    }

    /// Requests the next page of history for a task.
    fn fetch(&mut self, run_id: String, fetching: Fetching) -> WorkflowTaskProgress {
        let request = Box::new(fetching.pages.request(&self.options.namespace));
        let fetch = HistoryFetch {
            run_id: run_id.clone(),
            number: fetching.number,
        };
        self.fetching.insert(run_id, fetching);
        WorkflowTaskProgress::NeedsHistory { fetch, request }
    }

    /// Works on a task whose history is there.
    fn run_task(&mut self, work: Work, events: Vec<Arc<HistoryEvent>>) -> WorkflowTaskProgress {
        let Work {
            execution,
            previous_started_event_id,
            started_event_id,
            messages,
            task,
        } = work;
        let run_id = execution.run_id.clone();
        if !self.runs.contains(&run_id) {
            self.runs.make_room(self.options.max_cached);
            let execution = Execution::new(
                Rc::clone(&self.facts),
                execution.workflow_id,
                execution.run_id,
            );
            let run = Run::new(execution, Rc::clone(&self.settings));
            self.runs.insert(&run_id, run);
        }

        // A query whose history is older than the run cannot be answered here.
        let Some((run, use_number)) = self.runs.use_run(&run_id) else {
            return WorkflowTaskProgress::Idle;
        };
        let expired = task.is_legacy_query
            && started_event_id == 0
            && previous_started_event_id < run.execution.last_started_event_id();
        if expired {
            // Core drops the query: the service sends it again, with newer history.
            return WorkflowTaskProgress::Idle;
        }

        let history = History::new(Cow::Owned(events), previous_started_event_id, true);
        let outcome = run.on_task(history, messages, task, use_number);
        self.conclude(&run_id, outcome)
    }
}

/// Removes from the history for a query the events since the last completed task, if another task
/// has started since.
///
/// That task arrives by itself, with its updates. Core would take the task for done with the query,
/// and lose the updates.
fn leave_out_started_task(events: &mut Vec<Arc<HistoryEvent>>, previous_started_event_id: i64) {
    let has_started = events.last().is_some_and(|last| {
        last.event_type() == EventType::WorkflowTaskStarted
            && last.event_id > previous_started_event_id
    });
    let completed = events.iter().position(|event| {
        event.event_id > previous_started_event_id
            && event.event_type() == EventType::WorkflowTaskCompleted
    });
    if let Some(completed) = completed.filter(|_| has_started) {
        let issued = events[completed + 1..].iter();
        let issued = issued.take_while(|event| event.is_command_event()).count();
        events.truncate(completed + 1 + issued);
    }
}
