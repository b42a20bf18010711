//! Requests under way, and their callers.

use std::{
    collections::{BTreeMap, BTreeSet},
    rc::Rc,
};

use durasim_service::{RequestId, Response, Rpc};
use futures::channel::oneshot;
use tonic::Status;

use super::{
    network::Network,
    outage::LastOutage,
    partitions::Partitions,
    worker::{call::WorkerCall, polls::PollKind, reference::ProcessRef},
};
use crate::{
    faults::CALL_TIMEOUT_MS,
    label::{Call, Label},
};

/// The caller that waits for the answer to a request.
pub(super) enum Caller {
    /// A client: the test, one of its actors, an activity.
    Client {
        sender: oneshot::Sender<Result<Vec<u8>, Status>>,
        /// The time until which the client waits, in virtual milliseconds since the Unix epoch;
        /// `None` if it waits for ever.
        deadline_ms: Option<u64>,
    },
    /// A worker process.
    Worker { at: ProcessRef, call: WorkerCall },
    /// The handlers of a Nexus endpoint; the request id is that of the operation that they answer
    /// about.
    #[cfg_attr(
        not(feature = "nexus"),
        allow(dead_code, reason = "nobody handles operations then")
    )]
    Nexus {
        endpoint: usize,
        request_id: Option<Rc<str>>,
    },
}

/// A request under way.
pub(super) struct Pending {
    pub(super) caller: Caller,
    pub(super) label: Label,
    /// The time at which it was made, in virtual milliseconds since the Unix epoch.
    pub(super) sent_ms: u64,
    /// True for a query, which waits no longer than its caller does.
    pub(super) is_query: bool,
    /// The task that asked, if a client asked.
    pub(super) asked_by: Option<Rc<str>>,
    /// The caller's answer in place of the service's, which a fault has taken.
    pub(super) answer_lost: Option<Status>,
    /// The fault that holds the request or its answer until events have happened: the number of its
    /// entry on the tape.
    pub(super) held_by: Option<usize>,
}

impl Pending {
    /// Returns the deadline of the caller, if this is a query and the caller has one.
    fn query_deadline_ms(&self) -> Option<u64> {
        match self.caller {
            Caller::Client { deadline_ms, .. } if self.is_query => deadline_ms,
            _ => None,
        }
    }

    /// Returns the time that the caller still waits for an answer that is on its way, in virtual
    /// milliseconds; `None` if it waits for ever.
    ///
    /// The server answers the long polls of clients before their deadlines, and the client asks
    /// again. Here a long poll stays open, and its deadline would be that of the last one only.
    pub(super) fn left_ms(&self, now_ms: u64) -> Option<u64> {
        let is_long_poll = matches!(
            self.label,
            Label::Call(_, Call::History | Call::Update(_))
                | Label::Rpc(
                    Rpc::PollWorkflowExecutionUpdate
                        | Rpc::ExecuteMultiOperation
                        | Rpc::PollActivityExecution
                        | Rpc::DescribeActivityExecution
                        | Rpc::PollNexusOperationExecution
                        | Rpc::DescribeNexusOperationExecution
                )
        );
        match self.caller {
            Caller::Client { deadline_ms, .. } if !is_long_poll => {
                deadline_ms.map(|deadline_ms| deadline_ms.saturating_sub(now_ms))
            }
            _ => None,
        }
    }

    /// Returns `true` if this process made the request.
    fn is_of(&self, at: ProcessRef) -> bool {
        self.caller.kind().process() == Some(at)
    }
}

/// A caller, as far as the fate of its answer depends on it.
#[derive(Clone, Copy)]
pub(super) enum CallerKind {
    Client,
    Worker(ProcessRef, Option<PollKind>),
    #[cfg_attr(
        not(feature = "nexus"),
        allow(dead_code, reason = "nobody handles operations then")
    )]
    Nexus(usize),
}

impl CallerKind {
    /// Returns the worker process that calls, if one does.
    pub(super) fn process(self) -> Option<ProcessRef> {
        match self {
            Self::Worker(at, _) => Some(at),
            Self::Client | Self::Nexus(_) => None,
        }
    }
}

impl Caller {
    /// Returns the time that the caller waits from now on, in virtual milliseconds. A client that
    /// does not say waits as long as the official client does, and so does a worker.
    pub(super) fn timeout_ms(&self, now_ms: u64) -> u64 {
        match self {
            Self::Client {
                deadline_ms: Some(deadline_ms),
                ..
            } => deadline_ms.saturating_sub(now_ms),
            Self::Client { .. } | Self::Worker { .. } | Self::Nexus { .. } => CALL_TIMEOUT_MS,
        }
    }

    pub(super) fn kind(&self) -> CallerKind {
        match self {
            Self::Client { .. } => CallerKind::Client,
            Self::Worker { at, call } => CallerKind::Worker(
                *at,
                match call {
                    WorkerCall::Poll(kind) => Some(*kind),
                    _ => None,
                },
            ),
            Self::Nexus { endpoint, .. } => CallerKind::Nexus(*endpoint),
        }
    }
}

/// The requests under way, and the network that carries them.
#[derive(Default)]
pub(crate) struct Calls {
    pub(super) network: Network,
    pub(super) partitions: Partitions,
    pub(super) outage: Option<LastOutage>,
    /// Boxed, for a node of a `BTreeMap` has room for eleven, and most worlds have a few.
    pending: BTreeMap<RequestId, Box<Pending>>,
    /// The deadlines of the queries among them whose callers have one.
    query_deadlines: BTreeSet<(u64, RequestId)>,
    /// The copies of requests that faults have made, each with the number of the fault's entry on
    /// the tape.
    pub(super) copies: BTreeMap<RequestId, usize>,
    /// The number of requests so far.
    requests: u64,
}

impl Calls {
    /// Returns an id that no request has had.
    pub(super) fn next_id(&mut self) -> RequestId {
        self.requests += 1;
        RequestId(self.requests)
    }

    /// Opens a request that is no message of the network: it waits at the service.
    pub(super) fn open(&mut self, label: Label, caller: Caller) -> RequestId {
        let id = self.next_id();
        let pending = Pending {
            caller,
            label,
            sent_ms: 0,
            is_query: false,
            asked_by: None,
            answer_lost: None,
            held_by: None,
        };
        self.insert(id, pending);
        id
    }

    /// Returns the id that was new last.
    pub(super) fn last_id(&self) -> RequestId {
        RequestId(self.requests)
    }

    pub(super) fn insert(&mut self, id: RequestId, pending: Pending) {
        self.query_deadlines
            .extend(pending.query_deadline_ms().map(|at_ms| (at_ms, id)));
        self.pending.insert(id, Box::new(pending));
    }

    pub(super) fn remove(&mut self, id: RequestId) -> Option<Box<Pending>> {
        let pending = self.pending.remove(&id)?;
        if let Some(at_ms) = pending.query_deadline_ms() {
            self.query_deadlines.remove(&(at_ms, id));
        }
        Some(pending)
    }

    /// Returns the earliest time at which the caller of a query gives up, in virtual milliseconds
    /// since the Unix epoch.
    pub(super) fn earliest_query_deadline_ms(&self) -> Option<u64> {
        self.query_deadlines.first().map(|(at_ms, _)| *at_ms)
    }

    /// Returns the request with this id, if it is under way.
    pub(super) fn get(&self, id: RequestId) -> Option<&Pending> {
        self.pending.get(&id).map(|pending| &**pending)
    }

    /// Returns the request with this id, to be changed, if it is under way.
    pub(super) fn get_mut(&mut self, id: RequestId) -> Option<&mut Pending> {
        self.pending.get_mut(&id).map(|pending| &mut **pending)
    }

    /// Returns the requests under way, in the order in which they were made.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Pending> {
        self.pending.values().map(|pending| &**pending)
    }

    /// Returns the calls of a process that are under way.
    pub(super) fn of_process(&self, at: ProcessRef) -> impl Iterator<Item = &WorkerCall> {
        self.iter()
            .filter_map(move |pending| match &pending.caller {
                Caller::Worker { at: caller, call } if *caller == at => Some(call),
                _ => None,
            })
    }

    /// Returns the ids of the requests of a process that are under way.
    pub(super) fn ids_of_process(&self, at: ProcessRef) -> impl Iterator<Item = RequestId> {
        let of_process = self.pending.iter().filter(move |(_, it)| it.is_of(at));
        of_process.map(|(id, _)| *id)
    }

    /// Returns the answers that are on their way to a process.
    pub(super) fn replies_to(&self, at: ProcessRef) -> impl Iterator<Item = &Response> {
        self.network
            .replies(move |id| self.get(id).is_some_and(|pending| pending.is_of(at)))
            .chain(self.partitions.replies_to(at))
    }

    /// Forgets the requests of a process that has died.
    pub(super) fn forget_process(&mut self, at: ProcessRef) {
        self.partitions.end(at, 0);
        self.pending.retain(|_, pending| !pending.is_of(at));
    }
}
