//! Random steps.

use proptest::{collection::vec, prelude::*};

use super::{
    calls::{Call, call},
    commands::{Command, command},
    messages::{UpdateMessage, update_message},
    spoil::{Spoil, spoil},
};

/// An action of callers, of workers or of time.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    /// A client calls.
    Call(Call),
    Work(Work),
    /// The next request is spoiled, whoever sends it.
    Spoil(Spoil),
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
    /// An RPC with random bytes as its message.
    Nonsense {
        rpc: u8,
        bytes: Vec<u8>,
    },
}

/// An action of a worker.
#[derive(Clone, Debug)]
pub(crate) enum Work {
    /// Takes the next workflow task or query, and answers it with its updates and queries.
    NextTask {
        commands: Vec<Command>,
        update: u8,
        query: u8,
        options: u8,
    },
    /// Takes the next activity task, and mostly answers it.
    NextActivity {
        outcome: u8,
    },
    /// Takes the next Nexus task, and mostly answers it.
    NextNexusTask {
        outcome: u8,
    },
    PollWorkflowTask {
        sticky: bool,
    },
    PollActivityTask,
    /// Answers a workflow task that a worker took earlier, perhaps long ago, and perhaps answered
    /// before.
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
    AnswerQuery {
        task: u8,
        how: u8,
    },
    CompleteActivity {
        task: u8,
    },
    FailActivity {
        task: u8,
        how: u8,
    },
    CancelActivity {
        task: u8,
    },
    Heartbeat {
        task: u8,
    },
    /// Answers with the token of a task of another kind.
    Confuse {
        task: u8,
        rpc: u8,
    },
}

/// Returns a sequence of steps.
pub(crate) fn steps(most: usize) -> impl Strategy<Value = Vec<Step>> {
    vec(step(), 1..most)
}

fn step() -> impl Strategy<Value = Step> {
    let world = prop_oneof![
        12 => (0..4_000_u32).prop_map(|ms| Step::Pass { ms }),
        2 => (0..60_000_u32).prop_map(|ms| Step::Pass { ms }),
        8 => any::<u8>().prop_map(|index| Step::Fire { index }),
        2 => any::<u8>().prop_map(|call| Step::Abandon { call }),
        3 => spoil().prop_map(Step::Spoil),
        1 => any::<u8>().prop_map(|rpc| Step::Empty { rpc }),
        1 => (any::<u8>(), vec(any::<u8>(), 0..40))
            .prop_map(|(rpc, bytes)| Step::Nonsense { rpc, bytes }),
    ];
    prop_oneof![3 => call().prop_map(Step::Call), 6 => work().prop_map(Step::Work), 2 => world]
}

fn work() -> impl Strategy<Value = Work> {
    let commands = || vec(command(), 0..5);
    prop_oneof![
        40 => (commands(), any::<u8>(), any::<u8>(), any::<u8>())
            .prop_map(|(commands, update, query, options)| Work::NextTask {
                commands,
                update,
                query,
                options,
            }),
        12 => any::<u8>().prop_map(|outcome| Work::NextActivity { outcome }),
        6 => any::<u8>().prop_map(|outcome| Work::NextNexusTask { outcome }),
        2 => any::<bool>().prop_map(|sticky| Work::PollWorkflowTask { sticky }),
        2 => Just(Work::PollActivityTask),
        4 => (any::<u8>(), commands(), vec(update_message(), 0..3), any::<u8>()).prop_map(
            |(task, commands, messages, options)| Work::CompleteTask {
                task,
                commands,
                messages,
                options,
            }
        ),
        1 => (any::<u8>(), 0..40_i32).prop_map(|(task, cause)| Work::FailTask { task, cause }),
        1 => (any::<u8>(), any::<u8>()).prop_map(|(task, how)| Work::AnswerQuery { task, how }),
        1 => any::<u8>().prop_map(|task| Work::CompleteActivity { task }),
        1 => (any::<u8>(), any::<u8>()).prop_map(|(task, how)| Work::FailActivity { task, how }),
        1 => any::<u8>().prop_map(|task| Work::CancelActivity { task }),
        1 => any::<u8>().prop_map(|task| Work::Heartbeat { task }),
        1 => (any::<u8>(), any::<u8>()).prop_map(|(task, rpc)| Work::Confuse { task, rpc }),
    ]
}
