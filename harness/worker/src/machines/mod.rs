//! State machines, one for each kind of command.
//!
//! A machine knows the events that its command leads to, and the jobs that those make. The rules
//! are Core's (`temporalio-sdk-core: src/worker/workflow/machines/`): these machines accept exactly
//! the histories that Core accepts, and fail with the same messages.

mod activity;
mod cancel_external;
mod child_workflow;
mod closing;
mod local_activity;
mod local_result;
mod nexus_operation;
mod patch;
mod signal_external;
mod timer;
mod update;
mod upsert;
mod workflow_task;

use std::fmt::{Debug, Display};

use durasim_events::HistoryEvent;
use temporalio_protos::{
    coresdk::workflow_activation::workflow_activation_job,
    temporal::api::{
        command::v1::{Command, CommandAttributesExt, command},
        common::v1::{Payload, Payloads},
        enums::v1::{CommandType, EventType},
        failure::v1::{ApplicationFailureInfo, Failure, failure::FailureInfo},
        protocol::v1::Message as ProtocolMessage,
        sdk::v1::{EventGroupMarker, UserMetadata},
    },
};

pub(crate) use activity::Activity;
pub(crate) use cancel_external::CancelExternal;
pub(crate) use child_workflow::ChildWorkflow;
pub(crate) use closing::Closing;
pub(crate) use local_activity::{LocalActivity, ScheduledLocalActivity};
pub(crate) use local_result::{LocalResult, RecordedResult};
pub(crate) use nexus_operation::NexusOperation;
pub(crate) use patch::Patch;
pub(crate) use signal_external::SignalExternal;
pub(crate) use timer::Timer;
pub(crate) use update::{IncomingUpdate, Update};
pub(crate) use upsert::{Upsert, UpsertKind};
pub(crate) use workflow_task::WorkflowTask;

/// The reason for which a machine cannot go on.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum MachineError {
    /// The workflow does not do what history says it did.
    Nondeterminism(String),
    /// The history or the SDK breaks the protocol.
    Fatal(String),
}

pub(crate) type Result<T, E = MachineError> = std::result::Result<T, E>;

/// Makes a [`MachineError::Nondeterminism`] with a formatted message.
macro_rules! nondeterminism {
    ($($words:tt)*) => { $crate::machines::MachineError::Nondeterminism(format!($($words)*)) };
}
/// Makes a [`MachineError::Fatal`] with a formatted message.
macro_rules! fatal {
    ($($words:tt)*) => { $crate::machines::MachineError::Fatal(format!($($words)*)) };
}
pub(crate) use {fatal, nondeterminism};

/// The metadata that workflow code attached to a command, for the service.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Annotations {
    /// Boxed, for it is large and rare.
    pub(crate) metadata: Option<Box<UserMetadata>>,
    pub(crate) event_groups: Vec<EventGroupMarker>,
}

impl Annotations {
    /// Replaces those annotations that `other` has. A cancellation keeps the others of the command
    /// that it cancels.
    pub(crate) fn override_with(&mut self, other: Self) {
        if let Some(other) = other.metadata {
            let metadata = self.metadata.get_or_insert_default();
            metadata.summary = other.summary.or(metadata.summary.take());
            metadata.details = other.details.or(metadata.details.take());
        }
        if !other.event_groups.is_empty() {
            self.event_groups = other.event_groups;
        }
    }

    /// Returns a command for the service with these annotations.
    pub(crate) fn command(self, attributes: command::Attributes) -> Command {
        Command {
            command_type: attributes.as_type() as i32,
            attributes: Some(attributes),
            user_metadata: self.metadata.map(|metadata| *metadata),
            event_group_markers: self.event_groups,
        }
    }
}

/// A request of a machine to the execution that it belongs to.
#[derive(Debug)]
pub(crate) enum Response {
    /// Adds a job to the next activation.
    Job(Box<workflow_activation_job::Variant>),
    /// Issues another command of this machine.
    Command(Box<Command>),
    /// Sends a protocol message with the completion.
    Message(ProtocolMessage),
    /// Issues a command that has a machine of its own.
    CoreCommand(Box<command::Attributes>, Annotations),
    /// Notes that a workflow task started.
    TaskStarted {
        event_id: i64,
        time: prost_types::Timestamp,
    },
    /// Changes the random seed to that of another run id, because the run was reset.
    RandomSeed { run_id: String },
    /// Runs a local activity.
    QueueLocalActivity(Box<ScheduledLocalActivity>),
    /// Cancels a local activity, whatever its stage.
    CancelLocalActivity(u32),
    /// Forgets a local activity.
    AbandonLocalActivity(u32),
    /// Advances workflow time, as the end of a local activity does.
    AdvanceTime(prost_types::Timestamp),
}

impl<J: Into<workflow_activation_job::Variant>> From<J> for Response {
    fn from(job: J) -> Self {
        Self::Job(Box::new(job.into()))
    }
}

pub(crate) type Responses = Vec<Response>;

/// The state machine of any command.
#[derive(Debug)]
pub(crate) enum Machine {
    Activity(Box<Activity>),
    CancelExternal(CancelExternal),
    ChildWorkflow(Box<ChildWorkflow>),
    Closing(Closing),
    LocalActivity(Box<LocalActivity>),
    NexusOperation(Box<NexusOperation>),
    Patch(Box<Patch>),
    SignalExternal(SignalExternal),
    Timer(Timer),
    Update(Box<Update>),
    Upsert(Upsert),
    WorkflowTask(WorkflowTask),
}

/// The circumstances of an event, beside the event itself.
#[derive(Debug, Clone, Copy)]
pub(crate) struct EventContext {
    /// True if ids and types are compared, as the flag `IdAndTypeDeterminismChecks` says.
    pub(crate) check_ids: bool,
}

impl Machine {
    /// Handles an event that belongs to this machine.
    pub(crate) fn on_event(
        &mut self,
        event: &HistoryEvent,
        context: EventContext,
    ) -> Result<Responses> {
        match self {
            Self::Activity(machine) => machine.on_event(event, context),
            Self::CancelExternal(machine) => machine.on_event(event),
            Self::ChildWorkflow(machine) => machine.on_event(event, context),
            Self::Closing(machine) => machine.on_event(event),
            Self::LocalActivity(machine) => machine.on_event(event, context),
            Self::NexusOperation(machine) => machine.on_event(event),
            Self::Patch(machine) => machine.on_event(event),
            Self::SignalExternal(machine) => machine.on_event(event),
            Self::Timer(machine) => machine.on_event(event),
            Self::Update(machine) => machine.on_event(event),
            Self::Upsert(machine) => machine.on_event(event),
            Self::WorkflowTask(machine) => machine.on_event(event),
        }
    }

    /// Notes that a command of this machine is about to be sent, or to be matched with history.
    pub(crate) fn on_command(&mut self, command: CommandType) -> Result<()> {
        match self {
            Self::LocalActivity(machine) => machine.on_command(),
            Self::Patch(machine) => machine.on_command(),
            Self::Timer(machine) => machine.on_command(command),
            Self::Update(machine) => machine.on_command(),
            Self::Upsert(machine) => machine.on_command(),
            _ => Ok(()),
        }
    }

    /// Returns `true` if no event can follow. A command of such a machine is not sent.
    pub(crate) fn is_final(&self) -> bool {
        match self {
            Self::Activity(machine) => machine.is_final(),
            Self::CancelExternal(machine) => machine.is_final(),
            Self::ChildWorkflow(machine) => machine.is_final(),
            Self::Closing(machine) => machine.is_final(),
            Self::LocalActivity(machine) => machine.is_final(),
            Self::NexusOperation(_) => false,
            Self::Patch(machine) => machine.is_final(),
            Self::SignalExternal(machine) => machine.is_final(),
            Self::Timer(machine) => machine.is_final(),
            Self::Update(machine) => machine.is_final(),
            Self::Upsert(machine) => machine.is_final(),
            Self::WorkflowTask(machine) => machine.is_final(),
        }
    }

    /// Returns `true` if the command was cancelled in the workflow task that issued it: then it is
    /// never sent.
    pub(crate) fn cancelled_before_sent(&self) -> bool {
        match self {
            Self::Activity(machine) => machine.cancelled_before_sent(),
            Self::ChildWorkflow(machine) => machine.cancelled_before_sent(),
            Self::NexusOperation(machine) => machine.cancelled_before_sent(),
            Self::SignalExternal(machine) => machine.cancelled_before_sent(),
            Self::Timer(machine) => machine.cancelled_before_sent(),
            _ => false,
        }
    }
}

/// Returns the error for an event that does not fit the state of its machine.
fn invalid_event(machine: &str, state: &impl Debug, event: &HistoryEvent) -> MachineError {
    fatal!(
        "{machine} in state {state:?} says the transition is invalid during event EventInfo {{ \
         event_id: {}, event_type: {:?} }}",
        event.event_id,
        event.event_type()
    )
}

/// Returns the error for a command that does not fit the state of its machine.
fn invalid_command(command: CommandType, state: &impl Debug) -> MachineError {
    nondeterminism!(
        "Unexpected command producing an invalid transition {command:?} in state {state:?}"
    )
}

/// Returns the error for an event without the attributes of its type.
fn unset(what: &str, event: &HistoryEvent) -> MachineError {
    fatal!("{what} attributes were unset: {event}")
}

/// Returns the failure of a signal or a cancel request that could not be delivered.
fn undelivered(attempt: &str, reason: &str, cause: impl Display) -> Failure {
    Failure {
        message: format!("Unable to {attempt} external workflow because {reason}"),
        failure_info: Some(FailureInfo::ApplicationFailureInfo(
            ApplicationFailureInfo {
                r#type: cause.to_string(),
                ..Default::default()
            },
        )),
        ..Default::default()
    }
}

/// Returns the single payload of a result.
fn single_payload(
    what: &str,
    result: Option<&Payloads>,
    event: &HistoryEvent,
) -> Result<Option<Payload>> {
    match result.map(|payloads| payloads.payloads.as_slice()) {
        None => Ok(None),
        Some([payload]) => Ok(Some(payload.clone())),
        Some(payloads) => Err(fatal!(
            "Not exactly one payload in {what} result ({}) for event: {:?}",
            if payloads.is_empty() {
                "NoPayload"
            } else {
                "MoreThanOnePayload"
            },
            Some((
                event.event_id,
                EventType::try_from(event.event_type).unwrap_or_default()
            ))
        )),
    }
}
