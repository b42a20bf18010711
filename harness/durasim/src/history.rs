//! Histories as tests and checks read them.

use std::{
    fmt,
    sync::{Arc, OnceLock},
};

use durasim_engine::digest;
use durasim_events::HistoryEvent as SharedEvent;
use prost::Message as _;
use temporalio_client::WorkflowHistory;
use temporalio_protos::temporal::api::{
    enums::v1::EventType,
    history::v1::{History as HistoryProto, HistoryEvent},
};

use crate::{outline::outline_of, proto_json};

/// The history of one run, at the moment at which it was read.
#[derive(Clone)]
pub struct History {
    workflow_id: String,
    run_id: String,
    events: Vec<Arc<SharedEvent>>,
    /// The same events as the SDK's own, once `events` has been called.
    plain: OnceLock<Vec<HistoryEvent>>,
}

impl PartialEq for History {
    fn eq(&self, other: &Self) -> bool {
        let Self {
            workflow_id,
            run_id,
            events,
            plain: _,
        } = self;
        *workflow_id == other.workflow_id && *run_id == other.run_id && *events == other.events
    }
}

impl History {
    pub(crate) fn new(workflow_id: String, run_id: String, events: Vec<Arc<SharedEvent>>) -> Self {
        Self {
            workflow_id,
            run_id,
            events,
            plain: OnceLock::new(),
        }
    }

    /// Returns the events, shared with the service and its workers.
    pub(crate) fn shared(&self) -> &[Arc<SharedEvent>] {
        &self.events
    }

    /// Returns a hash of the events' bytes.
    pub(crate) fn digest(&self) -> u64 {
        let mut bytes = Vec::new();
        for event in &self.events {
            // The length tells where an event ends.
            event
                .encode_length_delimited(&mut bytes)
                .expect("a vector has room");
        }
        digest(&bytes)
    }

    /// Returns the workflow id.
    pub fn workflow_id(&self) -> &str {
        &self.workflow_id
    }

    /// Returns the run id.
    pub fn run_id(&self) -> &str {
        &self.run_id
    }

    /// Returns the events, from the first.
    pub fn events(&self) -> &[HistoryEvent] {
        self.plain
            .get_or_init(|| self.events.iter().map(|event| (&**event).into()).collect())
    }

    /// Returns the types of the events, from the first.
    pub fn event_types(&self) -> Vec<EventType> {
        self.events.iter().map(|event| event.event_type()).collect()
    }

    /// Returns a readable outline, one event a line, without anything random: made for snapshots.
    pub fn outline(&self) -> String {
        outline_of(&self.events)
    }

    /// Returns the history as Temporal's own JSON, which `temporal workflow show --output json`
    /// prints, the web UI imports, and the replayers of the other SDKs read.
    ///
    /// The JSON follows the mapping of protocol buffers
    /// (<https://protobuf.dev/programming-guides/json>): names in camel case, enums by name, 64-bit
    /// numbers as text, bytes in base 64. The Rust SDK reads a form of its own: see
    /// [`to_sdk_json`](Self::to_sdk_json), or hand the history itself to its replayer,
    /// `history.into()`.
    pub fn to_json(&self) -> String {
        format!("{:#}", proto_json::history(&self.to_proto()))
    }

    /// Returns the history as the Rust SDK's JSON, which only
    /// [`WorkflowHistory::from_json`](temporalio_client::WorkflowHistory::from_json) reads.
    ///
    /// # Panics
    ///
    /// If the events do not serialize, which would be a defect of the SDK's own types.
    pub fn to_sdk_json(&self) -> String {
        serde_json::to_string_pretty(&self.to_proto()).expect("a history serializes to JSON")
    }

    fn to_proto(&self) -> HistoryProto {
        HistoryProto {
            events: self.events.iter().map(|event| (&**event).into()).collect(),
        }
    }
}

/// For the SDK's own `WorkflowReplayer`.
impl From<&History> for WorkflowHistory {
    fn from(history: &History) -> Self {
        history.to_proto().into()
    }
}

/// For the SDK's own `WorkflowReplayer`.
impl From<History> for WorkflowHistory {
    fn from(history: History) -> Self {
        Self::from(&history)
    }
}

impl fmt::Display for History {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.outline())
    }
}

impl fmt::Debug for History {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "History of {} (run {})\n{}",
            self.workflow_id,
            self.run_id,
            self.outline()
        )
    }
}
