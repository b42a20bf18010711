//! Labels: the names of workflows, tasks and messages in choices, traces and plans.
//!
//! A label names its subject by type and order of appearance, such as `PaymentWorkflow#1/signal
//! confirm`. It holds no ids: a test may make ids at random, and a choice must find its place again
//! in another world. A label is a small `Copy` value whose names are interned; its text is made
//! only where a person reads it, or where a choice or a trace keeps it.

mod of_call;

use std::{cell::RefCell, collections::BTreeMap, fmt, rc::Rc};

use durasim_engine::{Recorded, digest};
use durasim_service::Rpc;

/// The name of a workflow, a message, a task or an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Label {
    /// A workflow as a whole.
    Workflow(Workflow),
    /// A client's call about a workflow, and its answer.
    Call(Workflow, Call),
    /// A call that is about no workflow.
    Rpc(Rpc),
    /// The poll of a task queue or of a Nexus endpoint, and the task that it brings.
    Task(Name, TaskKind),
    /// A worker's message about a workflow task.
    WorkflowTask(Workflow, WorkflowTaskMessage),
    /// The attempts of an activity of this type.
    Attempt(Workflow, Name),
    /// A worker's message about such an attempt.
    AttemptMessage(Workflow, Name, AttemptMessage),
    /// A delivery from one workflow to another.
    Delivery(Delivery),
    /// A Nexus operation, `service.operation`, that a workflow called.
    #[cfg_attr(
        not(any(feature = "nexus", test)),
        expect(dead_code, reason = "nobody handles operations then")
    )]
    Nexus(Workflow, Name, NexusMessage),
}

/// A client's call about a workflow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Call {
    Start,
    Signal(Name),
    Query(Name),
    Update(Name),
    Cancel,
    Terminate,
    History,
    Describe,
}

/// A delivery: an action of one workflow on another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Delivery {
    pub(crate) sender: Workflow,
    pub(crate) receiver: Workflow,
    pub(crate) action: Action,
}

/// The action of one workflow on another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Action {
    /// A parent starts a child.
    Start,
    /// A child has closed.
    ChildEnd,
    /// A parent has closed.
    ParentEnd,
    Signal(Name),
    Cancel,
}

/// The kind of task that a poll asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum TaskKind {
    Workflow,
    Activity,
    #[cfg_attr(
        not(feature = "nexus"),
        expect(dead_code, reason = "nobody handles operations then")
    )]
    Nexus,
}

/// A worker's message about a workflow task.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum WorkflowTaskMessage {
    Completed,
    Failed,
    QueryAnswer,
    /// A request for the history that the task did not bring.
    History,
}

/// A worker's message about an attempt of an activity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum AttemptMessage {
    Completed,
    Failed,
    Canceled,
    Heartbeat,
}

/// A message about a Nexus operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[cfg_attr(
    not(feature = "nexus"),
    expect(dead_code, reason = "nobody handles operations then")
)]
pub(crate) enum NexusMessage {
    /// A request to start the operation.
    Start,
    /// A request to cancel the operation.
    Cancel,
    /// The handler's answer to a request to start.
    Answer,
    /// The handler's answer to a request to cancel.
    CancelAnswer,
    /// The end of an operation that was started.
    Completion,
}

impl Label {
    /// Returns the workflow that the label names, if it names one.
    pub(crate) fn workflow(self) -> Option<Workflow> {
        match self {
            Self::Workflow(workflow)
            | Self::Call(workflow, _)
            | Self::WorkflowTask(workflow, _)
            | Self::Attempt(workflow, _)
            | Self::AttemptMessage(workflow, ..)
            | Self::Delivery(Delivery {
                receiver: workflow, ..
            })
            | Self::Nexus(workflow, ..) => Some(workflow),
            Self::Rpc(_) | Self::Task(..) => None,
        }
    }

    /// Returns `true` for a client's call that changes nothing.
    pub(crate) fn only_asks(self) -> bool {
        matches!(
            self,
            Self::Call(_, Call::Query(_) | Call::History | Call::Describe)
        )
    }

    /// Returns the workflow to which a signal goes, if the label names a signal.
    pub(crate) fn signaled(self) -> Option<Workflow> {
        match self {
            Self::Call(workflow, Call::Signal(_)) => Some(workflow),
            _ => None,
        }
    }
}

impl Label {
    /// Returns the label in words. They are made once in a world: a choice is named by them.
    pub(crate) fn text(self) -> Rc<str> {
        let known = INTERNER.with_borrow(|interner| interner.labels.get(&self).cloned());
        known.unwrap_or_else(|| {
            let text: Rc<str> = self.to_string().into();
            INTERNER.with_borrow_mut(|interner| interner.labels.insert(self, text.clone()));
            text
        })
    }
}

impl Recorded for Label {
    fn write_bytes(&self, bytes: &mut Vec<u8>) {
        match *self {
            Self::Workflow(workflow) => write(bytes, [0, 0], workflow, None),
            Self::Call(workflow, call) => {
                let (tag, name) = call.parts();
                write(bytes, [1, tag], workflow, name);
            }
            Self::Rpc(rpc) => write(bytes, [2, rpc as u8], Workflow::UNKNOWN, None),
            Self::Task(queue, kind) => {
                write(bytes, [3, kind as u8], Workflow::UNKNOWN, Some(queue));
            }
            Self::WorkflowTask(workflow, message) => {
                write(bytes, [4, message as u8], workflow, None);
            }
            Self::Attempt(workflow, activity) => write(bytes, [5, 0], workflow, Some(activity)),
            Self::AttemptMessage(workflow, activity, message) => {
                write(bytes, [6, message as u8], workflow, Some(activity));
            }
            Self::Delivery(delivery) => {
                let (tag, name) = delivery.action.parts();
                delivery.sender.write_bytes(bytes);
                write(bytes, [8, tag], delivery.receiver, name);
            }
            Self::Nexus(workflow, operation, message) => {
                write(bytes, [7, message as u8], workflow, Some(operation));
            }
        }
    }
}

/// Adds the bytes of a label. Names count by their texts, for two worlds may number them
/// differently.
fn write(bytes: &mut Vec<u8>, tags: [u8; 2], workflow: Workflow, name: Option<Name>) {
    bytes.extend_from_slice(&tags);
    workflow.write_bytes(bytes);
    let digest = name.map_or(0, Name::digest);
    bytes.extend_from_slice(&digest.to_le_bytes());
}

impl Action {
    /// Returns the action without its name, as a number, and the name.
    fn parts(self) -> (u8, Option<Name>) {
        match self {
            Self::Start => (0, None),
            Self::ChildEnd => (1, None),
            Self::ParentEnd => (2, None),
            Self::Signal(name) => (3, Some(name)),
            Self::Cancel => (4, None),
        }
    }
}

impl Call {
    /// Returns the call without its name, as a number, and the name.
    fn parts(self) -> (u8, Option<Name>) {
        match self {
            Self::Start => (0, None),
            Self::Signal(name) => (1, Some(name)),
            Self::Query(name) => (2, Some(name)),
            Self::Update(name) => (3, Some(name)),
            Self::Cancel => (4, None),
            Self::Terminate => (5, None),
            Self::History => (6, None),
            Self::Describe => (7, None),
        }
    }
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Workflow(workflow) => write!(f, "{workflow}"),
            Self::Call(workflow, call) => write!(f, "{workflow}/{call}"),
            Self::Rpc(rpc) => write!(f, "{rpc}"),
            Self::Task(queue, kind) => write!(f, "{queue}/{kind}"),
            Self::WorkflowTask(workflow, message) => write!(f, "{workflow}/{message}"),
            Self::Attempt(workflow, activity) => write!(f, "{workflow}/{activity}"),
            Self::AttemptMessage(workflow, activity, message) => {
                write!(f, "{workflow}/{activity}/{message}")
            }
            Self::Delivery(delivery) => write!(f, "{delivery}"),
            Self::Nexus(workflow, operation, message) => {
                write!(f, "{workflow}/nexus {operation}{message}")
            }
        }
    }
}

impl fmt::Display for Delivery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (sender, receiver) = (self.sender, self.receiver);
        match self.action {
            Action::Start => write!(f, "{receiver}/start by {sender}"),
            Action::ChildEnd => write!(f, "{receiver}/end of child {sender}"),
            Action::ParentEnd => write!(f, "{receiver}/end of parent {sender}"),
            Action::Signal(name) => write!(f, "{receiver}/signal {name} from {sender}"),
            Action::Cancel => write!(f, "{receiver}/cancel from {sender}"),
        }
    }
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Start => f.write_str("start"),
            Self::Signal(name) => write!(f, "signal {name}"),
            Self::Query(name) => write!(f, "query {name}"),
            Self::Update(name) => write!(f, "update {name}"),
            Self::Cancel => f.write_str("cancel"),
            Self::Terminate => f.write_str("terminate"),
            Self::History => f.write_str("history"),
            Self::Describe => f.write_str("describe"),
        }
    }
}

impl fmt::Display for TaskKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Workflow => "workflow task",
            Self::Activity => "activity task",
            Self::Nexus => "nexus task",
        })
    }
}

impl fmt::Display for WorkflowTaskMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Completed => "workflow task completed",
            Self::Failed => "workflow task failed",
            Self::QueryAnswer => "query answer",
            Self::History => "worker's history",
        })
    }
}

impl fmt::Display for AttemptMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Canceled => "canceled",
            Self::Heartbeat => "heartbeat",
        })
    }
}

impl fmt::Display for NexusMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Start => "",
            Self::Cancel => "/cancel",
            Self::Answer => "/answer",
            Self::CancelAnswer => "/cancel/answer",
            Self::Completion => "/completion",
        })
    }
}

/// A workflow, by type and order of appearance: `PaymentWorkflow#1`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Workflow {
    /// The workflow type; `None` for a workflow that has not appeared.
    workflow_type: Option<Name>,
    /// Counts the workflows of the type, from 1.
    number: u32,
}

impl Workflow {
    /// A workflow that has not appeared. A call about it cannot be named more precisely.
    pub(crate) const UNKNOWN: Self = Self {
        workflow_type: None,
        number: 0,
    };

    /// Returns the workflow type, if the workflow has appeared.
    pub(crate) fn workflow_type(self) -> Option<Name> {
        self.workflow_type
    }

    /// Returns the name of the workflow's code, for the watch over worlds. It is made once in a
    /// world.
    pub(crate) fn code(self) -> Rc<str> {
        let known = INTERNER.with_borrow(|interner| interner.codes.get(&self).cloned());
        known.unwrap_or_else(|| {
            let code: Rc<str> = format!("workflow code of {self}").into();
            INTERNER.with_borrow_mut(|interner| interner.codes.insert(self, code.clone()));
            code
        })
    }

    /// Returns `true` for the first workflow of its type.
    pub(crate) fn is_first(self) -> bool {
        self.number == 1
    }
}

impl Recorded for Workflow {
    fn write_bytes(&self, bytes: &mut Vec<u8>) {
        let digest = self.workflow_type.map_or(0, Name::digest);
        bytes.extend_from_slice(&digest.to_le_bytes());
        bytes.extend_from_slice(&self.number.to_le_bytes());
    }
}

impl fmt::Display for Workflow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.workflow_type {
            Some(workflow_type) => write!(f, "{workflow_type}#{}", self.number),
            None => f.write_str("unknown workflow"),
        }
    }
}

/// The workflows of a world that have appeared, by workflow id.
#[derive(Default)]
pub(crate) struct Workflows {
    by_id: BTreeMap<String, Workflow>,
    count_by_type: BTreeMap<Name, u32>,
}

impl Workflows {
    /// Returns the workflow with this id, which gets its number now if it is new.
    pub(crate) fn appears(&mut self, workflow_id: &str, workflow_type: &str) -> Workflow {
        if let Some(workflow) = self.by_id.get(workflow_id) {
            return *workflow;
        }
        let name = Name::new(workflow_type);
        let count = self.count_by_type.entry(name).or_default();
        *count += 1;
        let workflow = Workflow {
            workflow_type: Some(name),
            number: *count,
        };
        self.by_id.insert(workflow_id.to_owned(), workflow);
        workflow
    }

    /// Returns the workflow with this id, or [`Workflow::UNKNOWN`] if it has not appeared.
    pub(crate) fn known(&self, workflow_id: &str) -> Workflow {
        let known = self.by_id.get(workflow_id);
        known.copied().unwrap_or(Workflow::UNKNOWN)
    }

    /// Returns the id of a workflow that has appeared.
    pub(crate) fn id_of(&self, workflow: Workflow) -> Option<&str> {
        self.by_id
            .iter()
            .find(|(_, known)| **known == workflow)
            .map(|(id, _)| id.as_str())
    }
}

/// An interned text: the name of a type, a signal or a task queue.
///
/// Names belong to the world of their thread. They compare by order of appearance.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Name(u32);

#[derive(Default)]
struct Interner {
    /// The texts, with their digests.
    texts: Vec<(Rc<str>, u64)>,
    by_text: BTreeMap<Rc<str>, u32>,
    labels: BTreeMap<Label, Rc<str>>,
    /// The names of the code of workflows.
    codes: BTreeMap<Workflow, Rc<str>>,
}

thread_local! {
    static INTERNER: RefCell<Interner> = RefCell::default();
}

impl Name {
    /// Interns a text.
    pub(crate) fn new(text: &str) -> Self {
        INTERNER.with_borrow_mut(|interner| {
            if let Some(index) = interner.by_text.get(text) {
                return Self(*index);
            }
            let index = u32::try_from(interner.texts.len()).expect("a world has fewer names");
            let text: Rc<str> = text.into();
            interner.texts.push((text.clone(), digest(text.as_bytes())));
            interner.by_text.insert(text, index);
            Self(index)
        })
    }

    /// Returns the text.
    pub(crate) fn text(self) -> Rc<str> {
        INTERNER.with_borrow(|interner| interner.texts[self.0 as usize].0.clone())
    }

    /// Returns the digest of the text, which is the same in every world.
    fn digest(self) -> u64 {
        INTERNER.with_borrow(|interner| interner.texts[self.0 as usize].1)
    }

    /// Returns `true` if this is the name's text.
    pub(crate) fn is(self, text: &str) -> bool {
        INTERNER.with_borrow(|interner| &*interner.texts[self.0 as usize].0 == text)
    }
}

/// Forgets all names of this thread, before a new world begins.
pub(crate) fn forget_names() {
    INTERNER.take();
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        INTERNER.with_borrow(|interner| f.write_str(&interner.texts[self.0 as usize].0))
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.text())
    }
}

#[cfg(test)]
mod tests;
