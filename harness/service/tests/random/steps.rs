//! What may happen next, drawn at random.

use proptest::{collection::vec, prelude::*};

use super::commands::{Command, UpdateMessage, command, update_message};

/// One thing that callers, workers or time do.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    Start {
        workflow: u8,
        reuse: i32,
        conflict: i32,
        options: u8,
    },
    SignalWithStart {
        workflow: u8,
        options: u8,
    },
    Signal {
        workflow: u8,
        request: u8,
    },
    Cancel {
        workflow: u8,
    },
    Terminate {
        workflow: u8,
    },
    Query {
        workflow: u8,
    },
    Update {
        workflow: u8,
        update: u8,
        stage: i32,
    },
    UpdateWithStart {
        workflow: u8,
        update: u8,
        conflict: i32,
    },
    PollUpdate {
        workflow: u8,
        update: u8,
    },
    Describe {
        workflow: u8,
    },
    History {
        workflow: u8,
        waits: bool,
    },
    Reset {
        workflow: u8,
        event: u8,
    },
    /// A worker that does what it should: takes the next task, answers it and its updates.
    Work {
        commands: Vec<Command>,
        update: u8,
        options: u8,
    },
    /// As well behaved, with an activity.
    WorkOnActivity {
        outcome: u8,
    },
    PollWorkflowTask {
        sticky: bool,
    },
    CompleteTask {
        task: u8,
        commands: Vec<Command>,
        messages: Vec<UpdateMessage>,
        options: u8,
    },
    FailTask {
        task: u8,
        cause: i32,
    },
    PollActivityTask,
    CompleteActivity {
        task: u8,
    },
    FailActivity {
        task: u8,
        non_retryable: bool,
    },
    CancelActivity {
        task: u8,
    },
    Heartbeat {
        task: u8,
    },
    ActivityById {
        workflow: u8,
        activity: u8,
    },
    Abandon {
        call: u8,
    },
    Pass {
        ms: u32,
    },
    Fire {
        index: u8,
    },
    /// An RPC with an empty message.
    Empty {
        rpc: u8,
    },
    /// An RPC with a message full of what should not be there.
    Nonsense {
        rpc: u8,
        bytes: Vec<u8>,
    },
}

const WORKFLOWS: u8 = 4;

/// A sequence of steps.
pub(crate) fn steps(most: usize) -> impl Strategy<Value = Vec<Step>> {
    vec(step(), 1..most)
}

fn step() -> impl Strategy<Value = Step> {
    let workflow = || 0..WORKFLOWS;
    let clients = prop_oneof![
        8 => (workflow(), 0..4_i32, 0..3_i32, any::<u8>())
            .prop_map(|(workflow, reuse, conflict, options)| Step::Start { workflow, reuse, conflict, options }),
        2 => (workflow(), any::<u8>()).prop_map(|(workflow, options)| Step::SignalWithStart { workflow, options }),
        4 => (workflow(), any::<u8>()).prop_map(|(workflow, request)| Step::Signal { workflow, request }),
        1 => workflow().prop_map(|workflow| Step::Cancel { workflow }),
        1 => workflow().prop_map(|workflow| Step::Terminate { workflow }),
        2 => workflow().prop_map(|workflow| Step::Query { workflow }),
        4 => (workflow(), 0..4_u8, 2..4_i32)
            .prop_map(|(workflow, update, stage)| Step::Update { workflow, update, stage }),
        1 => (workflow(), 0..4_u8, 0..3_i32)
            .prop_map(|(workflow, update, conflict)| Step::UpdateWithStart { workflow, update, conflict }),
        1 => (workflow(), 0..4_u8).prop_map(|(workflow, update)| Step::PollUpdate { workflow, update }),
        1 => workflow().prop_map(|workflow| Step::Describe { workflow }),
        1 => (workflow(), any::<bool>()).prop_map(|(workflow, waits)| Step::History { workflow, waits }),
        3 => (workflow(), 2..12_u8).prop_map(|(workflow, event)| Step::Reset { workflow, event }),
    ];
    let workers = prop_oneof![
        40 => (vec(command(), 0..5), any::<u8>(), any::<u8>())
            .prop_map(|(commands, update, options)| Step::Work { commands, update, options }),
        12 => any::<u8>().prop_map(|outcome| Step::WorkOnActivity { outcome }),
        2 => any::<bool>().prop_map(|sticky| Step::PollWorkflowTask { sticky }),
        4 => (any::<u8>(), vec(command(), 0..5), vec(update_message(), 0..3), any::<u8>()).prop_map(
            |(task, commands, messages, options)| Step::CompleteTask { task, commands, messages, options }
        ),
        1 => (any::<u8>(), 0..40_i32).prop_map(|(task, cause)| Step::FailTask { task, cause }),
        2 => Just(Step::PollActivityTask),
        1 => any::<u8>().prop_map(|task| Step::CompleteActivity { task }),
        1 => (any::<u8>(), any::<bool>())
            .prop_map(|(task, non_retryable)| Step::FailActivity { task, non_retryable }),
        1 => any::<u8>().prop_map(|task| Step::CancelActivity { task }),
        1 => any::<u8>().prop_map(|task| Step::Heartbeat { task }),
        1 => (workflow(), 0..3_u8).prop_map(|(workflow, activity)| Step::ActivityById { workflow, activity }),
    ];
    let world = prop_oneof![
        6 => (0..4_000_u32).prop_map(|ms| Step::Pass { ms }),
        1 => (0..60_000_u32).prop_map(|ms| Step::Pass { ms }),
        4 => any::<u8>().prop_map(|index| Step::Fire { index }),
        1 => any::<u8>().prop_map(|call| Step::Abandon { call }),
        1 => any::<u8>().prop_map(|rpc| Step::Empty { rpc }),
        1 => (any::<u8>(), vec(any::<u8>(), 0..40)).prop_map(|(rpc, bytes)| Step::Nonsense { rpc, bytes }),
    ];
    prop_oneof![3 => clients, 6 => workers, 2 => world]
}
