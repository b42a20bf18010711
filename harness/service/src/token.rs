//! Task tokens: what a worker returns with its response, opaque to it.
//!
//! The server serializes a protobuf message of its own (`temporalio/temporal:
//! api/token/v1/message.proto`); here a token is a tag and four fixed numbers.

use tonic::Status;

use crate::{identifiers::RunKey, run::nexus_operations::NexusCall};

/// What a task token names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TaskToken {
    /// With the place among all starts of workflow tasks of the run. The server has the time of the
    /// start there: ids and attempts come back when a speculative task has left no trace.
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
    /// What the handler of a Nexus operation that it started sends back with the operation's end.
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

    /// # Errors
    ///
    /// INVALID_ARGUMENT, in the server's words, for an empty token and for one that is not ours.
    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, Status> {
        if bytes.is_empty() {
            return Err(Status::invalid_argument("Task token not set on request."));
        }
        Self::parse(bytes)
            .ok_or_else(|| Status::invalid_argument("Error deserializing task token."))
    }

    /// The token for a header, which holds text.
    pub(crate) fn encode_to_text(self) -> String {
        let digit = |half: u8| char::from_digit(half.into(), 16);
        self.encode()
            .iter()
            .flat_map(|byte| [digit(byte >> 4), digit(byte & 0xf)])
            .flatten()
            .collect()
    }

    /// # Errors
    ///
    /// As [`TaskToken::decode`].
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
            b'c' => Self::NexusCompletion {
                run,
                scheduled_event_id: first,
            },
            _ => return None,
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
    fn a_token_that_is_not_ours_is_an_invalid_argument() {
        for garbage in [&b""[..], b"x", &[0; LENGTH]] {
            assert_eq!(
                TaskToken::decode(garbage).unwrap_err().code(),
                tonic::Code::InvalidArgument
            );
        }
    }
}
