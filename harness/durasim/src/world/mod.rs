//! One simulated world: a service, its workers and clients, a network between them, and one clock.
//!
//! A world lives on one thread and is a pure function of its choices. The test's own handles
//! ([`TestWorkflowEnvironment`](crate::TestWorkflowEnvironment), the official client's connection,
//! activity contexts) do not own it: they find it through the thread they run on.

mod alarms;
mod calls;
mod client_call;
mod connection;
mod deliveries;
pub(crate) mod diagnosis;
mod imports;
mod mock_workflows;
mod monotonous;
mod monotony;
mod network;
#[cfg(feature = "nexus")]
mod nexus;
mod outage;
mod partitions;
mod pending;
mod real_io;
mod recorded;
pub(crate) mod replay_cases;
mod second_calls;
mod simulation;
mod state;
mod story;
mod telling;
mod tolerance;
pub(crate) mod trace;
mod user_checks;
mod watching;
mod worker;

use std::{
    cell::{RefCell, RefMut},
    rc::Rc,
};

use durasim_engine::{Clock, Executor};
use futures::channel::oneshot;

pub(crate) use connection::connection;
#[cfg(feature = "nexus")]
pub(crate) use nexus::CurrentWorld;
pub(crate) use simulation::simulate;
pub(crate) use state::{State, StateParts};
pub(crate) use user_checks::UserChecks;
pub use worker::WorkflowTaskFailures;
pub(crate) use worker::{Slots, WorkerSpec, WorkerVersion};

thread_local! {
    static CURRENT: RefCell<Option<Rc<World>>> = const { RefCell::new(None) };
}

/// A world, and the executor that polls its tasks.
pub(crate) struct World {
    pub(crate) executor: Rc<Executor>,
    pub(crate) clock: Rc<Clock>,
    state: RefCell<State>,
    /// The sleepers that resume when nothing else can happen at this instant.
    resting: RefCell<Vec<oneshot::Sender<()>>>,
    /// The checks that the test asks for. They are apart from the state, since their closures may
    /// use the environment.
    pub(crate) checks: RefCell<UserChecks>,
}

impl World {
    pub(crate) fn new(
        executor: Rc<Executor>,
        clock: Rc<Clock>,
        state: State,
        checks: UserChecks,
    ) -> Self {
        let resting = RefCell::default();
        Self {
            executor,
            clock,
            state: RefCell::new(state),
            resting,
            checks: RefCell::new(checks),
        }
    }

    /// Returns a future that resolves after everything else that is due at this instant: a timer
    /// that fires, an attempt that is retried, and their consequences. Returns `None` if the
    /// sleeper resumes before them, which is a choice of order.
    pub(crate) fn rest(&self) -> Option<oneshot::Receiver<()>> {
        if self.state().chooses_to_go_first() {
            return None;
        }
        let (sender, receiver) = oneshot::channel();
        self.resting.borrow_mut().push(sender);
        Some(receiver)
    }

    /// Wakes the sleepers, and returns their number.
    fn wake_resting(&self) -> u64 {
        let resting = self.resting.take();
        let woken = resting.len() as u64;
        for sleeper in resting {
            // It may be gone: its future was dropped.
            let _ = sleeper.send(());
        }
        woken
    }

    /// Borrows the state.
    ///
    /// # Panics
    ///
    /// If workflow code uses the environment: it runs while the state is borrowed, and must not
    /// reach outside.
    #[track_caller]
    pub(crate) fn state(&self) -> RefMut<'_, State> {
        // No closure: the panic is the caller's.
        let Ok(state) = self.state.try_borrow_mut() else {
            panic!(
                "the test environment was used from workflow code, which must not reach outside \
                 its history; use the environment in the test, in activities or in mocks"
            )
        };
        state
    }

    /// Returns the world of this thread, if there is one.
    pub(crate) fn try_current() -> Option<Rc<World>> {
        CURRENT.with(|current| current.borrow().clone())
    }

    /// Returns the world of this thread.
    ///
    /// # Panics
    ///
    /// If there is none: the environment was taken to another thread, or used after its test ended.
    #[track_caller]
    pub(crate) fn current() -> Rc<World> {
        let Some(world) = Self::try_current() else {
            panic!(
                "no simulated world on this thread: use the environment, its client and its \
                 activities on the thread of their `#[workflow_test]`, until the test returns"
            )
        };
        world
    }

    /// Makes this the world of its thread until the guard is dropped.
    pub(crate) fn enter(self: Rc<Self>) -> Entered {
        let previous = CURRENT.with(|current| current.replace(Some(self)));
        assert!(
            previous.is_none(),
            "a simulated world cannot run inside another"
        );
        Entered
    }
}

/// Takes the world off its thread when dropped.
pub(crate) struct Entered;

impl Drop for Entered {
    fn drop(&mut self) {
        CURRENT.with(|current| current.replace(None));
    }
}
