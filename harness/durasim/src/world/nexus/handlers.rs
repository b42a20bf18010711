//! The handlers of a world, and the operations that they were asked to start.

use std::{collections::BTreeMap, rc::Rc};

use durasim_engine::Clock;
use tokio_util::sync::CancellationToken;

use crate::{
    label::{Label, Name, NexusMessage, Workflow},
    nexus::{Handler, NexusCalls, NexusOperation},
};

/// Endpoint, service, operation.
pub(super) type Key = (Rc<str>, Rc<str>, Rc<str>);

/// The handlers of a world, and the requests that reached them.
pub(crate) struct NexusHandlers {
    pub(super) endpoints: Vec<Rc<str>>,
    pub(super) operations: BTreeMap<Key, Handler>,
    /// The operations that a handler was asked to start, by request id.
    pub(super) asked: BTreeMap<String, Asked>,
    /// The operations that were started, by operation and token.
    pub(super) started: BTreeMap<(Key, String), Started>,
    pub(super) calls: NexusCalls,
}

pub(super) struct Asked {
    pub(super) about: About,
    pub(super) attempts: u32,
    pub(super) cancel: CancellationToken,
}

#[derive(Clone)]
pub(super) struct Started {
    pub(super) request_id: String,
    pub(super) about: About,
    pub(super) callback_token: String,
    pub(super) at_ms: u64,
    pub(super) cancels: u32,
}

/// A request to start that a handler works on.
pub(super) struct Task {
    pub(super) endpoint: usize,
    pub(super) token: Vec<u8>,
    pub(super) operation: NexusOperation,
    pub(super) request_id: String,
    pub(super) about: About,
    pub(super) callback_token: String,
}

/// An operation as labels name it: by the workflow that called it.
#[derive(Clone, Copy)]
pub(super) struct About {
    pub(super) workflow: Workflow,
    pub(super) operation: Name,
}

impl About {
    pub(super) fn label(self, message: NexusMessage) -> Label {
        Label::Nexus(self.workflow, self.operation, message)
    }
}

pub(super) fn key(operation: &NexusOperation) -> Key {
    (
        operation.endpoint.clone(),
        operation.service.clone(),
        operation.operation.clone(),
    )
}

impl NexusHandlers {
    pub(in crate::world) fn new(clock: Rc<Clock>) -> Self {
        Self {
            endpoints: Vec::new(),
            operations: BTreeMap::new(),
            asked: BTreeMap::new(),
            started: BTreeMap::new(),
            calls: NexusCalls::new(clock),
        }
    }

    pub(super) fn handler_mut(&mut self, operation: &NexusOperation) -> Option<&mut Handler> {
        self.operations.get_mut(&key(operation))
    }

    /// Lists the operations of an endpoint, for the answer to a request for another one.
    pub(super) fn registered(&self, endpoint: &str) -> String {
        let of_it = self.operations.keys().filter(|(of, ..)| **of == *endpoint);
        of_it
            .map(|(_, service, operation)| format!("{service}/{operation}"))
            .collect::<Vec<_>>()
            .join(", ")
    }
}
