//! History, applied event by event to the machines.

use std::{collections::BTreeMap, sync::Arc};

use durasim_events::{Attributes, HistoryEvent};
use temporalio_protos::{
    coresdk::workflow_activation::{
        CancelWorkflow, SignalWorkflow, start_workflow_from_attribs,
        workflow_activation_job::Variant,
    },
    temporal::api::{enums::v1::EventType, history::v1::WorkflowExecutionStartedEventAttributes},
};

use super::{
    Execution, Key, StartedInfo, activation::random_seed, deployment, errors::ExecutionError,
    flags::CoreFlag,
};
use crate::{
    history::NextTask,
    machines::{EventContext, IncomingUpdate, Machine, WorkflowTask, fatal, nondeterminism},
    time,
};

type Result<T, E = ExecutionError> = std::result::Result<T, E>;

/// The number of events that were applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Applied(pub(crate) usize);

/// The fate of the event after one that was handled.
pub(super) enum Next {
    Handle,
    /// The event belongs to the one before it, so it is not handled.
    Skip,
}

impl Execution<'_> {
    /// Applies the next workflow task of the history that is known.
    pub(crate) fn apply_next_task(&mut self) -> Result<Applied> {
        if self.seen_terminal_event {
            self.replaying = false;
            return Ok(Applied(0));
        }

        // Find the events of the task.
        let last_started = self.current_started_event_id;
        let (range, is_last) = match self.history.next_task(last_started) {
            NextTask::ReplayOver => (0..0, true),
            NextTask::Events(range, is_last) => (range, is_last),
            NextTask::NeedsHistory => {
                return Err(fatal!(
                    "Need to fetch history events to continue applying workflow task"
                )
                .into());
            }
        };

        // Apply them.
        let events = self.history.take_events();
        let after = range.end;
        let applied = self.apply_events(&events[range], &events[after..], is_last);
        self.history.put_events(events);
        let (applied, mut admitted) = applied?;

        // Learn from the task after it what workflow code must know in this one.
        let ahead = self.history.peek_task(last_started);
        let events = self.history.take_events();
        let looked = self.look_ahead(&events[ahead], &mut admitted);
        self.history.put_events(events);
        looked?;
        self.release_held_local_resolutions()?;
        Ok(applied)
    }

    /// Applies workflow tasks until there is a job for workflow code, or no history to replay.
    pub(crate) fn apply_tasks_until_jobs(&mut self) -> Result<()> {
        while !self.has_pending_jobs() {
            let Applied(events) = self.apply_next_task()?;
            if events == 0 || !self.replaying {
                break;
            }
        }
        Ok(())
    }

    /// Applies the events of one workflow task; `after` are the events that follow it. Returns the
    /// updates that were admitted on replay, which wait for the events that accept them.
    fn apply_events(
        &mut self,
        events: &[Arc<HistoryEvent>],
        after: &[Arc<HistoryEvent>],
        is_last: bool,
    ) -> Result<(Applied, BTreeMap<String, IncomingUpdate>)> {
        // Skip events that were applied before: history may come again from an earlier event on.
        let start = events
            .iter()
            .position(|event| event.event_id > self.last_processed_event);
        let events = start.map_or(&[][..], |start| &events[start..]);
        if events.is_empty() {
            self.replaying = false;
            return Ok((Applied(0), BTreeMap::new()));
        }

        // Note what holds for the whole task.
        self.local_activities.task_applied();
        self.learn_from_completions(events, after);
        if let Some(last) = events.last()
            && last.event_type() == EventType::WorkflowTaskStarted
        {
            self.next_started_event_id = last.event_id;
        }

        // Handle the events one by one.
        let mut admitted = BTreeMap::new();
        let mut next = Next::Handle;
        for (index, event) in events.iter().enumerate() {
            if event.event_id != self.last_processed_event + 1 {
                return Err(fatal!(
                    "History is out of order. Last processed event: {}, event id: {}",
                    self.last_processed_event,
                    event.event_id
                )
                .into());
            }
            self.end_replay_at(event, is_last);
            self.check_all_recorded(event)?;
            if event.event_type() == EventType::WorkflowExecutionUpdateAdmitted {
                let update = IncomingUpdate::from_event(event)?;
                if self.replaying {
                    admitted.insert(update.protocol_instance_id.clone(), update);
                } else {
                    self.incoming.push(update);
                }
                next = Next::Skip;
            }
            if !self.incoming.is_empty() {
                self.take_messages_before(event.event_id)?;
            }
            next = match next {
                Next::Handle => self
                    .handle_event(event, events.get(index + 1).map(|next| &**next), is_last)
                    .map_err(|e| e.at(event))?,
                Next::Skip => Next::Handle,
            };
            self.last_processed_event = event.event_id;
        }
        Ok((Applied(events.len()), admitted))
    }

    /// Ends the replay at the first event of the last task that workflow code did not cause itself.
    fn end_replay_at(&mut self, event: &HistoryEvent, is_last: bool) {
        if self.replaying
            && is_last
            && event.event_id > self.history.previous_started_event_id
            && event.event_type() != EventType::WorkflowTaskCompleted
            && !event.is_command_event()
        {
            self.replaying = false;
        }
    }

    /// Learns flags and versions from the workflow tasks that are completed in these events, and
    /// from the next one after them.
    fn learn_from_completions(
        &mut self,
        events: &[Arc<HistoryEvent>],
        after: &[Arc<HistoryEvent>],
    ) {
        let completed = |event: &'_ HistoryEvent| {
            matches!(
                event.attributes,
                Some(Attributes::WorkflowTaskCompletedEventAttributes(_))
            )
        };
        let next = after.iter().find(|event| completed(event));
        for event in events.iter().filter(|event| completed(event)).chain(next) {
            if let Some(Attributes::WorkflowTaskCompletedEventAttributes(completed)) =
                &event.attributes
            {
                self.flags.add_completed(completed);
                if let Some(version) = deployment::recorded(completed) {
                    self.deployment_version = Some(version);
                }
            }
        }
    }

    /// Handles the messages that come before the event `event_id`.
    fn take_messages_before(&mut self, event_id: i64) -> Result<()> {
        let (ready, later) = std::mem::take(&mut self.incoming)
            .into_iter()
            .partition(|update| update.sequencing_event_id.is_none_or(|id| id < event_id));
        self.incoming = later;
        let ready: Vec<IncomingUpdate> = ready;
        for update in ready {
            self.request_update(update)?;
        }
        Ok(())
    }

    pub(super) fn request_update(&mut self, incoming: IncomingUpdate) -> Result<()> {
        let instance = incoming.protocol_instance_id.clone();
        let (machine, response) = crate::machines::Update::request(incoming, self.replaying)?;
        let key = self.add_machine(Machine::Update(Box::new(machine)));
        self.by_protocol_instance_id.insert(instance, key);
        self.process(key, vec![response])?;
        Ok(())
    }

    /// Handles one event: finds its machine, or makes the job that it stands for.
    fn handle_event(
        &mut self,
        event: &HistoryEvent,
        next_event: Option<&HistoryEvent>,
        is_last: bool,
    ) -> Result<Next> {
        // Events that close the run, and events without an effect.
        if event.is_final_wf_execution_event() {
            self.seen_terminal_event = true;
        }
        if event.is_ignorable() {
            return Ok(Next::Handle);
        }
        let event_type = event.event_type();
        if matches!(
            event_type,
            EventType::WorkflowExecutionTerminated | EventType::WorkflowExecutionTimedOut
        ) {
            if next_event.is_some() || !is_last {
                return Err(fatal!(
                    "Machines were fed a history which has an event after workflow execution was \
                     terminated!"
                )
                .into());
            }
            return Ok(Next::Handle);
        }
        if event_type == EventType::Unspecified || event.attributes.is_none() {
            if event.worker_may_ignore {
                return Ok(Next::Handle);
            }
            return Err(fatal!(
                "Event type is unspecified! This history is invalid. Event detail: {event:?}"
            )
            .into());
        }

        // Events that commands became.
        if event.is_command_event() {
            return self.handle_command_event(event, next_event, is_last);
        }

        // The start of a workflow task says what workflow code may ask about its history.
        if let Some(Attributes::WorkflowTaskStartedEventAttributes(started)) = &event.attributes {
            self.history_size_bytes = u64::try_from(started.history_size_bytes).unwrap_or_default();
            self.continue_as_new_suggested = started.suggest_continue_as_new;
            self.suggest_continue_as_new_reasons
                .clone_from(&started.suggest_continue_as_new_reasons);
            self.target_worker_deployment_version_changed =
                started.target_worker_deployment_version_changed;
        }

        // Events that follow a command's event go to the command's machine; the others have none.
        if let Some(command_event_id) = event.get_initial_command_event_id() {
            let key = self.key_of_event(command_event_id).ok_or_else(|| {
                nondeterminism!(
                    "During event handling, this event had an initial command ID but we could not \
                     find a matching command for it: {event:?}"
                )
            })?;
            self.on_machine_event(key, event, is_last)?;
        } else {
            self.handle_stateless_event(event)?;
        }
        Ok(Next::Handle)
    }

    /// Hands an event to its machine, and does what the machine requests.
    pub(super) fn on_machine_event(
        &mut self,
        key: Key,
        event: &HistoryEvent,
        is_last: bool,
    ) -> Result<()> {
        let check_ids = match (event.event_type(), &self.slots[key.index()].machine) {
            (
                EventType::ActivityTaskScheduled | EventType::StartChildWorkflowExecutionInitiated,
                _,
            ) => self
                .flags
                .try_use(CoreFlag::IdAndTypeDeterminismChecks, is_last),
            (EventType::MarkerRecorded, Machine::LocalActivity(machine)) => self.flags.try_use(
                CoreFlag::IdAndTypeDeterminismChecks,
                !machine.replaying_when_invoked(),
            ),
            _ => false,
        };
        // Strict replay compares ids and types whatever the flags in history.
        let check_ids = check_ids || self.facts.strict;
        let responses = self
            .machine_mut(key)
            .on_event(event, EventContext { check_ids })?;
        if !responses.is_empty() {
            self.process(key, responses)?;
        }
        Ok(())
    }

    /// Handles an event that is not about a command.
    fn handle_stateless_event(&mut self, event: &HistoryEvent) -> Result<()> {
        match &event.attributes {
            Some(Attributes::WorkflowExecutionStartedEventAttributes(started)) => {
                // A query before the first workflow task sees this time.
                if let Some(event_time) = event.event_time {
                    self.advance_time(event_time);
                }
                self.start(started, event.event_time.unwrap_or_default());
            }
            Some(Attributes::WorkflowTaskScheduledEventAttributes(_)) => {
                let machine = WorkflowTask::new(self.next_started_event_id);
                let key = self.add_machine(Machine::WorkflowTask(machine));
                self.on_machine_event(key, event, false)?;
                self.set_key_of_event(event.event_id, key);
            }
            Some(Attributes::WorkflowExecutionSignaledEventAttributes(signaled)) => {
                let signal = SignalWorkflow::from(((**signaled).clone(), event.event_id));
                self.send_job(Variant::SignalWorkflow(signal));
            }
            Some(Attributes::WorkflowExecutionCancelRequestedEventAttributes(requested)) => {
                self.send_job(Variant::CancelWorkflow(CancelWorkflow::from(
                    (**requested).clone(),
                )));
            }
            _ => {
                return Err(fatal!(
                    "The event is not a non-stateful event, but we tried to handle it as one: \
                     {event}"
                )
                .into());
            }
        }
        Ok(())
    }

    /// Initializes workflow code from the first event.
    fn start(
        &mut self,
        started: &WorkflowExecutionStartedEventAttributes,
        time: prost_types::Timestamp,
    ) {
        self.run_timeout = time::timeout(started.workflow_run_timeout);
        self.started = Some(StartedInfo {
            workflow_task_timeout: time::duration(started.workflow_task_timeout),
            memo: started.memo.clone(),
            search_attributes: started
                .search_attributes
                .iter()
                .flat_map(|attributes| &attributes.indexed_fields)
                .map(|(name, value)| (name.clone(), value.clone()))
                .collect(),
            retry_policy: started.retry_policy.clone(),
        });
        let seed = random_seed(&started.original_execution_run_id);
        let job =
            start_workflow_from_attribs(started.clone(), self.workflow_id.clone(), seed, time);
        self.send_job(Variant::InitializeWorkflow(job));
    }

    fn key_of_event(&self, event_id: i64) -> Option<Key> {
        usize::try_from(event_id)
            .ok()
            .and_then(|index| self.by_event_id.get(index).copied().flatten())
    }

    pub(super) fn set_key_of_event(&mut self, event_id: i64, key: Key) {
        let index = usize::try_from(event_id).expect("event ids start at 1");
        if self.by_event_id.len() <= index {
            self.by_event_id.resize(index + 1, None);
        }
        self.by_event_id[index] = Some(key);
    }
}
