//! Which attempt the code that runs now belongs to.

use std::{cell::RefCell, sync::Arc};

use temporalio_sdk::activities::ActivityInfo;

use super::context::AttemptContext;

thread_local! {
    static CURRENT: RefCell<Option<Arc<AttemptContext>>> = const { RefCell::new(None) };
}

/// The attempt whose code is being polled, as a stand-in for the outside world may want to know who
/// calls it.
pub struct CurrentAttempt {
    context: Arc<AttemptContext>,
}

impl CurrentAttempt {
    /// The attempt's info.
    pub fn info(&self) -> &ActivityInfo {
        self.context.info()
    }

    /// The place of the attempt in its [`CallLog`](super::CallLog). Unlike the attempt number, it
    /// tells two runs of a local activity's first attempt apart.
    pub fn call(&self) -> usize {
        self.context.call
    }

    /// Virtual time, in milliseconds since the Unix epoch.
    pub fn now_ms(&self) -> u64 {
        (self.context.clock)()
    }
}

/// The attempt that calls this; `None` outside of activities, and on threads that an activity
/// started, which is where activities that are not `async` run.
pub fn current() -> Option<CurrentAttempt> {
    CURRENT
        .with_borrow(Clone::clone)
        .map(|context| CurrentAttempt { context })
}

/// Makes an attempt the current one until it is dropped.
pub(super) struct Entered {
    outer: Option<Arc<AttemptContext>>,
}

pub(super) fn enter(context: &Arc<AttemptContext>) -> Entered {
    Entered {
        outer: CURRENT.replace(Some(context.clone())),
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        CURRENT.set(self.outer.take());
    }
}
