//! `message_delay`: a task, a completion or a query arrives late.
//!
//! Tasks on their way to a worker and completions of workflow tasks are held by events as well as
//! by time, for half a minute at most; the service refuses what then comes too late, and it is done
//! again. An activity task that is held too long loses its attempt, so it is held only if another
//! may follow.
//!
//! Calls of clients, and queries on their way to a worker, are held by time alone, and briefly. The
//! same holds for the requests to Nexus handlers. Signals have a [fault of
//! their own](super::signal_delay).

use durasim_service::{Response, Rpc};

use crate::faults::{
    moments::{CallView, Delay, Direction, Fate, Moment},
    rule::{Family, FaultRule, Injector, Opportunity, Telling, fault},
    words::{delay_words, message_words},
};

const TASK_DELAYS: [Delay; 5] = [
    Delay::by_events(2),
    Delay::by_events(5),
    Delay::by_events(12),
    Delay::by_ms(20),
    Delay::by_ms(1_000),
];

const CALL_DELAYS: [Delay; 3] = [Delay::by_ms(20), Delay::by_ms(400), Delay::by_ms(2_000)];

fault! {
    /// A task, a completion or a query arrives late.
    ///
    /// Place it with [`at`](crate::Fault::at), and say how late with
    /// [`by_events`](crate::Fault::by_events) or [`by`](crate::Fault::by).
    MessageDelay
}

impl FaultRule for MessageDelay {
    fn odds(&self) -> f64 {
        0.05
    }

    fn family(&self) -> Option<Family> {
        Some(Family::Messages)
    }

    fn telling(&self, _: Moment) -> Telling {
        Telling::Late
    }

    fn places(&self) -> &'static str {
        "where a task goes to a worker or is completed, \
         and where a client starts, queries, updates or ends a workflow"
    }

    fn cure(&self) -> &'static str {
        "a message may come later than one that was sent after it: await the state that the \
         next step needs, and not a time at which it should be reached"
    }

    fn message(&self, injector: &mut dyn Injector, message: &CallView<'_>) -> Option<Fate> {
        let mut opportunity = Opportunity::new(message.label, Moment::Message);
        let table: &[Delay] = match (message.direction, message.worker, message.rpc?) {
            (Direction::Reply, Some(_), Rpc::PollWorkflowTaskQueue) => match message.answer {
                // A query, whose caller waits.
                Some(Response::PollWorkflowTaskQueue(task)) if task.query.is_some() => &CALL_DELAYS,
                _ => &TASK_DELAYS,
            },
            (Direction::Request, Some(_), Rpc::RespondWorkflowTaskCompleted) => {
                opportunity = opportunity.loses_task(injector, message.label.workflow()?);
                &TASK_DELAYS
            }
            (Direction::Reply, Some(_), Rpc::PollActivityTaskQueue) => {
                let allowance = message.allowance;
                opportunity =
                    opportunity.tolerated_if(allowance.is_none_or(|it| it.tolerates_silence()));
                &TASK_DELAYS
            }
            (Direction::Reply, None, Rpc::PollNexusTaskQueue) => {
                opportunity = opportunity.tolerated_if(message.tolerates_repeat);
                &CALL_DELAYS
            }
            (
                Direction::Request,
                None,
                Rpc::StartWorkflowExecution
                | Rpc::QueryWorkflow
                | Rpc::UpdateWorkflowExecution
                | Rpc::RequestCancelWorkflowExecution
                | Rpc::TerminateWorkflowExecution,
            ) => &CALL_DELAYS,
            _ => return None,
        };
        // There is no limit on how often: a message that is delayed still arrives. Only tasks that
        // time out could starve a run, and each run tolerates a few of those in a row.
        let opportunity = opportunity.ways(u32::try_from(table.len()).unwrap_or(1));
        let injection = injector.inject(opportunity, &|injection| {
            format!(
                "hold {} {}",
                message_words(message.label),
                delay_words(injection.delay(message, table))
            )
        })?;
        Some(Fate::Late(injection.delay(message, table)))
    }
}
