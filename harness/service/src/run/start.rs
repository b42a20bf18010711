//! The start of a run by a client, by a parent, or by the run before it in its chain.
//!
//! Source: `temporalio/temporal: service/history/workflow/mutable_state_impl.go`
//! (`ApplyWorkflowExecutionStartedEvent`).

use std::collections::BTreeSet;

use crate::{
    api::{
        common::Link,
        enums::WorkflowExecutionStatus,
        history::{
            WorkflowExecutionOptionsUpdatedEventAttributes, WorkflowExecutionStartedEventAttributes,
        },
        workflow::WorkflowExecutionOptions,
    },
    base::{
        identifiers::RunKey,
        time::{duration_ms, instant_ms, limit_ms},
        versioning_override,
    },
    history::{EventDecoration, EventStore},
    run::{
        Run, RunState, activities::Activities, children::Children,
        external_workflows::ExternalRequests, nexus_operations::NexusOperations, signals::Signal,
        timers::DueTimes, updates::Updates, user_timers::UserTimers, versioning::Versioning,
        workflow_task::WorkflowTaskState,
    },
};

/// The inputs of a new run.
#[derive(Default)]
pub(crate) struct NewRun {
    /// The attributes of the first event. The run ids of the chain may be empty where they are the
    /// id of this run.
    pub(crate) attributes: WorkflowExecutionStartedEventAttributes,
    pub(crate) decoration: EventDecoration,
    pub(crate) request_id: String,
    /// True if the caller schedules the first workflow task: a parent does so once it has recorded
    /// the start of its child.
    pub(crate) without_workflow_task: bool,
    /// The signal that comes with the start.
    pub(crate) signal: Option<Signal>,
}

impl Run {
    /// Records new options, or a later request to start the run, which attaches to it.
    pub(crate) fn update_options(
        &mut self,
        now_ms: u64,
        attributes: WorkflowExecutionOptionsUpdatedEventAttributes,
        links: Vec<Link>,
    ) {
        if !attributes.attached_request_id.is_empty() {
            self.start_request_ids
                .insert(attributes.attached_request_id.clone());
        }
        self.apply_options(now_ms, &attributes);
        let decoration = EventDecoration {
            links,
            worker_may_ignore: true,
            ..EventDecoration::default()
        };
        self.history.add_decorated(now_ms, attributes, decoration);
    }

    /// Applies the options of an event that updated them.
    pub(super) fn apply_options(
        &mut self,
        at_ms: u64,
        updated: &WorkflowExecutionOptionsUpdatedEventAttributes,
    ) {
        self.register_callbacks(
            at_ms,
            &updated.attached_request_id,
            &updated.attached_completion_callbacks,
        );
        self.updates.apply_options(at_ms, updated);
        if updated.unset_versioning_override {
            self.set_versioning_override(None);
        } else if let Some(versioning_override) = updated.versioning_override.clone() {
            self.set_versioning_override(versioning_override::modern(versioning_override));
        }
        let options = &mut self.state.options;
        if updated.priority.is_some() {
            options.priority.clone_from(&updated.priority);
        }
    }

    /// Returns `true` if the run was created by a reset.
    pub(crate) fn is_reset(&self) -> bool {
        self.started().original_execution_run_id != self.run_id
    }

    /// Starts a run: writes the first event, and schedules the first workflow task unless it is
    /// delayed.
    pub(crate) fn start(now_ms: u64, key: RunKey, run_id: String, new: NewRun) -> Self {
        let NewRun {
            mut attributes,
            decoration,
            request_id,
            without_workflow_task,
            signal,
        } = new;
        // The first run of a chain has its own id as those of the chain.
        for chain_id in [
            &mut attributes.original_execution_run_id,
            &mut attributes.first_execution_run_id,
        ] {
            if chain_id.is_empty() {
                chain_id.clone_from(&run_id);
            }
        }
        attributes.attempt = attributes.attempt.max(1);
        attributes.versioning_override = attributes
            .versioning_override
            .and_then(versioning_override::modern);
        // The run timeout counts from the end of the backoff, within the execution timeout.
        let backoff_ms = duration_ms(attributes.first_workflow_task_backoff.as_ref());
        let execution_expiration_ms = attributes
            .workflow_execution_expiration_time
            .as_ref()
            .map(instant_ms);
        let run_expiration_ms = limit_ms(attributes.workflow_run_timeout.as_ref())
            .map(|timeout_ms| now_ms + backoff_ms + timeout_ms)
            .map(|at_ms| execution_expiration_ms.map_or(at_ms, |limit| at_ms.min(limit)));
        let mut run = Self {
            key,
            workflow_id: attributes.workflow_id.clone(),
            run_id,
            start_ms: now_ms,
            history: EventStore::default(),
            state: RunState {
                status: WorkflowExecutionStatus::Running,
                close_ms: None,
                workflow_task: WorkflowTaskState::default(),
                cancel_requested: false,
                signals: 0,
                first_workflow_task_ms: (backoff_ms > 0).then_some(now_ms + backoff_ms),
                run_expiration_ms,
                execution_expiration_ms,
                memo: attributes.memo.clone(),
                search_attributes: attributes.search_attributes.clone(),
                options: WorkflowExecutionOptions {
                    versioning_override: attributes.versioning_override.clone(),
                    priority: attributes.priority.clone(),
                    ..WorkflowExecutionOptions::default()
                },
                versioning: Versioning::at_start(&attributes),
                terminated_for: None,
                next_run_id: None,
                reset_run_id: None,
            },
            activities: Activities::default(),
            user_timers: UserTimers::default(),
            children: Children::default(),
            external: ExternalRequests::default(),
            nexus_operations: NexusOperations::default(),
            updates: Updates::default(),
            callbacks: Vec::new(),
            start_request_ids: BTreeSet::from([request_id.clone()]),
            start_request_id: request_id,
            reset_request_id: String::new(),
            signal_request_ids: BTreeSet::new(),
            buffered_queries: BTreeSet::new(),
            query_timers: BTreeSet::new(),
            update_deadline_ms: None,
            workflow_task_starts: 0,
            transitions: 0,
            pinned_to: None,
            outbox: Vec::new(),
            armed: DueTimes::default(),
            keeps_speculative: false,
        };
        run.register_callbacks(
            now_ms,
            &run.start_request_id.clone(),
            &attributes.completion_callbacks,
        );
        // The first events.
        run.history.add_decorated(now_ms, attributes, decoration);
        run.start_request_ids.remove("");
        if let Some(signal) = signal {
            run.record_signal(now_ms, signal);
        }
        if !without_workflow_task {
            run.ensure_workflow_task(now_ms);
        }
        run
    }
}
