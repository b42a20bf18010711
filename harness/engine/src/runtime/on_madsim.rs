//! The runtime with `--cfg madsim`: madsim's scheduler, network and clocks, under the same seed.

use std::{cell::RefCell, future::Future, time::Duration};

use madsim::{Config, runtime::Runtime, time::TimeHandle};

use crate::ambient::Ambient;

thread_local! {
    static CURRENT: RefCell<Option<Timekeeper>> = const { RefCell::new(None) };
}

/// Returns the number of tasks that have been spawned and have not ended, which madsim does not
/// tell: 0.
pub fn spawned_tasks() -> usize {
    0
}

/// The clock of the runtime on this thread.
#[derive(Clone)]
pub(crate) struct Timekeeper {
    time: TimeHandle,
    start: Duration,
}

impl std::fmt::Debug for Timekeeper {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Timekeeper")
            .field("elapsed", &self.elapsed())
            .finish_non_exhaustive()
    }
}

impl Timekeeper {
    #[track_caller]
    pub(crate) fn current() -> Self {
        let current = CURRENT.with_borrow(Clone::clone);
        current.expect(
            "a clock needs a world: this thread was not started by `durasim_engine::simulate`",
        )
    }

    pub(crate) fn elapsed(&self) -> Duration {
        self.time.elapsed().saturating_sub(self.start)
    }

    pub(crate) async fn sleep_until(&self, elapsed: Duration) {
        let missing = elapsed.saturating_sub(self.elapsed());
        self.time.sleep(missing).await;
    }

    /// Returns `false`: madsim runs blocking work as a task on the simulated thread, so there is
    /// nothing to wait for.
    #[expect(clippy::unused_self, reason = "on Tokio it is needed")]
    pub(crate) fn settle_blocking(&self) -> bool {
        false
    }
}

/// Runs a future to its end on this thread.
///
/// madsim simulates entropy and clocks itself, from the same seed. The calendar offset does not
/// apply.
pub(crate) fn run<T, F, Fut>(ambient: Ambient, root: F) -> T
where
    F: FnOnce() -> Fut,
    Fut: Future<Output = T>,
{
    let runtime = Runtime::with_seed_and_config(ambient.seed, Config::default());
    runtime.block_on(async {
        let time = TimeHandle::current();
        let start = time.elapsed();
        CURRENT.set(Some(Timekeeper { time, start }));
        let result = root().await;
        CURRENT.set(None);
        result
    })
}
