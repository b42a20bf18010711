//! Tokens of tasks, which a worker returns with its response, and of pages of history.
//!
//! The server serializes a protobuf message of its own (`temporalio/temporal:
//! api/token/v1/message.proto`). Here a token has a fixed layout.

use std::sync::Arc;

use tonic::Status;

use crate::{
    api::HistoryEvent,
    base::identifiers::{ActivityKey, OperationKey, RunKey},
    run::{Run, nexus_operations::NexusCall},
};

/// The task that a token names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TaskToken {
    /// A started workflow task, with its place among all starts of workflow tasks of the run. The
    /// server has the time of the start instead. Ids and attempts are not enough: they come back
    /// after a speculative task that left no trace.
    WorkflowTask {
        run: RunKey,
        scheduled_event_id: i64,
        start_ordinal: u32,
        attempt: i32,
    },
    ActivityTask {
        run: RunKey,
        scheduled_event_id: i64,
        attempt: i32,
    },
    /// An attempt of a standalone activity.
    ActivityExecution {
        activity: ActivityKey,
        attempt: i32,
        stamp: u32,
    },
    Query {
        query: u64,
        ordinal: u32,
    },
    NexusTask {
        run: RunKey,
        scheduled_event_id: i64,
        call: NexusCall,
        attempt: i32,
    },
    /// A request of a standalone Nexus operation.
    NexusExecutionTask {
        operation: OperationKey,
        call: NexusCall,
        attempt: i32,
    },
    /// The token of the end of a standalone Nexus operation.
    NexusExecutionCompletion {
        operation: OperationKey,
    },
    /// The token that the handler of a started Nexus operation returns with the operation's end.
    NexusCompletion {
        run: RunKey,
        scheduled_event_id: i64,
    },
}

const LENGTH: usize = 1 + 4 + 8 + 8 + 4;

impl TaskToken {
    pub(crate) fn encode(self) -> Vec<u8> {
        let (tag, run, first, second, attempt) = match self {
            Self::WorkflowTask {
                run,
                scheduled_event_id,
                start_ordinal,
                attempt,
            } => (
                b'w',
                run.0,
                scheduled_event_id,
                i64::from(start_ordinal),
                attempt,
            ),
            Self::ActivityTask {
                run,
                scheduled_event_id,
                attempt,
            } => (b'a', run.0, scheduled_event_id, 0, attempt),
            Self::ActivityExecution {
                activity,
                attempt,
                stamp,
            } => (b's', activity.0, stamp.into(), 0, attempt),
            Self::Query { query, ordinal } => (b'q', 0, query.cast_signed(), ordinal.into(), 0),
            Self::NexusTask {
                run,
                scheduled_event_id,
                call,
                attempt,
            } => {
                let tag = if call == NexusCall::Start { b'n' } else { b'x' };
                (tag, run.0, scheduled_event_id, 0, attempt)
            }
            Self::NexusExecutionTask {
                operation,
                call,
                attempt,
            } => {
                let tag = if call == NexusCall::Start { b'o' } else { b'y' };
                (tag, operation.0, 0, 0, attempt)
            }
            Self::NexusExecutionCompletion { operation } => (b'd', operation.0, 0, 0, 0),
            Self::NexusCompletion {
                run,
                scheduled_event_id,
            } => (b'c', run.0, scheduled_event_id, 0, 0),
        };
        let mut bytes = Vec::with_capacity(LENGTH);
        bytes.push(tag);
        bytes.extend(run.to_le_bytes());
        bytes.extend(first.to_le_bytes());
        bytes.extend(second.to_le_bytes());
        bytes.extend(attempt.to_le_bytes());
        bytes
    }

    /// Decodes a token.
    ///
    /// # Errors
    ///
    /// INVALID_ARGUMENT, in the server's words, for an empty token and for an unknown one.
    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, Status> {
        if bytes.is_empty() {
            return Err(Status::invalid_argument("Task token not set on request."));
        }
        Self::parse(bytes)
            .ok_or_else(|| Status::invalid_argument("Error deserializing task token."))
    }

    /// Encodes the token for a header, which holds text.
    pub(crate) fn encode_to_text(self) -> String {
        let digit = |half: u8| char::from_digit(half.into(), 16);
        self.encode()
            .iter()
            .flat_map(|byte| [digit(byte >> 4), digit(byte & 0xf)])
            .flatten()
            .collect()
    }

    /// Decodes a token from a header.
    ///
    /// # Errors
    ///
    /// Those of [`TaskToken::decode`].
    pub(crate) fn decode_text(text: &str) -> Result<Self, Status> {
        let digits: Option<Vec<u8>> = text
            .as_bytes()
            .chunks(2)
            .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok())
            .collect();
        Self::decode(&digits.unwrap_or_default())
    }

    fn parse(bytes: &[u8]) -> Option<Self> {
        if bytes.len() != LENGTH {
            return None;
        }
        let run = RunKey(u32::from_le_bytes(bytes[1..5].try_into().ok()?));
        let first = i64::from_le_bytes(bytes[5..13].try_into().ok()?);
        let second = i64::from_le_bytes(bytes[13..21].try_into().ok()?);
        let attempt = i32::from_le_bytes(bytes[21..25].try_into().ok()?);
        Some(match bytes[0] {
            b'w' => Self::WorkflowTask {
                run,
                scheduled_event_id: first,
                start_ordinal: u32::try_from(second).ok()?,
                attempt,
            },
            b'a' => Self::ActivityTask {
                run,
                scheduled_event_id: first,
                attempt,
            },
            b's' => Self::ActivityExecution {
                activity: ActivityKey(run.0),
                attempt,
                stamp: u32::try_from(first).ok()?,
            },
            b'q' => Self::Query {
                query: first.cast_unsigned(),
                ordinal: u32::try_from(second).ok()?,
            },
            b'n' => Self::NexusTask {
                run,
                scheduled_event_id: first,
                call: NexusCall::Start,
                attempt,
            },
            b'x' => Self::NexusTask {
                run,
                scheduled_event_id: first,
                call: NexusCall::Cancel,
                attempt,
            },
            b'o' => Self::NexusExecutionTask {
                operation: OperationKey(run.0),
                call: NexusCall::Start,
                attempt,
            },
            b'y' => Self::NexusExecutionTask {
                operation: OperationKey(run.0),
                call: NexusCall::Cancel,
                attempt,
            },
            b'd' => Self::NexusExecutionCompletion {
                operation: OperationKey(run.0),
            },
            b'c' => Self::NexusCompletion {
                run,
                scheduled_event_id: first,
            },
            _ => return None,
        })
    }
}

/// Marks a token that another namespace is to know the run of.
const ABROAD: u8 = b'g';

/// Returns the token of a task that goes to a worker in another namespace.
pub(crate) fn abroad(home: &str, token: &[u8]) -> Vec<u8> {
    [&[ABROAD], token, home.as_bytes()].concat()
}

/// Returns the namespace of the run of a task that went to another namespace, and the token there.
pub(crate) fn home_of(token: &[u8]) -> Option<(String, Vec<u8>)> {
    let (own, home) = token.strip_prefix(&[ABROAD])?.split_at_checked(LENGTH)?;
    Some((String::from_utf8(home.to_vec()).ok()?, own.to_vec()))
}

/// Returns the callback token of an operation whose handler is in another namespace.
pub(crate) fn callback_abroad(home: &str, token: &str) -> String {
    format!("{token}@{home}")
}

/// Returns the namespace of a callback token, if it names one, and the token there.
pub(crate) fn callback_home(token: &str) -> (Option<&str>, &str) {
    match token.split_once('@') {
        Some((token, home)) => (Some(home), token),
        None => (None, token),
    }
}

/// The next page of a history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct HistoryToken {
    pub(crate) run: RunKey,
    /// The first event of the page.
    pub(crate) first_event_id: i64,
    /// The event after the last one that the token leads to.
    pub(crate) end_event_id: i64,
    /// True if the page ends with the events of the started workflow task that are not in history.
    /// They are for the worker that has the task.
    pub(crate) with_transient: bool,
    /// True if the reader waits for new events at the end.
    pub(crate) is_waiting: bool,
}

const PAGE_TOKEN_LENGTH: usize = 4 + 8 + 8 + 1;

impl HistoryToken {
    /// Returns the token for all events from this one on, and those of the started workflow task.
    pub(crate) fn for_workflow_task(run: &Run, first_event_id: i64) -> Self {
        Self {
            run: run.key,
            first_event_id,
            end_event_id: run.history.next_event_id(),
            with_transient: true,
            is_waiting: false,
        }
    }

    /// Returns the events of a page of this size, and the token of the rest.
    pub(crate) fn page(
        self,
        run: &Run,
        size: usize,
        identity: &str,
    ) -> (Vec<Arc<HistoryEvent>>, Option<Self>) {
        let all = run.history.events();
        let index = |event_id: i64| usize::try_from(event_id - 1).unwrap_or(0).min(all.len());
        let (start, end) = (index(self.first_event_id), index(self.end_event_id));
        let page_end = end.min(start.saturating_add(size.max(1)));
        let mut events = all[start.min(page_end)..page_end].to_vec();
        if page_end < end {
            let first_event_id = i64::try_from(page_end).unwrap_or(i64::MAX) + 1;
            return (
                events,
                Some(Self {
                    first_event_id,
                    ..self
                }),
            );
        }
        if self.with_transient {
            events.extend(
                run.transient_workflow_task_events(identity)
                    .into_iter()
                    .map(Arc::new),
            );
        }
        (events, None)
    }

    pub(crate) fn encode(self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(PAGE_TOKEN_LENGTH);
        bytes.extend(self.run.0.to_le_bytes());
        bytes.extend(self.first_event_id.to_le_bytes());
        bytes.extend(self.end_event_id.to_le_bytes());
        bytes.push(u8::from(self.with_transient) | u8::from(self.is_waiting) << 1);
        bytes
    }

    /// Decodes a token.
    ///
    /// # Errors
    ///
    /// INVALID_ARGUMENT, in the server's words, for an unknown token.
    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, Status> {
        Self::parse(bytes).ok_or_else(|| Status::invalid_argument("Invalid NextPageToken."))
    }

    fn parse(bytes: &[u8]) -> Option<Self> {
        if bytes.len() != PAGE_TOKEN_LENGTH {
            return None;
        }
        Some(Self {
            run: RunKey(u32::from_le_bytes(bytes[..4].try_into().ok()?)),
            first_event_id: i64::from_le_bytes(bytes[4..12].try_into().ok()?),
            end_event_id: i64::from_le_bytes(bytes[12..20].try_into().ok()?),
            with_transient: bytes[20] & 1 != 0,
            is_waiting: bytes[20] & 2 != 0,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_survives_its_bytes() {
        let tokens = [
            TaskToken::WorkflowTask {
                run: RunKey(3),
                scheduled_event_id: 5,
                start_ordinal: 6,
                attempt: 2,
            },
            TaskToken::ActivityTask {
                run: RunKey(3),
                scheduled_event_id: 5,
                attempt: 2,
            },
            TaskToken::ActivityExecution {
                activity: ActivityKey(3),
                attempt: 2,
                stamp: 5,
            },
            TaskToken::Query {
                query: u64::MAX,
                ordinal: 2,
            },
            TaskToken::NexusTask {
                run: RunKey(3),
                scheduled_event_id: 5,
                call: NexusCall::Start,
                attempt: 2,
            },
            TaskToken::NexusTask {
                run: RunKey(3),
                scheduled_event_id: 5,
                call: NexusCall::Cancel,
                attempt: 2,
            },
            TaskToken::NexusExecutionTask {
                operation: OperationKey(3),
                call: NexusCall::Cancel,
                attempt: 2,
            },
            TaskToken::NexusExecutionCompletion {
                operation: OperationKey(3),
            },
            TaskToken::NexusCompletion {
                run: RunKey(3),
                scheduled_event_id: 5,
            },
        ];
        for token in tokens {
            assert_eq!(TaskToken::decode(&token.encode()).unwrap(), token);
            assert_eq!(
                TaskToken::decode_text(&token.encode_to_text()).unwrap(),
                token
            );
        }
    }

    #[test]
    fn an_unknown_token_is_an_invalid_argument() {
        for garbage in [&b""[..], b"x", &[0; LENGTH]] {
            assert_eq!(
                TaskToken::decode(garbage).unwrap_err().code(),
                tonic::Code::InvalidArgument
            );
        }
    }
}
