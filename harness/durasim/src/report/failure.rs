//! Failures: what broke in a world.

use std::{fmt, panic::Location};

use super::{Colors, Diagnosis, FailureCode, HistoryExcerpt, ShownHistory, render};
use crate::ledger::Applier;

/// A failure: what broke, where, and whatever shows it.
///
/// Its text is that of a [`FailureReport`](super::FailureReport) without the plan, the cost and the
/// command.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Failure {
    /// The kind of failure.
    pub code: FailureCode,
    /// One sentence that follows the code: lower case, no full stop.
    pub what: String,
    /// The workflow that the failure is about, if it is about one.
    pub workflow: Option<WorkflowName>,
    /// The user's own line, if one is known.
    pub location: Option<SourceLine>,
    /// The words of a panic or of an error, perhaps several lines.
    pub message: Option<String>,
    /// Two values that should have been equal.
    pub comparison: Option<Comparison>,
    /// The piece of history in which it went wrong.
    pub history: Option<HistoryExcerpt>,
    /// Everything that the open workflows and the test wait for.
    pub diagnosis: Option<Diagnosis>,
    /// The last events of the workflows that the failure names. If it names none, of those in which
    /// something happened last.
    pub histories: Vec<ShownHistory>,
    /// The remedy, where it is more precise than that of the code.
    pub remedy: Option<String>,
    /// The attempt that the failure is about.
    pub(crate) applier: Option<Applier>,
}

impl Failure {
    /// Returns a failure without details.
    pub(crate) fn new(code: FailureCode, what: impl Into<String>) -> Self {
        Self {
            code,
            what: what.into(),
            workflow: None,
            location: None,
            message: None,
            comparison: None,
            history: None,
            diagnosis: None,
            histories: Vec::new(),
            remedy: None,
            applier: None,
        }
    }

    /// Names the workflow.
    #[must_use]
    pub(crate) fn of(mut self, workflow: impl Into<Option<WorkflowName>>) -> Self {
        self.workflow = workflow.into();
        self
    }

    /// Names the user's line.
    #[must_use]
    pub(crate) fn at(mut self, location: impl Into<Option<SourceLine>>) -> Self {
        self.location = location.into();
        self
    }

    /// Adds a message.
    #[must_use]
    pub(crate) fn with_message(mut self, message: impl Into<String>) -> Self {
        self.message = Some(message.into());
        self
    }

    /// Adds two values that should have been equal.
    #[must_use]
    pub(crate) fn with_comparison(mut self, comparison: Comparison) -> Self {
        self.comparison = Some(comparison);
        self
    }

    /// Adds a piece of history.
    #[must_use]
    pub(crate) fn with_history(mut self, history: HistoryExcerpt) -> Self {
        self.history = Some(history);
        self
    }

    /// Adds a diagnosis.
    #[must_use]
    pub(crate) fn with_diagnosis(mut self, diagnosis: Diagnosis) -> Self {
        self.diagnosis = Some(diagnosis);
        self
    }

    /// Adds a remedy that is more precise than that of the code.
    #[must_use]
    pub(crate) fn with_remedy(mut self, remedy: impl Into<String>) -> Self {
        self.remedy = Some(remedy.into());
        self
    }

    /// Returns the text, with colours or without. It ends with a newline.
    pub fn render(&self, colors: Colors) -> String {
        render::failure(self, colors)
    }
}

/// The text without colours.
impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render(Colors::Off))
    }
}

/// A workflow as a person names it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct WorkflowName {
    /// The workflow type.
    pub workflow_type: String,
    /// The workflow id.
    pub workflow_id: String,
}

impl WorkflowName {
    /// Returns the name of the workflow `workflow_id` of type `workflow_type`.
    pub(crate) fn new(workflow_type: impl Into<String>, workflow_id: impl Into<String>) -> Self {
        Self {
            workflow_type: workflow_type.into(),
            workflow_id: workflow_id.into(),
        }
    }
}

/// Type and id.
impl fmt::Display for WorkflowName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.workflow_type, self.workflow_id)
    }
}

/// A line of the user's code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceLine {
    /// The path as the compiler knows it, from the workspace's root.
    pub file: String,
    /// The number of the line, from 1.
    pub line: u32,
}

impl From<&Location<'_>> for SourceLine {
    fn from(location: &Location<'_>) -> Self {
        Self {
            file: location.file().to_owned(),
            line: location.line(),
        }
    }
}

/// File and line: `src/payments.rs:42`.
impl fmt::Display for SourceLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file, self.line)
    }
}

/// Two values that should have been equal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comparison {
    /// The name of the values: the one given to `env.observe`, say.
    pub label: String,
    /// The origin of the expected value: `the fault-free world`, say.
    pub expected_from: String,
    /// The expected value, pretty-printed over several lines.
    pub expected: String,
    /// The origin of the actual value.
    pub actual_from: String,
    /// The actual value.
    pub actual: String,
}
