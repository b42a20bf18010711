//! Panics on simulated threads: kept for the report instead of printed.

use std::{
    cell::{Cell, RefCell},
    panic,
    sync::Once,
};

/// What the panic hook saw.
#[derive(Clone, Debug)]
pub(crate) struct SeenPanic {
    pub(crate) location: String,
    pub(crate) backtrace: Option<String>,
}

thread_local! {
    static QUIET: Cell<bool> = const { Cell::new(false) };
    static BACKTRACES: Cell<bool> = const { Cell::new(false) };
    static LAST: RefCell<Option<SeenPanic>> = const { RefCell::new(None) };
}

static HOOK: Once = Once::new();

/// Keeps the panics of this thread from being printed, until the guard is dropped.
pub(crate) fn quiet(backtraces: bool) -> Quiet {
    HOOK.call_once(|| {
        let previous = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if !QUIET.get() {
                return previous(info);
            }
            let location = info
                .location()
                .map_or_else(String::new, |l| format!("{}:{}", l.file(), l.line()));
            let backtrace = BACKTRACES
                .get()
                .then(|| std::backtrace::Backtrace::force_capture().to_string());
            LAST.with(|last| {
                *last.borrow_mut() = Some(SeenPanic {
                    location,
                    backtrace,
                })
            });
        }));
    });
    QUIET.set(true);
    BACKTRACES.set(backtraces);
    Quiet
}

/// What the last panic of this thread said of itself, taken.
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
