//! Real input and output of activities that may do it.

use std::{
    cell::Cell,
    collections::BTreeSet,
    future::{Future, poll_fn},
    pin::Pin,
    rc::Rc,
    task::{Context, Poll},
    time::Duration,
};

use futures::future::BoxFuture;

use super::{World, diagnosis};

/// The real time for which virtual time stands still while nothing comes of real input and output.
const STANDS_STILL: Duration = Duration::from_secs(1);

/// The real input and output of a world.
#[derive(Debug, Default)]
pub(crate) struct RealIos {
    /// The activities that were allowed real input and output, and ran.
    did: BTreeSet<String>,
    /// The number of attempts that run.
    running: Rc<Cell<usize>>,
    /// The real time since any of them was polled.
    silent: Rc<Cell<Duration>>,
}

/// The permission of an attempt that runs to do real input and output.
pub(super) struct RealIo {
    running: Rc<Cell<usize>>,
    silent: Rc<Cell<Duration>>,
}

impl RealIos {
    /// Allows an attempt of an activity real input and output.
    pub(super) fn begins(&mut self, activity_type: String) -> RealIo {
        self.did.insert(activity_type);
        self.running.set(self.running.get() + 1);
        RealIo {
            running: self.running.clone(),
            silent: self.silent.clone(),
        }
    }

    /// Returns the activities that were allowed real input and output, and ran.
    pub(crate) fn activities(&self) -> Vec<String> {
        self.did.iter().cloned().collect()
    }
}

impl RealIo {
    /// Polls the code of the attempt.
    pub(super) fn poll<F: Future + ?Sized>(
        &self,
        code: Pin<&mut F>,
        context: &mut Context<'_>,
    ) -> Poll<F::Output> {
        self.silent.set(Duration::ZERO);
        #[cfg(not(madsim))]
        {
            durasim_engine::real_time::poll(code, context)
        }
        #[cfg(madsim)]
        {
            code.poll(context)
        }
    }

    /// Runs the code of the attempt to its end.
    pub(super) async fn run<T>(self, mut code: BoxFuture<'static, T>) -> T {
        poll_fn(|context| self.poll(code.as_mut(), context)).await
    }
}

impl Drop for RealIo {
    fn drop(&mut self) {
        self.running.set(self.running.get() - 1);
    }
}

impl World {
    /// Waits in real time for real input and output. Returns `None` if there is none under way.
    pub(super) fn await_real_io(&self) -> Option<Waited> {
        let (running, silent) = {
            let state = self.state();
            let RealIos {
                running, silent, ..
            } = &state.real_io;
            (running.get(), silent.clone())
        };
        if running == 0 {
            return None;
        }
        let patience = self.state().options.limits.patience();
        let wait = patience.map_or(STANDS_STILL, |patience| patience.min(STANDS_STILL));
        #[cfg(not(madsim))]
        let is_ready = durasim_engine::real_time::wait_until_ready(&self.executor, wait);
        #[cfg(madsim)]
        let is_ready = self.executor.ready() > 0;
        if is_ready {
            return Some(Waited::SomethingCame);
        }
        silent.set(silent.get() + wait);
        if patience.is_some_and(|patience| silent.get() >= patience) {
            let mut state = self.state();
            let report = diagnosis::silent_io(&state.real_io.activities(), silent.get());
            state.fail(report);
        }
        Some(Waited::Nothing(wait))
    }
}

/// The end of a wait for real input and output.
pub(super) enum Waited {
    /// A task is ready.
    SomethingCame,
    /// Nothing has come for this long in real time.
    Nothing(Duration),
}
