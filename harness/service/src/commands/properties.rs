//! RecordMarker, UpsertWorkflowSearchAttributes and ModifyWorkflowProperties: the notes of a
//! workflow about itself.

use prost::Message;

use crate::{
    api::{
        command::{
            ModifyWorkflowPropertiesCommandAttributes, RecordMarkerCommandAttributes,
            UpsertWorkflowSearchAttributesCommandAttributes,
        },
        common::{Memo, Payload},
        enums::WorkflowTaskFailedCause as Cause,
        history::{
            MarkerRecordedEventAttributes, UpsertWorkflowSearchAttributesEventAttributes,
            WorkflowPropertiesModifiedEventAttributes,
        },
    },
    base::payload,
    commands::{
        context::CommandContext,
        failure::{Applied, CommandFailure},
    },
};

pub(super) fn record_marker(
    context: &mut CommandContext<'_>,
    command: RecordMarkerCommandAttributes,
) -> Applied {
    let refused = |message: &str| {
        Err(CommandFailure::new(
            Cause::BadRecordMarkerAttributes,
            message,
        ))
    };
    if command.marker_name.is_empty() {
        return refused("MarkerName is not set on RecordMarkerCommand.");
    }
    let (name, limit) = (&command.marker_name, context.limits.id_length);
    if name.len() > limit {
        return refused(&format!(
            "MarkerName on RecordMarkerCommand exceeds length limit. MarkerName={name} Length={} \
             Limit={limit}",
            name.len()
        ));
    }
    let bytes: usize = command
        .details
        .iter()
        .map(|(name, details)| name.len() + details.encoded_len())
        .sum();
    context.keep_size_within(
        bytes,
        Cause::BadRecordMarkerAttributes,
        "RecordMarkerCommandAttributes.Details exceeds size limit.",
    )?;
    let decoration = context.decoration.take();
    context.run.history.add_decorated(
        context.now_ms,
        MarkerRecordedEventAttributes {
            marker_name: command.marker_name,
            details: command.details,
            workflow_task_completed_event_id: context.completed_event_id,
            header: command.header,
            failure: command.failure,
        },
        decoration,
    );
    Ok(())
}

/// Returns the size of fields as the server counts it: names and data (`payloadsMapSize`).
#[allow(
    clippy::disallowed_types,
    reason = "the map of the message; a sum is the same in any order"
)]
fn fields_size(fields: &std::collections::HashMap<String, Payload>) -> usize {
    fields
        .iter()
        .map(|(name, payload)| name.len() + payload.data.len())
        .sum()
}

/// Upserts search attributes. An attribute whose value is nil is removed.
pub(super) fn upsert_search_attributes(
    context: &mut CommandContext<'_>,
    command: UpsertWorkflowSearchAttributesCommandAttributes,
) -> Applied {
    let refused = |message: &str| Err(CommandFailure::new(Cause::BadSearchAttributes, message));
    let Some(upserted) = command.search_attributes else {
        return refused("SearchAttributes is not set on UpsertWorkflowSearchAttributesCommand.");
    };
    if upserted.indexed_fields.is_empty() {
        return refused("IndexedFields is not set on UpsertWorkflowSearchAttributesCommand.");
    }
    context.check_search_attributes(Some(&upserted))?;
    context.keep_size_within(
        fields_size(&upserted.indexed_fields),
        Cause::BadSearchAttributes,
        "UpsertWorkflowSearchAttributesCommandAttributes exceeds size limit.",
    )?;
    let mut attributes = context
        .run
        .state
        .search_attributes
        .clone()
        .unwrap_or_default();
    payload::merge(&mut attributes.indexed_fields, &upserted.indexed_fields);
    CommandContext::keep_search_attributes_within(Some(&attributes), Cause::BadSearchAttributes)?;
    context.run.state.search_attributes = Some(attributes);
    context.run.history.add_decorated(
        context.now_ms,
        UpsertWorkflowSearchAttributesEventAttributes {
            workflow_task_completed_event_id: context.completed_event_id,
            search_attributes: Some(upserted),
        },
        context.decoration.take(),
    );
    Ok(())
}

/// Modifies the memo. A field whose value is nil is removed.
pub(super) fn modify_properties(
    context: &mut CommandContext<'_>,
    command: ModifyWorkflowPropertiesCommandAttributes,
) -> Applied {
    let refused = |message: &str| {
        Err(CommandFailure::new(
            Cause::BadModifyWorkflowPropertiesAttributes,
            message,
        ))
    };
    let Some(upserted) = command.upserted_memo else {
        return refused("UpsertedMemo is not set on ModifyWorkflowPropertiesCommand.");
    };
    if upserted.fields.is_empty() {
        return refused("UpsertedMemo.Fields is not set on ModifyWorkflowPropertiesCommand.");
    }
    context.keep_size_within(
        fields_size(&upserted.fields),
        Cause::BadModifyWorkflowPropertiesAttributes,
        "ModifyWorkflowPropertiesCommandAttributes exceeds size limit.",
    )?;
    let mut memo = context.run.state.memo.clone().unwrap_or_default();
    payload::merge(&mut memo.fields, &upserted.fields);
    context.keep_memo_within(
        Some(&memo),
        Cause::BadModifyWorkflowPropertiesAttributes,
        "ModifyWorkflowPropertiesCommandAttributes. Memo exceeds size limit.",
    )?;
    context.run.state.memo = Some(Memo {
        fields: memo.fields,
    });
    context.run.history.add_decorated(
        context.now_ms,
        WorkflowPropertiesModifiedEventAttributes {
            workflow_task_completed_event_id: context.completed_event_id,
            upserted_memo: Some(upserted),
        },
        context.decoration.take(),
    );
    Ok(())
}

#[cfg(test)]
mod tests;
