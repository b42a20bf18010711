//! ProtocolMessage: the place of a message about an update among the commands.
//!
//! Messages without a command follow all commands, in their order.
//!
//! Source: `temporalio/temporal:
//! service/history/api/respondworkflowtaskcompleted/workflow_task_completed_handler.go`
//! (`handleCommandProtocolMessage`).

use crate::{
    api::{
        command::ProtocolMessageCommandAttributes, enums::WorkflowTaskFailedCause as Cause,
        protocol::Message,
    },
    commands::{
        context::CommandContext,
        failure::{Applied, CommandFailure},
    },
};

pub(super) fn apply(
    context: &mut CommandContext<'_>,
    command: &ProtocolMessageCommandAttributes,
) -> Applied {
    if command.message_id.is_empty() {
        return refused("MessageID is not set on ProtocolMessageCommand.");
    }
    let place = context
        .messages
        .iter()
        .position(|message| message.id == command.message_id);
    match place {
        Some(place) => {
            let message = context.messages.remove(place);
            apply_message(context, message)
        }
        None => refused(format!(
            "ProtocolMessageCommand referenced absent message ID {}",
            command.message_id
        )),
    }
}

pub(super) fn apply_remaining(context: &mut CommandContext<'_>) -> Applied {
    for message in std::mem::take(&mut context.messages) {
        apply_message(context, message)?;
    }
    Ok(())
}

fn apply_message(context: &mut CommandContext<'_>, message: Message) -> Applied {
    let kind = identify(&message).map_err(CommandFailure::refusing)?;
    context.keep_payload_within(
        message.body.as_ref(),
        Cause::BadUpdateWorkflowExecutionMessage,
        &format!("Message type {kind}"),
    )?;
    context
        .run
        .apply_update_message(context.now_ms, message)
        .or_else(refused)
}

/// Returns the type name of the message's body.
///
/// Source: `temporalio/temporal: common/protocol/naming.go`.
fn identify(message: &Message) -> Result<&str, String> {
    let body = message.body.as_ref().ok_or("nil message body")?;
    let name = body.type_url.rsplit('/').next().unwrap_or_default();
    match name {
        "" => Err("no message name specified".to_owned()),
        name if name.contains('.') => Ok(name),
        name => Err(format!(
            "failed to extract protocol type: no . found in {name:?}"
        )),
    }
}

fn refused(message: impl Into<String>) -> Applied {
    Err(CommandFailure::new(
        Cause::BadUpdateWorkflowExecutionMessage,
        message,
    ))
}
