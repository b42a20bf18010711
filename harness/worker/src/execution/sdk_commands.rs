//! Commands of workflow code: each makes a machine, or is handed to one.

use std::{mem::take, rc::Rc};

use temporalio_protos::{
    VERSION_SEARCH_ATTR_KEY,
    coresdk::{
        common::VersioningIntent,
        workflow_commands::{
            ContinueAsNewWorkflowExecution, RequestCancelExternalWorkflowExecution, UpdateResponse,
            UpsertWorkflowSearchAttributes, WorkflowCommand, workflow_command::Variant,
        },
    },
    temporal::api::{
        command::v1::{
            UpsertWorkflowSearchAttributesCommandAttributes, command::Attributes,
            continue_as_new_cmd_to_api,
        },
        common::v1::SearchAttributes,
    },
};

use super::{CommandId, CoreFlag, Execution, Key};
use crate::machines::{
    Activity, Annotations, CancelExternal, ChildWorkflow, Closing, Machine, NexusOperation, Result,
    SignalExternal, Timer, Upsert, UpsertKind, fatal, nondeterminism,
};

/// A command of workflow code, and the backtrace of the code that issued it.
#[derive(Debug)]
pub(crate) struct IssuedCommand {
    pub(crate) command: WorkflowCommand,
    pub(crate) issued_at: Option<Rc<str>>,
}

/// Finds the machine of a command that is to be cancelled.
macro_rules! machine_to_cancel {
    ($self:ident, $id:expr, $kind:ident) => {{
        let id = $id;
        let key = $self.key(id)?;
        match $self.machine_mut(key) {
            Machine::$kind(machine) => (key, machine),
            _ => {
                return Err(nondeterminism!(
                    "Machine was not a {}Machine when it should have been during cancellation: \
                     {id:?}",
                    stringify!($kind)
                ));
            }
        }
    }};
}

impl Execution<'_> {
    /// Handles the commands with which workflow code answered an activation.
    pub(crate) fn handle_commands(&mut self, mut commands: Vec<IssuedCommand>) -> Result<()> {
        // A command is large whatever it says: it stays where it is, and its parts are taken out.
        for issued in &mut commands {
            self.issuing = issued.issued_at.take();
            let command = &mut issued.command;
            let annotations = Annotations {
                metadata: command.user_metadata.take().map(Box::new),
                event_groups: take(&mut command.event_group_markers),
            };
            let variant = command
                .variant
                .as_mut()
                .ok_or_else(|| fatal!("Lang provided workflow command with empty variant"))?;
            self.handle_command(variant, annotations)?;
        }
        self.issuing = None;

        // Commands may have scheduled activities whose results are known already.
        self.apply_preresolutions(false)?;
        self.release_held_local_resolutions()?;
        self.prepare_commands()
    }

    /// Handles one command, whose attributes are left empty.
    fn handle_command(&mut self, variant: &mut Variant, annotations: Annotations) -> Result<()> {
        match variant {
            // Timers.
            Variant::StartTimer(attributes) => {
                let attributes = take(attributes);
                let id = CommandId::Timer(attributes.seq);
                let (machine, command) = Timer::start(attributes, annotations.clone());
                self.add_command(Machine::Timer(machine), command, annotations, Some(id));
            }
            Variant::CancelTimer(attributes) => {
                let (key, machine) =
                    machine_to_cancel!(self, CommandId::Timer(attributes.seq), Timer);
                let responses = machine.cancel(annotations)?;
                self.process(key, responses)?;
            }

            // Activities.
            Variant::ScheduleActivity(attributes) => {
                let attributes = take(attributes);
                let id = CommandId::Activity(attributes.seq);
                let compatible =
                    self.compatible(attributes.versioning_intent(), &attributes.task_queue);
                let (machine, command) =
                    Activity::schedule(attributes, compatible, annotations.clone());
                self.add_command(
                    Machine::Activity(Box::new(machine)),
                    command,
                    annotations,
                    Some(id),
                );
            }
            Variant::RequestCancelActivity(attributes) => {
                let (key, machine) =
                    machine_to_cancel!(self, CommandId::Activity(attributes.seq), Activity);
                let responses = machine.cancel(annotations)?;
                self.process(key, responses)?;
            }

            // Local activities.
            Variant::ScheduleLocalActivity(attributes) => {
                self.schedule_local(take(attributes), annotations)?;
            }
            Variant::RequestCancelLocalActivity(attributes) => {
                let index = self.local_activities.activation_index();
                let id = CommandId::LocalActivity(attributes.seq);
                let (key, machine) = machine_to_cancel!(self, id, LocalActivity);
                let responses = machine.cancel(index)?;
                self.process(key, responses)?;
            }

            // Other workflows.
            Variant::StartChildWorkflowExecution(attributes) => {
                let attributes = take(attributes);
                let id = CommandId::ChildWorkflowStart(attributes.seq);
                let compatible =
                    self.compatible(attributes.versioning_intent(), &attributes.task_queue);
                let (machine, command) =
                    ChildWorkflow::start(attributes, compatible, annotations.clone());
                self.add_command(
                    Machine::ChildWorkflow(Box::new(machine)),
                    command,
                    annotations,
                    Some(id),
                );
            }
            Variant::CancelChildWorkflowExecution(attributes) => {
                let id = CommandId::ChildWorkflowStart(attributes.child_workflow_seq);
                let (key, machine) = machine_to_cancel!(self, id, ChildWorkflow);
                let responses = machine.cancel(take(&mut attributes.reason), annotations)?;
                self.process(key, responses)?;
            }
            Variant::SignalExternalWorkflowExecution(attributes) => {
                let attributes = take(attributes);
                let id = CommandId::SignalExternal(attributes.seq);
                let (machine, command) = SignalExternal::send(attributes, &self.facts.namespace)?;
                self.add_command(
                    Machine::SignalExternal(machine),
                    command,
                    annotations,
                    Some(id),
                );
            }
            Variant::CancelSignalWorkflow(attributes) => {
                let id = CommandId::SignalExternal(attributes.seq);
                let (key, machine) = machine_to_cancel!(self, id, SignalExternal);
                let responses = machine.cancel()?;
                self.process(key, responses)?;
            }
            Variant::RequestCancelExternalWorkflowExecution(attributes) => {
                self.cancel_external(take(attributes), annotations)?;
            }

            // Nexus operations.
            Variant::ScheduleNexusOperation(attributes) => {
                let attributes = take(attributes);
                let id = CommandId::NexusOperation(attributes.seq);
                let (machine, command) = NexusOperation::schedule(attributes, annotations.clone());
                self.add_command(
                    Machine::NexusOperation(Box::new(machine)),
                    command,
                    annotations,
                    Some(id),
                );
            }
            Variant::RequestCancelNexusOperation(attributes) => {
                let id = CommandId::NexusOperation(attributes.seq);
                let (key, machine) = machine_to_cancel!(self, id, NexusOperation);
                let responses = machine.cancel(annotations);
                self.process(key, responses)?;
            }

            // Commands without a result.
            Variant::SetPatchMarker(attributes) => {
                self.set_patch_marker(take(attributes), annotations)?;
            }
            Variant::UpsertWorkflowSearchAttributes(attributes) => {
                self.upsert_search_attributes(take(attributes), annotations);
            }
            Variant::ModifyWorkflowProperties(attributes) => {
                let machine = Machine::Upsert(Upsert::new(UpsertKind::Properties));
                self.add_command(machine, take(attributes).into(), annotations, None);
            }

            // Answers, and the end of the run.
            Variant::UpdateResponse(response) => self.respond_to_update(take(response))?,
            Variant::CompleteWorkflowExecution(attributes) => {
                self.close(Closing::complete(), take(attributes).into(), annotations);
            }
            Variant::FailWorkflowExecution(attributes) => {
                self.close(Closing::fail(), take(attributes).into(), annotations);
            }
            Variant::CancelWorkflowExecution(attributes) => {
                self.close(Closing::cancel(), take(attributes).into(), annotations);
            }
            Variant::ContinueAsNewWorkflowExecution(attributes) => {
                let attributes = self.with_current_values(take(attributes));
                let compatible =
                    self.compatible(attributes.versioning_intent(), &attributes.task_queue);
                let command = continue_as_new_cmd_to_api(attributes, compatible);
                self.close(Closing::continue_as_new(), command, annotations);
            }
            Variant::RespondToQuery(_) => {
                return Err(fatal!(
                    "Query responses should not make it down into the machines"
                ));
            }
        }
        Ok(())
    }

    /// Adds a machine, and queues its command.
    pub(super) fn add_command(
        &mut self,
        machine: Machine,
        attributes: Attributes,
        annotations: Annotations,
        id: Option<CommandId>,
    ) -> Key {
        let key = self.add_machine(machine);
        if let Some(id) = id {
            self.by_command_id.insert(id, key);
        }
        self.queue(key, Box::new(annotations.command(attributes)));
        key
    }

    /// Adds a command that a machine issues beside its own.
    pub(super) fn add_core_command(
        &mut self,
        attributes: Attributes,
        annotations: Annotations,
    ) -> Result<()> {
        match &attributes {
            Attributes::RequestCancelExternalWorkflowExecutionCommandAttributes(_) => {
                let machine = Machine::CancelExternal(CancelExternal::new(0));
                let key = self.add_command(machine, attributes, annotations, None);
                self.slots[key.index()].core_created = true;
            }
            Attributes::UpsertWorkflowSearchAttributesCommandAttributes(_) => {
                let machine = Machine::Upsert(Upsert::new(UpsertKind::SearchAttributes));
                self.add_command(machine, attributes, annotations, None);
            }
            other => {
                return Err(fatal!(
                    "A machine requested to create a new command of an unsupported type: {other:?}"
                ));
            }
        }
        Ok(())
    }

    fn close(&mut self, machine: Closing, attributes: Attributes, annotations: Annotations) {
        self.add_command(Machine::Closing(machine), attributes, annotations, None);
        self.finished = true;
        self.local_activities.terminate();
    }

    fn cancel_external(
        &mut self,
        attributes: RequestCancelExternalWorkflowExecution,
        annotations: Annotations,
    ) -> Result<()> {
        let target = attributes.workflow_execution.ok_or_else(|| {
            fatal!("Cancel external workflow command had no workflow_execution field")
        })?;
        let reason = format!(
            "Cancel requested by workflow with run id {} with reason: {}",
            self.run_id, attributes.reason
        );
        let (machine, command) = CancelExternal::request(attributes.seq, target, reason);
        let id = CommandId::CancelExternal(attributes.seq);
        self.add_command(
            Machine::CancelExternal(machine),
            command,
            annotations,
            Some(id),
        );
        Ok(())
    }

    fn upsert_search_attributes(
        &mut self,
        attributes: UpsertWorkflowSearchAttributes,
        annotations: Annotations,
    ) {
        let mut upserted = attributes.search_attributes.unwrap_or_default();
        if let Some(started) = &mut self.started {
            let fields = upserted.indexed_fields.iter();
            started
                .search_attributes
                .extend(fields.map(|(name, value)| (name.clone(), value.clone())));
        }
        let has_flag = self
            .flags
            .try_use(CoreFlag::UpsertSearchAttributeOnPatch, !self.replaying);
        if has_flag
            && upserted
                .indexed_fields
                .contains_key(VERSION_SEARCH_ATTR_KEY)
        {
            // That attribute is Core's: the command stays, but is empty.
            upserted = SearchAttributes::default();
        }
        let command = Attributes::UpsertWorkflowSearchAttributesCommandAttributes(
            UpsertWorkflowSearchAttributesCommandAttributes {
                search_attributes: Some(upserted),
            },
        );
        self.add_command(
            Machine::Upsert(Upsert::new(UpsertKind::SearchAttributes)),
            command,
            annotations,
            None,
        );
    }

    fn respond_to_update(&mut self, response: UpdateResponse) -> Result<()> {
        let instance = &response.protocol_instance_id;
        let key = *self
            .by_protocol_instance_id
            .get(instance)
            .ok_or_else(|| fatal!("Missing associated machine for protocol message {instance}"))?;
        let responses = match self.machine_mut(key) {
            Machine::Update(machine) => machine.on_response(response)?,
            _ => {
                return Err(nondeterminism!(
                    "Tried to handle an update response for update with instance id {instance} but \
                     it was not found!"
                ));
            }
        };
        self.process(key, responses)
    }

    /// Fills in what the new run inherits, unless workflow code set it.
    fn with_current_values(
        &self,
        mut attributes: ContinueAsNewWorkflowExecution,
    ) -> ContinueAsNewWorkflowExecution {
        let Some(started) = &self.started else {
            return attributes;
        };
        if attributes.memo.is_empty()
            && let Some(memo) = &started.memo
        {
            attributes.memo.clone_from(&memo.fields);
        }
        if attributes.retry_policy.is_none() {
            attributes.retry_policy.clone_from(&started.retry_policy);
        }
        if attributes.search_attributes.is_none() && !started.search_attributes.is_empty() {
            attributes.search_attributes = Some(SearchAttributes {
                indexed_fields: started
                    .search_attributes
                    .iter()
                    .map(|(name, value)| (name.clone(), value.clone()))
                    .collect(),
            });
        }
        attributes
    }

    /// Returns `true` if a command asks for a worker of a compatible version.
    fn compatible(&self, intent: VersioningIntent, task_queue: &str) -> bool {
        match intent {
            VersioningIntent::Compatible => true,
            VersioningIntent::Default => false,
            VersioningIntent::Unspecified => {
                task_queue.is_empty() || task_queue == self.facts.task_queue
            }
        }
    }

    /// Moves the commands of this activation to those that are to be sent, except for those that
    /// were cancelled meanwhile.
    fn prepare_commands(&mut self) -> Result<()> {
        let slots = &self.slots;
        self.commands
            .retain(|queued| !slots[queued.key.index()].machine.cancelled_before_sent());
        while let Some(queued) = self.task_commands.pop_front() {
            let machine = &mut self.slots[queued.key.index()].machine;
            if !machine.cancelled_before_sent() {
                machine.on_command(queued.kind)?;
                self.commands.push_back(queued);
            }
        }
        Ok(())
    }
}
