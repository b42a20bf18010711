//! `worker_crash`: the worker process dies.
//!
//! What it had in memory is lost: cached runs, running activities, responses not yet sent. On a
//! real cluster this is an out-of-memory kill, a node that goes away, a deployment that does not
//! drain. The service learns of it by timeouts alone: of the workflow task (it is done again from
//! history), of each attempt that ran in the process (it is retried). The process is back within
//! two seconds, with nothing but its code.
//!
//! Points: before a workflow task completes, when its code has run and its commands are not sent;
//! after the service recorded one; during an attempt, at its first await; after an attempt, when
//! its effect stands and its result is not sent. It strikes only where everything that dies with
//! the process can be tried again.

use super::{
    AttemptFate, AttemptMoment, AttemptView, Chance, FaultKind, FaultRule, Strike, Struck,
    TaskFate, TaskMoment, TaskView, placement::Moment, words::attempt_words,
};
use crate::label::Label;

/// How long the process is away, in virtual milliseconds, by way. Short enough not to fail
/// activities that are waiting to start, for schedule-to-start is never retried.
const RESTARTS_MS: [u64; 2] = [100, 2_000];

pub(crate) struct WorkerCrash;

fn restart_after_ms(struck: &Struck) -> u64 {
    struck.delay.map_or(
        RESTARTS_MS[(struck.way as usize).clamp(1, RESTARTS_MS.len()) - 1],
        |delay| delay.ms,
    )
}

impl FaultRule for WorkerCrash {
    fn kind(&self) -> FaultKind {
        FaultKind::WorkerCrash
    }

    fn task(&self, strike: &mut Strike<'_>, task: &TaskView<'_>) -> Option<TaskFate> {
        let moment = match task.moment {
            TaskMoment::Arrives => return None,
            TaskMoment::Done => Moment::BeforeWorkflowTask,
            TaskMoment::Recorded => Moment::AfterWorkflowTask,
        };
        let mut chance = Chance::new(Label::Workflow(task.workflow), moment)
            .ways(2)
            .tolerable(task.tolerates_crash);
        if moment == Moment::BeforeWorkflowTask {
            let tolerable = chance.tolerable && strike.tolerates_lost_task(task.workflow);
            chance = chance
                .tolerable(tolerable)
                .sets_back(Label::Workflow(task.workflow));
        }
        let (queue, workflow) = (task.task_queue, task.workflow);
        let struck = strike.strikes(chance, |_| match moment {
            Moment::BeforeWorkflowTask => {
                format!("crash worker {queue} before it completes a workflow task of {workflow}")
            }
            _ => format!("crash worker {queue} after a workflow task of {workflow}"),
        })?;
        Some(TaskFate::Crash {
            restart_after_ms: restart_after_ms(&struck),
            version: task.version,
        })
    }

    fn attempt(&self, strike: &mut Strike<'_>, attempt: &AttemptView<'_>) -> Option<AttemptFate> {
        let moment = match attempt.moment {
            AttemptMoment::Starts => Moment::DuringActivity,
            AttemptMoment::Done => Moment::AfterActivity,
            AttemptMoment::Heartbeat => return None,
        };
        let tolerable = attempt.tolerates_crash && attempt.allowance.tolerates_silence();
        let chance = Chance::of_attempt(attempt, moment)
            .ways(2)
            .tolerable(tolerable);
        let struck = strike.strikes(chance, |_| {
            let words = attempt_words(attempt.label, attempt.attempt);
            match moment {
                Moment::DuringActivity => {
                    format!("crash worker {} during {words}", attempt.task_queue)
                }
                _ => format!("crash worker {} after {words}", attempt.task_queue),
            }
        })?;
        let restart_after_ms = restart_after_ms(&struck);
        Some(match moment {
            Moment::DuringActivity => AttemptFate::CrashAtFirstAwait {
                restart_after_ms,
                version: attempt.version,
            },
            _ => AttemptFate::Crash {
                restart_after_ms,
                version: attempt.version,
            },
        })
    }
}
