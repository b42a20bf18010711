//! Patch markers of history beside the patches that workflow code asks about.

use temporalio_protos::{
    VERSION_SEARCH_ATTR_KEY,
    temporal::api::history::v1::{HistoryEvent, history_event::Attributes},
};

use super::{Execution, errors::ExecutionError, events::Next};
use crate::{
    history::patch_marker,
    machines::{Machine, nondeterminism},
};

type Result<T, E = ExecutionError> = std::result::Result<T, E>;

impl Execution<'_> {
    /// Patch markers come and go with the code: some are skipped, as are calls that history has no
    /// marker of.
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

/// What becomes of an event and the next command, as far as patches go.
pub(super) enum PatchMatch {
    Match,
    SkipCommand,
    SkipEvent(Next),
}

/// The upsert of the version attribute goes with its marker.
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
