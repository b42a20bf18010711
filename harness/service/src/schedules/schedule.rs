//! One schedule: its definition and its state, and the changes that requests make.
//!
//! On the server a schedule is a workflow of the server's own. Here it takes turns, as that
//! workflow does: one when it is created, one for each change, and one whenever its time comes or a
//! workflow that it watches closes.
//!
//! Source: `temporalio/temporal: service/worker/scheduler/workflow.go`.

use std::collections::BTreeSet;

use prost_types::Timestamp;

use crate::{
    api::{
        Payloads, WorkflowExecution,
        common::{Memo, SearchAttributes},
        enums::ScheduleOverlapPolicy,
        failure::Failure,
        schedule::{
            BackfillRequest, Schedule as Definition, ScheduleAction, ScheduleInfo, SchedulePatch,
            SchedulePolicies, ScheduleState, schedule_action::Action,
        },
        workflow::NewWorkflowExecutionInfo,
    },
    base::{
        config::ServiceConfig,
        time::{duration_of_nanos, nanos, signed_ms, signed_timestamp, timestamp},
    },
    schedules::{
        overlap::BufferedStart,
        spec::{NextTime, Spec},
    },
};

/// The starts that may wait in a schedule, and the backfills.
pub(super) const MAX_BUFFER: usize = 1_000;

const NANOS_PER_SECOND: i64 = 1_000_000_000;
/// The catch-up window that a schedule has if none is given: a year.
const DEFAULT_CATCHUP_NANOS: i64 = 365 * 24 * 3_600 * NANOS_PER_SECOND;
const MIN_CATCHUP_NANOS: i64 = 10 * NANOS_PER_SECOND;

/// A schedule.
#[derive(Clone, Debug)]
pub(crate) struct Schedule {
    pub(crate) id: String,
    /// The request that created it.
    pub(crate) create_request_id: String,
    pub(crate) memo: Option<Memo>,
    pub(crate) search_attributes: Option<SearchAttributes>,
    pub(crate) conflict_token: i64,
    /// The counts and lists that descriptions show.
    pub(crate) info: ScheduleInfo,
    /// The due time of its next turn; `None` if it waits for a change, or for a workflow to close.
    pub(crate) wake_ms: Option<u64>,
    /// The running workflow whose end a buffered start waits for.
    pub(crate) watched: Option<WorkflowExecution>,
    /// True if it has nothing left to do, and its time of retention is over.
    pub(crate) is_closed: bool,
    pub(super) spec: Spec,
    pub(super) action: Option<NewWorkflowExecutionInfo>,
    pub(super) policies: SchedulePolicies,
    pub(super) state: ScheduleState,
    /// The name by which its starts, cancellations and terminations go.
    pub(super) identity: String,
    /// The seed of its jitter: the ids of the namespace and of the schedule.
    pub(super) jitter_seed: String,
    /// The time up to which it has acted, in milliseconds since the Unix epoch.
    pub(super) processed_ms: i64,
    pub(super) buffer: Vec<BufferedStart>,
    pub(super) backfills: Vec<BackfillRequest>,
    pub(super) last_completion_result: Option<Payloads>,
    pub(super) continued_failure: Option<Failure>,
    /// True if it has to look which of its workflows still run.
    pub(super) needs_refresh: bool,
    /// The number of requests that it has made.
    pub(super) requests: u64,
    /// The request ids of its changes, to recognise repetitions.
    request_ids: BTreeSet<String>,
}

/// The request to create a schedule, checked.
pub(crate) struct NewSchedule {
    pub(crate) id: String,
    pub(crate) request_id: String,
    pub(crate) definition: Definition,
    pub(crate) memo: Option<Memo>,
    pub(crate) search_attributes: Option<SearchAttributes>,
}

/// A change of a schedule.
pub(crate) enum Change {
    Patch(SchedulePatch),
    Update(Box<Update>),
}

/// Another definition of a schedule.
pub(crate) struct Update {
    pub(crate) definition: Definition,
    /// The token that the schedule must have; 0 for any.
    pub(crate) conflict_token: i64,
    /// The search attributes that replace the others, if there are any.
    pub(crate) search_attributes: Option<SearchAttributes>,
}

impl Schedule {
    /// Returns a new schedule.
    ///
    /// # Errors
    ///
    /// The server's words for a mistake in the specification.
    pub(crate) fn new(
        new: NewSchedule,
        config: &ServiceConfig,
        now_ms: u64,
    ) -> Result<Self, String> {
        let (namespace, id) = (&config.namespace, new.id);
        let mut schedule = Self {
            identity: format!("temporal-scheduler-{namespace}-{id}"),
            jitter_seed: format!("{}-{id}", config.namespace_id()),
            id,
            create_request_id: new.request_id,
            memo: new.memo,
            search_attributes: new.search_attributes,
            conflict_token: 1,
            info: ScheduleInfo {
                create_time: Some(timestamp(now_ms)),
                ..ScheduleInfo::default()
            },
            wake_ms: None,
            watched: None,
            is_closed: false,
            spec: Spec::default(),
            action: None,
            policies: SchedulePolicies::default(),
            state: ScheduleState::default(),
            processed_ms: now_ms.cast_signed(),
            buffer: Vec::new(),
            backfills: Vec::new(),
            last_completion_result: None,
            continued_failure: None,
            needs_refresh: false,
            requests: 0,
            request_ids: BTreeSet::new(),
        };
        schedule.define(new.definition)?;
        Ok(schedule)
    }

    /// Sets the definition, with the defaults that descriptions show.
    fn define(&mut self, definition: Definition) -> Result<(), String> {
        self.spec = Spec::new(definition.spec.unwrap_or_default())?;
        self.action = definition
            .action
            .and_then(|it| it.action)
            .map(|Action::StartWorkflow(start)| start);
        let mut policies = definition.policies.unwrap_or_default();
        if policies.overlap_policy() == ScheduleOverlapPolicy::Unspecified {
            policies.set_overlap_policy(ScheduleOverlapPolicy::Skip);
        }
        let catchup_nanos = match &policies.catchup_window {
            Some(window) => nanos(Some(window)).max(MIN_CATCHUP_NANOS),
            None => DEFAULT_CATCHUP_NANOS,
        };
        policies.catchup_window = Some(duration_of_nanos(catchup_nanos));
        self.policies = policies;
        self.state = definition.state.unwrap_or_default();
        Ok(())
    }

    /// Returns the definition, as descriptions show it.
    pub(crate) fn definition(&self) -> Definition {
        Definition {
            spec: Some(self.spec.canonical().clone()),
            action: Some(ScheduleAction {
                action: self.action.clone().map(Action::StartWorkflow),
            }),
            policies: Some(self.policies),
            state: Some(self.state.clone()),
        }
    }

    /// Returns `true` if a change of this request id is the first, which notes it.
    pub(crate) fn is_new_request(&mut self, request_id: &str) -> bool {
        request_id.is_empty() || self.request_ids.insert(request_id.to_owned())
    }

    /// Lets the next turn look which of the workflows still run.
    pub(super) fn refresh(&mut self) {
        self.needs_refresh = true;
    }

    /// Makes a change. An update whose token is outdated changes nothing, as on the server, which
    /// learns of the conflict too late to answer with it.
    pub(super) fn change(&mut self, change: Change, now_ms: i64) {
        match change {
            Change::Patch(patch) => self.patch(patch, now_ms),
            Change::Update(update) => self.update(*update, now_ms),
        }
    }

    fn update(&mut self, update: Update, now_ms: i64) {
        let is_outdated = ![0, self.conflict_token].contains(&update.conflict_token);
        // The definition was checked with the request.
        if is_outdated || self.define(update.definition).is_err() {
            return;
        }
        if let Some(attributes) = update.search_attributes {
            let has_any = !attributes.indexed_fields.is_empty();
            self.search_attributes = has_any.then_some(attributes);
        }
        self.info.update_time = Some(timestamp(now_ms.cast_unsigned()));
        self.conflict_token += 1;
    }

    fn patch(&mut self, patch: SchedulePatch, now_ms: i64) {
        if let Some(trigger) = patch.trigger_immediately {
            let at_ms = trigger.scheduled_time.as_ref().map_or(now_ms, signed_ms);
            self.buffer_start(BufferedStart {
                nominal_ms: at_ms,
                actual_ms: at_ms,
                policy: trigger.overlap_policy(),
                is_manual: true,
            });
        }
        for mut backfill in patch.backfill_request {
            if self.backfills.len() >= MAX_BUFFER {
                self.info.buffer_dropped += 1;
                continue;
            }
            // A time right at the start counts.
            let start_ms = backfill.start_time.as_ref().map_or(0, signed_ms) - 1;
            backfill.start_time = Some(signed_timestamp(start_ms));
            self.backfills.push(backfill);
        }
        if !patch.pause.is_empty() {
            self.state.paused = true;
            self.state.notes = patch.pause;
            self.conflict_token += 1;
        }
        if !patch.unpause.is_empty() {
            self.state.paused = false;
            self.state.notes = patch.unpause;
            self.conflict_token += 1;
        }
    }

    /// Lets a start wait for the end of the turn.
    pub(super) fn buffer_start(&mut self, start: BufferedStart) {
        if self.buffer.len() >= MAX_BUFFER {
            self.info.buffer_dropped += 1;
            return;
        }
        self.buffer.push(start);
        self.needs_refresh = true;
    }

    /// Returns `true` if the schedule may act: it is not paused, and has actions left.
    pub(super) fn may_act(&self) -> bool {
        !self.state.paused && (!self.state.limited_actions || self.state.remaining_actions > 0)
    }

    /// Counts an action of the schedule's own, of which it may have only so many.
    pub(super) fn use_action(&mut self) {
        if self.state.limited_actions {
            self.state.remaining_actions -= 1;
            self.conflict_token += 1;
        }
    }

    pub(super) fn catchup_ms(&self) -> i64 {
        nanos(self.policies.catchup_window.as_ref()) / 1_000_000
    }

    pub(super) fn update_ms(&self) -> i64 {
        self.info.update_time.as_ref().map_or(0, signed_ms)
    }

    /// Returns the first time of the specification after another.
    pub(super) fn next_time(&self, after_ms: i64) -> Option<NextTime> {
        // A specification that excludes too much has no next time until it is changed.
        self.spec.next(&self.jitter_seed, after_ms).unwrap_or(None)
    }

    /// Returns the next times at which the schedule acts, so many at most.
    pub(crate) fn future_action_times(&self, most: usize) -> Vec<Timestamp> {
        let mut most = most;
        if self.state.limited_actions {
            let remaining = usize::try_from(self.state.remaining_actions).unwrap_or(0);
            most = most.min(remaining);
        }
        let first_ms = self.skipping_to_update(self.processed_ms);
        let times = std::iter::successors(self.next_time(first_ms), |it| self.next_time(it.at_ms));
        times
            .map(|it| it.at_ms)
            .filter(|at_ms| *at_ms >= self.update_ms())
            .take(most)
            .map(signed_timestamp)
            .collect()
    }

    /// Returns a time, or a later one after which the same times follow, but for those before the
    /// last update, in which the schedule does not act.
    pub(super) fn skipping_to_update(&self, after_ms: i64) -> i64 {
        let jitter_ms = self.spec.max_jitter_ms().cast_signed();
        after_ms.max(
            self.update_ms()
                .saturating_sub(jitter_ms)
                .saturating_sub(1_000),
        )
    }
}
