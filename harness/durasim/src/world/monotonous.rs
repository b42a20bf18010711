//! The look at a world in which the same thing has happened for long: could anything else happen?

use super::{monotony::Round, state::State};

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
        let Some((round, _)) = self.monotony() else {
            return false;
        };
        let is_idle = self.calls.network.is_empty()
            && self.workers.next_due_ms().is_none()
            && self
                .workers
                .iter()
                .all(|process| process.attempts.is_empty());
        is_idle
            && match round {
                Round::Attempts => {
                    self.service.awaits_only_retries()
                        && self.pending_activities() == self.monotony.activities()
                }
                Round::Tasks(workflow) => self
                    .names
                    .id_of(workflow)
                    .is_some_and(|id| self.service.awaits_only_timers_of(id)),
            }
    }

    fn pending_activities(&self) -> usize {
        let executions = self.service.executions().into_iter();
        executions
            .filter(|execution| execution.open)
            .map(|execution| execution.pending_activities.len())
            .sum()
    }
}
