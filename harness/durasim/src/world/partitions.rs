//! Partitions: worker processes that are cut off from the service for a while.
//!
//! A process that is cut off lives on. Its requests and the answers to them wait until the
//! partition ends, and then go on their way; what they bring may be stale by then. A call that
//! waits too long fails in the process, as in the official client, and its message is lost. The
//! polls that the process had open still wait at the service: it hands out tasks to them, which the
//! process does not get in time.

use std::collections::BTreeMap;

use durasim_service::Response;

use super::{
    network::Message,
    worker::{PollKind, ProcessRef},
};
use crate::faults::{Delay, Partition};

/// The time that a poll waits at the service, in virtual milliseconds
/// (`temporalio/temporal: matching.longPollExpirationInterval`).
const LONG_POLL_MS: u64 = 60_000;

/// The processes that are cut off.
#[derive(Default)]
pub(super) struct Partitions {
    by_process: BTreeMap<ProcessRef, CutOff>,
}

/// A process that is cut off.
struct CutOff {
    since_ms: u64,
    until_ms: u64,
    /// True if the partition ends as soon as something does not tolerate it.
    ends_early: bool,
    /// The messages from and to the process, in the order in which they were sent.
    waiting: Vec<Waiting>,
    /// The kinds of poll that the process has to send again.
    polls: Vec<PollKind>,
}

/// A message that waits for the end of a partition.
struct Waiting {
    /// The time at which the message would have arrived, events aside.
    due_ms: u64,
    events: u32,
    message: Message,
}

/// The messages that waited for the end of a partition, each with the rest of its delay, and the
/// polls that the process has to send again.
#[derive(Default)]
pub(super) struct Backlog {
    pub(super) messages: Vec<(Delay, Message)>,
    pub(super) polls: Vec<PollKind>,
}

impl Partitions {
    /// Returns `true` if no process is cut off.
    pub(super) fn is_empty(&self) -> bool {
        self.by_process.is_empty()
    }

    /// Cuts a process off; returns the time at which the partition ends. A process that is cut off
    /// already stays so for the longer of the two times.
    pub(super) fn begin(&mut self, at: ProcessRef, now_ms: u64, partition: Partition) -> u64 {
        let cut_off = self.by_process.entry(at).or_insert_with(|| CutOff {
            since_ms: now_ms,
            until_ms: now_ms,
            ends_early: true,
            waiting: Vec::new(),
            polls: Vec::new(),
        });
        let until_ms = now_ms.saturating_add(partition.ms);
        cut_off.until_ms = cut_off.until_ms.max(until_ms);
        cut_off.ends_early &= partition.ends_early;
        cut_off.until_ms
    }

    /// Reconnects a process, or forgets a process that has died.
    pub(super) fn end(&mut self, at: ProcessRef, now_ms: u64) -> Backlog {
        let Some(cut_off) = self.by_process.remove(&at) else {
            return Backlog::default();
        };
        let messages = cut_off.waiting.into_iter().map(|waiting| {
            let delay = Delay {
                ms: waiting.due_ms.saturating_sub(now_ms),
                events: waiting.events,
            };
            (delay, waiting.message)
        });
        Backlog {
            messages: messages.collect(),
            polls: cut_off.polls,
        }
    }

    /// Returns `true` if a process is cut off.
    pub(super) fn is_cut_off(&self, at: ProcessRef) -> bool {
        self.by_process.contains_key(&at)
    }

    /// Returns `true` if the time of a process's partition is over.
    pub(super) fn is_over(&self, at: ProcessRef, now_ms: u64) -> bool {
        let cut_off = self.by_process.get(&at);
        cut_off.is_some_and(|cut_off| cut_off.until_ms <= now_ms)
    }

    /// Lets a message wait that is from or to a process that is cut off.
    pub(super) fn hold(&mut self, at: ProcessRef, now_ms: u64, delay: Delay, message: Message) {
        if let Some(cut_off) = self.by_process.get_mut(&at) {
            cut_off.waiting.push(Waiting {
                due_ms: now_ms.saturating_add(delay.ms),
                events: delay.events,
                message,
            });
        }
    }

    /// Notes that a poll of a process was matched. Returns `true` if no other poll of this kind can
    /// take its place: the process has been cut off for longer than a poll waits at the service.
    pub(super) fn stops_polling(&mut self, at: ProcessRef, kind: PollKind, now_ms: u64) -> bool {
        match self.by_process.get_mut(&at) {
            Some(cut_off) if now_ms >= cut_off.since_ms.saturating_add(LONG_POLL_MS) => {
                cut_off.polls.push(kind);
                true
            }
            _ => false,
        }
    }

    /// Returns the processes whose partition ends as soon as something does not tolerate it.
    pub(super) fn that_end_early(&self) -> impl Iterator<Item = ProcessRef> {
        let early = self.by_process.iter().filter(|(_, it)| it.ends_early);
        early.map(|(at, _)| *at)
    }

    /// Returns the answers that wait for a process.
    pub(super) fn replies_to(&self, at: ProcessRef) -> impl Iterator<Item = &Response> {
        let waiting = self.by_process.get(&at).map(|cut_off| &cut_off.waiting);
        let messages = waiting.into_iter().flatten();
        messages.filter_map(|waiting| match &waiting.message {
            Message::Reply(_, Ok(response)) => Some(response),
            _ => None,
        })
    }
}
