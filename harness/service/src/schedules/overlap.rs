//! Overlap policies: the starts that go on now, and those that wait, are skipped, or replace
//! others.
//!
//! Source: `temporalio/temporal: service/worker/scheduler/buffer.go`.

use crate::api::enums::ScheduleOverlapPolicy as Policy;

/// A start that was due, and has not been made.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct BufferedStart {
    /// The time of the specification, in milliseconds since the Unix epoch.
    pub(super) nominal_ms: i64,
    /// The time with its jitter.
    pub(super) actual_ms: i64,
    /// The policy that the request for the start names; unspecified for that of the schedule.
    pub(super) policy: Policy,
    /// True if somebody asked for the start, which is none of the schedule's own then.
    pub(super) is_manual: bool,
}

/// The decision about the starts that were due.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Decision {
    /// The starts to make now, whatever else runs.
    pub(super) overlapping: Vec<BufferedStart>,
    /// The start to make now, because nothing runs.
    pub(super) alone: Option<BufferedStart>,
    /// The starts that wait for the running workflow to close.
    pub(super) waiting: Vec<BufferedStart>,
    /// True if the running workflow is to be canceled.
    pub(super) cancels: bool,
    /// True if the running workflow is to be terminated.
    pub(super) terminates: bool,
    /// The number of starts that the policy skips.
    pub(super) skipped: i64,
}

/// Decides about starts, in the order in which they were due. The policy of a start that has none
/// is that of the schedule.
pub(super) fn decide(starts: Vec<BufferedStart>, is_running: bool, schedules: Policy) -> Decision {
    let mut decision = Decision::default();
    for start in starts {
        let policy = match start.policy {
            Policy::Unspecified => schedules,
            own => own,
        };
        if policy == Policy::AllowAll {
            decision.overlapping.push(start);
        } else if !is_running && decision.alone.is_none() {
            decision.alone = Some(start);
        } else {
            decision.overlaps(start, policy, is_running);
        }
    }
    if decision.cancels || decision.terminates {
        // They would be stopped at once.
        decision.overlapping.clear();
    }
    decision
}

impl Decision {
    /// Applies a policy to a start that overlaps with a running workflow, or with the start before
    /// it.
    fn overlaps(&mut self, start: BufferedStart, policy: Policy, is_running: bool) {
        match policy {
            Policy::BufferOne if self.waiting.is_empty() => self.waiting.push(start),
            Policy::BufferAll => self.waiting.push(start),
            Policy::CancelOther | Policy::TerminateOther if !is_running => {
                self.alone = Some(start);
            }
            Policy::CancelOther => {
                self.cancels = true;
                self.waiting.push(start);
            }
            Policy::TerminateOther => {
                self.terminates = true;
                self.waiting.push(start);
            }
            _ => self.skipped += 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use pretty_assertions::assert_eq;

    use super::*;

    fn start(nominal_ms: i64, policy: Policy) -> BufferedStart {
        BufferedStart {
            nominal_ms,
            actual_ms: nominal_ms,
            policy,
            is_manual: false,
        }
    }

    /// Returns the times of the starts made now, and of those that wait.
    fn decided(is_running: bool, schedules: Policy) -> (Vec<i64>, Vec<i64>, i64) {
        let starts = (1..=3).map(|at| start(at, Policy::Unspecified)).collect();
        let decision = decide(starts, is_running, schedules);
        let times = |starts: &[BufferedStart]| starts.iter().map(|it| it.nominal_ms).collect();
        let now: Vec<_> = decision
            .overlapping
            .into_iter()
            .chain(decision.alone)
            .collect();
        (times(&now), times(&decision.waiting), decision.skipped)
    }

    #[test]
    fn of_three_starts_with_nothing_running_the_policy_chooses() {
        assert_eq!(decided(false, Policy::Skip), (vec![1], vec![], 2));
        assert_eq!(decided(false, Policy::BufferOne), (vec![1], vec![2], 1));
        assert_eq!(decided(false, Policy::BufferAll), (vec![1], vec![2, 3], 0));
        assert_eq!(decided(false, Policy::CancelOther), (vec![3], vec![], 0));
        assert_eq!(decided(false, Policy::TerminateOther), (vec![3], vec![], 0));
        assert_eq!(decided(false, Policy::AllowAll), (vec![1, 2, 3], vec![], 0));
    }

    #[test]
    fn beside_a_running_workflow_starts_wait_are_skipped_or_stop_it() {
        assert_eq!(decided(true, Policy::Skip), (vec![], vec![], 3));
        assert_eq!(decided(true, Policy::BufferOne), (vec![], vec![1], 2));
        assert_eq!(decided(true, Policy::BufferAll), (vec![], vec![1, 2, 3], 0));
        assert_eq!(
            decided(true, Policy::CancelOther),
            (vec![], vec![1, 2, 3], 0)
        );
        assert_eq!(decided(true, Policy::AllowAll), (vec![1, 2, 3], vec![], 0));
        let stops = decide(vec![start(1, Policy::TerminateOther)], true, Policy::Skip);
        assert!(stops.terminates && !stops.cancels);
    }

    #[test]
    fn a_start_that_stops_the_running_workflow_drops_those_that_would_overlap() {
        let starts = vec![start(1, Policy::AllowAll), start(2, Policy::CancelOther)];
        let decision = decide(starts, true, Policy::Skip);
        assert!(decision.cancels && decision.overlapping.is_empty());
    }
}
