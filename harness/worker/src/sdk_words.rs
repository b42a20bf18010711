//! The words of the SDK and of Core that messages must copy, and those that have to be recognised.
//!
//! Text is matched here and nowhere else in this crate: only text that the SDK hands over without a
//! type.

/// The code with which Core marks every error that it takes for nondeterminism.
const NONDETERMINISM: &str = "[TMPRL1100]";

/// Returns Core's message for commands that do not match history.
pub(crate) fn nondeterminism(words: &str) -> String {
    format!("{NONDETERMINISM} Nondeterminism error: {words}")
}

/// Returns the SDK's message for workflow code that awaits something besides the SDK.
pub(crate) fn nondeterministic_future(words: &str) -> String {
    format!("{NONDETERMINISM} Nondeterministic future detected: {words}")
}

/// Returns `true` if a failure's message is one of the two above.
pub(crate) fn is_nondeterminism(message: &str) -> bool {
    message.starts_with(NONDETERMINISM)
}

/// Returns `true` if workflow code failed with this message because a payload is not of the type
/// that the code takes. (`temporalio-common`: `PayloadConversionError`)
pub(crate) fn is_payload_conversion(message: &str) -> bool {
    let of_workflow = message.strip_prefix("Workflow payload conversion failed: ");
    of_workflow.unwrap_or(message).starts_with("Encoding error")
}

/// Returns the SDK's message for the failure of an activity that panicked.
pub(crate) fn activity_panicked(message: &str) -> String {
    format!("Activity function panicked: {message}")
}

/// The SDK's message for a panic whose payload is not text.
pub(crate) const PANIC_WITHOUT_TEXT: &str = "Couldn't turn panic into a string";

#[cfg(test)]
mod tests {
    use temporalio_common::{
        data_converters::PayloadConversionError, error::OutgoingWorkflowError,
    };

    use super::*;

    #[test]
    fn the_sdks_conversion_errors_are_recognised() {
        let error = PayloadConversionError::EncodingError("expected a string".into());
        assert!(is_payload_conversion(&error.to_string()));
        let error = OutgoingWorkflowError::PayloadConversion(error);
        assert!(is_payload_conversion(&error.to_string()));
        assert!(!is_payload_conversion("Workflow function panicked: no"));
    }

    #[test]
    fn both_messages_of_nondeterminism_are_recognised() {
        assert!(is_nondeterminism(&nondeterminism("no command")));
        assert!(is_nondeterminism(&nondeterministic_future("a waker")));
        assert!(!is_nondeterminism("Fatal error in workflow machines"));
    }
}
