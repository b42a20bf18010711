//! The host that workflow code issues its commands to.

use std::{backtrace::Backtrace, cell::RefCell};

use temporalio_protos::coresdk::workflow_commands::{WorkflowCommand, workflow_command::Variant};
use temporalio_workflow::__private::sdk::WorkflowHost;

use crate::execution::IssuedCommand;

/// The commands that workflow code issued since they were last taken.
#[derive(Debug)]
pub(super) struct Host {
    backtraces: bool,
    commands: RefCell<Vec<IssuedCommand>>,
}

impl Host {
    pub(super) fn new(backtraces: bool) -> Self {
        Self {
            backtraces,
            commands: RefCell::default(),
        }
    }

    pub(super) fn push(&self, variant: Variant) {
        self.push_command(variant.into());
    }

    pub(super) fn take(&self) -> Vec<IssuedCommand> {
        self.commands.take()
    }
}

impl WorkflowHost for Host {
    // The SDK's own host drops the details too: the built-in query reads them from the context.
    fn set_current_details(&self, _details: String) {}

    fn push_command(&self, command: WorkflowCommand) {
        let issued_at = self
            .backtraces
            .then(|| Backtrace::force_capture().to_string().into());
        self.commands
            .borrow_mut()
            .push(IssuedCommand { command, issued_at });
    }
}
