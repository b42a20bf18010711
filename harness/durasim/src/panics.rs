//! Panics on simulated threads: kept for the report instead of printed.

use std::{
    cell::{Cell, RefCell},
    panic::{self, AssertUnwindSafe, catch_unwind},
    sync::Once,
};

use durasim_engine::panic_message;

use crate::report::{
    Failure, SourceLine,
    source_lines::{is_dependencys, source_line, user_line},
};

/// A panic as the panic hook saw it.
#[derive(Clone, Debug)]
pub(crate) struct SeenPanic {
    pub(crate) location: String,
    pub(crate) backtrace: Option<String>,
}

/// The panics whose backtraces are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Backtraces {
    None,
    /// Those in libraries: the backtrace names the line that called the library.
    OfLibraries,
    All,
}

thread_local! {
    static QUIET: Cell<bool> = const { Cell::new(false) };
    static BACKTRACES: Cell<Backtraces> = const { Cell::new(Backtraces::None) };
    static LAST: RefCell<Option<SeenPanic>> = const { RefCell::new(None) };
}

static HOOK: Once = Once::new();

/// Keeps the panics of this thread from being printed, until the guard is dropped.
pub(crate) fn quiet(backtraces: Backtraces) -> Quiet {
    HOOK.call_once(|| {
        let previous = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if !QUIET.get() {
                return previous(info);
            }
            let location = info
                .location()
                .map_or_else(String::new, |l| format!("{}:{}", l.file(), l.line()));
            let is_kept = match BACKTRACES.get() {
                Backtraces::None => false,
                Backtraces::OfLibraries => is_dependencys(&location),
                Backtraces::All => true,
            };
            let backtrace = is_kept.then(|| std::backtrace::Backtrace::force_capture().to_string());
            LAST.with(|last| {
                *last.borrow_mut() = Some(SeenPanic {
                    location,
                    backtrace,
                });
            });
        }));
    });
    QUIET.set(true);
    BACKTRACES.set(backtraces);
    Quiet
}

/// Takes the last panic of this thread.
pub(crate) fn last() -> Option<SeenPanic> {
    LAST.with(|last| last.borrow_mut().take())
}

/// Lets panics be printed again when dropped.
pub(crate) struct Quiet;

impl Drop for Quiet {
    fn drop(&mut self) {
        QUIET.set(false);
    }
}

/// The name of the task that is the test's own body.
pub(crate) const TEST: &str = "test";

/// Returns the failure of a test in which this task panicked with this message.
pub(crate) fn failure(task: &str, message: &str) -> Failure {
    let message = if task == TEST {
        message.to_owned()
    } else {
        format!("{task}: {message}")
    };
    Failure::panicked(message, last_line())
}

/// Returns the line of the last panic of this thread.
pub(crate) fn last_line() -> Option<SourceLine> {
    let seen = last()?;
    // An assertion of a library panics in the library. The user's own line helps more; a backtrace
    // has it.
    let own = seen
        .backtrace
        .as_deref()
        .filter(|_| is_dependencys(&seen.location))
        .and_then(user_line);
    own.or_else(|| source_line(&seen.location))
}

/// A panic of a closure of the test.
pub(crate) struct Panicked {
    pub(crate) message: String,
    pub(crate) location: Option<SourceLine>,
}

/// Calls a closure of the test. Returns its panic as an error.
pub(crate) fn caught<T>(call: impl FnOnce() -> T) -> Result<T, Panicked> {
    catch_unwind(AssertUnwindSafe(call)).map_err(|panic| Panicked {
        message: panic_message(panic.as_ref()),
        location: last_line(),
    })
}

/// Calls a closure of the test. A panic in it fails the test, as a panic of the test itself does;
/// `what` names the closure.
pub(crate) fn guarded<T>(
    what: impl FnOnce() -> String,
    call: impl FnOnce() -> T,
) -> Result<T, Box<Failure>> {
    caught(call).map_err(|Panicked { message, location }| {
        let message = format!("{}: {message}", what());
        Box::new(Failure::panicked(message, location))
    })
}
