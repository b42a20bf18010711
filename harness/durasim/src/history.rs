//! Histories as tests and checks read them.

mod patterns;
mod read;

use std::{
    fmt,
    sync::{Arc, OnceLock},
};

use durasim_engine::{START_MS, digest};
use durasim_events::{Attributes, HistoryEvent as SharedEvent};
use durasim_service::time::instant_ms;
use prost::Message as _;
use temporalio_client::WorkflowHistory;
use temporalio_protos::temporal::api::{
    enums::v1::EventType,
    history::v1::{History as HistoryProto, HistoryEvent, WorkflowExecutionStartedEventAttributes},
};

use crate::{outline::outline_of, proto_json};

pub use patterns::EventPattern;
pub(crate) use read::files;
pub use read::{HistoryError, HistoryErrorKind};

/// The history of one run, at the moment at which it was read.
///
/// A test reads a history with [`env.history`](crate::TestWorkflowEnvironment::history), and
/// asserts what it holds, or takes a snapshot of its [outline](Self::outline). An assertion that
/// fails shows the outline.
///
/// ```
/// use durasim::prelude::*;
/// # use temporalio_macros::{workflow, workflow_methods};
/// # use temporalio_sdk::{WorkflowContext, WorkflowResult};
/// # #[workflow]
/// # #[derive(Default)]
/// # struct Patience;
/// # #[workflow_methods]
/// # impl Patience {
/// #     #[run]
/// #     async fn run(ctx: &mut WorkflowContext<Self>, days: u64) -> WorkflowResult<u64> {
/// #         ctx.timer(Duration::from_secs(days * 24 * 3600)).await;
/// #         Ok(days)
/// #     }
/// # }
/// #[workflow_test]
/// # async fn outside_a_test_build_the_attribute_leaves_nothing(env: TestWorkflowEnvironment) {}
/// async fn patience_needs_one_timer(env: TestWorkflowEnvironment) -> TestResult {
///     env.worker("queue").workflow::<Patience>().start()?;
///     let options = WorkflowStartOptions::new("queue", "patience-1").build();
///     let patience = env.client().start_workflow(Patience::run, 30, options).await?;
///     patience.get_result(Default::default()).await?;
///     env.history(&patience)
///         .assert_contains("TimerStarted 1 for 30d")
///         .assert_lacks("ActivityTaskScheduled")
///         .assert_order(["TimerStarted", "TimerFired", "WorkflowExecutionCompleted 30"]);
///     Ok(())
/// }
/// # let body = |env| -> futures::future::LocalBoxFuture<'static, TestResult> {
/// #     Box::pin(patience_needs_one_timer(env))
/// # };
/// # let report = durasim::advanced::run_world(&body, &durasim::advanced::WorldOptions::default());
/// # assert!(report.failure.is_none(), "{:?}", report.failure);
/// ```
#[derive(Clone)]
pub struct History {
    workflow_id: String,
    run_id: String,
    events: Vec<Arc<SharedEvent>>,
    /// The same events as the SDK's own, once `events` has been called.
    plain: OnceLock<Vec<HistoryEvent>>,
    /// The parts of its file that no event has room for.
    unknown: Vec<String>,
    /// The time that excerpts count from, in milliseconds since the Unix epoch.
    zero_ms: u64,
}

impl PartialEq for History {
    fn eq(&self, other: &Self) -> bool {
        let Self {
            workflow_id,
            run_id,
            events,
            plain: _,
            unknown: _,
            zero_ms: _,
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
            unknown: Vec::new(),
            zero_ms: START_MS,
        }
    }

    /// Returns the events, shared with the service and its workers.
    pub(crate) fn shared(&self) -> &[Arc<SharedEvent>] {
        &self.events
    }

    /// Returns the time that excerpts of the history count from, in milliseconds since the Unix
    /// epoch: the start of its world, or of a run from elsewhere.
    pub(crate) fn zero_ms(&self) -> u64 {
        self.zero_ms
    }

    /// Returns the time of the last event, in milliseconds since the Unix epoch, rounded up.
    pub(crate) fn end_ms(&self) -> u64 {
        let at = self
            .events
            .iter()
            .rev()
            .find_map(|event| event.event_time.as_ref());
        at.map_or(0, |at| {
            instant_ms(at) + u64::from(at.nanos % 1_000_000 != 0)
        })
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

    /// Returns the workflow type; empty if the history has no events.
    pub(crate) fn workflow_type(&self) -> &str {
        let workflow_type = self.started().and_then(|it| it.workflow_type.as_ref());
        workflow_type.map_or("", |workflow_type| &workflow_type.name)
    }

    /// Returns the task queue of the run; empty if the history has no events.
    pub(crate) fn task_queue(&self) -> &str {
        let queue = self.started().and_then(|it| it.task_queue.as_ref());
        queue.map_or("", |queue| &queue.name)
    }

    fn started(&self) -> Option<&WorkflowExecutionStartedEventAttributes> {
        match self.events.first()?.attributes.as_ref()? {
            Attributes::WorkflowExecutionStartedEventAttributes(started) => Some(started),
            _ => None,
        }
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

    /// Asserts that some event matches.
    ///
    /// # Panics
    ///
    /// If none does, with the outline; or if no event type has the name.
    #[track_caller]
    pub fn assert_contains(&self, event: impl Into<EventPattern>) -> &Self {
        let pattern = checked(event.into());
        if self.find(&pattern, 0).is_none() {
            self.complain(&format!("has no {pattern}"));
        }
        self
    }

    /// Asserts that no event matches.
    ///
    /// # Panics
    ///
    /// If some event does, with the outline; or if no event type has the name.
    #[track_caller]
    pub fn assert_lacks(&self, event: impl Into<EventPattern>) -> &Self {
        let pattern = checked(event.into());
        if let Some(index) = self.find(&pattern, 0) {
            let id = self.events[index].event_id;
            self.complain(&format!("has {pattern}: event {id}"));
        }
        self
    }

    /// Asserts that events match in this order; others may lie between them.
    ///
    /// # Panics
    ///
    /// If they do not, with the outline; or if no event type has one of the names.
    #[track_caller]
    pub fn assert_order<E: Into<EventPattern>>(
        &self,
        events: impl IntoIterator<Item = E>,
    ) -> &Self {
        let mut after: Option<(usize, EventPattern)> = None;
        for event in events {
            let pattern = checked(event.into());
            let from = after.as_ref().map_or(0, |(index, _)| index + 1);
            let Some(index) = self.find(&pattern, from) else {
                let place = after.map_or_else(String::new, |(index, before)| {
                    let id = self.events[index].event_id;
                    format!(" after event {id}, {before}")
                });
                self.complain(&format!("has no {pattern}{place}"));
            };
            after = Some((index, pattern));
        }
        self
    }

    /// Returns the index of the first event from there on that matches.
    fn find(&self, pattern: &EventPattern, from: usize) -> Option<usize> {
        let events = self.events.get(from..)?;
        let found = events
            .iter()
            .position(|event| pattern.matches(event, &self.events))?;
        Some(from + found)
    }

    /// Fails the test with what is wrong, and with the outline.
    #[track_caller]
    fn complain(&self, what: &str) -> ! {
        panic!(
            "the history of {} {what}\n\n{}",
            self.workflow_id,
            self.outline()
        );
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

    /// Returns the history as the protocol buffer `temporal.api.history.v1.History`.
    pub fn to_protobuf(&self) -> Vec<u8> {
        self.to_proto().encode_to_vec()
    }

    fn to_proto(&self) -> HistoryProto {
        HistoryProto {
            events: self.events.iter().map(|event| (&**event).into()).collect(),
        }
    }
}

/// Returns the pattern, which must be one that events can match.
#[track_caller]
fn checked(pattern: EventPattern) -> EventPattern {
    match pattern.check() {
        Ok(()) => pattern,
        Err(wrong) => panic!("{wrong}"),
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
