//! Patches: each call of `patched` or `deprecate_patch` leads to a marker, and to an upsert of
//! `TemporalChangeVersion`.

#[expect(
    clippy::disallowed_types,
    reason = "the message holds such a map; of one entry, it has one order"
)]
use std::collections::HashMap;

use std::collections::BTreeSet;

use durasim_events::HistoryEvent;
use temporalio_protos::{
    VERSION_SEARCH_ATTR_KEY,
    constants::PATCH_MARKER_NAME,
    coresdk::{AsJsonPayloadExt, common::build_has_change_marker_details},
    temporal::api::{
        command::v1::{
            RecordMarkerCommandAttributes, UpsertWorkflowSearchAttributesCommandAttributes, command,
        },
        common::v1::SearchAttributes,
    },
};

use super::{MachineError, Responses, Result, fatal, invalid_event, nondeterminism};
use crate::history::patch_marker;

/// The size, in bytes, from which on the server refuses search attributes.
const MAX_SEARCH_ATTRIBUTE_BYTES: usize = 2048;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    MarkerCommandCreated,
    Notified,
    MarkerCommandRecorded,
}

/// A patch that workflow code asked about.
#[derive(Debug)]
pub(crate) struct Patch {
    state: State,
    patch_id: String,
}

/// The consequences of a call of `patched` or `deprecate_patch`.
pub(crate) struct PatchCall {
    pub(crate) machine: Patch,
    pub(crate) marker: command::Attributes,
    /// The upsert that goes with the marker; `None` if it would be too large, or if none is due.
    pub(crate) upsert: Option<command::Attributes>,
}

impl Patch {
    /// Returns the consequences of a call with this id. `earlier` are the ids of the calls before
    /// it, in order, if an upsert is due.
    pub(crate) fn call<'a>(
        patch_id: String,
        deprecated: bool,
        earlier: Option<impl Iterator<Item = &'a str>>,
    ) -> Result<PatchCall> {
        let details = build_has_change_marker_details(&patch_id, deprecated)
            .map_err(|_| fatal!("While encoding patch marker details"))?;
        let upsert = match earlier {
            Some(earlier) => upsert(&patch_id, earlier)?,
            None => None,
        };
        let marker = RecordMarkerCommandAttributes {
            marker_name: PATCH_MARKER_NAME.to_owned(),
            details,
            header: None,
            failure: None,
        };
        Ok(PatchCall {
            machine: Self {
                state: State::MarkerCommandCreated,
                patch_id,
            },
            marker: command::Attributes::RecordMarkerCommandAttributes(marker),
            upsert,
        })
    }

    /// Returns `true` if the call was about this patch.
    pub(crate) fn is_about(&self, patch_id: &str) -> bool {
        self.patch_id == patch_id
    }

    pub(crate) fn on_command(&mut self) -> Result<()> {
        if self.state != State::MarkerCommandCreated {
            return Err(nondeterminism!(
                "Unexpected patch marker command in state {:?}",
                self.state
            ));
        }
        self.state = State::Notified;
        Ok(())
    }

    pub(crate) fn on_event(&mut self, event: &HistoryEvent) -> Result<Responses> {
        let Some((recorded, _)) = patch_marker(event) else {
            return Err(nondeterminism!(
                "Change machine cannot handle this event: {event}"
            ));
        };
        if self.state != State::Notified {
            return Err(invalid_event("PatchMachine", &self.state, event));
        }
        if recorded != self.patch_id {
            return Err(nondeterminism!(
                "Change id {recorded} does not match expected id {}",
                self.patch_id
            ));
        }
        self.state = State::MarkerCommandRecorded;
        Ok(Vec::new())
    }

    pub(crate) fn is_final(&self) -> bool {
        self.state == State::MarkerCommandRecorded
    }
}

fn upsert<'a>(
    patch_id: &str,
    earlier: impl Iterator<Item = &'a str>,
) -> Result<Option<command::Attributes>, MachineError> {
    let mut ids: BTreeSet<&str> = earlier.collect();
    ids.insert(patch_id);
    let mut value = ids.as_json_payload().map_err(|error| fatal!("{error}"))?;
    if value.data.len() >= MAX_SEARCH_ATTRIBUTE_BYTES {
        return Ok(None);
    }
    value
        .metadata
        .insert("type".to_owned(), b"KeywordList".to_vec());
    #[expect(
        clippy::disallowed_types,
        reason = "the message holds such a map; of one entry, it has one order"
    )]
    let indexed_fields = HashMap::from([(VERSION_SEARCH_ATTR_KEY.to_owned(), value)]);
    Ok(Some(
        command::Attributes::UpsertWorkflowSearchAttributesCommandAttributes(
            UpsertWorkflowSearchAttributesCommandAttributes {
                search_attributes: Some(SearchAttributes { indexed_fields }),
            },
        ),
    ))
}
