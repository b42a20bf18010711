//! What the commands of workflow code mean: new machines, cancellations, answers.

use std::{rc::Rc, time::Duration};

use temporalio_protos::{
    VERSION_SEARCH_ATTR_KEY,
    coresdk::{
        common::VersioningIntent,
        workflow_commands::{
            ContinueAsNewWorkflowExecution, RequestCancelExternalWorkflowExecution,
            ScheduleLocalActivity, SetPatchMarker, UpdateResponse, UpsertWorkflowSearchAttributes,
            WorkflowCommand, workflow_command::Variant,
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
    Activity, Annotations, CancelExternal, ChildWorkflow, Closing, LocalActivity, LocalResult,
    Machine, NexusOperation, Patch, Result, SignalExternal, Timer, Upsert, UpsertKind, fatal,
    nondeterminism,
};

/// A command of workflow code, and where it was issued.
#[derive(Debug)]
pub(crate) struct IssuedCommand {
    pub(crate) command: WorkflowCommand,
    pub(crate) issued_at: Option<Rc<str>>,
}

/// How a local activity's last attempt ended.
#[derive(Debug)]
pub(crate) struct LocalResolution {
    pub(crate) seq: u32,
    pub(crate) result: LocalResult,
    pub(crate) runtime: Duration,
    pub(crate) attempt: u32,
    pub(crate) backoff: Option<prost_types::Duration>,
}

/// The machine of a command that is being cancelled.
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
    /// Takes what workflow code answered to an activation.
    pub(crate) fn handle_commands(&mut self, commands: Vec<IssuedCommand>) -> Result<()> {
        for IssuedCommand { command, issued_at } in commands {
            self.issuing = issued_at;
            let annotations = Annotations {
                metadata: command.user_metadata,
                event_groups: command.event_group_markers,
            };
            let variant = command
                .variant
                .ok_or_else(|| fatal!("Lang provided workflow command with empty variant"))?;
            self.handle_command(variant, annotations)?;
        }
        self.issuing = None;
        self.apply_preresolutions(false)?;
        self.release_held_local_resolutions()?;
        self.prepare_commands()
    }

    fn handle_command(&mut self, variant: Variant, annotations: Annotations) -> Result<()> {
        match variant {
            Variant::StartTimer(attributes) => {
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
            Variant::ScheduleActivity(attributes) => {
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
            Variant::ScheduleLocalActivity(attributes) => {
                self.schedule_local(attributes, annotations)?
            }
            Variant::RequestCancelLocalActivity(attributes) => {
                let index = self.local_activities.activation_index();
                let id = CommandId::LocalActivity(attributes.seq);
                let (key, machine) = machine_to_cancel!(self, id, LocalActivity);
                let responses = machine.cancel(index)?;
                self.process(key, responses)?;
            }
            Variant::StartChildWorkflowExecution(attributes) => {
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
                let responses = machine.cancel(attributes.reason, annotations)?;
                self.process(key, responses)?;
            }
            Variant::SignalExternalWorkflowExecution(attributes) => {
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
                self.cancel_external(attributes, annotations)?;
            }
            Variant::ScheduleNexusOperation(attributes) => {
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
            Variant::SetPatchMarker(attributes) => {
                self.set_patch_marker(attributes, annotations)?
            }
            Variant::UpsertWorkflowSearchAttributes(attributes) => {
                self.upsert_search_attributes(attributes, annotations);
            }
            Variant::ModifyWorkflowProperties(attributes) => {
                let machine = Machine::Upsert(Upsert::new(UpsertKind::Properties));
                self.add_command(machine, attributes.into(), annotations, None);
            }
            Variant::UpdateResponse(response) => self.respond_to_update(response)?,
            Variant::CompleteWorkflowExecution(attributes) => {
                self.close(Closing::complete(), attributes.into(), annotations);
            }
            Variant::FailWorkflowExecution(attributes) => {
                self.close(Closing::fail(), attributes.into(), annotations);
            }
            Variant::CancelWorkflowExecution(attributes) => {
                self.close(Closing::cancel(), attributes.into(), annotations);
            }
            Variant::ContinueAsNewWorkflowExecution(attributes) => {
                let attributes = self.with_current_values(attributes);
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

    fn add_command(
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

    /// A command that a machine issues beside its own.
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

    fn set_patch_marker(
        &mut self,
        attributes: SetPatchMarker,
        annotations: Annotations,
    ) -> Result<()> {
        let in_history = match self.patches.get(&attributes.patch_id) {
            // A command was made for this patch already.
            Some(true) => return Ok(()),
            known => known.is_some(),
        };
        let may_upsert = self
            .flags
            .try_use(CoreFlag::UpsertSearchAttributeOnPatch, !self.replaying);
        // On replay, a patch that history does not name had no upsert either.
        let upserts = may_upsert && (!self.replaying || in_history);
        let earlier = upserts.then(|| {
            self.patches
                .iter()
                .filter(|(_, created)| **created)
                .map(|(id, _)| id.as_str())
        });
        let call = Patch::call(attributes.patch_id.clone(), attributes.deprecated, earlier)?;
        let machine = Machine::Patch(Box::new(call.machine));
        self.add_command(machine, call.marker, annotations.clone(), None);
        if let Some(upsert) = call.upsert {
            self.add_core_command(upsert, annotations)?;
        }
        self.patches.insert(attributes.patch_id, true);
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
            // That attribute is Core's: the command stays, with nothing in it.
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

    /// What the new run inherits, unless workflow code says otherwise.
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

    /// Whether a command asks for a worker of a compatible version.
    fn compatible(&self, intent: VersioningIntent, task_queue: &str) -> bool {
        match intent {
            VersioningIntent::Compatible => true,
            VersioningIntent::Default => false,
            VersioningIntent::Unspecified => {
                task_queue.is_empty() || task_queue == self.facts.task_queue
            }
        }
    }

    fn schedule_local(
        &mut self,
        attributes: ScheduleLocalActivity,
        annotations: Annotations,
    ) -> Result<()> {
        let id = CommandId::LocalActivity(attributes.seq);
        let (machine, responses) =
            LocalActivity::schedule(attributes, annotations, self.replaying, self.current_time)?;
        let awaits_marker = machine.awaits_marker();
        let key = self.add_machine(Machine::LocalActivity(Box::new(machine)));
        if awaits_marker {
            self.awaiting_markers.push(key);
        }
        self.by_command_id.insert(id, key);
        self.process(key, responses)
    }

    /// A local activity has ended, as far as this run is concerned.
    pub(crate) fn resolve_local(&mut self, resolution: LocalResolution) -> Result<()> {
        let LocalResolution {
            seq,
            result,
            runtime,
            attempt,
            backoff,
        } = resolution;
        let key = self.key(CommandId::LocalActivity(seq))?;
        let index = self.local_activities.activation_index();
        let responses = self
            .local_activity_mut(key)?
            .resolve(result, runtime, attempt, backoff, index)?;
        self.process(key, responses)?;
        self.local_activities.done(seq);
        Ok(())
    }

    pub(super) fn cancel_local_activity(&mut self, key: Key, seq: u32) -> Result<()> {
        // A result that belongs to a later activation waits for it, whatever comes earlier.
        if self.local_activities.holds_preresolution(seq) {
            return Ok(());
        }
        if let Some(recorded) = self.local_activities.take_preresolution(seq) {
            let responses = self
                .local_activity_mut(key)?
                .resolve_from_marker(recorded)?;
            return self.process(key, responses);
        }
        if let Some(removed) = self.local_activities.remove_queued(seq) {
            let index = self.local_activities.activation_index();
            let attempt = removed.schedule.attempt;
            let cancelled = LocalResult::empty_cancel();
            let responses = self.local_activity_mut(key)?.resolve(
                cancelled,
                Duration::ZERO,
                attempt,
                None,
                index,
            )?;
            return self.process(key, responses);
        }
        self.local_activities.enqueue_cancel(seq);
        Ok(())
    }

    /// Tells results found in markers ahead, in order, as far as their activities are scheduled.
    pub(super) fn apply_preresolutions(&mut self, include_held: bool) -> Result<()> {
        while let Some(seq) = self.local_activities.next_preresolution(include_held) {
            let Ok(key) = self.key(CommandId::LocalActivity(seq)) else {
                break;
            };
            let Some(recorded) = self.local_activities.take_preresolution(seq) else {
                break;
            };
            let responses = self
                .local_activity_mut(key)?
                .resolve_from_marker(recorded)?;
            self.process(key, responses)?;
        }
        Ok(())
    }

    /// With nothing else to do, no later activation will come for the results that wait for one.
    pub(super) fn release_held_local_resolutions(&mut self) -> Result<()> {
        if self.has_pending_jobs() {
            Ok(())
        } else {
            self.apply_preresolutions(true)
        }
    }

    /// Moves the commands of this activation to those that leave, without what was cancelled
    /// meanwhile.
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
