//! The data of a view, which serializes to the format `durasim-view/1`.
//!
//! Fields that are empty are left out of the JSON. Times are virtual milliseconds since the start
//! of the world. Ids are places in the list that they refer to.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The name of the format. A change that breaks readers changes its number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Format {
    /// The first version.
    #[default]
    #[serde(rename = "durasim-view/1")]
    V1,
}

/// A picture of one world, perhaps beside the fault-free world.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct View {
    /// The name of the format.
    pub format: Format,
    /// The name of the test, or of the files.
    pub title: String,
    /// The check that failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub check: Option<Check>,
    /// The faults that the failure takes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<Plan>,
    /// The command that brings the world back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
    /// Remarks about the view itself: what it does not show, and why.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// The worlds: the fault-free world first, if there are two. The last is the one that the view
    /// is about.
    pub worlds: Vec<World>,
    /// Pairs of orders, one of the first world and one of the last, at which the same event
    /// happened; ascending in both.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub alignment: Vec<(u64, u64)>,
    /// The first event that is not the same in both worlds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_difference: Option<Difference>,
}

/// The check that failed, in words and in its place.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// The code: `DS103`.
    pub code: String,
    /// The name: `idempotency`.
    pub name: String,
    /// One sentence: lower case, no full stop.
    pub what: String,
    /// The words of a panic or of an error, perhaps several lines.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// The whole report, as the test prints it.
    pub report: String,
    /// The line of the user's code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<String>,
    /// The address of the page that explains the code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub page: Option<String>,
    /// The thing of the last world at which the check failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thing: Option<usize>,
}

/// The faults that a failure takes, after shrinking, and those that it does not take.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// The faults that are left, in the order in which they happen.
    pub faults: Vec<PlannedFault>,
    /// The choices of order and latency that are left besides, in words.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub orderings: Vec<String>,
    /// The faults that shrinking left out: the check fails without them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left_out: Vec<PlannedFault>,
    /// The number of choices of order and latency that shrinking left out.
    #[serde(default)]
    pub orderings_left_out: usize,
}

/// One fault of a plan.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedFault {
    /// The time at which it happens.
    pub at_ms: u64,
    /// The fault in the plan's words.
    pub words: String,
    /// The thing of the last world that marks it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thing: Option<usize>,
}

/// The first event that is not the same in both worlds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Difference {
    /// The difference in words.
    pub words: String,
    /// The event of the first world that the last does not have there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first: Option<usize>,
    /// The event of the last world that the first does not have there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last: Option<usize>,
}

/// One world.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct World {
    /// Its name: `the fault-free world`.
    pub name: String,
    /// Its part in the view.
    pub role: Role,
    /// The time of its start, in milliseconds since the Unix epoch.
    pub start_ms: u64,
    /// The time of its end.
    pub end_ms: u64,
    /// The hash of everything that happened in it, if the world was simulated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hash: Option<String>,
    /// The lanes, from top to bottom.
    pub lanes: Vec<Lane>,
    /// Everything that happened, in the order of its moments.
    pub things: Vec<Thing>,
}

/// The part of a world in a view.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// The fault-free world, to compare with.
    FaultFree,
    /// The world that failed.
    Failed,
    /// A world that passed.
    Passed,
    /// Histories of runs that happened elsewhere.
    Histories,
}

/// One lane: somebody to whom things happen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lane {
    /// The kind of lane.
    pub kind: LaneKind,
    /// Its name: `the test`, `worker payments`, `PaymentWorkflow payment-1`.
    pub name: String,
    /// The lane of the parent, for the run of a child.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<usize>,
    /// The run, for the lane of a run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<Run>,
}

/// The kind of a lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LaneKind {
    /// The test, or one of its actors and clients.
    Client,
    /// The service.
    Service,
    /// A worker: its processes, one after the other.
    Worker,
    /// A run of a workflow.
    Run,
}

/// A run of a workflow.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    /// The workflow type.
    pub workflow_type: String,
    /// The workflow id.
    pub workflow_id: String,
    /// The run id.
    pub run_id: String,
    /// Its state at the end: `open`, `completed`, `failed` ..
    pub status: String,
    /// The number of its events.
    pub events: usize,
}

/// A moment of a world. Virtual time often stands still while many things happen, so a moment has a
/// place among all moments too.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Moment {
    /// The time.
    pub at_ms: u64,
    /// The place among the moments of the world.
    pub order: u64,
}

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Thing {
    /// The kind of thing.
    pub kind: Kind,
    /// The lane that it happened to.
    pub lane: usize,
    /// The moment at which it happened, or began.
    #[serde(flatten)]
    pub moment: Moment,
    /// The moment at which it ended, for a thing that lasts; a message arrives then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Moment>,
    /// Its name: `TimerStarted`.
    pub title: String,
    /// The description of the thing, in one line.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub words: String,
    /// The mark of a thing that did not go well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mark: Option<Mark>,
    /// The lane of the run that a workflow task or an attempt belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<usize>,
    /// The lane that a message goes to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<usize>,
    /// The fate of a message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fate: Option<Fate>,
    /// The id of an event of history.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event_id: Option<i64>,
    /// All there is to know: of an event its attributes, with decoded payloads.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<Value>,
    /// The line of the user's code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<String>,
    /// The things that it follows from. Its effects are the things that name it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub causes: Vec<usize>,
    /// The same event of the other world.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub same_as: Option<usize>,
}

/// The kind of a thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// An event of a history, on the lane of its run.
    Event,
    /// A message, from its lane to another.
    Message,
    /// A fault of the plan.
    Fault,
    /// The check that failed.
    Check,
    /// The life of a worker process, on the lane of its worker.
    Process,
    /// A workflow task in a worker process.
    WorkflowTask,
    /// An attempt of an activity in a worker process.
    Attempt,
    /// An activity of a run, from its schedule to its end.
    Activity,
    /// A timer of a run.
    Timer,
    /// A child of a run, from its start to its end.
    Child,
    /// An update of a run, from its acceptance to its end.
    Update,
    /// A Nexus operation of a run.
    Operation,
    /// A remark of the world: a partition, an outage.
    Note,
}

/// The mark of a thing that did not go well.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mark {
    /// It failed.
    Failed,
    /// It timed out.
    TimedOut,
    /// It was cancelled or terminated.
    Cancelled,
    /// It was lost: its process died, or its report never arrived.
    Lost,
    /// It had not ended when the world did.
    Open,
}

/// The fate of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fate {
    /// It arrived.
    Delivered,
    /// A fault held it for a while; it arrived.
    Held,
    /// It never arrived.
    Lost,
    /// The service refused it.
    Refused,
    /// The copy of a message, made by a fault.
    Duplicate,
    /// It was under way when the world ended.
    UnderWay,
}

impl View {
    /// Returns a view of these worlds.
    pub fn new(title: impl Into<String>, worlds: Vec<World>) -> Self {
        Self {
            title: title.into(),
            worlds,
            ..Self::default()
        }
    }

    /// Returns the JSON, in the format `durasim-view/1`.
    ///
    /// # Panics
    ///
    /// Never: every part of a view serializes.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("every part of a view serializes")
    }
}

impl World {
    /// Returns an empty world.
    pub fn new(name: impl Into<String>, role: Role) -> Self {
        Self {
            name: name.into(),
            role,
            start_ms: 0,
            end_ms: 0,
            hash: None,
            lanes: Vec::new(),
            things: Vec::new(),
        }
    }

    /// Adds a lane below the others. Returns its id.
    pub fn lane(&mut self, lane: Lane) -> usize {
        self.lanes.push(lane);
        self.lanes.len() - 1
    }

    /// Adds a thing. Returns its id.
    pub fn thing(&mut self, thing: Thing) -> usize {
        self.things.push(thing);
        self.things.len() - 1
    }
}

impl Lane {
    /// Returns a lane.
    pub fn new(kind: LaneKind, name: impl Into<String>) -> Self {
        Self {
            kind,
            name: name.into(),
            parent: None,
            run: None,
        }
    }
}

impl Thing {
    /// Returns a thing that happened at a moment.
    pub fn new(kind: Kind, lane: usize, moment: Moment, title: impl Into<String>) -> Self {
        Self {
            kind,
            lane,
            moment,
            until: None,
            title: title.into(),
            words: String::new(),
            mark: None,
            run: None,
            to: None,
            fate: None,
            event_id: None,
            body: None,
            line: None,
            causes: Vec::new(),
            same_as: None,
        }
    }
}
