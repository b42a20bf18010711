//! What the events of the next workflow task tell of this one.
//!
//! A marker is written when its workflow task completes, so it comes after the events of that task;
//! replay must know it before.

use std::{collections::BTreeMap, sync::Arc};

use temporalio_protos::{
    coresdk::workflow_activation::{NotifyHasPatch, workflow_activation_job::Variant},
    temporal::api::{
        enums::v1::EventType,
        history::v1::{HistoryEvent, history_event::Attributes},
    },
};

use super::{CommandId, Execution, errors::ExecutionError};
use crate::{
    history::{local_activity_marker, local_activity_result, patch_marker},
    machines::{IncomingUpdate, Machine, RecordedResult, fatal},
};

type Result<T, E = ExecutionError> = std::result::Result<T, E>;

/// What the next task's events tell of this one; patches come before all of it.
enum Ahead {
    LocalResult(u32, RecordedResult),
    Update(IncomingUpdate),
}

impl Execution<'_> {
    /// Finds what the next task's events tell of this one: patches, results of local activities,
    /// updates.
    pub(super) fn look_ahead(
        &mut self,
        events: &[Arc<HistoryEvent>],
        admitted: &mut BTreeMap<String, IncomingUpdate>,
    ) -> Result<()> {
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
            Some(key) => {
                matches!(&self.slot(*key).machine, Machine::LocalActivity(machine) if machine.awaits_marker())
            }
            None => true,
        };
        if awaits {
            self.local_activities.insert_peeked(seq, recorded);
            self.apply_preresolutions(false)?;
        }
        Ok(())
    }
}

/// The update that an event says was accepted. One that an event admitted before has its request
/// there alone.
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
