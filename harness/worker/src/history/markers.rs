//! The content of Core's markers.

use durasim_events::{Attributes, HistoryEvent};
use temporalio_protos::{
    constants::{LOCAL_ACTIVITY_MARKER_NAME, PATCH_MARKER_NAME},
    coresdk::{
        common::{decode_change_marker_details, extract_local_activity_marker_data},
        external_data::LocalActivityMarkerData,
    },
    temporal::api::{
        common::v1::Payload, failure::v1::Failure, history::v1::MarkerRecordedEventAttributes,
    },
};

fn marker<'e>(event: &'e HistoryEvent, name: &str) -> Option<&'e MarkerRecordedEventAttributes> {
    match &event.attributes {
        Some(Attributes::MarkerRecordedEventAttributes(marker)) if marker.marker_name == name => {
            Some(marker)
        }
        _ => None,
    }
}

/// Returns the id of the patch that the event marks, and `true` beside it if the patch is
/// deprecated.
pub(crate) fn patch_marker(event: &HistoryEvent) -> Option<(String, bool)> {
    decode_change_marker_details(&marker(event, PATCH_MARKER_NAME)?.details)
}

/// Returns `true` if the event marks a local activity.
pub(crate) fn is_local_activity_marker(event: &HistoryEvent) -> bool {
    marker(event, LOCAL_ACTIVITY_MARKER_NAME).is_some()
}

/// Returns the data of the local activity that the event marks, and `true` beside it if the local
/// activity succeeded; `None` if the event is no such marker, or cannot be read.
pub(crate) fn local_activity_marker(
    event: &HistoryEvent,
) -> Option<(LocalActivityMarkerData, bool)> {
    let marker = marker(event, LOCAL_ACTIVITY_MARKER_NAME)?;
    Some((
        extract_local_activity_marker_data(&marker.details)?,
        marker.failure.is_none(),
    ))
}

/// Returns the result or the failure in a local activity's marker; `None` for any other event.
pub(crate) fn local_activity_result(
    event: &HistoryEvent,
) -> Option<Result<Option<Payload>, Failure>> {
    let marker = marker(event, LOCAL_ACTIVITY_MARKER_NAME)?;
    Some(match &marker.failure {
        Some(failure) => Err(failure.clone()),
        None => Ok(marker
            .details
            .get("result")
            .and_then(|result| result.payloads.last().cloned())),
    })
}
