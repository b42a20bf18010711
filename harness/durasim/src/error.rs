//! The result of a test: `Ok`, or an error that remembers the line of the test that it came from.

use std::{error::Error, fmt, marker::PhantomData, panic::Location};

use temporalio_client::errors::{
    WorkflowGetResultError, WorkflowUpdateError, WorkflowUpdateWithStartError,
};
use temporalio_common::error::IncomingError;
use temporalio_protos::temporal::api::failure::v1::Failure;

use crate::words::with_causes;

/// The usual result of a `#[workflow_test]` function: with it, `?` works on every error.
///
/// ```
/// use durasim::prelude::*;
///
/// fn amount(text: &str) -> TestResult<u32> {
///     Ok(text.parse()?)
/// }
/// assert_eq!(amount("7").unwrap(), 7);
/// ```
pub type TestResult<T = ()> = Result<T, TestError>;

/// The reason why a test failed, and the line of the test that returned it.
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
/// assert_eq!(error.location().unwrap().file(), file!());
/// ```
///
/// It is an error itself, so a function of another error type may call one that returns it:
///
/// ```
/// use durasim::prelude::*;
///
/// fn helper() -> TestResult {
///     Err(TestError::new("out of paper"))
/// }
/// fn test() -> Result<(), Box<dyn std::error::Error>> {
///     Ok(helper()?)
/// }
/// assert_eq!(test().unwrap_err().to_string(), "out of paper");
/// ```
pub struct TestError {
    source: Box<dyn Error + Send + Sync>,
    location: Option<&'static Location<'static>>,
}

impl TestError {
    /// An error with this text.
    #[track_caller]
    pub fn new(message: impl Into<String>) -> Self {
        Self::of(message.into().into(), Some(Location::caller()))
    }

    fn of(
        source: Box<dyn Error + Send + Sync>,
        location: Option<&'static Location<'static>>,
    ) -> Self {
        Self { source, location }
    }

    /// Returns the line at which the test met the error; `None` if the error became a `TestError`
    /// only after the test had returned it.
    pub fn location(&self) -> Option<&'static Location<'static>> {
        self.location
    }

    /// Returns the first error of this type among the error and its causes.
    pub(crate) fn find<E: Error + 'static>(&self) -> Option<&E> {
        let mut next: Option<&(dyn Error + 'static)> = Some(&*self.source);
        while let Some(error) = next {
            if let Some(found) = error.downcast_ref() {
                return Some(found);
            }
            next = error.source();
        }
        None
    }

    /// An error of a test that returns `Box<dyn Error>`, which may not be sent to another thread:
    /// its words are kept, and the line of a `TestError` in the box.
    pub(crate) fn of_boxed(error: &(dyn Error + 'static)) -> Self {
        let own = error.downcast_ref::<Self>();
        Self::of(words(error).into(), own.and_then(Self::location))
    }
}

/// The text of the error is that of all its causes, so it names none of its own.
impl Error for TestError {}

/// A trait of nothing.
trait Never {}

struct Nothing<'a>(PhantomData<&'a ()>);

// `TestError` is the one error that is not `Unpin`. The lifetime keeps the compiler from refusing a
// condition that never holds.
impl<'a> Unpin for TestError where Nothing<'a>: Never {}

// Every type converts into itself. A conversion from every error would convert `TestError` in two
// ways, if this one were not told apart by `Unpin`.
impl<E: Into<Box<dyn Error + Send + Sync>> + Unpin> From<E> for TestError {
    #[track_caller]
    fn from(error: E) -> Self {
        match error.into().downcast::<Self>() {
            // The line at which the test met the error first is the better one.
            Ok(own) => *own,
            Err(source) => Self::of(source, Some(Location::caller())),
        }
    }
}

/// An error with its causes. Many errors already end with their cause: it is not said twice.
///
/// The SDK prints a failure of the service with all its fields; here it is the chain of messages.
fn words(error: &(dyn Error + 'static)) -> String {
    let mut words = String::new();
    let mut next = Some(error);
    while let Some(error) = next {
        let (text, cause) = text_of(error);
        if words.is_empty() {
            words = text;
        } else if !words.ends_with(&text) {
            words.push_str(": ");
            words.push_str(&text);
        }
        next = cause;
    }
    words
}

/// Returns the text of an error, and the cause that the text leaves out.
fn text_of<'a>(error: &'a (dyn Error + 'static)) -> (String, Option<&'a (dyn Error + 'static)>) {
    // `thiserror` hands out the box of a boxed source.
    let boxed = error.downcast_ref::<Box<IncomingError>>().map(|it| &**it);
    let incoming = error.downcast_ref::<IncomingError>().or(boxed);
    if let Some(failure) = incoming.and_then(failure_of) {
        return (with_causes(failure), None);
    }
    if let Some(WorkflowUpdateError::Failed(failure)) = error.downcast_ref() {
        return (format!("Update failed: {}", with_causes(failure)), None);
    }
    let text = match (error.downcast_ref(), error.downcast_ref()) {
        (Some(WorkflowGetResultError::Failed(_)), _) => "Workflow failed".to_owned(),
        (_, Some(WorkflowUpdateWithStartError::Update(_))) => "Workflow update failed".to_owned(),
        _ => error.to_string(),
    };
    (text, error.source())
}

/// Returns the failure of the service behind an error, if there is one.
fn failure_of(error: &IncomingError) -> Option<&Failure> {
    match error {
        // An error that a person made has none.
        IncomingError::Application(error) => error.failure(),
        error => Some(error.failure()),
    }
}

impl fmt::Display for TestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&words(&*self.source))
    }
}

impl fmt::Debug for TestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.location {
            Some(location) => write!(f, "{self} (at {location})"),
            None => write!(f, "{self}"),
        }
    }
}

/// A value that a `#[workflow_test]` function may return: nothing, or a `Result` with any error.
///
/// With [`TestResult`] a failure names the line of its `?`. An error of another type
/// (`anyhow::Error`, `Box<dyn Error>`, one of the client's) tells its words, and the failure names
/// the test.
///
/// ```
/// use durasim::prelude::*;
///
/// #[workflow_test]
/// async fn nothing(env: TestWorkflowEnvironment) {}
///
/// #[workflow_test]
/// async fn a_line_is_known(env: TestWorkflowEnvironment) -> TestResult {
///     Ok("7".parse::<u32>().map(drop)?)
/// }
///
/// #[workflow_test]
/// async fn an_error_of_any_type(env: TestWorkflowEnvironment) -> Result<(), std::io::Error> {
///     Err(std::io::Error::other("out of paper"))
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "a workflow test cannot return `{Self}`",
    label = "the test's return type is not one that durasim understands",
    note = "return nothing, `TestResult`, or a `Result<(), E>` with an error that is `Send + Sync`"
)]
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
        self.map_err(|error| {
            let mut error = error.into();
            // A conversion that happens here says nothing of the test.
            error.location = error.location.filter(|location| location.file() != file!());
            error
        })
    }
}

/// A test that returns the commonest boxed error of all, which no conversion into `TestError` can
/// accept: the attribute sees that type in the signature and wraps the outcome.
#[doc(hidden)]
#[derive(Debug)]
pub struct Boxed(pub Result<(), Box<dyn Error>>);

impl TestOutcome for Boxed {
    fn into_test_result(self) -> TestResult {
        self.0.map_err(|error| TestError::of_boxed(&*error))
    }
}

#[cfg(test)]
mod tests {
    use pretty_assertions::assert_eq;

    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("the workflow failed: {0}")]
    struct Outer(#[source] Middle);

    #[derive(Debug, thiserror::Error)]
    #[error("the activity failed")]
    struct Middle(#[source] Inner);

    #[derive(Debug, thiserror::Error)]
    #[error("the card was declined")]
    struct Inner;

    fn layered() -> Outer {
        Outer(Middle(Inner))
    }

    #[test]
    fn causes_appear_once_each() {
        let words = "the workflow failed: the activity failed: the card was declined";
        assert_eq!(TestError::from(layered()).to_string(), words);
        assert_eq!(
            Boxed(Err(layered().into()))
                .into_test_result()
                .unwrap_err()
                .to_string(),
            words
        );
    }

    #[test]
    fn a_test_error_is_an_error_that_keeps_its_line_in_a_box() {
        fn helper() -> TestResult {
            Err(layered())?;
            Ok(())
        }
        fn boxed() -> Result<(), Box<dyn Error + Send + Sync>> {
            Ok(helper()?)
        }
        fn test() -> TestResult {
            Ok(boxed()?)
        }
        let direct = helper().unwrap_err();
        let through_a_box = test().unwrap_err();
        assert_eq!(through_a_box.to_string(), direct.to_string());
        assert_eq!(through_a_box.location(), direct.location());
        let outcome = Boxed(helper().map_err(Into::into)).into_test_result();
        assert_eq!(outcome.unwrap_err().location(), direct.location());
    }

    #[test]
    fn an_error_that_becomes_a_test_error_after_the_test_names_no_line() {
        assert_eq!(
            Err(layered()).into_test_result().unwrap_err().location(),
            None
        );
        assert_eq!(
            Boxed(Err("no".into()))
                .into_test_result()
                .unwrap_err()
                .location(),
            None
        );
    }
}
