//! Local activities of workflow code: scheduled, cancelled, and resolved by a worker or a marker.

use std::time::Duration;

use temporalio_protos::coresdk::workflow_commands::ScheduleLocalActivity;

use super::{CommandId, Execution, Key};
use crate::machines::{Annotations, LocalActivity, LocalResult, Machine, Result};

/// The end of a local activity's last attempt.
#[derive(Debug)]
pub(crate) struct LocalResolution {
    pub(crate) seq: u32,
    pub(crate) result: LocalResult,
    pub(crate) runtime: Duration,
    pub(crate) attempt: u32,
    pub(crate) backoff: Option<prost_types::Duration>,
}

impl Execution<'_> {
    /// Schedules a local activity: it runs, or waits for its marker on replay.
    pub(super) fn schedule_local(
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

    /// Resolves a local activity with the result of its last attempt.
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

    /// Cancels a local activity, whatever its stage.
    pub(super) fn cancel_local_activity(&mut self, key: Key, seq: u32) -> Result<()> {
        // A result that belongs to a later activation waits for that activation.
        if self.local_activities.holds_preresolution(seq) {
            return Ok(());
        }
        // A result that a marker holds is not cancelled any more.
        if let Some(recorded) = self.local_activities.take_preresolution(seq) {
            let responses = self
                .local_activity_mut(key)?
                .resolve_from_marker(recorded)?;
            return self.process(key, responses);
        }
        // An activity that has not started is resolved at once.
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
        // Any other is the host's to cancel.
        self.local_activities.enqueue_cancel(seq);
        Ok(())
    }

    /// Resolves local activities from the markers of the next workflow task, in their order, as far
    /// as the activities are scheduled.
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

    /// Resolves the local activities whose results wait for a later activation, if there is no job:
    /// then no later activation comes by itself.
    pub(super) fn release_held_local_resolutions(&mut self) -> Result<()> {
        if self.has_pending_jobs() {
            Ok(())
        } else {
            self.apply_preresolutions(true)
        }
    }
}
