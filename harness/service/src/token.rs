//! Task tokens: what a worker returns with its response, opaque to it.
//!
//! The server serializes a protobuf message of its own (`temporalio/temporal: api/token/v1/message.proto`); here a
//! token is a tag and four fixed numbers.

use tonic::Status;

use crate::identifiers::RunKey;

/// What a task token names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TaskToken {
    WorkflowTask { run: RunKey, scheduled_event_id: i64, started_event_id: i64, attempt: i32 },
    ActivityTask { run: RunKey, scheduled_event_id: i64, attempt: i32 },
    Query { query: u64 },
    NexusTask { task: u64 },
}

const LENGTH: usize = 1 + 4 + 8 + 8 + 4;

impl TaskToken {
    pub(crate) fn encode(self) -> Vec<u8> {
        let (tag, run, first, second, attempt) = match self {
            Self::WorkflowTask { run, scheduled_event_id, started_event_id, attempt } => {
                (b'w', run.0, scheduled_event_id, started_event_id, attempt)
            }
            Self::ActivityTask { run, scheduled_event_id, attempt } => {
                (b'a', run.0, scheduled_event_id, 0, attempt)
            }
            Self::Query { query } => (b'q', 0, query.cast_signed(), 0, 0),
            Self::NexusTask { task } => (b'n', 0, task.cast_signed(), 0, 0),
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
        Self::parse(bytes).ok_or_else(|| Status::invalid_argument("Error deserializing task token."))
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
            b'w' => Self::WorkflowTask { run, scheduled_event_id: first, started_event_id: second, attempt },
            b'a' => Self::ActivityTask { run, scheduled_event_id: first, attempt },
            b'q' => Self::Query { query: first.cast_unsigned() },
            b'n' => Self::NexusTask { task: first.cast_unsigned() },
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
                started_event_id: 6,
                attempt: 2,
            },
            TaskToken::ActivityTask { run: RunKey(3), scheduled_event_id: 5, attempt: 2 },
            TaskToken::Query { query: u64::MAX },
            TaskToken::NexusTask { task: 9 },
        ];
        for token in tokens {
            assert_eq!(TaskToken::decode(&token.encode()).unwrap(), token);
        }
    }

    #[test]
    fn a_token_that_is_not_ours_is_an_invalid_argument() {
        for garbage in [&b""[..], b"x", &[0; LENGTH]] {
            assert_eq!(TaskToken::decode(garbage).unwrap_err().code(), tonic::Code::InvalidArgument);
        }
    }
}
