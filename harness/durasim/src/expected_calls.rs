//! Expectations on mocks: the number of times that each is to be called.

use std::{
    fmt,
    ops::{Range, RangeFrom, RangeInclusive, RangeToInclusive},
    panic::Location,
};

/// A number of calls that a test expects: `2`, `1..` for at least one, `..=3`, `1..=3` or `0` for
/// none.
///
/// ```
/// use durasim::CallCount;
///
/// assert_eq!(CallCount::from(2).to_string(), "2 calls");
/// assert_eq!(CallCount::from(1..).to_string(), "at least 1 call");
/// assert_eq!(CallCount::from(..=3).to_string(), "at most 3 calls");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CallCount {
    least: usize,
    most: Option<usize>,
}

impl CallCount {
    /// Returns `true` if this many calls are as many as expected.
    pub(crate) fn allows(self, calls: usize) -> bool {
        calls >= self.least && self.most.is_none_or(|most| calls <= most)
    }
}

impl From<usize> for CallCount {
    fn from(calls: usize) -> Self {
        Self::from(calls..=calls)
    }
}

impl From<RangeFrom<usize>> for CallCount {
    fn from(calls: RangeFrom<usize>) -> Self {
        Self {
            least: calls.start,
            most: None,
        }
    }
}

impl From<RangeInclusive<usize>> for CallCount {
    fn from(calls: RangeInclusive<usize>) -> Self {
        Self {
            least: *calls.start(),
            most: Some(*calls.end()),
        }
    }
}

impl From<RangeToInclusive<usize>> for CallCount {
    fn from(calls: RangeToInclusive<usize>) -> Self {
        Self::from(0..=calls.end)
    }
}

impl From<Range<usize>> for CallCount {
    fn from(calls: Range<usize>) -> Self {
        Self::from(calls.start..=calls.end.saturating_sub(1))
    }
}

/// In words: `at least 1 call`.
impl fmt::Display for CallCount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { least, most } = *self;
        match most {
            Some(0) => f.write_str("no call"),
            Some(1) if least == 1 => f.write_str("1 call"),
            Some(most) if least == most => write!(f, "{least} calls"),
            Some(1) if least == 0 => f.write_str("at most 1 call"),
            Some(most) if least == 0 => write!(f, "at most {most} calls"),
            Some(most) => write!(f, "{least} to {most} calls"),
            None if least == 1 => f.write_str("at least 1 call"),
            None => write!(f, "at least {least} calls"),
        }
    }
}

/// The type that a mock stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Mocked {
    Activity(String),
    Workflow(String),
}

/// The name of the type.
impl fmt::Display for Mocked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Activity(name) | Self::Workflow(name) => f.write_str(name),
        }
    }
}

/// The number of calls that a test expects of one of its mocks, and the line that says so.
#[derive(Clone, Debug)]
pub(crate) struct ExpectedCalls {
    pub(crate) mocked: Mocked,
    pub(crate) count: CallCount,
    pub(crate) location: &'static Location<'static>,
}

/// The calls that a mock got, beside those that the test expects.
pub(crate) struct MockCalls {
    pub(crate) expected: ExpectedCalls,
    /// The calls, in the order in which they were first made, in words: for an activity, one for
    /// all of its attempts; for a workflow, one for each run.
    pub(crate) calls: Vec<String>,
}
