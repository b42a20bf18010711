//! The order of the commands of a task: the command that closes the run comes last.
//!
//! Source: `temporalio/temporal: service/history/api/command_attr_validator.go`
//! (`ValidateCommandSequence`).

use temporalio_protos::temporal::api::command::v1::{Command, CommandAttributesExt};
use tonic::Status;

use crate::{api::enums::CommandType, base::reason::Reason};

/// Checks that all commands are known, and that nothing follows a command that closes the run.
///
/// # Errors
///
/// INVALID_ARGUMENT. The server returns it before it looks at any command, and leaves the task to
/// time out.
pub(crate) fn check(commands: &[Command]) -> Result<(), Status> {
    let types: Vec<_> = commands.iter().map(type_of).collect();
    let closing = types.iter().position(|kind| closes(*kind));
    // The server reports the mistake that comes first.
    let seen = closing.map_or(types.len(), |place| place + 1);
    if types[..seen].contains(&CommandType::Unspecified) {
        return Err(Status::invalid_argument(
            "unknown command type: Unspecified",
        ));
    }
    match closing {
        Some(place) if place + 1 < types.len() => {
            let names: Vec<_> = types.iter().map(|kind| format!("{kind:?}")).collect();
            let refused = Status::invalid_argument(format!(
                "invalid command sequence: [{}], command {} must be the last command.",
                names.join(", "),
                names[place],
            ));
            Err(Reason::CommandsAfterClose.on(refused))
        }
        _ => Ok(()),
    }
}

/// Returns the type of a command: by its attributes or, if it has none, by its own type field.
pub(crate) fn type_of(command: &Command) -> CommandType {
    command
        .attributes
        .as_ref()
        .map_or_else(|| command.command_type(), CommandAttributesExt::as_type)
}

fn closes(kind: CommandType) -> bool {
    matches!(
        kind,
        CommandType::CompleteWorkflowExecution
            | CommandType::FailWorkflowExecution
            | CommandType::CancelWorkflowExecution
            | CommandType::ContinueAsNewWorkflowExecution
    )
}
