//! The look at a world in which the same thing has happened for long: could anything else happen?

use super::{diagnosis, monotony::Round, state::State};

/// The turns of schedules in a row, with nothing of the test beside them, that a world looks at.
const SCHEDULE_TURNS: u64 = 2_000;

impl State {
    /// Returns the thing that has happened for so long that it is worth a look, and its number.
    pub(super) fn monotony(&self) -> Option<(Round, u64)> {
        self.monotony.is_long(self.now_ms)
    }

    /// Returns `true` if the same thing has happened for long, and nothing else is due.
    pub(super) fn is_monotonous(&self) -> bool {
        if self.options.patient || self.options.limits.are_raised() {
            return false;
        }
        if self.monotonous_schedules().is_some() {
            return true;
        }
        let Some((round, _)) = self.monotony() else {
            return false;
        };
        self.is_idle()
            && match round {
                Round::Attempts => {
                    self.service.awaits_only_retries()
                        && self.pending_activities() == self.monotony.activities()
                }
                Round::Tasks(workflow) => self
                    .names
                    .id_of(workflow)
                    .is_some_and(|id| self.service.awaits_only_timers_of(id)),
                Round::Questions => false,
            }
    }

    /// Returns the number of times that schedules have acted since the test last went on, if they
    /// are all that can happen, and have acted for long.
    pub(super) fn monotonous_schedules(&self) -> Option<u64> {
        let turns = self.service.schedule_turns() - self.monotony.schedule_turns;
        let is_long =
            turns >= SCHEDULE_TURNS && self.is_idle() && self.service.awaits_only_schedules();
        is_long.then_some(turns)
    }

    /// Notes that the test, or an actor of it, goes on.
    pub(super) fn test_goes_on(&mut self) {
        self.monotony.schedule_turns = self.service.schedule_turns();
    }

    /// Ends the world if a task has asked for long, and nothing can change the answers: nothing is
    /// due, and nobody else is there.
    pub(super) fn end_if_asked_in_vain(&mut self) {
        let Some((Round::Questions, questions)) = self.monotony() else {
            return;
        };
        let Some(asker) = self.monotony.asker().cloned() else {
            return;
        };
        let is_alone = || self.executor.names().iter().all(|name| *name == asker);
        if self.options.limits.are_raised()
            || !self.is_idle()
            || self.service.next_due_ms().is_some()
            || !is_alone()
        {
            return;
        }
        let failure = diagnosis::asked_in_vain(self, &asker, questions);
        self.fail(failure);
    }

    /// Returns `true` if no message is under way, and no attempt runs.
    fn is_idle(&self) -> bool {
        self.calls.network.is_empty()
            && self.workers.next_due_ms().is_none()
            && self
                .workers
                .iter()
                .all(|process| process.attempts.is_empty())
    }

    fn pending_activities(&self) -> usize {
        let executions = self.service.executions();
        executions
            .filter(|execution| execution.open)
            .map(|execution| execution.pending_activities.len())
            .sum()
    }
}
