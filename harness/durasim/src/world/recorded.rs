//! Subjects of trace entries that are more than a label.

use std::fmt;

use durasim_engine::{Point, Recorded, TapeEntry};
use temporalio_protos::temporal::api::enums::v1::CommandType;

use crate::label::{Label, Workflow};

/// An attempt of a task.
pub(super) struct TaskAttempt(pub(super) Label, pub(super) i64);

impl fmt::Display for TaskAttempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} attempt {}", self.0, self.1)
    }
}

impl Recorded for TaskAttempt {
    fn write_bytes(&self, bytes: &mut Vec<u8>) {
        self.0.write_bytes(bytes);
        bytes.extend_from_slice(&self.1.to_le_bytes());
    }
}

/// A command of a workflow.
pub(super) struct IssuedCommand(pub(super) Workflow, pub(super) CommandType);

impl fmt::Display for IssuedCommand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {:?}", self.0, self.1)
    }
}

impl Recorded for IssuedCommand {
    fn write_bytes(&self, bytes: &mut Vec<u8>) {
        self.0.write_bytes(bytes);
        bytes.extend_from_slice(&(self.1 as i32).to_le_bytes());
    }
}

/// A choice that was not benign.
pub(super) struct TakenChoice<'a>(pub(super) &'a TapeEntry);

impl fmt::Display for TakenChoice<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} = {}", self.0.point, self.0.value)
    }
}

impl Recorded for TakenChoice<'_> {
    fn write_bytes(&self, bytes: &mut Vec<u8>) {
        let Point {
            site,
            key,
            occurrence,
        } = &self.0.point;
        for text in [site.as_ref(), key] {
            bytes.extend_from_slice(&(text.len() as u64).to_le_bytes());
            bytes.extend_from_slice(text.as_bytes());
        }
        bytes.extend_from_slice(&occurrence.to_le_bytes());
        bytes.extend_from_slice(&self.0.value.to_le_bytes());
    }
}
