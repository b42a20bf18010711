//! What a test returns: `Ok`, or an error that remembers the line of the test it came from.

use std::{error::Error, fmt, panic::Location};

/// What a `#[workflow_test]` function usually returns: with it, `?` works on every error.
pub type TestResult<T = ()> = Result<T, TestError>;

/// Why a test failed, and the line of the test that said so.
///
/// Every error converts into it, and `?` is what converts: the line is the line of the `?`.
///
/// ```
/// use durasim::prelude::*;
///
/// fn parse(text: &str) -> Result<u32, TestError> {
///     Ok(text.parse::<u32>()?)
/// }
/// let error = parse("seven").unwrap_err();
/// assert!(error.to_string().contains("invalid digit"));
/// assert_eq!(error.location().file(), file!());
/// ```
pub struct TestError {
    source: Box<dyn Error + Send + Sync>,
    location: &'static Location<'static>,
}

impl TestError {
    /// An error with this text.
    #[track_caller]
    pub fn new(message: impl Into<String>) -> Self {
        Self { source: message.into().into(), location: Location::caller() }
    }

    /// Where the test met the error.
    pub fn location(&self) -> &'static Location<'static> {
        self.location
    }
}

// `TestError` is not an `Error` itself: that is what lets it be made from every one that is.
impl<E: Into<Box<dyn Error + Send + Sync>>> From<E> for TestError {
    #[track_caller]
    fn from(error: E) -> Self {
        Self { source: error.into(), location: Location::caller() }
    }
}

impl fmt::Display for TestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.source)?;
        let mut cause = self.source.source();
        while let Some(error) = cause {
            let text = error.to_string();
            // Many errors already end with their cause: it is not said twice.
            if !self.source.to_string().ends_with(&text) {
                write!(f, ": {text}")?;
            }
            cause = error.source();
        }
        Ok(())
    }
}

impl fmt::Debug for TestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self} (at {})", self.location)
    }
}

/// What a `#[workflow_test]` function may return: nothing, or a `Result` with any error.
pub trait TestOutcome {
    /// The outcome as durasim records it.
    ///
    /// # Errors
    ///
    /// The error that the test returned.
    fn into_test_result(self) -> TestResult;
}

impl TestOutcome for () {
    fn into_test_result(self) -> TestResult {
        Ok(())
    }
}

impl<E: Into<TestError>> TestOutcome for Result<(), E> {
    fn into_test_result(self) -> TestResult {
        self.map_err(Into::into)
    }
}
