//! `message_delay`: a task, a completion or a query arrives late.
//!
//! Tasks on their way to a worker and the completions of workflow tasks are held by events as well
//! as by time; what then comes too late is refused by the service and done again. An activity task
//! held too long loses its attempt, so it is held only where another may follow. Calls of clients,
//! and queries on their way to a worker, are held by time alone, and briefly: whoever waits for an
//! answer gives up long before a timer of hours, and what it asks for must not outlast that timer.
//! So are the requests to Nexus handlers. Signals have a [fault of their own](super::signal_delay).

use super::{
    Allowance, CallView, Chance, Delay, Direction, Fate, FaultKind, FaultRule, Strike,
    placement::Moment,
    words::{delay_words, message_words},
};
use crate::label::Label;
use durasim_service::{Response, Rpc};

const TASK_DELAYS: [Delay; 5] = [
    Delay { ms: 0, events: 2 },
    Delay { ms: 0, events: 5 },
    Delay { ms: 0, events: 12 },
    Delay { ms: 20, events: 0 },
    Delay {
        ms: 1_000,
        events: 0,
    },
];

const CALL_DELAYS: [Delay; 3] = [
    Delay { ms: 20, events: 0 },
    Delay { ms: 400, events: 0 },
    Delay {
        ms: 2_000,
        events: 0,
    },
];

pub(crate) struct MessageDelay;

impl FaultRule for MessageDelay {
    fn kind(&self) -> FaultKind {
        FaultKind::MessageDelay
    }

    fn message(&self, strike: &mut Strike<'_>, message: &CallView<'_>) -> Option<Fate> {
        let (table, tolerable): (&[Delay], bool) =
            match (message.direction, message.worker, message.rpc?) {
                (Direction::Reply, Some(_), Rpc::PollWorkflowTaskQueue) => match message.answer {
                    // A query, whose caller waits.
                    Some(Response::PollWorkflowTaskQueue(task)) if task.query.is_some() => {
                        (&CALL_DELAYS, true)
                    }
                    _ => (&TASK_DELAYS, true),
                },
                (Direction::Request, Some(_), Rpc::RespondWorkflowTaskCompleted) => {
                    let workflow = message.label.workflow()?;
                    (&TASK_DELAYS, strike.tolerates_lost_task(workflow))
                }
                (Direction::Reply, Some(_), Rpc::PollActivityTaskQueue) => {
                    let tolerates_timeout = |it: &Allowance| it.tolerates_silence();
                    (
                        &TASK_DELAYS,
                        message.allowance.as_ref().is_none_or(tolerates_timeout),
                    )
                }
                (Direction::Reply, None, Rpc::PollNexusTaskQueue) => {
                    (&CALL_DELAYS, message.tolerates_repeat)
                }
                (
                    Direction::Request,
                    None,
                    Rpc::StartWorkflowExecution
                    | Rpc::QueryWorkflow
                    | Rpc::UpdateWorkflowExecution
                    | Rpc::RequestCancelWorkflowExecution
                    | Rpc::TerminateWorkflowExecution,
                ) => (&CALL_DELAYS, true),
                _ => return None,
            };
        let ways = u32::try_from(table.len()).unwrap_or(1);
        // However often: what is delayed arrives, so that nobody can be starved but by tasks that
        // time out, and of those each run bears a few in a row.
        let mut chance = Chance::new(message.label, Moment::Message)
            .ways(ways)
            .tolerable(tolerable);
        if let (Direction::Request, Some(_), Some(workflow)) =
            (message.direction, message.worker, message.label.workflow())
        {
            chance = chance.sets_back(Label::Workflow(workflow));
        }
        let struck = strike.strikes(chance, |struck| {
            format!(
                "hold {} {}",
                message_words(message.label),
                delay_words(struck.delay(table))
            )
        })?;
        Some(Fate::Late(struck.delay(table)))
    }
}
