//! Panics of workflow code: caught without being printed, and remembered with their place.

use std::{
    any::Any,
    backtrace::Backtrace,
    cell::RefCell,
    panic::{self, AssertUnwindSafe, PanicHookInfo},
    sync::Once,
};

use crate::{WorkflowPanic, sdk_words::PANIC_WITHOUT_TEXT};

#[derive(Debug)]
struct Capture {
    backtraces: bool,
    caught: Option<WorkflowPanic>,
}

thread_local! {
    /// The panic to catch; set while workflow code runs on this thread.
    static CAPTURE: RefCell<Option<Capture>> = const { RefCell::new(None) };
}

static HOOK: Once = Once::new();

/// Runs workflow code, and returns its panic if it panics. Nothing is printed.
pub(super) fn catch<T>(
    backtraces: bool,
    code: impl FnOnce() -> T,
) -> Result<T, Box<WorkflowPanic>> {
    HOOK.call_once(|| {
        let previous = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if !capture(info) {
                previous(info);
            }
        }));
    });
    let outer = CAPTURE.replace(Some(Capture {
        backtraces,
        caught: None,
    }));
    let result = panic::catch_unwind(AssertUnwindSafe(code));
    let capture = CAPTURE.replace(outer);
    result.map_err(|payload| {
        let mut caught = capture
            .and_then(|capture| capture.caught)
            .unwrap_or(WorkflowPanic {
                message: String::new(),
                location: None,
                backtrace: None,
            });
        caught.message = message(payload.as_ref());
        Box::new(caught)
    })
}

/// Notes a panic of workflow code, and returns `true`; returns `false` for any other panic, which
/// the previous hook prints.
fn capture(info: &PanicHookInfo<'_>) -> bool {
    CAPTURE
        .try_with(|capture| {
            let Ok(mut capture) = capture.try_borrow_mut() else {
                return false;
            };
            let Some(capture) = capture.as_mut() else {
                return false;
            };
            // The first panic is the cause. Another one while unwinding aborts the process, so it
            // should be printed.
            if capture.caught.is_some() {
                return false;
            }
            capture.caught = Some(WorkflowPanic {
                message: message(info.payload()),
                location: info.location().map(ToString::to_string),
                backtrace: capture
                    .backtraces
                    .then(|| Backtrace::force_capture().to_string()),
            });
            true
        })
        .unwrap_or(false)
}

/// Returns the message of a panic, as the SDK does.
fn message(payload: &dyn Any) -> String {
    payload
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| payload.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| PANIC_WITHOUT_TEXT.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_caught_with_its_message_and_its_place() {
        let caught = catch(false, || panic!("no {}", "way")).unwrap_err();
        assert_eq!(caught.message, "no way");
        assert!(caught.location.unwrap().contains("panics.rs"));
        assert_eq!(caught.backtrace, None);
    }

    #[test]
    fn a_backtrace_is_kept_if_backtraces_are_on() {
        let caught = catch(true, || panic!("here")).unwrap_err();
        assert!(
            caught
                .backtrace
                .unwrap()
                .contains("a_backtrace_is_kept_if_backtraces_are_on")
        );
    }

    #[test]
    fn a_payload_that_is_not_text_has_the_sdks_message() {
        let caught = catch(false, || panic::panic_any(7)).unwrap_err();
        assert_eq!(caught.message, "Couldn't turn panic into a string");
    }
}
