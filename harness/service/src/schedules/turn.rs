//! The turn of a schedule: it looks which times have come, decides about overlaps, and starts
//! workflows.
//!
//! Source: `temporalio/temporal: service/worker/scheduler/workflow.go` (`run`, `processTimeRange`,
//! `processBuffer`, `processBackfills`, `processWatcherResult`, `sleep`).

use prost_types::Timestamp;
use tonic::Status;

use crate::{
    api::{
        Payloads, WorkflowExecution,
        enums::{ScheduleOverlapPolicy, WorkflowExecutionStatus, WorkflowIdReusePolicy},
        failure::Failure,
        rpc::StartWorkflowExecutionRequest,
        schedule::ScheduleActionResult,
    },
    base::{
        identifiers::derived_uuid,
        time::{signed_ms, signed_timestamp, timestamp},
    },
    schedules::{
        attributes,
        overlap::{self, BufferedStart},
        schedule::{Change, MAX_BUFFER, Schedule},
    },
};

/// The backfilled actions of one turn.
const BACKFILLS_OF_TURN: usize = 10;
/// The pause between turns while backfills go on that wait for nothing.
const BETWEEN_BACKFILLS_MS: u64 = 1_000;
/// The actions that descriptions show.
const RECENT_ACTIONS: usize = 10;
/// The time that an idle schedule is kept, in milliseconds: a week.
const RETENTION_MS: i64 = 7 * 24 * 3_600_000;

/// The workflows, as a schedule acts on them.
pub(crate) trait Workflows {
    /// Starts a workflow, and returns its run id.
    fn start(&mut self, request: StartWorkflowExecutionRequest) -> Result<String, Status>;

    /// Requests the cancellation of a workflow, if the run is still of this chain.
    fn request_cancel(&mut self, execution: &WorkflowExecution, identity: &str);

    /// Terminates a workflow, if the run is still of this chain.
    fn terminate(&mut self, execution: &WorkflowExecution, identity: &str);

    /// Returns the end of the chain that begins with this run; `None` while it runs.
    fn end_of(&self, execution: &WorkflowExecution) -> Option<WorkflowEnd>;
}

/// The end of a workflow that a schedule started.
#[derive(Default)]
pub(crate) struct WorkflowEnd {
    /// The status; unspecified if the run is gone.
    pub(crate) status: WorkflowExecutionStatus,
    pub(crate) result: Option<Payloads>,
    pub(crate) failure: Option<Failure>,
}

impl Schedule {
    /// Takes a turn, after a change or because its time has come.
    pub(crate) fn turn(
        &mut self,
        now_ms: u64,
        change: Option<Change>,
        workflows: &mut impl Workflows,
    ) {
        let now = now_ms.cast_signed();
        self.end_watch(workflows);
        let (start_ms, now) = (self.processed_ms, now.max(self.processed_ms));
        let (mut next_ms, last_ms) = self.process_times(start_ms, now);
        self.processed_ms = last_ms;
        if let Some(change) = change {
            let is_update = matches!(change, Change::Update(_));
            self.change(change, now);
            if is_update {
                (next_ms, _) = self.process_times(self.processed_ms, now);
            }
        }
        self.process_backfills();
        while self.process_buffer(now_ms, workflows) {}
        self.is_closed = self.expires_ms(next_ms).is_some_and(|at_ms| at_ms <= now);
        self.sleep_until(next_ms, now_ms);
    }

    /// Buffers a start for each time that has come. Returns the next time, and the last one that
    /// was buffered.
    fn process_times(&mut self, start_ms: i64, end_ms: i64) -> (Option<i64>, i64) {
        if !self.may_act() {
            let next_ms = self.next_time(end_ms).map(|it| it.at_ms);
            return (next_ms, end_ms);
        }
        let mut last_ms = start_ms;
        let mut next = self.next_time(self.skipping_to_update(start_ms));
        while let Some(time) = next.filter(|it| it.at_ms <= end_ms) {
            if time.at_ms >= self.update_ms() {
                if end_ms - time.at_ms > self.catchup_ms() {
                    self.info.missed_catchup_window += 1;
                } else {
                    self.buffer_start(BufferedStart {
                        nominal_ms: time.nominal_ms,
                        actual_ms: time.at_ms,
                        policy: ScheduleOverlapPolicy::Unspecified,
                        is_manual: false,
                    });
                    last_ms = time.at_ms;
                }
            }
            next = self.next_time(time.at_ms);
        }
        (next.map(|it| it.at_ms), last_ms)
    }

    /// Buffers starts of backfills, a few each turn, in half of the buffer.
    fn process_backfills(&mut self) {
        let mut left = BACKFILLS_OF_TURN;
        while left > 0 && self.buffer.len() < MAX_BUFFER / 2 && !self.backfills.is_empty() {
            let backfill = self.backfills[0];
            let policy = backfill.overlap_policy();
            let mut after_ms = backfill.start_time.as_ref().map_or(0, signed_ms);
            let end_ms = backfill.end_time.as_ref().map_or(0, signed_ms);
            let mut is_done = false;
            while left > 0 && !is_done {
                match self.next_time(after_ms).filter(|it| it.at_ms <= end_ms) {
                    Some(time) => {
                        self.buffer_start(BufferedStart {
                            nominal_ms: time.nominal_ms,
                            actual_ms: time.at_ms,
                            policy,
                            is_manual: true,
                        });
                        after_ms = time.at_ms;
                        left -= 1;
                    }
                    None => is_done = true,
                }
            }
            if is_done {
                self.backfills.remove(0);
            } else {
                self.backfills[0].start_time = Some(signed_timestamp(after_ms));
            }
        }
    }

    /// Decides about the buffered starts, and makes those that go on now. Returns `true` if others
    /// may go on at once.
    fn process_buffer(&mut self, now_ms: u64, workflows: &mut impl Workflows) -> bool {
        if std::mem::take(&mut self.needs_refresh) {
            for execution in self.info.running_workflows.clone() {
                if let Some(end) = workflows.end_of(&execution) {
                    self.note_end(&execution, end);
                }
            }
        }
        if self.action.is_none() || self.buffer.is_empty() {
            self.buffer.clear();
            return false;
        }
        let is_running = !self.info.running_workflows.is_empty();
        let buffer = std::mem::take(&mut self.buffer);
        let decision = overlap::decide(buffer, is_running, self.policies.overlap_policy());
        self.buffer = decision.waiting;
        self.info.overlap_skipped += decision.skipped;

        // The starts, of which those that fail leave room for others.
        let overlapping = decision.overlapping.into_iter().map(|start| (start, false));
        let alone = decision.alone.into_iter().map(|start| (start, true));
        let mut has_room = false;
        for (start, is_tracked) in overlapping.chain(alone) {
            has_room |= !self.start(&start, is_tracked, now_ms, workflows);
        }

        // The workflows that have to make way.
        for execution in &self.info.running_workflows {
            if decision.terminates {
                workflows.terminate(execution, &self.identity);
            } else if decision.cancels {
                workflows.request_cancel(execution, &self.identity);
            }
        }
        if !self.buffer.is_empty() && self.watched.is_none() {
            self.watched = self.info.running_workflows.first().cloned();
        }
        has_room
    }

    /// Starts a workflow. Returns `false` if it does not start.
    fn start(
        &mut self,
        start: &BufferedStart,
        is_tracked: bool,
        now_ms: u64,
        workflows: &mut impl Workflows,
    ) -> bool {
        if !start.is_manual {
            if !self.may_act() {
                return false;
            }
            self.use_action();
        }
        let Some(request) = self.start_request(start) else {
            return false;
        };
        let workflow_id = request.workflow_id.clone();
        let Ok(run_id) = workflows.start(request) else {
            return false;
        };
        let execution = WorkflowExecution {
            workflow_id,
            run_id,
        };
        self.info.action_count += 1;
        let recent = &mut self.info.recent_actions;
        recent.push(ScheduleActionResult {
            schedule_time: Some(signed_timestamp(start.actual_ms)),
            actual_time: Some(timestamp(now_ms)),
            start_workflow_result: Some(execution.clone()),
            start_workflow_status: WorkflowExecutionStatus::Running.into(),
        });
        recent.drain(..recent.len().saturating_sub(RECENT_ACTIONS));
        if is_tracked {
            self.info.running_workflows.push(execution);
        }
        true
    }

    /// Returns the request for a start.
    fn start_request(&mut self, start: &BufferedStart) -> Option<StartWorkflowExecutionRequest> {
        let action = self.action.clone()?;
        self.requests += 1;
        // A start that may overlap takes no part in the results that pass from run to run.
        let is_in_line = start.policy != ScheduleOverlapPolicy::AllowAll;
        let result = self.last_completion_result.clone();
        let failure = self.continued_failure.clone();
        let reuse = if start.is_manual {
            WorkflowIdReusePolicy::AllowDuplicate
        } else {
            WorkflowIdReusePolicy::RejectDuplicate
        };
        let nominal = attributes::nominal(start.nominal_ms);
        let search_attributes =
            attributes::of_started(action.search_attributes, &self.id, &nominal);
        Some(StartWorkflowExecutionRequest {
            workflow_id: format!("{}-{nominal}", action.workflow_id),
            workflow_type: action.workflow_type,
            task_queue: action.task_queue,
            input: action.input,
            workflow_execution_timeout: action.workflow_execution_timeout,
            workflow_run_timeout: action.workflow_run_timeout,
            workflow_task_timeout: action.workflow_task_timeout,
            identity: self.identity.clone(),
            request_id: derived_uuid(&self.identity, self.requests),
            workflow_id_reuse_policy: reuse.into(),
            retry_policy: action.retry_policy,
            memo: action.memo,
            search_attributes: Some(search_attributes),
            header: action.header,
            last_completion_result: result.filter(|_| is_in_line),
            continued_failure: failure.filter(|_| is_in_line),
            user_metadata: action.user_metadata,
            priority: action.priority,
            ..StartWorkflowExecutionRequest::default()
        })
    }

    /// Takes note of the watched workflow, if it has closed.
    fn end_watch(&mut self, workflows: &impl Workflows) {
        let Some(execution) = self.watched.take() else {
            return;
        };
        match workflows.end_of(&execution) {
            None => self.watched = Some(execution),
            Some(end) => self.note_end(&execution, end),
        }
    }

    /// Takes note of a workflow that has closed: it no longer runs, its result or failure passes to
    /// the next one, and its failure may pause the schedule.
    fn note_end(&mut self, execution: &WorkflowExecution, end: WorkflowEnd) {
        let WorkflowEnd {
            status,
            result,
            failure,
        } = end;
        let id = &execution.workflow_id;
        let running = &mut self.info.running_workflows;
        if let Some(place) = running.iter().position(|it| it.workflow_id == *id) {
            running.remove(place);
        }
        let recent = self.info.recent_actions.iter_mut();
        let started = |it: &&mut ScheduleActionResult| {
            let started = it.start_workflow_result.as_ref();
            started.is_some_and(|it| it.workflow_id == *id)
        };
        if let Some(action) = { recent }.find(started) {
            action.start_workflow_status = status.into();
        }
        if self.policies.pause_on_failure && !self.state.paused {
            let message = failure.as_ref().map_or("", |it| &it.message);
            let notes = match status {
                WorkflowExecutionStatus::Failed => {
                    Some(format!("paused due to workflow failure: {id}: {message}"))
                }
                WorkflowExecutionStatus::TimedOut => {
                    Some(format!("paused due to workflow timeout: {id}"))
                }
                _ => None,
            };
            if let Some(notes) = notes {
                self.state.paused = true;
                self.state.notes = notes;
                self.conflict_token += 1;
            }
        }
        if result.is_some() {
            self.last_completion_result = result;
            self.continued_failure = None;
        } else if failure.is_some() {
            // The result before it is kept.
            self.continued_failure = failure;
        }
    }

    /// Sets the time of the next turn.
    fn sleep_until(&mut self, next_ms: Option<i64>, now_ms: u64) {
        let next_ms = if self.has_overlapping_backfills() {
            Some((now_ms + BETWEEN_BACKFILLS_MS).cast_signed())
        } else {
            next_ms.filter(|_| self.may_act())
        };
        let wake_ms = self.expires_ms(next_ms).or(next_ms);
        self.wake_ms = wake_ms.map(|at_ms| u64::try_from(at_ms).unwrap_or(0).max(now_ms));
    }

    fn has_overlapping_backfills(&self) -> bool {
        self.backfills.first().is_some_and(|first| {
            let policy = match first.overlap_policy() {
                ScheduleOverlapPolicy::Unspecified => self.policies.overlap_policy(),
                own => own,
            };
            policy == ScheduleOverlapPolicy::AllowAll
        })
    }

    /// Returns the time at which the schedule, which will not act again by itself, is dropped.
    fn expires_ms(&self, next_ms: Option<i64>) -> Option<i64> {
        let goes_on = self.state.paused
            || (next_ms.is_some() && self.may_act())
            || self.has_overlapping_backfills();
        if goes_on {
            return None;
        }
        let info = &self.info;
        let last_action = info.recent_actions.last();
        let events = [
            last_action.and_then(|it| it.actual_time),
            info.create_time,
            info.update_time,
        ];
        let last_ms = events
            .iter()
            .flatten()
            .map(|it: &Timestamp| signed_ms(it))
            .max();
        Some(last_ms.unwrap_or(0) + RETENTION_MS)
    }
}
