//! `invariant`: what the test says must hold after every step.

use super::guarded;
use crate::{report::FailureReport, sabotage::broken, world::World};
use durasim_engine::START_MS;

impl World {
    /// Evaluates every invariant; the first that does not hold ends the run.
    pub(crate) fn check_invariants(&self) {
        if broken!(check Invariant) {
            return;
        }
        let invariants = self.checks.borrow().invariants();
        for invariant in invariants.iter() {
            let what = || format!("invariant {:?}", invariant.name);
            let held = match guarded(what, || (invariant.holds)()) {
                Ok(held) => held,
                Err(panicked) => return self.state().fail(*panicked),
            };
            if let Err(reason) = held {
                let now_ms = self.clock.now_ms() - START_MS;
                let location = Some(invariant.location.into());
                let report = FailureReport::invariant_broken(
                    &invariant.name,
                    Some(reason),
                    now_ms,
                    location,
                );
                return self.state().fail(report);
            }
        }
    }
}
