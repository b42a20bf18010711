//! Patches: those of workflow code, matched with the markers of history.

use durasim_events::{Attributes, HistoryEvent};
use temporalio_protos::{VERSION_SEARCH_ATTR_KEY, coresdk::workflow_commands::SetPatchMarker};

use super::{CoreFlag, Execution, errors::ExecutionError, events::Next};
use crate::{
    history::patch_marker,
    machines::{self, Annotations, Machine, Patch, nondeterminism},
};

type Result<T, E = ExecutionError> = std::result::Result<T, E>;

impl Execution<'_> {
    /// Handles a call of `patched` or `deprecate_patch`.
    pub(super) fn set_patch_marker(
        &mut self,
        attributes: SetPatchMarker,
        annotations: Annotations,
    ) -> machines::Result<()> {
        let in_history = match self.patches.get(&attributes.patch_id) {
            // This patch has a command already.
            Some(true) => return Ok(()),
            known => known.is_some(),
        };
        let may_upsert = self
            .flags
            .try_use(CoreFlag::UpsertSearchAttributeOnPatch, !self.replaying);
        // On replay, a patch without a marker had no upsert either.
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

    /// Matches an event and the next command as far as patches go. Patches come and go with the
    /// code, so some markers are skipped, and so are calls that history has no marker of.
    pub(super) fn match_patch(
        &self,
        event: &HistoryEvent,
        next_event: Option<&HistoryEvent>,
    ) -> Result<PatchMatch> {
        let machine = match self
            .commands
            .front()
            .map(|queued| &self.slot(queued.key).machine)
        {
            Some(Machine::Patch(machine)) => Some(machine),
            _ => None,
        };
        Ok(match (patch_marker(event), machine) {
            (Some((id, true)), Some(machine)) if !machine.is_about(&id) => {
                PatchMatch::SkipEvent(skip_upsert(next_event))
            }
            (Some((_, true)), None) => PatchMatch::SkipEvent(skip_upsert(next_event)),
            (Some((id, false)), None) => {
                return Err(nondeterminism!(
                    "Non-deprecated patch marker encountered for change {id}, but there is no \
                     corresponding change command!"
                )
                .into());
            }
            (None, Some(_)) => PatchMatch::SkipCommand,
            (Some(_), Some(_)) | (None, None) => PatchMatch::Match,
        })
    }
}

/// The fate of an event and of the next command, as far as patches go.
pub(super) enum PatchMatch {
    Match,
    SkipCommand,
    SkipEvent(Next),
}

/// Skips the next event too if it is the upsert that goes with a marker.
fn skip_upsert(next_event: Option<&HistoryEvent>) -> Next {
    match next_event.and_then(|event| event.attributes.as_ref()) {
        Some(Attributes::UpsertWorkflowSearchAttributesEventAttributes(upsert))
            if upsert.search_attributes.as_ref().is_some_and(|attributes| {
                attributes
                    .indexed_fields
                    .contains_key(VERSION_SEARCH_ATTR_KEY)
            }) =>
        {
            Next::Skip
        }
        _ => Next::Handle,
    }
}
