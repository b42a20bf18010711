//! The beginning and the end of a partition of a worker process.

use std::collections::BTreeSet;

use durasim_service::RequestId;
use tonic::Status;

use super::{PollKind, ProcessRef, alarms::ProcessAlarm};
use crate::{
    faults::{CALL_TIMEOUT_MS, Delay, Partition},
    world::{State, network::Message, partitions::Backlog, pending::Calls, tolerance::tolerance},
};

impl Calls {
    /// Sends a message over the network, or lets it wait if its process is cut off.
    pub(in crate::world) fn carry(
        &mut self,
        now_ms: u64,
        process: Option<ProcessRef>,
        delay: Delay,
        message: Message,
    ) {
        match process {
            Some(at) if self.partitions.is_cut_off(at) => {
                let failed = Err(Status::cancelled("Timeout expired"));
                let id = message.id();
                self.partitions.hold(at, now_ms, delay, message);
                if let Some(id) = id {
                    let failed = Message::Reply(id, failed);
                    self.network
                        .send(now_ms, Delay::by_ms(CALL_TIMEOUT_MS), failed);
                }
            }
            _ => self.network.send(now_ms, delay, message),
        }
    }

    /// Sends the messages that waited for a process to be reconnected, apart from those whose calls
    /// have failed meanwhile. Returns the polls that the process has to send again.
    fn reconnect(&mut self, at: ProcessRef, now_ms: u64) -> Vec<PollKind> {
        let Backlog { messages, polls } = self.partitions.end(at, now_ms);
        let ids: BTreeSet<_> = messages.iter().filter_map(|(_, it)| it.id()).collect();
        // No call fails any more.
        self.network.drop_where(
            |message| matches!(message, Message::Reply(id, Err(_)) if ids.contains(id)),
        );
        for (delay, message) in messages {
            if message.id().is_some_and(|id| self.get(id).is_some()) {
                self.network.send(now_ms, delay, message);
            }
        }
        polls
    }
}

impl State {
    /// Cuts a process off from the service. Requests that have left it still arrive; later requests
    /// wait, and so do all answers.
    pub(super) fn cut_off(&mut self, at: ProcessRef, partition: Partition) {
        let Some(process) = self.workers.running(at) else {
            return;
        };
        let queue = process.spec.task_queue.clone();
        self.record("worker", format_args!("{queue} is cut off"));
        self.watch_remark(Some(at), "is cut off");
        let now_ms = self.now_ms;
        let was_cut_off = self.calls.partitions.is_cut_off(at);
        let until_ms = self.calls.partitions.begin(at, now_ms, partition);
        if !was_cut_off {
            let ids: BTreeSet<RequestId> = self.calls.ids_of_process(at).collect();
            let replies = self
                .calls
                .network
                .take_replies(now_ms, |id| ids.contains(&id));
            for (delay, reply) in replies {
                self.calls.carry(now_ms, Some(at), delay, reply);
            }
        }
        self.set_alarm(at, until_ms, ProcessAlarm::PartitionEnds);
    }

    /// The clock has reached the end of a partition, unless a later one has prolonged it.
    pub(super) fn partition_due(&mut self, at: ProcessRef) {
        if self.calls.partitions.is_over(at, self.now_ms) {
            self.reconnect(at);
        }
    }

    /// Ends the partitions that a sound workflow would tolerate no longer.
    pub(in crate::world) fn end_partitions_early(&mut self) {
        if self.calls.partitions.is_empty() {
            return;
        }
        let tolerance = tolerance!(self);
        let intolerable: Vec<_> = self
            .calls
            .partitions
            .that_end_early()
            .filter(|at| !tolerance.tolerates_partition(*at))
            .collect();
        for at in intolerable {
            self.reconnect(at);
        }
    }

    /// Ends a partition: all that waited for its end goes on its way.
    fn reconnect(&mut self, at: ProcessRef) {
        let Some(process) = self.workers.running(at) else {
            return;
        };
        let queue = process.spec.task_queue.clone();
        self.record("worker", format_args!("{queue} reaches the service again"));
        self.watch_remark(Some(at), "reaches the service again");
        self.workers
            .forget_alarms(|of, alarm| of == at && matches!(alarm, ProcessAlarm::PartitionEnds));
        for kind in self.calls.reconnect(at, self.now_ms) {
            self.poll(at, kind);
        }
    }
}

#[cfg(test)]
mod tests {
    use durasim_service::Request;

    use super::*;

    const AT: ProcessRef = ProcessRef {
        worker: 0,
        incarnation: 0,
    };

    const MINUTE_MS: u64 = 60_000;

    fn partition(ms: u64) -> Partition {
        Partition {
            ms,
            ends_early: true,
        }
    }

    /// Lets a request of the process wait; it would take 500 ms from `now_ms` on.
    fn send(calls: &mut Calls, now_ms: u64) {
        let id = calls.next_id();
        let request = Request::decode("GetSystemInfo", &[]).expect("an empty request is valid");
        calls.carry(
            now_ms,
            Some(AT),
            Delay::by_ms(500),
            Message::Call(id, request),
        );
    }

    #[test]
    fn a_message_waits_until_the_partition_ends_and_then_takes_the_rest_of_its_time() {
        let mut calls = Calls::default();
        calls.partitions.begin(AT, 0, partition(10_000));
        send(&mut calls, 0);
        assert!(!calls.network.has_deliverable(10_000));
        assert!(!calls.partitions.is_over(AT, 9_999));
        assert!(calls.partitions.is_over(AT, 10_000));
        let delays = |backlog: Backlog| -> Vec<_> {
            let messages = backlog.messages.into_iter();
            messages.map(|(delay, _)| delay).collect()
        };
        assert_eq!(delays(calls.partitions.end(AT, 200)), [Delay::by_ms(300)]);
        assert!(!calls.partitions.is_cut_off(AT));
    }

    #[test]
    fn a_call_of_a_process_that_is_cut_off_fails_after_thirty_seconds() {
        let mut calls = Calls::default();
        calls.partitions.begin(AT, 0, partition(MINUTE_MS));
        send(&mut calls, 1_000);
        assert!(calls.network.deliver(30_999).is_none());
        let failed = calls.network.deliver(31_000);
        assert!(matches!(failed, Some(Message::Reply(_, Err(_)))));
    }

    #[test]
    fn a_call_that_waits_when_the_partition_ends_does_not_fail() {
        let mut calls = Calls::default();
        calls.partitions.begin(AT, 0, partition(10_000));
        send(&mut calls, 0);
        calls.reconnect(AT, 10_000);
        assert!(calls.network.deliver(MINUTE_MS).is_none());
    }

    #[test]
    fn a_second_partition_prolongs_the_first_and_never_shortens_it() {
        let mut calls = Calls::default();
        assert_eq!(calls.partitions.begin(AT, 0, partition(10_000)), 10_000);
        assert_eq!(calls.partitions.begin(AT, 1_000, partition(2_000)), 10_000);
        assert_eq!(calls.partitions.begin(AT, 2_000, partition(9_000)), 11_000);
        let by_hand = Partition {
            ends_early: false,
            ..partition(1)
        };
        calls.partitions.begin(AT, 3_000, by_hand);
        assert_eq!(calls.partitions.that_end_early().count(), 0);
    }

    #[test]
    fn polls_that_expired_during_a_partition_are_sent_again_at_its_end() {
        let mut calls = Calls::default();
        let kind = PollKind::ActivityTask;
        assert!(!calls.partitions.stops_polling(AT, kind, 0));
        calls.partitions.begin(AT, 0, partition(10 * MINUTE_MS));
        assert!(!calls.partitions.stops_polling(AT, kind, MINUTE_MS - 1));
        assert!(calls.partitions.stops_polling(AT, kind, MINUTE_MS));
        assert_eq!(calls.reconnect(AT, 10 * MINUTE_MS), [kind]);
    }
}
