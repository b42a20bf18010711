//! Nexus requests and completions on their way to another namespace.
//!
//! A service knows nothing of other namespaces. It leaves parcels, and its cluster carries them.

use std::sync::Arc;

use crate::{
    messages::nexus_completion::CompleteNexusOperationRequest,
    run::nexus_operations::{NexusCall, NexusCaller},
    state::task_queues::{Poller, QueueKey},
};

/// A request to the handler of a Nexus operation whose run is in another namespace.
#[derive(Clone, Debug)]
pub(crate) struct GuestRequest {
    /// The namespace of the run.
    pub(crate) home: Arc<str>,
    pub(crate) caller: NexusCaller,
    pub(crate) call: NexusCall,
    pub(crate) attempt: i32,
}

/// Something for the service of another namespace.
#[derive(Debug)]
pub(crate) struct Parcel {
    pub(crate) namespace: Arc<str>,
    pub(crate) content: Content,
}

/// The content of a parcel.
#[derive(Debug)]
pub(crate) enum Content {
    /// A request for a task queue there.
    Request {
        task_queue: String,
        request: GuestRequest,
    },
    /// A poll that met a request of a run there.
    Poll {
        /// The namespace of the poll.
        host: Arc<str>,
        queue: QueueKey,
        poller: Poller,
        request: GuestRequest,
    },
    /// The end of an operation of a run there.
    Completion(Box<CompleteNexusOperationRequest>),
}
