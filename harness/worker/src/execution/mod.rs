//! The state of one run, between history and workflow code.
//!
//! History is applied one workflow task at a time. The events of a task make jobs, and the jobs
//! make an activation. Workflow code answers an activation with commands. On replay, these wait for
//! their events in the rest of history; otherwise they are sent with the completion of the task.
//! The rules are Core's (`temporalio-sdk-core: src/worker/workflow/machines/workflow_machines.rs`).

mod activation;
mod command_events;
mod compare;
mod deployment;
mod errors;
mod events;
mod flags;
mod local_activities;
mod local_results;
mod look_ahead;
mod patches;
mod sdk_commands;

use std::{
    collections::{BTreeMap, VecDeque},
    rc::Rc,
    time::Duration,
};

use prost_types::Timestamp;
use temporalio_common::data_converters::DataConverter;
use temporalio_protos::{
    coresdk::workflow_activation::WorkflowActivationJob,
    temporal::api::{
        command::v1::Command,
        common::v1::{Memo, Payload, RetryPolicy},
        enums::v1::CommandType,
        protocol::v1::Message as ProtocolMessage,
        sdk::v1::WorkflowTaskCompletedMetadata,
    },
};

pub(crate) use compare::describe;
pub(crate) use errors::ExecutionError;
pub(crate) use flags::CoreFlag;
pub(crate) use local_activities::LocalActivityRequests;
pub(crate) use local_results::LocalResolution;
pub(crate) use sdk_commands::IssuedCommand;

use crate::{
    history::History,
    machines::{self, IncomingUpdate, Machine, Response, Result, fatal, nondeterminism},
    time,
};
use deployment::DeploymentVersion;
use flags::Flags;
use local_activities::LocalActivities;

/// The properties of a worker that its runs need to know.
#[derive(Clone)]
pub(crate) struct WorkerFacts {
    pub(crate) namespace: String,
    pub(crate) task_queue: String,
    pub(crate) build_id: String,
    pub(crate) deployment_name: String,
    pub(crate) sdk_name: String,
    pub(crate) sdk_version: String,
    /// True if each command must be in history at its own workflow task.
    pub(crate) strict: bool,
    /// True if whole commands are compared with their events.
    pub(crate) compares_inputs: bool,
    /// The converter whose codec payloads pass through, if they do.
    pub(crate) codec: Option<DataConverter>,
}

/// The identity of a machine: its index among all of its run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Key(u32);

/// The name of a command in workflow code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum CommandId {
    Timer(u32),
    Activity(u32),
    LocalActivity(u32),
    ChildWorkflowStart(u32),
    SignalExternal(u32),
    CancelExternal(u32),
    NexusOperation(u32),
}

#[derive(Debug)]
struct Slot {
    machine: Machine,
    /// True if the machine's command is Core's own: workflow code does not wait for its result.
    core_created: bool,
}

/// A command on its way to the service, or to its event.
#[derive(Debug)]
struct QueuedCommand {
    key: Key,
    kind: CommandType,
    /// The command itself; `None` once it was sent with a completion, when only its event is
    /// awaited.
    command: Option<Box<Command>>,
    /// The backtrace of the code that issued it, if backtraces are on.
    issued_at: Option<Rc<str>>,
}

/// The content of the started event that later commands need.
#[derive(Debug)]
struct StartedInfo {
    workflow_task_timeout: Option<Duration>,
    memo: Option<Memo>,
    search_attributes: BTreeMap<String, Payload>,
    retry_policy: Option<RetryPolicy>,
}

/// The content of a completion of a workflow task.
#[derive(Debug, Default)]
pub(crate) struct TaskResponse {
    pub(crate) commands: Vec<Command>,
    pub(crate) messages: Vec<ProtocolMessage>,
    pub(crate) sdk_metadata: WorkflowTaskCompletedMetadata,
    /// The backtrace of the code that issued each command, as far as backtraces are on.
    pub(crate) issued_at: Vec<Option<String>>,
}

/// The state of one run.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a fact of its own that history or workflow code states"
)]
pub(crate) struct Execution<'h> {
    facts: Rc<WorkerFacts>,
    pub(crate) workflow_id: String,
    pub(crate) run_id: String,
    history: History<'h>,
    incoming: Vec<IncomingUpdate>,
    /// The started event of the workflow task that was applied last.
    current_started_event_id: i64,
    next_started_event_id: i64,
    last_processed_event: i64,
    pub(crate) replaying: bool,
    pub(crate) seen_terminal_event: bool,
    /// True once workflow code issued a command that closes the run.
    pub(crate) finished: bool,
    current_time: Option<Timestamp>,
    flags: Flags,
    history_size_bytes: u64,
    continue_as_new_suggested: bool,
    suggest_continue_as_new_reasons: Vec<i32>,
    target_worker_deployment_version_changed: bool,
    deployment_version: Option<DeploymentVersion>,
    slots: Vec<Slot>,
    /// The machines, by the id of the event that their command became.
    by_event_id: Vec<Option<Key>>,
    by_protocol_instance_id: BTreeMap<String, Key>,
    by_command_id: BTreeMap<CommandId, Key>,
    commands: VecDeque<QueuedCommand>,
    task_commands: VecDeque<QueuedCommand>,
    outbox: Vec<ProtocolMessage>,
    /// The patches that history or workflow code named; `true` for those that have a command.
    patches: BTreeMap<String, bool>,
    local_activities: LocalActivities,
    /// Local activities that were requested on replay. If a task starts that is not replayed, they
    /// run after all.
    awaiting_markers: Vec<Key>,
    jobs: Vec<WorkflowActivationJob>,
    started: Option<StartedInfo>,
    run_timeout: Option<Duration>,
    /// The backtrace of the code that issued the command which is handled now.
    issuing: Option<Rc<str>>,
}

impl<'h> Execution<'h> {
    pub(crate) fn new(facts: Rc<WorkerFacts>, workflow_id: String, run_id: String) -> Self {
        Self {
            facts,
            workflow_id,
            run_id,
            history: History::default(),
            incoming: Vec::new(),
            current_started_event_id: 0,
            next_started_event_id: 0,
            last_processed_event: 0,
            replaying: false,
            seen_terminal_event: false,
            finished: false,
            current_time: None,
            flags: Flags::default(),
            history_size_bytes: 0,
            continue_as_new_suggested: false,
            suggest_continue_as_new_reasons: Vec::new(),
            target_worker_deployment_version_changed: false,
            deployment_version: None,
            slots: Vec::new(),
            by_event_id: Vec::new(),
            by_protocol_instance_id: BTreeMap::new(),
            by_command_id: BTreeMap::new(),
            commands: VecDeque::new(),
            task_commands: VecDeque::new(),
            outbox: Vec::new(),
            patches: BTreeMap::new(),
            local_activities: LocalActivities::default(),
            awaiting_markers: Vec::new(),
            jobs: Vec::new(),
            started: None,
            run_timeout: None,
            issuing: None,
        }
    }

    /// Takes new history from the service, and the messages that came with it.
    pub(crate) fn new_work(
        &mut self,
        history: History<'h>,
        messages: Vec<IncomingUpdate>,
    ) -> Result<(), ExecutionError> {
        self.incoming = messages;
        self.replaying = history.previous_started_event_id > 0;
        self.history = history;
        self.apply_next_task().map(|_| ())
    }

    /// Returns `true` if there is a job for workflow code.
    pub(crate) fn has_pending_jobs(&self) -> bool {
        !self.jobs.is_empty()
    }

    /// Returns `true` if there is a job that resolves a local activity.
    pub(crate) fn has_pending_local_resolutions(&self) -> bool {
        self.jobs.iter().any(activation::is_local_resolution)
    }

    pub(crate) fn last_started_event_id(&self) -> i64 {
        self.current_started_event_id
    }

    pub(crate) fn last_processed_event(&self) -> i64 {
        self.last_processed_event
    }

    pub(crate) fn workflow_task_timeout(&self) -> Option<Duration> {
        self.started
            .as_ref()
            .and_then(|started| started.workflow_task_timeout)
    }

    pub(crate) fn try_use_flag(&mut self, flag: CoreFlag, record: bool) -> bool {
        self.flags.try_use(flag, record)
    }

    /// Forgets a speculative workflow task that the service dropped because it brought nothing but
    /// a rejected update.
    pub(crate) fn reset_last_started(&mut self, event_id: i64) {
        self.current_started_event_id = event_id;
        // The events that scheduled and started the task are gone.
        self.last_processed_event -= 2;
        let keep = usize::try_from(self.last_processed_event + 1).unwrap_or(0);
        self.by_event_id.truncate(keep);
    }

    pub(crate) fn outstanding_local_activities(&self) -> usize {
        self.local_activities.outstanding()
    }

    pub(crate) fn take_local_activity_requests(&mut self) -> LocalActivityRequests {
        self.local_activities.take_requests()
    }

    /// Returns `true` if commands were sent that history does not have yet. They cannot be sent
    /// again.
    pub(crate) fn has_unrecorded_commands(&self) -> bool {
        self.commands
            .iter()
            .any(|queued| queued.command.is_none() && !self.slot(queued.key).machine.is_final())
    }

    /// Takes the commands and messages to be sent with the completion of the task.
    pub(crate) fn take_response(&mut self) -> TaskResponse {
        let mut commands = Vec::with_capacity(self.commands.len());
        let mut issued_at = Vec::new();
        for queued in &mut self.commands {
            if !self.slots[queued.key.index()].machine.is_final()
                && let Some(command) = queued.command.take()
            {
                if let Some(backtrace) = &queued.issued_at {
                    issued_at.resize(commands.len(), None);
                    issued_at.push(Some(backtrace.to_string()));
                }
                commands.push(*command);
            }
        }
        self.deployment_version = self.own_deployment_version();
        TaskResponse {
            commands,
            issued_at,
            messages: std::mem::take(&mut self.outbox),
            sdk_metadata: self
                .flags
                .gather(&self.facts.sdk_name, &self.facts.sdk_version),
        }
    }

    /// Returns the first command that history has no event for, and the backtrace of the code that
    /// issued it.
    pub(crate) fn unrecorded_command(&self) -> Option<(&Command, Option<&str>)> {
        self.commands
            .iter()
            .filter(|queued| !self.slot(queued.key).machine.is_final())
            .find_map(|queued| Some((queued.command.as_deref()?, queued.issued_at.as_deref())))
    }

    fn slot(&self, key: Key) -> &Slot {
        &self.slots[key.index()]
    }

    fn machine_mut(&mut self, key: Key) -> &mut Machine {
        &mut self.slots[key.index()].machine
    }

    fn add_machine(&mut self, machine: Machine) -> Key {
        let key = Key(u32::try_from(self.slots.len()).expect("a run has fewer than 2^32 commands"));
        self.slots.push(Slot {
            machine,
            core_created: false,
        });
        key
    }

    fn key(&self, id: CommandId) -> Result<Key> {
        self.by_command_id
            .get(&id)
            .copied()
            .ok_or_else(|| nondeterminism!("Missing associated machine for {id:?}"))
    }

    fn send_job(&mut self, job: impl Into<WorkflowActivationJob>) {
        self.jobs.push(job.into());
    }

    /// Does what a machine requests.
    fn process(&mut self, key: Key, responses: Vec<Response>) -> Result<()> {
        for response in responses {
            match response {
                Response::Job(variant) => {
                    if !self.slot(key).core_created {
                        self.jobs.push(WorkflowActivationJob {
                            variant: Some(*variant),
                        });
                    }
                }
                Response::Command(command) => self.queue(key, command),
                // On replay, the service has the message already.
                Response::Message(message) if !self.replaying => self.outbox.push(message),
                Response::Message(_) => {}
                Response::CoreCommand(attributes, annotations) => {
                    self.add_core_command(*attributes, annotations)?;
                }
                Response::TaskStarted { event_id, time } => self.task_started(event_id, time)?,
                Response::RandomSeed { run_id } => self.send_seed(&run_id),
                Response::QueueLocalActivity(activity) => self.local_activities.enqueue(*activity),
                Response::CancelLocalActivity(seq) => self.cancel_local_activity(key, seq)?,
                Response::AbandonLocalActivity(seq) => self.local_activities.done(seq),
                Response::AdvanceTime(time) => self.advance_time(time),
            }
        }
        Ok(())
    }

    /// Queues a command of the current activation.
    fn queue(&mut self, key: Key, command: Box<Command>) {
        let kind = command.command_type();
        let issued_at = self.issuing.clone();
        self.task_commands.push_back(QueuedCommand {
            key,
            kind,
            command: Some(command),
            issued_at,
        });
    }

    /// Returns the workflow id of a child whose start Core never answers.
    pub(crate) fn unanswered_child_start(&self) -> Option<&str> {
        self.slots.iter().find_map(|slot| match &slot.machine {
            Machine::ChildWorkflow(child) => child.unanswered_start(),
            _ => None,
        })
    }

    fn advance_time(&mut self, to: Timestamp) {
        if self
            .current_time
            .is_none_or(|now| time::compare(now, to).is_lt())
        {
            self.current_time = Some(to);
        }
    }

    /// Notes the start of a workflow task. If it is not replayed, local activities without a marker
    /// run now.
    fn task_started(&mut self, event_id: i64, time: Timestamp) -> Result<()> {
        self.current_started_event_id = event_id;
        self.advance_time(time);
        if self.replaying {
            return Ok(());
        }
        for key in std::mem::take(&mut self.awaiting_markers) {
            let responses = self.local_activity_mut(key)?.on_live_task();
            self.process(key, responses)?;
        }
        Ok(())
    }

    fn local_activity_mut(&mut self, key: Key) -> Result<&mut machines::LocalActivity> {
        match self.machine_mut(key) {
            Machine::LocalActivity(machine) => Ok(machine),
            machine => Err(fatal!("Expected a local activity, found {machine:?}")),
        }
    }
}

impl Key {
    fn index(self) -> usize {
        self.0 as usize
    }
}
