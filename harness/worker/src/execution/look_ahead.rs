//! Events of the next workflow task that workflow code must know in this one.
//!
//! A marker is recorded when its workflow task completes, so it comes after the events of that
//! task. A replay must know the marker before.

use std::{collections::BTreeMap, sync::Arc};

use durasim_events::{Attributes, HistoryEvent};
use temporalio_protos::{
    coresdk::workflow_activation::{NotifyHasPatch, workflow_activation_job::Variant},
    temporal::api::enums::v1::EventType,
};

use super::{CommandId, Execution, errors::ExecutionError};
use crate::{
    history::{local_activity_marker, local_activity_result, patch_marker},
    machines::{IncomingUpdate, Machine, RecordedResult, fatal},
};

type Result<T, E = ExecutionError> = std::result::Result<T, E>;

/// A piece of the next task's events that takes effect in this task.
enum Ahead {
    LocalResult(u32, RecordedResult),
    Update(IncomingUpdate),
}

impl Execution<'_> {
    /// Handles patches, results of local activities and updates in the next task's events.
    pub(super) fn look_ahead(
        &mut self,
        events: &[Arc<HistoryEvent>],
        admitted: &mut BTreeMap<String, IncomingUpdate>,
    ) -> Result<()> {
        // Patches take effect before everything else.
        let mut found = Vec::new();
        for event in events {
            match event.event_type() {
                EventType::MarkerRecorded => {
                    if let Some((patch_id, _)) = patch_marker(event) {
                        self.patches.insert(patch_id.clone(), false);
                        self.send_job(Variant::NotifyHasPatch(NotifyHasPatch { patch_id }));
                    } else if let Some(result) = local_activity_result(event) {
                        let Some((data, _)) = local_activity_marker(event) else {
                            return Err(
                                fatal!("Local activity marker was unparsable: {event:?}").into()
                            );
                        };
                        found.push(Ahead::LocalResult(
                            data.seq,
                            RecordedResult::new(&data, result),
                        ));
                    }
                }
                EventType::WorkflowExecutionUpdateAccepted => {
                    found.push(Ahead::Update(accepted_update(event, admitted)?));
                }
                _ => {}
            }
        }
        for ahead in found {
            match ahead {
                Ahead::LocalResult(seq, recorded) => self.preresolve(seq, recorded)?,
                Ahead::Update(update) => self.request_update(update)?,
            }
        }
        Ok(())
    }

    fn preresolve(&mut self, seq: u32, recorded: RecordedResult) -> Result<()> {
        let awaits = match self.by_command_id.get(&CommandId::LocalActivity(seq)) {
            Some(key) => match &self.slot(*key).machine {
                Machine::LocalActivity(machine) => machine.awaits_marker(),
                _ => false,
            },
            None => true,
        };
        if awaits {
            self.local_activities.insert_peeked(seq, recorded);
            self.apply_preresolutions(false)?;
        }
        Ok(())
    }
}

/// Returns the update that an event accepts. The request of an update that was admitted before is
/// in the event that admitted it.
fn accepted_update(
    event: &HistoryEvent,
    admitted: &mut BTreeMap<String, IncomingUpdate>,
) -> Result<IncomingUpdate> {
    if let Some(Attributes::WorkflowExecutionUpdateAcceptedEventAttributes(accepted)) =
        &event.attributes
        && let Some(update) = admitted.remove(&accepted.protocol_instance_id)
    {
        return Ok(update);
    }
    Ok(IncomingUpdate::from_event(event)?)
}
