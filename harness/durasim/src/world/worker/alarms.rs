//! The times that a worker process waits for: throttled heartbeats, restarts, local activities.

use std::sync::Arc;

use durasim_worker::activity::{LocalActivityId, LocalActivityMoment};

use super::{PollKind, ProcessRef, running::CancelReason};
use crate::world::{State, alarms::AlarmKey};

/// Something that happens in a worker when the clock reaches a time.
pub(super) enum Alarm {
    /// The worker's process starts again, with this version of its code.
    Restart { worker: usize, version: usize },
    /// Something happens in a process, if it still runs.
    In(ProcessRef, ProcessAlarm),
}

/// Something that happens in a running process when the clock reaches a time.
pub(super) enum ProcessAlarm {
    /// The throttle of an attempt's heartbeats ends.
    Heartbeat { token: Vec<u8> },
    /// The worker gives up on an attempt that the service has given up on.
    LocalTimeout { token: Arc<[u8]> },
    /// The next attempt of a local activity is due, or an attempt has taken too long.
    LocalActivity {
        id: LocalActivityId,
        moment: LocalActivityMoment,
    },
    /// A workflow task whose local activities take long is kept alive.
    WorkflowTaskHeartbeat { run_id: String, task: u64 },
    /// A poll that the service refused is made again.
    PollsAgain { kind: PollKind },
    /// The grace period of a process that shuts down is over.
    GraceEnds,
    /// The time of a process that shuts down is over.
    ShutdownEnds,
    /// The process, which is cut off from the service, reaches it again.
    PartitionEnds,
}

impl State {
    pub(super) fn set_alarm(
        &mut self,
        at: ProcessRef,
        due_ms: u64,
        alarm: ProcessAlarm,
    ) -> AlarmKey {
        self.workers.alarms.set(due_ms, Alarm::In(at, alarm))
    }

    /// Lets the first alarm that is due go off. Returns `false` if none is due.
    pub(in crate::world) fn alarm_goes_off(&mut self) -> bool {
        let Some(alarm) = self.workers.alarms.take_due(self.now_ms) else {
            return false;
        };
        match alarm {
            Alarm::Restart { worker, version } => self.restart_worker(worker, version),
            Alarm::In(at, _) if self.workers.running(at).is_none() => {}
            Alarm::In(at, ProcessAlarm::Heartbeat { token }) => self.heartbeat_due(at, &token),
            Alarm::In(at, ProcessAlarm::LocalTimeout { token }) => {
                self.cancel_attempt(at, &token, CancelReason::NotFound);
            }
            Alarm::In(at, ProcessAlarm::LocalActivity { id, moment }) => {
                self.local_activity_due(at, &id, moment);
            }
            Alarm::In(at, ProcessAlarm::PollsAgain { kind }) => self.poll(at, kind),
            Alarm::In(at, ProcessAlarm::GraceEnds) => self.grace_ends(at),
            Alarm::In(at, ProcessAlarm::ShutdownEnds) => self.shutdown_ends(at),
            Alarm::In(at, ProcessAlarm::PartitionEnds) => self.partition_due(at),
            Alarm::In(at, ProcessAlarm::WorkflowTaskHeartbeat { run_id, task }) => {
                if let Some(process) = self.workers.running_mut(at) {
                    let progress = process.workflows.on_heartbeat_due(&run_id, task);
                    self.workflow_task_progress(at, &run_id, progress);
                }
            }
        }
        true
    }
}
