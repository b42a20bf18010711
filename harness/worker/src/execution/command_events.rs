//! Events that commands became, matched with the commands of workflow code.

use durasim_events::HistoryEvent;
use temporalio_protos::temporal::api::{
    command::v1::Command, enums::v1::EventType, history::v1 as sdk,
};

use super::{
    CommandId, Execution, QueuedCommand,
    compare::{Difference, compare, decoded, describe},
    errors::{ExecutionError, Place},
    events::Next,
    patches::PatchMatch,
};
use crate::{
    history::{is_local_activity_marker, local_activity_marker},
    machines::{Machine, fatal, nondeterminism},
};

type Result<T, E = ExecutionError> = std::result::Result<T, E>;

impl Execution<'_> {
    /// Matches an event that a command became with the next command.
    pub(super) fn handle_command_event(
        &mut self,
        event: &HistoryEvent,
        next_event: Option<&HistoryEvent>,
        is_last: bool,
    ) -> Result<Next> {
        // A marker from which its local activity was resolved has no command.
        if is_local_activity_marker(event) {
            let Some((data, _)) = local_activity_marker(event) else {
                return Err(fatal!("Local activity marker was unparsable: {event:?}").into());
            };
            let key = self.key(CommandId::LocalActivity(data.seq))?;
            if self.local_activity_mut(key)?.takes_marker_directly()? {
                self.on_machine_event(key, event, is_last)?;
                return Ok(Next::Handle);
            }
        }
        loop {
            // Markers of patches come and go with the code: one side may have to be skipped.
            match self.match_patch(event, next_event)? {
                PatchMatch::SkipEvent(next) => return Ok(next),
                PatchMatch::SkipCommand => {
                    self.commands.pop_front();
                    continue;
                }
                PatchMatch::Match => {}
            }

            // The next command that was not cancelled must be the one of the event, by Core's
            // rules.
            let Some(queued) = self.commands.pop_front() else {
                return Err(nondeterminism!("No command scheduled for event {event}").into());
            };
            if self.slot(queued.key).machine.cancelled_before_sent() {
                continue;
            }
            if let Err(error) = self.on_machine_event(queued.key, event, is_last) {
                return Err(with_command(error, event, &queued));
            }

            // Strict replay compares the rest of the command too.
            if self.facts.compares_inputs
                && let Some(command) = &queued.command
                && let Some(difference) = self.difference(command, event)
            {
                return Err(ExecutionError::Differs {
                    difference,
                    issued_at: queued.issued_at,
                });
            }

            // Later events name the machine by the id of this event.
            if !self.slot(queued.key).machine.is_final() {
                self.set_key_of_event(event.event_id, queued.key);
            }
            return Ok(Next::Handle);
        }
    }

    /// Returns the first difference between a command and its event, before the codec.
    fn difference(&self, command: &Command, event: &HistoryEvent) -> Option<Difference> {
        match &self.facts.codec {
            None => compare(command, event, self.run_timeout),
            Some(converter) => compare(
                &decoded(command, converter),
                &decoded(&sdk::HistoryEvent::from(event), converter).into(),
                self.run_timeout,
            ),
        }
    }

    /// Fails a strict replay if a command has no event although its workflow task is over.
    pub(super) fn check_all_recorded(&mut self, event: &HistoryEvent) -> Result<()> {
        if !self.facts.strict
            || self.commands.is_empty()
            || event.is_command_event()
            || event.event_type() == EventType::WorkflowTaskCompleted
        {
            return Ok(());
        }
        let left = self.commands.iter().find(|queued| {
            let machine = &self.slots[queued.key.index()].machine;
            !machine.is_final()
                && !machine.cancelled_before_sent()
                && !matches!(machine, Machine::Patch(_))
        });
        let Some(left) = left else { return Ok(()) };
        let difference = Difference {
            event_id: event.event_id,
            event: event.to_string(),
            command: left.command.as_deref().map(describe).unwrap_or_default(),
            what: "the command has no event in history".to_owned(),
        };
        Err(ExecutionError::Differs {
            difference,
            issued_at: left.issued_at.clone(),
        })
    }
}

/// Adds the event and the command to an error whose place is not known yet.
fn with_command(
    error: ExecutionError,
    event: &HistoryEvent,
    queued: &QueuedCommand,
) -> ExecutionError {
    match error {
        ExecutionError::Machine { error, place: None } => ExecutionError::Machine {
            error,
            place: Some(Box::new(Place {
                event_id: event.event_id,
                event: event.to_string(),
                command: Some(match &queued.command {
                    Some(command) => describe(command),
                    None => format!("{:?}", queued.kind),
                }),
                issued_at: queued.issued_at.clone(),
            })),
        },
        other => other,
    }
}
